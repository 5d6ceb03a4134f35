"""Cohort retention, against the same triangle made in plain Python."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
import sqlglot

from rapport.engines.lake import Lake
from rapport.errors import InvalidQuestion
from rapport.understand.cohorts import cohort_query, cohort_retention
from tests.understand.test_metrics_match_polars import ZONE, known, sales
from tests.understand.touchpoint_rows import at, generated, membership, touchpoints

JANUARY, JULY = at("2026-01-01T00:00:00+01:00"), at("2026-07-01T00:00:00+02:00")


def test_a_triangle_of_three_customers(lake: Lake) -> None:
    rows = [
        {"occurred_at": at(day), "amount_base": 10, "atom_id": atom}
        for atom, day in (
            (1, "2026-01-31T22:30:00"),  # still January in Brussels
            (1, "2026-03-10"),
            (1, "2026-03-11"),
            (2, "2026-01-31T23:30:00"),  # February
            (3, "2025-12-01"),  # an older cohort: nowhere
            (3, "2026-02-01"),
            (4, "2026-01-05"),
        )
    ]
    lake.append("touchpoints", touchpoints(rows), app="ingest", until=len(rows))
    lake.overwrite("membership", membership({atom: f"p{atom}" for atom in (1, 2, 3, 4)}))

    found = cohort_retention(
        lake,
        start=JANUARY,
        end=at("2026-04-01T00:00:00+02:00"),
        time_zone=ZONE,
    )

    january, february, march = found.cohorts
    assert january.period == date(2026, 1, 1)
    assert (january.size, january.counts, january.shares) == (2, (2, 0, 1), (1.0, 0.0, 0.5))
    assert january.complete == (True, True, False)
    assert (february.size, february.counts) == (1, (1, 0))
    assert (march.size, march.counts, march.shares) == (0, (0,), (None,))


@pytest.mark.parametrize("as_of", [None, at("2025-09-15")], ids=["now", "then"])
def test_cohorts_of_generated_silos_equal_plain_python(lake: Lake, as_of: object) -> None:
    rows, members = generated(5, customers=600)
    lake.append("touchpoints", rows, app="ingest", until=rows.num_rows)
    lake.overwrite("membership", members)
    start, end = at("2025-02-01T00:00:00+01:00"), JULY

    found = cohort_retention(lake, start=start, end=end, time_zone=ZONE, as_of=as_of)

    sold = sales(known(rows, as_of), members)
    months: dict[str, set[int]] = {}
    first: dict[str, object] = {}
    for row in sold.iter_rows(named=True):
        if row["type"] != "Order Completed" or row["profile_id"] is None:
            continue
        if row["occurred_at"] >= end:
            continue
        local = row["occurred_at"].astimezone(ZoneInfo(ZONE))
        months.setdefault(row["profile_id"], set()).add(local.year * 12 + local.month)
        first[row["profile_id"]] = min(first.get(row["profile_id"], local), local)
    base = 2025 * 12 + 2
    wanted: dict[tuple[int, int], int] = {}
    for profile, active in months.items():
        if first[profile] < start:
            continue
        for month in active:
            key = (min(active) - base, month - min(active))
            wanted[key] = wanted.get(key, 0) + 1
    counted = {
        (number, later): value
        for number, cohort in enumerate(found.cohorts)
        for later, value in enumerate(cohort.counts)
        if value
    }
    assert counted == wanted
    assert len(wanted) > 20


def test_the_query_parses_as_spark_and_refuses_too_many_cohorts() -> None:
    query, _ = cohort_query(start=JANUARY, end=JULY, time_zone=ZONE, as_of=JULY)
    sqlglot.parse_one(query.sql("spark"), read="spark")
    with pytest.raises(InvalidQuestion, match="too many to read"):
        cohort_query(start=at("2020-01-01"), end=JULY, grain="day")

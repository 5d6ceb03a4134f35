"""One customer's timeline: newest first, page by page, over all of their records."""

from __future__ import annotations

import pytest
import sqlglot

from rapport.engines.lake import Lake
from rapport.errors import InvalidInput
from rapport.understand.timeline import newest_touchpoints, timeline_query
from tests.understand.touchpoint_rows import at, generated, touchpoints


def test_pages_of_a_timeline_follow_each_other_without_gap_or_repeat(lake: Lake) -> None:
    rows, _ = generated(4, count=600, customers=4)
    lake.append("touchpoints", rows, app="ingest", until=rows.num_rows)
    wanted = sorted(
        (
            (row["occurred_at"], row["position"])
            for row in rows.to_pylist()
            if row["atom_id"] in (1, 2)
        ),
        reverse=True,
    )

    found: list[tuple[object, int]] = []
    before = None
    while True:
        page = newest_touchpoints(lake, [2, 1], limit=17, before=before).to_pylist()
        if not page:
            break
        found += [(row["occurred_at"], row["position"]) for row in page]
        before = found[-1]

    assert len(wanted) > 100
    assert found == wanted


def test_a_corrected_touchpoint_is_shown_as_corrected(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "touchpoint_id": "x", "atom_id": 1},
        {"occurred_at": at("2026-03-06"), "corrects": "x", "atom_id": 65},
        {"occurred_at": at("2026-03-07"), "touchpoint_id": "x", "atom_id": 1, "source": "till"},
        {"occurred_at": at("2026-03-08"), "type": "Page Viewed", "atom_id": 1},
        {"occurred_at": at("2026-03-09"), "atom_id": 2},
    ]
    lake.append("touchpoints", touchpoints(rows), app="ingest", until=5)

    page = newest_touchpoints(lake, [1, 65], types=["Order Completed"])

    assert [(row["position"], row["corrected"]) for row in page.to_pylist()] == [
        (3, False),
        (2, False),
        (1, True),
    ]


def test_a_timeline_reads_as_spark_and_refuses_what_is_no_page() -> None:
    query = timeline_query([1, 2], before=(at("2026-01-01"), 7), types=["Order Completed"])

    assert sqlglot.parse_one(query.sql("spark"), read="spark")
    with pytest.raises(InvalidInput, match="1 to 1000 records"):
        timeline_query([])
    with pytest.raises(InvalidInput, match="1 touchpoint or more"):
        timeline_query([1], limit=0)

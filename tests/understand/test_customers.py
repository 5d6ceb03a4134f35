"""The customers' table and RFM."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pytest
import sqlglot

from rapport.engines.lake import Lake
from rapport.understand.customers import (
    CONSENTS,
    PROFILES,
    SCORES,
    build_customers,
    customers_query,
)
from rapport.understand.rfm import RFM_MAP, RFM_SEGMENTS
from rapport.vocabulary.lake_tables import CUSTOMERS
from tests.understand.test_metrics_match_polars import known, sales
from tests.understand.touchpoint_rows import at, generated, membership, touchpoints

NOW = at("2026-07-01")


def test_a_customers_row_tells_what_they_did(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-01-01"), "amount_base": 100, "atom_id": 1, "order_id": "A"},
        {"occurred_at": at("2026-06-21"), "amount_base": 51, "atom_id": 2},
        {"occurred_at": at("2026-06-22"), "amount_base": None, "atom_id": 2},
        {
            "occurred_at": at("2026-06-23"),
            "type": "Order Refunded",
            "amount_base": -1,
            "atom_id": 2,
        },
        {"occurred_at": at("2025-12-01"), "type": "Page Viewed", "atom_id": 1},
        {
            "occurred_at": at("2025-12-02"),
            "type": "Page Viewed",
            "atom_id": 1,
            "acquisition_channel": "search",
        },
        *(
            {
                "occurred_at": at(day),
                "type": "Survey Answered",
                "question": question,
                "score": score,
                "scale_min": low,
                "scale_max": high,
                "atom_id": 1,
                "sentiment": -0.5,
            }
            for day, question, score, low, high in (
                ("2026-02-01", "nps", 9.0, 0.0, 10.0),
                ("2026-03-01", "nps", 3.0, 0.0, 10.0),
                ("2026-03-02", "nps", 5.0, 1.0, 5.0),  # not an NPS scale
                ("2026-03-01", "csat", 10.0, 0.0, 10.0),
            )
        ),
        {"occurred_at": at("2026-06-01"), "type": "Ticket Opened", "atom_id": 2, "sentiment": 0.0},
        {"occurred_at": at("2026-01-20"), "type": "Ticket Opened", "atom_id": 2},
        {"occurred_at": NOW + timedelta(days=1), "amount_base": 9999, "atom_id": 1},  # not yet
    ]
    lake.append("touchpoints", touchpoints(rows), app="ingest", until=len(rows))
    lake.overwrite("membership", membership({1: "anna", 2: "anna", 9: "quiet"}))
    profiles = pa.Table.from_pylist(
        [{"profile_id": "anna", "country": "BE", "language": "nl", "city": "Gent"}], PROFILES
    )
    scores = pa.Table.from_pylist(
        [
            {"profile_id": "anna", "name": "probability_alive", "value": 0.75},
            {"profile_id": "anna", "name": "expected_value", "value": 120.0},
        ],
        SCORES,
    )
    consents = pa.Table.from_pylist(
        [{"profile_id": "anna", "purpose": "email_marketing", "granted": True}], CONSENTS
    )

    table = build_customers(lake, NOW, profiles=profiles, scores=scores, consents=consents)

    assert table.schema == CUSTOMERS
    anna, quiet = table.to_pylist()
    assert anna["profile_id"] == "anna"
    assert (anna["country"], anna["language"], anna["city"]) == ("BE", "nl", "Gent")
    assert anna["acquisition_channel"] == "search"
    assert (anna["first_seen"], anna["last_seen"]) == (at("2025-12-01"), at("2026-06-23"))
    assert (anna["first_order_at"], anna["last_order_at"]) == (at("2026-01-01"), at("2026-06-22"))
    assert anna["days_since_last_order"] == 9
    assert (anna["order_count"], anna["revenue"]) == (3, 150)
    assert anna["average_order_value"] == Decimal("75.5")  # of the two whose worth is known
    assert (anna["last_nps"], anna["last_csat"]) == (3.0, 5.0)
    assert anna["mood"] == pytest.approx(-0.4)
    assert anna["tickets_90_days"] == 1
    assert (anna["probability_alive"], anna["expected_orders"]) == (0.75, None)
    assert anna["email_marketing"] is True
    assert (anna["recency_score"], anna["rfm_segment"]) == (1, "lost")  # the only buyer
    assert (quiet["order_count"], quiet["revenue"], quiet["rfm_segment"]) == (0, 0, None)
    assert quiet["email_marketing"] is None
    assert quiet["tickets_90_days"] == 0
    lake.overwrite("customers", table)


def test_rfm_scores_and_totals_equal_polars(lake: Lake) -> None:
    rows, members = generated(11)
    lake.append("touchpoints", rows, app="ingest", until=rows.num_rows)
    lake.overwrite("membership", members)

    found = pl.from_arrow(build_customers(lake, NOW))

    every = sales(known(rows, None), members).filter(
        (pl.col("occurred_at") < NOW) & pl.col("profile_id").is_not_null()
    )
    is_order = pl.col("type") == "Order Completed"
    wanted = (
        every.group_by("profile_id")
        .agg(
            order_count=is_order.sum().cast(pl.Int32),
            revenue=pl.col("amount_base").cast(pl.Float64).sum(),
            last_order_at=pl.col("occurred_at").filter(is_order).max(),
        )
        .filter(pl.col("order_count") > 0)
    )

    def score(column: str) -> pl.Expr:
        below = pl.col(column).rank("min") - 1
        return (1 + (5 * below / pl.len()).floor()).cast(pl.Int32)

    wanted = wanted.with_columns(
        recency_score=score("last_order_at"),
        frequency_score=score("order_count"),
        monetary_score=score("revenue"),
    ).sort("profile_id")
    mine = found.filter(pl.col("order_count") > 0).sort("profile_id")
    for column in (
        "profile_id",
        "order_count",
        "last_order_at",
        "recency_score",
        "frequency_score",
        "monetary_score",
    ):
        assert mine[column].to_list() == wanted[column].to_list(), column
    assert mine["revenue"].cast(pl.Float64).to_list() == pytest.approx(wanted["revenue"].to_list())
    for row in mine.iter_rows(named=True):
        assert row["rfm_segment"] == RFM_MAP[row["recency_score"] - 1][row["frequency_score"] - 1]
    assert set(mine["recency_score"]) == {1, 2, 3, 4, 5}


def test_customers_with_the_same_behaviour_have_the_same_score(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-01-01"), "amount_base": 10, "atom_id": atom}
        for atom in range(10)
        for _ in range(1 if atom < 6 else 2)
    ]
    lake.append("touchpoints", touchpoints(rows), app="ingest", until=len(rows))
    lake.overwrite("membership", membership({atom: f"p{atom}" for atom in range(10)}))

    table = build_customers(lake, NOW).to_pylist()

    assert [row["frequency_score"] for row in table] == [1] * 6 + [4] * 4
    assert {row["recency_score"] for row in table} == {1}


def test_the_rfm_map_names_each_segment_and_parses_as_spark() -> None:
    assert {name for row in RFM_MAP for name in row} == set(RFM_SEGMENTS)
    assert len(RFM_SEGMENTS) == 11
    sqlglot.parse_one(customers_query(NOW).sql("spark"), read="spark")


def test_birthdays_and_postcodes_become_groups_and_nothing_finer(lake: Lake) -> None:
    profiles = pa.table(
        {
            "profile_id": ["a", "b", "c", "d", "e"],
            "country": ["BE", "GB", "FR", None, "HU"],
            "language": [None] * 5,
            "city": [None] * 5,
            "postal_code": ["9000", "sw1a 1aa", "69", "1000", None],
            "birthday": ["1996-11-03", "1996-11-02", "1850-01-01", "unknown", "2010-01-01"],
            "gender": ["f", "m", None, "x", None],
        }
    )
    # On 2 November one of the two is still 29.
    table = build_customers(lake, at("2026-11-02"), profiles=profiles)

    rows = [(row["age_band"], row["postcode_area"], row["gender"]) for row in table.to_pylist()]
    assert rows == [
        ("25-34", "BE 90", "f"),
        ("25-34", "GB SW", "m"),
        (None, None, None),
        (None, None, "x"),
        ("0-17", None, None),
    ]
    later = build_customers(lake, at("2031-11-02"), profiles=profiles)
    assert [row["age_band"] for row in later.to_pylist()][:2] == ["25-34", "35-44"]

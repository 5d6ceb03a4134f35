"""Google Analytics' export: events by the names of the ecommerce spec, from JSON and Parquet."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from rapport.collect.guess import guess_mapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Item
from tests.collect.connectors.whole_way import (
    read,
    read_or_refused,
    replayed,
    spoilt,
    whole_way,
)

#: 5 October 2026, 08:15:30.123456 UTC, in microseconds.
AT = int(datetime(2026, 10, 5, 8, 15, 30, 123456, tzinfo=UTC).timestamp() * 1_000_000)


def param(key: str, **value: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("string_value", "int_value", "float_value", "double_value"))
    return {"key": key, "value": {**empty, **value}}


def event(name: str, *params: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return {
        "event_date": "20261005",
        "event_timestamp": str(AT),
        "event_name": name,
        "event_params": list(params),
        "event_bundle_sequence_id": "7",
        "user_id": None,
        "user_pseudo_id": "1234.5678",
        "device": {"category": "mobile", "language": "nl-be"},
        "geo": {"country": "Belgium"},
        "traffic_source": {"name": "(direct)", "medium": "organic", "source": "google"},
        "platform": "WEB",
        "ecommerce": None,
        "items": [],
        **parts,
    }


VIEW = event(
    "page_view",
    param("page_location", string_value="https://shop.example/tenten?email=a@b.be"),
    param("ga_session_id", int_value="99"),
    param("campaign", string_value="herfst"),
)
PURCHASE = event(
    "purchase",
    param("currency", string_value="EUR"),
    param("value", double_value=99.5),
    user_id="u-7",
    ecommerce={"transaction_id": "WEB-100", "purchase_revenue": 99.5},
    items=[
        {"item_id": "ZELT-2", "item_name": "Tent", "item_category": "Kamperen", "price": 49.75,
         "quantity": "2", "item_revenue": None},
    ],
)  # fmt: skip
EVENTS = [
    VIEW,
    PURCHASE,
    event("purchase", param("value", double_value=5.0)),
    event("saved_a_plan", platform="IOS"),
    event("page_view", event_timestamp="yesterday"),
]
LINES = "".join(json.dumps(each) + "\n" for each in EVENTS).encode()


def test_events_have_the_names_of_the_ecommerce_spec(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "ga4_events.jsonl", LINES)
    assert way.imported.kind == "ga4_export"
    viewed, bought, own = way.touchpoints.values()
    assert (viewed.type, viewed.channel, viewed.language) == ("Page Viewed", "web", "nl")
    assert viewed.occurred_at == datetime(2026, 10, 5, 8, 15, 30, 123456, tzinfo=UTC)
    assert viewed.identifiers == (
        Identifier(kind="anonymous_id", value="1234.5678", namespace="silo"),
    )
    assert viewed.campaign == "herfst"
    assert viewed.properties == {
        "ga_session_id": "99",
        "url": "https://shop.example/tenten",  # what stands behind may name people
        "came_by": "organic",
        "came_from": "google",
        "country": "Belgium",
        "device": "mobile",
    }
    assert (bought.type, bought.order_id) == ("Order Completed", "WEB-100")
    assert (bought.amount, bought.currency) == (Decimal("99.5"), "EUR")
    assert bought.items == (
        Item(
            sku="ZELT-2",
            name="Tent",
            category="Kamperen",
            quantity=Decimal(2),
            unit_price=Decimal("49.75"),
            amount=Decimal("99.50"),
        ),
    )
    assert bought.record == Identifier(kind="user_id", value="u-7", namespace="silo")
    assert (own.type, own.channel) == ("saved_a_plan", "app")
    assert sorted(row.reason for row in way.refused) == ["invalid_timestamp", "missing_field"]
    mapping = guess_mapping(tmp_path / "ga4_events.jsonl").mapping
    late = next(row for row in way.refused if row.reason == "invalid_timestamp")
    assert replayed(late, mapping, {b'"yesterday"': str(AT).encode()}) == (1, [])


def test_parquet_says_the_same_as_json(tmp_path: Path) -> None:
    path = tmp_path / "ga4_events.parquet"
    pq.write_table(
        pa.Table.from_pylist([{**each, "event_timestamp": AT} for each in (VIEW, PURCHASE)]),
        path,
    )
    from_parquet, _ = read(path, guess_mapping(path).mapping)
    lines = tmp_path / "ga4_events.jsonl"
    lines.write_bytes(LINES)
    from_json, _ = read(lines, guess_mapping(lines).mapping)
    assert [(t.type, t.order_id, t.items, t.occurred_at) for t in from_parquet] == [
        (t.type, t.order_id, t.items, t.occurred_at) for t in from_json[:2]
    ]


def test_a_refund_is_negative(tmp_path: Path) -> None:
    path = tmp_path / "ga4.jsonl"
    refund = {**PURCHASE, "event_name": "refund"}
    refund["ecommerce"] = {"transaction_id": "WEB-100", "refund_value": 49.75}
    path.write_bytes(json.dumps(refund).encode() + b"\n")
    ((touch,), _) = read(path, guess_mapping(path).mapping)
    assert (touch.type, touch.amount) == ("Order Refunded", Decimal("-49.75"))
    assert touch.items[0].quantity == Decimal(-2)


@settings(max_examples=50, deadline=None)
@given(content=spoilt(LINES))
def test_spoilt_lines_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "ga4_events.jsonl"
    path.write_bytes(LINES)
    read_or_refused(path, guess_mapping(path).mapping, content)

"""Configurations with their options: what somebody put together and what they did with it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings

from rapport.collect.guess import guess_mapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Item
from tests.collect.connectors.whole_way import (
    mapping_of,
    read,
    read_or_refused,
    replayed,
    sample,
    spoilt,
    whole_way,
)

LINES = sample("configurations.jsonl")
TABLE = mapping_of(
    "configurations",
    columns={"configuration_id": "c", "saved_at": "d", "model": "m", "options": "o", "total": "t"},
    constants={"currency": "EUR"},
)


def test_a_configuration_is_its_model_with_its_options(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "configurations.jsonl")
    assert way.imported.kind == "configurations"
    first = way.touchpoints["configurations:C-77:1:saved"]
    assert (first.type, first.channel) == ("Configuration Saved", "configurator")
    assert first.occurred_at == datetime(2026, 10, 1, 9, tzinfo=UTC)
    assert first.record == Identifier(kind="email", value="anna@pelda.example")
    assert first.traits["name"] == "Kovács Anna"
    assert (first.amount, first.currency) == (Decimal("5670.5"), "EUR")
    assert first.items == (
        Item(sku="KB-3", name="Keuken Brugge", amount=Decimal(4900)),
        Item(
            sku="FR-OAK",
            name="Eiken front",
            category="fronts",
            unit_price=Decimal("650.5"),
            amount=Decimal("650.5"),
        ),
        Item(
            sku="HDL",
            name="Greep",
            quantity=Decimal(10),
            unit_price=Decimal(12),
            amount=Decimal(120),
        ),
    )
    quoted = way.touchpoints["configurations:C-77:2:quote_requested"]
    assert (quoted.amount, quoted.items[1].amount) == (Decimal(5500), Decimal("650.5"))
    assert way.touchpoints["configurations:C-78:1:shared"].record is None
    (refused,) = way.refused
    assert refused.reason == "missing_field"
    mapping = guess_mapping(tmp_path / "configurations.jsonl").mapping
    assert replayed(refused, mapping, {b'{"price":5}': b'{"code":"X","price":5}'}) == (1, [])


@pytest.mark.parametrize(
    ("options", "skus"),
    [
        ("A, B;C", ["A", "B", "C"]),
        ('"[{""code"":""A""},""B""]"', ["A", "B"]),
        ("", []),
    ],
)
def test_a_table_lists_options_as_codes_or_json(
    tmp_path: Path, options: str, skus: list[str]
) -> None:
    quoted = options if options.startswith('"') else f'"{options}"'
    text = f"c,d,m,o,t\n1,2026-10-01,Brugge,{quoted},100\n"
    ((touch,), _) = read(tmp_path / "c.csv", TABLE, text.encode())
    assert [item.sku for item in touch.items] == ["Brugge", *skus]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ('"[1,"', "malformed_json"),
        ('"' + "[" * 50_000 + '"', "malformed_json"),
        ('"' + "a," * 1_001 + '"', "too_large"),
        ('"[{""code"":1,""price"":""x""}]"', "invalid_amount"),
    ],
    ids=["cut", "deep", "many", "price"],
)
def test_options_that_cannot_be_read_refuse_the_configuration(
    tmp_path: Path, options: str, reason: str
) -> None:
    text = f"c,d,m,o,t\n1,2026-10-01,Brugge,{options},100\n"
    good, refused = read(tmp_path / "c.csv", TABLE, text.encode())
    assert (good, [row.reason for row in refused]) == ([], [reason])


@settings(max_examples=50, deadline=None)
@given(content=spoilt(LINES))
def test_spoilt_lines_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "configurations.jsonl"
    path.write_bytes(LINES)
    read_or_refused(path, guess_mapping(path).mapping, content)

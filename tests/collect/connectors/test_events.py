"""Any table that says what happened and when: its columns become fields, none is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings

from rapport.collect.guess import guess_mapping
from rapport.collect.mapping import find_mapping
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Item
from rapport.workflows.import_files import prepare_mapping
from tests.collect.connectors.whole_way import (
    mapping_of,
    read,
    read_or_refused,
    replayed,
    spoilt,
    whole_way,
)

KIOSK = (
    "Event;Tijdstip;E-mail;Kiosk nr;Seconden bezig;Opmerking\n"
    "Zoekpad gestart;05/10/2026 10:15;anna@pelda.example;K4;12,5;Waar is de tent?\n"
    "Zoekpad gestart;13/10/2026 10:15;;K4;3;\n"
    ";13/10/2026 10:20;;K4;3;\n"
)


def test_an_unknown_table_is_kept_whole_with_what_happened_and_when(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "kiosk.csv", KIOSK.encode())
    assert way.imported.kind == "events"
    first, second = way.touchpoints.values()
    assert (first.type, first.channel) == ("Zoekpad gestart", "internal")
    assert first.occurred_at == datetime(2026, 10, 5, 10, 15, tzinfo=UTC)
    assert first.record == Identifier(kind="email", value="anna@pelda.example")
    assert first.text == "Waar is de tent?"
    assert first.properties == {"kiosk_nr": "K4", "seconden_bezig": "12,5"}
    assert second.record is None
    (refused,) = way.refused
    assert refused.reason == "missing_field"
    mapping = guess_mapping(tmp_path / "kiosk.csv").mapping
    assert replayed(refused, mapping, {b"\n;13": b"\nZoekpad;13"}) == (1, [])


def test_the_guess_is_shown_and_saved_as_a_mapping_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.csv"
    path.write_text(KIOSK)
    prepared = prepare_mapping(path, kind=None, source="silo")
    assert not prepared.certain
    assert {line.field: line.column for line in prepared.lines} == {
        "type": "Event",
        "occurred_at": "Tijdstip",
        "email": "E-mail",
        "text": "Opmerking",
        "kiosk_nr": "Kiosk nr",
        "seconden_bezig": "Seconden bezig",
    }
    whole_way(tmp_path, "kiosk.csv", KIOSK.encode(), prepared.mapping)
    assert find_mapping(path) == prepared.mapping


def test_columns_become_any_field_of_a_touchpoint_and_words_become_types(tmp_path: Path) -> None:
    mapping = mapping_of(
        "events",
        columns={
            "event_id": "nr", "type": "wat", "occurred_at": "op", "user_id": "u", "amount": "eur",
            "sku": "art", "quantity": "n", "score": "s", "scale_max": "max", "question": "q",
            "order_id": "o", "place": "w", "campaign": "c", "anonymous_id": "cookie",
            "city": "stad",
        },
        constants={"currency": "EUR", "channel": "kiosk"},
        values={"type": {"verkoop": "Order Completed", "retour": "Order Refunded"}},
    )  # fmt: skip
    text = (
        "nr,wat,op,u,eur,art,n,s,max,q,o,w,c,cookie,stad\n"
        "1,Verkoop,2026-10-01,7,12.50,B-1,2,4,5,csat,O1,Gent,herfst,abc,Aalst\n"
        "2,retour,2026-10-02,7,12.50,B-1,-2,,,,O1,,,,\n"
        "3,verkoop,2026-10-02,7,-1,,,,,,O2,,,,\n"
        "4,oordeel,2026-10-02,7,,,,6,5,,,,,,\n"
    )
    good, refused = read(tmp_path / "e.csv", mapping, text.encode())
    sale, back = good
    assert (sale.touchpoint_id, sale.type, sale.channel) == (
        "events:1",
        "Order Completed",
        "kiosk",
    )
    assert (sale.amount, sale.currency, sale.order_id) == (Decimal("12.50"), "EUR", "O1")
    assert sale.items == (Item(sku="B-1", quantity=Decimal(2)),)
    assert (sale.score, sale.scale_max, sale.question) == (4.0, 5.0, "csat")
    assert (sale.place, sale.campaign, sale.traits) == ("Gent", "herfst", {"city": "Aalst"})
    assert sale.identifiers == (
        Identifier(kind="user_id", value="7", namespace="silo"),
        Identifier(kind="anonymous_id", value="abc", namespace="silo"),
    )
    assert (back.type, back.amount) == ("Order Refunded", Decimal("-12.50"))
    assert [row.reason for row in refused] == ["invalid_amount", "score_out_of_range"]


def test_card_and_account_numbers_in_unknown_columns_are_masked(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "Event,Time,IBAN,Paid with,Remark\n"
        "Topped up,2026-10-01 10:00,BE68 5390 0754 7034,4111111111111111,from NL91ABNA0417164300\n"
        "Topped up,2026-10-02 10:00,,,\n"
    )
    touchpoints, _ = read(path, guess_mapping(path).mapping)
    assert touchpoints[0].properties == {"paid_with": "…1111", "remark": "from …4300"}
    assert touchpoints[0].record == Identifier(kind="iban", value="BE68 5390 0754 7034")


def test_one_type_for_all_rows_is_a_constant(tmp_path: Path) -> None:
    mapping = mapping_of(
        "events", columns={"occurred_at": "d"}, constants={"type": "Locker Opened"}
    )
    good, _ = read(tmp_path / "e.csv", mapping, b"d\n2026-10-01 10:00\n2026-10-01 10:00\n")
    assert [touch.type for touch in good] == ["Locker Opened"] * 2
    assert len({touch.touchpoint_id for touch in good}) == 2
    with pytest.raises(InvalidMapping, match="`type`"):
        mapping_of("events", columns={"occurred_at": "d"})
    with pytest.raises(InvalidMapping, match="currency"):
        mapping_of("events", columns={"occurred_at": "d", "type": "t", "amount": "a"})


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Order ID,Date,Total,Currency,Type", "orders"),
        ("Ticket ID,Opened at,Subject,Type", "tickets"),
        ("Activity type,Activity date,Machine", "events"),
        ("Esemény;Időpont;Gép", "events"),
    ],
)
def test_a_kind_of_its_own_comes_before_any_kind(tmp_path: Path, header: str, kind: str) -> None:
    path = tmp_path / "x.csv"
    mark = ";" if ";" in header else ","
    row = mark.join("abcdef"[: header.count(mark) + 1])
    path.write_text(f"{header}\n{row}\n{row}\n")
    assert guess_mapping(path).mapping.kind == kind


@settings(max_examples=50, deadline=None)
@given(content=spoilt(KIOSK.encode()))
def test_a_spoilt_table_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "kiosk.csv"
    path.write_bytes(KIOSK.encode())
    read_or_refused(path, guess_mapping(path).mapping, content)

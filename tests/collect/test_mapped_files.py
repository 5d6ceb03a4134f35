"""Silo files: read by their mappings, each row kept or refused with its reason, never twice."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.connectors import KINDS, connector_of
from rapport.collect.guess import guess_mapping
from rapport.collect.mapped_files import (
    Batch,
    keep_batch,
    read_again,
    read_rates,
    read_touchpoints,
)
from rapport.collect.mapping import (
    FileFormat,
    Mapping,
    find_mapping,
    mapping_from,
    mapping_toml,
    read_mapping,
    with_columns,
    write_mapping,
)
from rapport.collect.refused import refused_counts, refused_rows, replay
from rapport.collect.source_names import is_source_name
from rapport.collect.sources import create_source
from rapport.collect.tables import read_chunks
from rapport.engines.ledger import Ledger
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import ConsentChange, RefusedRecord, Touchpoint
from tests.real_data import real_data

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
TILL = {
    "source": "till_hu",
    "kind": "orders",
    "file": {
        "encoding": "cp1250",
        "delimiter": ";",
        "decimal": ",",
        "time_zone": "Europe/Budapest",
        "date_format": "%Y.%m.%d %H:%M",
    },
    "columns": {
        "order_id": "nyugtaszám",
        "occurred_at": "időpont",
        "item_name": "megnevezés",
        "quantity": "mennyiség",
        "unit_price": "egységár",
        "loyalty_card": "törzskártya",
        "status": "jelleg",
        "payment": "fizetés",
    },
    "constants": {"channel": "store", "currency": "HUF", "country": "HU"},
    "values": {"status": {"eladás": "completed", "sztornó": "refund"}},
}
TILL_HEADER = "nyugtaszám;időpont;megnevezés;mennyiség;egységár;törzskártya;jelleg;fizetés\n"


def read(path: Path, mapping: Mapping) -> tuple[list[Touchpoint], list[RefusedRecord]]:
    batches = list(read_touchpoints(path, mapping, NOW))
    return [t for b in batches for t in b.touchpoints], [r for b in batches for r in b.refused]


def read_text(
    tmp_path: Path, text: str | bytes, mapping: dict[str, Any], name: str = "file.csv"
) -> tuple[list[Touchpoint], list[RefusedRecord]]:
    checked = mapping_from(mapping, "test")
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(checked.file.encoding))
    return read(path, checked)


def test_lines_of_a_receipt_become_one_order_wherever_they_stand(tmp_path: Path) -> None:
    good, bad = read_text(
        tmp_path,
        TILL_HEADER
        + "R1;2026.07.01 12:30;Bögre;2;1.250,50;mk-0042 17;eladás;kártya\n"
        + "R2;2026.07.01 12:31;Sátor;1;40 000;;ELADÁS;készpénz\n"
        + "R1;2026.07.01 12:30;Kancsó;1;990;mk-0042 17;eladás;kártya\n"
        + "R3;2026.07.02 09:00;Bögre;1;1250,5;;sztornó;kártya\n",
        TILL,
    )
    assert bad == []
    by_id = {touch.touchpoint_id: touch for touch in good}
    first = by_id["orders:R1"]
    assert (first.type, first.amount, first.currency) == ("Order Completed", Decimal("3491"), "HUF")
    assert [(i.name, i.quantity, i.amount) for i in first.items] == [
        ("Bögre", Decimal(2), Decimal("2501.00")),
        ("Kancsó", Decimal(1), Decimal(990)),
    ]
    assert first.occurred_at == datetime(2026, 7, 1, 10, 30, tzinfo=UTC)  # summer time
    assert first.record == Identifier(kind="loyalty_card", value="mk-0042 17")
    assert (first.channel, first.country, first.properties) == (
        "store",
        "HU",
        {"payment": "kártya"},
    )
    assert by_id["orders:R2"].record is None
    assert by_id["orders:R2"].amount == 40_000
    refund = by_id["orders:R3:refund"]
    assert (refund.type, refund.amount) == ("Order Refunded", Decimal("-1250.5"))
    assert (refund.items[0].quantity, refund.items[0].amount) == (-1, Decimal("-1250.5"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("R1;tegnap;Bögre;1;100;;eladás;", "invalid_timestamp"),
        ("R1;1989.12.31 00:00;Bögre;1;100;;eladás;", "timestamp_out_of_range"),
        ("R1;2030.01.01 00:00;Bögre;1;100;;eladás;", "timestamp_out_of_range"),
        ("R1;;Bögre;1;100;;eladás;", "missing_field"),
        ("R1;2026.07.01 12:30;Bögre;1;sok;;eladás;", "invalid_amount"),
        ("R1;2026.07.01 12:30;Bögre;1;12.34;;eladás;", "invalid_amount"),
        ("R1;2026.07.01 12:30;Bögre;1;;;eladás;", "missing_field"),
        ("R1;2026.07.01 12:30;Bögre;1;-100;;eladás;", "invalid_amount"),
        ("R1;2026.07.01 12:30;Bögre;1;100;;csere;", "wrong_type"),
        ("R1;2026.07.01 12:30;Bögre;1;100", "wrong_type"),
        ("R1;2026.07.01 12:30;Bögre;1;100;;eladás;;;x", "wrong_type"),
        ("R1;2026.07.01 12:30;Bö\x00gre;1;100;;eladás;", "contains_nul"),
        ('R1;2026.07.01 12:30;"Bögre;1;100;;eladás;', "wrong_type"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_place_and_bytes_and_costs_no_other(
    tmp_path: Path, row: str, reason: str
) -> None:
    after = "R9;2026.07.01 12:31;Sátor;1;40000;;eladás;készpénz"
    good, bad = read_text(tmp_path, f"{TILL_HEADER}{row}\n{after}\n", TILL)
    assert [touch.touchpoint_id for touch in good] == ["orders:R9"]
    (refused,) = bad
    assert (refused.reason, refused.locator, refused.source) == (reason, "file.csv:2", "till_hu")
    assert row.encode("cp1250") in refused.payload
    assert "Bögre" not in refused.detail


def test_an_order_with_one_bad_line_waits_as_a_whole_and_can_be_read_after_a_fix(
    tmp_path: Path, ledger: Ledger
) -> None:
    text = TILL_HEADER + (
        "R1;2026.07.01 12:30;Bögre;2;100;;eladás;\n"
        "R2;2026.07.01 12:30;Bögre;2;100;;eladás;\n"
        "R1;2026.07.01 12:30;Sátor;1;200;;csere;\n"
    )
    good, bad = read_text(tmp_path, text.replace("eladás;\nR2", "csere;\nR2"), TILL)
    assert [touch.touchpoint_id for touch in good] == ["orders:R2"]
    (refused,) = bad
    assert refused.locator == "file.csv:2-4"
    source = create_source(ledger, NOW, name="till_hu", label="", kind="orders")
    batch = Batch(touchpoints=good, refused=bad, rows=3)
    assert [keep_batch(ledger, source.source_id, batch).accepted for _ in range(2)] == [1, 0]
    assert [(c.reason, c.count) for c in refused_counts(ledger)] == [("wrong_type", 1)]
    assert replay(ledger, lambda row: read_again(row, TILL), NOW).refused_again == 1
    mended = {**TILL, "values": {"status": {**TILL["values"]["status"], "csere": "completed"}}}  # type: ignore[index]
    replayed = replay(ledger, lambda row: read_again(row, mended), NOW)
    assert (replayed.accepted, replayed.refused_again) == (1, 0)
    assert refused_rows(ledger) == []
    (kept,) = refused_rows(ledger, replayed=True)
    assert kept.replayed_at == NOW


def test_bytes_of_another_encoding_refuse_their_row_only(tmp_path: Path) -> None:
    mapping = {**TILL, "file": {**TILL["file"], "encoding": "utf-8"}}  # type: ignore[dict-item]
    text = (
        (TILL_HEADER + "R1;2026.07.01 12:30;Bögre;1;100;;eladás;\n").encode()
        + "R2;2026.07.01 12:30;Bögre;1;100;;eladás;\n".encode("cp1250")
        + "R3;2026.07.01 12:30;Bögre;1;100;;eladás;\n".encode()
    )
    good, bad = read_text(tmp_path, text, mapping)
    assert [touch.order_id for touch in good] == ["R1", "R3"]
    assert [(r.reason, r.locator) for r in bad] == [("invalid_encoding", "file.csv:3")]


@pytest.mark.parametrize("wrap", ["bom", "utf-16", "gz", "sep"])
def test_files_of_excel_and_packed_ones_are_read(tmp_path: Path, wrap: str) -> None:
    text = "bon,date,total\nR1,2026-07-01,5\n"
    mapping = {
        "source": "s",
        "kind": "orders",
        "file": {"encoding": "utf-16" if wrap == "utf-16" else "utf-8"},
        "columns": {"order_id": "bon", "occurred_at": "date", "amount": "total"},
    }
    body = {
        "bom": text.encode("utf-8-sig"),
        "utf-16": text.encode("utf-16"),
        "gz": gzip.compress(text.encode()),
        "sep": ("sep=,\n" + text).encode(),
    }[wrap]
    good, bad = read_text(tmp_path, body, mapping, "f.csv.gz" if wrap == "gz" else "f.csv")
    assert (len(good), bad) == (1, [])


CONTACTS = {
    "source": "crm",
    "kind": "contacts",
    "file": {"delimiter": ";", "date_format": "%d/%m/%Y", "time_zone": "Europe/Brussels"},
    "columns": {
        "record_id": "id",
        "first_name": "Prénom",
        "last_name": "Nom",
        "email": "Courriel",
        "phone": "Téléphone",
        "birthday": "Né le",
        "country": "Pays",
        "language": "Langue",
        "consent_email_marketing": "Opt-in",
        "consent_sms_marketing": "SMS",
        "updated_at": "Modifié",
        "shoe_size": "Pointure",
    },
    "values": {"language": {"néerlandais": "nl"}},
}
CONTACTS_HEADER = ";".join(CONTACTS["columns"].values()) + "\n"  # type: ignore[attr-defined]


def test_a_contact_states_facts_identifiers_and_consents(tmp_path: Path) -> None:
    good, bad = read_text(
        tmp_path,
        CONTACTS_HEADER
        + "7; Anne ;<b>Kovács</b>;Anne@Example.com ;0470 12 34 56;13/02/1980;Belgique;"
        + "Néerlandais;oui;nee;01/07/2026;38\n"
        + "8;;;;;31/02/1980;Nowhereland;klingon;peut-être;;;\n",
        CONTACTS,
    )
    assert bad == []
    anne, other = good
    assert anne.type == "Record Seen"
    assert anne.record == Identifier(kind="crm_contact", value="7", namespace="crm")
    assert [(i.kind, i.value) for i in anne.identifiers[1:]] == [
        ("email", "Anne@Example.com"),
        ("phone", "0470 12 34 56"),
    ]
    assert anne.traits == {
        **{"first_name": "Anne", "last_name": "<b>Kovács</b>", "name": "Anne <b>Kovács</b>"},
        **{"email": "Anne@Example.com", "phone": "0470 12 34 56", "birthday": "1980-02-13"},
        **{"country": "BE", "language": "nl"},
    }
    assert anne.consents == (
        ConsentChange(purpose="email_marketing", granted=True),
        ConsentChange(purpose="sms_marketing", granted=False),
    )
    assert anne.occurred_at == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert anne.properties == {"shoe_size": "38"}
    # What cannot be placed is kept and never guessed; a consent above all.
    assert (other.consents, other.country, other.occurred_at) == ((), None, NOW)
    assert other.properties == {
        **{"birthday": "31/02/1980", "country": "Nowhereland", "language": "klingon"},
    }


def test_the_same_export_twice_is_stored_once_and_a_changed_record_again(
    tmp_path: Path, ledger: Ledger
) -> None:
    source = create_source(ledger, NOW, name="crm", label="", kind="contacts")
    row = "7;Anne;Kovács;anne@example.com;;;BE;;oui;;01/07/2026;\n"
    accepted = []
    for text in (row, row, row.replace("Kovács", "Kiss")):
        good, bad = read_text(tmp_path, CONTACTS_HEADER + text, CONTACTS)
        batch = Batch(touchpoints=good, refused=bad, rows=1)
        accepted.append(keep_batch(ledger, source.source_id, batch).accepted)
    assert accepted == [1, 0, 1]


def test_one_key_with_two_contents_in_one_file_is_refused_the_second_time(tmp_path: Path) -> None:
    mapping = {
        "source": "s",
        "kind": "orders",
        "columns": {"order_id": "bon", "occurred_at": "date", "amount": "total"},
    }
    rows = "bon,date,total\nR1,2026-07-01,5\nR1,2026-07-01,5\nR1,2026-07-01,6\n"
    good, bad = read_text(tmp_path, rows, mapping)
    assert [touch.amount for touch in good] == [5, 5]
    assert [(r.reason, r.locator) for r in bad] == [("duplicate_key", "file.csv:4")]


def test_orders_in_json_bring_their_items_and_a_refund_is_negative(tmp_path: Path) -> None:
    mapping = {
        "source": "webshop",
        "kind": "orders",
        "file": {"format": "json"},
        "columns": {
            "order_id": "id",
            "occurred_at": "placedAt",
            "status": "status",
            "amount": "total",
            "currency": "currency",
            "customer_id": "customer.id",
            "email": "customer.email",
            "country": "ship.country",
            "carrier": "ship.carrier",
            "items": "items",
        },
        "items": {"sku": "sku", "item_name": "title", "quantity": "qty", "unit_price": "price"},
        "constants": {"customer_kind": "user_id", "customer_namespace": "web"},
        "values": {"status": {"refunded": "refund"}},
    }
    order = {
        "id": 71,
        "placedAt": "2026-07-01T12:00:00+02:00",
        "status": "delivered",
        "total": 25.1,
        "currency": "eur",
        "customer": {"id": 9, "email": "a@example.com"},
        "ship": {"country": "NL", "carrier": "bpost"},
        "items": [{"sku": "S1", "title": "Mok", "qty": 2, "price": 12.55}],
    }
    orders = [
        order,
        {**order, "id": 72, "status": "refunded"},
        {**order, "id": 73, "items": "S1"},
        {**order, "id": 74, "currency": "EURO"},
        "not an order",
    ]
    body = json.dumps({"orders": orders, "count": 5})
    good, bad = read_text(tmp_path, body, mapping, "orders.json")
    sale, refund = good
    assert sale.record == Identifier(kind="user_id", value="9", namespace="web")
    assert (sale.amount, sale.currency, sale.country) == (Decimal("25.1"), "EUR", "NL")
    assert sale.occurred_at == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert sale.properties == {"carrier": "bpost"}
    assert [(i.sku, i.quantity, i.amount) for i in sale.items] == [("S1", 2, Decimal("25.10"))]
    assert (refund.touchpoint_id, refund.amount) == ("orders:72:refund", Decimal("-25.1"))
    assert sorted((r.reason, r.locator) for r in bad) == [
        ("unknown_currency", "orders.json:4"),
        ("wrong_type", "orders.json:3"),
        ("wrong_type", "orders.json:5"),
    ]


def test_answers_tickets_calls_messages_reviews_and_visits_become_touchpoints(
    tmp_path: Path,
) -> None:
    def one(kind: str, columns: dict[str, str], values: list[str], **more: Any) -> list[Touchpoint]:
        rows = ",".join(columns.values()) + "\n" + ",".join(values) + "\n"
        mapping = {"source": kind, "kind": kind, "columns": columns, **more}
        good, bad = read_text(tmp_path, rows, mapping)
        assert bad == []
        return good

    (answer,) = one(
        "surveys",
        {
            "response_id": "id",
            "occurred_at": "at",
            "score": "s",
            "channel": "about",
            "item_staff": "q1",
        },
        ["1", "2026-07-01T10:00:00Z", "9", "store", "4"],
        constants={"question": "NPS"},
    )
    assert (answer.type, answer.score, answer.scale_max) == ("Survey Answered", 9.0, 10.0)
    assert (answer.channel, answer.question) == ("store", "nps")
    assert answer.properties == {"items": {"staff": 4.0}}

    opened, resolved = one(
        "tickets",
        {
            "ticket_id": "id",
            "opened_at": "o",
            "resolved_at": "r",
            "subject": "s",
            "text": "t",
            "email": "e",
        },
        ["5", "2026-07-01T10:00:00Z", "2026-07-02T10:00:00Z", "Broken", "My tent", "a@b.be"],
    )
    assert (opened.type, opened.text) == ("Ticket Opened", "Broken\nMy tent")
    assert resolved.touchpoint_id == "tickets:5:resolved"
    assert resolved.properties["hours_open"] == 24.0

    (call,) = one(
        "calls",
        {"call_id": "id", "ended_at": "at", "duration_seconds": "d", "phone": "p"},
        ["c1", "2026-07-01T10:00:00Z", "61", "0470123456"],
        constants={"country": "BE"},
    )
    assert (call.type, call.channel, call.properties) == (
        "Call Ended",
        "phone",
        {"duration_seconds": 61.0},
    )
    assert call.record == Identifier(kind="phone", value="0470123456")

    (left,) = one(
        "messages",
        {"message_id": "id", "occurred_at": "at", "event": "e", "email": "to"},
        ["m1", "2026-07-01T10:00:00Z", "unsub", "a@b.be"],
    )
    assert left.type == "Unsubscribed"
    assert left.consents == (ConsentChange(purpose="email_marketing", granted=False),)

    (review,) = one(
        "reviews",
        {"review_id": "id", "occurred_at": "at", "score": "s", "sku": "sku"},
        ["r1", "2026-07-01T10:00:00Z", "4.5", "S1"],
        constants={"scale_min": 1, "scale_max": 5},
    )
    assert (review.type, review.score, review.properties) == ("Review Posted", 4.5, {"sku": "S1"})

    (visit,) = one(
        "visits",
        {"visit_id": "id", "occurred_at": "at", "place": "store", "staff": "by"},
        ["v1", "2026-07-01T10:00:00Z", "Gent", "Els"],
    )
    assert (visit.type, visit.place, visit.record) == ("Store Visited", "Gent", None)


def test_segment_calls_in_a_file_are_checked_as_live_ones(tmp_path: Path) -> None:
    event = {
        "type": "track", "event": "Product Viewed", "userId": "u", "messageId": "m1",
        "timestamp": "2026-07-01T10:00:00Z", "sentAt": "2020-01-01T00:00:00Z",
    }  # fmt: skip
    lines = [event, {**event, "userId": None}, {**event, "timestamp": None}, {**event, "type": "x"}]
    body = "\n".join(map(json.dumps, lines)) + "\nnot json\n"
    mapping = {"source": "web", "kind": "segment", "file": {"format": "jsonl"}}
    good, bad = read_text(tmp_path, body, mapping, "b.jsonl")
    assert [(t.touchpoint_id, t.occurred_at.hour) for t in good] == [("m1", 10)]
    assert sorted((r.reason, r.locator) for r in bad) == [
        ("malformed_json", "b.jsonl:5"),
        ("missing_field", "b.jsonl:3"),
        ("missing_identity", "b.jsonl:2"),
        ("unknown_type", "b.jsonl:4"),
    ]


def test_exchange_rates_are_read_as_days_and_exact_numbers(tmp_path: Path) -> None:
    mapping = mapping_from(
        {
            "source": "finance",
            "kind": "rates",
            "file": {"time_zone": "Europe/Budapest"},
            "columns": {"day": "d", "currency": "c", "rate": "r"},
        },
        "test",
    )
    path = tmp_path / "rates.csv"
    path.write_text("d,c,r\n2026-07-01,HUF,0.0024567891\n2026-07-01,XYZ,1\n2026-07-01,GBP,-1\n")
    rates, refused = read_rates(path, mapping, NOW)
    assert rates == [("HUF", date(2026, 7, 1), Decimal("0.0024567891"))]
    assert [r.reason for r in refused] == ["unknown_currency", "invalid_amount"]
    with pytest.raises(InvalidMapping, match="read_rates"):
        list(read_touchpoints(path, mapping, NOW))


def test_parquet_without_a_status_tells_returns_by_their_signs(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Invoice": ["1", "1", "C2", "3", "A4", "5"],
            "StockCode": ["a", "b", "a", "a", "B", "a"],
            "Quantity": [2, 1, -2, -5, 1, 1],
            "InvoiceDate": [datetime(2011, 1, 4, 10, 0)] * 6,  # noqa: DTZ001  # as UCI has it
            "Price": [2.55, 3.39, 2.55, 0.0, -11062.06, 1.0],
            "Customer ID": [17850, 17850, 17850, None, None, None],
            "Country": ["United Kingdom", "United Kingdom", "EIRE", "RSA", "RSA", "Unspecified"],
        }
    )
    path = tmp_path / "online.parquet"
    pq.write_table(table, path)
    guess = guess_mapping(path)
    assert guess.mapping.kind == "orders"
    good, bad = read(path, guess.mapping)
    assert [(t.touchpoint_id, t.type, t.amount) for t in good] == [
        ("orders:1", "Order Completed", Decimal("8.49")),
        ("orders:C2:refund", "Order Refunded", Decimal("-5.10")),
        ("orders:5", "Order Completed", Decimal("1.00")),
    ]
    assert good[0].record == Identifier(
        kind="customer_number", value="17850", namespace=guess.mapping.source
    )
    assert (good[1].country, good[2].country, good[2].record) == ("IE", None, None)
    assert good[2].properties == {"country": "Unspecified"}
    assert [(r.reason, r.locator) for r in bad] == [
        ("not_an_order", "online.parquet:4"),
        ("not_an_order", "online.parquet:5"),
    ]
    assert json.loads(bad[0].payload)["Invoice"] == "3"


def test_a_file_that_lacks_a_mapped_column_says_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidMapping, match=r"needs the column `időpont`.*the file has: nyugtaszám"
    ):
        read_text(tmp_path, TILL_HEADER.replace("időpont", "mikor") + "R1;;;;;;;\n", TILL)


def test_a_mapping_reports_all_its_mistakes_at_once() -> None:
    with pytest.raises(InvalidMapping) as error:
        mapping_from(
            {
                "source": "",
                "kind": "surveys",
                "file": {"time_zone": "Mars/Olympus", "encoding": "morse", "delimiter": "--"},
                "constants": {"currency": "EURO", "country": "XX1", "channel": "pigeon"},
            },
            "x.toml",
        )
    for part in ("source", "response_id", "Mars", "morse", "delimiter", "EURO", "XX1", "pigeon"):
        assert part in error.value.message
    with pytest.raises(InvalidMapping, match="'tills/be' cannot stand in an address"):
        mapping_from({"source": "tills/be", "kind": "segment"}, "x")
    with pytest.raises(InvalidMapping, match="orders need an amount"):
        mapping_from({"source": "s", "kind": "orders", "columns": {"occurred_at": "d"}}, "x")
    with pytest.raises(InvalidMapping, match="colums"):
        mapping_from({"source": "s", "kind": "orders", "colums": {}}, "x")


def test_a_mapping_written_is_the_mapping_read(tmp_path: Path) -> None:
    mapping = mapping_from(
        {**TILL, "expected_every_hours": 24, "files": ["receipts_*.csv"], "label": 'A "tab"\t☕'},
        "x",
    )
    path = tmp_path / "till.mapping.toml"
    write_mapping(mapping, path)
    assert read_mapping(path) == mapping
    assert find_mapping(tmp_path / "receipts_1.csv") == mapping
    assert find_mapping(tmp_path / "other.csv") is None
    exact = mapping_from({**TILL, "source": "other", "files": ["receipts_1.csv"]}, "x")
    write_mapping(exact, tmp_path / "zz.mapping.toml")
    assert find_mapping(tmp_path / "receipts_1.csv") == exact
    assert '[columns]\norder_id = "nyugtaszám"' in mapping_toml(mapping)


@pytest.mark.parametrize(
    ("header", "row", "kind", "fields"),
    [
        (
            "kassabonnr;datum;artikelcode;artikel;aantal;prijs;e-mail bon",
            "B1;31/12/2025 10:00;A;Mok;2;1,50;a@b.be",
            "orders",
            {"order_id", "occurred_at", "sku", "item_name", "quantity", "unit_price", "email"},
        ),
        (
            "Numéro client;Prénom;Nom;Courriel;Téléphone;Date de naissance;Pays",
            "1;Anne;Dubois;a@b.fr;0612345678;13/02/1980;France",
            "contacts",
            {"record_id", "first_name", "last_name", "email", "phone", "birthday", "country"},
        ),
        (
            "Ügyfélszám;Név;E-mail cím;Telefonszám;Irányítószám;Város",
            "1;Kovács Anna;a@b.hu;06301234567;1011;Budapest",
            "contacts",
            {"record_id", "name", "email", "phone", "postal_code", "city"},
        ),
        (
            "Bestellnummer;Datum;Gesamt;Kundennummer;Währung",
            "1;31.12.2025;12,50;77;EUR",
            "orders",
            {"order_id", "occurred_at", "amount", "customer_id", "currency"},
        ),
        (
            "response id;answered at;nps;comment;email",
            "1;2025-12-31;9;good;a@b.be",
            "surveys",
            {"response_id", "occurred_at", "score", "text", "email"},
        ),
    ],
)
def test_a_mapping_is_guessed_from_names_in_five_languages(
    tmp_path: Path, header: str, row: str, kind: str, fields: set[str]
) -> None:
    path = tmp_path / "export_2025.csv"
    path.write_text(f"{header}\n{row}\n{row}\n", "utf-8")
    guess = guess_mapping(path)
    assert (guess.mapping.kind, guess.mapping.file.delimiter) == (kind, ";")
    assert fields <= set(guess.mapping.columns)
    assert guess.mapping.source == "export"
    assert guess.confidence >= 0.6
    good, bad = read(path, guess.mapping)
    assert (len(good) > 0, bad) == (True, [])


def test_a_guess_names_a_source_as_sources_may_be_called(tmp_path: Path) -> None:
    path = tmp_path / f"Épület/Gépek {'x' * 80} 2025-01.csv".replace("/", "-")
    path.write_text("order_id;date;total;currency\nA1;2025-01-02;10;EUR\n", "utf-8")
    assert is_source_name(guess_mapping(path).mapping.source)


def test_xml_that_nobody_recognises_is_not_taken_for_a_table(tmp_path: Path) -> None:
    path = tmp_path / "unknown.xml"
    path.write_text('<?xml version="1.0"?><x>a</x>', "utf-8")
    with pytest.raises(InvalidMapping, match="say what is in it"):
        guess_mapping(path)


def test_decimals_are_guessed_although_no_column_is_known_for_an_amount(tmp_path: Path) -> None:
    path = tmp_path / "bonnen.csv"
    path.write_text("Bon nr.;Datum;Bedrag lijn (EUR)\n1;2025-04-03;39,90\n2;2025-04-03;7,5\n")
    assert guess_mapping(path, kind="orders").mapping.file.decimal == ","


def test_a_guess_finds_encoding_decimals_dates_and_asks_what_it_cannot_know(tmp_path: Path) -> None:
    path = tmp_path / "tills.csv"
    text = "bon;dátum;név;összeg\n1;03/04/2025;Kő Ödön;1.234,50\n2;05/06/2025;Űr Éva;7,25\n"
    path.write_bytes(text.encode("cp1250"))
    guess = guess_mapping(path)
    written = guess.mapping.file
    assert (written.encoding, written.decimal, written.date_format) == ("cp1250", ",", "%d/%m/%Y")
    questions = " ".join(guess.questions)
    assert "encoding" in questions
    assert "03/04" in questions
    assert "currency" in questions
    assert guess.confidence < 0.9
    good, _ = read(path, guess.mapping)
    assert [touch.amount for touch in good] == [Decimal("1234.50"), Decimal("7.25")]


def test_an_amount_that_differs_between_an_orders_rows_is_the_lines(tmp_path: Path) -> None:
    rows = "ticket,date,libellé,montant\nT1,2026-07-01,Tasse,5\nT1,2026-07-01,Tente,80\n"
    path = tmp_path / "caisse.csv"
    path.write_text(rows)
    mapping = guess_mapping(path).mapping
    assert mapping.columns["line_amount"] == "montant"
    (order,), bad = read(path, mapping)
    assert (order.amount, bad) == (85, [])
    columns = {f.replace("line_", ""): c for f, c in mapping.columns.items()}
    wrong = mapping_from({"source": "s", "kind": "orders", "columns": columns}, "x")
    good, bad = read(path, wrong)
    assert (good, [r.reason for r in bad]) == ([], ["invalid_amount"])


def test_nested_items_are_guessed_with_their_fields(tmp_path: Path) -> None:
    order = {
        **{"id": "1", "placedAt": "2026-07-01", "total": 6, "currency": "EUR"},
        "items": [{"sku": "S", "title": "Mok", "qty": 2, "price": 3, "total": 6}],
    }
    path = tmp_path / "orders.json"
    path.write_text(json.dumps([order, {**order, "id": "2"}]))
    mapping = guess_mapping(path).mapping
    assert mapping.items == {
        **{"sku": "sku", "item_name": "title", "quantity": "qty", "unit_price": "price"},
        "line_amount": "total",
    }
    good, bad = read(path, mapping)
    assert ([t.items[0].quantity for t in good], bad) == ([2, 2], [])


def test_somebody_who_knows_the_kind_may_say_it(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("id,date,rating\n1,2026-07-01,4\n")
    kinds = ("surveys", "reviews", "visits")
    assert [guess_mapping(path, kind=kind).mapping.kind for kind in kinds] == list(kinds)
    with pytest.raises(InvalidMapping, match=r"known are .*calls, .*contacts"):
        guess_mapping(path, kind="letters")


def test_a_file_with_nothing_in_it_is_no_guess(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("  \n")
    with pytest.raises(InvalidMapping, match="empty"):
        guess_mapping(path)
    with pytest.raises(InvalidMapping, match="cannot be read"):
        guess_mapping(tmp_path / "absent.csv")


@pytest.mark.parametrize("kind", KINDS)
def test_each_registered_kind_states_its_fields_once(kind: str) -> None:
    connector = connector_of(kind)
    assert connector.kind == kind
    fields = [*connector.required, *connector.optional]
    assert len(fields) == len(set(fields))
    assert set(connector.synonyms) <= set(fields)


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=200) | st.text(max_size=120).map(lambda t: (TILL_HEADER + t).encode())
)
def test_any_bytes_are_read_or_refused_and_never_a_failure(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "f.csv"
    for written in ("csv", "json", "jsonl", "parquet"):
        mapping = mapping_from(
            {**TILL, "file": {**TILL["file"], "encoding": "utf-8", "format": written}},  # type: ignore[dict-item]
            "x",
        )
        path.write_bytes(body)
        try:
            good, bad = read(path, mapping)
        except InvalidMapping:
            continue
        assert all(t.order_id for t in good)
        assert all(r.payload for r in bad)


def test_cdnow_is_read_with_its_columns_named_by_place() -> None:
    path = real_data("predict/CDNOW_sample.txt")
    guess = guess_mapping(path)
    mapping = with_columns(guess.mapping, {"customer_id": "1", "amount": "5", "cds": "4"})
    good, bad = read(path, mapping)
    assert (len(good), bad) == (6919, [])
    assert len({touch.touchpoint_id for touch in good}) == 6919
    assert len({touch.record for touch in good}) == 2357
    assert sum(t.amount or 0 for t in good) == Decimal("244091.94")
    assert good[0].record is not None
    assert good[0].record.value == "00004"


@pytest.mark.slow
def test_the_uci_invoices_are_read_whole_and_fast() -> None:
    path = real_data("predict/online_retail_to_2011-09-10.parquet")
    mapping = guess_mapping(path).mapping
    began = process_time()
    good, bad = read(path, mapping)
    assert process_time() - began < 25
    assert len(good) + len(bad) == len(set(pq.read_table(path)["InvoiceNo"].to_pylist()))
    kinds = [touch.type for touch in good]
    assert (kinds.count("Order Completed"), kinds.count("Order Refunded")) == (13_514, 2_624)
    assert {r.reason for r in bad} == {"not_an_order"}
    assert all((t.order_id or "").startswith("C") for t in good if t.type == "Order Refunded")


def test_an_address_says_where_a_person_lives_and_a_shop_does_not(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id,date,email,total,land\n1,2026-03-01,a@x.example,5,Belgium\n", "utf-8")
    columns = {
        "order_id": "id", "occurred_at": "date", "email": "email", "amount": "total",
        "country": "land",
    }  # fmt: skip
    for channel, expected in (("web", "BE"), ("store", None)):
        mapping = Mapping(
            source="s", kind="orders", columns=columns,
            constants={"currency": "EUR", "channel": channel},
        )  # fmt: skip
        (batch,) = read_touchpoints(path, mapping, datetime(2026, 11, 1, tzinfo=UTC))
        (touch,) = batch.touchpoints
        assert touch.country == "BE"
        assert touch.traits.get("country") == expected


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"id,amount\r1,10\r2,20\r", "carriage return"),
        (b"id,amount\n1,1\x000\n2,2\x000\n", "line 2: a cell holds a NUL"),
        (b"id,name\n1,\x81\n2,\x81\n", "line 2: bytes that are not of the stated encoding"),
    ],
    ids=["cr", "nul", "bytes"],
)
def test_a_file_of_which_no_row_can_be_read_says_why(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "till.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidMapping, match=says):
        guess_mapping(path)


@pytest.mark.parametrize("name", ["orders.jsonl", "orders.txt"])
def test_one_bad_line_of_json_lines_is_refused_alone_even_the_first(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    good = b'{"order_id": "%d", "date": "2026-11-01", "total": "10", "email": "a@b.example"}\n'
    path.write_bytes(b'{"order_id": broken\n' + b"".join(good % n for n in range(3)))
    guess = guess_mapping(path, kind="orders")
    assert guess.mapping.file.format == "jsonl"
    with path.open("rb") as file:
        [chunk] = read_chunks(file, guess.mapping.file)
    assert list(chunk.lines) == [2, 3, 4]
    assert [(bad.line, bad.refusal.reason) for bad in chunk.bad] == [(1, "malformed_json")]


def test_a_mapped_file_with_carriage_returns_alone_is_refused_as_a_whole() -> None:
    with pytest.raises(InvalidMapping, match="carriage return"):
        list(read_chunks(io.BytesIO(b"id,amount\r1,10\r2,20\r"), FileFormat(format="csv")))

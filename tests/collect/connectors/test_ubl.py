"""Electronic invoices in UBL: sales with their lines, buyers and taxes; nothing else gets in."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.guess import guess_mapping
from rapport.collect.mapping import Mapping
from rapport.collect.tables import BadRow
from rapport.collect.xml_records import xml_records
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Item
from rapport.workflows.import_files import named_files
from tests.collect.connectors.whole_way import (
    mapping_of,
    read,
    read_or_refused,
    replayed,
    sample,
    spoilt,
    whole_way,
)

INVOICE = sample("ubl_invoice.xml")
UBL = mapping_of("ubl", file={"time_zone": "Europe/Brussels"})


def test_an_invoice_is_an_order_with_its_lines_taxes_and_buyer(tmp_path: Path) -> None:
    touch = whole_way(tmp_path, "ubl_invoice.xml", mapping=UBL).only()
    assert touch.touchpoint_id == "invoices:invoice:BE0403170701:2026-0417"
    assert (touch.type, touch.channel) == ("Order Completed", "finance")
    assert touch.occurred_at == datetime(2026, 10, 4, 22, tzinfo=UTC)  # a Belgian midnight
    assert (touch.amount, touch.currency) == (Decimal("133.10"), "EUR")
    assert touch.order_id == "WEB-100234"
    assert touch.items == (
        Item(
            sku="POT-24",
            name="Kookpot 24",
            quantity=Decimal(4),
            unit_price=Decimal("25.00"),
            amount=Decimal("100.00"),
        ),
        Item(
            sku="Servetten",
            name="Servetten",
            quantity=Decimal(200),
            unit_price=Decimal("0.1"),  # ten euros a hundred
            amount=Decimal("20.00"),
        ),
    )
    assert touch.identifiers == (
        Identifier(kind="customer_number", value="K-7781", namespace="silo"),
        Identifier(kind="email", value="lore@zilver.example"),
        Identifier(kind="phone", value="+32 16 55 01 23"),
        Identifier(kind="business_id", value="BE0417497106"),
        Identifier(kind="business_id", value="0088:5412345000013"),
    )
    assert touch.record == touch.identifiers[0]
    assert touch.traits == {
        "name": "Brasserie Zïlver",
        "company": "Zïlver BV",
        "street": "Oude Markt 12",
        "postal_code": "3000",
        "city": "Leuven",
        "country": "BE",
    }
    assert touch.text is None  # the note is our own
    said = touch.properties
    assert said["taxes"] == [{"percent": "21", "amount": "23.10"}]
    assert (said["tax_amount"], said["net_amount"], said["discount"]) == (
        "23.10",
        "110.00",
        "10.00",
    )
    assert said["payment_reference"] == "+++090/9337/55493+++"
    assert (said["purchase_order"], said["due_date"]) == ("PO-88", "2026-11-04")
    assert "BE68539007547034" not in str(said)


def test_a_credit_note_takes_back_money_and_goods_and_names_its_invoice(tmp_path: Path) -> None:
    touch = whole_way(tmp_path, "ubl_credit_note.xml").only()
    assert (touch.type, touch.amount) == ("Order Refunded", Decimal("-30.25"))
    assert touch.occurred_at == datetime(2026, 10, 20, 13, 30, tzinfo=UTC)
    assert touch.order_id == touch.properties["corrects_invoice"] == "2026-0417"
    assert (touch.items[0].quantity, touch.items[0].amount) == (Decimal(-1), Decimal("-25.00"))
    assert touch.record == Identifier(kind="email", value="zsofi.nagy@pelda.example")
    assert touch.traits == {"name": "Zsófi Nagy", "first_name": "Zsófi", "last_name": "Nagy"}


def test_an_order_is_no_sale_until_its_invoice_unless_the_mapping_says_so(tmp_path: Path) -> None:
    order = (
        INVOICE.replace(b"schema:xsd:Invoice-2", b"schema:xsd:Order-2")
        .replace(b"<Invoice ", b"<Order ")
        .replace(b"</Invoice>", b"</Order>")
        .replace(b"AccountingCustomerParty", b"BuyerCustomerParty")
        .replace(b"LegalMonetaryTotal", b"AnticipatedMonetaryTotal")
        .replace(b"InvoiceLine>", b"LineItem>")
        .replace(b"<cac:LineItem>", b"<cac:OrderLine><cac:LineItem>")
        .replace(b"</cac:LineItem>", b"</cac:LineItem></cac:OrderLine>")
        .replace(b"InvoicedQuantity", b"Quantity")
    )
    path = tmp_path / "order.xml"
    ((touch,), _) = read(path, UBL, order)
    assert (touch.type, touch.amount, len(touch.items)) == ("Order Placed", Decimal("133.10"), 2)
    assert touch.text == "Dank voor uw bestelling"  # of an order it is the customer's
    counted = mapping_of("ubl", constants={"orders": "completed"})
    ((touch,), _) = read(path, counted)
    assert touch.type == "Order Completed"
    with pytest.raises(InvalidMapping, match="placed"):
        mapping_of("ubl", constants={"orders": "maybe"})


@pytest.mark.parametrize(
    ("wrong", "right", "reason"),
    [
        (b"<cbc:IssueDate>2026-10-05", b"<cbc:IssueDate>05/10/2026", "invalid_timestamp"),
        (b">133.10<", b">133,10 euro<", "invalid_amount"),
        (b"<cbc:ID>2026-0417</cbc:ID>", b"<cbc:ID/>", "missing_field"),
        (b"TypeCode>380<", b"TypeCode>325<", "not_an_order"),
        (b"TypeCode>380<", b"TypeCode>386<", "not_an_order"),
        (b"CurrencyCode>EUR<", b"CurrencyCode>EURO<", "unknown_currency"),
    ],
)
def test_a_document_that_cannot_be_used_is_kept_with_its_reason_and_read_when_mended(
    tmp_path: Path, wrong: bytes, right: bytes, reason: str
) -> None:
    assert wrong in INVOICE
    way = whole_way(tmp_path, "x.xml", INVOICE.replace(wrong, right, 1), UBL)
    assert way.touchpoints == {}
    (refused,) = way.refused
    assert refused.reason == reason
    assert replayed(refused, UBL) == (0, [reason])
    # It is kept as a document of its own; corrected, it is read like any other.
    payload = refused.payload
    assert b"Zilver" in payload or "Zïlver".encode() in payload


def test_a_refused_invoice_that_is_mended_is_read(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "x.xml", INVOICE.replace(b">133.10<", b">133x10<"), UBL)
    assert replayed(way.refused[0], UBL, {b">133x10<": b">133.10<"}) == (1, [])


def test_a_purchase_of_our_own_is_no_sale(tmp_path: Path) -> None:
    ours = mapping_of("ubl", constants={"our_business_id": "BE 0417.497.106"})
    touchpoints, refused = read(tmp_path / "x.xml", ours, INVOICE)
    assert (touchpoints, refused[0].reason) == ([], "not_an_order")


def test_an_envelope_of_the_network_and_utf_16_change_nothing(tmp_path: Path) -> None:
    inner = INVOICE.partition(b"?>")[2]
    envelope = (
        b'<?xml version="1.0"?><StandardBusinessDocument><StandardBusinessDocumentHeader/>'
        + inner
        + b"</StandardBusinessDocument>"
    )
    ((plain,), _) = read(tmp_path / "a.xml", UBL, INVOICE)
    ((wrapped,), _) = read(tmp_path / "b.xml", UBL, envelope)
    wide = INVOICE.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    ((other,), _) = read(tmp_path / "c.xml", UBL, wide)
    assert plain == wrapped == other
    assert guess_mapping(tmp_path / "b.xml").mapping.kind == "ubl"
    assert guess_mapping(tmp_path / "c.xml").mapping.kind == "ubl"


def test_a_folder_of_documents_is_one_source(tmp_path: Path) -> None:
    folder = tmp_path / "facturen-2026"
    folder.mkdir()
    for name in ("ubl_invoice.xml", "ubl_credit_note.xml"):
        (folder / name).write_bytes(sample(name))
    (folder / "scan.pdf").write_bytes(b"%PDF")
    assert named_files([folder], "ubl", None) == [
        (folder / "ubl_credit_note.xml", "facturen"),
        (folder / "ubl_invoice.xml", "facturen"),
    ]


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><Invoice>&j;</Invoice>"
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB, "not_storable"),
        (b'<!DOCTYPE Invoice SYSTEM "file:///etc/passwd"><Invoice/>', "not_storable"),
        (INVOICE[: len(INVOICE) // 2], "malformed_record"),
        (b"<Invoice>" + b"<a>" * 100_000, "too_large"),
        (b"<Invoice><a b='" + b"x" * 3_000_000, "too_large"),
        (b"<Invoice>" + b"<a/>" * 600_000, "too_large"),
        (b"<Invoice>" + b"x" * 20_000_000 + b"</Invoice>", "too_large"),
        (b'<?xml version="1.0" encoding="klingon"?><Invoice/>', "invalid_encoding"),
        (b"<Invoice>\xff\xfe</Invoice>", "malformed_record"),
        (b"<Invoice>&unknown;</Invoice>", "malformed_record"),
    ],
    ids=["bomb", "external", "cut", "deep", "tag", "many", "long", "encoding", "bytes", "entity"],
)
def test_xml_that_would_harm_is_refused_with_a_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    touchpoints, refused = read(tmp_path / "x.xml", UBL, content)
    assert touchpoints == []
    assert [record.reason for record in refused] == [reason]
    assert len(refused[0].payload) <= 1_000_000


def test_what_is_no_such_document_is_said_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping, match=r"'Catalogue'; expected is CreditNote, Invoice"):
        read(tmp_path / "x.xml", UBL, b"<Catalogue/>")
    with pytest.raises(InvalidMapping, match="not XML"):
        read(tmp_path / "x.xml", UBL, b"id;name\n1;2\n")


def test_a_large_file_is_read_in_pieces_and_text_is_whole_across_them(tmp_path: Path) -> None:
    words = "é" * 500_000
    found = list(
        xml_records(
            io.BytesIO(f"<r><x>{words}</x><x>2</x></r>".encode()),
            records=frozenset({"x"}),
            roots=frozenset({"r"}),
        )
    )
    assert not any(isinstance(record, BadRow) for record in found)
    assert [record.element.text for record in found] == [words, "2"]  # type: ignore[union-attr]


@settings(max_examples=50, deadline=None)
@given(content=spoilt(INVOICE) | st.binary(max_size=300))
def test_a_spoilt_invoice_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    mapping: Mapping = UBL
    read_or_refused(tmp_path_factory.mktemp("fuzz") / "x.xml", mapping, content)

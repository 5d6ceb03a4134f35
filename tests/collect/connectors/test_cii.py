"""Cross Industry Invoices say the same as UBL ones, in other words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings

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

INVOICE = sample("cii_invoice.xml")
CII = mapping_of("cii")


def test_an_invoice_is_an_order_with_its_lines_taxes_and_buyer(tmp_path: Path) -> None:
    touch = whole_way(tmp_path, "cii_invoice.xml").only()
    assert touch.touchpoint_id == "invoices:invoice:BE0403170701:RE-5501"
    assert (touch.type, touch.amount, touch.currency) == (
        "Order Completed",
        Decimal("190.40"),
        "EUR",
    )
    assert touch.occurred_at == datetime(2026, 9, 14, tzinfo=UTC)
    assert touch.order_id == "WEB-7"
    assert touch.items == (
        Item(
            sku="ZELT-2",
            name="Zweipersonenzelt",
            quantity=Decimal(2),
            unit_price=Decimal("80.00"),
            amount=Decimal("160.00"),
        ),
    )
    assert touch.identifiers == (
        Identifier(kind="customer_number", value="D-300", namespace="silo"),
        Identifier(kind="email", value="huber@bergschule.example"),
        Identifier(kind="phone", value="+49 8652 55012"),
        Identifier(kind="business_id", value="DE136695976"),
    )
    assert touch.traits["city"] == "Schönau"
    assert touch.properties["payment_reference"] == "RF18539007547034"
    assert touch.properties["due_date"] == "2026-10-14"
    assert touch.properties["taxes"] == [{"percent": "19.00", "amount": "30.40"}]


def test_a_credit_note_is_told_by_its_type_code(tmp_path: Path) -> None:
    credit = INVOICE.replace(b"TypeCode>380<", b"TypeCode>381<")
    ((touch,), _) = read(tmp_path / "x.xml", CII, credit)
    assert (touch.type, touch.amount) == ("Order Refunded", Decimal("-190.40"))
    assert touch.items[0].amount == Decimal("-160.00")


@pytest.mark.parametrize(
    ("wrong", "right", "reason"),
    [
        (b">20260914<", b">20269914<", "invalid_timestamp"),
        (b"GrandTotalAmount>190.40<", b"GrandTotalAmount>n/a<", "invalid_amount"),
        (b"<ram:ID>RE-5501</ram:ID>", b"<ram:ID> </ram:ID>", "missing_field"),
    ],
)
def test_what_cannot_be_read_is_kept_with_its_reason_and_read_when_mended(
    tmp_path: Path, wrong: bytes, right: bytes, reason: str
) -> None:
    way = whole_way(tmp_path, "x.xml", INVOICE.replace(wrong, right), CII)
    (refused,) = way.refused
    assert refused.reason == reason
    assert replayed(refused, CII) == (0, [reason])


@settings(max_examples=50, deadline=None)
@given(content=spoilt(INVOICE))
def test_a_spoilt_invoice_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_or_refused(tmp_path_factory.mktemp("fuzz") / "x.xml", CII, content)

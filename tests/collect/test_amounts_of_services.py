"""Amounts as web services tell them: in cents, in parts, and given back little by little."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rapport.collect.cell_values import read_moment
from rapport.collect.mapped_files import read_touchpoints
from rapport.collect.mapping import mapping_from
from rapport.vocabulary.touchpoint import Touchpoint

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAYMENT = {"payment_id": "id", "occurred_at": "at", "amount": "amount", "currency": "currency"}


def _read(folder: Path, record: dict[str, Any], **said: Any) -> tuple[list[Touchpoint], list[str]]:
    mapping = mapping_from({"source": "shop", "file": {"format": "jsonl"}, **said}, "the test")
    path = folder / "records.jsonl"
    path.write_bytes(msgspec.json.encode(record))
    touches: list[Touchpoint] = []
    reasons: list[str] = []
    for batch in read_touchpoints(path, mapping, NOW):
        touches += batch.touchpoints
        reasons += [each.reason for each in batch.refused]
    return touches, reasons


@pytest.mark.parametrize(
    ("currency", "amount"),
    [("eur", "12.34"), ("HUF", "12.34"), ("JPY", "1234"), ("KWD", "1.234"), ("ISK", "12.34")],
)
def test_amounts_in_the_smallest_unit_are_of_their_currency(
    currency: str, amount: str, tmp_path: Path
) -> None:
    (touch,), _ = _read(
        tmp_path,
        {"id": "p1", "at": 1761131888, "amount": 1234, "currency": currency},
        kind="payments",
        columns=PAYMENT,
        file={"format": "jsonl", "minor_units": ["amount"], "minor_digits": {"ISK": 2}},
    )
    assert (touch.amount, touch.currency) == (Decimal(amount), currency.upper())
    assert touch.occurred_at == datetime(2025, 10, 22, 11, 18, 8, tzinfo=UTC)


def test_cents_of_no_currency_are_refused(tmp_path: Path) -> None:
    assert _read(
        tmp_path,
        {"id": "p1", "at": 1761131888, "amount": 1234, "currency": None},
        kind="payments",
        columns=PAYMENT,
        file={"format": "jsonl", "minor_units": ["amount"]},
    ) == ([], ["unknown_currency"])


def test_prices_of_nested_items_count_the_unit_of_their_order(tmp_path: Path) -> None:
    (touch,), _ = _read(
        tmp_path,
        {"no": "7", "at": "2026-10-01T10:00:00Z", "currency": "HUF", "lines": [{"p": 99900}]},
        kind="orders",
        columns={"order_id": "no", "occurred_at": "at", "currency": "currency", "items": "lines"},
        items={"unit_price": "p"},
        file={"format": "jsonl", "minor_units": ["unit_price"]},
    )
    assert touch.amount == touch.items[0].amount == Decimal(999)


def test_what_was_given_back_of_an_order_is_one_refund_that_grows(
    tmp_path: Path,
) -> None:
    columns = {
        "order_id": "no",
        "occurred_at": "at",
        "amount": "total",
        "currency": "currency",
        "refunded_amount": "refunds.*.transactions.*.amount",
        "refunded_at": "refunds.*.at",
        "email": "email",
    }
    order: dict[str, Any] = {
        "no": "1001",
        "at": "2026-10-01T10:00:00Z",
        "total": "50.00",
        "currency": "EUR",
        "email": "nagy.anna@example.hu",
        "refunds": [],
    }
    (only,), _ = _read(tmp_path, order, kind="orders", columns=columns)
    assert only.amount == Decimal(50)
    order["refunds"].append(
        {"at": "2026-10-05T09:00:00+02:00", "transactions": [{"amount": "4.00"}, {"amount": "1"}]}
    )
    (_, once), _ = _read(tmp_path, order, kind="orders", columns=columns)
    order["refunds"].append(
        {"at": "2026-10-09T09:00:00+02:00", "transactions": [{"amount": "10.00"}]}
    )
    (sold, twice), _ = _read(tmp_path, order, kind="orders", columns=columns)
    assert sold == only
    assert (once.type, once.amount, once.order_id) == ("Order Refunded", Decimal(-5), "1001")
    assert twice.amount == Decimal(-15)
    assert twice.occurred_at == datetime(2026, 10, 9, 7, tzinfo=UTC)
    # A touchpoint that says something else is kept as the correction of what it said before.
    assert once.touchpoint_id == twice.touchpoint_id != sold.touchpoint_id
    assert once.identifiers == sold.identifiers


def test_refunds_of_one_order_with_numbers_of_their_own_are_kept_apart(tmp_path: Path) -> None:
    touches = [
        _read(
            tmp_path,
            {"no": "1001", "refund": refund, "at": "2026-10-05", "total": 5, "is": "refunded"},
            kind="orders",
            columns={
                "order_id": "no",
                "refund_id": "refund",
                "occurred_at": "at",
                "amount": "total",
                "status": "is",
            },
        )[0][0]
        for refund in ("re_1", "re_2")
    ]
    assert {touch.touchpoint_id for touch in touches} == {
        "orders:1001:refund:re_1",
        "orders:1001:refund:re_2",
    }
    assert {touch.order_id for touch in touches} == {"1001"}


@pytest.mark.parametrize(
    ("status", "amount", "expected"),
    [
        ("succeeded", "12.00", [("Payment Received", Decimal(12))]),
        (None, "-12.00", [("Payment Returned", Decimal(-12))]),
        ("chargeback", "12.00", [("Payment Returned", Decimal(-12))]),
    ],
)
def test_a_payment_came_or_went_back(
    status: str | None, amount: str, expected: list[tuple[str, Decimal]], tmp_path: Path
) -> None:
    touches, _ = _read(
        tmp_path,
        {"id": "p1", "at": "2026-10-01", "amount": amount, "currency": "EUR", "is": status},
        kind="payments",
        columns={**PAYMENT, "status": "is"},
    )
    assert [(touch.type, touch.amount) for touch in touches] == expected


@pytest.mark.parametrize(
    ("status", "reason"), [("failed", "not_an_order"), ("flummoxed", "wrong_type")]
)
def test_what_is_no_payment_is_refused(status: str, reason: str, tmp_path: Path) -> None:
    assert _read(
        tmp_path,
        {"id": "p1", "at": "2026-10-01", "amount": "1", "currency": "EUR", "is": status},
        kind="payments",
        columns={**PAYMENT, "status": "is"},
    ) == ([], [reason])


def test_moments_as_dot_net_writes_them_are_read() -> None:
    for text in ("/Date(1573755038314)/", "/Date(1573755038314+0100)/"):
        assert read_moment(text) == datetime(2019, 11, 14, 18, 10, 38, 314000, tzinfo=UTC)


def test_an_order_given_back_as_a_whole_was_sold_first(tmp_path: Path) -> None:
    (sold, back), _ = _read(
        tmp_path,
        {"no": "1001", "at": "2026-10-05", "total": "59.90", "is": "refunded"},
        kind="orders",
        columns={"order_id": "no", "occurred_at": "at", "amount": "total", "status": "is"},
        values={"status": {"refunded": "refunded_whole"}},
    )
    assert (sold.type, sold.amount) == ("Order Completed", Decimal("59.90"))
    assert (back.type, back.amount) == ("Order Refunded", Decimal("-59.90"))


def test_parts_of_a_bundle_are_no_lines_of_their_own(tmp_path: Path) -> None:
    lines = [{"sku": "SET", "id": 1, "of": None, "p": 30}, {"sku": "A", "id": 2, "of": 1, "p": 0}]
    (touch,), _ = _read(
        tmp_path,
        {"no": "1", "at": "2026-10-05", "lines": lines},
        kind="orders",
        columns={"order_id": "no", "occurred_at": "at", "items": "lines"},
        items={"sku": "sku", "unit_price": "p", "part_of": "of"},
    )
    assert [item.sku for item in touch.items] == ["SET"]


def test_the_numbers_of_a_shops_customers_are_the_ones_its_orders_name(tmp_path: Path) -> None:
    shop = {"customer_namespace": "shop.example"}
    (person,), _ = _read(
        tmp_path,
        {"id": 5, "email": "j.jansen@example.nl"},
        kind="contacts",
        columns={"record_id": "id", "email": "email"},
        constants={"record_kind": "customer_number", **shop},
    )
    (order,), _ = _read(
        tmp_path,
        {"no": "1", "at": "2026-10-05", "total": 3, "customer": 5},
        kind="orders",
        columns={
            "order_id": "no",
            "occurred_at": "at",
            "amount": "total",
            "customer_id": "customer",
        },
        constants=shop,
    )
    assert person.record == order.record


@pytest.mark.parametrize(
    ("total", "expected"), [("12.50", "Order Completed"), ("-12.50", "Order Refunded")]
)
def test_what_a_till_calls_settled_was_sold_or_taken_back_by_its_sign(
    total: str, expected: str, tmp_path: Path
) -> None:
    (touch,), _ = _read(
        tmp_path,
        {"no": "1", "at": "2026-10-05", "total": total, "is": "CLOSED"},
        kind="orders",
        columns={"order_id": "no", "occurred_at": "at", "amount": "total", "status": "is"},
        values={"status": {"CLOSED": "settled"}},
    )
    assert (touch.type, touch.amount) == (expected, Decimal(total))


def test_an_order_without_lines_and_amount_is_none(tmp_path: Path) -> None:
    assert _read(
        tmp_path,
        {"no": "1", "at": "2026-10-05", "total": 0, "lines": []},
        kind="orders",
        columns={
            "order_id": "no",
            "occurred_at": "at",
            "amount": "total",
            "items": "lines",
        },
        items={"sku": "sku"},
    ) == ([], ["not_an_order"])

"""Orders, receipts and invoices: one row each, one row per line, or with their items nested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any

from rapport.collect.cell_values import read_money
from rapport.collect.connector import Connector
from rapport.collect.mapping import Mapping
from rapport.collect.plain_orders import read_plain_orders
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import (
    ORDER_CANCELLED,
    ORDER_COMPLETED,
    ORDER_REFUNDED,
    Item,
    Touchpoint,
)

LINE_FIELDS = ("sku", "item_name", "category", "quantity", "unit_price", "line_amount")

#: Words of order systems, for files whose mapping does not state its own.
_STATUS = {
    **dict.fromkeys(
        (
            *("completed", "complete", "paid", "shipped", "delivered", "fulfilled", "sale"),
            *("voltooid", "betaald", "geleverd", "verkoop", "payé", "livré", "vente", "terminé"),
            *("teljesítve", "fizetve", "eladás", "bezahlt", "geliefert", "verkauf", "sold"),
        ),
        ORDER_COMPLETED,
    ),
    **dict.fromkeys(
        (
            *("refund", "refunded", "return", "returned", "credit", "retour", "terugbetaald"),
            *("remboursé", "avoir", "sztornó", "visszáru", "visszatérítve", "erstattet"),
        ),
        ORDER_REFUNDED,
    ),
    **dict.fromkeys(
        ("cancelled", "canceled", "cancel", "void", "geannuleerd", "annulé", "törölt", "storniert"),
        ORDER_CANCELLED,
    ),
}
#: What may still become an order; a source that is read again brings it back when it does.
_OPEN = frozenset(
    (
        *("pending", "open", "draft", "checkout-draft", "on-hold", "unpaid", "authorized"),
        *("failed", "expired", "abandoned"),
    )
)
#: A shop's word for an order that was sold and then given back as a whole. A document of a refund
#: is something else: its order is a document of its own.
REFUNDED_WHOLE = "refunded_whole"
#: A till's word for what is done with: its sign tells whether goods were sold or taken back.
SETTLED = "settled"
_SUFFIX = {ORDER_COMPLETED: "", ORDER_REFUNDED: ":refund", ORDER_CANCELLED: ":cancelled"}


def _group_by(mapping: Mapping) -> str | None:
    """Lines of one order are one touchpoint; so are all rows with its number."""
    lines = any(field in mapping.columns for field in LINE_FIELDS)
    return "order_id" if lines and "order_id" in mapping.columns else None


def _mapping_mistakes(mapping: Mapping) -> list[str]:
    columns = mapping.columns
    mistakes = []
    if (
        "amount" not in columns
        and "items" not in columns
        and not ({"line_amount", "unit_price"} & set(columns))
    ):
        mistakes.append(
            "orders need an amount: map `amount` (of the order), `line_amount` or `unit_price`"
        )
    if "order_id" not in columns and not ("amount" in columns and "customer_id" in columns):
        mistakes.append(
            "orders need `order_id`; without one, each row must be an order with `amount` and "
            "`customer_id`"
        )
    if "items" in columns and not mapping.items:
        mistakes.append("`items` names a list, so [items] must map its fields")
    return mistakes


def read_order(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one order, of all its lines.

    Raises
    ------
    RowError
        If any line cannot be read: an order that lacks a line would have a wrong amount, so it
        waits as a whole until it is mended.
    """
    first = rows[0]
    occurred_at = first.required_moment("occurred_at")
    items = _items(rows)
    stated = first.money("amount")
    if any(row.money("amount") != stated for row in rows[1:]):
        raise RowError(
            "invalid_amount", "lines of one order state different totals; is it `line_amount`?"
        )
    lines = [item.amount for item in items if item.amount is not None]
    amount = _within_reach(sum(lines, Decimal(0))) if stated is None else stated
    if stated is None and not lines:
        raise RowError("missing_field", "the order has no amount")
    if amount == 0 and not items and "items" in first.reading.mapping.columns:
        raise RowError("not_an_order", "it has no lines and no amount; nothing was sold")
    # Some tills leave what was cancelled among the sales, and only say when.
    cancelled = first.text("cancelled_at") is not None
    kind = ORDER_CANCELLED if cancelled else _kind(first, amount, items)
    if kind == ORDER_REFUNDED:
        amount = -abs(amount)
        items = tuple(_given_back(item) for item in items)
    order_id = first.text("order_id") or _made_order_id(first)
    channel = "store" if first.text("place") else "web"
    refund = first.text("refund_id") if kind == ORDER_REFUNDED else None
    yield first.touchpoint(
        f"orders:{order_id}{_SUFFIX[kind]}{'' if refund is None else f':{refund}'}",
        type=kind,
        channel=channel,
        occurred_at=occurred_at,
        order_id=order_id,
        amount=amount,
        currency=first.currency(),
        items=items,
        properties={"coupon": first.text("coupon")},
    )
    whole = first.text("status") == REFUNDED_WHOLE
    refunded = amount if whole else first.money("refunded_amount")
    if kind == ORDER_COMPLETED and refunded:
        # All that was given back until now; when it grows, that is said anew of this touchpoint.
        yield first.touchpoint(
            f"orders:{order_id}:refunded",
            type=ORDER_REFUNDED,
            channel=channel,
            occurred_at=first.moment("refunded_at") or occurred_at,
            order_id=order_id,
            amount=-abs(refunded),
            currency=first.currency(),
        )


def _within_reach(amount: Decimal) -> Decimal:
    """An amount that was computed, which may be larger than each of its parts may be."""
    try:
        return read_money(amount)
    except ValueError as error:
        raise RowError("invalid_amount", "price times quantity, or the sum, is above 10^12") from (
            error
        )


def _kind(row: Row, amount: Decimal, items: Sequence[Item]) -> str:
    status = row.text("status")
    taken_back = any(item.quantity < 0 for item in items)
    if status == SETTLED:
        return ORDER_REFUNDED if amount < 0 else ORDER_COMPLETED
    if status is not None:
        if status.casefold() in _OPEN:
            raise RowError("not_an_order", "it is not paid yet, or never was; nothing was sold")
        kind = ORDER_COMPLETED if status == REFUNDED_WHOLE else _STATUS.get(status.casefold())
        if kind is None:
            raise RowError(
                "wrong_type", "`status` has a word that is not mapped; add it to [values.status]"
            )
        if kind == ORDER_COMPLETED and amount < 0:
            raise RowError(
                "invalid_amount", "the amount of a completed order is negative; only refunds may be"
            )
        return kind
    if amount < 0:
        # Files without a status tell a return by its negative quantities; a negative price with
        # goods going out is a correction in the books, not an order.
        if items and not taken_back:
            raise RowError("not_an_order", "the amount is negative and nothing was returned")
        return ORDER_REFUNDED
    if taken_back and all(item.quantity < 0 for item in items):
        raise RowError(
            "not_an_order", "all quantities are negative and no money is: a stock correction?"
        )
    return ORDER_COMPLETED


def _given_back(item: Item) -> Item:
    return Item(
        sku=item.sku,
        name=item.name,
        category=item.category,
        quantity=-abs(item.quantity),
        unit_price=None if item.unit_price is None else abs(item.unit_price),
        amount=None if item.amount is None else -abs(item.amount),
    )


def _items(rows: Sequence[Row]) -> tuple[Item, ...]:
    columns = rows[0].reading.mapping.columns
    if "items" in columns:
        return _nested_items(rows[0])
    if not any(field in columns for field in LINE_FIELDS):
        return ()
    return tuple(_line(row) for row in rows)


def _line(row: Row) -> Item:
    quantity = row.money("quantity")
    price = row.money("unit_price")
    amount = row.money("line_amount")
    quantity = Decimal(1) if quantity is None else quantity
    if amount is None and price is not None:
        amount = _within_reach(price * quantity)
    if amount is None and "amount" not in row.reading.mapping.columns:
        raise RowError("missing_field", "a line has neither `line_amount` nor `unit_price`")
    name = row.text("item_name")
    return Item(
        sku=row.text("sku") or name or "unknown",
        name=name,
        category=row.text("category"),
        quantity=quantity,
        unit_price=price,
        amount=amount,
    )


def _nested_items(row: Row) -> tuple[Item, ...]:
    listed = row.cell("items")
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise RowError("wrong_type", "`items` must be a list of objects")
    fields = dict(row.reading.mapping.items)
    if (part_of := fields.pop("part_of", None)) is not None:
        # Parts of a bundle, whose own line stands before them with the price.
        listed = [entry for entry in listed if not _within(entry, part_of)]
    # The entries become columns of their own, so that one reader reads all lines.
    cells: dict[str, list[Any]] = {
        field: [_within(entry, path) for entry in listed] for field, path in fields.items()
    }
    if "category" in row.reading.words and "category" in cells:
        words = row.reading.words["category"]
        cells["category"] = [
            words.get(clean_text(str(c)).casefold(), c) if c is not None else None
            for c in cells["category"]
        ]
    cells["currency"] = [row.cell("currency")] * len(listed)
    return tuple(_line(Row(cells, i, row.reading)) for i in range(len(listed)))


def _within(entry: dict[str, Any], path: str) -> Any:
    value: Any = entry
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _made_order_id(row: Row) -> str:
    """A number for an order of a file that has none: of what its row says, so it stays."""
    said = {field: row.text(field) for field in sorted(row.reading.mapping.columns)}
    said["twin"] = str(row.reading.twin(tuple(said.items())))
    return "made-" + sha256(repr(sorted(said.items())).encode()).hexdigest()[:24]


CONNECTOR = Connector(
    kind="orders",
    label="Orders, receipts and invoices",
    required=("occurred_at",),
    optional=(
        *("order_id", "amount", "currency", "status", "items", "coupon"),
        *("refund_id", "refunded_amount", "refunded_at", "cancelled_at"),
        *LINE_FIELDS,
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_order,
    read_plain=read_plain_orders,
    file_words=("order", "receipt", "invoice", "sale", "till", "bon", "commande", "rendel"),
    synonyms={
        "order_id": ("ticket", "id"),
        "occurred_at": (
            *("date", "datum", "dátum", "order date", "invoice date", "invoicedate", "datetime"),
            *("date_heure", "date commande", "időpont", "placedat", "created_at", "besteldatum"),
        ),
        "amount": (
            *("total", "totaal", "montant", "összeg", "betrag", "order total", "grand total"),
            *("bedrag", "revenue", "gesamt", "végösszeg", "dollars", "sales", "value"),
        ),
        "status": ("soort", "jelleg", "type", "order status", "état", "állapot"),
        "name": ("customer name", "klantnaam", "nom client", "vevő neve"),
    },
    group_by=_group_by,
    mapping_mistakes=_mapping_mistakes,
)

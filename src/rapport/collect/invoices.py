"""Electronic invoices, credit notes and orders, whichever standard they are written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rapport.collect.mapping import Mapping
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.identifier import Identifier, kind_of
from rapport.vocabulary.identifier_values import normalise_business_id
from rapport.vocabulary.touchpoint import (
    ORDER_COMPLETED,
    ORDER_PLACED,
    ORDER_REFUNDED,
    Item,
    Touchpoint,
)

#: What a connector makes of a document; `lines` is a list of dicts with `LINE_FIELDS`.
FIELDS = (
    *("document", "document_id", "type_code", "seller", "issued_at", "amount", "currency", "lines"),
    *("sales_order", "purchase_order", "corrects_invoice", "net_amount", "tax_amount", "taxes"),
    *("discount", "prepaid_amount", "due_date", "payment_reference", "note", "language"),
    *("business_ids", "contact_name", "first_name", "last_name"),
    *("street", "postal_code", "city", "company"),
    *("our_business_id", "orders"),
    *PERSON_FIELDS,
    *PLACE_FIELDS,
)
LINE_FIELDS = ("sku", "item_name", "quantity", "unit_price", "price_for", "line_amount")

#: UN/CEFACT 1001: credit notes of every kind.
_CREDITS = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
#: Requests and advances: the invoice that follows has the whole amount.
_NO_SALES = {
    "325": "a pro-forma invoice is no sale",
    "386": "a prepayment: the final invoice has the whole amount",
}
#: Schemes of addresses on the Peppol network whose values are the VAT number with its country, or
#: that become it: the Belgian register's number is the VAT number without its letters.
_VAT_SCHEMES = frozenset(f"99{number}" for number in range(10, 60))


def business_number(scheme: str | None, value: str | None) -> str | None:
    """A company's number in the form in which the same company is always written.

    Parameters
    ----------
    scheme : str, optional
        Of ISO 6523 or the Peppol list, such as ``0208`` or ``9925``; None: a VAT number.

    Examples
    --------
    >>> business_number("0208", "0403170701"), business_number("9925", "be0403170701")
    ('BE0403170701', 'BE0403170701')
    >>> business_number("0088", "5412345000013")
    '0088:5412345000013'
    """
    if value is None:
        return None
    if scheme == "0208" and value.isdecimal():
        value = f"BE{value}"
    elif scheme and not (scheme in _VAT_SCHEMES and value[:2].isalpha()):
        value = f"{scheme}:{value}"
    return normalise_business_id(value)


def read_invoice(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one document.

    Raises
    ------
    RowError
        If it is no sale, or not readable: with its reason.
    """
    (row,) = rows
    reading = row.reading
    document = row.required("document")
    number = row.required("document_id")
    occurred_at = row.required_moment("issued_at")
    code = row.text("type_code") or ""
    if code in _NO_SALES and document == "invoice":
        raise RowError("not_an_order", _NO_SALES[code])
    ours = normalise_business_id(reading.constants.get("our_business_id", ""))
    companies = [text for text in row.cell("business_ids") or () if text]
    if ours is not None and ours in companies:
        raise RowError("not_an_order", "the buyer is `our_business_id`: it is a purchase of ours")
    stated = row.money("amount")
    if stated is None:
        raise RowError("missing_field", "the document states no total amount")
    gives_back = document == "credit_note" or code in _CREDITS
    amount = -stated if gives_back else stated
    items = tuple(_item(line, credit=gives_back) for line in _lines(row))
    kind = _type(row, document, amount, gives_back=gives_back)
    identifiers = (
        *row.identifiers(),
        *(Identifier(kind="business_id", value=company) for company in companies),
    )
    traits = {
        field: text
        for field in ("first_name", "last_name", "street", "postal_code", "city", "company")
        if (text := row.text(field)) is not None
    }
    language = row.language()
    if language is not None:
        traits["language"] = language
    corrected = row.text("corrects_invoice")
    said = {
        "invoice_id": number if document != "order" else None,
        "corrects_invoice": corrected,
        "purchase_order": row.text("purchase_order"),
        "net_amount": _written(row.money("net_amount")),
        "tax_amount": _written(row.money("tax_amount")),
        "taxes": row.cell("taxes") or None,
        "discount": _written(row.money("discount")),
        "prepaid_amount": _written(row.money("prepaid_amount")),
        "due_date": row.text("due_date"),
        "payment_reference": row.text("payment_reference"),
        "contact_name": row.text("contact_name"),
        "note": row.text("note") if document != "order" else None,
        "items_without_tax": True if items else None,
    }
    yield row.touchpoint(
        ":".join(part for part in ("invoices", document, row.text("seller"), number) if part),
        type=kind,
        channel="finance",
        occurred_at=occurred_at,
        order_id=row.text("sales_order") or corrected or number,
        amount=amount,
        currency=row.currency(),
        items=items,
        # Only an order's note is the customer's own word.
        text=row.text("note") if document == "order" else None,
        identifiers=identifiers,
        traits=traits if identifiers else {},
        properties=said,
    )


def _type(row: Row, document: str, amount: Decimal, *, gives_back: bool) -> str:
    if document == "order":
        counted = row.reading.constants.get("orders", "placed") == "completed"
        return ORDER_COMPLETED if counted else ORDER_PLACED
    if amount == 0:
        return ORDER_REFUNDED if gives_back else ORDER_COMPLETED
    return ORDER_REFUNDED if amount < 0 else ORDER_COMPLETED


def _written(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _lines(row: Row) -> list[Row]:
    listed: list[dict[str, Any]] = row.cell("lines") or []
    cells = {field: [line.get(field) for line in listed] for field in LINE_FIELDS}
    return [Row(cells, index, row.reading) for index in range(len(listed))]


def _item(line: Row, *, credit: bool) -> Item:
    quantity = line.money("quantity")
    price = line.money("unit_price")
    each = line.money("price_for")
    amount = line.money("line_amount")
    if price is not None and each:
        price = (price / each).quantize(Decimal("0.0001"))
    quantity = Decimal(1) if quantity is None else quantity
    name = line.text("item_name")
    return Item(
        sku=line.text("sku") or name or "unknown",
        name=name,
        quantity=-quantity if credit else quantity,
        unit_price=price,
        amount=-amount if credit and amount is not None else amount,
    )


def mapping_mistakes(mapping: Mapping) -> list[str]:
    """What is wrong with the constants of a mapping of invoices."""
    mistakes = []
    if mapping.constants.get("orders", "placed") not in ("placed", "completed"):
        mistakes.append(
            "the constant `orders` must be placed (their invoices are counted) or completed"
        )
    kind = mapping.constants.get("customer_kind")
    if kind is not None and kind_of(kind).priority == 50:
        mistakes.append(f"the constant customer_kind {kind!r} is no kind of identifier")
    return mistakes

"""Orders whose rows are plain: paid goods that go out, in one touchpoint for each order."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from rapport.collect.cell_values import LARGEST_AMOUNT, read_money
from rapport.collect.plain import PlainColumns
from rapport.vocabulary.touchpoint import ORDER_COMPLETED, Item, Touchpoint

#: Fields whose meaning goes beyond one row or one sign; files that have them are read by `Row`.
_BEYOND = frozenset(
    {
        *("status", "items", "refund_id", "refunded_amount", "refunded_at"),
        *("first_name", "last_name"),
    }
)
_LINES = frozenset({"sku", "item_name", "category", "quantity", "unit_price", "line_amount"})
_ONE = Decimal(1)


def read_plain_orders(
    columns: PlainColumns, bounds: Sequence[int]
) -> list[Touchpoint | None] | None:
    """The touchpoint of each order; None for one that `Row` must look at.

    Parameters
    ----------
    bounds : sequence of int
        Where each order's rows begin, and the end.

    Returns
    -------
    list or None
        None: the whole file needs the other reader.
    """
    if any(map(columns.has, _BEYOND)) or columns.reading.minor_units:
        return None
    reading = columns.reading
    order_ids = columns.texts("order_id")
    columns.missing(order_ids)
    moments = columns.moments("occurred_at")
    columns.missing(moments)
    stated = columns.money("amount") if columns.has("amount") else None
    items = _items(columns)
    if stated is None and items is None:
        return None
    currencies = columns.currencies()
    countries = columns.countries()
    channels = columns.channels()
    identifiers = columns.identifiers()
    names = columns.texts("name")
    places = columns.texts("place")
    acquired = columns.texts("acquisition_channel")
    campaigns = columns.texts("campaign")
    free = [(field, columns.cells(field)) for field in reading.free_fields]
    if columns.has("coupon"):
        free.append(("coupon", columns.texts("coupon")))
    source, received_at = reading.source, reading.received_at
    odd = columns.odd
    found: list[Touchpoint | None] = []
    for begin, end in pairwise(bounds):
        if odd and not odd.isdisjoint(range(begin, end)):
            found.append(None)
            continue
        lines = () if items is None else tuple(items[begin:end])
        if stated is not None:
            amount = stated[begin]
            if amount is None or any(other != amount for other in stated[begin + 1 : end]):
                found.append(None)
                continue
        else:
            amount = sum((line.amount for line in lines if line.amount is not None), Decimal(0))
        if not 0 <= amount < LARGEST_AMOUNT:
            found.append(None)
            continue
        own = identifiers[begin]
        place = places[begin]
        channel = channels[begin] or ("store" if place else "web")
        country = countries[begin]
        traits = {}
        if own:
            if country is not None and channel != "store":
                traits["country"] = country
            if (name := names[begin]) is not None:
                traits["name"] = name
        order_id = order_ids[begin]
        found.append(
            Touchpoint(
                touchpoint_id=f"orders:{order_id}",
                source=source,
                channel=channel,
                type=ORDER_COMPLETED,
                occurred_at=moments[begin],  # type: ignore[arg-type]  # none is missing
                received_at=received_at,
                record=own[0] if own else None,
                identifiers=own,
                traits=traits,
                order_id=order_id,
                amount=amount,
                currency=currencies[begin],
                items=lines,
                place=place,
                country=country,
                acquisition_channel=acquired[begin],
                campaign=campaigns[begin],
                properties={
                    field: value for field, cells in free if (value := cells[begin]) is not None
                },
            )
        )
    return found


def _items(columns: PlainColumns) -> list[Item] | None:
    """The line of each row; None where rows are orders without lines."""
    if not any(field in columns.reading.mapping.columns for field in _LINES):
        return None
    skus, names = columns.texts("sku"), columns.texts("item_name")
    categories = columns.texts("category")
    quantities = [_ONE if q is None else q for q in columns.money("quantity")]
    prices, amounts = columns.money("unit_price"), columns.money("line_amount")
    whole = "amount" in columns.reading.mapping.columns
    items: list[Item] = []
    made: dict[tuple[Any, ...], Item] = {}
    for place, line in enumerate(
        zip(skus, names, categories, quantities, prices, amounts, strict=True)
    ):
        known = made.get(line)
        if known is not None:
            items.append(known)
            continue
        sku, name, category, quantity, price, amount = line
        if amount is None and price is not None:
            try:
                amount = read_money(price * quantity)
            except ValueError:
                columns.odd.add(place)
        if quantity < 0 or (amount is None and not whole):
            columns.odd.add(place)
        item = Item(
            sku=sku or name or "unknown",
            name=name,
            category=category,
            quantity=quantity,
            unit_price=price,
            amount=amount,
        )
        if place not in columns.odd:
            made[line] = item
        items.append(item)
    return items

"""Events of any kind: the table of a silo for which there is no kind of its own.

What happened stands in a column or is one for all rows; every other column is a field of a
touchpoint or is kept under its own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from hashlib import sha256

import msgspec

from rapport.collect.account_numbers import without_accounts
from rapport.collect.column_names import plain_name
from rapport.collect.connector import Columns, Connector
from rapport.collect.mapping import Mapping
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import (
    ORDER_COMPLETED,
    ORDER_REFUNDED,
    PAYMENT_RECEIVED,
    PAYMENT_RETURNED,
    Item,
    Touchpoint,
)

_LONGEST_TYPE = 100
_TRAITS = (
    *("first_name", "last_name", "gender", "street", "postal_code", "city", "company"),
    *("loyalty_tier", "preferred_store", "favourite_category", "interests"),
)
_DEVICES = ("anonymous_id", "device_id")
#: Their amounts have one sign.
_POSITIVE = frozenset({ORDER_COMPLETED, PAYMENT_RECEIVED})
_NEGATIVE = frozenset({ORDER_REFUNDED, PAYMENT_RETURNED})


def read_event(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one row."""
    (row,) = rows
    reading = row.reading
    kind = row.required("type")
    if len(kind) > _LONGEST_TYPE:
        raise RowError("wrong_type", f"`type` is longer than {_LONGEST_TYPE} letters; a text?")
    occurred_at = row.required_moment("occurred_at")
    score, low, high = row.number("score"), row.number("scale_min"), row.number("scale_max")
    if score is not None and (
        (low is not None and score < low) or (high is not None and score > high)
    ):
        raise RowError("score_out_of_range", "`score` is outside its scale")
    amount = row.money("amount")
    if amount is not None and kind in _NEGATIVE:
        amount = -abs(amount)
    if amount is not None and kind in _POSITIVE and amount < 0:
        raise RowError("invalid_amount", "the amount of a sale or payment is negative")
    devices = tuple(
        Identifier(
            kind=field, value=value, namespace=reading.source if field == "anonymous_id" else ""
        )
        for field in _DEVICES
        if (value := row.text(field)) is not None
    )
    identifiers = (*row.identifiers(), *devices)
    traits = {field: text for field in _TRAITS if (text := row.text(field)) is not None}
    birthday, language = row.birthday(), row.language()
    if birthday is not None:
        traits["birthday"] = birthday
    sku, name = row.text("sku"), row.text("item_name")
    quantity = row.money("quantity")
    items = () if sku is None and name is None else (
        Item(
            sku=sku or name or "",
            name=name,
            category=row.text("category"),
            quantity=Decimal(1) if quantity is None else quantity,
            unit_price=row.money("unit_price"),
        ),
    )  # fmt: skip
    touch = row.touchpoint(
        f"events:{row.text('event_id') or _made_id(row)}",
        type=kind,
        channel="internal",
        occurred_at=occurred_at,
        identifiers=identifiers,
        traits=traits if identifiers else {},
        order_id=row.text("order_id"),
        amount=amount,
        currency=row.currency(),
        items=items,
        text=row.text("text"),
        language=language,
        score=score,
        scale_min=low,
        scale_max=high,
        question=row.text("question"),
        message=row.text("message"),
    )
    # Nobody has looked at these columns: whatever is a card or an account stays recognisable only.
    kept = {
        field: without_accounts(value) if isinstance(value, str) else value
        for field, value in touch.properties.items()
    }
    yield msgspec.structs.replace(touch, properties=kept)


def _made_id(row: Row) -> str:
    """Of what the row says, so that the same export twice is stored once."""
    said = tuple((field, row.text(field)) for field in sorted(row.reading.mapping.columns))
    return sha256(repr((*said, row.reading.twin(said))).encode()).hexdigest()[:24]


def _others(columns: Columns, fields: dict[str, str]) -> dict[str, str]:
    """Every other column, under its own name: nobody can say yet what it is good for."""
    taken = set(fields.values())
    found: dict[str, str] = {}
    for column in columns:
        name = "_".join(plain_name(word) for word in column.split() if plain_name(word))
        if column not in taken and name and name not in fields and not CONNECTOR.knows(name):
            found.setdefault(name, column)
    return found


def mapping_mistakes(mapping: Mapping) -> list[str]:
    """An amount without a currency is worth nothing."""
    stated = {*mapping.columns, *mapping.constants}
    if "amount" in stated and "currency" not in stated:
        return ['amounts need a `currency`; state it, such as currency = "EUR" under [constants]']
    return []


CONNECTOR = Connector(
    kind="events",
    label="Events of any kind",
    required=("occurred_at", "type"),
    optional=(
        *("event_id", "text", "language", "score", "scale_min", "scale_max", "question"),
        *("order_id", "amount", "currency", "sku", "item_name", "category", "quantity"),
        *("unit_price", "message", "birthday"),
        *_DEVICES,
        *_TRAITS,
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_event,
    mapping_mistakes=mapping_mistakes,
    more_fields=_others,
    asks=("type",),
    file_words=("event", "activit", "log", "gebeurtenis", "esemény", "ereignis"),
    synonyms={
        "type": (
            *("event", "event name", "event type", "type", "action", "activity", "activity type"),
            *("gebeurtenis", "actie", "événement", "action", "esemény", "ereignis", "aktion"),
        ),
        "event_id": ("event id", "activity id", "id", "uuid"),
        "occurred_at": (
            *("time", "at", "when", "datetime", "event time", "activity date", "tijdstip"),
            *("moment", "időpont", "heure", "zeit"),
        ),
        "anonymous_id": ("anonymous id", "cookie", "visitor id", "client id", "session user"),
        "device_id": ("device id", "advertising id", "idfa", "gaid"),
    },
)

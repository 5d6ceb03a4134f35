"""Google Analytics 4 as it exports to BigQuery: JSON lines or Parquet, one row an event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from rapport.collect.cell_values import in_range
from rapport.collect.connector import Columns, Connector
from rapport.collect.rows import Row, RowError
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import (
    ORDER_COMPLETED,
    ORDER_REFUNDED,
    PAGE_VIEWED,
    SCREEN_VIEWED,
    Item,
    Touchpoint,
)

#: Google's names → those of the Segment ecommerce spec; others keep their own.
_TYPES = {
    "page_view": PAGE_VIEWED,
    "screen_view": SCREEN_VIEWED,
    "purchase": ORDER_COMPLETED,
    "refund": ORDER_REFUNDED,
    "view_item": "Product Viewed",
    "view_item_list": "Product List Viewed",
    "select_item": "Product Clicked",
    "add_to_cart": "Product Added",
    "remove_from_cart": "Product Removed",
    "view_cart": "Cart Viewed",
    "add_to_wishlist": "Product Added to Wishlist",
    "begin_checkout": "Checkout Started",
    "add_payment_info": "Payment Info Entered",
    "search": "Products Searched",
    "view_search_results": "Products Searched",
    "view_promotion": "Promotion Viewed",
    "select_promotion": "Promotion Clicked",
    "share": "Product Shared",
    "sign_up": "Signed Up",
    "login": "Signed In",
}
#: Columns that hold objects; JSON shows their parts as columns of their own.
_OBJECTS = (
    *("ecommerce", "traffic_source", "collected_traffic_source", "geo", "device", "items"),
    *("event_params", "user_properties"),
)
_MOST_PARAMETERS = 255


def read_event(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one event."""
    (row,) = rows
    name = row.required("event_name")
    occurred_at = _moment(row)
    params = _params(row.cell("event_params"))
    commerce = _object(row, "ecommerce")
    traffic, collected = _object(row, "traffic_source"), _object(row, "collected_traffic_source")
    kind = _TYPES.get(name, name)
    is_order = kind in (ORDER_COMPLETED, ORDER_REFUNDED)
    order_id = _text(commerce.get("transaction_id")) or _text(params.pop("transaction_id", None))
    if order_id == "(not set)":
        order_id = None
    value = next(
        (
            found
            for found in (
                commerce.get("refund_value" if kind == ORDER_REFUNDED else "purchase_revenue"),
                row.cell("event_value"),
                params.pop("value", None),
            )
            if found is not None
        ),
        None,
    )
    if is_order and (order_id is None or value is None):
        raise RowError("missing_field", f"a {name} event has no transaction id or no value")
    sign = -1 if kind == ORDER_REFUNDED else 1
    reading = row.reading
    device = row.text("user_pseudo_id")
    user = row.text("user_id")
    identifiers = tuple(
        Identifier(kind=kind_, value=value_, namespace=reading.source)
        for kind_, value_ in (("user_id", user), ("anonymous_id", device))
        if value_ is not None
    )
    page = _text(params.pop("page_location", None))
    said = (device, user, row.text("event_timestamp"), name, row.text("bundle"), repr(params))
    platform = (row.text("platform") or "WEB").upper()
    amount = _amount(row, value)
    currency = _text(params.pop("currency", None))
    measured = Row({"currency": [currency]}, 0, reading)
    campaign = _text(collected.get("manual_campaign_name")) or _text(params.pop("campaign", None))
    touch = row.touchpoint(
        f"ga4:{sha256(repr((*said, reading.twin(said))).encode()).hexdigest()[:24]}",
        type=kind,
        channel="web" if platform == "WEB" else "app",
        occurred_at=occurred_at,
        identifiers=identifiers,
        order_id=order_id,
        amount=None if amount is None else sign * abs(amount) if is_order else amount,
        currency=measured.currency(),
        items=tuple(_item(row, entry, sign) for entry in _list(row.cell("items"))),
        language=_language(_text(_object(row, "device").get("language"))),
        properties={
            **dict(list(params.items())[:_MOST_PARAMETERS]),
            "url": None if page is None else page.partition("?")[0],
            "came_by": _text(traffic.get("medium")),
            "came_from": _text(traffic.get("source")),
            "country": _text(_object(row, "geo").get("country")),
            "device": _text(_object(row, "device").get("category")),
        },
    )
    yield msgspec.structs.replace(touch, campaign=campaign)


def _moment(row: Row) -> datetime:
    """Microseconds since 1970, which BigQuery writes as text in JSON."""
    written = row.required("event_timestamp")
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(written))
    except (ValueError, OverflowError) as error:
        raise RowError("invalid_timestamp", "`event_timestamp` is not in microseconds") from error
    if not in_range(moment, row.reading.received_at):
        raise RowError(
            "timestamp_out_of_range", "`event_timestamp` is before 1990 or more than a day ahead"
        )
    return moment


def _object(row: Row, field: str) -> dict[str, Any]:
    value = row.cell(field)
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise RowError("wrong_type", "`items` and `event_params` must be lists of objects")
    return value


def _params(value: Any) -> dict[str, Any]:
    """Key → value, of whichever type it has."""
    found = {}
    for entry in _list(value):
        key, said = entry.get("key"), entry.get("value")
        if isinstance(key, str) and isinstance(said, dict):
            for kind in ("string_value", "int_value", "double_value", "float_value"):
                if said.get(kind) is not None:
                    found[key] = said[kind]
                    break
    return found


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def _language(text: str | None) -> str | None:
    return text[:2].lower() if text and text[:2].isalpha() else None


def _amount(row: Row, value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        return row.reading.money(value)
    except (ValueError, TypeError) as error:
        raise RowError("invalid_amount", "the event's value is not a number") from error


def _item(row: Row, entry: dict[str, Any], sign: int) -> Item:
    quantity, price = _amount(row, entry.get("quantity")), _amount(row, entry.get("price"))
    revenue = _amount(row, entry.get("item_revenue"))
    quantity = Decimal(1) if quantity is None else quantity
    amount = revenue if revenue is not None else None if price is None else price * quantity
    name = _named(entry.get("item_name"))
    return Item(
        sku=_named(entry.get("item_id")) or name or "unknown",
        name=name,
        category=_named(entry.get("item_category")),
        quantity=sign * quantity,
        unit_price=price,
        amount=None if amount is None else sign * amount,
    )


def _named(value: Any) -> str | None:
    text = _text(value)
    return None if text == "(not set)" else text


def _objects(columns: Columns, fields: dict[str, str]) -> dict[str, str]:
    """Whole objects, although a JSON file shows only their parts."""
    return {
        name: name
        for name in _OBJECTS
        if name not in fields
        and any(column == name or column.startswith(f"{name}.") for column in columns)
    }


CONNECTOR = Connector(
    kind="ga4_export",
    label="Google Analytics 4, exported to BigQuery",
    required=("event_name", "event_timestamp", "user_pseudo_id"),
    optional=(
        *("user_id", "platform", "event_value", "bundle"),
        *_OBJECTS,
        *("acquisition_channel", "channel"),
    ),
    read=read_event,
    more_fields=_objects,
    file_words=("ga4", "analytics", "events_"),
    synonyms={
        "event_name": ("event_name",),
        "event_timestamp": ("event_timestamp",),
        "user_pseudo_id": ("user_pseudo_id",),
        "user_id": ("user_id",),
        "event_value": ("event_value",),  # not the one in dollars: its currency is another
        "bundle": ("event_bundle_sequence_id",),
        "platform": ("platform",),
    },
)

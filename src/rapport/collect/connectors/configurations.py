"""Saved configurations, as configurators of cars, kitchens and bicycles export them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from rapport.collect.connector import Connector
from rapport.collect.mapping import Mapping
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import CONFIGURATION_SAVED, Item, Touchpoint

_MOST_OPTIONS = 1_000
#: What an option's entry calls its code, name, price and number.
_CODE = ("code", "sku", "id", "option_id", "article", "key")
_LABEL = ("name", "label", "title", "value", "description")
_PRICE = ("price", "amount", "unit_price", "list_price", "surcharge")
_NUMBER = ("quantity", "qty", "count")
_GROUP = ("group", "category", "step", "type")
_STATUS = {
    **dict.fromkeys(("saved", "save", "draft", "bewaard", "enregistré", "mentett"), "saved"),
    **dict.fromkeys(("shared", "share", "sent", "gedeeld", "partagé", "megosztott"), "shared"),
    **dict.fromkeys(
        (
            *("requested quote", "requested_quote", "quote requested", "quote_requested", "quote"),
            *("offerte gevraagd", "offerte", "devis demandé", "devis", "ajánlatkérés"),
            *("angebot angefordert",),
        ),
        "quote_requested",
    ),
    **dict.fromkeys(("ordered", "order", "besteld", "commandé", "megrendelt"), "ordered"),
}


def read_configuration(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one configuration as it was saved, shared or sent in for a quote."""
    (row,) = rows
    number = row.required("configuration_id")
    saved_at = row.required_moment("saved_at")
    model = row.required("model")
    written = (row.text("status") or "saved").casefold()
    status = _STATUS.get(written)
    if status is None:
        raise RowError(
            "wrong_type", "`status` has a word that is not mapped; add it to [values.status]"
        )
    options = tuple(_option(row, entry) for entry in _listed(row))
    total, base = row.money("total"), row.money("base_price")
    if total is None:
        prices = [option.amount for option in options if option.amount is not None]
        if base is not None or prices:
            total = sum(prices, base or Decimal(0))
    version = row.text("version") or saved_at.isoformat()
    yield row.touchpoint(
        f"configurations:{number}:{version}:{status}",
        type=CONFIGURATION_SAVED,
        channel="configurator",
        occurred_at=saved_at,
        amount=total,
        currency=row.currency(),
        items=(Item(sku=row.text("model_code") or model, name=model, amount=base), *options),
        text=row.text("text"),
        language=row.language(),
        properties={
            "configuration_id": number,
            "version": row.text("version"),
            "model": model,
            "status": status,
            "url": row.text("url"),
        },
    )


def _listed(row: Row) -> list[Any]:
    """The options: a list, or in a table its JSON, or codes with commas between."""
    value = row.cell("options")
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise RowError("malformed_json", "`options` begins a list and is no JSON") from error
    elif isinstance(value, str):
        value = [part.strip() for part in value.replace(";", ",").split(",") if part.strip()]
    if isinstance(value, dict):  # group → choice
        value = [
            {"group": group, **entry}
            if isinstance(entry, dict)
            else {"group": group, "code": entry}
            for group, entry in value.items()
        ]
    if value is None:
        return []
    if not isinstance(value, list):
        raise RowError("wrong_type", "`options` must be a list")
    if len(value) > _MOST_OPTIONS:
        raise RowError("too_large", f"`options` lists more than {_MOST_OPTIONS}")
    return value


def _option(row: Row, entry: Any) -> Item:
    said = entry if isinstance(entry, dict) else {"code": entry}

    def first(names: tuple[str, ...]) -> Any:
        return next((said[name] for name in names if said.get(name) is not None), None)

    # One reader for cells reads the entries too.
    cells = {
        "code": [first(_CODE)],
        "name": [first(_LABEL)],
        "price": [_amount(first(_PRICE))],
        "number": [first(_NUMBER)],
        "group": [first(_GROUP)],
    }
    option = Row(cells, 0, row.reading)
    code, name = option.text("code"), option.text("name")
    if code is None and name is None:
        raise RowError("missing_field", "an option has neither a code nor a name")
    price, quantity = option.money("price"), option.money("number")
    quantity = Decimal(1) if quantity is None else quantity
    return Item(
        sku=code or name or "",
        name=name,
        category=option.text("group"),
        quantity=quantity,
        unit_price=price,
        amount=None if price is None else price * quantity,
    )


def _amount(price: Any) -> Any:
    """Of ``{"amount": 900, "currency": "EUR"}`` the amount."""
    return price.get("amount", price.get("value")) if isinstance(price, dict) else price


def mapping_mistakes(mapping: Mapping) -> list[str]:
    """A price without a currency is worth nothing."""
    stated = {*mapping.columns, *mapping.constants}
    if {"total", "base_price"} & stated and "currency" not in stated:
        return ['prices need a `currency`; state it, such as currency = "EUR" under [constants]']
    return []


CONNECTOR = Connector(
    kind="configurations",
    label="Saved configurations",
    required=("configuration_id", "saved_at", "model"),
    optional=(
        *("version", "model_code", "options", "base_price", "total", "currency", "status"),
        *("url", "text", "language"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_configuration,
    mapping_mistakes=mapping_mistakes,
    file_words=("configur", "samenstelling", "konfigur", "összeállít"),
    synonyms={
        "configuration_id": (
            *("configuration id", "configurationid", "config id", "configuration", "id"),
            *("samenstelling", "code configuration", "konfiguráció", "konfiguration"),
        ),
        "saved_at": (
            *("saved at", "savedat", "updated at", "updatedat", "created at", "date", "timestamp"),
            *("bewaard op", "enregistré le", "mentve", "gespeichert am"),
        ),
        "version": ("version", "revision", "versie", "verzió"),
        "model": ("model", "model.name", "product", "modèle", "modell", "vehicle", "model name"),
        "model_code": ("model.code", "model code", "model.id", "modelcode"),
        "options": ("options", "selected options", "choices", "features", "opties", "opciók"),
        "base_price": ("base price", "baseprice", "model.price", "basisprijs", "alapár"),
        "total": (
            "total",
            "total price",
            "totalprice",
            "price",
            "totaal",
            "prix total",
            "végösszeg",
        ),
        "status": ("status", "state", "event", "action"),
        "url": ("url", "link", "share url", "shareurl"),
        "user_id": ("person.id", "user.id", "customer.id"),
        "email": ("person.email", "user.email", "customer.email", "email"),
        "phone": ("person.phone", "user.phone", "customer.phone"),
        "name": ("person.name", "user.name", "customer.name"),
        "text": ("message", "remarks", "comment"),
    },
)

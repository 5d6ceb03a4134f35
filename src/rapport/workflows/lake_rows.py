"""Touchpoints as rows of the lake."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

from rapport.vocabulary.lake_tables import ORDER_ITEMS, TOUCHPOINTS, bucket_of
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.money import Rates

_STEP = Decimal("0.0001")
_LONGEST = 10**9  # beyond which a number of minutes or hours is a mistake of whoever sent it
_LONGEST_NAME = 200


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard in a touchpoint's text."""

    language: str | None = None
    sentiment: float | None = None
    method: str | None = None


def touchpoint_rows(
    touchpoints: Sequence[Touchpoint],
    positions: Sequence[int],
    atoms: Sequence[int | None],
    judged: Sequence[Judged],
    rates: Rates,
) -> pa.Table:
    """Rows of the lake table `touchpoints`, one per touchpoint, in their order."""
    whole = list(zip(*map(msgspec.structs.astuple, touchpoints), strict=True))
    columns: dict[str, Sequence[Any]] = dict(
        zip(
            Touchpoint.__struct_fields__,
            whole or [()] * len(Touchpoint.__struct_fields__),
            strict=True,
        )
    )
    amounts = columns["amount"]
    columns["amount_base"] = [
        None if amount is None else rates.convert(amount, currency, at.date())
        for amount, currency, at in zip(
            amounts, columns["currency"], columns["occurred_at"], strict=True
        )
    ]
    columns["amount"] = [_four_decimals(amount) for amount in amounts]
    columns["bucket"] = [bucket_of(a) for a in atoms]
    columns["atom_id"] = list(atoms)
    columns["position"] = list(positions)
    columns["item_count"] = [len(items) or None for items in columns["items"]]
    columns["language"] = [
        j.language or stated for stated, j in zip(columns["language"], judged, strict=True)
    ]
    columns["sentiment"] = [j.sentiment for j in judged]
    columns["sentiment_method"] = [j.method if j.sentiment is not None else None for j in judged]
    columns["agent"] = [_agent(about) for about in columns["properties"]]
    for name in ("first_response_minutes", "hours_open"):
        columns[name] = [_measured(about.get(name)) for about in columns["properties"]]
    encode = msgspec.json.Encoder().encode
    columns["properties"] = [
        encode(properties).decode() if properties else None for properties in columns["properties"]
    ]
    return pa.table(
        {name: pa.array(columns[name], TOUCHPOINTS.field(name).type) for name in TOUCHPOINTS.names},
        schema=TOUCHPOINTS,
    )


def item_rows(
    touchpoints: Sequence[Touchpoint],
    positions: Sequence[int],
    atoms: Sequence[int | None],
    rates: Rates,
) -> pa.Table:
    """Rows of the lake table `order_items`: the lines of the orders among the touchpoints."""
    rows = [
        (
            bucket_of(atom),
            atom,
            position,
            t.occurred_at,
            t.order_id or t.touchpoint_id,
            line,
            item.sku,
            item.name,
            item.category,
            _four_decimals(item.quantity),
            _four_decimals(item.unit_price),
            _four_decimals(item.amount),
            t.currency,
            None
            if item.amount is None
            else rates.convert(item.amount, t.currency, t.occurred_at.date()),
        )
        for t, position, atom in zip(touchpoints, positions, atoms, strict=True)
        if t.items
        for line, item in enumerate(t.items, start=1)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(ORDER_ITEMS)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, ORDER_ITEMS, strict=True)],
        schema=ORDER_ITEMS,
    )


def _agent(about: dict[str, Any]) -> str | None:
    """Who served, where a touchpoint names one person of ours."""
    name = about.get("agent") or about.get("staff")
    if not name and isinstance(several := about.get("agents"), list) and len(several) == 1:
        name = several[0]
    return name[:_LONGEST_NAME] if isinstance(name, str) and name else None


def _measured(value: Any) -> Decimal | None:
    """A duration as connectors write it; None for what is no number, negative or nonsense."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Decimal(str(value)).quantize(_STEP) if 0 <= value < _LONGEST else None


def _four_decimals(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(_STEP)

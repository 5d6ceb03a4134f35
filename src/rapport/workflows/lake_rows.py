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

#: Columns that a row takes over from its touchpoint as they are.
_SAME = (
    "occurred_at", "received_at", "touchpoint_id", "source", "channel", "type", "order_id",
    "amount", "currency", "text", "score", "scale_min", "scale_max", "question", "place",
    "country", "acquisition_channel", "campaign", "message", "media", "corrects",
)  # fmt: skip
_STEP = Decimal("0.0001")


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
    columns: dict[str, list[Any]] = {
        name: [getattr(t, name) for t in touchpoints] for name in _SAME
    }
    columns["amount"] = [_four_decimals(t.amount) for t in touchpoints]
    columns["amount_base"] = [
        rates.convert(t.amount, t.currency, t.occurred_at.date()) for t in touchpoints
    ]
    columns["bucket"] = [bucket_of(a) for a in atoms]
    columns["atom_id"] = list(atoms)
    columns["position"] = list(positions)
    columns["item_count"] = [len(t.items) or None for t in touchpoints]
    columns["language"] = [
        j.language or t.language for t, j in zip(touchpoints, judged, strict=True)
    ]
    columns["sentiment"] = [j.sentiment for j in judged]
    columns["sentiment_method"] = [j.method if j.sentiment is not None else None for j in judged]
    encode = msgspec.json.Encoder().encode
    columns["properties"] = [
        encode(t.properties).decode() if t.properties else None for t in touchpoints
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
        {
            "bucket": bucket_of(atom),
            "atom_id": atom,
            "position": position,
            "occurred_at": t.occurred_at,
            "order_id": t.order_id or t.touchpoint_id,
            "line": line,
            "sku": item.sku,
            "name": item.name,
            "category": item.category,
            "quantity": _four_decimals(item.quantity),
            "unit_price": _four_decimals(item.unit_price),
            "amount": _four_decimals(item.amount),
            "currency": t.currency,
            "amount_base": rates.convert(item.amount, t.currency, t.occurred_at.date()),
        }
        for t, position, atom in zip(touchpoints, positions, atoms, strict=True)
        for line, item in enumerate(t.items, start=1)
    ]
    return pa.Table.from_pylist(rows, schema=ORDER_ITEMS)


def _four_decimals(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(_STEP)

"""Touchpoints for tests, put into the journal as connectors do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rapport.collect.sources import ensure_source
from rapport.collect.touchpoints import TOUCHPOINT, encode_touchpoint
from rapport.engines.ledger import JournalEntry
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import ORDER_COMPLETED, Touchpoint
from rapport.workflows.company import Company

START = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)


def touchpoint(touchpoint_id: str, **fields: Any) -> Touchpoint:
    """A touchpoint of the source "shop", on the web, at `START` unless told otherwise."""
    record = fields.get("record")
    settled: dict[str, Any] = {
        "source": "shop", "channel": "web", "type": "Page Viewed", "occurred_at": START,
        "received_at": fields.get("occurred_at", START),
        "identifiers": (record,) if record is not None else (),
    } | fields  # fmt: skip
    return Touchpoint(touchpoint_id=touchpoint_id, **settled)


def email(value: str) -> Identifier:
    return Identifier(kind="email", value=value)


def order(order_id: str, amount: str, **fields: Any) -> Touchpoint:
    return touchpoint(
        f"order:{order_id}", type=ORDER_COMPLETED, order_id=order_id, amount=Decimal(amount),
        **({"currency": "EUR"} | fields),
    )  # fmt: skip


def keep(company: Company, touchpoints: Iterable[Touchpoint]) -> int:
    """Journal ``touchpoints``; returns how many were new."""
    entries = []
    ids: dict[str, int] = {}
    for t in touchpoints:
        if t.source not in ids:
            ids[t.source] = ensure_source(
                company.ledger, company.clock(), name=t.source, label=t.source, kind="orders"
            ).source_id
        entries.append(
            JournalEntry(
                source_id=ids[t.source],
                message_id=t.touchpoint_id,
                kind=TOUCHPOINT,
                received_at=t.received_at,
                payload=encode_touchpoint(t),
            )
        )
    return sum(company.ledger.append_journal(entries))

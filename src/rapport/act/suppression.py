"""Addresses that must not be written to, whatever consent says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.persons import chunks
from rapport.engines.ledger import Ledger
from rapport.errors import InvalidInput
from rapport.vocabulary.ledger_tables import suppression

SuppressionReason = Literal["bounced", "unsubscribed", "complaint", "request"]
SUPPRESSION_REASONS: tuple[str, ...] = get_args(SuppressionReason)


class Suppressed(Struct, frozen=True, kw_only=True):
    """Why and since when an address is not written to."""

    reason: str
    at: datetime


def suppression_value(address: str) -> str:
    """How an address is kept and looked up: case and outer spaces do not make another one."""
    return address.strip().casefold()


def suppress(
    connection: Connection,
    ledger: Ledger,
    *,
    channel: str,
    addresses: Iterable[str],
    reason: SuppressionReason,
    at: datetime,
) -> int:
    """Stop writing to ``addresses`` on ``channel``; the first reason stays. Returns how many."""
    if reason not in SUPPRESSION_REASONS:
        raise InvalidInput(
            f"'{reason}' is no reason to suppress an address; known: "
            f"{', '.join(SUPPRESSION_REASONS)}"
        )
    values = sorted({suppression_value(a) for a in addresses})
    rows = [{"channel": channel, "value": v, "reason": reason, "at": at} for v in values]
    return ledger.insert_new(connection, suppression, rows, ["channel", "value"])


def suppressed(
    connection: Connection, addresses: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str], Suppressed]:
    """Which addresses of each channel are suppressed, by (channel, `suppression_value`)."""
    found: dict[tuple[str, str], Suppressed] = {}
    for channel, given in addresses.items():
        for chunk in chunks(sorted({suppression_value(a) for a in given})):
            rows = connection.execute(
                select(suppression).where(
                    suppression.c.channel == channel, suppression.c.value.in_(chunk)
                )
            )
            found.update(
                ((channel, row.value), Suppressed(reason=row.reason, at=row.at)) for row in rows
            )
    return found

"""The outbox as people look at it: what waits, what failed and why, and trying again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select, update

from rapport.errors import Conflict, NotFound
from rapport.vocabulary.ledger_tables import outbox

OUTBOX_STATUSES = ("waiting", "sending", "sent", "failed")


class OutboxLine(Struct, frozen=True, kw_only=True):
    """One message. `recipient` is shown for colleagues only; a customer's address stays inside."""

    outbox_id: int
    channel: str
    recipient: str | None
    to_colleague: bool
    subject: str
    status: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    last_error: str | None

    @property
    def may_retry(self) -> bool:
        """Whether it can be queued again as it is; see `retry`."""
        return self.status == "failed" and self.to_colleague


def outbox_lines(
    connection: Connection, *, status: str | None = None, limit: int = 50, offset: int = 0
) -> list[OutboxLine]:
    """Messages, newest first."""
    query = select(outbox).order_by(outbox.c.outbox_id.desc()).limit(limit).offset(offset)
    if status is not None:
        query = query.where(outbox.c.status == status)
    return [_line(row) for row in connection.execute(query)]


def message_under(connection: Connection, idempotency_key: str) -> OutboxLine | None:
    """The message that was enqueued under this key."""
    row = connection.execute(
        select(outbox).where(outbox.c.idempotency_key == idempotency_key)
    ).one_or_none()
    return None if row is None else _line(row)


def retry(connection: Connection, outbox_ids: Sequence[int], *, at: datetime) -> int:
    """Queue failed messages to colleagues again; returns how many.

    A customer's message is not retried as it is: its slot under the contact policy was given
    back, so it must be decided on anew.

    Raises
    ------
    NotFound
        If one of them does not exist.
    Conflict
        If one of them is not failed, or goes to a customer.
    """
    wanted = sorted(set(outbox_ids))
    rows = connection.execute(
        select(outbox).where(outbox.c.outbox_id.in_(wanted[:500])).with_for_update()
    ).all()
    if len(rows) != len(wanted):
        raise NotFound("One of these messages does not exist; reload the page")
    for row in rows:
        if row.status != "failed":
            raise Conflict(f"Message {row.outbox_id} is {row.status}; only a failed one is retried")
        if row.contact_id is not None:
            raise Conflict(
                f"Message {row.outbox_id} goes to a customer and gave its slot back; write to the "
                "customer again, so that consent and contact policy are asked again"
            )
    return connection.execute(
        update(outbox)
        .where(outbox.c.outbox_id.in_(wanted), outbox.c.status == "failed")
        .values(status="waiting", attempts=0, next_attempt_at=at)
    ).rowcount


def _line(row: Any) -> OutboxLine:
    to_colleague = row.contact_id is None
    return OutboxLine(
        outbox_id=row.outbox_id,
        channel=row.channel,
        recipient=row.recipient if to_colleague else None,
        to_colleague=to_colleague,
        # A campaign's subject may hold the customer's name.
        subject=str(row.message.get("subject", "")) if to_colleague else "",
        status=row.status,
        attempts=row.attempts,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at if row.status in ("waiting", "sending") else None,
        sent_at=row.sent_at,
        last_error=row.last_error,
    )

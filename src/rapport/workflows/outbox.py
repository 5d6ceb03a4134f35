"""The outbox as administrators see it: what waits, what failed and why, and trying again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from rapport.act.outbox import count_outbox
from rapport.act.outbox_list import OUTBOX_STATUSES, OutboxLine, outbox_lines, retry
from rapport.errors import InvalidInput
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company

PAGE = 50


class OutboxView(Struct, frozen=True, kw_only=True):
    """A page of messages, with how many there are of each status."""

    status: str | None
    page: int
    counts: dict[str, int]
    lines: tuple[OutboxLine, ...]
    mail_server: bool


def outbox_view(company: Company, *, status: str | None = None, page: int = 1) -> OutboxView:
    """Messages, newest first.

    Raises
    ------
    InvalidInput
        If there is no such status or page.
    """
    if status is not None and status not in OUTBOX_STATUSES:
        raise InvalidInput(f"A message is {', '.join(OUTBOX_STATUSES)}, not {status!r}")
    if not 1 <= page <= 100_000:
        raise InvalidInput(f"The outbox has no page {page}; pages begin with 1")
    with company.ledger.read() as connection:
        counts = dict.fromkeys(OUTBOX_STATUSES, 0) | count_outbox(connection)
        lines = outbox_lines(connection, status=status, limit=PAGE, offset=(page - 1) * PAGE)
    return OutboxView(
        status=status,
        page=page,
        counts=counts,
        lines=tuple(lines),
        mail_server=bool(company.settings.smtp_host),
    )


def retry_messages(company: Company, outbox_ids: Sequence[int], *, actor: str) -> int:
    """Queue failed messages to colleagues again; returns how many.

    Raises
    ------
    Conflict
        If one is not failed, or goes to a customer, who must be decided on anew.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        queued = retry(connection, outbox_ids, at=now)
        connection.execute(
            audit.insert().values(
                at=now,
                actor=actor,
                action="outbox.retried",
                subject=None,
                details={"outbox_ids": sorted(set(outbox_ids))},
            )
        )
    return queued

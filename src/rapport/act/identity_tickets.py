"""A large join or split that waits for a second person is a task in the inbox, closed by itself."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from babel.numbers import format_decimal
from sqlalchemy import Connection, select

from rapport.act.alert_mail import LOCALES, Owner
from rapport.act.alerts import close_tickets, lock_tickets
from rapport.act.channels.base import Message
from rapport.act.outbox import OutboxMessage, enqueue
from rapport.act.source_alerts import Colleague
from rapport.engines.ledger import Ledger
from rapport.vocabulary.ledger_tables import ticket

#: `Ticket.title_code` of these tickets; ``facts`` hold ``proposal_id``, ``kind``, ``records`` and
#: ``author``, and nothing of a person: the page of approvals shows whom it is about.
IDENTITY_APPROVAL = "identity_approval"
_DUE = timedelta(days=2)


def raise_approval(
    connection: Connection,
    ledger: Ledger,
    *,
    proposal_id: int,
    kind: str,
    records: int,
    author: str,
    colleagues: Sequence[Colleague],
    at: datetime,
    public_url: str,
) -> int | None:
    """Open a ticket for the first of ``colleagues`` and write to all; None where there is none.

    Parameters
    ----------
    connection : Connection
        Inside ``ledger.write()``.
    """
    if not colleagues:
        return None
    lock_tickets(connection, ledger)
    row = {
        "rule_id": None,
        "atom_id": None,
        "position": None,
        "title_code": IDENTITY_APPROVAL,
        "facts": {"proposal_id": proposal_id, "kind": kind, "records": records, "author": author},
        "status": "open",
        "owner_email": colleagues[0].email,
        "priority": 2,
        "opened_at": at,
        "due_at": at + _DUE,
    }
    ticket_id = int(connection.scalars(ticket.insert().returning(ticket.c.ticket_id), [row]).one())
    enqueue(
        connection,
        ledger,
        [
            OutboxMessage(
                idempotency_key=f"identity-approval:{proposal_id}:{each.email}",
                channel="email",
                recipient=each.email,
                message=approval_mail(
                    kind=kind, records=records, author=author, reads=each.reads, url=public_url
                ),
            )
            for each in colleagues
        ],
        at=at,
    )
    return ticket_id


def close_approval(
    connection: Connection, ledger: Ledger, proposal_id: int, *, at: datetime
) -> None:
    """Resolve the ticket of a proposal that somebody decided."""
    waiting = connection.execute(
        select(ticket.c.ticket_id, ticket.c.facts).where(
            ticket.c.status != "resolved", ticket.c.title_code == IDENTITY_APPROVAL
        )
    ).all()
    ids = [row.ticket_id for row in waiting if row.facts["proposal_id"] == proposal_id]
    close_tickets(connection, ledger, ids, at=at)


@cache
def _words() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(
        files("rapport.act").joinpath("identity_mail.toml").read_text("utf-8")
    )
    return found


def approval_mail(*, kind: str, records: int, author: str, reads: Owner, url: str) -> Message:
    """The mail to a colleague who may approve, in that colleague's language."""
    language = reads.language if reads.language in LOCALES else "en"
    words = _words()[language]
    lines = [
        words[kind].format(author=author),
        words["about"].format(records=format_decimal(records, locale=LOCALES[language])),
        "",
        words["link"].format(link=f"{url.rstrip('/')}/identity/approvals"),
        "",
        words["why"],
        "",
    ]
    return Message(subject=words["subject"], text="\n".join(lines))

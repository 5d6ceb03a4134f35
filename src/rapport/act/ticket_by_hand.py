"""A ticket that a colleague opens, because a customer told them something."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from rapport.errors import InvalidInput
from rapport.vocabulary.ledger_tables import ticket, ticket_note

#: `Ticket.title_code` of a ticket whose title is a colleague's words, in ``facts["subject"]``.
REPORTED = "reported"
PRIORITIES = (1, 2, 3)
_LONGEST_SUBJECT = 200
_LONGEST_NOTE = 10_000
#: An urgent one within the working day, an ordinary one within two, a minor one in a week.
_DUE = {1: timedelta(hours=8), 2: timedelta(days=2), 3: timedelta(days=7)}


def open_ticket(
    connection: Connection,
    *,
    atom_id: int,
    subject: str,
    note: str = "",
    priority: int = 2,
    author: str,
    at: datetime,
) -> int:
    """Open a ticket about the person of a record; its author owns it. Returns its number.

    Raises
    ------
    InvalidInput
        If the subject is empty or too long, or the priority is none of ours.
    """
    subject = " ".join(subject.split())
    if not subject or len(subject) > _LONGEST_SUBJECT:
        raise InvalidInput(
            f"A ticket needs a subject of 1 to {_LONGEST_SUBJECT} characters; this one has "
            f"{len(subject)}"
        )
    if len(note) > _LONGEST_NOTE:
        raise InvalidInput(f"A note has at most {_LONGEST_NOTE} characters, not {len(note)}")
    if priority not in PRIORITIES:
        raise InvalidInput(f"A ticket has priority 1, 2 or 3, not {priority}")
    row = {
        "rule_id": None,
        "atom_id": atom_id,
        "position": None,
        "title_code": REPORTED,
        "facts": {"subject": subject},
        "status": "open",
        "owner_email": author,
        "priority": priority,
        "opened_at": at,
        "due_at": at + _DUE[priority],
        "resolved_at": None,
        "cause": None,
    }
    ticket_id = int(connection.scalars(ticket.insert().returning(ticket.c.ticket_id), [row]).one())
    if note.strip():
        connection.execute(
            ticket_note.insert(),
            [
                {
                    "ticket_id": ticket_id,
                    "author": author,
                    "at": at,
                    "kind": "note",
                    "body": note.strip(),
                }
            ],
        )
    return ticket_id

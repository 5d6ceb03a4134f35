"""The inbox: tickets that colleagues work on until the customer has an answer.

A ticket goes from open to working to resolved, and back to open when it was resolved too early.
Every change writes a note with its author and time. A ticket's ``version`` is its last note: who
changes a ticket says which version they saw, so that two colleagues cannot overwrite each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, get_args

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from rapport.act.alerts import lock_tickets
from rapport.act.persons import atoms_of_profiles, chunks, current_profiles, profiles_of_atoms
from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary.ledger_tables import ticket, ticket_note

Status = Literal["open", "working", "resolved"]
STATUSES: tuple[str, ...] = get_args(Status)
UNRESOLVED = ("open", "working")

#: Of a list: "work" is unresolved first, urgent first, soonest due first; "due" is unresolved
#: first, soonest due first, urgent first; "newest" is latest opened first.
Order = Literal["work", "due", "newest"]

#: What a ticket turned out to be about; chosen when it is resolved, counted afterwards.
CAUSES: tuple[str, ...] = (
    "billing",
    "delivery",
    "misunderstanding",
    "price",
    "product",
    "service",
    "staff",
    "store",
    "website",
    "other",
)

#: From each status, where it may go with `change_status`. Resolved tickets are reopened.
_NEXT: dict[str, tuple[str, ...]] = {
    "open": ("working", "resolved"),
    "working": ("open", "resolved"),
    "resolved": (),
}
_LONGEST_NOTE = 10_000


class Note(Struct, frozen=True, kw_only=True):
    """One line of a ticket's history.

    `kind` says what `body` is: "note" and "contacted": a colleague's words; "assigned": the new
    owner's address; "status": the new status, and the cause after a colon; "alert": the facts
    of further feedback as JSON, as in `Ticket.facts`.
    """

    note_id: int
    author: str
    at: datetime
    kind: str
    body: str


class Ticket(Struct, frozen=True, kw_only=True):
    """One ticket as the list shows it.

    `profile_id` is whose it is now; `atom_id`, its record, is text, for it passes 2^53.
    """

    ticket_id: int
    rule_id: int | None
    atom_id: str | None
    position: int | None
    profile_id: str | None
    title_code: str
    facts: dict[str, Any]
    status: str
    owner_email: str
    priority: int  # 1 is the most urgent
    opened_at: datetime
    due_at: datetime | None
    resolved_at: datetime | None
    cause: str | None
    version: int


class TicketFilter(Struct, frozen=True, kw_only=True):
    """Which tickets; None asks for no restriction. `overdue_at`: unresolved and due before."""

    statuses: tuple[str, ...] | None = None
    owner_email: str | None = None
    priority: int | None = None
    overdue_at: datetime | None = None


EVERY_TICKET = TicketFilter()


def list_tickets(
    connection: Connection,
    which: TicketFilter = EVERY_TICKET,
    *,
    order: Order = "work",
    limit: int = 50,
    offset: int = 0,
) -> list[Ticket]:
    """A page of tickets; see `Order`."""
    resolved = (ticket.c.status == "resolved").label("resolved")
    due = ticket.c.due_at.asc().nulls_last()
    orders: dict[str, tuple[Any, ...]] = {
        "work": (resolved, ticket.c.priority, due),
        "due": (resolved, due, ticket.c.priority),
        "newest": (ticket.c.opened_at.desc(),),
    }
    rows = connection.execute(
        select(ticket)
        .where(*_conditions(which))
        .order_by(*orders[order], ticket.c.ticket_id.desc())
        .limit(limit)
        .offset(offset)
    ).all()
    return _tickets(connection, rows)


def tickets_of(connection: Connection, profile_ids: Sequence[str]) -> dict[str, list[Ticket]]:
    """All tickets of each person, newest first, through the records they have now."""
    current = current_profiles(connection, profile_ids)
    person_of = atoms_of_profiles(connection, sorted(set(current.values())))
    rows: list[Any] = []
    for chunk in chunks(sorted(person_of)):
        rows.extend(connection.execute(select(ticket).where(ticket.c.atom_id.in_(chunk))))
    found: dict[str, list[Ticket]] = {}
    for made in sorted(_tickets(connection, rows), key=lambda t: t.ticket_id, reverse=True):
        if made.atom_id is not None:
            found.setdefault(person_of[int(made.atom_id)], []).append(made)
    return {p: found.get(current.get(p, ""), []) for p in profile_ids}


def count_tickets(connection: Connection, which: TicketFilter = EVERY_TICKET) -> dict[str, int]:
    """How many tickets have each status, statuses without any included."""
    rows = connection.execute(
        select(ticket.c.status, func.count().label("tickets"))
        .where(*_conditions(which))
        .group_by(ticket.c.status)
    )
    return dict.fromkeys(STATUSES, 0) | {row.status: row.tickets for row in rows}


def count_by_owner(connection: Connection, which: TicketFilter = EVERY_TICKET) -> dict[str, int]:
    """How many tickets each owner has."""
    rows = connection.execute(
        select(ticket.c.owner_email, func.count().label("tickets"))
        .where(*_conditions(which))
        .group_by(ticket.c.owner_email)
        .order_by(ticket.c.owner_email)
    )
    return {row.owner_email: row.tickets for row in rows}


def count_by_priority(connection: Connection, which: TicketFilter = EVERY_TICKET) -> dict[int, int]:
    """How many tickets have each priority."""
    rows = connection.execute(
        select(ticket.c.priority, func.count().label("tickets"))
        .where(*_conditions(which))
        .group_by(ticket.c.priority)
        .order_by(ticket.c.priority)
    )
    return {row.priority: row.tickets for row in rows}


def badge_count(connection: Connection, owner_email: str | None = None) -> int:
    """How many tickets wait for an answer, of one owner or of all."""
    counts = count_tickets(connection, TicketFilter(owner_email=owner_email))
    return sum(counts[status] for status in UNRESOLVED)


def get_ticket(connection: Connection, ticket_id: int) -> Ticket:
    """One ticket.

    Raises
    ------
    NotFound
        If there is none of this number.
    """
    row = connection.execute(select(ticket).where(ticket.c.ticket_id == ticket_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no ticket {ticket_id}; go back to the inbox")
    return _tickets(connection, [row])[0]


def notes_of(connection: Connection, ticket_id: int) -> list[Note]:
    """A ticket's history, oldest first."""
    rows = connection.execute(
        select(ticket_note)
        .where(ticket_note.c.ticket_id == ticket_id)
        .order_by(ticket_note.c.note_id)
    )
    return [
        Note(note_id=row.note_id, author=row.author, at=row.at, kind=row.kind, body=row.body)
        for row in rows
    ]


# ── working ────────────────────────────────────────────────────────────────────────────────────


def add_note(
    connection: Connection,
    ticket_id: int,
    body: str,
    *,
    author: str,
    at: datetime,
    kind: Literal["note", "contacted"] = "note",
) -> int:
    """Write into a ticket; returns its new version. Never a conflict: notes add up.

    Raises
    ------
    NotFound
        If there is no such ticket.
    InvalidInput
        If the note is empty or longer than 10,000 characters.
    """
    if not body.strip():
        raise InvalidInput("The note is empty; write what you did or found")
    if len(body) > _LONGEST_NOTE:
        raise InvalidInput(
            f"The note has {len(body)} characters; at most {_LONGEST_NOTE} can be kept"
        )
    _locked(connection, ticket_id)
    return _write_note(connection, ticket_id, kind, body.strip(), author=author, at=at)


def assign(
    connection: Connection,
    ticket_id: int,
    *,
    owner_email: str,
    author: str,
    at: datetime,
    version: int,
) -> int:
    """Give a ticket to a colleague; returns its new version.

    Raises
    ------
    Conflict
        If the ticket changed after ``version``.
    """
    if "@" not in owner_email:
        raise InvalidInput("A ticket's owner is named by an e-mail address; choose a colleague")
    _unchanged_since(connection, ticket_id, version)
    connection.execute(
        update(ticket).where(ticket.c.ticket_id == ticket_id).values(owner_email=owner_email)
    )
    return _write_note(connection, ticket_id, "assigned", owner_email, author=author, at=at)


def change_status(
    connection: Connection,
    ticket_id: int,
    *,
    status: Status,
    author: str,
    at: datetime,
    version: int,
    cause: str | None = None,
) -> int:
    """Move a ticket on; returns its new version. Resolving it needs one of `CAUSES`.

    Raises
    ------
    Conflict
        If the ticket changed after ``version``.
    InvalidInput
        If the ticket cannot go to this status, or is resolved without a cause we count.
    """
    if status == "resolved" and cause not in CAUSES:
        raise InvalidInput(
            f"A ticket is resolved with its cause, not '{cause}'; choose: {', '.join(CAUSES)}"
        )
    if status != "resolved" and cause is not None:
        raise InvalidInput(f"Only a resolved ticket has a cause, not one that is {status}")
    before = _unchanged_since(connection, ticket_id, version)
    if status not in _NEXT[before]:
        allowed = ", ".join(_NEXT[before]) or "nothing but reopened"
        raise InvalidInput(f"A ticket that is {before} can become {allowed}, not '{status}'")
    connection.execute(
        update(ticket)
        .where(ticket.c.ticket_id == ticket_id)
        .values(status=status, cause=cause, resolved_at=at if cause else None)
    )
    body = status if cause is None else f"{status}:{cause}"
    return _write_note(connection, ticket_id, "status", body, author=author, at=at)


def reopen(
    connection: Connection,
    ledger: Ledger,
    ticket_id: int,
    *,
    author: str,
    at: datetime,
    version: int,
    due_at: datetime | None = None,
) -> int:
    """Open a resolved ticket again; returns its new version.

    Raises
    ------
    Conflict
        If the ticket changed after ``version``, or the person has another open ticket of the
        same rule by now: then that one is where to go on.
    """
    lock_tickets(connection, ledger)
    before = _unchanged_since(connection, ticket_id, version)
    if before != "resolved":
        raise InvalidInput(f"Ticket {ticket_id} is {before}; only a resolved one is reopened")
    _refuse_second_open_ticket(connection, get_ticket(connection, ticket_id))
    connection.execute(
        update(ticket)
        .where(ticket.c.ticket_id == ticket_id)
        .values(status="open", cause=None, resolved_at=None, due_at=due_at or ticket.c.due_at)
    )
    return _write_note(connection, ticket_id, "status", "open", author=author, at=at)


# ── inside ─────────────────────────────────────────────────────────────────────────────────────


def _conditions(which: TicketFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.statuses is not None:
        unknown = sorted(set(which.statuses) - set(STATUSES))
        if unknown:
            raise InvalidInput(
                f"'{unknown[0]}' is no status of a ticket; known: {', '.join(STATUSES)}"
            )
        conditions.append(ticket.c.status.in_(which.statuses))
    if which.owner_email is not None:
        conditions.append(ticket.c.owner_email == which.owner_email)
    if which.priority is not None:
        conditions.append(ticket.c.priority == which.priority)
    if which.overdue_at is not None:
        conditions.append(and_(ticket.c.due_at < which.overdue_at, ticket.c.status != "resolved"))
    return conditions


def _tickets(connection: Connection, rows: Sequence[Any]) -> list[Ticket]:
    person_of = profiles_of_atoms(connection, [r.atom_id for r in rows if r.atom_id is not None])
    versions = _versions(connection, [r.ticket_id for r in rows])
    return [
        Ticket(
            ticket_id=row.ticket_id,
            rule_id=row.rule_id,
            atom_id=None if row.atom_id is None else str(row.atom_id),
            position=row.position,
            profile_id=person_of.get(row.atom_id),
            title_code=row.title_code,
            facts=row.facts,
            status=row.status,
            owner_email=row.owner_email,
            priority=row.priority,
            opened_at=row.opened_at,
            due_at=row.due_at,
            resolved_at=row.resolved_at,
            cause=row.cause,
            version=versions.get(row.ticket_id, 0),
        )
        for row in rows
    ]


def _versions(connection: Connection, ticket_ids: Sequence[int]) -> dict[int, int]:
    versions: dict[int, int] = {}
    for chunk in chunks(sorted(ticket_ids)):
        rows = connection.execute(
            select(ticket_note.c.ticket_id, func.max(ticket_note.c.note_id).label("version"))
            .where(ticket_note.c.ticket_id.in_(chunk))
            .group_by(ticket_note.c.ticket_id)
        )
        versions.update((row.ticket_id, row.version) for row in rows)
    return versions


def _locked(connection: Connection, ticket_id: int) -> str:
    """Keep a ticket's row for ourselves until the transaction ends; its status."""
    status = connection.scalar(
        select(ticket.c.status).where(ticket.c.ticket_id == ticket_id).with_for_update()
    )
    if status is None:
        raise NotFound(f"There is no ticket {ticket_id}; go back to the inbox")
    return str(status)


def _unchanged_since(connection: Connection, ticket_id: int, version: int) -> str:
    """The ticket's status, held still from here on; a conflict if it is past ``version``."""
    status = _locked(connection, ticket_id)
    now = _versions(connection, [ticket_id]).get(ticket_id, 0)
    if now != version:
        raise Conflict(
            f"Somebody changed ticket {ticket_id} meanwhile; look at it again, then repeat",
            ticket_id=ticket_id,
            version=now,
        )
    return status


def _write_note(
    connection: Connection, ticket_id: int, kind: str, body: str, *, author: str, at: datetime
) -> int:
    row = {"ticket_id": ticket_id, "author": author, "at": at, "kind": kind, "body": body}
    return int(
        connection.scalars(ticket_note.insert().returning(ticket_note.c.note_id), [row]).one()
    )


def _refuse_second_open_ticket(connection: Connection, resolved: Ticket) -> None:
    if resolved.rule_id is None or resolved.profile_id is None:
        return
    others = [
        t.ticket_id
        for t in tickets_of(connection, [resolved.profile_id])[resolved.profile_id]
        if t.rule_id == resolved.rule_id and t.status in UNRESOLVED
    ]
    if others:
        raise Conflict(
            f"The customer has another open ticket of this kind: go on in ticket {others[0]}",
            ticket_id=others[0],
        )

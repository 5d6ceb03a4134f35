"""The inbox: which tickets wait for whom, and everything one needs to answer one of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.alerts import NegativeFeedback, load_rules
from rapport.act.outbox_list import OutboxLine, message_under
from rapport.act.tickets import (
    UNRESOLVED,
    Note,
    Order,
    Ticket,
    TicketFilter,
    badge_count,
    count_by_priority,
    count_tickets,
    get_ticket,
    list_tickets,
    notes_of,
)
from rapport.errors import InvalidInput
from rapport.understand.timeline import newest_touchpoints
from rapport.understand.touchpoints_at import MOST, touchpoints_at
from rapport.unify.explain import mask
from rapport.unify.stored_evidence import atoms_of
from rapport.vocabulary.access import ROLES
from rapport.vocabulary.ledger_tables import profile, source
from rapport.vocabulary.ledger_tables import user as accounts
from rapport.vocabulary.touchpoint import ORDER_CANCELLED, ORDER_COMPLETED, ORDER_REFUNDED
from rapport.workflows.company import Company, read_choice

PAGE = 50
#: What the list can be narrowed to; "unresolved" is what there is to do.
STATES = ("unresolved", "open", "working", "resolved", "all")
ORDERS = ("work", "due", "newest")
_STATUSES: dict[str, tuple[str, ...] | None] = {
    "unresolved": UNRESOLVED,
    "open": ("open",),
    "working": ("working",),
    "resolved": ("resolved",),
    "all": None,
}
_LAST_ORDERS = 3
_BEGINNING = 110
#: More records than anybody has, and than one question names.
_MOST_RECORDS = 1000


class InboxQuestion(Struct, frozen=True, kw_only=True):
    """Which tickets somebody wants to see."""

    state: str = "unresolved"
    mine: bool = False
    overdue: bool = False
    priority: int | None = None
    order: Order = "work"
    page: int = 1


class TicketLine(Struct, frozen=True, kw_only=True):
    """One ticket in the list, with whose it is."""

    ticket: Ticket
    customer: str | None
    revenue: Decimal | None
    owner_name: str
    overdue: bool
    said: str | None = None  # the beginning of the customer's own words


class Inbox(Struct, frozen=True, kw_only=True):
    """A page of the list, and how many each choice would show."""

    question: InboxQuestion
    at: datetime
    currency: str
    lines: tuple[TicketLine, ...]
    total: int
    states: dict[str, int]
    mine: int
    overdue: int
    priorities: dict[int, int]


class Happened(Struct, frozen=True, kw_only=True):
    """A touchpoint that a ticket is about; the words as the customer gave them."""

    position: int
    type: str
    channel: str
    source: str
    occurred_at: datetime
    because: tuple[str, ...] = ()
    text: str | None = None
    language: str | None = None
    sentiment: float | None = None
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    question: str | None = None
    place: str | None = None
    order_id: str | None = None
    is_kept: bool = True  # False: erased, or not applied yet; only the ticket's own facts remain


class LastOrder(Struct, frozen=True, kw_only=True):
    """One of the customer's newest orders."""

    type: str
    order_id: str | None
    occurred_at: datetime
    amount: Decimal | None
    currency: str | None
    channel: str


class Who(Struct, frozen=True, kw_only=True):
    """Whose ticket it is, as far as needed to call back."""

    profile_id: str
    name: str | None
    phone: str | None
    email: str | None
    language: str | None
    country: str | None
    first_seen: datetime | None
    revenue: Decimal
    order_count: int
    last_order_at: datetime | None
    last_orders: tuple[LastOrder, ...]


class WhyOpened(Struct, frozen=True, kw_only=True):
    """The rule that opened a ticket, as it stands now."""

    name: str
    enabled: bool
    definition: NegativeFeedback


class Colleague(Struct, frozen=True, kw_only=True):
    """Somebody who can work on tickets."""

    email: str
    name: str


class TicketView(Struct, frozen=True, kw_only=True):
    """Everything about one ticket."""

    ticket: Ticket
    at: datetime
    currency: str
    overdue: bool
    owner_name: str
    happened: tuple[Happened, ...]
    who: Who | None
    why: WhyOpened | None
    notes: tuple[Note, ...]
    author_names: dict[str, str]
    colleagues: tuple[Colleague, ...]
    mail: OutboxLine | None
    mail_server: bool


def waiting_tickets(company: Company) -> int:
    """How many tickets wait for an answer: one count over an index, for the left bar."""
    with company.ledger.read() as connection:
        return badge_count(connection)


def inbox(company: Company, question: InboxQuestion, *, user_email: str) -> Inbox:
    """A page of tickets with the counts beside each filter.

    Parameters
    ----------
    user_email : str
        Whose are "mine".

    Raises
    ------
    InvalidInput
        If the question asks for a state, order or page that does not exist.
    """
    if question.state not in STATES:
        raise InvalidInput(
            f"The inbox shows tickets that are {', '.join(STATES)}, not {question.state!r}"
        )
    if question.order not in ORDERS:
        raise InvalidInput(f"Tickets are sorted by {', '.join(ORDERS)}, not {question.order!r}")
    if not 1 <= question.page <= 100_000:
        raise InvalidInput(f"The inbox has no page {question.page}; pages begin with 1")
    now = company.clock()
    owner = user_email if question.mine else None
    late = now if question.overdue else None
    which = TicketFilter(
        statuses=_STATUSES[question.state],
        owner_email=owner,
        priority=question.priority,
        overdue_at=late,
    )
    others = TicketFilter(owner_email=owner, priority=question.priority, overdue_at=late)
    with company.ledger.read() as connection:
        found = list_tickets(
            connection,
            which,
            order=question.order,
            limit=PAGE,
            offset=(question.page - 1) * PAGE,
        )
        people = _people(connection, [t.profile_id for t in found if t.profile_id])
        names = _names(connection)
        states = _by_state(count_tickets(connection, others))
        mine = badge_count(connection, user_email)
        overdue = sum(count_tickets(connection, TicketFilter(overdue_at=now)).values())
        priorities = count_by_priority(
            connection, TicketFilter(statuses=which.statuses, owner_email=owner, overdue_at=late)
        )
        currency = read_choice(connection, "reporting_currency") or "EUR"
        total = sum(count_tickets(connection, which).values())
    said = _beginnings(company, found)
    return Inbox(
        question=question,
        at=now,
        currency=currency,
        lines=tuple(
            TicketLine(
                ticket=ticket,
                customer=people[ticket.profile_id].name if ticket.profile_id in people else None,
                revenue=people[ticket.profile_id].revenue if ticket.profile_id in people else None,
                owner_name=names.get(ticket.owner_email, ticket.owner_email),
                overdue=_is_overdue(ticket, now),
                said=said.get(ticket.position) if ticket.position is not None else None,
            )
            for ticket in found
        ),
        total=total,
        states=states,
        mine=mine,
        overdue=overdue,
        priorities=priorities,
    )


def _beginnings(company: Company, found: Sequence[Ticket]) -> dict[int, str]:
    """The first words of what each ticket is about, in one question to the lake."""
    wanted = {
        t.position: None if t.atom_id is None else int(t.atom_id)
        for t in found
        if t.position is not None
    }
    rows = touchpoints_at(company.lake, list(wanted), list(set(wanted.values()))).to_pylist()
    return {
        row["position"]: row["text"]
        if len(row["text"]) <= _BEGINNING
        else row["text"][:_BEGINNING].rstrip() + "…"
        for row in rows
        if row["text"] and row["atom_id"] == wanted[row["position"]]
    }


def _by_state(counts: dict[str, int]) -> dict[str, int]:
    return {
        state: sum(counts[s] for s in (statuses or tuple(counts)))
        for state, statuses in _STATUSES.items()
    }


def _is_overdue(ticket: Ticket, now: datetime) -> bool:
    return ticket.status != "resolved" and ticket.due_at is not None and ticket.due_at < now


def _people(connection: Connection, profile_ids: Sequence[str]) -> dict[str, Any]:
    rows = connection.execute(
        select(profile.c.profile_id, profile.c.name, profile.c.revenue).where(
            profile.c.profile_id.in_(sorted(set(profile_ids)))
        )
    )
    return {row.profile_id: row for row in rows}


def _names(connection: Connection) -> dict[str, str]:
    """What colleagues are called, also those whose account is closed: history names them."""
    return {
        row.email: row.name for row in connection.execute(select(accounts.c.email, accounts.c.name))
    }


# ── one ticket ─────────────────────────────────────────────────────────────────────────────────


def ticket_view(company: Company, ticket_id: int, *, reveal: bool) -> TicketView:
    """What happened, to whom, why somebody should answer, and what was done so far.

    Parameters
    ----------
    reveal : bool
        Whether phone number and e-mail address are shown in full.

    Raises
    ------
    NotFound
        If there is no such ticket.
    """
    now = company.clock()
    with company.ledger.read() as connection:
        ticket = get_ticket(connection, ticket_id)
        notes = tuple(notes_of(connection, ticket_id))
        names = _names(connection)
        colleagues = colleagues_for_tickets(connection)
        rule = next((r for r in load_rules(connection) if r.rule_id == ticket.rule_id), None)
        mail = message_under(connection, f"alert:{ticket_id}")
        labels = {
            row.name: row.label for row in connection.execute(select(source.c.name, source.c.label))
        }
        person = None
        atoms: tuple[int, ...] = ()
        if ticket.profile_id is not None:
            person = connection.execute(
                select(profile).where(profile.c.profile_id == ticket.profile_id)
            ).one_or_none()
            atoms = tuple(atoms_of(connection, [ticket.profile_id]).get(ticket.profile_id, ()))
        currency = read_choice(connection, "reporting_currency") or "EUR"
    return TicketView(
        ticket=ticket,
        at=now,
        currency=currency,
        overdue=_is_overdue(ticket, now),
        owner_name=names.get(ticket.owner_email, ticket.owner_email),
        happened=_happened(company, ticket, notes, atoms, labels),
        who=None if person is None else _who(company, person, atoms, reveal=reveal),
        why=None
        if rule is None
        else WhyOpened(name=rule.name, enabled=rule.enabled, definition=rule.definition),
        notes=tuple(note for note in notes if note.kind != "alert"),
        author_names=names,
        colleagues=colleagues,
        mail=mail,
        mail_server=bool(company.settings.smtp_host),
    )


def colleagues_for_tickets(connection: Connection) -> tuple[Colleague, ...]:
    """Everybody whose account is open and whose role may work on tickets, by name."""
    able = [role for role, permissions in ROLES.items() if "tickets.write" in permissions]
    rows = connection.execute(
        select(accounts.c.email, accounts.c.name)
        .where(accounts.c.disabled_at.is_(None), accounts.c.role.in_(able))
        .order_by(accounts.c.name, accounts.c.email)
    )
    return tuple(Colleague(email=row.email, name=row.name) for row in rows)


def _happened(
    company: Company,
    ticket: Ticket,
    notes: Sequence[Note],
    atoms: Sequence[int],
    labels: dict[str, str],
) -> tuple[Happened, ...]:
    """What opened the ticket first, then what came while it was open."""
    said: list[dict[str, Any]] = [ticket.facts] if ticket.position is not None else []
    said += [json.loads(note.body) for note in notes if note.kind == "alert"]
    said = said[:MOST]
    if not said:
        return ()
    # A later word may come from another record of the same person.
    opened_by = None if ticket.atom_id is None else int(ticket.atom_id)
    own: list[int | None] = [opened_by, *atoms[:_MOST_RECORDS]]
    found = touchpoints_at(company.lake, [facts["position"] for facts in said], own)
    kept = {row["position"]: row for row in found.to_pylist() if row["atom_id"] in set(own)}
    return tuple(_one(facts, kept.get(facts["position"]), labels) for facts in said)


def _one(facts: dict[str, Any], row: dict[str, Any] | None, labels: dict[str, str]) -> Happened:
    shared: dict[str, Any] = {
        name: facts.get(name)
        for name in ("sentiment", "score", "scale_min", "scale_max", "question")
    }
    if row is not None:
        shared |= {
            name: row[name]
            for name in (
                "text", "language", "sentiment", "score", "scale_min", "scale_max", "question",
                "place", "order_id",
            )
        }  # fmt: skip
    return Happened(
        position=facts["position"],
        type=facts["type"],
        channel=facts["channel"],
        source=labels.get(facts["source"], facts["source"]),
        occurred_at=datetime.fromisoformat(facts["occurred_at"]),
        because=tuple(facts.get("because", ())),
        is_kept=row is not None,
        **shared,
    )


def _who(company: Company, person: Any, atoms: Sequence[int], *, reveal: bool) -> Who:
    orders = []
    if atoms:
        orders = newest_touchpoints(
            company.lake,
            atoms[:_MOST_RECORDS],
            limit=_LAST_ORDERS,
            types=(ORDER_COMPLETED, ORDER_REFUNDED, ORDER_CANCELLED),
        ).to_pylist()

    def shown(name: str, value: str | None) -> str | None:
        return value if value is None or reveal else mask(name, value)

    return Who(
        profile_id=person.profile_id,
        name=person.name,
        phone=shown("phone", person.phone),
        email=shown("email", person.email),
        language=person.language,
        country=person.country,
        first_seen=person.first_seen,
        revenue=person.revenue,
        order_count=person.order_count,
        last_order_at=person.last_order_at,
        last_orders=tuple(
            LastOrder(
                type=row["type"],
                order_id=row["order_id"],
                occurred_at=row["occurred_at"],
                amount=row["amount"],
                currency=row["currency"],
                channel=row["channel"],
            )
            for row in orders
        ),
    )


def ticket_colleagues(company: Company) -> tuple[Colleague, ...]:
    """Everybody to whom a ticket can be given."""
    with company.ledger.read() as connection:
        return colleagues_for_tickets(connection)

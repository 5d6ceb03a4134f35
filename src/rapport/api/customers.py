"""Customers: list, search, the 360-degree view, and what may be done with one of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from rapport.act.decide import Decision
from rapport.unify.stewardship import Consequences, Rearrangement
from rapport.workflows.company import Company
from rapport.workflows.customer import Customer, customer_360
from rapport.workflows.customer_changes import (
    ContactKept,
    Identity,
    answer_next_step,
    choose_values,
    customer_identity,
    join_customers,
    record_contact,
    report_ticket,
    separate_customer,
    undo,
)
from rapport.workflows.customer_list import (
    PAGE_ROWS,
    CustomerPage,
    Found,
    find,
    list_customers,
)
from rapport.workflows.customer_timeline import Timeline, customer_timeline
from rapport.workflows.identity_approval import Proposed
from rapport.workflows.write_message import write_message

_READ = {"permission": "customers.read"}
_CONTACT = {"permission": "customers.contact"}
_MERGE = {"permission": "customers.merge"}
_SEND = {"permission": "messages.send"}
_TICKET = {"permission": "tickets.write"}


class Pins(Struct, frozen=True, kw_only=True):
    """Values to show from now on, by attribute; null gives an attribute back to the rules."""

    values: dict[str, str | None]


class NewMessage(Struct, frozen=True, kw_only=True):
    """A message to write. `key` names it: the same key reaches the customer once."""

    purpose: Literal["service", "marketing"]
    subject: str
    text: str
    key: str


class NewContact(Struct, frozen=True, kw_only=True):
    """A call or a meeting that took place; `at` is now unless said."""

    channel: Literal["phone", "store"]
    note: str = ""
    at: datetime | None = None


class NewTicket(Struct, frozen=True, kw_only=True):
    """A ticket; priority 1 is the most urgent."""

    subject: str
    note: str = ""
    priority: int = 2


class TicketOpened(Struct, frozen=True, kw_only=True):
    """The number of the ticket that was opened."""

    ticket_id: int


class Merge(Struct, frozen=True, kw_only=True):
    """The other profile that is the same person, and why."""

    other: str
    reason: str = ""


class Separation(Struct, frozen=True, kw_only=True):
    """The records (`atom_id`, as text: they pass 2^53) that are another person, and why."""

    records: list[str]
    reason: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """Whether the advice `code` is taken on or put off."""

    code: str
    status: Literal["accepted", "declined"]


class Reason(Struct, frozen=True, kw_only=True):
    """Why a decision is taken back."""

    reason: str = ""


class Current(Struct, frozen=True, kw_only=True):
    """The profile as it is now: an id from before a merge leads here."""

    profile_id: str


class Rearranged(Struct, frozen=True, kw_only=True):
    """What a decision about identity did.

    Attributes
    ----------
    profiles : list of str
        That changed.
    retired : dict of str to str
        Profiles left without records, and where their links lead now.
    records_moved : int
    followed : Consequences
        Of an undo: what was done on the strength of the decision meanwhile.
    """

    decision_id: int
    profiles: list[str]
    retired: dict[str, str]
    records_moved: int
    followed: Consequences = Consequences()


def rearranged(done: Rearrangement | Proposed) -> Response[Rearranged | Proposed]:
    """What a decision did (200), or that it waits for a second person (202)."""
    if isinstance(done, Proposed):
        return Response(done, status_code=202)
    return Response(_rearranged(done), status_code=200)


def _rearranged(done: Rearrangement) -> Rearranged:
    return Rearranged(
        decision_id=done.decision_id,
        profiles=sorted(done.touched),
        retired=dict(done.retired),
        records_moved=len(done.moved),
        followed=done.followed,
    )


def _reveal(request: Request[Any, Any, Any]) -> bool:
    return bool(request.user.may("customers.contact"))


@get("/api/v1/customers", sync_to_thread=True, opt=_READ)
def get_customers(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    q: FromQuery[str] = "",
    sort: FromQuery[str] = "-last_seen",
    offset: FromQuery[int] = 0,
    limit: FromQuery[int] = PAGE_ROWS,
    country: FromQuery[str | None] = None,
    language: FromQuery[str | None] = None,
) -> CustomerPage:
    """Customers that a search finds, or all in the order of name, last_seen, orders or revenue."""
    return list_customers(
        company,
        reveal=_reveal(request),
        query=q[:200],
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        offset=offset,
        limit=limit,
        country=country,
        language=language,
    )


@get("/api/v1/search", sync_to_thread=True, opt=_READ)
def get_search(
    request: Request[Any, Any, Any], company: NamedDependency[Company], q: FromQuery[str] = ""
) -> Found:
    """What the search box offers: people, orders and tickets."""
    return find(company, q[:200], reveal=_reveal(request), tickets=request.user.may("tickets.read"))


@get("/api/v1/customers/{profile_id:str}", sync_to_thread=True, opt=_READ)
def get_customer(
    request: Request[Any, Any, Any], company: NamedDependency[Company], profile_id: FromPath[str]
) -> Customer:
    """Everything about one customer; `profile_id` of the answer is who an old id is now."""
    return customer_360(company, profile_id, reveal=_reveal(request))


@get("/api/v1/customers/{profile_id:str}/timeline", sync_to_thread=True, opt=_READ)
def get_timeline(
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    kind: FromQuery[str | None] = None,
    before: FromQuery[str | None] = None,
) -> Timeline:
    """A page of the timeline, newest first; pass `next` as `before` for the page after."""
    return customer_timeline(company, profile_id, kind=kind, before=before)


@get("/api/v1/customers/{profile_id:str}/explanation", sync_to_thread=True, opt=_READ)
def get_explanation(
    request: Request[Any, Any, Any], company: NamedDependency[Company], profile_id: FromPath[str]
) -> Identity:
    """Which records make up the person, why, and who decided what about it."""
    return customer_identity(company, profile_id, reveal=_reveal(request))


@post("/api/v1/customers/{profile_id:str}/pins", sync_to_thread=True, opt=_MERGE, status_code=200)
def post_pins(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[Pins],
) -> Current:
    """Choose the values that are shown."""
    here = choose_values(company, profile_id, data.values, author=request.user.email)
    return Current(profile_id=here)


@post(
    "/api/v1/customers/{profile_id:str}/next-step",
    sync_to_thread=True,
    opt=_TICKET,
    status_code=200,
)
def post_next_step(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[Answer],
) -> Current:
    """Take the advice on, or put it off."""
    here = answer_next_step(
        company, profile_id, code=data.code, status=data.status, author=request.user.email
    )
    return Current(profile_id=here)


@post("/api/v1/customers/{profile_id:str}/messages", sync_to_thread=True, opt=_SEND)
def post_message(
    company: NamedDependency[Company], profile_id: FromPath[str], data: JSONBody[NewMessage]
) -> Response[Decision]:
    """Queue a message (201), or say why it may not be sent (200, with `allowed` false)."""
    outcome = write_message(
        company,
        profile_id,
        purpose=data.purpose,
        subject=data.subject,
        text=data.text,
        key=data.key,
    )
    return Response(outcome.decision, status_code=201 if outcome.decision.allowed else 200)


@post("/api/v1/customers/{profile_id:str}/contacts", sync_to_thread=True, opt=_CONTACT)
def post_contact(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[NewContact],
) -> ContactKept:
    """Write down a call or a meeting; it takes a slot of the contact policy."""
    return record_contact(
        company,
        profile_id,
        channel=data.channel,
        note=data.note,
        at=data.at,
        author=request.user.email,
    )


@post("/api/v1/customers/{profile_id:str}/tickets", sync_to_thread=True, opt=_TICKET)
def post_ticket(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[NewTicket],
) -> TicketOpened:
    """Open a ticket about the customer."""
    number = report_ticket(
        company,
        profile_id,
        subject=data.subject,
        note=data.note,
        priority=data.priority,
        author=request.user.email,
    )
    return TicketOpened(ticket_id=number)


@post("/api/v1/customers/{profile_id:str}/merge", sync_to_thread=True, opt=_MERGE, status_code=200)
def post_merge(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[Merge],
) -> Response[Rearranged | Proposed]:
    """Say that another profile is the same person; what is large is only proposed (202)."""
    return rearranged(
        join_customers(
            company, profile_id, data.other, author=request.user.email, reason=data.reason
        )
    )


@post(
    "/api/v1/customers/{profile_id:str}/separate", sync_to_thread=True, opt=_MERGE, status_code=200
)
def post_separate(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[Separation],
) -> Response[Rearranged | Proposed]:
    """Say that some of the records are another person; what is large is only proposed (202)."""
    return rearranged(
        separate_customer(
            company,
            profile_id,
            [int(record) if record.isdigit() else -1 for record in data.records],
            author=request.user.email,
            reason=data.reason,
        )
    )


@post("/api/v1/decisions/{decision_id:int}/undo", sync_to_thread=True, opt=_MERGE, status_code=200)
def post_undo(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    decision_id: FromPath[int],
    data: JSONBody[Reason],
) -> Response[Rearranged | Proposed]:
    """Take a decision about identity back; the answer lists what followed from it."""
    return rearranged(undo(company, decision_id, author=request.user.email, reason=data.reason))


routes = (
    get_customers,
    get_search,
    get_customer,
    get_timeline,
    get_explanation,
    post_pins,
    post_next_step,
    post_message,
    post_contact,
    post_ticket,
    post_merge,
    post_separate,
    post_undo,
)

"""Tickets: the inbox, one ticket with what it is about, and the work on it."""

from __future__ import annotations

from typing import Any, Literal

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from rapport.act.tickets import Order, Ticket
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.inbox import Inbox, InboxQuestion, TicketView, inbox, ticket_view
from rapport.workflows.ticket_work import (
    assign_ticket,
    contact_about_ticket,
    move_ticket,
    note_ticket,
    reopen_ticket,
)

_READ = {"permission": "tickets.read"}
_WRITE = {"permission": "tickets.write"}
_AnyRequest = Request[Any, Any, Any]


class NewOwner(Struct, frozen=True, kw_only=True):
    """Who gets the ticket; `version` is that of the ticket as it was seen."""

    owner_email: str
    version: int


class NewNote(Struct, frozen=True, kw_only=True):
    """A note for colleagues."""

    body: str


class NewTicketContact(Struct, frozen=True, kw_only=True):
    """The customer was spoken to; it counts under the contact policy."""

    channel: Literal["phone", "store"]
    note: str = ""


class NewStatus(Struct, frozen=True, kw_only=True):
    """Where the ticket goes; a resolved one has a cause."""

    status: Literal["open", "working", "resolved"]
    version: int
    cause: str | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """The version of the ticket as it was seen."""

    version: int


def _user(request: _AnyRequest) -> User:
    user: User = request.scope["user"]
    return user


@get("/api/v1/tickets", sync_to_thread=True, opt=_READ, tags=["tickets"])
def tickets(
    request: _AnyRequest,
    company: NamedDependency[Company],
    show: FromQuery[Literal["unresolved", "open", "working", "resolved", "all"]] = "unresolved",
    mine: FromQuery[bool] = False,
    overdue: FromQuery[bool] = False,
    priority: FromQuery[int | None] = None,
    order: FromQuery[Order] = "work",
    page: FromQuery[int] = 1,
) -> Inbox:
    """A page of 50 tickets, and how many each filter would show."""
    question = InboxQuestion(
        state=show, mine=mine, overdue=overdue, priority=priority, order=order, page=page
    )
    return inbox(company, question, user_email=_user(request).email)


@get("/api/v1/tickets/{ticket_id:int}", sync_to_thread=True, opt=_READ, tags=["tickets"])
def ticket(
    request: _AnyRequest, company: NamedDependency[Company], ticket_id: FromPath[int]
) -> TicketView:
    """One ticket: what happened, whose it is, the rule, the history and the mail about it."""
    reveal = _user(request).may("customers.contact")
    return ticket_view(company, ticket_id, reveal=reveal)


@post(
    "/api/v1/tickets/{ticket_id:int}/owner",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["tickets"],
    status_code=200,
)
def give_ticket(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: JSONBody[NewOwner],
) -> Ticket:
    """Give a ticket to a colleague; 409 if somebody changed it meanwhile."""
    return assign_ticket(
        company,
        ticket_id,
        owner_email=data.owner_email,
        author=_user(request).email,
        version=data.version,
    )


@post(
    "/api/v1/tickets/{ticket_id:int}/notes",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["tickets"],
    status_code=200,
)
def write_note(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: JSONBody[NewNote],
) -> Ticket:
    """Write a note; notes never conflict."""
    return note_ticket(company, ticket_id, body=data.body, author=_user(request).email)


@post(
    "/api/v1/tickets/{ticket_id:int}/contacts",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["tickets"],
    status_code=200,
)
def write_contact(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: JSONBody[NewTicketContact],
) -> Ticket:
    """Write down that the customer was spoken to."""
    return contact_about_ticket(
        company,
        ticket_id,
        channel=data.channel,
        note=data.note,
        author=_user(request).email,
    )


@post(
    "/api/v1/tickets/{ticket_id:int}/status",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["tickets"],
    status_code=200,
)
def set_status(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: JSONBody[NewStatus],
) -> Ticket:
    """Begin to work on a ticket, put it back, or resolve it with its cause."""
    return move_ticket(
        company,
        ticket_id,
        status=data.status,
        author=_user(request).email,
        version=data.version,
        cause=data.cause,
    )


@post(
    "/api/v1/tickets/{ticket_id:int}/reopen",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["tickets"],
    status_code=200,
)
def reopen(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: JSONBody[Seen],
) -> Ticket:
    """Open a resolved ticket again, due within a day."""
    return reopen_ticket(company, ticket_id, author=_user(request).email, version=data.version)


routes = (tickets, ticket, give_ticket, write_note, write_contact, set_status, reopen)

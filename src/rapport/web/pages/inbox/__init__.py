"""The inbox: customers who wait for an answer, and the work on one ticket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, cast

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect
from msgspec import Struct

from rapport.act.tickets import Order, Status
from rapport.errors import Conflict, InvalidInput
from rapport.vocabulary.access import User
from rapport.web.pages.inbox.listing import inbox_page
from rapport.web.pages.inbox.ticket import ticket_page
from rapport.web.parts.cards import Tone
from rapport.web.parts.states import flash
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.inbox import InboxQuestion, inbox, ticket_view
from rapport.workflows.ticket_work import (
    assign_ticket,
    contact_about_ticket,
    move_ticket,
    note_ticket,
    reopen_ticket,
)

_READ = {"permission": "tickets.read"}
_WRITE = {"permission": "tickets.write"}
#: What a write leaves to say to the page that follows it.
_DONE = ("assigned", "noted", "contacted", "working", "open", "resolved")
_AnyRequest = Request[Any, Any, Any]


class TicketForm(Struct, frozen=True, kw_only=True, rename={"csrf_token": "_csrf_token"}):
    """What the forms of a ticket send; each sends its part."""

    version: str = ""
    owner: str = ""
    body: str = ""
    channel: str = ""
    status: str = ""
    cause: str = ""
    csrf_token: str = ""


Sent = Annotated[TicketForm, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/inbox", sync_to_thread=True, opt=_READ, include_in_schema=False)
def inbox_list(
    request: _AnyRequest,
    company: NamedDependency[Company],
    show: FromQuery[str] = "unresolved",
    mine: FromQuery[str] = "",
    overdue: FromQuery[str] = "",
    priority: FromQuery[str] = "",
    order: FromQuery[str] = "work",
    page: FromQuery[int] = 1,
) -> Response[Any]:
    """The list with its filters, all of which stand in the address."""
    if priority not in ("", "1", "2", "3"):
        raise InvalidInput(f"A ticket has priority 1, 2 or 3, not {priority!r}")
    question = InboxQuestion(
        state=show,
        mine=bool(mine),
        overdue=bool(overdue),
        priority=int(priority) if priority else None,
        order=cast(Order, order),
        page=page,
    )
    user: User = request.scope["user"]
    found = inbox(company, question, user_email=user.email)
    return html_response(inbox_page(context_of(request), found))


@get("/inbox/{ticket_id:int}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def ticket_get(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    done: FromQuery[str] = "",
) -> Response[Any]:
    """One ticket."""
    said = f"inbox.done.{done}" if done in _DONE else None
    return _ticket(request, company, ticket_id, said=said)


def _ticket(
    request: _AnyRequest,
    company: Company,
    ticket_id: int,
    *,
    said: str | None = None,
    tone: Tone = "good",
    why: str | None = None,
    status_code: int = 200,
    kept: TicketForm | None = None,
) -> Response[Any]:
    user: User = request.scope["user"]
    context = context_of(request)
    if said is not None:
        words = context.t(said) if why is None else context.t(said, why=why)
        context = msgspec.structs.replace(context, flash=(flash(words, tone=tone),))
    view = ticket_view(company, ticket_id, reveal=user.may("customers.contact"))
    typed = "" if kept is None else kept.body
    return html_response(ticket_page(context, view, user, typed=typed), status_code=status_code)


def _work(
    request: _AnyRequest,
    company: Company,
    ticket_id: int,
    done: str,
    data: TicketForm,
    write: Callable[[str], object],
) -> Response[Any]:
    """Do it and lead back; what could not be done is said above the newest state."""
    user: User = request.scope["user"]
    try:
        write(user.email)
    except Conflict as conflict:
        if "version" in conflict.details:
            return _ticket(
                request, company, ticket_id, said="inbox.conflict", tone="caution",
                status_code=409, kept=data,
            )  # fmt: skip
        return _ticket(
            request, company, ticket_id, said="inbox.not_done", why=conflict.message, tone="bad",
            status_code=409, kept=data,
        )  # fmt: skip
    except InvalidInput as mistake:
        return _ticket(
            request, company, ticket_id, said="inbox.not_done", why=mistake.message, tone="bad",
            status_code=400, kept=data,
        )  # fmt: skip
    return Redirect(f"/inbox/{ticket_id}?done={done}", status_code=303)


def _version(data: TicketForm) -> int:
    if not (data.version.isascii() and data.version.isdecimal()) or len(data.version) > 18:
        raise InvalidInput("The form does not say which version of the ticket you saw; reload it")
    return int(data.version)


@post("/inbox/{ticket_id:int}/owner", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def ticket_assign(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Give it to a colleague; without one, take it."""
    return _work(
        request,
        company,
        ticket_id,
        "assigned",
        data,
        lambda author: assign_ticket(
            company,
            ticket_id,
            owner_email=data.owner or author,
            author=author,
            version=_version(data),
        ),
    )


@post("/inbox/{ticket_id:int}/notes", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def ticket_note(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Write a note."""
    return _work(
        request,
        company,
        ticket_id,
        "noted",
        data,
        lambda author: note_ticket(company, ticket_id, body=data.body, author=author),
    )


@post("/inbox/{ticket_id:int}/contacts", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def ticket_contact(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Write down that the customer was spoken to."""
    return _work(
        request,
        company,
        ticket_id,
        "contacted",
        data,
        lambda author: contact_about_ticket(
            company, ticket_id, channel=data.channel, note=data.body, author=author
        ),
    )


@post("/inbox/{ticket_id:int}/status", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def ticket_status(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Begin, put back, or solve it with its cause."""
    return _work(
        request,
        company,
        ticket_id,
        data.status if data.status in _DONE else "open",
        data,
        lambda author: move_ticket(
            company,
            ticket_id,
            status=cast(Status, data.status),
            author=author,
            version=_version(data),
            cause=data.cause or None,
        ),
    )


@post("/inbox/{ticket_id:int}/reopen", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def ticket_reopen(
    request: _AnyRequest,
    company: NamedDependency[Company],
    ticket_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Open a solved ticket again."""
    return _work(
        request,
        company,
        ticket_id,
        "open",
        data,
        lambda author: reopen_ticket(company, ticket_id, author=author, version=_version(data)),
    )


routes = (
    inbox_list,
    ticket_get,
    ticket_assign,
    ticket_note,
    ticket_contact,
    ticket_status,
    ticket_reopen,
)

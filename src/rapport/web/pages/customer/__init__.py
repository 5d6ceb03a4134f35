"""Customer 360: everything about one person, and what colleagues do with them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote, urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from rapport.errors import InvalidInput
from rapport.unify.explain import mask
from rapport.unify.stewardship import Rearrangement
from rapport.web import html as h
from rapport.web.pages.customer.forms import Written, contact_page, message_page, ticket_page
from rapport.web.pages.customer.groups import accounts_card, home_card
from rapport.web.pages.customer.history import more_events, timeline_card
from rapport.web.pages.customer.identity import identity_body
from rapport.web.pages.customer.segments import segments_card
from rapport.web.pages.customer.sides import (
    conflicts_card,
    consent_card,
    facts_card,
    identity_card,
    messages_card,
    next_step_card,
    predictions_card,
    tickets_card,
)
from rapport.web.pages.customer.visits import visit_page
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import Tone
from rapport.web.parts.chips import chip, chips
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.states import flash
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.customer import Customer, customer_360
from rapport.workflows.customer_changes import (
    answer_next_step,
    choose_keys,
    choose_values,
    contact_card,
    customer_identity,
    join_customers,
    record_contact,
    report_ticket,
    separate_customer,
    split_at,
    undo,
)
from rapport.workflows.customer_list import list_customers
from rapport.workflows.customer_timeline import KINDS, customer_timeline
from rapport.workflows.identity_approval import Proposed
from rapport.workflows.segment_history import current_segments
from rapport.workflows.write_message import write_message, writing_view

Form: TypeAlias = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]

#: What a write leaves behind for the page that follows it.
_DONE = (
    "message", "contact", "ticket", "values", "accepted", "declined", "joined", "separated",
    "undone", "merged", "proposed",
)  # fmt: skip
_MOST_FOUND = 8
_READ = {"permission": "customers.read"}
_CONTACT = {"permission": "customers.contact"}
_MERGE = {"permission": "customers.merge"}
_SEND = {"permission": "messages.send"}
_TICKET = {"permission": "tickets.write"}


def _back(profile_id: str, done: str | None = None) -> Redirect:
    query = f"?{urlencode({'done': done})}" if done else ""
    return Redirect(f"/customers/{quote(profile_id)}{query}", status_code=303)


#: How what was done is said, where it is not simply good.
_TONES: Mapping[str, Tone] = {"merged": "neutral", "proposed": "caution"}


def _said(context: PageContext, done: str, action: h.Child = None) -> PageContext:
    """The context with the message that the last write left."""
    if done not in _DONE:
        return context
    said = flash(context.t(f"customer.done.{done}"), tone=_TONES.get(done, "good"), action=action)
    return msgspec.structs.replace(context, flash=(said,))


@get("/customers/{profile_id:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def customer_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    kind: FromQuery[str] = "",
    before: FromQuery[str] = "",
    done: FromQuery[str] = "",
) -> Response[Any]:
    """One customer; an old id leads on to who it is now."""
    customer = customer_360(
        company,
        profile_id,
        reveal=request.user.may("customers.contact"),
        kind=kind if kind in KINDS else None,
        before=before or None,
    )
    if customer.profile_id != profile_id:
        return _back(customer.profile_id, "merged")
    context = _said(context_of(request), done)
    own = current_segments(company, profile_id) if request.user.may("segments.read") else None
    segments = None if own is None else segments_card(context, own)
    return html_response(
        _page(context, request.user, customer, is_first=not before, segments=segments)
    )


def _page(
    context: PageContext,
    user: Any,
    customer: Customer,
    *,
    is_first: bool,
    segments: h.Markup | None = None,
) -> h.Markup:
    path = f"/customers/{quote(customer.profile_id)}"
    name = customer.name or context.t("customer.anonymous")
    may_choose = user.may("customers.merge")
    initials = "".join(part[0] for part in (customer.name or "").split()[:2] if part[0].isalpha())
    return page(
        context,
        name,
        h.div(
            {"class": "three"},
            h.div(
                {"class": "stack"},
                facts_card(context, customer, may_choose=may_choose),
                consent_card(context, customer),
            ),
            timeline_card(
                context,
                customer.timeline,
                now=customer.at,
                last_seen=customer.value.last_seen,
                is_first=is_first,
            ),
            h.div(
                {"class": "stack"},
                next_step_card(context, customer, may_act=user.may("tickets.write")),
                predictions_card(context, customer),
                home_card(context, customer, may_say=may_choose),
                accounts_card(context, customer),
                segments,
                conflicts_card(context, customer, may_choose=may_choose),
                tickets_card(context, customer) if user.may("tickets.read") else None,
                messages_card(context, customer),
                identity_card(context, customer, may_merge=user.may("customers.merge")),
            ),
        ),
        subtitle=_chips(context, customer),
        lead=h.span({"class": "avatar", "aria-hidden": True}, initials.upper() or "?"),
        tools=[
            button(context.t("customer.call"), href=f"{path}/contact", icon_name="phone")
            if user.may("customers.contact")
            else None,
            button(context.t("customer.write"), href=f"{path}/message", icon_name="mail")
            if user.may("messages.send")
            else None,
            button(context.t("customer.new_ticket"), href=f"{path}/ticket", icon_name="ticket")
            if user.may("tickets.write")
            else None,
        ],
    )


def _chips(context: PageContext, customer: Customer) -> h.Markup | None:
    tier = customer.fact("loyalty_tier")
    alive = customer.predictions.scores.get("probability_alive")
    leaving = None if alive is None else 1 - alive.value
    shown = [
        chip(context.t(f"customer.rfm.{customer.value.rfm_segment}"))
        if customer.value.rfm_segment
        else None,
        chip(h.bdi(tier.value)) if tier else None,
        chip(
            context.t("customer.leaving_risk", share=context.n.share(leaving, digits=0)),
            tone="bad" if leaving >= 0.6 else "caution" if leaving >= 0.3 else "neutral",
        )
        if leaving is not None
        else None,
    ]
    present = [one for one in shown if one is not None]
    return chips(*present) if present else None


@get(
    "/customers/{profile_id:str}/timeline",
    sync_to_thread=True,
    opt=_READ,
    include_in_schema=False,
)
def timeline_fragment(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    kind: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Response[str]:
    """The next events of a timeline."""
    shown = customer_timeline(
        company, profile_id, kind=kind if kind in KINDS else None, before=before or None
    )
    return html_response(more_events(context_of(request), shown, now=company.clock()))


# ── values and advice ──────────────────────────────────────────────────────────────────────────


@post("/customers/{profile_id:str}/pins", sync_to_thread=True, opt=_MERGE, include_in_schema=False)
def pins_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Keep chosen values, or give attributes back to the rules."""
    author = request.user.email
    back = {name.removeprefix("back."): None for name in data if name.startswith("back.")}
    keys = {name.removeprefix("pin."): _one(data, name) for name in data if name.startswith("pin.")}
    if back:
        choose_values(company, profile_id, back, author=author)
    if keys:
        choose_keys(company, profile_id, keys, author=author)
    return _back(profile_id, "values")


@post(
    "/customers/{profile_id:str}/next-step",
    sync_to_thread=True,
    opt=_TICKET,
    include_in_schema=False,
)
def next_step_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Take the advice on, or put it off."""
    status = _one(data, "status")
    if status not in ("accepted", "declined"):
        raise InvalidInput("Advice is accepted or declined")
    here = answer_next_step(
        company,
        profile_id,
        code=_one(data, "code"),
        status="accepted" if status == "accepted" else "declined",
        author=request.user.email,
    )
    return _back(here, status)


# ── identity ───────────────────────────────────────────────────────────────────────────────────


@get(
    "/customers/{profile_id:str}/identity",
    sync_to_thread=True,
    opt=_READ,
    include_in_schema=False,
)
def identity_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    q: FromQuery[str] = "",
    done: FromQuery[str] = "",
    decision: FromQuery[str] = "",
) -> Response[Any]:
    """The records of a person, why they are one, and who decided what."""
    context = context_of(request)
    action = None
    if decision.isascii() and decision.isdecimal() and request.user.may("customers.merge"):
        action = post_button(
            context,
            context.t("customer.identity.undo"),
            action=f"/customers/{quote(profile_id)}/decisions/{decision[:18]}/undo",
            icon_name="undo-2",
        )
    context = _said(context, done, action)
    reveal = request.user.may("customers.contact")
    identity = customer_identity(company, profile_id, reveal=reveal)
    if identity.profile_id != profile_id:
        return Redirect(
            f"/customers/{quote(identity.profile_id)}/identity?done=merged", status_code=303
        )
    found = (
        list_customers(company, reveal=reveal, query=q[:200], limit=_MOST_FOUND).rows
        if q.strip()
        else ()
    )
    title = context.t("customer.identity.page_nameless")
    if identity.name:
        title = context.t("customer.identity.page", name=identity.name)
    return html_response(
        page(
            context,
            title,
            identity_body(
                context,
                identity,
                may_merge=request.user.may("customers.merge"),
                query=q[:200],
                found=found,
            ),
            tools=button(
                context.t("customer.compose.cancel"),
                href=f"/customers/{quote(profile_id)}",
                icon_name="arrow-left",
            ),
        )
    )


@post(
    "/customers/{profile_id:str}/separate",
    sync_to_thread=True,
    opt=_MERGE,
    include_in_schema=False,
)
def separate_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Response[Any]:
    """These are two people."""
    given = data.get("record", [])
    records = given if isinstance(given, list) else [given]
    done = separate_customer(
        company,
        profile_id,
        [_number(record) for record in records],
        author=request.user.email,
        reason=_one(data, "reason"),
    )
    return _rearranged(profile_id, done, "separated")


def _rearranged(profile_id: str, done: Rearrangement | Proposed, said: str) -> Redirect:
    """Back to the evidence, with the undo of what was done at once."""
    query = {"done": "proposed"}
    if isinstance(done, Rearrangement):
        query = {"done": said, "decision": str(done.decision_id)}
    return Redirect(f"/customers/{quote(profile_id)}/identity?{urlencode(query)}", status_code=303)


@post("/customers/{profile_id:str}/split", sync_to_thread=True, opt=_MERGE, include_in_schema=False)
def split_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Response[Any]:
    """These are two people, and here is the link that was wrong."""
    done = split_at(
        company,
        profile_id,
        _number(_one(data, "a")),
        _number(_one(data, "b")),
        author=request.user.email,
        reason=_one(data, "reason"),
    )
    return _rearranged(profile_id, done, "separated")


@post("/customers/{profile_id:str}/merge", sync_to_thread=True, opt=_MERGE, include_in_schema=False)
def merge_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Response[Any]:
    """The same person as another."""
    other = _one(data, "other")
    if not other:
        raise InvalidInput("Nobody was chosen; go back and choose the other customer")
    done = join_customers(
        company,
        profile_id,
        other,
        author=request.user.email,
        reason=_one(data, "reason"),
    )
    return _rearranged(profile_id, done, "joined")


@post(
    "/customers/{profile_id:str}/decisions/{decision_id:int}/undo",
    sync_to_thread=True,
    opt=_MERGE,
    include_in_schema=False,
)
def undo_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    decision_id: FromPath[int],
) -> Response[Any]:
    """Take a decision back."""
    done = undo(company, decision_id, author=request.user.email)
    return _rearranged(profile_id, done, "undone")


# ── writing, calling, tickets ──────────────────────────────────────────────────────────────────


@get("/customers/{profile_id:str}/message", sync_to_thread=True, opt=_SEND, include_in_schema=False)
def message_form(
    request: Request[Any, Any, Any], company: NamedDependency[Company], profile_id: FromPath[str]
) -> Response[str]:
    """Compose a message."""
    return html_response(
        message_page(
            context_of(request),
            view := writing_view(company, profile_id),
            key=secrets.token_urlsafe(12),
            shown_address=_address(request, view.address),
        )
    )


def _address(request: Request[Any, Any, Any], address: str | None) -> str | None:
    if address is None or request.user.may("customers.contact"):
        return address
    return mask("email", address)


@post(
    "/customers/{profile_id:str}/messages", sync_to_thread=True, opt=_SEND, include_in_schema=False
)
def message_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Queue the message, or show why it may not be sent, with all that was typed."""
    written = Written(
        purpose=_one(data, "purpose"), subject=_one(data, "subject"), text=_one(data, "text")
    )
    outcome = write_message(
        company,
        profile_id,
        purpose=written.purpose,
        subject=written.subject,
        text=written.text,
        key=_one(data, "key"),
    )
    if outcome.decision.allowed:
        return _back(outcome.profile_id, "message")
    view = writing_view(company, profile_id)
    return html_response(
        message_page(
            context_of(request),
            view,
            key=secrets.token_urlsafe(12),
            shown_address=_address(request, view.address),
            written=written,
            outcome=outcome,
        ),
        status_code=409,
    )


@get(
    "/customers/{profile_id:str}/contact",
    sync_to_thread=True,
    opt=_CONTACT,
    include_in_schema=False,
)
def contact_form(
    request: Request[Any, Any, Any], company: NamedDependency[Company], profile_id: FromPath[str]
) -> Response[str]:
    """Call, and note it."""
    card = contact_card(company, profile_id)
    return html_response(
        contact_page(
            context_of(request), profile_id=card.profile_id, name=card.name, phone=card.phone
        )
    )


@post(
    "/customers/{profile_id:str}/contacts",
    sync_to_thread=True,
    opt=_CONTACT,
    include_in_schema=False,
)
def contact_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Response[Any]:
    """Note a call or a meeting."""
    kept = record_contact(
        company,
        profile_id,
        channel=_one(data, "channel"),
        note=_one(data, "note"),
        author=request.user.email,
    )
    return _back(kept.profile_id, "contact")


@get(
    "/customers/{profile_id:str}/ticket", sync_to_thread=True, opt=_TICKET, include_in_schema=False
)
def ticket_form(
    request: Request[Any, Any, Any], company: NamedDependency[Company], profile_id: FromPath[str]
) -> Response[str]:
    """Open a ticket."""
    card = contact_card(company, profile_id)
    return html_response(
        ticket_page(context_of(request), profile_id=card.profile_id, name=card.name)
    )


@post(
    "/customers/{profile_id:str}/tickets", sync_to_thread=True, opt=_TICKET, include_in_schema=False
)
def ticket_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Response[Any]:
    """The ticket is open."""
    report_ticket(
        company,
        profile_id,
        subject=_one(data, "subject"),
        note=_one(data, "note"),
        priority=_number(_one(data, "priority") or "2"),
        author=request.user.email,
    )
    return _back(profile_id, "ticket")


def _one(data: dict[str, Any], name: str) -> str:
    """The field's value; of a field that was sent twice the last."""
    given = data.get(name, "")
    return str(given[-1] if isinstance(given, list) and given else given or "")


def _number(text: Any) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 20):
        raise InvalidInput("The form holds something that is no number; reload the page")
    return int(text)


routes = (
    customer_page,
    timeline_fragment,
    visit_page,
    pins_post,
    next_step_post,
    identity_page,
    separate_post,
    split_post,
    merge_post,
    undo_post,
    message_form,
    message_post,
    contact_form,
    contact_post,
    ticket_form,
    ticket_post,
)

"""Who is this? For whoever has somebody on the phone or before them."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from rapport.errors import InvalidInput
from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.lookup import LookedUp, Match, look_up

#: What may be said of somebody, in the order in which it is asked on the phone.
ASKED = ("name", "phone", "email", "birthday", "street", "postal_code", "city", "loyalty_card")
Form: TypeAlias = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_TYPES = {"phone": "tel", "email": "email"}


def lookup_form(context: PageContext, said: dict[str, str]) -> h.Markup:
    """The form; it is posted, as what is typed is a person's and belongs in no address."""
    return card(
        form(
            context,
            h.div(
                {"class": "row", "style": "align-items:flex-end"},
                (
                    h.div(
                        {"style": "flex:1 1 22%;min-width:160px"},
                        field(
                            context.t(f"customer.fact.{name}"),
                            name,
                            value=said.get(name, ""),
                            type=_TYPES.get(name, "text"),
                            id=f"lookup-{name}",
                            attributes={"maxlength": 200, "autocomplete": "off"},
                        ),
                    )
                    for name in ASKED
                ),
            ),
            h.div(button(context.t("customers.lookup.find"), icon_name="search")),
            action="/customers/lookup",
        ),
        note=context.t("customers.lookup.hint"),
    )


@get(
    "/customers/lookup",
    sync_to_thread=False,
    opt={"permission": "customers.read"},
    include_in_schema=False,
)
def lookup_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The empty form."""
    return html_response(_page(context_of(request), {}, None, reveal=False))


@post(
    "/customers/lookup",
    status_code=200,
    sync_to_thread=True,
    opt={"permission": "customers.read"},
    include_in_schema=False,
)
def lookup_answer(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: Form
) -> Response[str]:
    """The people who fit what was typed."""
    context = context_of(request)
    typed = {name: data.get(name, "") for name in ASKED}
    said = {name: text for name, text in typed.items() if isinstance(text, str) and text.strip()}
    try:
        found = look_up(company, said)
    except InvalidInput:
        found = None
    return html_response(_page(context, said, found, reveal=request.user.may("customers.contact")))


def _page(
    context: PageContext, said: dict[str, str], found: LookedUp | None, *, reveal: bool
) -> h.Markup:
    return page(
        context,
        context.t("customers.lookup.title"),
        h.div(
            {"class": "stack"},
            lookup_form(context, said),
            None if found is None else _answer(context, found, reveal=reveal),
        ),
        subtitle=context.t("customers.lookup.subtitle"),
        tools=button(context.t("customers.title"), href="/customers", icon_name="arrow-left"),
    )


def _answer(context: PageContext, found: LookedUp, *, reveal: bool) -> h.Markup:
    if not found.matches:
        return card(
            empty_state(
                context.t("customers.lookup.nobody"),
                context.t("customers.lookup.nobody_detail"),
                icon_name="user-x",
            )
        )
    certain = found.matches[0].certain
    title = context.t("customers.lookup.is" if certain else "customers.lookup.may_be")
    return card(
        table(
            context,
            [
                Column(label=context.t("customers.name")),
                Column(label=context.t("customers.place")),
                Column(label=context.t("customers.contact")),
                Column(label=context.t("customers.lookup.why")),
            ],
            (_row(context, match, reveal=reveal) for match in found.matches),
            caption=title,
        ),
        None
        if found.by_likeness
        else h.p({"class": "note"}, context.t("customers.lookup.exact_only")),
        title=title,
        flush=True,
    )


def _row(context: PageContext, match: Match, *, reveal: bool) -> list[h.Child]:
    name = match.name or context.t("customers.nameless")
    reached = [value for value in (match.email, match.phone) if value] if reveal else []
    return [
        h.a({"href": f"/customers/{quote(match.profile_id)}"}, h.bdi(name)),
        match.city,
        h.bdi(", ".join(reached)),
        _why(context, match),
    ]


def _why(context: PageContext, match: Match) -> h.Markup:
    if match.certain and match.by != "likeness":
        return chip(context.t(f"customers.lookup.by.{match.by}"), tone="good")
    share = None if match.probability is None else context.n.share(match.probability, digits=0)
    words = [
        context.t(f"customers.lookup.matter.{name}")
        for name, _, bits in match.fields
        if bits > 1 and name in _MATTERS
    ]
    if match.by != "likeness":
        words.insert(0, context.t(f"customers.lookup.by.{match.by}"))
    return h.span(
        chip(
            context.t("customers.lookup.likely", share=share),
            tone="good" if match.certain else "caution",
        )
        if share is not None
        else chip(context.t("customers.lookup.shared"), tone="caution"),
        " ",
        h.span({"class": "muted small"}, ", ".join(dict.fromkeys(words))),
    )


_MATTERS = frozenset(
    {"name", "birth", "email", "phone", "address", "loyalty_card", "iban", "customer_number"}
)

"""Personas: groups of customers found in the data, what each is like, and who moved."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from litestar.response import Redirect

from rapport.understand.personas.stability import FEWEST, FOUND_AGAIN
from rapport.understand.personas.statements import is_
from rapport.understand.personas.stored import Fit
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.charts.figure import Chart, chart_card
from rapport.web.charts.line import Line, line_chart
from rapport.web.pages.personas.migration import migration_body
from rapport.web.pages.personas.one import portrait_body
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page
from rapport.web.parts.measures import segment_name
from rapport.web.parts.states import empty_state
from rapport.web.parts.traits import fact_words, persona_name, trait_words
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.persona_searches import request_personas
from rapport.workflows.persona_views import (
    PersonaRow,
    PersonasView,
    find_migration,
    list_personas,
    newest_portrait,
    rename_persona,
)
from rapport.workflows.persona_voices import texts_of_segment
from rapport.workflows.segment_definitions import NamedSegment, find_segment

_READ = {"permission": "segments.read"}
_WRITE = {"permission": "segments.write"}
Fields = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
#: Statements on a card; the page has all of them.
_ON_CARD = 4


@get("/personas", sync_to_thread=True, opt=_READ, include_in_schema=False)
def personas_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[Any]:
    """The discovered groups side by side, and why there are so many."""
    context = context_of(request)
    t = context.t
    view = list_personas(company)
    body: list[h.Child] = [_state(context, view)]
    body += [_persona_card(context, row) for row in view.personas]
    if view.fit is not None and view.fit.stability:
        body.append(_stability_card(context, view.fit))
    tools: list[h.Child] = []
    if view.fit is not None and view.fit.groups is not None:
        tools.append(
            button(t("personas.migration"), href="/personas/migration", icon_name="shuffle")
        )
    if request.user.may("segments.write") and not view.working:
        tools.append(
            post_button(context, t("personas.find"), action="/personas/find", icon_name="search")
        )
    return html_response(
        page(
            context,
            t("personas.title"),
            h.div({"class": "grid"}, body),
            subtitle=t("personas.subtitle"),
            tools=tools,
        )
    )


def _state(context: PageContext, view: PersonasView) -> list[h.Child]:
    """What the newest search found, and whether another is under way."""
    t, n = context.t, context.n
    said: list[h.Child] = []
    if view.working:
        said.append(callout(t("personas.working"), span="span-12", icon_name="clock"))
    elif view.problem:
        problem = t("personas.failed", problem=view.problem)
        said.append(callout(problem, span="span-12", tone="bad"))
    fit = view.fit
    if fit is None:
        empty = empty_state(t("personas.none"), t("personas.none_detail"), icon_name="shapes")
        return [*said, card(empty, span="span-12")]
    if fit.groups is None:
        reason = t(
            f"personas.refusal.{fit.reason}", customers=n.count(fit.customers), needs=str(FEWEST)
        )
        said.append(
            callout(
                t("personas.refused"),
                f"{reason} {t('personas.refused_detail')}",
                tone="caution",
                span="span-12",
            )
        )
        return said
    chosen = fit.stability[len(fit.groups.centres) - 2]
    said.append(
        callout(
            t("personas.found", count=len(fit.groups.centres)),
            t(
                "personas.found_detail",
                placed=n.count(view.placed),
                active=n.count(fit.groups.active),
                index=n.decimal(chosen.mean, digits=2),
                reference=n.decimal(chosen.reference, digits=2),
                day=n.date(n.local(fit.fitted_at).date()),
                until=n.date(n.local(fit.data_until).date()),
            ),
            icon_name="shapes",
            span="span-12",
        )
    )
    return said


def _persona_card(context: PageContext, row: PersonaRow) -> h.Markup:
    t, n = context.t, context.n
    statements = row.portrait.statements if row.portrait is not None else ()
    less = [each for each in statements if each.verdict == "less"][:2]
    key = row.persona.key
    said: list[h.Child] = [
        h.ul(
            {"class": "stack tight", "style": "list-style:disc;margin:0;padding-left:18px"},
            (
                h.li(
                    trait_words(context, each.trait),
                    " ",
                    h.small(
                        {"class": "muted"},
                        t(
                            "personas.against",
                            share=n.share(each.share, digits=0),
                            everybody=n.share(each.everybody, digits=0),
                        ),
                    ),
                )
                for each in is_(statements)[:_ON_CARD]
            ),
        )
        if is_(statements)
        else h.p({"class": "small muted"}, t("personas.nothing_said"))
    ]
    if less:
        traits = "; ".join(trait_words(context, each.trait) for each in less)
        said.append(h.p({"class": "small muted"}, t("personas.less_short", traits=traits)))
    return card(
        h.div({"class": "stack tight"}, said),
        title=persona_name(context, key, row.persona.name, row.persona.traits),
        foot=h.div(
            {"class": "row"},
            h.span(
                t("personas.size", count=n.count(row.customers), share=n.share(row.share, digits=0))
            ),
            h.a({"href": f"/personas/{key}"}, t("personas.look")),
            h.a({"href": f"/segments/{key}"}, t("personas.list")),
        ),
        span="span-6",
    )


def _stability_card(context: PageContext, fit: Fit) -> h.Markup:
    t, n = context.t, context.n

    def written(value: float) -> str:
        return n.decimal(value, digits=2)

    least = written(FOUND_AGAIN)
    sentence = t("personas.chart.none_sentence", least=least)
    foot: h.Child = sentence
    count = 0
    if fit.groups is not None:
        count = len(fit.groups.centres)
        sentence = t("personas.chart.sentence", count=str(count), least=least)
        facts = ", ".join(fact_words(context, each.name) for each in fit.groups.features)
        foot = h.fragment(sentence, " ", t("personas.chart.made_of", facts=facts))
    chart: Chart = line_chart(
        context,
        labels=[
            t("personas.chart.chosen", count=str(each.k)) if each.k == count else str(each.k)
            for each in fit.stability
        ],
        long_labels=[t("personas.chart.groups", count=str(each.k)) for each in fit.stability],
        lines=[
            Line(name=t("personas.chart.own"), values=[each.mean for each in fit.stability]),
            Line(
                name=t("personas.chart.reference"),
                values=[each.reference for each in fit.stability],
                colour="cgrey",
            ),
        ],
        written=written,
        sentence=sentence,
        from_zero=True,
    )
    return chart_card(
        context, t("personas.chart.title"), chart, note=t("personas.chart.note"), foot=foot,
        span="span-12",
    )  # fmt: skip


@get("/personas/migration", sync_to_thread=True, opt=_READ, include_in_schema=False)
def migration_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[Any]:
    """Who moved between the last two searches, and why."""
    context = context_of(request)
    fit, known = find_migration(company)
    body, subtitle = migration_body(context, company, fit, known)
    back = button(context.t("personas.all"), href="/personas", icon_name="arrow-left")
    return html_response(
        page(context, context.t("personas.moved.title"), body, subtitle=subtitle, tools=back)
    )


@get("/personas/{key:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def persona_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> Response[Any]:
    """What the members of a segment are like: a discovered one, or any other."""
    context = context_of(request)
    t, n = context.t, context.n
    segment = find_segment(company, key)
    portrait = newest_portrait(company, key)
    renaming, subtitle = None, None
    if segment.discovered and request.user.may("segments.write"):
        renaming = _renaming(context, segment)
    if portrait is None:
        empty = empty_state(t("personas.not_yet"), t("personas.not_yet_detail"), icon_name="shapes")
        body: list[h.Child] = [card(empty, span="span-12")]
    else:
        texts = None
        if request.user.may("customers.read"):
            texts = texts_of_segment(company, key)
        body = portrait_body(context, portrait, company.choice("time_zone"), texts)
        among = "groups" if portrait.everybody_in_groups else "all"
        subtitle = t(
            f"personas.among.{among}",
            described=n.count(portrait.described),
            members=n.count(portrait.members),
            everybody=n.count(portrait.everybody),
            until=n.date(n.local(portrait.data_until).date()),
        )
    tools = [
        button(t("personas.list"), href=f"/segments/{key}", icon_name="users"),
        button(t("personas.all"), href="/personas", icon_name="shapes"),
    ]
    return html_response(
        page(
            context,
            segment_name(context, segment),
            h.div({"class": "grid"}, body, renaming),
            subtitle=subtitle,
            tools=tools,
        )
    )


def _renaming(context: PageContext, segment: NamedSegment) -> h.Markup:
    t = context.t
    return card(
        form(
            context,
            field(
                t("personas.name_label"),
                "name",
                value=segment.name or "",
                hint=t("personas.name_hint"),
                attributes={"maxlength": 80},
            ),
            h.div({"class": "form-actions"}, button(t("personas.rename"), kind="primary")),
            action=f"/personas/{segment.key}/name",
        ),
        span="span-12",
    )


@post("/personas/find", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def find_post(request: Request[Any, Any, Any], company: NamedDependency[Company]) -> Response[Any]:
    """Have the worker search for groups."""
    user: User = request.user
    request_personas(company, author=user.email)
    return Redirect("/personas", status_code=303)


@post("/personas/{key:str}/name", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def name_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Fields,
) -> Response[Any]:
    """Name a discovered group."""
    user: User = request.user
    rename_persona(company, key, str(data.get("name", "")), author=user.email)
    return Redirect(f"/personas/{key}", status_code=303)


routes = (personas_page, migration_page, persona_page, find_post, name_post)

"""The start page: how the company is doing, what stands out, and the way to the reasons."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from rapport.errors import NotAllowed, NotFound
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages import NAVIGATION
from rapport.web.pages.dashboard import behind, definition
from rapport.web.pages.dashboard.address import href, read_view
from rapport.web.pages.dashboard.cards import (
    CARDS,
    GROUPS,
    before_name,
    current_name,
    draw,
)
from rapport.web.pages.dashboard.files import FILES, csv_response
from rapport.web.parts.buttons import button
from rapport.web.parts.choices import Choice, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.htmx import lazy
from rapport.web.parts.measures import channel_name, country_name, segment_name, unit_name
from rapport.web.parts.states import empty_state
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.dashboard import SHOWN, Standing, View, stand
from rapport.workflows.segment_definitions import all_segments

_HEIGHTS = {"top": 132, "changes": 80, "charts": 720, "rest": 560}
_READ = {"permission": "dashboard.read"}


@get("/", sync_to_thread=True, opt={"permission": "signed_in"}, include_in_schema=False)
def start_page(request: Request[Any, Any, Any], company: NamedDependency[Company]) -> Response[Any]:
    """The dashboard, or the first place that the user's role may open."""
    user: User = request.scope["user"]
    if not user.may("dashboard.read"):
        for _, entries in NAVIGATION:
            for entry in entries:
                if entry.href != "/" and user.may(entry.permission):
                    return Redirect(entry.href, status_code=303)
        raise NotAllowed(f"Your role, {user.role}, has no page here yet; ask an administrator")
    context = context_of(request)
    view = read_view(request.query_params)
    standing = stand(company, view)
    t = context.t
    if standing is None:
        return html_response(page(context, t("dashboard.title"), _nothing_yet(context, user)))
    at_once = "whole" in request.query_params

    def group(name: str) -> h.Child:
        if at_once:
            return (draw(context, company, standing, each) for each in GROUPS[name])
        return lazy(href(f"/dashboard/{name}", view), height=_HEIGHTS[name], span="span-12")

    body = [
        _filters(context, company, standing),
        h.div({"class": "grid"}, (group(name) for name in GROUPS)),
    ]
    if not at_once:
        body.append(
            h.element("noscript")(
                h.a({"href": href("/", view, whole=1)}, t("dashboard.without_scripts"))
            )
        )
    return html_response(
        page(
            context,
            t("dashboard.title"),
            body,
            subtitle=_subtitle(context, standing),
            tools=_grains(context, view),
        )
    )


def _nothing_yet(context: PageContext, user: User) -> h.Markup:
    to_sources = None
    if user.may("sources.read"):
        to_sources = button(context.t("dashboard.to_sources"), href="/sources", kind="primary")
    return h.div(
        {"class": "card"},
        empty_state(context.t("dashboard.empty"), context.t("dashboard.empty_detail"), to_sources),
    )


def _subtitle(context: PageContext, standing: Standing) -> list[h.Child]:
    t, n = context.t, context.n
    parts: list[h.Child] = [
        current_name(context, standing),
        " · ",
        t("dashboard.compared", period=before_name(context, standing)),
    ]
    received = standing.coverage.freshness.received_until
    if received is not None:
        parts += [" · ", t("dashboard.received", ago=n.ago(received, standing.now))]
    if standing.view.as_of is not None:
        parts += [" · ", h.b(t("dashboard.as_known", day=n.date(standing.view.as_of)))]
    if standing.segment_rule is not None:
        parts += [" · ", t("dashboard.segment_today")]
    return parts


def _grains(context: PageContext, view: View) -> h.Markup:
    return segmented(
        context.t("dashboard.grain.label"),
        [
            Choice(
                text=context.t(f"dashboard.grain.{grain}"),
                href=href("/", view, grain=grain, period=None),
                chosen=view.grain == grain,
            )
            for grain in SHOWN
        ],
    )


def _filters(context: PageContext, company: Company, standing: Standing) -> h.Markup:
    """One line of choices; all of them end in the address."""
    t, view = context.t, standing.view
    everything = t("dashboard.filter.all")
    periods = [
        (unit.first_day.isoformat(), _period_name(context, standing, unit))
        for unit in reversed(standing.units)
    ]
    chosen = standing.current.first_day.isoformat()
    if chosen not in dict(periods):
        periods.append((chosen, current_name(context, standing)))
    countries = [(code, country_name(context, code)) for code in standing.coverage.countries]
    channels = [(name, channel_name(context, name)) for name in standing.coverage.channels]
    segments = [(each.key, segment_name(context, each)) for each in all_segments(company)]
    select = _select(context)
    unfiltered = href("/", View(grain=view.grain))
    return h.form(
        {"class": "row", "action": "/", "method": "get", "style": "margin-bottom:16px"},
        h.input({"type": "hidden", "name": "grain", "value": view.grain}),
        select("period", periods, chosen),
        select("country", [("", everything), *sorted(countries, key=lambda c: c[1])], view.country),
        select("channel", [("", everything), *sorted(channels, key=lambda c: c[1])], view.channel),
        select("segment", [("", everything), *segments], view.segment),
        _labelled(
            t("dashboard.filter.as_of"),
            h.input(
                {
                    "class": "input",
                    "type": "date",
                    "name": "as_of",
                    "value": view.as_of.isoformat() if view.as_of else "",
                    "title": t("dashboard.filter.as_of_hint"),
                }
            ),
        ),
        h.div(
            {"class": "row", "style": "align-self:end"},
            button(t("dashboard.filter.show"), kind="primary"),
            button(t("dashboard.filter.clear"), href=unfiltered, kind="quiet")
            if _is_filtered(view)
            else None,
        ),
    )


def _is_filtered(view: View) -> bool:
    return any((view.country, view.channel, view.segment, view.as_of, view.period))


def _period_name(context: PageContext, standing: Standing, unit: Any) -> str:
    name = unit_name(context, standing.view.grain, unit.first_day, long=True)
    return name if unit.whole else f"{name} ({context.t('dashboard.so_far_word')})"


def _select(context: PageContext) -> Any:
    def select(name: str, options: list[tuple[str, str]], value: str | None) -> h.Markup:
        return _labelled(
            context.t(f"dashboard.filter.{name}"),
            h.select(
                {"class": "input", "name": name},
                (
                    h.option({"value": key, "selected": key == (value or "")}, text)
                    for key, text in options
                ),
            ),
        )

    return select


def _labelled(label: str, control: h.Markup) -> h.Markup:
    return h.label(
        {"class": "field", "style": "flex:1 1 130px;max-width:230px"},
        h.span({"class": "note"}, label),
        control,
    )


@get("/dashboard/{name:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def card_fragment(
    request: Request[Any, Any, Any], company: NamedDependency[Company], name: FromPath[str]
) -> Response[Any]:
    """One card, or a group of cards, or with ``.csv`` the data behind a card."""
    view = read_view(request.query_params)
    standing = stand(company, view)
    file = name.removesuffix(".csv")
    if standing is not None and file != name and file in FILES:
        return csv_response(file, FILES[file](company, standing))
    names = GROUPS.get(name, (name,))
    if standing is None or not all(each in CARDS for each in names):
        raise NotFound(
            f"There is no card {name!r} with data; the cards are {', '.join([*GROUPS, *CARDS])}"
        )
    context = context_of(request)
    return html_response(h.fragment([draw(context, company, standing, each) for each in names]))


routes = (start_page, card_fragment, *definition.routes, *behind.routes)

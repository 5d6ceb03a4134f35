"""Sources that Rapport fetches from: the catalogue, the form of each, and how visits went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from rapport.collect.connectors import connector_of
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages.sources.one import address
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Fact, fact_list
from rapport.web.parts.forms import field, form, select_field, text_area
from rapport.web.parts.frame import page
from rapport.web.parts.states import flash, flash_list
from rapport.web.parts.tables import Column, table
from rapport.web.words import catalogue
from rapport.workflows.catalogue import catalogue as known_kinds
from rapport.workflows.connect import (
    GENERIC,
    SCHEDULES,
    Ask,
    Filled,
    Offered,
    Tried,
    fields_of,
    find_offered,
)
from rapport.workflows.pull import PastVisit, PullState

_ICONS = {
    "accounting": "calculator", "calls": "phone", "chat": "message-circle", "crm": "contact",
    "databases": "database", "email": "mail", "events": "calendar", "files": "folder",
    "forms": "list-checks", "loyalty": "id-card", "mail": "mail", "marketing": "megaphone",
    "payments": "credit-card", "reviews": "star", "shop": "shopping-cart",
    "subscriptions": "repeat", "support": "life-buoy", "surveys": "clipboard-list",
    "taps": "plug",
}  # fmt: skip
_MOST_FIELDS = 24


class Visited(Struct, frozen=True, kw_only=True):
    """How fetching from a source goes."""

    now: PullState
    visits: tuple[PastVisit, ...]


def category_words(context: PageContext, category: str) -> str:
    """A category of services in plain words."""
    key = f"fetch.category.{category}"
    return context.t(key) if key in catalogue() else context.t("fetch.category.other")


def kind_words(context: PageContext, kind: str) -> str:
    """What records of a kind are; what we have no words for goes by its connector's label."""
    key = f"sources.kind.{kind}"
    return context.t(key) if key in catalogue() else connector_of(kind).label


def tier_words(context: PageContext) -> str:
    """How many kinds of sources there are, and how far they were tested."""
    counts = known_kinds().counts
    n = context.n
    return context.t(
        "fetch.tiers",
        kinds=n.count(sum(counts.values())),
        live=n.count(counts["live-tested"]),
        contract=n.count(counts["contract-tested"]),
        compiled=n.count(counts["dialect-compiled"]),
    )


def offered_words(context: PageContext, what: Offered) -> str:
    """The name of a service, or what a way to fetch is called."""
    return context.t(f"fetch.what_is.{what.key}") if what.key in GENERIC else what.label


# ── the catalogue ──────────────────────────────────────────────────────────────────────────────


def catalogue_page(context: PageContext, found: Sequence[Offered], query: str) -> h.Markup:
    """What can be connected, by category."""
    groups: dict[str, list[h.Markup]] = {}
    if not query.strip():
        groups[context.t("fetch.push")] = [
            _tile("globe", context.t("fetch.web"), context.t("fetch.web_detail"),
                  "/sources/new/connect"),
            _tile("upload", context.t("fetch.upload"), context.t("fetch.upload_detail"),
                  "/sources/new/upload"),
            _tile("code", context.t("fetch.toml"), context.t("fetch.toml_detail"),
                  "/sources/new/toml"),
        ]  # fmt: skip
    for what in sorted(found, key=lambda o: o.key not in GENERIC):
        detail = (
            context.t(f"fetch.detail.{what.key}")
            if what.key in GENERIC
            else context.t("fetch.streams", count=len(what.streams))
        )
        own = what.key in GENERIC
        group = context.t("fetch.generic") if own else category_words(context, what.category)
        groups.setdefault(group, []).append(
            _tile(
                _ICONS.get(what.category, "plug"),
                offered_words(context, what),
                detail,
                f"/sources/new/fetch/{what.key}",
            )
        )
    return page(
        context,
        context.t("fetch.title"),
        h.form(
            {"class": "row", "method": "get", "action": "/sources/new", "role": "search",
             "style": "margin-bottom:16px"},
            h.input(
                {"class": "input", "type": "search", "name": "q", "value": query,
                 "aria-label": context.t("fetch.find"), "placeholder": context.t("fetch.search"),
                 "style": "flex:1 1 260px;max-width:520px"},
            ),
            button(context.t("fetch.find"), icon_name="search"),
        ),
        [
            h.section(
                {"style": "margin-bottom:20px"},
                h.h2({"class": "small muted", "style": "margin-bottom:8px"}, name),
                h.div(
                    {"style": "display:grid;gap:12px;"
                     "grid-template-columns:repeat(auto-fill,minmax(220px,1fr))"},
                    tiles,
                ),
            )
            for name, tiles in groups.items()
        ]
        if groups
        else card(h.p({"class": "muted"}, context.t("fetch.nothing"))),
        h.p({"class": "small muted"}, tier_words(context)),
        subtitle=context.t("fetch.subtitle"),
        tools=button(context.t("quality.back"), href="/sources", icon_name="arrow-left"),
    )  # fmt: skip


def _tile(icon_name: str, title: str, detail: str, href: str) -> h.Markup:
    from rapport.web.parts.icons import icon  # noqa: PLC0415

    return h.a(
        {"class": "card", "href": href,
         "style": "display:flex;gap:12px;align-items:flex-start;color:inherit"},
        icon(icon_name, size=20),
        h.span(
            {"style": "min-width:0"},
            h.b({"style": "display:block"}, title),
            h.span({"class": "small muted"}, detail),
        ),
    )  # fmt: skip


# ── forms ──────────────────────────────────────────────────────────────────────────────────────


def fetch_page(
    context: PageContext,
    what: Offered,
    said: Filled,
    *,
    error: str | None = None,
    tried: Tried | None = None,
) -> h.Markup:
    """The form of one service or way to fetch."""
    name = offered_words(context, what)
    return page(
        context,
        context.t("fetch.form_title", what=name),
        flash_list(flash(error, tone="bad")) if error else None,
        flash_list(tried_flash(context, tried)) if tried else None,
        form(
            context,
            h.div(
                {"class": "grid"},
                card(
                    h.div({"class": "stack"}, (_ask(context, what, a, said) for a in what.asks)),
                    title=context.t("fetch.where"),
                    foot=h.a({"href": what.docs, "rel": "noreferrer"}, what.docs)
                    if what.docs
                    else None,
                    span="span-6",
                ),
                card(
                    h.div(
                        {"class": "stack"},
                        _records(context, what, said),
                        field(
                            context.t("sources.connect_page.name"),
                            "source",
                            value=said.source,
                            hint=context.t("sources.connect_page.name_hint"),
                            required=True,
                            attributes={"maxlength": 60, "spellcheck": "false"},
                        ),
                        field(
                            context.t("sources.connect_page.label"),
                            "label",
                            value=said.label,
                            attributes={"maxlength": 200},
                        ),
                        _schedule(context, said.every),
                        field(
                            context.t("fetch.expected"),
                            "expected_every_hours",
                            value=said.expected_every_hours,
                            hint=context.t("fetch.expected_hint"),
                            attributes={"inputmode": "numeric", "maxlength": 5},
                        ),
                        _columns(context, what, said),
                        h.div(
                            {"class": "form-actions"},
                            button(
                                context.t("fetch.connect"),
                                kind="primary",
                                name="do",
                                value="connect",
                            ),
                            button(context.t("fetch.try"), name="do", value="try"),
                            button(context.t("fetch.back"), href="/sources/new"),
                        ),
                    ),
                    title=context.t("fetch.what"),
                    span="span-6",
                ),
            ),
            action=f"/sources/new/fetch/{what.key}",
        ),
        subtitle=category_words(context, what.category),
    )


def tried_flash(context: PageContext, tried: Tried) -> h.Markup:
    """What a try showed."""
    if not tried.reached:
        return flash(tried.message, tone="bad")
    if not tried.complete:
        return flash(context.t("fetch.reached_slow"))
    said = [
        context.t(
            "fetch.reached",
            accepted=context.n.count(tried.accepted),
            refused=context.n.count(tried.refused),
        )
    ]
    if tried.columns:
        said.append(context.t("fetch.reached_columns", columns=", ".join(tried.columns)))
    if tried.missing:
        said.append(context.t("fetch.missing", columns=", ".join(tried.missing)))
    if tried.message:
        said.append(tried.message)
    doubtful = tried.missing or tried.message or tried.refused
    return flash(" ".join(said), tone="caution" if doubtful else "good")


def _ask(context: PageContext, what: Offered, ask: Ask, said: Filled) -> h.Markup:
    label = (
        context.t(f"fetch.ask.{what.key}_{ask.name}")
        if what.key in GENERIC
        else ask.label[:1].upper() + ask.label[1:]
    )
    value = said.answers.get(ask.name, ask.default)
    if ask.name == "config":
        return text_area(label, f"ask_{ask.name}", value=value, rows=4)
    return field(
        label,
        f"ask_{ask.name}",
        value=value,
        hint=context.t("fetch.secret_hint") if ask.secret else None,
        required=ask.required and not ask.default,
        autocomplete="off",
        attributes={"spellcheck": "false", "maxlength": 500},
    )


def _records(context: PageContext, what: Offered, said: Filled) -> h.Markup:
    if what.streams:
        return select_field(context.t("fetch.stream"), "stream", what.streams, value=said.stream)
    return select_field(
        context.t("fetch.kind"),
        "kind",
        [(each, kind_words(context, each)) for each in what.kinds],
        value=said.kind or what.kinds[0],
    )


def _columns(context: PageContext, what: Offered, said: Filled) -> h.Markup | None:
    if what.key == "imap":
        return None
    hint = context.t("fetch.columns_more")
    if not what.streams:
        needed, known = fields_of(said.kind or what.kinds[0])
        hint = context.t(
            "fetch.columns_hint",
            needed=", ".join(needed) or "–",
            known=", ".join(known[:_MOST_FIELDS]),
        )
    return text_area(
        context.t("fetch.columns"),
        "columns",
        value=said.columns,
        rows=3 if what.streams else 8,
        hint=hint,
        attributes={"spellcheck": "false"},
    )


def _schedule(context: PageContext, every: str) -> h.Markup:
    return select_field(
        context.t("fetch.every"),
        "every",
        [(each, context.t(f"fetch.schedule.{each or 'asked'}")) for each in SCHEDULES],
        value=every,
    )


def toml_page(
    context: PageContext, text: str, *, error: str | None = None, tried: Tried | None = None
) -> h.Markup:
    """The whole plan as text."""
    return page(
        context,
        context.t("fetch.toml"),
        flash_list(tried_flash(context, tried)) if tried else None,
        h.div(
            {"class": "grid"},
            card(
                form(
                    context,
                    text_area(
                        context.t("fetch.toml_label"),
                        "toml",
                        value=text,
                        rows=18,
                        error=error,
                        hint=context.t("fetch.secret_hint"),
                        required=True,
                        attributes={
                            "spellcheck": "false",
                            "style": "font-family:ui-monospace,monospace;font-size:13px",
                        },
                    ),
                    h.div(
                        {"class": "form-actions"},
                        button(
                            context.t("fetch.connect"), kind="primary", name="do", value="connect"
                        ),
                        button(context.t("fetch.try"), name="do", value="try"),
                        button(context.t("fetch.back"), href="/sources/new"),
                    ),
                    action="/sources/new/toml",
                ),
                span="span-8",
            ),
        ),
        subtitle=context.t("fetch.toml_detail"),
    )


#: What stands in the box at first: a plan that reads a table.
EXAMPLE = """\
source = "crm"
label = "CRM"
kind = "contacts"
every = "1h"
expected_every_hours = 24

[columns]
record_id = "id"
email = "mail"
name = "full_name"
updated_at = "changed_at"

[pull]
from = "sql"
url = "env:SOURCE_CRM_URL"
table = "people"
cursor = "changed_at"
"""


# ── how it goes ────────────────────────────────────────────────────────────────────────────────


def fetch_card(context: PageContext, visited: Visited, user: User, now: datetime) -> h.Markup:
    """Where a source is fetched from, when next, and how the last visits went."""
    state = visited.now
    n = context.n
    here = address(state.source)
    return card(
        fact_list(
            context,
            [
                Fact(label=context.t("fetch.from"), value=_from(context, state)),
                Fact(label=context.t("fetch.every"), value=_every(context, state.every_minutes)),
                Fact(label=context.t("fetch.next"), value=next_words(context, state, now)),
            ],
        ),
        h.p({"class": "field-error", "style": "margin-top:12px"}, state.error)
        if state.state == "failed"
        else None,
        _drift(context, state),
        h.div(
            {"class": "stack tight", "style": "margin-top:12px"},
            post_button(
                context,
                context.t("fetch.now"),
                action=f"{here}/fetch",
                icon_name="download",
            ),
            h.form(
                {"class": "row", "method": "post", "action": f"{here}/schedule"},
                context.csrf_input,
                h.select(
                    {"class": "input", "name": "every", "aria-label": context.t("fetch.every"),
                     "style": "flex:1 1 140px"},
                    (
                        h.option(
                            {"value": each, "selected": _same(each, state.every_minutes)},
                            context.t(f"fetch.schedule.{each or 'asked'}"),
                        )
                        for each in SCHEDULES
                    ),
                ),
                button(context.t("fetch.change")),
            ),
        )
        if user.may("sources.write")
        else None,
        h.h3({"style": "margin:16px 0 4px"}, context.t("fetch.visits")),
        table(
            context,
            [
                Column(label=context.t("fetch.began")),
                Column(label=context.t("fetch.took"), numeric=True),
                Column(label=context.t("fetch.new"), numeric=True),
                Column(label=context.t("fetch.came")),
            ],
            [
                (
                    h.span({"title": n.date_time(v.started_at)}, n.ago(v.started_at, now)),
                    _took(context, v),
                    n.count(v.pulled.accepted) if v.pulled else "–",
                    _came(context, v),
                )
                for v in visited.visits
            ],
            caption=context.t("fetch.visits"),
        )
        if visited.visits
        else h.p({"class": "muted"}, context.t("fetch.no_visits")),
        title=context.t("fetch.card"),
        attributes={"id": "fetching"},
    )  # fmt: skip


def _same(every: str, minutes: int | None) -> bool:
    return {"15m": 15, "1h": 60, "6h": 360, "1d": 1440, "": None}[every] == minutes


def _every(context: PageContext, minutes: int | None) -> str:
    for each in SCHEDULES:
        if _same(each, minutes):
            return context.t(f"fetch.schedule.{each or 'asked'}")
    return context.t("fetch.schedule.minutes", count=context.n.count(minutes or 0))


def _from(context: PageContext, state: PullState) -> h.Child:
    pull = state.pull
    way = str(pull.get("from", ""))
    if way == "rest":
        what = find_offered(str(pull["manifest"]))
        streams = dict(what.streams)
        return f"{what.label} · {streams.get(str(pull['stream']), pull['stream'])}"
    # What holds a password is a reference; everything else may be read by who may see sources.
    place = {
        "sql": pull.get("table"), "files": pull.get("url"), "singer": pull.get("stream"),
        "imap": pull.get("host"),
    }.get(way)  # fmt: skip
    return h.span(
        {"style": "overflow-wrap:anywhere"}, f"{context.t(f'fetch.what_is.{way}')} · {place}"
    )


def next_words(context: PageContext, state: PullState, now: datetime) -> str:
    """When the next visit is."""
    if state.next_at is None:
        return context.t("fetch.next_asked")
    if state.next_at <= now:
        return context.t("fetch.next_now")
    return context.n.date_time(state.next_at)


def fetch_cell(context: PageContext, state: PullState | None, now: datetime) -> h.Child:
    """The last visit and the next, for the list of sources."""
    if state is None:
        return h.span({"class": "muted"}, "–")
    if state.failures:
        first: h.Child = chip(
            context.t("fetch.failed", count=state.failures), tone="bad", title=state.error
        )
    elif state.finished_at is not None:
        first = context.t("fetch.short", ago=context.n.ago(state.finished_at, now))
    else:
        first = context.t("fetch.running") if state.state == "running" else "–"
    title = context.t("fetch.next")
    return h.fragment(
        first, h.div({"class": "note"}, f"{title}: {next_words(context, state, now)}")
    )


def _took(context: PageContext, visit: PastVisit) -> str:
    if visit.finished_at is None:
        return "–"
    took = visit.finished_at - visit.started_at
    if took < timedelta(minutes=1):
        return f"{context.n.count(round(took / timedelta(seconds=1)))} s"
    return context.n.duration(took)


def _came(context: PageContext, visit: PastVisit) -> h.Child:
    if visit.error:
        return h.span({"class": "small"}, visit.error)
    if visit.pulled is None:
        return context.t("fetch.running")
    n = context.n
    refused = visit.pulled.refused
    known = context.t("fetch.visited", known=n.count(visit.pulled.duplicates),
                      refused=n.count(refused))  # fmt: skip
    return h.span({"class": "small"}, known)


def _drift(context: PageContext, state: PullState) -> h.Markup | None:
    drift = state.last.drift if state.last else None
    if drift is None:
        return None
    said = [
        context.t(key, columns=", ".join(columns))
        for key, columns in (
            ("fetch.missed_columns", drift.missed),
            ("fetch.new_columns", drift.appeared),
            ("fetch.gone_columns", drift.vanished),
        )
        if columns
    ]
    if not said:
        return None
    return h.ul(
        {"class": "stack tight small", "style": "margin-top:12px"}, (h.li(each) for each in said)
    )

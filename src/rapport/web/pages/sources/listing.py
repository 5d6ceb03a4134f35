"""The list of sources: how fresh, how much, and what waits to be mended."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.charts.sparkline import sparkline
from rapport.web.pages.sources.fetching import fetch_cell, tier_words
from rapport.web.pages.sources.measured import score_cell, volume_cell
from rapport.web.pages.sources.one import address
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip, stale_badge
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import why
from rapport.web.parts.frame import page
from rapport.web.parts.kpis import Kpi, kpi_strip
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, table
from rapport.workflows.pull import PullState
from rapport.workflows.quality import Quality
from rapport.workflows.sources import RATES, SourceLine, SourcesView, WorkerLag

_TONES: dict[str, Literal["neutral", "good", "caution"]] = {
    "fresh": "good",
    "late": "caution",
    "quiet": "neutral",
    "empty": "neutral",
    "closed": "neutral",
}


class Beside(Struct, frozen=True, kw_only=True):
    """What else is known of sources, as it was measured and fetched last."""

    quality: Quality | None = None
    pulls: tuple[PullState, ...] = ()


def sources_page(context: PageContext, view: SourcesView, beside: Beside, user: User) -> h.Markup:
    """The whole page."""
    tools: tuple[h.Markup, ...] = (
        button(context.t("quality.link"), href="/quality", icon_name="shield-check"),
    )
    if user.may("sources.write"):
        tools = (
            *tools,
            button(context.t("sources.upload"), href="/sources/new/upload", icon_name="upload"),
            button(
                context.t("fetch.title"),
                href="/sources/new",
                icon_name="plug",
                kind="primary",
            ),
        )
    body: tuple[h.Child, ...]
    if not view.lines:
        body = (
            card(
                empty_state(
                    context.t("sources.empty.title"),
                    context.t("sources.empty.detail"),
                    icon_name="database",
                )
            ),
        )
    else:
        body = (
            _figures(context, view),
            h.div({"class": "grid", "style": "margin-top:16px"}, _table(context, view, beside)),
        )
    return page(
        context,
        context.t("sources.title"),
        *body,
        subtitle=context.t("sources.subtitle"),
        tools=tools,
    )


def _figures(context: PageContext, view: SourcesView) -> h.Markup:
    n = context.n
    accepted = sum(line.accepted for line in view.lines)
    refused = sum(line.refused for line in view.lines)
    late = sum(line.state == "late" for line in view.lines)
    per_day = [sum(days) for days in zip(*_accepted_by_day(view), strict=True)]
    return kpi_strip(
        context,
        [
            Kpi(
                label=context.t("sources.kpi.accepted"),
                figure=n.count(accepted),
                against=context.t("sources.kpi.last_days", count=sum(per_day)),
                trend=per_day,
                why=why(context, context.t("sources.kpi.accepted_why")),
            ),
            Kpi(
                label=context.t("sources.kpi.refused"),
                figure=n.count(refused),
                against=context.t(
                    "sources.kpi.share",
                    share=n.share(refused / (accepted + refused) if refused else 0, digits=2),
                ),
                why=why(context, context.t("sources.kpi.refused_why")),
            ),
            Kpi(
                label=context.t("sources.kpi.late"),
                figure=n.count(late),
                against=context.t("sources.kpi.of_sources", count=len(view.lines)),
                why=why(context, context.t("sources.kpi.late_why")),
            ),
            Kpi(
                label=context.t("sources.kpi.behind"),
                figure=n.count(view.lag.behind),
                against=lag_words(context, view.lag, view.at),
                why=why(context, context.t("sources.kpi.behind_why"), left=True),
            ),
        ],
    )


def _accepted_by_day(view: SourcesView) -> list[list[int]]:
    return [[day.accepted for day in line.days] for line in view.lines]


def lag_words(context: PageContext, lag: WorkerLag, now: datetime) -> str:
    """How long the oldest record waits for the worker."""
    if not lag.behind or lag.since is None:
        return context.t("sources.kpi.up_to_date")
    return context.t("sources.kpi.since", ago=context.n.ago(lag.since, now))


def _table(context: PageContext, view: SourcesView, beside: Beside) -> h.Markup:
    columns = [
        Column(label=context.t("sources.column.source")),
        Column(label=context.t("sources.column.fresh")),
        Column(label=context.t("sources.column.accepted"), numeric=True),
        Column(label=context.t("sources.column.refused"), numeric=True),
        Column(label=context.t("quality.volume_short"), numeric=True),
        Column(label=context.t("quality.score"), numeric=True),
    ]
    if beside.pulls:
        columns.append(Column(label=context.t("fetch.card")))
    return card(
        table(
            context,
            columns,
            [_row(context, line, beside, view.at) for line in view.lines],
            caption=context.t("sources.title"),
        ),
        title=context.t("sources.title"),
        note=context.t("sources.count", count=len(view.lines)),
        foot=tier_words(context),
        flush=True,
        span="span-12",
    )


def fresh_words(context: PageContext, line: SourceLine, now: datetime) -> h.Child:
    """How old the newest data is, late data with its mark beside it."""
    last = line.last_received_at
    state = chip(context.t(f"sources.state.{line.state}"), tone=_TONES[line.state])
    if last is None:
        return h.span({"class": "row"}, context.t("sources.never"), state)
    title = context.n.date_time(last)
    promised = (
        h.div(
            {"class": "note"},
            context.t("sources.promised", hours=context.n.count(line.expected_every_hours)),
        )
        if line.expected_every_hours
        else None
    )
    if line.state in ("late", "quiet"):
        return h.span(h.span({"class": "row"}, stale_badge(context, last, now), state), promised)
    return h.span(
        h.span({"class": "row"}, h.span({"title": title}, context.n.ago(last, now)), state),
        promised,
    )


def _row(
    context: PageContext, line: SourceLine, beside: Beside, now: datetime
) -> tuple[h.Child, ...]:
    n = context.n
    measured = beside.quality.source(line.name) if beside.quality else None
    pull = next((each for each in beside.pulls if each.source == line.name), None)
    return (
        h.fragment(
            h.a({"href": address(line.name)}, line.label),
            h.div(
                {"class": "note"},
                " · ".join(dict.fromkeys((line.name, context.t(f"sources.kind.{line.kind}")))),
            ),
        ),
        fresh_words(context, line, now),
        n.count(line.accepted),
        h.a({"href": f"{address(line.name)}#refused"}, n.count(line.refused))
        if line.refused
        else h.span({"class": "muted"}, n.count(0)),
        _volume(context, line)
        if measured is None or not measured.volume
        else volume_cell(context, measured),
        None if measured is None else score_cell(context, measured),
        *((fetch_cell(context, pull, now),) if beside.pulls else ()),
    )


def _volume(context: PageContext, line: SourceLine) -> h.Child:
    """What came per day, before anything was measured."""
    if line.kind == RATES:
        return None
    today = line.days[-1].accepted if line.days else 0
    label = context.t("sources.days_of", count=context.n.count(today))
    return sparkline([day.accepted for day in line.days], label=label)

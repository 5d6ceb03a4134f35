"""How a segment came to be what it is: size over time, who entered and left and why, overlap."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import Response

from rapport.web import html as h
from rapport.web.charts.figure import chart_card
from rapport.web.charts.line import Line, line_chart
from rapport.web.pages.segments.builder import leaf_in_words
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.measures import segment_name
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, pagination, table
from rapport.web.visit import html_response
from rapport.workflows.company import Company
from rapport.workflows.segment_definitions import NamedSegment
from rapport.workflows.segment_history import (
    ChangeLine,
    ChangesPage,
    segment_changes,
    segment_overlap,
    segment_sizes,
)

DAYS = 90
_NEWEST = 8
_MOST_OVERLAPS = 8


def history_cards(context: PageContext, company: Company, key: str) -> h.Markup:
    """Size over time and overlap beside each other, then the newest who came and went."""
    return h.fragment(
        h.div(
            {"class": "grid", "style": "margin:0"},
            _sizes(context, company, key),
            _overlap(context, company, key),
        ),
        _newest(context, company, key),
    )


def _sizes(context: PageContext, company: Company, key: str) -> h.Markup:
    t, n = context.t, context.n
    days = segment_sizes(company, key, days=DAYS)
    title = t("segments.history.sizes")
    if len(days) < 2:
        return card(
            h.p({"class": "small muted"}, t("segments.history.sizes_few")),
            title=title,
            span="span-7 tablet-12",
        )
    entered, left = sum(day.entered for day in days), sum(day.left for day in days)
    chart = line_chart(
        context,
        labels=[n.day_month_short(day.day) for day in days],
        long_labels=[n.day(day.day) for day in days],
        lines=[
            Line(name=t("segments.history.members"), values=[float(day.members) for day in days])
        ],
        written=lambda value: n.count(round(value)),
        from_zero=True,
        sentence=t(
            "segments.history.sizes_said",
            members=n.count(days[-1].members),
            days=n.count(len(days)),
            entered=n.count(entered),
            left=n.count(left),
        ),
    )
    return chart_card(
        context,
        title,
        chart,
        note=t("segments.history.came_went", entered=n.count(entered), left=n.count(left)),
        span="span-7 tablet-12",
    )


def _overlap(context: PageContext, company: Company, key: str) -> h.Markup:
    t, n = context.t, context.n
    found = segment_overlap(company, key)
    title, span = t("segments.history.overlap"), "span-5 tablet-12"
    if not found.others:
        return card(
            h.p({"class": "small muted"}, t("segments.history.overlap_none")),
            title=title,
            span=span,
        )
    columns = [
        Column(label=t("segments.segment")),
        Column(label=t("segments.history.both"), numeric=True),
        Column(label=t("segments.history.share"), numeric=True),
    ]
    rows: list[list[h.Child]] = [
        [
            h.a({"href": f"/segments/{line.segment.key}"}, segment_name(context, line.segment)),
            n.count(line.both),
            n.share(line.share),
        ]
        for line in found.others[:_MOST_OVERLAPS]
    ]
    return card(table(context, columns, rows, caption=title), title=title, span=span, flush=True)


def _newest(context: PageContext, company: Company, key: str) -> h.Markup:
    t = context.t
    found = segment_changes(company, key, size=_NEWEST)
    title = t("segments.history.changes")
    if not found.changes:
        return card(h.p({"class": "small muted"}, t("segments.history.changes_none")), title=title)
    return card(
        _lines(context, company, found),
        title=title,
        tools=button(t("segments.history.all", count=found.total), href=f"/segments/{key}/changes")
        if found.total > _NEWEST
        else None,
        flush=True,
    )


def _lines(context: PageContext, company: Company, found: ChangesPage) -> h.Markup:
    t, n = context.t, context.n
    zone = company.choice("time_zone")
    columns = [
        Column(label=t("segments.history.when")),
        Column(label=t("segments.member")),
        Column(label=t("segments.history.what")),
        Column(label=t("segments.history.why")),
    ]
    rows: list[list[h.Child]] = [
        [
            n.date_time(line.at),
            h.a({"href": f"/customers/{line.profile_id}"}, line.name or t("segments.unnamed")),
            t("segments.history.entered" if line.entered else "segments.history.left"),
            _why(context, line, zone),
        ]
        for line in found.changes
    ]
    return table(context, columns, rows, caption=t("segments.history.changes"))


def _why(context: PageContext, line: ChangeLine, zone: str) -> h.Markup:
    """The conditions that changed, and what brought it about."""
    t = context.t
    return h.div(
        (
            h.div(
                h.span(
                    {"class": "small muted"},
                    t("segments.history.now" if each.holds else "segments.history.no_longer"),
                    " ",
                ),
                leaf_in_words(context, each.condition, zone),
            )
            for each in line.why
        ),
        h.div({"class": "small muted"}, t(f"segments.history.cause.{line.cause}")),
    )


def changes_response(
    context: PageContext, company: Company, found: NamedSegment, *, number: int, only: str
) -> Response[Any]:
    """The page with everybody who entered or left."""
    t = context.t
    entered = {"entered": True, "left": False}.get(only)
    shown = segment_changes(company, found.key, entered=entered, page=number)
    path = f"/segments/{found.key}/changes"

    def turn(other: int) -> str:
        return f"{path}?{urlencode([('only', only), ('page', other)])}"

    last = shown.first + len(shown.changes) - 1
    choices = h.div(
        {"class": "row"},
        (
            button(
                t(f"segments.history.only_{name or 'all'}"),
                href=f"{path}?only={name}",
                kind="primary" if name == only else "quiet",
            )
            for name in ("", "entered", "left")
        ),
    )
    listed = (
        card(
            _lines(context, company, shown),
            pagination(
                context,
                first=shown.first,
                last=last,
                total=shown.total,
                number=number,
                turn=turn,
            ),
            flush=True,
        )
        if shown.changes
        else card(
            empty_state(
                t("segments.history.changes_none"),
                t("segments.history.changes_none_detail"),
                icon_name="users",
            )
        )
    )
    return html_response(
        page(
            context,
            t("segments.history.title", name=segment_name(context, found)),
            h.div({"class": "stack"}, choices, listed),
            tools=button(t("segments.history.back"), href=f"/segments/{found.key}"),
        )
    )

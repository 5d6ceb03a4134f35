"""One source: how it is read, what it sent, what was refused and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from rapport.collect.connectors import KINDS, connector_of
from rapport.collect.signatures import STYLES
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.charts.bars import Bars, bar_chart
from rapport.web.charts.figure import chart_card
from rapport.web.pages.customer.history import type_title
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.code import code_block
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Fact, fact_list
from rapport.web.parts.frame import page
from rapport.web.parts.tables import Column, table
from rapport.web.tracker import snippet
from rapport.web.words import catalogue
from rapport.workflows.mapping_change import may_change
from rapport.workflows.quality import SourceQuality
from rapport.workflows.sources import (
    COLLECTOR,
    KEYED,
    OVER_HTTP,
    RATES,
    WEBHOOK,
    SourceView,
    what_to_paste,
)

if TYPE_CHECKING:
    from rapport.web.pages.sources.fetching import Visited


def address(name: str) -> str:
    """Where a source's page is; imported names may hold anything."""
    return f"/sources/{quote(name, safe='')}"


def field_words(context: PageContext, field: str) -> str:
    """Our field in plain words; the rarer ones go by their names."""
    if f"sources.field.{field}" in catalogue():
        return context.t(f"sources.field.{field}")
    return field


def source_page(
    context: PageContext,
    view: SourceView,
    user: User,
    *,
    url: str,
    measured: SourceQuality | None = None,
    visited: Visited | None = None,
) -> h.Markup:
    """The whole page.

    Parameters
    ----------
    url : str
        Where visitors of web sites reach Rapport.
    measured : SourceQuality, optional
        As it was measured last.
    visited : Visited, optional
        Of a source that is fetched.
    """
    from rapport.web.pages.sources.fetching import fetch_card  # noqa: PLC0415
    from rapport.web.pages.sources.measured import (  # noqa: PLC0415
        drift_card,
        field_table,
        volume_chart,
    )

    line = view.line
    return page(
        context,
        line.label,
        h.div(
            {"class": "grid"},
            h.div(
                {"class": "stack span-8"},
                (volume_chart(context, measured) if measured else None) or _days(context, view),
                field_table(context, measured) if measured and measured.fields else None,
                _refused(context, view, user),
                _mapping(context, view, user),
                _tracker(context, view, url),
            ),
            h.div(
                {"class": "stack span-4"},
                _about(context, view, user, measured),
                fetch_card(context, visited, user, view.at) if visited else None,
                drift_card(context, measured) if measured and measured.fields else None,
                _types(context, view),
            ),
        ),
        subtitle=f"{line.name} · {context.t(f'sources.kind.{line.kind}')}",
        tools=button(context.t("sources.one.back"), href="/sources", icon_name="arrow-left"),
    )


def _about(
    context: PageContext, view: SourceView, user: User, measured: SourceQuality | None
) -> h.Markup:
    from rapport.web.pages.sources.listing import fresh_words  # noqa: PLC0415

    line, n = view.line, context.n
    lag = (
        context.t("sources.one.lag_behind", count=view.lag.behind)
        if view.lag.behind
        else context.t("sources.one.lag_none", position=n.count(view.lag.applied))
    )
    facts = [
        Fact(label=context.t("sources.one.newest_data"), value=fresh_words(context, line, view.at)),
        Fact(label=context.t("sources.one.accepted"), value=n.count(line.accepted)),
        Fact(label=context.t("sources.one.refused"), value=n.count(line.refused)),
        Fact(label=context.t("sources.one.lag"), value=lag),
        Fact(label=context.t("sources.one.since"), value=n.date(line.created_at)),
    ]
    if measured is not None and measured.score is not None:
        figure = n.decimal(measured.score, digits=0)
        facts.append(
            Fact(
                label=context.t("quality.score"),
                value=h.a({"href": "/quality"}, h.b(figure), " / 100"),
                source=context.t("quality.formula"),
            )
        )
    if measured is not None and (kept := measured.records) is not None:
        facts.append(
            Fact(
                label=context.t("quality.records"),
                value=context.t(
                    "quality.of_records",
                    share=n.share(kept.value, digits=0),
                    count=n.count(kept.n),
                ),
                source=context.t("quality.records_why"),
            )
        )
    return card(
        fact_list(context, facts),
        _switches(context, view) if user.may("sources.write") else None,
        title=context.t("sources.one.about"),
    )


def _switches(context: PageContext, view: SourceView) -> h.Markup:
    line = view.line
    here = address(line.name)
    closing = (
        post_button(context, context.t("sources.one.close"), action=f"{here}/close")
        if line.enabled
        else post_button(context, context.t("sources.one.open"), action=f"{here}/open")
    )
    if line.kind not in KEYED:
        return h.div({"class": "row", "style": "margin-top:16px"}, closing)
    return h.div(
        {"class": "stack tight", "style": "margin-top:16px"},
        h.div(
            {"class": "row"},
            post_button(
                context,
                context.t("sources.one.new_key"),
                action=f"{here}/write-key",
                icon_name="key-round",
            ),
            closing,
        ),
        h.p({"class": "note"}, context.t("sources.one.new_key_hint")),
    )


def _tracker(context: PageContext, view: SourceView, url: str) -> h.Markup | None:
    if view.line.kind != COLLECTOR:
        return None
    text = snippet(url, context.t("tracker.key_here"))
    return card(
        h.div(
            {"class": "stack"},
            h.p(context.t("tracker.hint")),
            code_block(context, text, name="snippet"),
            h.p({"class": "note"}, context.t("tracker.consent")),
        ),
        title=context.t("tracker.title"),
    )


def _days(context: PageContext, view: SourceView) -> h.Markup | None:
    if view.line.kind == RATES:
        return None
    n = context.n
    days = view.line.days
    accepted = sum(day.accepted for day in days)
    refused = sum(day.refused for day in days)
    series = [Bars(name=context.t("sources.one.kept"), values=[d.accepted for d in days])]
    if refused:
        series.append(
            Bars(
                name=context.t("sources.one.refused"),
                values=[d.refused for d in days],
                colour="cneg",
            )
        )
    return chart_card(
        context,
        context.t("sources.one.per_day"),
        bar_chart(
            labels=[n.day_month_short(day.day) for day in days],
            long_labels=[n.date(day.day) for day in days],
            series=series,
            written=lambda value: n.count(round(value)),
            sentence=context.t(
                "sources.one.day_sentence",
                accepted=n.count(accepted),
                refused=n.count(refused),
            ),
            height=150,
        ),
    )


def _types(context: PageContext, view: SourceView) -> h.Markup:
    title = context.t("sources.one.types")
    if not view.types:
        return card(h.p({"class": "muted"}, context.t("sources.one.types_none")), title=title)
    n = context.n
    slack = view.at + timedelta(days=1)
    return card(
        table(
            context,
            [
                Column(label=context.t("sources.column.type")),
                Column(label=context.t("sources.column.number"), numeric=True),
                Column(label=context.t("sources.column.newest"), numeric=True),
            ],
            [
                (
                    type_title(context, kind.type) or kind.type,
                    n.count(kind.count),
                    n.date_short(kind.newest_at) if kind.newest_at < slack else "–",
                )
                for kind in view.types
            ],
            caption=title,
        ),
        title=title,
        flush=True,
    )


def _refused(context: PageContext, view: SourceView, user: User) -> h.Markup:
    line, n = view.line, context.n
    title = context.t("sources.one.refused")
    if not line.reasons:
        return card(
            h.p({"class": "muted"}, context.t("sources.one.refused_none")),
            title=title,
            attributes={"id": "refused"},
        )
    here = address(line.name)
    may_replay = user.may("sources.write") and line.kind != RATES

    def replay(reason: str | None) -> h.Markup | None:
        if not may_replay:
            return None
        return post_button(
            context,
            context.t("sources.one.replay"),
            action=f"{here}/replay",
            values={"reason": reason} if reason else {},
            icon_name="rotate-cw",
        )

    def download(reason: str | None) -> h.Markup:
        query = f"?{urlencode({'reason': reason})}" if reason else ""
        return button(
            context.t("sources.one.download"),
            href=f"{here}/refused.csv{query}",
            icon_name="download",
        )

    return card(
        table(
            context,
            [
                Column(label=context.t("sources.column.reason")),
                Column(label=context.t("sources.column.number"), numeric=True),
                Column(label=context.t("sources.column.newest"), numeric=True),
                Column(label=context.t("sources.column.actions"), hidden=True, numeric=True),
            ],
            [
                (
                    context.t(f"sources.reason.{reason.reason}"),
                    n.count(reason.count),
                    n.date_short(reason.last_received_at),
                    h.div(
                        {"class": "row", "style": "justify-content:flex-end"},
                        replay(reason.reason),
                    ),
                )
                for reason in line.reasons
            ],
            caption=title,
        ),
        h.div(
            {"style": "padding:0 16px 16px"},
            h.p(
                {"class": "small muted", "style": "margin:12px 0 8px"},
                context.t("sources.one.newest", count=len(view.refused)),
            ),
            h.ul(
                {"class": "stack tight"},
                (
                    h.li(
                        h.details(
                            h.summary(
                                {"class": "text-link small"},
                                context.t(f"sources.reason.{row.reason}"),
                                f" · {row.locator or row.refused_id}",
                            ),
                            h.pre(
                                {
                                    "class": "small",
                                    "tabindex": "0",
                                    "style": "overflow:auto;max-height:240px;"
                                    "white-space:pre-wrap;overflow-wrap:anywhere;"
                                    "background:var(--sunken);padding:8px;border-radius:6px;"
                                    "margin:4px 0",
                                },
                                "\n",
                                h.code(row.payload),
                            ),
                        ),
                        h.p({"class": "small muted"}, row.detail),
                    )
                    for row in view.refused
                ),
            ),
        ),
        title=title,
        note=n.count(line.refused),
        tools=h.div({"class": "row"}, download(None), replay(None)),
        foot=context.t("sources.one.replay_hint") if may_replay else None,
        flush=True,
        attributes={"id": "refused"},
    )


def _signing(context: PageContext, view: SourceView) -> h.Markup:
    """Where webhooks come in, and how their signature is checked."""
    signing: Mapping[str, Any] = (view.mapping or {}).get("signing") or {}
    columns = ((view.mapping or {}).get("rows") or {}).get("columns") or {}
    facts = [
        Fact(
            label=context.t("sources.key.address"),
            value=h.code(what_to_paste(WEBHOOK, view.public_url, view.line.name)),
        ),
        Fact(
            label=context.t("sources.connect_page.style"),
            value=STYLES.get(str(signing.get("style")), "–"),
        ),
        Fact(
            label=context.t("sources.connect_page.secret"),
            value=h.code(str(signing.get("secret", "–"))),
        ),
        *(
            Fact(label=field_words(context, str(field)), value=h.code(str(column)))
            for field, column in columns.items()
        ),
    ]
    return card(fact_list(context, facts), title=context.t("sources.one.mapping"))


def _mapping(context: PageContext, view: SourceView, user: User) -> h.Markup | None:
    title = context.t("sources.one.mapping")
    mapping = view.mapping
    if view.line.kind == WEBHOOK:
        return _signing(context, view)
    if not mapping:
        if view.line.kind not in OVER_HTTP:
            return None
        return card(h.p({"class": "muted"}, context.t("sources.one.mapping_none")), title=title)
    written: Mapping[str, Any] = mapping.get("file") or {}
    own = view.line.kind in KINDS and connector_of(view.line.kind).records is not None
    # What its connector reads by itself has no separators.
    described = (
        context.t(f"sources.kind.{view.line.kind}")
        if own
        else context.t(
            "sources.one.format_text",
            format=str(written.get("format", "csv")).upper(),
            encoding=str(written.get("encoding", "utf-8")),
            delimiter=str(written.get("delimiter", ",")).replace("\t", "tab"),
        )
    )
    rows = [
        (field_words(context, str(field)), h.code(str(column)))
        for field, column in (mapping.get("columns") or {}).items()
    ]
    rows += [
        (
            field_words(context, str(field)),
            h.span({"class": "muted"}, context.t("sources.one.always", value=str(value))),
        )
        for field, value in (mapping.get("constants") or {}).items()
    ]
    change = (
        button(context.t("fetch.change"), href=f"{address(view.line.name)}/mapping")
        if user.may("sources.write") and may_change(view.line.kind, mapping)
        else None
    )
    if not rows:
        return card(h.p({"class": "muted"}, described), title=title, tools=change)
    return card(
        table(
            context,
            [
                Column(label=context.t("sources.column.our_field")),
                Column(label=context.t("sources.column.their_column")),
            ],
            rows,
            caption=title,
        ),
        title=title,
        note=described if own or written.get("format", "csv") == "csv" else None,
        tools=change,
        flush=True,
    )

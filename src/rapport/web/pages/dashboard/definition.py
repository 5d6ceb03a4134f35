"""What a metric means: its definition, its course, and the very query behind the number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from rapport.errors import InvalidInput
from rapport.understand.answer import Value
from rapport.understand.metrics import METRICS
from rapport.understand.metrics.base import Metric, Theme
from rapport.understand.plan import compile_question
from rapport.understand.question import dimensions_of, unknown
from rapport.web import html as h
from rapport.web.charts.bars import Bars, bar_chart
from rapport.web.charts.figure import Chart, chart_card
from rapport.web.charts.line import Line, line_chart
from rapport.web.pages.dashboard.address import href, read_view
from rapport.web.pages.dashboard.cards import (
    before_name,
    current_name,
    unit_words,
)
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.choices import Choice, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Fact, fact_list
from rapport.web.parts.frame import page
from rapport.web.parts.kpis import delta, delta_of
from rapport.web.parts.measures import (
    dimension_heading,
    dimension_name,
    figure_name,
    metric_meaning,
    metric_name,
    part_name,
    unit_name,
    written,
    written_change,
)
from rapport.web.parts.tables import Column, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.dashboard import MetricCourse, Standing, metric_course, stand
from rapport.workflows.metrics import MetricPart, catalogue_values, metric_of, metric_parts

_READ = {"permission": "dashboard.read"}


@get("/metrics", sync_to_thread=True, opt=_READ, include_in_schema=False)
def metrics_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[Any]:
    """Every metric with its meaning, and its newest value."""
    context = context_of(request)
    t = context.t
    standing = stand(company, read_view(request.query_params))
    values = {} if standing is None else catalogue_values(company, standing)
    body = h.div(
        {"class": "stack"},
        (_themed(context, standing, theme, values) for theme in _THEMES),
    )
    subtitle = t("metrics.subtitle")
    if standing is not None:
        subtitle = f"{current_name(context, standing)} · {subtitle}"
    return html_response(page(context, t("metrics.title"), body, subtitle=subtitle))


_THEMES: tuple[str, ...] = Theme.__args__  # type: ignore[attr-defined]


def _themed(
    context: PageContext,
    standing: Standing | None,
    theme: str,
    values: Mapping[str, tuple[Value, int | None]],
) -> h.Markup:
    t = context.t
    title = t(f"metrics.theme.{theme}")

    def address(name: str) -> str:
        path = f"/metrics/{name}"
        return path if standing is None else href(path, standing.view)

    rows = [
        [
            h.div(  # as wide under every heading
                {"style": "min-width:190px"},
                h.a({"href": address(metric.name)}, metric_name(context, metric.name)),
            ),
            metric_meaning(context, metric.name),
            *_value_cells(context, metric, *values.get(metric.name, (None, 0))),
        ]
        for metric in METRICS
        if metric.theme == theme
    ]
    columns = [
        Column(label=t("metrics.metric")),
        Column(label=t("metrics.meaning")),
        Column(label=t("metrics.value"), numeric=True),
        Column(label=t("metrics.observations"), numeric=True),
    ]
    return card(table(context, columns, rows, caption=title), title=title, flush=True)


def _value_cells(
    context: PageContext, metric: Metric, value: Value, n: int | None
) -> tuple[h.Child, h.Child]:
    if n is None:
        return h.span({"class": "muted"}, context.t("metrics.too_few")), "–"
    return written(context, metric, value), context.n.count(n)


@get("/metrics/{name:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def metric_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company], name: FromPath[str]
) -> Response[Any]:
    """One metric: what it means, how it went, and how it is computed."""
    metric = metric_of(name)
    context = context_of(request)
    standing = stand(company, read_view(request.query_params))
    t = context.t
    parts: list[h.Child] = []
    if standing is not None:
        found = metric_course(company, standing, name)
        parts.append(course_card(context, standing, found))
        by = request.query_params.get("by", "") or _first_split(metric)
        people = request.user.may("customers.read")
        parts.append(split_card(context, company, standing, metric, by, people=people))
    splits = ", ".join(dimension_name(context, each) for each in dimensions_of(metric))
    direction = t(f"metrics.direction.{metric.direction}")
    facts = [
        Fact(label=t("metrics.meaning"), value=metric_meaning(context, name)),
        Fact(label=t("metrics.unit"), value=t(f"metrics.units.{metric.unit}")),
        Fact(label=t("metrics.better"), value=direction),
        Fact(label=t("metrics.counted"), value=t(f"metrics.grain.{metric.grain}")),
        Fact(label=t("metrics.splits"), value=splits),
        *_needs(context, metric, changeable=request.user.may("settings.write")),
        Fact(label=t("metrics.exact"), value=h.span({"lang": "en"}, metric.description)),
        Fact(label=t("metrics.source"), value=h.span({"lang": "en"}, metric.source)),
    ]
    parts.append(card(fact_list(context, facts), title=t("metrics.definition"), span="span-12"))
    if standing is not None:
        parts.append(_query(context, found))
    back = href("/", standing.view) if standing else "/"
    return html_response(
        page(
            context,
            metric_name(context, name),
            h.div({"class": "grid"}, parts),
            subtitle=current_name(context, standing) if standing else None,
            tools=_tools(context, standing, name, back, people=request.user.may("customers.read")),
        )
    )


def _tools(
    context: PageContext, standing: Standing | None, name: str, back: str, *, people: bool
) -> list[h.Child]:
    t = context.t
    tools: list[h.Child] = []
    if standing is not None and people:
        address = href(f"/metrics/{name}/people", standing.view)
        tools.append(button(t("metrics.people"), href=address, icon_name="users"))
    tools.append(button(t("metrics.back"), href=back, icon_name="layout-dashboard"))
    return tools


def _needs(context: PageContext, metric: Metric, *, changeable: bool) -> list[Fact]:
    """What the company has to state first, and where it does."""
    if not metric.needs:
        return []
    named = ", ".join(figure_name(context, name) for name in metric.needs)
    value: h.Child = named
    if changeable:
        value = h.a({"href": "/admin/figures"}, named)
    return [Fact(label=context.t("metrics.needs"), value=value)]


def _first_split(metric: Metric) -> str:
    """What a metric is split by until somebody chooses."""
    can = dimensions_of(metric)
    return next(each for each in ("product_category", "channel", *can) if each in can)


def split_card(
    context: PageContext,
    company: Company,
    standing: Standing,
    metric: Metric,
    by: str,
    *,
    people: bool,
) -> h.Markup:
    """The metric of the current unit by one dimension; each part leads to its customers."""
    t, n = context.t, context.n
    # A segment is a rule, which the segments' own pages split by.
    can = [each for each in dimensions_of(metric) if each != "segment"]
    if by not in can:
        raise InvalidInput(unknown("split", by, can))
    found = metric_parts(company, standing, metric.name, by)

    def shown(part: MetricPart) -> h.Child:
        name = t("metrics.unknown") if part.part is None else part_name(context, by, part.part)
        if part.hidden or not people or not part.people:
            return h.bdi(name)
        given = {"by": by} if part.part is None else {"by": by, "part": part.part}
        address = href(f"/metrics/{metric.name}/people", standing.view, **given)
        return h.a({"href": address}, h.bdi(name))

    rows = [
        [
            shown(part),
            h.span({"class": "muted"}, t("metrics.too_few"))
            if part.hidden
            else written(context, metric, part.value),
            "–" if part.hidden else n.count(part.n),
        ]
        for part in found.parts
    ]
    name = dimension_name(context, by)
    columns = [
        Column(label=dimension_heading(context, by), clip=True),
        Column(label=metric_name(context, metric.name), numeric=True),
        Column(label=t("metrics.observations"), numeric=True),
    ]
    choices = [
        Choice(
            text=dimension_heading(context, each),
            href=href(f"/metrics/{metric.name}", standing.view, by=each) + "#split",
            chosen=each == by,
        )
        for each in can
    ]
    left_out = t("metrics.more_parts", count=found.left_out) if found.left_out else None
    return card(
        h.div(
            {"id": "split", "style": "overflow-x:auto;padding:12px 16px;white-space:nowrap"},
            segmented(t("metrics.split_by"), choices),
        ),
        table(context, columns, rows, caption=t("metrics.by", dimension=name))
        if rows
        else h.p({"class": "muted", "style": "padding:0 16px 16px"}, t("metrics.nothing")),
        title=t("metrics.by", dimension=name),
        foot=left_out,
        flush=True,
        span="span-12",
    )


def course_card(context: PageContext, standing: Standing, found: MetricCourse) -> h.Markup:
    """A metric in time; the unit that is not over is marked."""
    t, n = context.t, context.n
    figure = found.figure
    metric = figure.metric
    values = [None if value is None else float(value) for value in found.values]
    labels = [unit_name(context, standing.view.grain, unit.first_day) for unit in found.units]
    long_labels = [unit_words(context, standing, unit) for unit in found.units]
    foot_mark = None
    if not standing.current.whole:
        labels[-1] += "*"
        foot_mark = "* " + long_labels[-1]
    name = metric_name(context, metric.name)
    current = t("metrics.too_few") if figure.hidden else written(context, metric, figure.value)
    sentence = t("metrics.too_few_long")
    if not figure.hidden:
        sentence = t(
            "metrics.sentence",
            metric=name,
            period=current_name(context, standing),
            value=current,
            count=n.count(figure.n or 0),
        )

    def shown(value: float) -> str:
        return written(context, metric, round(value) if metric.unit == "count" else value)

    chart: Chart
    if metric.unit in ("count", "money") and metric.per is None:
        chart = bar_chart(
            labels=labels,
            long_labels=long_labels,
            series=[Bars(name=name, values=values)],
            written=shown,
            sentence=sentence,
        )
    else:
        chart = line_chart(
            context,
            labels=labels,
            long_labels=long_labels,
            lines=[Line(name=name, values=values)],
            written=shown,
            sentence=sentence,
        )
    change = None
    if figure.change is not None:
        change = delta_of(
            figure.change,
            written_change(context, metric, figure.change),
            better={"up": "higher", "down": "lower", "none": None}[metric.direction],
        )
    note: list[h.Child] = [current, " "]
    if figure.margin is not None:
        margin = context.n.decimal(figure.margin, digits=1)
        note += [t("metrics.margin", margin=margin), " "]
    if change is not None:
        note += [delta(context, change), " "]
    note.append(t("dashboard.against", period=before_name(context, standing)))
    return chart_card(context, name, chart, note=note, foot=foot_mark, span="span-12")


def _query(context: PageContext, found: MetricCourse) -> h.Markup:
    """The statement as it is asked, value by value bound."""
    plan = compile_question(found.question)
    steps = [
        h.fragment(h.h3(step.name), h.pre({"style": "white-space:pre-wrap"}, h.code(step.sql)))
        for step in plan.query.steps
    ]
    return card(
        h.details(
            h.summary(context.t("metrics.show_query")),
            h.div({"class": "stack tight", "style": "margin-top:8px", "lang": "en"}, steps),
        ),
        title=context.t("metrics.query"),
        foot=context.t("metrics.query_note"),
        span="span-12",
    )


routes = (metrics_page, metric_page)

"""What a metric means: its definition, its course, and the very query behind the number."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from rapport.errors import NotFound
from rapport.understand.metrics import BY_NAME, METRICS
from rapport.understand.plan import compile_question
from rapport.understand.question import unknown
from rapport.web import html as h
from rapport.web.charts.bars import Bars, bar_chart
from rapport.web.charts.figure import Chart, chart_card
from rapport.web.charts.line import Line, line_chart
from rapport.web.pages.dashboard.address import href, read_view
from rapport.web.pages.dashboard.cards import (
    before_name,
    bought_first_between,
    current_name,
    people_href,
    unit_words,
)
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Fact, fact_list
from rapport.web.parts.frame import page
from rapport.web.parts.kpis import delta, delta_of
from rapport.web.parts.measures import (
    metric_meaning,
    metric_name,
    unit_name,
    written,
    written_change,
)
from rapport.web.parts.tables import Column, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.dashboard import MetricCourse, Standing, metric_course, stand

_READ = {"permission": "dashboard.read"}


@get("/metrics", sync_to_thread=True, opt=_READ, include_in_schema=False)
def metrics_page(request: Request[Any, Any, Any]) -> Response[Any]:
    """Every metric with its meaning."""
    context = context_of(request)
    t = context.t
    rows = [
        [
            h.a({"href": f"/metrics/{metric.name}"}, metric_name(context, metric.name)),
            metric_meaning(context, metric.name),
        ]
        for metric in METRICS
    ]
    columns = [Column(label=t("metrics.metric")), Column(label=t("metrics.meaning"))]
    body = card(table(context, columns, rows, caption=t("metrics.title")), flush=True)
    return html_response(page(context, t("metrics.title"), body, subtitle=t("metrics.subtitle")))


@get("/metrics/{name:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def metric_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company], name: FromPath[str]
) -> Response[Any]:
    """One metric: what it means, how it went, and how it is computed."""
    if name not in BY_NAME:
        raise NotFound(unknown("metric", name, BY_NAME))
    context = context_of(request)
    standing = stand(company, read_view(request.query_params))
    t = context.t
    metric = BY_NAME[name]
    parts: list[h.Child] = []
    if standing is not None:
        found = metric_course(company, standing, name)
        parts.append(course_card(context, standing, found))
    direction = t(f"metrics.direction.{metric.direction}")
    facts = [
        Fact(label=t("metrics.meaning"), value=metric_meaning(context, name)),
        Fact(label=t("metrics.unit"), value=t(f"metrics.units.{metric.unit}")),
        Fact(label=t("metrics.better"), value=direction),
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
            tools=_tools(context, standing, name, back),
        )
    )


def _tools(context: PageContext, standing: Standing | None, name: str, back: str) -> list[h.Child]:
    t = context.t
    tools: list[h.Child] = []
    # Customers are found by what they are today; a channel is a fact of orders, not of people.
    if standing is not None and name == "new_customers" and not standing.view.channel:
        people = people_href(bought_first_between(standing.current))
        tools.append(button(t("metrics.people"), href=people, icon_name="users"))
    tools.append(button(t("metrics.back"), href=back, icon_name="layout-dashboard"))
    return tools


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
    sentence = t(
        "metrics.sentence",
        metric=name,
        period=current_name(context, standing),
        value=written(context, metric, figure.value),
        count=n.count(figure.n),
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
    note: list[h.Child] = [written(context, metric, figure.value), " "]
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

"""The map: customers and any metric by region, and how far customers live from each shop."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from rapport.errors import NotFound
from rapport.understand.answer import Value
from rapport.understand.geography.outlines import WIDTH, draw, projected
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.segments.rule import where, write_rule
from rapport.web import html as h
from rapport.web.charts.choropleth import MapDot, MapRegion, choropleth
from rapport.web.charts.figure import chart_card
from rapport.web.csv_file import csv_pieces
from rapport.web.pages.map.shops import ROUTES as SHOP_ROUTES
from rapport.web.pages.map.shops import counted, shop_href
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.choices import Choice, pills, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import form, select_field
from rapport.web.parts.frame import page
from rapport.web.parts.kpis import delta, delta_of
from rapport.web.parts.measures import country_name, metric_name, written, written_change
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.region_map import (
    CUSTOMERS,
    PERIODS,
    MapReport,
    MapView,
    RegionFigure,
    map_metrics,
    map_report,
)
from rapport.workflows.shops import shop_catchments

_READ = {"permission": "dashboard.read"}
_PEOPLE = {"permission": "segments.read"}


def read_view(query: Mapping[str, str]) -> MapView:
    """The view that an address asks for; what is wrong in it is told by the workflow."""
    days = query.get("days", "")
    plain = MapView()
    return MapView(
        metric=query.get("metric") or plain.metric,
        days=int(days) if days.isdecimal() and len(days) < 6 else plain.days,
        country=query.get("country") or None,
    )


def map_href(view: MapView, **changes: object) -> str:
    """The address of a view, with ``changes``."""
    wanted = {"metric": view.metric, "days": view.days, "country": view.country, **changes}
    return "/map?" + urlencode({name: value for name, value in wanted.items() if value})


@get("/map", sync_to_thread=True, opt=_READ, include_in_schema=False)
def map_page(request: Request[Any, Any, Any], company: NamedDependency[Company]) -> Response[Any]:
    """Where customers live, or how a metric differs between regions."""
    context = context_of(request)
    t, n = context.t, context.n
    report = map_report(company, read_view(request.query_params))
    tools = button(t("map.shops.title"), href="/map/shops", icon_name="store")
    if not report.countries:
        body: h.Child = card(
            empty_state(t("map.nobody"), t("map.nobody_detail"), icon_name="map-pinned")
        )
        return html_response(page(context, t("map.title"), body, tools=tools))
    body = h.div(
        {"class": "stack"},
        _choices(context, report),
        h.div(
            {"class": "grid"},
            _map(context, company, report),
            _regions(context, report),
            _precision(context, report),
        ),
    )
    period = t("map.today")
    if report.view.metric != CUSTOMERS:
        period = t("map.period", start=n.date(report.first_day), end=n.date(report.last_day))
    return html_response(page(context, t("map.title"), body, subtitle=period, tools=tools))


@get("/map.csv", sync_to_thread=True, opt=_READ, include_in_schema=False)
def map_file(request: Request[Any, Any, Any], company: NamedDependency[Company]) -> Response[bytes]:
    """The regions with exact figures; too few customers leave theirs empty."""
    report = map_report(company, read_view(request.query_params))
    last = () if report.elsewhere is None else (report.elsewhere,)
    rows = [
        ["" if part is None else str(part) for part in
         (each.region, each.name, each.value, each.people, each.before, each.change)]
        for each in (*report.regions, *last)
    ]  # fmt: skip
    header = ("region", "name", "value", "customers", "before", "change")
    return Response(
        "".join(csv_pieces(header, [rows])).encode(),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="map.csv"', "Cache-Control": "no-store",
        },
    )  # fmt: skip


#: Overseas regions are not drawn and have customers: the form of a code decides, not the outlines.
_ISO_3166_2 = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")


@get("/map/regions/{region:str}", sync_to_thread=True, opt=_PEOPLE, include_in_schema=False)
def region_people(region: FromPath[str]) -> Redirect:
    """The customers who live in a region."""
    if not _ISO_3166_2.fullmatch(region):
        raise NotFound(f"There is no region {region!r}; /map shows them")
    rule = write_rule(where("region", "eq", region)).decode()
    return Redirect("/segments/people?" + urlencode({"rule": rule}))


def _named(context: PageContext, metric: str) -> str:
    return context.t("map.customers") if metric == CUSTOMERS else metric_name(context, metric)


def _choices(context: PageContext, report: MapReport) -> h.Markup:
    t, view = context.t, report.view
    names = sorted(
        ((name, _named(context, name)) for name in map_metrics()),
        key=lambda each: (each[0] != CUSTOMERS, each[1].casefold()),
    )
    kept = [("days", str(view.days)), ("country", view.country or "")]
    return h.div(
        {"class": "row"},
        form(
            context,
            select_field(t("map.metric"), "metric", names, value=view.metric),
            (h.input({"type": "hidden", "name": name, "value": value}) for name, value in kept),
            button(t("map.show")),
            action="/map",
            method="get",
            attributes={"class": "form inline"},
        ),
        pills(
            t("map.country"),
            [
                Choice(
                    text=t("map.all_countries"),
                    href=map_href(view, country=None),
                    chosen=view.country is None,
                ),
                *(
                    Choice(
                        text=country_name(context, code),
                        href=map_href(view, country=code),
                        chosen=view.country == code,
                    )
                    for code in report.countries
                ),
            ],
        )
        if len(report.countries) > 1
        else None,
        segmented(
            t("map.days_label"),
            [
                Choice(
                    text=t("map.days", count=context.n.count(days)),
                    href=map_href(view, days=days),
                    chosen=days == view.days,
                )
                for days in PERIODS
            ],
        )
        if view.metric != CUSTOMERS
        else None,
    )


def _value(context: PageContext, report: MapReport, value: Value) -> str:
    if value is None:
        return "–"
    if report.view.metric == CUSTOMERS:
        return context.n.count(int(value))
    return written(context, METRICS[report.view.metric], value)


def _said(context: PageContext, report: MapReport, figure: RegionFigure) -> str:
    """What is said of a region in one line."""
    t = context.t
    name = figure.name or t("map.unknown")
    if figure.people is None:
        return t("map.tip_few", region=name)
    if report.view.metric == CUSTOMERS:
        return t("map.tip_customers", region=name, value=context.n.count(figure.people))
    return t(
        "map.tip",
        region=name,
        metric=_named(context, report.view.metric),
        value=_value(context, report, figure.value),
        customers=context.n.count(figure.people),
    )


def _map(context: PageContext, company: Company, report: MapReport) -> h.Markup:
    t = context.t
    title = _named(context, report.view.metric)
    if not report.drawn:
        detail = t("map.no_outlines_detail")
        return card(
            empty_state(t("map.no_outlines"), detail, icon_name="map-pinned"), span="span-7"
        )
    drawing = draw(report.drawn)
    figures = {figure.region: figure for figure in report.regions}
    regions = []
    for code, path in drawing.regions:
        figure = figures.get(code)
        if figure is None:
            regions.append(MapRegion(path=path))
            continue
        regions.append(
            MapRegion(
                path=path,
                value=None if figure.value is None else float(figure.value),
                hidden=figure.is_hidden,
                tip=_said(context, report, figure),
                href=f"/map/regions/{code}",
            )
        )
    first = next((each for each in report.regions if each.value is not None), None)
    sentence = title if first is None else t(
        "map.sentence", metric=title, highest=_said(context, report, first),
        count=context.n.count(len(report.regions)),
    )  # fmt: skip
    chart = choropleth(
        regions,
        _dots(context, company, report),
        around=drawing.around,
        size=(WIDTH, drawing.frame.height),
        written=lambda value: _value(context, report, value),
        sentence=sentence,
        words=(t("map.nobody_there"), t("map.few")),
    )
    return chart_card(
        context, title, chart, foot=t("map.source"), span="span-7",
        csv_href=map_href(report.view).replace("/map?", "/map.csv?"),
    )  # fmt: skip


def _dots(context: PageContext, company: Company, report: MapReport) -> list[MapDot]:
    found = shop_catchments(company)
    if not found:
        return []
    drawing = draw(report.drawn)
    points = np.array([(each.shop.longitude, each.shop.latitude) for each in found])
    most = max(each.buyers or 0 for each in found) or 1
    return [
        MapDot(
            x=x,
            y=y,
            share=(each.buyers or 0) / most,
            tip=context.t(
                "map.shop_tip", shop=each.shop.name, buyers=counted(context, each.buyers)
            ),
            href=shop_href(each.shop.name),
        )
        for each, (x, y) in zip(found, projected(drawing.frame, points), strict=True)
        if 0 <= x <= WIDTH and 0 <= y <= drawing.frame.height
    ]


def _regions(context: PageContext, report: MapReport) -> h.Markup:
    t, n = context.t, context.n
    metric = METRICS.get(report.view.metric)
    columns = [Column(label=t("map.region")), Column(label=t("map.value"), numeric=True)]
    if metric is not None:
        columns += [
            Column(label=t("map.change"), numeric=True),
            Column(label=t("map.customers"), numeric=True),
        ]

    def row(figure: RegionFigure) -> list[h.Child]:
        name: h.Child = t("map.unknown")
        if figure.region is not None:
            name = h.fragment(
                h.a({"href": f"/map/regions/{figure.region}"}, figure.name),
                h.small({"class": "muted"}, " ", country_name(context, figure.region[:2])),
            )
        few = h.span({"class": "muted", "title": t("map.few_why")}, t("map.few"))
        value: h.Child = few if figure.is_hidden else _value(context, report, figure.value)
        if metric is None:
            return [name, value]
        change: h.Child = "–"
        if figure.change is not None:
            better = {"up": "higher", "down": "lower"}.get(metric.direction)
            shown = delta_of(
                figure.change,
                written_change(context, metric, abs(figure.change)).lstrip("+−"),
                better=better,  # type: ignore[arg-type]
            )
            change = delta(context, shown) if shown else "–"
        people = few if figure.people is None else n.count(figure.people)
        return [name, value, change, people]

    rows = [row(figure) for figure in report.regions]
    if report.elsewhere is not None:
        rows.append(row(report.elsewhere))
    note = t("map.against", days=n.count(report.view.days)) if metric is not None else None
    return card(
        h.div({"class": "tall"}, table(context, columns, rows, caption=t("map.table"))),
        title=t("map.table"),
        note=note,
        foot=h.a({"href": f"/metrics/{metric.name}"}, t("map.definition")) if metric else None,
        span="span-5",
        flush=True,
    )


def _precision(context: PageContext, report: MapReport) -> h.Markup:
    t, n = context.t, context.n
    known = report.precision
    whole = known.city + known.region + known.country + known.unknown
    columns = [
        Column(label=t("map.precision.known")),
        Column(label=t("map.customers"), numeric=True),
        Column(label=t("map.share"), numeric=True),
    ]
    rows = [
        [
            h.fragment(
                t(f"map.precision.{name}"),
                h.div({"class": "small muted"}, t(f"map.precision.{name}_detail")),
            ),
            n.count(count),
            n.share(count / whole) if whole else "–",
        ]
        for name, count in (
            ("city", known.city), ("region", known.region),
            ("country", known.country), ("unknown", known.unknown),
        )
    ]  # fmt: skip
    return card(
        table(context, columns, rows, caption=t("map.precision.title")),
        title=t("map.precision.title"),
        span="span-12",
        flush=True,
    )


routes = (map_page, map_file, region_people, *SHOP_ROUTES)

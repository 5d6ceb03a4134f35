"""The cards of one page: the map of clicks, its elements, how far it is read, its visits."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.site.browsing import Width
from rapport.understand.site.elements import ClickMap
from rapport.understand.site.visits import MOST, PageVisit
from rapport.web import html as h
from rapport.web.assets import asset_url
from rapport.web.charts.figure import chart_card
from rapport.web.charts.line import Line, line_chart
from rapport.web.pages.site.named import (
    element_cell,
    page_href,
    seconds,
    visit_href,
    visitor_count,
)
from rapport.web.pages.site.overview import share_cell, times_of
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.choices import Choice, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Fact, fact_list
from rapport.web.parts.forms import field, form
from rapport.web.parts.tables import Column, table
from rapport.workflows.site import PageReport, SiteView
from rapport.workflows.site_map import LASTS
from rapport.workflows.site_pictures import LARGEST, SitePicture

#: Of a page of which no size is known.
_USUAL_HEIGHT = 2.0


def map_card(
    context: PageContext,
    view: SiteView,
    report: PageReport,
    *,
    picture: SitePicture | None,
    links: dict[str, str],
    may_write: bool,
) -> h.Markup:
    """The clicks over a picture of the page, and the ways to a better one."""
    t, n = context.t, context.n
    path = report.figures.path
    widths = segmented(
        t("site.map.window"),
        [
            Choice(
                text=f"{t(f'site.width.{width}')} · {visitor_count(context, visitors)}",
                href=page_href(view, path, width=width),
                chosen=width == report.width,
            )
            for width, visitors in report.widths.items()
        ],
    )
    body: list[h.Child] = []
    clicks = report.clicks
    if clicks.hidden:
        body.append(h.p({"class": "note"}, t("site.map.hidden", count=n.count(SMALLEST_GROUP))))
    elif not clicks.points:
        body.append(h.p({"class": "muted"}, t("site.map.none")))
    else:
        body.append(_picture(context, report, picture))
    fixed = sum(point.clicks for point in clicks.points if point.fixed)
    if fixed:
        body.append(h.p({"class": "note"}, t("site.map.apart", clicks=n.count(fixed))))
    for origin, link in links.items():
        body.append(
            h.p(
                button(
                    t("site.map.open", site=origin.partition("://")[2]),
                    href=link,
                    icon_name="external-link",
                    attributes={"target": "_blank", "rel": "noopener noreferrer"},
                ),
                " ",
                h.small(
                    {"class": "muted"},
                    t("site.map.open_hint", minutes=n.count(int(LASTS.total_seconds() // 60))),
                ),
            )
        )
    if may_write and report.width is not None:
        body.append(_upload(context, view, report, report.width, picture))
    return card(
        h.div({"class": "stack tight"}, body),
        title=t("site.map.title"),
        tools=widths if report.widths else None,
        span="span-7 tablet-12",
        attributes={"id": "map"},
    )


def _picture(context: PageContext, report: PageReport, picture: SitePicture | None) -> h.Markup:
    t, n = context.t, context.n
    clicks = report.clicks
    path = report.figures.path
    drawn = [
        [round(point.page_x, 4), round(point.page_y / clicks.page_height, 4), point.clicks]
        for point in clicks.points
        if not point.fixed and clicks.page_height
    ]
    sentence = t(
        "site.map.sentence",
        clicks=n.count(sum(point.clicks for point in clicks.points)),
        visitors=visitor_count(context, clicks.visitors),
    )
    below: h.Child
    if picture is not None:
        below = h.img(
            {
                "src": _picture_address(picture),
                "alt": t("site.map.alt", page=path),
                "width": picture.width,
                "height": picture.height,
            }
        )
    else:
        ratio = _USUAL_HEIGHT
        if clicks.page_width and clicks.page_height:
            ratio = clicks.page_height / clicks.page_width
        # One screen of 100 % wide; as tall as the page is.
        below = h.div({"class": "click-blank", "style": f"aspect-ratio:1/{ratio:.4f}"})
    window = t(f"site.width.{report.width}") if report.width else ""
    return h.fragment(
        h.figure(
            {
                "class": ["click-map", report.width],
                "tabindex": 0,
                "role": "group",
                "aria-label": t("site.map.title"),
            },
            h.div(
                {"class": "click-page"},
                below,
                h.canvas({"data-points": json.dumps(drawn), "role": "img", "aria-label": sentence}),
            ),
        ),
        h.p({"class": "note"}, sentence),
        h.p({"class": "note"}, t("site.map.plain", window=window)) if picture is None else None,
        h.script({"type": "module", "src": asset_url("rapport-map.js")}),
    )


def _picture_address(picture: SitePicture) -> str:
    query = urlencode(
        [("source", picture.source), ("path", picture.path), ("width", picture.window),
         ("version", picture.version)]
    )  # fmt: skip
    return f"/site/picture?{query}"


def _upload(
    context: PageContext,
    view: SiteView,
    report: PageReport,
    width: Width,
    picture: SitePicture | None,
) -> h.Markup:
    t = context.t
    said = [
        ("source", report.scope.source), ("path", report.figures.path), ("width", width),
        ("days", str(view.days)),
    ]  # fmt: skip
    hidden = [h.input({"type": "hidden", "name": name, "value": value}) for name, value in said]
    kept = form(
        context,
        hidden,
        field(
            t("site.map.upload", size=context.n.count(LARGEST // 1_000_000)),
            "picture",
            type="file",
            required=True,
            attributes={"accept": "image/png,image/jpeg"},
        ),
        h.div(button(t("site.map.keep"), type="submit", icon_name="upload")),
        action="/site/picture",
        attributes={"enctype": "multipart/form-data"},
    )
    if picture is None:
        return kept
    query = urlencode(said)
    return h.fragment(
        kept, post_button(context, t("site.map.forget"), action=f"/site/picture/forget?{query}")
    )


def element_card(context: PageContext, clicks: ClickMap) -> h.Markup | None:
    """Every element that was clicked, the most first."""
    if not clicks.elements:
        return None
    t, n = context.t, context.n
    columns = [
        Column(label=t("site.trouble.element")),
        Column(label=t("site.trouble.clicks"), numeric=True),
        Column(label=t("site.trouble.clickers"), numeric=True),
        Column(label=t("site.trouble.dead"), numeric=True),
        Column(label=t("site.trouble.rage"), numeric=True),
    ]
    rows = [
        [
            element_cell(context, each.element, fixed=each.fixed),
            n.count(each.clicks),
            visitor_count(context, each.clickers)
            if each.share is None
            else h.fragment(
                visitor_count(context, each.clickers),
                h.br(),
                h.small({"class": "muted"}, n.share(each.share, digits=0)),
            ),
            times_of(context, each.dead, each.dead_visitors),
            times_of(context, each.rage, each.rage_visitors),
        ]
        for each in clicks.elements
    ]
    return card(
        table(context, columns, rows, caption=t("site.map.elements")),
        title=t("site.map.elements"),
        foot=t("site.trouble.foot"),
        flush=True,
        span="span-5 tablet-12",
    )


def facts_card(context: PageContext, report: PageReport) -> h.Markup:
    """The page in figures."""
    t = context.t
    figures = report.figures
    facts = [
        Fact(label=t("site.page.began"), value=visitor_count(context, figures.entries)),
        Fact(label=t("site.page.ended"), value=visitor_count(context, figures.exits)),
        Fact(label=t("site.pages.seconds"), value=seconds(context, figures.seconds)),
    ]
    if report.usefulness is not None:
        facts.append(
            Fact(label=t("site.page.of_no_use"), value=share_cell(context, report.usefulness))
        )
    return card(fact_list(context, facts), title=t("site.page.facts"), span="span-5 tablet-12")


def scroll_card(context: PageContext, report: PageReport) -> h.Markup:
    """The reach curve."""
    t, n = context.t, context.n
    scroll = report.scroll
    if scroll is None:
        return card(
            h.p({"class": "note"}, t("site.scroll.few", count=n.count(SMALLEST_GROUP))),
            title=t("site.scroll.title"),
            span="span-7 tablet-12",
        )
    half, quarter = scroll.quantile(0.5), scroll.quantile(0.25)
    if half is None or quarter is None:
        return card(
            h.p({"class": "muted"}, t("site.scroll.none")),
            title=t("site.scroll.title"),
            span="span-7 tablet-12",
        )
    depths = [n.share(step / 20, digits=0) for step in range(21)]
    chart = line_chart(
        context,
        labels=depths,
        lines=[
            Line(
                name=t("site.scroll.reached"),
                values=[count / scroll.views for count in scroll.reached],
            )
        ],
        written=lambda value: n.share(value, digits=0),
        sentence=t(
            "site.scroll.sentence",
            views=n.count(scroll.views),
            half=n.share(half, digits=0),
            quarter=n.share(quarter, digits=0),
        ),
        from_zero=True,
    )
    return chart_card(
        context,
        t("site.scroll.title"),
        chart,
        note=t("site.scroll.depth"),
        span="span-7 tablet-12",
    )


def visits_card(context: PageContext, report: PageReport) -> h.Markup | None:
    """Visits that saw the page, each with the way to all that happened in it."""
    if not report.visits:
        return None
    t, n = context.t, context.n
    columns = [
        Column(label=t("site.visits.visitor")),
        Column(label=t("site.visits.began")),
        Column(label=t("site.visits.pages"), numeric=True),
        Column(label=t("site.pages.seconds"), numeric=True),
        Column(label=t("site.pages.scroll"), numeric=True),
        Column(label=t("site.trouble.dead"), numeric=True),
        Column(label=t("site.trouble.rage"), numeric=True),
    ]
    rows = [
        [
            _visitor(context, report, visit),
            n.date_time(visit.began),
            n.count(visit.pages),
            seconds(context, visit.seconds),
            "–" if visit.depth is None else n.share(visit.depth / 100, digits=0),
            n.count(visit.dead) if visit.dead else "–",
            n.count(visit.rage) if visit.rage else "–",
        ]
        for visit in report.visits
    ]
    return card(
        table(context, columns, rows, caption=t("site.visits.title")),
        title=t("site.visits.title"),
        foot=t("site.visits.foot", count=n.count(MOST)),
        flush=True,
        span="span-12",
    )


def _visitor(context: PageContext, report: PageReport, visit: PageVisit) -> h.Child:
    # A record that belongs to nobody has no page of its own.
    if visit.visitor.startswith("record "):
        return h.span({"class": "muted"}, context.t("site.visits.unknown"))
    name = report.names.get(visit.visitor) or context.t("site.visits.unknown")
    href = visit_href(visit.visitor, visit.began.isoformat(), visit.last.isoformat())
    return h.a({"href": href}, h.bdi(name))

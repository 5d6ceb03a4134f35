"""The cards of a site as a whole: what fails, what is of no use, what interests, its pages."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.site.interests import Interest
from rapport.understand.site.usefulness import FEWEST, Usefulness, useless_pages
from rapport.web import html as h
from rapport.web.pages.site.named import (
    element_cell,
    element_name,
    page_href,
    page_link,
    seconds,
    site_href,
    visitor_count,
)
from rapport.web.parts.cards import callout, card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.tables import Column, table
from rapport.workflows.site import SiteReport, SiteView

_TROUBLES, _PAGES, _INTERESTS = 10, 25, 10


def glance(context: PageContext, view: SiteView, report: SiteReport) -> h.Markup:
    """What fails most, what is of no use, and what is not found: one sentence each."""
    return h.fragment(
        _failing(context, view, report),
        _useless(context, view, report),
        _lost(context, view, report),
    )


def _failing(context: PageContext, view: SiteView, report: SiteReport) -> h.Markup:
    t, n = context.t, context.n
    if not report.troubles:
        words = "calm" if report.totals.measured else "unmeasured"
        return callout(
            t(f"site.glance.{words}"), h.p(t(f"site.glance.{words}_detail")),
            tone="good" if report.totals.measured else "neutral",
            icon_name="circle-check" if report.totals.measured else "info", span="span-4 tablet-12",
        )  # fmt: skip
    worst = report.troubles[0]
    said = []
    if worst.dead:
        said.append(t("site.glance.dead", dead=n.count(worst.dead), clicks=n.count(worst.clicks)))
    if worst.rage:
        said.append(t("site.glance.rage", rage=n.count(worst.rage)))
    return callout(
        t(
            "site.glance.trouble",
            element=element_name(worst.element),
            page=worst.path,
            visitors=visitor_count(
                context,
                max(filter(None, (worst.dead_visitors, worst.rage_visitors)), default=None),
            ),
        ),
        h.p(" ".join(said)),
        h.p(h.a({"href": page_href(view, worst.path)}, worst.path)),
        tone="bad",
        span="span-4 tablet-12",
    )


def _useless(context: PageContext, view: SiteView, report: SiteReport) -> h.Markup | None:
    t, n = context.t, context.n
    found = useless_pages(report.usefulness)
    if not report.usefulness:
        return None
    if not found:
        return callout(
            t("site.glance.useful"), h.p(t("site.glance.useful_detail", count=n.count(FEWEST))),
            tone="good", icon_name="circle-check", span="span-4 tablet-12",
        )  # fmt: skip
    worst = found[0]
    return callout(
        t("site.glance.useless", page=worst.path, share=n.share(worst.share, digits=0)),
        h.p(
            t(
                "site.glance.useless_detail",
                in_vain=n.count(worst.in_vain),
                visits=n.count(worst.visits),
                base=n.share(worst.base, digits=0),
            )
        ),
        h.p(h.a({"href": page_href(view, worst.path)}, worst.path)),
        tone="caution",
        icon_name="undo-2",
        span="span-4 tablet-12",
    )


def _lost(context: PageContext, view: SiteView, report: SiteReport) -> h.Markup | None:
    t, n = context.t, context.n
    found = [each for each in report.searches if each.term and each.without_result]
    if not found:
        return None
    worst = found[0]
    return callout(
        t("site.glance.lost", term=worst.term or ""),
        h.p(
            t(
                "site.glance.lost_detail",
                searches=n.count(worst.without_result),
                visitors=n.count(worst.visitors or 0),
                ended=n.count(worst.ended),
            )
        ),
        h.p(h.a({"href": site_href("/site/searches", view)}, t("site.all_of_them"))),
        tone="caution",
        icon_name="search-x",
        span="span-4 tablet-12",
    )


def trouble_card(context: PageContext, view: SiteView, report: SiteReport) -> h.Markup | None:
    """Elements clicked in anger or in vain."""
    if not report.troubles:
        return None
    t, n = context.t, context.n
    columns = [
        Column(label=t("site.trouble.element")),
        Column(label=t("site.trouble.page")),
        Column(label=t("site.trouble.clicks"), numeric=True),
        Column(label=t("site.trouble.dead"), numeric=True),
        Column(label=t("site.trouble.rage"), numeric=True),
    ]
    rows = [
        [
            element_cell(context, each.element),
            page_link(view, each.path),
            n.count(each.clicks),
            times_of(context, each.dead, each.dead_visitors),
            times_of(context, each.rage, each.rage_visitors),
        ]
        for each in report.troubles[:_TROUBLES]
    ]
    return card(
        table(context, columns, rows, caption=t("site.trouble.title")),
        title=t("site.trouble.title"),
        foot=t("site.trouble.foot"),
        flush=True,
        span="span-12",
    )


def times_of(context: PageContext, count: int, visitors: int | None) -> h.Child:
    """How often, and to how many visitors; None where they are fewer than five."""
    if not count:
        return "–"
    if visitors is None:
        few = visitor_count(context, visitors)
        people = context.t("site.trouble.of_few", count=few)
    else:
        people = context.t("site.trouble.of_visitors", count=visitors)
    return h.fragment(
        h.b(context.n.count(count)), h.br(), h.small({"class": "muted nowrap"}, people)
    )


def useless_card(context: PageContext, view: SiteView, report: SiteReport) -> h.Markup | None:
    """Pages visited in vain more than others."""
    found = useless_pages(report.usefulness)
    if not found:
        return None
    t, n = context.t, context.n
    columns = [
        Column(label=t("site.trouble.page")),
        Column(label=t("site.useless.visits"), numeric=True),
        Column(label=t("site.useless.share"), numeric=True),
        Column(label=t("site.useless.left"), numeric=True),
        Column(label=t("site.useless.back"), numeric=True),
        Column(label=t("site.useless.base"), numeric=True),
    ]
    rows = [
        [
            page_link(view, each.path, each.title),
            n.count(each.visits),
            share_cell(context, each),
            n.count(each.left_at_once),
            n.count(each.went_back),
            n.share(each.base, digits=0),
        ]
        for each in found
    ]
    return card(
        table(context, columns, rows, caption=t("site.useless.title")),
        title=t("site.useless.title"),
        foot=t("site.useless.foot", count=n.count(FEWEST)),
        flush=True,
        span="span-12",
    )


def share_cell(context: PageContext, each: Usefulness) -> h.Markup:
    """The share of visits in vain with its interval."""
    n = context.n
    interval = context.t(
        "site.useless.range", low=n.share(each.low, digits=0), high=n.share(each.high, digits=0)
    )
    return h.fragment(
        h.b(n.share(each.share, digits=0)), h.br(), h.small({"class": "muted nowrap"}, interval)
    )


def interest_cards(context: PageContext, report: SiteReport) -> h.Markup | None:
    """What is looked at, by category and by product."""
    if not report.categories and not report.products:
        return None
    t, n = context.t, context.n
    return h.fragment(
        card(
            _interests(context, "category", report.categories),
            title=t("site.interest.title"),
            flush=True,
            span="span-6 tablet-12",
        ),
        card(
            _interests(context, "product", report.products),
            title=t("site.interest.product"),
            foot=t("site.interest.foot", count=n.count(SMALLEST_GROUP)),
            flush=True,
            span="span-6 tablet-12",
        ),
    )


def _interests(context: PageContext, by: str, found: Sequence[Interest]) -> h.Markup:
    t, n = context.t, context.n
    columns = [
        Column(label=t(f"site.interest.{by}")),
        Column(label=t("site.interest.visitors"), numeric=True),
        Column(label=t("site.interest.share"), numeric=True),
        Column(label=t("site.interest.before"), numeric=True),
        Column(label=t("site.interest.seconds"), numeric=True),
    ]
    rows = [
        [
            h.bdi(each.name),
            n.count(each.visitors),
            h.fragment(n.share(each.share), " ", chip(t("site.interest.changed"), tone="caution"))
            if each.changed
            else n.share(each.share),
            "–" if each.share_before is None else n.share(each.share_before),
            seconds(context, each.seconds),
        ]
        for each in found[:_INTERESTS]
    ]
    return table(context, columns, rows, caption=t(f"site.interest.{by}"))


def pages_card(context: PageContext, view: SiteView, report: SiteReport) -> h.Markup:
    """Every page that many saw."""
    t, n = context.t, context.n
    columns = [
        Column(label=t("site.pages.page")),
        Column(label=t("site.pages.visitors"), numeric=True),
        Column(label=t("site.pages.views"), numeric=True),
        Column(label=t("site.pages.entries"), numeric=True),
        Column(label=t("site.pages.exits"), numeric=True),
        Column(label=t("site.pages.seconds"), numeric=True),
        Column(label=t("site.pages.scroll"), numeric=True),
        Column(label=t("site.trouble.dead"), numeric=True),
        Column(label=t("site.trouble.rage"), numeric=True),
    ]
    rows = [
        [
            page_link(view, each.path, each.title),
            visitor_count(context, each.visitors),
            n.count(each.views),
            visitor_count(context, each.entries),
            visitor_count(context, each.exits),
            seconds(context, each.seconds),
            "–" if each.scroll is None else n.share(each.scroll, digits=0),
            n.count(each.dead) if each.measured else "–",
            n.count(each.rage) if each.measured else "–",
        ]
        for each in report.pages[:_PAGES]
    ]
    return card(
        table(context, columns, rows, caption=t("site.pages.title")),
        title=t("site.pages.title"),
        foot=t("site.pages.foot", shown=n.count(len(rows)), count=n.count(len(report.pages))),
        flush=True,
        span="span-12",
    )

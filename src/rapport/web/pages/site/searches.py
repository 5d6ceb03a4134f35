"""What visitors search, and do not find."""

from __future__ import annotations

from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.web import html as h
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, meter, table
from rapport.workflows.site import SiteReport


def search_card(context: PageContext, report: SiteReport) -> h.Markup:
    """Terms, those that found nothing most often first."""
    t, n = context.t, context.n
    if not report.searches:
        return card(
            empty_state(t("site.search.none"), t("site.search.none_detail"), icon_name="search-x"),
            span="span-12",
        )
    columns = [
        Column(label=t("site.search.term")),
        Column(label=t("site.search.searches"), numeric=True),
        Column(label=t("site.search.visitors"), numeric=True),
        Column(label=t("site.search.lost"), numeric=True),
        Column(label=t("site.search.ended"), numeric=True),
    ]
    rows: list[list[h.Child]] = [
        [
            h.bdi(each.term)
            if each.term
            else h.span({"class": "muted"}, t("site.search.rare", count=n.count(each.left_out))),
            n.count(each.searches),
            "–" if each.visitors is None else n.count(each.visitors),
            meter(each.without_result / each.searches, n.count(each.without_result)),
            meter(each.ended / each.searches, n.count(each.ended)),
        ]
        for each in report.searches
    ]
    return card(
        table(context, columns, rows, caption=t("site.search.title")),
        title=t("site.search.title"),
        note=t(
            "site.search.subtitle",
            searches=n.count(sum(each.searches for each in report.searches)),
            lost=n.count(sum(each.without_result for each in report.searches)),
        ),
        foot=t("site.search.foot", count=n.count(SMALLEST_GROUP)),
        flush=True,
        span="span-12",
    )

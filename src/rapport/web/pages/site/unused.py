"""Pages and features that nobody used, and the list of what there is."""

from __future__ import annotations

from rapport.understand.site.unused import Unused
from rapport.web import html as h
from rapport.web.pages.site.named import element_cell, page_link, visitor_count
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import form, text_area
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, table
from rapport.workflows.site import SiteReport, SiteView
from rapport.workflows.site_lists import SiteList, written_list


def unused_card(context: PageContext, view: SiteView, report: SiteReport) -> h.Markup:
    """What nobody used."""
    t, n = context.t, context.n
    if not report.unused:
        return card(
            empty_state(
                t("site.never.none"), t("site.never.none_detail"), icon_name="circle-check"
            ),
            span="span-12",
        )
    columns = [
        Column(label=t("site.never.what")),
        Column(label=t("site.never.where")),
        Column(label=t("site.never.known")),
        Column(label=t("site.never.visitors"), numeric=True),
        Column(label=t("site.never.below"), numeric=True),
        Column(label=t("site.never.last")),
    ]
    rows = [
        [
            _what(context, each),
            h.span({"class": "muted"}, t("site.never.page"))
            if each.element is None
            else page_link(view, each.path),
            t(f"site.never.{each.known_from}"),
            visitor_count(context, each.visitors),
            "–" if each.below is None else n.share(each.below),
            "–" if each.last_used is None else n.date(n.local(each.last_used).date()),
        ]
        for each in report.unused
    ]
    return card(
        table(context, columns, rows, caption=t("site.never.title")),
        title=t("site.never.title"),
        note=t("site.never.subtitle", count=len(rows)),
        foot=t("site.never.foot"),
        flush=True,
        span="span-12",
    )


def _what(context: PageContext, each: Unused) -> h.Markup:
    named = h.b(h.bdi(each.name)) if each.name else None
    if each.element is None:
        return h.fragment(named, h.br() if named else None, h.bdi(each.path))
    if named and each.known_from == "listed":
        return h.fragment(named, h.br(), h.small({"class": "muted"}, h.code(each.element)))
    return element_cell(context, each.element)


def list_card(
    context: PageContext, source: str, listed: SiteList, *, error: str | None, typed: str | None
) -> h.Markup:
    """The company's list, to read and to replace."""
    t = context.t
    return card(
        form(
            context,
            h.input({"type": "hidden", "name": "source", "value": source}),
            text_area(
                t("site.never.list_label"),
                "content",
                value=written_list(listed.known) if typed is None else typed,
                hint=t("site.never.list_hint"),
                error=error,
                rows=10,
            ),
            h.div(button(t("site.never.save"), kind="primary", type="submit")),
            action="/site/unused/list",
        ),
        title=t("site.never.list"),
        note=t("site.never.list_note", count=len(listed.known)),
        span="span-12",
        attributes={"id": "list"},
    )

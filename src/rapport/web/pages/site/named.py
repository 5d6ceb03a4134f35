"""Addresses, names and choices that the pages about a site share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.site.browsing import WIDTHS
from rapport.understand.site.sites import Audiences
from rapport.web import html as h
from rapport.web.parts.choices import Choice, pills, segmented
from rapport.web.parts.context import PageContext
from rapport.web.places import country_name, language_name
from rapport.workflows.site import PERIODS, Site, SiteView

_NAME = re.compile(r'\[data-rapport="([^"]*)"\]')
PARTS: tuple[tuple[str, str], ...] = (
    ("overview", "/site"),
    ("searches", "/site/searches"),
    ("unused", "/site/unused"),
)


def read_view(query: Mapping[str, str]) -> SiteView:
    """The view that an address asks for; what is wrong in it is told by the workflow."""
    days = query.get("days", "")
    return SiteView(
        source=query.get("source") or None,
        days=int(days) if days.isdecimal() and len(days) < 6 else SiteView().days,
        width=query.get("width") or None,  # type: ignore[arg-type]
        country=query.get("country") or None,
        language=query.get("language") or None,
    )


def site_href(address: str, view: SiteView, /, **other: str | int | None) -> str:
    """An address of these pages, with its view and what else is asked."""
    asked: dict[str, str | int | None] = {
        "source": view.source,
        "days": None if view.days == SiteView().days else view.days,
        "width": view.width,
        "country": view.country,
        "language": view.language,
        **other,
    }
    query = urlencode([(name, value) for name, value in asked.items() if value is not None])
    return address + (f"?{query}" if query else "")


def page_href(view: SiteView, path: str, **other: str | int | None) -> str:
    """The page about one page."""
    return site_href("/site/page", view, path=path, **other)


def page_link(view: SiteView, path: str, title: str | None = None) -> h.Markup:
    """A page by its title and path; the link leads to what is known of it."""
    link = h.a({"href": page_href(view, path)}, h.bdi(path))
    return h.fragment(link, h.br(), h.small({"class": "muted"}, h.bdi(title))) if title else link


def element_name(element: str) -> str:
    """What its owner named it, and what is clicked within; else its address."""
    names = list(_NAME.finditer(element))
    return names[-1][1] + element[names[-1].end() :].replace(">", " › ") if names else element


def element_cell(context: PageContext, element: str, *, fixed: bool = False) -> h.Markup:
    """An element by name and address."""
    name = element_name(element)
    return h.fragment(
        h.bdi(name) if name != element else h.code(h.bdi(element)),
        h.fragment(h.br(), h.small({"class": "muted"}, h.code(element)))
        if name != element
        else None,
        h.fragment(h.br(), h.small({"class": "muted"}, context.t("site.trouble.fixed")))
        if fixed
        else None,
    )


def seconds(context: PageContext, value: float | None) -> str:
    """A time in sight; a dash where it is not known."""
    if value is None:
        return "–"
    return context.t("site.seconds", value=context.n.decimal(value, digits=0))


def visitor_count(context: PageContext, count: int | None) -> str:
    """How many visitors or visits; "fewer than five" where so few would be persons."""
    if count is None:
        return context.t("site.fewer", count=context.n.count(SMALLEST_GROUP))
    return context.n.count(count)


def choice_rows(
    context: PageContext,
    view: SiteView,
    address: str,
    *,
    sites: Sequence[Site],
    source: str,
    audiences: Audiences,
    **kept: str | None,
) -> h.Markup:
    """Which site, period and visitors; each choice is a link to the same page."""
    t, n = context.t, context.n

    def href(**changed: str | int | None) -> str:
        return site_href(address, view, **{**kept, **changed})

    rows: list[h.Child] = [
        segmented(
            t("site.period"),
            [
                Choice(text=t("site.days", count=n.count(days)), href=href(days=days),
                       chosen=days == view.days)
                for days in PERIODS
            ],
        ),
        segmented(
            t("site.window"),
            [
                Choice(text=t("site.all"), href=href(width=None), chosen=view.width is None),
                *(
                    Choice(text=t(f"site.width.{width}"), href=href(width=width),
                           chosen=view.width == width)
                    for width in WIDTHS
                ),
            ],
        ),
    ]  # fmt: skip
    for name, values, words in (
        ("country", audiences.countries, country_name),
        ("language", audiences.languages, language_name),
    ):
        if len(values) > 1:
            chosen = getattr(view, name)
            rows.append(
                pills(
                    t(f"site.{name}"),
                    [
                        Choice(text=f"{t(f'site.{name}')}: {t('site.all')}",
                               href=href(**{name: None}), chosen=chosen is None),
                        *(
                            Choice(text=words(context.language, value),
                                   href=href(**{name: value}), chosen=chosen == value)
                            for value in values[:8]
                        ),
                    ],
                )
            )  # fmt: skip
    which = (
        pills(
            t("site.which"),
            [
                Choice(text=site.label, href=href(source=site.source),
                       chosen=site.source == source)
                for site in sites
            ],
        )
        if len(sites) > 1
        else None
    )  # fmt: skip
    narrowed = view.country is not None or view.language is not None
    note = h.p({"class": "note"}, t("site.known_only")) if narrowed else None
    return h.fragment(which, h.div({"class": "row"}, rows), note)


def part_links(context: PageContext, view: SiteView, chosen: str) -> h.Markup:
    """Overview, searches, never used."""
    return segmented(
        context.t("site.parts"),
        [
            Choice(text=context.t(f"site.{name}"), href=site_href(path, view),
                   chosen=name == chosen)
            for name, path in PARTS
        ],
    )  # fmt: skip


def visit_href(profile_id: str, began: str, last: str) -> str:
    """One visit of one customer, put together again."""
    query = urlencode([("from", began), ("to", last)])
    return f"/customers/{quote(profile_id)}/visit?{query}"

"""How the company's web sites are used: the answers that pages, API and commands show."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from rapport.errors import InvalidInput, NotFound
from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.site.browsing import WIDTHS, SiteScope, Width, browse
from rapport.understand.site.elements import ClickMap, Trouble, click_map, troubles, widths_of
from rapport.understand.site.interests import Interest, interests
from rapport.understand.site.pages import PageFigures, page_figures
from rapport.understand.site.scrolling import ScrollReach, scroll_reach
from rapport.understand.site.searches import SearchTerm, search_terms
from rapport.understand.site.sites import Audiences, SiteSeen, audiences, sites_seen
from rapport.understand.site.totals import SiteTotals, site_totals
from rapport.understand.site.unused import YEAR, Unused, unused
from rapport.understand.site.usefulness import Usefulness, usefulness
from rapport.understand.site.visits import PageVisit, page_visits
from rapport.workflows.company import Company
from rapport.workflows.customer_names import names_of
from rapport.workflows.customer_timeline import source_labels
from rapport.workflows.journeys import period_end
from rapport.workflows.known import known
from rapport.workflows.remembered import data_version, remembered
from rapport.workflows.site_lists import known_of

PERIODS = (30, 90, 180)


class SiteView(Struct, frozen=True, kw_only=True):
    """What an address asks for; `source` None is the site with most page views."""

    source: str | None = None
    days: int = 90
    width: Width | None = None
    country: str | None = None
    language: str | None = None


class Site(Struct, frozen=True, kw_only=True):
    """A site: a source with page views, and where it stands."""

    source: str
    label: str
    origins: tuple[str, ...]


class SiteReport(Struct, frozen=True, kw_only=True):
    """A whole site.

    Attributes
    ----------
    before : SiteTotals
        Of the period of the same length just before.
    too_few : bool
        The visitors that are asked for, of a width, country or language, are fewer than five: then
        nothing else is told of them.
    """

    scope: SiteScope
    totals: SiteTotals
    before: SiteTotals
    pages: tuple[PageFigures, ...]
    troubles: tuple[Trouble, ...]
    usefulness: tuple[Usefulness, ...]
    searches: tuple[SearchTerm, ...]
    categories: tuple[Interest, ...]
    products: tuple[Interest, ...]
    unused: tuple[Unused, ...]
    too_few: bool = False


class PageReport(Struct, frozen=True, kw_only=True):
    """One page.

    Attributes
    ----------
    clicks : ClickMap
        Of windows of one `width`: positions of different widths make no picture.
    widths : dict of str to int
        Visitors by the width of their window, the most first; None: fewer than five.
    scroll : ScrollReach or None
        None where the page's visitors are fewer than five.
    usefulness : Usefulness or None
        None with too few measured visits.
    """

    scope: SiteScope
    figures: PageFigures
    clicks: ClickMap
    width: Width | None
    widths: dict[Width, int | None]
    scroll: ScrollReach | None
    usefulness: Usefulness | None
    visits: tuple[PageVisit, ...]
    names: dict[str, str]


def sites(company: Company) -> tuple[Site, ...]:
    """Every site of the last year, that with most page views first."""
    since = period_end(company) - YEAR
    seen = remembered(
        company, data_version(company), ["sites", since],
        lambda: sites_seen(company.lake, since=since),
    )  # fmt: skip
    with company.ledger.read() as connection:
        labels = source_labels(connection)
    found: dict[str, list[SiteSeen]] = {}
    for each in seen:
        found.setdefault(each.source, []).append(each)
    return tuple(
        Site(
            source=source,
            label=labels.get(source, source),
            origins=tuple(each.origin for each in places if each.origin is not None),
        )
        for source, places in sorted(
            found.items(), key=lambda item: -sum(each.views for each in item[1])
        )
    )


def site_audiences(company: Company) -> Audiences:
    """The countries and languages that visitors can be narrowed to."""
    return remembered(
        company, data_version(company), ["site audiences"], lambda: audiences(company.seen)
    )


def find_site(company: Company, source: str | None) -> Site:
    """The site of a source, or the largest.

    Raises
    ------
    NotFound
        If no page view ever came from it.
    """
    found = sites(company)
    for site in found:
        if source in (None, site.source):
            return site
    raise NotFound(
        f"No page of a site {source!r} was viewed in the last year; "
        f"sites are: {', '.join(site.source for site in found) or 'none yet'}"
        if source is not None
        else "No page of a web site was viewed in the last year; connect one under Sources"
    )


def scope_of(company: Company, view: SiteView) -> SiteScope:
    """The view as a question.

    Raises
    ------
    InvalidInput
        If it asks for a period or width that there is not.
    NotFound
        If there is no such site.
    """
    if view.days not in PERIODS:
        raise InvalidInput(
            f"Sites are shown of {', '.join(map(str, PERIODS))} days, not {view.days}"
        )
    if view.width is not None and view.width not in WIDTHS:
        raise InvalidInput(f"A window is of {', '.join(WIDTHS)} width, not {view.width!r}")
    until = period_end(company)
    return SiteScope(
        source=find_site(company, view.source).source,
        start=until - timedelta(days=view.days),
        until=until,
        width=view.width,
        country=view.country,
        language=view.language,
    )


def site_report(company: Company, view: SiteView) -> SiteReport:
    """All figures of a site."""
    version = data_version(company)
    scope = scope_of(company, view)
    listed = known_of(company, scope.source)

    def made() -> SiteReport:
        lake = company.seen
        left_out = known(company, version, orders=False).left_out
        browsed = browse(lake, scope, left_out=left_out)
        before = browse(lake, scope.before, left_out=left_out)
        totals = site_totals(lake, browsed)
        narrowed = (scope.width, scope.country, scope.language) != (None, None, None)
        if narrowed and totals.visitors is None:
            return _of_too_few(scope)
        return SiteReport(
            scope=scope,
            totals=totals,
            before=site_totals(lake, before),
            pages=page_figures(lake, browsed),
            troubles=troubles(lake, browsed),
            usefulness=usefulness(lake, browsed),
            searches=search_terms(lake, browsed),
            categories=interests(lake, browsed, before, "category"),
            products=interests(lake, browsed, before, "product"),
            unused=unused(lake, browsed, listed),
        )

    return remembered(company, version, ["site", scope, listed], made)


def _of_too_few(scope: SiteScope) -> SiteReport:
    nothing = SiteTotals(visits=None, visitors=None, views=0, measured=0, rage=0, dead=0)
    return SiteReport(
        scope=scope, totals=nothing, before=nothing, pages=(), troubles=(), usefulness=(),
        searches=(), categories=(), products=(), unused=(), too_few=True,
    )  # fmt: skip


def page_report(company: Company, view: SiteView, path: str) -> PageReport:
    """All figures of one page; clicks are of the commonest width unless the view names one.

    Raises
    ------
    NotFound
        If nobody looked at it in the period, or the visitors asked for are fewer than five.
    """
    version = data_version(company)
    scope = scope_of(company, view)
    report = site_report(company, view)
    if report.too_few:
        raise NotFound(
            f"Fewer than {SMALLEST_GROUP} such visitors came in the last {view.days} days: what "
            "they did would tell of persons. Choose a longer period, or all visitors"
        )
    figures = next((page for page in report.pages if page.path == path), None)
    if figures is None:
        raise NotFound(f"Nobody of these visitors looked at {path} in the last {view.days} days")

    def made() -> PageReport:
        lake = company.seen
        left_out = known(company, version, orders=False).left_out
        browsed = browse(lake, scope, left_out=left_out)
        widths = widths_of(lake, browsed, path)
        width = view.width or next(iter(widths), None)
        clicked = browsed
        if width != scope.width:
            clicked = browse(lake, replace(scope, width=width), left_out=left_out)
        visits = page_visits(lake, browsed, path)
        return PageReport(
            scope=scope,
            figures=figures,
            clicks=click_map(lake, clicked, path),
            width=width,
            widths=widths,
            scroll=None if figures.visitors is None else scroll_reach(lake, browsed, path),
            usefulness=next((each for each in report.usefulness if each.path == path), None),
            visits=visits,
            names=_names(company, {visit.visitor for visit in visits}),
        )

    return remembered(company, version, ["site page", scope, path], made)


def map_clicks(
    company: Company, source: str, path: str, *, start: datetime, until: datetime, width: Width
) -> ClickMap:
    """The clicks on one page in windows of one width, as a map on the page itself draws them."""
    scope = SiteScope(source=source, start=start, until=until, width=width)
    version = data_version(company)
    lake = company.seen

    def made() -> ClickMap:
        left_out = known(company, version, orders=False).left_out
        return click_map(lake, browse(lake, scope, left_out=left_out), path)

    return remembered(company, version, ["site map", scope, path], made)


def _names(company: Company, visitors: set[str]) -> dict[str, str]:
    """Names of the visitors who are known."""
    with company.ledger.read() as connection:
        found = names_of(connection, visitors)
    return {profile_id: name for profile_id, name in found.items() if name is not None}

"""Web sites: how they are used, page by page, and what nobody uses."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, get, put
from litestar.di import NamedDependency, Provide
from litestar.params import Body, FromQuery
from msgspec import Struct

from rapport.understand.site.browsing import Width
from rapport.understand.site.pages import PageFigures
from rapport.understand.site.searches import SearchTerm
from rapport.understand.site.unused import Unused
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.site import (
    PageReport,
    Site,
    SiteReport,
    SiteView,
    find_site,
    page_report,
    site_report,
    sites,
)
from rapport.workflows.site_lists import SiteList, save_site_list, site_list

_READ = {"permission": "dashboard.read"}
_PEOPLE = {"permission": "customers.read"}
_WRITE = {"permission": "segments.write"}

Choice = FromQuery[str | None]


def _view(
    source: Choice = None,
    days: FromQuery[int] = 90,
    width: FromQuery[Width | None] = None,
    country: Choice = None,
    language: Choice = None,
) -> SiteView:
    return SiteView(source=source, days=days, width=width, country=country, language=language)


_VIEW = {"view": Provide(_view, sync_to_thread=False)}


class SiteListDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What there is on a site: a site map's XML, or pages and features one a line."""

    source: str
    content: str


@get("/api/v1/site", sync_to_thread=True, opt=_READ, tags=["site"])
def list_sites(company: NamedDependency[Company]) -> tuple[Site, ...]:
    """Every site with page views in the last year."""
    return sites(company)


@get("/api/v1/site/report", sync_to_thread=True, dependencies=_VIEW, opt=_READ, tags=["site"])
def read_site_report(
    company: NamedDependency[Company],
    view: NamedDependency[SiteView],
) -> SiteReport:
    """All figures of a site."""
    return site_report(company, view)


@get("/api/v1/site/pages", sync_to_thread=True, dependencies=_VIEW, opt=_READ, tags=["site"])
def read_site_pages(
    company: NamedDependency[Company],
    view: NamedDependency[SiteView],
) -> tuple[PageFigures, ...]:
    """Every page that was seen, that with most visitors first."""
    return site_report(company, view).pages


@get("/api/v1/site/page", sync_to_thread=True, dependencies=_VIEW, opt=_PEOPLE, tags=["site"])
def read_site_page(
    company: NamedDependency[Company],
    path: FromQuery[str],
    view: NamedDependency[SiteView],
) -> PageReport:
    """All figures of one page: its clicks by element and place, scrolling, and visits."""
    return page_report(company, view, path)


@get("/api/v1/site/searches", sync_to_thread=True, dependencies=_VIEW, opt=_READ, tags=["site"])
def read_site_searches(
    company: NamedDependency[Company],
    view: NamedDependency[SiteView],
) -> tuple[SearchTerm, ...]:
    """What visitors search; those that found nothing most often first."""
    return site_report(company, view).searches


@get("/api/v1/site/unused", sync_to_thread=True, dependencies=_VIEW, opt=_READ, tags=["site"])
def read_site_unused(
    company: NamedDependency[Company],
    view: NamedDependency[SiteView],
) -> tuple[Unused, ...]:
    """Pages and features that nobody used."""
    return site_report(company, view).unused


@get("/api/v1/site/list", sync_to_thread=True, opt=_READ, tags=["site"])
def read_site_list(company: NamedDependency[Company], source: Choice = None) -> SiteList:
    """What the company says there is on a site."""
    return site_list(company, find_site(company, source).source)


@put("/api/v1/site/list", sync_to_thread=True, opt=_WRITE, tags=["site"])
def change_site_list(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    data: Annotated[SiteListDraft, Body()],
) -> SiteList:
    """Keep a list in place of the one before."""
    user: User = request.user
    source = find_site(company, data.source).source
    return save_site_list(company, source, data.content, author=user.email)


routes = (
    list_sites,
    read_site_report,
    read_site_pages,
    read_site_page,
    read_site_searches,
    read_site_unused,
    read_site_list,
    change_site_list,
)

"""How a web site is used: what fails, what interests, and what nobody uses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromQuery
from litestar.response import Redirect

from rapport.errors import InvalidInput, NotFound, PayloadTooLarge
from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.site.browsing import Width
from rapport.web import html as h
from rapport.web.pages.site.named import (
    PARTS,
    choice_rows,
    page_href,
    part_links,
    read_view,
    site_href,
    visitor_count,
)
from rapport.web.pages.site.one_page import (
    element_card,
    facts_card,
    map_card,
    scroll_card,
    visits_card,
)
from rapport.web.pages.site.overview import (
    glance,
    interest_cards,
    pages_card,
    trouble_card,
    useless_card,
)
from rapport.web.pages.site.searches import search_card
from rapport.web.pages.site.unused import list_card, unused_card
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.site import (
    SiteReport,
    SiteView,
    find_site,
    page_report,
    scope_of,
    site_audiences,
    site_report,
    sites,
)
from rapport.workflows.site_lists import save_site_list, site_list
from rapport.workflows.site_map import map_links
from rapport.workflows.site_pictures import (
    LARGEST,
    find_picture,
    forget_picture,
    keep_picture,
    picture_bytes,
)

_READ = {"permission": "dashboard.read"}
_WRITE = {"permission": "segments.write"}
_FORM_BYTES = 100_000
_AnyRequest = Request[Any, Any, Any]
Fields = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/site", sync_to_thread=True, opt=_READ, include_in_schema=False)
def site_page(request: _AnyRequest, company: NamedDependency[Company]) -> Response[Any]:
    """A site at a glance."""
    context, view = context_of(request), read_view(request.query_params)

    def body(report: SiteReport) -> list[h.Child]:
        return [
            glance(context, view, report),
            trouble_card(context, view, report),
            useless_card(context, view, report),
            interest_cards(context, report),
            pages_card(context, view, report),
        ]

    return _shown(context, company, view, "overview", body)


@get("/site/searches", sync_to_thread=True, opt=_READ, include_in_schema=False)
def searches_page(request: _AnyRequest, company: NamedDependency[Company]) -> Response[Any]:
    """What visitors search."""
    context, view = context_of(request), read_view(request.query_params)
    return _shown(context, company, view, "searches", lambda report: [search_card(context, report)])


@get("/site/unused", sync_to_thread=True, opt=_READ, include_in_schema=False)
def unused_page(request: _AnyRequest, company: NamedDependency[Company]) -> Response[Any]:
    """What nobody uses."""
    context, view = context_of(request), read_view(request.query_params)
    return _unused(request, context, company, view)


def _unused(
    request: _AnyRequest,
    context: PageContext,
    company: Company,
    view: SiteView,
    *,
    error: str | None = None,
    typed: str | None = None,
) -> Response[Any]:
    def body(report: SiteReport) -> list[h.Child]:
        cards: list[h.Child] = [unused_card(context, view, report)]
        if request.user.may("segments.write"):
            source = report.scope.source
            listed = site_list(company, source)
            cards.append(list_card(context, source, listed, error=error, typed=typed))
        return cards

    return _shown(context, company, view, "unused", body, status_code=400 if error else 200)


@post("/site/unused/list", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def list_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Fields
) -> Response[Any]:
    """Keep a list of pages and features."""
    view = SiteView(source=find_site(company, str(data.get("source") or "")).source)
    content = str(data.get("content", ""))
    try:
        save_site_list(company, view.source or "", content, author=request.user.email)
    except InvalidInput as mistake:
        return _unused(
            request, context_of(request), company, view, error=mistake.message, typed=content
        )
    return Redirect(site_href("/site/unused", view), status_code=303)


def _shown(
    context: PageContext,
    company: Company,
    view: SiteView,
    part: str,
    body: Any,
    *,
    status_code: int = 200,
) -> Response[Any]:
    t, n = context.t, context.n
    title = t("site.title")
    found = sites(company)
    if not found:
        empty = empty_state(t("site.none"), t("site.none_detail"), icon_name="globe")
        return html_response(page(context, title, card(empty)))
    report = site_report(company, view)
    choices = choice_rows(
        context, view, dict(PARTS)[part], sites=found,
        source=report.scope.source, audiences=site_audiences(company),
    )  # fmt: skip
    cards: list[h.Child] = body(report)
    if report.too_few:
        few = t("site.too_few", count=n.count(SMALLEST_GROUP))
        cards = [card(empty_state(few, t("site.quiet_detail"), icon_name="globe"), span="span-12")]
    elif not report.totals.views and part != "unused":
        cards = [
            card(
                empty_state(t("site.quiet"), t("site.quiet_detail"), icon_name="globe"),
                span="span-12",
            )
        ]
    subtitle = t(
        "site.subtitle",
        visits=visitor_count(context, report.totals.visits),
        visitors=visitor_count(context, report.totals.visitors),
        start=n.date(n.local(report.scope.start).date()),
        end=n.date(n.local(report.scope.until).date()),
    )
    return html_response(
        page(
            context,
            title,
            h.div({"class": "stack"}, choices, h.div({"class": "grid"}, cards)),
            subtitle=subtitle,
            tools=part_links(context, view, part),
        ),
        status_code=status_code,
    )


@get("/site/page", sync_to_thread=True, opt=_READ, include_in_schema=False)
def one_page(
    request: _AnyRequest, company: NamedDependency[Company], path: FromQuery[str] = "/"
) -> Response[Any]:
    """One page of the site."""
    context, view = context_of(request), read_view(request.query_params)
    t, n = context.t, context.n
    report = page_report(company, view, path)
    source = report.scope.source
    picture = None
    if report.width is not None:
        picture = find_picture(company, source, path, report.width)
    may_write = request.user.may("segments.write")
    body = [
        choice_rows(
            context, view, "/site/page", sites=(), source=source,
            audiences=site_audiences(company), path=path,
        ),
        h.div(
            {"class": "grid"},
            map_card(
                context, view, report, picture=picture, may_write=may_write,
                links=map_links(company, view, path, language=context.language),
            ),
            element_card(context, report.clicks),
            scroll_card(context, report),
            facts_card(context, report),
            visits_card(context, report) if request.user.may("customers.read") else None,
        ),
    ]  # fmt: skip
    subtitle = t(
        "site.page.subtitle",
        views=n.count(report.figures.views),
        visitors=visitor_count(context, report.figures.visitors),
        start=n.date(n.local(report.scope.start).date()),
        end=n.date(n.local(report.scope.until).date()),
    )
    title = report.figures.title
    return html_response(
        page(
            context,
            f"{title} · {path}" if title else path,
            h.div({"class": "stack"}, body),
            subtitle=subtitle,
            tools=h.a({"class": "button", "href": site_href("/site", view)}, t("site.page.back")),
        )
    )


# ── pictures ───────────────────────────────────────────────────────────────────────────────────


@get("/site/picture", sync_to_thread=True, opt=_READ, include_in_schema=False)
def picture_get(
    company: NamedDependency[Company],
    source: FromQuery[str],
    path: FromQuery[str],
    width: FromQuery[Width],
) -> Response[bytes]:
    """A picture of a page, as an image and nothing else."""
    picture = find_picture(company, source, path, width)
    if picture is None:
        raise NotFound("This page has no picture of that width")
    return Response(
        picture_bytes(company, picture),
        media_type=picture.media_type,
        headers={
            "Cache-Control": "private, max-age=86400",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


@post(
    "/site/picture",
    opt=_WRITE,
    include_in_schema=False,
    request_max_body_size=LARGEST + _FORM_BYTES,
)
async def picture_post(request: _AnyRequest, company: NamedDependency[Company]) -> Response[Any]:
    """Keep a picture of a page."""
    sent = await request.form()
    file = sent.get("picture")
    if not isinstance(file, UploadFile) or not file.filename:
        raise InvalidInput("Choose a picture first")
    content = await file.read()
    if len(content) > LARGEST:
        raise PayloadTooLarge(f"A picture has {LARGEST // 1_000_000} MB at most")
    return await asyncio.to_thread(
        _kept, company, {str(k): v for k, v in sent.items()}, content, request.user.email
    )


def _kept(company: Company, sent: Mapping[str, Any], content: bytes, author: str) -> Response[Any]:
    view = read_view({name: str(sent.get(name, "")) for name in ("source", "days", "width")})
    path = str(sent.get("path", ""))
    scope = scope_of(company, view)
    if scope.width is None:
        raise InvalidInput("Say in which width of window the picture was taken")
    keep_picture(company, scope.source, path, scope.width, content, author=author)
    return Redirect(page_href(view, path) + "#map", status_code=303)


@post("/site/picture/forget", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def picture_forget(
    request: _AnyRequest, company: NamedDependency[Company], path: FromQuery[str]
) -> Response[Any]:
    """Delete a picture of a page."""
    view = read_view(request.query_params)
    scope = scope_of(company, view)
    if scope.width is None:
        raise InvalidInput("Say of which width of window the picture is")
    forget_picture(company, scope.source, path, scope.width, author=request.user.email)
    return Redirect(page_href(view, path) + "#map", status_code=303)


routes = (
    site_page,
    searches_page,
    unused_page,
    list_post,
    one_page,
    picture_get,
    picture_post,
    picture_forget,
)

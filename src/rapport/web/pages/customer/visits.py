"""One visit to a web site, page by page: on the timeline, and as a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from rapport.errors import NotFound
from rapport.web import html as h
from rapport.web.pages.site.named import element_name, visit_href
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.htmx import load
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.customer_timeline import TimelineLine
from rapport.workflows.site_visits import Deed, PageOfVisit, visit_pages

_PAGES = "visit-pages"


def visit_fold(context: PageContext, profile_id: str, line: TimelineLine) -> h.Markup | None:
    """A fold of the timeline that reads the visit when it is opened."""
    if line.visit is None or line.channel != "web":
        return None
    began, last = line.visit.began_at.isoformat(), line.occurred_at.isoformat()
    href = visit_href(profile_id, began, last)
    return h.details(
        {"class": "visit-fold"},
        h.summary(context.t("site.visit.show")),
        h.div(
            load(
                href,
                target="this",
                swap="innerHTML",
                trigger="toggle once from:closest details",
                select=f".{_PAGES}",
            ),
            h.a({"href": href}, context.t("site.visit.show")),
        ),
    )


def visit_list(context: PageContext, pages: Sequence[PageOfVisit]) -> h.Markup:
    """The pages of a visit in order, each with what was done on it."""
    t = context.t
    if not pages:
        return h.p({"class": [_PAGES, "muted"]}, t("site.visit.empty"))
    return h.ol({"class": _PAGES}, (_look(context, each) for each in pages))


def _look(context: PageContext, look: PageOfVisit) -> h.Markup:
    t, n = context.t, context.n
    said = []
    if look.seconds is not None:
        said.append(t("site.visit.seconds", value=n.decimal(look.seconds, digits=0)))
    if look.scrolled is not None:
        said.append(t("site.visit.scrolled", share=n.share(look.scrolled, digits=0)))
    return h.li(
        h.div(
            h.b(h.bdi(look.title or look.path or t("site.visit.no_page"))),
            h.fragment(" ", h.small({"class": "muted"}, h.bdi(look.path)))
            if look.title and look.path
            else None,
        ),
        h.small({"class": "muted"}, " · ".join([n.time(look.at), *said])),
        h.ul(_deed(context, deed) for deed in look.deeds) if look.deeds else None,
    )


def _deed(context: PageContext, deed: Deed) -> h.Markup:
    t, n = context.t, context.n
    what = deed.what
    if what is not None and deed.kind in ("click", "rage", "dead"):
        what = element_name(what)
    if what is None and deed.kind == "search":
        text = t("site.visit.search_hidden")
    else:
        text = t(f"site.visit.{deed.kind}", what=what or t("site.visit.unnamed"))
    if deed.kind == "search" and deed.results == 0:
        text = f"{text}, {t('site.visit.lost')}"
    if deed.times > 1:
        text = t("site.times", name=text, count=n.count(deed.times))
    bad = deed.kind in ("rage", "dead")
    shown: h.Child = chip(h.bdi(text), tone="bad", icon_name="mouse-pointer-click") if bad else text
    return h.li(h.bdi(shown))


@get(
    "/customers/{profile_id:str}/visit",
    sync_to_thread=True,
    opt={"permission": "customers.read"},
    include_in_schema=False,
)
def visit_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    began: Annotated[datetime | None, QueryParameter(name="from")] = None,
    last: Annotated[datetime | None, QueryParameter(name="to")] = None,
) -> Response[str]:
    """One visit to a web site, page by page; the timeline takes its list out of it."""
    if began is None or last is None:
        raise NotFound("A visit is named by its beginning and its end; open it from a timeline")
    context = context_of(request)
    pages = visit_pages(company, profile_id, began=began, last=last)
    title = context.t("site.visit.title", when=context.n.date_time(began))
    back = button(
        context.t("customer.timeline.title"), href=f"/customers/{quote(profile_id)}#timeline"
    )
    return html_response(
        page(
            context, title, card(visit_list(context, pages)), tools=back,
            subtitle=context.t("site.visit.subtitle", count=len(pages)),
        )
    )  # fmt: skip

"""One visit of one user: from a request to the context that every page is given."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.response import Redirect

from rapport.errors import NotSignedIn, RapportError
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages import NAVIGATION
from rapport.web.parts.context import NavEntry, NavGroup, PageContext
from rapport.web.parts.context import User as ShownUser
from rapport.web.parts.frame import bare_page
from rapport.web.words import LANGUAGES, t
from rapport.workflows.company import Company
from rapport.workflows.users import Session

SESSION_COOKIE = "rapport_session"
LANGUAGE_COOKIE = "rapport_language"
THEME_COOKIE = "rapport_theme"


def html_response(content: h.Markup, *, status_code: int = 200) -> Response[str]:
    """A page or fragment as an answer that no cache keeps: it holds personal data."""
    return Response(
        str(content),
        status_code=status_code,
        media_type="text/html",
        headers={"Cache-Control": "no-store", "Vary": "HX-Request, Cookie"},
    )


def language_of(request: Request[Any, Any, Any]) -> str:
    """The user's language, else the cookie's, else the browser's first that we speak."""
    user: User | None = request.scope.get("user")
    asked = [user.language] if user else []
    asked.append(request.cookies.get(LANGUAGE_COOKIE, ""))
    asked += [
        part.split(";")[0].strip()[:2].lower()
        for part in request.headers.get("accept-language", "").split(",")
    ]
    return next((language for language in asked if language in LANGUAGES), "en")


def context_of(request: Request[Any, Any, Any]) -> PageContext:
    """Everything a page knows about the visit."""
    user: User | None = request.scope.get("user")
    session: Session | None = request.scope.get("auth")
    language = language_of(request)
    theme = user.theme if user else request.cookies.get(THEME_COOKIE, "auto")
    shown = None
    nav: tuple[NavGroup, ...] = ()
    currency = "EUR"
    if user is not None:
        company: Company = request.app.state.company
        shown = ShownUser(name=user.name, role=t(language, f"pages.role.{user.role}"))
        nav = _navigation(user, language, company)
        currency = company.choice("reporting_currency") or "EUR"
    return PageContext(
        language=language,
        theme="light" if theme == "light" else "dark" if theme == "dark" else "system",
        user=shown,
        path=request.url.path,
        query=request.url.query,
        csrf_token=session.csrf_token if session else "",
        nav=nav,
        time_zone=user.time_zone if user else "Europe/Brussels",
        currency=currency,
    )


def _navigation(user: User, language: str, company: Company) -> tuple[NavGroup, ...]:
    groups = []
    for group, entries in NAVIGATION:
        shown = tuple(
            NavEntry(
                label=t(language, f"frame.nav.{entry.name}"),
                href=entry.href,
                icon=entry.icon,
                count=entry.waiting(company) if entry.waiting else None,
            )
            for entry in entries
            if user.may(entry.permission)
        )
        if shown:
            groups.append(NavGroup(label=t(language, f"frame.nav.{group}"), entries=shown))
    return tuple(groups)


def error_page(request: Request[Any, Any, Any], error: RapportError) -> Response[Any]:
    """What a person sees when something failed: what, and what to do."""
    if isinstance(error, NotSignedIn) and request.method == "GET":
        if request.headers.get("hx-request"):
            # A fragment cannot become the sign-in page: htmx loads it whole.
            return Response("", status_code=401, headers={"HX-Redirect": "/sign-in"})
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Redirect("/sign-in", query_params={"next": back}, status_code=303)
    language = language_of(request)
    message = h.p({"class": "muted"}, error.message)
    if request.headers.get("hx-request"):
        return html_response(
            h.div(
                {"class": "state", "role": "alert"},
                h.strong(t(language, "pages.error.title")),
                message,
            ),
            status_code=error.http_status,
        )
    context = PageContext(language=language, path=request.url.path)
    return html_response(
        bare_page(
            context,
            t(language, "pages.error.title"),
            message,
            h.a({"class": "button", "href": "/"}, t(language, "pages.error.home")),
        ),
        status_code=error.http_status,
    )

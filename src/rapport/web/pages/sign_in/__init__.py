"""Signing in and out, and the preferences of a visitor."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromQuery
from litestar.response import Redirect
from msgspec import Struct

from rapport.errors import NotSignedIn, Overloaded
from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import bare_page
from rapport.web.visit import (
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    THEME_COOKIE,
    context_of,
    html_response,
)
from rapport.workflows.company import Company
from rapport.workflows.users import (
    LANGUAGES,
    SESSION_HOURS,
    THEMES,
    set_preferences,
    sign_in,
    sign_out,
)

_YEAR = 365 * 24 * 3600


class Credentials(Struct, frozen=True, kw_only=True):
    """What the sign-in form sends."""

    email: str = ""
    password: str = ""
    next: str = "/"


class Preferences(Struct, frozen=True, kw_only=True, rename={"csrf_token": "_csrf_token"}):
    """What the language and theme menus send."""

    language: str | None = None
    theme: str | None = None
    back: str = "/"
    csrf_token: str = ""


def _inside(path: str) -> str:
    """A path of ours: an address of another site never follows a sign-in."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _form(
    context: PageContext, next_: str, *, email: str = "", error: str | None = None
) -> h.Markup:
    return bare_page(
        context,
        context.t("pages.sign_in.title"),
        h.div({"class": "callout bad", "role": "alert"}, error) if error else None,
        form(
            context,
            h.input({"type": "hidden", "name": "next", "value": next_}),
            field(
                context.t("pages.sign_in.email"),
                "email",
                type="email",
                value=email,
                required=True,
                autocomplete="username",
            ),
            field(
                context.t("pages.sign_in.password"),
                "password",
                type="password",
                required=True,
                autocomplete="current-password",
            ),
            button(context.t("pages.sign_in.submit"), kind="primary"),
            action="/sign-in",
        ),
    )


@get("/sign-in", sync_to_thread=True, opt={"permission": "public"}, include_in_schema=False)
def sign_in_page(request: Request[Any, Any, Any], next: FromQuery[str] = "/") -> Response[Any]:
    """The form, or onward for whoever is signed in already."""
    if request.scope.get("user") is not None:
        return Redirect(_inside(next), status_code=303)
    return html_response(_form(context_of(request), _inside(next)))


@post("/sign-in", sync_to_thread=True, opt={"permission": "public"}, include_in_schema=False)
def sign_in_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    data: Annotated[Credentials, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Open a session."""
    context = context_of(request)
    try:
        token = sign_in(company, email=data.email, password=data.password)
    except NotSignedIn:
        answer_form = _form(
            context, _inside(data.next), email=data.email, error=context.t("pages.sign_in.wrong")
        )
        return html_response(answer_form, status_code=401)
    except Overloaded as wait:
        error = context.t("pages.sign_in.wait", seconds=wait.retry_after_seconds)
        answer_form = _form(context, _inside(data.next), email=data.email, error=error)
        return html_response(answer_form, status_code=429)
    answer = Redirect(_inside(data.next), status_code=303)
    answer.set_cookie(_cookie(company, SESSION_COOKIE, token, SESSION_HOURS * 3600))
    return answer


@post("/sign-out", sync_to_thread=True, opt={"permission": "public"}, include_in_schema=False)
def sign_out_post(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[Any]:
    """End the session."""
    sign_out(company, request.cookies.get(SESSION_COOKIE))
    answer = Redirect("/sign-in", status_code=303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@post("/preferences", sync_to_thread=True, opt={"permission": "public"}, include_in_schema=False)
def preferences_post(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    data: Annotated[Preferences, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Remember language or theme, with the user or, before signing in, in the browser."""
    answer = Redirect(_inside(data.back), status_code=303)
    # Only what we offer: anything else would come back as a cookie that somebody made up.
    language = data.language if data.language in LANGUAGES else None
    theme = "auto" if data.theme == "system" else data.theme
    theme = theme if theme in THEMES else None
    user = request.scope.get("user")
    if user is not None:
        set_preferences(company, user.user_id, language=language, theme=theme)
    for name, value in ((LANGUAGE_COOKIE, language), (THEME_COOKIE, theme)):
        if value:
            answer.set_cookie(_cookie(company, name, value, _YEAR))
    return answer


def _cookie(company: NamedDependency[Company], name: str, value: str, max_age: int) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        max_age=max_age,
        httponly=True,
        samesite="lax",
        secure=company.settings.public_url.startswith("https://"),
    )


routes = (sign_in_page, sign_in_post, sign_out_post, preferences_post)

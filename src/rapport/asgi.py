"""The one ASGI application: pages, JSON API and collector, behind one set of rules.

Every route states in ``opt["permission"]`` what it needs: a permission of `vocabulary.access`,
``"signed_in"`` or ``"public"``. A route that states nothing is refused to everybody.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar, Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import (
    AbstractAuthenticationMiddleware,
    ASGIMiddleware,
    AuthenticationResult,
)
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from rapport import __version__
from rapport.api import api_routes
from rapport.api.collector import Bodies, CollectorDoor, collector_routes
from rapport.api.errors import error_answer
from rapport.api.protocols import protocol_routes
from rapport.collect.group_commit import GroupCommit
from rapport.collect.intake import Intake
from rapport.collect.sources import WriteKeys
from rapport.errors import (
    InternalError,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    RapportError,
    where_it_failed,
)
from rapport.settings import read_settings
from rapport.vocabulary.access import PERMISSIONS, User
from rapport.web.assets import COMPRESSION, assets
from rapport.web.pages import page_routes
from rapport.web.parts.context import CSRF_FIELD, CSRF_HEADER
from rapport.web.parts.frame import CONTENT_SECURITY_POLICY
from rapport.web.tracker import tracker_script
from rapport.web.tracker.click_map import read_click_map
from rapport.web.visit import SESSION_COOKIE, error_page
from rapport.workflows.company import Company, open_company
from rapport.workflows.users import Session, session_of, user_of_api_token

log = logging.getLogger("rapport")

_SAFE_METHODS = {HttpMethod.GET, HttpMethod.HEAD, HttpMethod.OPTIONS}
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class WhoAsks(AbstractAuthenticationMiddleware):
    """Finds the user by session cookie or by API token."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Any:
        company: Company = connection.app.state.company
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return AuthenticationResult(user=user_of_api_token(company, token), auth=None)
        session = session_of(company, connection.cookies.get(SESSION_COOKIE))
        return AuthenticationResult(user=session.user if session else None, auth=session)


class EngineCrash(Exception):
    """A library's own crash, as an exception that is answered like any other."""


class CrashesAreErrors(ASGIMiddleware):
    """Answers the crash of a library as an error of ours.

    Rust's panics, such as of the lake's tables, come as `BaseException`, which nobody catches: the
    visitor would see the server's bare line in place of a page with a reference.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        try:
            await next_app(scope, receive, send)
        except (Exception, asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as crash:
            raise EngineCrash from crash


def permission_guard(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Refuse whoever lacks what the route needs."""
    needed = handler.opt.get("permission")
    if needed == "public":
        return
    user: User | None = connection.scope.get("user")
    if user is None:
        raise NotSignedIn("Sign in first, or send an API token as `Authorization: Bearer …`")
    if needed != "signed_in" and not (needed and user.may(needed)):
        what = PERMISSIONS.get(needed or "", "do this")
        raise NotAllowed(f"Your role, {user.role}, may not {what} ({needed}); ask an administrator")


async def before_each(request: Request[Any, Any, Any]) -> None:
    """What holds for every request before its handler sees it."""
    if b"%00" in request.scope["query_string"]:  # no text of ours has one, and PostgreSQL no room
        raise InvalidInput("The address holds a NUL character")
    await refuse_forgery(request)


async def refuse_forgery(request: Request[Any, Any, Any]) -> None:
    """A write by a browser's session must carry the session's own token."""
    if request.method in _SAFE_METHODS or request.route_handler.opt.get("cross_origin"):
        return
    origin = request.headers.get("origin")
    if origin and origin != "null" and _host_of(origin) != request.headers.get("host"):
        raise NotAllowed("This write came from a page of another site")
    session: Session | None = request.scope.get("auth")
    if session is None:
        return
    given = request.headers.get(CSRF_HEADER)
    if given is None and "form" in request.headers.get("content-type", ""):
        given = (await request.form()).get(CSRF_FIELD)
    # As bytes: for text beyond ASCII the comparison raises instead of saying no.
    if not secrets.compare_digest(_as_bytes(given), session.csrf_token.encode()):
        raise NotAllowed("The page was too old to write from; reload it and try again")
    return


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as "http://[": no browser sends it
        return None


def _as_bytes(given: object) -> bytes:
    return given.encode("utf-8", "replace") if isinstance(given, str) else b""


def _answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    if not isinstance(error, RapportError):
        error = _as_ours(error)
    if request.url.path.startswith(("/api/", "/v1/", "/schema")):
        return error_answer(error)
    return error_page(request, error)


def _as_ours(error: Exception) -> RapportError:
    if isinstance(error, HTTPException) and error.status_code < 500:
        ours: RapportError = (
            NotFound("There is nothing at this address")
            if error.status_code == 404
            else InvalidInput(_what_is_wrong(error))
            if error.status_code == 400
            else NotAllowed(error.detail)
        )
        ours.http_status = error.status_code  # type: ignore[misc]
        return ours
    reference = secrets.token_hex(4)
    log.error("reference %s: %s", reference, where_it_failed(error))
    return InternalError(f"Something went wrong here; reference {reference}", reference=reference)


def _what_is_wrong(error: HTTPException) -> str:
    """Every mistake of a call, by the field that has it."""
    extra = error.extra if isinstance(error.extra, list) else []
    said = [
        f"{each['key']}: {each['message']}" if each.get("key") else str(each["message"])
        for each in extra
        if isinstance(each, dict) and "message" in each
    ]
    if not said:
        return error.detail
    return f"This call cannot be read: {'; '.join(said)}. /schema/openapi.json says what it takes"


def _describe() -> OpenAPIConfig:
    """The API's description at /schema, for whoever may use the API.

    Signed in, because it tells a stranger what is installed here and of no use to them. As JSON
    and YAML only: the viewers that Litestar brings load their scripts from other sites.
    """
    return OpenAPIConfig(
        title="Rapport",
        version=__version__,
        render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"]), YamlRenderPlugin()],
        openapi_router=Router(
            "/schema",
            route_handlers=[],
            guards=[permission_guard],
            middleware=[WhoAsks],
            opt={"permission": "signed_in"},
            include_in_schema=False,
        ),
    )


class Application(Litestar):
    """Litestar; HEAD wherever there is GET; and the collector's calls, quickly.

    Monitors and checkers of links ask by HEAD. Litestar's middleware runs after the method was
    found wanting, so it is answered before.
    """

    collector: ASGIApp | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; HEAD as GET without its body."""
        if (
            self.collector is not None
            and scope["type"] == "http"
            and scope["method"] == HttpMethod.POST
            and scope["path"] in CollectorDoor.PATHS
        ):
            await self.collector(scope, receive, send)
            return
        if scope["type"] == "http" and scope["method"] == HttpMethod.HEAD:
            scope, send = {**scope, "method": HttpMethod.GET.value}, _without_body(send)
        await super().__call__(scope, receive, send)


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return send_head


def create_app(
    opened: AbstractContextManager[Company] | None = None, *, debug: bool = False
) -> Litestar:
    """The application over the company that the settings name, or over ``opened``."""

    @contextmanager
    def from_settings() -> Iterator[Company]:
        with open_company(read_settings()) as company:
            yield company

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        with opened or from_settings() as company, closing(GroupCommit(company.ledger)) as commit:
            app.state.company = company
            # Outside the rules of the other routes: a write key says who sends, nobody signs in.
            intake, bodies = Intake(WriteKeys(company.ledger), commit, company.clock), Bodies()
            app.register(collector_routes(intake, bodies=bodies))
            application.collector = CollectorDoor(intake, bodies)
            app.register(protocol_routes(intake, bodies=bodies))
            yield

    def company(state: State) -> Company:
        found: Company = state.company
        return found

    application = Application(
        route_handlers=[
            Router(
                "/",
                route_handlers=[
                    assets,
                    tracker_script,
                    read_click_map,
                    *page_routes(),
                    *api_routes(),
                ],
                guards=[permission_guard],
                before_request=before_each,
                middleware=[CrashesAreErrors(), WhoAsks],
                dependencies={"company": Provide(company, sync_to_thread=False)},
            ),
        ],
        lifespan=[lifespan],
        openapi_config=_describe(),
        exception_handlers={Exception: _answer_error},
        response_headers=_HEADERS,
        compression_config=COMPRESSION,
        debug=debug,
    )
    return application

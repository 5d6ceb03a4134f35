"""The collector's door: the Segment protocol over HTTP, as the SDKs speak it.

Reads the raw body within limits, hands it to `collect.intake`, and answers. Browsers call it from
other origins, so every answer, errors too, carries the CORS headers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec
from litestar import HttpMethod, Request, Response, Router, get, post, route
from litestar.params import FromPath, QueryParameter
from litestar.status_codes import HTTP_204_NO_CONTENT
from litestar.types import ASGIApp, Receive, Scope, Send

from rapport.collect.intake import Delivery, Intake, require_endpoint, too_large
from rapport.collect.segment import ENDPOINTS, analytics_js_settings, rudder_source_config
from rapport.errors import (
    InternalError,
    InvalidInput,
    Overloaded,
    RapportError,
    TooSlow,
    where_it_failed,
)

log = logging.getLogger(__name__)

SUCCESS = b'{"success":true}'
#: Bytes of bodies that may be held at once; a crowd of large batches is asked to come again.
MOST_BYTES_IN_FLIGHT = 256_000_000
#: Time a body may take to arrive; slower senders would hold their bytes, and our memory, for ever.
LONGEST_READ_SECONDS = 30.0
#: A body above this is read only after its key was looked up. A shorter one costs little, and a
#: sender that is answered while it still sends may lose the answer with the connection.
LARGE_BODY = 100_000

CORS_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    # "*" does not cover Authorization, and old browsers do not know it, so what SDKs send is named
    # too; RudderStack's say by `rsa-…` why they send again. "*" is for what they will send next.
    "Access-Control-Allow-Headers": (
        "authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat, "
        "rsa-retry-attempt, rsa-retry-reason, rsa-recovered, rsa-since-first-attempt, "
        "rsa-since-last-attempt, *"
    ),
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    # analytics.js before 1.75 reads X-RateLimit-Reset, later ones and RudderStack Retry-After.
    "Access-Control-Expose-Headers": "Retry-After, X-RateLimit-Reset",
    "Access-Control-Max-Age": "86400",
    "Vary": "Origin",
}

_SDK_METRICS_LIMIT = 1_000_000  # bytes
_AnyRequest = Request[Any, Any, Any]


def collector_routes(
    intake: Intake,
    *,
    most_bytes_in_flight: int = MOST_BYTES_IN_FLIGHT,
    longest_read_seconds: float = LONGEST_READ_SECONDS,
    bodies: Bodies | None = None,
) -> Router:
    """The routes of the collector.

    Parameters
    ----------
    intake : Intake
        Takes what is posted; the caller closes its group commit after the last request.
    most_bytes_in_flight : int
        Bytes of bodies that all requests together may hold.
    longest_read_seconds : float
        Time that one body may take to arrive.
    bodies : Bodies, optional
        Shared with other routes, so that all of them together stay within the bytes.
    """
    bodies = bodies or Bodies(most_bytes_in_flight, longest_read_seconds)
    door = CollectorDoor(intake, bodies)

    @post(
        ["/v1/{call:str}", "/beacon/v1/{call:str}"],
        name="collector",
        status_code=200,
        request_max_body_size=None,  # limits differ by call and are checked while reading
        tags=["collector"],
        summary="Send events in the Segment format",
    )
    async def collect(call: FromPath[str]) -> ASGIApp:  # noqa: ARG001  # for the description
        return door

    @post("/v1/m", status_code=200, request_max_body_size=None, include_in_schema=False)
    async def sdk_metrics(request: _AnyRequest) -> ASGIApp:
        """analytics.js reports on itself here; we ask it not to, and keep nothing."""

        async def ignore() -> Answer:
            announced_length(request.scope, _SDK_METRICS_LIMIT)
            async with bodies.read(request.receive, _SDK_METRICS_LIMIT):
                return _SUCCESS_ANSWER

        return await answered(ignore)

    @get(
        "/v1/projects/{write_key:str}/settings",
        tags=["collector"],
        summary="Settings that analytics.js loads at start",
    )
    async def settings(request: _AnyRequest, write_key: FromPath[str]) -> ASGIApp:
        async def read() -> Answer:
            await intake.source_of("", write_key)
            url = request.base_url
            host = request.headers.get("host", url.netloc)
            # Behind a proxy that ends TLS we are asked by http, where a page by https may not send.
            stated = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
            scheme = stated if stated in ("http", "https") else url.scheme
            return Answer(analytics_js_settings(write_key, host=host, scheme=scheme), 200)

        return await answered(read)

    @get(
        "/sourceConfig",
        tags=["collector"],
        summary="Settings that the RudderStack SDKs load at start",
    )
    async def source_config(
        request: _AnyRequest,
        key: Annotated[str, QueryParameter(name="writeKey")] = "",
    ) -> ASGIApp:
        async def read() -> Answer:
            source, write_key = await intake.source_of(
                request.headers.get("authorization", ""), key
            )
            body = rudder_source_config(
                source.source_id, source.label, write_key, source.created_at
            )
            return Answer(body, 200)

        return await answered(read)

    @route(
        [
            "/v1/{call:str}",
            "/beacon/v1/{call:str}",
            "/v1/m",
            "/v1/projects/{write_key:str}/settings",
            "/sourceConfig",
        ],
        http_method=HttpMethod.OPTIONS,
        include_in_schema=False,
    )
    async def preflight() -> Response[None]:
        return Response(None, status_code=204, headers=CORS_HEADERS)

    return Router(
        path="/",
        # The preflight first: registered later, Litestar's own answer to OPTIONS stands before it.
        route_handlers=[preflight, collect, sdk_metrics, settings, source_config],
    )


class CollectorDoor:
    """Takes what is posted to a call of the collector: an ASGI application of its own.

    `collector_routes` leads to it, and so may a server before any routing: most of what a short
    request costs is finding its way. ``PATHS`` are the addresses for which that is worth it.
    """

    PATHS = frozenset(f"{prefix}/v1/{call}" for prefix in ("", "/beacon") for call in ENDPOINTS)

    def __init__(self, intake: Intake, bodies: Bodies) -> None:
        self._intake = intake
        self._bodies = bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await answered(lambda: self._take(scope, receive))
        await answer(scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive) -> Answer:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        delivery = Delivery(
            endpoint=require_endpoint(scope["path"].rstrip("/").rpartition("/")[2]),
            body=b"",
            received_at=self._intake.clock(),
            encoding=headers.get(b"content-encoding", ""),
            authorization=headers.get(b"authorization", ""),
            query_key=asked["writeKey"][0] if "writeKey" in asked else "",
            sent_at_header=headers.get(b"sentat", ""),
        )
        if announced_length(scope, delivery.limit) > LARGE_BODY:
            await self._intake.check_key(delivery)
        async with self._bodies.read(receive, delivery.limit) as body:
            await self._intake.take(msgspec.structs.replace(delivery, body=body))
        return _SUCCESS_ANSWER


def announced_length(scope: Scope, limit: int) -> int:
    """The bytes a request says to bring, or could bring at most.

    Raises
    ------
    PayloadTooLarge
        If it announces more than ``limit``.
    """
    stated = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    if not stated.isdigit():
        return limit
    if int(stated) > limit:
        raise too_large(limit)
    return int(stated)


class Bodies:
    """Reads bodies within what one may weigh, how long it may take, and what all may hold.

    What counts is what has arrived: whoever announces much and sends nothing holds nothing.
    """

    def __init__(
        self,
        most_bytes: int = MOST_BYTES_IN_FLIGHT,
        longest_seconds: float = LONGEST_READ_SECONDS,
    ) -> None:
        self._most_bytes = most_bytes
        self._longest_seconds = longest_seconds
        self._held = 0

    @asynccontextmanager
    async def read(self, receive: Receive, limit: int) -> AsyncIterator[bytes]:
        """The body, held until the block ends.

        Raises
        ------
        PayloadTooLarge, Overloaded, TooSlow
            As soon as it is longer than ``limit`` bytes, all requests hold too much, or time is up.
        InvalidInput
            If the sender hangs up before its end.
        """
        chunks: list[bytes] = []
        size = 0
        try:
            try:
                async with asyncio.timeout(self._longest_seconds):
                    async for chunk in _chunks(receive):
                        size += len(chunk)
                        self._held += len(chunk)
                        if size > limit:
                            raise too_large(limit)
                        if self._held > self._most_bytes:
                            raise Overloaded("Many large requests at once; send again shortly")
                        chunks.append(chunk)
            except TimeoutError as error:
                raise TooSlow(
                    f"The body did not arrive within {self._longest_seconds:g} seconds; "
                    "send it again, or in smaller batches"
                ) from error
            yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            self._held -= size


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it arrives.

    Not by `Request.stream`, which calls a sender that hangs up a failure of the server.
    """
    more = True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidInput("The request ended before its body did")
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


class Answer:
    """An answer that is ready to send: a third of the time that `Response` takes to make one."""

    def __init__(self, body: bytes, status: int, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self._body = body
        content = {"content-type": "application/json", "content-length": str(len(body))}
        said = {**({} if status == HTTP_204_NO_CONTENT else content), **CORS_HEADERS}
        said |= headers or {}
        self._headers = [(k.lower().encode(), v.encode()) for k, v in said.items()]

    def allowing(self, origin: str) -> Answer:
        """The same for a page that sends cookies along, which any origin at all may not read."""
        own = {b"access-control-allow-origin": origin.encode("latin-1"),
               b"access-control-allow-credentials": b"true"}  # fmt: skip
        answer = Answer(self._body, self.status)
        answer._headers = [*((k, v) for k, v in self._headers if k not in own), *own.items()]
        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # New objects each time: middleware may add to the headers it is shown.
        await send(
            {"type": "http.response.start", "status": self.status, "headers": [*self._headers]}
        )
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


_SUCCESS_ANSWER = Answer(SUCCESS, 200)


async def answered(handle: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of ``handle``, or its error as `{"code": …, "message": …}`."""
    try:
        return await handle()
    except RapportError as error:
        return _error(error)
    except Exception as error:
        log.error("the collector failed: %s", where_it_failed(error))
        return _error(InternalError("The request could not be taken; send it again"))


def _error(error: RapportError) -> Answer:
    body = {"code": error.details.get("reason", error.code), "message": error.message}
    headers = {}
    if isinstance(error, Overloaded):
        headers = dict.fromkeys(
            ("Retry-After", "X-RateLimit-Reset"), str(error.retry_after_seconds)
        )
    return Answer(msgspec.json.encode(body), error.http_status, headers)

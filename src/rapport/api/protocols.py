"""The doors of other trackers' protocols: their paths, their answers, the collector's rules.

One handler for each protocol of `collect.protocols`; what it reads and answers is said there.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import HttpMethod, Request, Router, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from rapport.api.collector import (
    CORS_HEADERS,
    LARGE_BODY,
    Answer,
    Bodies,
    announced_length,
    answered,
)
from rapport.collect.intake import LARGEST_BATCH, Intake
from rapport.collect.protocol import Asked, Protocol, Question, Reply
from rapport.collect.protocol_intake import key_beside, key_inside, take_request, unpacked_request
from rapport.collect.protocols import protocols
from rapport.errors import InvalidInput

_MOST_PARAMETERS = 500
_AnyRequest = Request[Any, Any, Any]


def protocol_routes(intake: Intake, *, bodies: Bodies) -> Router:
    """The routes of all protocols.

    Parameters
    ----------
    intake : Intake
        Takes what is sent; the caller closes its group commit after the last request.
    bodies : Bodies
        Shared with the collector, so that all together hold no more than it allows.
    """
    handlers: list[HTTPRouteHandler] = []
    for protocol in protocols():
        # The preflight first: registered later, Litestar's own answer to OPTIONS stands before it.
        handlers.append(_preflight(protocol, intake))
        handlers.append(_taking(protocol, intake, bodies))
        handlers += (_asking(protocol, question, intake, bodies) for question in protocol.questions)
    return Router(path="/", route_handlers=handlers)


def _taking(protocol: Protocol, intake: Intake, bodies: Bodies) -> HTTPRouteHandler:
    @route(
        list(protocol.paths),
        http_method=[HttpMethod(method) for method in protocol.methods],
        name=f"protocol_{protocol.name}",
        status_code=200,
        request_max_body_size=None,  # checked while reading
        include_in_schema=False,
    )
    async def take(request: _AnyRequest) -> ASGIApp:
        async def taken() -> Answer:
            asked = _asked(request, intake)
            announced = announced_length(request.scope, LARGEST_BATCH)
            if announced > LARGE_BODY and (key := key_beside(asked)):
                await intake.source_of("", key)
            async with bodies.read(request.receive, LARGEST_BATCH) as body:
                asked = msgspec.structs.replace(asked, body=body)
                asked, result = await take_request(intake, protocol, asked)
                return _answer(protocol.reply(asked, result))

        return _for_page(protocol, request, await answered(taken))

    return take


def _asking(
    protocol: Protocol, question: Question, intake: Intake, bodies: Bodies
) -> HTTPRouteHandler:
    @route(
        list(question.paths),
        http_method=[HttpMethod(method) for method in question.methods],
        name=f"protocol_{protocol.name}_{question.paths[0].strip('/').replace('/', '_')}",
        status_code=200,
        request_max_body_size=None,
        include_in_schema=False,
    )
    async def ask(request: _AnyRequest) -> ASGIApp:
        async def replied() -> Answer:
            asked = _asked(request, intake)
            announced_length(request.scope, LARGEST_BATCH)
            async with bodies.read(request.receive, LARGEST_BATCH) as body:
                asked = unpacked_request(msgspec.structs.replace(asked, body=body))
                if question.keyed:
                    key = key_beside(asked) or key_inside(protocol, asked)
                    await intake.source_of("", key)
                return _answer(question.answer(asked))

        return _for_page(protocol, request, await answered(replied))

    return ask


def _preflight(protocol: Protocol, intake: Intake) -> HTTPRouteHandler:
    paths = [*protocol.paths, *(path for asked in protocol.questions for path in asked.paths)]

    @route(paths, http_method=HttpMethod.OPTIONS, status_code=200, include_in_schema=False)
    async def preflight(request: _AnyRequest) -> ASGIApp:
        async def allowed() -> Answer:
            wanted = request.headers.get("access-control-request-headers", "")
            headers = {"Access-Control-Allow-Headers": wanted} if _plain(wanted) else {}
            sender = request.headers.get("webhook-request-origin", "")
            if _plain(sender):
                # CloudEvents' senders ask before they begin; the key in the address says yes.
                await intake.source_of("", key_beside(_asked(request, intake)))
                headers |= {"WebHook-Allowed-Origin": sender, "Allow": "POST"}
            return Answer(b"", 204, {**CORS_HEADERS, **headers})

        return _for_page(protocol, request, await answered(allowed))

    return preflight


def _plain(header: str) -> bool:
    return bool(header) and header.isascii() and header.isprintable() and len(header) < 1000


def _asked(request: _AnyRequest, intake: Intake) -> Asked:
    try:
        query = parse_qsl(
            request.scope["query_string"].decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError as error:
        raise InvalidInput(f"An address may have {_MOST_PARAMETERS} parameters") from error
    return Asked(
        method="GET" if request.method == HttpMethod.GET else "POST",
        path=request.scope["path"],
        query=tuple(query),
        headers={name.lower(): value for name, value in request.headers.items()},
        received_at=intake.clock(),
    )


def _answer(reply: Reply) -> Answer:
    return Answer(
        reply.body,
        reply.status,
        reply.headers
        if reply.status == 204
        else {"content-type": reply.content_type, **reply.headers},
    )


def _for_page(protocol: Protocol, request: _AnyRequest, answer: Answer) -> Answer:
    origin = request.headers.get("origin", "")
    return answer.allowing(origin) if protocol.with_credentials and _plain(origin) else answer

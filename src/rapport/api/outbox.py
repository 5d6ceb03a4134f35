"""The outbox: what waits to be sent, what failed and why, and sending again."""

from __future__ import annotations

from typing import Any, Literal

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody
from msgspec import Struct

from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.outbox import OutboxView, outbox_view, retry_messages

_SETTINGS = {"permission": "settings.write"}


class Retry(Struct, frozen=True, kw_only=True):
    """Failed messages to colleagues to queue again."""

    outbox_ids: tuple[int, ...]


class Retried(Struct, frozen=True, kw_only=True):
    """How many messages wait again."""

    queued: int


@get("/api/v1/outbox", sync_to_thread=True, opt=_SETTINGS, tags=["outbox"])
def outbox(
    company: NamedDependency[Company],
    status: FromQuery[Literal["waiting", "sending", "sent", "failed"] | None] = None,
    page: FromQuery[int] = 1,
) -> OutboxView:
    """A page of 50 messages, newest first, with counts by status."""
    return outbox_view(company, status=status, page=page)


@post(
    "/api/v1/outbox/retry",
    sync_to_thread=True,
    opt=_SETTINGS,
    tags=["outbox"],
    status_code=200,
)
def retry(
    request: Request[Any, Any, Any], company: NamedDependency[Company], data: JSONBody[Retry]
) -> Retried:
    """Queue failed messages to colleagues again; a customer's is decided on anew instead."""
    user: User = request.scope["user"]
    return Retried(queued=retry_messages(company, data.outbox_ids, actor=user.email))


routes = (outbox, retry)

"""Sources: freshness and counts, what was refused, trying again, and write keys."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream
from msgspec import Struct

from rapport.collect.refused import RefusedCount, Replayed
from rapport.errors import InvalidInput
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.replay import replay_refused
from rapport.workflows.sources import (
    COLLECTOR,
    WEBHOOK,
    RefusedShown,
    SourcesView,
    SourceView,
    add_collector,
    add_webhook,
    new_write_key,
    refused_download,
    source_view,
    sources_view,
)

_READ = {"permission": "sources.read"}
_WRITE = {"permission": "sources.write"}
_AnyRequest = Request[Any, Any, Any]


class NewSigning(Struct, frozen=True, kw_only=True):
    """How webhooks are signed; `secret` says where it lies: ``env:NAME`` or ``file:PATH``."""

    style: str
    secret: str
    header: str = ""


class NewCollector(Struct, frozen=True, kw_only=True):
    """A source that takes events over HTTP: of our own protocol, another tracker's, or webhooks.

    `signing` and `mapping` are those of webhooks; see the manual, *Connect other trackers*.
    """

    name: str
    label: str = ""
    kind: str = COLLECTOR
    signing: NewSigning | None = None
    mapping: dict[str, Any] | None = None


class WriteKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A write key, told only now; of a source of webhooks its path, which needs none."""

    source: str
    write_key: str = ""
    path: str = ""


class Refusals(Struct, frozen=True, kw_only=True):
    """What waits to be mended: counts by reason, and the first twenty records."""

    counts: tuple[RefusedCount, ...]
    records: tuple[RefusedShown, ...]


class Replay(Struct, frozen=True, kw_only=True):
    """Which refused records to try again; without a reason all of the source."""

    reason: str | None = None


def _actor(request: _AnyRequest) -> str:
    user: User = request.scope["user"]
    return user.email


@get("/api/v1/sources", sync_to_thread=True, opt=_READ, tags=["sources"])
def sources(company: NamedDependency[Company]) -> SourcesView:
    """Every source with freshness and counts, and how far the worker is behind."""
    return sources_view(company)


@get("/api/v1/sources/{name:str}", sync_to_thread=True, opt=_READ, tags=["sources"])
def source(company: NamedDependency[Company], name: FromPath[str]) -> SourceView:
    """One source with its mapping and what it sent."""
    return source_view(company, name)


@post("/api/v1/sources", sync_to_thread=True, opt=_WRITE, tags=["sources"])
def add_source(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[NewCollector]
) -> WriteKey:
    """Make a source that takes events over HTTP; its write key is told only now."""
    name, label, actor = data.name, data.label or data.name, _actor(request)
    if data.kind != WEBHOOK:
        key = add_collector(company, name=name, label=label, kind=data.kind, actor=actor)
        return WriteKey(source=name.strip(), write_key=key)
    if data.signing is None:
        raise InvalidInput("A source of webhooks needs `signing` with `style` and `secret`")
    path = add_webhook(
        company,
        name=name,
        label=label,
        style=data.signing.style,
        secret=data.signing.secret,
        header=data.signing.header,
        rows=data.mapping,
        actor=actor,
    )
    return WriteKey(source=name.strip(), path=path)


@post("/api/v1/sources/{name:str}/write-key", sync_to_thread=True, opt=_WRITE, tags=["sources"])
def replace_write_key(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str]
) -> WriteKey:
    """Replace a collector's write key; the old one ends within seconds."""
    return WriteKey(source=name, write_key=new_write_key(company, name, actor=_actor(request)))


@get("/api/v1/sources/{name:str}/refused", sync_to_thread=True, opt=_READ, tags=["sources"])
def refused(company: NamedDependency[Company], name: FromPath[str]) -> Refusals:
    """What was refused and why."""
    view = source_view(company, name)
    return Refusals(counts=view.line.reasons, records=view.refused)


@get("/api/v1/sources/{name:str}/refused.csv", sync_to_thread=True, opt=_READ, tags=["sources"])
def refused_file(
    company: NamedDependency[Company],
    name: FromPath[str],
    reason: FromQuery[str | None] = None,
) -> Stream:
    """All refused records as CSV; no cell can start a formula."""
    return Stream(
        refused_download(company, name, reason=reason),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="refused.csv"',
            "Cache-Control": "no-store",
        },
    )


@post(
    "/api/v1/sources/{name:str}/replay",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["sources"],
    status_code=200,
)
def replay(
    company: NamedDependency[Company], name: FromPath[str], data: JSONBody[Replay]
) -> Replayed:
    """Try refused records again after a mapping or a rule was mended."""
    return replay_refused(company, name, reason=data.reason)


routes = (
    sources,
    source,
    add_source,
    replace_write_key,
    refused,
    refused_file,
    replay,
)

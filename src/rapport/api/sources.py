"""Sources: freshness, counts, quality, what was refused, fetching, and write keys."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream
from msgspec import Struct

from rapport.collect.refused import Replayed
from rapport.errors import InvalidInput, NotFound
from rapport.vocabulary.access import User
from rapport.workflows.catalogue import Catalogue, catalogue
from rapport.workflows.company import Company
from rapport.workflows.connect import read_toml
from rapport.workflows.mapping_change import (
    MappingForm,
    MappingPreview,
    change_mapping,
    preview_mapping,
)
from rapport.workflows.pull import (
    PastVisit,
    Pulled,
    PullState,
    connect_source,
    past_visits,
    pull_source,
    pull_states,
    reschedule,
)
from rapport.workflows.quality import (
    Quality,
    SourceQuality,
    latest_quality,
    source_quality,
)
from rapport.workflows.replay import replay_refused
from rapport.workflows.sources import (
    COLLECTOR,
    WEBHOOK,
    Refusals,
    SourceLine,
    SourcesView,
    SourceView,
    add_collector,
    add_webhook,
    new_write_key,
    open_source,
    refused_download,
    refused_view,
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


class Replay(Struct, frozen=True, kw_only=True):
    """Which refused records to try again; without a reason all of the source."""

    reason: str | None = None


class Connecting(Struct, frozen=True, kw_only=True):
    """A source to fetch from: a mapping with a ``pull`` table, as TOML or as JSON; one of the two.

    Secrets are references: ``env:NAME`` or ``file:PATH``.
    """

    toml: str | None = None
    plan: dict[str, Any] | None = None


class Connected(Struct, frozen=True, kw_only=True):
    """The name of a source that is fetched now."""

    source: str


class Visits(Struct, frozen=True, kw_only=True):
    """Where a fetched source stands, and its last visits."""

    now: PullState
    visits: tuple[PastVisit, ...]


class MappingChange(MappingForm, frozen=True, kw_only=True):
    """A changed mapping; with `dry_run` only how many refused rows it would save."""

    dry_run: bool = False


class MappingChanged(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a changed mapping would do, or what came of what had been refused."""

    preview: MappingPreview | None = None
    replayed: Replayed | None = None


class Opening(Struct, frozen=True, kw_only=True):
    """Whether a source may send."""

    enabled: bool


class Rhythm(Struct, frozen=True, kw_only=True):
    """How often to fetch, such as ``6h`` or ``1d``; null: only when asked."""

    every: str | None = None


def _actor(request: _AnyRequest) -> str:
    user: User = request.scope["user"]
    return user.email


@get("/api/v1/sources", sync_to_thread=True, opt=_READ, tags=["sources"])
def sources(company: NamedDependency[Company]) -> SourcesView:
    """Every source with freshness and counts, and how far the worker is behind."""
    return sources_view(company)


@get("/api/v1/source-kinds", sync_to_thread=True, opt=_READ, tags=["sources"])
def source_kinds() -> Catalogue:
    """What can be connected, each once, and how far it has been tested."""
    return catalogue()


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
def refused(
    company: NamedDependency[Company],
    name: FromPath[str],
    reason: FromQuery[str | None] = None,
) -> Refusals:
    """What was refused and why."""
    return refused_view(company, name, reason=reason)


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


@put("/api/v1/sources/{name:str}/mapping", sync_to_thread=True, opt=_WRITE, tags=["sources"])
def put_mapping(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    data: JSONBody[MappingChange],
) -> MappingChanged:
    """Read the source so from now on, and try again what was refused; or only look first."""
    if data.dry_run:
        return MappingChanged(preview=preview_mapping(company, name, data))
    change_mapping(company, name, data, actor=_actor(request))
    return MappingChanged(replayed=replay_refused(company, name))


@put("/api/v1/sources/{name:str}/enabled", sync_to_thread=True, opt=_WRITE, tags=["sources"])
def put_enabled(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    data: JSONBody[Opening],
) -> SourceLine:
    """Open a source, or close it: a closed one's write key is refused."""
    open_source(company, name, enabled=data.enabled, actor=_actor(request))
    return source_view(company, name).line


@put("/api/v1/sources/{name:str}/schedule", sync_to_thread=True, opt=_WRITE, tags=["sources"])
def put_schedule(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    data: JSONBody[Rhythm],
) -> PullState:
    """Fetch a source more often, seldomer, or only when asked."""
    reschedule(company, name, data.every or None, actor=_actor(request))
    return pull_states(company, name)[0]


@get("/api/v1/quality", sync_to_thread=True, opt=_READ, tags=["sources"])
def quality(company: NamedDependency[Company]) -> Quality:
    """How far each silo can be trusted for what, as it was measured last."""
    found = latest_quality(company)
    if found is None:
        raise NotFound("Quality was not measured yet; the worker does it within the hour")
    return found


@get("/api/v1/sources/{name:str}/quality", sync_to_thread=True, opt=_READ, tags=["sources"])
def quality_of_source(company: NamedDependency[Company], name: FromPath[str]) -> SourceQuality:
    """The quality of one source: each field, its drift, and its volume beside the forecast."""
    found = source_quality(company, name)
    if found is None:
        raise NotFound(f"Source {name} was not measured yet; the worker does it within the hour")
    return found


@post("/api/v1/sources/connect", sync_to_thread=True, opt=_WRITE, tags=["sources"], status_code=201)
def connect(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[Connecting]
) -> Connected:
    """Connect a source to fetch from, or change its plan."""
    if (data.toml is None) == (data.plan is None):
        raise InvalidInput("Give either `toml` or `plan`")
    written = data.plan if data.toml is None else read_toml(data.toml, "toml")
    return Connected(
        source=connect_source(
            company, written or {}, "the plan", actor=_actor(request), on_server=False
        )
    )


@get("/api/v1/sources/{name:str}/pulls", sync_to_thread=True, opt=_READ, tags=["sources"])
def pulls(company: NamedDependency[Company], name: FromPath[str]) -> Visits:
    """When a source was fetched, what came of it, and when it is fetched next."""
    found = pull_states(company, name)
    if not found:
        raise NotFound(f"Source {name} is not one that Rapport fetches from")
    return Visits(now=found[0], visits=tuple(past_visits(company, name)))


@post(
    "/api/v1/sources/{name:str}/pull",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["sources"],
    status_code=200,
)
def pull(company: NamedDependency[Company], name: FromPath[str]) -> Pulled:
    """Fetch what is new now, and answer when it is kept."""
    return pull_source(company, name)


routes = (
    quality,
    quality_of_source,
    connect,
    pulls,
    pull,
    sources,
    source,
    add_source,
    replace_write_key,
    refused,
    refused_file,
    replay,
    source_kinds,
    put_mapping,
    put_enabled,
    put_schedule,
)

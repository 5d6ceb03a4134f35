"""Data sources: freshness, refusals and replay, connecting, and uploading a file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect, Stream
from msgspec import Struct

from rapport.errors import Conflict, InvalidInput, NotAllowed
from rapport.vocabulary.access import User
from rapport.web.pages.sources.connect import (
    Connecting,
    connect_page,
    key_page,
    webhook_page,
)
from rapport.web.pages.sources.fetching import (
    EXAMPLE,
    Visited,
    catalogue_page,
    fetch_page,
    toml_page,
)
from rapport.web.pages.sources.listing import Beside, sources_page
from rapport.web.pages.sources.one import address, source_page
from rapport.web.pages.sources.reading import mapping_page
from rapport.web.pages.sources.trust import trust_page
from rapport.web.pages.sources.upload import confirm_page, upload_page
from rapport.web.parts.cards import Tone
from rapport.web.parts.context import PageContext
from rapport.web.parts.states import flash
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.connect import (
    Filled,
    connect_filled,
    find_offered,
    offered,
    read_toml,
    try_filled,
)
from rapport.workflows.mapping_change import (
    MappingForm,
    change_mapping,
    form_of,
    preview_mapping,
)
from rapport.workflows.pull import (
    ask_for_visit,
    connect_source,
    past_visits,
    pull_states,
    reschedule,
    try_source,
)
from rapport.workflows.quality import latest_quality, source_quality
from rapport.workflows.replay import replay_refused
from rapport.workflows.sources import (
    COLLECTOR,
    WEBHOOK,
    add_collector,
    add_webhook,
    new_write_key,
    open_source,
    refused_download,
    source_view,
    sources_view,
)
from rapport.workflows.upload import (
    LARGEST,
    Confirmed,
    confirm_upload,
    forget_upload,
    keep_upload,
    read_upload_as,
    upload_preview,
)

_READ = {"permission": "sources.read"}
_WRITE = {"permission": "sources.write"}
_AnyRequest = Request[Any, Any, Any]
#: What fits beside the file in a form.
_FORM_BYTES = 100_000


class SourceForm(Struct, frozen=True, kw_only=True, rename={"csrf_token": "_csrf_token"}):
    """What the small forms send."""

    name: str = ""
    label: str = ""
    kind: str = COLLECTOR
    style: str = "standard"
    secret: str = ""
    reason: str = ""
    csrf_token: str = ""


Sent = Annotated[SourceForm, Body(media_type=RequestEncodingType.URL_ENCODED)]
Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def _said(context: PageContext, text: str, tone: Tone = "good") -> PageContext:
    return msgspec.structs.replace(context, flash=(flash(text, tone=tone),))


def _user(request: _AnyRequest) -> User:
    user: User = request.scope["user"]
    return user


@get("/sources", sync_to_thread=True, opt=_READ, include_in_schema=False)
def sources_list(
    request: _AnyRequest,
    company: NamedDependency[Company],
    done: FromQuery[str] = "",
    questions: FromQuery[int] = 0,
    accepted: FromQuery[int] = 0,
    corrected: FromQuery[int] = 0,
    left: FromQuery[int] = 0,
) -> Response[Any]:
    """All sources."""
    context = context_of(request)
    if done == "forgotten":
        context = _said(context, context.t("sources.done.forgotten"), "neutral")
    elif done == "defined_later":
        said = context.t("sources.done.defined_later", questions=context.n.count(questions))
        context = _said(context, said)
    elif done == "defined":
        counts = {"questions": questions, "accepted": accepted, "corrected": corrected}
        said = context.t(
            "sources.done.defined", **{key: context.n.count(n) for key, n in counts.items()}
        )
        if left:
            said += " " + context.t("sources.done.defined_left", count=context.n.count(left))
        context = _said(context, said, "caution" if left else "good")
    beside = Beside(quality=latest_quality(company), pulls=tuple(pull_states(company)))
    return html_response(sources_page(context, sources_view(company), beside, _user(request)))


@get("/quality", sync_to_thread=True, opt=_READ, include_in_schema=False)
def trust_get(request: _AnyRequest, company: NamedDependency[Company]) -> Response[Any]:
    """Which silo can be trusted for what."""
    context = context_of(request)
    return html_response(trust_page(context, latest_quality(company), company.clock()))


@get("/sources/{name:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def source_get(
    request: _AnyRequest,
    company: NamedDependency[Company],
    name: FromPath[str],
    done: FromQuery[str] = "",
    accepted: FromQuery[int] = 0,
    duplicates: FromQuery[int] = 0,
    corrected: FromQuery[int] = 0,
    refused: FromQuery[int] = 0,
    in_journal: FromQuery[int] = 0,
) -> Response[Any]:
    """One source."""
    context = context_of(request)
    if done in ("imported", "replayed"):
        counts = {
            "accepted": accepted,
            "corrected": corrected,
            "duplicates": duplicates,
            "refused": refused,
        }
        shown = {key: context.n.count(value) for key, value in counts.items()}
        tone: Tone = "caution" if refused or in_journal else "good"
        said = context.t(f"sources.done.{done}", **shown)
        if in_journal:
            said += " " + context.t("sources.done.rebuild", count=context.n.count(in_journal))
        context = _said(context, said, tone)
    elif done in ("opened", "closed"):
        context = _said(context, context.t(f"sources.done.{done}"))
    elif done in ("connected", "asked", "schedule"):
        context = _said(context, context.t(f"fetch.done.{done}"))
    url = company.settings.public_url.rstrip("/")
    states = pull_states(company, name)
    visited = (
        Visited(now=states[0], visits=tuple(past_visits(company, name, most=5))) if states else None
    )
    content = source_page(
        context,
        source_view(company, name),
        _user(request),
        url=url,
        measured=source_quality(company, name),
        visited=visited,
    )
    return html_response(content)


@get("/sources/{name:str}/refused.csv", sync_to_thread=True, opt=_READ, include_in_schema=False)
def source_refused(
    company: NamedDependency[Company], name: FromPath[str], reason: FromQuery[str] = ""
) -> Stream:
    """What is refused, as a file that no spreadsheet runs."""
    lines = refused_download(company, name, reason=reason or None)
    return Stream(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="refused.csv"',
            "Cache-Control": "no-store",
        },
    )


@post("/sources/{name:str}/replay", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def source_replay(company: NamedDependency[Company], name: FromPath[str], data: Sent) -> Redirect:
    """Try what was refused again."""
    return _replayed(company, name, data.reason or None)


def _replayed(company: Company, name: str, reason: str | None) -> Redirect:
    result = replay_refused(company, name, reason=reason)
    counts = {
        "done": "replayed",
        "accepted": str(result.accepted),
        "duplicates": str(result.duplicates),
        "refused": str(result.refused_again),
        "in_journal": str(result.in_journal),
    }
    return Redirect(address(name), query_params=counts, status_code=303)


@post("/sources/{name:str}/open", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def source_open(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str]
) -> Redirect:
    """Let a closed source send again."""
    open_source(company, name, enabled=True, actor=_user(request).email)
    return Redirect(address(name), query_params={"done": "opened"}, status_code=303)


@post("/sources/{name:str}/close", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def source_close(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str]
) -> Redirect:
    """Take nothing more from a source."""
    open_source(company, name, enabled=False, actor=_user(request).email)
    return Redirect(address(name), query_params={"done": "closed"}, status_code=303)


@post("/sources/{name:str}/fetch", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def fetch_now(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str]
) -> Redirect:
    """Ask the worker for a visit."""
    ask_for_visit(company, name, actor=_user(request).email)
    return Redirect(address(name), query_params={"done": "asked"}, status_code=303)


@post("/sources/{name:str}/schedule", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def schedule_post(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str], data: Typed
) -> Redirect:
    """Fetch it more often, seldomer, or only when asked."""
    reschedule(company, name, data.get("every") or None, actor=_user(request).email)
    return Redirect(address(name), query_params={"done": "schedule"}, status_code=303)


@get("/sources/{name:str}/mapping", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def mapping_get(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str]
) -> Response[Any]:
    """How a source is read."""
    view = source_view(company, name)
    said = form_of(view.mapping or {})
    return html_response(mapping_page(context_of(request), view.line, said))


@post("/sources/{name:str}/mapping", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def mapping_post(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str], data: Typed
) -> Response[Any] | Redirect:
    """Look at what a change would save; or save it, and try again what was refused."""
    context = context_of(request)
    said = MappingForm(
        columns=data.get("columns", ""),
        constants=data.get("constants", ""),
        decimal=data.get("decimal", "."),
        date_format=data.get("date_format", ""),
        time_zone=data.get("time_zone", ""),
    )
    try:
        if data.get("do") != "save":
            found = preview_mapping(company, name, said)
            line = source_view(company, name).line
            return html_response(mapping_page(context, line, said, preview=found))
        change_mapping(company, name, said, actor=_user(request).email)
    except InvalidInput as mistake:
        line = source_view(company, name).line
        page = mapping_page(context, line, said, error=mistake.message)
        return html_response(page, status_code=mistake.http_status)
    return _replayed(company, name, None)


# ── connecting ─────────────────────────────────────────────────────────────────────────────────


@get("/sources/new", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def catalogue_get(request: _AnyRequest, q: FromQuery[str] = "") -> Response[Any]:
    """What can be connected."""
    return html_response(catalogue_page(context_of(request), offered(q), q))


@get("/sources/new/fetch/{key:str}", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def fetch_get(request: _AnyRequest, key: FromPath[str]) -> Response[Any]:
    """The form of one service or way to fetch."""
    what = find_offered(key)
    return html_response(fetch_page(context_of(request), what, Filled(key=key)))


@post("/sources/new/fetch/{key:str}", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def fetch_post(
    request: _AnyRequest, company: NamedDependency[Company], key: FromPath[str], data: Typed
) -> Response[Any] | Redirect:
    """Try it, or connect it."""
    context, what = context_of(request), find_offered(key)
    said = Filled(
        key=key,
        answers={
            name.removeprefix("ask_"): value
            for name, value in data.items()
            if name.startswith("ask_")
        },
        **{
            name: data.get(name, "")
            for name in (
                "source", "label", "stream", "kind", "columns", "every", "expected_every_hours",
            )
        },
    )  # fmt: skip
    try:
        if data.get("do") == "try":
            tried = try_filled(company, said)
            return html_response(fetch_page(context, what, said, tried=tried))
        name = connect_filled(company, said, actor=_user(request).email)
    except (InvalidInput, NotAllowed, Conflict) as mistake:
        page = fetch_page(context, what, said, error=mistake.message)
        return html_response(page, status_code=mistake.http_status)
    return _begun(request, company, name)


@get("/sources/new/toml", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def toml_get(request: _AnyRequest) -> Response[Any]:
    """A plan as text."""
    return html_response(toml_page(context_of(request), EXAMPLE))


@post("/sources/new/toml", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def toml_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Typed
) -> Response[Any] | Redirect:
    """Try it, or connect it."""
    context, text = context_of(request), data.get("toml", "")
    try:
        written = read_toml(text, "TOML")
        if data.get("do") == "try":
            return html_response(
                toml_page(
                    context, text, tried=try_source(company, written, "TOML", on_server=False)
                )
            )
        name = connect_source(company, written, "TOML", actor=_user(request).email, on_server=False)
    except (InvalidInput, NotAllowed, Conflict) as mistake:
        page = toml_page(context, text, error=mistake.message)
        return html_response(page, status_code=mistake.http_status)
    return _begun(request, company, name)


def _begun(request: _AnyRequest, company: Company, name: str) -> Redirect:
    """Connected: the first visit comes at once, also of a source that is fetched when asked."""
    ask_for_visit(company, name, actor=_user(request).email)
    return Redirect(address(name), query_params={"done": "connected"}, status_code=303)


@get("/sources/new/connect", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def connect_get(request: _AnyRequest) -> Response[Any]:
    """The form for a collector."""
    return html_response(connect_page(context_of(request)))


@post("/sources/new/connect", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def connect_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Make the source and show its key, this once; of webhooks their address."""
    context = context_of(request)
    name, label, actor = data.name.strip(), data.label or data.name, _user(request).email
    url = company.settings.public_url.rstrip("/")
    try:
        if data.kind == WEBHOOK:
            add_webhook(
                company, name=name, label=label, style=data.style, secret=data.secret, actor=actor
            )
            return html_response(webhook_page(context, name=name, url=url))
        key = add_collector(company, name=name, label=label, kind=data.kind, actor=actor)
    except (InvalidInput, NotAllowed, Conflict) as mistake:
        said = Connecting(
            name=data.name, label=data.label, kind=data.kind, style=data.style, secret=data.secret
        )
        filled = connect_page(context, said, error=mistake.message)
        return html_response(filled, status_code=mistake.http_status)
    return html_response(key_page(context, name=name, key=key, url=url, kind=data.kind))


@post("/sources/{name:str}/write-key", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def write_key_post(
    request: _AnyRequest, company: NamedDependency[Company], name: FromPath[str]
) -> Response[Any]:
    """Replace the key and show the new one, this once."""
    key = new_write_key(company, name, actor=_user(request).email)
    url = company.settings.public_url.rstrip("/")
    kind = source_view(company, name).line.kind
    return html_response(key_page(context_of(request), name=name, key=key, url=url, kind=kind))


# ── uploading ──────────────────────────────────────────────────────────────────────────────────


@get("/sources/new/upload", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def upload_get(request: _AnyRequest) -> Response[Any]:
    """The form for a file."""
    return html_response(upload_page(context_of(request)))


@post(
    "/sources/new/upload",
    opt=_WRITE,
    include_in_schema=False,
    request_max_body_size=LARGEST + _FORM_BYTES,
)
async def upload_post(request: _AnyRequest, company: NamedDependency[Company]) -> Response[Any]:
    """Keep the file aside and lead to how it was understood."""
    sent = await request.form()
    file, kind = sent.get("file"), str(sent.get("kind", ""))
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise InvalidInput("Choose a file first")
        content = await file.read()
        token = await asyncio.to_thread(
            keep_upload, company, name=file.filename, content=content, kind=kind
        )
    except InvalidInput as mistake:
        context = await asyncio.to_thread(context_of, request)
        page = upload_page(context, kind=kind, error=mistake.message)
        return html_response(page, status_code=mistake.http_status)
    return Redirect(f"/sources/new/upload/{token}", status_code=303)


@get("/sources/new/upload/{token:str}", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def confirm_get(
    request: _AnyRequest, company: NamedDependency[Company], token: FromPath[str]
) -> Response[Any]:
    """How the file was understood."""
    context = context_of(request)
    try:
        preview = upload_preview(company, token)
    except InvalidInput as mistake:
        forget_upload(company, token)
        return html_response(upload_page(context, error=mistake.message), status_code=400)
    return html_response(confirm_page(context, preview))


@post("/sources/new/upload/{token:str}", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def confirm_post(
    request: _AnyRequest,
    company: NamedDependency[Company],
    token: FromPath[str],
    data: Typed,
) -> Response[Any]:
    """Import as confirmed; or only check; or delete the file."""
    if data.get("do") == "forget":
        forget_upload(company, token)
        return Redirect("/sources?done=forgotten", status_code=303)
    confirmed = _confirmed(data)
    context = context_of(request)
    check = data.get("do") == "check"
    try:
        if data.get("do") == "kind":
            read_upload_as(company, token, data.get("kind", ""))
            return Redirect(f"/sources/new/upload/{token}", status_code=303)
        done = confirm_upload(company, token, confirmed, actor=_user(request).email, dry_run=check)
    except (InvalidInput, NotAllowed, Conflict) as mistake:
        page = confirm_page(
            context, upload_preview(company, token), confirmed, error=mistake.message
        )
        return html_response(page, status_code=mistake.http_status)
    if check:
        page = confirm_page(context, upload_preview(company, token), confirmed, checked=done)
        return html_response(page)
    if done.waiting:
        waits = {"done": "defined_later", "questions": str(done.questions)}
        return Redirect("/sources", query_params=waits, status_code=303)
    if done.questions:
        defined = {
            "done": "defined",
            "questions": str(done.questions),
            "accepted": str(done.accepted),
            "corrected": str(done.corrected),
            "left": str(done.left),
        }
        return Redirect("/sources", query_params=defined, status_code=303)
    counts = {
        "done": "imported",
        "accepted": str(done.accepted or done.rates),
        "corrected": str(done.corrected),
        "duplicates": str(done.duplicates),
        "refused": str(done.refused),
    }
    return Redirect(address(done.source), query_params=counts, status_code=303)


def _confirmed(data: Mapping[str, str]) -> Confirmed:
    """The form's numbered columns, each with what it means."""
    columns = {
        data[f"column_{number}"]: data.get(f"means_{number}", "")
        for number in range(1000)
        if f"column_{number}" in data
    }
    constants = {
        name.removeprefix("constant_"): value
        for name, value in data.items()
        if name.startswith("constant_")
    }
    return Confirmed(
        source=data.get("source", ""),
        label=data.get("label", ""),
        columns=columns,
        constants=constants,
        decimal=data.get("decimal", "."),
        date_format=data.get("date_format", ""),
        time_zone=data.get("time_zone", ""),
    )


routes = (
    sources_list,
    trust_get,
    fetch_now,
    schedule_post,
    mapping_get,
    mapping_post,
    catalogue_get,
    fetch_get,
    fetch_post,
    toml_get,
    toml_post,
    source_get,
    source_refused,
    source_replay,
    source_open,
    source_close,
    connect_get,
    connect_post,
    write_key_post,
    upload_get,
    upload_post,
    confirm_get,
    confirm_post,
)

"""Files of a silo: send one, see how it was understood, correct that, import it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, delete, get, post, put
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, JSONBody
from msgspec import Struct

from rapport.errors import InvalidInput
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.import_files import Imported
from rapport.workflows.upload import (
    GUESS,
    LARGEST,
    Confirmed,
    UploadPreview,
    confirm_upload,
    forget_upload,
    keep_upload,
    read_upload_as,
    upload_preview,
)

_WRITE = {"permission": "sources.write"}
_AnyRequest = Request[Any, Any, Any]
#: Of a form beside its file: the boundaries and the name of the kind.
_FORM_BYTES = 100_000


@dataclass(frozen=True, kw_only=True)
class SentFile:
    """A file, and what it holds: ``guess`` finds that out from its columns."""

    file: UploadFile
    kind: str = GUESS


class Kind(Struct, frozen=True, kw_only=True):
    """What a file holds; see `/api/v1/source-kinds`."""

    kind: str


class Confirming(Struct, frozen=True, kw_only=True):
    """What of the guess is right or corrected; what is left out is taken as it was guessed.

    `columns` goes from the file's columns to our fields; columns that it does not name are kept as
    they are. With `dry_run` the file is only read and checked.
    """

    source: str | None = None
    label: str | None = None
    columns: dict[str, str] | None = None
    constants: dict[str, str] | None = None
    decimal: str | None = None
    date_format: str | None = None
    time_zone: str | None = None
    dry_run: bool = False


@post("/api/v1/imports", opt=_WRITE, tags=["imports"], request_max_body_size=LARGEST + _FORM_BYTES)
async def send_file(
    company: NamedDependency[Company],
    data: Annotated[SentFile, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> UploadPreview:
    """Keep a file aside, for a day at most, and say how it was understood.

    Nothing of it is imported before it is confirmed at ``/api/v1/imports/{token}``.
    """
    content = await data.file.read()
    return await asyncio.to_thread(_understood, company, data.file.filename, content, data.kind)


def _understood(company: Company, name: str, content: bytes, kind: str) -> UploadPreview:
    token = keep_upload(company, name=name, content=content, kind=kind)
    try:
        return upload_preview(company, token)
    except InvalidInput:
        forget_upload(company, token)
        raise


@get("/api/v1/imports/{token:str}", sync_to_thread=True, opt=_WRITE, tags=["imports"])
def read_import(company: NamedDependency[Company], token: FromPath[str]) -> UploadPreview:
    """How a file that waits was understood."""
    return upload_preview(company, token)


@put("/api/v1/imports/{token:str}/kind", sync_to_thread=True, opt=_WRITE, tags=["imports"])
def put_kind(
    company: NamedDependency[Company], token: FromPath[str], data: JSONBody[Kind]
) -> UploadPreview:
    """Take the file for one of another kind."""
    read_upload_as(company, token, data.kind)
    return upload_preview(company, token)


@post(
    "/api/v1/imports/{token:str}",
    sync_to_thread=True,
    opt=_WRITE,
    tags=["imports"],
    status_code=200,
)
def confirm(
    request: _AnyRequest,
    company: NamedDependency[Company],
    token: FromPath[str],
    data: JSONBody[Confirming],
) -> Imported:
    """Import the file as confirmed and delete it here; or only check it."""
    user: User = request.scope["user"]
    guessed = upload_preview(company, token)
    columns = {column.name: column.field for column in guessed.columns if column.field}
    confirmed = Confirmed(
        source=_said(data.source, guessed.source),
        label=_said(data.label, guessed.label),
        columns=columns if data.columns is None else data.columns,
        constants=guessed.constants if data.constants is None else data.constants,
        decimal=_said(data.decimal, guessed.decimal),
        date_format=_said(data.date_format, guessed.date_format),
        time_zone=_said(data.time_zone, guessed.time_zone),
    )
    return confirm_upload(company, token, confirmed, actor=user.email, dry_run=data.dry_run)


def _said(stated: str | None, guessed: str) -> str:
    return guessed if stated is None else stated


@delete("/api/v1/imports/{token:str}", sync_to_thread=True, opt=_WRITE, tags=["imports"])
def forget(company: NamedDependency[Company], token: FromPath[str]) -> None:
    """Delete a file that nobody wants to import."""
    forget_upload(company, token)


routes = (send_file, read_import, put_kind, confirm, forget)

"""Personas: groups of customers found in the data, portraits of segments, and who moved."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, get, post, put
from litestar.di import NamedDependency
from litestar.params import Body, FromPath
from msgspec import Struct

from rapport.understand.personas.stored import Migration, Portrait
from rapport.understand.personas.verbatims import Verbatim
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.persona_searches import request_personas
from rapport.workflows.persona_views import (
    PersonasView,
    find_migration,
    find_portrait,
    list_personas,
    rename_persona,
)
from rapport.workflows.persona_voices import texts_of_segment

_READ = {"permission": "segments.read"}
_WRITE = {"permission": "segments.write"}
_PEOPLE = {"permission": "customers.read"}


class PersonaName(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name for a discovered group; null goes back to the one that its traits make."""

    name: str | None


class MigrationReport(Struct, frozen=True, kw_only=True):
    """The newest search that found groups, and what became of those before; null: none, first."""

    fit_id: int | None
    migration: Migration | None


class SearchAsked(Struct, frozen=True, kw_only=True):
    """A search that waits for the worker."""

    job_id: int


@get("/api/v1/personas", sync_to_thread=True, opt=_READ, tags=["personas"])
def read_personas(company: NamedDependency[Company]) -> PersonasView:
    """The discovered groups, how stable they are, and what sets each apart."""
    return list_personas(company)


@post("/api/v1/personas/find", sync_to_thread=True, opt=_WRITE, tags=["personas"], status_code=202)
def ask_for_personas(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> SearchAsked:
    """Have the worker search for groups; `GET /api/v1/personas` shows them when it is done."""
    user: User = request.user
    return SearchAsked(job_id=request_personas(company, author=user.email))


@get("/api/v1/personas/migration", sync_to_thread=True, opt=_READ, tags=["personas"])
def read_migration(company: NamedDependency[Company]) -> MigrationReport:
    """Who moved between the groups of the last two searches, and why."""
    fit, _ = find_migration(company)
    if fit is None:
        return MigrationReport(fit_id=None, migration=None)
    return MigrationReport(fit_id=fit.fit_id, migration=fit.migration)


@get("/api/v1/personas/{key:str}", sync_to_thread=True, opt=_READ, tags=["personas"])
def read_portrait(company: NamedDependency[Company], key: FromPath[str]) -> Portrait:
    """What the members of a segment, discovered or any other, are like beside everybody."""
    return find_portrait(company, key)


@get("/api/v1/personas/{key:str}/texts", sync_to_thread=True, opt=_PEOPLE, tags=["personas"])
def read_texts(company: NamedDependency[Company], key: FromPath[str]) -> tuple[Verbatim, ...]:
    """Typical texts of a segment's members, without what names or reaches a person."""
    return texts_of_segment(company, key)


@put("/api/v1/personas/{key:str}/name", sync_to_thread=True, opt=_WRITE, tags=["personas"])
def change_name(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Annotated[PersonaName, Body()],
) -> PersonaName:
    """Name a discovered group; the name stays when groups are searched anew."""
    user: User = request.user
    rename_persona(company, key, data.name, author=user.email)
    return data


routes = (read_personas, ask_for_personas, read_migration, read_portrait, read_texts, change_name)

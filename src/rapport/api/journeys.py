"""Journeys: their definitions and versions, figures, the customers behind them, early warnings."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery
from msgspec import Struct

from rapport.act.journey_alerts import JourneyProblem
from rapport.errors import NotFound
from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.discovery import Proposal
from rapport.understand.journeys.steps import Outcome, Split
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.journeys import (
    JourneyChange,
    JourneyReport,
    JourneyView,
    NamedJourney,
    StepPeople,
    find_journey,
    journey_problems,
    journey_report,
    journey_versions,
    list_journeys,
    proposed_journey,
    save_journey,
    step_people,
    take_back_journey,
)

_READ = {"permission": "dashboard.read"}
_PEOPLE = {"permission": "customers.read"}
_WRITE = {"permission": "segments.write"}


class JourneyDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A journey to be kept; `name` is left out for one that came with the product."""

    definition: JourneyDefinition
    name: str | None = None


@get("/api/v1/journeys", sync_to_thread=True, opt=_READ, tags=["journeys"])
def list_all_journeys(company: NamedDependency[Company]) -> tuple[NamedJourney, ...]:
    """Every journey with its definition."""
    return list_journeys(company)


@get("/api/v1/journeys/proposal", sync_to_thread=True, opt=_READ, tags=["journeys"])
def read_proposal(company: NamedDependency[Company]) -> Proposal:
    """A journey proposed from what customers did in the last year."""
    found = proposed_journey(company)
    if found is None:
        raise NotFound("Too few touchpoints of known customers to propose a journey")
    return found


@get("/api/v1/journeys/warnings", sync_to_thread=True, opt=_READ, tags=["journeys"])
def read_warnings(company: NamedDependency[Company]) -> tuple[JourneyProblem, ...]:
    """Steps of all journeys whose newest week lies above its band."""
    return journey_problems(company)


@post("/api/v1/journeys", sync_to_thread=True, opt=_WRITE, tags=["journeys"])
def make_journey(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    data: Annotated[JourneyDraft, Body()],
) -> NamedJourney:
    """Keep a new journey."""
    user: User = request.user
    key = save_journey(company, name=data.name, definition=data.definition, author=user.email)
    return find_journey(company, key)


@get("/api/v1/journeys/{key:str}", sync_to_thread=True, opt=_READ, tags=["journeys"])
def read_journey(company: NamedDependency[Company], key: FromPath[str]) -> NamedJourney:
    """One journey as it is defined now."""
    return find_journey(company, key)


@get("/api/v1/journeys/{key:str}/versions", sync_to_thread=True, opt=_READ, tags=["journeys"])
def read_versions(
    company: NamedDependency[Company], key: FromPath[str]
) -> tuple[JourneyChange, ...]:
    """How the definition came to be, newest first; empty for one as it came."""
    find_journey(company, key)
    return journey_versions(company, key)


@put("/api/v1/journeys/{key:str}", sync_to_thread=True, opt=_WRITE, tags=["journeys"])
def change_journey(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    key: FromPath[str],
    data: Annotated[JourneyDraft, Body()],
) -> NamedJourney:
    """Keep a new version of a journey; the old ones stay."""
    user: User = request.user
    save_journey(company, name=data.name, definition=data.definition, author=user.email, key=key)
    return find_journey(company, key)


@delete("/api/v1/journeys/{key:str}", sync_to_thread=True, opt=_WRITE, tags=["journeys"])
def forget_journey(
    request: Request[Any, Any, Any], company: NamedDependency[Company], key: FromPath[str]
) -> None:
    """Delete an own journey, or bring one that came with the product back to its first form."""
    user: User = request.user
    take_back_journey(company, key, author=user.email)


@get("/api/v1/journeys/{key:str}/report", sync_to_thread=True, opt=_READ, tags=["journeys"])
def read_report(
    company: NamedDependency[Company],
    key: FromPath[str],
    days: FromQuery[int] = 180,
    by: FromQuery[Split] = "country",
    first: FromQuery[str | None] = None,
    per_customer: FromQuery[bool] = False,
) -> JourneyReport:
    """All figures of a journey: flows, funnel, steps, losses, charts and ways."""
    view = JourneyView(days=days, by=by, first=first, per_customer=per_customer)
    found = journey_report(company, find_journey(company, key), view)
    if found is None:
        raise NotFound(f"No customer was ever at two stages of the journey {key!r}")
    return found


@get("/api/v1/journeys/{key:str}/people", sync_to_thread=True, opt=_PEOPLE, tags=["journeys"])
def read_people(
    company: NamedDependency[Company],
    key: FromPath[str],
    stage: FromQuery[str],
    outcome: FromQuery[Outcome] = "lost",
    days: FromQuery[int] = 180,
    by: FromQuery[Split | None] = None,
    part: FromQuery[str | None] = None,
    page: FromQuery[int] = 1,
) -> StepPeople:
    """The customers behind a figure of the step that begins with ``stage``, the newest first."""
    view = JourneyView(days=days, by=by or "country")
    return step_people(
        company, find_journey(company, key), view, stage, outcome=outcome,
        split=by is not None, part=part, page=page,
    )  # fmt: skip


routes = (
    list_all_journeys,
    read_proposal,
    read_warnings,
    make_journey,
    read_journey,
    read_versions,
    change_journey,
    forget_journey,
    read_report,
    read_people,
)

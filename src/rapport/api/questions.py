"""Questions, the metrics they may ask for, and cohorts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery
from msgspec import Struct

from rapport.errors import InvalidInput, NotAllowed
from rapport.understand.dimensions import DIMENSIONS
from rapport.understand.metrics import METRICS
from rapport.understand.metrics.base import Metric
from rapport.understand.periods import GRAINS
from rapport.understand.question import Question, dimensions_of
from rapport.workflows.company import Company
from rapport.workflows.metrics import PAGE, MetricPeople, filter_of, metric_of, metric_people
from rapport.workflows.questions import CohortTriangle, DisclosedAnswer, ask_cohorts, ask_disclosed
from rapport.workflows.segment_definitions import find_segment

_READ = {"permission": "dashboard.read"}


class DimensionWord(Struct, frozen=True, kw_only=True):
    """What an answer can be split by."""

    name: str
    description: str


class Vocabulary(Struct, frozen=True, kw_only=True):
    """Everything that a question may name."""

    metrics: tuple[Metric, ...]
    dimensions: tuple[DimensionWord, ...]
    splits: dict[str, tuple[str, ...]]  # by metric, the dimensions that it can be split by


@post("/api/v1/questions", sync_to_thread=True, opt=_READ, status_code=200, tags=["questions"])
def ask(company: NamedDependency[Company], data: Annotated[Question, Body()]) -> DisclosedAnswer:
    """Answer a question: metrics × dimensions × filters × time × as known when.

    Where too few people stand behind a cell, it says nothing, nor do those that give it away.
    """
    return ask_disclosed(company, data)


@get("/api/v1/metrics", sync_to_thread=False, opt=_READ, tags=["questions"])
def list_metrics() -> Vocabulary:
    """Every metric with its definition, and every dimension."""
    return Vocabulary(
        metrics=METRICS,
        dimensions=tuple(
            DimensionWord(name=each.name, description=each.description) for each in DIMENSIONS
        ),
        splits={metric.name: dimensions_of(metric) for metric in METRICS},
    )


@get("/api/v1/metrics/{name:str}", sync_to_thread=False, opt=_READ, tags=["questions"])
def read_metric(name: FromPath[str]) -> Metric:
    """One metric with its definition."""
    return metric_of(name)


@get(
    "/api/v1/metrics/{name:str}/people",
    sync_to_thread=True,
    opt={"permission": "customers.read"},
    tags=["questions"],
)
def read_people(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    name: FromPath[str],
    first_day: FromQuery[date],
    last_day: FromQuery[date],
    only: FromQuery[list[str] | None] = None,
    page: FromQuery[int] = 1,
    size: FromQuery[int] = PAGE,
) -> MetricPeople:
    """The customers behind a number, each with what it would be for them alone.

    `last_day` is not included. `only` is a filter such as ``channel=web`` and may be repeated.
    Fewer than five customers are not listed: that would tell of persons.
    """
    if not request.user.may("dashboard.read"):
        raise NotAllowed("Your role may not see figures; ask whoever manages users")
    return metric_people(
        company,
        name,
        first_day=first_day,
        last_day=last_day,
        filters=tuple(filter_of(each) for each in only or ()),
        page=page,
        size=size,
    )


@get("/api/v1/cohorts", sync_to_thread=True, opt=_READ, tags=["questions"])
def read_cohorts(
    company: NamedDependency[Company],
    first_day: FromQuery[date | None] = None,
    last_day: FromQuery[date | None] = None,
    grain: FromQuery[str] = "month",
    segment: FromQuery[str | None] = None,
    as_of: FromQuery[datetime | None] = None,
) -> CohortTriangle:
    """Who comes back, by the period of the first order.

    `first_day` and `last_day` are needed; `last_day` is not included.
    """
    if first_day is None or last_day is None:
        days = {"first_day": first_day, "last_day": last_day}
        missing = " and ".join(f"`{name}`" for name, day in days.items() if day is None)
        raise InvalidInput(
            f"Say {missing}, such as first_day=2026-01-01&last_day=2027-01-01; the last is not "
            f"included. You may also say `grain` ({', '.join(GRAINS)}), `segment` and `as_of`"
        )
    rule = None if segment is None else find_segment(company, segment).rule
    return ask_cohorts(
        company, first_day=first_day, last_day=last_day, grain=grain, segment=rule, as_of=as_of
    )


routes = (ask, list_metrics, read_metric, read_people, read_cohorts)

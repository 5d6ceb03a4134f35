"""Journeys, stages, groups and times as people read them."""

from __future__ import annotations

from urllib.parse import urlencode

from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.watch import Watched
from rapport.web.parts.context import PageContext
from rapport.web.parts.measures import part_name
from rapport.workflows.journeys import JourneyView, NamedJourney

#: Name, seconds, digits after the comma, and up to how many it is used.
_LENGTHS: tuple[tuple[str, int, int, int], ...] = (
    ("minutes", 60, 0, 90),
    ("hours", 3600, 1, 24),
    ("days", 86_400, 1, 0),
)


def journey_name(context: PageContext, key: str, name: str | None) -> str:
    """Its own name, or our words for one that came with the product."""
    return name or context.t(f"journeys.name.{key}")


def stage_name(context: PageContext, key: str, name: str | None) -> str:
    """Its own name, or our words for a ready-made stage."""
    return name or context.t(f"journeys.stage.{key}")


def stage_of(context: PageContext, definition: JourneyDefinition, number: int) -> str:
    """The name of a stage by its number."""
    stage = definition.stages[number]
    return stage_name(context, stage.key, stage.name)


def step_of(context: PageContext, definition: JourneyDefinition, step: int, to: int) -> str:
    """Consider → Buy."""
    return context.t(
        "journeys.arrow",
        stage=stage_of(context, definition, step),
        to=stage_of(context, definition, to),
    )


def group_of(context: PageContext, by: str, part: str | None) -> str:
    """A country, channel or way of coming."""
    return context.t("journeys.unknown_part") if part is None else part_name(context, by, part)


def _length(value: float) -> tuple[str, int, int, int]:
    return next(each for each in _LENGTHS if value < each[1] * each[3] or each is _LENGTHS[-1])


def length_unit(value: float | None) -> float:
    """The seconds of the unit in which a length of time is written."""
    return 1.0 if value is None else float(_length(value)[1])


def seconds(context: PageContext, value: float | None) -> str:
    """A length of time as finely as steps differ; a dash where there is none."""
    if value is None:
        return "–"
    unit, size, digits, _ = _length(value)
    return context.t(
        f"journeys.length.{unit}", value=context.n.decimal(value / size, digits=digits)
    )


def chart_value(context: PageContext, chart: Watched, value: float | None) -> str:
    """A value of a control chart in its unit."""
    if value is None:
        return "–"
    return context.n.share(value) if chart.kind == "failure" else seconds(context, value)


def journey_href(journey: NamedJourney, view: JourneyView, **other: str | int | None) -> str:
    """The page of a journey, with its view and what else is asked."""
    asked: dict[str, str | int | None] = {
        "days": None if view.days == JourneyView().days else view.days,
        "by": None if view.by == JourneyView().by else view.by,
        "first": view.first,
        "per": "customer" if view.per_customer else None,
        **other,
    }
    query = urlencode([(name, value) for name, value in asked.items() if value is not None])
    return f"/journeys/{journey.key}" + (f"?{query}" if query else "")


def people_href(
    journey: NamedJourney, view: JourneyView, stage: str, *, outcome: str = "lost",
    part: str | None = None, split: bool = False, page: int | None = None,
) -> str:  # fmt: skip
    """The customers behind a figure of a step."""
    asked: list[tuple[str, str | int]] = [("stage", stage), ("outcome", outcome)]
    asked += [("days", view.days)] if view.days != JourneyView().days else []
    if split:
        asked += [("by", view.by), ("part", part or "")]
    if page is not None:
        asked.append(("page", page))
    return f"/journeys/{journey.key}/people?{urlencode(asked)}"

"""A typical day: at which hours and on which channels a group is in touch, beside everybody."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import is_too_small
from rapport.understand import relations
from rapport.understand.personas.fact_queries import occasion_steps, parameters_of

#: Who belongs to which group; a customer may belong to several.
GROUPED = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("segment", pa.string(), nullable=False),
    ]
)
#: From 0, 6, 12 and 18 o'clock.
Part = Literal["night", "morning", "afternoon", "evening"]
PARTS: tuple[Part, ...] = Part.__args__  # type: ignore[attr-defined]


class Hour(Struct, frozen=True, kw_only=True):
    """One hour's share of the occasions of weekdays, or of weekends.

    None where fewer customers were in touch then than may be told of.
    """

    weekend: bool
    hour: int
    share: float | None


class Where(Struct, frozen=True, kw_only=True):
    """The share of all occasions that were on a channel in a part of the day; None as in `Hour`."""

    channel: str
    part: Part
    share: float | None


class Day(Struct, frozen=True, kw_only=True):
    """When and where a group was in touch; `hours` are all 48, Monday to Friday first."""

    occasions: int
    weekend_share: float
    hours: tuple[Hour, ...]
    channels: tuple[Where, ...]


_COUNTS = "count(*) AS occasions, count(DISTINCT o.profile_id) AS customers"
_STEPS = (
    Step(
        "grouped_occasions",
        "SELECT '' AS segment, o.* FROM occasions AS o "
        "UNION ALL SELECT g.segment, o.* FROM occasions AS o "
        "JOIN grouped AS g ON g.profile_id = o.profile_id",
    ),
    Step(
        "answer",
        f"SELECT o.segment, '' AS channel, o.weekend, o.hour, {_COUNTS} "
        "FROM grouped_occasions AS o GROUP BY o.segment, o.weekend, o.hour "
        "UNION ALL SELECT o.segment, o.channel, -1 AS weekend, "
        f"CAST(floor(o.hour / 6.0) AS INT) AS hour, {_COUNTS} FROM grouped_occasions AS o "
        "GROUP BY o.segment, o.channel, CAST(floor(o.hour / 6.0) AS INT)",
    ),
)


def day_query(now: datetime, time_zone: str) -> Query:
    """The query behind `typical_days`: one row per group and hour, and per channel and part."""
    asked = parameters_of(now, time_zone)
    steps = (*relations.corrections(as_known_then=False), *occasion_steps(asked), *_STEPS)
    return relations.bind(steps, asked)


def typical_days(
    lake: Lake,
    now: datetime,
    grouped: pa.Table,
    *,
    time_zone: str,
    tables: Mapping[str, pa.Table] | None = None,
) -> dict[str, Day]:
    """When and where groups were in touch in the year before ``now``; "" is everybody.

    Parameters
    ----------
    grouped : pyarrow.Table
        As `GROUPED`.
    time_zone : str
        The company's wall clock.
    """
    rows = lake.ask(day_query(now, time_zone), tables={**(tables or {}), "grouped": grouped})
    by_group: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        by_group.setdefault(row["segment"], []).append(row)
    return {key: _day(own) for key, own in by_group.items()}


def _day(rows: Sequence[Mapping[str, Any]]) -> Day:
    hours = {(row["weekend"], row["hour"]): row for row in rows if not row["channel"]}
    totals = [
        sum(row["occasions"] for (weekend, _), row in hours.items() if weekend == asked)
        for asked in (0, 1)
    ]
    whole = sum(totals)
    return Day(
        occasions=whole,
        weekend_share=totals[1] / whole,
        hours=tuple(
            Hour(
                weekend=bool(weekend),
                hour=hour,
                share=_share(hours.get((weekend, hour)), totals[weekend]),
            )
            for weekend in (0, 1)
            for hour in range(24)
        ),
        channels=tuple(
            Where(channel=row["channel"], part=PARTS[row["hour"]], share=_share(row, whole))
            for row in sorted(rows, key=lambda row: (row["channel"], row["hour"]))
            if row["channel"]
        ),
    )


def _share(row: Mapping[str, Any] | None, whole: int) -> float | None:
    """Of a whole; nothing at all is a share of 0, and of too few people none is told."""
    if row is None:
        return 0.0 if whole else None
    return None if is_too_small(row["customers"]) else float(row["occasions"] / whole)

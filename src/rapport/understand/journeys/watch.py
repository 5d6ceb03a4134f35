"""Early warning: steps that take longer or fail more often than they used to, week by week.

Weeks are of seven days, counted back from the moment looked from, so that the newest is whole.
A week's failures are known once the promised time after it is over; its times are those of the
steps that were completed in it, known at once.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.understand.journeys.control_charts import (
    Point,
    out_since,
    share_chart,
    sigmas,
    time_chart,
)
from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.steps import WEEK, Split, second_of, split_sql, step_rows
from rapport.understand.journeys.walks import DAY, Walked, ask, journey_query

WEEKS = 52
Kind = Literal["failure", "time"]
_Row: TypeAlias = dict[str, Any]
_WEEK_OF = "CAST(floor(($until_second - 1 - ({})) / 604800.0) AS INT)"


class Watched(Struct, frozen=True, kw_only=True):
    """One step of one group as a control chart, weeks oldest first.

    Attributes
    ----------
    kind : {"failure", "time"}
        The share that did not go on in time, by week of entering; the median time in seconds, by
        week of going on.
    weeks : tuple of datetime
        When each began.
    out_since : datetime or None
        Since when, without a break, weeks lie above the band; None: the newest does not.
    complaints_since : datetime or None
        The same of the complaints of the group's customers: None means that they do not say so
        yet.
    """

    step: int
    to: int
    part: str | None
    kind: Kind
    weeks: tuple[datetime, ...]
    points: tuple[Point, ...]
    out_since: datetime | None
    complaints_since: datetime | None

    @property
    def first(self) -> bool:
        """Whether the step says so before complaints do."""
        if self.out_since is None:
            return False
        return self.complaints_since is None or self.out_since < self.complaints_since

    @property
    def newest(self) -> Point | None:
        """The newest week that could be judged."""
        return next((p for p in reversed(self.points) if p.upper is not None), None)


def failure_steps() -> tuple[Step, ...]:
    """Entries and failures of each step and group by week of entering (0: the newest)."""
    return (
        Step(
            "answer",
            f"SELECT stage, to_stage, part, {_WEEK_OF.format('second')} AS week, "
            "count(*) AS entered, "
            "count(CASE WHEN is_on = 0 THEN 1 END) AS failed FROM judged WHERE is_decided = 1 "
            f"GROUP BY stage, to_stage, part, {_WEEK_OF.format('second')} "
            "ORDER BY stage ASC NULLS LAST, part ASC NULLS LAST, week ASC NULLS LAST",
        ),
    )


def time_steps() -> tuple[Step, ...]:
    """The median time of each step and group by week of going on (0: the newest)."""
    return (
        Step(
            "arrived",
            f"SELECT stage, to_stage, part, wait, {_WEEK_OF.format('second + wait')} AS week "
            "FROM judged WHERE wait IS NOT NULL",
        ),
        Step(
            "ranked",
            "SELECT a.*, row_number() OVER (PARTITION BY stage, part, week "
            "ORDER BY wait ASC NULLS LAST) AS place, "
            "count(*) OVER (PARTITION BY stage, part, week) AS waits FROM arrived AS a",
        ),
        Step(
            "answer",
            "SELECT stage, to_stage, part, week, count(*) AS arrived, "
            "min(CASE WHEN 2 * place >= waits THEN wait END) AS median FROM ranked "
            "GROUP BY stage, to_stage, part, week "
            "ORDER BY stage ASC NULLS LAST, part ASC NULLS LAST, week ASC NULLS LAST",
        ),
    )


def complaint_steps(by: str | None = None) -> tuple[Step, ...]:
    """Active customers and those of them who complained, by group and week (0: the newest).

    Active: who entered a stage or said something; complaining: with a ticket or an unhappy word.
    Groups by channel make no sense of a person, so that all are one then.
    """
    whose = None if by == "channel" else by
    customer = "" if whose is None else "LEFT JOIN customers AS c ON c.profile_id = e.profile_id "
    return (
        Step(
            "signs",
            f"SELECT profile_id, {_WEEK_OF.format('second')} AS week, 0 AS is_complaint FROM moves "
            "WHERE second >= $from_second AND second < $until_second UNION ALL "
            f"SELECT profile_id, {_WEEK_OF.format('second')} AS week, "
            "CASE WHEN is_ticket = 1 OR mood = -1 THEN 1 ELSE 0 END AS is_complaint FROM said "
            "WHERE second >= $from_second AND second < $until_second",
        ),
        Step(
            "weeks_of_customers",
            "SELECT profile_id, week, max(is_complaint) AS is_complaint FROM signs "
            "GROUP BY profile_id, week",
        ),
        Step(
            "answer",
            f"SELECT {split_sql(whose)} AS part, e.week, count(*) AS customers, "
            "CAST(sum(e.is_complaint) AS BIGINT) AS complaining FROM weeks_of_customers AS e "
            f"{customer}GROUP BY {split_sql(whose)}, e.week "
            "ORDER BY part ASC NULLS LAST, e.week ASC NULLS LAST",
        ),
    )


def _values(until: datetime) -> dict[str, int]:
    return {"from_second": second_of(until) - WEEKS * WEEK}


def failure_query(
    definition: JourneyDefinition, *, until: datetime, by: Split | None = None
) -> Query:
    """The query behind the charts of failures."""
    steps = (*step_rows(definition, by), *failure_steps())
    return journey_query(definition, until, steps, values=_values(until))


def time_query(definition: JourneyDefinition, *, until: datetime, by: Split | None = None) -> Query:
    """The query behind the charts of times."""
    steps = (*step_rows(definition, by), *time_steps())
    return journey_query(definition, until, steps, values=_values(until))


def complaint_query(
    definition: JourneyDefinition, *, until: datetime, by: Split | None = None
) -> Query:
    """The query behind the chart of complaints."""
    return journey_query(
        definition, until, complaint_steps(by), values=_values(until), reads=("said",)
    )


def watch(
    lake: Lake,
    walked: Walked,
    *,
    by: Split | None = "country",
    tables: Mapping[str, pa.Table] | None = None,
) -> tuple[Watched, ...]:
    """Every step of every group as control charts; those in trouble first, the earliest first."""
    definition, until = walked.definition, walked.until
    values = _values(until)

    # Failures and times are of the same entries, which are judged once.
    judged = ask(lake, walked, step_rows(definition, by), values=values, tables=tables)

    def asked(steps: tuple[Step, ...]) -> list[_Row]:
        given = {**(tables or {}), "judged": judged}
        rows: list[_Row] = ask(lake, walked, steps, values=values, tables=given).to_pylist()
        # Who cannot be placed in a group is mostly who never bought: no group to watch.
        return [row for row in rows if by is None or by == "channel" or row["part"] is not None]

    failed = _by_week(asked(failure_steps()), ("stage", "to_stage", "part"))
    times = _by_week(asked(time_steps()), ("stage", "to_stage", "part"))
    complaints = _by_week(asked(complaint_steps(by)), ("part",))
    begins = [until - timedelta(seconds=WEEK * (n + 1)) for n in range(WEEKS - 1, -1, -1)]
    weeks = tuple(moment.astimezone(UTC) for moment in begins)
    width = sigmas(len(failed) + len(times))
    complained = {
        key[0]: _since(
            share_chart(_shares(found, "complaining", "customers", WEEKS), width=width), weeks
        )
        for key, found in complaints.items()
    }
    charts = []
    for kind, groups in (("failure", failed), ("time", times)):
        for (step, to, part), found in groups.items():
            if kind == "failure":
                # The newest weeks are not decided to their last entry yet.
                open_weeks = -(-definition.limit_days(to) * DAY // WEEK)
                points = share_chart(
                    _shares(found, "failed", "entered", WEEKS)[: WEEKS - open_weeks], width=width
                )
            else:
                points = time_chart(_times(found), width=width)
            charts.append(
                Watched(
                    step=step,
                    to=to,
                    part=part,
                    kind=kind,  # type: ignore[arg-type]
                    weeks=weeks[: len(points)],
                    points=points,
                    out_since=_since(points, weeks),
                    complaints_since=complained.get(None if by == "channel" else part),
                )
            )
    return tuple(
        sorted(
            charts,
            key=lambda c: (
                c.out_since is None, c.out_since or until, c.step, c.part or "", c.kind,
            ),
        )
    )  # fmt: skip


def _by_week(rows: list[_Row], keys: tuple[str, ...]) -> dict[tuple[Any, ...], dict[int, _Row]]:
    found: dict[tuple[Any, ...], dict[int, _Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), {})[row["week"]] = row
    return found


def _shares(found: Mapping[int, _Row], number: str, of: str, weeks: int) -> list[tuple[int, int]]:
    """Oldest first; weeks without entries are (0, 0)."""
    none: _Row = {number: 0, of: 0}
    rows = [found.get(week, none) for week in range(weeks - 1, -1, -1)]
    return [(row[number], row[of]) for row in rows]


def _times(found: Mapping[int, _Row]) -> list[tuple[float | None, int]]:
    rows = [found.get(week) for week in range(WEEKS - 1, -1, -1)]
    return [(None, 0) if row is None else (float(row["median"]), row["arrived"]) for row in rows]


def _since(points: tuple[Point, ...], weeks: tuple[datetime, ...]) -> datetime | None:
    number = out_since(points)
    return None if number is None else weeks[number]

"""The steps between required stages: who entered, who went on in time, how long it took.

A customer enters a step at a journey's first touchpoint of its stage, goes on with their first
later touchpoint of the next required stage, and goes on *in time* when that came within the
promised days (or the window). It may lie in the next journey already: who looks around again while
a parcel is under way still gets it. An entry is *decided* when the time is over: the younger ones
are under way, and count on neither side, or the newest weeks would always look bad.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InvalidInput
from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.walks import DAY, Walked, ask, journey_query

Split = Literal["country", "channel", "acquisition_channel"]
#: How entries may be grouped: the customer's country or way of coming, or where the step began.
SPLITS: dict[str, str] = {
    "country": "c.country",
    "channel": "e.channel",
    "acquisition_channel": "c.acquisition_channel",
}
WEEK = 7 * DAY


class StepFigures(Struct, frozen=True, kw_only=True):
    """One step of all journeys of a period.

    Attributes
    ----------
    step, to : int
        Numbers of the stages.
    entered, customers : int
        Journeys that entered, and of how many customers.
    decided, went_on, late : int
        Entries whose time is over; of them, those that went on in time, and those that went on
        later. The others did not go on.
    first_quartile, median, third_quartile : int or None
        Seconds from entering to going on, of decided entries that went on, late ones too. The
        value that a quarter, half, three quarters do not exceed (definition 1 of Hyndman & Fan).
    """

    step: int
    to: int
    entered: int
    customers: int
    decided: int
    went_on: int
    late: int
    first_quartile: int | None
    median: int | None
    third_quartile: int | None

    @property
    def lost(self) -> int:
        """Decided entries that did not go on in time."""
        return self.decided - self.went_on

    @property
    def share(self) -> float | None:
        """Of decided entries, those that went on in time; None without any."""
        return self.went_on / self.decided if self.decided else None


def split_sql(by: str | None) -> str:
    """What entries are grouped by, as SQL."""
    if by is None:
        return "CAST(NULL AS VARCHAR)"
    if by not in SPLITS:
        raise InvalidInput(f"Steps cannot be split by {by!r}; choose one of {', '.join(SPLITS)}")
    return SPLITS[by]


def _case(values: Mapping[int, int]) -> str:
    branches = " ".join(f"WHEN {stage} THEN {value}" for stage, value in values.items())
    return f"CASE e.stage {branches} END"


def step_rows(definition: JourneyDefinition, by: str | None = None) -> tuple[Step, ...]:
    """One row per journey and step: when it was entered and when it went on."""
    pairs = definition.steps
    to = _case(dict(pairs))
    limit = _case({stage: definition.limit_days(n) * DAY for stage, n in pairs})
    stages = ", ".join(str(stage) for stage, _ in pairs)
    ahead = (
        "OVER (PARTITION BY m.profile_id ORDER BY m.seq ASC NULLS LAST "
        "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
    )
    nexts = "".join(
        f", min(CASE WHEN m.stage = {n} THEN m.second END) {ahead} AS next_{n}" for _, n in pairs
    )
    arrived = " ".join(f"WHEN {stage} THEN e.next_{n}" for stage, n in pairs)
    # The journey in which the stage was entered last: the same one again is no first entry.
    behind = ahead.replace(
        "BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING", "BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    )
    lasts = "".join(
        f", max(CASE WHEN m.stage = {stage} THEN m.journey END) {behind} AS last_{stage}"
        for stage, _ in pairs
    )
    before = " ".join(f"WHEN {stage} THEN e.last_{stage}" for stage, _ in pairs)
    customer = "LEFT JOIN customers AS c ON c.profile_id = e.profile_id "
    return (
        # Windows, not a join: one customer's thousand moves would meet each other a million times.
        Step(
            "entries",
            f"SELECT m.profile_id, m.journey, m.stage, m.second, m.channel{nexts}{lasts} "
            "FROM moves AS m",
        ),
        Step(
            "steps",
            f"SELECT e.profile_id, e.journey, e.stage, e.second, {to} AS to_stage, "
            f"{limit} AS limit_seconds, {split_sql(by)} AS part, "
            f"CASE e.stage {arrived} END - e.second AS wait FROM entries AS e "
            f"{'' if by in (None, 'channel') else customer}"
            f"WHERE coalesce(CASE e.stage {before} END, 0) < e.journey "
            f"AND e.stage IN ({stages}) AND e.second >= $from_second "
            "AND e.second < $until_second",
        ),
        Step(
            "judged",
            "SELECT s.*, CASE WHEN s.second + s.limit_seconds <= $until_second THEN 1 ELSE 0 END "
            "AS is_decided, CASE WHEN s.wait <= s.limit_seconds THEN 1 ELSE 0 END AS is_on "
            "FROM steps AS s",
        ),
    )


def figure_steps(definition: JourneyDefinition) -> tuple[Step, ...]:
    """The chain behind `step_figures`."""
    return (
        *step_rows(definition),
        Step(
            "ranked",
            "SELECT stage, wait, row_number() OVER (PARTITION BY stage "
            "ORDER BY wait ASC NULLS LAST) AS place, count(*) OVER (PARTITION BY stage) AS waits "
            "FROM judged WHERE is_decided = 1 AND wait IS NOT NULL",
        ),
        Step(
            "quartiles",
            "SELECT stage, min(CASE WHEN 4 * place >= waits THEN wait END) AS first_quartile, "
            "min(CASE WHEN 2 * place >= waits THEN wait END) AS median, "
            "min(CASE WHEN 4 * place >= 3 * waits THEN wait END) AS third_quartile "
            "FROM ranked GROUP BY stage",
        ),
        Step(
            "counted",
            "SELECT stage, to_stage, count(*) AS entered, "
            "count(DISTINCT profile_id) AS customers, sum(is_decided) AS decided, "
            "count(CASE WHEN is_decided = 1 AND is_on = 1 THEN 1 END) AS went_on, "
            "count(CASE WHEN is_decided = 1 AND is_on = 0 AND wait IS NOT NULL THEN 1 END) "
            "AS late FROM judged GROUP BY stage, to_stage",
        ),
        Step(
            "answer",
            "SELECT c.stage AS step, c.to_stage, c.entered, c.customers, "
            "CAST(c.decided AS BIGINT) AS decided, c.went_on, c.late, q.first_quartile, "
            "q.median, q.third_quartile FROM counted AS c "
            "LEFT JOIN quartiles AS q ON q.stage = c.stage ORDER BY c.stage ASC NULLS LAST",
        ),
    )


def step_query(definition: JourneyDefinition, *, start: datetime, until: datetime) -> Query:
    """The query behind `step_figures`."""
    return journey_query(
        definition, until, figure_steps(definition), values={"from_second": second_of(start)}
    )


def second_of(moment: datetime) -> int:
    """Seconds since 1970, as moves count them."""
    return int(moment.timestamp())


def step_figures(
    lake: Lake,
    walked: Walked,
    *,
    start: datetime,
    tables: Mapping[str, pa.Table] | None = None,
) -> tuple[StepFigures, ...]:
    """Every step of the journeys, of entries since ``start``; a step nobody entered too.

    References
    ----------
    Hyndman & Fan (1996), Sample Quantiles in Statistical Packages, The American Statistician 50(4).
    """
    definition = walked.definition
    rows = {
        row["step"]: row
        for row in ask(
            lake,
            walked,
            figure_steps(definition),
            values={"from_second": second_of(start)},
            tables=tables,
        ).to_pylist()
    }
    names = StepFigures.__struct_fields__[2:]
    empty = dict.fromkeys(names[:5], 0) | dict.fromkeys(names[5:])
    return tuple(
        StepFigures(step=step, to=to, **{name: rows.get(step, empty)[name] for name in names})
        for step, to in definition.steps
    )


# ── who is behind a figure ─────────────────────────────────────────────────────────────────────


class StepCustomer(Struct, frozen=True, kw_only=True):
    """A customer at a step; `wait_seconds` is None for one who did not go on."""

    profile_id: str
    entered_at: datetime
    wait_seconds: int | None


Outcome = Literal["lost", "went_on", "under_way"]
_OUTCOMES: dict[str, str] = {
    "lost": "j.is_decided = 1 AND j.is_on = 0",
    "went_on": "j.is_decided = 1 AND j.is_on = 1",
    "under_way": "j.is_decided = 0",
}


def customer_steps(
    definition: JourneyDefinition, outcome: str, by: str | None, part: str | None
) -> tuple[Step, ...]:
    """The chain behind `step_customers`: each customer once.

    Of all, the newest entry that ended so. Of a group, the first entry of the period whose time and
    whose counted spending are over: exactly the customers that `bottlenecks` counts.
    """
    if outcome not in _OUTCOMES:
        raise InvalidInput(
            f"There is no outcome {outcome!r} of a step; choose one of {', '.join(_OUTCOMES)}"
        )
    chosen = (
        Step(
            "chosen",
            "SELECT j.profile_id, j.second, j.wait, row_number() OVER (PARTITION BY j.profile_id "
            "ORDER BY j.second DESC NULLS LAST, j.journey DESC NULLS LAST) AS newness "
            f"FROM judged AS j WHERE j.stage = $step AND {_OUTCOMES[outcome]}",
        )
        if by is None
        else Step(
            "chosen",
            "SELECT j.profile_id, j.second, j.wait, 1 AS newness FROM (SELECT d.*, row_number() "
            "OVER (PARTITION BY d.profile_id ORDER BY d.second ASC NULLS LAST, "
            "d.journey ASC NULLS LAST) AS nth FROM judged AS d WHERE d.stage = $step "
            "AND d.is_decided = 1 AND d.second + $value_seconds <= $until_second) AS j "
            f"WHERE j.nth = 1 AND {'j.part = $part' if part else 'j.part IS NULL'} "
            f"AND {_OUTCOMES[outcome]}",
        )
    )
    return (
        *step_rows(definition, by),
        chosen,
        Step(
            "answer",
            "SELECT profile_id, second, wait, count(*) OVER () AS customers FROM chosen "
            "WHERE newness = 1 ORDER BY second DESC NULLS LAST, profile_id ASC NULLS LAST "
            "LIMIT $page_limit OFFSET $page_offset",
        ),
    )


def step_customers(
    lake: Lake,
    walked: Walked,
    step: int,
    *,
    start: datetime,
    outcome: Outcome = "lost",
    by: Split | None = None,
    part: str | None = None,
    limit: int = 50,
    offset: int = 0,
    tables: Mapping[str, pa.Table] | None = None,
) -> tuple[int, tuple[StepCustomer, ...]]:
    """How many customers ended at a step so, and one page of them, the newest first.

    Parameters
    ----------
    by, part
        Only this group, as `bottlenecks` counts it; ``part`` None: those of which it is not known.

    Returns
    -------
    (int, tuple of StepCustomer)
    """
    if step not in {number for number, _ in walked.definition.steps}:
        raise InvalidInput(f"Stage {step} begins no step of this journey")
    values: dict[str, Any] = {
        "from_second": second_of(start),
        "step": step,
        "part": part,
        "page_limit": limit,
        "page_offset": offset,
    }
    rows = ask(
        lake,
        walked,
        customer_steps(walked.definition, outcome, by, part),
        values=values,
        tables=tables,
    ).to_pylist()
    found = tuple(
        StepCustomer(
            profile_id=row["profile_id"],
            entered_at=datetime.fromtimestamp(row["second"], UTC),
            wait_seconds=row["wait"],
        )
        for row in rows
    )
    return (rows[0]["customers"] if rows else 0), found

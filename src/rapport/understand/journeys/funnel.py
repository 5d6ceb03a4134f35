"""Funnels: how far journeys come, stage by stage, in strict order and within a window."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InvalidInput
from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.steps import second_of
from rapport.understand.journeys.walks import DAY, Walked, ask, journey_query


class FunnelStage(Struct, frozen=True, kw_only=True):
    """How many came to a stage: journeys, and customers with at least one such journey."""

    stage: int
    journeys: int
    customers: int


class Funnel(Struct, frozen=True, kw_only=True):
    """Journeys that entered the first stage in the period, and how far they came.

    `under_way` entered too lately for the window to be over; they are counted nowhere else.
    """

    stages: tuple[FunnelStage, ...]
    under_way: int


def funnel_stages(definition: JourneyDefinition, first: int | None = None) -> tuple[int, ...]:
    """Required stages from ``first`` on; ``first`` itself may be an optional one."""
    if first is None:
        return definition.required
    if not 0 <= first < len(definition.stages):
        raise InvalidInput(f"This journey has no stage {first}")
    stages = (first, *(n for n in definition.required if n > first))
    if len(stages) < 2:
        raise InvalidInput("A funnel needs a required stage after the one it begins with")
    return stages


def funnel_steps(
    definition: JourneyDefinition, first: int | None = None, *, per_customer: bool = False
) -> tuple[Step, ...]:
    """The chain behind `funnel`: one step per stage, each reading the one before.

    The earliest touchpoint that fits is taken each time: if any later one would let the journey
    come further in time, so does the earliest.
    """
    stages = funnel_stages(definition, first)
    # Numbers and seconds rise together, so that the least of each belong to one touchpoint.
    journey = "min(m.journey)" if per_customer else "m.journey"
    grouped = "m.profile_id" if per_customer else "m.profile_id, m.journey"
    chain = [
        Step(
            "firsts",
            f"SELECT m.profile_id, {journey} AS journey, min(m.seq) AS seq, "
            f"min(m.second) AS second FROM moves AS m WHERE m.stage = {stages[0]} "
            f"AND m.second >= $from_second AND m.second < $until_second GROUP BY {grouped}",
        ),
        Step(
            "reached_0",
            "SELECT profile_id, journey, seq, second, second AS began FROM firsts "
            "WHERE second + $window <= $until_second",
        ),
    ]
    for number, stage in enumerate(stages[1:], 1):
        promised = definition.stages[stage].within_days
        within = "" if promised is None else f" AND m.second - r.second <= {promised * DAY}"
        same = "" if per_customer else " AND m.journey = r.journey"
        chain.append(
            Step(
                f"reached_{number}",
                "SELECT r.profile_id, r.journey, min(m.seq) AS seq, min(m.second) AS second, "
                f"r.began FROM reached_{number - 1} AS r JOIN moves AS m "
                f"ON m.profile_id = r.profile_id{same} AND m.stage = {stage} "
                f"AND m.seq > r.seq AND m.second - r.began <= $window{within} "
                "GROUP BY r.profile_id, r.journey, r.began",
            )
        )
    counts = " UNION ALL ".join(
        f"SELECT {number} AS step, {stage} AS stage, count(*) AS journeys, "
        f"count(DISTINCT profile_id) AS customers FROM reached_{number}"
        for number, stage in enumerate(stages)
    )
    young = (
        "SELECT -1 AS step, -1 AS stage, count(*) AS journeys, "
        "count(DISTINCT profile_id) AS customers FROM firsts "
        "WHERE second + $window > $until_second"
    )
    chain.append(Step("counts", f"{counts} UNION ALL {young}"))
    chain.append(Step("answer", "SELECT * FROM counts ORDER BY step ASC NULLS LAST"))
    return tuple(chain)


def _values(definition: JourneyDefinition, start: datetime) -> dict[str, int]:
    return {"from_second": second_of(start), "window": definition.window_days * DAY}


def funnel_query(
    definition: JourneyDefinition,
    *,
    start: datetime,
    until: datetime,
    first: int | None = None,
    per_customer: bool = False,
) -> Query:
    """The query behind `funnel`."""
    return journey_query(
        definition,
        until,
        funnel_steps(definition, first, per_customer=per_customer),
        values=_values(definition, start),
    )


def funnel(
    lake: Lake,
    walked: Walked,
    *,
    start: datetime,
    first: int | None = None,
    per_customer: bool = False,
    tables: Mapping[str, pa.Table] | None = None,
) -> Funnel:
    """How many journeys that entered the first stage since ``start`` came to each later one.

    Parameters
    ----------
    first : int, optional
        Number of the stage to begin with; by default the first required one.
    per_customer : bool
        Count each customer once, from the first entry on, whatever journey the rest lies in.
    """
    definition = walked.definition
    rows = ask(
        lake,
        walked,
        funnel_steps(definition, first, per_customer=per_customer),
        values=_values(definition, start),
        tables=tables,
    ).to_pylist()
    return Funnel(
        stages=tuple(
            FunnelStage(stage=row["stage"], journeys=row["journeys"], customers=row["customers"])
            for row in rows
            if row["step"] >= 0
        ),
        under_way=next(row["journeys"] for row in rows if row["step"] < 0),
    )

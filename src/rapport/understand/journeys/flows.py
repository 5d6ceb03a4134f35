"""Flows: from which stage journeys go forward to which, for a Sankey diagram.

A journey goes forward when it enters a stage later in order than all before; what it repeats or
goes back to is left out, so that the picture has no circles and every journey is in it once: it
comes in at its first stage, and leaves at the furthest.

References
----------
Sankey (1898), The Thermal Efficiency of Steam Engines; Riehmann, Hanfler & Froehlich (2005),
Interactive Sankey Diagrams, IEEE InfoVis.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.steps import second_of
from rapport.understand.journeys.walks import Walked, ask, journey_query

End = Literal["goal", "ended", "under_way"]


class Flow(Struct, frozen=True, kw_only=True):
    """Journeys that went from one stage forward to another, or ended there (`to` None).

    `end` says how: with the goal reached before or there; without; or not yet, since the silence
    that ends a journey is not over.
    """

    stage: int
    to: int | None
    end: End | None
    journeys: int
    customers: int


class Follows(Struct, frozen=True, kw_only=True):
    """How often one stage directly followed another, circles included."""

    stage: int
    to: int
    times: int
    journeys: int


_BEGUN = (
    "SELECT m.profile_id, m.journey, m.seq, m.stage, m.second, m.ended FROM moves AS m "
    "JOIN (SELECT profile_id, journey FROM moves WHERE seq = journey AND second >= $from_second "
    "AND second < $until_second) AS b ON b.profile_id = m.profile_id AND b.journey = m.journey"
)
_BY_JOURNEY = "PARTITION BY {0}.profile_id, {0}.journey ORDER BY {0}.seq ASC NULLS LAST"


def flow_steps(definition: JourneyDefinition) -> tuple[Step, ...]:
    """The chain behind `flows`."""
    by = _BY_JOURNEY.format("b")
    goal = -1 if definition.goal is None else definition.place(definition.goal)
    return (
        Step("of_period", _BEGUN),
        Step(
            "furthest",
            "SELECT b.*, "
            f"max(b.stage) OVER ({by} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) "
            "AS furthest_before FROM of_period AS b",
        ),
        Step(
            "forward",
            "SELECT b.profile_id, b.journey, b.stage, b.ended, "
            f"lead(b.stage) OVER ({by}) AS to_stage FROM furthest AS b "
            "WHERE b.furthest_before IS NULL OR b.stage > b.furthest_before",
        ),
        Step(
            "goals",
            f"SELECT DISTINCT profile_id, journey FROM moves WHERE stage = {goal}",
        ),
        Step(
            "ended",
            "SELECT f.profile_id, f.stage, f.to_stage, CASE WHEN f.to_stage IS NOT NULL THEN NULL "
            "WHEN g.journey IS NOT NULL THEN 'goal' "
            "WHEN f.ended + $silence > $until_second THEN 'under_way' ELSE 'ended' END AS ending "
            "FROM forward AS f LEFT JOIN goals AS g "
            "ON g.profile_id = f.profile_id AND g.journey = f.journey",
        ),
        Step(
            "answer",
            "SELECT stage, to_stage, ending, count(*) AS journeys, "
            "count(DISTINCT profile_id) AS customers FROM ended GROUP BY stage, to_stage, ending "
            "ORDER BY stage ASC NULLS LAST, to_stage ASC NULLS LAST, ending ASC NULLS LAST",
        ),
    )


def follow_steps() -> tuple[Step, ...]:
    """The chain behind `directly_follows`."""
    return (
        Step("of_period", _BEGUN),
        Step(
            "pairs",
            "SELECT b.profile_id, b.journey, b.stage, "
            f"lead(b.stage) OVER ({_BY_JOURNEY.format('b')}) AS to_stage FROM of_period AS b",
        ),
        Step(
            "pairs_of_journey",
            "SELECT profile_id, journey, stage, to_stage, count(*) AS times FROM pairs "
            "WHERE to_stage IS NOT NULL GROUP BY profile_id, journey, stage, to_stage",
        ),
        Step(
            "answer",
            "SELECT stage, to_stage, CAST(sum(times) AS BIGINT) AS times, count(*) AS journeys "
            "FROM pairs_of_journey GROUP BY stage, to_stage "
            "ORDER BY stage ASC NULLS LAST, to_stage ASC NULLS LAST",
        ),
    )


def flow_query(definition: JourneyDefinition, *, start: datetime, until: datetime) -> Query:
    """The query behind `flows`."""
    return journey_query(
        definition, until, flow_steps(definition), values={"from_second": second_of(start)}
    )


def follow_query(definition: JourneyDefinition, *, start: datetime, until: datetime) -> Query:
    """The query behind `directly_follows`."""
    return journey_query(
        definition, until, follow_steps(), values={"from_second": second_of(start)}
    )


def flows(
    lake: Lake,
    walked: Walked,
    *,
    start: datetime,
    tables: Mapping[str, pa.Table] | None = None,
) -> tuple[Flow, ...]:
    """Forward flows of the journeys that began since ``start``."""
    rows = ask(
        lake,
        walked,
        flow_steps(walked.definition),
        values={"from_second": second_of(start)},
        tables=tables,
    ).to_pylist()
    return tuple(
        Flow(
            stage=row["stage"], to=row["to_stage"], end=row["ending"],
            journeys=row["journeys"], customers=row["customers"],
        )
        for row in rows
    )  # fmt: skip


def directly_follows(
    lake: Lake,
    walked: Walked,
    *,
    start: datetime,
    tables: Mapping[str, pa.Table] | None = None,
) -> tuple[Follows, ...]:
    """Which stage followed which, as process mining counts it.

    References
    ----------
    van der Aalst (2016), Process Mining: Data Science in Action, section 6.2: the directly-follows
    graph.
    """
    rows = ask(
        lake, walked, follow_steps(), values={"from_second": second_of(start)}, tables=tables
    ).to_pylist()
    return tuple(
        Follows(stage=row["stage"], to=row["to_stage"], times=row["times"],
                journeys=row["journeys"])
        for row in rows
    )  # fmt: skip

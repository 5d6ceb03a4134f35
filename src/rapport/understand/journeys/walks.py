"""Touchpoints as walks: each customer's moves from stage to stage, cut into journeys.

Read `walk_steps` first: a list of named SELECTs. Its last one, ``moves``, has one row each time a
customer enters another stage, and is all that the other queries of this folder read; so a page that
asks many of them has it made once (`walk`) and hands it to each (`ask`).
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.understand.journeys.definition import COLUMNS, JourneyDefinition, Stage
from rapport.understand.knowledge import Knowledge

DAY = 86_400
_SECOND = "CAST(floor(epoch({})) AS BIGINT)"
#: A score as a share of its scale; null where it has none.
_SHARE = (
    "CASE WHEN t.scale_max > t.scale_min "
    "THEN (t.score - t.scale_min) / (t.scale_max - t.scale_min) END"
)
_VALUES = {name: f"t.{name}" for name in COLUMNS} | {"amount": "t.amount_base", "score": _SHARE}
_SIGNS = {"is": "=", "is_not": "<>", "at_least": ">=", "at_most": "<="}
#: One order of a customer's touchpoints; of the same moment the earlier stage comes first.
_IN_ORDER = (
    "PARTITION BY v.profile_id ORDER BY v.occurred_at ASC NULLS LAST, v.stage ASC NULLS LAST, "
    "v.position ASC NULLS LAST"
)
_BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
_SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


class Walked(Struct, frozen=True, kw_only=True):
    """What was made once: the moves, the sales and the words of named customers.

    `moves` has the columns ``profile_id journey seq stage second channel ended``: `journey` is the
    number of its first touchpoint among the customer's, so that (profile_id, journey) names it;
    `second` and `ended` (the journey's last touchpoint) count since 1970. `sales` has
    ``profile_id second amount``; `said` has ``profile_id second position mood is_ticket``, see
    `said_steps`.
    """

    definition: JourneyDefinition
    until: datetime
    moves: pa.Table
    sales: pa.Table
    said: pa.Table


def stage_sql(stage: Stage, parameters: dict[str, Any], prefix: str) -> str:
    """Whether a touchpoint ``t`` fits a stage; values are added to ``parameters``."""
    parts = []
    for column, values in (("type", stage.types), ("channel", stage.channels)):
        if values:
            names = [f"{prefix}_{column}_{n}" for n in range(len(values))]
            parameters |= dict(zip(names, values, strict=True))
            parts.append(f"t.{column} IN ({', '.join(f'${name}' for name in names)})")
    for n, each in enumerate(stage.conditions):
        name = f"{prefix}_value_{n}"
        number = COLUMNS[each.column] == "number"
        # As text and back: engines that bind a number as a double compare money inexactly.
        parameters[name] = repr(float(each.value)) if number else each.value
        bound = f"CAST(${name} AS DOUBLE)" if number else f"${name}"
        value = f"CAST({_VALUES[each.column]} AS DOUBLE)" if number else _VALUES[each.column]
        parts.append(f"coalesce({value} {_SIGNS[each.operator]} {bound}, FALSE)")
    return "(" + " AND ".join(parts) + ")"


def walk_parameters(definition: JourneyDefinition, until: datetime) -> dict[str, Any]:
    """What every query of a journey binds."""
    return {
        **relations.TYPES,
        "end": until,
        "until_second": int(until.timestamp()),
        "silence": definition.silence_days * DAY,
        "value_seconds": definition.value_days * DAY,
        "happy_words": repr(HAPPY_WORDS),
        "unhappy_words": repr(UNHAPPY_WORDS),
    }


def place_in_stages(definition: JourneyDefinition, parameters: dict[str, Any]) -> tuple[Step, ...]:
    """Touchpoints that hold, of known customers, each with the number of its stage."""
    fits = [stage_sql(stage, parameters, f"stage_{n}") for n, stage in enumerate(definition.stages)]
    branches = " ".join(f"WHEN {sql} THEN {n}" for n, sql in enumerate(fits))
    # Each fit is tested in the condition too: an engine then reads no rows of other types.
    return (
        Step(
            "staged",
            "SELECT t.atom_id, t.position, t.occurred_at, t.channel, "
            f"CASE {branches} END AS stage "
            "FROM touchpoints AS t LEFT JOIN left_out AS r ON r.position = t.position "
            "WHERE t.atom_id IS NOT NULL AND t.occurred_at < $end AND r.position IS NULL "
            f"AND ({' OR '.join(fits)})",
        ),
        Step(
            "visits",
            "SELECT m.profile_id, s.stage, s.occurred_at, s.position, s.channel, "
            f"{_SECOND.format('s.occurred_at')} AS second "
            "FROM staged AS s JOIN membership AS m ON m.atom_id = s.atom_id",
        ),
    )


def find_silences() -> tuple[Step, ...]:
    """Each customer's touchpoints numbered, and whether silence came before."""
    return (
        Step(
            "numbered",
            "SELECT v.profile_id, v.stage, v.second, v.channel, "
            f"row_number() OVER ({_IN_ORDER}) AS seq, "
            f"lag(v.second) OVER ({_IN_ORDER}) AS before "
            "FROM visits AS v",
        ),
        Step(
            "spaced",
            "SELECT n.*, CASE WHEN n.before IS NULL OR n.second - n.before > $silence "
            "THEN 1 ELSE 0 END AS is_break FROM numbered AS n",
        ),
    )


_BY_NUMBER = "PARTITION BY s.profile_id ORDER BY s.seq ASC NULLS LAST"


def find_beginnings(definition: JourneyDefinition) -> tuple[Step, ...]:
    """The touchpoints that begin a journey, and those that belong to one."""
    starts = [definition.place(key) for key in definition.starts]
    starts = starts or list(range(len(definition.stages)))
    is_start = f"s.stage IN ({', '.join(map(str, starts))})"
    goal = -1 if definition.goal is None else definition.place(definition.goal)
    return (
        Step(
            "looked_back",
            f"SELECT s.profile_id, s.stage, s.second, s.channel, s.seq, "
            f"CASE WHEN {is_start} THEN 1 ELSE 0 END AS is_start, "
            f"max(CASE WHEN s.is_break = 1 THEN s.seq END) OVER ({_BY_NUMBER} {_SO_FAR}) "
            "AS run_began, "
            f"max(CASE WHEN {is_start} THEN s.seq END) OVER ({_BY_NUMBER} {_BEFORE}) "
            "AS last_start, "
            f"max(CASE WHEN s.stage = {goal} THEN s.seq END) OVER ({_BY_NUMBER} {_BEFORE}) "
            "AS last_goal FROM spaced AS s",
        ),
        Step(
            "begun",
            "SELECT s.profile_id, s.stage, s.second, s.channel, s.seq, s.run_began, "
            "max(CASE WHEN s.is_start = 1 AND (s.last_start IS NULL "
            "OR s.last_start < s.run_began OR s.last_goal >= s.last_start) THEN s.seq END) "
            f"OVER ({_BY_NUMBER} {_SO_FAR}) AS journey FROM looked_back AS s",
        ),
        Step(
            "held",
            "SELECT b.profile_id, b.stage, b.second, b.channel, b.seq, b.journey, "
            "lag(b.stage) OVER (PARTITION BY b.profile_id ORDER BY b.seq ASC NULLS LAST) "
            "AS stage_before FROM begun AS b WHERE b.journey >= b.run_began",
        ),
    )


def keep_moves() -> tuple[Step, ...]:
    """One row per stage entered; staying in it is no move."""
    return (
        Step(
            "journey_ends",
            "SELECT profile_id, journey, max(second) AS ended FROM held "
            "GROUP BY profile_id, journey",
        ),
        Step(
            "moves",
            "SELECT h.profile_id, h.journey, h.seq, h.stage, h.second, h.channel, e.ended "
            "FROM held AS h JOIN journey_ends AS e "
            "ON e.profile_id = h.profile_id AND e.journey = h.journey "
            "WHERE h.seq = h.journey OR h.stage <> h.stage_before",
        ),
    )


def walk_steps(definition: JourneyDefinition, parameters: dict[str, Any]) -> tuple[Step, ...]:
    """The chain from touchpoints to ``moves``; values are added to ``parameters``."""
    return (
        *relations.corrections(as_known_then=False),
        *place_in_stages(definition, parameters),
        *find_silences(),
        *find_beginnings(definition),
        *keep_moves(),
    )


def sale_steps() -> tuple[Step, ...]:
    """What named customers paid and got back, and when: the step ``spent``."""
    return (
        *relations.sales(as_known_then=False, since=""),
        *relations.named_sales(),
        Step(
            "spent",
            f"SELECT n.profile_id, {_SECOND.format('n.occurred_at')} AS second, "
            "n.amount_base AS amount FROM named_sales AS n "
            "WHERE n.profile_id IS NOT NULL AND n.amount_base IS NOT NULL",
        ),
    )


#: From which sentiment words are happy ones, and up to which unhappy ones, without a score.
HAPPY_WORDS, UNHAPPY_WORDS = 0.35, -0.35


def said_steps() -> tuple[Step, ...]:
    """Each scored or judged touchpoint of a named customer, and each ticket: the step ``said``.

    `mood` is 1 where the customer was happy, -1 unhappy, 0 neither, null for a ticket that nobody
    judged. A score counts before words. On 0 … 10 happy and unhappy are the promoters (9, 10) and
    detractors (0 … 6) of the Net Promoter Score; elsewhere the upper and the lowest quarter of the
    scale (4 and 5 of 5; 1 and 2 of 5), since people do not use a scale of five as one of eleven.

    References
    ----------
    Reichheld (2003), The One Number You Need to Grow, Harvard Business Review 81(12).
    """
    ten = "t.scale_min = 0 AND t.scale_max = 10"
    # Multiplied, not divided: a third of a scale is no double.
    mood = (
        "CASE WHEN t.score IS NOT NULL AND t.scale_max > t.scale_min THEN CASE "
        f"WHEN {ten} AND t.score >= 9 THEN 1 WHEN {ten} AND t.score <= 6 THEN -1 "
        f"WHEN {ten} THEN 0 "
        "WHEN 4 * (t.score - t.scale_min) >= 3 * (t.scale_max - t.scale_min) THEN 1 "
        "WHEN 4 * (t.score - t.scale_min) <= t.scale_max - t.scale_min THEN -1 ELSE 0 END "
        "WHEN t.sentiment >= CAST($happy_words AS DOUBLE) THEN 1 "
        "WHEN t.sentiment <= CAST($unhappy_words AS DOUBLE) THEN -1 "
        "WHEN t.sentiment IS NOT NULL THEN 0 END"
    )
    return (
        Step(
            "uttered",
            f"SELECT t.atom_id, t.occurred_at, t.position, {mood} AS mood, "
            "CASE WHEN t.type = $ticket_opened THEN 1 ELSE 0 END AS is_ticket "
            "FROM touchpoints AS t LEFT JOIN left_out AS r ON r.position = t.position "
            "WHERE t.atom_id IS NOT NULL AND t.occurred_at < $end AND r.position IS NULL "
            "AND (t.score IS NOT NULL OR t.sentiment IS NOT NULL OR t.type = $ticket_opened)",
        ),
        Step(
            "said",
            f"SELECT m.profile_id, {_SECOND.format('u.occurred_at')} AS second, u.position, "
            "u.mood, u.is_ticket FROM uttered AS u JOIN membership AS m ON m.atom_id = u.atom_id",
        ),
    )


def journey_query(
    definition: JourneyDefinition,
    until: datetime,
    steps: tuple[Step, ...],
    *,
    values: Mapping[str, Any] | None = None,
    reads: tuple[str, ...] = (),
) -> Query:
    """A whole query from touchpoints to an answer, for an engine that has nothing made yet.

    Parameters
    ----------
    steps : tuple of Step
        Of one of this folder's questions; they read ``moves``, and those of `reads`.
    values : mapping, optional
        What they bind beside `walk_parameters`.
    reads : tuple of str
        Of "spent" and "said".
    """
    parameters = {**walk_parameters(definition, until), **(values or {})}
    chain = walk_steps(definition, parameters)
    chain = (*chain, *(sale_steps() if "spent" in reads else ()))
    chain = (*chain, *(said_steps() if "said" in reads else ()))
    return relations.bind((*chain, *steps), parameters)


_ORDER = Step(
    "answer",
    "SELECT profile_id, journey, seq, stage, second, channel, ended FROM moves "
    "ORDER BY profile_id ASC NULLS LAST, seq ASC NULLS LAST",
)


def moves_query(definition: JourneyDefinition, until: datetime) -> Query:
    """The query behind `walk`, in an order that every engine gives alike."""
    return journey_query(definition, until, (_ORDER,))


def walk(
    lake: Lake,
    definition: JourneyDefinition,
    *,
    until: datetime,
    tables: Mapping[str, pa.Table] | None = None,
    known: Knowledge | None = None,
) -> Walked:
    """Every move of every customer before ``until``, and what they spent.

    Parameters
    ----------
    until : datetime
        Later touchpoints are not read; a journey whose silence is not over then is under way.
    known : Knowledge, optional
        What no longer holds, to spare finding it again.
    """
    given = dict(tables or {})
    if known is not None:
        given["left_out"] = known.left_out
    parameters = walk_parameters(definition, until)
    settled = relations.corrections(as_known_then=False)
    made: dict[str, pa.Table] = {}
    for name, steps in (
        ("moves", walk_steps(definition, parameters)),
        ("sales", (*settled, *sale_steps())),
        ("said", (*settled, *said_steps())),
    ):
        chain = steps if known is None else tuple(s for s in steps if s not in settled)
        made[name] = lake.ask(relations.bind(chain, parameters), tables=given)
    return Walked(definition=definition, until=until, **made)


def ask(
    lake: Lake,
    walked: Walked,
    steps: tuple[Step, ...],
    *,
    values: Mapping[str, Any] | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> pa.Table:
    """The answer of a question's steps over moves that were made before."""
    parameters = {**walk_parameters(walked.definition, walked.until), **(values or {})}
    query = relations.bind(steps, parameters)
    return lake.ask(
        query,
        tables={
            **(tables or {}),
            "moves": walked.moves,
            "spent": walked.sales,
            "said": walked.said,
        },
    )

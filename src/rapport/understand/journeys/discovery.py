"""A journey proposed from the data: which stages customers pass, and in which order.

The commonest types of touchpoint are walked as if each were a stage. Types that the default map
knows are put together into its stages, any other stands alone. Stages are ordered by who comes
first: over all other stages, the mean share of journeys with both in which it is entered before
the other (a Borda count of precedence). Directly-follows counts illustrate the order.

References
----------
van der Aalst (2016), Process Mining: Data Science in Action, ch. 6; Borda (1784), Mémoire sur les
élections au scrutin.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from statistics import fmean

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Step
from rapport.understand import relations
from rapport.understand.journeys.definition import MOST_STAGES, JourneyDefinition, Stage
from rapport.understand.journeys.flows import Follows, directly_follows
from rapport.understand.journeys.ready_made import DEFAULT_STAGES
from rapport.understand.journeys.steps import second_of
from rapport.understand.journeys.walks import ask, walk
from rapport.understand.knowledge import Knowledge
from rapport.vocabulary import touchpoint as v

#: What the company did, not the customer: no step of a customer's way.
_OURS = frozenset({
    v.MESSAGE_SENT, v.MESSAGE_DELIVERED, v.MESSAGE_BOUNCED, v.CALL_MADE, v.IDENTIFIED,
    v.TICKET_UPDATED, v.MYSTERY_VISIT_SCORED, v.COMPETITOR_OFFER_SEEN, v.FOOTFALL_COUNTED,
    v.GOODS_MOVED, v.CONSENT_GIVEN, v.CONSENT_WITHDRAWN, v.PAYMENT_RECEIVED, v.MESSAGE_OPENED,
})  # fmt: skip
#: Stages of the default map with which a new round begins once something was bought.
_OPENING = ("discover", "consider", "buy")
#: Of customers seen at all, those who must have come by for a type to be looked at.
FEWEST_SHARE = 0.01
#: Of journeys, those that come by a stage that is not optional, and that begin with a start stage.
REQUIRED_SHARE, START_SHARE = 0.25, 0.1


class TypeCount(Struct, frozen=True, kw_only=True):
    """How often a type of touchpoint of known customers occurs."""

    type: str
    channels: tuple[str, ...]
    touchpoints: int
    customers: int


class SeenStage(Struct, frozen=True, kw_only=True):
    """A stage as customers pass it; `before` is how often it comes before others, 0 … 1."""

    stage: Stage
    journeys: int
    share: float
    before: float


class Proposal(Struct, frozen=True, kw_only=True):
    """A definition made from the data, with what speaks for it."""

    definition: JourneyDefinition
    seen: tuple[SeenStage, ...]
    follows: tuple[Follows, ...]
    journeys: int


def type_steps() -> tuple[Step, ...]:
    """The chain behind `type_counts`."""
    return (
        Step(
            "named",
            "SELECT m.profile_id, t.type, t.channel FROM touchpoints AS t "
            "JOIN membership AS m ON m.atom_id = t.atom_id "
            "WHERE t.occurred_at >= $start AND t.occurred_at < $end "
            f"AND {relations.DONE} AND {relations.NO_DETAIL}",
        ),
        Step(
            "answer",
            "SELECT type, channel, count(*) AS touchpoints, "
            "count(DISTINCT profile_id) AS customers FROM named GROUP BY type, channel "
            "ORDER BY customers DESC NULLS LAST, type ASC NULLS LAST, channel ASC NULLS LAST",
        ),
    )


def type_counts(
    lake: Lake,
    *,
    start: datetime,
    until: datetime,
    tables: Mapping[str, pa.Table] | None = None,
) -> tuple[TypeCount, ...]:
    """What customers did, by type; what most did first. Those of several channels count once each.

    ``customers`` is the largest number on one channel: a person on two channels is one person.
    """
    query = relations.bind(type_steps(), {**relations.TYPES, "start": start, "end": until})
    found: dict[str, TypeCount] = {}
    for row in lake.ask(query, tables=tables).to_pylist():
        old = found.get(row["type"])
        found[row["type"]] = TypeCount(
            type=row["type"],
            channels=(*(old.channels if old else ()), row["channel"]),
            touchpoints=row["touchpoints"] + (old.touchpoints if old else 0),
            customers=max(row["customers"], old.customers if old else 0),
        )
    return tuple(sorted(found.values(), key=lambda each: (-each.customers, each.type)))


def precedence_steps() -> tuple[Step, ...]:
    """How many journeys come by each two stages, and by which first; a stage with itself too."""
    return (
        Step(
            "firsts",
            "SELECT profile_id, journey, stage, min(seq) AS seq FROM moves "
            "WHERE second >= $from_second AND second < $until_second "
            "GROUP BY profile_id, journey, stage",
        ),
        Step(
            "answer",
            "SELECT a.stage, b.stage AS other, count(*) AS journeys, "
            "count(CASE WHEN a.seq < b.seq THEN 1 END) AS before, "
            "count(CASE WHEN a.seq = a.journey THEN 1 END) AS began "
            "FROM firsts AS a JOIN firsts AS b ON b.profile_id = a.profile_id "
            "AND b.journey = a.journey GROUP BY a.stage, b.stage "
            "ORDER BY a.stage ASC NULLS LAST, b.stage ASC NULLS LAST",
        ),
    )


def propose(
    lake: Lake,
    *,
    start: datetime,
    until: datetime,
    silence_days: int = 60,
    tables: Mapping[str, pa.Table] | None = None,
    known: Knowledge | None = None,
) -> Proposal | None:
    """A definition made of what customers did since ``start``; None where they did too little."""
    counts = [
        each
        for each in type_counts(lake, start=start, until=until, tables=tables)
        if each.type not in _OURS
    ]
    if not counts:
        return None
    most = max(each.customers for each in counts)
    stages = _grouped([each for each in counts if each.customers >= FEWEST_SHARE * most])
    if len(stages) < 2:
        return None
    found = {stage.key for stage in stages}
    # Cut at each purchase as the ready-made journeys are: in a year of one customer everything
    # comes before everything.
    trial = JourneyDefinition(
        stages=stages,
        starts=tuple(key for key in _OPENING if key in found) if "buy" in found else (),
        goal="buy" if "buy" in found else None,
        silence_days=silence_days,
    )
    walked = walk(lake, trial, until=until, tables=tables, known=known)
    values = {"from_second": second_of(start)}
    pairs = ask(lake, walked, precedence_steps(), values=values, tables=tables).to_pylist()
    rows = {row["stage"]: row for row in pairs if row["stage"] == row["other"]}
    journeys = sum(row["began"] for row in rows.values())
    if not journeys or len(rows) < 2:
        return None
    before = {
        stage: fmean(
            [r["before"] / r["journeys"] for r in pairs if stage == r["stage"] != r["other"]]
            or [0.5]
        )
        for stage in rows
    }
    order = sorted(rows, key=lambda stage: (-before[stage], stage))
    common = sorted(order, key=lambda stage: -rows[stage]["journeys"])[:2]
    seen = []
    for number in order:
        row = rows[number]
        share = row["journeys"] / journeys
        optional = share < REQUIRED_SHARE and number not in common
        old = stages[number]
        stage = Stage(key=old.key, name=old.name, types=old.types, optional=optional)
        seen.append(
            SeenStage(stage=stage, journeys=row["journeys"], share=share, before=before[number])
        )
    keys = [each.stage.key for each in seen]
    definition = JourneyDefinition(
        stages=tuple(each.stage for each in seen),
        starts=tuple(
            stages[number].key
            for number in order
            if rows[number]["began"] >= START_SHARE * journeys
        ),
        goal="buy" if "buy" in keys else None,
        silence_days=silence_days,
    )
    numbers = {old: new for new, old in enumerate(order)}
    follows = tuple(
        Follows(stage=numbers[f.stage], to=numbers[f.to], times=f.times, journeys=f.journeys)
        for f in directly_follows(lake, walked, start=start, tables=tables)
        if f.stage in numbers and f.to in numbers
    )
    return Proposal(definition=definition, seen=tuple(seen), follows=follows, journeys=journeys)


def _grouped(counts: list[TypeCount]) -> tuple[Stage, ...]:
    """Stages of the default map that occur, and types it does not know, each for itself."""
    types = {each.type for each in counts}
    found = [
        Stage(key=stage.key, types=tuple(name for name in stage.types if name in types))
        for stage in DEFAULT_STAGES
        if types.intersection(stage.types)
    ]
    known = {name for stage in DEFAULT_STAGES for name in stage.types}
    keys = {stage.key for stage in found}
    for each in counts:
        if each.type in known or len(found) >= MOST_STAGES:
            continue
        key = re.sub(r"[^a-z0-9]+", "_", each.type.lower()).strip("_")[:30]
        if not key or not key[0].isalpha() or key in keys:
            key = f"stage_{len(found)}"
        keys.add(key)
        found.append(Stage(key=key, name=each.type[:60], types=(each.type,)))
    return tuple(found)

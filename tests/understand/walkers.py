"""Journeys walked by a plain loop over one customer's touchpoints, independent of the queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from rapport.understand.journeys.definition import JourneyDefinition

DAY = 86_400


@dataclass
class Journey:
    """One journey: every touchpoint in it as (number among the customer's, stage, second)."""

    profile: str
    touches: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def moves(self) -> list[tuple[int, int, int]]:
        """Without touchpoints of the stage that the journey is in already."""
        kept: list[tuple[int, int, int]] = []
        for touch in self.touches:
            if not kept or kept[-1][1] != touch[1]:
                kept.append(touch)
        return kept


def walk_plainly(
    definition: JourneyDefinition, touches: dict[str, list[tuple[datetime, int, int]]]
) -> list[Journey]:
    """Journeys of each profile's touchpoints (moment, stage, position), by a state machine."""
    starts = {definition.place(key) for key in definition.starts} or set(
        range(len(definition.stages))
    )
    goal = None if definition.goal is None else definition.place(definition.goal)
    found = []
    for profile in sorted(touches):
        journey: Journey | None = None
        reached, last = False, None
        for number, (moment, stage, _) in enumerate(sorted(touches[profile]), 1):
            second = int(moment.timestamp() // 1)
            if last is not None and second - last > definition.silence_days * DAY:
                journey, reached = None, False
            last = second
            if stage in starts and (journey is None or reached):
                journey, reached = Journey(profile), False
                found.append(journey)
            if journey is not None:
                journey.touches.append((number, stage, second))
                reached = reached or stage == goal
    return found


def funnel_plainly(
    definition: JourneyDefinition,
    journeys: Sequence[Journey],
    stages: Sequence[int],
    start: int,
    until: int,
    *,
    per_customer: bool,
) -> tuple[list[int], int]:
    """How many come to each stage, trying every way through, and how many are under way."""
    window = definition.window_days * DAY
    groups: dict[object, list[tuple[int, int, int]]] = defaultdict(list)
    for journey in journeys:
        key = journey.profile if per_customer else (journey.profile, journey.touches[0][0])
        groups[key] += journey.moves
    counts, young = [0] * len(stages), 0

    def furthest(moves: list[tuple[int, int, int]], at: int, place: int, began: int) -> int:
        """How far it is possible to come: any later touchpoint may be the next one."""
        best = place
        if place + 1 == len(stages):
            return place
        limit = definition.stages[stages[place + 1]].within_days
        for index in range(at + 1, len(moves)):
            _, stage, second = moves[index]
            if stage != stages[place + 1] or second - began > window:
                continue
            if limit is not None and second - moves[at][2] > limit * DAY:
                continue
            best = max(best, furthest(moves, index, place + 1, began))
        return best

    for moves in groups.values():
        moves.sort()
        first = next(
            (n for n, m in enumerate(moves) if m[1] == stages[0] and start <= m[2] < until), None
        )
        if first is None:
            continue
        began = moves[first][2]
        if began + window > until:
            young += 1
            continue
        for place in range(furthest(moves, first, 0, began) + 1):
            counts[place] += 1
    return counts, young


@dataclass
class PlainStep:
    """One entry of a step."""

    profile: str
    second: int
    wait: int | None
    decided: bool
    on: bool


def steps_plainly(
    definition: JourneyDefinition, journeys: Sequence[Journey], start: int, until: int
) -> dict[int, list[PlainStep]]:
    """Entries of each step."""
    of_profile: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for journey in journeys:
        of_profile[journey.profile] += journey.moves
    found: dict[int, list[PlainStep]] = defaultdict(list)
    for journey in journeys:
        for stage, to in definition.steps:
            entry = next((m for m in journey.moves if m[1] == stage), None)
            if entry is None or not start <= entry[2] < until:
                continue
            later = [m[2] for m in of_profile[journey.profile] if m[1] == to and m[0] > entry[0]]
            wait = min(later) - entry[2] if later else None
            limit = definition.limit_days(to) * DAY
            found[stage].append(
                PlainStep(
                    profile=journey.profile,
                    second=entry[2],
                    wait=wait,
                    decided=entry[2] + limit <= until,
                    on=wait is not None and wait <= limit,
                )
            )
    return found


def nearest_rank(values: Sequence[int], quarters: int) -> int | None:
    """The smallest value that at least so many quarters of all do not exceed."""
    ordered = sorted(values)
    for rank, value in enumerate(ordered, 1):
        if 4 * rank >= quarters * len(ordered):
            return value
    return None


def flows_plainly(
    definition: JourneyDefinition, journeys: Sequence[Journey], start: int, until: int
) -> Counter[tuple[int, int | None, str | None]]:
    """Forward flows and ends."""
    goal = None if definition.goal is None else definition.place(definition.goal)
    found: Counter[tuple[int, int | None, str | None]] = Counter()
    for journey in journeys:
        if not start <= journey.touches[0][2] < until:
            continue
        ahead: list[int] = []
        for _, stage, _ in journey.touches:
            if not ahead or stage > ahead[-1]:
                ahead.append(stage)
        for stage, to in pairwise(ahead):
            found[stage, to, None] += 1
        stages = {stage for _, stage, _ in journey.touches}
        if goal in stages:
            end = "goal"
        elif journey.touches[-1][2] + definition.silence_days * DAY > until:
            end = "under_way"
        else:
            end = "ended"
        found[ahead[-1], None, end] += 1
    return found

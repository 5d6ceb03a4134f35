"""Paths: the ways that customers went, and which of them go with happy or unhappy customers.

A journey's mood is the newest word that its customer said in it, or before the next one began
within the silence that ends it. A path is the order of stages entered, up to its eighth.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
from msgspec import Struct
from scipy import stats

from rapport.engines.lake import Lake, Query, Step
from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.steps import second_of
from rapport.understand.journeys.walks import Walked, ask, journey_query
from rapport.understand.significance import holm

#: Customers below which a path is not shown by itself: a handful could be recognised.
SUPPRESSED = 10
LONGEST = 8
_BASE = 16
LEVEL = 0.05


class Path(Struct, frozen=True, kw_only=True):
    """One way through the stages.

    Attributes
    ----------
    stages : tuple of int
        Numbers of stages in the order entered; empty for the paths of fewer than ten customers
        together.
    longer : bool
        Whether the journeys went on after the last stage named.
    journeys, customers : int
        All that went so; `customers` is None of the rare paths together, which overlap.
    happy, unhappy, said : int
        Of the journeys whose mood is known.
    lift : float or None
        Share of unhappy ones over that of all other journeys with a mood; with its 95 % interval.
        None where fewer than ten of either side said how they felt.
    marked : bool
        Whether chance is ruled out (Fisher's exact test, 5 % after Holm's correction over all
        paths shown).
    """

    stages: tuple[int, ...]
    longer: bool
    journeys: int
    customers: int | None
    happy: int
    unhappy: int
    said: int
    lift: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    marked: bool = False


class Paths(Struct, frozen=True, kw_only=True):
    """The commonest paths, then all rarer ones as one; and the mood of all journeys."""

    paths: tuple[Path, ...]
    rare: Path | None
    journeys: int
    happy: int
    unhappy: int
    said: int


def path_steps() -> tuple[Step, ...]:
    """The chain behind `paths`: journeys by path, with their moods."""
    digits = " ".join(f"WHEN {n} THEN {_BASE ** (LONGEST - n)}" for n in range(1, LONGEST + 1))
    return (
        Step(
            "of_period",
            "SELECT m.profile_id, m.journey, m.stage, b.second AS began, m.ended, "
            "row_number() OVER (PARTITION BY m.profile_id, m.journey ORDER BY m.seq "
            "ASC NULLS LAST) AS nth FROM moves AS m JOIN (SELECT profile_id, journey, second "
            "FROM moves WHERE seq = journey AND second >= $from_second "
            "AND second < $until_second) AS b "
            "ON b.profile_id = m.profile_id AND b.journey = m.journey",
        ),
        Step(
            "coded",
            "SELECT profile_id, journey, began, ended, count(*) AS moves, "
            f"sum(CAST(stage + 1 AS BIGINT) * CASE nth {digits} ELSE 0 END) AS code "
            "FROM of_period GROUP BY profile_id, journey, began, ended",
        ),
        Step(
            "bounded",
            "SELECT c.*, lead(c.began) OVER (PARTITION BY c.profile_id ORDER BY c.journey "
            "ASC NULLS LAST) AS next_began FROM coded AS c",
        ),
        Step(
            "felt",
            "SELECT b.profile_id, b.journey, s.mood, row_number() OVER ("
            "PARTITION BY b.profile_id, b.journey ORDER BY s.second DESC NULLS LAST, "
            "s.position DESC NULLS LAST) AS newness FROM bounded AS b JOIN said AS s "
            "ON s.profile_id = b.profile_id AND s.second >= b.began "
            "AND s.second <= b.ended + $silence "
            "AND (b.next_began IS NULL OR s.second < b.next_began) WHERE s.mood IS NOT NULL",
        ),
        Step(
            "with_mood",
            "SELECT b.profile_id, b.code, CASE WHEN b.moves > 8 THEN 1 ELSE 0 END AS is_longer, "
            "f.mood FROM bounded AS b LEFT JOIN felt AS f ON f.profile_id = b.profile_id "
            "AND f.journey = b.journey AND f.newness = 1",
        ),
        Step(
            "answer",
            "SELECT CAST(code AS BIGINT) AS code, is_longer, count(*) AS journeys, "
            "count(DISTINCT profile_id) AS customers, count(CASE WHEN mood = 1 THEN 1 END) "
            "AS happy, count(CASE WHEN mood = -1 THEN 1 END) AS unhappy, count(mood) AS said "
            "FROM with_mood GROUP BY code, is_longer ORDER BY journeys DESC NULLS LAST, "
            "code ASC NULLS LAST, is_longer ASC NULLS LAST",
        ),
    )


def path_query(definition: JourneyDefinition, *, start: datetime, until: datetime) -> Query:
    """The query behind `paths`."""
    return journey_query(
        definition,
        until,
        path_steps(),
        values={"from_second": second_of(start)},
        reads=("said",),
    )


def stages_of(code: int) -> tuple[int, ...]:
    """The stages that a path's number holds.

    Examples
    --------
    >>> stages_of(2 * 16**7 + 1 * 16**6)
    (1, 0)
    """
    digits = [code // _BASE ** (LONGEST - n) % _BASE for n in range(1, LONGEST + 1)]
    return tuple(digit - 1 for digit in digits if digit)


def paths(
    lake: Lake,
    walked: Walked,
    *,
    start: datetime,
    most: int = 12,
    tables: Mapping[str, pa.Table] | None = None,
) -> Paths:
    """The commonest paths of journeys that began since ``start``, happy against unhappy."""
    rows = ask(
        lake, walked, path_steps(), values={"from_second": second_of(start)}, tables=tables
    ).to_pylist()
    names = ("journeys", "happy", "unhappy", "said")
    whole = {name: sum(row[name] for row in rows) for name in names}
    shown = [row for row in rows if row["customers"] >= SUPPRESSED][:most]
    rest = [row for row in rows if row not in shown]
    # One rare path alone would be known as the difference of the whole and the others.
    if sum(row["customers"] for row in rest) < SUPPRESSED and rest and shown:
        rest.append(shown.pop())
    p_values = holm([_chance(row, whole) for row in shown])
    found = tuple(
        Path(
            stages=stages_of(row["code"]),
            longer=bool(row["is_longer"]),
            journeys=row["journeys"],
            customers=row["customers"],
            happy=row["happy"],
            unhappy=row["unhappy"],
            said=row["said"],
            marked=p < LEVEL,
            **_lift(row, whole),
        )
        for row, p in zip(shown, p_values, strict=True)
    )
    rare = None
    if rest:
        rare = Path(
            stages=(),
            longer=False,
            customers=None,
            **{name: sum(row[name] for row in rest) for name in names},
        )
    return Paths(paths=found, rare=rare, **whole)


def _chance(row: Mapping[str, int], whole: Mapping[str, int]) -> float:
    others, bad = whole["said"] - row["said"], whole["unhappy"] - row["unhappy"]
    if min(row["said"], others) < SUPPRESSED:
        return 1.0
    sides = [[row["unhappy"], row["said"] - row["unhappy"]], [bad, others - bad]]
    return float(stats.fisher_exact(sides).pvalue)


def _lift(row: Mapping[str, int], whole: Mapping[str, int]) -> dict[str, float]:
    """The ratio of two shares, with Katz's interval on the logarithm."""
    n, others = row["said"], whole["said"] - row["said"]
    bad, bad_others = row["unhappy"], whole["unhappy"] - row["unhappy"]
    if min(n, others) < SUPPRESSED or not bad or not bad_others:
        return {}
    lift = bad / n / (bad_others / others)
    half = 1.959964 * math.sqrt(1 / bad - 1 / n + 1 / bad_others - 1 / others)
    return {
        "lift": lift,
        "lift_low": lift * math.exp(-half),
        "lift_high": lift * math.exp(half),
    }

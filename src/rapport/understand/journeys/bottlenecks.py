"""Bottlenecks: where more customers are lost than need be, and what that costs.

For a step and a group of customers (a country, a channel), of each customer's first decided entry
in the period:

    value lost = n × (e − p) × (v_on − v_off)

- ``n`` customers entered and ``p`` of them went on in time;
- ``e`` is the share that is *shown to be possible*: the target, where the definition's reader gives
  one; else the best lower end of a Wilson interval among the same step in other groups and in the
  same group one period earlier, each interval widened (Bonferroni) for how many were compared. The
  lower end, not the best share itself: the best of several is partly luck;
- ``v_on`` and ``v_off`` are the mean of what customers spent, less refunds, in the `value_days`
  after entering, of those who went on in time and of those who did not. The difference, not
  ``v_on`` alone: who is lost at one step often still buys elsewhere or later.

Beside it stands what is *at stake*, ``n × (1 − p) × (v_on − v_off)``: what all who are lost would
bring if nobody were, which no company reaches.

The interval is the delta method's, with ``e`` taken as given. Money is lost beyond doubt where its
low end is above zero; else the step is listed without a claim. It is what goes with being lost, not
proof of what it causes: those who are lost may differ in other ways.

Customers of whom the group is not known are neither ranked nor compared with: who buys is known
better than who does not, so that they would look lost by being unknown.

References
----------
Wilson (1927), Probable Inference, JASA 22; Casella & Berger (2002), Statistical Inference, 2nd ed.,
section 5.5.4 (delta method); Farris et al. (2010), Marketing Metrics, 2nd ed., ch. 5 (customers
lost times value per customer).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import pyarrow as pa
from msgspec import Struct
from scipy import stats

from rapport.engines.lake import Lake, Query, Step
from rapport.understand.journeys.definition import JourneyDefinition
from rapport.understand.journeys.steps import Split, second_of, step_rows
from rapport.understand.journeys.walks import Walked, ask, journey_query

#: Customers at a step below which nothing is said of it, and of those on each side whose spending
#: is compared.
FEWEST, FEWEST_ON_A_SIDE = 50, 20
LEVEL = 0.05
_Z = float(stats.norm.ppf(1 - LEVEL / 2))

Verdict = Literal["lost", "unsure", "none", "few"]


class Cell(Struct, frozen=True, kw_only=True):
    """Customers of one group at one step, by whether they went on in time.

    `on` and `off` are (customers, sum, sum of squares) of what they spent afterwards.
    """

    step: int
    to: int
    part: str | None
    past: bool
    on: tuple[int, float, float] = (0, 0.0, 0.0)
    off: tuple[int, float, float] = (0, 0.0, 0.0)

    @property
    def n(self) -> int:
        """All customers of the cell."""
        return self.on[0] + self.off[0]


class Bottleneck(Struct, frozen=True, kw_only=True):
    """One step of one group, with what is lost there.

    Attributes
    ----------
    verdict : {"lost", "unsure", "none", "few"}
        Money is lost beyond doubt; more customers or money may be lost but chance is not ruled
        out; nothing more is lost than elsewhere or before; too few customers to say.
    expected : float or None
        The share shown to be possible; `expected_from` says by whom: "target", "past" or "part",
        with `expected_part` the group.
    customers_lost : float or None
        n × (e − p): customers lost beyond what is unavoidable.
    value_on, value_off : float or None
        Mean spending afterwards, in the reporting currency.
    at_stake, at_stake_low, at_stake_high : float or None
        Money of all who did not go on in time, with its 95 % interval.
    value_lost, low, high : float or None
        Money of `customers_lost`, with its 95 % interval.
    """

    step: int
    to: int
    part: str | None
    verdict: Verdict
    customers: int
    went_on: int
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    expected: float | None = None
    expected_from: Literal["target", "past", "part"] | None = None
    expected_part: str | None = None
    customers_lost: float | None = None
    value_on: float | None = None
    value_off: float | None = None
    at_stake: float | None = None
    at_stake_low: float | None = None
    at_stake_high: float | None = None
    value_lost: float | None = None
    low: float | None = None
    high: float | None = None


def cell_steps(definition: JourneyDefinition, by: str | None = None) -> tuple[Step, ...]:
    """The chain behind `bottlenecks`: customers and spending by step, group, period, outcome."""
    return (
        *step_rows(definition, by),
        Step(
            "sided",
            "SELECT j.*, CASE WHEN j.second < $now_second THEN 1 ELSE 0 END AS is_past FROM judged "
            "AS j WHERE j.is_decided = 1 AND j.second + $value_seconds <= $until_second",
        ),
        Step(
            "once",
            "SELECT * FROM (SELECT s.*, row_number() OVER (PARTITION BY s.profile_id, s.stage, "
            "s.is_past ORDER BY s.second ASC NULLS LAST, s.journey ASC NULLS LAST) AS nth "
            "FROM sided AS s) AS n WHERE n.nth = 1",
        ),
        Step(
            "valued",
            "SELECT o.profile_id, o.stage, o.to_stage, o.part, o.is_past, o.is_on, "
            "CAST(coalesce(sum(s.amount), 0) AS DOUBLE) AS value FROM once AS o LEFT JOIN spent "
            "AS s ON s.profile_id = o.profile_id AND s.second > o.second "
            "AND s.second <= o.second + $value_seconds "
            "GROUP BY o.profile_id, o.stage, o.to_stage, o.part, o.is_past, o.is_on",
        ),
        Step(
            "answer",
            "SELECT stage, to_stage, part, is_past, is_on, count(*) AS customers, "
            "sum(value) AS spent, sum(value * value) AS squares FROM valued "
            "GROUP BY stage, to_stage, part, is_past, is_on "
            "ORDER BY stage ASC NULLS LAST, part ASC NULLS LAST, is_past ASC NULLS LAST, "
            "is_on ASC NULLS LAST",
        ),
    )


def _values(start: datetime, until: datetime) -> dict[str, int]:
    now = second_of(start)
    return {"now_second": now, "from_second": now - (second_of(until) - now)}


def cell_query(
    definition: JourneyDefinition, *, start: datetime, until: datetime, by: Split | None = None
) -> Query:
    """The query behind `bottlenecks`."""
    return journey_query(
        definition, until, cell_steps(definition, by), values=_values(start, until),
        reads=("spent",),
    )  # fmt: skip


def read_cells(answer: pa.Table) -> tuple[Cell, ...]:
    """The cells of the query's answer."""
    sides: dict[tuple[int, int, str | None, bool], dict[int, tuple[int, float, float]]] = {}
    for row in answer.to_pylist():
        key = (row["stage"], row["to_stage"], row["part"], bool(row["is_past"]))
        sides.setdefault(key, {})[row["is_on"]] = (row["customers"], row["spent"], row["squares"])
    nobody = (0, 0.0, 0.0)
    return tuple(
        Cell(step=step, to=to, part=part, past=past, on=found.get(1, nobody),
             off=found.get(0, nobody))
        for (step, to, part, past), found in sides.items()
    )  # fmt: skip


def bottlenecks(
    lake: Lake,
    walked: Walked,
    *,
    start: datetime,
    by: Split | None = "country",
    targets: Mapping[int, float] | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> tuple[Bottleneck, ...]:
    """Every step of every group, what costs most first.

    Parameters
    ----------
    start : datetime
        Entries since then count; those of as long a time before are what "before" means.
    targets : mapping of step to share, optional
        What is expected instead of what others and the past show to be possible.
    """
    answer = ask(
        lake,
        walked,
        cell_steps(walked.definition, by),
        values=_values(start, walked.until),
        tables=tables,
    )
    return rank(read_cells(answer), targets=targets)


def rank(
    cells: Sequence[Cell], *, targets: Mapping[int, float] | None = None
) -> tuple[Bottleneck, ...]:
    """The cells of the period as bottlenecks, the dearest first."""
    if any(cell.part is not None for cell in cells):
        cells = [cell for cell in cells if cell.part is not None]
    found = [
        _judge(cell, [other for other in cells if other.step == cell.step], targets or {})
        for cell in cells
        if not cell.past
    ]
    order = {"lost": 0, "unsure": 1, "none": 2, "few": 3}
    return tuple(
        sorted(
            found,
            key=lambda b: (
                order[b.verdict], -(b.value_lost or 0.0), -b.customers, b.step, b.part or "",
            ),
        )
    )  # fmt: skip


def _judge(cell: Cell, same_step: Sequence[Cell], targets: Mapping[int, float]) -> Bottleneck:
    n, went_on = cell.n, cell.on[0]
    known = Bottleneck(
        step=cell.step, to=cell.to, part=cell.part, verdict="few", customers=n, went_on=went_on
    )
    if n < FEWEST:
        return known
    p = went_on / n
    interval = stats.binomtest(went_on, n).proportion_ci(method="wilson")
    expected, by, part = _expected(cell, same_step, targets)
    facts = {
        "share": p,
        "share_low": float(interval.low),
        "share_high": float(interval.high),
        "expected": expected,
        "expected_from": by,
        "expected_part": part,
    }
    sides = [_mean(side) for side in (cell.on, cell.off)]
    worth = sides[0][0] - sides[1][0]

    def money(share: float) -> tuple[float, float, float]:
        """The money of a share of the customers, with its interval."""
        lost = n * share * worth
        error = n * math.sqrt(worth**2 * p * (1 - p) / n + share**2 * (sides[0][1] + sides[1][1]))
        return lost, lost - _Z * error, lost + _Z * error

    if min(cell.on[0], cell.off[0]) >= FEWEST_ON_A_SIDE:
        stake, low, high = money(1 - p)
        facts |= {"value_on": sides[0][0], "value_off": sides[1][0]}
        facts |= {"at_stake": stake, "at_stake_low": low, "at_stake_high": high}
    if expected is None:
        return _with(known, facts)
    if p >= expected:
        return _with(known, {**facts, "verdict": "none", "customers_lost": 0.0, "value_lost": 0.0})
    gap = expected - p
    facts |= {"customers_lost": n * gap, "verdict": "unsure"}
    if "value_on" not in facts:
        return _with(known, facts)
    lost, low, high = money(gap)
    facts |= {"value_lost": lost, "low": low, "high": high}
    if low > 0:
        facts["verdict"] = "lost"
    return _with(known, facts)


def _with(known: Bottleneck, facts: Mapping[str, object]) -> Bottleneck:
    fields = {name: getattr(known, name) for name in known.__struct_fields__}
    return Bottleneck(**{**fields, **facts})


def _mean(side: tuple[int, float, float]) -> tuple[float, float]:
    """Mean, and the variance of the mean."""
    n, total, squares = side
    if n < 2:
        return (total, math.inf) if n else (0.0, math.inf)
    mean = total / n
    return mean, max(0.0, squares - n * mean**2) / (n - 1) / n


def _expected(
    cell: Cell, same_step: Sequence[Cell], targets: Mapping[int, float]
) -> tuple[float | None, Literal["target", "past", "part"] | None, str | None]:
    if cell.step in targets:
        return targets[cell.step], "target", None
    others = [
        other
        for other in same_step
        if other.n >= FEWEST
        and ((other.part == cell.part) if other.past else (other.part != cell.part))
    ]
    if not others:
        return None, None, None
    level = 1 - LEVEL / len(others)
    best = max(
        (
            (
                float(
                    stats.binomtest(other.on[0], other.n)
                    .proportion_ci(confidence_level=level, method="wilson")
                    .low
                ),
                other,
            )
            for other in others
        ),
        key=lambda pair: pair[0],
    )
    low, other = best
    return low, "past" if other.past else "part", other.part

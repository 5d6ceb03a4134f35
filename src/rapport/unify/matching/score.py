"""From two records to bits: how much more likely they are one person's than not.

Two executors, one answer: `Comparer`'s levels for millions of pairs, `Against` for one record. A
level proves, in bits, log2(m / u) against strangers and log2(m / household) against others of the
household; both sums are kept apart and joined at the end, since only one of the two can be what
happened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rapport.unify.matching.comparison import Comparison, Row
from rapport.unify.matching.model import (
    GRADES,
    MOST_BITS,
    NEUTRAL,
    NEVER_BITS,
    TWO_PERSONS,
    Model,
    Weight,
    graded,
    level_keys,
    probability_of,
)
from rapport.unify.matching.pair_levels import (
    MAILBOX,
    MAILBOX_NAME,
    NAME,
    NAMED_SO,
    OTHER_NAME,
    REPEATED_BY_NAME,
    Comparer,
    Levels,
)
from rapport.unify.matching.value_profiles import PERSONAL, PROFILED

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
CodeArray = NDArray[np.uint8]

#: Rare agreement proves at most this many bits, and common agreement at least none.
_MOST_RARE_BITS = 22.0


class _Table(Struct, frozen=True, kw_only=True):
    """Bits per code: against strangers, against the household, and of m alone."""

    stranger: FloatArray
    household: FloatArray
    m: FloatArray


def _bits(key: str, weight: Weight) -> tuple[float, float, float]:
    if key in NEUTRAL:
        return (0.0, 0.0, 0.0)
    if key in TWO_PERSONS:
        return (NEVER_BITS, NEVER_BITS, math.log2(weight.m))
    stranger = math.log2(weight.m / weight.u)
    household = math.log2(weight.m / weight.household)
    return (
        min(max(stranger, -MOST_BITS), 2 * MOST_BITS),
        min(max(household, -MOST_BITS), MOST_BITS),
        math.log2(weight.m),
    )


def _table(comparison: Comparison, model: Model) -> _Table:
    weights = model.weights[comparison.name]
    bits = [(0.0, 0.0, 0.0), *(_bits(key, weights[key]) for key in level_keys(comparison))]
    stranger, household, m = (
        np.array(column, dtype=np.float32) for column in zip(*bits, strict=True)
    )
    return _Table(stranger=stranger, household=household, m=m)


def field_bits(
    levels: Levels, comparisons: Sequence[Comparison], model: Model
) -> tuple[FloatArray, FloatArray]:
    """Bits of each comparison against strangers and against the household, before priors.

    Returns
    -------
    (float32 array, float32 array), each of shape (n_comparisons, n_pairs)
    """
    stranger = np.zeros(levels.codes.shape, dtype=np.float32)
    household = np.zeros(levels.codes.shape, dtype=np.float32)
    for at, comparison in enumerate(comparisons):
        table = _table(comparison, model)
        codes = levels.codes[at]
        household[at] = table.household[codes]
        rare = np.minimum(table.m[codes] - np.log2(levels.share[at]), np.float32(_MOST_RARE_BITS))
        stranger[at] = np.where(np.isnan(levels.share[at]), table.stranger[codes], rare)
    return stranger, household


def summed_bits(
    comparer: Comparer,
    codes: CodeArray,
    a: IntArray,
    b: IntArray,
    comparisons: Sequence[Comparison],
    model: Model,
) -> tuple[FloatArray, FloatArray]:
    """`field_bits` of the pairs (a, b), added over the comparisons.

    Returns
    -------
    (float32 array, float32 array), each of shape (n_pairs,)
    """
    stranger = np.zeros(len(a), dtype=np.float32)
    household = np.zeros(len(a), dtype=np.float32)
    for at, comparison in enumerate(comparisons):
        of = codes[at]
        if not of.any():
            continue
        table = _table(comparison, model)
        bits = table.stranger[of]
        rows, share = comparer.shares(at, of, a, b)
        told = ~np.isnan(share)
        rows, share = rows[told], share[told]
        bits[rows] = np.minimum(table.m[of[rows]] - np.log2(share), np.float32(_MOST_RARE_BITS))
        stranger += bits
        household += table.household[of]
    return stranger, household


def pair_bits(
    stranger: FloatArray, household: FloatArray, model: Model, n_records: int
) -> FloatArray:
    """Bits for one person against anything else; inputs are sums over the comparisons."""
    prior, prior_household = model.priors(n_records)
    one = stranger.astype(np.float64) + prior
    other = household.astype(np.float64) + prior_household
    # log2 of 1 / (2^-one + 2^-other), without overflow.
    return (-np.logaddexp2(-one, -other) * model.slope + model.shift).astype(np.float32)


def household_probability(
    stranger: FloatArray, household: FloatArray, model: Model, n_records: int
) -> FloatArray:
    """How likely the two are different persons of one household."""
    prior, prior_household = model.priors(n_records)
    one = stranger.astype(np.float64) + prior
    other = household.astype(np.float64) + prior_household
    total = np.logaddexp2(np.logaddexp2(0.0, -one), -other)
    return np.exp2(-other - total).astype(np.float32)


class PairScore(Struct, frozen=True, kw_only=True):
    """What two records prove.

    Attributes
    ----------
    bits : float
        Of one person against anything else, priors included.
    probability : float
    household_wins : bool
        Whether the likelier other explanation is two persons of one household.
    fields : tuple of (comparison, level, bits)
        What each comparison of which both say something contributes, against the likelier other
        explanation.
    """

    bits: float
    probability: float
    household_wins: bool
    fields: tuple[tuple[str, str, float], ...]


class Against:
    """One record, ready to be compared with many in Python, to the same bits as the batch.

    Parameters
    ----------
    asked : Row
        Standardised.
    n_records : int
        Among how many records it is looked for.
    """

    def __init__(
        self, asked: Row, model: Model, comparisons: tuple[Comparison, ...], *, n_records: int
    ) -> None:
        self._asked = asked
        self._model = model
        self._n_records = n_records
        #: Places of the comparisons of which it says something.
        self.said = tuple(
            at
            for at, comparison in enumerate(comparisons)
            if all(asked[name] is not None for name in comparison.said)
        )
        executors = _executors(model, comparisons)
        self._executors = tuple(executors[at] for at in self.said)

    def pair(self, known: Row) -> PairScore:
        """Score it with another record, which has the ``_holder`` and ``_share`` columns."""
        return _proved(self._steps(known), self._model, self._n_records)

    def person(self, records: Sequence[Row]) -> PairScore:
        """Score it with all records of one person, as linkage does of two clusters.

        Of each matter half counts by the average of the records that say something of it and half
        by the best of them: a name that one record knows and a postcode that another does add up.
        """
        by_matter: dict[str, list[_Step]] = {}
        for record in records:
            for step in _one_name(self._steps(record)):
                matter = NAME if step[0] == MAILBOX_NAME else step[0]
                by_matter.setdefault(matter, []).append(step)
        agreed: list[_Step] = []
        for steps in by_matter.values():
            best = max(steps, key=lambda step: (min(step[2], step[3]), step[2]))
            stranger = sum(step[2] for step in steps) / len(steps)
            household = sum(step[3] for step in steps) / len(steps)
            agreed.append((best[0], best[1], (best[2] + stranger) / 2, (best[3] + household) / 2))
        return _proved(agreed, self._model, self._n_records)

    def _steps(self, known: Row) -> list[_Step]:
        """What each comparison of which both say something contributes."""
        found: list[_Step] = []
        named = mailbox = False
        for executor in self._executors:
            step = executor.bits(known, self._asked)
            if step is not None:
                found.append(step)
                named = (
                    named
                    or (step[0] == NAME and step[1] not in OTHER_NAME)
                    or (step[0] == MAILBOX_NAME and step[1] in NAMED_SO)
                )
                mailbox = mailbox or (step[0] == MAILBOX and step[1] in REPEATED_BY_NAME)
        if named and mailbox:  # as `_silence_repeated`
            found.remove(next(step for step in found if step[0] == MAILBOX))
        return found


def _one_name(steps: Sequence[_Step]) -> list[_Step]:
    """The name, and the mailbox that bears one, as one matter; as linkage counts them."""
    names = [step for step in steps if step[0] in (NAME, MAILBOX_NAME)]
    others = [step for step in steps if step[0] not in (NAME, MAILBOX_NAME)]
    if not names:
        return others
    says_more = max(names, key=lambda step: abs(step[2]))
    return [(*says_more[:2], sum(n[2] for n in names), sum(n[3] for n in names)), *others]


#: Comparison, level, bits against strangers and against the household.
_Step = tuple[str, str, float, float]


def _proved(steps: Sequence[_Step], model: Model, n_records: int) -> PairScore:
    stranger, household = model.priors(n_records)
    for step in steps:
        stranger += step[2]
        household += step[3]
    low, high = (-stranger, -household) if -stranger < -household else (-household, -stranger)
    bits = -(high + math.log2(1.0 + 2.0 ** max(low - high, -60.0))) * model.slope + model.shift
    wins = household < stranger
    return PairScore(
        bits=bits,
        probability=probability_of(bits),
        household_wins=wins,
        fields=tuple((name, key, other if wins else one) for name, key, one, other in steps),
    )


class _Executor:
    """One comparison with its weights, ready to be asked often."""

    __slots__ = ("levels", "name", "otherwise", "said")

    def __init__(self, comparison: Comparison, model: Model) -> None:
        weights = model.weights[comparison.name]
        self.name = comparison.name
        self.said = comparison.said
        self.levels = [
            (
                level.holds,
                [
                    (key, *_bits(key, weights[key]))
                    for key in (
                        [graded(level.key, grade) for grade in GRADES]
                        if level.rarity in PROFILED
                        else [level.key]
                    )
                ],
                f"{level.rarity}_holder" if level.rarity in PROFILED else "",
                f"{level.rarity}_share" if level.rarity and level.rarity not in PROFILED else "",
            )
            for level in comparison.levels
        ]
        self.otherwise = ("else", *_bits("else", weights["else"])[:2])

    def bits(self, a: Row, b: Row) -> _Step | None:
        """What it contributes where ``b`` says something of it; None where ``a`` does not."""
        for name in self.said:
            if a[name] is None:
                return None
        for holds, grades, holder, share in self.levels:
            if holds(a, b):
                if holder:
                    whose = a.get(holder) or b.get(holder) or PERSONAL
                    key, stranger, household, _ = grades[whose - 1]
                else:
                    key, stranger, household, m = grades[0]
                    rarity = (a.get(share) or b.get(share)) if share else None
                    if rarity is not None:
                        stranger = min(m - math.log2(rarity), _MOST_RARE_BITS)
                return self.name, key, stranger, household
        key, stranger, household = self.otherwise
        return self.name, key, stranger, household


_READY: dict[tuple[int, tuple[str, ...]], tuple[Model, tuple[_Executor, ...]]] = {}


def _executors(model: Model, comparisons: tuple[Comparison, ...]) -> tuple[_Executor, ...]:
    """The model's executors, made once: a model is a large value and costly to hash."""
    key = (id(model), tuple(c.name for c in comparisons))
    ready = _READY.get(key)
    if ready is None or ready[0] is not model:
        if len(_READY) > 8:
            _READY.clear()
        ready = (model, tuple(_Executor(comparison, model) for comparison in comparisons))
        _READY[key] = ready
    return ready[1]

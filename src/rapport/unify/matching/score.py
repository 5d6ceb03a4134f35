"""From two records to bits: how much more likely they are one person's than not.

Two executors, one answer: `level_codes` and `bits_of_codes` for millions of pairs, `score_pair` for
one. A level proves, in bits, log2(m / u) against strangers and log2(m / household) against others
of the household; both sums are kept apart and joined at the end, since only one of the two can be
what happened.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from rapport.engines.columns import ColumnEngine
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
from rapport.unify.matching.standardise import Readings, Standardised
from rapport.unify.matching.value_profiles import PERSONAL, PROFILED

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
CodeArray = NDArray[np.uint8]

#: The code of a comparison of which one record says nothing; level k of `level_keys` is k + 1.
UNSAID = 0
#: Rare agreement proves at most this many bits, and common agreement at least none.
_MOST_RARE_BITS = 22.0
_BATCH = 131_072
#: Levels on which a mailbox repeats what the name has said: of two Jan Peeters, one is
#: jan.peeters7@… and the other peeters.jan@… because both are called so. They count only where no
#: name has agreed already: with a name, or with the other's mailbox.
_REPEATED_BY_NAME = frozenset({"same_local_part", "same_local_words", "local_part_close"})
_NAME, _MAILBOX, _MAILBOX_NAME = "name", "email", "mailbox_name"
#: Levels of the name that leave open that it is another name.
_OTHER_NAME = frozenset(
    {
        "else",
        "not_comparable",
        "organisation_and_person",
        "same_given",
        "shared_word",
        "shares_word",
    }
)
#: Levels on which one record's mailbox bears the other's name.
_NAMED_SO = frozenset({"full_name", "short_name", "slip", "one_word"})


class Levels(Struct, frozen=True, kw_only=True):
    """On which level each pair stands in each comparison.

    Attributes
    ----------
    codes : uint8 array, shape (n_comparisons, n_pairs)
        `UNSAID`, or 1 + the index in `level_keys`.
    share : float32 array, shape (n_comparisons, n_pairs)
        Share of strangers that hold the value on which the two agree; NaN where the level has no
        rarity.
    """

    codes: CodeArray
    share: FloatArray


def level_codes(
    standardised: Standardised, a: IntArray, b: IntArray, engine: ColumnEngine
) -> Levels:
    """Levels of the pairs (a, b) of record numbers, by SQL."""
    n = len(standardised.readings)
    codes = np.zeros((n, len(a)), dtype=np.uint8)
    share = np.full((n, len(a)), np.nan, dtype=np.float32)
    for at, reading in enumerate(standardised.readings):
        left, right = reading.codes[a], reading.codes[b]
        both = np.flatnonzero((left >= 0) & (right >= 0))
        if not len(both):
            continue
        left, right = left[both], right[both]
        said = reading.says[left] & reading.says[right]
        both, left, right = both[said], left[said], right[said]
        if not len(both):
            continue
        found, rare = _compare(reading, left, right, engine)
        codes[at, both] = found
        share[at, both] = rare
    _silence_repeated(codes, share, [reading.comparison for reading in standardised.readings])
    return Levels(codes=codes, share=share)


def _silence_repeated(
    codes: CodeArray, share: FloatArray, comparisons: Sequence[Comparison]
) -> None:
    """Leave out, in place, what a mailbox says only because the name says it."""
    places = {comparison.name: at for at, comparison in enumerate(comparisons)}
    if _NAME not in places or _MAILBOX not in places:
        return
    name, mailbox = places[_NAME], places[_MAILBOX]
    agrees = np.array([False, *(key not in _OTHER_NAME for key in level_keys(comparisons[name]))])
    told = agrees[codes[name]]
    if _MAILBOX_NAME in places:
        bears = places[_MAILBOX_NAME]
        named = np.array([False, *(key in _NAMED_SO for key in level_keys(comparisons[bears]))])
        told |= named[codes[bears]]
    repeated = np.array(
        [False, *(key in _REPEATED_BY_NAME for key in level_keys(comparisons[mailbox]))]
    )
    silent = told & repeated[codes[mailbox]]
    codes[mailbox, silent] = UNSAID
    share[mailbox, silent] = np.nan


def _compare(
    reading: Readings, left: NDArray[np.int32], right: NDArray[np.int32], engine: ColumnEngine
) -> tuple[CodeArray, FloatArray]:
    """Codes and shares of pairs of readings; pairs that repeat are compared once."""
    lower, upper = np.minimum(left, right).astype(np.int64), np.maximum(left, right)
    combined = lower * reading.values.num_rows + upper
    distinct, inverse = np.unique(combined, return_inverse=True)
    sides = {
        "l": distinct // reading.values.num_rows,
        "r": distinct % reading.values.num_rows,
    }
    names = reading.values.column_names
    taken = {
        side: pa.StructArray.from_arrays(
            [reading.values[name].combine_chunks().take(pa.array(rows)) for name in names],
            names=names,
        )
        for side, rows in sides.items()
    }
    pairs = pa.table(taken)
    # In batches, so that the engine's threads share them.
    pairs = pa.Table.from_batches(pairs.to_batches(max_chunksize=_BATCH))
    answer = engine.ask(_level_sql(reading.comparison), pairs=pairs)
    codes = answer["code"].to_numpy().astype(np.uint8)
    share = answer["share"].to_numpy().astype(np.float32)
    return codes[inverse], share[inverse]


@lru_cache(maxsize=256)
def _level_sql(comparison: Comparison) -> str:
    """The code and share of each row of ``pairs``, whose columns ``l`` and ``r`` are records."""
    codes, shares, code = [], [], 1
    for level in comparison.levels:
        if level.rarity in PROFILED:
            codes.append(
                f"WHEN {level.sql} THEN {code - 1} + coalesce(l.{level.rarity}_holder, {PERSONAL})"
            )
            shares.append(f"WHEN {level.sql} THEN NULL")
            code += len(GRADES)
        else:
            codes.append(f"WHEN {level.sql} THEN {code}")
            value = f"l.{level.rarity}_share" if level.rarity else "NULL"
            shares.append(f"WHEN {level.sql} THEN {value}")
            code += 1
    share = (
        f"coalesce(CASE {' '.join(shares)} END, 'NaN'::FLOAT)::FLOAT"
        if any(level.rarity and level.rarity not in PROFILED for level in comparison.levels)
        else "'NaN'::FLOAT"
    )
    cases = f"CASE {' '.join(codes)} ELSE {code} END" if codes else str(code)
    return f"SELECT ({cases})::UTINYINT AS code, {share} AS share FROM pairs"  # noqa: S608


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


def score_pair(
    a: Row, b: Row, model: Model, comparisons: tuple[Comparison, ...], *, n_records: int
) -> PairScore:
    """Score two records in Python, to the same bits as the batch.

    Parameters
    ----------
    a, b : Row
        Standardised, with the ``_holder`` and ``_share`` columns of their values.
    n_records : int
        Among how many records the two were found.
    """
    return _proved(_steps(a, b, model, comparisons), model, n_records)


def score_person(
    records: Sequence[Row],
    asked: Row,
    model: Model,
    comparisons: tuple[Comparison, ...],
    *,
    n_records: int,
) -> PairScore:
    """Score all records of one person against one record, as linkage does of two clusters.

    Of each matter half counts by the average of the records that say something of it and half by
    the best of them: a name that one record knows and a postcode that another does add up.
    """
    by_matter: dict[str, list[_Step]] = {}
    for record in records:
        for step in _one_name(_steps(record, asked, model, comparisons)):
            matter = _NAME if step[0] == _MAILBOX_NAME else step[0]
            by_matter.setdefault(matter, []).append(step)
    agreed: list[_Step] = []
    for steps in by_matter.values():
        best = max(steps, key=lambda step: (min(step[2], step[3]), step[2]))
        stranger = sum(step[2] for step in steps) / len(steps)
        household = sum(step[3] for step in steps) / len(steps)
        agreed.append((best[0], best[1], (best[2] + stranger) / 2, (best[3] + household) / 2))
    return _proved(agreed, model, n_records)


def _one_name(steps: Sequence[_Step]) -> list[_Step]:
    """The name, and the mailbox that bears one, as one matter; as linkage counts them."""
    names = [step for step in steps if step[0] in (_NAME, _MAILBOX_NAME)]
    others = [step for step in steps if step[0] not in (_NAME, _MAILBOX_NAME)]
    if not names:
        return others
    says_more = max(names, key=lambda step: abs(step[2]))
    return [(*says_more[:2], sum(n[2] for n in names), sum(n[3] for n in names)), *others]


#: Comparison, level, bits against strangers and against the household.
_Step = tuple[str, str, float, float]


def _steps(a: Row, b: Row, model: Model, comparisons: tuple[Comparison, ...]) -> list[_Step]:
    """What each comparison of which both say something contributes."""
    found: list[_Step] = []
    named = mailbox = False
    for comparison in _executors(model, comparisons):
        step = comparison.bits(a, b)
        if step is not None:
            found.append(step)
            named = (
                named
                or (step[0] == _NAME and step[1] not in _OTHER_NAME)
                or (step[0] == _MAILBOX_NAME and step[1] in _NAMED_SO)
            )
            mailbox = mailbox or (step[0] == _MAILBOX and step[1] in _REPEATED_BY_NAME)
    if named and mailbox:  # as `_silence_repeated`
        found.remove(next(step for step in found if step[0] == _MAILBOX))
    return found


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

    def bits(self, a: Row, b: Row) -> tuple[str, str, float, float] | None:
        for name in self.said:
            if a[name] is None or b[name] is None:
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

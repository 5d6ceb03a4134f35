"""Estimates of the weights from the records themselves, with or without labelled pairs.

Expectation–maximisation over three classes of pairs (one person, one household, strangers), with
an anchor against the trap into which two classes fall, where "same" comes to mean "same household":
the starting weights hold that members of a household bear different given names and birthdays, and
half of the household class stays as they have it.

Pairs come from two strata: those that share a key, and pairs drawn from all others, each standing
for many and taken for strangers. So what is estimated holds for all pairs, not just the blocked.

References
----------
Fellegi & Sunter (1969), A Theory for Record Linkage; Winkler (2002), Methods for Record Linkage and
Bayesian Networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rapport.unify.matching.comparison import Comparison
from rapport.unify.matching.distinct import numbered
from rapport.unify.matching.model import NEUTRAL, Model, Weight, level_keys
from rapport.unify.matching.pair_levels import Levels
from rapport.unify.matching.value_profiles import PROFILED

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

SAME, HOUSEHOLD, STRANGER = range(3)
#: What the starting weights count for, in pairs of each class.
_PRIOR_PAIRS = (30.0, 60.0, 2000.0)
#: Part of the household class that stays as the starting weights have it.
HOUSEHOLD_ANCHOR = 0.5
_ROUNDS = 60
_STOP = 1e-4
_LEAST = 1e-9
#: Numbers of rows that fit into 64 bits.
_MOST_ROWS = 2**62


class Evidence(Struct, frozen=True, kw_only=True):
    """Pairs to learn from, grouped: equal pairs are one row with their weight.

    Attributes
    ----------
    codes : uint8 array, shape (n_rows, n_comparisons)
    rarity : float array, shape (n_rows,)
        Natural log of the shares of strangers that hold the values agreed on, all levels with a
        rarity together; it stands for u on these levels.
    weight : float array, shape (n_rows,)
        Pairs that the row stands for.
    fixed : int array, shape (n_rows,)
        The class that is known, or -1.
    """

    codes: NDArray[np.uint8]
    rarity: FloatArray
    weight: FloatArray
    fixed: IntArray


class Trained(Struct, frozen=True, kw_only=True):
    """A model and how it was come by.

    Attributes
    ----------
    pairs : mapping of comparison to (float, float, float)
        Pairs of one person, of one household and of strangers, of which both say something.
    """

    model: Model
    rounds: int
    pairs_same: float
    pairs_household: float
    pairs: Mapping[str, tuple[float, float, float]]


def starting_weights(comparison: Comparison) -> dict[str, Weight]:
    """Weights for levels that no model knows yet: the stronger, the likelier in one person."""
    keys = level_keys(comparison)
    ranks = np.linspace(0, 1, len(keys))
    m = 0.6 ** (8 * ranks)
    u = 10.0 ** (-4 * (1 - ranks))
    household = np.sqrt(m * u)
    m, u, household = m / m.sum(), u / u.sum(), household / household.sum()
    return {
        key: Weight(m=float(m[at]), household=float(household[at]), u=float(u[at]))
        for at, key in enumerate(keys)
    }


def blank_model(comparisons: Sequence[Comparison]) -> Model:
    """A model that knows of each level only its rank: where the first training starts."""
    return Model(
        version="blank",
        same_per_record=1.0,
        household_per_record=0.5,
        merge=0.8,
        review=0.2,
        weights={c.name: starting_weights(c) for c in comparisons},
    )


def grouped(
    levels: Levels, weight: FloatArray, fixed: IntArray, comparisons: Sequence[Comparison]
) -> Evidence:
    """Levels of pairs as evidence.

    Parameters
    ----------
    levels : Levels
    weight : float array, shape (n_pairs,)
    fixed : int array, shape (n_pairs,)
    """
    codes = np.ascontiguousarray(levels.codes.T)
    rarity = np.zeros(len(codes))
    for at, comparison in enumerate(comparisons):
        if by_rarity(comparison).any():
            rarity += np.nan_to_num(np.log2(levels.share[at].astype(np.float64)), nan=0.0)
    # In steps of two bits: there are only so many different rows then.
    step = np.clip(np.rint(rarity / 2), -100, 0).astype(np.int64)
    row = np.zeros(len(codes), dtype=np.int64)
    rows = 1
    for values, width in (
        *((levels.codes[at], len(level_keys(c)) + 1) for at, c in enumerate(comparisons)),
        (-step, 101),
        (fixed + 1, 4),
    ):
        if rows * width > _MOST_ROWS:
            found, places = numbered(row)
            row, rows = places.astype(np.int64), len(found)
        row *= width
        row += values
        rows *= width
    found, row_of = numbered(row)
    first = np.empty(len(found), dtype=np.int64)
    first[row_of[::-1]] = np.arange(len(row) - 1, -1, -1)
    return Evidence(
        codes=codes[first],
        rarity=step[first] * np.log(4),
        weight=np.bincount(row_of, weights=weight).astype(np.float64),
        fixed=fixed[first],
    )


def by_rarity(comparison: Comparison) -> NDArray[np.bool_]:
    """Per code, whether strangers stand on the level as often as its value is shared."""
    keys = [level.key for level in comparison.levels if level.rarity not in {"", *PROFILED}]
    return np.array([False, *(key in keys for key in level_keys(comparison))])


def expectation_maximisation(
    evidence: Evidence,
    comparisons: Sequence[Comparison],
    start: Mapping[str, Mapping[str, Weight]],
    *,
    n_records: int,
    priors: tuple[float, float] = (1.0, 1.0),
    version: str,
    template: Model | None = None,
    prior_pairs: tuple[float, float, float] = _PRIOR_PAIRS,
    household_anchor: float = HOUSEHOLD_ANCHOR,
) -> Trained:
    """Weights under which the evidence is likeliest, near the starting weights.

    Parameters
    ----------
    start : mapping of comparison to mapping of level to Weight
    priors : (float, float)
        Records of the same person, and of others of the household, per record, to begin with.
    prior_pairs : (float, float, float)
        What the starting weights count for in each class; (0, 0, 0) gives plain estimates.
    """
    sizes = [len(level_keys(c)) + 1 for c in comparisons]
    base = [
        np.array([[w.m, w.household, w.u] for w in (start[c.name][key] for key in level_keys(c))]).T
        for c in comparisons
    ]
    base = [p / p.sum(axis=1, keepdims=True) for p in base]
    tables = [p.copy() for p in base]
    rare = [by_rarity(c) for c in comparisons]
    neutral = [np.array([False, *(key in NEUTRAL for key in level_keys(c))]) for c in comparisons]
    total = max(float(evidence.weight.sum()), 1.0)
    sizes_of_classes = np.array([priors[0] * n_records / 2, priors[1] * n_records / 2, 0.0])
    sizes_of_classes = np.maximum(sizes_of_classes, 1.0)
    sizes_of_classes[STRANGER] = max(total - sizes_of_classes[:2].sum(), 1.0)
    known = evidence.fixed >= 0
    rounds = 0
    said: list[tuple[float, float, float]] = []
    while rounds < _ROUNDS:
        rounds += 1
        like = _log_likelihood(evidence, tables, rare, neutral) + np.log(sizes_of_classes / total)
        like -= like.max(axis=1, keepdims=True, initial=-1e300)
        posterior = np.exp(like)
        posterior /= posterior.sum(axis=1, keepdims=True)
        posterior[known] = np.eye(3)[evidence.fixed[known]]
        expected = posterior * evidence.weight[:, None]
        sizes_of_classes = np.maximum(expected.sum(axis=0), 0.5)
        moved = 0.0
        said = []
        for at, size in enumerate(sizes):
            counts = np.stack(
                [
                    np.bincount(evidence.codes[:, at], weights=expected[:, c], minlength=size)[1:]
                    for c in range(3)
                ]
            )
            counts[:, neutral[at][1:]] = 0.0
            prior = np.array(prior_pairs)
            prior[HOUSEHOLD] += household_anchor * counts[HOUSEHOLD].sum()
            new = counts + prior[:, None] * base[at]
            said.append((float(counts[0].sum()), float(counts[1].sum()), float(counts[2].sum())))
            sums = new.sum(axis=1, keepdims=True)
            new = np.where(sums > 0, new / np.maximum(sums, 1e-300), base[at])
            if comparisons[at].household == "known":
                new[HOUSEHOLD] = base[at][HOUSEHOLD]
            elif comparisons[at].household == "relative":
                new[HOUSEHOLD] = relative_to(new[SAME], base[at])
            moved = max(moved, float(np.abs(new - tables[at]).max()))
            tables[at] = new
        if moved < _STOP:
            break
    weights = {
        c.name: {
            key: Weight(
                m=max(float(tables[at][SAME, k]), _LEAST),
                household=max(float(tables[at][HOUSEHOLD, k]), _LEAST),
                u=max(float(tables[at][STRANGER, k]), _LEAST),
            )
            for k, key in enumerate(level_keys(c))
        }
        for at, c in enumerate(comparisons)
    }
    same = float(2 * sizes_of_classes[SAME] / max(n_records, 1))
    household = float(2 * sizes_of_classes[HOUSEHOLD] / max(n_records, 1))
    model = Model(
        version=version,
        same_per_record=max(same, 1e-3),
        household_per_record=max(household, 1e-3),
        merge=template.merge if template else 0.8,
        review=template.review if template else 0.2,
        slope=template.slope if template else 1.0,
        weights=weights,
    )
    return Trained(
        model=model,
        rounds=rounds,
        pairs_same=float(sizes_of_classes[SAME]),
        pairs_household=float(sizes_of_classes[HOUSEHOLD]),
        pairs={c.name: of for c, of in zip(comparisons, said, strict=True)},
    )


def relative_to(same: FloatArray, start: FloatArray) -> FloatArray:
    """Shares among a household's pairs that stand to those of one person's as they began to."""
    found: FloatArray = same * start[HOUSEHOLD] / np.maximum(start[SAME], _LEAST)
    found /= found.sum()
    return found


def _log_likelihood(
    evidence: Evidence,
    tables: Sequence[FloatArray],
    rare: Sequence[NDArray[np.bool_]],
    neutral: Sequence[NDArray[np.bool_]],
) -> FloatArray:
    like = np.zeros((len(evidence.codes), 3))
    for at, table in enumerate(tables):
        logs = np.zeros((table.shape[1] + 1, 3))
        logs[1:] = np.log(np.maximum(table.T, _LEAST))
        logs[rare[at], STRANGER] = 0.0
        logs[neutral[at]] = 0.0
        like += logs[evidence.codes[:, at]]
    like[:, STRANGER] += evidence.rarity
    return like

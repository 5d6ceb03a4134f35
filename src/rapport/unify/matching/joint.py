"""How sure two persons are one, by all that their records say together.

Of two records that linkage left apart, their own weight says too much: the other records of the two
persons have spoken against. So what is said to a person of a suggestion is what linkage saw, field
by field over all their records, and not what the two most alike of them show.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.comparison import Comparison
from rapport.unify.matching.match import one_field
from rapport.unify.matching.model import Model
from rapport.unify.matching.pair_levels import UNSAID, Comparer
from rapport.unify.matching.score import field_bits, pair_bits
from rapport.unify.matching.standardise import Standardised

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]

#: Of a field's evidence, the part that its best pair has; as linkage counts, and a test holds both.
_BEST = 0.5
#: Pairs of records that are compared together.
_AT_ONCE = 2_000_000


def joint_bits(
    standardised: Standardised,
    labels: IntArray,
    a: IntArray,
    b: IntArray,
    comparisons: Sequence[Comparison],
    model: Model,
    engine: ColumnEngine,
    *,
    n_records: int | None = None,
) -> FloatArray:
    """Bits for one person of the two persons that pairs of records belong to.

    Parameters
    ----------
    labels : int array, shape (n_records,)
        Person of each record, as linkage gives them: the smallest record number.
    a, b : int arrays, shape (n_pairs,)
        Record numbers; the two of a pair are of different persons.
    n_records : int, optional
        Among how many records these are found; by default they are all.

    Returns
    -------
    float32 array, shape (n_pairs,)
        The same for all pairs of the same two persons.
    """
    low, high = np.sort(np.column_stack([labels[a], labels[b]]), axis=1).T
    persons, place = np.unique(low * np.int64(len(labels)) + high, return_inverse=True)
    one, two = persons // len(labels), persons % len(labels)
    order = np.argsort(labels, kind="stable")
    size = np.bincount(labels, minlength=len(labels))
    start = np.cumsum(size) - size
    across = size[one] * size[two]
    bits = np.empty(len(persons), dtype=np.float32)
    # In parts of so many pairs of records, whole persons each.
    parts = (np.cumsum(across) - across) // _AT_ONCE
    n = standardised.n_records if n_records is None else n_records
    with closing(Comparer(standardised, engine)) as comparer:
        for part in np.unique(parts):
            of = np.flatnonzero(parts == part)
            owner = np.repeat(np.arange(len(of)), across[of])
            at = np.arange(len(owner)) - np.repeat(np.cumsum(across[of]) - across[of], across[of])
            left = order[start[one[of]][owner] + at // size[two[of]][owner]]
            right = order[start[two[of]][owner] + at % size[two[of]][owner]]
            left, right = np.minimum(left, right), np.maximum(left, right)
            levels = comparer.levels(comparer.codes(left, right), left, right)
            fields = *field_bits(levels, comparisons, model), levels.codes != UNSAID
            stranger, household = _agreement(*one_field(fields, comparisons), owner, len(of))
            bits[of] = pair_bits(stranger, household, model, n)
    return bits[place]


def _agreement(
    stranger: FloatArray, household: FloatArray, said: NDArray[np.bool_], owner: IntArray, n: int
) -> tuple[FloatArray, FloatArray]:
    """Sums over the fields, of which the best pair counts half and the average half.

    Parameters
    ----------
    stranger, household, said : arrays, shape (n_fields, n_record_pairs)
    owner : int array, shape (n_record_pairs,)
        Which of the ``n`` pairs of persons.
    """
    sums = np.zeros((2, n))
    for field in range(len(stranger)):
        heard = said[field]
        whose = owner[heard]
        if not len(whose):
            continue
        count = np.bincount(whose, minlength=n)
        values = stranger[field][heard], household[field][heard]
        # One best pair for both, by what it proves against strangers and the household alike.
        order = np.lexsort((values[0], np.minimum(*values), whose))
        best = order[np.r_[np.flatnonzero(np.diff(whose[order])), len(order) - 1]]
        for at, value in enumerate(values):
            average = np.bincount(whose, value, minlength=n) / np.maximum(count, 1)
            sums[at] += (1 - _BEST) * average
            sums[at, whose[best]] += _BEST * value[best]
    found = sums.astype(np.float32)
    return found[0], found[1]

"""What each matter contributes to a match weight, for many pairs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.comparison import Comparison
from rapport.unify.matching.model import Model, level_keys
from rapport.unify.matching.score import field_bits, level_codes
from rapport.unify.matching.standardise import Standardised

#: Comparison, level, bits; the comparisons of which both records say something.
Waterfall = tuple[tuple[str, str, float], ...]


def waterfalls(
    standardised: Standardised,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    comparisons: Sequence[Comparison],
    model: Model,
    engine: ColumnEngine,
) -> list[Waterfall]:
    """The steps of each pair's weight, against the likelier other explanation of the two.

    The steps and the prior add up to the weight before it is calibrated.
    """
    levels = level_codes(standardised, a, b, engine)
    stranger, household = field_bits(levels, comparisons, model)
    prior, prior_household = model.priors(standardised.n_records)
    family = household.sum(axis=0) + prior_household < stranger.sum(axis=0) + prior
    bits = np.where(family, household, stranger)
    keys = [("", *level_keys(comparison)) for comparison in comparisons]
    found: list[Waterfall] = []
    for pair in range(len(a)):
        said = np.flatnonzero(levels.codes[:, pair]).tolist()
        found.append(
            tuple(
                (comparisons[at].name, keys[at][int(levels.codes[at, pair])], float(bits[at, pair]))
                for at in said
            )
        )
    return found

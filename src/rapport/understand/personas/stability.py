"""How many groups there are: as many as are found again when other customers had come.

For each k, pairs of bootstrap samples of customers are grouped, everybody is placed by both, and
the two placings are compared by the adjusted Rand index (Fang & Wang (2012), Selection of the
Number of Clusters via the Bootstrap Method, Computational Statistics & Data Analysis 56). Much of
that is found again in data without any groups too, since a long cloud is always cut across; so
the same is done with clouds of one piece, uniform over a box along the principal axes of the data
(the reference of Tibshirani, Walther & Hastie (2001), Estimating the Number of Clusters in a Data
Set via the Gap Statistic, JRSS B 63), with the same values missing.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from scipy import stats

from rapport.understand.personas.clusters import (
    Floats,
    adjusted_rand_index,
    k_means,
    nearest_of,
)

#: Groups that are found again less well than this are not groups that one can name.
FOUND_AGAIN = 0.75
#: Differences of the index that tell nothing about which number of groups is the better.
AS_WELL = 0.05
#: Fewer customers than this can only be split by chance.
FEWEST = 150
MOST_GROUPS = 8
PAIRS = 20
#: Customers of one sample; more would not change the choice of k, and cost more.
SAMPLE = 1200


class Stability(Struct, frozen=True, kw_only=True):
    """How well k groups are found again.

    Attributes
    ----------
    mean, low, high : float
        Of the adjusted Rand index over pairs of samples, with the 95 % interval of the mean
        (Student's t).
    reference, reference_high : float
        The same of clouds without groups, and the end of its interval.
    holds : bool
        ``low`` is at least `FOUND_AGAIN` and above ``reference_high``.
    """

    k: int
    mean: float
    low: float
    high: float
    reference: float
    reference_high: float

    @property
    def holds(self) -> bool:
        """Whether so many groups may be spoken of."""
        return self.low >= FOUND_AGAIN and self.low > self.reference_high


def stabilities(
    values: Floats,
    known: Floats,
    rng: np.random.Generator,
    *,
    most: int = MOST_GROUPS,
    pairs: int = PAIRS,
) -> tuple[Stability, ...]:
    """The stability of 2 … ``most`` groups.

    Parameters
    ----------
    values, known : float array, shape (n, n_features)
        As of `clusters.distances`.
    """
    if len(values) > SAMPLE:
        chosen = np.sort(rng.choice(len(values), SAMPLE, replace=False))
        values, known = values[chosen], known[chosen]
    clouds = [_without_groups(values, known, rng) for _ in range(pairs)]
    found = []
    for k in range(2, most + 1):
        own = [_agreement(values, known, k, rng) for _ in range(pairs)]
        none = [_agreement(cloud, known, k, rng) for cloud in clouds]
        mean, half = _interval(own)
        reference, reference_half = _interval(none)
        found.append(
            Stability(
                k=k, mean=mean, low=mean - half, high=min(1.0, mean + half), reference=reference,
                reference_high=reference + reference_half,
            )
        )  # fmt: skip
    return tuple(found)


def chosen_k(found: tuple[Stability, ...]) -> int | None:
    """The most groups of those found again about as well as the best are; None where none hold.

    Two groups that are really three are often found again best of all; so of numbers that come
    within `AS_WELL` of the best the finest counts, which says more.
    """
    holding = [each for each in found if each.holds]
    best = max((each.mean for each in holding), default=0.0)
    return max((each.k for each in holding if each.mean >= best - AS_WELL), default=None)


def _agreement(values: Floats, known: Floats, k: int, rng: np.random.Generator) -> float:
    n = len(values)
    placed = []
    for _ in range(2):
        drawn = rng.integers(n, size=n)
        placed.append(nearest_of(values, known, k_means(values[drawn], known[drawn], k, rng)))
    return adjusted_rand_index(placed[0], placed[1])


def _interval(agreements: list[float]) -> tuple[float, float]:
    sample = np.array(agreements)
    half = stats.t.ppf(0.975, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample))
    return float(sample.mean()), float(half)


def _without_groups(values: Floats, known: Floats, rng: np.random.Generator) -> Floats:
    """A cloud of one piece, as long and wide in each principal direction as the data."""
    # Where a value is missing its mean (0) stands in: only for the directions, and seen nowhere.
    _, _, axes = np.linalg.svd(values, full_matrices=False)
    along = values @ axes.T
    low, high = along.min(axis=0), along.max(axis=0)
    drawn: Floats = (low + rng.random(along.shape) * (high - low)) @ axes
    return drawn * known

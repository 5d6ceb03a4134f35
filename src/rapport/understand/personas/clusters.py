"""Groups of customers: k-means that leaves out what is not known, and how alike two groupings are.

A missing value adds nothing to a distance and nothing to a centre, which is k-POD's objective (Chi,
Chi & Baraniuk (2016), k-POD: A Method for k-Means Clustering of Missing Data, The American
Statistician 70). Filling in means would make a group of those of whom little is known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_MOST_ROUNDS = 60


def distances(values: Floats, known: Floats, centres: Floats) -> Floats:
    """Squared distances over what is known; shape (n, n_centres).

    Parameters
    ----------
    values : float array, shape (n, n_features)
        0 where not known.
    known : float array, shape (n, n_features)
        1 where known, else 0.
    centres : float array, shape (n_centres, n_features)
    """
    found: Floats = (
        (values * values).sum(axis=1)[:, None]
        - 2.0 * values @ centres.T
        + known @ (centres * centres).T
    )
    return np.maximum(found, 0.0)


def k_means(
    values: Floats, known: Floats, k: int, rng: np.random.Generator, *, starts: int = 4
) -> Floats:
    """Centres of the best of several starts; shape (k, n_features).

    Each start is seeded by k-means++ (Arthur & Vassilvitskii (2007)) and improved by Lloyd's
    rounds; all starts are improved side by side.
    """
    centres = np.stack([_seeded(values, known, k, rng) for _ in range(starts)])
    n, features = values.shape
    groups = np.full((starts, n), -1)
    best = np.zeros(starts)
    for _ in range(_MOST_ROUNDS):
        apart = distances(values, known, centres.reshape(-1, features)).reshape(n, starts, k)
        nearest = apart.argmin(axis=2).T
        best = apart.min(axis=2).sum(axis=0)
        if np.array_equal(nearest, groups):
            break
        groups = nearest
        for start in range(starts):
            member = np.zeros((k, n))
            member[groups[start], np.arange(n)] = 1.0
            counts = member @ known
            # Of a group in which nobody's value is known, the mean of all: nothing is told apart.
            centres[start] = np.divide(
                member @ values, counts, out=np.zeros_like(counts), where=counts > 0
            )
            empty = np.flatnonzero(member.sum(axis=1) == 0)
            if len(empty):
                far = np.argsort(apart[:, start].min(axis=1))[::-1][: len(empty)]
                centres[start, empty] = values[far]
    found: Floats = centres[int(best.argmin())]
    return found


def _seeded(values: Floats, known: Floats, k: int, rng: np.random.Generator) -> Floats:
    chosen = [int(rng.integers(len(values)))]
    nearest = distances(values, known, values[chosen[0]][None])[:, 0]
    for _ in range(k - 1):
        total = nearest.sum()
        at = (
            int(np.searchsorted(np.cumsum(nearest), rng.random() * total))
            if total > 0
            else int(rng.integers(len(values)))
        )
        chosen.append(min(at, len(values) - 1))
        nearest = np.minimum(nearest, distances(values, known, values[chosen[-1]][None])[:, 0])
    return values[chosen].copy()


def nearest_of(values: Floats, known: Floats, centres: Floats) -> Ints:
    """The place of the nearest centre of each row; shape (n,)."""
    found: Ints = distances(values, known, centres).argmin(axis=1)
    return found


def adjusted_rand_index(one: Ints, other: Ints) -> float:
    """How far two groupings of the same rows agree: 1 the same, 0 as by chance; may be below.

    Parameters
    ----------
    one, other : int array, shape (n,)
        Numbers of groups from 0.

    References
    ----------
    Hubert & Arabie (1985), Comparing Partitions, Journal of Classification 2, equation 5.

    Examples
    --------
    >>> adjusted_rand_index(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    width = int(other.max()) + 1
    counts = np.bincount(one * width + other, minlength=(int(one.max()) + 1) * width)
    table: Floats = counts.reshape(-1, width).astype(np.float64)

    def pairs(sizes: Floats) -> float:
        return float((sizes * (sizes - 1) / 2).sum())

    together, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    n = float(len(one))
    expected = rows * columns / (n * (n - 1) / 2)
    most = (rows + columns) / 2
    # Both put everybody together, or everybody alone: the same grouping.
    return 1.0 if most == expected else (together - expected) / (most - expected)

"""How right a partition of records is, beside the known truth, and how sure it said it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rapport.errors import InvalidInput

Labels = NDArray[Any]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


class Score(Struct, frozen=True, kw_only=True):
    """Shares, 0 to 1, higher is better. `f1` is the harmonic mean of the other two."""

    precision: float
    recall: float
    f1: float


class Agreement(Struct, frozen=True, kw_only=True):
    """A partition beside the truth.

    Attributes
    ----------
    records, clusters, entities : int
        Records judged, clusters made of them, and how many they truly are.
    pairwise : Score
        Over pairs of records. One cluster of n counts n(n-1)/2 times: large mistakes show.
    bcubed : Score
        Over records: of each record's cluster the share that is its entity's, and the reverse.
    exact : float
        Share of entities that are one cluster with nobody else in it.
    apart : float
        Share of entities none of whose records is in a cluster with anybody else's.
    largest_cluster : int, in records
        A blob of many people would show here.
    """

    records: int
    clusters: int
    entities: int
    pairwise: Score
    bcubed: Score
    exact: float
    apart: float
    largest_cluster: int


class CalibrationBin(Struct, frozen=True, kw_only=True):
    """Pairs said to be right with a probability in [`low`, `high`), the last bin closed.

    `said` is their mean probability, `right` the share of them that are; both None without pairs.
    `interval` is where that share lies with 95 % confidence, given so few pairs.
    """

    low: float
    high: float
    pairs: int
    said: float | None
    right: float | None
    interval: tuple[float, float] | None = None


#: Bins are narrow where decisions fall; the one around .95 is what "95 % sure" is held against.
CALIBRATION_EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.85, 0.93, 0.97, 0.99, 0.999, 1.0)


def agreement(labels: Labels, truth: Labels) -> Agreement:
    """Judge a partition by the truth.

    Parameters
    ----------
    labels : array, shape (n_records,)
        Cluster of each record; any values that can be sorted.
    truth : array, shape (n_records,)
        Entity of each record.

    Returns
    -------
    Agreement
        Where nothing was joined precision is 1, and where nothing was to be joined recall is:
        no pair is wrong.

    Raises
    ------
    InvalidInput
        If the two differ in length, or there are no records.

    References
    ----------
    Bagga & Baldwin (1998), Entity-Based Cross-Document Coreferencing Using the Vector Space Model.
    """
    clusters, entities = _codes(labels), _codes(truth)
    if len(clusters) != len(entities):
        raise InvalidInput(
            f"There are {len(clusters):,} labels for {len(entities):,} records; give one each"
        )
    if not len(clusters):
        raise InvalidInput("There are no records to judge")
    in_cluster, in_entity = np.bincount(clusters), np.bincount(entities)
    both, cells = np.unique(clusters * np.int64(len(in_entity)) + entities, return_counts=True)
    cluster_of, entity_of = both // len(in_entity), both % len(in_entity)
    shared = cells.astype(np.float64) ** 2
    alone = cells == in_cluster[cluster_of]
    whole = alone & (cells == in_entity[entity_of])
    return Agreement(
        records=len(clusters),
        clusters=len(in_cluster),
        entities=len(in_entity),
        pairwise=_score(_pairs(cells), _pairs(in_cluster), _pairs(in_entity)),
        bcubed=_score_of_shares(
            float((shared / in_cluster[cluster_of]).sum()) / len(clusters),
            float((shared / in_entity[entity_of]).sum()) / len(clusters),
        ),
        exact=float(whole.sum()) / len(in_entity),
        apart=1 - len(np.unique(entity_of[~alone])) / len(in_entity),
        largest_cluster=int(in_cluster.max()),
    )


def agreement_by(labels: Labels, truth: Labels, slices: Labels) -> dict[str, Agreement]:
    """`agreement` among the records of each slice alone, such as a language; None is no slice."""
    names = np.array(["" if name is None else str(name) for name in slices.tolist()], dtype=object)
    codes = _codes(labels), _codes(truth)
    return {
        str(name): agreement(*(code[names == name] for code in codes))
        for name in np.unique(names)
        if name
    }


def clusters_across(labels: Labels, groups: Labels) -> int:
    """How many clusters hold records of more than one group, such as a household."""
    clusters, of = _codes(labels), _codes(groups)
    if not len(clusters):
        return 0
    width = np.int64(of.max()) + 1
    both = np.unique(clusters * width + of)
    return int((np.bincount(both // width) > 1).sum())


def calibration(
    probability: Floats,
    right: NDArray[np.bool_],
    edges: Sequence[float] = CALIBRATION_EDGES,
) -> tuple[CalibrationBin, ...]:
    """What was said beside what is so.

    Parameters
    ----------
    probability : float array, shape (n_pairs,), in [0, 1]
        Said probability that the two records are one person's.
    right : bool array, shape (n_pairs,)
        Whether they are.
    edges : sequence of float
        Ascending limits of the bins.

    Raises
    ------
    InvalidInput
        If a probability lies outside the edges.
    """
    limits = np.asarray(edges, dtype=np.float64)
    outside = (probability < limits[0]) | (probability > limits[-1]) | np.isnan(probability)
    if outside.any():
        raise InvalidInput(
            f"{int(outside.sum()):,} probabilities lie outside {limits[0]:g} to {limits[-1]:g}"
        )
    place = np.minimum(np.searchsorted(limits, probability, side="right") - 1, len(limits) - 2)
    n = np.bincount(place, minlength=len(limits) - 1)
    said = np.bincount(place, weights=probability, minlength=len(n))
    hits = np.bincount(place, weights=right.astype(np.float64), minlength=len(n))
    return tuple(
        CalibrationBin(
            low=float(limits[i]),
            high=float(limits[i + 1]),
            pairs=int(n[i]),
            said=float(said[i] / n[i]) if n[i] else None,
            right=float(hits[i] / n[i]) if n[i] else None,
            interval=wilson(float(hits[i]), int(n[i])) if n[i] else None,
        )
        for i in range(len(n))
    )


#: Standard deviations on either side that hold 95 % of a normal distribution.
_Z = 1.959964


def wilson(hits: float, n: int) -> tuple[float, float]:
    """Where a share lies with 95 % confidence, when ``hits`` of ``n`` were seen.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(15, 20)]
    [0.531, 0.888]

    References
    ----------
    Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference.
    """
    share, square = hits / n, _Z**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def calibration_gap(bins: Sequence[CalibrationBin]) -> float | None:
    """Mean distance of said and right over all pairs (expected calibration error)."""
    held = [
        (b.pairs, abs(b.said - b.right)) for b in bins if b.said is not None and b.right is not None
    ]
    pairs = sum(n for n, _ in held)
    return sum(n * gap for n, gap in held) / pairs if pairs else None


def _codes(labels: Labels) -> Counts:
    """Labels as 0, 1, 2 …: what they are called is no matter."""
    _, codes = np.unique(labels, return_inverse=True)
    return codes.astype(np.int64)


def _pairs(sizes: Counts) -> float:
    """How many pairs there are within groups of these sizes."""
    n = sizes.astype(np.float64)
    return float((n * (n - 1) / 2).sum())


def _score(right: float, made: float, wanted: float) -> Score:
    return _score_of_shares(right / made if made else 1.0, right / wanted if wanted else 1.0)


def _score_of_shares(precision: float, recall: float) -> Score:
    both = precision + recall
    f1 = 2 * precision * recall / both if both else 0.0
    return Score(precision=precision, recall=recall, f1=f1)

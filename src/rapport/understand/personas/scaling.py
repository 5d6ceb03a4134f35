"""What is known, on scales that can be compared: the coordinates in which groups are found.

Shares of few are pulled towards everybody's share; skewed numbers are straightened by the
Yeo-Johnson power (Yeo & Johnson (2000), A New Family of Power Transformations, Biometrika 87),
centred, scaled, and cut off at three deviations. What goes with nothing else is left out: it can
only be cut in two by itself, and would blur the groups that others make. A kind of data weighs as
many features as it has, six at most: thirty questions do not outweigh everything that people do.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from scipy import stats

from rapport.understand.personas.clusters import Bools, Floats
from rapport.understand.personas.facts import FACTS, Kind, Known

#: Begins the name of a feature that is the answer to a question.
ANSWER = "answer:"
#: Known of fewer than this share, a feature says nothing of groups.
_KNOWN_OF = 0.05
#: As many cases as everybody's share counts for in one customer's.
_PULL = 4.0
_HEAVIEST = 6.0
#: The correlation with some other feature from which on a feature is no noise.
_GOES_WITH = 0.2
#: Of whom less is known than this share of all weight is placed in no group.
_ENOUGH = 0.6
_CUT = 3.0
#: Deviations are of so many at most: the power is the same to three digits.
_FITTED_ON = 20_000
#: Fewer acts in the year tell of no habit.
FEWEST_OCCASIONS = 3


class Feature(Struct, frozen=True, kw_only=True):
    """One coordinate and how it is made.

    Attributes
    ----------
    everybody : float
        The share that few cases are pulled towards; 0 for what is no share.
    power : float
        Of Yeo-Johnson; 1 leaves values as they are.
    mean, deviation : float
        After the power.
    weight : float
        Of its squared distances.
    """

    name: str
    kind: Kind
    share_of: str | None
    everybody: float = 0.0
    power: float = 1.0
    mean: float = 0.0
    deviation: float = 1.0
    weight: float = 1.0


def in_scope(known: Known) -> Bools:
    """Who did enough in the year to have habits; shape (n,)."""
    found: Bools = known.numbers["occasions"] >= FEWEST_OCCASIONS
    return found


def fit_features(known: Known) -> tuple[Feature, ...]:
    """The features that make groups, as these customers scale them; may be none."""
    rows = in_scope(known)
    asked: list[tuple[str, Kind, str | None]] = [
        (fact.name, fact.kind, fact.share_of) for fact in FACTS if fact.groups
    ]
    asked += [(ANSWER + question, "psychographic", None) for question in known.questions]
    scaled = [
        found
        for name, kind, share_of in asked
        if (found := _scaled(known, rows, name, kind, share_of)) is not None
    ]
    if not scaled:
        return ()
    kept = _going_together(known, rows, scaled)
    counts = Counter(feature.kind for feature in kept)
    return tuple(
        replace(feature, weight=min(_HEAVIEST, counts[feature.kind]) / counts[feature.kind])
        for feature in kept
    )


def _scaled(
    known: Known, rows: Bools, name: str, kind: Kind, share_of: str | None
) -> Feature | None:
    raw = raw_values(known, name)[rows]
    there = np.isfinite(raw)
    if there.sum() < max(_KNOWN_OF * rows.sum(), 3):
        return None
    everybody = 0.0
    if share_of is not None:
        cases = known.numbers[share_of][rows][there]
        everybody = float((raw[there] * cases).sum() / cases.sum())
    feature = Feature(name=name, kind=kind, share_of=share_of, everybody=everybody)
    values = _pulled(known, feature)[rows][there]
    if values.min() == values.max():
        return None
    step = -(-len(values) // _FITTED_ON)
    power = float(stats.yeojohnson(values[::step])[1])
    straight = stats.yeojohnson(values, lmbda=power)
    deviation = float(straight.std())
    if not np.isfinite(deviation) or deviation == 0.0:
        return None
    return replace(feature, power=power, mean=float(straight.mean()), deviation=deviation)


def _going_together(known: Known, rows: Bools, features: list[Feature]) -> list[Feature]:
    """Those that correlate with some other, over customers of whom both are known."""
    values, there = coordinates(known, tuple(features))
    values, there = values[rows], there[rows]
    both = np.maximum(there.T @ there, 1.0)
    mean, other = values.T @ there / both, there.T @ values / both
    spread = np.sqrt(
        np.maximum((values**2).T @ there / both - mean**2, 1e-12)
        * np.maximum(there.T @ values**2 / both - other**2, 1e-12)
    )
    correlation = np.abs(values.T @ values / both - mean * other) / spread
    np.fill_diagonal(correlation, 0.0)
    return [each for each, most in zip(features, correlation.max(axis=0), strict=True)
            if most >= _GOES_WITH]  # fmt: skip


def coordinates(known: Known, features: tuple[Feature, ...]) -> tuple[Floats, Floats]:
    """Values and what is known, each of shape (n, n_features), as `clusters.distances` wants them.

    Distances are weighted: a value is its deviation times the root of the feature's weight.
    """
    columns = []
    for feature in features:
        straight = stats.yeojohnson(_pulled(known, feature), lmbda=feature.power)
        scaled = (straight - feature.mean) / feature.deviation
        columns.append(np.clip(scaled, -_CUT, _CUT) * np.sqrt(feature.weight))
    values = np.stack(columns, axis=1)
    there = np.isfinite(values)
    return np.where(there, values, 0.0), there.astype(np.float64)


def raw_values(known: Known, name: str) -> Floats:
    """A fact or the answer to a question as it is; NaN where it is not known; shape (n,)."""
    if not name.startswith(ANSWER):
        return known.numbers[name]
    question = name.removeprefix(ANSWER)
    if question not in known.questions:
        return np.full(len(known), np.nan)
    found: Floats = known.answers[:, known.questions.index(question)]
    return found


def enough_known(features: tuple[Feature, ...], there: Floats) -> Bools:
    """Of whom enough is known to say which group is theirs; ``there`` is from `coordinates`."""
    weights = np.array([feature.weight for feature in features])
    found: Bools = there @ weights >= _ENOUGH * weights.sum()
    return found


def _pulled(known: Known, feature: Feature) -> Floats:
    raw = raw_values(known, feature.name)
    if feature.share_of is None:
        return raw
    cases = known.numbers[feature.share_of]
    found: Floats = (raw * cases + _PULL * feature.everybody) / (cases + _PULL)
    return found

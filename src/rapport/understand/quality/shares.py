"""Shares with an honest interval, and the one score made of five of them.

The dimensions are those of ISO/IEC 25012 that can be measured without asking the people
themselves. Each is a share of 0 … 1:

* *completeness*: of the records that could state it, how many do;
* *validity* (the standard's syntactic accuracy): of the stated values, how many pass their check;
* *consistency*: of the people of whom other silos state it too, for how many this silo agrees;
* *uniqueness*: of the records that state it, how many share the value with no other record;
* *currentness*: of the stated values, how many were stated within a year.

The score is their weighted geometric mean times 100. Geometric, so that no silo makes up for
values that are wrong by having many of them: a dimension of 0 makes the score 0, while an
arithmetic mean would still give 75.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct
from scipy import stats

#: What counts how much. A wrong value does harm, a missing one is only missing.
WEIGHTS: Mapping[str, int] = MappingProxyType(
    {"completeness": 2, "validity": 3, "consistency": 3, "uniqueness": 1, "currentness": 1}
)
#: Without these two there is no score.
NEEDED = ("completeness", "validity")
#: Records below which a share says nothing.
FEWEST = 30
_Z = float(stats.norm.ppf(0.975))


class Share(Struct, frozen=True, kw_only=True):
    """A share of ``n`` records with its 95 % interval; all within 0 … 1."""

    value: float
    n: int
    low: float
    high: float


class Score(Struct, frozen=True, kw_only=True):
    """The uniform quality, 0 … 100; `of` names the dimensions that could be measured."""

    value: float
    low: float
    high: float
    n: int
    of: tuple[str, ...]


def share(part: float, whole: float, *, n: float | None = None) -> Share | None:
    """``part`` of ``whole`` with Wilson's interval; None where nothing was looked at.

    Parameters
    ----------
    part, whole : float
        Weighted counts, where the records are a sample.
    n : float, optional
        How many records they are worth; by default ``whole``.

    References
    ----------
    Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference, JASA 22;
    Brown, Cai & DasGupta (2001), Interval Estimation for a Binomial Proportion, Statistical
    Science 16.

    Examples
    --------
    >>> found = share(9, 10)
    >>> (found.value, round(found.low, 3), round(found.high, 3))
    (0.9, 0.596, 0.982)
    """
    if whole <= 0:
        return None
    size = whole if n is None else n
    value = min(1.0, max(0.0, part / whole))
    middle = (value + _Z**2 / (2 * size)) / (1 + _Z**2 / size)
    half = _Z / (1 + _Z**2 / size) * math.sqrt(value * (1 - value) / size + (_Z / size) ** 2 / 4)
    return Share(
        value=value,
        n=round(size),
        low=max(0.0, min(value, middle - half)),
        high=min(1.0, max(value, middle + half)),
    )


def uniform_score(shares: Mapping[str, Share | None]) -> Score | None:
    """The uniform quality of one attribute in one silo; see the top of this file.

    Its interval joins the low ends and the high ends of the shares: wider than it need be, since
    they will not all be low at once, and never too narrow.

    Parameters
    ----------
    shares : mapping
        Dimension → share; those of fewer than `FEWEST` records are left out.

    Returns
    -------
    Score or None
        None where completeness or validity is not known.
    """
    known = {
        name: found
        for name in WEIGHTS
        if (found := shares.get(name)) is not None and found.n >= FEWEST
    }
    if any(name not in known for name in NEEDED):
        return None
    whole = sum(WEIGHTS[name] for name in known)

    def mean(values: Mapping[str, float]) -> float:
        if not all(values.values()):
            return 0.0
        logs = math.fsum(WEIGHTS[name] * math.log(value) for name, value in values.items())
        return 100 * math.exp(logs / whole)

    return Score(
        value=mean({name: found.value for name, found in known.items()}),
        low=mean({name: found.low for name, found in known.items()}),
        high=mean({name: found.high for name, found in known.items()}),
        n=known["completeness"].n,
        of=tuple(known),
    )

"""Control charts: is a week outside the band that the weeks before it draw?

Each week is judged by the weeks before it alone, as it was at the time; weeks that were outside
are left out of later bands, or a lasting trouble would soon look usual. The band is one-sided,
since only a rise is trouble. Its width grows with how many charts are looked at together
(Bonferroni), so that a company with fifty of them is not called every week, and is never narrower
than the customary three sigma.

References
----------
Montgomery (2019), Introduction to Statistical Quality Control, 8th ed., sections 6.4 (individuals)
and 7.2 (fraction nonconforming); Laney (2002), Improved Control Charts for Attributes, Quality
Engineering 14(4): shares of many customers vary more than the binomial says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct
from scipy import stats

#: The chance per week that any chart of a company calls for nothing.
LEVEL = 0.01
BASE_WEEKS, FEWEST_WEEKS = 26, 10
#: Entries in a week below which it is not judged.
FEWEST = 20
#: Mean moving range of two over sigma, for normal values (Montgomery, appendix VI).
D2 = 1.128


class Point(Struct, frozen=True, kw_only=True):
    """One week: its value, and the band that the weeks before drew (None: not enough of them)."""

    n: int
    value: float | None
    centre: float | None = None
    upper: float | None = None
    out: bool = False


def sigmas(charts: int) -> float:
    """How many sigmas from the middle the band ends, when so many charts are looked at.

    Examples
    --------
    >>> round(sigmas(1), 2), round(sigmas(50), 2)
    (3.0, 3.54)
    """
    return max(3.0, float(stats.norm.isf(LEVEL / max(1, charts))))


def share_limit(
    base: Sequence[tuple[int, int]], n: int, *, width: float = 3.0, overdispersed: bool = True
) -> tuple[float, float]:
    """Middle and upper limit of the share of ``n``, from weeks of (number, of how many).

    Parameters
    ----------
    overdispersed : bool
        False for the classic p-chart, with the binomial's spread and the bell curve's shape.
    """
    total = sum(of for _, of in base)
    middle = sum(number for number, _ in base) / total
    # A share never seen is not one that cannot be: half an entry more keeps the band open.
    spread = middle if 0 < middle < 1 else (sum(k for k, _ in base) + 0.5) / (total + 1)
    # The bell curve promises too narrow a band where few of few fail: there the binomial's own
    # tail decides.
    exact = float(stats.binom.isf(stats.norm.sf(width), n, spread)) / n if overdispersed else 0.0
    inflation = 1.0
    if overdispersed and len(base) > 1:
        scores = [
            (number / of - middle) / math.sqrt(spread * (1 - spread) / of) for number, of in base
        ]
        inflation = max(1.0, moving_range(scores) / D2)
    wide = middle + width * inflation * math.sqrt(spread * (1 - spread) / n)
    return middle, min(1.0, max(wide, exact))


def value_limit(base: Sequence[float], *, width: float = 3.0) -> tuple[float, float]:
    """Middle and upper limit of single values, by their mean moving range.

    Examples
    --------
    >>> middle, upper = value_limit([10.0, 12.0, 11.0, 13.0])
    >>> round(middle, 2), round(upper, 2)
    (11.5, 15.93)
    """
    middle = math.fsum(base) / len(base)
    return middle, middle + width * moving_range(base) / D2


def moving_range(values: Sequence[float]) -> float:
    """Mean distance of neighbours; 0 with fewer than two."""
    if len(values) < 2:
        return 0.0
    return math.fsum(abs(b - a) for a, b in pairwise(values)) / (len(values) - 1)


def share_chart(weeks: Sequence[tuple[int, int]], *, width: float = 3.0) -> tuple[Point, ...]:
    """Each week's share with its band; weeks are (number, of how many), oldest first."""
    base: list[tuple[int, int]] = []
    points = []
    for number, of in weeks:
        if of < FEWEST:
            points.append(Point(n=of, value=number / of if of else None))
            continue
        if len(base) < FEWEST_WEEKS:
            points.append(Point(n=of, value=number / of))
            base.append((number, of))
            continue
        centre, upper = share_limit(base[-BASE_WEEKS:], of, width=width)
        # A limit of 1 cannot be passed; then nothing is ever out, and the page shows why.
        out = number / of > upper
        points.append(Point(n=of, value=number / of, centre=centre, upper=upper, out=out))
        if not out:
            base.append((number, of))
    return tuple(points)


def time_chart(
    weeks: Sequence[tuple[float | None, int]], *, width: float = 3.0
) -> tuple[Point, ...]:
    """Each week's typical time with its band; weeks are (seconds, of how many), oldest first.

    The band is drawn of logarithms: times are skewed, and twice as long is as far from usual
    whether usual is an hour or a week.
    """
    base: list[float] = []
    points = []
    for seconds, of in weeks:
        if seconds is None or of < FEWEST:
            points.append(Point(n=of, value=seconds))
            continue
        score = math.log(max(seconds, 1.0))
        if len(base) < FEWEST_WEEKS:
            points.append(Point(n=of, value=seconds))
            base.append(score)
            continue
        centre, upper = value_limit(base[-BASE_WEEKS:], width=width)
        out = score > upper
        points.append(
            Point(n=of, value=seconds, centre=math.exp(centre), upper=math.exp(upper), out=out)
        )
        if not out:
            base.append(score)
    return tuple(points)


def out_since(points: Sequence[Point]) -> int | None:
    """Number of the week in which the trouble that still lasts began; None: none lasts.

    Weeks with too few entries to judge neither end it nor begin it.
    """
    since = None
    for number in range(len(points) - 1, -1, -1):
        if points[number].upper is None:
            continue
        if not points[number].out:
            break
        since = number
    return since

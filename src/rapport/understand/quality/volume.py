"""Whether a day brought as much as its weekday usually does.

The forecast of a day is the median of the same weekday in the eight weeks before it: a weekly
rhythm is what almost every feed has, and a median forgets one odd week. The band is the spread of
those weeks (1.4826 × the median absolute deviation, which for normal values is the standard
deviation), at least that of a Poisson count, widened for the median's own error, times three. A
day outside it is flagged; on ordinary days that happens about once in three hundred.

References
----------
Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, 3rd ed., 5.2 (seasonal naive
methods); Rousseeuw & Croux (1993), Alternatives to the Median Absolute Deviation, JASA 88.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

from msgspec import Struct

WEEKS = 8
#: Weeks of the same weekday below which there is no forecast.
FEWEST_WEEKS = 4
_WIDTH = 3.0
_MAD_TO_SD = 1.4826


class DayVolume(Struct, frozen=True, kw_only=True):
    """A day's count beside what was expected; None where the history is too short.

    `state` is "usual", "low", "high" or "unknown".
    """

    day: date
    count: int
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    state: str = "unknown"


def volumes(counts: Mapping[date, int], days: Sequence[date]) -> tuple[DayVolume, ...]:
    """Each of ``days`` beside its forecast from the weeks before it.

    Parameters
    ----------
    counts : mapping of date to int
        Days that brought something; the history begins with the first of them, and later days
        that are not there brought nothing.
    days : sequence of date
        Whole days.
    """
    first = min(counts, default=None)
    return tuple(_volume(counts, first, day) for day in days)


def _volume(counts: Mapping[date, int], first: date | None, day: date) -> DayVolume:
    count = counts.get(day, 0)
    before = [day - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    known = [counts.get(each, 0) for each in before if first is not None and each >= first]
    if len(known) < FEWEST_WEEKS:
        return DayVolume(day=day, count=count)
    expected = float(median(known))
    spread = _MAD_TO_SD * float(median(abs(each - expected) for each in known))
    # The variance of a median of n normal values is pi / 2n of theirs.
    error = math.sqrt(1 + math.pi / (2 * len(known)))
    half = _WIDTH * max(spread, math.sqrt(max(expected, 1.0))) * error
    low, high = max(0.0, expected - half), expected + half
    state = "low" if count < low else "high" if count > high else "usual"
    return DayVolume(day=day, count=count, expected=expected, low=low, high=high, state=state)

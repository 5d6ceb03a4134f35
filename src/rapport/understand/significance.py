"""Is a change more than chance: tests of two periods, and which part of a whole moved it.

Every test is two-sided and gives a p-value; several together are corrected by `holm` or
`benjamini_hochberg`, so that a page which looks at twenty numbers does not find one remarkable by
looking often enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct
from scipy import stats


class Side(Struct, frozen=True, kw_only=True):
    """A mean of one period and the number of observations behind it."""

    value: float
    n: int


def proportions_differ(before: Side, after: Side) -> float:
    """The pooled two-proportion z-test; values are shares of 0 … 1.

    Returns
    -------
    float
        The p-value; 1.0 where nothing varies or a side is empty.

    References
    ----------
    Agresti (2013), Categorical Data Analysis, 3rd ed., section 3.1.
    """
    if not before.n or not after.n:
        return 1.0
    pooled = (before.value * before.n + after.value * after.n) / (before.n + after.n)
    variance = pooled * (1 - pooled) * (1 / before.n + 1 / after.n)
    return _two_sided(after.value - before.value, variance)


def nps_differs(before: Side, after: Side) -> float:
    """A z-test of two net promoter scores (−100 … 100).

    An answer counts −100, 0 or 100. With mean x the variance is (promoters + detractors) − x², and
    at most 1 − x² on the scale of −1 … 1. We know the mean but not the passives, so we take that
    bound: the test errs towards saying nothing.

    References
    ----------
    Rocks (2016), Interval Estimation for the Net Promoter Score, The American Statistician 70(4):
    the variance of the score.
    """
    if not before.n or not after.n:
        return 1.0
    x, y = before.value / 100, after.value / 100
    return _two_sided(y - x, (1 - x * x) / before.n + (1 - y * y) / after.n)


def days_differ(before: Sequence[float], after: Sequence[float]) -> float:
    """Welch's t-test of daily amounts; 1.0 with fewer than two days on a side.

    References
    ----------
    Welch (1947), The generalization of Student's problem when several different population
    variances are involved, Biometrika 34.
    """
    if min(len(before), len(after)) < 2:
        return 1.0
    spread = [_variance(side) / len(side) for side in (before, after)]
    change = math.fsum(after) / len(after) - math.fsum(before) / len(before)
    total = sum(spread)
    if total == 0:
        return 1.0 if change == 0 else 0.0
    freedom = total**2 / sum(
        s**2 / (len(side) - 1) for s, side in zip(spread, (before, after), strict=True)
    )
    return float(2 * stats.t.sf(abs(change) / math.sqrt(total), freedom))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values that keep the chance of any false finding at the level asked for.

    References
    ----------
    Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of
    Statistics 6.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, p_values[i] * (len(p_values) - rank)))
        adjusted[i] = highest
    return tuple(adjusted)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values that keep the share of false ones among all findings at the level.

    For long lists of findings, where `holm` would hide most of what is true.

    References
    ----------
    Benjamini & Hochberg (1995), Controlling the False Discovery Rate: A Practical and Powerful
    Approach to Multiple Testing, Journal of the Royal Statistical Society B 57.

    Examples
    --------
    >>> [round(p, 3) for p in benjamini_hochberg([0.01, 0.04, 0.03, 0.9])]
    [0.04, 0.053, 0.053, 0.9]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i], reverse=True)
    adjusted = [0.0] * len(p_values)
    lowest = 1.0
    for place, i in enumerate(order):
        lowest = min(lowest, p_values[i] * len(p_values) / (len(p_values) - place))
        adjusted[i] = lowest
    return tuple(adjusted)


def contributions(before: Mapping[str, Side], after: Mapping[str, Side]) -> dict[str, float]:
    """How much of the change of a weighted mean comes from each part.

    A part moves the mean by its own change (at its mean weight) and by a change of its weight (at
    its distance from the whole). The contributions add up to the change exactly.

    Parameters
    ----------
    before, after : mapping of part to Side
        Means and numbers of observations; a part may be missing on one side.

    Returns
    -------
    dict of str to float
        In the unit of the values; empty where a side has no observations.

    References
    ----------
    Kitagawa (1955), Components of a Difference Between Two Rates, Journal of the American
    Statistical Association 50.
    """
    whole = [sum(side.n for side in each.values()) for each in (before, after)]
    if not all(whole):
        return {}
    means = [
        sum(side.value * side.n for side in each.values()) / n
        for each, n in zip((before, after), whole, strict=True)
    ]
    middle = sum(means) / 2
    found = {}
    for part in {**before, **after}:
        old, new = before.get(part), after.get(part)
        # Without answers on one side there is no value there: only the weight has changed.
        was = old.value if old and old.n else new.value if new else 0.0
        is_ = new.value if new and new.n else was
        weights = [(old.n if old else 0) / whole[0], (new.n if new else 0) / whole[1]]
        found[part] = sum(weights) / 2 * (is_ - was) + (weights[1] - weights[0]) * (
            (was + is_) / 2 - middle
        )
    return found


def _two_sided(change: float, variance: float) -> float:
    if variance <= 0:
        return 1.0 if change == 0 else 0.0
    return math.erfc(abs(change) / math.sqrt(2 * variance))


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)

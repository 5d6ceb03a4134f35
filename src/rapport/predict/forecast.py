"""What a figure will probably be in its next periods, said with how wrong this was before.

Three methods are tried on the past, at every origin anew with what was known by then; the one that
was least wrong is used, and its own past errors make the band.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from rapport.errors import NotEnoughData

FloatArray: TypeAlias = NDArray[np.float64]
Method: TypeAlias = Callable[[FloatArray, int, int], FloatArray]

#: The share of outcomes that the band is to hold.
BAND_SHARE = 0.8
#: The fewest periods to learn from, and the fewest origins to be judged at.
_LEARN, _JUDGE = 8, 8
#: More origins say little more of today's habits.
_MOST_ORIGINS = 24


class Forecast(Struct, frozen=True, kw_only=True):
    """The next values of a series.

    Attributes
    ----------
    values, low, high : tuple of float, one per period ahead
        `low` and `high` hold `BAND_SHARE` of what was seen at earlier origins.
    method : str
        "theta", "same_season" (a year before) or "last_value".
    mae_loss : float, in the series' unit
        Mean absolute error of the method at the origins, over all periods ahead.
    simple_mae_loss : float
        The same of repeating the last value, which whoever has no forecast would do.
    coverage : float, in [0, 1]
        The share of outcomes within a band made of the other origins' errors.
    origins, outcomes : int
        At how many past moments a forecast was made, and with how many values it was compared.
    """

    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    method: str
    mae_loss: float
    simple_mae_loss: float
    coverage: float
    origins: int
    outcomes: int


def least_history(horizon: int) -> int:
    """How many periods a forecast of ``horizon`` periods has to be learnt and judged from."""
    return _LEARN + _JUDGE + horizon - 1


def forecast(
    series: Sequence[float],
    *,
    season: int,
    horizon: int,
    lowest: float | None = None,
    highest: float | None = None,
) -> Forecast:
    """The next ``horizon`` values, by the method that was least wrong in the past.

    Parameters
    ----------
    series : sequence of float, shape (n,)
        One value per whole period, oldest first, without gaps.
    season : int
        Periods in a year: 12 months, 4 quarters, 52 weeks.
    horizon : int, at least 1
    lowest, highest : float, optional
        What the figure cannot leave, such as 0 and 1 for a share.

    Raises
    ------
    NotEnoughData
        With fewer periods than `least_history`.

    References
    ----------
    Assimakopoulos & Nikolopoulos (2000), The theta model. Hyndman & Billah (2003), Unmasking the
    Theta method. Tashman (2000), Out-of-sample tests of forecasting accuracy (rolling origins).
    """
    history = np.asarray(series, dtype=np.float64)
    if len(history) < least_history(horizon):
        raise NotEnoughData(
            f"A forecast of {horizon} periods is learnt and judged from at least "
            f"{least_history(horizon)} whole periods; there are {len(history)}"
        )
    last_origin = len(history) - horizon
    first_origin = max(_LEARN, last_origin - _MOST_ORIGINS + 1)
    # A method that could not have spoken at the first origin cannot be compared with the others.
    methods: dict[str, Method] = {"last_value": _last_value, "theta": _theta}
    if season > 1 and last_origin - season >= _JUDGE - 1:
        first_origin = max(first_origin, season)
        methods["same_season"] = _same_season
    origins = range(first_origin, last_origin + 1)
    steps = np.add.outer(np.array(origins), np.arange(horizon))
    errors = {
        name: history[steps] - np.array([method(history[:o], season, horizon) for o in origins])
        for name, method in methods.items()
    }
    losses = {name: float(np.abs(each).mean()) for name, each in errors.items()}
    best = min(losses, key=lambda name: (losses[name], name))
    values = methods[best](history, season, horizon)
    widths = _widths(errors[best])
    clipped = (
        np.clip(each, lowest, highest) for each in (values, values - widths, values + widths)
    )
    middle, low, high = (tuple(each.tolist()) for each in clipped)
    return Forecast(
        values=middle,
        low=low,
        high=high,
        method=best,
        mae_loss=losses[best],
        simple_mae_loss=losses["last_value"],
        coverage=_coverage(errors[best]),
        origins=len(origins),
        outcomes=int(errors[best].size),
    )


def _widths(errors: FloatArray) -> FloatArray:
    """Half the band's width at each step; it never narrows further ahead.

    The rank is that of conformal prediction, ceil((n + 1) share): with few origins the plain
    quantile would be too narrow.
    """
    count = len(errors)
    rank = min(int(np.ceil((count + 1) * BAND_SHARE)), count) - 1
    ranked = np.sort(np.abs(errors), axis=0)[rank]
    return np.maximum.accumulate(ranked)


def _coverage(errors: FloatArray) -> float:
    """How often the outcome of an origin lay in the band of all the other origins."""
    inside = [
        np.abs(errors[i]) <= _widths(np.delete(errors, i, axis=0)) for i in range(len(errors))
    ]
    return float(np.mean(inside))


# ── the methods ────────────────────────────────────────────────────────────────────────────────


def _last_value(history: FloatArray, _season: int, horizon: int) -> FloatArray:
    return np.full(horizon, history[-1])


def _same_season(history: FloatArray, season: int, horizon: int) -> FloatArray:
    found: FloatArray = history[len(history) - season + np.arange(horizon) % season]
    return found


def _theta(history: FloatArray, season: int, horizon: int) -> FloatArray:
    """Simple exponential smoothing with half the trend's slope as drift.

    The season is taken out first, and put back, once two whole years show it.
    """
    pattern = np.zeros(season)
    if season > 1 and len(history) >= 2 * season:
        pattern = _season_pattern(history, season)
    places = np.arange(len(history) + horizon) % season
    plain = history - pattern[places[: len(history)]]
    count = len(plain)
    slope = float(np.polyfit(np.arange(count), plain, 1)[0])

    def smoothed(alpha: float) -> tuple[float, float]:
        level, squares = plain[0], 0.0
        for value in plain[1:]:
            squares += (value - level) ** 2
            level += alpha * (value - level)
        return float(level), float(squares)

    found = minimize_scalar(lambda a: smoothed(a)[1], bounds=(0.01, 0.99), method="bounded")
    alpha = float(found.x)
    level, _ = smoothed(alpha)
    ahead = np.arange(horizon) + (1 - (1 - alpha) ** count) / alpha
    drifted: FloatArray = level + slope / 2 * ahead + pattern[places[count:]]
    return drifted


def _season_pattern(history: FloatArray, season: int) -> FloatArray:
    """How far each place in the year lies from the trend (classical decomposition, additive)."""
    kernel = np.ones(season)
    if season % 2 == 0:  # an even window is centred by giving its ends half a weight
        kernel = np.concatenate(([0.5], np.ones(season - 1), [0.5]))
    half = len(kernel) // 2
    trend = np.convolve(history, kernel / season, mode="valid")
    above = history[half : half + len(trend)] - trend
    places = (np.arange(len(above)) + half) % season
    pattern = np.array([above[places == place].mean() for place in range(season)])
    centred: FloatArray = pattern - pattern.mean()
    return centred

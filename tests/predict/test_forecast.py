"""A forecast is judged by the past, and says how wrong it was."""

from __future__ import annotations

import numpy as np
import pytest

from rapport.errors import NotEnoughData
from rapport.predict.forecast import forecast, least_history


def test_a_yearly_pattern_is_found_and_continued() -> None:
    season = np.array([10, 12, 15, 20, 25, 30, 40, 38, 30, 22, 18, 60], dtype=float)
    random = np.random.default_rng(5)
    series = np.tile(season, 4) * 100 + random.normal(0, 60, 48)
    found = forecast(series.tolist(), season=12, horizon=3, lowest=0)
    assert found.method in ("same_season", "theta")
    assert np.allclose(found.values, season[:3] * 100, rtol=0.15)
    assert found.mae_loss < found.simple_mae_loss / 3
    assert all(
        low < value < high
        for low, value, high in zip(found.low, found.values, found.high, strict=True)
    )


def test_a_walk_without_pattern_is_not_claimed_to_be_foreseen() -> None:
    walk = np.cumsum(np.random.default_rng(2).normal(0, 1, 200)) + 100
    found = forecast(walk.tolist(), season=12, horizon=2)
    # Nothing beats the last value by much on a random walk.
    assert found.mae_loss > 0.85 * found.simple_mae_loss


def test_the_band_holds_as_much_as_it_says_on_series_not_yet_seen() -> None:
    random = np.random.default_rng(11)
    held = []
    for _ in range(150):
        series = 500 + 2 * np.arange(43) + random.normal(0, 30, 43)
        found = forecast(series[:40].tolist(), season=12, horizon=3)
        held.append(
            [lo <= v <= hi for lo, v, hi in zip(found.low, series[40:], found.high, strict=True)]
        )
    assert 0.72 <= float(np.mean(held)) <= 0.92


def test_the_drift_of_theta_is_that_of_its_formula() -> None:
    # On a straight line smoothing ends near the last value and half the slope is added per step.
    line = (3.0 * np.arange(60) + 7).tolist()
    found = forecast(line, season=1, horizon=4)
    assert found.method == "theta"
    assert np.allclose(np.diff(found.values), 1.5)


def test_a_share_stays_a_share() -> None:
    series = (0.97 + 0.03 * np.sin(np.arange(40))).clip(0, 1).tolist()
    found = forecast(series, season=12, horizon=3, lowest=0, highest=1)
    assert max(found.high) <= 1


def test_too_short_a_history_is_refused_with_what_is_missing() -> None:
    with pytest.raises(NotEnoughData, match=rf"{least_history(3)} whole periods; there are 10"):
        forecast([1.0] * 10, season=12, horizon=3)

"""What a question's metrics will probably be, where their past allows a forecast to be judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from rapport.errors import NotEnoughData
from rapport.predict.forecast import Forecast, forecast
from rapport.understand.metrics.base import Metric
from rapport.understand.periods import add_units, local_day, midnight, unit_start
from rapport.understand.question import Question
from rapport.workflows.company import Company
from rapport.workflows.dashboard import Standing
from rapport.workflows.disclosed import Disclosed
from rapport.workflows.remembered import remembered

#: Periods in a year, and how many of them are forecast.
SEASONS: Mapping[str, tuple[int, int]] = {"week": (52, 6), "month": (12, 3), "quarter": (4, 2)}
#: How far back a forecast learns.
_HISTORY_YEARS = 5


class Outlook(Struct, frozen=True, kw_only=True):
    """The forecast of one metric, or why there is none."""

    first_days: tuple[date, ...] = ()
    found: Forecast | None = None
    problem: str | None = None


def outlooks(
    company: Company,
    standing: Standing,
    question: Question,
    ask: Callable[[Question], Disclosed],
) -> dict[str, Outlook]:
    """The forecast of each metric from the whole periods up to the question's end.

    Parameters
    ----------
    ask : callable
        Gives an answer as it may be shown: nothing hidden is learnt from.
    """
    grain = question.grain or "month"
    season, horizon = SEASONS[grain]
    zone = standing.time_zone
    ends = [period.ends_at for period in question.periods() if period.whole]
    known = min(question.end, standing.units[-1].ends_at)
    until = max((each for each in ends if each <= known), default=None)
    if until is None:
        return {name: Outlook(problem="no_whole_period") for name in question.metrics}
    oldest = add_units(unit_start(local_day(until, zone), "year"), "year", -_HISTORY_YEARS)
    start = midnight(unit_start(oldest, grain), zone)
    history = ask(replace(question, start=start, end=until))
    ahead = tuple(add_units(local_day(until, zone), grain, step) for step in range(horizon))
    found = {}
    for metric in question.defined_metrics():
        series = _series(metric, history)
        try:
            made = remembered(
                company,
                standing.version,
                ["forecast", metric.name, series, season, horizon],
                lambda metric=metric, series=series: forecast(  # type: ignore[misc]
                    series, season=season, horizon=horizon, **_limits(metric, series)
                ),
            )
            found[metric.name] = Outlook(first_days=ahead, found=made)
        except NotEnoughData as problem:
            found[metric.name] = Outlook(problem=problem.message)
    return found


def _series(metric: Metric, history: Disclosed) -> list[float]:
    """Values from the newest gap on: a forecast is not learnt across what is not known."""
    series: list[float] = []
    begun = False
    for row in history.rows:
        begun = begun or bool(row[f"{metric.name}_n"])
        value = row[metric.name]
        if value is None:
            series.clear()
        elif begun:
            series.append(float(value))
    return series


def _limits(metric: Metric, series: list[float]) -> dict[str, float | None]:
    """What the figure cannot leave."""
    if metric.unit == "share":
        return {"lowest": 0.0, "highest": 1.0}
    if metric.unit == "points":
        return {"lowest": -100.0, "highest": 100.0}
    if metric.unit == "score":
        return {"lowest": -1.0, "highest": 1.0}
    return {"lowest": None if min(series, default=0.0) < 0 else 0.0, "highest": None}

"""What the company aims at, for the days of a question: from its stated figures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from rapport.understand.metrics.base import Metric
from rapport.vocabulary.stated_figure import TARGET, StatedFigure


def is_sum(metric: Metric) -> bool:
    """Whether its values of days add up to that of a month; means and distinct people do not."""
    return (
        metric.per is None and metric.unit in ("count", "money", "number") and not _distinct(metric)
    )


def _distinct(metric: Metric) -> bool:
    return "DISTINCT" in metric.expression


def target_of(
    figures: Iterable[StatedFigure], metric: Metric, first: date, last: date
) -> Decimal | None:
    """The target of the days from ``first`` to ``last``; None where none is stated for all of them.

    Of a sum each day is due its part of what is stated for more days; a mean's target holds on each
    day; one of people that are counted once holds for exactly the days that it was stated for.
    """
    own = [each for each in figures if each.name == TARGET and each.scope == metric.name]
    if is_sum(metric):
        return _due(own, first, last)
    for each in own:
        exact = (each.first_day, each.last_day) == (first, last)
        within = each.first_day <= first and (each.last_day is None or last <= each.last_day)
        if exact or (within and not _distinct_count(metric)):
            return each.amount
    return None


def _distinct_count(metric: Metric) -> bool:
    return metric.per is None and _distinct(metric)


def _due(own: list[StatedFigure], first: date, last: date) -> Decimal | None:
    due, days = Decimal(0), 0
    for each in own:
        if each.last_day is None:
            continue
        shared = (min(last, each.last_day) - max(first, each.first_day)).days + 1
        if shared > 0:
            due += each.amount * shared / ((each.last_day - each.first_day).days + 1)
            days += shared
    # Targets of one metric never share days, so that these are different ones.
    return due if days == (last - first).days + 1 else None

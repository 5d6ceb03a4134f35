"""Stated figures as the small table that metrics read beside the lake's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from rapport.understand.periods import midnight
from rapport.vocabulary.lake_tables import STATED_FIGURES
from rapport.vocabulary.stated_figure import KIND_OF, StatedFigure

_STEP = Decimal("0.0001")


def stated_table(figures: Iterable[StatedFigure], time_zone: str) -> pa.Table:
    """Rows of `STATED_FIGURES`: one per figure, and one per day of what is spread over days."""
    rows = [
        {
            "name": figure.name,
            "scope": figure.scope,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "amount": amount,
        }
        for figure in figures
        for starts_at, ends_at, amount in _stretches(figure, time_zone)
    ]
    return pa.Table.from_pylist(rows, STATED_FIGURES)


def _stretches(
    figure: StatedFigure, zone: str
) -> Iterator[tuple[datetime, datetime | None, Decimal]]:
    day = timedelta(days=1)
    starts_at = midnight(figure.first_day, zone)
    if figure.last_day is None:
        yield starts_at, None, figure.amount.quantize(_STEP)
        return
    if not KIND_OF[figure.name].spread:
        yield starts_at, midnight(figure.last_day + day, zone), figure.amount.quantize(_STEP)
        return
    count = (figure.last_day - figure.first_day).days + 1
    units = int(figure.amount.quantize(_STEP) / _STEP)
    given = 0
    for number in range(count):
        # What was due until this day less what was given: the days add up to the amount exactly.
        due = units * (number + 1) // count
        first = figure.first_day + number * day
        yield midnight(first, zone), midnight(first + day, zone), (due - given) * _STEP
        given = due

"""Whether earlier days can be compared with, and from when they can be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from rapport.understand.periods import add_units, local_day
from rapport.understand.question import Question
from rapport.workflows.disclosed import Disclosed


class Begun(Struct, frozen=True, kw_only=True):
    """Which data were there when the earlier days began.

    Attributes
    ----------
    metrics : frozenset of str
        Those of which the earlier days have all that happened.
    data_begin : date or None
        The month in which the data of the last of the others begin, where that is known.
    months_late : int
        How many months after the earlier days that is.
    """

    metrics: frozenset[str]
    data_begin: date | None = None
    months_late: int = 0

    def comparable_from(self, end: datetime, time_zone: str) -> date | None:
        """The day from which a period like the one that ends at ``end`` can be compared."""
        if self.data_begin is None:
            return None
        return add_units(local_day(end, time_zone), "month", self.months_late)


def when_begun(then: Question, ask: Callable[[Question], Disclosed]) -> Begun:
    """Of which metrics the data had begun when the earlier days did.

    Half a year of data is no year to compare with: the company would seem to have doubled.

    Parameters
    ----------
    then : Question
        About the earlier days.
    ask : callable
        What answers a question, as it may be shown.
    """
    months = replace(then, grain="month", dimensions=(), segments=())
    if len(months.periods()) < 3:
        return Begun(metrics=frozenset(then.metrics))
    rows = ask(months).rows
    first = {
        name: next((n for n, row in enumerate(rows) if row[f"{name}_n"] != 0), None)
        for name in then.metrics
    }
    begun = frozenset(name for name, month in first.items() if month == 0)
    late = [month for name, month in first.items() if name not in begun]
    known = [month for month in late if month is not None]
    # Of a metric without any data in those days nobody can say from when it will have them.
    if not known or len(known) < len(late):
        return Begun(metrics=begun)
    return Begun(metrics=begun, data_begin=rows[max(known)]["period"], months_late=max(known))

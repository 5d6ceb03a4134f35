"""The moment up to which a company's data speak."""

from __future__ import annotations

from datetime import datetime, timedelta

from rapport.engines.lake import Query, Step
from rapport.understand.periods import local_day, midnight
from rapport.workflows.company import Company

#: Younger data are alive: the day that is running is part of them.
_ALIVE = timedelta(days=7)

_LAST = Query(
    steps=(
        Step(
            "last",
            "SELECT max(occurred_at) AS occurred_at FROM touchpoints WHERE occurred_at <= $now",
        ),
    )
)


def data_until(company: Company) -> datetime:
    """Now; or, where the newest touchpoint is over a week old, the moment just after it.

    A file that ends in 2011 says nothing about today: counted from today all its customers
    would have left, and no model could be tested on the years since.
    """
    now = company.clock()
    query = Query(steps=_LAST.steps, parameters={"now": now})
    last: datetime | None = company.lake.ask(query)["occurred_at"][0].as_py()
    if last is None or now - last <= _ALIVE:
        return now
    return last + timedelta(seconds=1)


def end_of_today(now: datetime, time_zone: str) -> datetime:
    """The moment that "within the last days" counts from: the same all day long, today included."""
    return midnight(local_day(now, time_zone) + timedelta(days=1), time_zone)

"""From when a period can be compared with the one before it."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from rapport.understand.question import Question
from rapport.workflows.comparable import when_begun
from tests.understand.touchpoint_rows import at

YEAR = Question(
    metrics=("revenue", "nps"),
    start=at("2024-11-01T00:00:00+00:00"),
    end=at("2025-11-01T00:00:00+00:00"),
    time_zone="UTC",
)
END = at("2026-11-01T00:00:00+00:00")


def months(**first: int | None) -> Any:
    """An answer in which each metric's data begin with the month of that number."""

    def ask(asked: Question) -> Any:
        return SimpleNamespace(
            rows=[
                {
                    "period": period.first_day,
                    **{
                        f"{name}_n": int(begin is not None and number >= begin)
                        for name, begin in first.items()
                    },
                }
                for number, period in enumerate(asked.periods())
            ]
        )

    return ask


def test_data_that_reach_back_far_enough_are_compared() -> None:
    begun = when_begun(YEAR, months(revenue=0, nps=0))

    assert begun.metrics == {"revenue", "nps"}
    assert begun.comparable_from(END, "UTC") is None


def test_data_that_begin_later_are_compared_as_much_later() -> None:
    begun = when_begun(YEAR, months(revenue=0, nps=7))

    assert begun.metrics == {"revenue"}
    assert begun.data_begin == date(2025, 6, 1)
    # From June to May and the twelve months after them: until the last day of May 2027.
    assert begun.comparable_from(END, "UTC") == date(2027, 6, 1)


def test_where_there_are_no_data_at_all_nothing_is_promised() -> None:
    begun = when_begun(YEAR, months(revenue=3, nps=None))

    assert begun.metrics == set()
    assert begun.comparable_from(END, "UTC") is None


def test_days_of_two_months_at_most_are_compared_as_they_are() -> None:
    short = Question(metrics=("revenue",), start=END - timedelta(days=28), end=END, time_zone="UTC")

    assert when_begun(short, months(revenue=None)).metrics == {"revenue"}

"""A small shop with a history, for tests of pages and workflows that show figures."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from rapport.vocabulary.touchpoint import SURVEY_ANSWERED, Touchpoint
from rapport.workflows.company import Clock, Company
from rapport.workflows.resolve import resolve_company
from tests.company import empty_company
from tests.touchpoints import email, keep, order, touchpoint

#: Even customers order in August and October, odd ones in September; 0 to 6 in November too.
CUSTOMERS = 12


def at(month: int, day: int, hour: int = 10) -> datetime:
    """A moment of 2026, in UTC."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


def orders() -> list[Touchpoint]:
    """25 orders of 40 euros: 6 in August, September and October 2026, 7 on 3 November."""
    found = []
    for number in range(CUSTOMERS):
        for month in (8, 9, 10, 11):
            if (month + number) % 2 and month != 11:
                continue
            if month == 11 and number >= 7:
                continue
            found.append(
                order(
                    f"{number}-{month}",
                    "40",
                    record=email(f"customer{number}@kadar.example"),
                    traits={"name": f"Customer {number}"},
                    channel="store" if number % 3 == 0 else "web",
                    country="HU" if number >= 9 else "BE",
                    occurred_at=at(month, 3) + timedelta(hours=number),
                )
            )
    return found


def nps(number: int, score: int, when: datetime, channel: str = "web") -> Touchpoint:
    """An answer to the recommendation question."""
    return touchpoint(
        f"nps:{channel}:{number}:{when.isoformat()}",
        type=SURVEY_ANSWERED,
        record=email(f"customer{number % CUSTOMERS}@kadar.example"),
        source="survey",
        channel=channel,
        country="BE",
        occurred_at=when,
        question="nps",
        score=float(score),
        scale_min=0.0,
        scale_max=10.0,
    )


def fallen_nps() -> list[Touchpoint]:
    """September: 60 content answers by web and phone each; October: the phone's turn bad."""
    found = []
    for month in (9, 10):
        for channel in ("web", "phone"):
            bad = month == 10 and channel == "phone"
            found += [
                nps(i, 2 if bad else 9 if i % 3 else 7, at(month, 2 + i % 20, i % 12), channel)
                for i in range(60)
            ]
    return found


def fill(company: Company, more: list[Touchpoint] | None = None) -> None:
    """Put the shop's history, and more, into the company."""
    company.choose("reporting_currency", "EUR")
    keep(company, [*orders(), *(more or [])])
    resolve_company(company)


@contextmanager
def shop(
    folder: Path, clock: Clock, more: Callable[[], list[Touchpoint]] | None = None
) -> Iterator[Company]:
    """A company with the shop's history and what ``more`` gives, made once and then copied."""
    shutil.copytree(_made(more, clock()), folder / "data")
    with empty_company(folder, clock=clock) as company:
        yield company


@cache
def _made(more: Callable[[], list[Touchpoint]] | None, now: datetime) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="rapport-shop-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with empty_company(folder, clock=lambda: now) as company:
        fill(company, more() if more else [])
    return folder / "data"

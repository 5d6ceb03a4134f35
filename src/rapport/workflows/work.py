"""The worker: applies what arrives, keeps profiles fresh, delivers messages, tidies up.

Beside it, in a thread of its own, it fetches from sources and measures their quality.
"""

from __future__ import annotations

import logging
import signal
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any

from rapport.errors import TransientError
from rapport.settings import Settings
from rapport.workflows.company import Company, open_company
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.deliver import deliver_messages
from rapport.workflows.ingest import apply_journal
from rapport.workflows.refresh import refresh_profiles
from rapport.workflows.segment_members import follow_segments

log = logging.getLogger("rapport.work")

PAUSE_SECONDS = 0.2
#: RFM and lists are one pass over all customers: worth doing often, not at every event.
CUSTOMERS_EVERY = timedelta(minutes=1)
#: Windows of time end without an event; who is of one is looked at at once.
SEGMENTS_EVERY = timedelta(seconds=1)
TIDY_EVERY = timedelta(minutes=10)
#: A feed that stopped is known at the hour it promised, give or take this.
WATCH_EVERY = timedelta(minutes=5)
#: Journeys are judged by whole weeks that end with a day: more often would say the same.
JOURNEYS_EVERY = timedelta(hours=6)


class Rounds:
    """What is due when; ``beside``: figures of all customers are made in a thread of their own.

    They take seconds where there are many customers, and a touchpoint is not to wait for them.
    """

    def __init__(self, now: datetime, *, beside: bool = False) -> None:
        self.beside = beside
        self.figures: Thread | None = None
        self.customers_at = now
        self.segments_at = now
        self.tidy_at = now + TIDY_EVERY
        self.watch_at = now
        self.journeys_at = now
        self.customers_are_stale = False


def work_once(company: Company, rounds: Rounds) -> bool:
    """One round; returns whether there was anything to do."""
    now = company.clock()
    applied = apply_journal(company)
    refreshed = refresh_profiles(company)
    if applied.entries or refreshed or now >= rounds.segments_at:
        follow_segments(company)
        rounds.segments_at = now + SEGMENTS_EVERY
    delivered = deliver_messages(company)
    rounds.customers_are_stale |= bool(applied.entries or refreshed)
    if rounds.customers_are_stale and now >= rounds.customers_at:
        rounds.customers_are_stale = not make_figures(company, rounds)
        rounds.customers_at = now + CUSTOMERS_EVERY
    if now >= rounds.watch_at:
        from rapport.workflows.source_alerts import watch_sources  # noqa: PLC0415

        watch_sources(company)
        rounds.watch_at = now + WATCH_EVERY
    if now >= rounds.journeys_at and not applied.entries:  # a long import goes first
        from rapport.workflows.journeys import watch_journeys  # noqa: PLC0415

        watch_journeys(company)
        rounds.journeys_at = now + JOURNEYS_EVERY
    if now >= rounds.tidy_at:
        company.lake.compact()
        rounds.tidy_at = now + TIDY_EVERY
    return bool(applied.entries or refreshed or delivered)


def make_figures(company: Company, rounds: Rounds) -> bool:
    """Make the table of customers anew and place everybody by it; False: still at the last one."""
    if not rounds.beside:
        _make_figures(company)
        return True
    if rounds.figures is not None and rounds.figures.is_alive():
        return False
    rounds.figures = Thread(target=_figures_beside, args=(company, rounds), name="figures")
    rounds.figures.start()
    return True


def _make_figures(company: Company) -> None:
    rebuild_customers(company)
    follow_segments(company, everybody=True)


def _figures_beside(company: Company, rounds: Rounds) -> None:
    try:
        _make_figures(company)
    except TransientError as problem:
        log.warning("%s: figures are made later", problem.code)
        rounds.customers_are_stale = True


def work(company: Company, stop: Event) -> None:
    """Work until told to stop; what fails for a moment is tried again, and said."""
    rounds = Rounds(company.clock(), beside=True)
    try:
        _work(company, rounds, stop)
    finally:
        if rounds.figures is not None:
            rounds.figures.join()


def _work(company: Company, rounds: Rounds, stop: Event) -> None:
    while not stop.is_set():
        try:
            busy = work_once(company, rounds)
        except TransientError as problem:
            log.warning("%s: trying again", problem.code)
            busy = False
        if not busy:
            stop.wait(PAUSE_SECONDS)


def run_worker(settings: Settings) -> None:
    """A process that works until it is asked to end, and then finishes its batch."""
    stop = Event()

    def end(_signal: int, _frame: Any) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    # Imported only now: they bring libraries of statistics, and a Ctrl-C that comes while a
    # process imports would end it with a traceback.
    from rapport.workflows.errands import errand_thread  # noqa: PLC0415

    with open_company(settings) as company:
        beside = errand_thread(company, stop)
        try:
            work(company, stop)
        finally:
            stop.set()
            beside.join()  # a visit is killed at once; a file that is being imported is finished

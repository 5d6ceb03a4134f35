"""What takes long and may wait: visits to sources, matching of records, measuring of quality,
groups of customers, weekly mails.

It runs in one thread beside the worker's rounds, so that an hour's visit holds up no touchpoint.
"""

from __future__ import annotations

import logging
from threading import Event, Thread

from rapport.errors import Conflict, RapportError
from rapport.workflows.board_mail import mail_due_boards
from rapport.workflows.company import Company
from rapport.workflows.identity_health import identity_is_due, measure_identity
from rapport.workflows.identity_rules import run_identity_job
from rapport.workflows.matching import match_company, matching_is_due
from rapport.workflows.persona_searches import personas_are_due, renew_personas
from rapport.workflows.pull import due_pulls, pull_source
from rapport.workflows.quality import measure_quality, quality_is_due
from rapport.workflows.survey_definitions import read_all_again, rereading_is_due

log = logging.getLogger("rapport.errands")

PAUSE_SECONDS = 5.0


def run_errands(company: Company, stop: Event) -> int:
    """Everything that is due, one after the other; returns how many errands were run."""
    done = 0
    for name in due_pulls(company):
        if stop.is_set():
            return done
        try:
            pulled = pull_source(company, name, stop=stop)
        except Conflict:  # another process visits it
            continue
        except RapportError as problem:
            # Kept with the visit, where its page shows it, and tried again when it is due.
            log.warning("source %s could not be fetched: %s", name, problem.code)
        else:
            log.info("source %s: %d records", name, pulled.records)
        done += 1
    if not stop.is_set() and rereading_is_due(company):
        read_all_again(company)
        done += 1
    if not stop.is_set() and matching_is_due(company):
        match_company(company)
        done += 1
    if not stop.is_set() and quality_is_due(company):
        measure_quality(company)
        done += 1
    if not stop.is_set() and run_identity_job(company):
        done += 1
    if not stop.is_set() and identity_is_due(company):
        measure_identity(company)
        done += 1
    if not stop.is_set() and personas_are_due(company):
        renew_personas(company)
        done += 1
    if not stop.is_set():
        done += mail_due_boards(company)
    return done


def errands(company: Company, stop: Event) -> None:
    """Run errands until told to stop; what fails is said and tried again."""
    while not stop.is_set():
        try:
            run_errands(company, stop)
        except Exception as problem:
            # One errand must not end all the others for as long as the worker lives.
            log.error("errands: %s", type(problem).__name__)
        stop.wait(PAUSE_SECONDS)


def errand_thread(company: Company, stop: Event) -> Thread:
    """The thread that runs errands, started; it ends soon after ``stop`` is set."""
    thread = Thread(target=errands, args=(company, stop), name="errands")
    thread.start()
    return thread

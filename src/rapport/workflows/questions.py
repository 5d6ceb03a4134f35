"""Any question to the lake, in the company's time zone, with what is needed to trust the answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from rapport.errors import InvalidQuestion
from rapport.understand.answer import Answer, answer
from rapport.understand.cohorts import Cohort, cohort_retention
from rapport.understand.periods import GRAINS, midnight
from rapport.understand.question import Question, unknown
from rapport.understand.segments.rule import Rule
from rapport.workflows.company import Company
from rapport.workflows.data_clock import end_of_today
from rapport.workflows.disclosed import disclose
from rapport.workflows.known import known, known_for
from rapport.workflows.remembered import data_version, remembered
from rapport.workflows.segments import times_of


class Answered(Struct, frozen=True, kw_only=True):
    """Rows with their age, and a digest by which two answers can be told to be the same."""

    rows: list[dict[str, Any]]
    currency: str | None
    received_until: datetime | None
    touchpoints: int
    digest: str


class DisclosedAnswer(Answered, frozen=True, kw_only=True):
    """The same without what may not be shown.

    `hidden` says per metric, row by row, whether its cell is: too few people stand behind it, or it
    would give away another one.
    """

    hidden: dict[str, tuple[bool, ...]]


class CohortTriangle(Struct, frozen=True, kw_only=True):
    """Who comes back, by the period of the first order."""

    grain: str
    cohorts: tuple[Cohort, ...]
    received_until: datetime | None


def ask_question(company: Company, question: Question) -> Answered:
    """The exact answer to a question, for whoever holds the company's data itself.

    A `now` that is not given is the end of the company's today, and an `at` this moment.

    Raises
    ------
    InvalidQuestion
        Naming all that is wrong.
    """
    question = _placed_in_time(company, question)
    version = data_version(company)
    held = known_for(company, version, question)
    found = remembered(
        company, version, question, lambda: answer(company.seen, question, known=held)
    )
    return Answered(
        rows=found.rows(),
        currency=company.choice("reporting_currency"),
        received_until=held.received_until,
        touchpoints=held.touchpoints,
        digest=found.digest,
    )


def ask_disclosed(company: Company, question: Question) -> DisclosedAnswer:
    """The answer as it may be shown to somebody: see `disclosed.disclose`.

    Raises
    ------
    InvalidQuestion
        Naming all that is wrong.
    """
    question = _placed_in_time(company, question)
    version = data_version(company)
    held = known_for(company, version, question)

    def exact(asked: Question) -> Answer:
        return remembered(company, version, asked, lambda: answer(company.seen, asked, known=held))

    found = disclose(question, exact)
    return DisclosedAnswer(
        rows=found.rows,
        currency=company.choice("reporting_currency"),
        received_until=held.received_until,
        touchpoints=held.touchpoints,
        digest=found.digest,
        hidden=found.hidden,
    )


def _placed_in_time(company: Company, question: Question) -> Question:
    if question.now is None:
        today = end_of_today(company.clock(), company.choice("time_zone"))
        question = replace(question, now=today)
    if question.at is None:
        rules = [each.rule for each in question.segments]
        rules += [] if question.segment is None else [question.segment]
        question = replace(question, at=times_of(company, rules).at)
    return question


def ask_cohorts(
    company: Company,
    *,
    first_day: date,
    last_day: date,
    grain: str,
    segment: Rule | None = None,
    as_of: datetime | None = None,
) -> CohortTriangle:
    """Of those who first ordered in each unit between two days, who ordered again.

    Both days are the company's own and `last_day` is not included.
    """
    if grain not in GRAINS:
        raise InvalidQuestion(unknown("grain", grain, GRAINS))
    zone = company.choice("time_zone")
    version = data_version(company)
    held = known(company, version, as_of=as_of)
    start, end = midnight(first_day, zone), midnight(last_day, zone)
    now = end_of_today(company.clock(), zone)
    at = None if segment is None else times_of(company, [segment]).at
    found = remembered(
        company,
        version,
        ["api cohorts", start, end, grain, segment, as_of, now, at],
        lambda: cohort_retention(
            company.seen,
            start=start,
            end=end,
            grain=grain,
            time_zone=zone,
            as_of=as_of,
            segment=segment,
            now=now,
            at=at,
            known=held,
        ),
    )
    return CohortTriangle(grain=grain, cohorts=found.cohorts, received_until=held.received_until)

"""Retention by cohort: of those who first ordered in one period, who ordered again, and when."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InvalidQuestion
from rapport.understand import relations
from rapport.understand.knowledge import Freshness, ask, freshness
from rapport.understand.periods import calendar, periods_between
from rapport.understand.plan import local_day_sql, zone_parameters
from rapport.understand.question import Question, check_question
from rapport.understand.segments.compiled import Compiled, compile_rule
from rapport.understand.segments.rule import Rule


class Cohort(Struct, frozen=True, kw_only=True):
    """Customers whose first order lies in one period.

    `counts[k]` is how many of them ordered in the k-th period after it (`counts[0]` is `size`),
    `shares` the same as a share of `size`, `complete[k]` whether that period is over. Periods
    after the end of the question are not there, so later cohorts are shorter.
    """

    period: date
    size: int
    counts: tuple[int, ...]
    shares: tuple[float | None, ...]
    complete: tuple[bool, ...]


class CohortRetention(Struct, frozen=True, kw_only=True):
    """The triangle, oldest cohort first."""

    grain: str
    cohorts: tuple[Cohort, ...]


def _steps(day: str, segment: Compiled | None, *, as_known_then: bool) -> tuple[Step, ...]:
    members = ""
    if segment is not None:
        members = f"JOIN {segment.customers} AS c ON c.profile_id = n.profile_id AND {segment.sql} "
    return (
        *relations.corrections(as_known_then=as_known_then),
        *(segment.steps if segment is not None else ()),
        *relations.sales(as_known_then=as_known_then, since=""),
        *relations.named_sales(),
        Step(
            "ordered",
            f"SELECT n.profile_id, n.occurred_at, {day} AS day FROM named_sales AS n {members}"
            "WHERE n.is_order = 1 AND n.profile_id IS NOT NULL",
        ),
        # A first order before the asked period has no day in the calendar: its customer drops out.
        Step(
            "first_orders",
            "SELECT profile_id, min(occurred_at) AS first_order_at FROM ordered "
            "GROUP BY profile_id HAVING min(occurred_at) >= $start",
        ),
        Step(
            "active",
            "SELECT DISTINCT o.profile_id, k.period FROM ordered AS o "
            "JOIN calendar AS k ON k.day = o.day "
            "JOIN first_orders AS f ON f.profile_id = o.profile_id",
        ),
        Step(
            "joined",
            "SELECT profile_id, min(period) AS cohort FROM active GROUP BY profile_id",
        ),
        Step(
            "answer",
            "SELECT j.cohort, a.period - j.cohort AS later, count(*) AS customers "
            "FROM active AS a JOIN joined AS j ON j.profile_id = a.profile_id "
            "GROUP BY j.cohort, a.period - j.cohort "
            "ORDER BY j.cohort NULLS LAST, later NULLS LAST",
        ),
    )


def cohort_query(
    *,
    start: datetime,
    end: datetime,
    grain: str = "month",
    time_zone: str = "UTC",
    as_of: datetime | None = None,
    segment: Rule | None = None,
    now: datetime | None = None,
    at: datetime | None = None,
) -> tuple[Query, dict[str, pa.Table]]:
    """The query behind `cohort_retention`, and the small tables it reads."""
    question = Question(
        metrics=("retention",),
        start=start,
        end=end,
        grain=grain,
        time_zone=time_zone,
        as_of=as_of,
        segment=segment,
    )
    check_question(question)
    periods = question.periods()
    if len(periods) > 400:
        raise InvalidQuestion(
            f"{len(periods)} cohorts of a {grain} are too many to read (at most 400); ask for a "
            "longer grain or a shorter period."
        )
    parameters = {
        **relations.TYPES,
        **zone_parameters(start, end, time_zone),
        "start": start,
        "end": end,
        "as_of": as_of,
    }
    compiled = None
    if segment is not None:
        compiled = compile_rule(
            segment, now=now or end, at=at, prefix="segment", as_known_then=as_of is not None
        )
        parameters |= compiled.parameters
    steps = _steps(
        local_day_sql(parameters, "n.occurred_at"), compiled, as_known_then=as_of is not None
    )
    return relations.bind(steps, parameters), {"calendar": calendar(periods, time_zone)}


def cohort_retention(
    lake: Lake,
    *,
    start: datetime,
    end: datetime,
    grain: str = "month",
    time_zone: str = "UTC",
    as_of: datetime | None = None,
    segment: Rule | None = None,
    now: datetime | None = None,
    at: datetime | None = None,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
    received_until: datetime | None = None,
) -> CohortRetention:
    """Of the customers who first ordered in each period, how many ordered k periods later.

    Parameters
    ----------
    start, end : datetime
        First orders of this time make the cohorts; orders are followed until `end`.
    grain : str
        Calendar unit of cohorts and of the time since.
    segment : Rule or None
        Only customers of this rule, as of today.
    now, at : datetime or None
        As of `Question`.
    known : Knowledge or Freshness, optional
        From `knowledge` (or `freshness`), to spare finding it again.
    received_until : datetime, optional
        A period that ends later is not complete; by default what the lake's freshness says.

    References
    ----------
    Fader & Hardie (2009), Probability Models for Customer-Base Analysis, on why cohorts, and not
    averages over all customers, show retention.
    """
    query, small = cohort_query(
        start=start,
        end=end,
        grain=grain,
        time_zone=time_zone,
        as_of=as_of,
        segment=segment,
        now=now,
        at=at,
    )
    counts: dict[tuple[int, int], int] = {
        (row["cohort"], row["later"]): row["customers"]
        for row in ask(
            lake, query, as_of=as_of, tables={**(tables or {}), **small}, known=known
        ).to_pylist()
    }
    until = received_until
    if until is None:
        until = (known or freshness(lake, as_of=as_of, tables=tables)).received_until
    periods = periods_between(start, end, grain, time_zone)
    over = [period.whole and until is not None and period.ends_at <= until for period in periods]
    cohorts = []
    for number, period in enumerate(periods):
        size = counts.get((number, 0), 0)
        row = tuple(counts.get((number, later), 0) for later in range(len(periods) - number))
        cohorts.append(
            Cohort(
                period=period.first_day,
                size=size,
                counts=row,
                shares=tuple(found / size if size else None for found in row),
                complete=tuple(over[number:]),
            )
        )
    return CohortRetention(grain=grain, cohorts=tuple(cohorts))

"""The start page's figures: each with its comparison, its count and how far the data goes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from rapport.errors import InvalidInput
from rapport.understand.answer import Answer, Value, answer
from rapport.understand.cohorts import CohortRetention, cohort_retention
from rapport.understand.coverage import Coverage, coverage
from rapport.understand.knowledge import Knowledge
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.metrics.base import Metric
from rapport.understand.periods import add_units, local_day, midnight, unit_start
from rapport.understand.question import Filter, Question, unknown
from rapport.understand.segments.rule import Rule
from rapport.workflows.company import Company
from rapport.workflows.data_clock import data_until, end_of_today
from rapport.workflows.disclosed import disclose, disclose_each
from rapport.workflows.known import known
from rapport.workflows.remembered import data_version, remembered
from rapport.workflows.segment_definitions import find_segment
from rapport.workflows.segments import SegmentRow, segment_rows, times_of

#: How many calendar units a chart shows.
SHOWN: dict[str, int] = {"week": 26, "month": 18, "quarter": 9}
#: How many cohorts, and how many units after the first they are followed.
COHORTS: dict[str, int] = {"week": 10, "month": 9, "quarter": 7}
NPS_DAYS = 90

HEADLINE = (
    "active_customers", "new_customers", "repeat_rate", "nps", "revenue", "average_order_value",
)  # fmt: skip
SERVICE = ("csat", "mood", "contacts", "returns_share")
#: Asked with the headline, because they read the same touchpoints.
_BESIDE = ("orders", "unconverted_orders")


class View(Struct, frozen=True, kw_only=True):
    """What the address of the page asks for.

    `period` is a day of the calendar unit to look at; None: the newest that has data. `as_of` is
    the last day whose arrivals count (*as known then*).
    """

    grain: str = "month"
    period: date | None = None
    country: str | None = None
    channel: str | None = None
    segment: str | None = None
    as_of: date | None = None


class Unit(Struct, frozen=True, kw_only=True):
    """A calendar unit, cut where the data ends.

    `last_day` is its last day that is over; `whole` is False while days are still missing.
    """

    first_day: date
    last_day: date
    starts_at: datetime
    ends_at: datetime
    whole: bool


class Standing(Struct, frozen=True, kw_only=True):
    """Where a view stands: which stretch of time, compared with which, on what data.

    A unit that is not over is compared with the same number of days of the one before.
    """

    view: View
    now: datetime
    time_zone: str
    currency: str
    version: str
    coverage: Coverage
    knowledge: Knowledge
    known_at: datetime | None
    segment_rule: Rule | None
    segment_name: str | None
    at: datetime | None  # when windows of touchpoints end, where the segment's rule has any
    units: tuple[Unit, ...]
    current: Unit
    before: Unit


class Figure(Struct, frozen=True, kw_only=True):
    """One metric of the current unit, with the unit before and its course.

    `change` is relative for counts and money, else the difference. `better` is None where nothing
    changed or neither direction is better. `course` has whole units only, oldest first. `margin` is
    half of the 95 % interval, where the metric has one. Where a view with filters leaves too few
    people, `hidden` is true and `value` and `n` are None; `before_hidden` says so of the unit
    before, and the course has gaps.
    """

    metric: Metric
    value: Value
    n: int | None
    before: Value
    change: float | None
    better: bool | None
    course: tuple[Value, ...]
    margin: float | None = None
    hidden: bool = False
    before_hidden: bool = False


class Headline(Struct, frozen=True, kw_only=True):
    """The strip of key figures, and what its money leaves out; None: too few people."""

    figures: tuple[Figure, ...]
    orders: int | None
    unconverted_orders: int | None


class Course(Struct, frozen=True, kw_only=True):
    """Units in time, oldest first, with one value per metric; units before the first order are
    left out. `hidden` says of which units a metric has no value since too few people stand behind
    it; orders without an exchange rate of such units are not among `unconverted_orders`."""

    units: tuple[Unit, ...]
    values: dict[str, tuple[Value, ...]]
    hidden: dict[str, tuple[bool, ...]]
    unconverted_orders: int


class MetricCourse(Struct, frozen=True, kw_only=True):
    """One metric in time, and the question whose last row is its current value."""

    figure: Figure
    units: tuple[Unit, ...]
    values: tuple[Value, ...]
    question: Question


class NpsPart(Struct, frozen=True, kw_only=True):
    """The score of one channel and how many answers it rests upon."""

    channel: str
    nps: float
    n: int


class NpsByChannel(Struct, frozen=True, kw_only=True):
    """Scores of the last 90 days, the highest first, beside the company's own."""

    first_day: date
    last_day: date
    whole: float | None
    n: int
    parts: tuple[NpsPart, ...]


class Cohorts(Struct, frozen=True, kw_only=True):
    """Who comes back, oldest cohort first; a share of a unit that is not over is not there."""

    retention: CohortRetention
    later: int


# ── where the view stands ──────────────────────────────────────────────────────────────────────


def stand(company: Company, view: View) -> Standing | None:
    """Where a view stands; None while there are no data.

    Raises
    ------
    InvalidInput
        If the view names what does not exist.
    """
    if view.grain not in SHOWN:
        raise InvalidInput(unknown("grain", view.grain, SHOWN))
    now = company.clock()
    zone = company.choice("time_zone")
    today = local_day(now, zone)
    known_at = None
    if view.as_of is not None:
        today = min(today, view.as_of + timedelta(days=1))
        known_at = midnight(today, zone)
    version = data_version(company)
    rule, name = None, None
    if view.segment:
        found = find_segment(company, view.segment)
        rule, name = found.rule, found.name
    covered = remembered(
        company,
        version,
        ["coverage", today, known_at],
        lambda: coverage(company.seen, now, as_of=known_at),
    )
    if covered.occurred_until is None:
        return None
    held = known(company, version, as_of=known_at)
    # Days that are over and that data have reached: today is still filling.
    over = min(local_day(covered.occurred_until, zone) + timedelta(days=1), today)
    chosen, units = _units(view, over, zone)
    return Standing(
        view=view,
        now=now,
        time_zone=zone,
        currency=company.choice("reporting_currency") or "EUR",
        version=version,
        coverage=covered,
        knowledge=held,
        known_at=known_at,
        segment_rule=rule,
        segment_name=name,
        at=None if rule is None else times_of(company, [rule]).at,
        units=units,
        current=chosen,
        before=_same_days_before(chosen, view.grain, zone),
    )


def _units(view: View, over: date, zone: str) -> tuple[Unit, tuple[Unit, ...]]:
    """The unit to look at, and all that can be chosen, oldest first."""
    newest = _unit(unit_start(over - timedelta(days=1), view.grain), view.grain, over, zone)
    first_days = [
        add_units(newest.first_day, view.grain, -back)
        for back in reversed(range(SHOWN[view.grain]))
    ]
    units = tuple(_unit(day, view.grain, over, zone) for day in first_days)
    if view.period is not None:
        wanted = min(unit_start(view.period, view.grain), newest.first_day)
        return _unit(wanted, view.grain, over, zone), units
    # A few days say little: until a quarter of the unit is over, the one before is shown.
    length = (add_units(newest.first_day, view.grain, 1) - newest.first_day).days
    days = (newest.last_day - newest.first_day).days + 1
    return (units[-1] if newest.whole or days * 4 >= length else units[-2]), units


def _unit(first: date, grain: str, over: date, zone: str) -> Unit:
    following = add_units(first, grain, 1)
    end = min(following, max(over, first + timedelta(days=1)))
    return Unit(
        first_day=first,
        last_day=end - timedelta(days=1),
        starts_at=midnight(first, zone),
        ends_at=midnight(end, zone),
        whole=end == following,
    )


def _same_days_before(unit: Unit, grain: str, zone: str) -> Unit:
    first = add_units(unit.first_day, grain, -1)
    if unit.whole:
        return _unit(first, grain, unit.first_day, zone)
    days = (unit.last_day - unit.first_day).days + 1
    # 31 days of March have no 31 days of February to be compared with: then all of it.
    return _unit(first, grain, min(first + timedelta(days=days), unit.first_day), zone)


def question_of(
    standing: Standing, metrics: tuple[str, ...], start: datetime, end: datetime, **more: Any
) -> Question:
    """A question with the filters of the view."""
    view = standing.view
    filters = tuple(
        Filter(dimension=name, values=(value,))
        for name, value in (("country", view.country), ("channel", view.channel))
        if value
    )
    return Question(
        metrics=metrics,
        start=start,
        end=end,
        time_zone=standing.time_zone,
        filters=filters,
        segment=standing.segment_rule,
        as_of=standing.known_at,
        now=end_of_today(standing.now, standing.time_zone),
        at=standing.at,
        **more,
    )


def ask(company: Company, standing: Standing, question: Question) -> Answer:
    """The answer, from memory where the data have not changed."""
    return remembered(
        company,
        standing.version,
        question,
        lambda: answer(company.seen, question, known=standing.knowledge),
    )


def shown_rows(company: Company, standing: Standing, question: Question) -> list[dict[str, Any]]:
    """The rows of a question without splits as a page may show them: see `disclose_each`.

    Where the view has no filters, all figures are those of the whole company.
    """
    if not question.filters and question.segment is None:
        return ask(company, standing, question).rows()
    return remembered(
        company,
        standing.version,
        ["shown", question],
        lambda: disclose_each(question, lambda exact: ask(company, standing, exact)),
    )


# ── the cards ──────────────────────────────────────────────────────────────────────────────────


def headline(company: Company, standing: Standing) -> Headline:
    """The strip of key figures."""
    rows = _course(company, standing, (*HEADLINE, *_BESIDE))
    return Headline(
        figures=_figures(company, standing, HEADLINE, rows, beside=_BESIDE),
        orders=rows[-1]["orders"],
        unconverted_orders=rows[-1]["unconverted_orders"],
    )


def service(company: Company, standing: Standing) -> tuple[Figure, ...]:
    """How customers were served: satisfaction, mood, contacts, returns."""
    return _figures(company, standing, SERVICE, _course(company, standing, SERVICE))


def course(company: Company, standing: Standing) -> Course:
    """Revenue and buyers in time."""
    rows = _course(company, standing, (*HEADLINE, *_BESIDE))
    began = _began(rows, "orders")
    names = ("revenue", "orders", "active_customers", "new_customers")
    return Course(
        units=_units_shown(standing)[began:],
        values={name: tuple(row[name] for row in rows[began:]) for name in names},
        hidden={name: tuple(_is_hidden(row, name) for row in rows[began:]) for name in names},
        unconverted_orders=sum(row["unconverted_orders"] or 0 for row in rows),
    )


def metric_course(company: Company, standing: Standing, name: str) -> MetricCourse:
    """Any metric in time."""
    rows = _course(company, standing, (name,))
    began = _began(rows, name)
    (figure,) = _figures(company, standing, (name,), rows)
    return MetricCourse(
        figure=figure,
        units=_units_shown(standing)[began:],
        values=tuple(row[name] for row in rows[began:]),
        question=_course_question(standing, (name,)),
    )


def nps_by_channel(company: Company, standing: Standing) -> NpsByChannel:
    """The net promoter score of each channel in the 90 days until the view's unit ends."""
    first = standing.current.last_day - timedelta(days=NPS_DAYS - 1)
    question = question_of(
        standing, ("nps",), midnight(first, standing.time_zone), standing.current.ends_at
    )

    def exact(asked: Question) -> Answer:
        return ask(company, standing, asked)

    (total,) = disclose(question, exact).rows
    split = disclose(replace(question, dimensions=("channel",)), exact)
    parts = [
        NpsPart(channel=row["channel"], nps=row["nps"], n=row["nps_n"])
        for row in split.rows
        if row["nps"] is not None
    ]
    return NpsByChannel(
        first_day=first,
        last_day=standing.current.last_day,
        whole=total["nps"],
        n=total["nps_n"] or 0,
        parts=tuple(sorted(parts, key=lambda part: (-part.nps, part.channel))),
    )


def cohorts(company: Company, standing: Standing) -> Cohorts:
    """Of those who first ordered in each unit, how many ordered again, unit by unit.

    Country and channel do not apply: a customer's orders are followed wherever they are placed.
    """
    grain = standing.view.grain
    count = COHORTS[grain]
    first = add_units(standing.current.first_day, grain, -count)
    start = midnight(first, standing.time_zone)
    until = standing.current.ends_at
    now = end_of_today(data_until(company), standing.time_zone)
    found = remembered(
        company,
        standing.version,
        [
            "cohorts",
            grain,
            start,
            until,
            standing.segment_rule,
            standing.known_at,
            now,
            standing.at,
        ],
        lambda: cohort_retention(
            company.seen,
            start=start,
            end=until,
            received_until=until,
            known=standing.knowledge,
            grain=grain,
            time_zone=standing.time_zone,
            as_of=standing.known_at,
            segment=standing.segment_rule,
            now=now,
            at=standing.at,
        ),
    )
    return Cohorts(retention=found, later=count - 1)


def segments(company: Company, standing: Standing) -> tuple[SegmentRow, ...]:
    """RFM segments side by side, as they are today, with a year of revenue each."""
    return segment_rows(company, standing.version, only_rfm=True)


# ── pieces ─────────────────────────────────────────────────────────────────────────────────────


def _units_shown(standing: Standing) -> tuple[Unit, ...]:
    """The units of the charts: those up to the current one."""
    grain = standing.view.grain
    last = standing.current.first_day
    earlier = [add_units(last, grain, -back) for back in reversed(range(1, SHOWN[grain]))]
    return (*(_unit(day, grain, last, standing.time_zone) for day in earlier), standing.current)


def _course_question(standing: Standing, metrics: tuple[str, ...]) -> Question:
    return question_of(
        standing,
        metrics,
        _units_shown(standing)[0].starts_at,
        standing.current.ends_at,
        grain=standing.view.grain,
    )


def _course(company: Company, standing: Standing, metrics: tuple[str, ...]) -> list[dict[str, Any]]:
    return shown_rows(company, standing, _course_question(standing, metrics))


def _began(rows: list[dict[str, Any]], name: str) -> int:
    """The first row in which there is something of a metric, told or hidden; else the last."""
    there = (i for i, row in enumerate(rows) if row[f"{name}_n"] or _is_hidden(row, name))
    return next(there, len(rows) - 1)


def _is_hidden(row: dict[str, Any], name: str) -> bool:
    return bool(row.get(f"{name}_hidden"))


def _figures(
    company: Company,
    standing: Standing,
    metrics: tuple[str, ...],
    rows: list[dict[str, Any]],
    *,
    beside: tuple[str, ...] = (),
) -> tuple[Figure, ...]:
    if standing.current.whole:
        earlier = rows[-2]
    else:
        before = standing.before
        asked = question_of(standing, (*metrics, *beside), before.starts_at, before.ends_at)
        (earlier,) = shown_rows(company, standing, asked)
    return tuple(
        # A unit that is not over would end every course of sums with a fall.
        _figure(METRICS[name], rows[-1], earlier, rows if standing.current.whole else rows[:-1])
        for name in metrics
    )


def _figure(
    metric: Metric, now: dict[str, Any], earlier: dict[str, Any], course: list[dict[str, Any]]
) -> Figure:
    value: Value = now[metric.name]
    before: Value = earlier[metric.name]
    if metric.unit in ("count", "money") and not earlier[f"{metric.name}_n"]:
        before = None  # nothing happened then: there is no ratio to it
    change = change_of(metric, value, before)
    better = None
    if change and metric.direction != "none":
        better = (change > 0) == (metric.direction == "up")
    return Figure(
        metric=metric,
        value=value,
        n=now[f"{metric.name}_n"],
        before=before,
        change=change,
        better=better,
        course=tuple(row[metric.name] for row in course[-13:]),
        margin=now.get(f"{metric.name}_margin"),
        hidden=_is_hidden(now, metric.name),
        before_hidden=_is_hidden(earlier, metric.name),
    )


def change_of(metric: Metric, value: Value, before: Value) -> float | None:
    """Relative for counts and money, else the difference; None where it has no meaning."""
    if value is None or before is None:
        return None
    if metric.unit in ("share", "points", "score"):
        return float(value) - float(before)
    return None if before == 0 else float((Decimal(value) - Decimal(before)) / abs(Decimal(before)))

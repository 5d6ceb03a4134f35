"""A question as people ask it: of a period that moves on by itself, compared, with a forecast.

It is what the address of the question page says and what boards keep. Read `answer_saved` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from rapport.errors import InvalidQuestion
from rapport.understand.answer import Value
from rapport.understand.metrics.base import Metric
from rapport.understand.periods import (
    add_units,
    local_day,
    midnight,
    period_before,
    unit_start,
    year_before,
)
from rapport.understand.question import Filter, NamedRule, Question, check_question, unknown
from rapport.workflows.company import Company, figures_of
from rapport.workflows.comparable import Begun, when_begun
from rapport.workflows.dashboard import Standing, View, ask, change_of, question_of, stand
from rapport.workflows.disclosed import Disclosed, disclose
from rapport.workflows.metrics import filter_of
from rapport.workflows.outlook import SEASONS, Outlook, outlooks
from rapport.workflows.remembered import remembered
from rapport.workflows.segment_definitions import all_segments
from rapport.workflows.segments import times_of
from rapport.workflows.targets import target_of

#: Periods that move on with the data; "days" is from `first_day` to `last_day`.
PERIODS = (
    "last_7_days", "last_28_days", "last_13_weeks", "this_month", "last_month", "last_12_months",
    "last_24_months", "this_year", "last_year", "days",
)  # fmt: skip
COMPARISONS = ("before", "year", "target", "forecast", "none")
MOST_METRICS, MOST_SPLITS = 4, 2


class SavedQuestion(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What is asked.

    Attributes
    ----------
    split : tuple of str
        At most two dimensions.
    only : tuple of str
        Filters, each ``dimension=value``; without a value: where it is not known.
    segment : str or None
        Key of a segment.
    as_of : date or None
        As known at the end of this day; None: as known now.
    compare : str
        One of `COMPARISONS`.
    """

    metrics: tuple[str, ...]
    period: str = "last_12_months"
    first_day: date | None = None
    last_day: date | None = None
    grain: str | None = None
    split: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    segment: str | None = None
    as_of: date | None = None
    compare: str = "before"


class Shown(Struct, frozen=True, kw_only=True):
    """One number as it may be shown, with what it is compared with.

    `hidden` is true where too few people stand behind it; then nothing else is said. `change` is
    as in `workflows.dashboard.Figure`; None where there is nothing to compare with.
    """

    value: Value
    n: int | None
    hidden: bool = False
    compared: Value = None
    change: float | None = None
    margin: float | None = None


class ShownRow(Struct, frozen=True, kw_only=True):
    """One period and combination; `whole` is False while the period is not over or is cut."""

    first_day: date
    whole: bool
    parts: tuple[str | None, ...]
    figures: dict[str, Shown]


class AnsweredQuestion(Struct, frozen=True, kw_only=True):
    """Everything that a page, a file or a mail says of a question.

    Attributes
    ----------
    first_day, last_day : date
        The local days asked for, both included, cut where the data end.
    compared_first, compared_last : date or None
        Those that it is compared with.
    data_begin, comparable_from : date or None
        Where data begin within the days to compare with: in which month, and from which day on
        such a period has a whole one before it.
    whole : dict of str to Shown
        Per metric, the whole period as one number.
    outlook : dict of str to Outlook
        Where a forecast was asked for.
    """

    saved: SavedQuestion
    question: Question
    standing: Standing
    first_day: date
    last_day: date
    compared_first: date | None
    compared_last: date | None
    data_begin: date | None
    comparable_from: date | None
    whole: dict[str, Shown]
    rows: tuple[ShownRow, ...]
    outlook: dict[str, Outlook]


def read_saved(raw: bytes | str) -> SavedQuestion:
    """The question that JSON says, checked.

    Raises
    ------
    InvalidQuestion
        If it says none.
    """
    try:
        saved = msgspec.json.decode(raw, type=SavedQuestion)
    except msgspec.MsgspecError as problem:
        raise InvalidQuestion(f"This is no question: {problem}") from None
    check_saved(saved)
    return saved


def check_saved(saved: SavedQuestion) -> None:
    """Refuse a question that has no answer, naming all that is wrong; segments are not looked up.

    Raises
    ------
    InvalidQuestion
        With one sentence per mistake.
    """
    mistakes = list(_mistakes(saved))
    if not mistakes:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        try:
            check_question(
                Question(
                    metrics=saved.metrics,
                    start=start,
                    end=start + timedelta(days=28),
                    grain=saved.grain,
                    dimensions=tuple(name for name in saved.split if name != "segment"),
                    filters=_filters(saved),
                )
            )
        except InvalidQuestion as problem:
            mistakes = [problem.message]
    if mistakes:
        raise InvalidQuestion(" ".join(mistakes), mistakes=tuple(mistakes))


def _mistakes(saved: SavedQuestion) -> Iterable[str]:
    if saved.period not in PERIODS:
        yield unknown("period", saved.period, PERIODS)
    if saved.compare not in COMPARISONS:
        yield unknown("comparison", saved.compare, COMPARISONS)
    if len(saved.metrics) > MOST_METRICS:
        yield f"Ask for at most {MOST_METRICS} metrics at once."
    if len(saved.split) > MOST_SPLITS:
        yield f"Split by at most {MOST_SPLITS} dimensions."
    if saved.period == "days":
        if saved.first_day is None or saved.last_day is None:
            yield "Say the first and the last day."
        elif saved.last_day < saved.first_day:
            yield f"The last day {saved.last_day} lies before the first {saved.first_day}."
    if saved.compare == "forecast" and (saved.split or saved.grain not in SEASONS):
        yield f"A forecast is of one line by {', '.join(SEASONS)}: leave out the split."
    for each in saved.only:
        if "=" not in each:
            yield f"{each[:40]!r} is no filter; write one such as channel=web."


def answer_saved(company: Company, saved: SavedQuestion) -> AnsweredQuestion | None:
    """The answer; None while there are no data.

    Raises
    ------
    InvalidQuestion
        If it has none.
    NotFound
        If its segment is gone.
    """
    check_saved(saved)
    standing = stand(company, View(segment=saved.segment, as_of=saved.as_of))
    if standing is None:
        return None
    first, last = _days(saved, standing)
    zone = standing.time_zone
    start, end = midnight(first, zone), midnight(last + timedelta(days=1), zone)
    question = _question(company, saved, standing, start, end)
    found = _disclosed(company, standing, question)
    whole = _disclosed(company, standing, replace(question, grain=None, dimensions=(), segments=()))
    earlier = earlier_whole = None
    compared = _compared_with(saved, start, end, zone)
    if compared is not None:
        then = replace(question, start=compared[0], end=compared[1])
        earlier = _disclosed(company, standing, then)
        earlier_whole = _disclosed(
            company, standing, replace(then, grain=None, dimensions=(), segments=())
        )
        begun = when_begun(then, lambda asked: _disclosed(company, standing, asked))
    else:
        begun = Begun(metrics=frozenset(saved.metrics))
    comparable = _Comparable(company, saved, zone, begun.metrics)
    return AnsweredQuestion(
        saved=saved,
        question=question,
        standing=standing,
        first_day=first,
        last_day=last,
        compared_first=None if compared is None else local_day(compared[0], zone),
        compared_last=None
        if compared is None
        else local_day(compared[1] - timedelta(microseconds=1), zone),
        data_begin=begun.data_begin,
        comparable_from=begun.comparable_from(end, zone),
        whole=_rows(whole, earlier_whole, question, (), comparable)[0].figures,
        rows=_rows(found, earlier, question, question.dimensions, comparable),
        outlook=outlooks(
            company, standing, question, lambda asked: _disclosed(company, standing, asked)
        )
        if saved.compare == "forecast"
        else {},
    )


# ── when ───────────────────────────────────────────────────────────────────────────────────────


def _days(saved: SavedQuestion, standing: Standing) -> tuple[date, date]:
    """The first and the last local day; a period that moves on ends with the last whole day."""
    if saved.period == "days" and saved.first_day and saved.last_day:
        return saved.first_day, saved.last_day
    # `stand` looks at the data: the newest of its units ends with the last day that is over.
    last = standing.units[-1].last_day
    month, year = unit_start(last, "month"), unit_start(last, "year")
    ends_month = add_units(month, "month", 1) - timedelta(days=1) == last
    over = add_units(month, "month", 1) if ends_month else month
    first_days = {
        "last_7_days": last - timedelta(days=6),
        "last_28_days": last - timedelta(days=27),
        "last_13_weeks": unit_start(last + timedelta(days=1), "week") - timedelta(weeks=13),
        "this_month": month,
        "last_month": add_units(over, "month", -1),
        "last_12_months": add_units(over, "month", -12),
        "last_24_months": add_units(over, "month", -24),
        "this_year": year,
        "last_year": add_units(year, "year", -1),
    }
    last_days = {
        "last_13_weeks": unit_start(last + timedelta(days=1), "week") - timedelta(days=1),
        "last_month": over - timedelta(days=1),
        "last_12_months": over - timedelta(days=1),
        "last_24_months": over - timedelta(days=1),
        "last_year": year - timedelta(days=1),
    }
    return first_days[saved.period], last_days.get(saved.period, last)


def _compared_with(
    saved: SavedQuestion, start: datetime, end: datetime, zone: str
) -> tuple[datetime, datetime] | None:
    if saved.compare == "year" or (saved.compare == "before" and saved.period == "this_year"):
        return year_before(start, zone), year_before(end, zone)
    if saved.compare != "before":
        return None
    if saved.period == "this_month":
        # The same days of the month before: its first days are like the first days of this one.
        first = add_units(local_day(start, zone), "month", -1)
        days = (local_day(end, zone) - local_day(start, zone)).days
        return midnight(first, zone), min(midnight(first + timedelta(days=days), zone), start)
    return period_before(start, end, zone)


# ── what ───────────────────────────────────────────────────────────────────────────────────────


def _filters(saved: SavedQuestion) -> tuple[Filter, ...]:
    """Filters of one dimension are alternatives; those of several must all hold."""
    values: dict[str, list[str | None]] = {}
    for each in saved.only:
        one = filter_of(each)
        values.setdefault(one.dimension, []).extend(one.values)
    return tuple(Filter(dimension=name, values=tuple(found)) for name, found in values.items())


def _question(
    company: Company, saved: SavedQuestion, standing: Standing, start: datetime, end: datetime
) -> Question:
    named: tuple[NamedRule, ...] = ()
    question = question_of(
        standing, saved.metrics, start, end, grain=saved.grain, dimensions=saved.split
    )
    if "segment" in saved.split:
        named = tuple(NamedRule(key=each.key, rule=each.rule) for each in all_segments(company))
        rules = [each.rule for each in named]
        rules += [] if standing.segment_rule is None else [standing.segment_rule]
        question = replace(question, segments=named, at=times_of(company, rules).at)
    return replace(question, filters=_filters(saved))


def _disclosed(company: Company, standing: Standing, question: Question) -> Disclosed:
    """As it may be shown, from memory where the data have not changed."""
    return remembered(
        company,
        standing.version,
        ["disclosed", question],
        lambda: disclose(question, lambda exact: ask(company, standing, exact)),
    )


class _Comparable:
    """What is aimed at in the days of a row, where that is what is compared with.

    `begun` are the metrics of which earlier days have all that happened.
    """

    def __init__(
        self, company: Company, saved: SavedQuestion, zone: str, begun: frozenset[str]
    ) -> None:
        self.begun = begun
        # A target is the company's: a part of it has none.
        plain = not (saved.split or saved.only or saved.segment)
        self._figures = figures_of(company.choice("stated_figures")) if plain else ()
        self._wanted = saved.compare == "target"
        self._zone = zone

    def of(self, metric: Metric, start: datetime, end: datetime) -> Decimal | None:
        if not self._wanted:
            return None
        last = local_day(end - timedelta(microseconds=1), self._zone)
        return target_of(self._figures, metric, local_day(start, self._zone), last)


def _rows(
    found: Disclosed,
    earlier: Disclosed | None,
    question: Question,
    dimensions: tuple[str, ...],
    comparable: _Comparable,
) -> tuple[ShownRow, ...]:
    grain = question.grain if dimensions or len(found.rows) > 1 else None
    periods = (question if grain else replace(question, grain=None)).periods()
    spans = {period.first_day: period for period in periods}
    past: dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, bool]]] = {}
    if earlier is not None:
        numbers = {day: i for i, day in enumerate(sorted({r["period"] for r in earlier.rows}))}
        for place, row in enumerate(earlier.rows):
            key = (numbers[row["period"]], *(row[name] for name in dimensions))
            past[key] = row, {name: marks[place] for name, marks in earlier.hidden.items()}
    order = {day: i for i, day in enumerate(sorted(spans))}
    rows = []
    for place, row in enumerate(found.rows):
        span = spans[row["period"]]
        parts = tuple(row[name] for name in dimensions)
        before = past.get((order[row["period"]], *parts))
        figures = {}
        for metric in question.defined_metrics():
            compared: Value = comparable.of(metric, span.starts_at, span.ends_at)
            known = metric.name in comparable.begun or grain is not None
            if before is not None and known and not before[1][metric.name]:
                compared = _known(metric, before[0])
            figures[metric.name] = _shown(metric, row, found.hidden[metric.name][place], compared)
        rows.append(
            ShownRow(
                first_day=row["period"],
                whole=span.whole and bool(row["complete"]),
                parts=parts,
                figures=figures,
            )
        )
    return tuple(rows)


def _known(metric: Metric, row: Mapping[str, Any]) -> Value:
    """An earlier value; nothing that happened is nothing to compare with."""
    if metric.unit in ("count", "money") and not row[f"{metric.name}_n"]:
        return None
    value: Value = row[metric.name]
    return value


def _shown(metric: Metric, row: Mapping[str, Any], hidden: bool, compared: Value) -> Shown:
    if hidden:
        return Shown(value=None, n=None, hidden=True)
    value: Value = row[metric.name]
    return Shown(
        value=value,
        n=row[f"{metric.name}_n"],
        compared=compared,
        change=change_of(metric, value, compared),
        margin=row.get(f"{metric.name}_margin"),
    )

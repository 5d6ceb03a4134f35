"""Asking: a question in, an answer out, with what a reader must know to trust it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import product
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake
from rapport.engines.lake.store import digest
from rapport.errors import InvalidQuestion
from rapport.understand.knowledge import Freshness, ask, freshness, knowledge
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.metrics.base import Metric
from rapport.understand.periods import Period, period_before, year_before
from rapport.understand.plan import compile_people, compile_question, reads_orders
from rapport.understand.question import Question, check_question

__all__ = [
    "Answer",
    "Behind",
    "Comparison",
    "Freshness",
    "Kpi",
    "PersonBehind",
    "Point",
    "Value",
    "answer",
    "behind",
    "compare",
    "kpi",
    "kpis",
]

#: Most cells of one answer, empty ones included: what a page or a sheet can hold.
MAX_CELLS = 200_000
_MONEY = Decimal("0.0001")

Value: TypeAlias = int | float | Decimal | None


class Answer(Struct, frozen=True, kw_only=True):
    """Rows, and where they come from.

    `table` has the columns ``period`` (first local day of the unit), ``period_start`` (UTC),
    ``complete`` (the whole unit was asked and is over, as far as the lake knows), one column per
    dimension, and per metric ``<metric>`` and ``<metric>_n``, the observations behind it (and
    ``<metric>_people`` if asked: people behind it, each anonymous row counted as one;
    ``<metric>_margin`` where it has a margin of error: half of the 95 % interval). Rows are
    sorted by period, then by the dimensions, unknown last. Cells where nothing happened are there,
    with the metric's empty value, for every period and every combination that occurs at all.
    """

    table: pa.Table
    question: Question
    freshness: Freshness
    digest: str

    def rows(self) -> list[dict[str, Any]]:
        """The table as dictionaries."""
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows

    def value(self, metric: str) -> Value:
        """The one value of an answer with one row."""
        return self.table[metric][0].as_py()  # type: ignore[no-any-return]


class Comparison(Struct, frozen=True, kw_only=True):
    """Two periods side by side.

    `table` has one row per cell of `current`: its columns and, per metric, ``<metric>_before``
    and ``<metric>_change``, the relative change (0.1 is a tenth more; None where the earlier
    value is unknown or 0). For metrics that can be negative (points, scores) and for shares it is
    the difference itself.
    """

    current: Answer
    earlier: Answer
    table: pa.Table


class Kpi(Struct, frozen=True, kw_only=True):
    """A number with its trend."""

    metric: Metric
    value: Value
    n: int
    previous: Value
    change: float | None  # as in `Comparison`
    better: bool | None  # None: no change, or neither direction is better
    series: tuple[Point, ...]


class Point(Struct, frozen=True, kw_only=True):
    """One value of a trend."""

    period: date
    value: Value
    n: int
    complete: bool


def answer(
    lake: Lake,
    question: Question,
    *,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> Answer:
    """The answer to a question.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table, optional
        Tables that stand in for the lake's own.
    known : Knowledge or Freshness, optional
        From `knowledge` (or `freshness`), to spare finding it again.

    Raises
    ------
    InvalidQuestion
        If the question names what does not exist, or has too many cells.
    """
    plan = compile_question(question)
    fresh = known or freshness(lake, as_of=question.as_of, tables=tables)
    cells = ask(
        lake,
        plan.query,
        as_of=question.as_of,
        tables={**(tables or {}), **plan.tables},
        known=known,
    ).to_pylist()
    splits = [f"by_{name}" for name in question.dimensions]
    found = {(row["period"], *(row[name] for name in splits)): row for row in cells}
    combinations = sorted({key[1:] for key in found}, key=_unknown_last) if splits else [()]
    if len(combinations) * len(plan.periods) > MAX_CELLS:
        raise InvalidQuestion(
            f"The answer would have {len(combinations)} × {len(plan.periods)} cells, more than "
            f"{MAX_CELLS}: ask for a longer grain, fewer dimensions or a filter."
        )
    keys = [(number, *key) for number, key in product(range(len(plan.periods)), combinations)]
    columns: dict[str, pa.Array] = {
        "period": pa.array([plan.periods[key[0]].first_day for key in keys], pa.date32()),
        "period_start": pa.array(
            [plan.periods[key[0]].starts_at for key in keys], pa.timestamp("us", tz="UTC")
        ),
        "complete": pa.array([_complete(plan.periods[key[0]], fresh) for key in keys], pa.bool_()),
    }
    for place, name in enumerate(question.dimensions, 1):
        columns[name] = pa.array([key[place] for key in keys], pa.string())
    for metric in question.defined_metrics():
        values = [_value(metric, found.get(key)) for key in keys]
        counted = [_count(metric, found.get(key)) for key in keys]
        columns[metric.name] = pa.array(values, _arrow_type(metric))
        columns[f"{metric.name}_n"] = pa.array(counted, pa.int64())
        if metric.squares is not None:
            margins = [_margin(metric, found.get(key)) for key in keys]
            columns[f"{metric.name}_margin"] = pa.array(margins, pa.float64())
        if question.count_people:
            people = [_count(metric, found.get(key), "people") for key in keys]
            columns[f"{metric.name}_people"] = pa.array(people, pa.int64())
    table = pa.table(columns)
    return Answer(
        table=table,
        question=question,
        freshness=Freshness(received_until=fresh.received_until, touchpoints=fresh.touchpoints),
        digest=digest(table),
    )


class PersonBehind(Struct, frozen=True, kw_only=True):
    """One customer behind a number, and what the number would be for them alone."""

    profile_id: str
    value: Value
    n: int


class Behind(Struct, frozen=True, kw_only=True):
    """Who stands behind one number.

    Attributes
    ----------
    people : tuple of PersonBehind
        The page asked for, the largest value first, of a ratio the most observations.
    total : int
        How many customers there are in all.
    unknown_n : int
        Observations that nobody can be named for.
    value, n :
        The number itself and its observations.
    """

    people: tuple[PersonBehind, ...]
    total: int
    unknown_n: int
    value: Value
    n: int


def behind(
    lake: Lake,
    question: Question,
    *,
    limit: int,
    offset: int = 0,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> Behind:
    """The customers behind one number: those with an observation that it rests upon.

    Raises
    ------
    InvalidQuestion
        If the question is not one number, or has no answer.
    """
    plan = compile_people(question, limit=limit, offset=offset)
    (whole,) = answer(lake, question, tables=tables, known=known).rows()
    rows = ask(
        lake,
        plan.query,
        as_of=question.as_of,
        tables={**(tables or {}), **plan.tables},
        known=known,
    ).to_pylist()
    (metric,) = question.defined_metrics()
    return Behind(
        people=tuple(
            PersonBehind(
                profile_id=row["profile_id"], value=_value(metric, row), n=_count(metric, row)
            )
            for row in rows
            if row["profile_id"] is not None
        ),
        total=rows[0]["people"],
        unknown_n=int(rows[0]["unknown_n"] or 0),
        value=whole[metric.name],
        n=whole[f"{metric.name}_n"],
    )


def _complete(period: Period, fresh: Freshness) -> bool:
    over = fresh.received_until is not None and fresh.received_until >= period.ends_at
    return bool(period.whole and over)


def _unknown_last(key: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    return tuple((value is None, value or "") for value in key)


def _value(metric: Metric, row: Mapping[str, Any] | None) -> Value:
    """The metric of a cell, divided here so that every engine's answer is the same to the digit."""
    above = None if row is None else row[f"{metric.name}__value"]
    if row is None or above is None:
        return metric.empty
    if metric.per is not None:
        below = row[f"{metric.name}__per"]
        if not below:
            return metric.empty
        if metric.unit == "money":
            return (Decimal(above) / Decimal(below)).quantize(_MONEY, ROUND_HALF_EVEN)
        return float(Decimal(above) / Decimal(below))
    if metric.unit == "money":
        return Decimal(above).quantize(_MONEY)
    return int(above) if metric.unit == "count" else float(above)


def _count(metric: Metric, row: Mapping[str, Any] | None, part: str = "n") -> int:
    return 0 if row is None else int(row[f"{metric.name}__{part}"] or 0)


def _margin(metric: Metric, row: Mapping[str, Any] | None) -> float | None:
    if row is None or not row[f"{metric.name}__n"]:
        return None
    return nps_margin(
        total=int(row[f"{metric.name}__value"]),
        squares=int(row[f"{metric.name}__squares"]),
        n=int(row[f"{metric.name}__n"]),
    )


def nps_margin(*, total: int, squares: int, n: int) -> float:
    """Half of the 95 % interval of a net promoter score, in points.

    Three answers are added, three quarters of one a promoter and as many a detractor: without
    them a handful of equal answers would look certain.

    Parameters
    ----------
    total, squares : int
        Sum of the answers, each −100, 0 or 100, and of their squares.
    n : int
        How many answered; at least 1.

    References
    ----------
    Rocks (2016), Interval Estimation for the "Net Promoter Score", The American Statistician
    70(4): the adjusted Wald interval.

    Examples
    --------
    >>> round(nps_margin(total=2_000, squares=600_000, n=100), 1)  # 40 promoters, 20 detractors
    14.4
    """
    n_tilde = n + 3
    mean = total / n_tilde
    variance = (squares + 1.5 * 10_000) / n_tilde - mean**2
    return 1.959964 * math.sqrt(variance / n_tilde)


def _arrow_type(metric: Metric) -> pa.DataType:
    if metric.unit == "money":
        return pa.decimal128(38, 4)
    return pa.int64() if metric.unit == "count" else pa.float64()


def compare(
    lake: Lake,
    question: Question,
    *,
    with_last_year: bool = False,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> Comparison:
    """The answer beside that of the period before, or of a year before.

    Whole months are compared with as many whole months; other periods with as many days. Rows meet
    by their number within the period (the third day with the third day) and their dimensions.
    """
    check_question(question)
    if with_last_year:
        start = year_before(question.start, question.time_zone)
        end = year_before(question.end, question.time_zone)
    else:
        start, end = period_before(question.start, question.end, question.time_zone)
    if known is None:
        known = knowledge(lake, as_of=question.as_of, orders=reads_orders(question), tables=tables)
    current = answer(lake, question, tables=tables, known=known)
    moment = question.end if question.now is None else question.now
    before = msgspec.structs.replace(question, start=start, end=end, now=moment)
    earlier = answer(lake, before, tables=tables, known=known)
    past = dict(_numbered(earlier))
    table = current.table
    keyed = _numbered(current)
    for metric in question.defined_metrics():
        then = [past[key][metric.name] if key in past else metric.empty for key, _ in keyed]
        now = [row[metric.name] for _, row in keyed]
        changes = [_change(metric, new, old) for new, old in zip(now, then, strict=True)]
        table = table.append_column(f"{metric.name}_before", pa.array(then, _arrow_type(metric)))
        table = table.append_column(f"{metric.name}_change", pa.array(changes, pa.float64()))
    return Comparison(current=current, earlier=earlier, table=table)


def _numbered(given: Answer) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    numbers: dict[date, int] = {}
    found = []
    for row in given.rows():
        number = numbers.setdefault(row["period"], len(numbers))
        found.append(((number, *(row[name] for name in given.question.dimensions)), row))
    return found


def _change(metric: Metric, new: Value, old: Value) -> float | None:
    if new is None or old is None:
        return None
    if metric.unit in ("share", "points", "score"):
        return float(new) - float(old)
    return None if old == 0 else float((Decimal(new) - Decimal(old)) / abs(Decimal(old)))


def kpis(
    lake: Lake,
    question: Question,
    *,
    grain: str = "month",
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> tuple[Kpi, ...]:
    """Each metric of a question as one number, with the period before and its course.

    Three questions to the lake, however many the metrics.

    Parameters
    ----------
    question : Question
        Without dimensions; its own grain is not used.
    grain : str
        Calendar unit of the course.
    """
    if question.dimensions:
        raise InvalidQuestion("A KPI is one number: ask without dimensions, or use `compare`.")
    whole = msgspec.structs.replace(question, grain=None)
    check_question(whole)
    if known is None:
        known = knowledge(lake, as_of=question.as_of, orders=reads_orders(question), tables=tables)
    compared = compare(lake, whole, tables=tables, known=known)
    course = answer(
        lake, msgspec.structs.replace(question, grain=grain), tables=tables, known=known
    ).rows()
    (now,) = compared.table.to_pylist()
    return tuple(_kpi(METRICS[name], now, course) for name in question.metrics)


def _kpi(metric: Metric, now: Mapping[str, Any], course: Sequence[Mapping[str, Any]]) -> Kpi:
    name = metric.name
    change = now[f"{name}_change"]
    better = None
    if change and metric.direction != "none":
        better = (change > 0) == (metric.direction == "up")
    return Kpi(
        metric=metric,
        value=now[name],
        n=now[f"{name}_n"],
        previous=now[f"{name}_before"],
        change=change,
        better=better,
        series=tuple(
            Point(
                period=row["period"],
                value=row[name],
                n=row[f"{name}_n"],
                complete=row["complete"],
            )
            for row in course
        ),
    )


def kpi(
    lake: Lake,
    metric: str,
    question: Question,
    *,
    grain: str = "month",
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> Kpi:
    """One metric as a number with the period before and its course; see `kpis`."""
    one = msgspec.structs.replace(question, metrics=(metric,))
    return kpis(lake, one, grain=grain, tables=tables, known=known)[0]

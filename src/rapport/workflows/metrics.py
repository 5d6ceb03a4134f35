"""One metric closely: its parts, and the customers behind it."""

from __future__ import annotations

from datetime import date, datetime

from msgspec import Struct
from msgspec.structs import replace

from rapport.errors import InvalidInput, NotFound
from rapport.privacy.disclosure import is_too_small
from rapport.understand.answer import Value, answer, behind
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.metrics.base import Metric
from rapport.understand.periods import midnight
from rapport.understand.question import Filter, Question, dimensions_of, unknown
from rapport.workflows.company import Company
from rapport.workflows.customer_names import names_of
from rapport.workflows.dashboard import Standing, ask, question_of, shown_rows
from rapport.workflows.data_clock import end_of_today
from rapport.workflows.disclosed import disclose, of_people
from rapport.workflows.known import known_for
from rapport.workflows.remembered import data_version, remembered

PAGE = 50
#: Further in nobody reads.
DEEPEST = 100_000
#: Parts of a split that a page shows; the rest is summed up by their number.
MOST_PARTS = 30


class MetricPerson(Struct, frozen=True, kw_only=True):
    """One customer behind a number, and what it would be for them alone."""

    profile_id: str
    name: str | None
    value: Value
    n: int


class MetricPeople(Struct, frozen=True, kw_only=True):
    """The customers behind one number, the largest value first, of a ratio the most observations.

    Attributes
    ----------
    value : number or None
        The number itself; None also where the group is too small to say it.
    total : int or None
        How many customers; None where they are too few to be a group, or would give such a one
        away. Nothing is counted then.
    unknown_n : int
        Observations that no known customer stands behind.
    """

    metric: str
    start: datetime
    end: datetime
    value: Value
    n: int
    total: int | None
    unknown_n: int
    first: int
    people: tuple[MetricPerson, ...]
    currency: str


class MetricPart(Struct, frozen=True, kw_only=True):
    """The metric of one value of a dimension; `part` is None for "not known".

    `hidden` is true, and nothing else is said, where too few people stand behind it, or where it
    would give those away.
    """

    part: str | None
    value: Value
    n: int
    people: int
    hidden: bool


class MetricParts(Struct, frozen=True, kw_only=True):
    """A metric by one dimension, the parts with most observations first."""

    dimension: str
    parts: tuple[MetricPart, ...]
    left_out: int


def metric_of(name: str) -> Metric:
    """The metric of a name.

    Raises
    ------
    NotFound
        If there is none.
    """
    if name not in METRICS:
        raise NotFound(unknown("metric", name, METRICS))
    return METRICS[name]


def filter_of(text: str) -> Filter:
    """The filter that ``dimension=value`` means; nothing after the sign is "not known".

    Raises
    ------
    InvalidInput
        If it is written otherwise.
    """
    dimension, sign, value = text.partition("=")
    if not sign or not dimension.strip():
        raise InvalidInput(f"{text[:40]!r} is no filter; write one such as channel=web")
    return Filter(dimension=dimension.strip(), values=(value.strip() or None,))


def catalogue_values(company: Company, standing: Standing) -> dict[str, tuple[Value, int | None]]:
    """Every metric's value and count in the current unit, where the view's filters allow it.

    A count of None says that too few people stand behind the value.
    """
    plain = question_of(standing, (), _start(standing), _end(standing))
    filtered = {each.dimension for each in plain.filters}
    if standing.segment_rule is not None:
        filtered.add("segment")
    names = tuple(name for name, each in METRICS.items() if filtered <= set(dimensions_of(each)))
    question = question_of(standing, names, _start(standing), _end(standing))
    (row,) = shown_rows(company, standing, question)
    return {name: (row[name], row[f"{name}_n"]) for name in names}


def metric_parts(company: Company, standing: Standing, name: str, dimension: str) -> MetricParts:
    """A metric of the current unit by one dimension, groups too small to show hidden."""
    question = question_of(
        standing, (name,), _start(standing), _end(standing), dimensions=(dimension,)
    )
    found = disclose(question, lambda exact: ask(company, standing, exact))
    parts = [
        MetricPart(
            part=row[dimension],
            value=row[name],
            n=row[f"{name}_n"] or 0,
            people=(row[f"{name}_people"] or 0) if of_people(METRICS[name]) else 0,
            hidden=hidden,
        )
        for row, hidden in zip(found.rows, found.hidden[name], strict=True)
    ]
    parts = [part for part in parts if part.n or part.hidden]
    parts.sort(key=lambda part: (part.part is None, -part.n, part.part or ""))
    return MetricParts(
        dimension=dimension,
        parts=tuple(parts[:MOST_PARTS]),
        left_out=max(0, len(parts) - MOST_PARTS),
    )


def _start(standing: Standing) -> datetime:
    return standing.current.starts_at


def _end(standing: Standing) -> datetime:
    return standing.current.ends_at


def standing_people(
    company: Company,
    standing: Standing,
    name: str,
    *,
    narrowed: tuple[Filter, ...] = (),
    page: int = 1,
) -> MetricPeople:
    """The customers behind a metric of the current unit, with the filters of the view."""
    question = question_of(standing, (name,), _start(standing), _end(standing))
    question = replace(question, filters=(*question.filters, *narrowed))
    return _people(company, question, standing.version, page=page, size=PAGE)


def metric_people(
    company: Company,
    name: str,
    *,
    first_day: date,
    last_day: date,
    filters: tuple[Filter, ...] = (),
    page: int = 1,
    size: int = PAGE,
) -> MetricPeople:
    """The customers behind a metric of some local days; `last_day` is not included.

    Raises
    ------
    NotFound
        If there is no such metric.
    InvalidQuestion
        If it cannot be filtered so.
    """
    metric_of(name)
    zone = company.choice("time_zone")
    question = Question(
        metrics=(name,),
        start=midnight(first_day, zone),
        end=midnight(last_day, zone),
        time_zone=zone,
        filters=filters,
        now=end_of_today(company.clock(), zone),
    )
    return _people(company, question, data_version(company), page=page, size=size)


def question_people(company: Company, question: Question, *, page: int = 1) -> MetricPeople:
    """The customers behind one number: a question of one metric, without grain or splits."""
    return _people(company, question, data_version(company), page=page, size=PAGE)


def _people(
    company: Company, question: Question, version: str, *, page: int, size: int
) -> MetricPeople:
    if not 1 <= size <= 200 or not 1 <= page <= DEEPEST // size:
        raise InvalidInput(f"A page has 1 to 200 customers and begins within the first {DEEPEST:,}")
    (name,) = question.metrics
    known = known_for(company, version, question)
    offset = (page - 1) * size
    found = remembered(
        company,
        version,
        ["behind", question, offset, size],
        lambda: behind(company.seen, question, limit=size, offset=offset, known=known),
    )
    whole = disclose(
        question,
        lambda exact: remembered(
            company, version, exact, lambda: answer(company.seen, exact, known=known)
        ),
    )
    small = is_too_small(found.total) or whole.hidden[name][0]
    with company.ledger.read() as connection:
        names = names_of(connection, [each.profile_id for each in found.people])
    return MetricPeople(
        metric=name,
        start=question.start,
        end=question.end,
        value=None if small else found.value,
        n=0 if small else found.n,
        total=None if small else found.total,
        unknown_n=0 if small else found.unknown_n,
        first=offset + 1,
        people=()
        if small
        else tuple(
            MetricPerson(
                profile_id=each.profile_id,
                name=names.get(each.profile_id),
                value=each.value,
                n=each.n,
            )
            for each in found.people
        ),
        currency=company.choice("reporting_currency") or "EUR",
    )

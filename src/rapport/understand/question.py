"""What is asked: metrics × dimensions × filters × time × as known when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from rapport.errors import InvalidInput, InvalidQuestion
from rapport.understand.dimensions import BY_NAME as DIMENSIONS
from rapport.understand.metrics import BY_NAME as METRICS
from rapport.understand.metrics.base import Metric
from rapport.understand.periods import GRAINS, Period, periods_between
from rapport.understand.relations import BY_NAME as RELATIONS
from rapport.understand.segments.rule import Rule, check

_MAX_PERIODS = 4000  # eleven years of days
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Filter(Struct, frozen=True, kw_only=True):
    """Keep (or, with `exclude`, leave out) what has one of these values; None is "not known"."""

    dimension: str
    values: tuple[str | None, ...]
    exclude: bool = False


class NamedRule(Struct, frozen=True, kw_only=True):
    """A segment as a question needs it: a key and who belongs."""

    key: str
    rule: Rule


class Question(Struct, frozen=True, kw_only=True):
    """One question to the lake.

    Parameters
    ----------
    metrics : tuple of str
        Names of `METRICS`.
    start, end : datetime
        The period, with a zone; ``start`` is inside, ``end`` is not.
    grain : str or None
        Calendar unit of the rows; None gives one row for the whole period.
    time_zone : str
        The company's IANA time zone: where its days, weeks and months begin.
    dimensions : tuple of str
        Names of `DIMENSIONS` to split by.
    filters : tuple of Filter
        All must hold.
    segment : Rule or None
        Only what customers of this rule did. Membership is today's.
    segments : tuple of NamedRule
        What the dimension "segment" splits by.
    as_of : datetime or None
        *As known then*: only what had been received at that moment. None: *as known now*.
        Who is who is always as known now, and so are the attributes of customers.
    count_people : bool
        Also say how many people stand behind each number (`<metric>_people`), which `n` does not:
        ten orders may be one person's. Whoever shows small groups needs it; it costs a join.
    now : datetime or None
        The moment that rules such as "within the last 30 days" count from; None: `end`.
    at : datetime or None
        The moment at which a rule's windows of touchpoints end; None: ``now``.
    """

    metrics: tuple[str, ...]
    start: datetime
    end: datetime
    grain: str | None = None
    time_zone: str = "UTC"
    dimensions: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    segment: Rule | None = None
    segments: tuple[NamedRule, ...] = ()
    as_of: datetime | None = None
    now: datetime | None = None
    at: datetime | None = None
    count_people: bool = False

    def periods(self) -> tuple[Period, ...]:
        """The rows in time that the answer will have."""
        return periods_between(self.start, self.end, self.grain, self.time_zone)

    def defined_metrics(self) -> tuple[Metric, ...]:
        """The metrics asked for."""
        return tuple(METRICS[name] for name in self.metrics)


def check_question(question: Question) -> None:
    """Refuse a question that has no answer, naming all that is wrong at once.

    Raises
    ------
    InvalidQuestion
        With one sentence per mistake, the valid choices and a guess at the slip.
    """
    mistakes = [*_names(question), *_splits(question), *_times(question), *_segments(question)]
    if mistakes:
        raise InvalidQuestion(" ".join(mistakes), mistakes=tuple(mistakes))


def _names(question: Question) -> Iterable[str]:
    if not question.metrics:
        yield f"A question asks for at least one metric: {', '.join(METRICS)}."
    for label, names, valid in (
        ("metric", question.metrics, METRICS),
        ("dimension", question.dimensions, DIMENSIONS),
    ):
        for name in names:
            if name not in valid:
                yield unknown(label, name, valid)
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"The {label} {name!r} is asked twice; name it once."
    for asked in question.filters:
        if asked.dimension not in DIMENSIONS:
            yield unknown("filter", asked.dimension, DIMENSIONS)
        elif asked.dimension == "segment":
            yield "Filter on a segment with `segment` and its rule, not with a filter."
        if not asked.values:
            yield f"The filter on {asked.dimension!r} has no values; give one or leave it out."
    if question.grain is not None and question.grain not in GRAINS:
        yield unknown("grain", question.grain, GRAINS)


def _splits(question: Question) -> Iterable[str]:
    """Metrics whose rows do not have what the question splits by or filters on."""
    asked = [*question.dimensions, *(each.dimension for each in question.filters)]
    if question.segment is not None:
        asked.append("segment")
    for name in question.metrics:
        if name not in METRICS:
            continue
        can = dimensions_of(METRICS[name])
        for dimension in dict.fromkeys(asked):
            if dimension in DIMENSIONS and dimension not in can:
                yield (
                    f"{name!r} cannot be split by or filtered on {dimension!r}: what it counts "
                    f"does not say. It can be by {', '.join(can)}."
                )


def dimensions_of(metric: Metric) -> tuple[str, ...]:
    """What a metric can be split by, in alphabetical order."""
    can = RELATIONS[metric.relation].dimensions
    return tuple(name for name in DIMENSIONS if name in can)


def _times(question: Question) -> Iterable[str]:
    naive = False
    for label in ("start", "end", "as_of", "now"):
        moment = getattr(question, label)
        if moment is not None and moment.tzinfo is None:
            naive = True
            yield f"`{label}` needs a time zone: {moment.isoformat()} has none."
    try:
        ZoneInfo(question.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield f"{question.time_zone!r} is no IANA time zone; write one such as 'Europe/Brussels'."
        return
    if naive:
        return
    if question.end <= question.start:
        yield (
            f"The period ends at {question.end.isoformat()}, before it begins at "
            f"{question.start.isoformat()}; swap them."
        )
    elif question.start < _EARLIEST or question.end > _LATEST:
        yield "A period lies between 1970-01-02 and 2200-01-01."
    elif question.grain in ("day", "week"):
        unit = timedelta(days=1 if question.grain == "day" else 7)
        if (count := (question.end - question.start) / unit) > _MAX_PERIODS:
            yield (
                f"{count:.0f} periods of a {question.grain} are too many (at most {_MAX_PERIODS}); "
                "ask for months or a shorter period."
            )


def _segments(question: Question) -> Iterable[str]:
    if "segment" in question.dimensions and not question.segments:
        yield "The dimension 'segment' needs `segments`: the rules to split by."
    keys = [named.key for named in question.segments]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"Two segments have the key {key!r}; keys are unique."
    rules = [named.rule for named in question.segments]
    if question.segment is not None:
        rules.append(question.segment)
    for rule in rules:
        try:
            check(rule)
        except InvalidInput as error:
            yield error.message


def unknown(label: str, name: str, valid: Iterable[str]) -> str:
    """One sentence for a name that does not exist: the guess, then the choices."""
    choices = list(valid)
    close = get_close_matches(name, choices, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"There is no {label} {name!r}: {guess}Choose one of {', '.join(choices)}."

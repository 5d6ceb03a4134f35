"""Conditions on what somebody did, and when: counts and sums, first and last times, sequences.

Every condition says by a `Which` what touchpoints it means. Windows end at the moment of the
question and are whole hours, or days of 24 hours: the window of 7 days holds what lies after
``moment - 7 days`` and no later than ``moment``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias

from msgspec import Struct

from rapport.vocabulary.touchpoint import CHANNELS

Unit = Literal["hours", "days"]
Comparison = Literal["ge", "le", "gt", "lt", "eq"]
Measure = Literal["count", "amount"]
COMPARISONS: tuple[Comparison, ...] = Comparison.__args__  # type: ignore[attr-defined]
#: Longer than any history.
_MOST = {"hours": 24 * 366, "days": 36_525}
_MOST_VALUES = 200
_MOST_NUMBER = 10**14  # what DECIMAL(18, 4) can hold


class Span(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A length of time; a day is 24 hours."""

    number: int
    unit: Unit = "days"

    @property
    def hours(self) -> int:
        """In hours."""
        return self.number * (24 if self.unit == "days" else 1)

    @property
    def length(self) -> timedelta:
        """As a difference of times."""
        return timedelta(hours=self.hours)


class Property(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A free property that has one of some values, wherever in the properties it stands."""

    name: str
    values: tuple[str, ...]  # numbers, true and false are found too


class Which(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which touchpoints are meant: all that is stated must hold; of a list, one value.

    Attributes
    ----------
    types : tuple of str
        None: whatever people do. What silos state of them is never meant.
    products, categories : tuple of str
        One line of the order has it, or the properties name it.
    amount_from, amount_to : number or None
        In the reporting currency, both ends included; refunds are negative.
    text : str or None
        What was said or written contains it, whatever the case.
    mood_from, mood_to : float or None
        The feeling of the text, -1 … 1, both ends included.
    score_from, score_to : float or None
        The answer given, both ends included.
    """

    types: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    campaigns: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    amount_from: int | float | str | None = None
    amount_to: int | float | str | None = None
    text: str | None = None
    mood_from: int | float | None = None
    mood_to: int | float | None = None
    score_from: int | float | None = None
    score_to: int | float | None = None
    properties: tuple[Property, ...] = ()


#: Filters that are a list of texts, with the column of `TOUCHPOINTS` that they compare.
COLUMN_OF: dict[str, str] = {
    "types": "type",
    "channels": "channel",
    "sources": "source",
    "campaigns": "campaign",
    "places": "place",
    "countries": "country",
    "questions": "question",
}
LISTS: tuple[str, ...] = (*COLUMN_OF, "products", "categories")
#: Filters from … to, with the column that they compare.
RANGES: dict[str, str] = {"amount": "amount_base", "mood": "sentiment", "score": "score"}


class Happened(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="happened", forbid_unknown_fields=True
):
    """How often it happened, or the sum of its amounts, compared with a number.

    ``within`` None: ever. What never happened is 0 times and an amount of 0.
    """

    which: Which
    measure: Measure = "count"
    operator: Comparison = "ge"
    value: int | float | str = 1
    within: Span | None = None


class Recency(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="recency", forbid_unknown_fields=True
):
    """The first or last time lies within a span, or longer ago; false where it never happened."""

    which: Which
    place: Literal["first", "last"] = "last"
    operator: Literal["within", "before"] = "within"
    span: Span


class Followed(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="followed", forbid_unknown_fields=True
):
    """Something was followed by something else in time, or was not, though the time is over.

    It is enough that one of the first was followed (was not). "Followed" is later, not at the same
    moment, and at most ``within`` later. ``since`` limits how long ago the first may be.
    """

    which: Which
    then: Which
    within: Span
    holds: bool = True  # False: the first, and then not the second
    since: Span | None = None


Happening: TypeAlias = Happened | Recency | Followed


def whiches(happening: Happening) -> tuple[Which, ...]:
    """The touchpoints that a condition means."""
    if isinstance(happening, Followed):
        return (happening.which, happening.then)
    return (happening.which,)


def number_of(happening: Happened) -> int | Decimal:
    """What the count or sum is compared with, as the engine and Python compare it.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    value = happening.value
    if happening.measure == "amount":
        return _money(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ValueError("a count is compared with a whole number, such as 2")
    return value


def money_range(which: Which) -> tuple[Decimal | None, Decimal | None]:
    """The amounts from and to which touchpoints are meant."""
    low, high = which.amount_from, which.amount_to
    return (None if low is None else _money(low), None if high is None else _money(high))


def _money(value: int | float | str) -> Decimal:
    problem = "an amount is a number with at most four decimals, such as 50 or 99.95"
    if isinstance(value, bool):
        raise ValueError(problem)
    try:
        amount = Decimal(str(value))
        exact = amount.quantize(Decimal("0.0001"))
    except InvalidOperation:
        raise ValueError(problem) from None
    if not amount.is_finite() or abs(amount) >= _MOST_NUMBER or amount != exact:
        raise ValueError(problem)
    return exact


def mistakes_of(happening: Happening) -> Iterator[str]:
    """All that is wrong with a condition, a sentence each."""
    if isinstance(happening, Happened):
        try:
            number_of(happening)
        except ValueError as problem:
            yield f"{happening.measure}: {problem}, not {happening.value!r}"
        spans = {"within": happening.within}
    elif isinstance(happening, Recency):
        spans = {"span": happening.span}
    else:
        spans = {"within": happening.within, "since": happening.since}
    for name, span in spans.items():
        if span is not None and not 1 <= span.number <= _MOST[span.unit]:
            yield (f"{name} is 1 to {_MOST[span.unit]} {span.unit}, not {span.number}")
    if isinstance(happening, Followed) and not happening.holds:
        yield from _never_waited(happening.within, happening.since)
    for which in whiches(happening):
        yield from _mistakes_of_which(which)


def _never_waited(within: Span, since: Span | None) -> Iterator[str]:
    if since is not None and since.hours <= within.hours:
        yield (
            "since is longer than within where something did not follow: nobody can have waited "
            f"{within.hours} hours since {since.hours} hours ago"
        )


def _mistakes_of_which(which: Which) -> Iterator[str]:
    for name in LISTS:
        values = getattr(which, name)
        if len(values) > _MOST_VALUES:
            yield f"{name} has at most {_MOST_VALUES} values, not {len(values)}"
        if any(not value or "\x00" in value for value in values):
            yield f"{name} has an empty value: leave the filter out, or name one"
    unknown = sorted(set(which.channels) - set(CHANNELS))
    if unknown:
        yield f"there is no channel {', '.join(unknown)}; choose from {', '.join(CHANNELS)}"
    if which.text is not None and (not which.text or "\x00" in which.text):
        yield "text is empty: leave the filter out, or say what to look for"
    try:
        low, high = money_range(which)
    except ValueError as problem:
        yield f"amount_from and amount_to: {problem}"
    else:
        if low is not None and high is not None and low > high:
            yield f"amount_from {low} is above amount_to {high}: nothing lies between"
    for name in ("mood", "score"):
        ends = [getattr(which, f"{name}_{end}") for end in ("from", "to")]
        given = [end for end in ends if end is not None]
        if any(isinstance(end, bool) or not math.isfinite(end) for end in given):
            yield f"{name}_from and {name}_to are numbers"
        elif len(given) == 2 and given[0] > given[1]:
            yield f"{name}_from {given[0]} is above {name}_to {given[1]}: nothing lies between"
    for each in which.properties:
        if not each.name or not each.values or len(each.values) > _MOST_VALUES:
            yield (
                f"property {each.name!r} needs a name and 1 to {_MOST_VALUES} values to look for"
            )

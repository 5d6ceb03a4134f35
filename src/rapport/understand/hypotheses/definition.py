"""What a hypothesis says: some customers, compared with the others, do something more or less.

Customers are told apart by a wait (`Waited`), by what they did (`Did`), or by what they are
(`Holds`). What they do is counted in the days after.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from rapport.errors import InvalidInput
from rapport.understand.segments.happening import Happened, Span, Which
from rapport.understand.segments.rule import Condition, Rule, check, leaves

#: Columns that a person keeps: what is true of them now was true of them then. Those that
#: change with what the customer does (orders, scores, permissions) are known for today alone.
LASTING = (
    "country", "language", "city", "postal_code", "postcode_area", "age_band", "gender",
    "acquisition_channel",
)  # fmt: skip
Measure = Literal["happens", "never", "count", "amount", "score", "mood"]
#: Measures of yes or no: their mean is a share.
SHARES: tuple[Measure, ...] = ("happens", "never")
USUAL_FOLLOW_DAYS = 60
_FOLLOW_DAYS = (7, 365)
_MOST_HOURS, _MOST_TIMES = 24 * 90, 100


class Waited(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="waited", forbid_unknown_fields=True
):
    """Between two touchpoints more time passed than so much; or, `longer` false, no more.

    Of each customer the first time in the period counts. Only who had the first is compared, and
    only where the second came at all: an order fetched in the shop is nobody's late delivery.
    """

    begins: Which
    ends: Which
    span: Span
    longer: bool = True


class Did(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="did", forbid_unknown_fields=True
):
    """They did something, or something happened to them, so many times within a time.

    Of each customer the first time in the period counts; the others are customers who did not in
    all of the period. Where it is a way of buying, the others are those who bought otherwise.

    Attributes
    ----------
    within : Span
        For more than once: within how long.
    """

    which: Which
    times: int = 1
    within: Span = Span(number=90)


class Holds(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="holds", forbid_unknown_fields=True
):
    """A segment's rule holds of them, on what people keep: where they live, how they came."""

    rule: Rule


Exposure: TypeAlias = Waited | Did | Holds


class Outcome(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is counted of each customer in the days after.

    Attributes
    ----------
    measure : {"happens", "never", "count", "amount", "score", "mood"}
        Whether the touchpoints came, or none came; how many; the sum of their amounts; the mean
        of their answers in hundredths of their scale; the mean feeling of their texts (-1 … 1).
        The last two are only known of those who answered or wrote.
    """

    measure: Measure
    which: Which


class Hypothesis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Customers of whom `exposure` is true do `outcome` more (or less) than the others.

    Attributes
    ----------
    follow_days : int
        For how many days customers are followed.
    matters : float or None
        The smallest difference that would matter, in the outcome's unit (shares of 0 … 1; the
        reporting currency). None: `usual_matter` says it.
    """

    exposure: Exposure
    outcome: Outcome
    more: bool = True
    follow_days: int = USUAL_FOLLOW_DAYS
    matters: float | None = None


def usual_matter(measure: Measure, others: float) -> float:
    """What matters where nobody said: 2 points of a share, a twentieth of a count or amount, 3
    hundredths of a scale, 0.05 of a feeling.

    Parameters
    ----------
    others : float
        The mean of the customers compared with.
    """
    if measure in SHARES:
        return 0.02
    if measure == "score":
        return 3.0
    return 0.05 if measure == "mood" else abs(others) / 20


def check_hypothesis(hypothesis: Hypothesis) -> None:
    """Raise what is wrong with a hypothesis, all of it at once.

    Raises
    ------
    InvalidInput
    """
    mistakes = list(_mistakes(hypothesis))
    if mistakes:
        raise InvalidInput(". ".join(mistakes) + ".", mistakes=tuple(mistakes))


def _mistakes(hypothesis: Hypothesis) -> Iterator[str]:
    low, high = _FOLLOW_DAYS
    if not low <= hypothesis.follow_days <= high:
        yield f"Customers are followed for {low} to {high} days, not {hypothesis.follow_days}"
    matters = hypothesis.matters
    if matters is not None and not (math.isfinite(matters) and matters > 0):
        yield f"The smallest difference that matters is above 0, not {matters:g}"
    meant = [hypothesis.outcome.which]
    exposure = hypothesis.exposure
    if isinstance(exposure, Waited):
        meant += [exposure.begins, exposure.ends]
        if not 1 <= exposure.span.hours <= _MOST_HOURS:
            yield f"A wait is 1 hour to {_MOST_HOURS // 24} days, not {exposure.span.hours} hours"
        if exposure.begins == exposure.ends:
            yield "A wait begins with one thing and ends with another, not with the same"
        if not exposure.begins.types or not exposure.ends.types:
            yield "Say by their types which touchpoints begin and end the wait"
    elif isinstance(exposure, Did):
        meant.append(exposure.which)
        if not exposure.which.types:
            yield "Say by its type what they did"
        if not 1 <= exposure.times <= _MOST_TIMES:
            yield f"They did it 1 to {_MOST_TIMES} times, not {exposure.times}"
        if not 1 <= exposure.within.hours <= 365 * 24:
            yield f"Say within 1 hour to 365 days, not {exposure.within.hours} hours"
    else:
        yield from _mistakes_of_rule(exposure)
    if not hypothesis.outcome.which.types:
        yield "Say by their types which touchpoints are counted afterwards"
    for which in meant:
        try:
            check(Happened(which=which))
        except InvalidInput as problem:
            yield problem.message.removesuffix(".")


def _mistakes_of_rule(exposure: Holds) -> Iterator[str]:
    try:
        check(exposure.rule)
    except InvalidInput as problem:
        yield problem.message.removesuffix(".")
        return
    own = list(leaves(exposure.rule))
    if not own:
        yield "The rule fits everybody: there is nobody to compare with"
    for leaf in own:
        if not isinstance(leaf, Condition):
            yield "A rule says what customers are; say what they did by itself, not in a rule"
        elif leaf.column not in LASTING:
            yield (
                f"{leaf.column} is known for today alone, not for the day from which customers "
                f"are followed; say what they did instead, or choose of {', '.join(LASTING)}"
            )


def lasting_columns(hypothesis: Hypothesis) -> frozenset[str]:
    """The customers' columns that tell the two groups apart."""
    if not isinstance(hypothesis.exposure, Holds):
        return frozenset()
    return frozenset(
        leaf.column for leaf in leaves(hypothesis.exposure.rule) if isinstance(leaf, Condition)
    )


def is_given_by_lot(hypothesis: Hypothesis) -> bool:
    """Whether a company could decide by lot to whom it happens: not of who people are."""
    return not isinstance(hypothesis.exposure, Holds)


def read_hypothesis(stored: Any) -> Hypothesis:
    """A hypothesis from JSON (text, bytes or already read), checked.

    Raises
    ------
    InvalidInput
        If it cannot be read or is not valid.
    """
    try:
        if isinstance(stored, str | bytes):
            found = msgspec.json.decode(stored, type=Hypothesis)
        else:
            found = msgspec.convert(stored, Hypothesis)
    except msgspec.MsgspecError as problem:
        raise InvalidInput(f"This is no hypothesis: {problem}") from None
    check_hypothesis(found)
    return found

"""Rules evaluated for one customer in Python: live membership, and the check on the SQL.

Every condition is written here once more, apart from `compiled.py`; a property test holds the two
to each other.
"""

from __future__ import annotations

import operator as compare
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any as Anything
from typing import NamedTuple

from msgspec import Struct

from rapport.understand.segments.compiled import distinct_whiches, key_of
from rapport.understand.segments.happening import (
    Followed,
    Happened,
    Happening,
    Recency,
    Which,
    number_of,
)
from rapport.understand.segments.near import Near, lives_near
from rapport.understand.segments.rule import (
    All,
    Any,
    Condition,
    Leaf,
    Not,
    Rule,
    leaves,
    typed_values,
)

_SIGNS = {
    "eq": compare.eq,
    "ne": compare.ne,
    "lt": compare.lt,
    "le": compare.le,
    "gt": compare.gt,
    "ge": compare.ge,
}


class Moment(NamedTuple):
    """Something that happened, and which of `distinct_whiches` mean it."""

    occurred_at: datetime
    amount: Decimal | None
    marks: tuple[int, ...]  # 1 or 0


class Judged(Struct, frozen=True, kw_only=True):
    """What rules say of one customer.

    Attributes
    ----------
    truths : tuple of str
        Per rule: "1" or "0" for membership, then for each condition in reading order.
    look_at : datetime or None
        Before it none of them changes by itself; None: never.
    """

    truths: tuple[str, ...]
    look_at: datetime | None


def judge(
    rules: Sequence[Rule],
    customer: Mapping[str, Anything],
    moments: Sequence[Moment],
    *,
    now: datetime,
    at: datetime,
) -> Judged:
    """What all rules say of one customer.

    Parameters
    ----------
    rules : sequence of Rule
        Checked ones.
    customer : mapping
        A row of `CUSTOMERS`; a missing key is an unknown value.
    moments : sequence of Moment
        What the customer did of all that the rules mean, in any order.
    now, at : datetime
        As of `compile_rules`.
    """
    past = _Past(distinct_whiches(rules), moments, at)
    truths, edges = [], list(past.to_come)
    for rule in rules:
        held = [_leaf(leaf, customer, past, now) for leaf in leaves(rule)]
        member = _holds(rule, iter(held))
        truths.append("".join("1" if each else "0" for each in (member, *held)))
        for leaf in leaves(rule):
            if isinstance(leaf, Happening):
                edges.extend(_edges(leaf, past))
    return Judged(truths=tuple(truths), look_at=min(edges, default=None))


def matches(
    rule: Rule,
    customer: Mapping[str, Anything],
    *,
    now: datetime,
    at: datetime | None = None,
    moments: Sequence[Moment] = (),
) -> bool:
    """Whether a customer belongs to a segment; see `judge`."""
    judged = judge((rule,), customer, moments, now=now, at=at or now)
    return judged.truths[0][0] == "1"


def _holds(rule: Rule, held: Iterator[bool]) -> bool:
    """The whole from its conditions, taken in reading order: every one is taken, or the next
    would be read for another."""
    if isinstance(rule, Not):
        return not _holds(rule.rule, held)
    if isinstance(rule, All | Any):
        parts = [_holds(part, held) for part in rule.rules]
        return all(parts) if isinstance(rule, All) else any(parts)
    return next(held)


def _leaf(leaf: Leaf, customer: Mapping[str, Anything], past: _Past, now: datetime) -> bool:
    if isinstance(leaf, Condition):
        return _column_holds(leaf, customer.get(leaf.column), now)
    if isinstance(leaf, Near):
        return lives_near(leaf, customer)
    if isinstance(leaf, Happened):
        return _happened(leaf, past)
    if isinstance(leaf, Recency):
        return _recency(leaf, past)
    return _followed(leaf, past)


# ── what somebody did ──────────────────────────────────────────────────────────────────────────


class _Past:
    """Moments until ``at``, by what means them; those after it are still to come."""

    def __init__(self, whiches: Sequence[Which], moments: Sequence[Moment], at: datetime) -> None:
        self.at = at
        self.to_come = [m.occurred_at for m in moments if m.occurred_at > at and any(m.marks)]
        until = sorted((m for m in moments if m.occurred_at <= at), key=lambda m: m.occurred_at)
        self._meant = {
            key_of(which): [m for m in until if m.marks[number]]
            for number, which in enumerate(whiches)
        }

    def meant(self, which: Which) -> Sequence[Moment]:
        """In the order of time."""
        return self._meant[key_of(which)]


def _happened(leaf: Happened, past: _Past) -> bool:
    found = list(past.meant(leaf.which))
    if leaf.within is not None:
        since = past.at - leaf.within.length
        found = [m for m in found if m.occurred_at > since]
    much: int | Decimal = len(found)
    if leaf.measure == "amount":
        much = sum((m.amount for m in found if m.amount is not None), Decimal(0))
    return bool(_SIGNS[leaf.operator](much, number_of(leaf)))


def _recency(leaf: Recency, past: _Past) -> bool:
    found = past.meant(leaf.which)
    if not found:
        return False
    time = found[-1 if leaf.place == "last" else 0].occurred_at
    is_within = time > past.at - leaf.span.length
    return is_within if leaf.operator == "within" else not is_within


def _followed(leaf: Followed, past: _Past) -> bool:
    thens = [m.occurred_at for m in past.meant(leaf.then)]
    for first in _firsts(leaf, past):
        end = first + leaf.within.length
        place = bisect_right(thens, first)
        came = place < len(thens) and thens[place] <= end
        if leaf.holds and came:
            return True
        if not leaf.holds and not came and end <= past.at:
            return True
    return False


def _firsts(leaf: Followed, past: _Past) -> list[datetime]:
    times = [m.occurred_at for m in past.meant(leaf.which)]
    if leaf.since is None:
        return times
    since = past.at - leaf.since.length
    return [time for time in times if time > since]


def _edges(leaf: Happening, past: _Past) -> Iterator[datetime]:
    """When a window lets go of a moment, or a wait is over."""
    at = past.at
    if isinstance(leaf, Followed):
        for first in _firsts(leaf, past):
            if leaf.since is not None:
                yield first + leaf.since.length
            if not leaf.holds and first + leaf.within.length > at:
                yield first + leaf.within.length
        return
    found = past.meant(leaf.which)
    if isinstance(leaf, Recency):
        found, span = found[-1:] if leaf.place == "last" else found[:1], leaf.span
    elif leaf.within is None:
        return
    else:
        span = leaf.within
    for moment in found:
        if moment.occurred_at + span.length > at:
            yield moment.occurred_at + span.length


# ── columns of the customers' table ────────────────────────────────────────────────────────────


def _column_holds(condition: Condition, value: Anything, now: datetime) -> bool:
    values = typed_values(condition)
    if condition.operator == "is_null":
        return (value is None) is values[0]
    if value is None:
        return False
    if condition.operator == "within_last_days":
        return bool(now - timedelta(days=int(values[0])) < value <= now)  # type: ignore[arg-type]
    if condition.operator == "contains":
        return lowered(str(values[0])) in lowered(value)
    if condition.operator == "starts_with":
        return lowered(value).startswith(lowered(str(values[0])))
    if isinstance(values[0], Decimal) and not isinstance(value, Decimal):
        value = Decimal(str(value))
    if condition.operator == "between":
        return bool(values[0] <= value <= values[1])
    if condition.operator == "in":
        return value in values
    return bool(_SIGNS[condition.operator](value, values[0]))


def lowered(text: str) -> str:
    """Small letters as SQL makes them: letter by letter.

    Python's `str.lower` knows words (a final Σ) and can make two characters of one (İ).
    """
    return "".join(letter.lower()[:1] for letter in text)

"""A rule evaluated for one customer, without a query: for the 360-degree page and live entry."""

from __future__ import annotations

import operator as compare
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any as Anything

from rapport.understand.segments.rule import All, Condition, Not, Rule, typed_values

_SIGNS = {
    "eq": compare.eq,
    "ne": compare.ne,
    "lt": compare.lt,
    "le": compare.le,
    "gt": compare.gt,
    "ge": compare.ge,
}


def matches(rule: Rule, customer: Mapping[str, Anything], *, now: datetime) -> bool:
    """Whether a customer belongs to a segment.

    Parameters
    ----------
    customer : mapping
        A row of `CUSTOMERS`; a missing key is an unknown value.
    now : datetime
        The moment that "within the last days" counts from.
    """
    if isinstance(rule, Condition):
        return _holds(rule, customer.get(rule.column), now)
    if isinstance(rule, Not):
        return not matches(rule.rule, customer, now=now)
    parts = (matches(part, customer, now=now) for part in rule.rules)
    return all(parts) if isinstance(rule, All) else any(parts)


def _holds(condition: Condition, value: Anything, now: datetime) -> bool:
    values = typed_values(condition)
    if condition.operator == "is_null":
        return (value is None) is values[0]
    if value is None:
        return False
    if condition.operator == "within_last_days":
        return bool(now - timedelta(days=int(values[0])) < value <= now)  # type: ignore[arg-type]
    if condition.operator == "contains":
        return lowered(str(values[0])) in lowered(value)
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

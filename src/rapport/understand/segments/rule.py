"""The rule of a segment: conditions on a customer, joined by all, any and not.

A condition compares a column of the customers' table, says what the customer did (`happening.py`)
or where they live (`near.py`). A rule is data: stored as JSON, checked here, compiled to SQL in
`compiled.py` and evaluated for one profile in `evaluated.py`. The two must agree (property tests
compare them), so logic has two values: a condition on an unknown value is false, and its `not` is
true.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Literal, TypeAlias

import msgspec
import pyarrow as pa
from msgspec import Struct

from rapport.errors import InvalidInput
from rapport.understand.segments.happening import (
    Followed,
    Happened,
    Happening,
    Recency,
    mistakes_of,
)
from rapport.understand.segments.near import Near, mistakes_of_near
from rapport.vocabulary.lake_tables import CUSTOMERS

Operator = Literal[
    "eq", "ne", "lt", "le", "gt", "ge", "in", "between", "is_null", "contains", "starts_with",
    "within_last_days",
]  # fmt: skip
Kind = Literal["text", "number", "money", "time", "flag"]
Scalar: TypeAlias = bool | int | float | str | None
Value: TypeAlias = Scalar | tuple[Scalar, ...]
#: A value as the engine and Python compare it.
Typed: TypeAlias = bool | int | float | str | Decimal | datetime

_ORDERED: tuple[Operator, ...] = ("eq", "ne", "lt", "le", "gt", "ge", "in", "between", "is_null")
#: Which operators each kind of column knows.
OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    "text": ("eq", "ne", "in", "contains", "starts_with", "is_null"),
    "number": _ORDERED,
    "money": _ORDERED,
    "time": ("lt", "le", "gt", "ge", "between", "within_last_days", "is_null"),
    "flag": ("eq", "ne", "is_null"),
}
_MAX_CONDITIONS = 100
_MAX_VALUES = 1000
_MAX_NUMBER = 10**14  # what DECIMAL(18, 4) can hold


def _kind(field: pa.Field) -> Kind:
    if pa.types.is_decimal(field.type):
        return "money"
    if pa.types.is_timestamp(field.type):
        return "time"
    if pa.types.is_boolean(field.type):
        return "flag"
    return "text" if pa.types.is_string(field.type) else "number"


#: Columns that a rule may name, with their kind. Whoever is meant is not a rule.
COLUMNS: dict[str, Kind] = {
    field.name: _kind(field) for field in CUSTOMERS if field.name != "profile_id"
}


class Condition(Struct, frozen=True, kw_only=True, tag_field="kind", tag="condition"):
    """One comparison of one column of `CUSTOMERS`.

    `value` is a scalar; a list for "in" and "between" (both ends included); a whole number of
    days for "within_last_days"; true or false for "is_null". Times are ISO 8601 with a zone.
    "contains" looks for a part of a text, "starts_with" for its beginning, whatever the case.
    """

    column: str
    operator: Operator
    value: Value = True


class All(Struct, frozen=True, kw_only=True, tag_field="kind", tag="all"):
    """Every one of the rules holds; none at all means everybody."""

    rules: tuple[Rule, ...] = ()


class Any(Struct, frozen=True, kw_only=True, tag_field="kind", tag="any"):
    """At least one of the rules holds."""

    rules: tuple[Rule, ...]


class Not(Struct, frozen=True, kw_only=True, tag_field="kind", tag="not"):
    """The rule does not hold."""

    rule: Rule


#: What is either true or false of a customer by itself.
Leaf: TypeAlias = Condition | Near | Happened | Recency | Followed
Rule: TypeAlias = Condition | Near | Happened | Recency | Followed | All | Any | Not


def where(column: str, operator: Operator, value: Value = True) -> Condition:
    """A condition, written shortly."""
    return Condition(column=column, operator=operator, value=value)


def read_rule(stored: bytes | str) -> Rule:
    """The rule that a JSON text describes.

    Raises
    ------
    InvalidInput
        If it is not a rule, or names columns, operators or values that do not exist.
    """
    try:
        rule: Rule = msgspec.json.decode(stored, type=Rule)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"This is not a segment rule: {error}") from error
    check(rule)
    return rule


def write_rule(rule: Rule) -> bytes:
    """The rule as JSON."""
    return msgspec.json.encode(rule)


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Every condition of a rule, in reading order."""
    if isinstance(rule, Not):
        yield from leaves(rule.rule)
    elif isinstance(rule, All | Any):
        for part in rule.rules:
            yield from leaves(part)
    else:
        yield rule


def happenings(rule: Rule) -> tuple[Happening, ...]:
    """The conditions on what a customer did, in reading order."""
    return tuple(leaf for leaf in leaves(rule) if isinstance(leaf, Happening))


def check(rule: Rule) -> None:
    """Refuse a rule that cannot be answered, naming all that is wrong at once.

    Raises
    ------
    InvalidInput
        With one sentence per mistake.
    """
    found = list(leaves(rule))
    mistakes: list[str] = []
    if len(found) > _MAX_CONDITIONS:
        mistakes.append(
            f"A rule has at most {_MAX_CONDITIONS} conditions; this one has {len(found)}"
        )
    mistakes.extend(
        "A group 'any' needs at least one condition: nobody can match it"
        for group in _groups(rule)
        if isinstance(group, Any) and not group.rules
    )
    for leaf in found[:_MAX_CONDITIONS]:
        if isinstance(leaf, Near):
            mistakes.extend(mistakes_of_near(leaf))
            continue
        if not isinstance(leaf, Condition):
            mistakes.extend(mistakes_of(leaf))
            continue
        try:
            typed_values(leaf)
        except InvalidInput as error:
            mistakes.append(error.message)
    if mistakes:
        raise InvalidInput(". ".join(mistakes) + ".", mistakes=tuple(mistakes))


def _groups(rule: Rule) -> Iterator[Rule]:
    yield rule
    if isinstance(rule, Not):
        yield from _groups(rule.rule)
    elif isinstance(rule, All | Any):
        for part in rule.rules:
            yield from _groups(part)


def typed_values(condition: Condition) -> tuple[Typed, ...]:
    """The values of a condition, in the type of its column.

    Raises
    ------
    InvalidInput
        If the column, the operator or a value does not fit.
    """
    kind = COLUMNS.get(condition.column)
    if kind is None:
        raise InvalidInput(
            f"Customers have no column {condition.column!r}{_guess(condition.column, COLUMNS)}; "
            f"choose one of {', '.join(COLUMNS)}"
        )
    name, operator, value = condition.column, condition.operator, condition.value
    if operator not in OPERATORS[kind]:
        raise InvalidInput(
            f"{name} is a {kind} and cannot be compared with {operator!r}"
            f"{_guess(operator, OPERATORS[kind])}; choose one of {', '.join(OPERATORS[kind])}"
        )
    if operator == "is_null":
        if not isinstance(value, bool):
            raise InvalidInput(f"{name} is_null needs true or false")
        return (value,)
    if operator == "within_last_days":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 36525:
            raise InvalidInput(f"{name} within_last_days needs a whole number of days, 1 to 36525")
        return (value,)
    if operator in ("in", "between"):
        if not isinstance(value, tuple):
            raise InvalidInput(f"{name} {operator} needs a list of values")
        if operator == "between" and len(value) != 2:
            raise InvalidInput(f"{name} between needs two values, the lowest and the highest")
        if not 1 <= len(value) <= _MAX_VALUES:
            raise InvalidInput(f"{name} in needs 1 to {_MAX_VALUES} values, not {len(value)}")
        return tuple(_typed(name, kind, one) for one in value)
    if isinstance(value, tuple):
        raise InvalidInput(f"{name} {operator} needs one value, not a list")
    return (_typed(name, kind, value),)


def _typed(name: str, kind: Kind, value: Scalar) -> Typed:
    if kind == "flag" and isinstance(value, bool):
        return value
    if kind == "text" and isinstance(value, str) and "\x00" not in value:
        return value
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value) and abs(value) < _MAX_NUMBER:
            return value
        raise InvalidInput(f"{name} needs a number below {_MAX_NUMBER}")
    if kind == "money" and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        if amount.is_finite() and abs(amount) < _MAX_NUMBER:
            if amount == amount.quantize(Decimal("0.0001")):
                return amount.quantize(Decimal("0.0001"))
            raise InvalidInput(f"{name} needs an amount with at most four decimals")
        raise InvalidInput(f"{name} needs an amount of money, such as 250 or 99.95")
    if kind == "time" and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None:
            return moment.astimezone(UTC)
        raise InvalidInput(f"{name} needs a time with a zone, such as 2026-03-01T00:00:00+01:00")
    wanted = {
        "flag": "true or false",
        "text": "a text",
        "number": "a number",
        "money": "an amount of money",
        "time": "a time with a zone, such as 2026-03-01T00:00:00+01:00",
    }[kind]
    raise InvalidInput(f"{name} needs {wanted}, not {type(value).__name__}")


def _guess(word: str, choices: Sequence[str] | dict[str, Kind]) -> str:
    close = get_close_matches(word, list(choices), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""

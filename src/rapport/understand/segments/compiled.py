"""A rule as SQL over the columns of `CUSTOMERS`, its values bound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from msgspec import Struct

from rapport.understand.segments.rule import All, Condition, Not, Rule, Typed, check, typed_values

_SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


class Compiled(Struct, frozen=True, kw_only=True):
    """A condition that is true or false, never unknown, and what its names stand for."""

    sql: str
    parameters: dict[str, Typed]


def compile_rule(rule: Rule, *, now: datetime, alias: str = "c", prefix: str = "rule") -> Compiled:
    """The rule as one boolean expression.

    Parameters
    ----------
    now : datetime
        The moment that "within the last days" counts from.
    alias : str
        Name of the customers' table in the step.
    prefix : str
        Begins every parameter's name, so that several rules fit one query.

    Raises
    ------
    InvalidInput
        If the rule is not valid.
    """
    check(rule)
    parameters: dict[str, Typed] = {}
    numbers = count()

    def bind(value: Typed) -> str:
        name = f"{prefix}_{next(numbers)}"
        parameters[name] = value
        return f"${name}"

    return Compiled(sql=_sql(rule, alias, now, bind), parameters=parameters)


def _sql(rule: Rule, alias: str, now: datetime, bind: Callable[[Typed], str]) -> str:
    if isinstance(rule, Condition):
        return _condition(rule, f"{alias}.{rule.column}", now, bind)
    if isinstance(rule, Not):
        return f"NOT ({_sql(rule.rule, alias, now, bind)})"
    parts = [_sql(part, alias, now, bind) for part in rule.rules]
    if not parts:
        return "TRUE"
    joint = " AND " if isinstance(rule, All) else " OR "
    return "(" + joint.join(parts) + ")"


def _condition(
    condition: Condition, column: str, now: datetime, bind: Callable[[Typed], str]
) -> str:
    values = typed_values(condition)
    operator = condition.operator
    if operator == "is_null":
        return f"({column} IS NULL)" if values[0] else f"({column} IS NOT NULL)"
    if operator == "within_last_days":
        since = now - timedelta(days=int(values[0]))  # type: ignore[arg-type]
        inner = f"{column} > {bind(since)} AND {column} <= {bind(now)}"
    elif operator == "contains":
        inner = f"contains(lower({column}), lower({bind(values[0])}))"
    elif operator == "between":
        inner = f"{column} >= {bind(values[0])} AND {column} <= {bind(values[1])}"
    elif operator == "in":
        inner = f"{column} IN ({', '.join(bind(value) for value in values)})"
    else:
        inner = f"{column} {_SIGNS[operator]} {bind(values[0])}"
    return f"coalesce({inner}, FALSE)"

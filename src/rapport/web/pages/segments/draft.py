"""A rule while somebody writes it: fields of a form, possibly half filled in.

Every part of the rule has an address: "0" is the whole, "0-2" its third part. Its fields are named
``n.<address>.<what>``, so one form holds a rule of any shape, with or without scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any as Anything
from typing import TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from rapport.errors import InvalidInput
from rapport.understand.periods import midnight
from rapport.understand.segments.happening import Followed, Happened, Recency
from rapport.understand.segments.near import Near
from rapport.understand.segments.rule import (
    COLUMNS,
    OPERATORS,
    All,
    Any,
    Condition,
    Kind,
    Not,
    Rule,
    Scalar,
    Value,
    typed_values,
)
from rapport.web.pages.segments.happening_draft import (
    KINDS,
    DraftHappening,
    happening_draft,
    happening_of,
    read_happening,
)
from rapport.web.pages.segments.near_form import NEAR, DraftNear, near_draft, near_of, read_near

JOINS = ("all", "any", "none")
#: What the form offers for each kind. Days need no "on or before": "before" the next one says it.
OFFERED: dict[Kind, tuple[str, ...]] = {
    "text": ("eq", "ne", "in", "starts_with", "contains", "is_known", "is_unknown"),
    "number": ("ge", "le", "gt", "lt", "eq", "ne", "between", "is_known", "is_unknown"),
    "money": ("ge", "le", "gt", "lt", "between", "is_known", "is_unknown"),
    "time": ("within_last_days", "ge", "lt", "between", "is_known", "is_unknown"),
    "flag": ("eq", "is_known", "is_unknown"),
}
NO_VALUE = frozenset({"is_known", "is_unknown"})
_MOST_PARTS = 100
_DEEPEST = 4
_TICK = timedelta(microseconds=1)


class DraftCondition(msgspec.Struct):
    """One comparison as its fields stand."""

    column: str = "order_count"
    operator: str = "ge"
    value: str = ""
    value2: str = ""
    error: str | None = None


class DraftGroup(msgspec.Struct):
    """Parts joined by all, any or none."""

    join: str
    parts: list[DraftPart]
    error: str | None = None


DraftPart: TypeAlias = DraftCondition | DraftHappening | DraftNear | DraftGroup


def empty_draft() -> DraftGroup:
    """Where a new segment starts: one condition to change."""
    return DraftGroup(join="all", parts=[DraftCondition(value="2")])


# ── form to draft ──────────────────────────────────────────────────────────────────────────────


def read_draft(form: Mapping[str, str]) -> DraftGroup:
    """The draft that a form holds; fields that make no sense are left out."""
    found = _read(form, "0", 0, [0])
    return found if isinstance(found, DraftGroup) else empty_draft()


def _read(form: Mapping[str, str], at: str, depth: int, seen: list[int]) -> DraftPart | None:
    seen[0] += 1
    if seen[0] > _MOST_PARTS or depth > _DEEPEST:
        return None
    join = form.get(f"n.{at}.join")
    if join is not None:
        parts = []
        number = 0
        while f"n.{at}-{number}.join" in form or f"n.{at}-{number}.column" in form:
            part = _read(form, f"{at}-{number}", depth + 1, seen)
            if part is not None:
                parts.append(part)
            number += 1
        return DraftGroup(join=join if join in JOINS else "all", parts=parts)
    column = form.get(f"n.{at}.column", "")
    if column in KINDS:
        return read_happening(form, at, column)
    if column == NEAR:
        return read_near(form, at)
    if column not in COLUMNS:
        return None
    operator = form.get(f"n.{at}.operator", "")
    if operator not in offered(column, operator):
        operator = OFFERED[COLUMNS[column]][0]
    return DraftCondition(
        column=column,
        operator=operator,
        value=form.get(f"n.{at}.value", "").strip()[:2000],
        value2=form.get(f"n.{at}.value2", "").strip()[:200],
    )


def offered(column: str, current: str) -> tuple[str, ...]:
    """The operators to choose from; one that a program stored stays choosable."""
    kind = COLUMNS[column]
    if current in OPERATORS[kind] and current not in (*OFFERED[kind], "is_null"):
        return (*OFFERED[kind], current)
    return OFFERED[kind]


def act(draft: DraftGroup, do: str) -> DraftGroup:
    """The draft after a button: ``add:0``, ``group:0-1``, ``remove:0-2``, ``up:…``, ``down:…``."""
    action, _, at = do.partition(":")
    try:
        steps = [int(step) for step in at.split("-")][1:]
    except ValueError:
        return draft
    if action in ("add", "group"):
        group = _at(draft, steps)
        if isinstance(group, DraftGroup):
            new: DraftPart = DraftCondition()
            if action == "group":
                new = DraftGroup(join="any", parts=[DraftCondition()])
            group.parts.append(new)
        return draft
    parent = _at(draft, steps[:-1]) if steps else None
    if not isinstance(parent, DraftGroup) or not 0 <= steps[-1] < len(parent.parts):
        return draft
    place = steps[-1]
    if action == "remove":
        del parent.parts[place]
    elif action in ("up", "down"):
        other = place + (1 if action == "down" else -1)
        if 0 <= other < len(parent.parts):
            parts = parent.parts
            parts[place], parts[other] = parts[other], parts[place]
    return draft


def _at(draft: DraftGroup, steps: list[int]) -> DraftPart | None:
    found: DraftPart = draft
    for step in steps:
        if not isinstance(found, DraftGroup) or not 0 <= step < len(found.parts):
            return None
        found = found.parts[step]
    return found


# ── draft to rule ──────────────────────────────────────────────────────────────────────────────


class Mistake(InvalidInput):
    """A field that cannot be used; the code is put into words by the page."""


def rule_of(draft: DraftGroup, time_zone: str) -> Rule | None:
    """The rule that a draft describes, or None, with the mistakes marked at their places.

    Mistakes are codes of ``segments.mistake``.
    """
    return _rule(draft, time_zone)


def _rule(draft: DraftPart, zone: str) -> Rule | None:
    if isinstance(draft, DraftHappening):
        return happening_of(draft)
    if isinstance(draft, DraftNear):
        return near_of(draft)
    draft.error = None
    if isinstance(draft, DraftCondition):
        try:
            rule = _condition(draft, zone)
            typed_values(rule)
        except Mistake as mistake:
            draft.error = mistake.message
            return None
        except InvalidInput:
            draft.error = COLUMNS[draft.column]
            return None
        return rule
    rules = [_rule(part, zone) for part in draft.parts]
    if not draft.parts and draft.join != "all":
        draft.error = "empty"
        return None
    whole = tuple(rule for rule in rules if rule is not None)
    if len(whole) < len(rules):
        return None
    if draft.join == "all":
        return All(rules=whole)
    return Any(rules=whole) if draft.join == "any" else Not(rule=Any(rules=whole))


def _condition(draft: DraftCondition, zone: str) -> Condition:
    kind, operator = COLUMNS[draft.column], draft.operator
    if operator in NO_VALUE:
        return Condition(column=draft.column, operator="is_null", value=operator == "is_unknown")
    value: Value
    if operator == "within_last_days":
        value = _number(draft.value, "days")
        if not isinstance(value, int):
            raise Mistake("days")
    elif operator == "in":
        value = tuple(
            _scalar(kind, part.strip(), zone) for part in draft.value.split(";") if part.strip()
        )
    elif operator == "between":
        value = (
            _scalar(kind, draft.value, zone),
            _scalar(kind, draft.value2, zone, end_of_day=True),
        )
    else:
        value = _scalar(kind, draft.value, zone)
    return Condition(column=draft.column, operator=operator, value=value)  # type: ignore[arg-type]


def _scalar(kind: Kind, text: str, zone: str, *, end_of_day: bool = False) -> Scalar:
    if kind == "flag":
        return text == "true"
    if not text:
        raise Mistake("missing")
    if kind == "number":
        return _number(text, "number")
    if kind == "money":
        return text.replace(" ", "").replace("\u00a0", "").replace(",", ".")
    if kind == "time":
        return _moment(text, zone, end_of_day)
    return text


def _number(text: str, mistake: str) -> int | float:
    plain = text.replace(" ", "").replace("\u00a0", "").replace("−", "-").replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        raise Mistake(mistake if text else "missing") from None
    return int(number) if number.is_integer() else number


def _moment(text: str, zone: str, end_of_day: bool) -> str:
    try:
        if len(text) > 10:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise Mistake("time")
            return moment.isoformat()
        day = date.fromisoformat(text)
        if not 1971 <= day.year <= 2190:
            raise Mistake("time")
    except ValueError:
        raise Mistake("time") from None
    if end_of_day:
        return (midnight(day + timedelta(days=1), zone) - _TICK).isoformat()
    return midnight(day, zone).isoformat()


# ── rule to draft ──────────────────────────────────────────────────────────────────────────────


def draft_of(rule: Rule, time_zone: str) -> DraftGroup:
    """A stored rule as fields."""
    found = _draft(rule, time_zone)
    if isinstance(found, DraftGroup):
        return found
    return DraftGroup(join="all", parts=[found])


def _draft(rule: Rule, zone: str) -> DraftPart:
    if isinstance(rule, Happened | Recency | Followed):
        return happening_draft(rule)
    if isinstance(rule, Near):
        return near_draft(rule)
    if isinstance(rule, Condition):
        return _draft_condition(rule, zone)
    if isinstance(rule, Not):
        inner = rule.rule
        parts = inner.rules if isinstance(inner, Any) else (inner,)
        return DraftGroup(join="none", parts=[_draft(part, zone) for part in parts])
    join = "all" if isinstance(rule, All) else "any"
    return DraftGroup(join=join, parts=[_draft(part, zone) for part in rule.rules])


def _draft_condition(rule: Condition, zone: str) -> DraftCondition:
    if rule.operator == "is_null":
        operator = "is_unknown" if rule.value else "is_known"
        return DraftCondition(column=rule.column, operator=operator)
    kind = COLUMNS[rule.column]
    several = rule.value if isinstance(rule.value, tuple) else (rule.value,)
    written = [_written(kind, rule.operator, value, zone) for value in several]
    if rule.operator == "in":
        return DraftCondition(column=rule.column, operator="in", value="; ".join(written))
    return DraftCondition(
        column=rule.column,
        operator=rule.operator,
        value=written[0],
        value2=written[1] if len(written) > 1 else "",
    )


def _written(kind: Kind, operator: str, value: Anything, zone: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "time" and operator != "within_last_days":
        moment = datetime.fromisoformat(value).astimezone(ZoneInfo(zone))
        day = moment.date()
        if moment.astimezone(UTC) in (
            midnight(day, zone),
            midnight(day + timedelta(days=1), zone) - _TICK,
        ):
            return day.isoformat()
        return str(value)
    return str(value)

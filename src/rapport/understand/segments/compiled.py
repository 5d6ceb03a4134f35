"""Rules as SQL over the columns of `CUSTOMERS` and over touchpoints, their values bound.

`compile_rules` answers any number of rules together: one pass over touchpoints finds the moments
that any of them means (`moments_steps`), and each condition is an aggregate of those per profile.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours and whole numbers

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count

import msgspec
from msgspec import Struct

from rapport.engines.lake import Step
from rapport.understand import relations
from rapport.understand.geography.distances import distance_sql
from rapport.understand.segments.happening import (
    COLUMN_OF,
    RANGES,
    Followed,
    Happened,
    Happening,
    Recency,
    Span,
    Which,
    money_range,
    number_of,
    whiches,
)
from rapport.understand.segments.near import Near
from rapport.understand.segments.rule import (
    All,
    Any,
    Condition,
    Leaf,
    Not,
    Rule,
    Typed,
    check,
    happenings,
    leaves,
    typed_values,
)

_SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
#: Where a touchpoint that is no order says what product it is about.
_PRODUCT_PROPERTIES = ("sku", "product_id")


class Compiled(Struct, frozen=True, kw_only=True):
    """Rules as conditions that are true or false, never unknown, and what their names stand for.

    Attributes
    ----------
    sqls : tuple of str
        Per rule: a condition on a row of ``customers``.
    leaves : tuple of tuple of str
        Per rule: each of its own conditions, in reading order.
    look_at : str
        The next moment at which one of them can change by itself: an expression, null for never.
    parameters : dict
        What the conditions and ``steps`` bind, without `relations.TYPES`.
    steps : tuple of Step
        Steps to put before the one that asks; they read ``left_out``, which
        `relations.corrections` make.
    customers : str
        What to read instead of ``customers``.
    """

    sqls: tuple[str, ...]
    leaves: tuple[tuple[str, ...], ...]
    look_at: str
    parameters: dict[str, Typed]
    steps: tuple[Step, ...]
    customers: str

    @property
    def sql(self) -> str:
        """The condition of the first rule."""
        return self.sqls[0]

    def with_corrections(self) -> tuple[Step, ...]:
        """``steps`` after those that say which touchpoints no longer hold; none where none is."""
        return (*relations.corrections(as_known_then=False), *self.steps) if self.steps else ()


def compile_rule(
    rule: Rule,
    *,
    now: datetime,
    at: datetime | None = None,
    alias: str = "c",
    prefix: str = "rule",
    as_known_then: bool = False,
) -> Compiled:
    """One rule; see `compile_rules`."""
    return compile_rules(
        [rule], now=now, at=at, alias=alias, prefix=prefix, as_known_then=as_known_then
    )


def compile_rules(
    rules: Sequence[Rule],
    *,
    now: datetime,
    at: datetime | None = None,
    alias: str = "c",
    prefix: str = "rule",
    as_known_then: bool = False,
) -> Compiled:
    """Rules as boolean expressions.

    Parameters
    ----------
    now : datetime
        The moment that "within the last days" counts from: the end of a day.
    at : datetime, optional
        The moment at which windows of touchpoints end; by default ``now``.
    alias : str
        Name of the customers' table in the step that asks.
    prefix : str
        Begins every parameter's and step's name, so that several fit one query.
    as_known_then : bool
        Only touchpoints received until ``$as_of``.

    Raises
    ------
    InvalidInput
        If a rule is not valid.
    """
    for rule in rules:
        check(rule)
    binder = _Binder(prefix)
    facts = _Facts(rules, at or now, prefix, binder, as_known_then=as_known_then)

    def leaf_sql(leaf: Leaf) -> str:
        if isinstance(leaf, Condition):
            return _condition(leaf, f"{alias}.{leaf.column}", now, binder)
        if isinstance(leaf, Near):
            return _near(leaf, alias, binder)
        return facts.condition(leaf, alias)

    conditions = tuple(tuple(leaf_sql(leaf) for leaf in leaves(rule)) for rule in rules)
    return Compiled(
        sqls=tuple(_sql(rule, iter(own)) for rule, own in zip(rules, conditions, strict=True)),
        leaves=conditions,
        look_at=facts.look_at(alias),
        steps=facts.steps(),
        customers=facts.customers,
        parameters=binder.parameters,
    )


def distinct_whiches(rules: Sequence[Rule]) -> tuple[Which, ...]:
    """The touchpoints that any of the rules means, each once; their places number the marks."""
    found: dict[bytes, Which] = {}
    for rule in rules:
        for happening in happenings(rule):
            for which in whiches(happening):
                found.setdefault(key_of(which), which)
    return tuple(found.values())


def key_of(part: Which | Happening) -> bytes:
    """What tells two alike: equal texts, not values that Python takes for equal (1 and 1.0)."""
    return msgspec.json.encode(part)


def moments_steps(
    rules: Sequence[Rule],
    *,
    at: datetime,
    prefix: str = "rule",
    columns: Sequence[str] = ("amount_base",),
) -> tuple[tuple[Step, ...], dict[str, Typed]]:
    """The steps that find what rules mean; after `relations.corrections`.

    The last one is named ``<prefix>_moments``: ``profile_id occurred_at``, these ``columns`` of
    the touchpoint, and ``mark_0 …``, a mark for each of `distinct_whiches`.
    """
    binder = _Binder(prefix)
    facts = _Facts(rules, at, prefix, binder, as_known_then=False)
    return facts.moments(columns), binder.parameters


class _Binder:
    """Gives every value a name."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.parameters: dict[str, Typed] = {}
        self._numbers = count()

    def __call__(self, value: Typed) -> str:
        name = f"{self.prefix}_{next(self._numbers)}"
        self.parameters[name] = value
        return f"${name}"


def _sql(rule: Rule, conditions: Iterator[str]) -> str:
    """The whole from its conditions, which come in reading order."""
    if isinstance(rule, Not):
        return f"NOT ({_sql(rule.rule, conditions)})"
    if isinstance(rule, All | Any):
        parts = [_sql(part, conditions) for part in rule.rules]
        if not parts:
            return "TRUE"
        return "(" + (" AND " if isinstance(rule, All) else " OR ").join(parts) + ")"
    return next(conditions)


def _condition(condition: Condition, column: str, now: datetime, bind: _Binder) -> str:
    values = typed_values(condition)
    operator = condition.operator
    if operator == "is_null":
        return f"({column} IS NULL)" if values[0] else f"({column} IS NOT NULL)"
    if operator == "within_last_days":
        since = now - timedelta(days=int(values[0]))  # type: ignore[arg-type]
        inner = f"{column} > {bind(since)} AND {column} <= {bind(now)}"
    elif operator == "contains":
        inner = f"contains(lower({column}), lower({bind(values[0])}))"
    elif operator == "starts_with":
        inner = f"starts_with(lower({column}), lower({bind(values[0])}))"
    elif operator == "between":
        inner = f"{column} >= {bind(values[0])} AND {column} <= {bind(values[1])}"
    elif operator == "in":
        inner = f"{column} IN ({', '.join(bind(value) for value in values)})"
    else:
        inner = f"{column} {_SIGNS[operator]} {bind(values[0])}"
    return f"coalesce({inner}, FALSE)"


def _near(near: Near, alias: str, bind: _Binder) -> str:
    latitude, longitude = bind(float(near.latitude)), bind(float(near.longitude))
    away = distance_sql(f"{alias}.latitude", f"{alias}.longitude", latitude, longitude)
    return f"coalesce({away} <= {bind(float(near.km))}, FALSE)"


class _Facts:
    """What rules ask of touchpoints: the steps, and each condition as columns of the last one."""

    def __init__(
        self,
        rules: Sequence[Rule],
        at: datetime,
        prefix: str,
        bind: _Binder,
        *,
        as_known_then: bool,
    ) -> None:
        self.at, self.prefix, self.bind = at, prefix, bind
        self.as_known_then = as_known_then
        self.whiches = distinct_whiches(rules)
        self.marks = {key_of(which): n for n, which in enumerate(self.whiches)}
        self.asked: dict[bytes, tuple[int, Happening]] = {}
        for rule in rules:
            for happening in happenings(rule):
                self.asked.setdefault(key_of(happening), (len(self.asked), happening))
        self._at = bind(at) if self.asked else ""
        self._conditions: dict[bytes, str] = {}

    @property
    def customers(self) -> str:
        return f"{self.prefix}_customers" if self.asked else "customers"

    def _mark(self, which: Which) -> str:
        return f"mark_{self.marks[key_of(which)]}"

    # ── conditions ─────────────────────────────────────────────────────────────────────────────

    def condition(self, happening: Happening, alias: str) -> str:
        """A condition on a row of `customers`."""
        key = key_of(happening)
        if key not in self._conditions:
            self._conditions[key] = self._condition(happening, *self.asked[key][:1])
        return self._conditions[key].replace("{alias}", alias)

    def _condition(self, happening: Happening, number: int) -> str:
        if isinstance(happening, Happened):
            value = self.bind(number_of(happening))
            sign = _SIGNS[happening.operator]
            return f"(coalesce({{alias}}.much_{number}, 0) {sign} {value})"
        if isinstance(happening, Recency):
            sign = ">" if happening.operator == "within" else "<="
            return f"coalesce({{alias}}.time_{number} {sign} {self._since(happening.span)}, FALSE)"
        return f"(coalesce({{alias}}.held_{number}, 0) = 1)"

    def look_at(self, alias: str) -> str:
        """The nearest edge of a window that holds a moment, or a moment still to come."""
        edges = []
        for number, happening in self.asked.values():
            if isinstance(happening, Happened) and happening.within is not None:
                edges.append(f"{alias}.edge_{number} + {_interval(happening.within)}")
            elif isinstance(happening, Recency):
                time, span = f"{alias}.time_{number}", happening.span
                edges.append(
                    f"CASE WHEN {time} > {self._since(span)} THEN {time} + {_interval(span)} END"
                )
            elif isinstance(happening, Followed):
                if happening.since is not None:
                    edges.append(f"{alias}.edge_{number} + {_interval(happening.since)}")
                if not happening.holds:
                    edges.append(f"{alias}.wait_{number} + {_interval(happening.within)}")
        if not self.asked:
            return "CAST(NULL AS TIMESTAMPTZ)"
        if not edges:
            return f"{alias}.to_come"
        return f"least({alias}.to_come, {', '.join(edges)})"

    def _since(self, span: Span) -> str:
        return self.bind(self.at - span.length)

    # ── steps ──────────────────────────────────────────────────────────────────────────────────

    def steps(self) -> tuple[Step, ...]:
        """From touchpoints to one row per customer."""
        if not self.asked:
            return ()
        sequences = [(n, h) for n, h in self.asked.values() if isinstance(h, Followed)]
        joins = f" LEFT JOIN {self.prefix}_facts AS f ON f.profile_id = c.profile_id"
        columns = ["f.to_come"]
        for number, happening in self.asked.values():
            if isinstance(happening, Happened):
                columns += [f"f.much_{number}"]
                columns += [f"f.edge_{number}"] if happening.within is not None else []
            elif isinstance(happening, Recency):
                columns.append(f"f.time_{number}")
            else:
                columns += [f"s{number}.{name}_{number}" for name in ("held", "edge", "wait")]
                joins += (
                    f" LEFT JOIN {self.prefix}_followed_{number} AS s{number} "
                    f"ON s{number}.profile_id = c.profile_id"
                )
        return (
            *self.moments(),
            self._facts(),
            *(step for number, each in sequences for step in self._followed(number, each)),
            Step(
                self.customers,
                f"SELECT c.*, {', '.join(columns)} FROM customers AS c{joins}",
            ),
        )

    def moments(self, carried: Sequence[str] = ("amount_base",)) -> tuple[Step, ...]:
        """Whose moments any condition means, and which."""
        columns, lines = [f"t.{name}" for name in carried], []
        conditions = []
        for number, which in enumerate(self.whiches):
            line = self._lines(which)
            if line:
                lines.append((number, line))
            condition = self._means(which, number if line else None)
            conditions.append(condition)
            columns.append(f"CASE WHEN {condition} THEN 1 ELSE 0 END AS mark_{number}")
        steps: list[Step] = []
        items = f"{self.prefix}_lines"
        if lines:
            flags = ", ".join(
                f"max(CASE WHEN {sql} THEN 1 ELSE 0 END) AS line_{n}" for n, sql in lines
            )
            either = " OR ".join(sql for _, sql in lines)
            steps.append(
                Step(
                    items,
                    f"SELECT i.position, {flags} FROM order_items AS i WHERE {either} "
                    "GROUP BY i.position",
                )
            )
        every = [f"({' OR '.join(conditions)})", "r.position IS NULL"]
        types = sorted({name for which in self.whiches for name in which.types})
        if all(which.types for which in self.whiches):
            # Said once more by itself: a reader of files can leave out whole parts by it.
            every.insert(0, f"t.type IN ({', '.join(map(self.bind, types))})")
        horizon = self._horizon()
        if horizon is not None:
            every.insert(0, f"t.occurred_at > {self.bind(horizon)}")
        if self.as_known_then:
            every.append("t.received_at <= $as_of")
        steps.append(
            Step(
                f"{self.prefix}_moments",
                f"SELECT m.profile_id, t.occurred_at, {', '.join(columns)} "
                "FROM touchpoints AS t JOIN membership AS m ON m.atom_id = t.atom_id "
                "LEFT JOIN left_out AS r ON r.position = t.position"
                + (f" LEFT JOIN {items} AS i ON i.position = t.position" if lines else "")
                + f" WHERE {' AND '.join(every)}",
            )
        )
        return tuple(steps)

    def _horizon(self) -> datetime | None:
        """Before it nothing matters; None where all of history may."""
        longest = timedelta(0)
        for _, happening in self.asked.values():
            span = None
            if isinstance(happening, Happened):
                span = happening.within
            elif isinstance(happening, Followed):
                span = happening.since
            if span is None:
                return None
            longest = max(longest, span.length)
        return self.at - longest

    def _facts(self) -> Step:
        columns = [f"min(CASE WHEN occurred_at > {self._at} THEN occurred_at END) AS to_come"]
        for number, happening in self.asked.values():
            if isinstance(happening, Followed):
                continue
            when = [f"{self._mark(happening.which)} = 1", f"occurred_at <= {self._at}"]
            if isinstance(happening, Recency):
                which = "max" if happening.place == "last" else "min"
                columns.append(
                    f"{which}(CASE WHEN {' AND '.join(when)} THEN occurred_at END) AS time_{number}"
                )
                continue
            if happening.within is not None:
                when.append(f"occurred_at > {self._since(happening.within)}")
                columns.append(
                    f"min(CASE WHEN {' AND '.join(when)} THEN occurred_at END) AS edge_{number}"
                )
            much = "count(CASE WHEN {} THEN 1 END)"
            if happening.measure == "amount":
                much = "sum(CASE WHEN {} THEN amount_base END)"
            columns.append(f"{much.format(' AND '.join(when))} AS much_{number}")
        return Step(
            f"{self.prefix}_facts",
            f"SELECT profile_id, {', '.join(columns)} FROM {self.prefix}_moments "
            "GROUP BY profile_id",
        )

    def _followed(self, number: int, happening: Followed) -> tuple[Step, ...]:
        first, then = self._mark(happening.which), self._mark(happening.then)
        within = _interval(happening.within)
        over = f"occurred_at <= {self._since(happening.within)}"
        recent = "is_first = 1"
        if happening.since is not None:
            recent += f" AND occurred_at > {self._since(happening.since)}"
        followed = f"next_then <= occurred_at + {within}"
        holds = followed
        if not happening.holds:
            holds = f"(next_then IS NULL OR NOT ({followed})) AND {over}"
        return (
            Step(
                # One row per moment, so that every row after it is later.
                f"{self.prefix}_times_{number}",
                f"SELECT profile_id, occurred_at, max({first}) AS is_first, "
                f"max({then}) AS is_then FROM {self.prefix}_moments "
                f"WHERE ({first} = 1 OR {then} = 1) AND occurred_at <= {self._at} "
                "GROUP BY profile_id, occurred_at",
            ),
            Step(
                f"{self.prefix}_next_{number}",
                "SELECT profile_id, occurred_at, is_first, "
                "min(CASE WHEN is_then = 1 THEN occurred_at END) OVER ("
                "PARTITION BY profile_id ORDER BY occurred_at ASC NULLS LAST "
                "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next_then "
                f"FROM {self.prefix}_times_{number}",
            ),
            Step(
                f"{self.prefix}_followed_{number}",
                "SELECT profile_id, "
                f"max(CASE WHEN {recent} AND {holds} THEN 1 ELSE 0 END) AS held_{number}, "
                f"min(CASE WHEN {recent} THEN occurred_at END) AS edge_{number}, "
                f"min(CASE WHEN {recent} AND NOT ({over}) THEN occurred_at END) AS wait_{number} "
                f"FROM {self.prefix}_next_{number} GROUP BY profile_id",
            ),
        )

    # ── which touchpoints ──────────────────────────────────────────────────────────────────────

    def _lines(self, which: Which) -> str:
        """A condition on the lines of orders; empty where none is asked."""
        either = []
        for column, values in (("sku", which.products), ("category", which.categories)):
            if values:
                either.append(f"i.{column} IN ({', '.join(map(self.bind, values))})")
        return " AND ".join(f"coalesce({part}, FALSE)" for part in either)

    def _means(self, which: Which, line: int | None) -> str:
        every: list[str] = []
        for name, column in COLUMN_OF.items():
            values: tuple[str, ...] = getattr(which, name)
            if values:
                every.append(f"t.{column} IN ({', '.join(map(self.bind, values))})")
            elif name == "types":
                every.append(relations.DONE)
        if line is not None:
            named = []
            if which.products:
                named.append(self._says(_PRODUCT_PROPERTIES, which.products))
            if which.categories:
                named.append(self._says(("category",), which.categories))
            every.append(f"(coalesce(i.line_{line}, 0) = 1 OR ({' AND '.join(named)}))")
        if which.text is not None:
            every.append(f"contains(lower(t.text), lower({self.bind(which.text)}))")
        low, high = money_range(which)
        for name, column in RANGES.items():
            ends = (low, high)
            if name != "amount":
                ends = (getattr(which, f"{name}_from"), getattr(which, f"{name}_to"))
            for end, sign in zip(ends, (">=", "<="), strict=True):
                if end is not None:
                    every.append(f"t.{column} {sign} {self.bind(end)}")
        every += [self._says((each.name,), each.values) for each in which.properties]
        return f"coalesce({' AND '.join(every)}, FALSE)"

    def _says(self, names: Sequence[str], values: Sequence[str]) -> str:
        """Whether the properties name one of these values.

        Looked for in the text of the JSON, which is written without spaces: functions that read
        JSON differ between engines. A quote within a value is written with a backslash, so that
        nothing a person typed looks like another property.
        """
        either = []
        for name in names:
            for value in values:
                start = msgspec.json.encode(name).decode() + ":"
                ends = [msgspec.json.encode(value).decode()]
                if _is_plain(value):
                    ends += [f"{value},", f"{value}}}"]
                either += [f"contains(t.properties, {self.bind(start + end)})" for end in ends]
        return f"coalesce({' OR '.join(either)}, FALSE)"


def _is_plain(value: str) -> bool:
    """Whether JSON may write it without quotes: a number, true or false."""
    try:
        return isinstance(msgspec.json.decode(value), bool | int | float)
    except msgspec.DecodeError:
        return False


def _interval(span: Span) -> str:
    return f"INTERVAL '{span.hours}' HOUR"

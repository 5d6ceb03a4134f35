"""From a question to a query: the list of steps, and the loop that walks it.

Read `STEPS` first. Each entry returns named SELECTs; together they are one statement. Nothing
here depends on an engine.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Query, Step
from rapport.understand import relations
from rapport.understand.dimensions import BY_NAME as DIMENSIONS
from rapport.understand.dimensions import Dimension
from rapport.understand.metrics.base import Metric
from rapport.understand.periods import (
    Period,
    add_units,
    calendar,
    local_day,
    midnight,
    offsets,
    period_before,
)
from rapport.understand.question import Question, check_question
from rapport.understand.segments.compiled import compile_rule

#: Relations that follow from sales.
_OF_SALES = frozenset({"sales", "customer_orders", "retained"})


class Plan(Struct, frozen=True, kw_only=True):
    """A query, the small tables it reads beside the lake's, and the rows in time it answers."""

    query: Query
    tables: dict[str, pa.Table]
    periods: tuple[Period, ...]


class Asked(Struct, frozen=True, kw_only=True):
    """A checked question with what the steps need to know of it."""

    question: Question
    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...]
    periods: tuple[Period, ...]
    before: datetime  # when the period before the first one began
    parameters: dict[str, Any]
    segment_sql: str  # "" without a segment
    segments_sql: tuple[tuple[str, str], ...]  # name of the bound key, rule

    @property
    def relations(self) -> tuple[str, ...]:
        """The relations that the metrics need, each once, in the order asked."""
        return tuple(dict.fromkeys(metric.relation for metric in self.metrics))

    @property
    def as_known_then(self) -> bool:
        """Whether touchpoints received later are left out."""
        return self.question.as_of is not None

    @property
    def read_dimensions(self) -> tuple[Dimension, ...]:
        """Dimensions to split by or filter on."""
        names = [*self.question.dimensions, *(f.dimension for f in self.question.filters)]
        return tuple(DIMENSIONS[name] for name in dict.fromkeys(names))

    @property
    def reads_customers(self) -> bool:
        """Whether the customers' table is needed."""
        return bool(self.segment_sql) or any(d.reads == "customer" for d in self.read_dimensions)

    @property
    def reads_segments(self) -> bool:
        """Whether segments are split by."""
        return any(d.reads == "segment" for d in self.dimensions)

    def parts_of(self, metric: Metric) -> tuple[tuple[str, str, str], ...]:
        """Columns that the engine computes for a metric."""
        return parts_of(metric, with_people=self.question.count_people)

    def reads_profiles(self, relation: str) -> bool:
        """Whether a relation's rows need to know whose they are."""
        texts = [
            f"{metric.expression} {metric.per}"
            for metric in self.metrics
            if metric.relation == relation
        ]
        return (
            relation in ("customer_orders", "retained")
            or self.reads_customers
            or self.reads_segments
            or self.question.count_people
            or any("profile_id" in text for text in texts)
        )


# ── the list ───────────────────────────────────────────────────────────────────────────────────


def leave_out_what_no_longer_holds(asked: Asked) -> tuple[Step, ...]:
    """Touchpoints corrected, cancelled or told twice, as known at the moment asked for."""
    return relations.corrections(as_known_then=asked.as_known_then)


def find_sales(asked: Asked) -> tuple[Step, ...]:
    """Orders and refunds: of the period, of the one before it too, or of all of history."""
    if not _OF_SALES & set(asked.relations):
        return ()
    since = "before" if "retained" in asked.relations else "start"
    return relations.sales(
        as_known_then=asked.as_known_then,
        since="" if "customer_orders" in asked.relations else since,
    )


def find_other_touchpoints(asked: Asked) -> tuple[Step, ...]:
    """Answers, contacts, moods."""
    return tuple(
        step
        for relation in asked.relations
        if relation in relations.SIMPLE
        for step in relations.SIMPLE[relation](as_known_then=asked.as_known_then)
    )


def name_the_buyers(asked: Asked) -> tuple[Step, ...]:
    """Whose sales they are, through the membership of today."""
    if any(asked.reads_profiles(name) for name in asked.relations if name in _OF_SALES):
        return relations.named_sales()
    return ()


def find_first_orders(asked: Asked) -> tuple[Step, ...]:
    """Orders beside the first of the same customer."""
    return relations.customer_orders() if "customer_orders" in asked.relations else ()


def find_segment_members(asked: Asked) -> tuple[Step, ...]:
    """Who belongs to each segment that the answer is split by."""
    if not asked.reads_segments:
        return ()
    members = " UNION ALL ".join(
        f"SELECT c.profile_id, ${key} AS segment FROM customers AS c WHERE {rule}"
        for key, rule in asked.segments_sql
    )
    return (Step("segment_members", members),)


def place_in_periods(asked: Asked) -> tuple[Step, ...]:
    """Each row with its period and the values to split by; filters apply here."""
    return tuple(_placed(asked, relation) for relation in asked.relations)


def follow_from_period_to_period(asked: Asked) -> tuple[Step, ...]:
    """Customers of one period, and whether they bought in the next."""
    if "retained" not in asked.relations:
        return ()
    splits = "".join(f", b.by_{d.name}" for d in asked.dimensions)
    return (
        Step("active", f"SELECT DISTINCT b.period, b.profile_id{splits} FROM placed_retained AS b"),
        Step("active_at_all", "SELECT DISTINCT period, profile_id FROM active"),
        Step(
            "counted_retained",
            "SELECT b.period + 1 AS period, b.profile_id"
            f"{splits}, CASE WHEN a.profile_id IS NULL THEN 0 ELSE 1 END AS came_back "
            "FROM active AS b LEFT JOIN active_at_all AS a "
            "ON a.profile_id = b.profile_id AND a.period = b.period + 1 "
            "WHERE b.period < $last_period",
        ),
    )


def group(asked: Asked) -> tuple[Step, ...]:
    """One row per period and value, for each relation."""
    return tuple(_grouped(asked, relation) for relation in asked.relations)


def line_up(asked: Asked) -> tuple[Step, ...]:
    """The relations side by side: one row per cell, one column per metric's part."""
    keys = ", ".join(["period", *(f"by_{d.name}" for d in asked.dimensions)])
    columns = [column for metric in asked.metrics for column, _, _ in asked.parts_of(metric)]
    stacked = " UNION ALL ".join(
        f"SELECT {keys}, " + ", ".join(_own_or_null(asked, relation)) + f" FROM grouped_{relation}"
        for relation in asked.relations
    )
    order = ", ".join(["period NULLS LAST", *(f"by_{d.name} NULLS LAST" for d in asked.dimensions)])
    return (
        Step("stacked", stacked),
        Step(
            "answer",
            f"SELECT {keys}, "
            + ", ".join(f"max({column}) AS {column}" for column in columns)
            + f" FROM stacked GROUP BY {keys} ORDER BY {order}",
        ),
    )


STEPS: tuple[Callable[[Asked], tuple[Step, ...]], ...] = (
    leave_out_what_no_longer_holds,
    find_sales,
    find_other_touchpoints,
    name_the_buyers,
    find_first_orders,
    find_segment_members,
    place_in_periods,
    follow_from_period_to_period,
    group,
    line_up,
)


def compile_question(question: Question) -> Plan:
    """The query that answers a question.

    Raises
    ------
    InvalidQuestion
        If the question has no answer.
    """
    check_question(question)
    asked = _asked(question)
    steps = tuple(step for build in STEPS for step in build(asked))
    return Plan(
        query=relations.bind(steps, asked.parameters),
        tables=_tables(asked),
        periods=asked.periods,
    )


# ── pieces of steps ────────────────────────────────────────────────────────────────────────────


#: Each row of nobody may be another person.
_PEOPLE = "count(DISTINCT profile_id) + count(CASE WHEN profile_id IS NULL THEN 1 END)"


def parts_of(metric: Metric, *, with_people: bool = False) -> tuple[tuple[str, str, str], ...]:
    """Columns that the engine computes for a metric: name, expression, SQL type."""
    value_type = "DECIMAL(38, 6)" if metric.parts == "decimal" else "BIGINT"
    found = [(f"{metric.name}__value", metric.expression, value_type)]
    if metric.per is not None:
        found.append((f"{metric.name}__per", metric.per, value_type))
    found.append((f"{metric.name}__n", metric.n, "BIGINT"))
    if with_people:
        found.append((f"{metric.name}__people", _PEOPLE, "BIGINT"))
    return tuple(found)


def _placed(asked: Asked, relation: str) -> Step:
    rows = "sales" if relation == "retained" else relation
    if asked.reads_profiles(relation) or relation in relations.SIMPLE:
        rows = f"named_{rows}"
    joins = ""
    if asked.question.grain is None:
        period = "CASE WHEN v.occurred_at < $start THEN -1 ELSE 0 END"
    else:
        period = "k.period"
        joins += (
            f" JOIN calendar AS k ON k.day = {local_day_sql(asked.parameters, 'v.occurred_at')}"
        )
    if asked.reads_customers:
        joins += " LEFT JOIN customers AS c ON c.profile_id = v.profile_id"
    if asked.reads_segments:
        joins += " JOIN segment_members AS g ON g.profile_id = v.profile_id"
    splits = "".join(f", {d.expression} AS by_{d.name}" for d in asked.dimensions)
    conditions = [f"v.occurred_at >= {'$before' if relation == 'retained' else '$start'}"]
    if relation == "retained":
        conditions.append("v.is_order = 1 AND v.profile_id IS NOT NULL")
        # A period that the question cuts begins later than its unit; in between lies neither.
        conditions.append("(v.occurred_at < $unit_start OR v.occurred_at >= $start)")
    conditions += [
        _filter_sql(number, DIMENSIONS[each.dimension].expression, each.values, each.exclude)
        for number, each in enumerate(asked.question.filters)
    ]
    if asked.segment_sql:
        # Nobody is in no segment, though a `not` would hold for a row without a customer.
        conditions.append(f"c.profile_id IS NOT NULL AND {asked.segment_sql}")
    columns = _VALUE_COLUMNS[relation] + (
        ", v.profile_id" if asked.reads_profiles(relation) or relation in relations.SIMPLE else ""
    )
    return Step(
        f"placed_{relation}",
        f"SELECT {period} AS period, {columns}{splits} FROM {rows} AS v{joins} "
        f"WHERE {' AND '.join(conditions)}",
    )


#: What the metrics of each relation compute with.
_VALUE_COLUMNS: dict[str, str] = {
    "sales": "v.is_order, v.amount_base",
    "customer_orders": "v.occurred_at, v.first_order_at",
    "retained": "v.is_order",
    "answers": "v.question, v.score, v.scale_min, v.scale_max",
    "contacts": "v.type",
    "moods": "v.sentiment",
}


def _grouped(asked: Asked, relation: str) -> Step:
    keys = ["period", *(f"by_{d.name}" for d in asked.dimensions)]
    source = "counted_retained" if relation == "retained" else f"placed_{relation}"
    columns = [
        f"CAST({expression} AS {sql_type}) AS {column}"
        for metric in asked.metrics
        if metric.relation == relation
        for column, expression, sql_type in asked.parts_of(metric)
    ]
    listed = ", ".join(keys)
    return Step(
        f"grouped_{relation}",
        f"SELECT {listed}, {', '.join(columns)} FROM {source} GROUP BY {listed}",
    )


def _own_or_null(asked: Asked, relation: str) -> list[str]:
    return [
        column if metric.relation == relation else f"CAST(NULL AS {sql_type}) AS {column}"
        for metric in asked.metrics
        for column, _, sql_type in asked.parts_of(metric)
    ]


def _filter_sql(number: int, expression: str, values: tuple[str | None, ...], exclude: bool) -> str:
    names = [f"$filter_{number}_{i}" for i, value in enumerate(values) if value is not None]
    either = [f"coalesce({expression} IN ({', '.join(names)}), FALSE)"] if names else []
    if None in values:
        either.append(f"{expression} IS NULL")
    kept = "(" + " OR ".join(either) + ")"
    return f"NOT {kept}" if exclude else kept


def local_day_sql(parameters: Mapping[str, Any], moment: str) -> str:
    """Number of the local day of a moment; the zone's changes are bound as ``$until_…``."""
    count = sum(1 for name in parameters if name.startswith("until_"))
    last = f"$offset_{count}"
    if count:
        branches = " ".join(
            f"WHEN {moment} < $until_{number} THEN $offset_{number}" for number in range(count)
        )
        last = f"CASE {branches} ELSE {last} END"
    return f"CAST(floor((epoch({moment}) + {last}) / 86400.0) AS INT)"


def zone_parameters(start: datetime, end: datetime, time_zone: str) -> dict[str, Any]:
    """What `local_day_sql` needs bound."""
    found: dict[str, Any] = {}
    for number, (until, seconds) in enumerate(offsets(start, end, time_zone)):
        found[f"offset_{number}"] = seconds
        if until is not None:
            found[f"until_{number}"] = until
    return found


def _asked(question: Question) -> Asked:
    periods = question.periods()
    zone = question.time_zone
    if question.grain is None:
        before, unit_start = period_before(question.start, question.end, zone)
    else:
        before = midnight(add_units(periods[0].first_day, question.grain, -1), zone)
        unit_start = midnight(periods[0].first_day, zone)
    now = question.end if question.now is None else question.now
    parameters: dict[str, Any] = {
        **relations.TYPES,
        "start": question.start,
        "end": question.end,
        "before": before,
        "unit_start": unit_start,
        "as_of": question.as_of,
        "last_period": len(periods) - 1,
        **zone_parameters(before, question.end, zone),
    }
    for number, each in enumerate(question.filters):
        for i, value in enumerate(each.values):
            parameters[f"filter_{number}_{i}"] = value
    segment_sql = ""
    if question.segment is not None:
        compiled = compile_rule(question.segment, now=now, prefix="segment")
        parameters |= compiled.parameters
        segment_sql = compiled.sql
    segments_sql: list[tuple[str, str]] = []
    if "segment" in question.dimensions:
        for number, named in enumerate(question.segments):
            compiled = compile_rule(named.rule, now=now, prefix=f"segment_{number}")
            parameters |= compiled.parameters
            parameters[f"segment_key_{number}"] = named.key
            segments_sql.append((f"segment_key_{number}", compiled.sql))
    return Asked(
        question=question,
        metrics=question.defined_metrics(),
        dimensions=tuple(DIMENSIONS[name] for name in question.dimensions),
        periods=periods,
        before=before,
        parameters=parameters,
        segment_sql=segment_sql,
        segments_sql=tuple(segments_sql),
    )


def _tables(asked: Asked) -> dict[str, pa.Table]:
    question = asked.question
    if question.grain is None:
        return {}
    periods = asked.periods
    if "retained" in asked.relations:
        first = Period(
            first_day=local_day(asked.before, question.time_zone),
            starts_at=asked.before,
            ends_at=asked.parameters["unit_start"],
        )
        return {"calendar": calendar((first, *periods), question.time_zone, first_number=-1)}
    return {"calendar": calendar(periods, question.time_zone)}

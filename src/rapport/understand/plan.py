"""From a question to a query: the list of steps, and the loop that walks it.

Read `STEPS` first. Each entry returns named SELECTs; together they are one statement. Nothing
here depends on an engine.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Query, Step
from rapport.errors import InvalidQuestion
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
from rapport.understand.relations import Relation
from rapport.understand.relations.sales import RETAINED
from rapport.understand.segments.compiled import Compiled, compile_rule, compile_rules
from rapport.understand.segments.rule import happenings

#: How far back sales are read, the nearest first, and the parameter that holds the moment.
_SINCE = {"period": "start", "before": "before", "all": ""}
#: A visit that crosses the border of a period is read whole.
_LONGEST_VISIT = timedelta(days=1)


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
    segment: Compiled | None  # the rule that filters
    segments: Compiled | None  # the rules that are split by; their keys are bound as $segment_key_…
    by_person: bool = False  # the answer is split by whose the rows are

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The relations that the metrics need, each once, in the order asked."""
        names = dict.fromkeys(metric.relation for metric in self.metrics)
        return tuple(relations.BY_NAME[name] for name in names)

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
        return self.segment is not None or any(d.reads == "customer" for d in self.read_dimensions)

    @property
    def reads_segments(self) -> bool:
        """Whether segments are split by."""
        return any(d.reads == "segment" for d in self.dimensions)

    def parts_of(self, metric: Metric) -> tuple[tuple[str, str, str], ...]:
        """Columns that the engine computes for a metric."""
        return parts_of(metric, with_people=self.question.count_people)

    def reads_profiles(self, relation: Relation) -> bool:
        """Whether a relation's rows need to know whose they are."""
        texts = [
            f"{metric.expression} {metric.per}"
            for metric in self.metrics
            if metric.relation == relation.name
        ]
        return (
            relation.unnamed is None
            or self.reads_customers
            or self.reads_segments
            or self.question.count_people
            or self.by_person
            or any("profile_id" in text for text in texts)
        )


# ── the list ───────────────────────────────────────────────────────────────────────────────────


def leave_out_what_no_longer_holds(asked: Asked) -> tuple[Step, ...]:
    """Touchpoints corrected, cancelled or told twice, as known at the moment asked for."""
    return relations.corrections(
        as_known_then=asked.as_known_then, orders=reads_orders(asked.question)
    )


def find_sales(asked: Asked) -> tuple[Step, ...]:
    """Orders and refunds: of the period, of the one before it too, or of all of history."""
    needed = {each.sales for each in asked.relations} - {""}
    if not needed:
        return ()
    since = _SINCE[max(needed, key=list(_SINCE).index)]
    return relations.sales(as_known_then=asked.as_known_then, since=since)


def find_rows(asked: Asked) -> tuple[Step, ...]:
    """The rows of each relation, and whose they are through the membership of today."""
    found: dict[str, Step] = {}
    for relation in asked.relations:
        found.update((step.name, step) for step in relation.steps(asked.as_known_then))
    return tuple(found.values())


def find_what_segments_mean(asked: Asked) -> tuple[Step, ...]:
    """What customers did, as far as a rule asks for it."""
    return tuple(
        step
        for compiled in (asked.segment, asked.segments)
        if compiled is not None
        for step in compiled.steps
    )


def find_segment_members(asked: Asked) -> tuple[Step, ...]:
    """Who belongs to each segment that the answer is split by."""
    if asked.segments is None:
        return ()
    members = " UNION ALL ".join(
        f"SELECT c.profile_id, $segment_key_{number} AS segment "
        f"FROM {asked.segments.customers} AS c WHERE {rule}"
        for number, rule in enumerate(asked.segments.sqls)
    )
    return (Step("segment_members", members),)


def place_in_periods(asked: Asked) -> tuple[Step, ...]:
    """Each row with its period and the values to split by; filters apply here."""
    return tuple(_placed(asked, relation) for relation in asked.relations)


def follow_from_period_to_period(asked: Asked) -> tuple[Step, ...]:
    """Customers of one period, and whether they bought in the next."""
    if RETAINED not in asked.relations:
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
        f"SELECT {keys}, "
        + ", ".join(_own_or_null(asked, relation))
        + f" FROM grouped_{relation.name}"
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
    find_rows,
    find_what_segments_mean,
    find_segment_members,
    place_in_periods,
    follow_from_period_to_period,
    group,
    line_up,
)


def reads_orders(question: Question) -> bool:
    """Whether orders that were cancelled or told twice would spoil the answer."""
    asked = {metric.relation for metric in question.defined_metrics()}
    rules = [named.rule for named in question.segments]
    rules += [] if question.segment is None else [question.segment]
    return any(relations.BY_NAME[name].reads_orders for name in asked) or any(
        happenings(rule) for rule in rules
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


def compile_people(question: Question, *, limit: int, offset: int = 0) -> Plan:
    """The query for who stands behind one number, and its value for each of them alone.

    Its answer has ``profile_id`` and the metric's parts as in `parts_of`, one row per person of the
    page (one row of nulls where it is empty), and in each row ``people``, how many there are in
    all, and ``unknown_n``, the observations that nobody can be named for.

    Raises
    ------
    InvalidQuestion
        If the question is not one number, or has no answer.
    """
    if len(question.metrics) != 1 or question.dimensions or question.grain is not None:
        raise InvalidQuestion(
            "Customers stand behind one number: ask for one metric, without grain or dimensions; "
            "filters narrow it."
        )
    check_question(question)
    asked = msgspec.structs.replace(_asked(question), by_person=True)
    (metric,), (relation,) = asked.metrics, asked.relations
    steps = [step for build in STEPS[:-2] for step in build(asked)]
    parts = ", ".join(
        f"CAST({expression} AS {sql_type}) AS {column}"
        for column, expression, sql_type in parts_of(metric)
    )
    # Of a ratio those with most observations come first: one of one would be all of the top.
    order = f"b.{metric.name}__value DESC NULLS LAST, b.profile_id ASC NULLS LAST"
    if metric.per is not None:
        order = f"b.{metric.name}__n DESC NULLS LAST, {order}"
    steps += [
        Step(
            "behind",
            f"SELECT profile_id, {parts} FROM {_counted(relation)} WHERE period = 0 "
            "GROUP BY profile_id",
        ),
        Step(
            "totals",
            "SELECT count(b.profile_id) AS people, "
            f"sum(CASE WHEN b.profile_id IS NULL THEN b.{metric.name}__n END) AS unknown_n "
            f"FROM behind AS b WHERE b.{metric.name}__n > 0",
        ),
        Step(
            "ranked",
            f"SELECT b.*, row_number() OVER (ORDER BY {order}) AS place "
            f"FROM behind AS b WHERE b.{metric.name}__n > 0 AND b.profile_id IS NOT NULL",
        ),
        Step(
            "answer",
            "SELECT t.people, t.unknown_n, r.* FROM totals AS t LEFT JOIN ranked AS r "
            "ON r.place > $offset AND r.place <= $until_place ORDER BY r.place ASC NULLS LAST",
        ),
    ]
    places = {"offset": offset, "until_place": offset + limit}
    return Plan(
        query=relations.bind(tuple(steps), {**asked.parameters, **places}),
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
    if metric.squares is not None:
        found.append((f"{metric.name}__squares", metric.squares, "BIGINT"))
    if with_people:
        found.append((f"{metric.name}__people", _PEOPLE, "BIGINT"))
    return tuple(found)


def _placed(asked: Asked, relation: Relation) -> Step:
    named = asked.reads_profiles(relation)
    rows = relation.rows if named else relation.unnamed
    retained = relation is RETAINED
    joins = ""
    if asked.question.grain is None:
        period = "CASE WHEN v.occurred_at < $start THEN -1 ELSE 0 END"
    else:
        period = "k.period"
        joins += (
            f" JOIN calendar AS k ON k.day = {local_day_sql(asked.parameters, 'v.occurred_at')}"
        )
    if asked.reads_customers:
        customers = "customers" if asked.segment is None else asked.segment.customers
        joins += f" LEFT JOIN {customers} AS c ON c.profile_id = v.profile_id"
    if asked.reads_segments:
        joins += " JOIN segment_members AS g ON g.profile_id = v.profile_id"
    splits = "".join(f", {d.expression} AS by_{d.name}" for d in asked.dimensions)
    conditions = [f"v.occurred_at >= {'$before' if retained else '$start'}", "v.occurred_at < $end"]
    if retained:
        conditions.append("v.is_order = 1 AND v.profile_id IS NOT NULL")
        # A period that the question cuts begins later than its unit; in between lies neither.
        conditions.append("(v.occurred_at < $unit_start OR v.occurred_at >= $start)")
    conditions += [
        _filter_sql(number, DIMENSIONS[each.dimension].expression, each.values, each.exclude)
        for number, each in enumerate(asked.question.filters)
    ]
    if asked.segment is not None:
        # Nobody is in no segment, though a `not` would hold for a row without a customer.
        conditions.append(f"c.profile_id IS NOT NULL AND {asked.segment.sql}")
    columns = ", ".join(f"v.{name}" for name in relation.columns)
    if named:
        columns += ", v.profile_id"
    return Step(
        f"placed_{relation.name}",
        f"SELECT {period} AS period, {columns}{splits} FROM {rows} AS v{joins} "
        f"WHERE {' AND '.join(conditions)}",
    )


def _counted(relation: Relation) -> str:
    """The step whose rows a relation's metrics are aggregates of."""
    return "counted_retained" if relation is RETAINED else f"placed_{relation.name}"


def _grouped(asked: Asked, relation: Relation) -> Step:
    keys = ["period", *(f"by_{d.name}" for d in asked.dimensions)]
    source = _counted(relation)
    columns = [
        f"CAST({expression} AS {sql_type}) AS {column}"
        for metric in asked.metrics
        if metric.relation == relation.name
        for column, expression, sql_type in asked.parts_of(metric)
    ]
    listed = ", ".join(keys)
    return Step(
        f"grouped_{relation.name}",
        f"SELECT {listed}, {', '.join(columns)} FROM {source} GROUP BY {listed}",
    )


def _own_or_null(asked: Asked, relation: Relation) -> list[str]:
    return [
        column if metric.relation == relation.name else f"CAST(NULL AS {sql_type}) AS {column}"
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


def local_second_sql(parameters: Mapping[str, Any], moment: str) -> str:
    """Seconds of a moment on the local wall clock; the zone's changes are bound as ``$until_…``."""
    count = sum(1 for name in parameters if name.startswith("until_"))
    last = f"$offset_{count}"
    if count:
        branches = " ".join(
            f"WHEN {moment} < $until_{number} THEN $offset_{number}" for number in range(count)
        )
        last = f"CASE {branches} ELSE {last} END"
    return f"(epoch({moment}) + {last})"


def local_day_sql(parameters: Mapping[str, Any], moment: str) -> str:
    """Number of the local day of a moment."""
    return f"CAST(floor({local_second_sql(parameters, moment)} / 86400.0) AS INT)"


def zone_parameters(start: datetime, end: datetime, time_zone: str) -> dict[str, Any]:
    """What `local_second_sql` needs bound."""
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
        "visits_since": question.start - _LONGEST_VISIT,
        "visits_until": question.end + _LONGEST_VISIT,
        **zone_parameters(before, question.end, zone),
    }
    for number, each in enumerate(question.filters):
        for i, value in enumerate(each.values):
            parameters[f"filter_{number}_{i}"] = value
    times: dict[str, Any] = {"now": now, "at": question.at, "as_known_then": bool(question.as_of)}
    segment = segments = None
    if question.segment is not None:
        segment = compile_rule(question.segment, prefix="segment", **times)
        parameters |= segment.parameters
    if "segment" in question.dimensions:
        rules = [named.rule for named in question.segments]
        segments = compile_rules(rules, prefix="segments", **times)
        parameters |= segments.parameters
        for number, named in enumerate(question.segments):
            parameters[f"segment_key_{number}"] = named.key
    return Asked(
        question=question,
        metrics=question.defined_metrics(),
        dimensions=tuple(DIMENSIONS[name] for name in question.dimensions),
        periods=periods,
        before=before,
        parameters=parameters,
        segment=segment,
        segments=segments,
    )


def _tables(asked: Asked) -> dict[str, pa.Table]:
    question, periods = asked.question, asked.periods
    bounds = pa.Table.from_pylist(
        [{"starts_at": each.starts_at, "ends_at": each.ends_at} for each in periods], _BOUNDS
    )
    if question.grain is None:
        return {"period_bounds": bounds}
    first = 0
    if RETAINED in asked.relations:
        earlier = Period(
            first_day=local_day(asked.before, question.time_zone),
            starts_at=asked.before,
            ends_at=asked.parameters["unit_start"],
        )
        periods, first = (earlier, *periods), -1
    days = calendar(periods, question.time_zone, first_number=first)
    return {"calendar": days, "period_bounds": bounds}


_MOMENT = pa.timestamp("us", tz="UTC")
_BOUNDS = pa.schema(
    [
        pa.field("starts_at", _MOMENT, nullable=False),
        pa.field("ends_at", _MOMENT, nullable=False),
    ]
)

"""Who belongs to a segment: counted, listed, and all segments side by side."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InvalidInput
from rapport.understand import relations
from rapport.understand.knowledge import Freshness, ask
from rapport.understand.segments.compiled import Compiled, compile_rule, compile_rules
from rapport.understand.segments.happening import COLUMN_OF
from rapport.understand.segments.rule import COLUMNS, Rule
from rapport.vocabulary.lake_tables import CUSTOMERS


class SegmentOverview(Struct, frozen=True, kw_only=True):
    """One segment beside the others; shares are 0 … 1 of all customers."""

    key: str
    customers: int
    share: float
    revenue: Decimal
    revenue_share: float
    expected_value: float | None  # sum of what models expect; None: nobody is scored
    nps: float | None  # over each member's newest answer
    nps_n: int
    reachable: int  # may be written to by email
    probability_alive: float | None = None  # mean over scored members with two orders or more
    scored: int = 0


def _query(compiled: Compiled, steps: tuple[Step, ...], **parameters: object) -> Query:
    return relations.bind(
        (*compiled.with_corrections(), *steps),
        {**relations.TYPES, **compiled.parameters, **parameters},
    )


def count_query(rule: Rule, *, now: datetime, at: datetime | None = None) -> Query:
    """The query behind `count`."""
    compiled = compile_rule(rule, now=now, at=at)
    return _query(
        compiled,
        (
            Step(
                "answer",
                f"SELECT count(*) AS members FROM {compiled.customers} AS c WHERE {compiled.sql}",
            ),
        ),
    )


def count(
    lake: Lake,
    rule: Rule,
    *,
    now: datetime,
    at: datetime | None = None,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> int:
    """How many customers belong.

    Parameters
    ----------
    now, at : datetime
        As of `compiled.compile_rules`.
    known : Knowledge or Freshness, optional
        From `knowledge`, to spare finding again which touchpoints no longer hold.
    """
    query = count_query(rule, now=now, at=at)
    found = ask(lake, query, as_of=None, tables=tables or {}, known=known)
    return int(found["members"][0].as_py())


def members(
    lake: Lake,
    rule: Rule,
    *,
    now: datetime,
    at: datetime | None = None,
    limit: int = 50,
    offset: int = 0,
    order: str = "revenue",
    descending: bool = True,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> pa.Table:
    """One page of a segment's customers, as rows of `CUSTOMERS`.

    Parameters
    ----------
    order : str
        A column of `CUSTOMERS`; unknown values come last, equal ones by profile.
    """
    if order not in CUSTOMERS.names:
        raise InvalidInput(
            f"Customers cannot be sorted by {order!r}; choose one of {', '.join(CUSTOMERS.names)}"
        )
    if limit < 1 or offset < 0:
        raise InvalidInput(
            f"A page needs a limit of 1 or more and an offset of 0 or more, "
            f"not {limit} and {offset}"
        )
    compiled = compile_rule(rule, now=now, at=at)
    direction = "DESC" if descending else "ASC"
    query = _query(
        compiled,
        (
            Step(
                "answer",
                f"SELECT c.* FROM {compiled.customers} AS c WHERE {compiled.sql} "
                f"ORDER BY c.{order} {direction} NULLS LAST, c.profile_id ASC NULLS LAST "
                "LIMIT $page_limit OFFSET $page_offset",
            ),
        ),
        page_limit=limit,
        page_offset=offset,
    )
    found = ask(lake, query, as_of=None, tables=tables or {}, known=known)
    return found.select(CUSTOMERS.names)


def members_query(rule: Rule, *, now: datetime, at: datetime | None = None) -> Query:
    """The query behind `member_ids`."""
    compiled = compile_rule(rule, now=now, at=at)
    return _query(
        compiled,
        (
            Step(
                "answer",
                f"SELECT c.profile_id FROM {compiled.customers} AS c WHERE {compiled.sql} "
                "ORDER BY c.profile_id ASC NULLS LAST",
            ),
        ),
    )


def member_ids(
    lake: Lake,
    rule: Rule,
    *,
    now: datetime,
    at: datetime | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> pa.Table:
    """The audience: ``profile_id`` of every member, sorted."""
    return lake.ask(members_query(rule, now=now, at=at), tables=tables)


#: What the overview computes of each segment's members.
_MEASURES = (
    "count(*) AS customers, sum(revenue) AS revenue, "
    # A sum of decimals is the same in every order of rows; of floats it is not.
    "sum(CAST(expected_value AS DECIMAL(18, 4))) AS expected_value, "
    "count(CASE WHEN last_nps >= 9 THEN 1 END) AS promoters, "
    "count(CASE WHEN last_nps <= 6 THEN 1 END) AS detractors, "
    "count(last_nps) AS answers, "
    "count(CASE WHEN email_marketing THEN 1 END) AS reachable, "
    # BG/NBD takes everybody who bought once to be alive for ever: of them it says nothing.
    "sum(CASE WHEN order_count >= 2 THEN CAST(probability_alive AS DECIMAL(18, 6)) END) AS alive, "
    "count(CASE WHEN order_count >= 2 THEN probability_alive END) AS scored"
)
_READ = (
    "revenue",
    "expected_value",
    "last_nps",
    "email_marketing",
    "probability_alive",
    "order_count",
)


def overview_query(
    segments: Sequence[tuple[str, Rule]], *, now: datetime, at: datetime | None = None
) -> Query:
    """The query behind `overview`: one row per segment, and one of everybody, numbered -1."""
    compiled = compile_rules([rule for _, rule in segments], now=now, at=at, prefix="segment")
    flags = "".join(f", {sql} AS in_{number}" for number, sql in enumerate(compiled.sqls))
    branches = [f"SELECT -1 AS segment, {_MEASURES} FROM flagged"]
    branches += [
        f"SELECT {number} AS segment, {_MEASURES} FROM flagged WHERE in_{number}"
        for number in range(len(segments))
    ]
    return _query(
        compiled,
        (
            Step(
                "flagged",
                f"SELECT {', '.join(f'c.{name}' for name in _READ)}{flags} "
                f"FROM {compiled.customers} AS c",
            ),
            Step("answer", " UNION ALL ".join(branches)),
        ),
    )


def overview(
    lake: Lake,
    segments: Sequence[tuple[str, Rule]],
    *,
    now: datetime,
    at: datetime | None = None,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> tuple[SegmentOverview, ...]:
    """Every segment by one query, which reads the customers once, and touchpoints at most once.

    Parameters
    ----------
    segments : sequence of (key, rule)
        In the order in which they come back.
    """
    query = overview_query(segments, now=now, at=at)
    rows = {
        row["segment"]: row
        for row in ask(lake, query, as_of=None, tables=tables or {}, known=known).to_pylist()
    }
    everybody, total = rows[-1]["customers"], rows[-1]["revenue"] or Decimal(0)
    found = []
    for number, (key, _) in enumerate(segments):
        row = rows[number]
        revenue, value = row["revenue"] or Decimal(0), row["expected_value"]
        balance = row["promoters"] - row["detractors"]
        found.append(
            SegmentOverview(
                key=key,
                customers=row["customers"],
                share=row["customers"] / everybody if everybody else 0.0,
                revenue=revenue,
                revenue_share=float(revenue / total) if total else 0.0,
                expected_value=None if value is None else float(value),
                nps=100 * balance / row["answers"] if row["answers"] else None,
                nps_n=row["answers"],
                reachable=row["reachable"],
                probability_alive=float(row["alive"]) / row["scored"] if row["scored"] else None,
                scored=row["scored"],
            )
        )
    return tuple(found)


def overlap_query(
    rule: Rule, others: Sequence[Rule], *, now: datetime, at: datetime | None = None
) -> Query:
    """The query behind `overlap`: one row of counts."""
    compiled = compile_rules([rule, *others], now=now, at=at)
    flags = ", ".join(
        f"CASE WHEN {sql} THEN 1 ELSE 0 END AS in_{number}"
        for number, sql in enumerate(compiled.sqls)
    )
    counts = "".join(
        f", coalesce(sum(in_0 * in_{number}), 0) AS both_{number}"
        f", coalesce(sum(in_{number}), 0) AS all_{number}"
        for number in range(1, len(compiled.sqls))
    )
    return _query(
        compiled,
        (
            Step("flagged", f"SELECT {flags} FROM {compiled.customers} AS c"),
            Step(
                "answer",
                "SELECT count(*) AS customers, coalesce(sum(in_0), 0) AS members"
                f"{counts} FROM flagged",
            ),
        ),
    )


class Overlap(Struct, frozen=True, kw_only=True):
    """How many belong to a rule, and how many of them to each other rule as well."""

    customers: int
    members: int
    others: tuple[tuple[int, int], ...]  # in both; in the other one


def overlap(
    lake: Lake,
    rule: Rule,
    others: Sequence[Rule],
    *,
    now: datetime,
    at: datetime | None = None,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> Overlap:
    """How a rule overlaps with others, by one query."""
    query = overlap_query(rule, others, now=now, at=at)
    (row,) = ask(lake, query, as_of=None, tables=tables or {}, known=known).to_pylist()
    return Overlap(
        customers=int(row["customers"]),
        members=int(row["members"]),
        others=tuple(
            (int(row[f"both_{number}"]), int(row[f"all_{number}"]))
            for number in range(1, len(others) + 1)
        ),
    )


def distinct_values(
    lake: Lake, column: str, *, limit: int = 100, tables: Mapping[str, pa.Table] | None = None
) -> list[tuple[str, int]]:
    """The commonest values of a text column, with how many customers have each."""
    if COLUMNS.get(column) != "text":
        texts = ", ".join(name for name, kind in COLUMNS.items() if kind == "text")
        raise InvalidInput(f"{column!r} is no text column of customers; choose one of {texts}")
    query = Query(
        steps=(
            Step(
                "answer",
                f"SELECT c.{column} AS value, count(*) AS customers FROM customers AS c "
                f"WHERE c.{column} IS NOT NULL GROUP BY c.{column} "
                "ORDER BY customers DESC NULLS LAST, value ASC NULLS LAST LIMIT $page_limit",
            ),
        ),
        parameters={"page_limit": limit},
    )
    return [(row["value"], row["customers"]) for row in lake.ask(query, tables=tables).to_pylist()]


#: What a filter on touchpoints may be chosen from: the table and column that hold its values.
CHOOSABLE: dict[str, tuple[str, str]] = {
    **{name: ("touchpoints", column) for name, column in COLUMN_OF.items()},
    "products": ("order_items", "sku"),
    "categories": ("order_items", "category"),
}


def touchpoint_values(
    lake: Lake, name: str, *, limit: int = 60, tables: Mapping[str, pa.Table] | None = None
) -> list[tuple[str, int]]:
    """The commonest values for a filter of `Which`, with how many touchpoints or lines have it."""
    if name not in CHOOSABLE:
        raise InvalidInput(
            f"{name!r} is no list to choose from; it is one of {', '.join(CHOOSABLE)}"
        )
    table, column = CHOOSABLE[name]
    query = Query(
        steps=(
            Step(
                "answer",
                f"SELECT t.{column} AS value, count(*) AS number FROM {table} AS t "
                f"WHERE t.{column} IS NOT NULL GROUP BY t.{column} "
                "ORDER BY number DESC NULLS LAST, value ASC NULLS LAST LIMIT $page_limit",
            ),
        ),
        parameters={"page_limit": limit},
    )
    return [(row["value"], row["number"]) for row in lake.ask(query, tables=tables).to_pylist()]

"""What the lake knew at a moment: how recent it was, and which touchpoints no longer held.

Both depend on nothing but the lake and the moment, and finding the second costs more than most
questions. So a page that asks many questions gets it once, keeps it for as long as
`lake.version("touchpoints")` stays the same, and hands it to each of them.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InternalError
from rapport.understand import relations


class Freshness(Struct, frozen=True, kw_only=True):
    """How much the lake holds, and how recent it is."""

    received_until: datetime | None  # the newest touchpoint's arrival; None: none yet
    touchpoints: int


class Knowledge(Freshness, frozen=True, kw_only=True):
    """Freshness, and what no longer held at `as_of` (None: now).

    `left_out` has one column, ``position``: touchpoints that were corrected, cancelled or told
    twice, which no question counts. Without `orders` it holds the corrected ones alone, which is
    enough for questions that read no orders.
    """

    as_of: datetime | None
    left_out: pa.Table
    orders: bool = True


def freshness(
    lake: Lake, *, as_of: datetime | None = None, tables: Mapping[str, pa.Table] | None = None
) -> Freshness:
    """How much the lake holds, and how recent it is."""
    then = "" if as_of is None else " WHERE t.received_at <= $as_of"
    # Most files hold nothing as new as that, and the engine leaves them closed.
    newest = None if as_of or tables else lake.newest("touchpoints", "received_at")
    since = then if newest is None else " WHERE t.received_at >= $newest"
    detail = f"NOT ({relations.NO_DETAIL})"
    steps = (
        Step("newest", f"SELECT max(t.received_at) AS received_until FROM touchpoints AS t{since}"),
        Step("all_rows", f"SELECT count(*) AS touchpoints FROM touchpoints AS t{then}"),
        Step(
            "details",
            "SELECT count(*) AS details FROM touchpoints AS t"
            + (f"{then} AND {detail}" if then else f" WHERE {detail}"),
        ),
        Step(
            "freshness",
            "SELECT n.received_until, a.touchpoints - d.details AS touchpoints "
            "FROM newest AS n CROSS JOIN all_rows AS a CROSS JOIN details AS d",
        ),
    )
    parameters = {**relations.TYPES, "as_of": as_of, "newest": newest}
    (row,) = lake.ask(relations.bind(steps, parameters), tables=tables).to_pylist()
    return Freshness(received_until=row["received_until"], touchpoints=row["touchpoints"])


def knowledge(
    lake: Lake,
    *,
    as_of: datetime | None = None,
    orders: bool = True,
    tables: Mapping[str, pa.Table] | None = None,
) -> Knowledge:
    """What the lake knows, or knew at a moment.

    Parameters
    ----------
    orders : bool
        False: for questions that read no orders (`plan.reads_orders`), at a twentieth of the cost.
    """
    fresh = freshness(lake, as_of=as_of, tables=tables)
    return Knowledge(
        received_until=fresh.received_until,
        touchpoints=fresh.touchpoints,
        as_of=as_of,
        left_out=_left_out(lake, as_of, orders, tables),
        orders=orders,
    )


def _left_out(
    lake: Lake, as_of: datetime | None, orders: bool, tables: Mapping[str, pa.Table] | None
) -> pa.Table:
    """The step `left_out`, found piece by piece: what a small piece says spares reading much."""
    steps = relations.corrections(as_known_then=as_of is not None, orders=orders)
    parameters = {**relations.TYPES, "as_of": as_of}
    found = dict(tables or {})
    done = 0
    for end, step in enumerate(steps):
        if step.name in (relations.REPLACED, relations.SUSPECTS, steps[-1].name):
            query = relations.bind(steps[done : end + 1], parameters)
            found[step.name] = lake.ask(query, tables=found)
            done = end + 1
    return found[steps[-1].name]


def ask(
    lake: Lake,
    query: Query,
    *,
    as_of: datetime | None,
    tables: Mapping[str, pa.Table],
    known: Freshness | None,
) -> pa.Table:
    """The answer to a query, spared what is known already."""
    if not isinstance(known, Knowledge):
        return lake.ask(query, tables=tables)
    if known.as_of != as_of:
        raise InternalError(f"Knowledge of {known.as_of} was given to a question as of {as_of}")
    own = {step.name for step in relations.corrections(as_known_then=as_of is not None)}
    if not known.orders and any(step.name == relations.SUSPECTS for step in query.steps):
        raise InternalError("A question that reads orders was given knowledge without them")
    shorter = relations.bind(
        tuple(step for step in query.steps if step.name not in own), query.parameters
    )
    return lake.ask(shorter, tables={**tables, "left_out": known.left_out})

"""What some people did, as small tables that any query of the lake can be asked of.

A touchpoint may no longer hold because of another one, which need not be the same person's: a
correction from the back office, a cancellation that names nobody, the same order told twice. So
these come along, without belonging to anybody.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.vocabulary.lake_tables import MEMBERSHIP, ORDER_ITEMS, TOUCHPOINTS, bucket_of
from rapport.vocabulary.touchpoint import ORDER_CANCELLED, ORDER_COMPLETED, ORDER_REFUNDED

#: What decides whether a touchpoint holds, and what a row cannot be without.
_DECIDING = (
    "bucket", "position", "occurred_at", "received_at", "touchpoint_id", "source", "channel",
    "type", "order_id", "corrects",
)  # fmt: skip
_DEALINGS = pa.array([ORDER_COMPLETED, ORDER_REFUNDED, ORDER_CANCELLED])
_NAMES = pa.schema([("source", pa.string()), ("touchpoint_id", pa.string())])
_OTHERS = (
    Step(
        "of_orders",
        f"SELECT {', '.join(f't.{name}' for name in _DECIDING)} FROM touchpoints AS t "
        "JOIN own_orders AS o ON o.source = t.source AND o.order_id = t.order_id "
        "WHERE t.type = $order_completed OR t.type = $order_refunded "
        "OR t.type = $order_cancelled",
    ),
    Step(
        "names",
        "SELECT source, touchpoint_id AS name FROM own_names "
        "UNION SELECT source, touchpoint_id FROM of_orders "
        "UNION SELECT source, corrects FROM of_orders WHERE corrects IS NOT NULL",
    ),
    Step(
        "answer",
        "SELECT * FROM of_orders UNION "
        f"SELECT {', '.join(f't.{name}' for name in _DECIDING)} FROM touchpoints AS t "
        "JOIN names AS n ON n.source = t.source AND n.name = t.corrects "
        "WHERE t.corrects IS NOT NULL",
    ),
)


def own_history(
    lake: Lake, profile_of: Mapping[int, str], *, tables: Mapping[str, pa.Table] | None = None
) -> dict[str, pa.Table]:
    """The tables of a lake that knows only some people.

    Parameters
    ----------
    profile_of : mapping of atom id to profile id
        The records of the people.
    tables : mapping of str to pyarrow.Table, optional
        Tables that stand in for the lake's own.

    Returns
    -------
    dict
        ``touchpoints``, ``order_items`` and ``membership``. What holds of these touchpoints, by
        `relations.corrections`, is what holds of them in the whole lake.
    """
    given = dict(tables or {})
    members = pa.table(
        {"atom_id": list(profile_of), "profile_id": list(profile_of.values())}, schema=MEMBERSHIP
    )
    records = pa.table(
        {
            "atom_id": pa.array(list(profile_of), pa.int64()),
            "bucket": pa.array([bucket_of(atom) for atom in profile_of], pa.int32()),
        }
    )

    def of_records(table: str, schema: pa.Schema) -> pa.Table:
        columns = ", ".join(f"t.{name}" for name in schema.names)
        step = Step(
            "answer",
            f"SELECT {columns} FROM {table} AS t JOIN records AS r "
            "ON r.bucket = t.bucket AND r.atom_id = t.atom_id",
        )
        found = lake.ask(Query(steps=(step,)), tables={**given, "records": records})
        return found.cast(schema)

    own = of_records("touchpoints", TOUCHPOINTS)
    items = of_records("order_items", ORDER_ITEMS)
    others = _others(lake, own, given)
    return {
        "touchpoints": pa.concat_tables([own, others]),
        "order_items": items,
        "membership": members,
    }


def _others(lake: Lake, own: pa.Table, given: Mapping[str, pa.Table]) -> pa.Table:
    dealt = own.filter(
        pc.and_(pc.is_in(own["type"], value_set=_DEALINGS), pc.is_valid(own["order_id"]))
    )
    corrected = own.filter(pc.is_valid(own["corrects"]))
    names = pa.table(
        {
            "source": own["source"].to_pylist() + corrected["source"].to_pylist(),
            "touchpoint_id": own["touchpoint_id"].to_pylist() + corrected["corrects"].to_pylist(),
        },
        schema=_NAMES,
    )
    found = lake.ask(
        relations.bind(_OTHERS, relations.TYPES),
        tables={
            **given,
            "own_orders": dealt.select(["source", "order_id"])
            .group_by(["source", "order_id"])
            .aggregate([]),
            "own_names": names,
        },
    )
    found = found.filter(pc.invert(pc.is_in(found["position"], value_set=own["position"])))
    return pa.table(
        [
            found[field.name].cast(field.type)
            if field.name in _DECIDING
            else pa.nulls(found.num_rows, field.type)
            for field in TOUCHPOINTS
        ],
        schema=TOUCHPOINTS,
    )

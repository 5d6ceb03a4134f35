"""What the lake knows of a company: its orders, and the sales opportunities about it."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pyarrow as pa

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.vocabulary.lake_tables import TOUCHPOINTS, bucket_of
from rapport.vocabulary.touchpoint import DEAL_UPDATED

#: More records than a page need read.
MOST_RECORDS = 2_000
_DEAL_LINES = 2_000


def orders_of(lake: Lake, atom_ids: Sequence[int], *, now: datetime, limit: int = 50) -> pa.Table:
    """The orders and refunds that hold of these records, newest first.

    Returns
    -------
    pyarrow.Table
        ``occurred_at type order_id source amount_base position``; orders cancelled or told twice
        are left out.
    """
    steps = (
        *relations.corrections(as_known_then=False),
        Step(
            "answer",
            relations.current(
                ("occurred_at", "type", "order_id", "source", "amount_base", "position"),
                "(t.type = $order_completed OR t.type = $order_refunded) AND t.occurred_at < $end",
                as_known_then=False,
            )
            + " ORDER BY t.occurred_at DESC NULLS LAST, t.position DESC NULLS LAST "
            f"LIMIT {int(limit)}",
        ),
    )
    query = relations.bind(steps, {**relations.TYPES, "end": now + timedelta(days=1)})
    return lake.ask(query, tables={"touchpoints": _own(lake, atom_ids)})


def deals_of(lake: Lake, atom_ids: Sequence[int]) -> pa.Table:
    """What was said of sales opportunities on these records, newest first.

    Returns
    -------
    pyarrow.Table
        ``occurred_at received_at amount_base properties position``, every stage of every deal.
    """
    query = Query(
        steps=(
            Step(
                "answer",
                "SELECT t.occurred_at, t.received_at, t.amount_base, t.properties, t.position "
                "FROM touchpoints AS t WHERE t.type = $deal_updated "
                "ORDER BY t.occurred_at DESC NULLS LAST, t.position DESC NULLS LAST "
                f"LIMIT {_DEAL_LINES}",
            ),
        ),
        parameters={"deal_updated": DEAL_UPDATED},
    )
    return lake.ask(query, tables={"touchpoints": _own(lake, atom_ids)})


def _own(lake: Lake, atom_ids: Sequence[int]) -> pa.Table:
    """All touchpoints of these records."""
    atoms = sorted(set(atom_ids))[:MOST_RECORDS]
    records = pa.table(
        {
            "atom_id": pa.array(atoms, pa.int64()),
            "bucket": pa.array([bucket_of(atom) for atom in atoms], pa.int32()),
        }
    )
    columns = ", ".join(f"t.{name}" for name in TOUCHPOINTS.names)
    return lake.ask(
        Query(
            steps=(
                Step(
                    "own",
                    f"SELECT {columns} FROM touchpoints AS t JOIN records AS r "
                    "ON r.bucket = t.bucket AND r.atom_id = t.atom_id",
                ),
            )
        ),
        tables={"records": records},
    )

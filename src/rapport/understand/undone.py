"""Whose touchpoints hold no longer, or hold again, because of touchpoints of others.

A correction names a touchpoint, and a cancellation an order, that may be anybody's: a back office
corrects a till. What was known of those people must be looked at again too.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from rapport.engines.lake import Lake, Step
from rapport.understand import relations
from rapport.vocabulary.touchpoint import ORDER_CANCELLED, Touchpoint

_SAID = pa.schema([("source", pa.string()), ("corrects", pa.string()), ("order_id", pa.string())])
_DEALT = "(t.type = $order_completed OR t.type = $order_refunded OR t.type = $order_cancelled)"
_STEPS = (
    Step(
        "meant",
        # Of several corrections of one touchpoint the newest holds, so that the others are meant.
        "SELECT t.atom_id, t.source, t.order_id, t.type FROM touchpoints AS t "
        "JOIN (SELECT DISTINCT source, corrects FROM said WHERE corrects IS NOT NULL) AS s "
        "ON s.source = t.source AND s.corrects = t.touchpoint_id UNION ALL "
        "SELECT t.atom_id, t.source, t.order_id, t.type FROM touchpoints AS t "
        "JOIN (SELECT DISTINCT source, corrects FROM said WHERE corrects IS NOT NULL) AS s "
        "ON s.source = t.source AND s.corrects = t.corrects WHERE t.corrects IS NOT NULL",
    ),
    Step(
        "orders",
        "SELECT source, order_id FROM said WHERE order_id IS NOT NULL UNION "
        f"SELECT t.source, t.order_id FROM meant AS t WHERE t.order_id IS NOT NULL AND {_DEALT}",
    ),
    Step(
        "answer",
        "SELECT atom_id FROM meant WHERE atom_id IS NOT NULL UNION "
        "SELECT t.atom_id FROM touchpoints AS t "
        "JOIN orders AS o ON o.source = t.source AND o.order_id = t.order_id "
        f"WHERE t.atom_id IS NOT NULL AND {_DEALT}",
    ),
)


def atoms_undone_by(lake: Lake, touchpoints: Sequence[Touchpoint]) -> list[int]:
    """The records of whom something holds no longer, or again, since these were told.

    Parameters
    ----------
    lake : Lake
        In which these touchpoints are already.
    """
    said = [
        (t.source, t.corrects, t.order_id if t.type == ORDER_CANCELLED or t.corrects else None)
        for t in touchpoints
        if t.corrects is not None or (t.type == ORDER_CANCELLED and t.order_id is not None)
    ]
    if not said:
        return []
    columns = [list(column) for column in zip(*said, strict=True)]
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _SAID, strict=True)],
        schema=_SAID,
    )
    found = lake.ask(relations.bind(_STEPS, relations.TYPES), tables={"said": table})
    return sorted(found["atom_id"].to_pylist())

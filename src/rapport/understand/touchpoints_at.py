"""Touchpoints looked up by their place in the journal: what a ticket is about, word for word."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InvalidInput
from rapport.vocabulary.lake_tables import TOUCHPOINTS, bucket_of

#: More than anybody reads on one page.
MOST = 200


def touchpoints_at(
    lake: Lake, positions: Sequence[int], atom_ids: Sequence[int | None]
) -> pa.Table:
    """Touchpoints by position.

    Parameters
    ----------
    positions : sequence of int
        At most `MOST`.
    atom_ids : sequence of int or None
        The records they may belong to; they say in which partitions to look.

    Returns
    -------
    pyarrow.Table
        `TOUCHPOINTS`, newest position first; what was erased is absent.

    Raises
    ------
    InvalidInput
        If too many are asked for.
    """
    if not positions or not atom_ids:
        return TOUCHPOINTS.empty_table()
    if len(positions) > MOST:
        raise InvalidInput(
            f"At most {MOST} touchpoints are looked up at once, not {len(positions)}"
        )
    buckets = sorted({bucket_of(atom_id) for atom_id in atom_ids})
    parameters: dict[str, object] = {f"position_{i}": p for i, p in enumerate(positions)}
    # The bucket is the partition: naming it spares opening the other 63.
    parameters |= {f"bucket_{i}": bucket for i, bucket in enumerate(buckets)}
    columns = ", ".join(f"t.{name}" for name in TOUCHPOINTS.names)
    step = Step(
        "answer",
        f"SELECT {columns} FROM touchpoints AS t "
        f"WHERE t.bucket IN ({', '.join(f'$bucket_{i}' for i in range(len(buckets)))}) "
        f"AND t.position IN ({', '.join(f'$position_{i}' for i in range(len(positions)))}) "
        "ORDER BY t.position DESC NULLS LAST",
    )
    return lake.ask(Query(steps=(step,), parameters=parameters))


def counts_by_type(lake: Lake, source: str) -> pa.Table:
    """What a source has sent, by type.

    Returns
    -------
    pyarrow.Table
        ``type touchpoints newest_at``, the most frequent first.
    """
    step = Step(
        "answer",
        "SELECT t.type, count(*) AS touchpoints, max(t.occurred_at) AS newest_at "
        "FROM touchpoints AS t WHERE t.source = $source GROUP BY t.type "
        "ORDER BY touchpoints DESC NULLS LAST, t.type NULLS LAST",
    )
    return lake.ask(Query(steps=(step,), parameters={"source": source}))

"""One customer's touchpoints, newest first: the timeline of the 360-degree page."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InvalidInput
from rapport.vocabulary.lake_tables import TOUCHPOINTS, bucket_of

_MAX_ATOMS = 1000


def timeline_query(
    atom_ids: Sequence[int],
    *,
    limit: int = 200,
    before: tuple[datetime, int] | None = None,
    types: Sequence[str] = (),
) -> Query:
    """The query behind `newest_touchpoints`."""
    atoms = sorted(set(atom_ids))
    if not 1 <= len(atoms) <= _MAX_ATOMS:
        raise InvalidInput(f"A timeline shows 1 to {_MAX_ATOMS} records, not {len(atoms)}")
    if limit < 1:
        raise InvalidInput(f"A page of a timeline has 1 touchpoint or more, not {limit}")
    parameters: dict[str, object] = {f"atom_{i}": atom for i, atom in enumerate(atoms)}
    # The bucket is the partition: naming it spares opening the other 63.
    buckets = sorted({bucket_of(atom) for atom in atoms})
    parameters |= {f"bucket_{i}": bucket for i, bucket in enumerate(buckets)}
    parameters["page_limit"] = limit
    theirs = (
        f"t.bucket IN ({', '.join(f'$bucket_{i}' for i in range(len(buckets)))}) "
        f"AND t.atom_id IN ({', '.join(f'$atom_{i}' for i in range(len(atoms)))})"
    )
    condition = ""
    if before is not None:
        parameters |= {"before_time": before[0], "before_position": before[1]}
        condition += (
            " AND (t.occurred_at < $before_time "
            "OR (t.occurred_at = $before_time AND t.position < $before_position))"
        )
    if types:
        parameters |= {f"type_{i}": name for i, name in enumerate(types)}
        condition += f" AND t.type IN ({', '.join(f'$type_{i}' for i in range(len(types)))})"
    columns = ", ".join(f"t.{name}" for name in TOUCHPOINTS.names)
    return Query(
        steps=(
            Step("theirs", f"SELECT {columns} FROM touchpoints AS t WHERE {theirs}"),
            Step(
                "answer",
                "SELECT t.*, EXISTS (SELECT 1 FROM theirs AS c WHERE c.source = t.source "
                "AND c.corrects = t.touchpoint_id AND c.touchpoint_id <> t.touchpoint_id) "
                f"AS corrected FROM theirs AS t WHERE TRUE{condition} "
                "ORDER BY t.occurred_at DESC NULLS LAST, t.position DESC NULLS LAST "
                "LIMIT $page_limit",
            ),
        ),
        parameters=parameters,
    )


def newest_touchpoints(
    lake: Lake,
    atom_ids: Sequence[int],
    *,
    limit: int = 200,
    before: tuple[datetime, int] | None = None,
    types: Sequence[str] = (),
    tables: Mapping[str, pa.Table] | None = None,
) -> pa.Table:
    """The newest touchpoints of a profile's records.

    Parameters
    ----------
    atom_ids : sequence of int
        The profile's records, from the ledger.
    before : (occurred_at, position), optional
        The last row of the page before; the page after it follows without gap or repeat.
    types : sequence of str
        Only these types.

    Returns
    -------
    pyarrow.Table
        `TOUCHPOINTS`, and ``corrected``: whether a later touchpoint of the same person replaces it.
    """
    query = timeline_query(atom_ids, limit=limit, before=before, types=types)
    return lake.ask(query, tables=tables)

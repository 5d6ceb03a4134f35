"""What the lake knows of one person beside the timeline: sums by kind, mood, lines, standing."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from rapport.engines.lake import Lake, Query, Step
from rapport.vocabulary.lake_tables import bucket_of

#: More records than anybody has, and than one statement should bind.
MOST_RECORDS = 1000


def monthly_activity(lake: Lake, atom_ids: Sequence[int]) -> pa.Table:
    """Touchpoints and mood of a person's records, by type and month.

    Returns
    -------
    pyarrow.Table
        ``type month touchpoints mood_sum mood_count``; months are those of UTC, and the mood is
        the sum of sentiments from -1 to 1 with how many there are.
    """
    if not atom_ids:
        return _NO_ACTIVITY
    condition, parameters = _theirs(atom_ids)
    step = Step(
        "answer",
        "SELECT t.type, date_trunc('month', t.occurred_at) AS month, count(*) AS touchpoints, "
        # A sum of decimals is the same in every order of rows; of floats it is not.
        "CAST(sum(CAST(t.sentiment AS DECIMAL(18, 6))) AS DOUBLE) AS mood_sum, "
        "count(t.sentiment) AS mood_count "
        f"FROM touchpoints AS t WHERE {condition} "
        "GROUP BY t.type, date_trunc('month', t.occurred_at)",
    )
    return lake.ask(Query(steps=(step,), parameters=parameters))


def order_lines(lake: Lake, atom_ids: Sequence[int], positions: Sequence[int]) -> pa.Table:
    """The lines of some of a person's orders.

    Parameters
    ----------
    positions : sequence of int
        Of the touchpoints whose lines are wanted.

    Returns
    -------
    pyarrow.Table
        ``position line sku name quantity amount currency``, by position and line.
    """
    if not atom_ids or not positions:
        return _NO_LINES
    condition, parameters = _theirs(atom_ids)
    wanted = pa.table({"position": pa.array(sorted(set(positions)), pa.int64())})
    step = Step(
        "answer",
        "SELECT t.position, t.line, t.sku, t.name, t.quantity, t.amount, t.currency "
        "FROM order_items AS t JOIN wanted AS w ON w.position = t.position "
        f"WHERE {condition} "
        "ORDER BY t.position ASC NULLS LAST, t.line ASC NULLS LAST",
    )
    return lake.ask(Query(steps=(step,), parameters=parameters), tables={"wanted": wanted})


def standing(lake: Lake, profile_id: str) -> pa.Table:
    """A customer's row of the customers' table with the share of customers worth less.

    Returns
    -------
    pyarrow.Table
        No row before the table knows the person, else one: `CUSTOMERS` and ``value_rank``, from 0
        to 1, null without an expected value.
    """
    query = Query(
        steps=(
            Step("own", "SELECT * FROM customers WHERE profile_id = $profile_id"),
            Step(
                "answer",
                # Without an expected value there is no share: 0 / 0 is not a number on DuckDB.
                "SELECT o.*, (SELECT CAST(sum(CASE WHEN c.expected_value < o.expected_value "
                "THEN 1 ELSE 0 END) AS DOUBLE) / nullif(count(c.expected_value), 0) "
                "FROM customers AS c WHERE o.expected_value IS NOT NULL) AS value_rank "
                "FROM own AS o",
            ),
        ),
        parameters={"profile_id": profile_id},
    )
    return lake.ask(query)


def score_before(
    lake: Lake, profile_ids: Sequence[str], *, name: str, before: datetime
) -> float | None:
    """The newest score of a person as of ``before`` or earlier, under any of their ids."""
    ids = {f"id_{i}": profile_id for i, profile_id in enumerate(profile_ids[:MOST_RECORDS])}
    if not ids:
        return None
    step = Step(
        "answer",
        "SELECT s.value FROM scores AS s "
        f"WHERE s.profile_id IN ({', '.join(f'${key}' for key in ids)}) "
        "AND s.name = $name AND s.as_of <= $before "
        "ORDER BY s.as_of DESC NULLS LAST, s.version_id DESC NULLS LAST LIMIT 1",
    )
    parameters = {**ids, "name": name, "before": before}
    found = lake.ask(Query(steps=(step,), parameters=parameters))
    return found["value"][0].as_py() if found.num_rows else None


def _theirs(atom_ids: Sequence[int]) -> tuple[str, dict[str, object]]:
    """The condition that picks rows of these records, with its values."""
    atoms = sorted(set(atom_ids))[:MOST_RECORDS]
    buckets = sorted({bucket_of(atom) for atom in atoms})
    parameters: dict[str, object] = {f"atom_{i}": atom for i, atom in enumerate(atoms)}
    parameters |= {f"bucket_{i}": bucket for i, bucket in enumerate(buckets)}
    # The bucket is the partition: naming it spares opening the other 63.
    condition = (
        f"t.bucket IN ({', '.join(f'$bucket_{i}' for i in range(len(buckets)))}) "
        f"AND t.atom_id IN ({', '.join(f'$atom_{i}' for i in range(len(atoms)))})"
    )
    return condition, parameters


_NO_ACTIVITY = pa.schema(
    [
        ("type", pa.string()),
        ("month", pa.timestamp("us", tz="UTC")),
        ("touchpoints", pa.int64()),
        ("mood_sum", pa.float64()),
        ("mood_count", pa.int64()),
    ]
).empty_table()
_NO_LINES = pa.schema(
    [
        ("position", pa.int64()),
        ("line", pa.int32()),
        ("sku", pa.string()),
        ("name", pa.string()),
        ("quantity", pa.decimal128(18, 4)),
        ("amount", pa.decimal128(18, 4)),
        ("currency", pa.string()),
    ]
).empty_table()

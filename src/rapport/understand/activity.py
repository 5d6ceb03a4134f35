"""What each profile did, in sums: for lists and search, which ask no lake."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.vocabulary.lake_tables import MEMBERSHIP, TOUCHPOINTS, bucket_of

#: Beyond so many records it is cheaper to read all of the lake than to pick theirs.
_FEW_RECORDS = 20_000

_STEPS = (
    Step(
        "seen",
        "SELECT m.profile_id, "
        f"count(CASE WHEN {relations.DONE} AND {relations.NO_DETAIL} THEN 1 END) "
        "AS touchpoint_count, min(t.occurred_at) AS first_seen, "
        f"max(CASE WHEN {relations.DONE} THEN t.occurred_at END) AS last_seen "
        "FROM touchpoints AS t "
        "JOIN membership AS m ON m.atom_id = t.atom_id GROUP BY m.profile_id",
    ),
    *relations.corrections(as_known_then=False),
    *relations.sales(as_known_then=False, since=""),
    *relations.named_sales(),
    Step(
        "bought",
        "SELECT profile_id, CAST(sum(is_order) AS BIGINT) AS order_count, "
        "sum(amount_base) AS revenue, "
        "max(CASE WHEN is_order = 1 THEN occurred_at END) AS last_order_at "
        "FROM named_sales WHERE profile_id IS NOT NULL GROUP BY profile_id",
    ),
    Step(
        "numbers",  # of cancelled orders too: people ask about those
        "SELECT m.profile_id, array_agg(DISTINCT t.order_id) AS order_ids FROM touchpoints AS t "
        "JOIN membership AS m ON m.atom_id = t.atom_id "
        "WHERE t.type = $order_completed AND t.order_id IS NOT NULL GROUP BY m.profile_id",
    ),
    Step(
        "activity",
        "SELECT s.profile_id, s.touchpoint_count, s.first_seen, s.last_seen, "
        "coalesce(b.order_count, 0) AS order_count, coalesce(b.revenue, 0) AS revenue, "
        "b.last_order_at, n.order_ids FROM seen AS s "
        "LEFT JOIN bought AS b ON b.profile_id = s.profile_id "
        "LEFT JOIN numbers AS n ON n.profile_id = s.profile_id",
    ),
)


def activity_query(now: datetime) -> Query:
    """Touchpoints, orders, revenue and order numbers of every profile."""
    return relations.bind(_STEPS, {**relations.TYPES, "end": now + timedelta(days=1)})


def profile_activity(
    lake: Lake, now: datetime, *, profiles: Mapping[int, str] | None = None
) -> pa.Table:
    """Sums per profile.

    Parameters
    ----------
    lake : Lake
    now : datetime
        Orders up to a day later count: clocks of shops run ahead.
    profiles : mapping of atom id to profile id, optional
        The records of the profiles that are asked about; by default all.

    Returns
    -------
    pyarrow.Table
        ``profile_id touchpoint_count first_seen last_seen order_count revenue last_order_at
        order_ids``, one row per profile with a touchpoint. What silos state about people
        (`NOTHING_DONE`) counts only for `first_seen`: since then the person is known, and nothing
        was done. Clicks on a page (`BEHAVIOUR_DETAIL`) are within its view.
    """
    query = activity_query(now)
    if profiles is None or len(profiles) > _FEW_RECORDS:
        answer = lake.ask(query)
        if profiles is None:
            return answer
        wanted = pa.array(sorted(set(profiles.values())))
        return answer.filter(pc.is_in(answer["profile_id"], value_set=wanted))
    records = pa.table(
        {
            "atom_id": pa.array(list(profiles), pa.int64()),
            "bucket": pa.array([bucket_of(atom) for atom in profiles], pa.int32()),
        }
    )
    columns = ", ".join(f"t.{name}" for name in TOUCHPOINTS.names)
    own = lake.ask(
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
    members = pa.table(
        {"atom_id": list(profiles), "profile_id": list(profiles.values())}, schema=MEMBERSHIP
    )
    return lake.ask(query, tables={"touchpoints": own, "membership": members})

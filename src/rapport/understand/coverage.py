"""What the lake covers: how recent it is, and which channels and countries occur."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Step
from rapport.understand import relations
from rapport.understand.knowledge import Freshness


class Coverage(Struct, frozen=True, kw_only=True):
    """One look at all touchpoints, for the filters and the dates of a page.

    `occurred_until` is when somebody last did something, which an import of old files does not
    move; of a company that has only records of people, when the newest was changed.
    `freshness.received_until` is when the newest arrived, which an import does move.
    """

    freshness: Freshness
    occurred_until: datetime | None
    channels: tuple[str, ...]
    countries: tuple[str, ...]


def coverage(
    lake: Lake,
    now: datetime,
    *,
    as_of: datetime | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> Coverage:
    """How far the data goes.

    Parameters
    ----------
    now : datetime
        What claims to happen later (a shop's clock runs ahead) does not make the lake newer.
    as_of : datetime or None
        *As known then*: only what had been received at that moment.
    """
    query = relations.bind(
        (
            Step(
                "answer",
                "SELECT t.channel, t.country, max(t.received_at) AS received_until, "
                "max(CASE WHEN t.occurred_at <= $now THEN t.occurred_at END) AS stated_until, "
                f"max(CASE WHEN t.occurred_at <= $now AND {relations.DONE} THEN t.occurred_at END) "
                "AS occurred_until, "
                f"count(CASE WHEN {relations.NO_DETAIL} THEN 1 END) AS touchpoints "
                "FROM touchpoints AS t "
                + ("" if as_of is None else "WHERE t.received_at <= $as_of ")
                + "GROUP BY t.channel, t.country",
            ),
        ),
        {**relations.TYPES, "now": now, "as_of": as_of},
    )
    rows = lake.ask(query, tables=tables).to_pylist()
    return Coverage(
        freshness=Freshness(
            received_until=max((row["received_until"] for row in rows), default=None),
            touchpoints=sum(row["touchpoints"] for row in rows),
        ),
        occurred_until=_newest(rows, "occurred_until") or _newest(rows, "stated_until"),
        channels=tuple(sorted({row["channel"] for row in rows})),
        countries=tuple(sorted({row["country"] for row in rows if row["country"] is not None})),
    )


def _newest(rows: Sequence[Mapping[str, Any]], column: str) -> datetime | None:
    return max((row[column] for row in rows if row[column] is not None), default=None)

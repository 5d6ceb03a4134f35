"""Which touchpoints are looked at closely: a sample of each source and period, drawn in columns.

The fields of a touchpoint are read from the journal one by one, which ten million would make an
hour's work. A few thousand of each source say the same within a percent, at any size.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step

#: Lately, the time before that lately is compared with, and all that is older.
PERIODS = ("lately", "before", "older")
LATELY = timedelta(days=28)
BEFORE = timedelta(days=196)
#: Touchpoints of one source and period.
MOST = 3_000
#: Days of which the volume is known: those that are shown and the weeks that foretell them.
DAYS = 30 + 8 * 7

_PERIOD = "CASE WHEN t.occurred_at > $lately THEN 0 WHEN t.occurred_at > $before THEN 1 ELSE 2 END"
#: Multiplying by a primitive root of a prime walks over all numbers below it in an order that has
#: nothing to do with theirs, so that its lowest are a sample of the positions. The multiplier is
#: one of Fishman & Moore (1986): large, so that low positions are spread too, and with a good
#: spectral test, so that no rhythm in the data meets one in the sample. Both fit in 64 bits.
_PRIME = 2_147_483_647
_MIXED = f"mod(mod(t.position, {_PRIME}) * 1583458089, {_PRIME})"


class Drawn(Struct, frozen=True, kw_only=True):
    """The touchpoints drawn of one source and period, and how many there are."""

    source: str
    period: int
    count: int
    positions: tuple[int, ...]


def draw(lake: Lake, until: datetime, *, most: int = MOST) -> list[Drawn]:
    """Positions in the journal of about ``most`` touchpoints per source and period.

    What claims to happen after ``until`` is lately.
    """
    periods = {"lately": until - LATELY, "before": until - BEFORE}
    counted = lake.ask(
        Query(
            steps=(
                Step(
                    "answer",
                    f"SELECT t.source, {_PERIOD} AS period, count(*) AS touchpoints "
                    f"FROM touchpoints AS t GROUP BY t.source, {_PERIOD}",
                ),
            ),
            parameters=periods,
        )
    ).to_pylist()
    counts = {(row["source"], int(row["period"])): int(row["touchpoints"]) for row in counted}
    asked = pa.table(
        {
            "source": pa.array([source for source, _ in counts], pa.string()),
            "period": pa.array([period for _, period in counts], pa.int32()),
            "below": pa.array(
                [min(_PRIME, _PRIME * most // count) for count in counts.values()], pa.int64()
            ),
        }
    )
    drawn = lake.ask(
        Query(
            steps=(
                Step(
                    "placed",
                    f"SELECT t.source, t.position, {_PERIOD} AS period, {_MIXED} AS place "
                    "FROM touchpoints AS t",
                ),
                Step(
                    "answer",
                    "SELECT p.source, p.period, p.position FROM placed AS p "
                    "JOIN asked AS a ON a.source = p.source AND a.period = p.period "
                    "WHERE p.place < a.below "
                    "ORDER BY p.source NULLS LAST, p.period NULLS LAST, p.position NULLS LAST",
                ),
            ),
            parameters=periods,
        ),
        tables={"asked": asked},
    )
    positions: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for source, period, position in zip(
        *(drawn[name].to_pylist() for name in ("source", "period", "position")), strict=True
    ):
        positions[source, int(period)].append(position)
    return [
        Drawn(source=source, period=period, count=count, positions=tuple(positions[source, period]))
        for (source, period), count in sorted(counts.items())
    ]


def happened_by_day(lake: Lake, until: datetime) -> Mapping[str, Mapping[date, int]]:
    """How many touchpoints of each source happened on each day in UTC, up to ``until``."""
    query = Query(
        steps=(
            Step(
                "answer",
                "SELECT t.source, CAST(t.occurred_at AS DATE) AS day, count(*) AS touchpoints "
                "FROM touchpoints AS t WHERE t.occurred_at > $first AND t.occurred_at <= $until "
                "GROUP BY t.source, CAST(t.occurred_at AS DATE)",
            ),
        ),
        parameters={"first": until - timedelta(days=DAYS + 1), "until": until},
    )
    found: defaultdict[str, dict[date, int]] = defaultdict(dict)
    for row in lake.ask(query).to_pylist():
        found[row["source"]][row["day"]] = int(row["touchpoints"])
    return found

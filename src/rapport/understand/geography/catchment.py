"""Who lives how far from each shop, and who of them buys there."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import is_too_small
from rapport.understand import relations
from rapport.understand.geography.distances import distance_sql
from rapport.understand.knowledge import Freshness, ask
from rapport.vocabulary.shop import Shop

#: Where each ring ends, in kilometres; the last is open.
RING_ENDS = (5, 10, 25, 50)
#: Shares of a shop's buyers whose distance is told.
REACHES = (0.5, 0.8)
SHOPS = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("latitude", pa.float64(), nullable=False),
        pa.field("longitude", pa.float64(), nullable=False),
    ]
)


class Ring(Struct, frozen=True, kw_only=True):
    """Customers who live between two distances from a shop; None: too few to tell.

    Attributes
    ----------
    number : int
        0 for the innermost; ``len(RING_ENDS)`` beyond the last; -1 for buyers whose town is not
        known.
    customers : int or None
        All who live there, whether they buy or not; of those two the buyers alone.
    buyers : int or None
        Those of them with an order in this shop in the period.
    revenue : Decimal or None
        What the buyers spent in this shop, less refunds, in the reporting currency.
    elsewhere : int or None
        Buyers who live nearer to another shop.
    """

    number: int
    customers: int | None
    buyers: int | None
    revenue: Decimal | None
    elsewhere: int | None


class Catchment(Struct, frozen=True, kw_only=True):
    """One shop with its rings and how far its buyers come; None: too few to tell.

    Attributes
    ----------
    buyers, elsewhere : int or None
        Of all rings together.
    reach_km : tuple of float or None
        Within so many kilometres live the shares `REACHES` of the buyers whose town is known.
    """

    shop: Shop
    rings: tuple[Ring, ...]
    buyers: int | None
    elsewhere: int | None
    reach_km: tuple[float | None, ...]


def catchment_query(start: datetime, end: datetime) -> Query:
    """The query behind `catchments`; it reads ``shops`` beside the lake's tables."""
    ring = " ".join(f"WHEN p.km < {end_km} THEN {n}" for n, end_km in enumerate(RING_ENDS))
    away = distance_sql("c.latitude", "c.longitude", "s.latitude", "s.longitude")
    steps = (
        *relations.corrections(as_known_then=False),
        *relations.sales(as_known_then=False, since="start"),
        *relations.named_sales(),
        Step(
            "buyers",
            "SELECT n.place AS shop, n.profile_id, sum(n.amount_base) AS revenue "
            "FROM named_sales AS n WHERE n.profile_id IS NOT NULL AND n.place IS NOT NULL "
            "GROUP BY n.place, n.profile_id HAVING sum(n.is_order) > 0",
        ),
        Step(
            "pairs",
            "SELECT s.name AS shop, c.profile_id, c.nearest_shop, "
            # To the metre: engines differ in the last digit of a sine.
            f"floor({away} * 1000 + 0.5) / 1000 AS km FROM customers AS c CROSS JOIN shops AS s",
        ),
        Step(
            "placed",
            "SELECT p.shop, b.profile_id AS buyer, b.revenue, p.km, "
            f"CASE WHEN p.km IS NULL THEN -1 {ring} ELSE {len(RING_ENDS)} END AS ring, "
            "CASE WHEN p.nearest_shop <> p.shop THEN 1 ELSE 0 END AS elsewhere "
            "FROM pairs AS p LEFT JOIN buyers AS b "
            "ON b.shop = p.shop AND b.profile_id = p.profile_id "
            f"WHERE b.profile_id IS NOT NULL OR p.km < {RING_ENDS[-1]}",
        ),
        Step(
            "ranked",
            "SELECT p.shop, p.km, row_number() OVER (PARTITION BY p.shop "
            "ORDER BY p.km ASC NULLS LAST) AS place, count(*) OVER (PARTITION BY p.shop) AS known "
            "FROM placed AS p WHERE p.buyer IS NOT NULL AND p.km IS NOT NULL",
        ),
        Step(
            "reached",
            "SELECT r.shop, "
            + ", ".join(
                f"min(CASE WHEN r.place >= {share} * r.known THEN r.km END) AS reach_{n}"
                for n, share in enumerate(REACHES)
            )
            + " FROM ranked AS r GROUP BY r.shop",
        ),
        Step(
            "ringed",
            "SELECT p.shop, p.ring, count(*) AS customers, count(p.buyer) AS buyers, "
            "coalesce(sum(p.revenue), 0) AS revenue, "
            "sum(CASE WHEN p.buyer IS NOT NULL THEN p.elsewhere ELSE 0 END) AS elsewhere "
            "FROM placed AS p GROUP BY p.shop, p.ring",
        ),
        Step(
            "answer",
            "SELECT g.shop, g.ring, g.customers, g.buyers, "
            "CAST(g.revenue AS DECIMAL(38, 4)) AS revenue, "
            "CAST(g.elsewhere AS BIGINT) AS elsewhere, "
            + ", ".join(f"r.reach_{n}" for n in range(len(REACHES)))
            + " FROM ringed AS g LEFT JOIN reached AS r ON r.shop = g.shop "
            "ORDER BY g.shop ASC NULLS LAST, g.ring ASC NULLS LAST",
        ),
    )
    return relations.bind(steps, {**relations.TYPES, "start": start, "end": end})


def catchments(
    lake: Lake,
    shops: Sequence[Shop],
    *,
    start: datetime,
    end: datetime,
    tables: Mapping[str, pa.Table] | None = None,
    known: Freshness | None = None,
) -> tuple[Catchment, ...]:
    """The catchment of every shop, in the order given.

    Where people live is as known now; what they bought lies between ``start`` and ``end``.
    """
    given = pa.table(
        {name: [getattr(shop, name) for shop in shops] for name in SHOPS.names}, schema=SHOPS
    )
    query = catchment_query(start, end)
    found = ask(lake, query, as_of=None, tables={**(tables or {}), "shops": given}, known=known)
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in found.to_pylist():
        rows.setdefault(row["shop"], []).append(row)
    return tuple(_catchment(shop, rows.get(shop.name, [])) for shop in shops)


def _catchment(shop: Shop, rows: Sequence[Mapping[str, Any]]) -> Catchment:
    buyers = sum(row["buyers"] for row in rows)
    if not rows or is_too_small(buyers):
        reach: tuple[float | None, ...] = (None,) * len(REACHES)
    else:
        reach = tuple(rows[0][f"reach_{n}"] for n in range(len(REACHES)))
    return Catchment(
        shop=shop,
        # Those whose town is not known come last.
        rings=tuple(
            _ring(row) for row in sorted(rows, key=lambda row: (row["ring"] < 0, row["ring"]))
        ),
        buyers=None if is_too_small(buyers) else buyers,
        elsewhere=None if is_too_small(buyers) else sum(row["elsewhere"] for row in rows),
        reach_km=reach,
    )


def _ring(row: Mapping[str, Any]) -> Ring:
    few = is_too_small(row["buyers"])
    return Ring(
        number=row["ring"],
        customers=None if is_too_small(row["customers"]) else row["customers"],
        buyers=None if few else row["buyers"],
        revenue=None if few else row["revenue"],
        elsewhere=None if few else row["elsewhere"],
    )

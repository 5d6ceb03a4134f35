"""What the customers' table says of where people live: made in the batch that makes the table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.understand.geography.distances import distance_km
from rapport.understand.geography.gazetteer import Located, locate
from rapport.vocabulary.lake_tables import CUSTOMERS
from rapport.vocabulary.shop import Shop

_WRITTEN = ("country", "city", "postal_code")
#: Columns of `CUSTOMERS`.
WHEREABOUTS = pa.schema(
    [
        CUSTOMERS.field(name)
        for name in (
            "region", "location_precision", "latitude", "longitude", "nearest_shop",
            "nearest_shop_km",
        )
    ]
)  # fmt: skip


def whereabouts(profiles: pa.Table, shops: Sequence[Shop]) -> pa.Table:
    """Region, coordinates and nearest shop of each profile.

    Many share a town and a postcode: each is looked up, and measured to every shop, once.

    Parameters
    ----------
    profiles : pyarrow.Table
        With ``country``, ``city`` and ``postal_code``.

    Returns
    -------
    pyarrow.Table
        With the schema `WHEREABOUTS`, a row per profile in the same order.
    """
    nulls_kept = [pc.fill_null(profiles[name], "\0") for name in _WRITTEN]
    keys = pc.binary_join_element_wise(*nulls_kept, "\x1f").combine_chunks().dictionary_encode()
    written = [
        tuple(None if part == "\0" else part for part in key.split("\x1f"))
        for key in keys.dictionary.to_pylist()
    ]
    found = locate((country, city, code) for country, city, code in written)
    rows = [_row(found[country, city, code], shops) for country, city, code in written]
    return pa.Table.from_pylist(rows, schema=WHEREABOUTS).take(keys.indices)


def _row(located: Located, shops: Sequence[Shop]) -> dict[str, object]:
    row: dict[str, object] = {
        "region": located.region,
        "location_precision": located.precision,
        "latitude": located.latitude,
        "longitude": located.longitude,
    }
    if located.latitude is not None and located.longitude is not None and shops:
        kilometres = [
            distance_km(located.latitude, located.longitude, shop.latitude, shop.longitude)
            for shop in shops
        ]
        # Of shops in one town the first by name: the middle of a town is as near to either.
        place = int(np.lexsort(([shop.name for shop in shops], kilometres))[0])
        row |= {
            "nearest_shop": shops[place].name,
            "nearest_shop_km": round(kilometres[place], 3),
        }
    return row

"""Where a customer lives: region and coordinates from country, town and postcode, offline.

Places are GeoNames' populated places of Europe (CC BY 4.0: name them wherever places are shown),
names in other languages included. What cannot be
told is said so: ``precision`` is the finest that is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct

from rapport.understand.geography.folding import spellings
from rapport.understand.geography.postcodes import region_of_postcode

#: Of towns that share a name, one so many times larger than the next is meant.
_CLEARLY_LARGER = 5

Written = tuple[str | None, str | None, str | None]


class Located(Struct, frozen=True, kw_only=True):
    """Where something is, as finely as it can be told.

    Attributes
    ----------
    precision : str or None
        "city": the town's middle is known; "region": only the region is; "country": not even that;
        None: nothing.
    region : str or None
        ISO 3166-2, such as ``BE-VOV``.
    latitude, longitude : float or None
        Of the town, in degrees.
    """

    precision: str | None = None
    region: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Place(Struct, frozen=True, kw_only=True):
    """A populated place of the gazetteer."""

    country: str
    name: str
    region: str | None
    latitude: float
    longitude: float
    population: int


def locate(written: Iterable[Written]) -> dict[Written, Located]:
    """Where each (country, town, postcode) is.

    Parameters
    ----------
    written : iterable of (country or None, town or None, postcode or None)
        As profiles hold them; looked up together, each once.
    """
    asked = set(written)
    found = _candidates(asked)
    return {each: _located(each, found) for each in asked}


def find_place(country: str, name: str) -> Place | None:
    """The town of that name; None where there is none, or several and none is clearly meant."""
    return _choose(name, _candidates([(country, name, None)]), country, None)


def _located(written: Written, found: dict[str, list[tuple[bool, Place]]]) -> Located:
    country, town, postal_code = written
    if country is None:
        return Located()
    region = region_of_postcode(country, postal_code) if postal_code else None
    place = None if town is None else _choose(town, found, country, region)
    if place is not None:
        return Located(
            precision="city",
            # A town's own region is that of its postcode where the two are drawn apart.
            region=region or place.region,
            latitude=place.latitude,
            longitude=place.longitude,
        )
    return Located(precision="region" if region else "country", region=region)


def _choose(
    town: str, found: dict[str, list[tuple[bool, Place]]], country: str, region: str | None
) -> Place | None:
    for name in spellings(town):
        candidates = found.get(f"{country}|{name}", [])
        if region is not None:
            candidates = [each for each in candidates if each[1].region == region]
        # A place's first name goes before what others call it in another language.
        own = [place for is_first, place in candidates if is_first]
        places = sorted(
            own or [place for _, place in candidates], key=lambda each: -each.population
        )
        if not places:
            continue
        if len(places) == 1 or region is not None:
            return places[0]
        clear = places[0].population >= _CLEARLY_LARGER * max(1, places[1].population)
        return places[0] if clear else None
    return None


def _candidates(asked: Iterable[Written]) -> dict[str, list[tuple[bool, Place]]]:
    """By country and spelling: the places of that name, and whether it is their first one."""
    keys = {
        f"{country}|{name}"
        for country, town, _ in asked
        if country is not None and town is not None
        for name in spellings(town)
    }
    names, places = _tables()
    hits = names.filter(pc.is_in(names["key"], value_set=pa.array(sorted(keys), pa.string())))
    rows = places.take(hits["place"]).to_pylist()
    found: dict[str, list[tuple[bool, Place]]] = {}
    for key, is_first, row in zip(
        hits["key"].to_pylist(), hits["is_first"].to_pylist(), rows, strict=True
    ):
        found.setdefault(key, []).append((is_first, Place(**row)))
    return found


@lru_cache(maxsize=1)
def _tables() -> tuple[pa.Table, pa.Table]:
    """Names by key, and the places that they mean."""
    folder = files("rapport.understand.geography") / "data"
    names, places = (
        pq.read_table(BytesIO((folder / f"{name}.parquet").read_bytes()))
        for name in ("place_names", "places")
    )
    return names, places

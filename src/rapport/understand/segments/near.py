"""The condition that somebody lives within some kilometres of a point: for events in one place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from rapport.understand.geography.distances import distance_km

#: Half way round the Earth.
_FARTHEST = 20_016


class Near(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag="near", forbid_unknown_fields=True
):
    """The middle of the customer's town lies within ``km`` of a point, as the crow flies.

    False where the town is not known. The point is part of the rule: a shop that moves changes
    nobody's past, and the rule says the same on every machine.

    Attributes
    ----------
    latitude, longitude : float, in degrees
    km : float
        The border itself is within.
    place : str
        What people call the point; it decides nothing.
    """

    latitude: float
    longitude: float
    km: float
    place: str = ""


def mistakes_of_near(near: Near) -> Iterator[str]:
    """All that is wrong with the condition, a sentence each."""
    if not math.isfinite(near.latitude) or abs(near.latitude) > 90:
        yield "near needs a latitude from -90 to 90"
    if not math.isfinite(near.longitude) or abs(near.longitude) > 180:
        yield "near needs a longitude from -180 to 180"
    if not math.isfinite(near.km) or not 0 < near.km <= _FARTHEST:
        yield f"near needs km above 0 and at most {_FARTHEST}"
    if len(near.place) > 200 or "\x00" in near.place:
        yield "near needs a place of at most 200 characters"


def lives_near(near: Near, customer: Mapping[str, Any]) -> bool:
    """Whether a row of `CUSTOMERS` lies within."""
    latitude, longitude = customer.get("latitude"), customer.get("longitude")
    if latitude is None or longitude is None:
        return False
    return distance_km(latitude, longitude, near.latitude, near.longitude) <= near.km

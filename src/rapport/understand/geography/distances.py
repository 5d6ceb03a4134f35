"""How far it is from one point to another, as the crow flies.

Roads are longer: by about a third in most of Europe, by more across a river or a mountain. No
driving time is meant or implied.
"""

from __future__ import annotations

import math

#: Mean radius of the Earth by the International Union of Geodesy and Geophysics.
EARTH_KM = 6371.0088


def distance_km(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> float:
    """Length of the great circle between two points, in kilometres.

    Parameters
    ----------
    latitude, longitude, other_latitude, other_longitude : float, in degrees

    References
    ----------
    Sinnott (1984), Virtues of the Haversine, Sky and Telescope 68(2): exact for a ball, within
    0.5 % on the Earth, and without rounding trouble where points are close.

    Examples
    --------
    >>> round(distance_km(36.12, -86.67, 33.94, -118.40))  # Nashville to Los Angeles
    2886
    """
    north = math.sin(math.radians(other_latitude - latitude) / 2)
    east = math.sin(math.radians(other_longitude - longitude) / 2)
    scale = math.cos(math.radians(latitude)) * math.cos(math.radians(other_latitude))
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, north * north + scale * east * east)))


def distance_sql(latitude: str, longitude: str, other_latitude: str, other_longitude: str) -> str:
    """`distance_km` of four expressions, written in the same order; null where one is."""
    north = f"sin(radians({other_latitude} - {latitude}) / 2)"
    east = f"sin(radians({other_longitude} - {longitude}) / 2)"
    scale = f"cos(radians({latitude})) * cos(radians({other_latitude}))"
    square = f"{north} * {north} + {scale} * {east} * {east}"
    # `least` passes over nulls: without the guard nowhere would be as far away as can be.
    return (
        f"CASE WHEN {latitude} IS NULL OR {longitude} IS NULL THEN NULL "
        f"ELSE 2 * {EARTH_KM} * asin(sqrt(least(CAST(1.0 AS DOUBLE), {square}))) END"
    )

"""A place of the company's own, where touchpoints happen and customers come to."""

from __future__ import annotations

from msgspec import Struct


class Shop(Struct, frozen=True, kw_only=True):
    """A place that touchpoints name, and where it stands.

    Attributes
    ----------
    name : str
        As touchpoints write it in ``place``.
    latitude, longitude : float, in degrees
    stated : bool
        Somebody said where it is; otherwise its name was found to be a town's, and the point is
        the middle of that town.
    """

    name: str
    latitude: float
    longitude: float
    stated: bool = True

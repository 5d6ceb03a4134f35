"""Devices: a browser's, phone's or app's own key. Schools and shops share them."""

from __future__ import annotations

from rapport.unify.matching.comparison import Column, Comparison
from rapport.unify.matching.comparisons.likeness import same_level, storable
from rapport.vocabulary.identifier_values import normalise_opaque


def read_device(device_id: str | None) -> tuple[str | None]:
    """The key as it is, but for spaces around it: case may matter."""
    return (storable(normalise_opaque(device_id)) if device_id else None,)


COMPARISON = Comparison(
    name="device",
    inputs=("device_id",),
    columns=(Column(name="device_id"),),
    read=read_device,
    said=("device_id",),
    levels=(same_level("same_device", "device_id"),),
)

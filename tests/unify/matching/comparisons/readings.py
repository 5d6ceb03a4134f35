"""Two records' level, from what they state."""

from __future__ import annotations

from typing import Any

from rapport.unify.matching.comparison import Comparison, level_of


def read(comparison: Comparison, stated: dict[str, str | None]) -> dict[str, Any]:
    """The standardised columns of one record that states ``stated`` and nothing else."""
    assert set(stated) <= set(comparison.inputs)
    values = comparison.read(*[stated.get(name) for name in comparison.inputs])
    return dict(zip((c.name for c in comparison.columns), values, strict=True))


def level(
    comparison: Comparison, one: dict[str, str | None], other: dict[str, str | None]
) -> str | None:
    """The level on which the records stand, which must not depend on their order."""
    a, b = read(comparison, one), read(comparison, other)
    key = level_of(comparison, a, b)
    assert key == level_of(comparison, b, a)
    return key

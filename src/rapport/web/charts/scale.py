"""Axes: round ticks, and where a value lies between the first and the last."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

Colour: TypeAlias = Literal[
    "c1", "c2", "c3", "c4", "c5", "c6", "cpos", "cneg", "cmid", "cink", "cgrey"
]


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """A vertical axis from the lowest to the highest tick."""

    ticks: tuple[float, ...]

    @property
    def low(self) -> float:
        """Value at the bottom."""
        return self.ticks[0]

    @property
    def high(self) -> float:
        """Value at the top."""
        return self.ticks[-1]

    def down(self, value: float) -> float:
        """Percent from the top at which `value` lies."""
        return (self.high - value) / (self.high - self.low) * 100

    def along(self, value: float) -> float:
        """Percent from the start at which `value` lies."""
        return (value - self.low) / (self.high - self.low) * 100


def known(values: Iterable[float | None]) -> list[float]:
    """The values that exist and are numbers."""
    return [float(value) for value in values if value is not None and math.isfinite(value)]


def scale_of(
    values: Iterable[float | None], *, from_zero: bool, wanted: int = 5, whole: bool = False
) -> Scale:
    """An axis with about `wanted` ticks at round numbers around all values.

    Steps are 1, 2 or 5 times a power of ten, or 2.5 where that is no finer than whole numbers
    of the digit shown: people read those at a glance. All values equal, or none at all, still
    give an axis. ``whole``: ticks at whole numbers only, as of counts, which are written so.
    """
    numbers = known(values)
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        room = abs(low) / 2 or 1.0
        low, high = (low - room, high + room) if not from_zero or low == 0 else (low, high)
        if from_zero:
            low = max(low, 0.0) if numbers and numbers[0] >= 0 else low
    step = _round_step((high - low) / max(wanted - 1, 1))
    if whole and not step.is_integer():
        step = 1.0 if step < 1 else 5.0  # 2.5 is the only other
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Multiplying whole numbers keeps ticks exact where adding steps would drift.
    digits = max(0, 1 - math.floor(math.log10(step)))
    return Scale(ticks=tuple(round(index * step, digits) for index in range(first, last + 1)))


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1.0, 2.0, 2.5, 5.0):
        if rough <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def label_places(count: int, longest: int) -> list[int]:
    """Which of `count` labels to write, so that none touches the next.

    `longest` is the number of letters of the longest, 6 px each; a wide chart has about 660 px,
    and narrower ones leave labels out by style.
    """
    if count == 0:
        return []
    room = max(2, 660 // (longest * 6 + 14))
    step = next(
        (step for step in (1, 2, 3, 4, 6, 12, 24) if count / step <= room),
        math.ceil(count / room),
    )
    return list(range(0, count, step))

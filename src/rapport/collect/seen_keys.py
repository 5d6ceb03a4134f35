"""Which keys a file has had before, and whether with the same content; small for millions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from rapport.vocabulary.touchpoint import Touchpoint

_Hashes = NDArray[np.int64]


class SeenKeys:
    """Keys as 64-bit hashes with a hash of what they stood for: 16 bytes each.

    Sorted parts of doubling size are searched, so that a key costs a few comparisons. Two of five
    million keys have the same hash once in about 1.5 million files; such a row would be refused
    with its reason and could be read again.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[_Hashes, _Hashes]] = []

    def sift(self, touchpoints: Sequence[Touchpoint]) -> tuple[list[Touchpoint], list[int]]:
        """Those that may be kept, and the places of those whose key stood for something else."""
        if not touchpoints:
            return [], []
        keys = np.array([hash(touch.touchpoint_id) for touch in touchpoints], dtype=np.int64)
        said = np.array([hash(_content(touch)) for touch in touchpoints], dtype=np.int64)
        doubted = np.zeros(len(keys), dtype=bool)
        known = np.zeros(len(keys), dtype=bool)
        for part, contents in self._parts:
            at = np.searchsorted(part, keys)
            at[at == len(part)] = 0
            here = part[at] == keys
            known |= here
            doubted |= here & (contents[at] != said)
        order = np.argsort(keys, kind="stable")
        ordered, meant = keys[order], said[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = ordered[1:] != ordered[:-1]
        # Within these the first of a key holds.
        starts = np.maximum.accumulate(np.where(first, np.arange(len(keys)), 0))
        doubted[order] |= ~known[order] & (meant != meant[starts])
        fresh = first & ~known[order]
        if fresh.any():
            self._add(ordered[fresh], meant[fresh])
        if not doubted.any():
            return list(touchpoints), []
        places = np.flatnonzero(doubted).tolist()
        return [touch for touch, bad in zip(touchpoints, doubted, strict=True) if not bad], places

    def _add(self, keys: _Hashes, contents: _Hashes) -> None:
        while self._parts and len(self._parts[-1][0]) <= 2 * len(keys):
            other, theirs = self._parts.pop()
            keys, contents = np.concatenate([other, keys]), np.concatenate([theirs, contents])
            order = np.argsort(keys, kind="stable")
            keys, contents = keys[order], contents[order]
        self._parts.append((keys, contents))


_encode = msgspec.msgpack.Encoder().encode


def _content(touch: Touchpoint) -> bytes:
    # Bytes, since Python's hash of numbers takes -1 for -2.
    return _encode(
        (touch.occurred_at, touch.amount, touch.record, touch.score, touch.text, touch.items)
    )

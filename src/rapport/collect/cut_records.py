"""What is kept of a record that is too long to be held: its beginning, its length and its digest.

A line that never ends may be a terabyte, so it is not kept whole; the whole of it stays in its
file, and the digest proves which it was.
"""

from __future__ import annotations

import re
from hashlib import sha256

#: Bytes of the beginning that are kept: the columns that say whose and which record it is.
KEPT = 65_536
_MARK = re.compile(rb"\[cut off: \d+ bytes in all, sha256 [0-9a-f]{64}\]")


class CutRecord:
    """A record that is passed over piece by piece."""

    def __init__(self) -> None:
        self._beginning = b""
        self._size = 0
        self._digest = sha256()

    def __bool__(self) -> bool:
        return self._size > 0

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        """More of it."""
        if len(self._beginning) < KEPT:
            self._beginning += bytes(piece[: KEPT - len(self._beginning)])
        self._size += len(piece)
        self._digest.update(piece)

    def kept(self) -> bytes:
        """Its beginning, and a mark by which it is never taken for a whole record."""
        mark = f"[cut off: {self._size} bytes in all, sha256 {self._digest.hexdigest()}]\n"
        return self._beginning + b"\n" + mark.encode()


def is_cut(payload: bytes) -> bool:
    """Whether something of a refused record's payload is missing, so that it cannot be read."""
    return _MARK.search(payload) is not None

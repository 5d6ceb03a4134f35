"""Files of what people said, read with constants that say who is the company."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from rapport.collect.mapped_files import read_again
from rapport.collect.mapping import Mapping
from rapport.collect.refused import RefusedRow
from rapport.collect.touchpoints import encode_touchpoint, touchpoint_of
from rapport.errors import RapportError
from rapport.vocabulary.touchpoint import RefusedRecord, Touchpoint
from tests.collect.connectors.whole_way import mapping_of, read, read_or_refused

Read = tuple[list[Touchpoint], list[RefusedRecord]]


def mapping_for(kind: str, *, zone: str = "UTC", **constants: str) -> Mapping:
    return mapping_of(kind, file={"time_zone": zone}, constants=constants)


def read_bytes(tmp_path: Path, content: bytes, mapping: Mapping, name: str) -> Read:
    return read(tmp_path / name, mapping, content)


def read_corrected(
    refused: RefusedRecord, mapping: Mapping, correct: Callable[[bytes], bytes] = bytes
) -> Read:
    """What a refused record gives when its own bytes are read again, after a correction."""
    row = RefusedRow(
        refused_id=1, source_id=1, source=refused.source, reason=refused.reason,
        detail=refused.detail, payload=correct(refused.payload), replayed_at=None,
        received_at=refused.received_at, message_id=None, locator=refused.locator,
    )  # fmt: skip
    entries, still = read_again(row, msgspec.to_builtins(mapping))
    return [touchpoint_of(e.kind, e.payload, "silo", e.received_at) for e in entries], list(still)


def survives(folder: Path, content: bytes, mapping: Mapping, name: str) -> None:
    """Whatever the bytes are: touchpoints that can be kept, typed refusals, or a clear no."""
    read_or_refused(folder / name, mapping, content)
    try:
        good, _ = read(folder / name, mapping)
    except RapportError:  # `read_or_refused` has judged it above
        return
    for touch in good:
        encode_touchpoint(touch)

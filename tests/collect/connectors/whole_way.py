"""A silo's file on its whole way: recognised, imported, imported again, spoilt, replayed."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st
from sqlalchemy import select

from rapport.collect.guess import guess_mapping
from rapport.collect.mapped_files import read_again, read_touchpoints
from rapport.collect.mapping import Mapping, mapping_from
from rapport.collect.refused import RefusedRow, refused_rows
from rapport.collect.touchpoints import touchpoint_of
from rapport.errors import RapportError
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import REFUSAL_REASONS, RefusedRecord, Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.import_files import Imported, import_file
from rapport.workflows.ingest import apply_journal
from tests.company import empty_company

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "samples"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file."""

    imported: Imported
    touchpoints: dict[str, Touchpoint]
    refused: list[RefusedRow]
    profiles: int

    def only(self) -> Touchpoint:
        """The touchpoint of a file that gives one."""
        (touch,) = self.touchpoints.values()
        return touch


def sample(name: str) -> bytes:
    """The bytes of a sample."""
    return (SAMPLES / name).read_bytes()


def mapping_of(kind: str, **parts: Any) -> Mapping:
    """A mapping of source ``silo``."""
    return mapping_from({"source": "silo", "kind": kind, **parts}, "test")


def whole_way(
    tmp_path: Path, name: str, content: bytes | None = None, mapping: Mapping | None = None
) -> Way:
    """Import a file into an empty company twice, and walk the journal into its stores.

    Without a ``mapping`` the file must be recognised by what it holds.
    """
    path = tmp_path / name
    path.write_bytes(sample(name) if content is None else content)
    if mapping is None:
        mapping = msgspec.structs.replace(guess_mapping(path).mapping, source="silo")
    with empty_company(tmp_path, clock=lambda: NOW) as company:
        imported = import_file(company, path, mapping)
        again = import_file(company, path, mapping)
        assert (again.accepted, again.duplicates) == (
            0,
            imported.accepted + imported.duplicates,
        )
        touchpoints = journal_of(company)
        walked = apply_journal(company)
        assert (walked.touchpoints, walked.refused) == (imported.accepted, 0)
        with company.ledger.read() as connection:
            profiles = len(connection.execute(select(t.profile.c.profile_id)).all())
        return Way(
            imported=imported,
            touchpoints={touch.touchpoint_id: touch for touch in touchpoints},
            refused=refused_rows(company.ledger),
            profiles=profiles,
        )


def journal_of(company: Company) -> list[Touchpoint]:
    """The touchpoints in the journal, in their order."""
    with company.ledger.read() as connection:
        entries = connection.execute(select(t.journal).order_by(t.journal.c.position)).all()
    return [touchpoint_of(e.kind, e.payload, "silo", e.received_at) for e in entries]


def read(
    path: Path, mapping: Mapping, content: bytes | None = None
) -> tuple[list[Touchpoint], list[RefusedRecord]]:
    """The touchpoints of a file and what of it is refused; nothing is kept."""
    if content is not None:
        path.write_bytes(content)
    batches = list(read_touchpoints(path, mapping, NOW))
    return [x for b in batches for x in b.touchpoints], [x for b in batches for x in b.refused]


def replayed(
    refused: RefusedRow, mapping: Mapping, mend: AnyMapping[bytes, bytes] | None = None
) -> tuple[int, list[str]]:
    """How many touchpoints a refused record gives when read again, and why others still fail."""
    payload = refused.payload
    for wrong, right in (mend or {}).items():
        assert wrong in payload
        payload = payload.replace(wrong, right)
    row = msgspec.structs.replace(refused, payload=payload)
    entries, again = read_again(row, msgspec.to_builtins(mapping))
    return len(entries), [record.reason for record in again]


def spoilt(good: bytes) -> st.SearchStrategy[bytes]:
    """The file with some bytes changed, lost, repeated or put in, or cut off."""
    place = st.integers(0, max(len(good) - 1, 0))
    change = st.tuples(
        st.sampled_from(["flip", "delete", "insert", "repeat", "cut"]),
        place,
        st.integers(1, 40),
        st.binary(min_size=1, max_size=6),
    )

    def apply(changes: list[tuple[str, int, int, bytes]]) -> bytes:
        said = bytearray(good)
        for how, place_, length, new in changes:
            at = min(place_, max(len(said) - 1, 0))
            if how == "flip":
                said[at : at + len(new)] = new
            elif how == "delete":
                del said[at : at + length]
            elif how == "insert":
                said[at:at] = new
            elif how == "repeat":
                said[at:at] = said[at : at + length]
            else:
                del said[at:]
        return bytes(said)

    return st.lists(change, min_size=1, max_size=5).map(apply)


def read_or_refused(path: Path, mapping: Mapping, content: bytes) -> None:
    """Whatever a file holds, it is read, or refused with a reason of ours; it never fails."""
    path.write_bytes(content)
    try:
        touchpoints, refused = read(path, mapping)
    except RapportError:
        return
    assert all(record.reason in REFUSAL_REASONS for record in refused)
    for touch in touchpoints:
        assert touch.touchpoint_id
        assert touch.occurred_at.tzinfo is not None

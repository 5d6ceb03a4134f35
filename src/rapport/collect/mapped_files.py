"""Mapped files: from rows to touchpoints, in batches, each row kept or refused with its reason."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from rapport.collect.connectors.rates import rate_of
from rapport.collect.corrections import corrections_of
from rapport.collect.cut_records import is_cut
from rapport.collect.event_checks import Refusal
from rapport.collect.group_commit import Kept
from rapport.collect.groups import Group, Plain, groups_of
from rapport.collect.mapping import Mapping as FileMapping
from rapport.collect.mapping import mapping_from
from rapport.collect.refused import RefusedRow, keep_refused
from rapport.collect.rows import Reading, RowError
from rapport.collect.seen_keys import SeenKeys
from rapport.collect.survey_definition import SurveyDefinition
from rapport.collect.tables import BadRow, open_file
from rapport.collect.touchpoints import TOUCHPOINT, encode_touchpoint
from rapport.engines.ledger import JournalEntry, Ledger
from rapport.errors import InternalError, InvalidMapping
from rapport.vocabulary.touchpoint import RefusedRecord, Touchpoint

BATCH_TOUCHPOINTS = 5_000
Rate = tuple[str, date, Decimal]


class Batch(Struct, frozen=True, kw_only=True):
    """Some rows of a file, read."""

    touchpoints: list[Touchpoint]
    refused: list[RefusedRecord]
    rows: int  # of the file, so that progress can be shown


def read_touchpoints(
    path: Path,
    mapping: FileMapping,
    received_at: datetime,
    surveys: tuple[SurveyDefinition, ...] = (),
) -> Iterator[Batch]:
    """The touchpoints of a file and what of it is refused, batch by batch.

    Parameters
    ----------
    path : Path
        A table (CSV, JSON, JSON lines, Parquet) or what a connector reads; ".gz" allowed.
    mapping : Mapping
        How to read it.
    received_at : datetime
        Of the import, aware.
    surveys : tuple of SurveyDefinition
        What is known of surveys, for files of their answers.

    Raises
    ------
    InvalidMapping
        If the file as a whole does not fit its mapping; nothing of it has been read then.
    """
    if mapping.kind == "rates":
        raise InvalidMapping("A file of exchange rates holds no touchpoints; use read_rates")
    with open_file(path) as file:
        yield from _read(file, path.name, mapping, received_at, surveys)


def _read(
    file: BinaryIO,
    name: str,
    mapping: FileMapping,
    received_at: datetime,
    surveys: tuple[SurveyDefinition, ...] = (),
) -> Iterator[Batch]:
    reading = Reading(mapping, received_at, surveys)
    gathered = _Gathered(reading, name)
    for found in groups_of(file, name, mapping, reading):
        gathered.add(found)
        if gathered.size >= BATCH_TOUCHPOINTS:
            yield gathered.batch()
    last = gathered.batch()
    if last.rows:
        yield last


class _Gathered:
    """Groups on their way into a batch; keys are looked up for many of them at once."""

    def __init__(self, reading: Reading, name: str) -> None:
        self._reading, self._name = reading, name
        self._known = SeenKeys()
        self._waiting: list[tuple[list[Touchpoint], Group]] = []
        self._touchpoints: list[Touchpoint] = []
        self._refused: list[RefusedRecord] = []
        self._rows = 0
        self._refused_bytes = 0

    @property
    def size(self) -> int:
        """How many touchpoints and refused records there are; those that are large count more."""
        large = self._refused_bytes // _USUAL_BYTES
        return len(self._touchpoints) + len(self._refused) + len(self._waiting) + large

    def add(self, found: Group | Plain | BadRow) -> None:
        """Read a group and check its keys, in the order of the file."""
        if isinstance(found, BadRow):
            self._rows += 1
            self._refuse(found.refusal, [found.line], found.raw)
        elif isinstance(found, Plain):
            self._check_waiting()
            self._rows += found.rows
            fresh, doubted = self._known.sift(found.touchpoints)
            self._touchpoints.extend(fresh)
            for place in doubted:
                group = found.group(place)
                self._refuse(_TWICE, group.lines, group.raw())
        else:
            self._rows += len(found.rows)
            try:
                read = list(self._reading.connector.read(found.rows))
            except RowError as error:
                self._refuse(error.refusal, found.lines, found.raw())
            else:
                self._waiting.append((read, found))
                if len(self._waiting) >= _CHECKED_AT_ONCE:
                    self._check_waiting()

    def batch(self) -> Batch:
        """What there is, and begin anew."""
        self._check_waiting()
        done = Batch(touchpoints=self._touchpoints, refused=self._refused, rows=self._rows)
        self._touchpoints, self._refused, self._rows = [], [], 0
        self._refused_bytes = 0
        return done

    def _check_waiting(self) -> None:
        if not self._waiting:
            return
        read = [touch for touchpoints, _ in self._waiting for touch in touchpoints]
        _, doubted = self._known.sift(read)
        if not doubted:
            self._touchpoints.extend(read)
        else:
            bad, at = set(doubted), 0
            for touchpoints, group in self._waiting:
                if bad.isdisjoint(range(at, at + len(touchpoints))):
                    self._touchpoints.extend(touchpoints)
                else:
                    self._refuse(_TWICE, group.lines, group.raw())
                at += len(touchpoints)
        self._waiting.clear()

    def _refuse(self, refusal: Refusal, lines: Sequence[int], raw: bytes) -> None:
        self._refused.append(_refused(self._reading, self._name, refusal, lines, raw))
        self._refused_bytes += len(raw)


#: Bytes of a refused record that make up one of a batch, so that a batch of long ones stays small.
_USUAL_BYTES = 10_000
_CHECKED_AT_ONCE = 500
_TWICE = Refusal("duplicate_key", "this key was in the file before, with other content")


def _refused(
    reading: Reading, name: str, refusal: Refusal, lines: Sequence[int], raw: bytes
) -> RefusedRecord:
    place = str(lines[0]) if len(lines) == 1 else f"{min(lines)}-{max(lines)}"
    return RefusedRecord(
        source=reading.source,
        reason=refusal.reason,
        detail=refusal.detail,
        payload=raw,
        received_at=reading.received_at,
        locator=f"{name}:{place}",
    )


def read_rates(
    path: Path, mapping: FileMapping, received_at: datetime
) -> tuple[list[Rate], list[RefusedRecord]]:
    """The exchange rates of a file, and the rows that are refused.

    Raises
    ------
    InvalidMapping
        If the file as a whole does not fit its mapping.
    """
    reading = Reading(mapping, received_at)
    rates: list[Rate] = []
    refused: list[RefusedRecord] = []
    with open_file(path) as file:
        for group in groups_of(file, path.name, mapping, reading):
            if isinstance(group, Plain):
                raise InternalError("exchange rates are read row by row")
            if isinstance(group, BadRow):
                refused.append(_refused(reading, path.name, group.refusal, [group.line], group.raw))
                continue
            try:
                rates.append(rate_of(group.rows[0]))
            except RowError as error:
                refused.append(
                    _refused(reading, path.name, error.refusal, group.lines, group.raw())
                )
    return rates, refused


def journal_entries(touchpoints: Sequence[Touchpoint], source_id: int) -> list[JournalEntry]:
    """The touchpoints as entries of the journal, each known by its id."""
    return [
        JournalEntry(
            source_id=source_id,
            message_id=touch.touchpoint_id,
            kind=TOUCHPOINT,
            received_at=touch.received_at,
            payload=encode_touchpoint(touch),
        )
        for touch in touchpoints
    ]


def keep_batch(ledger: Ledger, source_id: int, batch: Batch) -> Kept:
    """Keep a batch durably: its touchpoints in the journal, its refused rows beside it.

    A record that is there with other content is kept as its correction.
    """
    entries = journal_entries(batch.touchpoints, source_id)
    with ledger.write() as connection:
        fresh = ledger.append_journal(entries, connection=connection)
        known = [touch for touch, new in zip(batch.touchpoints, fresh, strict=True) if not new]
        changed = corrections_of(connection, source_id, known) if known else []
        corrected = sum(ledger.append_journal(changed, connection=connection)) if changed else 0
        ids = {record.source: source_id for record in batch.refused}
        keep_refused(ledger, connection, ids, batch.refused)
    return Kept(
        accepted=sum(fresh),
        corrected=corrected,
        duplicates=len(known) - corrected,
        refused=len(batch.refused),
    )


def read_again(
    row: RefusedRow, mapping: Any, surveys: tuple[SurveyDefinition, ...] = ()
) -> tuple[Sequence[JournalEntry], Sequence[RefusedRecord]]:
    """A refused row of a file as its source's mapping would read it now; see `refused.replay`.

    Parameters
    ----------
    mapping : mapping
        `source.mapping` as it is now.
    surveys : tuple of SurveyDefinition
        What is known of surveys now.
    """
    if is_cut(row.payload):
        return (), ()  # half a record would be taken for a whole one
    current = mapping_from(mapping, f"the mapping of {row.source}")
    name = (row.locator or "").rpartition(":")[0]
    return read_payload(row.payload, current, row.source_id, row.received_at, name, surveys)


def read_payload(
    payload: bytes,
    mapping: FileMapping,
    source_id: int,
    received_at: datetime,
    name: str = "payload",
    surveys: tuple[SurveyDefinition, ...] = (),
) -> tuple[Sequence[JournalEntry], Sequence[RefusedRecord]]:
    """Some rows as bytes, such as a refused one or a webhook's payload, read by a mapping.

    Raises
    ------
    InvalidMapping
        If they do not fit the mapping as a whole.
    """
    if mapping.file.format in ("parquet", "json"):  # their rows are kept as lines of JSON
        written = msgspec.structs.replace(mapping.file, format="jsonl")
        mapping = msgspec.structs.replace(mapping, file=written)
    entries: list[JournalEntry] = []
    refused: list[RefusedRecord] = []
    for batch in _read(io.BytesIO(payload), name, mapping, received_at, surveys):
        entries.extend(journal_entries(batch.touchpoints, source_id))
        refused.extend(batch.refused)
    return entries, refused

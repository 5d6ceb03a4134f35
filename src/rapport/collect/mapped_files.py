"""Mapped files: from rows to touchpoints, in batches, each row kept or refused with its reason."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct

from rapport.collect.connectors import connector_of
from rapport.collect.connectors.rates import rate_of
from rapport.collect.event_checks import Refusal
from rapport.collect.group_commit import Kept
from rapport.collect.mapping import Mapping as FileMapping
from rapport.collect.mapping import mapping_from
from rapport.collect.records import file_chunks
from rapport.collect.refused import RefusedRow, keep_refused
from rapport.collect.rows import Reading, Row, RowError
from rapport.collect.tables import BadRow, Chunk, open_file
from rapport.collect.touchpoints import TOUCHPOINT, encode_touchpoint
from rapport.engines.ledger import JournalEntry, Ledger
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import RefusedRecord, Touchpoint

BATCH_TOUCHPOINTS = 5_000
Rate = tuple[str, date, Decimal]


class Batch(Struct, frozen=True, kw_only=True):
    """Some rows of a file, read."""

    touchpoints: list[Touchpoint]
    refused: list[RefusedRecord]
    rows: int  # of the file, so that progress can be shown


def read_touchpoints(path: Path, mapping: FileMapping, received_at: datetime) -> Iterator[Batch]:
    """The touchpoints of a file and what of it is refused, batch by batch.

    Parameters
    ----------
    path : Path
        A table (CSV, JSON, JSON lines, Parquet) or what a connector reads; ".gz" allowed.
    mapping : Mapping
        How to read it.
    received_at : datetime
        Of the import, aware.

    Raises
    ------
    InvalidMapping
        If the file as a whole does not fit its mapping; nothing of it has been read then.
    """
    if mapping.kind == "rates":
        raise InvalidMapping("A file of exchange rates holds no touchpoints; use read_rates")
    with open_file(path) as file:
        yield from _read(file, path.name, mapping, received_at)


def _read(
    file: BinaryIO, name: str, mapping: FileMapping, received_at: datetime
) -> Iterator[Batch]:
    reading = Reading(mapping, received_at)
    groups = _groups(_checked(file_chunks(file, name, mapping), mapping), reading)
    known: dict[str, int] = {}
    touchpoints: list[Touchpoint] = []
    refused: list[RefusedRecord] = []
    rows = 0
    for group in groups:
        if isinstance(group, BadRow):
            rows += 1
            refused.append(_refused(reading, name, group.refusal, [group.line], group.raw))
        else:
            rows += len(group.rows)
            try:
                found = list(reading.connector.read(group.rows))
                for touch in found:
                    _check_duplicate(touch, known)
            except RowError as error:
                refused.append(_refused(reading, name, error.refusal, group.lines, group.raw()))
            else:
                touchpoints.extend(found)
        if len(touchpoints) + len(refused) >= BATCH_TOUCHPOINTS:
            yield Batch(touchpoints=touchpoints, refused=refused, rows=rows)
            touchpoints, refused, rows = [], [], 0
    if touchpoints or refused or rows:
        yield Batch(touchpoints=touchpoints, refused=refused, rows=rows)


def _check_duplicate(touch: Touchpoint, known: dict[str, int]) -> None:
    """The same key with the same content is the same row again; with other content, which?"""
    said = hash(
        (touch.occurred_at, touch.amount, touch.record, touch.score, touch.text, touch.items)
    )
    if known.setdefault(touch.touchpoint_id, said) != said:
        raise RowError("duplicate_key", "this key was in the file before, with other content")


def _checked(chunks: Iterator[Chunk], mapping: FileMapping) -> Iterator[Chunk]:
    """The chunks, once the first has shown that the file has the mapped columns.

    What a connector reads by itself has the fields that a record happens to state.
    """
    if connector_of(mapping.kind).records is not None:
        yield from chunks
        return
    for number, chunk in enumerate(chunks):
        if number == 0 and (chunk.columns or not chunk.bad):
            missing = sorted(c for c in mapping.columns.values() if c not in chunk.columns)
            if missing:
                there = ", ".join(chunk.columns)
                raise InvalidMapping(
                    f"Source {mapping.source} needs the column "
                    f"{', '.join(f'`{name}`' for name in missing)}; the file has: {there}. "
                    "Map what it is called here under [columns]"
                )
        yield chunk


class _Group:
    """Rows that make one touchpoint, and where they stand."""

    __slots__ = ("_header", "lines", "rows")

    def __init__(self, rows: Sequence[Row], lines: Sequence[int], header: bytes) -> None:
        self.rows = rows
        self.lines = lines
        self._header = header

    def raw(self) -> bytes:
        """Its rows as a small file of the same kind, which can be read again by itself."""
        parts = [row.raw().rstrip(b"\r\n") for row in self.rows]
        return self._header + b"\n".join(parts) + b"\n"


def _groups(chunks: Iterator[Chunk], reading: Reading) -> Iterator[_Group | BadRow]:
    key = reading.connector.group_by(reading.mapping)
    if key is None:
        yield from _single_rows(chunks, reading)
    else:
        yield from _grouped_rows(chunks, reading, key)


def _single_rows(chunks: Iterator[Chunk], reading: Reading) -> Iterator[_Group | BadRow]:
    for chunk in chunks:
        yield from chunk.bad
        cells = reading.cells(chunk.columns)
        for index, line in enumerate(chunk.lines):
            row = Row(cells, index, reading, chunk.raw, index)
            yield _Group((row,), (line,), chunk.header)


def _grouped_rows(chunks: Iterator[Chunk], reading: Reading, key: str) -> Iterator[_Group | BadRow]:
    """Rows with one key together, wherever in the file they stand.

    A till's export may list a receipt's lines apart, so no group is complete before the file's
    end. Cells wait in Arrow columns, which take a fifth of the memory of Python objects.
    """
    kept: list[Chunk] = []
    tables: list[pa.Table] = []
    for chunk in chunks:
        yield from chunk.bad
        if not chunk.lines:
            continue
        cells = reading.cells(chunk.columns)
        tables.append(_as_table(cells))
        kept.append(msgspec.structs.replace(chunk, columns={}, bad=()))
    if not tables:
        return
    table = pa.concat_tables(tables, promote_options="permissive")
    starts = np.cumsum([0, *(len(chunk.lines) for chunk in kept)])
    codes = _codes(table.column(key))
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order], prepend=-2)).tolist()
    bounds.append(len(order))
    # Slices of whole groups: Python objects exist for one slice at a time.
    at = 0
    while at < len(bounds) - 1:
        end = at + 1
        while end < len(bounds) - 1 and bounds[end] - bounds[at] < BATCH_TOUCHPOINTS:
            end += 1
        picked = order[bounds[at] : bounds[end]]
        columns = table.take(pa.array(picked)).to_pydict()
        numbers = np.searchsorted(starts, picked, "right") - 1  # the chunk of each row
        within = picked - starts[numbers]
        base = bounds[at]
        rows = [
            Row(columns, index, reading, kept[number].raw, place)
            for index, (number, place) in enumerate(
                zip(numbers.tolist(), within.tolist(), strict=True)
            )
        ]
        lines = [
            kept[number].lines[place]
            for number, place in zip(numbers.tolist(), within.tolist(), strict=True)
        ]
        for low, high in zip(bounds[at:end], bounds[at + 1 : end + 1], strict=True):
            part = slice(low - base, high - base)
            yield from _whole_or_single(rows[part], lines[part], kept[0].header, key)
        at = end


def _whole_or_single(
    rows: list[Row], lines: list[int], header: bytes, key: str
) -> Iterator[_Group]:
    """A group; rows without a key belong to nothing and stand alone."""
    if rows[0].text(key) is not None:
        yield _Group(rows, lines, header)
        return
    for row, line in zip(rows, lines, strict=True):
        yield _Group((row,), (line,), header)


def _as_table(cells: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Columns in Arrow; a column of mixed types (JSON) as text, which is how it is read."""
    arrays = {}
    for field, column in cells.items():
        try:
            arrays[field] = pa.array(column)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            arrays[field] = pa.array([None if c is None else str(c) for c in column])
    return pa.table(arrays)


def _codes(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A number for each different value, in the order of their first rows; -1 for none."""
    encoded = column.combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = pa.concat_arrays(encoded.chunks)
    codes: np.ndarray[Any, np.dtype[np.int64]] = np.asarray(
        encoded.dictionary_encode().indices.fill_null(-1), dtype=np.int64
    )
    return codes


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
        chunks = _checked(file_chunks(file, path.name, mapping), mapping)
        for group in _groups(chunks, reading):
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
    """Keep a batch durably: its touchpoints in the journal, its refused rows beside it."""
    entries = journal_entries(batch.touchpoints, source_id)
    with ledger.write() as connection:
        fresh = ledger.append_journal(entries, connection=connection)
        ids = {record.source: source_id for record in batch.refused}
        keep_refused(ledger, connection, ids, batch.refused)
    return Kept(accepted=sum(fresh), duplicates=len(fresh) - sum(fresh), refused=len(batch.refused))


def read_again(
    row: RefusedRow, mapping: Any
) -> tuple[Sequence[JournalEntry], Sequence[RefusedRecord]]:
    """A refused row of a file as its source's mapping would read it now; see `refused.replay`.

    Parameters
    ----------
    mapping : mapping
        `source.mapping` as it is now.
    """
    current = mapping_from(mapping, f"the mapping of {row.source}")
    name = (row.locator or "").rpartition(":")[0]
    return read_payload(row.payload, current, row.source_id, row.received_at, name)


def read_payload(
    payload: bytes,
    mapping: FileMapping,
    source_id: int,
    received_at: datetime,
    name: str = "payload",
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
    for batch in _read(io.BytesIO(payload), name, mapping, received_at):
        entries.extend(journal_entries(batch.touchpoints, source_id))
        refused.extend(batch.refused)
    return entries, refused

"""Which rows of a file make one touchpoint: each alone, or all with one key wherever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from rapport.collect.connectors import connector_of
from rapport.collect.headings import headings_told
from rapport.collect.mapping import Mapping as FileMapping
from rapport.collect.plain import PlainColumns, runs
from rapport.collect.records import file_chunks
from rapport.collect.rows import Reading, Row
from rapport.collect.tables import ArrowColumns, BadRow, Chunk
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint

_PIECE_ROWS = 20_000


class Group:
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


class Plain:
    """Groups that were read all at once: `touchpoints` of so many `rows`."""

    __slots__ = ("_groups", "rows", "touchpoints")

    def __init__(
        self, touchpoints: list[Touchpoint], rows: int, groups: Callable[[int], Group]
    ) -> None:
        self.touchpoints = touchpoints
        self.rows = rows
        self._groups = groups

    def group(self, place: int) -> Group:
        """The rows of a touchpoint."""
        return self._groups(place)


class _Part:
    """Some rows: their cells by our fields as the file has them, and where they stand."""

    __slots__ = ("batch", "header", "lines", "raws")

    def __init__(
        self, batch: pa.RecordBatch, lines: Sequence[int], raws: Sequence[Any], header: bytes
    ) -> None:
        self.batch = batch
        self.lines = lines
        self.raws = raws  # each: the row's bytes, or what gives them
        self.header = header

    def take(self, places: Sequence[int]) -> _Part:
        """The rows at these places, in this order."""
        return _Part(
            self.batch.take(pa.array(places, pa.int64())),
            [self.lines[place] for place in places],
            [self.raws[place] for place in places],
            self.header,
        )

    def slice(self, begin: int, end: int) -> _Part:
        """The rows from `begin` to before `end`."""
        return _Part(
            self.batch.slice(begin, end - begin),
            self.lines[begin:end],
            self.raws[begin:end],
            self.header,
        )

    def group(self, begin: int, end: int, reading: Reading) -> Group:
        """These rows as one group."""
        part = self.slice(begin, end)
        cells = {
            field: reading.cleaned(field, part.batch.column(field).to_pylist())
            for field in part.batch.schema.names
        }
        rows = [Row(cells, at, reading, part.raw, at) for at in range(end - begin)]
        return Group(rows, part.lines, self.header)

    def raw(self, place: int) -> bytes:
        """The bytes of a row."""
        raw = self.raws[place]
        found: bytes = raw() if callable(raw) else raw
        return found


def groups_of(
    file: BinaryIO, name: str, mapping: FileMapping, reading: Reading
) -> Iterator[Group | Plain | BadRow]:
    """The groups of a file's rows.

    Raises
    ------
    InvalidMapping
        If the file as a whole does not fit its mapping; nothing of it has been read then.
    """
    key = reading.connector.group_by(mapping)
    if key is None:
        chunks = file_chunks(file, name, mapping, surveys=reading.surveys)
        yield from _single_rows(_checked(chunks, mapping), reading)
        return
    scattered = _scattered(file, name, mapping, reading, key)
    file.seek(0)
    chunks = _checked(file_chunks(file, name, mapping), mapping)
    yield from _grouped_rows(chunks, reading, key, scattered)


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
                named = mapping.file.format != "csv" or mapping.file.column_names
                names = list(chunk.columns)
                there = ", ".join(names) if named else headings_told(names)
                raise InvalidMapping(
                    f"Source {mapping.source} needs the column "
                    f"{', '.join(f'`{name}`' for name in missing)}; the file has: {there}. "
                    "Map what it is called here under [columns]"
                )
        yield chunk


def _single_rows(chunks: Iterator[Chunk], reading: Reading) -> Iterator[Group | Plain | BadRow]:
    plain = reading.connector.read_plain is not None
    for chunk in chunks:
        yield from chunk.bad
        if plain and chunk.lines and isinstance(chunk.columns, ArrowColumns):
            part = _part(chunk, reading.mapping)
            yield from _read_part(part, range(len(chunk.lines) + 1), reading)
            continue
        cells = reading.cells(chunk.columns)
        for index, line in enumerate(chunk.lines):
            yield Group((Row(cells, index, reading, chunk.raw, index),), (line,), chunk.header)


def _part(chunk: Chunk, mapping: FileMapping) -> _Part:
    batch = _batch(chunk, mapping.columns)
    raws = _raws(chunk)
    return _Part(batch, chunk.lines, raws, chunk.header)


def _raws(chunk: Chunk) -> Sequence[Any]:
    """Of each row its bytes, or what gives them: only refused ones are asked for."""
    raw = chunk.raw
    owner = getattr(raw, "__self__", None)
    if isinstance(owner, list):
        return owner
    return [lambda place=place: raw(place) for place in range(len(chunk.lines))]


def _batch(chunk: Chunk, names: Mapping[str, str]) -> pa.RecordBatch:
    """Columns in Arrow; a column of mixed types (JSON) as text, which is how it is read."""
    if isinstance(chunk.columns, ArrowColumns):
        return pa.RecordBatch.from_pydict(
            {field: chunk.columns.arrow(column) for field, column in names.items()}
        )
    arrays = {}
    for field, name in names.items():
        column = chunk.columns[name]
        try:
            arrays[field] = pa.array(column)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            arrays[field] = pa.array([None if c is None else str(c) for c in column])
    return pa.RecordBatch.from_pydict(arrays)


def _keys(part: _Part, key: str, reading: Reading) -> list[str | None]:
    """The key of each row as `Row` reads it."""
    encoded = part.batch.column(key).dictionary_encode("encode")

    def text(cell: Any) -> str | None:
        if type(cell) is str and cell.isalnum() and cell.isascii():
            return cell
        return Row({key: [cell]}, 0, reading).text(key)

    texts = list(map(text, reading.cleaned(key, encoded.dictionary.to_pylist())))
    return list(map(texts.__getitem__, encoded.indices.to_pylist()))


def _scattered(
    file: BinaryIO, name: str, mapping: FileMapping, reading: Reading, key: str
) -> frozenset[int] | None:
    """Hashes of keys whose rows do not all stand together, so that their group ends with the file.

    The file is read once for that. Most exports list an order's lines one after another, and then
    nothing needs to wait: memory stays flat however long the file. None: the file is so short that
    all of it may wait, which keeps its order.
    """
    begun: list[np.ndarray[Any, np.dtype[np.int64]]] = []
    before: str | None = None
    for chunk in _checked(file_chunks(file, name, mapping), mapping):
        if not chunk.lines:
            continue
        batch = _batch(chunk, {key: mapping.columns[key]})
        keys = _keys(_Part(batch, chunk.lines, (), b""), key, reading)
        starts = [keys[place] for place in list(runs(keys))[:-1]]
        if starts[0] == before:
            starts = starts[1:]
        before = keys[-1]
        begun.append(np.array([hash(each) for each in starts if each is not None], dtype=np.int64))
    if len(begun) < 2:
        return None
    hashes, counts = np.unique(np.concatenate(begun), return_counts=True)
    return frozenset(hashes[counts > 1].tolist())


def _grouped_rows(
    chunks: Iterator[Chunk], reading: Reading, key: str, scattered: frozenset[int] | None
) -> Iterator[Group | Plain | BadRow]:
    """Rows with one key together; those of scattered keys wait for the file's end."""
    #: The last rows of a chunk and their key: the group may go on in the next.
    carried: _Part | None = None
    carried_keys: list[str | None] = []
    waiting: list[_Part] = []
    for chunk in chunks:
        yield from chunk.bad
        if not chunk.lines:
            continue
        part = _part(chunk, reading.mapping)
        if scattered is None:
            waiting.append(part)
            continue
        keys = _keys(part, key, reading)
        if scattered:
            apart = [at for at, each in enumerate(keys) if each and hash(each) in scattered]
            if apart:
                waiting.append(part.take(apart))
                left = sorted(set(range(len(keys))) - set(apart))
                part, keys = part.take(left), [keys[at] for at in left]
        if carried is not None:
            part, keys = _joined([carried, part]), carried_keys + keys
        if not keys:
            carried = None
            continue
        bounds = _bounds(keys)
        yield from _read_part(part.slice(0, bounds[-2]), bounds[:-1], reading)
        carried, carried_keys = part.slice(bounds[-2], bounds[-1]), keys[bounds[-2] :]
    if carried is not None:
        yield from _read_part(carried, [0, len(carried.lines)], reading)
    if waiting:
        yield from _read_waiting(_joined(waiting), key, reading)


def _read_waiting(part: _Part, key: str, reading: Reading) -> Iterator[Group | Plain]:
    """All groups of a part, each brought together at the place of its first row."""
    keys = _keys(part, key, reading)
    first: dict[str, int] = {}
    place = [at if each is None else first.setdefault(each, at) for at, each in enumerate(keys)]
    order = sorted(range(len(keys)), key=place.__getitem__)
    bounds = _bounds([keys[at] for at in order])
    begin = 0
    while begin < len(bounds) - 1:  # in pieces: what is made of all of it is many times as large
        end = begin + 1
        while end < len(bounds) - 1 and bounds[end] - bounds[begin] < _PIECE_ROWS:
            end += 1
        piece = part.take(order[bounds[begin] : bounds[end]])
        within = [at - bounds[begin] for at in bounds[begin : end + 1]]
        yield from _read_part(piece, within, reading)
        begin = end


def _bounds(keys: Sequence[str | None]) -> list[int]:
    """Where groups begin; rows without a key belong to nothing and stand alone."""
    found = []
    before: str | None = None
    for place, each in enumerate(keys):
        if each is None or each != before:
            found.append(place)
        before = each
    found.append(len(keys))
    return found


def _joined(parts: Sequence[_Part]) -> _Part:
    tables = [pa.Table.from_batches([part.batch]) for part in parts]
    table = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    batch = pa.RecordBatch.from_arrays(
        [column.combine_chunks() for column in table.columns], names=table.schema.names
    )
    return _Part(
        batch,
        [line for part in parts for line in part.lines],
        [raw for part in parts for raw in part.raws],
        parts[0].header,
    )


def _read_part(part: _Part, bounds: Sequence[int], reading: Reading) -> Iterator[Group | Plain]:
    """The groups of a part: at once what is plain, by `Row` what is not, in the file's order."""
    read_plain = reading.connector.read_plain
    found: Sequence[Touchpoint | None] | None = None
    if read_plain is not None and len(bounds) > 1:
        try:
            found = read_plain(PlainColumns(part.batch, reading), bounds)
        except pa.ArrowNotImplementedError:  # a list in a cell has no dictionary
            found = None
    if found is None:
        found = [None] * (len(bounds) - 1)
    begin = 0
    while begin < len(found):
        if found[begin] is None:
            yield part.group(bounds[begin], bounds[begin + 1], reading)
            begin += 1
            continue
        end = begin
        while end < len(found) and found[end] is not None:
            end += 1

        def group(place: int, begin: int = begin) -> Group:
            return part.group(bounds[begin + place], bounds[begin + place + 1], reading)

        plain: list[Any] = list(found[begin:end])
        yield Plain(plain, bounds[end] - bounds[begin], group)
        begin = end

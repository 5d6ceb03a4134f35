"""Files as chunks of columns, whatever they are written in; each row knows where it came from."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
from msgspec import Raw, Struct

from rapport.collect.cut_records import CutRecord
from rapport.collect.event_checks import Refusal
from rapport.collect.mapping import WHITESPACE, FileFormat
from rapport.collect.zipped import MOST_PACKED, SMALL
from rapport.errors import InvalidMapping

CHUNK_ROWS = 20_000
#: A cell that starts with a stray quote would swallow the rest of the file; no cell is this long.
_LONGEST_CELL = 1_000_000
#: Bytes of a line of a table, and of a line of JSON; what is longer is never held as a whole.
LONGEST_LINE = _LONGEST_CELL
_LONGEST_JSON_LINE = 16_000_000
_LARGEST_JSON = 1_000_000_000
_READ_BYTES = 500_000  # no more than a line may have
_MOST_LINES_OF_A_ROW = 200
#: Excel's own first line, which names the delimiter.
EXCEL_SEPARATOR = "sep="
#: What is said of a file that would else be one endless line.
CR_ONLY = "its lines end with a carriage return alone; save it with line feeds (LF or CRLF)"


class BadRow(Struct, frozen=True):
    """A row that could not be read as a row of its file."""

    line: int
    raw: bytes
    refusal: Refusal


class Chunk(Struct, frozen=True, kw_only=True):
    """Some rows of a file, by column.

    `lines` is where each row stands in the file, counted from 1; `raw(i)` gives the bytes of row i,
    which can be read again by themselves after the `header`.
    """

    columns: dict[str, Sequence[Any]]
    lines: Sequence[int]
    raw: Callable[[int], bytes]
    header: bytes = b""  # what must stand before a row so that it can be read by itself
    bad: Sequence[BadRow] = ()


#: What a packed file that is none, or not whole, or changed on the way is found by.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


def open_file(path: Path) -> BinaryIO:
    """The file's bytes, unpacked if its name ends in ".gz".

    Raises
    ------
    InvalidMapping
        If it cannot be opened; while it is read, if it unpacks to more than any export does.
    """
    try:
        if path.suffix == ".gz":
            return io.BufferedReader(_Unpacked(path))
        return path.open("rb")
    except OSError as error:
        raise InvalidMapping(f"{path.name} cannot be read: {error.strerror or error}") from error


class _Unpacked(io.RawIOBase):
    """A packed file's content, which ends with an error where it swells as no export does."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        self._most = max(SMALL, MOST_PACKED * path.stat().st_size)
        self._content = gzip.open(path)  # noqa: SIM115  # closed by `close`

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = self._content.readinto(buffer)
        if self._content.tell() > self._most:
            raise InvalidMapping(
                f"{self._name} unpacks to more than {self._most} bytes, {MOST_PACKED} times its "
                "size, as no real export does; unpack it and look at what it holds"
            )
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:  # gzip would unpack all there is without asking
            while self.readinto(bytearray(_READ_BYTES)):
                pass
            offset, whence = self._content.tell() + offset, io.SEEK_SET
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def close(self) -> None:
        self._content.close()
        super().close()


def read_chunks(file: BinaryIO, written: FileFormat, rows: int | None = None) -> Iterator[Chunk]:
    """The file's rows, in chunks.

    Raises
    ------
    InvalidMapping
        If the file as a whole is not of the stated format.
    """
    try:
        yield from _READERS[written.format](file, written, rows or CHUNK_ROWS)
    except (pa.ArrowInvalid, *DAMAGED) as error:
        # Arrow quotes the file's content in its messages, so they are not passed on.
        raise InvalidMapping(
            f"The file is damaged or is not {written.format}; state its format under [file]"
        ) from error


# ── lines ──────────────────────────────────────────────────────────────────────────────────────


class _Cut(bytes):
    """Stands, as an empty one, for a line that was too long to be held."""

    kept: bytes

    @classmethod
    def of(cls, record: CutRecord) -> _Cut:
        line = cls(b"\n")
        line.kept = record.kept()
        return line


def _kept(lines: Iterable[bytes]) -> bytes:
    """The bytes of a row; of lines that were too long, what is kept of them."""
    return b"".join(line.kept if isinstance(line, _Cut) else line for line in lines)


class _Bounded:
    """The lines of a file; one that is too long comes as an empty `_Cut` and is counted.

    Parameters
    ----------
    pieces : iterator of bytes
        The file's content, in pieces of any size.
    longest : int
        Bytes of a line.
    """

    def __init__(self, pieces: Iterator[bytes], longest: int) -> None:
        self._pieces = pieces
        self._longest = longest
        self.cut = 0  # how many lines were too long

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        passed: CutRecord | None = None  # a line that is too long, while it lasts
        for piece in self._pieces:
            lines = (rest + piece).split(b"\n")
            rest = lines.pop()
            if lines and (passed is not None or len(lines[0]) > self._longest):
                yield self._ended(passed or CutRecord(), lines.pop(0))
                passed = None
            for line in lines:
                yield line + b"\n"
            if passed is None and len(rest) > self._longest:
                passed = CutRecord()
            if passed is not None:
                passed.add(rest)
                rest = b""
        if passed is not None:
            yield self._ended(passed, b"")
        elif rest:
            yield rest

    def _ended(self, record: CutRecord, last: bytes) -> _Cut:
        record.add(last)
        self.cut += 1
        return _Cut.of(record)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_READ_BYTES), b"")


def _without_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Without the mark that some programs of Windows write before UTF-8."""
    yield next(pieces, b"").removeprefix(codecs.BOM_UTF8)
    yield from pieces


# ── CSV ────────────────────────────────────────────────────────────────────────────────────────


class _Lines:
    """Decoded lines for the csv reader, remembering the bytes each row took."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        pieces = _transcoded(file, encoding) if _wide(encoding) else _pieces(file)
        if codecs.lookup(encoding).name == "utf-8":
            pieces = _without_mark(pieces)  # which is no part of the first cell
        self._bounded = _Bounded(pieces, LONGEST_LINE)
        self._file = iter(self._bounded)
        self._encoding = "utf-8" if _wide(encoding) else encoding
        self.again: deque[bytes] = deque()
        self.taken: list[bytes] = []
        self.number = 0
        self.width = 0
        self.undecodable = False
        self.cut = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = self.again.popleft() if self.again else next(self._file)
        self.taken.append(raw)
        self.number += 1
        if len(self.taken) > _MOST_LINES_OF_A_ROW:
            raise csv.Error("a quote is never closed")
        if type(raw) is _Cut:
            self.cut = True
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            self.undecodable = True
            return raw.decode(self._encoding, "replace")

    def next_lines(self, count: int) -> list[bytes]:
        """The next lines as they are, at most ``count``, which are no row's yet."""
        lines = list(islice(self._file, count))
        self.number += len(lines)
        return lines

    @property
    def cut_so_far(self) -> int:
        """How many lines were too long to be held, up to where the file was read."""
        return self._bounded.cut

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Lines that are to be read one by one."""
        self.again.extend(lines)
        self.number -= len(lines)

    @property
    def encoding(self) -> str:
        """Of the lines."""
        return self._encoding

    def header_was_read(self, width: int) -> None:
        """The file has ``width`` columns."""
        self.width = width

    def put_back(self, keep: int) -> None:
        """Keep the first lines of what was taken; the others come again."""
        for raw in reversed(self.taken[keep:]):
            self.again.appendleft(raw)
            self.number -= 1
        del self.taken[keep:]


def _wide(encoding: str) -> bool:
    return codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))


def _transcoded(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    # A line feed is no byte of its own there, so the file is read as text and encoded anew.
    decoder = codecs.getincrementaldecoder(encoding)()
    ended = False
    while not ended:
        piece = file.read(_READ_BYTES)
        ended = not piece
        try:
            yield decoder.decode(piece, ended).encode()
        except UnicodeError as error:
            raise InvalidMapping(f"The file is not in {encoding}; state its encoding") from error


def _csv_chunks(file: BinaryIO, written: FileFormat, rows: int) -> Iterator[Chunk]:
    lines = _Lines(file, written.encoding)
    cells = _csv_rows(lines, written.delimiter)
    header_raw = b""
    names: Sequence[str] = written.column_names
    if not names:
        first = next(cells, None)
        if first is not None and first[0:1] and first[0].lower().startswith(EXCEL_SEPARATOR):
            first = next(cells, None)
        if first is None:
            return
        if lines.cut:
            raise InvalidMapping(
                f"The file's first line is longer than {LONGEST_LINE} bytes; is it a table?"
            )
        if first is _UNENDED and b"\r" in b"".join(lines.taken).rstrip(b"\r\n"):
            raise InvalidMapping(f"The file cannot be read: {CR_ONLY}")
        names = [name.strip() for name in first]
        header_raw = b"".join(lines.taken)
    lines.header_was_read(len(names))
    while True:
        plain = _plain_chunk(lines, names, written.delimiter, header_raw, rows)
        if plain is not None:
            yield plain
            continue
        good: list[list[str]] = []
        places: list[int] = []
        raws: list[bytes] = []
        bad: list[BadRow] = []
        ended = True
        for row in cells:
            raw = _kept(lines.taken)
            first_line = lines.number - len(lines.taken) + 1
            refusal = _row_refusal(row, names, undecodable=lines.undecodable, cut=lines.cut)
            lines.undecodable = lines.cut = False
            if refusal is not None:
                bad.append(BadRow(first_line, header_raw + raw, refusal))
            elif not_blank(row):
                good.append(row)
                places.append(first_line)
                raws.append(raw)
            if len(good) + len(bad) >= rows or not lines.again:
                ended = False
                break
        if good or bad:
            columns = dict(zip(names, zip(*good, strict=False), strict=False)) if good else {}
            yield Chunk(
                columns={n: columns.get(n, ()) for n in names},
                lines=places,
                raw=raws.__getitem__,
                header=header_raw,
                bad=bad,
            )
        if ended:
            return


def _plain_chunk(
    lines: _Lines, names: Sequence[str], delimiter: str, header: bytes, rows: int
) -> Chunk | None:
    """The next lines all at once; None where they must be read one by one, or there are none."""
    if lines.again:
        return None
    first = lines.number + 1
    cut_before = lines.cut_so_far
    block = lines.next_lines(rows)
    whole = bool(block) and lines.cut_so_far == cut_before
    columns = _plain_columns(block, names, delimiter, lines.encoding) if whole else None
    if columns is None:
        lines.give_back(block)
        return None
    return Chunk(
        columns=columns,
        lines=range(first, first + len(block)),
        raw=block.__getitem__,
        header=header,
    )


def _plain_columns(
    block: Sequence[bytes], names: Sequence[str], delimiter: str, encoding: str
) -> dict[str, Sequence[Any]] | None:
    """The columns of lines that are one whole row each; None where any line needs a closer look.

    Arrow reads such lines fifteen times as fast as Python's own reader, and alike: where a quote
    stands in the midst of a cell, or a cell goes on in the next line, the other reader is asked.
    """
    body = b"".join(block)
    if delimiter == WHITESPACE or b"\0" in body:
        return None
    if body.count(b"\r") != body.count(b"\r\n"):  # which Arrow takes for the end of a line
        return None
    if b'"' in body and _stray_quote(delimiter.encode()).search(body):
        return None
    try:
        if codecs.lookup(encoding).name != "utf-8":
            body = body.decode(encoding).encode()
        table = arrow_csv.read_csv(
            pa.BufferReader(body),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                block_size=len(body) + 1,
                column_names=[str(number) for number in range(len(names))],
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter),
            convert_options=arrow_csv.ConvertOptions(
                column_types={str(number): pa.string() for number in range(len(names))}
            ),
        )
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    if table.num_rows != len(block):
        return None
    place = {name: number for number, name in enumerate(names)}  # of equal names the last
    picked = table.select(list(place.values())).rename_columns(list(place))
    return ArrowColumns(picked.combine_chunks().to_batches()[0])


@cache
def _stray_quote(delimiter: bytes) -> re.Pattern[bytes]:
    """A quote that neither begins nor ends a cell, nor stands beside another."""
    apart = re.escape(delimiter)
    return re.compile(rb'[^"\n' + apart + rb']"[^"\r\n' + apart + rb"]")


def _csv_rows(lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    """Rows of cells; a row that the csv reader cannot end is its first line alone."""
    csv.field_size_limit(_LONGEST_CELL)
    while True:
        lines.taken.clear()
        if delimiter == WHITESPACE:
            reader: Iterator[list[str]] = (line.split() for line in lines)
        else:
            reader = csv.reader(lines, delimiter=delimiter)
        try:
            for row in reader:
                # A quote that is never closed takes the lines after it for one cell, until the
                # next quote or the end; the row has then too few cells.
                if len(lines.taken) > 1 and lines.width and len(row) < lines.width:
                    break
                yield row
                lines.taken.clear()
            else:
                return
        except csv.Error:
            pass
        lines.put_back(1)
        yield _UNENDED


_UNENDED = ["\x00"]


def _row_refusal(
    row: list[str], names: Sequence[str], *, undecodable: bool, cut: bool
) -> Refusal | None:
    if row is _UNENDED:
        return Refusal("wrong_type", "a quote is opened and never closed; double quotes in a cell")
    if cut:
        return Refusal(
            "too_large", f"a line is longer than {LONGEST_LINE} bytes; shorten its cells"
        )
    if undecodable:
        return Refusal("invalid_encoding", "bytes that are not of the stated encoding")
    too_long = len(row) > len(names) and not_blank(row[len(names) :])
    if too_long or (len(row) < len(names) and not_blank(row)):
        return Refusal(
            "wrong_type", f"the row has {len(row)} cells and the header names {len(names)} columns"
        )
    if any("\x00" in cell for cell in row):
        return Refusal("contains_nul", "a cell holds a NUL character; remove it")
    return None


def not_blank(row: Sequence[str]) -> bool:
    """Whether any cell says something."""
    return any(cell.strip() for cell in row)


# ── JSON and Parquet ───────────────────────────────────────────────────────────────────────────


def _json_lines(file: BinaryIO, _written: FileFormat, rows: int) -> Iterator[Chunk]:
    lines = _Bounded(_without_mark(_pieces(file)), _LONGEST_JSON_LINE)
    numbered = (
        (number, raw) for number, raw in enumerate(lines, 1) if type(raw) is _Cut or raw.strip()
    )
    while part := list(islice(numbered, rows)):
        yield _json_chunk(part)


def _json_document(file: BinaryIO, _written: FileFormat, rows: int) -> Iterator[Chunk]:
    """A list of objects, or an object with one list in it."""
    gathered = bytearray()
    for piece in _pieces(file):
        gathered += piece
        if len(gathered) > _LARGEST_JSON:
            raise InvalidMapping(
                f"The JSON file has more than {_LARGEST_JSON} bytes; save it as JSON lines"
            )
    body = bytes(gathered).removeprefix(codecs.BOM_UTF8)
    del gathered
    try:
        try:
            records = msgspec.json.decode(body, type=list[Raw])
        except msgspec.ValidationError:
            parts = msgspec.json.decode(body, type=dict[str, Raw])
            lists = [part for part in parts.values() if memoryview(part)[0] == 0x5B]
            if len(lists) != 1:
                raise InvalidMapping(
                    "The JSON file must be a list of objects, or an object that holds one list"
                ) from None
            records = msgspec.json.decode(lists[0], type=list[Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidMapping("The file is not JSON; state its format under [file]") from error
    numbered = enumerate((bytes(record) for record in records), 1)
    while part := list(islice(numbered, rows)):
        yield _json_chunk(part)


def _json_chunk(numbered: Iterable[tuple[int, bytes]]) -> Chunk:
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    raws: list[bytes] = []
    bad: list[BadRow] = []
    for line, raw in numbered:
        refusal = None
        if isinstance(raw, _Cut):
            refusal = Refusal("too_large", f"a line is longer than {_LONGEST_JSON_LINE} bytes")
            bad.append(BadRow(line, raw.kept, refusal))
            continue
        try:
            raw.decode("utf-8")
            record = msgspec.json.decode(raw)
        except UnicodeDecodeError:
            refusal = Refusal("invalid_encoding", "JSON must be in UTF-8")
        except (msgspec.DecodeError, RecursionError):
            refusal = Refusal("malformed_json", "the line is not valid JSON")
        else:
            if not isinstance(record, dict):
                refusal = Refusal("wrong_type", "the line must be a JSON object")
            elif b"\\u0000" in raw:
                refusal = Refusal("contains_nul", "a text holds a NUL character; remove it")
        if refusal is not None:
            bad.append(BadRow(line, raw, refusal))
        else:
            records.append(record)
            lines.append(line)
            raws.append(raw)
    return Chunk(columns=_Nested(records), lines=lines, raw=raws.__getitem__, bad=bad)


class _Nested(dict[str, Sequence[Any]]):
    """Columns of JSON records, made when asked for; a dotted name reaches into objects."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        super().__init__()
        self._records = records
        names: dict[str, None] = {}
        for record in records[:1000]:
            names.update(dict.fromkeys(_paths(record)))
        for name in names:
            self[name] = ()  # known names, for messages and guessing; cells follow when asked
        self._made: set[str] = set()

    def __getitem__(self, name: str) -> Sequence[Any]:
        if name not in self._made:
            self[name] = [_reach(record, name) for record in self._records]
            self._made.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        # A field that this chunk's first records lack may be in later ones.
        return True


def _paths(record: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _reach(record: Any, path: str) -> Any:
    if isinstance(record, dict) and path in record:
        return record[path]
    for place, part in enumerate(parts := path.split(".")):
        if part == "*":
            rest = ".".join(parts[place + 1 :])
            return _of_all(record, rest)
        if isinstance(record, list):
            record = record[int(part)] if part.isdecimal() and int(part) < len(record) else None
        elif isinstance(record, dict):
            record = record.get(part)
        else:
            return None
    return record


def _of_all(listed: Any, path: str) -> list[Any] | None:
    """What each of a list says at ``path``; lists within lists become one."""
    if not isinstance(listed, list):
        return None
    found: list[Any] = []
    for entry in listed:
        value = _reach(entry, path) if path else entry
        if isinstance(value, list):
            found += value
        elif value is not None:
            found.append(value)
    return found


def _parquet_chunks(file: BinaryIO, _written: FileFormat, rows: int) -> Iterator[Chunk]:
    parquet = pq.ParquetFile(file if file.seekable() else io.BytesIO(file.read()))
    line = 1
    for batch in parquet.iter_batches(batch_size=rows):
        yield Chunk(
            columns=ArrowColumns(batch),
            lines=range(line, line + batch.num_rows),
            raw=_json_row_of(batch),
        )
        line += batch.num_rows


class ArrowColumns(dict[str, Sequence[Any]]):
    """Columns of an Arrow batch, as Python values when asked for."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        super().__init__(dict.fromkeys(batch.schema.names, ()))
        self._batch = batch
        self._made: set[str] = set()

    def arrow(self, name: str) -> pa.Array:
        """A column as it is."""
        return self._batch.column(name)

    def __getitem__(self, name: str) -> Sequence[Any]:
        if name not in self._made and name in self:
            self[name] = self._batch.column(name).to_pylist()
            self._made.add(name)
        return super().__getitem__(name)


def _json_row_of(batch: pa.RecordBatch) -> Callable[[int], bytes]:
    return lambda row: msgspec.json.encode(batch.slice(row, 1).to_pylist()[0], enc_hook=str)


_READERS: dict[str, Callable[[BinaryIO, FileFormat, int], Iterator[Chunk]]] = {
    "csv": _csv_chunks,
    "jsonl": _json_lines,
    "json": _json_document,
    "parquet": _parquet_chunks,
}

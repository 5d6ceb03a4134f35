"""Tables of text whose header is none, or more than one row: every row with its bytes."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec
from msgspec import Struct

from rapport.collect.connector import FileAsIs
from rapport.collect.mapping import FileFormat
from rapport.collect.seekable import seekable
from rapport.collect.tables import BadRow, read_chunks
from rapport.errors import InvalidMapping

_HEAD = 256 * 1024
_DELIMITERS = (",", ";", "\t", "|")
#: Columns of one table; wider surveys are matrices that nobody reads.
_MOST_COLUMNS = 5_000


class Line(Struct, frozen=True):
    """One row: where it stands, its cells, its bytes in UTF-8."""

    at: int
    cells: Sequence[str]
    raw: bytes


def table_lines(file: FileAsIs) -> Iterator[Line | BadRow]:
    """All rows of a table, its header's too, all as wide as the first.

    The delimiter and the encoding are the mapping's, or else what the beginning shows.

    Raises
    ------
    InvalidMapping
        If it is no text, or empty.
    """
    content = seekable(file.content)
    head = content.read(_HEAD)
    content.seek(0)
    written = written_as(head, file.written)
    width = len(first_row(head, written))
    if width == 0 or (written.encoding != "utf-16" and b"\x00" in head[:200]):
        raise InvalidMapping(f"{file.name} is no table of text")
    if width > _MOST_COLUMNS:
        raise InvalidMapping(f"{file.name} has {width} columns; {_MOST_COLUMNS} can be read")
    names = tuple(f"column_{number}" for number in range(width))
    written = msgspec.structs.replace(written, format="csv", column_names=names)
    for chunk in read_chunks(content, written):
        found: list[Line | BadRow] = [*chunk.bad]
        columns = [chunk.columns[name] for name in names]
        for index, at in enumerate(chunk.lines):
            cells = [column[index] for column in columns]
            if at == 1:
                cells[0] = cells[0].removeprefix("\ufeff")
            found.append(Line(at, cells, chunk.raw(index)))
        yield from sorted(found, key=lambda one: one.at if isinstance(one, Line) else one.line)


def first_row(head: bytes, written: FileFormat) -> list[str]:
    """The cells of the first row, which may go over several lines."""
    text = head.decode(written.encoding, "replace").removeprefix("\ufeff").lstrip("\r\n")
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=written.delimiter), [])
    except csv.Error:
        return []


def written_as(head: bytes, stated: FileFormat) -> FileFormat:
    """How the table is written, where the mapping leaves the defaults."""
    encoding, delimiter = stated.encoding, stated.delimiter
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif encoding in ("utf-8", "utf-16"):  # of the latter, refused rows are kept in UTF-8
        encoding = "utf-8"
        try:
            codecs.getincrementaldecoder("utf-8")().decode(head)
        except UnicodeDecodeError:
            encoding = "cp1252"
    if delimiter == ",":
        text = head[: len(head) // 2 * 2].decode(encoding, "replace")
        first = text.removeprefix("\ufeff").lstrip("\r\n").split("\n", 1)[0]
        delimiter = max(_DELIMITERS, key=first.count)
        delimiter = delimiter if delimiter in first else ","
    return msgspec.structs.replace(stated, encoding=encoding, delimiter=delimiter)


def taken_headers(lines: Iterator[Line | BadRow], count: int, name: str) -> list[Line]:
    """The first ``count`` rows.

    Raises
    ------
    InvalidMapping
        If there are fewer, or one cannot be read.
    """
    headers: list[Line] = []
    for line in lines:
        if isinstance(line, BadRow):
            raise InvalidMapping(f"{name}: line {line.line} belongs to the header and is damaged")
        headers.append(line)
        if len(headers) == count:
            return headers
    raise InvalidMapping(f"{name} has fewer than the {count} header rows of its kind")


def with_headers(headers: Sequence[Line], raw: bytes) -> bytes:
    """A small file of the same kind: the header and one row."""
    ended = (part if part.endswith(b"\n") else part + b"\n" for part in (h.raw for h in headers))
    return b"".join(chain(ended, (raw,)))

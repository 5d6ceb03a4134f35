"""Objects of JSON files of any size: lines, lists, and lists in an object, one object at a time.

The file is never decoded as a whole: brackets and quotes are followed until an object ends, and
that object is decoded. One that is broken, too deep or too large is refused alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from rapport.collect.cut_records import CutRecord
from rapport.collect.event_checks import Refusal
from rapport.collect.seekable import seekable
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping

#: Bytes of one object.
LARGEST_OBJECT = 16 * 1024 * 1024
_CHUNK = 256 * 1024
_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')
_BOM = b"\xef\xbb\xbf"
_NO_LIST = ""


class Found(Struct, frozen=True):
    """One object, decoded, and where it stood."""

    at: int  # its line, or its number among its file's objects, from 1
    under: str  # the name of its list; empty for the outermost
    value: dict[str, Any]
    raw: bytes


def json_objects(
    content: BinaryIO, name: str, lists: Collection[str] = ()
) -> Callable[[], Iterator[Found | BadRow]]:
    """The objects of a file, as often as they are asked for.

    Parameters
    ----------
    content : binary file
        JSON lines; a list of objects; or objects of which some hold lists named in ``lists``,
        whose entries are meant then.
    name : str
        Of the file, for messages.

    Raises
    ------
    InvalidMapping
        If it is no JSON at all.
    """
    content = seekable(content)
    head = content.read(_CHUNK).removeprefix(_BOM).lstrip()
    if head[:1] not in (b"{", b"["):
        raise InvalidMapping(f"{name} is not JSON: it begins with neither an object nor a list")
    by_line = _is_lines(head, lists)

    def objects() -> Iterator[Found | BadRow]:
        content.seek(0)
        if by_line:
            yield from _from_lines(content)
        else:
            for at, (under, raw) in enumerate(_scanned(content, frozenset(lists)), 1):
                if isinstance(under, Refusal):
                    yield BadRow(at, _raw(raw), under)
                else:
                    yield _decoded(at, under, raw)

    return objects


def _is_lines(head: bytes, lists: Collection[str]) -> bool:
    first, end, _ = head.partition(b"\n")
    if not end or not first.startswith(b"{"):
        return False
    try:
        value = msgspec.json.decode(first)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return isinstance(value, dict) and not any(isinstance(value.get(n), list) for n in lists)


def _from_lines(content: BinaryIO) -> Iterator[Found | BadRow]:
    number = 0
    while line := content.readline(LARGEST_OBJECT + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) > LARGEST_OBJECT:
            cut = CutRecord()
            cut.add(line)
            while line and not line.endswith(b"\n"):
                line = content.readline(LARGEST_OBJECT)
                cut.add(line)
            yield BadRow(number, cut.kept(), _TOO_LARGE)
        elif line.strip():
            yield _decoded(number, _NO_LIST, line.strip())


_TOO_LARGE = Refusal("too_large", "a record above 16 MB")
_STRAY = Refusal("malformed_json", "something that is no record stands after the end of the JSON")
_UNENDED = Refusal("malformed_json", "the file ends before its JSON does; was it copied whole?")


def _raw(raw: bytes | CutRecord) -> bytes:
    return raw.kept() if isinstance(raw, CutRecord) else raw


def _decoded(at: int, under: str, raw: bytes | CutRecord) -> Found | BadRow:
    if isinstance(raw, CutRecord):
        return BadRow(at, raw.kept(), _TOO_LARGE)
    try:
        raw.decode("utf-8")
        value = msgspec.json.decode(raw)
    except UnicodeDecodeError:
        return BadRow(at, raw, Refusal("invalid_encoding", "JSON must be in UTF-8"))
    except (msgspec.DecodeError, RecursionError):
        return BadRow(at, raw, Refusal("malformed_json", "the record is not valid JSON"))
    if not isinstance(value, dict):
        return BadRow(at, raw, Refusal("wrong_type", "the record must be a JSON object"))
    if b"\\u0000" in raw:
        return BadRow(at, raw, Refusal("contains_nul", "a text holds a NUL character; remove it"))
    return Found(at, under, value, raw)


class _Scan:
    """Where in a document we are."""

    def __init__(self, lists: frozenset[str]) -> None:
        self.lists = lists
        self.depth = 0
        self.in_object = False  # the outermost value is one
        self.key = bytearray()  # the last string at depth 1
        self.under: str | None = None  # the list whose entries are records, while within
        self.base = 0  # the depth at which records of that list begin
        self.lists_seen = False
        self.taken: bytearray | None = None  # the record that is being read
        self.cut: CutRecord | None = None  # the record, once it is too large

    def read_key(self, part: bytes) -> None:
        if self.depth == 1 and len(self.key) < 200:
            self.key += part

    def begin(self) -> None:
        self.taken, self.cut = bytearray(), None

    def keep(self, part: bytes | memoryview) -> None:
        if self.taken is None:
            return
        if self.cut is not None:
            self.cut.add(part)
            return
        self.taken += part
        if len(self.taken) > LARGEST_OBJECT:
            self.cut = CutRecord()
            self.cut.add(self.taken)
            self.taken = bytearray()

    def end(self) -> bytes | CutRecord:
        raw = self.cut or bytes(self.taken or b"")
        self.taken = self.cut = None
        return raw


def _scanned(
    content: BinaryIO, lists: frozenset[str]
) -> Iterator[tuple[str | Refusal, bytes | CutRecord]]:
    """(list, bytes) of each record; of one that is too large what is kept of it.

    In place of the list a refusal, of what stands outside of any document.
    """
    scan = _Scan(lists)
    stray = _Stray()
    inside = False
    skip = 0  # of the next chunk: a backslash was the last byte of this one
    for chunk in _without_mark(content):
        at, skip = skip, 0
        kept = 0  # up to where this chunk's bytes are in `taken`
        quote = 0 if inside else -1
        stray.since = 0 if scan.depth == 0 else -1
        while at <= len(chunk):
            found = (_INSIDE if inside else _OUTSIDE).search(chunk, at)
            if found is None:
                break
            at = found.end()
            mark = found[0]
            if inside:
                if mark == b"\\":
                    at += 1
                    skip = max(0, at - len(chunk))
                else:
                    inside = False
                    scan.read_key(chunk[quote : found.start()])
                continue
            if mark == b'"':
                inside, quote = True, at
                if scan.depth == 1:
                    scan.key.clear()
                continue
            if mark in b"{[":
                if scan.depth == 0:
                    yield from stray.until(chunk, found.start())
                if _opens(scan, mark):
                    kept = found.start()
                elif scan.taken is None:
                    kept = at
            elif scan.depth > 0:
                scan.depth -= 1
                if scan.depth == 0:
                    stray.since = at
                ended = _closes(scan)
                if ended is not None:
                    scan.keep(chunk[kept:at])
                    kept = at
                    yield ended, scan.end()
        if inside:
            scan.read_key(chunk[quote:])
        scan.keep(chunk[kept:])
        stray.add(chunk, len(chunk))
    yield from stray.until(b"", 0)
    yield from _unended(scan, stray.tail)


def _unended(scan: _Scan, tail: bytes) -> Iterator[tuple[str | Refusal, bytes | CutRecord]]:
    """What the file ends within; of a record decoding will say so."""
    if scan.taken or scan.cut is not None:
        yield scan.under or _NO_LIST, scan.end()
    elif scan.depth:
        last = CutRecord()
        last.add(tail)
        yield _UNENDED, last


def _without_mark(content: BinaryIO) -> Iterator[bytes]:
    first = content.read(_CHUNK).removeprefix(_BOM)
    return chain((first,) if first else (), iter(lambda: content.read(_CHUNK), b""))


class _Stray:
    """What stands outside of any document."""

    def __init__(self) -> None:
        self.since = -1  # from where the chunk is outside; -1: it is within
        self.tail = b""  # what was read last, of anything
        self._record = CutRecord()

    def add(self, chunk: bytes, end: int) -> None:
        self.tail = chunk[-200:] or self.tail
        if self.since >= 0:
            self._record.add(chunk[self.since : end].strip(_BETWEEN))
            self.since = -1

    def until(self, chunk: bytes, end: int) -> Iterator[tuple[Refusal, CutRecord]]:
        """What there is when a document begins or the file ends."""
        self.add(chunk, end)
        if self._record:
            yield _STRAY, self._record
            self._record = CutRecord()


#: What may stand between documents: some programs write them one after another.
_BETWEEN = b" \t\r\n,\x1e"


def _opens(scan: _Scan, mark: bytes) -> bool:
    """Whether a record begins here."""
    scan.depth += 1
    if scan.depth == 1:
        scan.in_object = mark == b"{"
        scan.lists_seen = False
        scan.under, scan.base = (None, 0) if scan.in_object else (_NO_LIST, 2)
        if scan.in_object:
            scan.begin()
        return scan.in_object
    if scan.depth == 2 and scan.in_object and scan.under is None and mark == b"[":
        key = scan.key.decode("utf-8", "replace")
        if key in scan.lists:
            # The outer object is no record itself; what was kept of it is let go.
            scan.taken, scan.lists_seen = None, True
            scan.under, scan.base = key, 3
            return False
    if scan.under is not None and scan.depth == scan.base and mark == b"{":
        scan.begin()
        return True
    return False


def _closes(scan: _Scan) -> str | None:
    """The list of the record that ends here, if one does; `depth` is what it is after."""
    if scan.under is not None:
        if scan.depth == scan.base - 1 and scan.taken is not None:
            return scan.under
        if scan.depth == scan.base - 2:
            scan.under = None  # the list ends
        return None
    if scan.depth == 0 and scan.in_object and not scan.lists_seen and scan.taken is not None:
        return _NO_LIST
    return None


# ── values of what is decoded ──────────────────────────────────────────────────────────────────


def an_object(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Any, most: int = 10_000) -> list[dict[str, Any]]:
    """The objects of a list, and of nothing else."""
    found = value[:most] if isinstance(value, list) else ()
    return [entry for entry in found if isinstance(entry, dict)]


def plain(value: Any) -> str | int | float | bool | None:
    """The value if it is no list or object; whole numbers that nothing can store as text."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    return value if isinstance(value, str | int | float | bool) else None


def words(value: Any) -> str | None:
    """The value as text: of a text, or of a number such as an id."""
    known = plain(value)
    if known is None or isinstance(known, bool):
        return None
    if isinstance(known, float) and known.is_integer() and abs(known) < 2**53:
        known = int(known)
    return str(known).strip() or None


def wrapped(key: str, raw: bytes) -> bytes:
    """A document of one record, under its list's name: what a refused one keeps."""
    return b'{"' + key.encode() + b'":[' + raw + b"]}"

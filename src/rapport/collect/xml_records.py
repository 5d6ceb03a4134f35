"""Records of an XML file, one at a time: no document types, no entities, bounded in every way."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element, SubElement, tostring
from xml.parsers import expat

from msgspec import Struct

from rapport.collect.connector import Record
from rapport.collect.event_checks import Refusal
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping

_READ_BYTES = 65_536
#: Deeper than any business document; a file of a million open tags ends here.
_DEEPEST = 64
#: Of one record with all that stands around it; invoices carry scans of themselves.
_MOST_CHARACTERS = 16_000_000
_MOST_ELEMENTS = 500_000
#: A single tag that never ends would make the parser read it again with each piece.
_LONGEST_TAG = 1_000_000
_ROOT = re.compile(rb"<([A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s/>]")
_BEFORE_ROOT = re.compile(rb"<\?.*?\?>|<!--.*?-->", re.DOTALL)


class XmlRecord(Struct, frozen=True):
    """One record and what it stands in.

    Attributes
    ----------
    at : int
        The line on which it begins.
    element : Element
        Tags are ``{namespace}name``; `local` gives the name.
    around : tuple of Element
        The elements that it stands in, outermost first, with what came before it but for other
        records: a bank statement's account stands beside its entries.
    """

    at: int
    element: Element
    around: tuple[Element, ...]

    def raw(self) -> bytes:
        """A whole document that holds this record alone."""
        if not self.around:
            return _document(self.element)
        root = top = _bare(self.around[0])
        for parent, child in zip(self.around, (*self.around[1:], None), strict=True):
            # What stands beside the way to the record is context; the way itself is made anew.
            top.extend(e for e in parent if e is not child and e is not self.element)
            if child is not None:
                top = SubElement(top, child.tag, dict(child.attrib))
                top.text = child.text
        top.append(self.element)
        return _document(root)


def _document(root: Element) -> bytes:
    written: bytes = tostring(root, "utf-8", xml_declaration=True)
    return written


def _bare(element: Element) -> Element:
    made = Element(element.tag, dict(element.attrib))
    made.text = element.text
    return made


class _Refused(Exception):
    """Ends the reading; carries why."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


class _Reader:
    """Builds elements as the parser meets them and sets records aside when they end."""

    def __init__(self, records: frozenset[str], roots: frozenset[str]) -> None:
        self._records = records
        self._roots = roots
        self._open: list[Element] = []
        self._lines: list[int] = []
        self._within = 0  # records that are open
        self._characters = 0
        self._elements = 0
        self._last: Element | None = None  # what text belongs behind, if anything
        self._base = (0, 0)  # characters and elements of what stays when a record has gone
        self.found: list[XmlRecord] = []
        self.parser = parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data

    def _doctype(self, *_: object) -> None:
        raise _Refused("not_storable", DECLARES_ENTITIES)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and local_name(name) not in self._roots:
            raise InvalidMapping(
                f"The file's outermost element is {local_name(name)[:60]!r}; expected is "
                f"{', '.join(sorted(self._roots))}"
            )
        if len(self._open) >= _DEEPEST:
            raise _Refused("too_large", f"elements are nested more than {_DEEPEST} deep")
        self._count(elements=1, characters=sum(map(len, attributes.values())))
        tag = "{" + name if "}" in name else name
        named = {("{" + key if "}" in key else key): value for key, value in attributes.items()}
        element = SubElement(self._open[-1], tag, named) if self._open else Element(tag, named)
        if local_name(name) in self._records:
            if self._within == 0:
                self._base = (self._characters, self._elements)
            self._within += 1
        self._open.append(element)
        self._lines.append(self.parser.CurrentLineNumber)
        self._last = None

    def _end(self, name: str) -> None:
        element = self._open.pop()
        line = self._lines.pop()
        self._last = element
        if local_name(name) not in self._records:
            return
        self._within -= 1
        if self._within:
            return
        self.found.append(XmlRecord(line, element, tuple(self._open)))
        if self._open:
            self._open[-1].remove(element)
        self._last = None
        self._characters, self._elements = self._base

    def _data(self, text: str) -> None:
        self._count(characters=len(text))
        if not self._open or self._last is not None:
            return  # between elements: layout
        self._open[-1].text = (self._open[-1].text or "") + text

    def _count(self, *, characters: int = 0, elements: int = 0) -> None:
        self._characters += characters
        self._elements += elements
        if self._characters > _MOST_CHARACTERS or self._elements > _MOST_ELEMENTS:
            raise _Refused(
                "too_large",
                f"a record has more than {_MOST_CHARACTERS} characters or {_MOST_ELEMENTS} "
                "elements; cut the file",
            )


def xml_records(
    content: BinaryIO, *, records: frozenset[str], roots: frozenset[str]
) -> Iterator[XmlRecord | BadRow]:
    """The records of an XML file in their order; never more than one of them is held.

    Parameters
    ----------
    records : frozenset of str
        Local names of the elements that are records; one within another is a part of it.
    roots : frozenset of str
        Local names that the outermost element may have.

    Yields
    ------
    XmlRecord or BadRow
        A `BadRow` ends the file: what comes after a mistake in XML means nothing. It holds what
        was read last, a megabyte at most: of a usual document all of it.

    Raises
    ------
    InvalidMapping
        If the outermost element is another one, or the file is no XML at all.
    """
    reader = _Reader(records, roots)
    fed = 0
    seen = False
    recent = b""
    ended = False
    while not ended:
        piece = content.read(_READ_BYTES)
        ended = not piece
        recent = (recent + piece)[-_KEPT_OF_BAD:]
        fed += len(piece)
        problem: Refusal | None = None
        try:
            reader.parser.Parse(piece, ended)
            if fed - max(reader.parser.CurrentByteIndex, 0) > _LONGEST_TAG + _READ_BYTES:
                problem = Refusal("too_large", f"a tag is longer than {_LONGEST_TAG} bytes")
        except expat.ExpatError as error:
            problem = Refusal(
                "malformed_record",
                f"not well-formed XML in line {error.lineno}; is the file whole?",
            )
        except (LookupError, ValueError):  # an encoding that nobody knows, or one of several bytes
            problem = Refusal("invalid_encoding", "the encoding that the file states is not known")
        except _Refused as refused:
            problem = refused.refusal
        for record in reader.found:
            seen = True
            yield record
        reader.found.clear()
        if problem is not None:
            if (
                not seen
                and problem.reason == "malformed_record"
                and fed == len(recent)
                and (not recent.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<"))
                and not recent.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            ):
                raise InvalidMapping("The file is not XML; choose its kind anew")
            line = reader.parser.CurrentLineNumber
            yield BadRow(line, recent, problem)
            return


_KEPT_OF_BAD = 1_000_000
#: A few lines of them can stand for gigabytes, or for other files of the server.
DECLARES_ENTITIES = (
    "the file declares entities or a document type, which is refused for safety, since they may "
    "stand for far more than it holds; export it without"
)


def records_of_xml(
    content: BinaryIO,
    *,
    records: frozenset[str],
    roots: frozenset[str],
    fields: Callable[[XmlRecord], dict[str, object]],
) -> Iterator[Record | BadRow]:
    """As `xml_records`, each as the fields that ``fields`` makes of it."""
    for found in xml_records(content, records=records, roots=roots):
        if isinstance(found, BadRow):
            yield found
        else:
            yield Record(found.at, fields(found), found.raw)


def root_name(head: bytes) -> str | None:
    """The outermost element's local name, by the first bytes of a file; None: no XML.

    Only for recognising: a document in UTF-16 is decoded, comments are skipped.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.decode("utf-16", "ignore").encode()
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text.startswith(b"<"):
        return None
    root = _ROOT.match(_BEFORE_ROOT.sub(b"", text).lstrip())
    return None if root is None else root.group(2).decode("ascii", "ignore")


# ── elements by their local names ──────────────────────────────────────────────────────────────


def local_name(tag: str) -> str:
    """The name without its namespace: versions of one standard differ in that alone."""
    return tag.rpartition("}")[2]


def child(element: Element | None, path: str) -> Element | None:
    """The first element at ``path``, such as ``"Party/PartyName/Name"``."""
    for found in children(element, path):
        return found
    return None


def children(element: Element | None, path: str) -> Iterator[Element]:
    """All elements at ``path``."""
    if element is None:
        return
    name, _, rest = path.partition("/")
    for each in element:
        if local_name(each.tag) == name:
            if rest:
                yield from children(each, rest)
            else:
                yield each


def text_of(element: Element | None, *paths: str) -> str | None:
    """The trimmed text at the first of the paths that has one; without a path, its own."""
    if element is None:
        return None
    if not paths:
        return (element.text or "").strip() or None
    for path in paths:
        for found in children(element, path):
            if text := (found.text or "").strip():
                return text
    return None


def moment_text(day: str | None, time: str | None = None) -> str | None:
    """An XML date, which may name a zone, and a time as one ISO 8601 text.

    Examples
    --------
    >>> moment_text("2026-10-05+02:00", "14:30:00"), moment_text("2026-10-05Z")
    ('2026-10-05T14:30:00+02:00', '2026-10-05T00:00:00Z')
    """
    found = None if day is None else _DAY.fullmatch(day)
    if found is None:
        return day
    clock = None if time is None else _CLOCK.fullmatch(time)
    zone = (clock and clock.group(2)) or found.group(2) or ""
    return f"{found.group(1)}T{clock.group(1) if clock else '00:00:00'}{zone}"


_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})?")
_CLOCK = re.compile(r"(\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:\d{2})?")

"""Address books in vCard 2.1, 3.0 and 4.0: what a telephone, a mail program or a CRM knows."""

from __future__ import annotations

import binascii
import codecs
import quopri
import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import BinaryIO

import msgspec
from msgspec import Struct

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.event_checks import Refusal
from rapport.collect.rows import Row, RowError
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import RECORD_SEEN, Touchpoint

#: Of one card; a photograph in it may be a few megabytes.
_LONGEST_CARD = 8_000_000
_DEEPEST = 3
_LONGEST_LINE = 8_000_000
_TRAITS = (
    *("first_name", "last_name", "gender", "street", "postal_code", "city", "company", "country"),
    "language",
)
_NAME = re.compile(r"(?:[A-Za-z0-9-]+\.)?([A-Za-z0-9-]+)")


class _Property(Struct, frozen=True):
    """One line: ``TEL;TYPE=cell:+32 ...``."""

    name: str
    parameters: dict[str, list[str]]
    value: str  # as it stands, with its backslashes

    def types(self) -> list[str]:
        return [word.casefold() for word in self.parameters.get("TYPE", ())]

    def preference(self) -> int:
        """Smaller is preferred: PREF of 4.0, the word of older ones, else after them."""
        stated = self.parameters.get("PREF", [""])[0]
        if stated.isdecimal():
            return int(stated[:3])
        return 1 if "pref" in self.types() else 101


def read_records(file: FileAsIs) -> Iterator[Record | BadRow]:
    """The cards of a file.

    Raises
    ------
    InvalidMapping
        If it holds no card.
    """
    encoding = file.written.encoding
    seen = False
    for line, raw in _cards(file.content):
        seen = True
        try:
            fields = _fields(raw, encoding)
        except _BadCard as error:
            yield BadRow(line, raw, error.refusal)
        else:
            yield Record(line, fields, lambda raw=raw: raw)  # type: ignore[misc]
    if not seen:
        raise InvalidMapping("The file holds no card that begins with BEGIN:VCARD")


class _BadCard(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


def _cards(content: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The bytes of each card and the line it begins on; what stands between is layout.

    Of a card that is too large comes its beginning, as long as the largest may be.
    """
    card: list[bytes] = []
    begins = size = depth = 0
    before = b""
    for number, line in enumerate(_lines(content), 1):
        word = line.strip().replace(b" ", b"").upper()
        if word == b"BEGIN:VCARD":
            if depth and (depth > _DEEPEST or not before.startswith(b"AGENT")):
                yield begins, b"".join(card)  # the card before it was never ended
                depth = 0
            if depth == 0:
                card, begins, size = [], number, 0
            depth += 1  # AGENT of 2.1 puts a card into a card
        if depth:
            card.append(line[: _LONGEST_CARD - size])
            size += len(card[-1])
        if word == b"END:VCARD" and depth:
            depth -= 1
            if depth == 0:
                yield begins, b"".join(card)
        before = word
    if depth:
        yield begins, b"".join(card)


def _lines(content: BinaryIO) -> Iterator[bytes]:
    """Lines, however they end; one without an end comes in pieces, each too long to be true."""
    first = True
    while line := content.readline(_LONGEST_LINE):
        if first:
            line, first = line.removeprefix(codecs.BOM_UTF8), False
        if b"\r" in line.rstrip(b"\r\n"):  # old Macintosh ends
            yield from line.replace(b"\r\n", b"\n").replace(b"\r", b"\n").splitlines(keepends=True)
        else:
            yield line


def _fields(raw: bytes, encoding: str) -> dict[str, object]:
    if len(raw) >= _LONGEST_CARD:
        raise _BadCard("too_large", f"the card is larger than {_LONGEST_CARD} bytes")
    if b"\x00" in raw:
        raise _BadCard("contains_nul", "the card holds a NUL character; remove it")
    if not re.search(rb"(?i)^END:VCARD\s*\Z", raw, re.MULTILINE):
        raise _BadCard("malformed_record", "the card has no END:VCARD; is the file whole?")
    found: dict[str, list[_Property]] = {}
    depth = 0
    for line in _unfolded(raw):
        word = line.strip().upper()
        if word.startswith((b"BEGIN:", b"END:")):
            depth += 1 if word.startswith(b"B") else -1
        elif depth == 1 and (read := _property(line, encoding)) is not None:
            found.setdefault(read.name, []).append(read)

    def values(name: str) -> list[_Property]:
        return sorted(found.get(name, ()), key=_Property.preference)

    def text(name: str) -> str | None:
        return next((said for each in values(name) if (said := _plain(each.value))), None)

    last, first = (*_parts(values("N")), "", "")[:2]
    address = [*_parts(values("ADR")), *[""] * 7]
    return {
        "uid": text("UID"),
        "revised_at": _basic_moment(text("REV")),
        "name": text("FN") or " ".join(part for part in (first, last) if part) or None,
        "first_name": first or None,
        "last_name": last or None,
        "emails": [_plain(each.value) for each in values("EMAIL")],
        "phones": [
            _plain(each.value).removeprefix("tel:").partition(";")[0]
            for each in values("TEL")
            if not {"fax", "pager"} & set(each.types())
        ],
        "birthday": _basic_day(text("BDAY")),
        "company": next(iter(_parts(values("ORG"))), None),
        "title": text("TITLE"),
        "gender": (text("GENDER") or "").partition(";")[0] or None,
        "street": address[2] or None,
        "city": address[3] or None,
        "postal_code": address[5] or None,
        "country": address[6] or None,
        "language": text("LANG"),
        "categories": text("CATEGORIES"),
        "note": text("NOTE"),
    }


def _unfolded(raw: bytes) -> Iterator[bytes]:
    """Logical lines: a folded one goes on after a space, a quoted-printable one after ``=``."""
    line = b""
    quoted = False
    for piece in raw.splitlines():
        if quoted and line.endswith(b"="):
            line = line + b"\n" + piece
            continue
        if piece[:1] in (b" ", b"\t") and line:
            line += piece[1:]
            continue
        if line:
            yield line
        line = piece
        quoted = b"QUOTED-PRINTABLE" in line.partition(b":")[0].upper()
    if line:
        yield line


def _property(line: bytes, encoding: str) -> _Property | None:
    head, body = _split_value(line)
    if body is None:
        return None
    name, *written = head.decode("ascii", "replace").split(";")
    named = _NAME.fullmatch(name.strip())
    if named is None:
        return None
    parameters: dict[str, list[str]] = {}
    for parameter in written:
        key, mark, value = parameter.partition("=")
        if not mark:  # 2.1 writes TEL;CELL
            key, value = ("ENCODING" if key.upper() in _ENCODINGS else "TYPE"), key
        words = [word.strip().strip('"') for word in value.strip().strip('"').split(",")]
        parameters.setdefault(key.strip().upper(), []).extend(words)
    transfer = parameters.get("ENCODING", [""])[0].upper()
    if transfer in ("B", "BASE64"):
        return None  # photographs, sounds and keys
    if transfer == "QUOTED-PRINTABLE":
        try:
            body = quopri.decodestring(body)
        except (ValueError, binascii.Error) as error:
            raise _BadCard("invalid_encoding", "a quoted-printable line is broken") from error
    charset = parameters.get("CHARSET", [encoding])[0] or encoding
    try:
        value = body.decode(charset)
    except LookupError as error:
        raise _BadCard("invalid_encoding", "a line states an encoding that is not known") from error
    except UnicodeDecodeError as error:
        raise _BadCard(
            "invalid_encoding", "bytes that are not of the stated encoding; state it under [file]"
        ) from error
    return _Property(named.group(1).upper(), parameters, value)


_ENCODINGS = frozenset({"QUOTED-PRINTABLE", "BASE64", "B", "8BIT", "7BIT"})


def _split_value(line: bytes) -> tuple[bytes, bytes | None]:
    """At the first colon outside quotes."""
    quoted = False
    for place, byte in enumerate(line):
        if byte == 0x22:
            quoted = not quoted
        elif byte == 0x3A and not quoted:
            return line[:place], line[place + 1 :]
        if place > 1000:
            break
    return line, None


_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _plain(value: str) -> str:
    """Without backslashes: ``\\n`` is a line's end, any other stands for itself."""
    return _ESCAPED.sub(lambda m: "\n" if m[1] in "nN" else m[1], value).strip()


def _parts(found: Sequence[_Property]) -> list[str]:
    """The parts of a structured value; a semicolon behind a backslash is none of its marks."""
    if not found:
        return []
    return [_plain(part) for part in re.split(r"(?<!\\);", found[0].value)]


def _basic_day(text: str | None) -> str | None:
    """``19850412`` as ISO 8601; without a year (``--0412``) it says nothing of an age."""
    if text is None or text.startswith("--"):
        return None
    day = text.partition("T")[0]
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if re.fullmatch(r"\d{8}", day) else day


def _basic_moment(text: str | None) -> str | None:
    found = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d)(.*))?", text or "")
    if found is None:
        return None  # it only says when the card was changed
    year, month, day, hour, minute, second, rest = found.groups()
    if hour is None:
        return f"{year}-{month}-{day}"
    zone = rest if re.fullmatch(r"Z|[+-]\d\d:?\d\d|", rest or "") else ""
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone}"


def read_card(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one card; a changed card is a new one."""
    (row,) = rows
    reading = row.reading
    emails: list[str] = row.cell("emails") or []
    phones: list[str] = row.cell("phones") or []
    uid = row.text("uid")
    contacts = (
        *(Identifier(kind="email", value=reading.clean(each)) for each in emails if each),
        *(Identifier(kind="phone", value=reading.clean(each)) for each in phones if each),
    )
    own = () if uid is None else (
        Identifier(kind="crm_contact", value=uid, namespace=reading.source),
    )  # fmt: skip
    identifiers = tuple(dict.fromkeys((*own, *contacts)))
    if not identifiers:
        raise RowError("missing_identity", "the card has neither UID, EMAIL nor TEL")
    stated = {
        **{field: row.text(field) for field in _TRAITS if field not in ("country", "language")},
        "birthday": row.birthday(),
        "language": row.language(),
        "country": row.country(),
    }
    touch = row.touchpoint(
        "",
        type=RECORD_SEEN,
        channel="crm",
        occurred_at=row.moment("revised_at") or reading.received_at,
        identifiers=identifiers,
        traits={field: text for field, text in stated.items() if text is not None},
        properties={
            "title": row.text("title"),
            "categories": row.text("categories"),
            "note": row.text("note"),
        },
    )
    said = (touch.traits, touch.identifiers, touch.properties, row.text("revised_at"))
    digest = sha256(msgspec.json.encode(said, order="sorted")).hexdigest()[:24]
    yield msgspec.structs.replace(touch, touchpoint_id=f"vcard:{digest}")


def recognises(head: bytes, _name: str) -> bool:
    """By its first line."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip()[:11].upper() == b"BEGIN:VCARD"


CONNECTOR = Connector(
    kind="vcard",
    label="Address books (vCard 2.1, 3.0, 4.0)",
    required=("name",),
    optional=(
        *("uid", "revised_at", "emails", "phones", "birthday", "title", "categories", "note"),
        *_TRAITS,
        *("channel", "place", "acquisition_channel", "campaign"),
    ),
    read=read_card,
    records=read_records,
    recognises=recognises,
    suffixes=(".vcf", ".vcard"),
)

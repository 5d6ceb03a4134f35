"""Call detail records of telephone exchanges: Asterisk and FreePBX, FreeSWITCH and FusionPBX."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from msgspec import Struct

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.headed_tables import first_row, table_lines, written_as
from rapport.collect.json_records import an_object, json_objects, objects_in, words
from rapport.collect.mail_messages import content_id
from rapport.collect.mapping import FileFormat, Mapping
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.seekable import seekable
from rapport.collect.tables import BadRow
from rapport.collect.xml_records import local_name, root_name, xml_records
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import CALL_ENDED, CALL_MADE, CALL_MISSED, Touchpoint

#: Calls that are held until their last telephone has ended, and legs of one.
_OPEN_CALLS, _MOST_LEGS = 2_000, 200
Direction = Literal["inbound", "outbound", "internal"]
#: Asterisk's own order (cdr_csv's Master.csv), then cdr_custom's.
_MASTER = ("accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp",
           "lastdata", "start", "answer", "end", "duration", "billsec", "disposition", "amaflags",
           "uniqueid", "userfield")  # fmt: skip
_CUSTOM = ("clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata",
           "start", "answer", "end", "duration", "billsec", "disposition", "amaflags",
           "accountcode", "uniqueid", "userfield", "sequence")  # fmt: skip
#: FreeSWITCH's template "example", which is its default.
_SWITCH = ("caller_id_name", "src", "dst", "dcontext", "start", "answer", "end", "duration",
           "billsec", "hangup_cause", "uniqueid", "bleg_uuid", "accountcode", "read_codec",
           "write_codec")  # fmt: skip
#: Names of headers and of channel variables → ours.
_NAMES = {
    "calldate": "start", "start_stamp": "start", "start_epoch": "start", "answer_stamp": "answer",
    "answer_epoch": "answer", "end_stamp": "end", "end_epoch": "end", "caller_id_number": "src",
    "caller_id_name": "caller_id_name", "destination_number": "dst", "context": "dcontext",
    "uuid": "uniqueid", "xml_cdr_uuid": "uniqueid", "call_uuid": "linkedid",
    "recordingfile": "recording", "record_name": "recording", "cc_queue": "queue",
    "cc_agent": "agent", "cnam": "caller_id_name", "linkedid": "linkedid",
    "cdr_uuid": "uniqueid", "caller_destination": "did", "did": "did",
}  # fmt: skip
_KNOWN = frozenset({*_MASTER, *_CUSTOM, *_SWITCH, *_NAMES.values(), "direction"})
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_DISPOSITIONS = {"answered": "answered", "no answer": "no_answer", "busy": "busy",
                 "failed": "failed", "congestion": "failed"}  # fmt: skip
_CAUSES = {"normal_clearing": "answered", "originator_cancel": "no_answer",
           "no_answer": "no_answer", "no_user_response": "no_answer",
           "user_busy": "busy", "call_rejected": "busy",
           "normal_temporary_failure": "failed"}  # fmt: skip
_NOBODY = frozenset(
    {"", "anonymous", "unknown", "restricted", "private", "unavailable", "withheld", "s", "h", "i"}
)
_NUMBER = re.compile(r"\+?[\d *#()./-]{2,24}")
_DEVICE = re.compile(r"(?:PJSIP|SIP|IAX2|Local|Agent)/([\w.+]{1,40})")


# ── reading ────────────────────────────────────────────────────────────────────────────────────


class _Leg(Struct, frozen=True):
    """One record of an exchange: a call, or one telephone of several that rang."""

    at: int
    fields: dict[str, Any]
    header: bytes
    raw: Callable[[], bytes]


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    """Calls with their legs, which stand near each other: the exchange writes as telephones end."""
    open_calls: dict[str, list[_Leg]] = {}
    newest: deque[str] = deque()
    for leg in _legs(file):
        if isinstance(leg, BadRow):
            yield leg
            continue
        call = str(leg.fields["call_id"])
        if call not in open_calls:
            open_calls[call] = []
            newest.append(call)
        if len(open_calls[call]) < _MOST_LEGS:
            open_calls[call].append(leg)
        if len(newest) > _OPEN_CALLS:
            yield _call(open_calls.pop(newest.popleft()))
    for legs in open_calls.values():
        yield _call(legs)


def _call(legs: Sequence[_Leg]) -> Record:
    def raw() -> bytes:
        parts = (leg.raw().rstrip(b"\r\n") + b"\n" for leg in legs)
        return legs[0].header + b"".join(parts)

    return Record(legs[0].at, {"legs": [leg.fields for leg in legs]}, raw)


def _legs(file: FileAsIs) -> Iterator[_Leg | BadRow]:
    content = seekable(file.content)
    head = content.read(65_536)
    content.seek(0)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"<":
        one, roots = frozenset({"cdr"}), frozenset({"cdr", "cdrs"})
        for found in xml_records(content, records=one, roots=roots):
            if isinstance(found, BadRow):
                yield found
            else:
                yield _Leg(found.at, _fields(_variables(found.element)), b"", found.raw)
    elif start in (b"{", b"["):
        for each in json_objects(content, file.name, ("cdrs",))():
            if isinstance(each, BadRow):
                yield each
            else:
                yield _Leg(each.at, _fields(_json_variables(each.value)), b"", _giving(each.raw))
    else:
        again = FileAsIs(
            name=file.name, content=content, written=file.written, constants=file.constants
        )
        yield from _table(again)


def _giving(raw: bytes) -> Callable[[], bytes]:
    return lambda: raw


def _table(file: FileAsIs) -> Iterator[_Leg | BadRow]:
    header = b""
    names: tuple[str, ...] | None = None
    for line in table_lines(file):
        if isinstance(line, BadRow):
            yield BadRow(line.line, header + line.raw, line.refusal)
            continue
        if names is None:
            names = _columns(line.cells)
            if names is None:
                raise InvalidMapping(
                    f"{file.name} has neither the columns of Asterisk's or FreeSWITCH's call "
                    "records nor a header that names them"
                )
            if not any(_STAMP.match(cell) for cell in line.cells):
                header = line.raw.rstrip(b"\r\n") + b"\n"
                continue
        fields = dict(zip(names, line.cells, strict=False))
        yield _Leg(line.at, _fields(fields), header, _giving(line.raw))


def _columns(cells: Sequence[str]) -> tuple[str, ...] | None:
    """The columns by their header, or by where the times stand; None: these are none."""
    stamps = [at for at, cell in enumerate(cells) if _STAMP.fullmatch(cell.strip())]
    if not stamps:
        named = tuple(_NAMES.get(name := cell.strip().lower(), name) for cell in cells)
        return named if {"src", "dst", "start"} <= set(named) else None
    for first, last, columns in ((9, 11, _MASTER), (8, 10, _CUSTOM), (4, 6, _SWITCH)):
        if stamps[0] == first and stamps[-1] == last and len(cells) >= last + 4:
            return columns[: len(cells)]
    return None


def _json_variables(value: dict[str, Any]) -> dict[str, Any]:
    flow = objects_in(value.get("callflow"))
    profile = an_object(flow[0].get("caller_profile")) if flow else {}
    said = {**an_object(value.get("channel_data")), **profile, **an_object(value.get("variables"))}
    if not said:
        said = value
    return {name: unquote(text) for name, each in said.items() if (text := words(each)) is not None}


def _variables(cdr: Element) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for part in cdr.iter():
        if local_name(part.tag) in ("caller_profile", "channel_data", "variables"):
            for each in part:
                if each.text and len(each) == 0:
                    # The first profile is the caller's; variables come before it and win.
                    said.setdefault(local_name(each.tag), unquote(each.text.strip()))
    return said


def _fields(said: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = dict.fromkeys(sorted(_KNOWN))
    for name, value in said.items():
        ours = _NAMES.get(name, name)
        if ours in _KNOWN and value not in (None, "", "0") and fields.get(ours) is None:
            fields[ours] = str(value)
    # Legs of one call share its id; calls without one are known by what is said of them.
    fields["call_id"] = fields["linkedid"] or fields["uniqueid"] or content_id(
        *(fields[name] for name in ("src", "dst", "start", "end", "channel"))
    )  # fmt: skip
    return fields


# ── touchpoints ────────────────────────────────────────────────────────────────────────────────


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    legs = [row.part(**fields) for fields in row.cell("legs")]
    call_id = legs[0].required("call_id")
    started = min(leg.required_moment("start") for leg in legs)
    outcomes = [(_outcome(leg), leg.number("billsec") or 0.0, leg) for leg in legs]
    outcome, talked, leg = max(outcomes, key=lambda o: (o[0] == "answered", o[1]))
    ended = max(_ended(each) for each in legs)
    direction, person, ours = _sides(leg)
    if direction == "internal":
        raise RowError("missing_identity", "a call among the company's own extensions")
    voicemail = any(_app(each) == "voicemail" for each in legs)
    queue = next((found for each in legs if (found := _queue(each)) is not None), None)
    answered = outcome == "answered" and not voicemail
    part = leg.part(phone=person, name=_caller_name(leg) if direction == "inbound" else None)
    return [
        part.touchpoint(
            f"asterisk_cdr:{call_id}",
            type=_type(direction, answered=answered),
            channel="voicemail" if voicemail else "phone",
            occurred_at=ended,
            media=leg.text("recording"),
            properties={
                "direction": direction,
                "answered": answered,
                "outcome": "voicemail" if voicemail else outcome,
                "duration_seconds": round((ended - started).total_seconds()),
                "talk_seconds": talked if answered else 0.0,
                "wait_seconds": _waited(legs, started) if answered else None,
                "agent": (leg.text("agent") or ours) if answered else None,
                "queue": queue,
                "line": leg.text("did"),
            },
        )
    ]


def _type(direction: Direction, *, answered: bool) -> str:
    if direction == "outbound":
        return CALL_MADE
    return CALL_ENDED if answered else CALL_MISSED


def _outcome(leg: Row) -> str:
    stated = (leg.text("disposition") or "").lower()
    if stated:
        return _DISPOSITIONS.get(stated, "failed")
    cause = (leg.text("hangup_cause") or "").lower()
    outcome = _CAUSES.get(cause, "failed")
    talked = leg.number("billsec") or 0.0
    if outcome == "answered" and leg.text("answer") is None and talked <= 0:
        return "no_answer"  # hung up in an orderly way before anyone answered
    return "answered" if talked > 0 else outcome


def _ended(leg: Row) -> datetime:
    ended = leg.moment("end")
    if ended is not None:
        return ended
    seconds = leg.number("duration") or 0.0
    if not 0 <= seconds < 7 * 86_400:
        raise RowError("wrong_type", "`duration` is no length of a call in seconds")
    return leg.required_moment("start") + timedelta(seconds=seconds)


def _waited(legs: Sequence[Row], started: datetime) -> float | None:
    answers = [at for leg in legs if (at := leg.moment("answer")) is not None]
    return round((min(answers) - started).total_seconds(), 1) if answers else None


def _app(leg: Row) -> str:
    return (leg.text("lastapp") or "").lower()


def _queue(leg: Row) -> str | None:
    stated = leg.text("queue")
    if stated is not None:
        return stated.partition("@")[0]
    if _app(leg) == "queue" and (said := leg.text("lastdata")) is not None:
        return said.partition(",")[0] or None
    return None


def _sides(leg: Row) -> tuple[Direction, str | None, str | None]:
    """(direction, the person's number, the company's extension)."""
    source, target = leg.text("src") or "", leg.text("dst") or ""
    constants = leg.reading.constants
    from_us = _is_ours(source, constants)
    to_us = _is_ours(target, constants) or not _NUMBER.fullmatch(target)
    # FreeSWITCH's own word is about the leg: what a telephone of ours dials is inbound to it.
    if from_us and to_us:
        return "internal", None, None
    device = _DEVICE.match(leg.text("channel" if from_us else "dstchannel") or "")
    extension = device[1].partition("-")[0] if device else None
    if from_us:
        return "outbound", _person(target), extension or source or None
    reached = target if _is_ours(target, constants) else None
    return "inbound", _person(source), extension or reached


def _is_ours(number: str, constants: dict[str, str]) -> bool:
    bare = re.sub(r"[^\d+*#]", "", number)
    if not bare:
        return False
    stated = [each.strip() for each in constants.get("extensions", "").split(",") if each.strip()]
    lines = {
        re.sub(r"\D", "", each) for each in constants.get("own_numbers", "").split(",")
    } - {""}  # fmt: skip
    if re.sub(r"\D", "", bare) in lines:
        return True
    if stated:
        return any(_fits(bare, pattern) for pattern in stated)
    return len(bare) <= 5  # no telephone number of a country is so short


def _fits(number: str, pattern: str) -> bool:
    """Asterisk's patterns: X any digit, Z 1-9, N 2-9, a point for anything that follows."""
    if pattern.endswith("."):
        return len(number) >= len(pattern) and _fits(number[: len(pattern) - 1], pattern[:-1])
    digits = {"X": "0123456789", "Z": "123456789", "N": "23456789"}
    return len(number) == len(pattern) and all(
        have in digits.get(want.upper(), want) for have, want in zip(number, pattern, strict=True)
    )


def _person(number: str) -> str | None:
    return number if number.lower() not in _NOBODY and _NUMBER.fullmatch(number) else None


def _caller_name(leg: Row) -> str | None:
    name = leg.text("caller_id_name")
    if name is None and (clid := leg.text("clid")) is not None:
        name = clid.partition("<")[0].strip(' "')
    if not name or _NUMBER.fullmatch(name) or name.lower() in _NOBODY:
        return None
    return name


def _mistakes(mapping: Mapping) -> list[str]:
    stated = mapping.constants.get("extensions", "")
    if re.fullmatch(r"[\dXZNxzn.,\s*#+]*", stated) is None:
        return ["`extensions` must list patterns such as 1XX, 20X, with commas between"]
    return []


def _recognises(head: bytes, name: str) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return root_name(head) == "cdr" and (b"<variables>" in head or b"<channel_data>" in head)
    if start[:1] in (b"{", b"["):
        return b'"variables"' in head and b'"hangup_cause"' in head and b'"uuid"' in head
    if not name.endswith((".csv", ".txt")) or b"\x00" in head[:200]:
        return False
    cells = first_row(head, written_as(head, FileFormat()))
    names = _columns(cells)
    if names is None:
        return False
    if any(_STAMP.match(cell) for cell in cells):
        return any(_outcome_word(cell) for cell in cells)
    return "billsec" in names and bool({"disposition", "hangup_cause"} & set(names))


def _outcome_word(cell: str) -> bool:
    word = cell.strip().lower()
    return (
        word in _DISPOSITIONS
        or word in _CAUSES
        or re.fullmatch("[a-z]+(_[a-z]+)+", word) is not None
    )


CONNECTOR = Connector(
    kind="asterisk_cdr",
    label="Call records of Asterisk, FreePBX, FreeSWITCH and FusionPBX (CSV, JSON, XML)",
    required=(),
    optional=("extensions", "own_numbers", *PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    mapping_mistakes=_mistakes,
    records=_records,
    recognises=_recognises,
    suffixes=(".xml",),
)

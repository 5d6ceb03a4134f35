"""Recordings of calls: whom their file's name names, how long, and who spoke how much.

Speech is not understood here: talk, silence and talking over each other are measured by energy,
where agent and customer have a channel each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from rapport.collect.audio import NotAudio, Sound, measured
from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.event_checks import Refusal
from rapport.collect.mapping import Mapping
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.seekable import seekable
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import CALL_ENDED, CALL_MADE, Touchpoint

_SUFFIXES = (".wav", ".mp3", ".ogg", ".opus", ".flac")
#: Bytes of a refused recording that are kept: enough to see what it is.
_KEPT_OF_BAD = 65_536
_PART = re.compile(r"\{([a-z_]{1,40})\}")
_DATES = ("%Y%m%d", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%Y.%m.%d", "%y%m%d")
_TIMES = ("%H%M%S", "%H-%M-%S", "%H.%M.%S", "%H%M", "%H-%M")
_MOST_PARTS = 10
_OUTBOUND = frozenset({"out", "outbound", "outgoing", "uitgaand", "sortant", "kimenő"})


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    named = _named(file)
    content = seekable(file.content)
    digest, size = sha256(), 0
    head = b""
    while part := content.read(1024 * 1024):
        if not head:
            head = part[:_KEPT_OF_BAD]
        digest.update(part)
        size += len(part)
    content.seek(0)
    try:
        sound = measured(content, head)
    except NotAudio as error:
        yield BadRow(1, head, Refusal("wrong_type", f"{error}; record or export it again"))
        return
    fields = {**named, "sound": sound, "file_name": file.name, "sha256": digest.hexdigest()}
    yield Record(1, fields, lambda: head)


def _named(file: FileAsIs) -> dict[str, str]:
    """What the file's name says, by the mapping's pattern."""
    pattern = file.constants.get("pattern", "")
    stem = file.name.rpartition(".")[0] or file.name
    try:
        found = _expression(pattern).fullmatch(stem[:255])
    except ValueError as error:
        raise InvalidMapping(
            f"the pattern {pattern!r} cannot be read: {error}; mend `pattern`"
        ) from error
    if found is None:
        raise InvalidMapping(
            f"the name of a recording does not fit the pattern {pattern!r}; mend `pattern` or "
            "import such files under another source"
        )
    return found.groupdict()


def _expression(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression in which each part ends where the text after it begins.

    Raises
    ------
    ValueError
        If the parts cannot be told apart.
    """
    names = _PART.findall(pattern)
    between = _PART.split(pattern)[::2]
    if not names or len(names) > _MOST_PARTS or len(set(names)) != len(names):
        raise ValueError("no parts, too many, or one twice")
    if any(not text for text in between[1:-1]):
        raise ValueError("two parts without anything between them")
    said = re.escape(between[0])
    for name, after in zip(names, between[1:], strict=True):
        # Not the first letter of what follows: one way to read a name, however long it is.
        taken = f"[^{re.escape(after[0])}]+" if after else ".+"
        said += f"(?P<{name}>{taken}){re.escape(after)}"
    return re.compile(said)


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    sound: Sound = row.cell("sound")
    began = row.part(started_at=_started(row)).required_moment("started_at")
    digest = row.required("sha256")
    yield row.touchpoint(
        f"recordings:{row.text('call_id') or digest}",
        type=CALL_MADE if (row.text("direction") or "").lower() in _OUTBOUND else CALL_ENDED,
        channel="phone",
        occurred_at=began + timedelta(seconds=sound.seconds),
        media=f"sha256:{digest}",
        language=row.language(),
        properties={
            "file": row.text("file_name"),
            "agent": row.text("agent"),
            "queue": row.text("queue"),
            "direction": row.text("direction"),
            "duration_seconds": round(sound.seconds, 1),
            "audio_format": sound.format,
            "audio_channels": sound.channels,
            "sample_rate": sound.sample_rate,
            **_talk(row, sound),
        },
    )


def _talk(row: Row, sound: Sound) -> dict[str, float | None]:
    if sound.talk_seconds is None:
        return {}
    if sound.channels != 2:
        return {"talk_seconds": max(sound.talk_seconds), "silence_share": sound.silence_share}
    left, right = sound.talk_seconds
    on_right = row.text("agent_channel") == "right"
    return {
        "talk_seconds_agent": right if on_right else left,
        "talk_seconds_customer": left if on_right else right,
        "silence_share": sound.silence_share,
        "overlap_share": sound.overlap_share,
    }


def _started(row: Row) -> datetime | str:
    """When the call began, as the name says."""
    whole = row.text("datetime")
    if whole is not None:
        return _read_as(whole, [f"{d}{s}{t}" for d in _DATES for s in ("", "-", "T", "_", " ")
                                for t in _TIMES]) or whole  # fmt: skip
    day = row.text("date")
    if day is None:
        raise RowError("missing_field", "`date` is empty; the file's name must hold it")
    clock = row.text("time")
    known = _read_as(day, list(_DATES))
    if known is None:
        raise RowError("invalid_timestamp", "`date` in the file's name cannot be read")
    if clock is None:
        return known
    moment = _read_as(clock, list(_TIMES))
    if moment is None:
        raise RowError("invalid_timestamp", "`time` in the file's name cannot be read")
    return datetime.combine(known.date(), moment.timetz())


def _read_as(text: str, formats: Sequence[str]) -> datetime | None:
    for form in formats:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007  # the mapping's zone follows
        except ValueError:
            continue
    return None


def _mistakes(mapping: Mapping) -> list[str]:
    mistakes = []
    pattern = mapping.constants.get("pattern", "")
    try:
        _expression(pattern)
    except (ValueError, re.error):
        mistakes.append(
            "how are the files named? State `pattern`, such as {date}_{time}_{phone}_{agent}, "
            "with something between the parts"
        )
    else:
        if not {"date", "datetime"} & set(_PART.findall(pattern)):
            mistakes.append("`pattern` must hold {date} or {datetime}: when else was the call?")
    if mapping.constants.get("agent_channel", "left") not in ("left", "right"):
        mistakes.append("`agent_channel` must be left or right")
    return mistakes


def _recognises(head: bytes, name: str) -> bool:
    if head[:4] == b"RIFF":
        return head[8:12] == b"WAVE"
    packed = head[:4] in (b"fLaC", b"OggS") or head[:3] == b"ID3" or head[:1] == b"\xff"
    return packed and name.endswith(_SUFFIXES)


CONNECTOR = Connector(
    kind="recordings",
    label="Recordings of calls (WAV, MP3, Ogg, FLAC), named by a pattern",
    required=(),
    optional=(
        *("pattern", "agent_channel", "date", "time", "datetime"),
        *("call_id", "agent", "queue", "direction", "language"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=_read,
    mapping_mistakes=_mistakes,
    records=_records,
    recognises=_recognises,
    asks=("pattern", "agent_channel"),
    suffixes=_SUFFIXES,
)

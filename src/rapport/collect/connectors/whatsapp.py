"""Chats that WhatsApp exports as text, as its phones write them in their languages.

A conversation is what was written until a day of silence; one is a touchpoint. Single messages
("ok", "?") are no unit that anyone counts, answers or judges a mood by. The one that may still go
on is refused until it has ended, since a touchpoint never changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import TextIOWrapper
from typing import BinaryIO, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.conversation import Turn, conversation_facts, customer_text
from rapport.collect.event_checks import Refusal
from rapport.collect.long_texts import clean_lines, decode_text
from rapport.collect.mail_messages import content_id
from rapport.collect.mapping import Mapping
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.collect.seekable import seekable
from rapport.collect.tables import BadRow
from rapport.collect.zipped import is_swollen
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import CHAT_ENDED, MESSAGE_SENT, Touchpoint

#: Silence after which what follows is another conversation.
SILENCE = timedelta(hours=24)
_MOST_TURNS = 5_000
_LONGEST_LINE = 100_000
#: Unpacked bytes of a chat's text in a .zip; five years of a busy line take a tenth.
_LARGEST_CHAT = 500_000_000
Order = Literal["ymd", "dmy", "mdy"]

#: "21/11/2026, 14:03 - ", "[21.11.26, 14:03:22] ", "11/21/26, 2:03 PM - ", "2026. 11. 21. 14:03 -"
_STAMP = re.compile(
    r"\[?(\d{1,4})([./-]) ?(\d{1,2})\2 ?(\d{1,4})\.?,? "
    r"(?:om |à |um )?(de\.? |du\.? )?(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?"
    r"(?: ?([ap])\.? ?m\.?)?(?:\] ?| ?- )",
    re.IGNORECASE,
)
_AUTHOR = re.compile(r"([^:]{1,120}): ?")
_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LINE_ENDS = re.compile(r"\r\n?")
_SPACES = re.compile("[\u00a0\u202f\u2009]")
_MEDIA = re.compile(
    r"<attached: [^>]{1,200}>|<[^<>]{1,40}(?:omitted|weggelaten|omis|kihagyva|ausgeschlossen)>"
    r"|(?:image|video|audio|GIF|sticker|document|contact card|video note) omitted"
    r"|(?:afbeelding|video|audio|GIF|sticker|document) weggelaten"
    r"|(?:image|vidéo|audio|GIF|sticker|document) absente?"
    r"|(?:Bild|Video|Audio|GIF|Sticker|Dokument) weggelassen"
    r"|(?:kép|videó|hang|GIF|matrica|dokumentum) kihagyva"
    r"|\S{1,100} \((?:file attached|bestand bijgevoegd|fichier joint|fájl csatolva"
    r"|Datei angehängt)\)",
    re.IGNORECASE,
)
_DELETED = frozenset(
    {"this message was deleted", "you deleted this message", "null"}
    | {"dit bericht is verwijderd", "dit bericht werd verwijderd", "u hebt dit bericht verwijderd"}
    | {"ce message a été supprimé", "vous avez supprimé ce message"}
    | {"ezt az üzenetet törölték", "törölted ezt az üzenetet"}
    | {"diese nachricht wurde gelöscht", "du hast diese nachricht gelöscht"}
)
_PHONE_NAME = re.compile(r"\+?[\d\s()./-]{7,22}")


class _Said(Struct, frozen=True):
    at: int
    moment: datetime  # as the phone's clock shows it
    author: str
    text: str


class _Segment(Struct, frozen=True, kw_only=True):
    """One conversation of a chat."""

    said: tuple[_Said, ...]
    ended: bool  # a later conversation follows


# ── lines ──────────────────────────────────────────────────────────────────────────────────────


def _lines(content: BinaryIO) -> Iterator[str]:
    read = 0
    # As Latin-1 each byte is a letter and stays what it is; all three ends of lines become one.
    text = TextIOWrapper(content, encoding="latin-1", newline=None)
    try:
        while line := text.readline(_LONGEST_LINE):
            if read == 0 and line.startswith(("\xff\xfe", "\xfe\xff")):
                raise InvalidMapping("The chat is in UTF-16; save it as UTF-8 text")
            read += len(line)
            if read > _LARGEST_CHAT:
                raise InvalidMapping(
                    "The chat is larger than 500 MB; export it again without media"
                )
            plain = decode_text(line.encode("latin-1"))
            yield _SPACES.sub(" ", _MARKS.sub("", plain)).rstrip("\n")
    finally:
        text.detach()  # the file is read again from its start


@contextmanager
def _chat_text(file: FileAsIs) -> Iterator[Callable[[], Iterator[str]]]:
    """Gives the chat's lines, as often as they are asked for."""
    content = seekable(file.content)
    start = content.read(4)
    content.seek(0)
    if not start.startswith(b"PK"):

        def plain() -> Iterator[str]:
            content.seek(0)
            return _lines(content)

        yield plain
        return
    import zipfile  # noqa: PLC0415  # few files are packed

    try:
        with zipfile.ZipFile(content) as packed:
            names = [n for n in packed.namelist() if n.lower().endswith(".txt")]
            if not names:
                raise InvalidMapping(f"{file.name} holds no chat; export it as text again")
            name = next((n for n in names if n.endswith("_chat.txt")), names[0])
            size = packed.getinfo(name).file_size
            if is_swollen(packed.getinfo(name)) or size > _LARGEST_CHAT:
                raise InvalidMapping(
                    f"The text in {file.name} would unpack to {size} bytes, as no real chat does; "
                    "look at what the archive holds, and export the chat again without media"
                )

            def unpacked() -> Iterator[str]:
                with packed.open(name) as member:
                    yield from _lines(member)  # type: ignore[arg-type]

            yield unpacked
    except (
        zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError,
    ) as error:  # fmt: skip
        raise InvalidMapping(f"{file.name} is a damaged .zip; export the chat again") from error


class _Stamp(Struct, frozen=True):
    """The numbers of a date and a time, before anyone knows which is the month."""

    parts: tuple[int, int, int]
    year_first: bool
    clock: tuple[int, int, int]

    def read(self, order: Order) -> datetime | None:
        a, b, c = self.parts
        year, month, day = {"ymd": (a, b, c), "dmy": (c, b, a), "mdy": (c, a, b)}[
            "ymd" if self.year_first else order
        ]
        try:
            return datetime(year + 2000 if year < 100 else year, month, day, *self.clock)  # noqa: DTZ001
        except ValueError:
            return None


def _stamped(line: str) -> tuple[_Stamp, str] | None:
    """The stamp at a line's beginning and what follows it."""
    found = _STAMP.match(line, 0, 80)
    if found is None:
        return None
    a, b, c = int(found[1]), int(found[3]), int(found[4])
    hour, half = int(found[6]), (found[9] or "").lower()
    if found[5]:
        half = "a" if found[5].lower().startswith("de") else "p"
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    clock = (hour, int(found[7]), int(found[8] or 0))
    stamp = _Stamp((a, b, c), len(found[1]) == 4, clock)
    return stamp, line[found.end() :]


def _date_order(lines: Iterable[str], stated: str | None, name: str) -> Order:
    """Which number is the month, told by the whole file.

    Raises
    ------
    InvalidMapping
        If it is no chat, or leaves both open.
    """
    fits: dict[Order, bool] = {"dmy": True, "mdy": True}
    last: dict[Order, datetime] = {}
    stamps = dotted = 0
    for line in lines:
        found = _stamped(line)
        if found is None:
            continue
        stamps += 1
        stamp = found[0]
        if stamp.year_first:
            return "ymd"
        dotted += line[:8].count(".") >= 2 or line[:9].count("-") >= 2
        for order in fits:
            moment = stamp.read(order)
            # A chat goes forward; phones' clocks go back an hour, once a year.
            before = last.get(order)
            fits[order] &= moment is not None and (
                before is None or moment >= before - timedelta(hours=2)
            )
            if moment is not None:
                last[order] = moment
        if stated is None and sum(fits.values()) == 1 and stamps > 200:
            break
    if not stamps:
        raise InvalidMapping(f"{name} is no chat as WhatsApp exports it")
    if stated is not None:
        return stated  # type: ignore[return-value]  # checked with the mapping
    if fits["dmy"] != fits["mdy"]:
        return "dmy" if fits["dmy"] else "mdy"
    if dotted:  # nobody writes the month first with points or dashes
        return "dmy"
    raise InvalidMapping(
        f"{name} does not show whether 03/04 is the third of April or March the fourth; state "
        "`date_order` under [constants]: dmy or mdy"
    )


def _said(lines: Iterable[str], order: Order) -> Iterator[_Said | BadRow]:
    """The messages with all of their lines; what the app itself says is none."""
    now: _Said | None = None
    more: list[str] = []
    for number, line in enumerate(lines, 1):
        found = _stamped(line)
        if found is None:
            if now is not None and len(more) < 2_000:
                more.append(line)
            continue
        if now is not None:
            yield _Said(now.at, now.moment, now.author, "\n".join((now.text, *more)))
        now, more = None, []
        stamp, rest = found
        author = _AUTHOR.match(rest)
        if author is None:
            continue  # "Messages are end-to-end encrypted", "Anna joined"
        moment = stamp.read(order)
        if moment is None:
            refusal = Refusal("invalid_timestamp", "the date is none; is `date_order` right?")
            yield BadRow(number, line.encode(), refusal)
            continue
        now = _Said(number, moment, clean_text(author[1]).lstrip("~ "), rest[author.end() :])
    if now is not None:
        yield _Said(now.at, now.moment, now.author, "\n".join((now.text, *more)))


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    with _chat_text(file) as lines:
        order = _date_order(lines(), file.constants.get("date_order"), file.name)
        waiting: list[_Said] = []
        for said in _said(lines(), order):
            if isinstance(said, BadRow):
                yield said
                continue
            silent = waiting and said.moment - waiting[-1].moment > SILENCE
            if silent or len(waiting) >= _MOST_TURNS:
                yield _record(_Segment(said=tuple(waiting), ended=True))
                waiting = []
            waiting.append(said)
        if waiting:
            yield _record(_Segment(said=tuple(waiting), ended=False))


def _record(segment: _Segment) -> Record:
    def raw() -> bytes:
        # With the year first, so that it can be read alone, whichever order the file had.
        return "".join(
            f"{said.moment:%Y-%m-%d, %H:%M:%S} - {said.author}: {said.text}\n"
            for said in segment.said
        ).encode("utf-8", "replace")

    return Record(segment.said[0].at, {"segment": segment}, raw)


# ── touchpoints ────────────────────────────────────────────────────────────────────────────────


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    segment: _Segment = row.cell("segment")
    ours = _names(row.required("agent"))
    zone = ZoneInfo(row.reading.mapping.file.time_zone)
    spoken = [(said.author, _turn(said, ours, zone)) for said in segment.said]
    last = row.part(at=spoken[-1][1].said_at).required_moment("at")
    if not segment.ended and row.reading.received_at - last < SILENCE:
        raise RowError(
            "not_finished", "the conversation may still go on; export and import it again tomorrow"
        )
    row.part(at=spoken[0][1].said_at).required_moment("at")
    writers: list[str | None] = list(
        dict.fromkeys(author for author, turn in spoken if turn.side == "customer")
    )
    for writer in writers or [None]:
        turns = [turn for author, turn in spoken if turn.side == "agent" or author == writer]
        yield _touchpoint(row, writer, turns)


def _turn(said: _Said, ours: frozenset[str], zone: ZoneInfo) -> Turn:
    text, media = _MEDIA.subn("", said.text[:_LONGEST_LINE])
    if text.strip(" .").casefold() in _DELETED:
        text = ""
    return Turn(
        said_at=said.moment.replace(tzinfo=zone),
        side="agent" if said.author.casefold() in ours else "customer",
        author=said.author,
        text=clean_lines(text),
        media=media,
    )


def _touchpoint(row: Row, writer: str | None, turns: Sequence[Turn]) -> Touchpoint:
    who = row.identifiers()  # one chat, one customer: whom the mapping names
    traits = {}
    if not who and writer is not None:
        if _PHONE_NAME.fullmatch(writer):
            who = (Identifier(kind="phone", value=writer),)
        else:
            who = (Identifier(kind="chat_name", value=writer, namespace=row.reading.source),)
            traits = {"name": writer}
    first = turns[0]
    key = content_id(writer, first.said_at.isoformat(), first.author, first.text)
    facts = conversation_facts(turns)
    if writer is None:
        return row.touchpoint(
            f"whatsapp:{key}", type=MESSAGE_SENT, channel="messaging", identifiers=who,
            occurred_at=_utc(row, turns[-1]),
            properties={"sent_text": "\n".join(turn.text for turn in turns)[:5000], **facts},
        )  # fmt: skip
    return row.touchpoint(
        f"whatsapp:{key}", type=CHAT_ENDED, channel="messaging", identifiers=who, traits=traits,
        occurred_at=_utc(row, turns[-1]), text=customer_text(turns), language=row.language(),
        properties=facts,
    )  # fmt: skip


def _utc(row: Row, turn: Turn) -> datetime:
    return row.part(at=turn.said_at).required_moment("at")


def _names(stated: str) -> frozenset[str]:
    return frozenset(clean_text(name).casefold() for name in stated.split(",") if name.strip())


def _mistakes(mapping: Mapping) -> list[str]:
    mistakes = []
    if not _names(mapping.constants.get("agent", "")):
        mistakes.append(
            "who of the chat is the company? State the names in `agent`, with commas between"
        )
    if mapping.constants.get("date_order", "dmy") not in ("dmy", "mdy"):
        mistakes.append("`date_order` must be dmy or mdy")
    return mistakes


def _recognises(head: bytes, name: str) -> bool:
    if head.startswith(b"PK"):
        return name.endswith(".zip") and ("whatsapp" in name or b"_chat.txt" in head)
    if not name.endswith(".txt"):
        return False
    plain = _LINE_ENDS.sub("\n", decode_text(head[:20_000]))
    lines = [_SPACES.sub(" ", _MARKS.sub("", line)) for line in plain.split("\n")]
    stamped = [found for line in lines[:40] if (found := _stamped(line)) is not None]
    return bool(stamped) and any(_AUTHOR.match(rest) for _, rest in stamped)


CONNECTOR = Connector(
    kind="whatsapp",
    label="WhatsApp chats, exported as text (.txt, or .zip with media)",
    required=(),
    optional=("agent", "date_order", "language", *PERSON_FIELDS, *PLACE_FIELDS),
    read=_read,
    mapping_mistakes=_mistakes,
    records=_records,
    recognises=_recognises,
    asks=("agent",),
    suffixes=(".zip",),
)

"""E-mail messages (RFC 5322 and MIME, and what programs make of them) as plain facts."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from hashlib import blake2b

from msgspec import Struct

from rapport.collect.html_text import html_to_text
from rapport.collect.long_texts import clean_lines, decode_text
from rapport.collect.mail_text import own_words
from rapport.vocabulary.identifier_values import clean_text, normalise_email

#: Addresses of one header, attachments and references that are looked at.
_MOST_ADDRESSES, _MOST_ATTACHMENTS, _MOST_REFERENCES = 200, 50, 200
_LONGEST_HEADER = 20_000
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,500})>")
#: Zones by the names that clients write although RFC 5322 asks for numbers, in hours.
_ZONES = {
    "UT": 0, "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MET": 1,
    "MEZ": 1, "CEST": 2, "MEST": 2, "MESZ": 2, "EET": 2, "EEST": 3, "EST": -5, "EDT": -4,
    "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
_ZONE_NUMBER = re.compile(r"[+-]\d{4}")
_ZONE_NAME = re.compile(r"\(?\b([A-Z]{1,4})\)?\s*$")


class Attachment(Struct, frozen=True):
    """A file of a message: only that it is there."""

    name: str
    bytes: int


class Mailbox(Struct, frozen=True):
    """An address, as `normalise_email` writes it, and the name beside it."""

    address: str
    name: str | None


class Bounce(Struct, frozen=True, kw_only=True):
    """A message of ours that could not be delivered to somebody."""

    address: str
    status: str | None
    diagnostic: str | None
    message_id: str | None


class Mail(Struct, frozen=True, kw_only=True):
    """One message; addresses that are none are left out."""

    message_id: str | None
    thread: str | None  # the id of the message that began it
    in_reply_to: str | None
    sent_at: datetime | None  # aware
    subject: str | None
    sender: Mailbox | None
    reply_to: Mailbox | None
    recipients: tuple[Mailbox, ...]
    text: str  # what the sender wrote
    language: str | None
    attachments: tuple[Attachment, ...]
    automatic: bool
    bounces: tuple[Bounce, ...]  # where the message says that others were not delivered
    delayed: bool  # it says that one will still be tried


def parse_mail(raw: bytes, zone: tzinfo = UTC) -> Mail:
    """The facts of a message.

    Parameters
    ----------
    raw : bytes
        The whole message, headers first.
    zone : tzinfo
        Of dates that state none.

    Raises
    ------
    ValueError
        If it has no headers, or is nested beyond reading.
    """
    try:
        message = BytesParser(policy=compat32).parsebytes(raw)
        if not (message.keys() and any(message.get(n) for n in ("from", "date", "message-id"))):
            raise ValueError("no headers of a message")
        return _mail(message, zone)
    except (RecursionError, MessageError, LookupError, AssertionError) as error:
        raise ValueError("a message that cannot be taken apart") from error


def _mail(message: Message, zone: tzinfo) -> Mail:
    references = _ids(message, "references")[:_MOST_REFERENCES]
    replied = _ids(message, "in-reply-to")
    own = _ids(message, "message-id")
    message_id = own[0] if own else None
    begun = (*references[:1], *replied[:1], *own[:1])
    senders = _mailboxes(message, "from") or _mailboxes(message, "sender")
    answers = _mailboxes(message, "reply-to")
    recipients = dict.fromkeys((*_mailboxes(message, "to"), *_mailboxes(message, "cc")))
    text, attachments = _content(message)
    bounces, delayed = _bounces(message)
    language = _header(message, "content-language")
    return Mail(
        message_id=message_id,
        thread=begun[0] if begun else None,
        in_reply_to=replied[0] if replied else None,
        sent_at=_sent_at(message, zone),
        subject=clean_text(_header(message, "subject") or "")[:500] or None,
        sender=senders[0] if senders else None,
        reply_to=answers[0] if answers else None,
        recipients=tuple(recipients),
        text=own_words(text),
        language=language.split(",")[0].strip() if language else None,
        attachments=attachments,
        automatic=_is_automatic(message),
        bounces=bounces,
        delayed=delayed,
    )


# ── headers ────────────────────────────────────────────────────────────────────────────────────


def _raw_header(message: Message, name: str) -> str | None:
    # The stored text, since `get` would decode what is no ASCII into question marks.
    for key, value in message.raw_items():
        if key.lower() == name:
            text = str(value)[:_LONGEST_HEADER]
            return decode_text(text.encode("utf-8", "surrogateescape"))
    return None


def _header(message: Message, name: str) -> str | None:
    raw = _raw_header(message, name)
    return None if raw is None else _decoded(raw)


def _decoded(raw: str) -> str:
    """The text of a header with its encoded words read."""
    text = " ".join(raw.split())
    if "=?" not in text:
        return text
    try:
        parts = decode_header(text)
    except (HeaderParseError, ValueError, AssertionError):
        return text
    return "".join(
        part if isinstance(part, str) else decode_text(part, charset) for part, charset in parts
    )


def _ids(message: Message, name: str) -> list[str]:
    return _MESSAGE_ID.findall(_raw_header(message, name) or "")


def _mailboxes(message: Message, name: str) -> list[Mailbox]:
    # Addresses are parsed before their names are decoded: a decoded name may hold a comma.
    raw = _raw_header(message, name)
    if not raw:
        return []
    found = []
    try:
        pairs = email.utils.getaddresses([" ".join(raw.split())])
    except (ValueError, IndexError, TypeError, AttributeError):
        return []
    for named, address in pairs[:_MOST_ADDRESSES]:
        known = normalise_email(address)
        if known is not None:
            person = clean_text(_decoded(named)).strip("'\" ")
            found.append(Mailbox(known, person if person and "@" not in person else None))
    return found


def _sent_at(message: Message, zone: tzinfo) -> datetime | None:
    """When it was written; where that cannot be read, when the last server took it."""
    stated = _raw_header(message, "date")
    moment = _moment(stated, zone) if stated else None
    if moment is None and (hop := _raw_header(message, "received")):
        moment = _moment(hop.rpartition(";")[2], zone)
    return moment


def _moment(text: str, zone: tzinfo) -> datetime | None:
    text = " ".join(text.split())[:200]
    try:
        parts = email.utils.parsedate_tz(text)
        if parts is None:
            return None
        # `parsedate_tz` says zero where no zone is stated, or one that it does not know.
        named = _ZONE_NAME.search(text)
        offset = None
        if _ZONE_NUMBER.search(text):
            offset = parts[9]
        elif named is not None and named[1] in _ZONES:
            offset = _ZONES[named[1]] * 3600
        if offset is not None and abs(offset) > 15 * 3600:  # no zone is so far from Greenwich
            offset = None
        local = datetime(*parts[:5], min(parts[5], 59))  # noqa: DTZ001  # the zone follows
        known = zone if offset is None else timezone(timedelta(seconds=offset))
        return local.replace(tzinfo=known).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


_AUTOMATIC_PRECEDENCE = frozenset({"auto_reply", "auto-reply"})
_AUTOMATIC_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder")
_DAEMONS = ("mailer-daemon", "postmaster")


def _is_automatic(message: Message) -> bool:
    """RFC 3834, and what stood for it before."""
    stated = (_header(message, "auto-submitted") or "no").lower()
    return (
        not stated.startswith("no")
        or (_header(message, "precedence") or "").lower() in _AUTOMATIC_PRECEDENCE
        or any(_raw_header(message, name) is not None for name in _AUTOMATIC_HEADERS)
    )


# ── bounces ────────────────────────────────────────────────────────────────────────────────────


def _bounces(message: Message) -> tuple[tuple[Bounce, ...], bool]:
    """Who was not reached (RFC 3464), and whether a delivery is only late."""
    original = _returned_id(message)
    found: dict[str, Bounce] = {}
    delayed = False
    if message.get_content_type() == "multipart/report":
        for part in _parts(message):
            if part.get_content_type() != "message/delivery-status":
                continue
            for group in _inner(part)[:_MOST_ADDRESSES]:
                action = (_header(group, "action") or "").lower()
                named = _header(group, "final-recipient") or _header(group, "original-recipient")
                address = normalise_email((named or "").rpartition(";")[2])
                delayed = delayed or action == "delayed"
                if address is not None and action == "failed":
                    said = (_header(group, "diagnostic-code") or "").partition(";")[2]
                    found[address] = Bounce(
                        address=address,
                        status=_header(group, "status"),
                        diagnostic=clean_text(said)[:300] or None,
                        message_id=original,
                    )
    if not found and (failed := _header(message, "x-failed-recipients")):
        for written in failed.split(",")[:_MOST_ADDRESSES]:
            if (address := normalise_email(written)) is not None:
                found[address] = Bounce(
                    address=address, status=None, diagnostic=None, message_id=original
                )
    senders = _mailboxes(message, "from")
    if not found and senders and senders[0].address.startswith(_DAEMONS):
        delayed = True  # a report that names nobody: nothing can be said of anybody
    return tuple(found.values()), delayed


def _returned_id(message: Message) -> str | None:
    """The id of the message that came back."""
    for part in _parts(message):
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global"):
            for inner in _inner(part)[:1]:
                ids = _ids(inner, "message-id")
                return ids[0] if ids else None
        if kind == "text/rfc822-headers":
            said = _part_text(part)
            found = re.search(r"(?im)^message-id:\s*<([^<>\s]{1,500})>", said[:_LONGEST_HEADER])
            return found[1] if found else None
    return None


# ── content ────────────────────────────────────────────────────────────────────────────────────


def _parts(message: Message) -> Iterator[Message]:
    """The parts of a message, not those of messages in it."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        yield part
        if part.get_content_maintype() == "multipart":
            waiting.extend(reversed(_inner(part)[:500]))


def _inner(part: Message) -> list[Message]:
    content = part.get_payload()
    return [p for p in content if isinstance(p, Message)] if isinstance(content, list) else []


def _content(message: Message) -> tuple[str, tuple[Attachment, ...]]:
    """The text, from plain text where there is any, and the names of files."""
    plain: list[str] = []
    marked: list[str] = []
    files: list[Attachment] = []
    for part in _parts(message):
        kind = part.get_content_type()
        if part.get_content_maintype() == "multipart" or kind == "message/delivery-status":
            continue
        disposition = (_raw_header(part, "content-disposition") or "").lower()
        name = _file_name(part)
        if disposition.startswith("attachment") or name or not kind.startswith("text/"):
            if len(files) < _MOST_ATTACHMENTS:
                files.append(Attachment(name or kind, _size(part)))
        elif kind == "text/html":
            marked.append(_part_text(part))
        elif kind in ("text/plain", "text/enriched"):
            plain.append(_part_text(part))
    said = "\n".join(plain)
    if not said.strip() and marked:
        said = html_to_text("\n".join(marked))
    return clean_lines(said), tuple(files)


def _file_name(part: Message) -> str | None:
    try:
        stated = part.get_filename()
    except (ValueError, LookupError, TypeError, IndexError):
        return "file"
    if not stated:
        return None
    named = _decoded(stated.encode("utf-8", "replace").decode("utf-8"))
    return clean_text(re.split(r"[/\\]", named)[-1].replace("\x00", ""))[:200] or "file"


def _payload(part: Message) -> bytes:
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, MessageError):
        return b""
    return content if isinstance(content, bytes) else b""


def _size(part: Message) -> int:
    return len(_payload(part))


def _part_text(part: Message) -> str:
    try:
        charset = part.get_content_charset()
    except (ValueError, LookupError, TypeError, UnicodeError):
        charset = None
    return decode_text(_payload(part), charset)


def content_id(*said: str | None) -> str:
    """An id for what has none, from what it says."""
    return blake2b("\x1f".join(s or "" for s in said).encode(), digest_size=12).hexdigest()

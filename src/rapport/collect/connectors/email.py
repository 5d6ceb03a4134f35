"""E-mail: single messages (.eml, Maildir) and mailboxes (mbox), as mail programs keep them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product
from typing import BinaryIO
from zoneinfo import ZoneInfo

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.event_checks import Refusal
from rapport.collect.mail_messages import Mail, Mailbox, content_id, parse_mail
from rapport.collect.mapping import Mapping
from rapport.collect.own_addresses import OwnAddresses, own_addresses
from rapport.collect.rows import Row, RowError
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import (
    AUTOMATIC_REPLY_RECEIVED,
    EMAIL_RECEIVED,
    MESSAGE_BOUNCED,
    MESSAGE_SENT,
    Touchpoint,
)

#: Bytes of one message that are read; what follows is the end of a large attachment.
LONGEST_MESSAGE = 32 * 1024 * 1024
_LONGEST_LINE = 1024 * 1024
_HEADERS = re.compile(
    rb"(?im)^(received|return-path|message-id|date|from|to|subject|mime-version|delivered-to):[ \t]"
)
_FIRST_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]{1,60}:[ \t\r\n]")
#: The line between two messages of an mbox (RFC 4155): who, and when as asctime writes it.
_FROM_LINE = re.compile(rb"From \S+.*\d\d:\d\d.*\d{4}")
_QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")


def message_record(
    message: bytes, *, at: int = 1, zone: str = "UTC", raw: bytes | None = None
) -> Record | BadRow:
    """One message as a record of this kind, or why it is none.

    Parameters
    ----------
    message : bytes
        As its server or file has it.
    at : int
        Its place among others.
    zone : str
        IANA name for dates that state no zone.
    raw : bytes, optional
        What a refused record keeps; the message itself.
    """
    kept = message if raw is None else raw
    try:
        mail = parse_mail(message, ZoneInfo(zone))
    except ValueError as error:
        return BadRow(at, kept, Refusal("wrong_type", f"{error}; it is no e-mail"))
    return Record(at, {"mail": mail}, lambda: kept)


def messages_to_records(
    messages: Iterable[bytes], *, zone: str = "UTC"
) -> Iterator[Record | BadRow]:
    """The records of messages, wherever they were fetched."""
    for at, message in enumerate(messages, 1):
        yield message_record(message, at=at, zone=zone)


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    zone = file.written.time_zone
    lines = _lines(file.content)
    first = next(lines, b"")
    while first and not first.strip():
        first = next(lines, b"")
    if first.startswith(b"From "):
        for at, raw in _mbox_messages(chain([first], lines)):
            body = raw.partition(b"\n")[2]
            yield message_record(_QUOTED_FROM.sub(rb"\1", body), at=at, zone=zone, raw=raw)
        return
    if not _FIRST_HEADER.match(first.removeprefix(b"\xef\xbb\xbf")):
        raise InvalidMapping(f"{file.name} is neither an e-mail nor a mailbox in mbox format")
    body, _ = _bounded(chain([first.removeprefix(b"\xef\xbb\xbf")], lines))
    yield message_record(body, zone=zone)


def _lines(content: BinaryIO) -> Iterator[bytes]:
    while line := content.readline(_LONGEST_LINE):
        yield line


def _bounded(lines: Iterable[bytes]) -> tuple[bytes, bool]:
    kept = bytearray()
    for line in lines:
        if len(kept) + len(line) <= LONGEST_MESSAGE:
            kept += line
    return bytes(kept), len(kept) >= LONGEST_MESSAGE


def _mbox_messages(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(line, message with its From line) of each; never more than one in memory."""
    kept = bytearray()
    began, blank = 1, True
    for number, line in enumerate(lines, 1):
        # A letter's own "From " at the start of a line should be quoted and often is not; then
        # it hardly follows an empty line and names a time.
        if blank and line.startswith(b"From ") and (not kept or _FROM_LINE.match(line)):
            if kept:
                yield began, bytes(kept)
            kept.clear()
            began = number
        if len(kept) + len(line) <= LONGEST_MESSAGE:
            kept += line
        blank = not line.strip()
    if kept:
        yield began, bytes(kept)


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    mail: Mail = row.cell("mail")
    own = own_addresses(row.required("own_addresses"))
    if mail.sent_at is None:
        raise RowError("invalid_timestamp", "neither `Date` nor `Received` holds a date")
    said_at = row.part(sent_at=mail.sent_at).required_moment("sent_at")
    if mail.bounces:
        return [_bounced(row, mail, said_at, number) for number in range(len(mail.bounces))]
    if mail.delayed:
        return [_automatic(row, mail, said_at, None)]  # a mail server's: it says nothing for good
    if mail.sender is None:
        raise RowError("missing_identity", "`From` holds no address")
    writer = _writer(mail, own)
    if writer is not None:
        if mail.automatic:
            return [_automatic(row, mail, said_at, writer)]
        return [_received(row, mail, said_at, writer)]
    others = [to for to in mail.recipients if not own.has(to.address)]
    if not others:
        raise RowError("missing_identity", "sender and recipients are all the company's own")
    return [_sent(row, mail, said_at, to) for to in others]


def _writer(mail: Mail, own: OwnAddresses) -> Mailbox | None:
    """The customer who wrote it; None: the company did."""
    if mail.sender is None or not own.has(mail.sender.address):
        return mail.sender
    # A form on the website sends from the company to itself, with the customer to be answered.
    answered = mail.reply_to
    external = answered is not None and not own.has(answered.address)
    return answered if external and all(own.has(to.address) for to in mail.recipients) else None


def _id(mail: Mail) -> str:
    if mail.message_id is not None:
        return mail.message_id
    sender = mail.sender.address if mail.sender else None
    return content_id(sender, str(mail.sent_at), mail.subject, mail.text)


def _about(mail: Mail) -> dict[str, object]:
    return {
        "message_id": mail.message_id,
        "thread": mail.thread,
        "in_reply_to": mail.in_reply_to,
        "subject": mail.subject,
        "attachments": [{"name": file.name, "bytes": file.bytes} for file in mail.attachments]
        or None,
    }


def _received(row: Row, mail: Mail, said_at: object, writer: Mailbox) -> Touchpoint:
    # The subject of an answer is what somebody else wrote first.
    subject = None if mail.in_reply_to and mail.text else mail.subject
    said = "\n".join(part for part in (subject, mail.text) if part)
    sub = _part(row, mail, said_at, writer)
    return sub.touchpoint(
        f"email:{_id(mail)}",
        type=EMAIL_RECEIVED,
        channel="email",
        occurred_at=sub.required_moment("sent_at"),
        text=said or None,
        language=sub.language(),
        properties=_about(mail),
    )


def _automatic(row: Row, mail: Mail, said_at: object, writer: Mailbox | None) -> Touchpoint:
    """Kept, since it shows that the address is read by a machine; but nobody said or did it."""
    sub = row.part(sent_at=said_at) if writer is None else _part(row, mail, said_at, writer)
    return sub.touchpoint(
        f"email:{_id(mail)}",
        type=AUTOMATIC_REPLY_RECEIVED,
        channel="email",
        occurred_at=sub.required_moment("sent_at"),
        # Not as `text`: that is read as the words of the person.
        properties={**_about(mail), "automatic_text": mail.text[:5000] or None},
    )


def _sent(row: Row, mail: Mail, said_at: object, to: Mailbox) -> Touchpoint:
    sub = _part(row, mail, said_at, to)
    return sub.touchpoint(
        f"email:{_id(mail)}:{content_id(to.address)}",
        type=MESSAGE_SENT,
        channel="email",
        occurred_at=sub.required_moment("sent_at"),
        # Not as `text`: it is read as the words of the person, and these are ours.
        properties={
            **_about(mail),
            "sent_text": mail.text[:5000] or None,
            "by": "machine" if mail.automatic else "agent",
        },
    )


def _bounced(row: Row, mail: Mail, said_at: object, number: int) -> Touchpoint:
    bounce = mail.bounces[number]
    sub = _part(row, mail, said_at, Mailbox(bounce.address, None))
    return sub.touchpoint(
        f"email:{_id(mail)}:{content_id(bounce.address)}",
        type=MESSAGE_BOUNCED,
        channel="email",
        occurred_at=sub.required_moment("sent_at"),
        message=bounce.message_id,
        properties={"status": bounce.status, "diagnostic": bounce.diagnostic},
    )


def _part(row: Row, mail: Mail, said_at: object, person: Mailbox) -> Row:
    return row.part(sent_at=said_at, email=person.address, name=person.name, language=mail.language)


def _mistakes(mapping: Mapping) -> list[str]:
    stated = mapping.constants.get("own_addresses", "")
    if not stated.strip():
        return [
            "which addresses are the company's? State them in `own_addresses`, such as "
            "info@shop.example, @shop.example for all of a domain"
        ]
    try:
        own_addresses(stated)
    except ValueError:
        return ["`own_addresses` must list addresses or @domains with commas between"]
    return []


def _recognises(head: bytes, name: str) -> bool:
    if head.lstrip().startswith(b"From ") and b"\n" in head:
        line, _, rest = head.lstrip().partition(b"\n")
        return bool(_FROM_LINE.match(line)) and len(set(_HEADERS.findall(rest[:20_000]))) >= 2
    if not _FIRST_HEADER.match(head.removeprefix(b"\xef\xbb\xbf")):
        return False
    headers = re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    named = {found.lower() for found in _HEADERS.findall(headers)}
    return len(named) >= (2 if name.endswith(".eml") else 3) and b"from" in named


CONNECTOR = Connector(
    kind="email",
    label="E-mails: single messages (.eml), mailboxes (mbox) and Maildir folders",
    required=(),
    optional=("own_addresses",),
    read=_read,
    mapping_mistakes=_mistakes,
    records=_records,
    recognises=_recognises,
    asks=("own_addresses",),
    # Files of a Maildir end with their flags.
    suffixes=(
        *(".eml", ".mbox", ".mbx"),
        *(f":2,{''.join(flags)}" for flags in product(("", "f"), ("", "r"), ("", "s"))),
    ),
)

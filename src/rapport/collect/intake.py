"""Intake: the steps from a request's bytes to "kept, once"; the loop times and counts them.

`STEPS` is the list to read. A step takes the delivery and returns it one step further, or raises a
`RapportError` that ends it. Nothing is answered with success before it is on disk.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Raw, Struct

from rapport.collect.event_checks import LARGEST_EVENT, Refusal, check_event, client_time
from rapport.collect.group_commit import Content, GroupCommit, Kept
from rapport.collect.plain_events import PlainBatch, PlainChecks, plain_events
from rapport.collect.refused import RefusedRow
from rapport.collect.segment import (
    ENDPOINTS,
    EVENT_TYPES,
    SegmentEnvelope,
    decode_batch,
    decode_envelope,
    decode_event,
    encode_envelope,
    kept_message_id,
    made_message_id,
    sent_time,
    without_half_characters,
    write_key_in,
)
from rapport.collect.sources import Source, WriteKeys
from rapport.engines.ledger import JournalEntry
from rapport.errors import InternalError, InvalidInput, NotFound, NotSignedIn, PayloadTooLarge
from rapport.vocabulary.touchpoint import RefusedRecord

LARGEST_BATCH = 10_000_000  # bytes of a batch or import, before and after unpacking
#: Bodies above this leave the event loop: others' requests go on while they are decoded.
_LONG_BODY = 100_000
_GZIP = b"\x1f\x8b"
#: A body of thousands of empty members would take minutes to unpack into nothing.
_MOST_MEMBERS = 100
_WINDOW = 65_536
KIND = "segment"


class Said(Struct, frozen=True, kw_only=True):
    """What a request says about all its events."""

    type: str = ""  # empty: each event says its own
    sent_at: str | None = None
    context: Raw | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """A request on its way through the steps.

    The first block is what the door read; each step fills in what the next ones need.
    """

    endpoint: str  # a key of `ENDPOINTS`
    body: bytes
    received_at: datetime
    encoding: str = ""  # Content-Encoding
    authorization: str = ""
    query_key: str = ""
    sent_at_header: str = ""
    nameless: bool = False  # whether an event may say nothing of who did it

    source: Source | None = None
    events: tuple[Raw, ...] = ()
    said: Said = Said()
    entries: tuple[JournalEntry, ...] = ()
    refused: tuple[RefusedRecord, ...] = ()
    broken: Refusal | None = None  # why the request as a whole, or its one event, is no use

    @property
    def single(self) -> bool:
        """Whether the endpoint takes one event."""
        return ENDPOINTS[self.endpoint] is not None

    @property
    def limit(self) -> int:
        """The most bytes its body may have."""
        return LARGEST_EVENT if self.single else LARGEST_BATCH

    @property
    def from_source(self) -> Source:
        """The source whose key it carries; there is one after `authenticate`."""
        if self.source is None:
            raise InternalError("a delivery passed on without being authenticated")
        return self.source


class IntakeTools(Struct, frozen=True, kw_only=True):
    """What the steps may use."""

    keys: WriteKeys
    commit: GroupCommit


async def authenticate(delivery: Delivery, tools: IntakeTools) -> Delivery:
    """Find the source by its write key: Basic authentication, `?writeKey=`, or the body's own."""
    key = basic_user(delivery.authorization) or delivery.query_key
    if not key:
        # Only browsers send the key inside the body, which must then be unpacked unasked.
        delivery = await asyncio.to_thread(_unpacked, delivery)
        key = write_key_in(delivery.body) or ""
    return msgspec.structs.replace(delivery, source=await _source_of(key, tools.keys))


async def _source_of(key: str, keys: WriteKeys) -> Source:
    known, source = keys.remembered(key) if key else (True, None)
    if not known:  # the store may be slow; others' requests are not to wait for it
        source = await asyncio.to_thread(keys.source_of, key)
    if source is None:
        raise NotSignedIn(
            "The write key opens no source; create one under Sources and send it as the user name "
            "of Basic authentication, with an empty password"
        )
    return source


def basic_user(authorization: str) -> str:
    """The user name of Basic authentication; empty where there is none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return text.partition(":")[0]


def decode(delivery: Delivery) -> Delivery:
    """Bytes to envelopes, by `Content-Encoding`; what cannot be read is refused as a whole."""
    delivery = _unpacked(delivery)
    body = delivery.body
    try:
        if not body.isascii():  # which is quick
            body.decode("utf-8")  # free-form parts are passed on unread, so they are checked here
    except UnicodeDecodeError:
        return _broken(delivery, Refusal("invalid_encoding", "the body must be JSON in UTF-8"))
    try:
        try:
            return _decoded(delivery)
        except msgspec.DecodeError:
            whole = without_half_characters(body)
            if whole == body:
                raise
            return _decoded(msgspec.structs.replace(delivery, body=whole))
    except msgspec.ValidationError:
        return _broken(delivery, Refusal("wrong_type", _EXPECTED[delivery.single]))
    except msgspec.DecodeError:
        return _broken(delivery, Refusal("malformed_json", "the body is not valid JSON"))
    except RecursionError:
        return _broken(delivery, Refusal("malformed_json", "the body is nested too deep"))


def _decoded(delivery: Delivery) -> Delivery:
    return _decode_single(delivery) if delivery.single else _decode_batch(delivery)


_EXPECTED = {
    True: "the body must be one event: a JSON object with fields of the types in the manual",
    False: "the body must be a JSON object whose `batch` is a list of events",
}


def _broken(delivery: Delivery, refusal: Refusal) -> Delivery:
    record = _refused_record(delivery, refusal, delivery.body, whole=True)
    return msgspec.structs.replace(delivery, broken=refusal, refused=(record,))


def _unpacked(delivery: Delivery) -> Delivery:
    body = unpacked(delivery.body, delivery.encoding, delivery.limit)
    return delivery if body is delivery.body else msgspec.structs.replace(delivery, body=body)


def unpacked(body: bytes, content_encoding: str, limit: int) -> bytes:
    """A body as sent, without its compression; never more than ``limit`` bytes.

    gzip is also known by its first two bytes, which no JSON has: proxies drop the header.

    Raises
    ------
    InvalidInput, PayloadTooLarge
        If it is not whole, not what it says to be, or larger than the limit once unpacked.
    """
    encoding = content_encoding.strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise InvalidInput(
            f"Content-Encoding {encoding[:20]!r} is not known; send gzip, deflate or none"
        )
    if body[:2] == _GZIP:
        return _inflated(body, "gzip", 31, limit)
    if encoding == "deflate":
        # What HTTP calls deflate is zlib's; some senders leave out its two bytes of header.
        wrapped = len(body) > 1 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
        return _inflated(body, "deflate", 15 if wrapped else -15, limit)
    return body


def _inflated(packed: bytes, name: str, wbits: int, limit: int) -> bytes:
    """The content of one or more packed members, which stops growing at ``limit``."""
    parts: list[bytes] = []
    room, at = limit, 0
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(wbits=wbits)
        while at < len(packed) and not member.eof:
            # In windows: what lies behind a member's end is copied each time.
            window = packed[at : at + _WINDOW]
            try:
                part = member.decompress(window, room + 1)
            except zlib.error as error:
                raise InvalidInput(f"The body is not valid {name}") from error
            room -= len(part)
            if room < 0:
                raise too_large(limit)
            parts.append(part)
            at += len(window) - len(member.unused_data)
        if not member.eof:
            raise InvalidInput(f"The {name} body ends too early; send it again whole")
        if at == len(packed):
            return b"".join(parts)
    raise InvalidInput(
        f"The {name} body has more than {_MOST_MEMBERS} members; pack the batch as one"
    )


def too_large(limit: int) -> PayloadTooLarge:
    """The error of a body above ``limit`` bytes."""
    return PayloadTooLarge(
        f"The body has more than {limit} bytes; an event may have {LARGEST_EVENT}, a batch "
        f"{LARGEST_BATCH}: send smaller batches",
    )


def _decode_single(delivery: Delivery) -> Delivery:
    decode_event(delivery.body)  # raises for the whole request, which is this one event
    said = Said(type=ENDPOINTS[delivery.endpoint] or "", sent_at=delivery.sent_at_header or None)
    return msgspec.structs.replace(delivery, events=(Raw(delivery.body),), said=said)


def _decode_batch(delivery: Delivery) -> Delivery:
    batch = decode_batch(delivery.body)
    stated = batch.sent_at if batch.sent_at is not None else delivery.sent_at_header
    said = Said(
        sent_at=str(stated) if stated not in (None, "") else None,
        context=batch.context if batch.context and memoryview(batch.context)[0] == 0x7B else None,
    )
    return msgspec.structs.replace(delivery, events=tuple(batch.batch), said=said)


def validate(delivery: Delivery) -> Delivery:
    """Check each event by itself: one bad event does not fail its batch."""
    if delivery.broken is not None:
        return delivery
    entries: list[JournalEntry] = []
    refused: list[RefusedRecord] = []
    broken: Refusal | None = None
    twins: Counter[bytes] = Counter()
    sent_at = sent_time(delivery.said.sent_at)
    raws = delivery.events
    checks = PlainChecks(
        sent_at=sent_at,
        stated_sent_at=delivery.said.sent_at,
        received_at=delivery.received_at,
    )
    # A request that speaks for its events is rarer, and needs the closer look.
    spoken_for = delivery.single or delivery.said.type or delivery.said.context is not None
    batch = PlainBatch([None] * len(raws), raws) if spoken_for else plain_events(raws)
    payloads = checks.payloads(batch)
    source_id, received_at = delivery.from_source.source_id, delivery.received_at
    for raw, event, payload in zip(raws, batch.events, payloads, strict=True):
        if event is not None and payload is not None:
            entries.append(
                JournalEntry(
                    source_id=source_id,
                    message_id=event.message_id,
                    kind=KIND,
                    received_at=received_at,
                    payload=payload,
                )
            )
            continue
        taken = take_event(bytes(raw), delivery, sent_at, twins)
        if isinstance(taken, JournalEntry):
            entries.append(taken)
        else:
            broken = taken
            refused.append(_refused_record(delivery, taken, bytes(raw)))
    return msgspec.structs.replace(
        delivery,
        entries=tuple(entries),
        refused=tuple(refused),
        broken=broken if delivery.single else None,
    )


def take_event(
    raw: bytes, delivery: Delivery, sent_at: datetime | None, twins: Counter[bytes]
) -> JournalEntry | Refusal:
    """One event as an entry of the journal, or why not."""
    if len(raw) > LARGEST_EVENT:
        return Refusal("too_large", f"an event may have {LARGEST_EVENT} bytes")
    try:
        event = decode_event(raw)
    except msgspec.DecodeError as error:
        return Refusal("wrong_type", _which_field(error))
    said = delivery.said
    received_at = delivery.received_at
    kind = said.type or (event.type or "").lower()
    if kind not in EVENT_TYPES:
        known = ", ".join(sorted(EVENT_TYPES))
        return Refusal(
            "unknown_type" if kind else "missing_field", f"`type` must be one of {known}"
        )
    stated_sent_at = said.sent_at
    if stated_sent_at is None and event.sent_at is not None:
        # The event's own `sentAt` speaks where the request says none, as analytics.js 2 does.
        stated_sent_at = str(event.sent_at)
        sent_at = sent_time(stated_sent_at)
    refusal = check_event(
        event,
        kind,
        raw,
        sent_at=sent_at,
        received_at=received_at,
        nameless=delivery.nameless,
    )
    if refusal is not None:
        return refusal
    given_id = event.message_id
    if given_id is None or given_id == "":
        content = blake2b(raw, digest_size=16).digest()
        message_id = made_message_id(
            kind,
            raw,
            twin=twins[content],
            received_at=received_at,
            timed=client_time(event) is not None,
        )
        twins[content] += 1
    else:
        message_id = kept_message_id(str(given_id))
    envelope = SegmentEnvelope(
        type=kind,
        id=message_id,
        event=Raw(raw),
        sent_at=stated_sent_at,
        context=None if event.context else said.context,
    )
    return JournalEntry(
        source_id=delivery.from_source.source_id,
        message_id=message_id,
        kind=KIND,
        received_at=received_at,
        payload=encode_envelope(envelope),
    )


def _which_field(error: msgspec.DecodeError) -> str:
    """The field that has another type than expected; msgspec's message also holds no value."""
    _, found, path = str(error).partition(" - at `$.")
    field = path.partition("`")[0] if found else ""
    return f"`{field}` has another type than the manual says" if field else _EXPECTED[True]


def _refused_record(
    delivery: Delivery, refusal: Refusal, raw: bytes, *, whole: bool = False
) -> RefusedRecord:
    """The record to keep: an event in an envelope, so that it can be tried again, or a body."""
    payload = raw
    if not whole:
        said = delivery.said
        payload = encode_envelope(
            SegmentEnvelope(
                type=said.type, id="", event=Raw(raw), sent_at=said.sent_at, context=said.context
            )
        )
    return RefusedRecord(
        source=delivery.from_source.name,
        reason=refusal.reason,
        detail=refusal.detail,
        payload=payload,
        received_at=delivery.received_at,
        locator=f"POST /v1/{delivery.endpoint}",
    )


#: The steps, in their order. Those in the middle compute only, and run where their outcome is kept.
STEPS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("authenticate", authenticate),
    ("decode", decode),
    ("validate", validate),
    ("keep", GroupCommit.submit_unread),
)
_READING = STEPS[1:-1]


class StepFigures(Struct, kw_only=True):
    """What one step did since the process began."""

    count: int = 0
    failed: int = 0
    seconds: float = 0.0


class Intake:
    """Runs the steps, and measures each.

    Parameters
    ----------
    keys : WriteKeys
        Finds the source of a write key.
    commit : GroupCommit
        Keeps events; `close` it after the last request.
    clock : callable
        The time of receipt, aware.
    """

    def __init__(self, keys: WriteKeys, commit: GroupCommit, clock: Callable[[], datetime]) -> None:
        self.tools = IntakeTools(keys=keys, commit=commit)
        self.clock = clock
        self.steps = {name: StepFigures() for name, _ in STEPS}
        self.events: Counter[str] = Counter()  # accepted, duplicates, refused

    async def take(self, delivery: Delivery) -> Kept:
        """Take a request through all steps.

        Raises
        ------
        NotSignedIn, PayloadTooLarge, InvalidInput, Overloaded
            If a step ends it. A malformed body or a refused single event is kept among the
            refused before it is raised, with `reason` in the error's details.
        """
        with self._timed("authenticate"):
            delivery = await authenticate(delivery, self.tools)
        if len(delivery.body) > _LONG_BODY or delivery.body[:2] == _GZIP:
            # What takes long to read is not to keep others' short ones from the disk.
            delivery = await asyncio.to_thread(self._read, delivery)
            unread = False
        else:
            unread = True
        broken = delivery.broken

        def content() -> Content:
            nonlocal broken
            done = self._read(delivery) if unread else delivery
            broken = done.broken
            return done.entries, done.refused

        with self._timed("keep"):
            kept = await self.tools.commit.submit_unread(
                delivery.from_source.source_id, content, len(delivery.body)
            )
        self.events["accepted"] += kept.accepted
        self.events["duplicates"] += kept.duplicates
        self.events["refused"] += kept.refused
        if broken is not None:
            raise InvalidInput(broken.detail, reason=broken.reason)
        return kept

    def _read(self, delivery: Delivery) -> Delivery:
        for name, step in _READING:
            with self._timed(name):
                delivery = step(delivery)
        return delivery

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        figures = self.steps[step]
        began = time.perf_counter()
        try:
            yield
        except BaseException:
            figures.failed += 1
            raise
        finally:
            figures.count += 1
            figures.seconds += time.perf_counter() - began

    async def check_key(self, delivery: Delivery) -> None:
        """Look up the key beside a body before the body is read; the body itself may hold one.

        Raises
        ------
        NotSignedIn
            If there is a key that opens no source.
        """
        key = basic_user(delivery.authorization) or delivery.query_key
        if key:
            await _source_of(key, self.tools.keys)

    async def source_of(self, authorization: str, query_key: str) -> tuple[Source, str]:
        """The source that a key opens, and the key, for the SDKs' settings.

        Raises
        ------
        NotSignedIn
            If it opens none.
        """
        key = basic_user(authorization) or query_key
        return await _source_of(key, self.tools.keys), key


def read_again(
    row: RefusedRow, now: datetime
) -> tuple[Sequence[JournalEntry], Sequence[RefusedRecord]]:
    """A refused request or event as intake would take it now; see `refused.replay`.

    Its time of receipt stays the old one: nothing happened later because we mended a rule.
    """
    source = Source(
        source_id=row.source_id, name=row.source, label="", kind="collector", created_at=now
    )
    endpoint = (row.locator or "").rpartition("/")[2]
    delivery = Delivery(
        endpoint=endpoint if endpoint in ENDPOINTS else "batch",
        body=row.payload,
        received_at=row.received_at,
        source=source,
    )
    try:
        envelope = decode_envelope(row.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        delivery = decode(delivery)
    else:
        said = Said(type=envelope.type, sent_at=envelope.sent_at, context=envelope.context)
        delivery = msgspec.structs.replace(delivery, events=(envelope.event,), said=said)
    delivery = validate(delivery)
    return delivery.entries, delivery.refused


def require_endpoint(name: str) -> str:
    """``name`` if it is an endpoint.

    Raises
    ------
    NotFound
        Listing the endpoints.
    """
    if name not in ENDPOINTS:
        known = ", ".join(n for n in ENDPOINTS if len(n) > 1)
        raise NotFound(f"There is no such call; known: {known}")
    return name

"""Intake of other trackers' protocols: the steps of `intake`, with translation before the check.

Good events enter the journal as calls of the Segment protocol; from there on nothing tells them
apart. What is refused is kept as the client said it, and translated again when it is replayed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from rapport.collect import mapped_files
from rapport.collect.event_checks import Refusal
from rapport.collect.intake import LARGEST_BATCH, Delivery, Intake, basic_user, take_event, unpacked
from rapport.collect.mapping import mapping_from
from rapport.collect.protocol import Asked, Call, EventRefused, Protocol, Taken, written
from rapport.collect.protocols import protocol_at
from rapport.collect.refused import RefusedRow
from rapport.collect.signatures import Signing, check_signature
from rapport.collect.sources import Source
from rapport.engines.ledger import JournalEntry
from rapport.errors import InternalError, InvalidMapping, NotSignedIn, RapportError
from rapport.settings import read_reference
from rapport.vocabulary.touchpoint import RefusedRecord

#: Bodies above this leave the event loop: others' requests go on while they are read.
_LONG_BODY = 100_000
#: Names of the parameters that open a source, which are not kept with what is refused.
_KEYS = frozenset({"writeKey", "api_key", "token", "api_secret", "token_auth", "idsite", "aid"})
#: Headers that say what a body is; others are about the sender's machine and not kept.
_TELLING = ("content-type", "user-agent")


class _KeptPiece(Struct, frozen=True):
    """A refused event, as its protocol's client said it."""

    protocol: str
    event: dict[str, Any]
    said: dict[str, Any] = {}


class _KeptHead(Struct, frozen=True):
    """What stood beside a body that was refused as a whole; the body follows on the next line."""

    protocol: str
    method: str
    path: str
    query: list[tuple[str, str]] = []
    headers: dict[str, str] = {}


class _Read(Struct, kw_only=True):
    entries: list[JournalEntry]
    refused: list[RefusedRecord]
    reasons: list[Refusal]
    refused_at: list[int]
    broken: Refusal | None = None


async def take_request(intake: Intake, protocol: Protocol, asked: Asked) -> tuple[Asked, Taken]:
    """Take a request of another protocol through all steps.

    Parameters
    ----------
    asked : Asked
        The request with its body as it came.

    Returns
    -------
    (Asked, Taken)
        The request unpacked, and what became of its events.

    Raises
    ------
    NotSignedIn, PayloadTooLarge, InvalidInput, Overloaded
        If it opens no source, or cannot be unpacked, or too much waits. Whatever else is wrong is
        kept with its reason and told in the result.
    """
    packed = asked.body[:2] == b"\x1f\x8b" or asked.header("content-encoding")
    long = len(asked.body) > _LONG_BODY or bool(packed)

    async def computed(function: Any) -> Any:
        return await asyncio.to_thread(function) if long else function()

    asked = await computed(partial(unpacked_request, asked))
    if protocol.signed:
        source = await _signed_source(intake, protocol, asked)
    else:
        key = key_beside(asked) or await computed(partial(key_inside, protocol, asked))
        source = (await intake.source_of("", key))[0]
        asked = msgspec.structs.replace(asked, key=key)
    read: _Read = await computed(partial(_read_request, protocol, asked, source))
    taken = Taken(
        refused=len(read.refused),
        broken=read.broken,
        reasons=tuple(read.reasons),
        refused_at=tuple(read.refused_at),
    )
    if read.entries or read.refused:
        kept = await intake.tools.commit.submit(source.source_id, read.entries, read.refused)
        taken = msgspec.structs.replace(taken, accepted=kept.accepted, duplicates=kept.duplicates)
    intake.events.update(
        accepted=taken.accepted, duplicates=taken.duplicates, refused=taken.refused
    )
    return asked, taken


def unpacked_request(asked: Asked) -> Asked:
    """The request with its body unpacked, as its Content-Encoding says.

    Raises
    ------
    PayloadTooLarge, InvalidInput
        If it cannot be unpacked within the limit.
    """
    body = unpacked(asked.body, asked.header("content-encoding"), LARGEST_BATCH)
    return msgspec.structs.replace(asked, body=body)


def key_beside(asked: Asked) -> str:
    """The write key that stands beside a body: Basic user, Bearer token or ``?writeKey=``."""
    authorization = asked.header("authorization")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return basic_user(authorization) or asked.parameter("writeKey")


def key_inside(protocol: Protocol, asked: Asked) -> str:
    """The write key where this protocol's clients put it; empty where it cannot be read."""
    try:
        return protocol.key(asked)
    except EventRefused:
        return ""


async def _signed_source(intake: Intake, protocol: Protocol, asked: Asked) -> Source:
    name = asked.path.rstrip("/").rpartition("/")[2]
    keys = intake.tools.keys
    source = await asyncio.to_thread(keys.source_named, name, protocol.name)
    if source is None:
        # As with a wrong signature: a stranger is not told which sources there are.
        raise NotSignedIn("There is no open source of webhooks with this name and signature")
    signing = signing_of(source)
    try:
        secret = read_reference(signing.secret)
    except RapportError as error:
        raise InternalError("This source's secret cannot be read; send it again later") from error
    check_signature(signing, secret, asked.headers, asked.body, asked.received_at)
    return source


def signing_of(source: Source) -> Signing:
    """How a source's webhooks are signed, as its row says."""
    stated = source.mapping.get("signing") if isinstance(source.mapping, dict) else None
    try:
        return msgspec.convert(stated, Signing)
    except msgspec.ValidationError as error:
        raise InternalError(f"Source {source.name} does not say how it is signed") from error


# ── reading ────────────────────────────────────────────────────────────────────────────────────


def _read_request(protocol: Protocol, asked: Asked, source: Source) -> _Read:
    read = _Read(entries=[], refused=[], reasons=[], refused_at=[])
    try:
        pieces = protocol.split(asked)
    except EventRefused as error:
        read.broken = error.refusal
        read.refused.append(_record(asked, source, error.refusal, _kept_body(protocol, asked)))
        return read
    twins: Counter[bytes] = Counter()
    for index, event in enumerate(pieces.events):
        try:
            read.entries += _entries_of(
                protocol, event, pieces.said, source, asked.received_at, twins
            )
        except EventRefused as error:
            kept = written(_KeptPiece(protocol=protocol.name, event=event, said=pieces.said))
            read.refused.append(_record(asked, source, error.refusal, kept))
            read.reasons.append(error.refusal)
            read.refused_at.append(index)
    return read


def _entries_of(
    protocol: Protocol,
    event: dict[str, Any],
    said: dict[str, Any],
    source: Source,
    received_at: datetime,
    twins: Counter[bytes],
) -> list[JournalEntry]:
    """One piece as entries of the journal; raises `EventRefused` where it is no use."""
    if protocol.signed and (rows := _rows_mapping(source)) is not None:
        return _mapped(event, rows, source, received_at)
    call: Call = protocol.translate(event, said, received_at)
    if call.each_counts and "messageId" not in call.event:
        call.event["messageId"] = _id_of_arrival(call.event, received_at, twins)
    delivery = Delivery(
        endpoint="batch",
        body=b"",
        received_at=received_at,
        source=source,
        nameless=call.nameless,
    )
    taken = take_event(written(call.event), delivery, None, twins)
    if isinstance(taken, Refusal):
        raise EventRefused(taken.reason, taken.detail)
    return [taken]


def _id_of_arrival(event: dict[str, Any], received_at: datetime, twins: Counter[bytes]) -> str:
    """The id of an event that is another one whenever it arrives, but the same at replay."""
    content = sha256(written(event)).digest()
    moment = received_at.astimezone(UTC).isoformat()
    made = sha256(b"\x1f".join((content, str(twins[content]).encode(), moment.encode())))
    twins[content] += 1
    return f"made-{made.hexdigest()[:40]}"


def _rows_mapping(source: Source) -> Mapping[str, Any] | None:
    rows = source.mapping.get("rows") if isinstance(source.mapping, dict) else None
    return rows if isinstance(rows, dict) else None


def _mapped(
    event: dict[str, Any], rows: Mapping[str, Any], source: Source, received_at: datetime
) -> list[JournalEntry]:
    """A payload read as a row of a file, by the mapping of its source."""
    try:
        mapping = mapping_from(rows, f"the mapping of {source.name}")
        lines = msgspec.structs.replace(mapping.file, format="jsonl")
        entries, refused = mapped_files.read_payload(
            written(event.get("payload")),
            msgspec.structs.replace(mapping, file=lines, source=source.name),
            source.source_id,
            received_at,
        )
    except InvalidMapping as error:
        raise EventRefused("wrong_type", error.message) from error
    if refused:
        raise EventRefused(refused[0].reason, refused[0].detail)
    return list(entries)


def _record(asked: Asked, source: Source, refusal: Refusal, payload: bytes) -> RefusedRecord:
    return RefusedRecord(
        source=source.name,
        reason=refusal.reason,
        detail=refusal.detail,
        payload=payload,
        received_at=asked.received_at,
        locator=f"{asked.method} {asked.path}",
    )


def _kept_body(protocol: Protocol, asked: Asked) -> bytes:
    """A request that cannot be taken apart: a line that says what it was, and its bytes."""
    head = _KeptHead(
        protocol=protocol.name,
        method=asked.method,
        path=asked.path,
        query=[(name, value) for name, value in asked.query if name not in _KEYS],
        headers={
            name: value
            for name, value in asked.headers.items()
            if name in _TELLING or name.startswith("ce-")
        },
    )
    return written(head) + b"\n" + asked.body


# ── trying again ───────────────────────────────────────────────────────────────────────────────


def came_by_protocol(row: RefusedRow) -> bool:
    """Whether a refused record came in by one of these protocols."""
    method, _, path = (row.locator or "").partition(" ")
    return method in ("POST", "GET") and protocol_at(path) is not None


def read_again(
    row: RefusedRow, source: Source
) -> tuple[Sequence[JournalEntry], Sequence[RefusedRecord]]:
    """A refused request or event as it would be taken now; see `refused.replay`."""
    method, _, path = (row.locator or "").partition(" ")
    protocol = protocol_at(path)
    if protocol is None:
        raise InternalError("a refused record of no known protocol")
    asked = Asked(
        method="GET" if method == "GET" else "POST", path=path, received_at=row.received_at
    )
    try:
        piece = msgspec.json.decode(row.payload, type=_KeptPiece)
    except msgspec.DecodeError:
        head_line, _, body = row.payload.partition(b"\n")
        head = msgspec.json.decode(head_line, type=_KeptHead)
        read = _read_request(
            protocol,
            msgspec.structs.replace(
                asked, query=tuple(head.query), headers=head.headers, body=body
            ),
            source,
        )
        return read.entries, read.refused
    try:
        return (
            _entries_of(protocol, piece.event, piece.said, source, row.received_at, Counter()),
            (),
        )
    except EventRefused as error:
        return (), (_record(asked, source, error.refusal, row.payload),)

"""The Segment protocol: what its SDKs send, and the envelope in which we keep it.

Facts follow the public Segment HTTP API and spec, and what the SDKs of Segment and RudderStack
put on the wire; requests are decoded whatever their Content-Type says.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from typing import Any

import msgspec
from msgspec import Raw, Struct

from rapport.collect.cell_values import read_moment
from rapport.errors import InvalidInput

#: What one event can be, by the name of its call.
EVENT_TYPES = frozenset({"identify", "track", "page", "screen", "group", "alias"})

#: Endpoint → the type of its events; None: each event of a batch says its own. The one-letter
#: paths are those of analytics.js 2 (`/v1/t`, `/v1/b`), `beacon/v1` is RudderStack's.
ENDPOINTS: dict[str, str | None] = {
    "identify": "identify", "i": "identify",
    "track": "track", "t": "track",
    "page": "page", "p": "page",
    "screen": "screen", "s": "screen",
    "group": "group", "g": "group",
    "alias": "alias", "a": "alias",
    "batch": None, "b": None, "import": None,
}  # fmt: skip

#: A longer message id is kept by its digest, so that the unique index stays an index.
LONGEST_MESSAGE_ID = 255

_LONGEST_INTEGER = 18  # digits, its sign included: always within 64 bits

_NOTHING = Raw(b"")
_Text = str | int | None
_Time = str | int | float | None


class SegmentEvent(Struct, rename="camel", gc=False):
    """What intake reads of an event; free-form parts stay bytes, which is what makes it fast."""

    type: str | None = None
    event: str | None = None
    message_id: _Text = None
    user_id: _Text = None
    anonymous_id: _Text = None
    previous_id: _Text = None
    group_id: _Text = None
    timestamp: _Time = None
    original_timestamp: _Time = None
    sent_at: _Time = None
    properties: Raw = _NOTHING
    traits: Raw = _NOTHING
    context: Raw = _NOTHING


class _PromptEvent(SegmentEvent, rename="camel", gc=False):
    """An event whose times are as every SDK writes them, so that they are read while decoding."""

    timestamp: datetime | None = None  # type: ignore[assignment]
    original_timestamp: datetime | None = None  # type: ignore[assignment]


class SegmentBatch(Struct, rename="camel"):
    """A batch; its `context` holds for events that bring none of their own."""

    batch: list[Raw]
    sent_at: Any = None
    context: Raw = _NOTHING


class SegmentEnvelope(Struct, rename="camel", omit_defaults=True):
    """What the journal keeps: the event byte for byte, and what the request said beside it."""

    type: str
    id: str  # the message id, ours where the client gave none
    event: Raw
    sent_at: str | None = None
    context: Raw | None = None


class _KeyOnly(Struct, rename="camel"):
    write_key: str | None = None


_event_decoder = msgspec.json.Decoder(SegmentEvent)
_prompt_decoder = msgspec.json.Decoder(_PromptEvent)
_batch_decoder = msgspec.json.Decoder(SegmentBatch)
_key_decoder = msgspec.json.Decoder(_KeyOnly)
_envelope_decoder = msgspec.json.Decoder(SegmentEnvelope)
_encoder = msgspec.json.Encoder()

decode_batch = _batch_decoder.decode
encode_envelope = _encoder.encode
decode_envelope = _envelope_decoder.decode


def decode_event(raw: bytes | Raw) -> SegmentEvent:
    """An event as intake reads it; its times are datetimes or what else the client wrote.

    Raises
    ------
    msgspec.DecodeError
        If it is not JSON, or a field has another type.
    """
    try:
        return _prompt_decoder.decode(raw)
    except msgspec.ValidationError:
        return _event_decoder.decode(raw)


def read_json(raw: bytes | Raw) -> Any:
    """The value of JSON that was found well-formed; numbers beyond a float stay text.

    ``1e999`` is valid JSON and no float; it must not cost the event. So is a number of thousands
    of digits.
    """
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return json.loads(bytes(raw), parse_float=_float_or_text, parse_int=_int_or_text)


def _float_or_text(text: str) -> float | str:
    number = float(text)
    return number if isfinite(number) else text


def _int_or_text(text: str) -> int | str:
    # Python declines to read thousands of digits, and whole numbers beyond 64 bits fit no store.
    return int(text) if len(text) <= _LONGEST_INTEGER else text


#: An escaped backslash, a whole pair, or half a pair.
_HALF = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def without_half_characters(body: bytes) -> bytes:
    """JSON in which half a character beyond U+FFFF is the replacement character.

    JavaScript writes ``"\\ud83d"`` when a text was cut in the middle of an emoji. No store can
    hold it, and it must not cost the batch.
    """
    return _HALF.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)


def write_key_in(body: bytes) -> str | None:
    """The `writeKey` of a body, which browsers send there; None where there is none.

    Raises
    ------
    InvalidInput
        If the body is not a JSON object.
    """
    try:
        return _key_decoder.decode(body).write_key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            "The request names no write key and its body cannot be read as JSON; send the key as "
            "the user name of Basic authentication",
        ) from error


def sent_time(value: Any) -> datetime | None:
    """When the client says it sent the request; None where it says nothing readable.

    An unreadable `sentAt` only costs the clock correction, so it refuses nothing.
    """
    if value is None or value == "":
        return None
    try:
        return read_moment(value)
    except ValueError:
        return None


def corrected_time(
    client_time: datetime | None, sent_at: datetime | None, received_at: datetime
) -> datetime:
    """When it happened by our clock: the client's time plus how far its clock was off.

    ``client_time + (received_at − sent_at)``, as Segment does; without `sent_at` the client's
    clock is believed, without a time it happened when we received it.
    """
    if client_time is None:
        return received_at
    if sent_at is None:
        return client_time
    return client_time + (received_at - sent_at)


def made_message_id(kind: str, raw: bytes, *, twin: int, received_at: datetime, timed: bool) -> str:
    """The id of an event whose client gave none: the same for a retry, different otherwise.

    A digest of what the event says, without `sentAt` and `writeKey`, which change between
    retries, and of its place among equal events of the same request (``twin``). Equal events
    that name no time either are told apart by the UTC day on which we received them: on one day
    they are taken for a retry. Clients that mean two equal events send `messageId` or
    `timestamp`, as every SDK does.
    """
    content = read_json(raw)
    for changing in ("sentAt", "writeKey", "_metadata"):
        content.pop(changing, None)
    day = "" if timed else received_at.astimezone(UTC).date().isoformat()
    key = b"\x1f".join(
        (
            kind.encode(),
            msgspec.json.encode(content, order="sorted"),
            str(twin).encode(),
            day.encode(),
        )
    )
    return "made-" + sha256(key).hexdigest()[:40]


def kept_message_id(given: str) -> str:
    """``given``, or its digest where it is too long to index."""
    if len(given) <= LONGEST_MESSAGE_ID:
        return given
    return "long-" + sha256(given.encode()).hexdigest()


def analytics_js_settings(write_key: str, *, host: str, scheme: str) -> bytes:
    """What analytics.js 2 asks for at start: no destinations but ourselves at ``host``."""
    return _encoder.encode(
        {
            "integrations": {
                "Segment.io": {
                    "apiKey": write_key,
                    "apiHost": f"{host}/v1",
                    "protocol": scheme,
                    "addBundledMetadata": True,
                    "unbundledIntegrations": [],
                    "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
                    "deliveryStrategy": {"strategy": "standard"},
                }
            },
            "plan": {
                "track": {"__default": {"enabled": True, "integrations": {}}},
                "identify": {"__default": {"enabled": True}},
                "group": {"__default": {"enabled": True}},
            },
            "edgeFunction": {},
            "analyticsNextEnabled": True,
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False,
            "remotePlugins": [],
        }
    )


def rudder_source_config(source_id: int, name: str, write_key: str, updated_at: datetime) -> bytes:
    """What the RudderStack SDKs ask for at start: an enabled source without destinations."""
    moment = updated_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _encoder.encode(
        {
            "source": {
                "id": f"source-{source_id}",
                "name": name,
                "writeKey": write_key,
                "enabled": True,
                "workspaceId": "rapport",
                "sourceDefinitionId": "rapport-collector",
                "sourceDefinition": {"name": "Javascript", "displayName": "Javascript"},
                "config": {
                    "statsCollection": {
                        "errors": {"enabled": False},
                        "metrics": {"enabled": False},
                    }
                },
                "destinations": [],
                "connections": [],
                "transient": False,
                "deleted": False,
                "createdAt": moment,
                "updatedAt": moment,
            },
            "updatedAt": moment,
            "isHosted": True,
        }
    )

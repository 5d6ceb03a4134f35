"""Calls of the Segment protocol saved in a file, one a line: checked and read as the live ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Raw

from rapport.collect.connector import Connector
from rapport.collect.event_checks import LARGEST_EVENT, check_event, client_time
from rapport.collect.rows import Row, RowError
from rapport.collect.segment import (
    EVENT_TYPES,
    SegmentEnvelope,
    decode_event,
    encode_envelope,
    kept_message_id,
    made_message_id,
)
from rapport.collect.touchpoints import touchpoint_from_segment
from rapport.vocabulary.touchpoint import Touchpoint


def read_call(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one call.

    The clock is not corrected by `sentAt`: when a file is imported says nothing of the client's
    clock. Without `messageId` the id is of what the line says, as it is for a request.
    """
    (row,) = rows
    raw = row.raw()
    if len(raw) > LARGEST_EVENT:
        raise RowError("too_large", f"an event may have {LARGEST_EVENT} bytes")
    try:
        event = decode_event(raw)
    except msgspec.DecodeError as error:
        raise RowError("wrong_type", "a field has another type than the manual says") from error
    kind = (event.type or "").lower()
    if kind not in EVENT_TYPES:
        raise RowError("unknown_type", f"`type` must be one of {', '.join(sorted(EVENT_TYPES))}")
    received_at = row.reading.received_at
    refusal = check_event(event, kind, raw, sent_at=None, received_at=received_at)
    if refusal is not None:
        raise RowError(refusal.reason, refusal.detail)
    if client_time(event) is None:
        raise RowError("missing_field", "`timestamp` is needed in a file")
    if event.message_id is None or event.message_id == "":
        message_id = made_message_id(
            kind, raw, twin=row.reading.twin(raw), received_at=received_at, timed=True
        )
    else:
        message_id = kept_message_id(str(event.message_id))
    envelope = SegmentEnvelope(type=kind, id=message_id, event=Raw(raw))
    yield touchpoint_from_segment(encode_envelope(envelope), row.reading.source, received_at)


CONNECTOR = Connector(
    kind="segment",
    label="Segment calls in a file",
    required=(),
    optional=(),
    read=read_call,
)

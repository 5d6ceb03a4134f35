"""Events without anything unusual, read and checked in one pass over their batch.

Nearly all events are so: known names of fields in their usual types, a time in UTC, an id. msgspec
checks the types of a whole batch in C, and few questions are left for Python. Whatever is not
plainly fine is not judged here but taken, event by event, through the checks that name a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Raw, Struct

from rapport.collect.cell_values import EARLIEST, LEEWAY
from rapport.collect.event_checks import DEEPEST, MOST_PROPERTIES, ORDER_EVENTS
from rapport.collect.segment import LONGEST_MESSAGE_ID

#: Kinds that need nothing but somebody's id and, for "track", a name.
_PLAIN_TYPES = frozenset({"identify", "track", "page", "screen"})
#: The shortest object with too many properties is longer: each takes five bytes, as in `"":0,`.
_TOO_SHORT_TO_CROWD = 5 * MOST_PROPERTIES
_NOTHING = Raw(b"")


class _Object(Struct, gc=False):
    """Any object, its content unread."""


class _Properties(Struct, gc=False):
    """Any object; of its content only whether there are figures to check."""

    revenue: Raw = _NOTHING
    currency: Raw = _NOTHING
    score: Raw = _NOTHING


class PlainEvent(Struct, rename="camel", gc=False):
    """An event whose every known field has its usual type."""

    type: str
    message_id: str
    timestamp: datetime
    event: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    previous_id: str | int | None = None
    group_id: str | int | None = None
    original_timestamp: datetime | None = None
    sent_at: str | int | float | None = None
    properties: _Properties | None = None
    traits: _Object | None = None
    context: _Object | None = None


_event_decoder = msgspec.json.Decoder(PlainEvent)
_encoder = msgspec.json.Encoder()


_batch_decoder = msgspec.json.Decoder(list[PlainEvent])


def plain_events(raws: Sequence[bytes]) -> Sequence[PlainEvent | None]:
    """The events of a batch; None for each that is not plain.

    Parameters
    ----------
    raws : sequence of bytes
        Each event's JSON, known to be well-formed.
    """
    try:
        # All in one call; one that is different costs the others no more than a call each.
        return _batch_decoder.decode(b"[" + b",".join(raws) + b"]")
    except (msgspec.DecodeError, RecursionError):
        return [_plain_event(raw) for raw in raws]


def _plain_event(raw: bytes) -> PlainEvent | None:
    try:
        return _event_decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


class PlainChecks:
    """What is the same for all plain events of a request.

    Parameters
    ----------
    sent_at, received_at : datetime
        For the correction of the client's clock.
    stated_sent_at : str or None
        As the envelope keeps it.
    """

    def __init__(
        self, *, sent_at: datetime | None, stated_sent_at: str | None, received_at: datetime
    ) -> None:
        self.says_sent_at = stated_sent_at is not None
        try:
            shift = received_at - (sent_at or received_at)
            self.earliest = EARLIEST - shift
            self.latest = received_at + LEEWAY - shift
        except OverflowError:  # a clock beyond the calendar: nothing is plain
            self.earliest, self.latest = received_at, EARLIEST
        self._heads = {
            kind: b'{"type":' + _encoder.encode(kind) + b',"id":' for kind in _PLAIN_TYPES
        }
        tail = b"}"
        if stated_sent_at is not None:
            tail = b',"sentAt":' + _encoder.encode(stated_sent_at) + b"}"
        self._tail = tail

    def passes(self, event: PlainEvent, raw: bytes) -> bool:
        """Whether ``event`` can be kept as it is; False also where only a closer look can tell."""
        kind = event.type
        if kind not in _PLAIN_TYPES or not event.message_id:
            return False
        if event.user_id in (None, "") and event.anonymous_id in (None, ""):
            return False
        if kind == "track" and (not event.event or event.event in ORDER_EVENTS):
            return False
        at = event.timestamp
        if at.tzinfo is not UTC or not self.earliest <= at <= self.latest:
            return False
        figures = event.properties
        if figures is not None and (figures.revenue or figures.currency or figures.score):
            return False
        return (
            len(event.message_id) <= LONGEST_MESSAGE_ID
            and (self.says_sent_at or event.sent_at is None)
            and len(raw) <= _TOO_SHORT_TO_CROWD
            and raw.count(b"{") + raw.count(b"[") <= DEEPEST
            and b"\\u0000" not in raw
        )

    def envelope(self, event: PlainEvent, raw: bytes) -> bytes:
        """The payload of the journal: the same bytes as `encode_envelope` gives."""
        return b"".join(
            (
                self._heads[event.type],
                _encoder.encode(event.message_id),
                b',"event":',
                raw,
                self._tail,
            )
        )

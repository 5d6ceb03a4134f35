"""Events without anything unusual, read and checked in one pass over their batch.

Nearly all events are so: known names of fields in their usual types, a time in UTC, an id. msgspec
checks the types of a whole batch in C, and few questions are left for Python. Whatever is not
plainly fine is not judged here but taken, event by event, through the checks that name a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Raw, Struct

from rapport.collect.cell_values import EARLIEST, LEEWAY
from rapport.collect.event_checks import (
    DEEPEST,
    LARGEST_EVENT,
    MOST_PROPERTIES,
    ORDER_EVENTS,
)
from rapport.collect.segment import LONGEST_MESSAGE_ID

#: Kinds that need nothing but somebody's id and, for "track", a name.
_PLAIN_TYPES = frozenset({"identify", "track", "page", "screen"})
#: The shortest object with too many properties is longer: each takes five bytes, as in `"":0,`.
_TOO_SHORT_TO_CROWD = 5 * MOST_PROPERTIES
_NOTHING = Raw(b"")
_NOBODY = (None, "")


class _Object(Struct, gc=False):
    """Any object, its content unread."""


class _Properties(Struct, gc=False):
    """Any object; of its content only whether there are figures to check."""

    revenue: Raw = _NOTHING
    currency: Raw = _NOTHING
    score: Raw = _NOTHING


_MessageId = Annotated[str, Meta(min_length=1, max_length=LONGEST_MESSAGE_ID)]


class PlainEvent(Struct, rename="camel", gc=False):
    """An event whose every known field has its usual type."""

    type: str
    message_id: _MessageId
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
_HEADS = {kind: b'{"type":"%b","id":"' % kind.encode() for kind in _PLAIN_TYPES}


_batch_decoder = msgspec.json.Decoder(list[PlainEvent])
#: Asked of all events of a batch by loops that are not Python's.
_type_of, _moment_of = attrgetter("type"), attrgetter("timestamp")
_zone_of = attrgetter("timestamp.tzinfo")
_visitor_of, _user_of = attrgetter("anonymous_id"), attrgetter("user_id")
_sent_at_of, _properties_of = attrgetter("sent_at"), attrgetter("properties")


class PlainBatch(Struct, frozen=True, gc=False):
    """The events of a batch; None for each that is not plain.

    ``whole`` is the JSON of all of them where each is plain by its types, else empty.
    """

    events: Sequence[PlainEvent | None]
    raws: Sequence[Raw]
    whole: bytes = b""


def plain_events(raws: Sequence[Raw]) -> PlainBatch:
    """Read the events of a batch.

    Parameters
    ----------
    raws : sequence of Raw
        Each event's JSON, known to be well-formed.
    """
    whole = b",".join(raws)
    try:
        # All in one call; one that is different costs the others no more than a call each.
        return PlainBatch(_batch_decoder.decode(b"[%b]" % whole), raws, whole)
    except (msgspec.DecodeError, RecursionError):
        return PlainBatch([_plain_event(raw) for raw in raws], raws)


def _none_deep(whole: bytes, longest: int) -> bool:
    """Whether no event of ``whole``, of ``longest`` bytes at most, can be nested too deep.

    One that is holds more `{` and `[` than levels are allowed, all within its length: where so many
    of them always stretch further than that, there is none.
    """
    characters = np.frombuffer(whole, np.uint8)
    found = characters == ord("{")
    if b"[" in whole:
        found |= characters == ord("[")
    openings = np.flatnonzero(found)
    levels = DEEPEST - 2  # the envelope adds one, and the first is counted too
    return bool((openings[levels:] - openings[:-levels] > longest).all())


def _not_crowded(whole: bytes) -> bool:
    return len(whole) <= LARGEST_EVENT and whole.count(b":") <= MOST_PROPERTIES


def _plain_event(raw: Raw) -> PlainEvent | None:
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
        tail = b"}"
        if stated_sent_at is not None:
            tail = b',"sentAt":' + _encoder.encode(stated_sent_at) + b"}"
        self._tail = tail

    def payloads(self, batch: PlainBatch) -> Sequence[bytes | None]:
        """What the journal keeps of each event; None where only a closer look can tell.

        Returns
        -------
        sequence of bytes or None
            The same bytes as `encode_envelope` gives.
        """
        return self._at_once(batch) or self._one_by_one(batch.events, batch.raws)

    def _at_once(self, batch: PlainBatch) -> Sequence[bytes] | None:
        """The payloads of a batch without figures, escapes or orders; None for any other.

        Each question is asked of all its events together, and none in a loop of Python: this is
        what a core of the collector does.
        """
        whole, raws = batch.whole, batch.raws
        # Nothing is escaped, so that an id stands as it is meant.
        if not whole or b"\\" in whole:
            return None
        events: Sequence[PlainEvent] = batch.events  # type: ignore[assignment]
        kinds = set(map(_type_of, events))
        if not kinds <= _PLAIN_TYPES or set(map(_zone_of, events)) != {UTC}:
            return None
        moments = list(map(_moment_of, events))
        if min(moments) < self.earliest or max(moments) > self.latest:
            return None
        if not (all(map(_visitor_of, events)) or all(map(_user_of, events))):
            return None
        if not self.says_sent_at and set(map(_sent_at_of, events)) != {None}:
            return None
        names = [event.event for event in events if event.type == "track"]
        if not (all(names) and ORDER_EVENTS.isdisjoint(names)):
            return None
        if any(p and (p.revenue or p.currency or p.score) for p in map(_properties_of, events)):
            return None
        heads, tail, join = _HEADS, self._tail, b"".join
        payloads = [
            join((heads[event.type], event.message_id.encode(), b'","event":', raw, tail))
            for event, raw in zip(events, raws, strict=True)
        ]
        longest = max(map(len, payloads))
        plain = longest <= _TOO_SHORT_TO_CROWD and _none_deep(whole, longest)
        return payloads if plain else None

    def _one_by_one(
        self, events: Sequence[PlainEvent | None], raws: Sequence[Raw]
    ) -> list[bytes | None]:
        """The same for batches of every kind, in one loop without a call per event."""
        earliest, latest, says_sent_at = self.earliest, self.latest, self.says_sent_at
        heads, tail, encode, join = _HEADS, self._tail, _encoder.encode, b"".join
        payloads: list[bytes | None] = []
        for event, raw in zip(events, raws, strict=True):
            payload = None
            if event is not None:
                kind, at, figures = event.type, event.timestamp, event.properties
                if (
                    kind in _PLAIN_TYPES
                    and at.tzinfo is UTC
                    and earliest <= at <= latest
                    and (event.anonymous_id not in _NOBODY or event.user_id not in _NOBODY)
                    and (kind != "track" or (event.event and event.event not in ORDER_EVENTS))
                    and (
                        figures is None
                        or not (figures.revenue or figures.currency or figures.score)
                    )
                    and (says_sent_at or event.sent_at is None)
                ):
                    # Looked through as it will be kept, which spares a copy of the event: what the
                    # envelope adds can only call for a closer look without need.
                    named = encode(event.message_id)[1:-1]
                    whole = join((heads[kind], named, b'","event":', raw, tail))
                    if (
                        (len(whole) <= _TOO_SHORT_TO_CROWD or _not_crowded(whole))
                        and whole.count(b"{") + (whole.count(b"[") if b"[" in whole else 0)
                        <= DEEPEST
                        and (b"\\" not in whole or b"\\u0000" not in whole)
                    ):
                        payload = whole
            payloads.append(payload)
        return payloads

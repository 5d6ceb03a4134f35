"""The quick way through intake keeps exactly what the thorough way keeps."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.intake import Delivery, decode, take_event, validate
from rapport.collect.segment import sent_time
from rapport.collect.sources import Source
from rapport.engines.ledger import JournalEntry

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOP = Source(source_id=7, name="shop", label="", kind="collector", created_at=NOON)

_texts = st.sampled_from(["", "u1", 'quote"', "back\\slash", "Ágnes \U0001f600", "x" * 300, "\x00"])
_odd = st.sampled_from([None, 0, 7, 1.5, True, [], {}, "text"])
_times = st.sampled_from([
    "2026-03-01T11:00:00Z", "2026-03-01T11:00:00.123+00:00", "2026-03-01T11:00:00+02:00",
    "2026-03-01T11:00:00", "1980-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "nonsense", "",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 1_772_362_800,
])  # fmt: skip
_parts = st.one_of(
    _odd,
    st.dictionaries(
        st.sampled_from(["revenue", "currency", "score", "page", "total", "nested"]),
        st.one_of(_odd, st.sampled_from(["EUR", "XXX", "-1", {"revenue": 1}, {"a": [{}] * 70}])),
        max_size=3,
    ),
    st.just({f"p{n}": n for n in range(300)}),
    st.just({"title": "Tent " * 400}),  # long, and not crowded
)
_events = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["track", "page", "identify", "alias", "group", "TRACK", "x", 3]),
        "event": st.one_of(_odd, st.sampled_from(["Product Viewed", "Order Completed"])),
        "messageId": st.one_of(_odd, _texts), "userId": st.one_of(_odd, _texts),
        "anonymousId": st.one_of(_odd, _texts), "previousId": st.one_of(_odd, _texts),
        "groupId": _odd, "timestamp": st.one_of(_odd, _times), "originalTimestamp": _times,
        "sentAt": st.one_of(_odd, _times), "properties": _parts, "traits": _parts,
        "context": _parts, "integrations": _odd,
    },
)  # fmt: skip


def _plain(number: int) -> dict[str, Any]:
    return {
        "type": "track", "event": "Product Viewed", "messageId": f"m{number}", "userId": "u1",
        "timestamp": "2026-03-01T11:00:00Z", "properties": {"price": 1}, "context": {"page": {}},
    }  # fmt: skip


def _delivery(body: dict[str, Any]) -> Delivery:
    given = Delivery(
        endpoint="batch", body=msgspec.json.encode(body), received_at=NOON, source=SHOP
    )
    return decode(given)


def _taken_one_by_one(delivery: Delivery) -> tuple[list[JournalEntry], list[str]]:
    kept: list[JournalEntry] = []
    reasons: list[str] = []
    twins: Counter[bytes] = Counter()
    for event in delivery.events:
        taken = take_event(bytes(event), delivery, sent_time(delivery.said.sent_at), twins)
        if isinstance(taken, JournalEntry):
            kept.append(taken)
        else:
            reasons.append(taken.reason)
    return kept, reasons


@settings(max_examples=400, deadline=None)
@given(
    events=st.lists(st.one_of(_events, st.integers(0, 3).map(_plain)), max_size=5),
    sent_at=st.one_of(st.none(), _times),
    context=st.sampled_from([None, {"locale": "nl-BE"}]),
)
def test_a_batch_is_kept_and_refused_as_each_event_would_be(
    events: list[dict[str, Any]], sent_at: Any, context: Any
) -> None:
    delivery = _delivery({"batch": events, "sentAt": sent_at, "context": context})
    done = validate(delivery)
    kept, reasons = _taken_one_by_one(delivery)
    assert list(done.entries) == kept
    assert [record.reason for record in done.refused] == reasons


def _nested(levels: int, openings: str) -> Any:
    value: Any = 1
    for n in range(levels):
        value = [value] if openings[n % len(openings)] == "[" else {"a": value}
    return {"a": value}


@settings(max_examples=200, deadline=None)
@given(
    changes=st.lists(
        st.one_of(
            st.builds(dict, context=st.builds(_nested, st.integers(55, 70), st.sampled_from("[{"))),
            st.builds(dict, properties=st.sampled_from([{"revenue": "5"}, {"a": [1]}, None])),
            st.builds(dict, messageId=st.sampled_from(["é", "x" * 255, 'a"b', "m0", "a/b"])),
            st.builds(dict, event=st.sampled_from(["Order Completed", "Ö", ""])),
            st.builds(dict, type=st.sampled_from(["page", "identify", "alias"])),
            st.builds(dict, userId=st.sampled_from([0, "", None]), anonymousId=st.just("a1")),
            st.builds(dict, context=st.just({f"p{n}": n for n in range(260)})),
        ),
        max_size=1,
    ),
    count=st.integers(1, 3),
)
def test_one_event_out_of_the_ordinary_changes_nothing_for_the_others(
    changes: list[dict[str, Any]], count: int
) -> None:
    events = [_plain(n) for n in range(count)]
    for change in changes:
        events[-1].update(change)
    delivery = _delivery({"batch": events})
    kept, reasons = _taken_one_by_one(delivery)
    done = validate(delivery)
    assert list(done.entries) == kept
    assert [record.reason for record in done.refused] == reasons


def test_plain_events_with_any_client_clock_are_kept_in_the_same_bytes() -> None:
    for sent_at in (None, "2026-03-01T11:59:00Z", "1999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"):
        delivery = _delivery({"batch": [_plain(n) for n in range(4)], "sentAt": sent_at})
        kept, reasons = _taken_one_by_one(delivery)
        done = validate(delivery)
        assert list(done.entries) == kept
        assert [record.reason for record in done.refused] == reasons

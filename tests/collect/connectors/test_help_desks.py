"""Zendesk, Freshdesk and Intercom: tickets with what was said, resolved and thought of it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.guess import guess_mapping
from rapport.collect.json_records import Found, json_objects
from rapport.collect.tables import BadRow
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Touchpoint
from tests.collect.connectors.conversations_read import (
    mapping_for,
    read_bytes,
    read_corrected,
    survives,
)
from tests.collect.connectors.whole_way import SAMPLES, read, sample, spoilt, whole_way

FILES = {
    "zendesk": "zendesk_tickets.json",
    "freshdesk": "freshdesk_tickets.json",
    "intercom": "intercom_conversations.json",
}


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def told(good: list[Touchpoint]) -> list[tuple[str, str, datetime, str | None]]:
    return [(t.touchpoint_id, t.type, t.occurred_at, t.text) for t in good]


def test_a_zendesk_ticket_is_told_from_its_opening_to_the_rating() -> None:
    good, bad = read(SAMPLES / FILES["zendesk"], mapping_for("zendesk"))
    assert told(good) == [
        (
            "zendesk:101",
            "Ticket Opened",
            utc(2, 8),
            "Lekkende tent\nDag,\n\nDe tent lekt bij de rits.",
        ),
        ("zendesk:101:12", "Ticket Updated", utc(2, 9, 30), None),
        ("zendesk:101:15", "Message Received", utc(3, 7), "In bijlage."),
        ("zendesk:101:resolved", "Ticket Resolved", utc(4, 8), None),
        ("zendesk:101:rating:55", "Survey Answered", utc(5, 9), "Te traag"),
        ("zendesk:102", "Ticket Opened", utc(3, 9, 30), "Számla\nKérem a számlát."),
    ]
    opened, answered, _, resolved, rated, hungarian = good
    assert opened.identifiers == (
        Identifier(kind="customer_number", value="C-17", namespace="silo"),
        Identifier(kind="user_id", value="7001", namespace="silo"),
        Identifier(kind="email", value="jan@example.be"),
        Identifier(kind="phone", value="+32470123456"),
    )
    assert (opened.traits, opened.language, opened.channel) == (
        {"name": "Jan Peeters"},
        "nl",
        "email",
    )
    assert answered.properties == {
        "ticket_id": "101",
        "change": "answered",
        "agent": "Sofie",
        "sent_text": "Stuur ons een foto.",
    }
    assert resolved.properties["hours_open"] == 48.0
    assert resolved.properties["first_response_minutes"] == 90.0
    assert resolved.properties["tags"] == ["tent", "garantie"]
    assert (rated.question, rated.score, rated.scale_min, rated.scale_max) == ("csat", 0, 0, 1)
    assert (hungarian.channel, hungarian.language) == ("chat", "hu")
    assert [(r.reason, r.locator) for r in bad] == [("invalid_timestamp", "zendesk_tickets.json:3")]


def test_a_corrected_zendesk_ticket_keeps_its_requester() -> None:
    _, bad = read(SAMPLES / FILES["zendesk"], mapping_for("zendesk"))
    (touch,), still = read_corrected(
        bad[0],
        mapping_for("zendesk"),
        lambda raw: raw.replace(b"gisteren", b"2026-11-05T08:00:00Z"),
    )
    assert still == []
    assert Identifier(kind="email", value="jan@example.be") in touch.identifiers


def test_zendesks_own_export_has_a_ticket_a_line(tmp_path: Path) -> None:
    whole = json.loads(sample(FILES["zendesk"]))
    tickets = whole["tickets"][:2]
    tickets[0]["requester"] = whole["users"][0]
    shared = {"author_id": 7001, "public": True}
    tickets[0]["comments"] = [
        {**shared, "id": 1, "body": "x", "created_at": "2026-11-02T08:00:00Z"},
        {**shared, "id": 2, "body": "Nog iets", "created_at": "2026-11-02T09:00:00Z"},
    ]
    lines = b"\n".join(json.dumps(t, ensure_ascii=False).encode() for t in tickets)
    path = tmp_path / "tickets.json"
    path.write_bytes(lines + b'\n{"id": 3, "broken\n')
    assert guess_mapping(path).mapping.kind == "zendesk"
    good, bad = read(path, mapping_for("zendesk"))
    assert [t.touchpoint_id for t in good] == [
        *("zendesk:101", "zendesk:101:2", "zendesk:101:resolved", "zendesk:101:rating:55"),
        "zendesk:102",
    ]
    assert good[1].text == "Nog iets"
    assert good[2].occurred_at == utc(4, 10)  # no metrics: when it was last changed
    assert [(r.reason, r.locator) for r in bad] == [("malformed_json", "tickets.json:3")]


def test_freshdesk_tickets_of_the_export_and_the_api_are_read() -> None:
    good, bad = read(SAMPLES / FILES["freshdesk"], mapping_for("freshdesk"))
    assert told(good) == [
        ("freshdesk:9", "Ticket Opened", utc(2, 8), "Colis perdu\nOù est mon colis ?"),
        ("freshdesk:9:1", "Ticket Updated", utc(2, 9), None),
        ("freshdesk:9:resolved", "Ticket Resolved", utc(2, 14), None),
        ("freshdesk:10", "Ticket Opened", utc(4, 8), "Méret csere\nCserélném M-re."),
        ("freshdesk:10:21", "Ticket Updated", utc(4, 9), None),
        ("freshdesk:10:22", "Message Received", utc(4, 12), "Feladtam."),
        ("freshdesk:10:resolved", "Ticket Resolved", utc(5, 8), None),
        ("freshdesk:10:rating:77", "Survey Answered", utc(5, 9), "Gyors volt"),
    ]
    assert (good[0].channel, good[0].language) == ("phone", "fr")
    assert good[2].properties["hours_open"] == 6.0
    assert good[2].properties["first_response_minutes"] == 60.0
    assert (good[-1].score, good[-1].scale_min, good[-1].scale_max) == (7, 1, 7)
    assert good[3].properties["status"] == "closed"
    assert [r.reason for r in bad] == ["score_out_of_range"]
    again, still = read_corrected(
        bad[0], mapping_for("freshdesk"), lambda raw: raw.replace(b" 42", b" -103")
    )
    assert (len(again), still, again[-1].score) == (2, [], 1)


def test_intercom_conversations_are_read_with_their_parts_and_ratings() -> None:
    good, bad = read(SAMPLES / FILES["intercom"], mapping_for("intercom"))
    assert told(good) == [
        ("intercom:501", "Ticket Opened", utc(3, 8), "Voucher\nMy voucher is refused."),
        ("intercom:501:p1", "Ticket Updated", utc(3, 8, 10), None),
        ("intercom:501:p3", "Message Received", utc(3, 8, 20), "Works, thanks!"),
        ("intercom:501:resolved", "Ticket Resolved", utc(3, 10), None),
        ("intercom:501:rating:1793703600", "Survey Answered", utc(3, 11), "Lovely"),
    ]
    assert good[0].identifiers == (
        Identifier(kind="customer_number", value="C-99", namespace="silo"),
        Identifier(kind="user_id", value="u-9", namespace="silo"),
        Identifier(kind="email", value="emma@example.co.uk"),
    )
    assert good[0].traits == {"name": "Emma Jones"}
    assert good[3].properties["first_response_minutes"] == 10.0
    assert good[4].score == 5
    assert [r.reason for r in bad] == ["missing_field"]


@pytest.mark.parametrize(
    ("kind", "accepted", "refused", "profiles"),
    [("zendesk", 6, 1, 2), ("freshdesk", 8, 1, 2), ("intercom", 5, 1, 1)],
)
def test_exports_are_recognised_and_go_the_whole_way(
    tmp_path: Path, kind: str, accepted: int, refused: int, profiles: int
) -> None:
    way = whole_way(tmp_path, FILES[kind])
    assert way.imported.kind == kind
    assert (way.imported.accepted, way.imported.refused, way.profiles) == (
        accepted,
        refused,
        profiles,
    )


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_such_export_is_refused_as_a_whole(tmp_path: Path, kind: str) -> None:
    for content in (b"", b"id,subject\n1,x\n", b"\xff\xfe{\x00}\x00", b"<html>"):
        with pytest.raises(InvalidMapping):
            read_bytes(tmp_path, content, mapping_for(kind), "t.json")


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (b'[{"id":1,"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}]", "malformed_json"),
        (b'[{"id":1,"x":' + b'{"a":' * 100_000, "malformed_json"),
        (b'[{"id":1,"subject":"a\\u0000b"}]', "contains_nul"),
        (b'[{"id":1,"subject":"\xff"}]', "invalid_encoding"),
        (b'[{"id":1,"subject":"' + b"x" * 17_000_000 + b'"}]', "too_large"),
        (b'[{"id":1,"subject":"\\ud800"}]', "malformed_json"),
        (b'[{"id":[1],"created_at":{}}]', "missing_field"),
        (b'[{"id":1,"created_at":"2026-11-02', "malformed_json"),
        (b'[{"id":1,"created_at":99999999999999999999}]', "invalid_timestamp"),
    ],
)
def test_hostile_records_are_refused_alone(
    tmp_path: Path, kind: str, hostile: bytes, reason: str
) -> None:
    good, bad = read_bytes(tmp_path, hostile, mapping_for(kind), "t.json")
    assert (good, [r.reason for r in bad]) == ([], [reason])


@pytest.mark.parametrize("kind", FILES)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_damaged_exports_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    content = data.draw(spoilt(sample(FILES[kind])))
    survives(tmp_path_factory.getbasetemp(), content, mapping_for(kind), "t.json")


NAMES = st.sampled_from(
    ["id", "tickets", "requester", "comments", "via", 'a"b', "created_at", "é["]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize("kind", FILES)
@given(value=JSON)
@settings(max_examples=50, deadline=None)
def test_any_json_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, value: Any
) -> None:
    content = json.dumps([{"id": 1, "created_at": "2026-11-02", "x": value}, value]).encode()
    survives(tmp_path_factory.getbasetemp(), content, mapping_for(kind), "t.json")


@given(
    records=st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=3), max_size=5),
    indent=st.sampled_from([None, 1]),
    shape=st.sampled_from(["list", "named", "lines", "many"]),
)
@settings(max_examples=100, deadline=None)
def test_objects_are_found_as_a_json_library_finds_them(
    records: list[dict[str, Any]], indent: int | None, shape: str
) -> None:
    records = [{k: v for k, v in r.items() if k not in ("tickets", "users")} for r in records]
    text = {
        "list": lambda: json.dumps(records, indent=indent),
        "named": lambda: json.dumps(
            {"next": [1, {"a": "]"}], "tickets": records, "users": [{"id": 1}]}, indent=indent
        ),
        "lines": lambda: "\n".join(map(json.dumps, records)) + "\n",
        "many": lambda: "".join(json.dumps(r, indent=1) for r in records),
    }[shape]()
    if not text.strip():
        return
    found = list(json_objects(io.BytesIO(text.encode()), "f", ("tickets", "users"))())
    assert not any(isinstance(one, BadRow) and b"\\u0000" not in one.raw for one in found)
    values = [one.value for one in found if isinstance(one, Found) and one.under != "users"]
    assert values == [r for r in records if "\\u0000" not in json.dumps(r)]

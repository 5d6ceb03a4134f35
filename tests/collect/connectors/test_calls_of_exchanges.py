"""Call records of telephone exchanges and vCons: who called whom, who answered, what was said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.guess import guess_mapping
from rapport.collect.mapping import mapping_from
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from tests.collect.connectors.conversations_read import (
    mapping_for,
    read_bytes,
    read_corrected,
    survives,
)
from tests.collect.connectors.whole_way import SAMPLES, read, sample, spoilt, whole_way

CDR = mapping_for("asterisk_cdr", zone="Europe/Brussels")
VCON = mapping_for("vcon", own_numbers="+32 2 123 45 67")


def utc(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


def phone(number: str) -> Identifier:
    return Identifier(kind="phone", value=number)


def test_legs_of_one_call_are_one_touchpoint_with_its_direction_and_outcome() -> None:
    good, bad = read(SAMPLES / "Master.csv", CDR)
    queued, lost, outbound, voicemail = good
    assert (queued.type, queued.channel, queued.record) == (
        "Call Ended",
        "phone",
        phone("+32470123456"),
    )
    assert queued.occurred_at == utc(3, 9, 5, 40)
    assert queued.traits == {"name": "Jan Peeters"}
    assert queued.properties == {
        "direction": "inbound",
        "answered": True,
        "outcome": "answered",
        "duration_seconds": 340,
        "talk_seconds": 300.0,
        "wait_seconds": 40.0,
        "agent": "201",
        "queue": "support",
    }
    assert (lost.record, lost.properties["answered"], lost.properties["outcome"]) == (
        None,
        False,
        "no_answer",
    )
    assert (outbound.record, outbound.properties["direction"], outbound.properties["agent"]) == (
        phone("0036301234567"),
        "outbound",
        "201",
    )
    assert (voicemail.channel, voicemail.properties["answered"]) == ("voicemail", False)
    assert [touch.type for touch in good] == [
        *("Call Ended", "Call Missed", "Call Made", "Call Missed")
    ]
    assert [(r.reason, r.locator) for r in bad] == [("missing_identity", "Master.csv:5")]


def test_custom_records_and_headers_are_told_by_where_their_columns_stand(tmp_path: Path) -> None:
    custom = (
        b'"""Jan"" <0470123456>","0470123456","200","from-trunk","PJSIP/t-1","PJSIP/201-2","Dial",'
        b'"x","2026-11-03 10:00:00","2026-11-03 10:00:05","2026-11-03 10:01:00","60","55",'
        b'"ANSWERED","DOCUMENTATION","","1793.1","","7"\n'
    )
    (touch,), bad = read_bytes(tmp_path, custom, CDR, "c.csv")
    assert (bad, touch.touchpoint_id, touch.record) == (
        [], "asterisk_cdr:1793.1", phone("0470123456")
    )  # fmt: skip
    switch = (
        b'"Emma","+447700900123","200","public","2026-11-03 10:00:00","2026-11-03 10:00:05",'
        b'"2026-11-03 10:01:00","60","55","NORMAL_CLEARING","u-1","","","PCMA","PCMA"\n'
    )
    (touch,), bad = read_bytes(tmp_path, switch, CDR, "s.csv")
    assert (bad, touch.record, touch.properties["outcome"]) == (
        [], phone("+447700900123"), "answered"
    )  # fmt: skip
    freepbx = (
        b"calldate,clid,src,dst,disposition,duration,billsec,uniqueid,recordingfile,did\n"
        b"2026-11-03 10:00:00,x,0470123456,200,BUSY,12,0,9.1,in-9.wav,021234567\n"
        b"gisteren,x,0470123456,200,BUSY,12,0,9.2,,\n"
    )
    (touch,), bad = read_bytes(tmp_path, freepbx, CDR, "f.csv")
    assert (touch.occurred_at, touch.media, touch.properties["line"]) == (
        utc(3, 9, 0, 12), "in-9.wav", "021234567"
    )  # fmt: skip
    assert [(r.reason, r.locator) for r in bad] == [("invalid_timestamp", "f.csv:3")]
    (again,), still = read_corrected(
        bad[0], CDR, lambda raw: raw.replace(b"gisteren", b"2026-11-03 11:00:00")
    )
    assert (still, again.touchpoint_id) == ([], "asterisk_cdr:9.2")


def test_refused_legs_of_one_call_with_a_header_are_read_again_together(tmp_path: Path) -> None:
    content = (
        b"calldate,src,dst,disposition,duration,billsec,uniqueid\n"
        b"2026-11-03 10:00:00,0470123456,201,NO ANSWER,12,0,9.1\n"
        b"eergisteren,0470123456,202,ANSWERED,30,20,9.1\n"
    )
    good, bad = read_bytes(tmp_path, content, CDR, "f.csv")
    assert (good, [r.reason for r in bad]) == ([], ["invalid_timestamp"])
    (again,), still = read_corrected(
        bad[0], CDR, lambda raw: raw.replace(b"eergisteren", b"2026-11-03 10:00:12")
    )
    assert (still, again.properties["answered"], again.properties["agent"]) == ([], True, "202")
    assert again.occurred_at == utc(3, 9, 0, 42)


def test_freeswitchs_records_in_json_and_xml_are_read() -> None:
    (call,), bad = read(SAMPLES / "freeswitch_cdr.json", CDR)
    assert (bad, call.record, call.occurred_at) == ([], phone("+36301234567"), utc(3, 9, 1, 10))
    assert call.traits == {"name": "Kovács Anna"}
    assert call.properties["queue"] == "support"
    assert call.properties["talk_seconds"] == 60
    (missed,), bad = read(SAMPLES / "freeswitch_cdr.xml", CDR)
    assert (bad, missed.record, missed.occurred_at) == (
        [], phone("+447700900123"), utc(3, 9, 0, 20)
    )  # fmt: skip
    assert (missed.properties["answered"], missed.properties["outcome"]) == (False, "no_answer")


def test_extensions_and_own_numbers_say_which_side_is_the_company(tmp_path: Path) -> None:
    line = (
        b"calldate,src,dst,disposition,duration,billsec,uniqueid\n"
        b"2026-11-03 10:00:00,%s,%s,ANSWERED,9,8,1\n"
    )
    long = mapping_for("asterisk_cdr", extensions="7XXXXX, 80.", own_numbers="02 123 45 67")
    for source, target, direction in (
        (b"712345", b"0470123456", "outbound"),
        (b"0470123456", b"801", "inbound"),
        (b"021234567", b"0470123456", "outbound"),
        (b"12345", b"712345", "inbound"),
    ):
        (touch,), _ = read_bytes(tmp_path, line % (source, target), long, "f.csv")
        assert touch.properties["direction"] == direction
    with pytest.raises(InvalidMapping, match="extensions"):
        mapping_from(
            {"source": "s", "kind": "asterisk_cdr", "constants": {"extensions": "drie"}}, "m"
        )


def test_exchanges_records_are_recognised_and_go_the_whole_way(tmp_path: Path) -> None:
    for name in ("freeswitch_cdr.json", "freeswitch_cdr.xml"):
        assert guess_mapping(SAMPLES / name).mapping.kind == "asterisk_cdr"
    way = whole_way(tmp_path, "Master.csv")
    assert (way.imported.kind, way.imported.accepted, way.imported.refused) == (
        "asterisk_cdr",
        4,
        1,
    )


def test_vcons_of_calls_and_chats_are_told_by_their_parties() -> None:
    good, bad = read(SAMPLES / "conversations.vcon", VCON)
    call, chat, missed, signed = good
    assert (call.type, call.channel, call.record, call.language) == (
        "Call Ended", "phone", phone("+32470123456"), "nl"
    )  # fmt: skip
    assert call.occurred_at == utc(3, 9, 5)
    assert call.text == "Mijn tent is gescheurd.\nKan hij hersteld worden?"
    assert call.media == "https://recordings.satrap.example/1.wav"
    assert call.properties["agents"] == ["Sofie"]
    assert call.properties["summary"] == "Klant vraagt herstelling."
    assert (call.properties["direction"], call.properties["duration_seconds"]) == ("inbound", 300.0)
    assert (chat.type, chat.text, chat.record) == (
        "Chat Ended", "Hol a csomagom?", Identifier(kind="email", value="anna@example.hu")
    )  # fmt: skip
    assert missed.type == "Call Missed"
    assert chat.properties["first_response_minutes"] == 3.0
    assert (missed.record, missed.properties["answered"], missed.properties["outcome"]) == (
        phone("+33612345678"), False, "no_answer"
    )  # fmt: skip
    assert (signed.properties["signed"], signed.text) == (True, "Hol a csomagom?")
    assert [(r.reason, r.locator) for r in bad] == [("wrong_type", "conversations.vcon:5")]


def test_vcons_go_the_whole_way_and_need_one_known_side(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "conversations.vcon")
    assert (way.imported.kind, way.imported.accepted, way.imported.refused) == ("vcon", 3, 2)
    _, bad = read(SAMPLES / "conversations.vcon", mapping_for("vcon"))
    assert [r.reason for r in bad] == ["wrong_type", "missing_identity"]
    (touch,), still = read_corrected(bad[1], VCON)
    assert (still, touch.record) == ([], phone("+33612345678"))


def test_a_transcript_that_tells_no_speakers_apart_is_kept_as_the_calls_words(
    tmp_path: Path,
) -> None:
    vcon = json.loads(sample("conversations.vcon").split(b"\n")[0])
    vcon["analysis"] = [{"type": "transcript", "encoding": "none", "body": "Dag. Dag, zegt u het?"}]
    (touch,), _ = read_bytes(tmp_path, json.dumps(vcon).encode(), VCON, "c.json")
    assert touch.text == "Dag. Dag, zegt u het?"
    assert "turns_customer" not in touch.properties


SPOILT = ["Master.csv", "freeswitch_cdr.json", "freeswitch_cdr.xml", "conversations.vcon"]


@pytest.mark.parametrize("name", SPOILT)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_records_of_calls_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    content = data.draw(spoilt(sample(name)))
    mapping = VCON if name.endswith(".vcon") else CDR
    survives(tmp_path_factory.getbasetemp(), content, mapping, name)


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.xml", "a.vcon"])
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(lambda t: t.encode()))
@settings(max_examples=30, deadline=None)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    mapping = VCON if name.endswith(".vcon") else CDR
    survives(tmp_path_factory.getbasetemp(), content, mapping, name)

"""WhatsApp chats: one touchpoint a conversation, in whichever language the phone writes."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.guess import guess_mapping
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from tests.collect.connectors.conversations_read import (
    mapping_for,
    read_bytes,
    read_corrected,
    survives,
)
from tests.collect.connectors.whole_way import SAMPLES, read, spoilt, whole_way

HU = mapping_for("whatsapp", zone="Europe/Budapest", agent="Satrap ügyfélszolgálat")
NL = mapping_for("whatsapp", zone="Europe/Brussels", agent="Satrap")
ANNA = Identifier(kind="chat_name", value="Kovács Anna", namespace="silo")


def utc(month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


def test_a_chat_becomes_conversations_with_the_customers_words_and_how_fast_we_answered() -> None:
    good, bad = read(SAMPLES / "whatsapp_hu.txt", HU)
    first, ours = good
    assert (first.type, first.channel, first.record) == ("Chat Ended", "messaging", ANNA)
    assert first.occurred_at == utc(11, 4, 8)
    assert first.traits == {"name": "Kovács Anna"}
    assert first.text == "Jó napot! A sátor rúdja eltört.\nMit tegyek?\nKöszönöm szépen!"
    assert first.properties == {
        "turns_customer": 3,
        "turns_agent": 1,
        "started_by": "customer",
        "agents": ["Satrap ügyfélszolgálat"],
        "first_response_minutes": 30.0,
        "duration_minutes": 1137.0,
        "media_count": 1,
        "transcript": "customer: Jó napot! A sátor rúdja eltört.\nMit tegyek?\n"
        "agent: Küldünk újat, holnap megérkezik.\ncustomer: Köszönöm szépen!",
    }
    assert (ours.type, ours.text, ours.record) == ("Message Sent", None, None)
    assert ours.properties["sent_text"] == "Megérkezett a rúd?"
    assert [(r.reason, r.locator) for r in bad] == [("not_finished", "whatsapp_hu.txt:8")]


def test_a_conversation_that_went_on_is_refused_until_a_day_of_silence(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "whatsapp_hu.txt", mapping=HU)
    assert (way.imported.accepted, way.imported.refused, way.profiles) == (2, 1, 1)
    _, bad = read(SAMPLES / "whatsapp_hu.txt", HU)
    (touch,), still = read_corrected(bad[0], HU, lambda raw: raw.replace(b"11-15", b"11-14"))
    assert (still, touch.text, touch.record) == ([], "Sajnos ez is eltört", ANNA)


def test_marks_of_direction_media_and_deleted_messages_are_no_words() -> None:
    (touch,), bad = read(SAMPLES / "whatsapp_nl_ios.txt", NL)
    assert bad == []
    assert touch.record == Identifier(kind="phone", value="+32 470 12 34 56")
    assert touch.text == "De rits is stuk: kapot na één dag"
    assert touch.occurred_at == utc(10, 21, 12, 7)
    assert touch.properties["turns_customer"] == 3
    assert touch.properties["media_count"] == 1


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("[21/10/2026, 14:03:22] Anna: hi", utc(10, 21, 14, 3, 22)),
        ("21/10/2026, 14:03 - Anna: hi", utc(10, 21, 14, 3)),
        ("10/21/26, 2:03\u202fPM - Anna: hi", utc(10, 21, 14, 3)),
        ("10/21/26, 12:03 AM - Anna: hi", utc(10, 21, 0, 3)),
        ("21/10/2026, 2:03 p.m. - Anna: hi", utc(10, 21, 14, 3)),
        ("2026. 10. 21. 14:03 - Anna: hi", utc(10, 21, 14, 3)),
        ("[2026. 10. 21. 14:03:22] Anna: hi", utc(10, 21, 14, 3, 22)),
        ("2026. 10. 21. du. 2:03 - Anna: hi", utc(10, 21, 14, 3)),
        ("21.10.26, 14:03 - Anna: hi", utc(10, 21, 14, 3)),
        ("[21.10.26, 14:03:22] Anna: hi", utc(10, 21, 14, 3, 22)),
        ("21-10-2026 14:03 - Anna: hi", utc(10, 21, 14, 3)),
        ("21/10/2026 à 14:03 - Anna: hi", utc(10, 21, 14, 3)),
        ("03.04.26, 14:03 - Anna: hi", utc(4, 3, 14, 3)),
    ],
)
def test_each_locale_of_the_phone_is_read(tmp_path: Path, line: str, moment: datetime) -> None:
    mapping = mapping_for("whatsapp", agent="Satrap")
    (touch,), bad = read_bytes(tmp_path, line.encode(), mapping, "c.txt")
    assert (bad, touch.occurred_at, touch.text) == ([], moment, "hi")


def test_the_order_of_day_and_month_is_told_by_the_whole_file_or_asked(tmp_path: Path) -> None:
    mapping = mapping_for("whatsapp", agent="Satrap")
    forward = (
        b"03/04/2026, 14:03 - Anna: a\n04/04/2026, 10:00 - Anna: b\n01/05/2026, 9:00 - Anna: c"
    )
    good, _ = read_bytes(tmp_path, forward, mapping, "c.txt")
    assert [t.occurred_at.month for t in good] == [4, 5]
    unsure = b"03/04/2026, 14:03 - Anna: a"
    with pytest.raises(InvalidMapping, match="date_order"):
        read_bytes(tmp_path, unsure, mapping, "c.txt")
    american = mapping_for("whatsapp", agent="Satrap", date_order="mdy")
    (touch,), _ = read_bytes(tmp_path, unsure, american, "c.txt")
    assert touch.occurred_at == utc(3, 4, 14, 3)


def test_the_mapping_may_say_who_the_customer_is(tmp_path: Path) -> None:
    known = mapping_for("whatsapp", agent="Satrap", email="anna@example.hu")
    (touch,), _ = read_bytes(tmp_path, b"21/10/2026, 14:03 - Anna: hi", known, "c.txt")
    assert touch.record == Identifier(kind="email", value="anna@example.hu")
    assert "agent" not in touch.properties


def test_in_a_group_everybody_has_a_conversation(tmp_path: Path) -> None:
    chat = (
        b"21/10/2026, 14:03 - Anna: hi\n21/10/2026, 14:04 - Bob: ho\n21/10/2026, 14:05 - Satrap: x"
    )
    good, _ = read_bytes(tmp_path, chat, mapping_for("whatsapp", agent="Satrap"), "c.txt")
    assert [(t.text, t.properties["turns_agent"]) for t in good] == [("hi", 1), ("ho", 1)]


def packed(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("IMG-1.jpg", b"\xff\xd8")
        archive.writestr(name, content)
    return out.getvalue()


def test_a_packed_chat_is_read_without_its_media(tmp_path: Path) -> None:
    path = tmp_path / "WhatsApp Chat - Anna.zip"
    path.write_bytes(packed("_chat.txt", (SAMPLES / "whatsapp_nl_ios.txt").read_bytes()))
    assert guess_mapping(path).mapping.kind == "whatsapp"
    good, bad = read(path, NL)
    assert (len(good), bad) == (1, [])
    for damaged in (path.read_bytes()[:-30], packed("a.jpg", b"x"), b"PK\x03\x04 no archive"):
        with pytest.raises(InvalidMapping):
            read_bytes(tmp_path, damaged, NL, "a.zip")


def test_chats_are_recognised_and_ask_who_the_company_is() -> None:
    for name in ("whatsapp_hu.txt", "whatsapp_nl_ios.txt"):
        guess = guess_mapping(SAMPLES / name)
        assert guess.mapping.kind == "whatsapp"
        assert "`agent`" in guess.questions[0]


@given(content=spoilt((SAMPLES / "whatsapp_hu.txt").read_bytes()))
@settings(max_examples=40, deadline=None)
def test_damaged_chats_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    survives(tmp_path_factory.getbasetemp(), content, HU, "whatsapp.txt")


@given(content=spoilt(packed("_chat.txt", (SAMPLES / "whatsapp_nl_ios.txt").read_bytes())))
@settings(max_examples=40, deadline=None)
def test_damaged_archives_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    survives(tmp_path_factory.getbasetemp(), content, NL, "whatsapp.zip")


@given(rest=st.text(max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_text_after_a_stamp_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rest: str
) -> None:
    content = f"21/10/2026, 14:03 - {rest}".encode("utf-8", "replace")
    survives(tmp_path_factory.getbasetemp(), content, NL, "whatsapp.txt")


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lines_end_as_any_system_ends_them(tmp_path: Path, end: str) -> None:
    said = [f"{day}/11/2026, 14:0{n} - Anna: bericht {n} é" for day in (11, 13) for n in range(5)]
    said.insert(3, "second line of it")
    touchpoints, _ = read_bytes(tmp_path, end.join(said).encode(), NL, "chat.txt")
    assert len(touchpoints) == 2
    assert touchpoints[0].text is not None
    assert touchpoints[0].text.count("bericht") == 5
    assert "second line" in touchpoints[0].text


def test_a_long_chat_of_carriage_returns_is_cut_at_its_lines_alone(tmp_path: Path) -> None:
    days = [f"{13 + n // 1000}/11/2026, {n // 60 % 16:02}:{n % 60:02}" for n in range(2_000)]
    chat = "\r".join(f"{day} - Anna: {'é' * 80}" for day in days)
    touchpoints, refused = read_bytes(tmp_path, chat.encode(), NL, "chat.txt")
    assert refused == []
    assert sum(touch.properties["turns_customer"] for touch in touchpoints) == 2_000

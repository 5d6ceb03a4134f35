"""Address books of three versions: who is in them, however their lines are folded and encoded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from tests.collect.connectors.whole_way import (
    NOW,
    mapping_of,
    read,
    read_or_refused,
    replayed,
    sample,
    spoilt,
    whole_way,
)

BOOK = sample("address_book.vcf")
VCARD = mapping_of("vcard")


def card(*lines: str, version: str = "3.0") -> bytes:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]).encode()


def test_cards_of_every_version_are_people(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "address_book.vcf")
    assert way.imported.kind == "vcard"
    by_name = {touch.traits["name"]: touch for touch in way.touchpoints.values()}
    anna = by_name["Kovács Anna"]
    assert anna.identifiers == (
        Identifier(kind="crm_contact", value="urn:uuid:4f2a", namespace="silo"),
        Identifier(kind="email", value="anna@pelda.example"),  # the preferred one first
        Identifier(kind="email", value="anna.kovacs@munka.example"),
        Identifier(kind="phone", value="+36 20 555 0123"),  # and no fax
    )
    assert anna.occurred_at == datetime(2026, 10, 1, 8, 15, tzinfo=UTC)
    assert anna.traits == {
        "name": "Kovács Anna",
        "first_name": "Anna",
        "last_name": "Kovács",
        "birthday": "1985-04-12",
        "company": "Kádár Kft.",
        "street": "Fő utca 12, 2. em.",
        "postal_code": "1011",
        "city": "Budapest",
        "country": "HU",
    }
    # Folded lines are one: the space at the fold is none of the text.
    assert anna.properties == {"title": "vezető", "note": "Kedvenc: kék bögrék és hosszú séták"}
    anais = by_name["Anaïs Dubois"]
    assert anais.identifiers == (
        Identifier(kind="email", value="anais@exemple.example"),
        Identifier(kind="phone", value="+33-6-55-50-12-34"),
    )
    assert (anais.traits["language"], anais.traits["gender"]) == ("fr", "F")
    assert "birthday" not in anais.traits  # a day without its year
    assert anais.occurred_at == NOW
    lore = by_name["Lore Péeters van Leuven"]  # quoted-printable, in Latin letters
    assert lore.traits["last_name"] == "Péeters"
    assert lore.record == Identifier(kind="phone", value="0470 12 34 56")
    (refused,) = way.refused
    assert (refused.reason, b"Only a Name" in refused.payload) == ("missing_identity", True)
    assert replayed(refused, VCARD, {b"FN:": b"TEL:+3216555555\r\nFN:"}) == (1, [])


def test_a_card_that_changed_is_told_anew_and_one_that_did_not_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.vcf"
    first, _ = read(path, VCARD, card("UID:1", "FN:Anna", "EMAIL:a@x.example"))
    moved, _ = read(path, VCARD, card("EMAIL:a@x.example", "UID:1", "FN:Anna", "ADR:;;;Gent;;;"))
    same, _ = read(path, VCARD, b"\r\n\r\n" + card("FN:Anna", "UID:1", "EMAIL:a@x.example"))
    assert first[0].touchpoint_id == same[0].touchpoint_id != moved[0].touchpoint_id


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nTEL:+3612345678\r\n", "malformed_record"),
        (card("FN:Anna", "TEL:1").replace(b"Anna", b"An\xffna"), "invalid_encoding"),
        (card("FN;CHARSET=klingon:Anna", "TEL:1"), "invalid_encoding"),
        (card("FN:An\x00na", "TEL:1"), "contains_nul"),
        (card("FN:Anna", "TEL:1", "NOTE:" + "x" * 9_000_000), "too_large"),
    ],
    ids=["cut", "bytes", "charset", "nul", "large"],
)
def test_a_card_that_cannot_be_read_is_refused_and_the_next_is_read(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    good = card("FN:Béla", "TEL:+36205550199")
    last = card("FN:Cili", "TEL:+36205550188")
    touchpoints, refused = read(tmp_path / "a.vcf", VCARD, good + content + last)
    assert [record.reason for record in refused] == [reason]
    assert [touch.traits["name"] for touch in touchpoints] == ["Béla", "Cili"]


def test_cards_nested_without_end_are_cut_into_cards_that_are_refused(tmp_path: Path) -> None:
    nested = b"BEGIN:VCARD\r\nAGENT:\r\n" * 4_000
    touchpoints, refused = read(tmp_path / "a.vcf", VCARD, nested)
    assert touchpoints == []
    assert {record.reason for record in refused} == {"malformed_record"}


def test_old_line_ends_and_another_encoding_are_read(tmp_path: Path) -> None:
    old = card("FN:Zoë", "TEL:1").decode().replace("\r\n", "\r").encode("cp1252")
    mapping = mapping_of("vcard", file={"encoding": "cp1252"})
    ((touch,), _) = read(tmp_path / "a.vcf", mapping, old)
    assert touch.traits["name"] == "Zoë"


def test_a_card_within_a_card_is_a_part_of_it(tmp_path: Path) -> None:
    agent = card("FN:Secretary", "TEL:2", version="2.1").decode()
    ((touch,), refused) = read(
        tmp_path / "a.vcf", VCARD, card("FN:Boss", "TEL:1", "AGENT:", agent.strip())
    )
    assert (touch.traits["name"], refused) == ("Boss", [])


def test_a_file_without_cards_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping, match="BEGIN:VCARD"):
        read(tmp_path / "a.vcf", VCARD, b"name;phone\nAnna;1\n")


@settings(max_examples=50, deadline=None)
@given(content=spoilt(BOOK) | st.binary(max_size=200).map(lambda b: b"BEGIN:VCARD\n" + b))
def test_a_spoilt_address_book_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_or_refused(tmp_path_factory.mktemp("fuzz") / "a.vcf", VCARD, content)

"""Trustpilot, Google and pages with schema.org: stars, words, and what we answered."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from tests.collect.connectors.conversations_read import (
    mapping_for,
    read_bytes,
    read_corrected,
    survives,
)
from tests.collect.connectors.whole_way import SAMPLES, read, sample, spoilt, whole_way

FILES = {
    "google_reviews": "google_reviews.json",
    "trustpilot": "trustpilot.csv",
    "schema_org_reviews": "product_page.html",
}


def utc(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def test_google_reviews_have_their_stars_the_original_words_and_our_reply() -> None:
    good, bad = read(SAMPLES / FILES["google_reviews"], mapping_for("google_reviews"))
    posted, reply, stars = good
    assert (posted.type, posted.channel, posted.score, posted.text) == (
        "Review Posted", "review", 2, "Lassú kiszolgálás"
    )  # fmt: skip
    assert (posted.scale_min, posted.scale_max, posted.place, posted.record) == (1, 5, "77", None)
    assert (reply.type, reply.occurred_at, reply.text) == ("Message Sent", utc(4, 10), None)
    assert reply.properties["sent_text"] == "Elnézést kérünk!"
    assert reply.properties["hours_to_reply"] == 24.0
    assert (stars.score, stars.text, stars.properties["edited"]) == (5, None, True)
    assert "edited" not in posted.properties
    assert [r.reason for r in bad] == ["wrong_type"]
    (touch,), still = read_corrected(
        bad[0], mapping_for("google_reviews"), lambda raw: raw.replace(b"SIX", b"THREE")
    )
    assert (still, touch.score) == ([], 3)


def test_trustpilots_reviews_name_the_order_and_the_customer() -> None:
    good, bad = read(SAMPLES / FILES["trustpilot"], mapping_for("trustpilot"))
    posted, reply, dutch = good
    assert posted.identifiers == (
        Identifier(kind="user_id", value="u1", namespace="silo"),
        Identifier(kind="email", value="claire@example.fr"),
    )
    assert (posted.score, posted.order_id, posted.language) == (1, "WEB-1001", "fr")
    assert posted.text == "Jamais reçu\nCommande jamais arrivée,\naucune réponse."
    assert posted.traits == {"name": "Claire Martin"}
    assert (reply.touchpoint_id, reply.properties["hours_to_reply"]) == ("trustpilot:tp1:reply", 6)
    assert reply.record == posted.record
    assert (dutch.score, dutch.text) == (5, "Top\nSnel geleverd")
    assert [r.reason for r in bad] == ["score_out_of_range"]


def test_reviews_of_a_page_are_about_its_product_and_keep_their_scale() -> None:
    good, bad = read(SAMPLES / FILES["schema_org_reviews"], mapping_for("schema_org_reviews"))
    dutch, english = good
    assert dutch.touchpoint_id == "schema_org_reviews:https://satrap.example/r/1"
    assert (dutch.score, dutch.scale_max, dutch.language) == (4.5, 5, "nl")
    assert (dutch.text, dutch.occurred_at) == ("Goede tent\nBlijft droog & warm", utc(3))
    assert dutch.properties == {
        "sku": "T-1",
        "product": "Tent Ardennen",
        "aggregate_rating": "4.4",
        "aggregate_count": "89",
        "review_id": "https://satrap.example/r/1",
    }
    assert (english.score, english.scale_min, english.scale_max) == (2, 0, 10)
    assert [r.reason for r in bad] == ["malformed_json"]
    (again,), still = read_corrected(
        bad[0],
        mapping_for("schema_org_reviews"),
        lambda raw: raw.replace(b" oops", b'"datePublished":"2026-11-05","reviewBody":"Fijn"'),
    )
    assert (still, again.text) == ([], "Fijn")


@pytest.mark.parametrize(
    ("kind", "accepted", "refused"),
    [("google_reviews", 3, 1), ("trustpilot", 3, 1), ("schema_org_reviews", 2, 1)],
)
def test_reviews_are_recognised_and_go_the_whole_way(
    tmp_path: Path, kind: str, accepted: int, refused: int
) -> None:
    way = whole_way(tmp_path, FILES[kind])
    assert (way.imported.kind, way.imported.accepted, way.imported.refused) == (
        kind, accepted, refused
    )  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_such_file_is_refused_as_a_whole(tmp_path: Path, kind: str) -> None:
    for content in (b"", b"\x00\x01", b"a,b\n1,2\n", b"<p>no reviews</p>"):
        with pytest.raises(InvalidMapping):
            read_bytes(tmp_path, content, mapping_for(kind), "t.html")


@pytest.mark.parametrize(
    "hostile",
    [
        b"<html>" + b"<script " * 200_000,
        b"<script type='application/ld+json'>" + b"[" * 100_000 + b"</script>",
        b'{"@type":' * 50_000,
        b"[" + b'{"@type":"Review"},' * 50_000 + b"{}]",
    ],
)
def test_pages_made_to_be_slow_are_read_as_fast_as_others(tmp_path: Path, hostile: bytes) -> None:
    survives(tmp_path, hostile, mapping_for("schema_org_reviews"), "p.html")


@pytest.mark.parametrize("kind", FILES)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_damaged_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    content = data.draw(spoilt(sample(FILES[kind])))
    survives(tmp_path_factory.getbasetemp(), content, mapping_for(kind), FILES[kind])

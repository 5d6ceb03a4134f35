"""Mentions on social media: somebody said something, under a name that holds on one network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rapport.collect.guess import guess_mapping
from rapport.vocabulary.identifier import Identifier
from tests.collect.connectors.whole_way import mapping_of, read, replayed, whole_way

EXPORT = (
    "Network,Post ID,Date,Author,Text,URL,Sentiment,Reach,Language\n"
    "Twitter,1,2026-10-01 10:00,@Anna_K,Prachtige tent!,https://x.example/1,positive,1200,nl\n"
    'Instagram,2,2026-10-01 11:00,anna_k,"A sátor beázott, sajnos",,Negatív,,hu\n'
    "Facebook,3,2026-10-01 12:00,,Szép,,szuper,,\n"
    "Facebook,4,2026-10-01 12:00,x,,,,,\n"
)


def test_a_mention_is_its_authors_on_that_network(tmp_path: Path) -> None:
    way = whole_way(tmp_path, "social.csv", EXPORT.encode())
    assert way.imported.kind == "social_mentions"
    first, second, third = way.touchpoints.values()
    assert first.touchpoint_id == "mentions:x:1"
    assert (first.type, first.channel, first.language) == ("Social Mentioned", "social", "nl")
    assert first.occurred_at == datetime(2026, 10, 1, 10, tzinfo=UTC)
    assert first.text == "Prachtige tent!"
    assert first.record == Identifier(kind="social_handle", value="@Anna_K", namespace="x")
    assert first.properties == {
        "network": "x",
        "url": "https://x.example/1",
        "reach": 1200.0,
        "stated_sentiment": 1.0,
    }
    assert second.properties["stated_sentiment"] == -1.0
    assert second.record == Identifier(kind="social_handle", value="anna_k", namespace="instagram")
    assert (third.record, third.properties["stated_sentiment"]) == (None, "szuper")
    assert way.profiles == 2  # the same name on two networks may be two people
    (refused,) = way.refused
    assert refused.reason == "missing_field"
    mapping = guess_mapping(tmp_path / "social.csv").mapping
    assert replayed(refused, mapping, {b",x,,": b",x,Mooi,"}) == (1, [])


def test_without_a_number_the_post_itself_is_its_key(tmp_path: Path) -> None:
    mapping = mapping_of(
        "social_mentions",
        columns={"posted_at": "d", "text": "t", "author": "a"},
        constants={"network": "TikTok"},
    )
    text = b"d,t,a\n2026-10-01,Leuk,x\n2026-10-01,Leuk,y\n"
    first, _ = read(tmp_path / "a.csv", mapping, text)
    again, _ = read(tmp_path / "b.csv", mapping, text)
    assert len({touch.touchpoint_id for touch in first}) == 2
    assert first == again


@pytest.mark.parametrize(
    "header",
    [
        "Source Type,Published,Author Name,Content,Permalink",
        "Hálózat;Közzétéve;Szerző;Szöveg;Hangulat",
        "Réseau;Publié le;Auteur;Texte;Tonalité",
    ],
)
def test_exports_of_listening_tools_are_recognised(tmp_path: Path, header: str) -> None:
    mark = ";" if ";" in header else ","
    path = tmp_path / "x.csv"
    path.write_text(f"{header}\n{mark.join('abcde')}\n{mark.join('abcde')}\n")
    assert guess_mapping(path).mapping.kind == "social_mentions"

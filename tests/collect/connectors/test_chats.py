"""Chat transcripts in tables: messages of one conversation, wherever they stand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings

from rapport.collect.guess import guess_mapping
from rapport.vocabulary.identifier import Identifier
from tests.collect.connectors.conversations_read import read_corrected, survives
from tests.collect.connectors.whole_way import SAMPLES, read, spoilt, whole_way

SAMPLE = SAMPLES / "chat_transcripts.csv"


def test_messages_of_a_conversation_become_one_touchpoint(tmp_path: Path) -> None:
    guess = guess_mapping(SAMPLE)
    assert (guess.mapping.kind, guess.questions) == ("chats", ())
    good, bad = read(SAMPLE, guess.mapping)
    claire, alone = good
    assert claire.touchpoint_id == "chats:c-1"
    assert claire.record == Identifier(kind="email", value="claire@example.fr")
    assert claire.occurred_at == datetime(2026, 11, 3, 9, 6, tzinfo=UTC)
    assert claire.text == "Bonjour, ma tente fuit.\nOui, la voici."
    assert claire.properties["turns_bot"] == 1
    assert claire.properties["first_response_minutes"] == 5.0
    assert claire.properties["agents"] == ["Luc"]
    assert (alone.record, alone.properties["unanswered"]) == (None, True)
    assert [r.reason for r in bad] == ["wrong_type"]
    (touch,), still = read_corrected(
        bad[0], guess.mapping, lambda raw: raw.replace(b"alien", b"customer")
    )
    assert (still, touch.text) == ([], "Bip")
    way = whole_way(tmp_path, SAMPLE.name)
    assert (way.imported.accepted, way.imported.refused, way.profiles) == (2, 1, 1)


@given(content=spoilt(SAMPLE.read_bytes()))
@settings(max_examples=40, deadline=None)
def test_damaged_transcripts_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    mapping = guess_mapping(SAMPLE).mapping
    survives(tmp_path_factory.getbasetemp(), content, mapping, "chats.csv")

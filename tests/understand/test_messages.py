"""The messages that we wrote ourselves: as the guide says, varied, and without anybody's data."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
import pytest
from msgspec import Meta, Struct

FOLDER = Path(__file__).parents[2] / "data" / "messages"
LANGUAGES = sorted(file.stem for file in FOLDER.glob("*.jsonl"))

Level = Annotated[int, Meta(ge=0, le=2)]
Sector = Literal["shop", "telecom", "bank", "travel", "utility", "public"]
Channel = Literal["email", "chat", "call", "review", "survey", "social", "letter"]
Intent = Literal[
    "complaint", "question", "purchase_interest", "cancellation_threat", "praise", "request",
    "other",
]  # fmt: skip
Emotion = Literal[
    "anger", "disappointment", "worry", "joy", "gratitude", "surprise", "sadness", "none"
]
About = Literal[
    "delivery", "product", "price", "staff", "waiting", "website", "payment", "returns",
    "contract", "place", "information", "availability", "privacy",
]  # fmt: skip
Style = Literal[
    "polite", "angry", "ironic", "misspelt", "mixed_language", "dialect", "formal", "short", "long"
]


class Aspect(Struct, frozen=True, forbid_unknown_fields=True):
    """What about what, and the piece of the text that says it."""

    aspect: About
    polarity: Annotated[int, Meta(ge=-1, le=1)]
    words: Annotated[str, Meta(min_length=1)]


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a file."""

    id: str
    text: Annotated[str, Meta(min_length=1)]
    sector: Sector
    channel: Channel
    sentiment: Annotated[int, Meta(ge=-5, le=5)]
    mixed: bool
    intents: Annotated[tuple[Intent, ...], Meta(min_length=1)]
    effort: Level
    urgency: Level
    emotion: Emotion
    aspects: tuple[Aspect, ...]
    style: tuple[Style, ...]


def read(language: str) -> list[Message]:
    lines = (FOLDER / f"{language}.jsonl").read_text("utf-8").splitlines()
    return [msgspec.json.decode(line, type=Message) for line in lines]


@pytest.mark.parametrize("language", LANGUAGES)
def test_messages_are_labelled_as_the_guide_says(language: str) -> None:
    messages = read(language)
    assert len(messages) >= 400
    assert [each.id for each in messages] == [
        f"{language}-{number:04}" for number in range(1, len(messages) + 1)
    ]
    texts = [" ".join(each.text.casefold().split()) for each in messages]
    assert not [text for text, count in Counter(texts).items() if count > 1]
    for message in messages:
        assert len(set(message.intents)) == len(message.intents), message.id
        assert len(set(message.style)) == len(message.style), message.id
        for aspect in message.aspects:
            assert aspect.words in message.text, (message.id, aspect)
        if "short" in message.style:
            assert len(message.text.split()) <= 6, message.id
        if "long" in message.style:
            assert len(message.text.split()) >= 80, message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_occurs_often_enough_to_be_learnt(language: str) -> None:
    messages = read(language)
    for values, least in (
        (Counter(each.sector for each in messages), 50),
        (Counter(each.sentiment for each in messages), 10),
        (Counter(intent for each in messages for intent in each.intents), 20),
        (Counter(each.emotion for each in messages), 15),
        (Counter(part.aspect for each in messages for part in each.aspects), 18),
        (Counter(style for each in messages for style in each.style), 15),
    ):
        assert min(values.values()) >= least, values
    assert {each.sector for each in messages} == set(get_args(Sector))
    assert {each.sentiment for each in messages} == set(range(-5, 6))
    assert {part.aspect for each in messages for part in each.aspects} == set(get_args(About))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_messages_are_one_template_filled_in(language: str) -> None:
    starts = sorted(
        re.findall(r"\w+", each.text.casefold())[:5]
        for each in read(language)
        if len(each.text.split()) > 6
    )
    assert not [one for one, other in pairwise(starts) if one == other]

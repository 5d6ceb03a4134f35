"""Texts as customers write them: composed from whole sentences, with slips of the finger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rapport.demo.spelling import plain_letters, with_typo
from rapport.demo.words import words

TOPICS = (
    "delivery",
    "damage",
    "staff",
    "price",
    "product",
    "website",
    "returns",
    "assortment",
    "store",
)
_MOODS = {-1: "negative", 0: "neutral", 1: "positive"}


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """What a text is about: the truth, and what it may mention."""

    language: str
    topic: str
    polarity: int  # −1, 0, 1
    store: str = ""
    product: str = ""
    order_id: str = ""
    asks: bool = True  # False: an answer to our question, where nobody asks one back


def write_text(occasion: Occasion, u: Sequence[float]) -> str:
    """A text of one to four sentences.

    Parameters
    ----------
    occasion : Occasion
    u : sequence of 12 floats in [0, 1)
        Chance, drawn by the caller.
    """
    phrases, mood = words(f"texts_{occasion.language}")["phrases"], _MOODS[occasion.polarity]
    main = _one(_sentences(occasion, occasion.topic), u[0])
    ironic = occasion.polarity < 0 and occasion.topic in ("delivery", "damage") and u[1] < 0.08
    parts = [_one(phrases["ironic"], u[0]) if ironic else main]
    length = u[2]
    if length > 0.55:  # a second thought, of the same mood
        topic = _one(TOPICS, u[3]) if u[4] < 0.4 else occasion.topic
        parts.append(_one(_sentences(occasion, topic), u[5]))
    if length > 0.90:
        parts.append(_one(_sentences(occasion, _one(TOPICS, u[4])), u[3]))
    if length > 0.94 and occasion.polarity:  # one good word in a complaint, or the reverse
        other = words(f"texts_{occasion.language}")[_one(TOPICS, u[6])][_MOODS[-occasion.polarity]]
        turn = f"{_one(phrases['but'], u[7])} {_lower(_one(other, u[6]))}"
        parts[-1] = f"{parts[-1].rstrip('.! ')}, {turn}"
    parts = list(dict.fromkeys(parts))
    framed = length > 0.35 and (occasion.asks or occasion.polarity != 0)
    if framed and u[7] < 0.5:
        parts.insert(0, _one(phrases[f"opener_{mood}"], u[8]))
    if occasion.order_id and u[9] < 0.5:
        parts.append(_one(phrases["order"], u[9] * 2))
    elif occasion.product and u[9] > 0.85 and not ironic:
        parts.append(_one(phrases["item"], (u[9] - 0.85) / 0.15))
    if framed and u[6] < 0.5:
        parts.append(_one(phrases[f"closer_{mood}"], u[6] * 2))
    text = " ".join(p for p in parts if p)
    text = text.replace("{days}", str(4 + int(u[10] * 20)))
    text = text.replace("{store}", occasion.store or "Maison Kadár")
    text = text.replace("{product}", occasion.product).replace("{order}", occasion.order_id)
    return _as_typed(text, u[11])


def write_call(occasion: Occasion, u: Sequence[float]) -> str:
    """A note or scrap of transcript of a call, by the agent, in the customer's language."""
    frame = _one(words(f"texts_{occasion.language}")["phrases"]["call"], u[11])
    return frame.replace("{text}", write_text(occasion, [*u[:11], 0.0]))


def write_subject(occasion: Occasion, u: float) -> str:
    """The subject line of a ticket."""
    return _one(words(f"texts_{occasion.language}")["subjects"][occasion.topic], u)


def draw(rng: np.random.Generator, count: int) -> list[list[float]]:
    """Chance for ``count`` texts."""
    return rng.random((count, 12)).tolist()  # type: ignore[no-any-return]


def _sentences(occasion: Occasion, topic: str) -> list[str]:
    sentences: list[str] = words(f"texts_{occasion.language}")[topic][_MOODS[occasion.polarity]]
    return sentences if occasion.asks else [s for s in sentences if not s.endswith("?")]


def _one(options: Sequence[str], u: float) -> str:
    return options[int((u % 1.0) * len(options))]


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _as_typed(text: str, u: float) -> str:
    """As fingers type: most as meant, some in lower case, without accents or with a slip."""
    if u < 0.72:
        return text
    if u < 0.80:
        return text.lower()
    if u < 0.87:
        return plain_letters(text)
    if u < 0.95:
        return with_typo(text, (u * 91) % 1, (u * 53) % 1)
    if u < 0.97:
        return text.upper()
    return text.rstrip(".") + ("!!!" if u < 0.985 else "...")

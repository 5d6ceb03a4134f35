"""Typical texts of a group: those that hold most of the words that set it apart.

Chosen by words and not at random, and one of each customer, so that they show what many say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake
from rapport.understand.personas.words import Word, texts_query, weight_of
from rapport.understand.text.tokens import readable_part, tokenise

#: The newest texts of a group among which is chosen.
_LOOKED_AT = 3_000
#: Texts that are shown, and of one language.
MOST, _OF_ONE_LANGUAGE = 6, 3
#: Characters of a text that can be read at a glance.
_SHORTEST, _LONGEST = 20, 400


class Verbatim(Struct, frozen=True, kw_only=True):
    """What one customer wrote.

    Attributes
    ----------
    type : str
        Of the touchpoint: a survey's answer, a review, a ticket, an e-mail.
    words : tuple of str
        The distinctive words of the group in it.
    """

    profile_id: str
    occurred_at: datetime
    type: str
    language: str
    text: str
    words: tuple[str, ...]


def typical_texts(
    lake: Lake,
    now: datetime,
    members: Sequence[str],
    words: Sequence[Word],
    *,
    tables: Mapping[str, pa.Table] | None = None,
) -> tuple[Verbatim, ...]:
    """Texts of the year before ``now`` by members of a group, the most typical first.

    Each next one is of another customer and another wording, and words that were shown count half.
    """
    if not words:
        return ()
    group = pa.table({"profile_id": pa.array(members, pa.string())})
    query = texts_query(now, _LOOKED_AT, of_members=True)
    rows = lake.ask(query, tables={**(tables or {}), "members": group}).to_pylist()
    texts = [readable_part(row["text"])[0] for row in rows]
    tokens = tokenise(texts)
    weights = {(word.language, word.word): weight_of(word) for word in words}
    used: list[dict[str, float]] = [{} for _ in rows]
    wordings: list[list[int]] = [[] for _ in rows]
    for text, token in zip(tokens.texts.tolist(), tokens.ids.tolist(), strict=True):
        wordings[text].append(token)
        name = tokens.words[token]
        weight = weights.get((rows[text]["language"], name))
        if weight is not None:
            used[text][name] = weight
    candidates = [
        _Candidate(row=row, weights=found, wording=tuple(wording))
        for row, found, wording in zip(rows, used, wordings, strict=True)
        if found and _SHORTEST <= len(row["text"].strip()) <= _LONGEST
    ]
    return tuple(_chosen(candidates))


class _Candidate(Struct, frozen=True, kw_only=True):
    """A text, the weights of the distinctive words in it, and its tokens, without numbers."""

    row: dict[str, Any]
    weights: dict[str, float]
    wording: tuple[int, ...]


def _chosen(candidates: list[_Candidate]) -> list[Verbatim]:
    chosen: list[Verbatim] = []
    shown: dict[str, int] = {}

    def worth(each: _Candidate) -> float:
        fresh = sum(w / (1 << shown.get(word, 0)) for word, w in each.weights.items())
        # By the root of its length: a long text holds many words and is no more typical for it.
        return fresh / math.sqrt(len(each.wording))

    left = candidates
    while left and len(chosen) < MOST:
        best = max(left, key=worth)
        row = best.row
        words = sorted(best.weights, key=lambda word: (-best.weights[word], word))
        chosen.append(Verbatim(words=tuple(words), **{name: row[name] for name in _FROM_ROW}))
        for word in words:
            shown[word] = shown.get(word, 0) + 1
        full = sum(each.language == row["language"] for each in chosen) >= _OF_ONE_LANGUAGE
        left = [
            each
            for each in left
            if each.row["profile_id"] != row["profile_id"]
            and each.wording != best.wording
            and not (full and each.row["language"] == row["language"])
        ]
    return chosen


_FROM_ROW = ("profile_id", "occurred_at", "type", "language", "text")

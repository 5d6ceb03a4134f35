"""What groups of customers write about, word by word, beside everybody who writes that language.

Of each customer the newest text in a language is read: who writes often uses more words of every
kind, so that all texts together would say of loyal customers that they write "and". A word counts
once for each customer, however often it stands there: so its share has a lift and an interval as
every trait has.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy import sparse

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand import relations
from rapport.understand.personas.fact_queries import YEAR
from rapport.understand.personas.statements import FEWEST, LEVEL, WORTH, lift_of
from rapport.understand.significance import Side, benjamini_hochberg, proportions_differ
from rapport.understand.text.tokens import readable_part, tokenise
from rapport.vocabulary import touchpoint as kinds

Bools = NDArray[np.bool_]

#: What customers write themselves; calls and chats hold what an agent said, too.
WRITTEN = (kinds.SURVEY_ANSWERED, kinds.REVIEW_POSTED, kinds.TICKET_OPENED, kinds.EMAIL_RECEIVED)
#: The newest texts of the year that are read: about a minute of one core.
MOST_TEXTS = 300_000
#: Words that are told of a group, of all languages together.
MOST_WORDS = 24
_SHORTEST = 4
#: What so many of those who write a language use is grammar and no subject.
_GRAMMAR = 0.25


class Word(Struct, frozen=True, kw_only=True):
    """A word that a group uses more than everybody does, in one language.

    Attributes
    ----------
    customers, known : int
        Of the group: who used it, of those who wrote something in the language.
    share, everybody : float, 0 … 1
        Of those who wrote in the language, who used it.
    lift, low, high : float
        Share over everybody's share, with its 95 % interval.
    p_adjusted : float
        By Benjamini and Hochberg over all words that were looked at together.
    """

    language: str
    word: str
    customers: int
    known: int
    share: float
    everybody: float
    lift: float
    low: float
    high: float
    p_adjusted: float


def texts_query(now: datetime, most: int, *, of_members: bool = False) -> Query:
    """The newest texts of the year by customers whom we know; of a table ``members``, or of all."""
    only = "JOIN members AS g ON g.profile_id = m.profile_id " if of_members else ""
    written = {f"written_{place}": kind for place, kind in enumerate(WRITTEN)}
    steps = (
        *relations.corrections(as_known_then=False),
        Step(
            "written",
            relations.current(
                ("atom_id", "position", "occurred_at", "type", "language", "text"),
                f"t.type IN ({', '.join(f'${name}' for name in written)}) "
                "AND t.text IS NOT NULL AND t.language IS NOT NULL AND t.language <> 'other' "
                "AND t.atom_id IS NOT NULL AND t.occurred_at >= $since AND t.occurred_at < $end",
                as_known_then=False,
            ),
        ),
        Step(
            "answer",
            "SELECT m.profile_id, w.position, w.occurred_at, w.type, w.language, w.text "
            f"FROM written AS w JOIN membership AS m ON m.atom_id = w.atom_id {only}"
            "ORDER BY w.occurred_at DESC NULLS LAST, w.position DESC NULLS LAST LIMIT $most",
        ),
    )
    asked = {**relations.TYPES, **written, "since": now - YEAR, "end": now, "most": most}
    return relations.bind(steps, asked)


class Said(Struct, frozen=True, kw_only=True):
    """Who used which word of a language: `used` has shape (n_writers, n_words), 0 or 1."""

    language: str
    writers: tuple[str, ...]
    words: tuple[str, ...]
    used: sparse.csr_matrix


def read_words(
    lake: Lake, now: datetime, *, tables: Mapping[str, pa.Table] | None = None
) -> tuple[Said, ...]:
    """The words of the year before ``now``, by language."""
    rows = _newest_of_each(lake.ask(texts_query(now, MOST_TEXTS), tables=tables))
    return tuple(
        _said(language, rows.filter(pc.equal(rows["language"], language)))
        for language in sorted(pc.unique(rows["language"]).to_pylist())
    )


def _newest_of_each(rows: pa.Table) -> pa.Table:
    """One text of each customer and language; rows come newest first."""
    numbered = rows.append_column("place", pa.array(np.arange(len(rows))))
    newest = numbered.group_by(["profile_id", "language"]).aggregate([("place", "min")])
    return rows.take(pa.array(np.sort(newest["place_min"].to_numpy())))


def _said(language: str, rows: pa.Table) -> Said:
    writers = rows["profile_id"].combine_chunks().dictionary_encode()
    tokens = tokenise([readable_part(text)[0] for text in rows["text"].to_pylist()])
    is_word = np.array([is_worth_telling(word) for word in tokens.words], bool)
    kept = is_word[tokens.ids]
    who = writers.indices.to_numpy()[tokens.texts[kept]]
    shape = (len(writers.dictionary), len(tokens.words))
    ones = np.ones(int(kept.sum()))
    used = sparse.csr_matrix((ones, (who, tokens.ids[kept])), shape=shape)
    used.data[:] = 1.0  # once for each customer
    common = np.asarray(used.sum(axis=0)).ravel() >= SMALLEST_GROUP
    return Said(
        language=language,
        writers=tuple(writers.dictionary.to_pylist()),
        words=tuple(np.array(tokens.words, object)[common].tolist()),
        used=used[:, np.flatnonzero(common)],
    )


def is_worth_telling(token: str) -> bool:
    """Whether a token is a word of four letters and more; shorter ones are mostly grammar."""
    return len(token) >= _SHORTEST and token.isalpha()


def distinctive_words(
    said: Sequence[Said], everybody: frozenset[str] | None, groups: Mapping[str, frozenset[str]]
) -> dict[str, tuple[Word, ...]]:
    """The words that each group uses more than everybody, those that say most of it first.

    Parameters
    ----------
    everybody : frozenset of str, or None
        The customers whom the groups are compared with, the groups' own included; None: all.
    groups : mapping of str to frozenset of str
        The customers of each group.
    """
    looked: list[tuple[str, Word]] = []
    p_values: list[float] = []
    for each in said:
        among = np.array([everybody is None or name in everybody for name in each.writers], bool)
        used = each.used[np.flatnonzero(among)]
        writers = [name for name, wanted in zip(each.writers, among, strict=True) if wanted]
        whole = np.asarray(used.sum(axis=0)).ravel()
        for key, members in groups.items():
            inside = np.array([name in members for name in writers], bool)
            known, others = int(inside.sum()), int((~inside).sum())
            if known < FEWEST or others < SMALLEST_GROUP:
                continue
            counts = np.asarray(used[np.flatnonzero(inside)].sum(axis=0)).ravel()
            # Looked at is what the group could have used often enough, whether it did or not.
            often = whole * known / (known + others) >= SMALLEST_GROUP
            subjects = whole <= _GRAMMAR * (known + others)
            for place in np.flatnonzero(often & subjects).tolist():
                word, p = _compared(
                    each, place, float(counts[place]), known, float(whole[place]), others
                )
                looked.append((key, word))
                p_values.append(p)
    found: dict[str, list[Word]] = {key: [] for key in groups}
    for (key, word), p in zip(looked, benjamini_hochberg(p_values), strict=True):
        told = word.customers >= SMALLEST_GROUP and word.known - word.customers >= SMALLEST_GROUP
        if told and p < LEVEL and word.lift >= WORTH and word.low > 1:
            found[key].append(replace(word, p_adjusted=p))
    return {
        key: tuple(sorted(words, key=lambda w: (-weight_of(w), w.language, w.word))[:MOST_WORDS])
        for key, words in found.items()
    }


def _compared(
    said: Said, place: int, count: float, known: int, whole: float, others: int
) -> tuple[Word, float]:
    share, everybody = count / known, whole / (known + others)
    lift, low, high = lift_of(count, known, whole, known + others)
    word = Word(
        language=said.language, word=said.words[place], customers=round(count), known=known,
        share=share, everybody=everybody, lift=lift, low=low, high=high, p_adjusted=1.0,
    )  # fmt: skip
    return word, proportions_differ(
        Side(value=(whole - count) / others, n=others), Side(value=share, n=known)
    )


def weight_of(word: Word) -> float:
    """How much a word says of a group: how far it is from everybody's, surely, and how common."""
    return math.log(max(word.low, 1.0)) * math.sqrt(word.share)

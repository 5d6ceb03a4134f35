"""Numbers that a linear model reads: hashed words, pieces of words, pairs, and the lexicon's view.

The same functions serve training and use, so the two cannot drift apart. Hashes are computed from
code points in 32-bit arithmetic, the same on every machine and for every start of Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from rapport.understand.text.lexicon import (
    CONTRAST,
    INTENSIFIER,
    NEGATIVE,
    NEGATOR,
    POSITIVE,
    Lexicon,
    fold,
)
from rapport.understand.text.tokens import Tokens

SparseMatrix: TypeAlias = Any  # scipy ships no types
UInts: TypeAlias = NDArray[np.uint32]
Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

LANGUAGE_SLOTS = 1 << 13
SENTIMENT_SLOTS = 1 << 15

#: Columns behind the hashed ones in `sentiment_features`.
LEXICON_COLUMNS = 15
_BALANCE = 0

_LONGEST_WORD = 24
_WORD_SEED, _PAIR_SEED, _NEGATED_SEED = 0x51ED270B, 0x2545F491, 0x7FEB352D
_NEGATION_REACH = 3


def language_features(tokens: Tokens) -> SparseMatrix:
    """Words and their 1- to 4-letter pieces, shape (n_texts, LANGUAGE_SLOTS)."""
    letters = [word if word[0].isalpha() else "" for word in tokens.words]
    table = _word_table(letters, pieces=(1, 2, 3, 4), slots=LANGUAGE_SLOTS)
    return _per_text(tokens, table)


def sentiment_features(tokens: Tokens, lexicon: Lexicon) -> SparseMatrix:
    """Hashed and lexicon features, shape (n_texts, SENTIMENT_SLOTS + LEXICON_COLUMNS)."""
    words = [fold(word) for word in tokens.words]
    roles = lexicon.roles(words)[tokens.ids]
    table = _word_table(words, pieces=(3, 4, 5), slots=SENTIMENT_SLOTS)
    negated = _near(tokens, roles == NEGATOR, before=_NEGATION_REACH)
    hashed = _per_text(tokens, table) + _pair_matrix(tokens, words, negated)
    views = sparse.csr_matrix(_lexicon_views(tokens, roles))
    return sparse.hstack([hashed, views], format="csr")


def lexicon_balance(tokens: Tokens, lexicon: Lexicon) -> Floats:
    """Praise minus blame that the lexicon alone sees, shape (n_texts,), in (-1, 1)."""
    roles = lexicon.roles([fold(word) for word in tokens.words])[tokens.ids]
    return np.asarray(_lexicon_views(tokens, roles)[:, _BALANCE])


def _lexicon_views(tokens: Tokens, roles: Ints) -> Floats:
    """What the lexicon sees in each text, shape (n_texts, LEXICON_COLUMNS), each in [-1, 1]."""
    before = _near(tokens, roles == NEGATOR, before=_NEGATION_REACH)
    # `gefällt mir nicht`, `bevalt me niet`: the negator follows.
    after = ~before & _near(tokens, roles == NEGATOR, after=_NEGATION_REACH)
    stressed = _near(tokens, roles == INTENSIFIER, before=2)
    contrast = roles == CONTRAST
    turned = _after_last(tokens, contrast)
    good, bad = roles == POSITIVE, roles == NEGATIVE

    def count(mask: NDArray[np.bool_]) -> Floats:
        return np.bincount(tokens.texts[mask], minlength=tokens.n_texts).astype(np.float64)

    def share(mask: NDArray[np.bool_]) -> Floats:
        found = count(mask)
        return found / (found + 1)

    balance: Floats = (
        count(good & ~before & ~after)
        - count(bad & ~before)
        - count(good & (before | after))
        + 0.5 * count(bad & before)  # `not bad` is fainter praise than `good`
    )
    return np.column_stack(
        [
            np.tanh(balance),
            share(good & ~before & ~after),
            share(bad & ~before & ~after),
            share(good & before),
            share(bad & before),
            share(good & after),
            share(bad & after),
            share(good & stressed),
            share(bad & stressed),
            share(good & turned),
            share(bad & turned),
            share(contrast),
            (count(good | bad) == 0).astype(np.float64),
            share(_is_one_of("?", tokens)),
            share(_is_one_of("!", tokens)),
        ]
    )


def _is_one_of(marks: str, tokens: Tokens) -> NDArray[np.bool_]:
    """Places where one of these marks stands."""
    return np.array([word in marks for word in tokens.words], dtype=bool)[tokens.ids]


def _code_points(words: Sequence[str]) -> tuple[UInts, Ints]:
    """Letters of each word between a start and an end mark, zero behind it; and its length."""
    array = np.array([word[:_LONGEST_WORD] for word in words] or [""], dtype=f"<U{_LONGEST_WORD}")
    lengths = np.char.str_len(array).astype(np.int64)
    points = np.zeros((len(array), _LONGEST_WORD + 2), dtype=np.uint32)
    points[:, 1:-1] = array.view("<u4").reshape(len(array), _LONGEST_WORD)
    points[:, 0] = 2
    points[np.arange(len(array)), lengths + 1] = 3
    return points[: len(words)], lengths[: len(words)]


def _mix(values: UInts) -> UInts:
    """Final mix of MurmurHash3: every bit of the input reaches the low bits that are kept."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


def _word_hashes(words: Sequence[str]) -> UInts:
    points, _ = _code_points(words)
    total = np.zeros(len(points), dtype=np.uint32)
    for column in points.T:
        total = total * np.uint32(0x01000193) + column
    return _mix(total ^ np.uint32(_WORD_SEED))


def _word_table(words: Sequence[str], *, pieces: tuple[int, ...], slots: int) -> SparseMatrix:
    """Features of each distinct word, shape (n_words, slots); a word's pieces weigh as one word."""
    points, lengths = _code_points(words)
    rows: list[Ints] = [np.flatnonzero(lengths > 0)]
    columns: list[UInts] = [_word_hashes(words)[rows[0]]]
    width = points.shape[1]
    for n in pieces:
        total = np.zeros((len(points), width - n + 1), dtype=np.uint32)
        for k in range(n):
            total = total * np.uint32(0x01000193) + points[:, k : k + width - n + 1]
        # A one-letter piece is a letter, not a boundary mark.
        marks = 2 if n > 1 else 1
        valid = np.arange(width - n + 1)[None, :] < (lengths + marks - n + 1)[:, None]
        valid &= (lengths > 0)[:, None]
        if n == 1:
            valid[:, 0] = False
        row, column = np.nonzero(valid)
        rows.append(row)
        columns.append(_mix(total[row, column] ^ np.uint32(n * 0x9E3779B1 & 0xFFFFFFFF)))
    row_of_piece = np.concatenate(rows[1:])
    weight = 1 / np.sqrt(np.maximum(np.bincount(row_of_piece, minlength=len(words)), 1))
    values = np.concatenate([np.ones(len(rows[0])), weight[row_of_piece]])
    slot = np.concatenate(columns).astype(np.int64) & (slots - 1)
    return sparse.csr_matrix((values, (np.concatenate(rows), slot)), shape=(len(words), slots))


def _scale(tokens: Tokens) -> Floats:
    """One over the root of a text's length: a long text says more, but not in proportion."""
    counts = np.bincount(tokens.texts, minlength=tokens.n_texts)
    return 1 / np.sqrt(np.maximum(counts, 1))


def _per_text(tokens: Tokens, table: SparseMatrix) -> SparseMatrix:
    counts = sparse.csr_matrix(
        (_scale(tokens)[tokens.texts], (tokens.texts, tokens.ids)),
        shape=(tokens.n_texts, len(tokens.words)),
    )
    return counts @ table


def _pair_matrix(tokens: Tokens, words: Sequence[str], negated: NDArray[np.bool_]) -> SparseMatrix:
    """Neighbouring words as one feature, and each negated word as a word of its own."""
    hashes = _word_hashes(words)[tokens.ids] if len(tokens.ids) else np.zeros(0, dtype=np.uint32)
    together = tokens.texts[1:] == tokens.texts[:-1]
    pair = _mix(hashes[:-1] * np.uint32(31) + hashes[1:] ^ np.uint32(_PAIR_SEED))[together]
    turned = _mix(hashes[negated] ^ np.uint32(_NEGATED_SEED))
    rows = np.concatenate([tokens.texts[1:][together], tokens.texts[negated]])
    slots = np.concatenate([pair, turned]).astype(np.int64) & (SENTIMENT_SLOTS - 1)
    return sparse.csr_matrix(
        (_scale(tokens)[rows], (rows, slots)), shape=(tokens.n_texts, SENTIMENT_SLOTS)
    )


def _near(
    tokens: Tokens, marked: NDArray[np.bool_], *, before: int = 0, after: int = 0
) -> NDArray[np.bool_]:
    """Places with a marked token up to so many places before or after, in the same clause."""
    ends = _is_one_of("!?.,;", tokens)
    clause = np.cumsum(ends) + tokens.texts * (len(tokens.ids) + 1)
    near = np.zeros(len(tokens.ids), dtype=bool)
    for step in range(1, before + 1):
        near[step:] |= marked[:-step] & (clause[step:] == clause[:-step])
    for step in range(1, after + 1):
        near[:-step] |= marked[step:] & (clause[step:] == clause[:-step])
    return near & ~marked


def _after_last(tokens: Tokens, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Places behind the last marked token of their text; none where a text has no marked one."""
    last = np.full(tokens.n_texts, np.iinfo(np.int64).max)
    places = np.flatnonzero(marked)
    last[tokens.texts[places]] = places  # rising, so the last one stays
    return np.arange(len(tokens.ids)) > last[tokens.texts]

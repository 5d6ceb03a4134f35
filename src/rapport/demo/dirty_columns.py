"""Columns of text as silos keep them: some of it left out, misspelt, or without accents.

Every function works on whole columns, so that a million dirty records take less than a minute.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Chosen = NDArray[np.bool_]


def falling(values: int, n: int, exponent: float, rng: np.random.Generator) -> Numbers:
    """``n`` numbers below ``values``, the k-th as frequent as k to the power of -exponent."""
    weights = np.arange(1, values + 1, dtype=float) ** -exponent
    steps = np.cumsum(weights / weights.sum())
    return np.minimum(np.searchsorted(steps, rng.random(n)), values - 1).astype(np.int64)


def chosen(values: Sequence[str] | NDArray[np.str_], codes: Numbers) -> pa.Array:
    """Of a list of texts the ones with these numbers."""
    return pa.array(list(values), pa.string()).take(pa.array(codes))


def drawn(n: int, share: float, rng: np.random.Generator) -> pa.Array:
    """``n`` times whether it happens, true for about this share."""
    return pa.array(rng.random(n) < share)


def stated_where(stated: Chosen, column: pa.Array) -> pa.Array:
    """The column where it is stated, null elsewhere."""
    return pc.if_else(pa.array(stated), column, pa.scalar(None, pa.string()))


def without_accents(column: pa.Array) -> pa.Array:
    """Without accents, as old tills write."""
    coded = column.dictionary_encode()
    plain = [
        "".join(c for c in unicodedata.normalize("NFKD", v) if not unicodedata.combining(c))
        for v in coded.dictionary.to_pylist()
    ]
    return pa.array(plain, pa.string()).take(coded.indices)


def with_typos(column: pa.Array, where: Chosen, rng: np.random.Generator) -> pa.Array:
    """One letter left out, doubled, or changed places with its neighbour."""
    rows = np.flatnonzero(where)
    text = column.take(pa.array(rows))
    length = pc.fill_null(pc.utf8_length(text), 0).to_numpy(zero_copy_only=False)
    place = (rng.random(len(rows)) * np.maximum(length - 1, 1)).astype(int)
    kind = rng.integers(0, 3, len(rows))
    parts, order = [], []
    for at in range(int(place.max(initial=0)) + 1):
        for how in range(3):
            mine = np.flatnonzero((place == at) & (kind == how))
            if not len(mine):
                continue
            of = text.take(pa.array(mine))
            before, one, two, rest = (
                pc.utf8_slice_codeunits(of, a, b)
                for a, b in ((0, at), (at, at + 1), (at + 1, at + 2), (at + 2, None))
            )
            pieces = {0: (before, two, rest), 1: (before, one, one, two, rest),
                      2: (before, two, one, rest)}[how]  # fmt: skip
            parts.append(pc.binary_join_element_wise(*pieces, ""))
            order.append(mine)
    if not parts:
        return column
    changed = pa.concat_arrays(parts).take(pa.array(np.argsort(np.concatenate(order))))
    return pc.replace_with_mask(column, pa.array(where), changed)

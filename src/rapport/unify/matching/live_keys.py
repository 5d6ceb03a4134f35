"""Under which combinations of its facts a record lies in the live index.

A combination becomes 64 bits: from a batch in columns, and from one record in Python, alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from itertools import combinations, product
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rapport.unify.matching.blocking import FACTS, Fact, facts_of
from rapport.unify.matching.comparison import Row
from rapport.unify.matching.standardise import Standardised
from rapport.unify.matching.value_profiles import PROFILED

KeyArray = NDArray[np.uint64]
IntArray = NDArray[np.int64]

#: Combinations of facts under which a record lies. Fewer than a batch has, and no more are needed:
#: of the pairs that a batch joins in `benchmarks/identity.py`'s world these find 99.8 %.
KEYS: tuple[tuple[str, ...], ...] = (
    *((column,) for column in PROFILED),
    ("email_local",),
    ("mailbox",),
    ("word", "birth"),
    ("birth", "postcode"),
    ("word", "word"),
    ("word", "postcode"),
    ("stem", "birth"),
    ("stem", "stem"),
    ("word", "city"),
    ("birth",),
    ("company_letters",),
    ("company_word", "company_postcode"),
    ("company_word", "company_city"),
    ("company_word",),
)
_MASK = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15
#: Values of one fact of one record that make keys.
_MOST_VALUES = 6
#: A name has this many mailboxes: in full and in short, with and without its prefixes.
_MOST_MAILBOXES = 16
#: The facts that keys are made of.
_FACTS = tuple(fact for fact in FACTS if any(fact.name in key for key in KEYS))


def hash_of(fact: str, value: str) -> int:
    """64 bits of a value, the same in every process."""
    digest = blake2b(f"{fact}\x1f{value}".encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def hashes_of(fact: str, values: Iterable[str]) -> KeyArray:
    """The same for many."""
    return np.fromiter((hash_of(fact, value) for value in values), np.uint64)


def keys_of_value(fact: str, hashes: KeyArray) -> KeyArray:
    """The keys of records that hold values of an identifying column by itself."""
    return _mixed_arrays(_salt((fact,)), [hashes])


def keys_of_row(row: Row) -> set[int]:
    """The keys of one record."""
    held = {name: _some(name, values) for name, values in facts_of(row, _FACTS).items()}
    keys: set[int] = set()
    for recipe in KEYS:
        if any(name not in held for name in recipe):
            continue
        salt = _salt(recipe)
        if _twice(recipe):
            keys.update(_mixed(salt, pair) for pair in combinations(held[recipe[0]], 2))
        else:
            keys.update(_mixed(salt, parts) for parts in product(*(held[name] for name in recipe)))
    return keys


def keys_of_all(standardised: Standardised) -> tuple[KeyArray, NDArray[np.int32]]:
    """The keys of all records, sorted, and whose each is."""
    held: dict[str, _Hashes] = {}
    for fact in _FACTS:
        found_hashes = _hashes(fact, standardised)
        if found_hashes is not None:
            held[fact.name] = found_hashes
    all_keys, all_records = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.int32)]
    for recipe in KEYS:
        if any(name not in held for name in recipe):
            continue
        if _twice(recipe):
            records, parts = _two_of(held[recipe[0]])
        else:
            first = held[recipe[0]]
            records = np.repeat(np.arange(standardised.n_records), first.counts)
            parts = [first.hashes]
            for name in recipe[1:]:
                more = held[name]
                counts = more.counts[records]
                at = ranges(more.starts[records], counts)
                parts = [*(np.repeat(part, counts) for part in parts), more.hashes[at]]
                records = np.repeat(records, counts)
        all_keys.append(_mixed_arrays(_salt(recipe), parts))
        all_records.append(records.astype(np.int32))
    found, of = np.concatenate(all_keys), np.concatenate(all_records)
    order = np.argsort(found, kind="stable")
    return found[order], of[order]


def ranges(starts: IntArray, counts: IntArray) -> IntArray:
    """start, start + 1, … for each start, as one array."""
    ends = np.cumsum(counts)
    found: IntArray = np.repeat(starts - (ends - counts), counts)
    return found + np.arange(len(found))


def _salt(recipe: tuple[str, ...]) -> int:
    return hash_of("recipe", "+".join(recipe))


def _mixed(salt: int, parts: Sequence[int]) -> int:
    key = salt
    for part in parts:
        key = ((key ^ part) * _ODD) & _MASK
        key ^= key >> 32
    return key


def _mixed_arrays(salt: int, parts: Sequence[KeyArray]) -> KeyArray:
    key = np.full(len(parts[0]), salt, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            key = (key ^ part) * np.uint64(_ODD)
            key ^= key >> np.uint64(32)
    return key


def _twice(recipe: tuple[str, ...]) -> bool:
    return len(recipe) == 2 and recipe[0] == recipe[1]


def _some(fact: str, values: Collection[str]) -> list[int]:
    """Hashes of a record's values, the smallest first and no more than make keys."""
    most = _MOST_MAILBOXES if fact == "mailbox" else _MOST_VALUES
    return sorted(hash_of(fact, value) for value in values)[:most]


class _Hashes(Struct, frozen=True):
    """A fact of all records: ``hashes[starts[r]:starts[r + 1]]`` are what record r holds."""

    starts: IntArray
    hashes: KeyArray

    @property
    def counts(self) -> IntArray:
        return np.diff(self.starts)


def _two_of(held: _Hashes) -> tuple[IntArray, list[KeyArray]]:
    """Each two values of one fact, the smaller hash first."""
    records = np.repeat(np.arange(len(held.counts)), held.counts)
    counts = held.counts[records]
    one = np.repeat(held.hashes, counts)
    other = held.hashes[ranges(held.starts[records], counts)]
    keep = one < other
    return np.repeat(records, counts)[keep], [one[keep], other[keep]]


def _hashes(fact: Fact, standardised: Standardised) -> _Hashes | None:
    columns = [name for name in fact.columns if name in standardised.columns]
    if not columns:
        return None
    # Several columns of one fact are of one comparison, which has one code; or each is the same
    # matter as another comparison reads it, of which the first counts, as in `blocking`.
    codes = standardised.column(columns[0])[0]
    read = [standardised.column(name)[1].to_pylist() for name in _together(columns, standardised)]
    lengths = np.zeros(len(read[0]) + 1, dtype=np.int64)
    flat: list[int] = []
    said: Any
    for at, said in enumerate(zip(*read, strict=True)):
        values = {one for value in said if value is not None for one in fact.of(value)}
        if values:
            found = _some(fact.name, values)
            lengths[at] = len(found)
            flat += found
    per_value = np.array(flat, dtype=np.uint64)
    starts = np.r_[0, np.cumsum(lengths)]
    counts = lengths[codes]  # code -1 is the last: nothing
    return _Hashes(np.r_[0, np.cumsum(counts)], per_value[ranges(starts[codes], counts)])


def _together(columns: Sequence[str], standardised: Standardised) -> list[str]:
    """Those columns that are of the first one's comparison."""
    [reading] = [r for r in standardised.readings if columns[0] in r.values.column_names]
    return [name for name in columns if name in reading.values.column_names]

"""Matching what changed since all records were matched: only what hangs together with it.

Read `match_changed` first; decision 0024 says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.known_values import (
    NOBODY,
    KnownValues,
    holders_of,
    with_known_values,
    with_moved,
)
from rapport.unify.matching.live import (
    MOST_RECORDS,
    LiveIndex,
    Segment,
    build_segment,
    stack_readings,
)
from rapport.unify.matching.live_keys import hashes_of, keys_of_all, keys_of_value, ranges
from rapport.unify.matching.match import link_pairs, score_pairs
from rapport.unify.matching.model import Model
from rapport.unify.matching.pair_levels import Comparer
from rapport.unify.matching.standardise import Readings, Standardised, standardise
from rapport.unify.matching.stored_records import Judgements, RecordsToMatch, Related
from rapport.unify.matching.value_profiles import JUNK, PROFILED, profile_values

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]

#: Records of a value that are looked at to say whose it is now. What more hold is no person's, and
#: what it is stays for the next run over all.
_MOST_HOLDERS = 2_000
#: So many others a changed record is compared with, counting those twice that share two keys.
_MOST_CANDIDATES = 100


class Changed(Struct, frozen=True, kw_only=True):
    """What matching some records found.

    Attributes
    ----------
    atoms : int array, shape (n_scope,), ascending
        The records that were looked at anew: whatever hangs together with the changed ones.
    standardised : Standardised
        Their readings.
    a, b : int arrays, shape (n_pairs,)
        Places in ``atoms`` of all pairs among them above the review line.
    bits : float32 array, shape (n_pairs,)
    labels : int array, shape (n_scope,)
        The smallest place of each record's person.
    compared : int
    newer : Segment
        The index's second segment from now on.
    values : KnownValues
        What is known of values from now on.
    """

    atoms: IntArray
    standardised: Standardised
    a: IntArray
    b: IntArray
    bits: FloatArray
    labels: IntArray
    compared: int
    newer: Segment
    values: KnownValues


def match_changed(
    index: LiveIndex,
    values: KnownValues,
    records: RecordsToMatch,
    *,
    related: Callable[[Collection[int]], Related],
    judged: Callable[[IntArray], Judgements],
    blocked: Collection[tuple[str, str]] = (),
    memory_limit_mb: int = 1024,
    threads: int = 2,
) -> Changed:
    """Match records that are new or say something new.

    Parameters
    ----------
    index : LiveIndex
        All records as they were matched last.
    values : KnownValues
        What is known of values since then.
    records : RecordsToMatch
        Those that changed.
    related : callable
        Atom ids → all that earlier runs found to hang together with them.
    judged : callable
        Atom ids → what people said of them.
    blocked : collection of (kind, value)
        The company's own blocked values.
    """
    model = index.model
    fresh = _Some(atoms=records.atoms, standardised=standardise(records.stated, index.comparisons))
    values, moved = _whose_values(index, fresh, values, blocked)
    changed = _read(index, fresh, np.union1d(fresh.atoms, moved), values)
    with ColumnEngine(memory_limit_mb=memory_limit_mb, threads=threads) as engine:
        a, b = _pairs_by_keys(index, changed)
        near = _read(index, changed, np.unique(np.r_[changed.atoms, a, b]), values)
        compared = len(a)
        bits, _ = near.scored(a, b, model, index.n_records, engine)
        alike = bits >= model.review_bits
        a, b = a[alike], b[alike]
        known = related(np.unique(np.r_[changed.atoms, a, b]).tolist())
        scope = _read(index, near, np.union1d(known.atoms, changed.atoms), values)
        pairs = _distinct_pairs(np.r_[a, known.a], np.r_[b, known.b])
        pairs = pairs[np.isin(pairs, scope.atoms).all(axis=1)]
        bits, _ = scope.scored(pairs[:, 0], pairs[:, 1], model, index.n_records, engine)
        alike = bits >= model.review_bits
        x, y = (np.searchsorted(scope.atoms, pairs[alike, side]) for side in (0, 1))
        words = judged(scope.atoms)
        with closing(Comparer(scope.standardised, engine, threads=threads)) as comparer:
            clusters = link_pairs(
                comparer,
                x,
                y,
                bits[alike],
                model,
                len(scope.atoms),
                cannot=words.cannot,
                must=words.must,
                among=index.n_records,
                threads=threads,
            )
    return Changed(
        atoms=scope.atoms,
        standardised=scope.standardised,
        a=x,
        b=y,
        bits=bits[alike],
        labels=clusters.labels,
        compared=compared,
        newer=_newer(index, changed, values),
        values=values,
    )


class _Some(Struct, frozen=True, kw_only=True):
    """Some records by ascending atom id."""

    atoms: IntArray
    standardised: Standardised

    def scored(
        self, a: IntArray, b: IntArray, model: Model, n_records: int, engine: ColumnEngine
    ) -> tuple[FloatArray, FloatArray]:
        """As `score_pairs`, of atom ids."""
        return score_pairs(
            self.standardised,
            np.searchsorted(self.atoms, a),
            np.searchsorted(self.atoms, b),
            tuple(reading.comparison for reading in self.standardised.readings),
            model,
            engine,
            n_records=n_records,
        )


def _whose_values(
    index: LiveIndex, fresh: _Some, values: KnownValues, blocked: Collection[tuple[str, str]]
) -> tuple[KnownValues, IntArray]:
    """Whose the values of changed records are now, and the records that hold those that moved.

    All who hold a value are looked at, so that a mailbox becomes a family's as soon as a second
    name appears under it.
    """
    held = {
        column: {value for value in fresh.standardised.column(column)[1].to_pylist() if value}
        for column in PROFILED
        if column in fresh.standardised.columns
    }
    holding: dict[str, tuple[list[str], IntArray, IntArray]] = {}
    for column, found in held.items():
        known = sorted(found)
        hashes = hashes_of(column, known)
        asked, places = index.sharing(keys_of_value(column, hashes), most=_MOST_HOLDERS)
        holding[column] = (known, asked, index.atoms_of(places))
    others = np.concatenate([atoms for _, _, atoms in holding.values()] or [fresh.atoms[:0]])
    together = _read(index, fresh, np.union1d(fresh.atoms, others), None)
    told, profiles = profile_values(together.standardised, blocked=blocked, limits=values.limits)
    moved_atoms = [fresh.atoms[:0]]
    for column, (known, asked, atoms) in holding.items():
        if not known:
            continue
        now = holders_of(told, profiles, column)
        before = values.holders.get(column, NOBODY).of(hashes_of(column, known)).tolist()
        # Junk has no keys, so that its holders cannot be counted; it stays junk until all records
        # are looked at.
        moved = {
            value: now[value]
            for value, was in zip(known, before, strict=True)
            if was != JUNK and now.get(value, was) != was
        }
        if moved:
            values = with_moved(values, column, moved)
            places = np.flatnonzero(np.isin(known, sorted(moved)))
            moved_atoms.append(atoms[np.isin(asked, places)])
    return values, np.unique(np.concatenate(moved_atoms))


def _pairs_by_keys(index: LiveIndex, changed: _Some) -> tuple[IntArray, IntArray]:
    """Atom ids of pairs that share a key, one of them changed; each once, the smaller first."""
    keys, records = keys_of_all(changed.standardised)
    distinct, key_of = np.unique(keys, return_inverse=True)
    asked, places = index.sharing(distinct)
    others = index.atoms_of(places)
    # What the index says of a changed record is out of date.
    still = ~np.isin(others, changed.atoms)
    key = np.r_[key_of, asked[still]]
    atoms = np.r_[changed.atoms[records], others[still]]
    order = np.argsort(key, kind="stable")
    key, atoms = key[order], atoms[order]
    size = np.bincount(key, minlength=len(distinct))
    start = np.cumsum(size) - size
    mine = np.flatnonzero(order < len(key_of))
    mine = mine[size[key[mine]] <= MOST_RECORDS]
    mine = _rarest(mine, atoms[mine], size[key[mine]])
    count = size[key[mine]]
    a = np.repeat(atoms[mine], count)
    b = atoms[ranges(start[key[mine]], count)]
    pairs = _distinct_pairs(a, b)
    return pairs[:, 0], pairs[:, 1]


def _rarest(entries: IntArray, records: IntArray, size: IntArray) -> IntArray:
    """Of each record's keys the rarest, as long as they lead to no more than so many others."""
    order = np.lexsort((size, records))
    records, size = records[order], size[order]
    first = np.flatnonzero(np.r_[True, records[1:] != records[:-1]]) if len(records) else records
    total = np.cumsum(size)
    before = np.repeat(total[first] - size[first], np.diff(np.r_[first, len(records)]))
    return entries[order[total - before <= _MOST_CANDIDATES]]


def _distinct_pairs(a: IntArray, b: IntArray) -> IntArray:
    """Pairs of atom ids, each once, the smaller first; shape (n_pairs, 2)."""
    known, places = np.unique(np.r_[a, b], return_inverse=True)
    x, y = places[: len(a)], places[len(a) :]
    combined = np.unique(np.minimum(x, y) * len(known) + np.maximum(x, y))
    pairs = np.column_stack([known[combined // len(known)], known[combined % len(known)]])
    return pairs[pairs[:, 0] != pairs[:, 1]] if len(known) else pairs


def _read(index: LiveIndex, some: _Some, atoms: IntArray, values: KnownValues | None) -> _Some:
    """Readings of ``atoms``: as ``some`` has them, or else the index.

    Parameters
    ----------
    values : KnownValues or None
        By which holders and rarity are said; None leaves both out.
    """
    own = np.isin(atoms, some.atoms)
    places = index.places(atoms[~own])
    here = places >= 0
    found = np.r_[atoms[own], atoms[~own][here]]
    order = np.argsort(found, kind="stable")
    rows = np.searchsorted(some.atoms, atoms[own])
    readings = []
    for mine, theirs in zip(
        some.standardised.readings, index.standardised(places[here]).readings, strict=True
    ):
        stacked = stack_readings([_plain(_taken(mine, rows)), _plain(theirs)])
        readings.append(msgspec.structs.replace(stacked, codes=stacked.codes[order]))
    read = Standardised(n_records=len(found), readings=tuple(readings))
    return _Some(
        atoms=found[order],
        standardised=read if values is None else with_known_values(read, values),
    )


def _taken(reading: Readings, rows: IntArray) -> Readings:
    """Of some records, and of nothing that none of them says."""
    codes = reading.codes[rows]
    used, places = np.unique(codes[codes >= 0], return_inverse=True)
    found = np.full(len(rows), -1, dtype=np.int32)
    found[codes >= 0] = places
    return Readings(
        comparison=reading.comparison,
        values=reading.values.take(pa.array(used)),
        codes=found,
        says=reading.says[used],
    )


def _plain(reading: Readings) -> Readings:
    """Without what was said of its values."""
    names = [column.name for column in reading.comparison.columns]
    return msgspec.structs.replace(reading, values=reading.values.select(names))


def _newer(index: LiveIndex, changed: _Some, values: KnownValues) -> Segment:
    """All that changed since the run over all records."""
    before = [segment.atoms for segment in index.segments[1:]]
    atoms = np.unique(np.concatenate([changed.atoms, *before]))
    read = _read(index, changed, atoms, values)
    return build_segment(read.standardised, read.atoms)

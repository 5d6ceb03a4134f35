"""Who is this? The records in memory, found by shared keys and scored as the batch scores them.

A caller waits, so that nothing is searched: each record lies under the combinations of its facts
(`KEYS`), and those that share one with the person asked for are compared, the likeliest first.
"""

from __future__ import annotations

import mmap
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from hashlib import blake2b
from itertools import combinations, product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rapport.errors import StoreMismatch
from rapport.unify.matching.blocking import FACTS, Fact
from rapport.unify.matching.comparison import Comparison, Row
from rapport.unify.matching.model import Model
from rapport.unify.matching.score import PairScore, score_pair, score_person
from rapport.unify.matching.standardise import Readings, Standardised, read_row
from rapport.unify.matching.value_profiles import PROFILED

KeyArray = NDArray[np.uint64]
IntArray = NDArray[np.int64]

#: Combinations of facts under which a record lies. Fewer than a batch has: who calls says a name
#: and one thing more.
KEYS: tuple[tuple[str, ...], ...] = (
    *((column,) for column in PROFILED),
    ("word", "birth"),
    ("birth", "postcode"),
    ("word", "word"),
    ("word", "postcode"),
    ("stem", "birth"),
    ("word", "city"),
)
#: A key that more records share tells nobody apart.
MOST_RECORDS = 120
#: So many candidates are compared at most.
MOST_CANDIDATES = 32
#: Records of one person that are compared at most.
MOST_OF_ONE = 24
_MASK = (1 << 64) - 1
_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
_WORDS_OF_ONE = "word", "word"
#: Words of one name that make keys.
_MOST_WORDS = 6


class Candidate(Struct, frozen=True, kw_only=True):
    """A record that may be the person asked for."""

    atom: int
    score: PairScore


class Person(Struct, frozen=True, kw_only=True):
    """A person who may be the one asked for."""

    profile_id: str
    score: PairScore


#: Atom ids → profile id → the atom ids of that person.
People = Callable[[Sequence[int]], Mapping[str, Sequence[int]]]


class LiveIndex:
    """All records of people, ready to be asked; `build_index` and `open_index` make one.

    Parameters
    ----------
    atoms : int array, shape (n_records,)
    keys : uint64 array, shape (n_keys,), ascending
    records : int32 array, shape (n_keys,)
        Whose each key is.
    packed : readings of each comparison
    model : Model
    comparisons : sequence of Comparison
    """

    def __init__(
        self,
        atoms: IntArray,
        keys: KeyArray,
        records: NDArray[np.int32],
        packed: Sequence[Packed],
        model: Model,
        comparisons: Sequence[Comparison],
    ) -> None:
        self.model = model
        self._atoms = atoms
        self._keys = keys
        self._records = records
        self._packed = tuple(packed)
        self._comparisons = tuple(comparisons)
        self._nothing = {name: None for each in packed for name in each.names}

    def save(self, folder: Path) -> None:
        """Write it as files that several processes can share; ``folder`` must not exist."""
        making = folder.with_name(f"{folder.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        np.save(making / "atoms.npy", self._atoms)
        np.save(making / "keys.npy", self._keys)
        np.save(making / "records.npy", self._records)
        for at, packed in enumerate(self._packed):
            np.save(making / f"codes{at}.npy", packed.codes)
            np.save(making / f"starts{at}.npy", packed.starts)
            (making / f"readings{at}").write_bytes(packed.content)
        said = _Saved(
            comparisons=[comparison.name for comparison in self._comparisons],
            columns=[packed.columns for packed in self._packed],
            model=self.model,
        )
        (making / "index.json").write_bytes(msgspec.json.encode(said))
        making.rename(folder)

    def __len__(self) -> int:
        return len(self._atoms)

    def find(self, stated: Mapping[str, str | None], *, limit: int = 10) -> list[Candidate]:
        """Records that may be the person who states this, the likeliest first.

        Parameters
        ----------
        stated : mapping
            Columns of `STATED`, as said or typed.
        """
        row = read_row(stated, self._comparisons)
        records = self._candidates(row)
        if not len(records):
            return []
        found = [
            Candidate(
                atom=int(self._atoms[record]),
                # The record we know comes first: the profiles of its values are known.
                score=score_pair(
                    known, row, self.model, self._comparisons, n_records=len(self._atoms)
                ),
            )
            for record, known in zip(records.tolist(), self._rows(records), strict=True)
        ]
        found = [candidate for candidate in found if candidate.score.bits >= self.model.review_bits]
        found.sort(key=lambda candidate: (-candidate.score.bits, candidate.atom))
        return found[:limit]

    def find_people(
        self, stated: Mapping[str, str | None], people: People, *, limit: int = 10
    ) -> list[Person]:
        """People who may be the one who states this, by all that their records say together.

        Parameters
        ----------
        stated : mapping
            Columns of `STATED`, as said or typed.
        people : callable
            Atom ids → the people who have them, each with all their atom ids.
        """
        row = read_row(stated, self._comparisons)
        alike = self._atoms[self._candidates(row)].tolist()
        found = []
        for profile_id, atoms in people(alike).items():
            at = self._places(atoms)
            if len(at):
                score = score_person(
                    self._rows(at), row, self.model, self._comparisons, n_records=len(self._atoms)
                )
                if score.bits >= self.model.review_bits:
                    found.append(Person(profile_id=profile_id, score=score))
        found.sort(key=lambda person: (-person.score.bits, person.profile_id))
        return found[:limit]

    def _places(self, atoms: Sequence[int]) -> IntArray:
        """Record numbers of those atoms that are here."""
        wanted = np.array(sorted(atoms)[:MOST_OF_ONE], dtype=np.int64)
        at = np.minimum(np.searchsorted(self._atoms, wanted), len(self._atoms) - 1)
        places: IntArray = at[self._atoms[at] == wanted]
        return places

    def _candidates(self, row: Row) -> IntArray:
        """Record numbers that share a key, those that share rare ones first."""
        keys = np.array(sorted(_keys_of(row)), dtype=np.uint64)
        if not len(keys):
            return np.empty(0, dtype=np.int64)
        low = np.searchsorted(self._keys, keys, side="left")
        high = np.searchsorted(self._keys, keys, side="right")
        sizes = high - low
        weights: dict[int, float] = {}
        for at in np.flatnonzero((sizes > 0) & (sizes <= MOST_RECORDS)).tolist():
            weight = 1.0 / float(sizes[at])
            for record in self._records[low[at] : high[at]].tolist():
                weights[record] = weights.get(record, 0.0) + weight
        best = sorted(weights, key=lambda record: (-weights[record], record))
        return np.array(best[:MOST_CANDIDATES], dtype=np.int64)

    def _rows(self, records: IntArray) -> list[dict[str, Any]]:
        rows = [self._nothing.copy() for _ in records]
        for packed in self._packed:
            for row, code in zip(rows, packed.codes[records].tolist(), strict=True):
                if code >= 0:
                    row.update(packed.reading(code))
        return rows


def build_index(
    standardised: Standardised, atoms: IntArray, model: Model, comparisons: Sequence[Comparison]
) -> LiveIndex:
    """An index of records.

    Parameters
    ----------
    standardised : Standardised
        As `match` leaves it: without junk, and with the profiles and the rarity of values.
    atoms : int array, shape (n_records,)
        The atom id of each record number.
    """
    keys, records = _all_keys(standardised)
    packed = [_pack(readings) for readings in standardised.readings]
    return LiveIndex(atoms, keys, records, packed, model, comparisons)


def open_index(folder: Path, comparisons: Sequence[Comparison]) -> LiveIndex:
    """An index that `LiveIndex.save` wrote; its files are mapped, and read as they are asked for.

    Raises
    ------
    StoreMismatch
        If it was written for other comparisons than these.
    """
    try:
        saved = msgspec.json.decode((folder / "index.json").read_bytes(), type=_Saved)
    except (OSError, msgspec.DecodeError) as error:
        raise StoreMismatch(
            f"{folder} holds no index of records; match the records again to make one"
        ) from error
    if saved.comparisons != [comparison.name for comparison in comparisons]:
        raise StoreMismatch(
            "The index of records was made by another version; match the records again"
        )

    def array(name: str) -> Any:
        return np.load(folder / f"{name}.npy", mmap_mode="r")

    packed = [
        Packed(
            codes=array(f"codes{at}"),
            starts=array(f"starts{at}"),
            content=_mapped(folder / f"readings{at}"),
            columns=columns,
        )
        for at, columns in enumerate(saved.columns)
    ]
    return LiveIndex(
        array("atoms"), array("keys"), array("records"), packed, saved.model, comparisons
    )


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        size = path.stat().st_size
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""


class _Saved(Struct, frozen=True, kw_only=True):
    """What the files of an index are."""

    comparisons: list[str]
    columns: list[dict[str, str]]  # per comparison: column → type
    model: Model


_TYPES: Mapping[str, Any] = {
    "string": str,
    "date32[day]": date,
    "list<item: string>": list[str],
    "int8": int,
    "int16": int,
    "int32": int,
    "int64": int,
    "uint8": int,
    "float": float,
    "double": float,
}


class Packed:
    """One comparison's distinct readings as bytes, of which one costs a microsecond to read.

    Taking rows out of columns costs a hundred times that, for each of the columns anew.

    Parameters
    ----------
    codes : int32 array, shape (n_records,)
        The reading of each record; -1 for none.
    starts : int array, shape (n_readings + 1,)
        Where each begins in ``content``.
    columns : mapping of column to Arrow type, in their order
    """

    def __init__(
        self,
        *,
        codes: NDArray[np.int32],
        starts: IntArray,
        content: bytes | mmap.mmap,
        columns: dict[str, str],
    ) -> None:
        self.codes = codes
        self.starts = starts
        self.content = content
        self.columns = columns
        self.names = tuple(columns)
        kinds = tuple(_TYPES[kind] | None for kind in columns.values())
        self._decode = msgspec.msgpack.Decoder(tuple[kinds]).decode  # type: ignore[valid-type]

    def reading(self, code: int) -> dict[str, Any]:
        packed = self.content[self.starts[code] : self.starts[code + 1]]
        return dict(zip(self.names, self._decode(packed), strict=True))


def _pack(readings: Readings) -> Packed:
    encode = msgspec.msgpack.Encoder().encode
    packed: list[bytes] = []
    for batch in readings.values.to_batches(max_chunksize=100_000):
        columns = (column.to_pylist() for column in batch.columns)
        packed += [encode(row) for row in zip(*columns, strict=True)]
    lengths = np.fromiter(map(len, packed), np.int64, len(packed))
    return Packed(
        codes=readings.codes,
        starts=np.r_[0, np.cumsum(lengths)],
        content=b"".join(packed),
        columns={field.name: str(field.type) for field in readings.values.schema},
    )


def _hash(fact: str, value: str) -> int:
    digest = blake2b(f"{fact}\x1f{value}".encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def _salt(recipe: tuple[str, ...]) -> int:
    return _hash("recipe", "+".join(recipe))


def _mixed(salt: int, parts: Sequence[int]) -> int:
    key = salt
    for part in parts:
        key = ((key ^ part) * _ODD[0]) & _MASK
        key ^= key >> 32
    return key


def _mixed_arrays(salt: int, parts: Sequence[KeyArray]) -> KeyArray:
    key = np.full(len(parts[0]), salt, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in parts:
            key = (key ^ part) * np.uint64(_ODD[0])
            key ^= key >> np.uint64(32)
    return key


#: The facts that keys are made of.
_FACTS = tuple(fact for fact in FACTS if any(fact.name in key for key in KEYS))


def _keys_of(row: Row) -> set[int]:
    """The keys of one record."""
    held: dict[str, list[int]] = {}
    for fact in _FACTS:
        values = {
            value
            for column in fact.columns
            if row.get(column) is not None
            for value in fact.of(row[column])
        }
        if values:
            held[fact.name] = sorted(_hash(fact.name, value) for value in values)[:_MOST_WORDS]
    keys: set[int] = set()
    for recipe in KEYS:
        if any(name not in held for name in recipe):
            continue
        salt = _salt(recipe)
        if recipe == _WORDS_OF_ONE:
            keys.update(_mixed(salt, pair) for pair in combinations(held["word"], 2))
        else:
            keys.update(_mixed(salt, parts) for parts in product(*(held[name] for name in recipe)))
    return keys


class _Hashes(Struct, frozen=True):
    """A fact of all records: ``hashes[starts[r]:starts[r + 1]]`` are what record r holds."""

    starts: IntArray
    hashes: KeyArray

    @property
    def counts(self) -> IntArray:
        return np.diff(self.starts)


def _all_keys(standardised: Standardised) -> tuple[KeyArray, NDArray[np.int32]]:
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
        if recipe == _WORDS_OF_ONE:
            records, parts = _two_words(held["word"])
        else:
            first = held[recipe[0]]
            records = np.repeat(np.arange(standardised.n_records), first.counts)
            parts = [first.hashes]
            for name in recipe[1:]:
                more = held[name]
                counts = more.counts[records]
                at = _ranges(more.starts[records], counts)
                parts = [*(np.repeat(part, counts) for part in parts), more.hashes[at]]
                records = np.repeat(records, counts)
        all_keys.append(_mixed_arrays(_salt(recipe), parts))
        all_records.append(records.astype(np.int32))
    found, of = np.concatenate(all_keys), np.concatenate(all_records)
    order = np.argsort(found, kind="stable")
    return found[order], of[order]


def _two_words(words: _Hashes) -> tuple[IntArray, list[KeyArray]]:
    """Each two words of a name, the smaller hash first."""
    records = np.repeat(np.arange(len(words.counts)), words.counts)
    counts = words.counts[records]
    one = np.repeat(words.hashes, counts)
    other = words.hashes[_ranges(words.starts[records], counts)]
    keep = one < other
    return np.repeat(records, counts)[keep], [one[keep], other[keep]]


def _hashes(fact: Fact, standardised: Standardised) -> _Hashes | None:
    columns = [name for name in fact.columns if name in standardised.columns]
    if not columns:
        return None
    codes, values = standardised.column(columns[0])
    lengths = np.zeros(len(values) + 1, dtype=np.int64)
    flat: list[int] = []
    for at, value in enumerate(values.to_pylist()):
        if value is not None:
            found = sorted(_hash(fact.name, one) for one in set(fact.of(value)))[:_MOST_WORDS]
            lengths[at] = len(found)
            flat += found
    per_value = np.array(flat, dtype=np.uint64)
    starts = np.r_[0, np.cumsum(lengths)]
    counts = lengths[codes]  # code -1 is the last: nothing
    return _Hashes(np.r_[0, np.cumsum(counts)], per_value[_ranges(starts[codes], counts)])


def _ranges(starts: IntArray, counts: IntArray) -> IntArray:
    """start, start + 1, … for each start, as one array."""
    ends = np.cumsum(counts)
    ranges: IntArray = np.repeat(starts - (ends - counts), counts)
    return ranges + np.arange(len(ranges))

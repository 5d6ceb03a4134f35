"""Who is this? The records in memory, found by shared keys and scored as the batch scores them.

A caller waits, so that nothing is searched: each record lies under combinations of its facts
(`live_keys.KEYS`), and those that share one with the person asked for are compared, the likeliest
first. Matching what changed asks the same index for thousands of records at once.
"""

from __future__ import annotations

import mmap
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from rapport.errors import StoreMismatch
from rapport.unify.matching.comparison import Comparison, Row
from rapport.unify.matching.live_keys import KeyArray, keys_of_all, keys_of_row, ranges
from rapport.unify.matching.model import Model
from rapport.unify.matching.score import Against, PairScore
from rapport.unify.matching.standardise import Readings, Standardised, read_row

IntArray = NDArray[np.int64]

#: A key that more records share tells nobody apart.
MOST_RECORDS = 120
#: So many candidates are compared at most.
MOST_CANDIDATES = 32
#: Records of one person that are compared at most.
MOST_OF_ONE = 24


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

    What came or changed since all records were matched lies in a second, small segment, and stands
    before what the first says of the same records. Records are numbered through both.

    Parameters
    ----------
    segments : sequence of Segment
        One or two.
    model : Model
    comparisons : sequence of Comparison
    n_records : int, optional
        Among how many records two are found: those of the first segment.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        model: Model,
        comparisons: Sequence[Comparison],
        n_records: int | None = None,
    ) -> None:
        self.model = model
        self.segments = tuple(segments)
        self.n_records = len(segments[0].atoms) if n_records is None else n_records
        self.comparisons = tuple(comparisons)
        self._starts = np.r_[0, np.cumsum([len(segment.atoms) for segment in segments])]
        self._hidden = np.empty(0, dtype=np.int64)
        if len(segments) > 1:
            at = _at(segments[0].atoms, segments[1].atoms)
            self._hidden = at[at >= 0]
        names = {name for segment in segments for each in segment.packed for name in each.names}
        self._nothing = dict.fromkeys(sorted(names))

    def with_newer(self, newer: Segment) -> LiveIndex:
        """The same with another second segment."""
        return LiveIndex(
            (self.segments[0], newer), self.model, self.comparisons, n_records=self.n_records
        )

    def __len__(self) -> int:
        return int(self._starts[-1]) - len(self._hidden)

    def atoms_of(self, records: IntArray) -> IntArray:
        """Atom id of each record number."""
        found = np.empty(len(records), dtype=np.int64)
        for start, segment in zip(self._starts, self.segments, strict=False):
            here = (records >= start) & (records < start + len(segment.atoms))
            found[here] = segment.atoms[records[here] - start]
        return found

    def places(self, atoms: Sequence[int] | IntArray) -> IntArray:
        """Record number of each atom, the newest; -1 for one that is not here."""
        wanted = np.asarray(atoms, dtype=np.int64)
        found = np.full(len(wanted), -1, dtype=np.int64)
        for start, segment in zip(self._starts, self.segments, strict=False):
            at = _at(segment.atoms, wanted)
            found = np.where(at >= 0, at + start, found)
        return found

    def sharing(self, keys: KeyArray, *, most: int = MOST_RECORDS) -> tuple[IntArray, IntArray]:
        """Which of ``keys`` which records lie under, but for keys of more than ``most`` records.

        Returns
        -------
        (int array, int array), each of shape (n_found,)
            Places in ``keys``, and record numbers.
        """
        low, sizes = self._ranges(keys)
        few = sizes.sum(axis=0) <= most
        asked, found = [], []
        for at, segment in enumerate(self.segments):
            count = np.where(few, sizes[at], 0)
            asked.append(np.repeat(np.arange(len(keys)), count))
            found.append(segment.records[ranges(low[at], count)] + self._starts[at])
        places, records = np.concatenate(asked), np.concatenate(found).astype(np.int64)
        shown = ~np.isin(records, self._hidden) if len(self._hidden) else slice(None)
        return places[shown], records[shown]

    def standardised(self, records: IntArray) -> Standardised:
        """Readings of these record numbers, in their order, as `match` left them."""
        segment_of = np.searchsorted(self._starts, records, side="right") - 1
        readings = []
        for at, comparison in enumerate(self.comparisons):
            parts = []
            for number, segment in enumerate(self.segments):
                rows = records[segment_of == number] - self._starts[number]
                parts.append(segment.packed[at].readings(comparison, segment.codes[rows, at]))
            stacked = stack_readings(parts)
            back = np.argsort(np.argsort(segment_of, kind="stable"), kind="stable")
            readings.append(msgspec.structs.replace(stacked, codes=stacked.codes[back]))
        return Standardised(n_records=len(records), readings=tuple(readings))

    def find(self, stated: Mapping[str, str | None], *, limit: int = 10) -> list[Candidate]:
        """Records that may be the person who states this, the likeliest first.

        Parameters
        ----------
        stated : mapping
            Columns of `STATED`, as said or typed.
        """
        row = read_row(stated, self.comparisons)
        records = self._candidates(row)
        asked = self._against(row)
        found = [
            Candidate(atom=atom, score=asked.pair(known))
            for atom, known in zip(
                self._named(records), self._rows(records, asked.said), strict=True
            )
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
        row = read_row(stated, self.comparisons)
        alike = self._named(self._candidates(row))
        asked = self._against(row)
        found = []
        for profile_id, atoms in people(alike).items():
            at = self.places(sorted(atoms)[:MOST_OF_ONE])
            at = at[at >= 0]
            if len(at):
                score = asked.person(self._rows(at.tolist(), asked.said))
                if score.bits >= self.model.review_bits:
                    found.append(Person(profile_id=profile_id, score=score))
        found.sort(key=lambda person: (-person.score.bits, person.profile_id))
        return found[:limit]

    def _against(self, row: Row) -> Against:
        return Against(row, self.model, self.comparisons, n_records=self.n_records)

    def _ranges(self, keys: KeyArray) -> tuple[IntArray, IntArray]:
        """Where each key begins in each segment, and how many records lie there."""
        low = np.array([np.searchsorted(s.keys, keys, side="left") for s in self.segments])
        high = np.array([np.searchsorted(s.keys, keys, side="right") for s in self.segments])
        return low, high - low

    def _candidates(self, row: Row) -> list[int]:
        """Record numbers that share a key, those that share rare ones first."""
        keys = np.array(sorted(keys_of_row(row)), dtype=np.uint64)
        low, sizes = self._ranges(keys)
        total = sizes.sum(axis=0)
        weights: dict[int, float] = {}
        for at in np.flatnonzero((total > 0) & (total <= MOST_RECORDS)).tolist():
            weight = 1.0 / float(total[at])
            for number, segment in enumerate(self.segments):
                first, start = int(low[number, at]), int(self._starts[number])
                for record in segment.records[first : first + int(sizes[number, at])].tolist():
                    place = record + start
                    weights[place] = weights.get(place, 0.0) + weight
        best = sorted(weights, key=lambda record: (-weights[record], record))
        if len(self._hidden):
            best = [record for record in best[: 2 * MOST_CANDIDATES] if not self._is_hidden(record)]
        return best[:MOST_CANDIDATES]

    def _is_hidden(self, record: int) -> bool:
        at = int(np.searchsorted(self._hidden, record))
        return at < len(self._hidden) and int(self._hidden[at]) == record

    def _named(self, records: Sequence[int]) -> list[int]:
        named: list[int] = self.atoms_of(np.array(records, dtype=np.int64)).tolist()
        return named

    def _segment(self, record: int) -> tuple[Segment, int]:
        """The segment of a record, and its place there."""
        if len(self.segments) == 1 or record < self._starts[1]:
            return self.segments[0], record
        return self.segments[1], record - int(self._starts[1])

    def _rows(self, records: Sequence[int], matters: Sequence[int]) -> list[dict[str, Any]]:
        """What records say of some matters, which are places among the comparisons."""
        rows = []
        for record in records:
            row = self._nothing.copy()
            segment, at = self._segment(record)
            codes = segment.codes[at].tolist()
            for matter in matters:
                if codes[matter] >= 0:
                    row.update(segment.packed[matter].reading(codes[matter]))
            rows.append(row)
        return rows


class Segment(Struct, frozen=True, kw_only=True):
    """Records with their keys and readings, in memory or mapped from files.

    Attributes
    ----------
    atoms : int array, shape (n_records,), ascending
    keys : uint64 array, shape (n_keys,), ascending
    records : int32 array, shape (n_keys,)
        Whose each key is.
    codes : int32 array, shape (n_records, n_comparisons)
        The reading of each record in each comparison; -1 for none.
    packed : readings of each comparison
    """

    atoms: IntArray
    keys: KeyArray
    records: NDArray[np.int32]
    codes: NDArray[np.int32]
    packed: tuple[Packed, ...]

    def write(self, folder: Path) -> None:
        """Write it as files that several processes can share."""
        np.save(folder / "atoms.npy", self.atoms)
        np.save(folder / "keys.npy", self.keys)
        np.save(folder / "records.npy", self.records)
        np.save(folder / "codes.npy", self.codes)
        for at, packed in enumerate(self.packed):
            np.save(folder / f"starts{at}.npy", packed.starts)
            (folder / f"readings{at}").write_bytes(packed.content)
        columns = [packed.columns for packed in self.packed]
        (folder / "columns.json").write_bytes(msgspec.json.encode(columns))


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which becomes ``folder`` when all of it is written."""
    making = folder.with_name(f"{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    yield making
    making.rename(folder)


def build_segment(standardised: Standardised, atoms: IntArray) -> Segment:
    """Records ready to be asked for.

    Parameters
    ----------
    standardised : Standardised
        As `match` leaves it: without junk, and with the profiles and the rarity of values.
    atoms : int array, shape (n_records,), ascending
        The atom id of each record number.
    """
    keys, records = keys_of_all(standardised)
    packed = tuple(_pack(readings) for readings in standardised.readings)
    codes = np.column_stack([readings.codes for readings in standardised.readings])
    return Segment(atoms=atoms, keys=keys, records=records, codes=codes, packed=packed)


def open_segment(folder: Path) -> Segment:
    """A segment that `Segment.write` wrote; its files are mapped, and read as they are asked for.

    Raises
    ------
    StoreMismatch
        If there is none.
    """
    try:
        columns = msgspec.json.decode(
            (folder / "columns.json").read_bytes(), type=list[dict[str, str]]
        )
    except (OSError, msgspec.DecodeError) as error:
        raise StoreMismatch(
            f"{folder} holds no index of records; match the records again to make one"
        ) from error

    def array(name: str) -> Any:
        return np.load(folder / f"{name}.npy", mmap_mode="r")

    return Segment(
        atoms=array("atoms"),
        keys=array("keys"),
        records=array("records"),
        codes=array("codes"),
        packed=tuple(
            Packed(
                starts=array(f"starts{at}"),
                content=_mapped(folder / f"readings{at}"),
                columns=each,
            )
            for at, each in enumerate(columns)
        ),
    )


def build_index(
    standardised: Standardised, atoms: IntArray, model: Model, comparisons: Sequence[Comparison]
) -> LiveIndex:
    """An index of records; see `build_segment`."""
    return LiveIndex([build_segment(standardised, atoms)], model, comparisons)


class _Saved(Struct, frozen=True, kw_only=True):
    """What an index is besides its records."""

    comparisons: list[str]
    n_records: int
    model: Model


def write_index(index: LiveIndex, folder: Path) -> None:
    """Write the first segment of an index, and what else belongs to it."""
    index.segments[0].write(folder)
    saved = _Saved(
        comparisons=[comparison.name for comparison in index.comparisons],
        n_records=index.n_records,
        model=index.model,
    )
    (folder / "index.json").write_bytes(msgspec.json.encode(saved))


def open_index(
    folder: Path, comparisons: Sequence[Comparison], newer: Path | None = None
) -> LiveIndex:
    """An index that was saved, with the segment of what came since.

    Raises
    ------
    StoreMismatch
        If it was written for other comparisons than these.
    """
    segments = [open_segment(each) for each in (folder, newer) if each is not None]
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
    return LiveIndex(segments, saved.model, comparisons, n_records=saved.n_records)


def stack_readings(parts: Sequence[Readings]) -> Readings:
    """The records of several readings of one comparison, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *(part.values.num_rows for part in parts[:-1])])
    return Readings(
        comparison=parts[0].comparison,
        values=pa.concat_tables([part.values for part in parts], promote_options="permissive"),
        codes=np.concatenate(
            [
                np.where(part.codes >= 0, part.codes + start, -1).astype(np.int32)
                for part, start in zip(parts, starts.tolist(), strict=True)
            ]
        ),
        says=np.concatenate([part.says for part in parts]),
    )


def _at(atoms: IntArray, wanted: IntArray) -> IntArray:
    """Place of each of ``wanted`` in ``atoms``, -1 for none."""
    if not len(atoms):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(atoms, wanted), len(atoms) - 1)
    return np.where(atoms[at] == wanted, at, -1)


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        size = path.stat().st_size
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else b""


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

_ARROW: Mapping[str, pa.DataType] = {
    str(kind): kind
    for kind in (
        pa.string(),
        pa.date32(),
        pa.list_(pa.string()),
        pa.int8(),
        pa.int16(),
        pa.int32(),
        pa.int64(),
        pa.uint8(),
        pa.float32(),
        pa.float64(),
    )
}


class Packed:
    """One comparison's distinct readings as bytes, of which one costs a microsecond to read.

    Taking rows out of columns costs a hundred times that, for each of the columns anew.

    Parameters
    ----------
    starts : int array, shape (n_readings + 1,)
        Where each begins in ``content``.
    columns : mapping of column to Arrow type, in their order
    """

    def __init__(
        self,
        *,
        starts: IntArray,
        content: bytes | mmap.mmap,
        columns: dict[str, str],
    ) -> None:
        self.starts = starts
        self.content = content
        self.columns = columns
        self.names = tuple(columns)
        kinds = tuple(_TYPES[kind] | None for kind in columns.values())
        self._decode = msgspec.msgpack.Decoder(tuple[kinds]).decode  # type: ignore[valid-type]

    def reading(self, code: int) -> dict[str, Any]:
        packed = self.content[self.starts[code] : self.starts[code + 1]]
        return dict(zip(self.names, self._decode(packed), strict=True))

    def readings(self, comparison: Comparison, codes: NDArray[np.int32]) -> Readings:
        """The readings of records that have these codes, as `standardise` has them."""
        distinct, places = np.unique(codes[codes >= 0], return_inverse=True)
        content, starts, decode = self.content, self.starts, self._decode
        read = [
            decode(content[low:high])
            for low, high in zip(
                starts[distinct].tolist(), starts[distinct + 1].tolist(), strict=True
            )
        ]
        columns = list(zip(*read, strict=True)) or [()] * len(self.names)
        table = pa.table(
            {
                name: pa.array(values, type=_ARROW[kind])
                for (name, kind), values in zip(self.columns.items(), columns, strict=True)
            }
        )
        says = np.ones(len(distinct), dtype=np.bool_)
        for name in comparison.said:
            says &= table[name].is_valid().to_numpy()
        found = np.full(len(codes), -1, dtype=np.int32)
        found[codes >= 0] = places
        return Readings(comparison=comparison, values=table, codes=found, says=says)


def _pack(readings: Readings) -> Packed:
    encode = msgspec.msgpack.Encoder().encode
    packed: list[bytes] = []
    for batch in readings.values.to_batches(max_chunksize=100_000):
        columns = (column.to_pylist() for column in batch.columns)
        packed += [encode(row) for row in zip(*columns, strict=True)]
    lengths = np.fromiter(map(len, packed), np.int64, len(packed))
    return Packed(
        starts=np.r_[0, np.cumsum(lengths)],
        content=b"".join(packed),
        columns={field.name: str(field.type) for field in readings.values.schema},
    )

"""What a run over all records learnt of values, kept to read single records by.

Whether a mailbox is a family's and how rare a name is cannot be seen from a day's records. Values
are kept by 64 bits of them, since only their number is ever asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from rapport.unify.matching.live_keys import KeyArray, hashes_of
from rapport.unify.matching.standardise import Readings, Standardised
from rapport.unify.matching.value_profiles import (
    HOLDERS,
    JUNK,
    PERSONAL,
    PROFILED,
    TEXT_OF_WORDS,
    Limits,
    ValueProfiles,
    WordShares,
    learn_words,
    shares_of_words,
    with_holders,
)

FloatArray = NDArray[np.float64]
HolderArray = NDArray[np.int8]


class Holders(Struct, frozen=True, kw_only=True):
    """Values of one column that are not one person's.

    Attributes
    ----------
    hashes : uint64 array, shape (n_values,), ascending
    holder : int8 array, shape (n_values,)
    """

    hashes: KeyArray
    holder: HolderArray

    def of(self, hashes: KeyArray) -> HolderArray:
        """The holder of each; personal where nothing is known."""
        found = _placed(self.hashes, hashes)
        known = self.holder if len(self.holder) else np.zeros(1, dtype=np.int8)
        return np.where(found >= 0, known[found], PERSONAL).astype(np.int8)


class Shares(Struct, frozen=True, kw_only=True):
    """Which share of strangers holds a value, of one column.

    Attributes
    ----------
    hashes : uint64 array, shape (n_values,), ascending
    share : float32 array, shape (n_values,)
    unknown : float
        Of a value that nobody holds yet.
    """

    hashes: KeyArray
    share: NDArray[np.float32]
    unknown: float


class KnownValues(Struct, frozen=True, kw_only=True):
    """What is known of values, by column."""

    holders: Mapping[str, Holders]
    limits: Mapping[str, Limits]
    shares: Mapping[str, Shares]
    words: Mapping[str, WordShares]


def learn_values(
    standardised: Standardised, profiles: ValueProfiles, *, records_per_person: float
) -> KnownValues:
    """What these records, all that there are, tell of values.

    Parameters
    ----------
    standardised : Standardised
        As `match` leaves it.
    profiles : ValueProfiles
    records_per_person : float
        As it was given to `with_rarity`.
    """
    holders: dict[str, Holders] = {}
    shares: dict[str, Shares] = {}
    words: dict[str, WordShares] = {}
    for reading in standardised.readings:
        names = reading.values.column_names
        for name in names:
            if f"{name}_holder" in names:
                holders[name] = _learn_holders(standardised, profiles, name)
            if f"{name}_share" in names and name in TEXT_OF_WORDS:
                column = reading.values[TEXT_OF_WORDS[name]]
                words[name] = learn_words(column, reading.codes, records_per_person)
            elif f"{name}_share" in names:
                shares[name] = _learn_shares(reading, name)
    return KnownValues(holders=holders, limits=profiles.limits, shares=shares, words=words)


def holders_of(standardised: Standardised, profiles: ValueProfiles, column: str) -> dict[str, int]:
    """The holder of each value that `profile_values` found in a column."""
    values = standardised.column(column)[1].to_pylist()
    held = standardised.column(f"{column}_holder")[1].to_pylist()
    found = {
        value: holder
        for value, holder in zip(values, held, strict=True)
        if value is not None and holder is not None
    }
    junk = pc.and_(
        pc.equal(profiles.table["column"], column),
        pc.equal(profiles.table["holder"], HOLDERS[JUNK - 1].value),
    )
    return found | dict.fromkeys(profiles.table.filter(junk)["value"].to_pylist(), JUNK)


def with_known_values(standardised: Standardised, known: KnownValues) -> Standardised:
    """Some records as `match` leaves all of them: with holders and rarity, without junk.

    Parameters
    ----------
    standardised : Standardised
        As `standardise` gives it.
    """
    readings = []
    for reading in standardised.readings:
        current = reading
        for column in reading.comparison.columns:
            if column.name in PROFILED:
                current = _with_known_holders(current, column.name, known)
        wanted = sorted({level.rarity for level in reading.comparison.levels if level.rarity})
        table = current.values
        for name in wanted:
            if name in PROFILED or not table.num_rows:
                continue
            if name in known.words:
                share = shares_of_words(table[TEXT_OF_WORDS[name]], known.words[name])
            else:
                share = _known_shares(name, table[name], known.shares.get(name))
            table = table.append_column(f"{name}_share", pa.array(share, mask=np.isnan(share)))
        readings.append(msgspec.structs.replace(current, values=table))
    return Standardised(n_records=standardised.n_records, readings=tuple(readings))


def with_moved(known: KnownValues, column: str, moved: Mapping[str, int]) -> KnownValues:
    """The same with other holders of some values of a column."""
    before = known.holders.get(column, NOBODY)
    hashes = hashes_of(column, moved)
    kept = _placed(np.sort(hashes), before.hashes) < 0
    all_hashes = np.concatenate([before.hashes[kept], hashes])
    all_holders = np.concatenate(
        [before.holder[kept], np.fromiter(moved.values(), np.int8, len(moved))]
    )
    order = np.argsort(all_hashes, kind="stable")
    after = Holders(hashes=all_hashes[order], holder=all_holders[order])
    return msgspec.structs.replace(known, holders={**known.holders, column: after})


def write_values(known: KnownValues, folder: Path) -> None:
    """Write them as files."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for column, holders in known.holders.items():
        arrays[f"holders:{column}"] = holders.hashes
        arrays[f"holder:{column}"] = holders.holder
    for column, shares in known.shares.items():
        arrays[f"values:{column}"] = shares.hashes
        arrays[f"share:{column}"] = shares.share
    for column, words in known.words.items():
        arrays[f"word_share:{column}"] = words.share
        arrays[f"beyond:{column}"] = words.beyond
    np.savez(folder / "values.npz", allow_pickle=False, **arrays)
    told = _Saved(
        holders=sorted(known.holders),
        limits=dict(known.limits),
        shares={column: shares.unknown for column, shares in known.shares.items()},
        words={
            column: (words.words, words.whole, words.unknown)
            for column, words in known.words.items()
        },
    )
    (folder / "values.json").write_bytes(msgspec.json.encode(told))


def read_values(folder: Path) -> KnownValues:
    """What `write_values` wrote."""
    told = msgspec.json.decode((folder / "values.json").read_bytes(), type=_Saved)
    with np.load(folder / "values.npz") as arrays:
        return KnownValues(
            holders={
                column: Holders(
                    hashes=arrays[f"holders:{column}"], holder=arrays[f"holder:{column}"]
                )
                for column in told.holders
            },
            limits=told.limits,
            shares={
                column: Shares(
                    hashes=arrays[f"values:{column}"],
                    share=arrays[f"share:{column}"],
                    unknown=unknown,
                )
                for column, unknown in told.shares.items()
            },
            words={
                column: WordShares(
                    words=words,
                    share=arrays[f"word_share:{column}"],
                    whole=whole,
                    beyond=arrays[f"beyond:{column}"],
                    unknown=unknown,
                )
                for column, (words, whole, unknown) in told.words.items()
            },
        )


class _Saved(Struct, frozen=True, kw_only=True):
    holders: list[str]
    limits: dict[str, Limits]
    shares: dict[str, float]
    words: dict[str, tuple[list[str], list[str], float]]


#: Nothing known: every value is one person's.
NOBODY = Holders(hashes=np.empty(0, dtype=np.uint64), holder=np.empty(0, dtype=np.int8))


def _learn_holders(standardised: Standardised, profiles: ValueProfiles, column: str) -> Holders:
    found = {
        value: holder
        for value, holder in holders_of(standardised, profiles, column).items()
        if holder > PERSONAL
    }
    hashes = hashes_of(column, found)
    order = np.argsort(hashes, kind="stable")
    holder = np.fromiter(found.values(), np.int8, len(found))
    return Holders(hashes=hashes[order], holder=holder[order])


def _learn_shares(reading: Readings, column: str) -> Shares:
    coded = reading.values[column].combine_chunks().dictionary_encode()
    share = reading.values[f"{column}_share"].to_numpy()
    value_of = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    of_value = np.zeros(len(coded.dictionary), dtype=np.float32)
    of_value[value_of[value_of >= 0]] = share[value_of >= 0]
    hashes = hashes_of(column, map(str, coded.dictionary.to_pylist()))
    order = np.argsort(hashes, kind="stable")
    return Shares(
        hashes=hashes[order],
        share=of_value[order],
        unknown=float(of_value.min()) if len(of_value) else 1.0,
    )


def _with_known_holders(reading: Readings, column: str, known: KnownValues) -> Readings:
    values = reading.values[column].to_pylist()
    held = np.array([value is not None for value in values], dtype=np.bool_)
    holder = np.zeros(len(values), dtype=np.int8)
    hashes = hashes_of(column, (value for value in values if value is not None))
    holder[held] = known.holders.get(column, NOBODY).of(hashes)
    return with_holders(reading, column, holder)


def _known_shares(name: str, column: pa.ChunkedArray, shares: Shares | None) -> FloatArray:
    """Of each value; NaN for none, and where nobody held any."""
    values = column.to_pylist()
    out = np.full(len(values), np.nan)
    held = np.array([value is not None for value in values], dtype=np.bool_)
    if shares is None or not held.any():
        return out
    found = _placed(shares.hashes, hashes_of(name, (str(v) for v in values if v is not None)))
    out[held] = np.where(found >= 0, shares.share[found], shares.unknown)
    return out


def _placed(known: KeyArray, asked: KeyArray) -> NDArray[np.int64]:
    """Place of each in ascending ``known``, -1 for none."""
    if not len(known):
        return np.full(len(asked), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.where(known[at] == asked, at, -1)

"""On which level two records stand in each comparison, for millions of pairs.

The readings of a comparison lie in the engine, once, and pairs are asked for by number. What only
asks whether two values are the same is told by the numbers of the values, without the engine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.comparison import Comparison
from rapport.unify.matching.distinct import distinct, numbered
from rapport.unify.matching.model import GRADES, level_keys
from rapport.unify.matching.standardise import Readings, Standardised
from rapport.unify.matching.value_profiles import PERSONAL, PROFILED

IntArray = NDArray[np.int64]
NumberArray = NDArray[np.int32]
FloatArray = NDArray[np.float32]
CodeArray = NDArray[np.uint8]

#: The code of a comparison of which one record says nothing; level k of `level_keys` is k + 1.
UNSAID = 0
#: Below so many pairs a thread costs more than it saves.
_FEW_PAIRS = 10_000
#: Readings are put into the engine whole where there are no more than so many for a pair.
_FEW_READINGS = 20
#: Rows that a thread of the engine takes at a time.
_BATCH = 131_072
#: Levels on which a mailbox repeats what the name has said: of two Jan Peeters, one is
#: jan.peeters7@… and the other peeters.jan@… because both are called so. They count only where no
#: name has agreed already: with a name, or with the other's mailbox.
REPEATED_BY_NAME = frozenset({"same_local_part", "same_local_words", "local_part_close"})
NAME, MAILBOX, MAILBOX_NAME = "name", "email", "mailbox_name"
#: Levels of the name that leave open that it is another name.
OTHER_NAME = frozenset({"else", "not_comparable", "same_given", "shared_word"})
#: Levels on which one record's mailbox bears the other's name.
NAMED_SO = frozenset({"full_name", "short_name", "slip", "one_word"})


class Levels(Struct, frozen=True, kw_only=True):
    """On which level each pair stands in each comparison.

    Attributes
    ----------
    codes : uint8 array, shape (n_comparisons, n_pairs)
        `UNSAID`, or 1 + the index in `level_keys`.
    share : float32 array, shape (n_comparisons, n_pairs)
        Share of strangers that hold the value on which the two agree; NaN where the level has no
        rarity.
    """

    codes: CodeArray
    share: FloatArray


class Comparer:
    """Compares pairs of some records in batches; `close` it in the end.

    Readings are put into the engine once, and a question names the two of each pair by number:
    otherwise every pair would bring copies of both. Pairs of readings that repeat are compared
    once.

    Parameters
    ----------
    threads : int
        Comparisons that are worked on at a time.
    """

    def __init__(
        self, standardised: Standardised, engine: ColumnEngine, *, threads: int = 2
    ) -> None:
        self._readings = tuple(_Compared(reading, engine) for reading in standardised.readings)
        self._threads = threads

    def codes(self, a: IntArray, b: IntArray) -> CodeArray:
        """Codes of the levels of pairs of record numbers, shape (n_comparisons, n_pairs)."""
        codes = np.zeros((len(self._readings), len(a)), dtype=np.uint8)

        def compare(at: int) -> None:
            self._readings[at].compare(a, b, codes[at])

        if len(a) < _FEW_PAIRS:
            for at in range(len(codes)):
                compare(at)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(compare, range(len(codes))))
        _silence_repeated(codes, self.comparisons)
        return codes

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """In the order of the codes."""
        return tuple(of.reading.comparison for of in self._readings)

    def levels(self, codes: CodeArray, a: IntArray, b: IntArray) -> Levels:
        """The codes with the shares of the values on which the pairs agree."""
        share = np.full(codes.shape, np.nan, dtype=np.float32)
        for at in range(len(codes)):
            rows, found = self.shares(at, codes[at], a, b)
            share[at, rows] = found
        return Levels(codes=codes, share=share)

    def shares(
        self, comparison: int, codes: CodeArray, a: IntArray, b: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """Of one comparison: pairs whose level has a rarity, and the share of what they agree on.

        Parameters
        ----------
        comparison : int
            Its place among the comparisons.
        codes : uint8 array, shape (n_pairs,)
            Its codes of the pairs.
        """
        return self._readings[comparison].shares(codes, a, b)

    def see_shares(self, standardised: Standardised) -> None:
        """The readings stay, and other shares are known of them."""
        for of, reading in zip(self._readings, standardised.readings, strict=True):
            of.see_shares(reading)

    def close(self) -> None:
        for of in self._readings:
            of.close()


def level_codes(
    standardised: Standardised, a: IntArray, b: IntArray, engine: ColumnEngine
) -> Levels:
    """Levels of the pairs (a, b) of record numbers."""
    with closing(Comparer(standardised, engine)) as comparer:
        return comparer.levels(comparer.codes(a, b), a, b)


def _silence_repeated(codes: CodeArray, comparisons: Sequence[Comparison]) -> None:
    """Leave out, in place, what a mailbox says only because the name says it."""
    places = {comparison.name: at for at, comparison in enumerate(comparisons)}
    if NAME not in places or MAILBOX not in places:
        return
    name, mailbox = places[NAME], places[MAILBOX]
    agrees = np.array([False, *(key not in OTHER_NAME for key in level_keys(comparisons[name]))])
    told = agrees[codes[name]]
    if MAILBOX_NAME in places:
        bears = places[MAILBOX_NAME]
        named = np.array([False, *(key in NAMED_SO for key in level_keys(comparisons[bears]))])
        told |= named[codes[bears]]
    repeated = np.array(
        [False, *(key in REPEATED_BY_NAME for key in level_keys(comparisons[mailbox]))]
    )
    codes[mailbox, told & repeated[codes[mailbox]]] = UNSAID


#: Both records have the same value of one column.
_SAME = re.compile(r"l\.(\w+) = r\.(\w+)|coalesce\(l\.(\w+) = r\.(\w+), false\)")
_COLUMN = re.compile(r"\b[lr]\.(\w+)")


class _Plan(Struct, frozen=True, kw_only=True):
    """How the levels of a comparison are told.

    Attributes
    ----------
    same : tuple of str
        Columns: the first levels are to have the same value of them, which numbers of values tell.
    rest : str
        The number of the first later level that holds, as an expression; empty where there is none.
    columns : tuple of str
        What ``rest`` reads.
    """

    same: tuple[str, ...]
    rest: str
    columns: tuple[str, ...]


@lru_cache(maxsize=256)
def _plan(comparison: Comparison) -> _Plan:
    types = {column.name: column.type for column in comparison.columns}
    same: list[str] = []
    for level in comparison.levels:
        found = _SAME.fullmatch(level.sql)
        names = {name for name in found.groups() if name} if found else set()
        if len(names) != 1 or types.get(name := names.pop(), "words") == "words":
            break
        same.append(name)
    rest = comparison.levels[len(same) :]
    if not rest:
        return _Plan(same=tuple(same), rest="", columns=())
    cases = " ".join(f"WHEN {level.sql} THEN {at}" for at, level in enumerate(rest, len(same)))
    return _Plan(
        same=tuple(same),
        rest=f"CASE {cases} ELSE {len(comparison.levels)} END",
        columns=tuple(sorted({name for level in rest for name in _COLUMN.findall(level.sql)})),
    )


class _Compared:
    """The readings of one comparison, ready to be compared."""

    def __init__(self, reading: Readings, engine: ColumnEngine) -> None:
        self.reading = reading
        self._engine = engine
        self._plan = _plan(reading.comparison)
        self._kept = ""
        codes: list[int] = []
        level_of: list[int] = []
        shares: dict[int, str] = {}
        holders: dict[int, str] = {}
        for at, level in enumerate(reading.comparison.levels):
            codes.append(len(level_of) + 1)
            grades = len(GRADES) if level.rarity in PROFILED else 1
            level_of += [at] * grades
            if level.rarity in PROFILED:
                holders[at] = level.rarity
            elif level.rarity:
                shares[codes[-1]] = level.rarity
        #: The code of each level, `ELSE` last.
        self._codes = np.array([*codes, len(level_of) + 1], dtype=np.uint8)
        self._holders, self._shares = holders, shares
        self._numbers: dict[str, NumberArray] = {}
        self._whose: dict[str, CodeArray] = {}
        self._held_by: dict[str, FloatArray] = {}

    def close(self) -> None:
        if self._kept:
            self._engine.forget(self._kept)
            self._kept = ""

    def see_shares(self, reading: Readings) -> None:
        self.reading = reading
        self._held_by.clear()

    def compare(self, a: IntArray, b: IntArray, codes: CodeArray) -> None:
        """Write the codes of pairs of record numbers into ``codes``."""
        left, right = self.reading.codes[a], self.reading.codes[b]
        both = np.flatnonzero((left >= 0) & (right >= 0))
        left, right = left[both], right[both]
        if not len(both):
            return
        if not self.reading.says.all():
            said = self.reading.says[left] & self.reading.says[right]
            both, left, right = both[said], left[said], right[said]
        codes[both] = self._codes[self._levels(left, right)]
        for level, column in self._holders.items():
            first = self._codes[level]
            graded = np.flatnonzero(codes[both] == first)
            codes[both[graded]] += self._holder(column)[left[graded]] - np.uint8(PERSONAL)

    def _levels(self, left: NumberArray, right: NumberArray) -> CodeArray:
        """The number of the level of each pair of readings."""
        levels = np.full(len(left), len(self.reading.comparison.levels), dtype=np.uint8)
        open_ = np.arange(len(left))
        for level, column in enumerate(self._plan.same):
            value = self._value_of(column)
            one = value[left[open_]]
            same = (one == value[right[open_]]) & (one >= 0)
            levels[open_[same]] = level
            open_ = open_[~same]
        if self._plan.rest and len(open_):
            levels[open_] = self._ask(left[open_], right[open_])
        return levels

    def _ask(self, left: NumberArray, right: NumberArray) -> CodeArray:
        n = self.reading.values.num_rows
        pairs, places = numbered(
            np.minimum(left, right).astype(np.int64) * n + np.maximum(left, right)
        )
        lower, upper = pairs // n, pairs % n
        tables = {}
        if len(pairs) * _FEW_READINGS < n and not self._kept:
            rows = distinct(np.concatenate([lower, upper]))
            lower, upper = np.searchsorted(rows, lower), np.searchsorted(rows, upper)
            tables["readings"] = self._numbered_values(rows)
        elif not self._kept:
            self._kept = self._engine.keep(self._numbered_values(None))
        tables["pairs"] = pa.table(
            {
                "pair": np.arange(len(pairs), dtype=np.int32),
                "lower": lower.astype(np.int32),
                "upper": upper.astype(np.int32),
            }
        )
        # In batches, so that the engine's threads share them.
        tables["pairs"] = pa.Table.from_batches(tables["pairs"].to_batches(max_chunksize=_BATCH))
        readings = self._kept or "readings"
        answer = self._engine.ask(
            f"SELECT pair, ({self._plan.rest})::UTINYINT AS level FROM pairs"  # noqa: S608
            f" JOIN {readings} l ON l.reading = pairs.lower"
            f" JOIN {readings} r ON r.reading = pairs.upper",
            **tables,
        )
        levels = np.empty(len(pairs), dtype=np.uint8)
        levels[answer["pair"].to_numpy()] = answer["level"].to_numpy()
        return levels[places]

    def _numbered_values(self, rows: IntArray | None) -> pa.Table:
        """The readings that the rest asks for, with their numbers."""
        values = self.reading.values.select(list(self._plan.columns))
        if rows is not None:
            values = values.take(pa.array(rows))
        numbers = pa.array(np.arange(values.num_rows, dtype=np.int32))
        return values.append_column("reading", numbers)

    def shares(self, codes: CodeArray, a: IntArray, b: IntArray) -> tuple[IntArray, FloatArray]:
        """The pairs whose level has a rarity, and the shares of what they agree on."""
        if not self._shares:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        has = np.zeros(256, dtype=np.bool_)
        has[list(self._shares)] = True
        rows = np.flatnonzero(has[codes])
        if not len(rows):  # where nobody says anything, nothing is known of shares
            return rows, np.empty(0, dtype=np.float32)
        lower = np.minimum(self.reading.codes[a[rows]], self.reading.codes[b[rows]])
        found = np.empty(len(rows), dtype=np.float32)
        for code, column in self._shares.items():
            of = codes[rows] == code
            found[of] = self._share(column)[lower[of]]
        return rows, found

    def _value_of(self, column: str) -> NumberArray:
        """The number of each reading's value; -1 where it has none."""
        if column not in self._numbers:
            coded = self.reading.values[column].combine_chunks().dictionary_encode().indices
            self._numbers[column] = pc.fill_null(coded, -1).to_numpy()
        return self._numbers[column]

    def _holder(self, column: str) -> CodeArray:
        """Whose each reading's value is; somebody's where that is not known."""
        if column not in self._whose:
            whose = pc.fill_null(self.reading.values[f"{column}_holder"], PERSONAL)
            self._whose[column] = whose.to_numpy().astype(np.uint8)
        return self._whose[column]

    def _share(self, column: str) -> FloatArray:
        """Of each reading's value the share of strangers that hold it; NaN where it has none."""
        if column not in self._held_by:
            share = self.reading.values[f"{column}_share"]
            self._held_by[column] = pc.fill_null(share, np.nan).to_numpy().astype(np.float32)
        return self._held_by[column]

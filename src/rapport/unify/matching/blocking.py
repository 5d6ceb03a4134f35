"""Which pairs are worth comparing: those that share two facts, or one that is somebody's own.

Comparing all pairs of a million records would take months. A *key* is a combination of facts (a
word of the name and the postcode, a word and the birthday, …), and records that share a key are
compared. A key that too many share is not dropped but refined by a further fact; what is then still
too common is dropped and counted. How many pairs each kind of key makes is measured before any is
made, and common kinds get smaller blocks until all fit the budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from rapport.unify.matching.comparison import Row
from rapport.unify.matching.distinct import distinct
from rapport.unify.matching.standardise import Standardised
from rapport.unify.matching.value_profiles import PROFILED

IntArray = NDArray[np.int64]
KeyArray = NDArray[np.uint64]
#: Numbers of records, of values, and sizes of blocks: half the memory of `IntArray`.
CodeArray = NDArray[np.int32]

#: Records of one block at most.
CAP = 80
#: Pairs per record at most over all kinds of keys, a pair that several kinds make counted for each.
PAIRS_PER_RECORD = 60.0
#: Beyond so many records the budget shrinks with the root of their number, down to a quarter: keys
#: of a million records are the more telling ones anyway.
_MANY_RECORDS = 60_000
#: Words of one name that make keys at most, the rarest first.
_MOST_WORDS = 6


class Fact(Struct, frozen=True, kw_only=True):
    """Something that a record states, seen as values that keys are made of.

    ``columns`` are the standardised columns that may hold it; those that a data set lacks are
    passed over. ``of`` takes a value of the column to the fact's values, and a list word by word.
    Where ``among`` names a column, values are these themselves, and only those that some record
    holds there make keys.
    """

    name: str
    columns: tuple[str, ...]
    of: Callable[[object], Sequence[str]]
    among: str = ""


def _itself(value: object) -> Sequence[str]:
    return (str(value),)


def _year(value: object) -> Sequence[str]:
    return (str(value)[:4],)


def _day(value: object) -> Sequence[str]:
    return (str(value)[5:],)


def _words(value: object) -> Sequence[str]:
    return [word for word in value if len(word) > 1] if isinstance(value, list | tuple) else ()


def _stems(value: object) -> Sequence[str]:
    """The beginnings of the words: most slips come later."""
    return sorted({word[:3] for word in _words(value) if len(word) > 2})


def _initials(value: object) -> Sequence[str]:
    return sorted({word[0] for word in value if word}) if isinstance(value, list | tuple) else ()


def _mailboxes(value: object) -> Sequence[str]:
    return tuple(value) if isinstance(value, list | tuple) else (str(value),)


FACTS: tuple[Fact, ...] = (
    *(Fact(name=column, columns=(column,), of=_itself) for column in PROFILED),
    Fact(name="email_local", columns=("email_local",), of=_itself),
    Fact(name="phone_tail", columns=("phone_tail",), of=_itself),
    Fact(name="word", columns=("name_words",), of=_words),
    Fact(name="initial", columns=("name_words",), of=_initials),
    Fact(name="stem", columns=("name_words",), of=_stems),
    Fact(
        name="mailbox",  # a mailbox's letters, and the mailboxes that a name would have
        columns=("mailbox_name_letters", "mailbox_name_full", "mailbox_name_short"),
        of=_mailboxes,
        among="mailbox_name_letters",
    ),
    Fact(name="birth", columns=("birth",), of=_itself),
    Fact(name="birth_year", columns=("birth",), of=_year),
    Fact(name="birth_day", columns=("birth",), of=_day),
    Fact(
        name="postcode",
        columns=("address_postal_code", "address_postcode", "postcode_value"),
        of=_itself,
    ),
    Fact(name="city", columns=("address_city", "city_value"), of=_itself),
    Fact(name="company_word", columns=("company_name_core_words",), of=_words),
    Fact(name="company_stem", columns=("company_name_words",), of=_stems),
    Fact(name="company_letters", columns=("company_name_letters",), of=_itself),
    Fact(name="company_postcode", columns=("company_address_postcode",), of=_itself),
    Fact(name="company_city", columns=("company_address_city",), of=_itself),
    Fact(name="company_tail", columns=("company_phone_tail",), of=_itself),
)

#: Kinds of keys, the most telling first: when the budget is short, the last ones suffer.
RECIPES: tuple[tuple[str, ...], ...] = (
    *((column,) for column in PROFILED),
    ("email_local",),
    ("phone_tail",),
    ("mailbox",),
    ("word", "birth"),
    ("birth", "postcode"),
    ("word", "word"),
    ("word", "postcode"),
    ("stem", "birth"),
    ("birth", "city"),
    ("word", "birth_year", "city"),
    ("word", "birth_day"),
    ("stem", "stem"),
    ("stem", "postcode", "birth_year"),
    ("stem", "birth_day", "city"),
    ("stem", "postcode"),
    ("word", "city"),
    ("birth",),
    ("word",),
    # A company has few facts besides, and there are few companies.
    ("company_tail",),
    ("company_letters",),
    ("company_word", "company_postcode"),
    ("company_word", "company_city"),
    ("company_stem", "company_postcode"),
    ("company_word",),
)
#: By what a key that too many share is refined.
REFINERS = (
    *("birth_year", "postcode", "city", "birth_day", "stem", "initial"),
    *("company_postcode", "company_city", "company_stem"),
)


class KindOfKey(Struct, frozen=True, kw_only=True):
    """What one recipe came to.

    Attributes
    ----------
    facts : tuple of str
    keys, pairs : int
        Keys that two records or more share, and the pairs they make together.
    cap : int
        Records per block that the budget allowed.
    refined, dropped : int
        Records in keys that were refined, and in keys that stayed too common and made no pairs.
    """

    facts: tuple[str, ...]
    keys: int
    pairs: int
    cap: int
    refined: int
    dropped: int


class Blocks(Struct, frozen=True, kw_only=True):
    """Distinct pairs of record numbers, a < b, sorted; and what each recipe came to."""

    a: IntArray
    b: IntArray
    kinds: tuple[KindOfKey, ...]


class _Held(Struct, frozen=True, kw_only=True):
    """A fact of all records: ``ids[starts[r]:starts[r + 1]]`` are what record r holds."""

    starts: IntArray
    ids: CodeArray

    @property
    def counts(self) -> IntArray:
        return np.diff(self.starts)


def block(
    standardised: Standardised,
    *,
    cap: int = CAP,
    pairs_per_record: float = PAIRS_PER_RECORD,
    recipes: Sequence[tuple[str, ...]] = RECIPES,
    threads: int = 2,
) -> Blocks:
    """The pairs worth comparing.

    Parameters
    ----------
    standardised : Standardised
        Without junk: what is nobody's must not make blocks.
    cap : int
        Records per block at most.
    pairs_per_record : float
        The budget.
    threads : int
        Facts and recipes that are worked on at a time: sorting leaves the interpreter to others.
    """
    n = standardised.n_records
    with ThreadPoolExecutor(threads) as pool:
        held = pool.map(lambda fact: _held(fact, standardised), FACTS)
        facts = {fact.name: of for fact, of in zip(FACTS, held, strict=True) if of is not None}
        usable = [recipe for recipe in recipes if all(name in facts for name in recipe)]
        made = list(pool.map(lambda recipe: _grouped(*_keys(recipe, facts)), usable))
        allowed = _budgets([_made(size, cap) for _, _, size in made], _budget(n, pairs_per_record))

        def pairs_of(at: int) -> tuple[IntArray, KindOfKey]:
            return _pairs(usable[at], *made[at], facts, cap, allowed[at], n)

        done = list(pool.map(pairs_of, range(len(usable))))
    found = [pairs for pairs, _ in done]
    combined = distinct(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
    a = combined // max(n, 1)
    return Blocks(a=a, b=combined - a * n, kinds=tuple(kind for _, kind in done))


def facts_of(row: Row, facts: Sequence[Fact] = FACTS) -> dict[str, set[str]]:
    """What one record holds of each fact of which it says anything, in Python."""
    held: dict[str, set[str]] = {}
    for fact in facts:
        values = {
            value
            for column in fact.columns
            if row.get(column) is not None
            for value in fact.of(row[column])
        }
        if values:
            held[fact.name] = values
    return held


def _held(fact: Fact, standardised: Standardised) -> _Held | None:
    """The fact of every record; None where the records have no column for it."""
    columns = [name for name in fact.columns if name in standardised.columns]
    if not columns:
        return None
    codes, first = standardised.column(columns[0])
    if fact.of is _itself:
        columns = columns[:1]
    wanted = standardised.column(fact.among)[1].unique().drop_null() if fact.among else None
    numbers: dict[str, int] = {}
    # Columns of one comparison, which have one code. What two words or columns say alike is held
    # once.
    said = [_said(fact, standardised.column(name)[1], wanted, numbers) for name in columns]
    rows, ids = (np.concatenate(parts) for parts in zip(*said, strict=True))
    width = int(ids.max(initial=0)) + 1
    held = distinct(rows * width + ids)
    lengths = np.bincount(held // width, minlength=len(first) + 1)
    value_starts = np.r_[0, np.cumsum(lengths)]
    counts = lengths[codes]  # code -1 is the last: nothing
    starts = np.r_[0, np.cumsum(counts)]
    per_value = (held % width).astype(np.int32)
    return _Held(
        starts=starts,
        ids=per_value[_ranges(value_starts[np.where(codes < 0, len(first), codes)], counts)],
    )


def _said(
    fact: Fact, column: pa.ChunkedArray, wanted: pa.Array | None, numbers: dict[str, int]
) -> tuple[IntArray, IntArray]:
    """Rows of a column and the numbers of what they say: a row for each thing said.

    Distinct values, or words of lists, are asked once; ``numbers`` are what has been met so far.
    Where only some are wanted, values are these themselves.
    """
    values = column.combine_chunks()
    listed = pa.types.is_list(values.type)
    if listed:
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
        rows = np.repeat(np.arange(len(values), dtype=np.int64), lengths)
        values = values.flatten()
    else:
        rows = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        values = values.drop_null()
    if wanted is not None:
        ids = pc.fill_null(pc.index_in(values, value_set=wanted), -1).to_numpy().astype(np.int64)
        return rows[ids >= 0], ids[ids >= 0]
    coded = values.dictionary_encode()
    at = coded.indices.to_numpy().astype(np.int64)
    if fact.of is _itself:
        return rows, at
    # What a fact says of words it says of each word by itself.
    got = [fact.of([one]) if listed else fact.of(one) for one in coded.dictionary.to_pylist()]
    counts = np.array([len(some) for some in got], dtype=np.int64)
    ids = np.array(
        [numbers.setdefault(one, len(numbers)) for some in got for one in some], dtype=np.int64
    )
    starts = np.cumsum(counts) - counts
    return np.repeat(rows, counts[at]), ids[_ranges(starts[at], counts[at])]


def _ranges(starts: IntArray, counts: IntArray) -> IntArray:
    """start, start + 1, … for each start, as one array."""
    ends = np.cumsum(counts)
    offset = np.repeat(starts - (ends - counts), counts)
    out: IntArray = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64) + offset
    return out


_ODD = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)


def _mixed(keys: KeyArray, ids: CodeArray, part: int) -> KeyArray:
    """64 bits of both; two keys fall together once in 10^19 pairs."""
    with np.errstate(over="ignore"):
        x = keys * np.uint64(_ODD[part % 4]) + ids.astype(np.uint64) + np.uint64(part + 1)
        x ^= x >> np.uint64(31)
        x *= np.uint64(0xBF58476D1CE4E5B9)
        x ^= x >> np.uint64(29)
    return x


def _joined(
    records: CodeArray, keys: KeyArray, fact: _Held, part: int
) -> tuple[CodeArray, KeyArray]:
    """Every key with every value that its record holds of a further fact."""
    counts = fact.counts[records]
    ids = fact.ids[_ranges(fact.starts[records], counts)]
    return np.repeat(records, counts), _mixed(np.repeat(keys, counts), ids, part)


def _twice(recipe: tuple[str, ...]) -> bool:
    return len(recipe) == 2 and recipe[0] == recipe[1]


def _keys(recipe: tuple[str, ...], facts: Mapping[str, _Held]) -> tuple[CodeArray, KeyArray]:
    first = facts[recipe[0]]
    records = np.repeat(np.arange(len(first.starts) - 1, dtype=np.int32), first.counts)
    keys = first.ids.astype(np.uint64)
    if _twice(recipe):
        return _two_of(records, first)
    for part, name in enumerate(recipe[1:]):
        records, keys = _joined(records, keys, facts[name], part)
    return records, keys


def _two_of(records: CodeArray, words: _Held) -> tuple[CodeArray, KeyArray]:
    """Each two values of one fact, whichever comes first."""
    counts = words.counts[records]
    other = words.ids[_ranges(words.starts[records], counts)]
    one = np.repeat(words.ids, counts)
    keep = one < other
    return np.repeat(records, counts)[keep], _mixed(one[keep].astype(np.uint64), other[keep], 0)


def _grouped(records: CodeArray, keys: KeyArray) -> tuple[CodeArray, KeyArray, CodeArray]:
    """Sorted by key, with the size of the block of each entry; blocks of one are left out."""
    order = np.argsort(keys)
    keys = keys[order]
    alike = keys[1:] == keys[:-1]
    several = np.zeros(len(keys), dtype=np.bool_)
    several[1:] = alike
    several[:-1] |= alike
    records, keys = records[order[several]], keys[several]
    bounds = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.empty(0, int)
    sizes = np.diff(np.r_[bounds, len(keys)]).astype(np.int32)
    return records, keys, np.repeat(sizes, sizes)


def _pairs(
    recipe: tuple[str, ...],
    records: CodeArray,
    keys: KeyArray,
    size: CodeArray,
    facts: Mapping[str, _Held],
    cap: int,
    budget: float,
    n: int,
) -> tuple[IntArray, KindOfKey]:
    """Pairs of one recipe's blocks, those above the cap refined."""
    cap = _affordable(size, cap, budget)
    small = size <= cap
    found = [_within(records[small], keys[small], n)]
    refined, dropped = int((~small).sum()), 0
    if refined:
        left = budget - len(found[0])
        wide, wide_keys = records[~small], keys[~small]
        lost = np.zeros(n, dtype=np.bool_)
        lost[wide] = True
        for part, name in enumerate(REFINERS):
            if name not in facts or name in recipe:
                continue
            more, more_keys = _joined(wide, wide_keys, facts[name], part + 4)
            more, more_keys, more_size = _grouped(more, more_keys)
            limit = _affordable(more_size, cap, left / 2)
            fits = more_size <= limit
            pairs = _within(more[fits], more_keys[fits], n)
            left = max(left - len(pairs), 0.0)
            found.append(pairs)
            lost[more[fits]] = False
        dropped = int(lost.sum())
    pairs = distinct(np.concatenate(found))
    return pairs, KindOfKey(
        facts=recipe,
        keys=int((1.0 / size).sum().round()) if len(size) else 0,
        pairs=len(pairs),
        cap=cap,
        refined=refined,
        dropped=dropped,
    )


def _budget(n: int, pairs_per_record: float) -> float:
    return n * pairs_per_record * min(1.0, max(0.25, math.sqrt(_MANY_RECORDS / max(n, 1))))


def _made(size: CodeArray, cap: int) -> float:
    """Pairs that blocks of these sizes make, each entry of a block counted."""
    return float((np.minimum(size, cap) - 1).sum(dtype=np.int64) / 2)


def _budgets(wanted: list[float], budget: float) -> list[float]:
    """Pairs that each recipe may make: what modest ones leave over goes to the greedy."""
    allowed = [0.0] * len(wanted)
    order = sorted(range(len(wanted)), key=lambda at: (wanted[at], at))
    for left, at in enumerate(order):
        allowed[at] = min(wanted[at], budget / (len(order) - left))
        budget -= allowed[at]
    return allowed


def _affordable(size: CodeArray, cap: int, budget: float) -> int:
    """The greatest block size, up to ``cap``, whose blocks make no more pairs than ``budget``."""
    # A block of n makes n (n - 1) / 2 pairs: (n - 1) / 2 for each of its entries.
    made = np.bincount(np.minimum(size, cap + 1), minlength=cap + 2)[: cap + 1]
    total = np.cumsum(made * (np.arange(cap + 1) - 1) / 2)
    return int(np.searchsorted(total, budget, side="right")) - 1 if total[-1] > budget else cap


def _within(records: CodeArray, keys: KeyArray, n: int) -> IntArray:
    """All pairs inside the blocks of sorted ``keys``, as a * n + b with a < b."""
    found = []
    at = np.arange(len(keys), dtype=np.int64)
    step = 1
    while len(at):
        at = at[at + step < len(keys)]
        at = at[keys[at] == keys[at + step]]
        one, other = records[at], records[at + step]
        # A record may hold a key twice, by two words that begin alike.
        two = one != other
        one, other = one[two], other[two]
        found.append(np.minimum(one, other).astype(np.int64) * n + np.maximum(one, other))
        step += 1
    pairs: IntArray = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
    return pairs


def sample_pairs(blocks: Blocks, most: int, rng: np.random.Generator) -> IntArray:
    """Indices of at most ``most`` of the pairs, evenly drawn, sorted."""
    if len(blocks.a) <= most:
        return np.arange(len(blocks.a), dtype=np.int64)
    return np.sort(rng.choice(len(blocks.a), size=most, replace=False))


def random_pairs(
    n: int, blocks: Blocks, count: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Pairs drawn evenly from all that no key joins; all of them where there are not so many."""
    if n < 2:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    total = n * (n - 1) // 2
    if total <= count:
        a, b = np.triu_indices(n, 1)
        combined = a.astype(np.int64) * n + b
    else:
        a, b = rng.integers(0, n, size=(2, count))
        keep = a != b
        combined = distinct(np.minimum(a, b)[keep] * n + np.maximum(a, b)[keep])
    blocked = blocks.a * n + blocks.b
    where = np.searchsorted(blocked, combined)
    inside = np.zeros(len(combined), dtype=np.bool_)
    valid = where < len(blocked)
    inside[valid] = blocked[where[valid]] == combined[valid]
    combined = combined[~inside]
    return combined // n, combined % n


def chunks(n: int, size: int) -> Iterator[slice]:
    """Slices of ``size`` that cover range(n)."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))

"""Whose is a value? Learnt from the records that hold it, without knowing the truth.

A mailbox under which one name appears is somebody's. One under which Jan, Els and Lien Peeters
appear is a family's, one with forty surnames is a shop's or was typed to fill a field. And the more
records bear a word or a birthday, the less it proves that two of them do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray
from rapidfuzz.distance import JaroWinkler

from rapport.unify.blocked_values import blocked_reason, names_household
from rapport.unify.matching.comparison import Holder
from rapport.unify.matching.distinct import distinct
from rapport.unify.matching.standardise import Readings, Standardised

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: Columns whose values belong to somebody: column → kind of `blocked_reason`.
PROFILED: Mapping[str, str] = {
    "email": "email",
    "phone": "phone",
    "address_key": "address",
    "loyalty_card": "loyalty_card",
    "national_id": "national_id",
    "iban": "iban",
    "customer_number": "customer_number",
    "device_id": "device_id",
    "company_email": "email",
    "company_email_domain": "domain",
    "company_phone": "phone",
    "company_address_key": "address",
    "business_id": "business_id",
}
#: Columns whose value is words in one text: their share is the words'.
TEXT_OF_WORDS = {
    "name_key": "name_words",
    "company_name_key": "company_name_words",
    "company_name_core": "company_name_core_words",
}
#: Columns of words that name whose a record is, and of how many words a name must be to tell one
#: from another: a family name alone tells nobody from the rest of the family.
_NAMES = {"name_words": 2, "company_name_core_words": 1}

HOLDERS = (Holder.PERSONAL, Holder.HOUSEHOLD, Holder.GENERIC, Holder.JUNK)
PERSONAL, HOUSEHOLD, GENERIC, JUNK = range(1, 5)

#: Beyond so many different persons a value is no family's, whatever their surnames.
_FAMILY = 6
#: Names of one value that are looked at; who has more is junk anyway.
_MOST_NAMES = 40
#: A value never becomes junk by its holders below so many persons or, where none is named, records.
_JUNK_PERSONS = 12
_GENERIC_RECORDS = 30
#: One record in so many may hold the most popular value of a word; a share is never below this.
_LEAST_SHARE = 1e-9


class ValueProfiles(Struct, frozen=True, kw_only=True):
    """What was learnt of values.

    Attributes
    ----------
    table : pyarrow.Table
        One row per identifying value that more than one record holds, or that is blocked:
        ``column``, ``value``, ``records``, ``persons`` (different names, 0 where none is stated),
        ``sources``, ``holder``.
    limits : mapping of str to Limits
        By column.
    """

    table: pa.Table
    limits: Mapping[str, Limits]


class Limits(Struct, frozen=True, kw_only=True):
    """What is usual for the values of a column, learnt from them.

    Attributes
    ----------
    junk : int
        Persons from which on a value is nobody's.
    records : int
        Records of a value of which nobody is named; one in twenty has more.
    """

    junk: int
    records: int


def profile_values(
    standardised: Standardised,
    sources: Sequence[str | None] | pa.ChunkedArray | None = None,
    *,
    blocked: Collection[tuple[str, str]] = (),
    limits: Mapping[str, Limits] | None = None,
) -> tuple[Standardised, ValueProfiles]:
    """Say of each identifying value whose it is, and take junk away.

    Parameters
    ----------
    standardised : Standardised
    sources : array of text, length n_records, optional
        The silo of each record.
    blocked : collection of (kind, value)
        A company's own blocked values, besides those that ship.
    limits : mapping of str to Limits, optional
        Where these are some records of many: what was learnt from all.

    Returns
    -------
    Standardised
        With a column ``<column>_holder`` beside each profiled one (1 personal, 2 household, 3
        generic), and nothing where a value is junk: it neither blocks nor scores.
    ValueProfiles
    """
    names = _NameCounts.of(standardised)
    source = _codes(sources, standardised.n_records)
    rows: dict[str, list[object]] = {
        key: [] for key in ("column", "value", "records", "persons", "sources", "holder")
    }
    learnt: dict[str, Limits] = dict(limits or {})
    readings = []
    own_blocked = set(blocked)
    for reading in standardised.readings:
        current = reading
        for column in reading.comparison.columns:
            kind = PROFILED.get(column.name)
            if kind is not None:
                current = _profiled(
                    current, column.name, kind, names, source, own_blocked, rows, learnt
                )
        readings.append(current)
    schema = pa.schema(
        [
            ("column", pa.string()),
            ("value", pa.string()),
            ("records", pa.int64()),
            ("persons", pa.int64()),
            ("sources", pa.int64()),
            ("holder", pa.string()),
        ]
    )
    return (
        Standardised(n_records=standardised.n_records, readings=tuple(readings)),
        ValueProfiles(table=pa.table(rows, schema=schema), limits=learnt),
    )


def _codes(sources: Sequence[str | None] | pa.ChunkedArray | None, n: int) -> IntArray:
    if sources is None:
        return np.zeros(n, dtype=np.int64)
    array = sources if isinstance(sources, pa.ChunkedArray) else pa.chunked_array([sources])
    coded = array.combine_chunks().dictionary_encode().indices
    codes: IntArray = pc.fill_null(coded, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _profiled(
    reading: Readings,
    column: str,
    kind: str,
    names: _NameCounts,
    source: IntArray,
    blocked: set[tuple[str, str]],
    rows: dict[str, list[object]],
    limits: dict[str, Limits],
) -> Readings:
    """The reading with the column's holders, its junk taken away."""
    if not reading.values.num_rows:
        return reading
    coded = reading.values[column].combine_chunks().dictionary_encode()
    values: list[str] = coded.dictionary.to_pylist()
    if not values:
        nobody = pa.nulls(reading.values.num_rows, pa.int8())
        return msgspec.structs.replace(
            reading, values=reading.values.append_column(f"{column}_holder", nobody)
        )
    value_of = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    of_record = np.where(reading.codes >= 0, value_of[np.maximum(reading.codes, 0)], -1)
    held = np.flatnonzero(of_record >= 0)
    records = np.bincount(of_record[held], minlength=len(values))
    pairs = distinct(of_record[held] * (source.max(initial=0) + 2) + source[held] + 1)
    n_sources = np.bincount(pairs // (source.max(initial=0) + 2), minlength=len(values))
    persons, related = names.persons(of_record, len(values))

    holder = np.full(len(values), PERSONAL, dtype=np.int8)
    holder[(persons >= 2) & (persons <= _FAMILY)] = HOUSEHOLD
    if kind == "business_id":  # a company has one, whatever names it goes by
        holder[:] = PERSONAL
    holder[(persons > _FAMILY) | ((persons >= 3) & ~related)] = GENERIC
    nameless = persons == 0
    # Learnt: what is usual for this kind. One value in twenty may be out of the usual.
    if column not in limits:
        limits[column] = Limits(
            junk=_junk_limit(persons[holder == HOUSEHOLD]),
            records=int(np.quantile(records[nameless], 0.95)) if nameless.any() else 1,
        )
    usual, limit = limits[column].records, limits[column].junk
    holder[nameless & (records > max(_GENERIC_RECORDS, 8 * usual))] = GENERIC
    # A tower holds two hundred families, and they do live there; a domain may be a provider's.
    if kind not in {"address", "domain"}:
        holder[persons >= limit] = JUNK
        holder[nameless & (records > max(200, 20 * usual))] = JUNK
    for at, value in enumerate(values):
        reason = blocked_reason(kind, value)
        if reason == "placeholder" or (kind, value) in blocked:
            holder[at] = JUNK
        elif column == "email" and reason == "role":
            holder[at] = max(holder[at], GENERIC)
        elif column == "email" and names_household(kind, value):
            holder[at] = max(holder[at], HOUSEHOLD)
    told = np.flatnonzero((records > 1) | (holder == JUNK))
    rows["column"].extend([column] * len(told))
    rows["value"].extend(values[at] for at in told)
    rows["records"].extend(records[told].tolist())
    rows["persons"].extend(persons[told].tolist())
    rows["sources"].extend(n_sources[told].tolist())
    rows["holder"].extend(HOLDERS[holder[at] - 1].value for at in told)

    of_reading = np.where(value_of >= 0, holder[np.maximum(value_of, 0)], 0).astype(np.int8)
    return with_holders(reading, column, of_reading)


def with_holders(reading: Readings, column: str, holder: NDArray[np.int8]) -> Readings:
    """The reading with the column's holders, and nothing where its value is junk.

    Parameters
    ----------
    holder : int8 array, shape (n_values,)
        Of each distinct reading; 0 where it holds no such value.
    """
    junk = holder == JUNK
    table = reading.values
    codes = reading.codes
    if junk.any():
        codes = np.where((codes >= 0) & ~junk[codes], codes, -1).astype(np.int32)
        # The whole matter falls silent where its value is junk: `null@example.com` has no mailbox
        # and no domain worth comparing either.
        missing = pa.array(junk)
        table = pa.table(
            {
                name: pc.if_else(missing, pa.scalar(None, table[name].type), table[name])
                for name in table.column_names
            }
        )
    table = table.append_column(f"{column}_holder", pa.array(holder, mask=holder == 0))
    return msgspec.structs.replace(
        reading,
        values=table,
        says=reading.says & ~junk,
        codes=codes,
    )


def _junk_limit(families: IntArray) -> int:
    """Persons from which on a value is nobody's: well beyond what families show."""
    usual = int(np.quantile(families, 0.999)) if len(families) else 2
    return max(_JUNK_PERSONS, 3 * usual)


class _NameCounts(Struct, frozen=True, kw_only=True):
    """Counts how many persons the names of some records tell apart."""

    codes: NDArray[np.int32]
    words: list[list[str] | None]
    initials: IntArray

    @classmethod
    def of(cls, standardised: Standardised) -> _NameCounts:
        codes = np.full(standardised.n_records, -1, dtype=np.int32)
        words: list[list[str] | None] = []
        signatures: dict[str, int] = {}
        initials: list[int] = []
        for name, fewest in _NAMES.items():
            if name not in standardised.columns:
                continue
            of_column, column = standardised.column(name)
            # A record is a person's or a company's, and has one of the two.
            codes = np.where(of_column >= 0, of_column + len(words), codes).astype(np.int32)
            said = column.to_pylist()
            words += said
            initials += [
                signatures.setdefault("".join(sorted(w[:1] for w in each)), len(signatures))
                if each and len(each) >= fewest
                else -1
                for each in said
            ]
        return cls(codes=codes, words=words, initials=np.array(initials, dtype=np.int64))

    def persons(self, of_record: IntArray, n_values: int) -> tuple[IntArray, NDArray[np.bool_]]:
        """Persons per value, and whether most of them share a word of their names."""
        persons = np.zeros(n_values, dtype=np.int64)
        related = np.ones(n_values, dtype=np.bool_)
        at = np.flatnonzero((of_record >= 0) & (self.codes >= 0))
        if not len(at) or not len(self.initials):
            return persons, related
        initials = self.initials[self.codes[at]]
        at, initials = at[initials >= 0], initials[initials >= 0]
        if not len(at):
            return persons, related
        n_names = len(self.words)
        pairs = distinct(of_record[at] * n_names + self.codes[at])
        value, name = pairs // n_names, pairs % n_names
        persons[value] = 1
        # Names that begin with the same letters are taken for one: only the others are compared.
        n_initials = int(self.initials.max()) + 1
        kinds = distinct(value * n_initials + self.initials[name]) // n_initials
        several = np.bincount(kinds, minlength=n_values) > 1
        keep = several[value]
        value, name = value[keep], name[keep]
        if not len(value):
            return persons, related
        starts = np.flatnonzero(np.r_[True, value[1:] != value[:-1]])
        ends = np.r_[starts[1:], len(value)]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            # Too many to compare: as many as there are, of names that begin differently.
            if end - start > _MOST_NAMES:
                persons[value[start]] = len(set(self.initials[name[start:end]].tolist()))
                related[value[start]] = False
                continue
            found = _persons([self.words[at] or [] for at in name[start:end].tolist()])
            persons[value[start]] = len(found)
            related[value[start]] = _related(found)
        return persons, related


def _persons(names: list[list[str]]) -> list[list[str]]:
    """The names that tell persons apart, the fullest first."""
    persons: list[list[str]] = []
    for name in sorted(names, key=lambda words: (-len(words), words)):
        if all(_conflict(name, other) for other in persons):
            persons.append(name)
    return persons


def _conflict(a: list[str], b: list[str]) -> bool:
    """Whether each name has a word that the other lacks."""
    return any(not _found(word, b) for word in a) and any(not _found(word, a) for word in b)


def _found(word: str, among: list[str]) -> bool:
    if word in among:
        return True
    for other in among:
        if len(word) == 1 or len(other) == 1:
            if word[0] == other[0]:
                return True
        elif JaroWinkler.similarity(word, other) >= 0.85:
            return True
    return False


def _related(persons: list[list[str]]) -> bool:
    """Whether at least half of the persons share a word."""
    count: dict[str, int] = {}
    for words in persons:
        for word in words:
            count[word] = count.get(word, 0) + 1
    return max(count.values(), default=0) * 2 >= len(persons)


def with_rarity(standardised: Standardised, *, records_per_person: float = 1.0) -> Standardised:
    """Say of each value on which agreement may be rare which share of strangers would hold it.

    Adds ``<column>_share`` for each column that a level names as its rarity and that is not an
    identifying value. What one person's own records add to a value's count is taken off, or nobody
    with many records could ever bear a rare name.

    Parameters
    ----------
    records_per_person : float
        As far as is known.
    """
    readings = []
    for reading in standardised.readings:
        table = reading.values
        wanted = sorted({level.rarity for level in reading.comparison.levels if level.rarity})
        for column in wanted:
            name = f"{column}_share"
            if column in PROFILED or not table.num_rows:
                continue
            if name in table.column_names:
                table = table.drop_columns([name])
            share = _shares(
                table[TEXT_OF_WORDS.get(column, column)], reading.codes, records_per_person
            )
            table = table.append_column(name, pa.array(share, mask=np.isnan(share)))
        readings.append(msgspec.structs.replace(reading, values=table))
    return Standardised(n_records=standardised.n_records, readings=tuple(readings))


def _shares(
    column: pa.ChunkedArray, codes: NDArray[np.int32], records_per_person: float
) -> FloatArray:
    values = column.combine_chunks()
    per_reading = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int64)
    if pa.types.is_list(values.type):
        return shares_of_words(column, learn_words(column, codes, records_per_person))
    coded = values.dictionary_encode().indices
    value_of = pc.fill_null(coded, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    known = value_of >= 0
    counts = np.bincount(value_of[known], weights=per_reading[known]).astype(np.float64)
    share = _share_among_strangers(counts, records_per_person)
    out = np.full(len(values), np.nan)
    out[known] = share[value_of[known]]
    return out


def _share_among_strangers(counts: FloatArray, records_per_person: float) -> FloatArray:
    """Which share of strangers holds a value that so many records hold."""
    said = max(float(counts.sum()), 1.0)
    own = 2.0 * records_per_person  # some have more records than most
    beyond = np.maximum(counts - own, 0.0) / said
    # What two strangers share by chance, on the whole.
    chance = max(float((counts * np.maximum(counts - own, 0.0)).sum()) / said**2, 0.3 / said)
    return np.maximum(np.minimum(counts / said, np.maximum(chance, beyond)), _LEAST_SHARE)


class WordShares(Struct, frozen=True, kw_only=True):
    """Which share of strangers bears a word, and whole names beyond what their words suggest.

    Attributes
    ----------
    words : list of str
    share : float array, shape (n_words,)
    whole : list of str
        Words of a name, sorted, joined by U+001F.
    beyond : float array, shape (n_whole,)
    unknown : float
        The share of a word that nobody bears yet.
    """

    words: list[str]
    share: FloatArray
    whole: list[str]
    beyond: FloatArray
    unknown: float


def learn_words(
    column: pa.ChunkedArray, codes: NDArray[np.int32], records_per_person: float
) -> WordShares:
    """What a column of words, and how many records read so, tell of its words."""
    values = column.combine_chunks()
    per_reading = np.bincount(codes[codes >= 0], minlength=len(values)).astype(np.int64)
    flat = values.flatten().dictionary_encode()
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    owner = np.repeat(np.arange(len(values)), lengths)
    said = max(float(per_reading[lengths > 0].sum()), 1.0)
    own = 2.0 * records_per_person
    word = flat.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(word, weights=per_reading[owner], minlength=len(flat.dictionary))
    coded = pc.binary_join(values, "\x1f").dictionary_encode()
    value_of = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    known = value_of >= 0
    full = np.bincount(value_of[known], weights=per_reading[known], minlength=len(coded.dictionary))
    beyond = np.maximum(full - own, 0.0) / said
    common = np.flatnonzero(beyond > 0)
    return WordShares(
        words=flat.dictionary.to_pylist(),
        share=np.maximum(counts - own, np.minimum(counts, 0.5)) / said,
        whole=coded.dictionary.take(pa.array(common)).to_pylist(),
        beyond=beyond[common],
        unknown=0.5 / said,
    )


def shares_of_words(column: pa.ChunkedArray, learnt: WordShares) -> FloatArray:
    """The share of a set of words is the product of theirs: most full names are seen once.

    Returns
    -------
    float array, shape (n_values,)
        NaN where there are no words.
    """
    values = column.combine_chunks()
    flat = values.flatten().dictionary_encode()
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
    owner = np.repeat(np.arange(len(values)), lengths)
    word = flat.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    share = _looked_up(flat.dictionary, learnt.words, learnt.share, learnt.unknown)
    logs = np.bincount(owner, weights=np.log(share[word]), minlength=len(values))
    out = np.maximum(np.exp(logs), _LEAST_SHARE)
    # Whole names that are more common than their words suggest.
    whole = pc.binary_join(values, "\x1f")
    out = np.maximum(out, _looked_up(whole, learnt.whole, learnt.beyond, 0.0))
    out[lengths == 0] = np.nan
    return out


def _looked_up(
    asked: pa.Array, known: list[str], numbers: FloatArray, otherwise: float
) -> FloatArray:
    if not known:
        return np.full(len(asked), otherwise)
    at = pc.index_in(asked, value_set=pa.array(known))
    places = pc.fill_null(at, -1).to_numpy(zero_copy_only=False)
    return np.where(places >= 0, numbers[places], otherwise)

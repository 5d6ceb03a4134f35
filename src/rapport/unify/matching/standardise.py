"""What records state → what comparisons read, each distinct statement read once.

Readings are kept once per distinct value (`Readings`), and a record points at its reading of each
matter. A million records that live in 40,000 places are so 40,000 places, compared once each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from rapport.errors import InvalidInput
from rapport.unify.company_words import names_company
from rapport.unify.matching.comparison import STATED, Column, Comparison, RecordKind, Row
from rapport.unify.matching.distinct import numbered

IntArray = NDArray[np.int64]
CodeArray = NDArray[np.int32]

_TYPES = {
    "text": pa.string(),
    "date": pa.date32(),
    "words": pa.list_(pa.string()),
    "number": pa.float64(),
}
#: Stated values are cut at this length before anybody reads them: an identifier of 10 kB is not
#: one, and what reads it must not take for ever.
LONGEST_VALUE = 400


class Readings(Struct, frozen=True, kw_only=True):
    """One comparison's readings of all records.

    Attributes
    ----------
    comparison : Comparison
    values : pyarrow.Table
        The distinct readings, one a row, with the comparison's columns.
    codes : int array, shape (n_records,)
        The row of ``values`` that each record reads as; -1 where it says nothing of the matter
        (none of the columns hold anything).
    says : bool array, shape (n_values,)
        Whether the reading can be compared: no column of ``said`` is missing.
    """

    comparison: Comparison
    values: pa.Table
    codes: CodeArray
    says: NDArray[np.bool_]


class Standardised(Struct, frozen=True, kw_only=True):
    """All readings of some records, in the order of their comparisons."""

    n_records: int
    readings: tuple[Readings, ...]

    def column(self, name: str) -> tuple[CodeArray, pa.ChunkedArray]:
        """Codes per record and the values that they point at, for one standardised column."""
        for reading in self.readings:
            if name in reading.values.column_names:
                return reading.codes, reading.values[name]
        raise KeyError(name)

    @property
    def columns(self) -> Mapping[str, Column]:
        """Every standardised column by its name."""
        return {
            column.name: column
            for reading in self.readings
            for column in reading.comparison.columns
        }

    def table(self) -> pa.Table:
        """One row per record: ``record`` and every standardised column."""
        columns: dict[str, Any] = {"record": pa.array(np.arange(self.n_records, dtype=np.int64))}
        for reading in self.readings:
            at = pa.array(reading.codes, mask=reading.codes < 0)
            for name in reading.values.column_names:
                columns[name] = reading.values[name].combine_chunks().take(at)
        return pa.table(columns)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The records as comparisons see them in Python."""
        for row in self.table().to_pylist():
            del row["record"]
            yield row


def standardise(stated: pa.Table, comparisons: Sequence[Comparison]) -> Standardised:
    """Read what records state.

    Parameters
    ----------
    stated : pyarrow.Table
        Columns of `STATED`, as text; those that no record has are absent. The record number is the
        row number.
    comparisons : sequence of Comparison

    Returns
    -------
    Standardised

    Raises
    ------
    InvalidInput
        If the table has a column that is not in `STATED`.
    """
    unknown = sorted(set(stated.column_names) - set(STATED))
    if unknown:
        raise InvalidInput(
            f"Records to match have columns that no comparison knows: {', '.join(unknown)}. "
            f"Name them as one of: {', '.join(STATED)}."
        )
    wanted = {name for comparison in comparisons for name in comparison.inputs} | set(_TELLING)
    encoded = {name: _encoded(stated[name]) for name in stated.column_names if name in wanted}
    encoded["kind"] = _kinds(encoded, stated.num_rows)
    readings = [_read(comparison, encoded, stated.num_rows) for comparison in comparisons]
    return Standardised(n_records=stated.num_rows, readings=tuple(readings))


#: What tells whose a record is.
_NAMED = ("first_name", "last_name", "name")  # the last that is stated counts
_TELLING = ("kind", *_NAMED, "company", "business_id", "birthday", "gender")
_KINDS: list[str | None] = [None, *RecordKind]


def kind_of_record(stated: Mapping[str, str | None]) -> RecordKind:
    """Whose record it is, as the source says or as the rest tells.

    A company has a company's name, or the number of one, or names a company and nobody. Whoever has
    a first and a last name, a birthday or a gender is a person.

    Examples
    --------
    >>> kind_of_record({"company": "Peeters", "phone": "02 123 45 67"}).value
    'company'
    >>> kind_of_record({"company": "Peeters", "name": "Jan Maes"}).value
    'person'
    """
    said = {name: _trimmed(stated.get(name)) for name in _TELLING}
    kind = said["kind"]
    if kind is not None and kind in _KINDS:
        return RecordKind(kind)
    if (said["first_name"] and said["last_name"]) or said["birthday"] or said["gender"]:
        return RecordKind.PERSON
    name = next((said[each] for each in reversed(_NAMED) if said[each]), None)
    if name is None:
        company = bool(said["company"] or said["business_id"])
    else:
        company = names_company(name) or bool(said["business_id"] and not said["company"])
    return RecordKind.COMPANY if company else RecordKind.PERSON


def _kinds(encoded: Mapping[str, _Encoded], n_records: int) -> _Encoded:
    """`kind_of_record` of all records."""
    nothing = np.zeros(n_records, dtype=np.int32)
    codes = {name: encoded[name][0] if name in encoded else nothing for name in _TELLING}
    says = {name: of > 0 for name, of in codes.items()}
    organised = np.zeros(n_records, dtype=np.bool_)
    for name in _NAMED:
        if name in encoded:
            of = np.array([v is not None and names_company(v) for v in encoded[name][1]])
            organised = np.where(says[name], of[codes[name]], organised)
    named = says["first_name"] | says["last_name"] | says["name"]
    company = np.where(
        named,
        organised | (says["business_id"] & ~says["company"]),
        says["company"] | says["business_id"],
    )
    company &= ~((says["first_name"] & says["last_name"]) | says["birthday"] | says["gender"])
    found = np.where(company, _KINDS.index(RecordKind.COMPANY), _KINDS.index(RecordKind.PERSON))
    if "kind" in encoded:
        stated = np.array([_KINDS.index(v) if v in _KINDS else 0 for v in encoded["kind"][1]])
        found = np.where(stated[codes["kind"]] > 0, stated[codes["kind"]], found)
    return found.astype(np.int32), _KINDS


def read_row(stated: Mapping[str, str | None], comparisons: Sequence[Comparison]) -> Row:
    """One record as comparisons see it: the same readings as `standardise` gives."""
    row: dict[str, Any] = {}
    kind = kind_of_record(stated)
    stated = {**stated, "kind": kind}
    for comparison in comparisons:
        ours = comparison.of in (None, kind)
        values = [_trimmed(stated.get(name)) if ours else None for name in comparison.inputs]
        read = (
            comparison.read(*values)
            if any(value is not None for value in values)
            else (None,) * len(comparison.columns)
        )
        row.update(zip((column.name for column in comparison.columns), read, strict=True))
    return row


def _trimmed(value: str | None) -> str | None:
    return (value[:LONGEST_VALUE].strip() or None) if value is not None else None


#: Codes of a stated column and what they stand for; the code of nothing is 0.
_Encoded = tuple[CodeArray, list[str | None]]


def _encoded(column: pa.ChunkedArray) -> _Encoded:
    text = pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(pc.cast(column, pa.string()), 0, 400))
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    coded = text.dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32) + 1
    return codes, [None, *coded.dictionary.to_pylist()]


def _read(
    comparison: Comparison,
    encoded: Mapping[str, _Encoded],
    n_records: int,
) -> Readings:
    combined = np.zeros(n_records, dtype=np.int64)
    told = {name: encoded[name] for name in comparison.inputs if name in encoded}
    if comparison.of is not None:  # of others it reads nothing
        ours = encoded["kind"][0] == _KINDS.index(comparison.of)
        told = {name: (np.where(ours, codes, 0), values) for name, (codes, values) in told.items()}
    for name in comparison.inputs:
        if name in told:
            codes, values = told[name]
            # Renumbered after each column, so that the product of sizes never overflows.
            combined = numbered(combined * len(values) + codes)[1].astype(np.int64)
    first = np.full(int(combined.max(initial=-1)) + 1, -1, dtype=np.int64)
    first[combined[::-1]] = np.arange(n_records - 1, -1, -1)
    stated = [
        [told[name][1][code] for code in told[name][0][first]]
        if name in told
        else [None] * len(first)
        for name in comparison.inputs
    ]
    width = len(comparison.columns)
    nothing = (None,) * width
    # What reads as the same is one reading, however it was written.
    numbers: dict[tuple[Any, ...], int] = {}
    code_of = np.full(len(first), -1, dtype=np.int32)
    read = comparison.read
    listed = tuple(at for at, column in enumerate(comparison.columns) if column.type == "words")
    for at, inputs in enumerate(zip(*stated, strict=True)):
        if inputs.count(None) == len(inputs):
            continue
        got = read(*inputs)
        if got == nothing:
            continue
        if listed:
            got = tuple(
                (tuple(value) if value else None) if place in listed else value
                for place, value in enumerate(got)
            )
        code_of[at] = numbers.setdefault(got, len(numbers))
    distinct = list(numbers)
    table = pa.table(
        {
            column.name: pa.array([got[at] for got in distinct], type=_TYPES[column.type])
            for at, column in enumerate(comparison.columns)
        }
    )
    says = np.ones(len(distinct), dtype=np.bool_)
    for name in comparison.said:
        says &= pc.is_valid(table[name]).to_numpy()
    return Readings(
        comparison=comparison,
        values=table,
        codes=code_of[combined] if n_records else np.empty(0, dtype=np.int32),
        says=says,
    )

"""Columns of a table read at once, each different value once; what is unusual is left for `Row`.

Most rows of most files are plain: every cell can be read and nothing depends on another row. They
are read here by column, several times as fast as `Row` reads them cell by cell. Where anything is
odd about a row its place is noted, and `Row` decides whether it is refused and why. Both ways give
the same touchpoints; tests compare them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import pyarrow as pa

from rapport.collect.cell_values import in_range
from rapport.collect.countries import country_code
from rapport.collect.currencies import currency_code
from rapport.collect.rows import Reading
from rapport.vocabulary.identifier import Identifier, kind_of
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import CHANNELS

T = TypeVar("T")

_ODD = object()


class PlainColumns:
    """Some rows of a file by our field names.

    Parameters
    ----------
    batch : RecordBatch
        A column for each mapped field, as the file has it.
    """

    def __init__(self, batch: pa.RecordBatch, reading: Reading) -> None:
        self._batch = batch
        self._has = frozenset(batch.schema.names)
        self._read: dict[str, list[Any]] = {}
        self.reading = reading
        self.rows: int = batch.num_rows
        #: Places of rows that `Row` must look at.
        self.odd: set[int] = set()

    def has(self, field: str) -> bool:
        """Whether a column or a constant states the field."""
        return field in self._has or field in self.reading.constants

    def _each(self, field: str, read: Callable[[Any], T]) -> list[T | None]:
        """The field of each row, read once for each different cell; None where it is empty."""

        words = self.reading.words.get(field)
        constant = self.reading.constants.get(field)

        def one(cell: Any) -> Any:
            """As `Reading.cells` and `Row.cell` give it, and then read."""
            if isinstance(cell, str):
                cell = cell.strip() or None
            if words is not None and cell is not None:
                cell = words.get(str(cell).casefold(), cell)
            if cell is None:
                cell = constant
            if cell is None:
                return None
            try:
                return read(cell)
            except (ValueError, TypeError):
                return _ODD

        if field not in self._has:
            return [one(None)] * self.rows
        encoded = self._batch.column(field).dictionary_encode("encode")
        values = list(map(one, encoded.dictionary.to_pylist()))
        found: list[Any] = list(map(values.__getitem__, encoded.indices.to_pylist()))
        if _ODD in values:
            for place, value in enumerate(found):
                if value is _ODD:
                    self.odd.add(place)
                    found[place] = None
        return found

    def texts(self, field: str) -> list[str | None]:
        """Clean texts; None where empty."""

        def read(value: Any) -> str | None:
            if isinstance(value, str):
                return clean_text(value) or None
            raise TypeError  # a number or a date: `Row` knows how it is written

        return self._each(field, read)

    def cells(self, field: str) -> list[Any]:
        """The cells as they are, for properties."""
        return self._each(field, lambda value: value)

    def moments(self, field: str) -> list[datetime | None]:
        """Moments in UTC that can be true."""

        def read(value: Any) -> datetime:
            moment = self.reading.moment(value)
            if not in_range(moment, self.reading.received_at):
                raise ValueError
            return moment

        return self._each(field, read)

    def money(self, field: str) -> list[Decimal | None]:
        """Exact amounts."""

        def read(value: Any) -> Decimal:
            if value != value:  # noqa: PLR0124  # NaN
                raise ValueError
            return self.reading.money(value)

        return self._each(field, read)

    def currencies(self) -> list[str | None]:
        """ISO 4217 codes."""
        return self._each("currency", lambda value: _known(currency_code(_text(value))))

    def countries(self) -> list[str | None]:
        """ISO 3166-1 codes."""
        return self._each("country", lambda value: _known(country_code(_text(value))))

    def channels(self) -> list[str | None]:
        """Our channels, where a row names one."""

        def read(value: Any) -> str:
            low = _text(value).lower()
            return _known(low if low in CHANNELS else None)

        return self._each("channel", read)

    def identifiers(self) -> list[tuple[Identifier, ...]]:
        """All identifiers of each row, the strongest first; as `Row.identifiers`."""
        reading = self.reading
        columns: list[list[Identifier | None]] = []
        for field in ("customer_id", "user_id", "loyalty_card", "email", "phone"):
            if not self.has(field):
                continue
            kind = field
            if field == "customer_id":
                kind = reading.constants.get("customer_kind", "customer_number")
            namespace = reading.constants.get("customer_namespace", reading.source)
            scope = namespace if kind_of(kind).scoped else ""
            columns.append(self._identifiers(field, kind, scope))
        if not columns:
            return [()] * self.rows
        if len(columns) == 1:
            return [() if each is None else (each,) for each in columns[0]]
        return [
            each if None not in each else tuple(one for one in each if one is not None)
            for each in zip(*columns, strict=True)
        ]

    def _identifiers(self, field: str, kind: str, scope: str) -> list[Identifier | None]:
        def read(value: Any) -> Identifier | None:
            if not isinstance(value, str):
                raise TypeError
            text = clean_text(value)
            return Identifier(kind=kind, value=text, namespace=scope) if text else None

        return self._each(field, read)

    def missing(self, found: Iterable[Any]) -> None:
        """Rows where a needed value is None are odd."""
        self.odd.update(place for place, value in enumerate(found) if value is None)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _known(code: str | None) -> str:
    if code is None:
        raise ValueError
    return code


def runs(keys: Sequence[Any]) -> Iterator[int]:
    """Where runs of equal keys begin, and the end."""
    before = _ODD
    for place, key in enumerate(keys):
        if key != before:
            yield place
            before = key
    yield len(keys)

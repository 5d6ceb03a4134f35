"""Exchange rates: facts about days, not about people, so they give no touchpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from rapport.collect.cell_values import read_decimal
from rapport.collect.connector import Connector
from rapport.collect.rows import Row, RowError
from rapport.vocabulary.touchpoint import Touchpoint


def rate_of(row: Row) -> tuple[str, date, Decimal]:
    """Currency, the day from which it holds, and what one unit is worth.

    Raises
    ------
    RowError
        If the row cannot be read, or the rate is not positive.
    """
    currency = row.currency()
    if currency is None:
        raise RowError("missing_field", "`currency` is empty")
    stated = row.required("rate")
    try:
        rate = read_decimal(stated, row.reading.decimal_mark)
    except ValueError as error:
        raise RowError("invalid_amount", "`rate` is not a number") from error
    if rate <= 0:
        raise RowError("invalid_amount", "`rate` must be above zero")
    # The day as its file writes it: a zone would move midnight to the day before.
    try:
        day = row.reading.local_day(row.cell("day"))
    except (ValueError, TypeError) as error:
        raise RowError("invalid_timestamp", "`day` cannot be read") from error
    return currency, day, rate


def _no_touchpoints(_rows: Sequence[Row]) -> Iterable[Touchpoint]:
    return ()


CONNECTOR = Connector(
    kind="rates",
    label="Exchange rates",
    required=("day", "currency", "rate"),
    optional=(),
    read=_no_touchpoints,
    file_words=("rate", "koers", "árfolyam", "kurs"),
    synonyms={
        "day": ("date", "month_start", "datum", "dátum", "from"),
        "rate": ("eur_value", "koers", "cours", "taux", "árfolyam", "kurs", "exchange rate"),
    },
)

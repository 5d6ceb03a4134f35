"""Amounts in the reporting currency: exact decimals, the rate of the day, or nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, select

from rapport.engines.ledger import Ledger
from rapport.vocabulary.ledger_tables import exchange_rate

_STEP = Decimal("0.0001")
#: The lake holds money in eighteen digits, four of them decimals.
_LARGEST = Decimal(10) ** 14


class Rates:
    """Known exchange rates. An amount without a rate stays unconverted and is shown as such."""

    def __init__(self, base: str | None, rates: Iterable[tuple[str, date, Decimal]]) -> None:
        self.base = base
        days: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
        for currency, day, rate in rates:
            days[currency].append((day, rate))
        self._days: Mapping[str, list[tuple[date, Decimal]]] = {
            currency: sorted(known) for currency, known in days.items()
        }

    def convert(self, amount: Decimal | None, currency: str | None, day: date) -> Decimal | None:
        """``amount`` in the reporting currency by the last rate on or before ``day``.

        None without a rate, and where the product is larger than the stores hold.
        """
        if amount is None or currency is None or self.base is None:
            return None
        if currency == self.base:
            return amount.quantize(_STEP)
        known = self._days.get(currency, [])
        index = bisect_right(known, day, key=lambda pair: pair[0]) - 1
        if index < 0:
            return None
        converted = amount * known[index][1]
        return converted.quantize(_STEP) if abs(converted) < _LARGEST else None


def read_rates(connection: Connection, base: str | None) -> Rates:
    """The rates that the ledger holds."""
    rows = connection.execute(
        select(exchange_rate.c.currency, exchange_rate.c.valid_from, exchange_rate.c.rate)
    )
    return Rates(base, ((currency, day, Decimal(rate)) for currency, day, rate in rows))


def keep_rates(
    ledger: Ledger, connection: Connection, rates: Iterable[tuple[str, date, Decimal]]
) -> int:
    """Store rates; a later word on the same currency and day wins. Returns how many."""
    rows = [
        {"currency": currency, "valid_from": day, "rate": str(rate)}
        for currency, day, rate in rates
    ]
    ledger.upsert(connection, exchange_rate, rows, ["currency", "valid_from"], ["rate"])
    return len(rows)

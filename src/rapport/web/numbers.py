"""Amounts, shares, dates and times as a reader of each language expects them.

Patterns come from Babel (the Unicode CLDR); results are cached, because formatting an amount
costs 30 microseconds and a page has hundreds. Minus is always the true minus sign, and the euro
always its sign (CLDR writes EUR in Hungarian).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
from babel import dates
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_symbol,
)

from rapport.web.words import locale_of, t

Number: TypeAlias = "int | float | Decimal"
Day: TypeAlias = "date | datetime"
DateStyle: TypeAlias = Literal[
    "date", "date_short", "day", "day_month", "day_month_short", "month", "month_long", "quarter"
]

NO_BREAK = "\u00a0"
MINUS = "\u2212"

# Our own patterns, because CLDR's best match of "weekday, day, month" drops to abbreviations in
# some languages, and its short "month year" (dec. 24) reads as a day in Hungarian.
_DATE_PATTERNS: dict[str, dict[DateStyle, str]] = {
    "en": {
        "date": "d MMMM y",
        "date_short": "d MMM y",
        "day": "EEEE d MMMM",
        "day_month": "d MMMM",
        "day_month_short": "d MMM",
        "month": "MMM ’yy",
        "month_long": "MMMM y",
        "quarter": "'Q'Q ’yy",
    },
    "nl": {
        "date": "d MMMM y",
        "date_short": "d MMM y",
        "day": "EEEE d MMMM",
        "day_month": "d MMMM",
        "day_month_short": "d MMM",
        "month": "MMM ’yy",
        "month_long": "MMMM y",
        "quarter": "'K'Q ’yy",
    },
    "fr": {
        "date": "d MMMM y",
        "date_short": "d MMM y",
        "day": "EEEE d MMMM",
        "day_month": "d MMMM",
        "day_month_short": "d MMM",
        "month": "MMM yy",
        "month_long": "MMMM y",
        "quarter": "'T'Q yy",
    },
    "hu": {
        "date": "y. MMMM d.",
        "date_short": "y. MMM d.",
        "day": "MMMM d., EEEE",
        "day_month": "MMMM d.",
        "day_month_short": "MMM d.",
        "month": "y. MMM",
        "month_long": "y. MMMM",
        "quarter": "y. 'Q'Q",
    },
}
# The sign where people know it in all our languages; other currencies as CLDR writes them.
_SIGNS = {"EUR": "€", "GBP": "£", "USD": "$"}


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """Formats for one language, time zone and reporting currency."""

    language: str
    time_zone: str
    currency: str

    # Numbers

    def count(self, value: int) -> str:
        """A number of things: ``84,312``."""
        return _decimal(self.language, value, 0)

    def count_compact(self, value: Number, *, digits: int = 1) -> str:
        """A large number, short: ``84.3K``."""
        return _compact(self.language, value, digits)

    def decimal(self, value: Number, *, digits: int = 1) -> str:
        """A number with fixed decimals: ``38.4``."""
        return _decimal(self.language, value, digits)

    def signed(self, value: Number, *, digits: int = 0) -> str:
        """A score or a change with its sign: ``+52``, ``−0.72``; zero has none."""
        return _signed(_decimal(self.language, value, digits))

    def share(self, value: Number, *, digits: int = 1) -> str:
        """A share of the whole, given 0 to 1: ``81.2%``."""
        return _percent(self.language, value, digits)

    def change(self, value: Number, *, digits: int = 1) -> str:
        """A relative change, given as a ratio (0.021): ``+2.1%``."""
        return _signed(_percent(self.language, value, digits))

    def points(self, value: Number, *, digits: int = 1) -> str:
        """A change of a share, given 0 to 1 (−0.012): ``−1.2 pt``."""
        text = _decimal(self.language, _as_decimal(value) * 100, digits)
        return f"{_signed(text)}{NO_BREAK}pt"

    # Money

    def money(self, value: Number, *, currency: str | None = None) -> str:
        """A whole amount, for tables: ``€612,400``."""
        return _money(self.language, value, currency or self.currency, 0)

    def price(self, value: Number, *, currency: str | None = None) -> str:
        """What somebody pays, with cents: ``€64.20``."""
        return _money(self.language, value, currency or self.currency, 2)

    def money_compact(self, value: Number, *, digits: int = 2, currency: str | None = None) -> str:
        """A large amount, short, for figures and axes: ``€1.81M``."""
        return _money_compact(self.language, value, currency or self.currency, digits)

    # Dates and times

    def date(self, value: Day) -> str:
        """``9 March 2021``."""
        return self._date(value, "date")

    def date_short(self, value: Day) -> str:
        """``9 Mar 2021``."""
        return self._date(value, "date_short")

    def span(self, first: Day, last: Day) -> str:
        """Days from one to another: ``24 Aug – 22 Nov 2026``, ``1–31 Oct 2026``."""
        return _span(self.language, self._day(first), self._day(last))

    def day(self, value: Day) -> str:
        """``Saturday 21 November``."""
        return self._date(value, "day")

    def day_month(self, value: Day) -> str:
        """``12 November``."""
        return self._date(value, "day_month")

    def day_month_short(self, value: Day) -> str:
        """``12 Nov``, for axes."""
        return self._date(value, "day_month_short")

    def month(self, value: Day) -> str:
        """``Nov ’26``, for axes and columns."""
        return self._date(value, "month")

    def month_long(self, value: Day) -> str:
        """``November 2026``."""
        return self._date(value, "month_long")

    def quarter(self, value: Day) -> str:
        """``Q4 ’26``."""
        return self._date(value, "quarter")

    def time(self, value: datetime) -> str:
        """``09:12`` in the user's zone."""
        return self.local(value).strftime("%H:%M")

    def date_time(self, value: datetime) -> str:
        """``9 March 2021, 09:12`` in the user's zone."""
        return f"{self.date(value)}, {self.time(value)}"

    def local(self, value: datetime) -> datetime:
        """The same moment on the user's clock.

        Raises
        ------
        ValueError
            If `value` has no time zone: a bare time would silently be read as the server's.
        """
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; moments carry theirs (UTC).")
        return value.astimezone(_zone(self.time_zone))

    def age(self, since: datetime, now: datetime) -> str:
        """How old something is: ``26 h old``, ``3 days old``."""
        unit, count = _unit(now - since)
        return t(self.language, f"numbers.old.{unit}", count=count)

    def ago(self, then: datetime, now: datetime) -> str:
        """How long ago: ``8 minutes ago``, ``9 days ago``."""
        unit, count = _unit(now - then)
        return t(self.language, f"numbers.ago.{unit}", count=count)

    def duration(self, value: timedelta) -> str:
        """How long: ``7 min``, ``26 h``."""
        unit, count = _unit(value)
        return t(self.language, f"numbers.long.{unit}", count=count)

    def _date(self, value: Day, style: DateStyle) -> str:
        return _date(self.language, self._day(value), style)

    def _day(self, value: Day) -> Day:
        return self.local(value).date() if isinstance(value, datetime) else value


@cache
def numbers_for(language: str, time_zone: str, currency: str) -> Numbers:
    """The formats of one kind of user."""
    return Numbers(language=language, time_zone=time_zone, currency=currency)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _signed(text: str) -> str:
    if text.startswith(MINUS) or not any(digit in text for digit in "123456789"):
        return text
    return "+" + text


def _exact(value: Number, digits: int) -> Decimal:
    """Rounded half up, as people do; Babel rounds half to even, and floats carry noise."""
    rounded = _as_decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return abs(rounded) if rounded == 0 else rounded  # no "−0"


def _as_decimal(value: Number) -> Decimal:
    # float() first: the repr of numpy's floats is not a number.
    return Decimal(value) if isinstance(value, int | Decimal) else Decimal(repr(float(value)))


def _true_minus(text: str) -> str:
    return text.replace("-", MINUS)


def _pattern(digits: int) -> str:
    return "#,##0" + ("." + "0" * digits if digits else "")


@lru_cache(maxsize=20_000)
def _decimal(language: str, value: Number, digits: int) -> str:
    text = format_decimal(_exact(value, digits), _pattern(digits), locale_of(language))
    return _true_minus(text)


@lru_cache(maxsize=20_000)
def _compact(language: str, value: Number, digits: int) -> str:
    text = format_compact_decimal(value, locale=locale_of(language), fraction_digits=digits)
    return _true_minus(text)


@lru_cache(maxsize=20_000)
def _percent(language: str, value: Number, digits: int) -> str:
    locale = locale_of(language)
    after = locale.percent_formats[None].pattern.partition("0%")[2]
    sign = "%" if not after and "0%" in locale.percent_formats[None].pattern else f"{NO_BREAK}%"
    exact = _exact(_as_decimal(value) * 100, digits) / 100
    return _true_minus(format_percent(exact, _pattern(digits) + sign, locale))


@lru_cache(maxsize=20_000)
def _money(language: str, value: Number, currency: str, digits: int) -> str:
    locale = locale_of(language)
    pattern = locale.currency_formats["standard"].pattern
    pattern = pattern.replace(".00", "." + "0" * digits if digits else "")
    text = format_currency(_exact(value, digits), currency, pattern, locale, currency_digits=False)
    return _true_minus(_with_sign(text, currency, language))


@lru_cache(maxsize=20_000)
def _money_compact(language: str, value: Number, currency: str, digits: int) -> str:
    text = format_compact_currency(
        value, currency, locale=locale_of(language), fraction_digits=digits
    )
    return _true_minus(_with_sign(text, currency, language))


def _with_sign(text: str, currency: str, language: str) -> str:
    written = get_currency_symbol(currency, locale_of(language))
    sign = _SIGNS.get(currency, written)
    if sign[-1].isalpha() and text.lstrip("-").startswith(written) and NO_BREAK not in text:
        sign += NO_BREAK  # "HUF 1,200", not "HUF1,200"
    return text.replace(written, sign, 1)


@lru_cache(maxsize=20_000)
def _date(language: str, value: date, style: DateStyle) -> str:
    pattern = _DATE_PATTERNS[language][style]
    return str(dates.format_date(value, pattern, locale=locale_of(language)))


def _unit(span: timedelta) -> tuple[str, int]:
    """The unit in which a person says this span, and how many: hours up to two days."""
    minutes = int(abs(span).total_seconds() // 60)
    for unit, size, limit in (
        ("minutes", 1, 60),
        ("hours", 60, 48 * 60),
        ("days", 24 * 60, 60 * 24 * 60),
        ("months", 30 * 24 * 60, 24 * 30 * 24 * 60),
    ):
        if minutes < limit:
            return unit, minutes // size
    return "years", minutes // (365 * 24 * 60)


def utc(value: datetime) -> datetime:
    """A moment read from a store that keeps UTC without saying so."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


@lru_cache(maxsize=20_000)
def _span(language: str, first: date, last: date) -> str:
    # Babel parts them by a thin space, which not every font has.
    text = dates.format_interval(first, last, "yMMMd", locale=locale_of(language))
    return str(text).replace("\u2009", NO_BREAK)

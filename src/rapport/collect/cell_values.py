"""Numbers, moments and yes-or-no as people, tills and spreadsheets write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

#: Money is stored with four decimals in eighteen digits; a single amount stays far below.
LARGEST_AMOUNT = Decimal(10) ** 12
_TEN_THOUSANDTH = Decimal("0.0001")
_PLAIN_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?")
#: What surrounds a number in a cell: currency signs and codes, spaces that group thousands.
_AROUND_NUMBER = re.compile(
    r"(?:€|£|\$|¥|Ft\.?|HUF|EUR|GBP|USD|zł|Kč|kr|%)$|^(?:€|£|\$|¥|HUF|EUR|GBP|USD)"
)
_SPACES = str.maketrans("", "", " \u00a0\u202f\u2009'’")

#: How .NET writes moments into JSON: milliseconds in UTC; the offset only says how to show them.
_DOT_NET = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")

#: ``Tue, 05 Nov 2019 18:10:38 +0000``, as in e-mails and in older web services.
_RFC_2822 = re.compile(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} ")

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LEEWAY = timedelta(days=1)

_YES = frozenset(
    {"true", "yes", "y", "1", "oui", "o", "ja", "j", "igen", "i", "waar", "vrai", "wahr", "igaz"}
    | {"on", "x", "opt-in", "optin", "subscribed"}
)
_NO = frozenset(
    {"false", "no", "n", "0", "non", "nee", "nein", "nem", "onwaar", "faux", "falsch", "hamis"}
    | {"off", "opt-out", "optout", "unsubscribed"}
)


def read_decimal(value: Any, decimal_mark: str = ".") -> Decimal:
    """The exact number in a cell or JSON value.

    Parameters
    ----------
    value : Any
        A number, or text such as ``1 234,50 €`` (with ``decimal_mark`` ``,``), ``(12.00)`` or
        ``12.00-``, which accountants write for negatives.
    decimal_mark : str
        ``.`` or ``,``; the other one groups thousands.

    Raises
    ------
    ValueError
        If it is no finite number, or larger than the stores hold.
    """
    if type(value) is int:
        number = Decimal(value)
    elif type(value) is float:
        if not isfinite(value):
            raise ValueError("not a finite number")
        number = Decimal(repr(value))
    elif isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        number = _from_text(value, decimal_mark)
    else:
        raise ValueError("not a number")
    if not number.is_finite() or abs(number) >= LARGEST_AMOUNT:
        raise ValueError("not a finite number below 10^12")
    return number


def _from_text(value: str, decimal_mark: str) -> Decimal:
    text = value.strip()
    if decimal_mark == "." and _PLAIN_NUMBER.fullmatch(text):  # by far the most cells
        return Decimal(text)
    text = text.replace("−", "-").translate(_SPACES)
    negative = False
    if text.startswith("(") and text.endswith(")"):
        negative, text = True, text[1:-1]
    text = _AROUND_NUMBER.sub("", text)
    if text.endswith("-"):
        negative, text = True, text[:-1]
    grouping = "." if decimal_mark == "," else ","
    whole, mark, fraction = text.partition(decimal_mark)
    if grouping in fraction or not _grouped_by_thousands(whole, grouping):
        raise ValueError("not a number with this decimal mark")
    text = whole.replace(grouping, "") + ("." + fraction if mark else "")
    if not _PLAIN_NUMBER.fullmatch(text):
        raise ValueError("not a number")
    try:
        number = Decimal(text)
    except InvalidOperation as error:  # pragma: no cover  # the pattern admits only numbers
        raise ValueError("not a number") from error
    return -number if negative else number


def _grouped_by_thousands(whole: str, grouping: str) -> bool:
    """``1.234.567`` is; ``12.34`` with a decimal comma is a slip, not twelve hundred."""
    first, *rest = whole.lstrip("+-").split(grouping)
    return not rest or (0 < len(first) <= 3 and all(len(part) == 3 for part in rest))


def read_money(value: Any, decimal_mark: str = ".") -> Decimal:
    """As `read_decimal`, rounded to the four decimals that money is kept with."""
    number = read_decimal(value, decimal_mark)
    exponent = number.as_tuple().exponent
    return (
        number if isinstance(exponent, int) and exponent >= -4 else number.quantize(_TEN_THOUSANDTH)
    )


def read_moment(value: Any, zone: tzinfo = UTC, date_format: str | None = None) -> datetime:
    """The moment in UTC.

    Parameters
    ----------
    value : Any
        ISO 8601 or RFC 2822 text, text in ``date_format``, ``/Date(1573755038314)/``, a date or
        datetime, or a number of seconds (or milliseconds, when larger than 10^11) since 1970.
    zone : tzinfo
        Zone of local times, those without a zone of their own.
    date_format : str, optional
        As `datetime.strptime` reads it.

    Raises
    ------
    ValueError
        If it cannot be read.
    """
    if isinstance(value, str):
        moment = _moment_from_text(value.strip(), date_format)
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001  # the zone follows
    elif type(value) in (int, float):
        moment = _since_1970(value)
    else:
        raise ValueError("not a date")
    try:
        return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("a date outside the calendar") from error


def _moment_from_text(text: str, date_format: str | None) -> datetime:
    if (counted := _DOT_NET.fullmatch(text)) is not None:
        return _since_1970(int(counted[1]) / 1000)
    if date_format:
        return datetime.strptime(text, date_format)  # noqa: DTZ007  # the zone follows
    if _RFC_2822.match(text):
        return parsedate_to_datetime(text)
    if len(text) > 8 and text.lstrip("-").replace(".", "", 1).isdecimal() and text.isascii():
        return _since_1970(float(text))
    return datetime.fromisoformat(text)


def _since_1970(seconds: float) -> datetime:
    # Milliseconds, as JavaScript counts: 10^11 seconds would be the year 5138.
    if abs(seconds) > 1e11:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, tz=UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError("a date outside the calendar") from error


def in_range(moment: datetime, received_at: datetime) -> bool:
    """Whether something can have happened then: since 1990, and not after tomorrow."""
    return EARLIEST <= moment <= received_at + LEEWAY


def read_yes_no(value: Any) -> bool | None:
    """True, False, or None where the cell says neither."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().casefold()
    if text in _YES:
        return True
    return False if text in _NO else None

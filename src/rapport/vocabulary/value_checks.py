"""Whether a value can be what its field says it is: the field's own check, one value at a time.

A check says nothing of truth: a well-formed address may be nobody's. It says that the value could
be used: written to, dialled, counted with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import phonenumbers
from babel import Locale
from babel.numbers import list_currencies

from rapport.vocabulary.identifier_values import normalise_email, normalise_phone

#: What stands in a field to fill it.
_FILLERS = frozenset(
    {
        "n/a", "na", "nvt", "n.v.t.", "none", "null", "nil", "unknown", "onbekend", "inconnu",
        "ismeretlen", "nincs", "geen", "aucun", "test", "x", "xx", "xxx", "tbd",
    }
)  # fmt: skip
#: Postal codes as each country writes them; of others only that there is a letter or a digit.
_POSTAL_CODES: Mapping[str, str] = MappingProxyType(
    {
        "AT": r"[1-9]\d{3}", "BE": r"[1-9]\d{3}", "BG": r"\d{4}", "CH": r"[1-9]\d{3}",
        "CY": r"\d{4}", "CZ": r"\d{3} ?\d{2}", "DE": r"\d{5}", "DK": r"\d{4}", "EE": r"\d{5}",
        "ES": r"(?:0[1-9]|[1-4]\d|5[0-2])\d{3}", "FI": r"\d{5}",
        "FR": r"(?:0[1-9]|[1-8]\d|9[0-8])\d{3}",
        "GB": r"(?i)[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}", "GR": r"\d{3} ?\d{2}", "HR": r"\d{5}",
        "HU": r"[1-9]\d{3}", "IE": r"(?i)[a-z\d]{3} ?[a-z\d]{4}", "IT": r"\d{5}",
        "LT": r"(?:LT-)?\d{5}", "LU": r"(?:L-)?\d{4}", "LV": r"(?:LV-)?\d{4}",
        "NL": r"[1-9]\d{3} ?(?i:[a-z]{2})", "NO": r"\d{4}", "PL": r"\d{2}-\d{3}",
        "PT": r"\d{4}(?:-\d{3})?", "RO": r"\d{6}", "RS": r"\d{5}", "SE": r"\d{3} ?\d{2}",
        "SI": r"\d{4}", "SK": r"\d{3} ?\d{2}", "US": r"\d{5}(?:-\d{4})?",
    }
)  # fmt: skip
_OLDEST_BIRTH = date(1900, 1, 2)  # the day before is what old systems write for "not known"
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
#: A clock may run ahead by this much without being wrong.
_AHEAD = timedelta(days=1)


def _two_letters(names: Mapping[Any, Any]) -> list[str]:
    return [code for code in map(str, names) if len(code) == 2]


@cache
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes; CLDR's own for groups and tests are left out."""
    others = {"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}
    return frozenset(_two_letters(Locale("en").territories)) - others


@cache
def languages() -> frozenset[str]:
    """ISO 639-1 codes."""
    return frozenset(_two_letters(Locale("en").languages))


@cache
def currencies() -> frozenset[str]:
    """ISO 4217 codes, those of the past too: old amounts stay in them."""
    return frozenset(list_currencies())


def is_text(value: str) -> bool:
    """Whether a word stands there, and not a filler, a formula or markup.

    Examples
    --------
    >>> [is_text(value) for value in ("Gent", "-", "n/a", "<b>Julie</b>")]
    [True, False, False, False]
    """
    words = value.strip()
    return (
        any(c.isalnum() for c in words)
        and words.casefold() not in _FILLERS
        and words[0] not in "=+@"
        and not any(c in "<>\x00" for c in words)
    )


def is_name(value: str) -> bool:
    """Whether a person or a place may be called so: a word with letters and no digits."""
    return is_text(value) and not any(c.isdigit() for c in value) and any(map(str.isalpha, value))


def is_postal_code(value: str, country: str | None) -> bool:
    """Whether the country writes postal codes like this one."""
    pattern = _POSTAL_CODES.get(country or "")
    written = value.strip()
    return is_text(written) if pattern is None else re.fullmatch(pattern, written) is not None


@lru_cache(maxsize=65_536)
def is_phone(value: str, country: str | None) -> bool:
    """Whether the number is in use where it would be dialled, by the numbering plans."""
    number = normalise_phone(value, country)
    return number is not None and phonenumbers.is_valid_number(phonenumbers.parse(number))


def is_birthday(value: str, at: datetime) -> bool:
    """Whether it is an ISO date on which somebody may be born who was known ``at``."""
    try:
        return _OLDEST_BIRTH <= date.fromisoformat(value) <= at.date()
    except ValueError:
        return False


def is_moment(value: datetime, at: datetime) -> bool:
    """Whether it may have happened before it was told ``at``."""
    return _OLDEST <= value <= at + _AHEAD


def _is_moment_text(value: str, at: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return False
    return is_moment(moment if moment.tzinfo else moment.replace(tzinfo=UTC), at)


_Check = Callable[[str, "str | None", datetime], bool]
_CHECKS: Mapping[str, _Check] = MappingProxyType(
    {
        "birthday": lambda value, _, at: is_birthday(value, at),
        "city": lambda value, _, __: is_name(value),
        "country": lambda value, _, __: value in countries(),
        "created_at": lambda value, _, at: _is_moment_text(value, at),
        "email": lambda value, _, __: normalise_email(value) is not None,
        "first_name": lambda value, _, __: is_name(value),
        "gender": lambda value, _, __: value.casefold() in {"female", "male", "other", "x"},
        "language": lambda value, _, __: value.partition("-")[0].casefold() in languages(),
        "last_name": lambda value, _, __: is_name(value),
        "name": lambda value, _, __: is_name(value),
        "phone": lambda value, country, _: is_phone(value, country),
        "postal_code": lambda value, country, _: is_postal_code(value, country),
    }
)


def is_valid(name: str, value: str, *, country: str | None, at: datetime) -> bool:
    """Whether ``value`` passes the check of the attribute ``name``.

    Parameters
    ----------
    name : str
        A key of `profile.ATTRIBUTES`; those without a check of their own must be text.
    country : str or None
        Of the same record, ISO 3166-1 alpha-2.
    at : datetime
        When the value was stated.

    Examples
    --------
    >>> at = datetime(2026, 11, 21, tzinfo=UTC)
    >>> is_valid("postal_code", "9000", country="BE", at=at)
    True
    >>> is_valid("postal_code", "900", country="BE", at=at)
    False
    """
    check = _CHECKS.get(name)
    return is_text(value) if check is None else check(value, country, at)

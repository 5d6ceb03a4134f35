"""Currency codes of ISO 4217, as the CLDR data of Babel lists them."""

from __future__ import annotations

from functools import cache, lru_cache

from babel.numbers import list_currencies

#: Signs that name one currency only; "$" and "kr" do not.
_SIGNS = {"€": "EUR", "£": "GBP", "Ft": "HUF", "FT": "HUF", "¥": "JPY", "zł": "PLN", "Kč": "CZK"}


@cache
def _codes() -> frozenset[str]:
    return frozenset(list_currencies())


@lru_cache(maxsize=1024)
def currency_code(value: str) -> str | None:
    """The ISO 4217 code that ``value`` means (``eur``, ``€``), or None."""
    text = value.strip()
    code = _SIGNS.get(text) or text.upper()
    return code if code in _codes() else None

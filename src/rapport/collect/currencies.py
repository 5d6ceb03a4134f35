"""Currency codes of ISO 4217, as the CLDR data of Babel lists them."""

from __future__ import annotations

from functools import cache, lru_cache

from babel.numbers import list_currencies

#: Signs that name one currency only; "$" and "kr" do not.
_SIGNS = {"€": "EUR", "£": "GBP", "Ft": "HUF", "FT": "HUF", "¥": "JPY", "zł": "PLN", "Kč": "CZK"}


@cache
def _codes() -> frozenset[str]:
    return frozenset(list_currencies())


#: How many digits of an amount in the smallest unit stand behind the point, where it is not two.
#: Source: ISO 4217, list one. CLDR differs: it tells how amounts are shown, not how they are kept.
_MINOR_DIGITS = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX"),
            *("UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def minor_digits(code: str) -> int:
    """How many digits the smallest unit of a currency stands behind the point: cents have two."""
    return _MINOR_DIGITS.get(code, 2)


@lru_cache(maxsize=1024)
def currency_code(value: str) -> str | None:
    """The ISO 4217 code that ``value`` means (``eur``, ``€``), or None."""
    text = value.strip()
    code = _SIGNS.get(text) or text.upper()
    return code if code in _codes() else None

"""Country names in the languages of our silos, as ISO 3166-1 alpha-2 codes."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

from babel import Locale

_LANGUAGES = ("en", "nl", "fr", "hu", "de")
#: Names that exports use and CLDR does not list; each is unambiguous.
_ALSO = {
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "great britain": "GB",
    "uk": "GB",
    "u.k.": "GB",
    "eire": "IE",
    "republic of ireland": "IE",
    "usa": "US",
    "u.s.a.": "US",
    "united states of america": "US",
    "holland": "NL",
    "the netherlands": "NL",
    "pays bas": "NL",
    "rsa": "ZA",
    "channel islands": "GB",  # not one code (JE, GG); both dial and trade as the United Kingdom
    "korea": "KR",
    "russian federation": "RU",
    "czech republic": "CZ",
    "csehorszag": "CZ",
    "tsjechische republiek": "CZ",
    "republique tcheque": "CZ",
    "tschechische republik": "CZ",
    "magyar koztarsasag": "HU",
    "macedonia": "MK",
}
#: ISO 3166-1 alpha-3 and others that are not the first two letters, as exports spell them.
_ALPHA_3 = {
    "BEL": "BE", "NLD": "NL", "FRA": "FR", "HUN": "HU", "DEU": "DE", "LUX": "LU", "AUT": "AT",
    "CHE": "CH", "GBR": "GB", "IRL": "IE", "ESP": "ES", "PRT": "PT", "ITA": "IT", "POL": "PL",
    "CZE": "CZ", "SVK": "SK", "ROU": "RO", "HRV": "HR", "SVN": "SI", "SRB": "RS", "DNK": "DK",
    "SWE": "SE", "NOR": "NO", "FIN": "FI", "USA": "US", "CAN": "CA", "AUS": "AU", "JPN": "JP",
}  # fmt: skip


def _plain(name: str) -> str:
    """Without diacritics, hyphens and case: what two spellings of one name share."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(" " if c in "-’'" else c for c in letters if not unicodedata.combining(c))
    return " ".join(kept.split())


def _territories(language: str) -> dict[str, str]:
    """Two-letter code → name; CLDR also lists continents, the EU and codes for tests."""
    return {
        str(code): str(name)
        for code, name in Locale(language).territories.items()
        if len(str(code)) == 2 and code not in ("EU", "EZ", "UN", "ZZ", "QO", "XA", "XB")
    }


@cache
def _codes() -> frozenset[str]:
    return frozenset(_territories("en"))


@cache
def _names() -> dict[str, str]:
    names = dict(_ALSO)
    for language in _LANGUAGES:
        for code, name in _territories(language).items():
            names.setdefault(_plain(name), code)
    return names


@lru_cache(maxsize=4096)
def country_code(value: str) -> str | None:
    """The ISO 3166-1 alpha-2 code that ``value`` means (``be``, ``BEL``, ``Belgique``), or None."""
    text = value.strip()
    upper = text.upper()
    if upper == "UK":
        return "GB"
    if upper in _codes():
        return upper
    return _ALPHA_3.get(upper) or _names().get(_plain(text))

"""Countries and languages in the reader's language, by their ISO codes."""

from __future__ import annotations

from functools import cache

from rapport.web.words import locale_of


@cache
def country_name(language: str, code: str) -> str:
    """``BE`` as "Belgium"; a code that nobody knows stays as it is."""
    return str(locale_of(language).territories.get(code.upper(), code))


@cache
def language_name(language: str, code: str) -> str:
    """``nl`` as "Dutch"; a code that nobody knows stays as it is."""
    return str(locale_of(language).languages.get(code.lower(), code))

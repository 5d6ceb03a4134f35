"""Which words are given names, and which given names a short form may stand for."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from importlib.resources import files
from typing import Any


def one_y(word: str) -> str:
    """``word`` with the Dutch ij as y: "van Dijck" is "van Dyck", "Evelijne" is "Evelyne"."""
    return word.replace("ij", "y") if "ij" in word else word


def _read() -> tuple[dict[str, tuple[str, ...]], frozenset[str], frozenset[str]]:
    text = files(__package__).joinpath("given_names.toml").read_text(encoding="utf-8")
    languages: dict[str, dict[str, Any]] = tomllib.loads(one_y(text))
    roots: defaultdict[str, set[str]] = defaultdict(set)
    given: set[str] = set()
    for names in languages.values():
        for formal, short in names.items():
            given.update(short.split())
            if formal == "_plain":
                continue
            given.add(formal)
            roots[formal].add(formal)
            for word in short.split():
                roots[word].add(formal)
                if word in names or word in names.get("_plain", "").split():
                    roots[word].add(word)
    hungarian = languages["hu"]
    hungarian_words = set(hungarian) | set(hungarian["_plain"].split())
    return (
        {word: tuple(sorted(names)) for word, names in roots.items()},
        frozenset(given),
        frozenset(hungarian_words - {"_plain"}),
    )


#: Short or formal name → the formal names it may stand for, itself included where it is one.
ROOTS, GIVEN_NAMES, HUNGARIAN_GIVEN_NAMES = _read()


def is_short_form(a: str, b: str) -> bool:
    """Whether one of two words is nothing but what bearers of the other are called at home.

    Short forms that are also given at the font are not: Marie and Maria, Jan and Johannes are
    sisters and brothers too.

    Examples
    --------
    >>> is_short_form("nico", "nicolas"), is_short_form("marie", "maria")
    (True, False)
    """
    one, two = ROOTS.get(a, ()), ROOTS.get(b, ())
    return (b in one and a not in one) or (a in two and b not in two)

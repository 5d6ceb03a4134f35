"""How clerks, customers and old systems spell the same name, address or e-mail differently."""

from __future__ import annotations

import unicodedata

from rapport.demo.words import words

#: Letters that cp1252 lacks; an old French system keeps the nearest one it knows.
_TO_WESTERN = str.maketrans("őűŐŰ", "öüÖÜ")

_ABBREVIATIONS = {
    "straat": "str.",
    "steenweg": "stwg.",
    "laan": "ln.",
    "Rue ": "R. ",
    "rue ": "r. ",
    "Avenue ": "Av. ",
    "avenue ": "av. ",
    "boulevard ": "bd ",
    " utca": " u.",
}


def plain_letters(text: str) -> str:
    """``text`` without diacritics."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def western(text: str) -> str:
    """``text`` with only the letters that cp1252 has."""
    return text.translate(_TO_WESTERN)


def with_typo(text: str, where: float, kind: float) -> str:
    """``text`` with one slip of the finger; ``where`` and ``kind`` in [0, 1) choose it."""
    if len(text) < 4:
        return text
    i = 1 + int(where * (len(text) - 2))
    if kind < 0.4:
        return text[:i] + text[i + 1] + text[i] + text[i + 2 :] if i + 1 < len(text) else text
    if kind < 0.7:
        return text[:i] + text[i + 1 :]
    return text[:i] + text[i] + text[i:]


def nickname(first: str, language: str) -> str:
    """What friends call somebody; the name itself where there is no short form."""
    found: str = words("names")[language]["nicknames"].get(first, first)
    return found


def written_first(first: str, language: str, style: float) -> str:
    """A first name as one silo has it; ``style`` in [0, 1), half of them as they are."""
    if style < 0.62:
        return first
    if style < 0.74:
        return nickname(first, language)
    if style < 0.82:
        return plain_letters(first)
    if style < 0.88:
        return first[0] + "."
    if style < 0.94:
        return first.upper()
    return with_typo(first, (style * 97) % 1, (style * 31) % 1)


def written_last(last: str, style: float) -> str:
    """A family name as one silo has it."""
    if style < 0.68:
        return last
    if style < 0.78:
        return last.upper()
    if style < 0.86:
        return plain_letters(last)
    if style < 0.92:
        return last.replace(" ", "") if " " in last else last
    return with_typo(last, (style * 89) % 1, (style * 37) % 1)


def written_street(street: str, style: float) -> str:
    """A street with the abbreviations of its country."""
    if style < 0.6:
        return street
    for long, short in _ABBREVIATIONS.items():
        if long in street:
            return street.replace(long, short)
    return plain_letters(street)

"""A few plain comparisons, so that the engine's tests do not move when the shipped ones improve."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from rapport.unify.matching.comparison import Column, Comparison, Level, Row


def _words(*texts: str | None) -> list[str] | None:
    found = {word for text in texts if text for word in re.findall(r"[a-z]+", text.lower())}
    return sorted(found) or None


def _name(name: str | None, first: str | None, last: str | None) -> tuple[Any, ...]:
    words = _words(name, first, last)
    return (words, " ".join(words) if words else None)


def _shares(a: Row, b: Row) -> bool:
    return bool(set(a["name_words"]) & set(b["name_words"]))


NAME = Comparison(
    name="name",
    inputs=("name", "first_name", "last_name"),
    columns=(Column(name="name_words", type="words"), Column(name="name_full")),
    read=_name,
    said=("name_words",),
    levels=(
        Level(
            key="same",
            sql="l.name_full = r.name_full",
            holds=lambda a, b: a["name_full"] == b["name_full"],
            rarity="name_words",
        ),
        Level(
            key="shares_word",
            sql="list_has_any(l.name_words, r.name_words)",
            holds=_shares,
        ),
    ),
)


def _birth(text: str | None) -> tuple[Any, ...]:
    try:
        return (dt.date.fromisoformat(text or ""),)
    except ValueError:
        return (None,)


def _two_parts(a: Row, b: Row) -> bool:
    x, y = a["birth"], b["birth"]
    return (x.year == y.year) + (x.month == y.month) + (x.day == y.day) >= 2


BIRTH = Comparison(
    name="birth",
    inputs=("birthday",),
    columns=(Column(name="birth", type="date"),),
    read=_birth,
    said=("birth",),
    levels=(
        Level(
            key="same",
            sql="l.birth = r.birth",
            holds=lambda a, b: a["birth"] == b["birth"],
            rarity="birth",
        ),
        Level(
            key="two_parts",
            sql="(CASE WHEN year(l.birth) = year(r.birth) THEN 1 ELSE 0 END"
            " + CASE WHEN month(l.birth) = month(r.birth) THEN 1 ELSE 0 END"
            " + CASE WHEN day(l.birth) = day(r.birth) THEN 1 ELSE 0 END) >= 2",
            holds=_two_parts,
        ),
    ),
)


def _plain(name: str, stated: str, column: str) -> Comparison:
    return Comparison(
        name=name,
        inputs=(stated,),
        columns=(Column(name=column),),
        read=lambda text: (text.lower().replace(" ", "") if text else None,),
        said=(column,),
        levels=(
            Level(
                key="same",
                sql=f"l.{column} = r.{column}",
                holds=lambda a, b: a[column] == b[column],
                rarity=column,
            ),
        ),
    )


EMAIL = _plain("email", "email", "email")
PHONE = _plain("phone", "phone", "phone")
POSTCODE = _plain("postcode", "postal_code", "postcode_value")
CITY = _plain("city", "city", "city_value")
CARD = _plain("loyalty_card", "loyalty_card", "loyalty_card")
NATIONAL = _plain("national_id", "national_id", "national_id")
DEVICE = _plain("device", "device_id", "device_id")

SIMPLE = (NAME, BIRTH, EMAIL, PHONE, POSTCODE, CITY, CARD, NATIONAL, DEVICE)

"""Names of companies: what tells one from another, what it does, and who stands beside it."""

from __future__ import annotations

from typing import Any

from rapport.unify.company_words import company_name
from rapport.unify.matching.comparison import Column, Comparison, Level, RecordKind, Row
from rapport.unify.matching.comparisons.likeness import (
    is_near,
    is_near_sql,
    is_slip,
    is_slip_sql,
    same_level,
    storable,
)

_ALIKE = 0.9
#: So many words make an acronym.
_SHORTEST_ACRONYM = 3
_NOTHING = (None,) * 8


def read_company_name(*names: str | None) -> tuple[Any, ...]:
    """Of the first name stated: key, words, core as one text and as words, trades, all its letters,
    its digits, and its initials.

    Examples
    --------
    >>> read_company_name("Boulangerie Peeters SPRL")[:5]
    ('bakery peeters', ['bakery', 'peeters'], 'peeters', ['peeters'], ['bakery'])
    >>> read_company_name("Studio 54 BV", None)[5:]
    ('studio54', '54', None)
    """
    name = storable(next((name for name in names if name), None))
    found = company_name(name) if name else None
    if found is None:
        return _NOTHING
    words, core = sorted(found.words), sorted(found.core)
    letters = "".join(found.written)
    initials = "".join(word[0] for word in found.written)
    return (
        " ".join(words),
        words,
        " ".join(core) or None,
        core or None,
        sorted(found.trades) or None,
        letters,
        "".join(c for c in letters if c.isdecimal()) or None,
        initials if len(initials) >= _SHORTEST_ACRONYM else None,
    )


def _slip(a: Row, b: Row) -> bool:
    return a["company_name_digits"] == b["company_name_digits"] and is_slip(
        a["company_name_letters"], b["company_name_letters"]
    )


def _shared(a: Row, b: Row) -> int:
    return len(set(a["company_name_core_words"] or ()) & set(b["company_name_core_words"] or ()))


def _other_trade(a: Row, b: Row) -> bool:
    one, two = a["company_name_trades"], b["company_name_trades"]
    return one is not None and two is not None and set(one).isdisjoint(two) and _shared(a, b) > 0


def _more_words(a: Row, b: Row) -> bool:
    one, two = a["company_name_core_words"], b["company_name_core_words"]
    if one is None or two is None:
        return False
    shorter = min(len(one), len(two))
    return shorter >= 2 and _shared(a, b) == shorter


def _one_word(a: Row, b: Row) -> bool:
    one, two = a["company_name_core_words"], b["company_name_core_words"]
    return one is not None and two is not None and min(len(one), len(two)) == 1 == _shared(a, b)


def _acronym(a: Row, b: Row) -> bool:
    one, two = a["company_name_initials"], b["company_name_initials"]
    return (one is not None and one == b["company_name_letters"]) or (
        two is not None and two == a["company_name_letters"]
    )


def _alike(a: Row, b: Row) -> bool:
    return is_near(a["company_name_letters"], b["company_name_letters"], _ALIKE) or is_slip(
        a["company_name_core"], b["company_name_core"]
    )


def _shared_word(a: Row, b: Row) -> bool:
    return _shared(a, b) > 0


def _other_script(a: Row, b: Row) -> bool:
    return bool((a["company_name_key"] < "{") != (b["company_name_key"] < "{"))


_LETTERS_NEAR = is_near_sql("l.company_name_letters", "r.company_name_letters", _ALIKE)
_SHARED = "len(list_intersect(l.company_name_core_words, r.company_name_core_words))"
_SHORTER = "least(len(l.company_name_core_words), len(r.company_name_core_words))"
_SHARE_ANY = "list_has_any(l.company_name_core_words, r.company_name_core_words)"

COMPARISON = Comparison(
    name="company_name",
    inputs=("company", "name", "last_name", "first_name"),
    columns=(
        Column(name="company_name_key"),
        Column(name="company_name_words", type="words"),
        Column(name="company_name_core"),
        Column(name="company_name_core_words", type="words"),
        Column(name="company_name_trades", type="words"),
        Column(name="company_name_letters"),
        Column(name="company_name_digits"),
        Column(name="company_name_initials"),
    ),
    read=read_company_name,
    said=("company_name_key",),
    levels=(
        same_level("same_name", "company_name_key"),
        Level(  # also glued or cut: "Bouw Groep" and "Bouwgroep"
            key="slip",
            sql=(
                "coalesce(coalesce(l.company_name_digits, '') = coalesce(r.company_name_digits, '')"
                f" and {is_slip_sql('l.company_name_letters', 'r.company_name_letters')}, false)"
            ),
            holds=_slip,
        ),
        Level(  # Bakkerij Peeters and Garage Peeters
            key="other_trade",
            sql=(
                "coalesce(not list_has_any(l.company_name_trades, r.company_name_trades)"
                f" and {_SHARE_ANY}, false)"
            ),
            holds=_other_trade,
        ),
        same_level("same_core", "company_name_core"),
        Level(
            key="more_words",
            sql=f"coalesce({_SHORTER} >= 2 and {_SHARED} = {_SHORTER}, false)",
            holds=_more_words,
        ),
        Level(
            key="one_word",  # all that one says beside its trade, the other says too
            sql=f"coalesce({_SHORTER} = 1 and {_SHARED} = 1, false)",
            holds=_one_word,
        ),
        Level(
            key="acronym",
            sql=(
                "coalesce(l.company_name_initials = r.company_name_letters, false)"
                " or coalesce(r.company_name_initials = l.company_name_letters, false)"
            ),
            holds=_acronym,
        ),
        Level(
            key="alike",
            sql=(
                f"coalesce({_LETTERS_NEAR}, false)"
                f" or coalesce({is_slip_sql('l.company_name_core', 'r.company_name_core')}, false)"
            ),
            holds=_alike,
        ),
        Level(key="shared_word", sql=f"coalesce({_SHARE_ANY}, false)", holds=_shared_word),
        Level(
            key="not_comparable",
            sql="(l.company_name_key < '{') <> (r.company_name_key < '{')",
            holds=_other_script,
        ),
    ),
    of=RecordKind.COMPANY,
)

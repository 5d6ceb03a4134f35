"""The name in an e-mail address, against the name of a record that states one.

A web shop knows `jpeeters@…` and nothing else, a till knows "Jan Peeters" and no address. Only
where a record states no name does its mailbox stand for one: otherwise what its own name has said
already would be said twice.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from rapport.unify.matching.comparison import Column, Comparison, Level, Row
from rapport.unify.matching.comparisons.likeness import similarity
from rapport.unify.matching.comparisons.word_list import words
from rapport.unify.name_words import PREFIXES, TITLES, fold, fold_words

_NO_LETTERS = re.compile(r"[^a-z]+")
_SHORTEST = 4
_NEAR = 0.93
_ROLES = words(
    """
    info contact sales support office mail webmaster hello bonjour team noreply donotreply
    postmaster admin administratie boekhouding facturen accueil receptie reception verkoop
    klantendienst ugyfelszolgalat iroda titkarsag marketing accounts billing orders shop winkel null
    none test unknown nobody anonymous example geen nincs aucun email nomail noemail
    """
)
_LONGEST = 120
_MOST_WORDS = 6

_NOTHING = (None,) * 7


def _forms(given: str, family: str) -> tuple[list[str], list[str]]:
    """How a mailbox writes a name in full and in short."""
    return (
        [given + family, family + given],
        [given[0] + family, family + given[0], given + family[0]],
    )


def read_mailbox_name(
    name: str | None, first_name: str | None, last_name: str | None, email: str | None
) -> tuple[Any, ...]:
    """What it is (mailbox or name), the mailbox's letters; the name's full and short forms, its two
    full forms as texts, and its words.

    Examples
    --------
    >>> read_mailbox_name(None, None, None, "j.peeters78@mail.be")[:2]
    ('mailbox', 'jpeeters')
    >>> read_mailbox_name(None, "Jan", "Peeters", None)[2:4]
    (['janpeeters', 'peetersjan'], ['janp', 'jpeeters', 'peetersj'])
    """
    if not (name or first_name or last_name):
        local = (email or "")[:_LONGEST].partition("@")[0].partition("+")[0]
        letters = _NO_LETTERS.sub("", fold(local))
        if len(letters) < _SHORTEST or letters in _ROLES:
            return _NOTHING
        return ("mailbox", letters, None, None, None, None, None)
    sides: list[tuple[str, str]] = []
    if first_name and last_name:
        firsts, lasts = _words(first_name), _words(last_name)
        given, family = "".join(firsts), "".join(lasts)
        sides = [(given, family)]
        if len(firsts) > 1:
            sides.append((firsts[0], family))
        if not PREFIXES.isdisjoint(lasts):
            sides.append((given, "".join(word for word in lasts if word not in PREFIXES)))
        stated = ([*_words(name), *firsts, *lasts] if name else firsts + lasts)[:_MOST_WORDS]
    else:
        stated = found = _words(name or last_name or first_name or "")
        if len(found) > 1:
            sides = [(found[0], "".join(found[1:])), (found[-1], "".join(found[:-1]))]
            bare = [word for word in found if word not in PREFIXES]
            if 1 < len(bare) < len(found):
                sides += [(bare[0], "".join(bare[1:])), (bare[-1], "".join(bare[:-1]))]
        if name and (first_name or last_name):
            stated = [*found, *_words(first_name or last_name or "")][:_MOST_WORDS]
    sides = [(given, family) for given, family in sides if given and family]
    full: set[str] = set()
    short: set[str] = set()
    for given, family in sides:
        long_forms, short_forms = _forms(given, family)
        if len(given) > 1 and len(family) > 1:
            full.update(long_forms)
        short.update([form for form in short_forms if len(form) >= _SHORTEST])
    parts = sorted({word for word in stated if len(word) >= _SHORTEST})
    if not (full or short or parts):
        return _NOTHING
    first = sides[0] if sides else ("", "")
    return (
        "name",
        None,
        sorted(full) or None,
        sorted(short) or None,
        first[0] + first[1] or None,
        first[1] + first[0] or None,
        parts or None,
    )


def _words(text: str) -> list[str]:
    return [word for token in text[:_LONGEST].split() for word in _token(token)][:_MOST_WORDS]


@lru_cache(maxsize=131_072)  # the words of names are few, and each is met hundreds of times
def _token(token: str) -> tuple[str, ...]:
    """The words in what stands between two spaces: usually one."""
    return tuple(word for word in fold_words(token) if word not in TITLES and word.isascii())


def _either(a: Row, b: Row) -> tuple[str, Row]:
    """The letters of the one that is a mailbox, and the other, which is a name."""
    if a["mailbox_name_letters"] is not None:
        return a["mailbox_name_letters"], b
    return b["mailbox_name_letters"], a


def _same_kind(a: Row, b: Row) -> bool:
    return bool(a["mailbox_name_says"] == b["mailbox_name_says"])


def _full(a: Row, b: Row) -> bool:
    letters, named = _either(a, b)
    return letters in (named["mailbox_name_full"] or ())


def _short(a: Row, b: Row) -> bool:
    letters, named = _either(a, b)
    return letters in (named["mailbox_name_short"] or ())


def _slip(a: Row, b: Row) -> bool:
    letters, named = _either(a, b)
    return any(
        named[column] is not None and similarity(letters, named[column]) >= _NEAR
        for column in ("mailbox_name_one", "mailbox_name_other")
    )


def _part(a: Row, b: Row) -> bool:
    letters, named = _either(a, b)
    return any(
        letters.startswith(word) or letters.endswith(word)
        for word in named["mailbox_name_words"] or ()
    )


_LETTERS = "coalesce(l.mailbox_name_letters, r.mailbox_name_letters)"


def _of(column: str) -> str:
    """The column of whichever of the two is a name."""
    return f"coalesce(l.mailbox_name_{column}, r.mailbox_name_{column})"


_PART_SQL = " or ".join(
    f"coalesce(starts_with({_LETTERS}, {_of('words')}[{at}])"
    f" or ends_with({_LETTERS}, {_of('words')}[{at}]), false)"
    for at in range(1, _MOST_WORDS + 1)
)

COMPARISON = Comparison(
    name="mailbox_name",
    inputs=("name", "first_name", "last_name", "email"),
    columns=(
        Column(name="mailbox_name_says"),
        Column(name="mailbox_name_letters"),
        Column(name="mailbox_name_full", type="words"),
        Column(name="mailbox_name_short", type="words"),
        Column(name="mailbox_name_one"),
        Column(name="mailbox_name_other"),
        Column(name="mailbox_name_words", type="words"),
    ),
    read=read_mailbox_name,
    said=("mailbox_name_says",),
    levels=(
        Level(  # two names, or two mailboxes: compared elsewhere
            key="not_comparable",
            sql="l.mailbox_name_says = r.mailbox_name_says",
            holds=_same_kind,
        ),
        Level(
            key="full_name",
            sql=f"coalesce(list_contains({_of('full')}, {_LETTERS}), false)",
            holds=_full,
        ),
        Level(
            key="short_name",  # jpeeters, peetersj, janp
            sql=f"coalesce(list_contains({_of('short')}, {_LETTERS}), false)",
            holds=_short,
        ),
        Level(
            key="slip",
            sql=(
                f"greatest(coalesce(jaro_winkler_similarity({_LETTERS}, {_of('one')}), 0),"
                f" coalesce(jaro_winkler_similarity({_LETTERS}, {_of('other')}), 0)) >= {_NEAR}"
            ),
            holds=_slip,
        ),
        Level(key="one_word", sql=_PART_SQL, holds=_part),
    ),
)

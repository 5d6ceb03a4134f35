"""The one search box: name, e-mail, phone, order number or card, in any order, without accents."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, and_, case, func, literal, or_, select
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from rapport.unify.name_words import fold
from rapport.unify.refresh import LONGEST_TERM, plain_code
from rapport.vocabulary import ledger_tables as t

#: More words than anybody has names; each is one more join.
_MOST_WORDS = 6
_PHONE_LIKE = re.compile(r"[+(]?\d[\d\s()./-]*")
_NAME_SEPARATORS = re.compile(r"[^\w@.+-]+")


class SearchHit(Struct, frozen=True, kw_only=True):
    """A profile that was found, and by which kind of word: name, email, phone, order, card."""

    profile_id: str
    kind: str
    name: str | None
    email: str | None
    phone: str | None
    city: str | None
    country: str | None


def search(connection: Connection, text: str, limit: int = 8) -> list[SearchHit]:
    """Profiles that every word of ``text`` finds, best first.

    A word finds a profile whose term begins with it; four digits also find the end of a phone
    number. Whole terms count above beginnings, then profiles with more touchpoints.

    Parameters
    ----------
    text : str
        What somebody typed: ``agnes kov``, ``anna@``, ``0470 12 34 56``, ``4567``, ``MK-10042``.
    limit : int
        Greatest number of hits.
    """
    words = query_words(text)
    if not words or limit < 1:
        return []
    terms = [t.search_term.alias(f"s{n}") for n in range(len(words))]
    exact: ColumnElement[int] = sum(
        (case((s.c.term.in_(word), 1), else_=0) for s, word in zip(terms, words, strict=True)),
        start=literal(0),
    )
    p = t.profile.c
    source: FromClause = t.profile.join(terms[0], terms[0].c.profile_id == p.profile_id)
    for s in terms[1:]:
        source = source.join(s, s.c.profile_id == p.profile_id)
    found = (
        select(
            p.profile_id,
            func.min(terms[0].c.kind),
            p.name,
            p.email,
            p.phone,
            p.city,
            p.country,
        )
        .select_from(source)
        .where(
            p.merged_into.is_(None),
            *(_matches(s, word) for s, word in zip(terms, words, strict=True)),
        )
        .group_by(p.profile_id)
        .order_by(func.max(exact).desc(), p.touchpoint_count.desc(), p.profile_id)
        .limit(limit)
    )
    return [
        SearchHit(
            profile_id=row[0],
            kind="phone" if row[1] == "phone_end" else row[1],
            name=row[2],
            email=row[3],
            phone=row[4],
            city=row[5],
            country=row[6],
        )
        for row in connection.execute(found)
    ]


def query_words(text: str) -> list[tuple[str, ...]]:
    """The words of a search, each with the ways in which it may be stored.

    Examples
    --------
    >>> query_words("Ágnes kov")
    [('agnes',), ('kov',)]
    >>> query_words("0470 12 34 56")
    [('0470123456', '470123456')]
    """
    folded = fold(text)
    if _PHONE_LIKE.fullmatch(folded) and len(plain_code(folded)) >= 4:
        return [_number_forms(plain_code(folded)[:LONGEST_TERM])]
    words: list[tuple[str, ...]] = []
    for part in _NAME_SEPARATORS.split(folded):
        word = part.strip(".-+_")
        if "@" in word:
            words.append((word,))
        elif word.isdigit():
            words.append(_number_forms(word))
        elif any(c.isdigit() for c in word):
            words.append((plain_code(word),))
        else:
            # "jean-pierre" is stored as two words, an e-mail's "jean.pierre" as one.
            pieces = [piece for piece in re.split(r"[-+_]", word) if piece]
            words += [(piece,) for piece in pieces]
    cut = (tuple(form[:LONGEST_TERM] for form in word) for word in words)
    usable = [word for word in cut if max(map(len, word)) > 1]
    return list(dict.fromkeys(usable))[:_MOST_WORDS]


def _number_forms(digits: str) -> tuple[str, ...]:
    """Digits as typed, without the prefix for calls abroad, and without a national one."""
    prefixes = ("", "00", "06", "0")  # 06 is Hungary's
    return tuple(
        dict.fromkeys(
            digits.removeprefix(prefix)
            for prefix in prefixes
            if digits.startswith(prefix) and (not prefix or len(digits) - len(prefix) >= 4)
        )
    )


def _matches(s: FromClause, forms: Sequence[str]) -> ColumnElement[bool]:
    # A range and no LIKE: the index on bytes serves it on both engines.
    # The end of a phone number is found by all of its four digits only.
    ranges = [
        and_(
            s.c.term >= form,
            s.c.term < form[:-1] + chr(ord(form[-1]) + 1),
            or_(s.c.kind != "phone_end", s.c.term == form),
        )
        for form in forms
    ]
    return or_(*ranges)

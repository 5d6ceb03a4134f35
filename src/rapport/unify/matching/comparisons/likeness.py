"""How alike two texts are, as SQL and as Python that give the same answer.

DuckDB counts bytes where Python counts letters, so Python compares the UTF-8 bytes too. DuckDB
needs microseconds for one Damerau–Levenshtein distance: it is asked only for texts that the
Jaro–Winkler similarity, which is quick, already shows to be near.
"""

from __future__ import annotations

from collections.abc import Callable

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from rapport.unify.matching.comparison import Level, Row

#: The two sum in another order and differ in the last bits: no similarity lies exactly there.
_LAST_BITS = 1e-9
#: No word of four letters or more that is one slip from another is less alike than this.
_NEAR = 0.8
#: In shorter words a letter more or less makes another word.
SHORTEST_SLIP = 4
#: Words this long have room for two slips.
_TWO_SLIPS = 9


def similarity(a: str, b: str) -> float:
    """Jaro–Winkler similarity in [0, 1]: that of DuckDB but for the last bits.

    Examples
    --------
    >>> round(similarity("martha", "marhta"), 4)
    0.9611
    """
    return JaroWinkler.similarity(a.encode(), b.encode())


def is_near(a: str | None, b: str | None, least: float) -> bool:
    """Whether two texts have a similarity of ``least`` or more; False where one is missing."""
    return a is not None and b is not None and similarity(a, b) >= least - _LAST_BITS


def is_near_sql(a: str, b: str, least: float) -> str:
    """`is_near` as a condition; NULL where a side is."""
    return f"jaro_winkler_similarity({a}, {b}) >= {least - _LAST_BITS:.9f}"


def edits(a: str, b: str) -> int:
    """Damerau–Levenshtein distance in bytes: letters put in, left out, mistaken or swapped."""
    return DamerauLevenshtein.distance(a.encode(), b.encode())


def is_slip(a: str | None, b: str | None) -> bool:
    """Whether two words are one but for a slip of the hand (two in long ones), or equal.

    Examples
    --------
    >>> is_slip("peeters", "peetesr")
    True
    >>> is_slip("jan", "jon")
    False
    """
    if a is None or b is None:
        return False
    if a == b:
        return True
    shorter = min(len(a), len(b))
    if shorter < SHORTEST_SLIP or abs(len(a) - len(b)) > 2:
        return False
    if a[0] != b[0] and a[-1] != b[-1]:  # one slip leaves one end of a word as it was
        return False
    return is_near(a, b, _NEAR) and edits(a, b) <= (2 if shorter >= _TWO_SLIPS else 1)


def is_slip_sql(a: str, b: str) -> str:
    """`is_slip` as a condition; NULL only where a side is NULL."""
    shorter = f"least(length({a}), length({b}))"
    return (
        f"(case when {a} = {b} then true"
        f" when {shorter} < {SHORTEST_SLIP} or abs(length({a}) - length({b})) > 2 then false"
        f" when left({a}, 1) <> left({b}, 1) and right({a}, 1) <> right({b}, 1) then false"
        f" when {is_near_sql(a, b, _NEAR)} then damerau_levenshtein({a}, {b})"
        f" <= (case when {shorter} >= {_TWO_SLIPS} then 2 else 1 end) else false end)"
    )


def same(column: str) -> Callable[[Row, Row], bool]:
    """Whether both records have the same value of ``column``."""

    def holds(a: Row, b: Row) -> bool:
        value = a[column]
        return value is not None and value == b[column]

    return holds


def same_level(key: str, column: str, *, rarity: bool = True) -> Level:
    """The level on which both records have the same value of ``column``."""
    return Level(
        key=key,
        sql=f"coalesce(l.{column} = r.{column}, false)",
        holds=same(column),
        rarity=column if rarity else "",
    )


def one_edit_level(key: str, column: str, shortest: int) -> Level:
    """The level on which two values of ``column`` differ by one slip."""

    def holds(a: Row, b: Row) -> bool:
        one, two = a[column], b[column]
        return (
            one is not None
            and two is not None
            and min(len(one), len(two)) >= shortest
            and abs(len(one) - len(two)) <= 1
            and is_near(one, two, _NEAR)
            and edits(one, two) == 1
        )

    one, two = f"l.{column}", f"r.{column}"
    return Level(
        key=key,
        sql=(
            f"coalesce(case when least(length({one}), length({two})) < {shortest} then false"
            f" when abs(length({one}) - length({two})) > 1 then false"
            f" when {is_near_sql(one, two, _NEAR)} then damerau_levenshtein({one}, {two}) = 1"
            " else false end, false)"
        ),
        holds=holds,
    )


def storable(text: str | None) -> str | None:
    """``text``, or None where it holds half a character, which no store keeps."""
    if text is None or text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text

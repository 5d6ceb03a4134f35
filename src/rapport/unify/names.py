"""Names of persons, compared without regard to order, accents, titles and prefixes.

Two questions are asked of two names, and neither is the other's opposite. *Agree*: do they say the
same person, so that a shared phone may link them? *Conflict*: do they say two persons, so that a
shared e-mail may not? "J. Peeters" and "Jan Peeters" do neither.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

from msgspec import Struct

from rapport.unify.given_names import is_short_form
from rapport.unify.name_words import name_parts

_TYPO_LENGTH = 5


class PersonName(Struct, frozen=True, kw_only=True, gc=False):
    """A name as sets of folded words.

    ``given`` are the words known to be given names (empty where a silo states one full name, in
    whatever order). ``married`` are the stems of Hungarian "-né" words: "Kovács Jánosné" is the
    wife of Kovács János and not he.
    """

    tokens: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    married: frozenset[str] = frozenset()
    generation: frozenset[str] = frozenset()

    @property
    def words(self) -> frozenset[str]:
        return self.tokens | self.married


NO_NAME = PersonName()


def _read(text: str) -> tuple[set[str], set[str], set[str]]:
    """Words, stems of "-né" words, and generation marks of one name."""
    tokens: set[str] = set()
    married: set[str] = set()
    generation: set[str] = set()
    for part in name_parts(text):
        if part.kind == "g":
            generation.add(part.text)
        elif part.kind == "h":
            married.add(part.text)
        elif part.kind != "p":
            tokens.add(part.text)
    if "id" in tokens and len(tokens) > 2:  # "id. Nagy Béla": elder; but a name of its own in "Id"
        tokens.discard("id")
        generation.add("senior")
    return tokens, married, generation


@lru_cache(maxsize=131_072)
def person_name(
    name: str | None = None, first_name: str | None = None, last_name: str | None = None
) -> PersonName:
    """The name that a record states, in one field or in two.

    Examples
    --------
    >>> person_name("Dr. Kovács-Nagy Ágnes").tokens == {"kovacs", "nagy", "agnes"}
    True
    """
    if not (name or first_name or last_name):
        return NO_NAME
    given, given_married, generation = _read(first_name or "")
    tokens, married, more = _read(" ".join(part for part in (last_name, name) if part))
    return PersonName(
        tokens=frozenset(tokens | given),
        given=frozenset(given),
        married=frozenset(married | given_married),
        generation=frozenset(generation | more),
    )


@lru_cache(maxsize=131_072)
def names_agree(a: PersonName, b: PersonName) -> bool:
    """Whether both are full names and one holds every word of the other.

    One of the words may be a short form, as matching knows them: the others must be there.

    Examples
    --------
    >>> names_agree(person_name("Kovács Ágnes"), person_name("Agnes KOVACS"))
    True
    >>> names_agree(person_name("Nico Dubois"), person_name("Dubois Nicolas"))
    True
    >>> names_agree(person_name("Peeters"), person_name("Jan Peeters"))
    False
    """
    if names_conflict(a, b):
        return False
    shorter, longer = sorted((a.words, b.words), key=lambda w: (len(w), sorted(w)))
    full = {word for word in shorter if len(word) > 1}
    left_over = [w for w in shorter if not any(_same(w, other) for other in longer)]
    short = all(any(is_short_form(w, other) for other in longer) for w in left_over)
    return len(full) >= 2 and len(left_over) <= 1 and short


@lru_cache(maxsize=131_072)
def names_conflict(a: PersonName, b: PersonName) -> bool:
    """Whether the two names cannot be one person's.

    Different given names conflict; different family names do not where the given names are known
    (people marry). Where it is not known which word is which, a word left over on both sides does.

    Examples
    --------
    >>> names_conflict(person_name("Jan Peeters"), person_name("Els Peeters"))
    True
    >>> names_conflict(person_name("J. Peeters"), person_name("Peeters Jan"))
    False
    """
    if not a.words or not b.words:
        return False
    if a.generation != b.generation:
        return True
    if bool(a.married) != bool(b.married):
        wife, other = (a, b) if a.married else (b, a)
        if wife.words <= other.words:
            return True
    if a.given or b.given:
        # Of two silos with separate fields one may have swapped them, so a given name is looked
        # for anywhere in the other name; it must then be found from both sides.
        same_given = bool(a.given and b.given) and _touch(a.given, b.given)
        found = _touch(a.given or b.words, b.words) and _touch(b.given or a.words, a.words)
        return not (same_given or found)
    left = [w for w in a.words if not any(_may_be(w, other) for other in b.words)]
    right = [w for w in b.words if not any(_may_be(w, other) for other in a.words)]
    return bool(left) and bool(right)


def count_persons(names: frozenset[PersonName]) -> int:
    """How many persons at least these names tell apart."""
    persons: list[PersonName] = []
    for name in sorted(names, key=_order):
        if name.words and all(names_conflict(name, other) for other in persons):
            persons.append(name)
    return len(persons)


def _order(name: PersonName) -> tuple[int, list[str], list[str], list[str]]:
    return (-len(name.words), sorted(name.words), sorted(name.given), sorted(name.generation))


def _touch(some: frozenset[str], others: frozenset[str]) -> bool:
    return any(_may_be(a, b) for a, b in product(some, others))


def _may_be(a: str, b: str) -> bool:
    """Whether two words may be one: an initial or short form of the other, or a slip."""
    if len(a) == 1 or len(b) == 1:
        return a[0] == b[0]
    return _same(a, b) or is_short_form(a, b)


def _same(a: str, b: str) -> bool:
    """The same word, or one slip inside a long one.

    First and last letters must be equal: Daniel and Daniela, Marie and Maria, Paul and Paula are
    brothers, sisters and spouses more often than slips.
    """
    if a == b or a == b + "ne" or b == a + "ne":
        return True
    shorter, longer = (a, b) if len(a) <= len(b) else (b, a)
    if len(shorter) < _TYPO_LENGTH or len(longer) - len(shorter) > 1:
        return False
    if a[0] != b[0] or a[-1] != b[-1]:
        return False
    start = 0
    while start < len(shorter) and shorter[start] == longer[start]:
        start += 1
    rest_short, rest_long = shorter[start:], longer[start:]
    if len(shorter) < len(longer):
        return rest_short == rest_long[1:]
    return (
        rest_short[1:] == rest_long[1:]
        or (  # one letter, or two neighbours swapped
            rest_short[:2] == rest_long[1::-1] and rest_short[2:] == rest_long[2:]
        )
    )


@lru_cache(maxsize=65_536)
def birthdays_conflict(a: str, b: str) -> bool:
    """Whether two ISO dates differ in two or more of year, month and day.

    One part differing is a slip; day and month swapped is a spreadsheet. Dates that systems fill
    in by themselves say nothing.

    Examples
    --------
    >>> birthdays_conflict("1978-11-12", "1978-12-11")
    False
    >>> birthdays_conflict("1978-11-12", "1951-03-12")
    True
    """
    if a in _FILLED_IN or b in _FILLED_IN:
        return False
    one, two = a.split("-"), b.split("-")
    if len(one) != 3 or len(two) != 3:
        return False
    if one[0] == two[0] and one[1] == two[2] and one[2] == two[1]:
        return False
    return sum(x != y for x, y in zip(one, two, strict=True)) >= 2


_FILLED_IN = frozenset({"1900-01-01", "1970-01-01", "1899-12-30", "1111-11-11"})

"""Names of persons: ONE comparison, whatever fields a source wrote them into.

Words are compared as a set, because Hungarian puts the family first, spreadsheets swap columns and
tills write one field. Which words are given and which are family is used where it is stated, and
guessed where it is not; no level depends on the guess alone where the words themselves agree.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapport.unify.given_names import GIVEN_NAMES, HUNGARIAN_GIVEN_NAMES, ROOTS
from rapport.unify.matching.comparison import Column, Comparison, Level, Row
from rapport.unify.matching.comparisons.likeness import is_near, is_near_sql, is_slip, is_slip_sql
from rapport.unify.matching.comparisons.word_list import words
from rapport.unify.name_words import NamePart, name_parts

#: "De Smet", "Desmet" and "Smet"; "van Hove" and "Vanhove": Belgian registers glue at will.
_GLUED_IN_FAMILY = re.compile(r"^(?:van(?=[^aeiouy]\w{2})|de(?=([^aeiouy])(?!\1)\w{2}))")

#: What people type where a name is asked and none is known.
_NO_NAMES = words(
    """
    unknown onbekend inconnu inconnue ismeretlen unbekannt null none nil nan na nvt anonymous
    anoniem anonyme anonym nevtelen test tester guest gast klant client customer vevo ugyfel kunde
    xxx xx zzz asdf qwerty no name noname nom prenom naam voornaam achternaam firstname lastname
    dummy deleted verwijderd supprime torolt
    """
)


@lru_cache(maxsize=65_536)
def _family_word(word: str) -> str:
    """A family name without the prefix that is glued to it.

    >>> [_family_word(w) for w in ("desmet", "vanhove", "dekker", "deak")]
    ['smet', 'hove', 'dekker', 'deak']
    """
    return word if word in GIVEN_NAMES else _GLUED_IN_FAMILY.sub("", word)


_Sides = tuple[list[str], list[str]]


def _guess_sides(parts: list[NamePart], text: str) -> _Sides:
    """Given and family words of a name written in one field."""
    named = [part for part in parts if part.kind in "wh"]
    texts = [part.text for part in named]
    if len(texts) < 2:
        if not texts:
            return [], []
        if any(part.kind in "ip" for part in parts) or texts[0] not in GIVEN_NAMES:
            return [], texts
        return texts, []
    comma = text.find(",")
    if comma > 0:
        before = sum(p.kind in "wh" for p in name_parts(text[:comma]))
        if 0 < before < len(texts):
            return texts[before:], texts[:before]
        if before == len(texts):  # "Peeters, J."
            return [], texts
    shouted = [part.text for part in named if part.upper]
    if 0 < len(shouted) < len(texts):
        return [part.text for part in named if not part.upper], shouted
    prefix = next((i for i, part in enumerate(parts) if part.kind == "p"), None)
    if prefix is not None:
        before = sum(part.kind in "wh" for part in parts[:prefix])
        return (texts[:before], texts[before:]) if before else (texts[1:], texts[:1])
    if any(part.kind == "i" for part in parts) and not any(t in GIVEN_NAMES for t in texts):
        return [], texts  # "J. Peeters Janssens"
    if named[-1].kind == "h":  # Kovács Jánosné
        return texts[-1:], texts[:-1]
    if named[0].kind == "h":  # Kovácsné Nagy Ágnes
        return texts[-1:], texts[:-1]
    first, last = texts[0] in GIVEN_NAMES, texts[-1] in GIVEN_NAMES
    if last and not first:
        cut = len(texts) - 1
        while cut > 1 and texts[cut - 1] in GIVEN_NAMES:
            cut -= 1
        return texts[cut:], texts[:cut]
    cut = 1
    while cut < len(texts) - 1 and texts[cut] in GIVEN_NAMES:
        cut += 1
    return texts[:cut], texts[cut:]


def _as_initials(part: NamePart) -> list[NamePart]:
    if part.kind == "f" and len(part.text) == 2:
        return [NamePart("i", letter, True) for letter in part.text]
    return [part]


_NOTHING = (None,) * 8
Standard = tuple[
    str | None,
    list[str] | None,
    str | None,
    str | None,
    str | None,
    list[str] | None,
    str | None,
    str | None,
]


def read_name(name: str | None, first_name: str | None, last_name: str | None) -> Standard:
    """Key, words, given, family, initials, roots of the given name, husband, generation.

    Examples
    --------
    >>> read_name("Dr. Kovács-Nagy Ágnes", None, None)[:4]
    ('agnes kovacs nagy', ['agnes', 'kovacs', 'nagy'], 'agnes', 'kovacs nagy')
    >>> read_name(None, "Victor", "van den Brink")[2:5]
    ('victor', 'brink', 'v')
    """
    given: list[str]
    if first_name and last_name:
        first_parts, last_parts = name_parts(first_name), name_parts(last_name)
        if len(first_parts) > 1 and first_name.endswith(" I"):  # the father of Morris II
            first_parts[-1] = NamePart("g", "first", True)
        parts = first_parts + last_parts
        given = [part.text for part in first_parts if part.kind in "wh"]
        family = [part.text for part in last_parts if part.kind in "wh"]
    else:
        text = name or last_name or first_name
        if not text:
            return _NOTHING
        parts = name_parts(text)
        if "," in text:  # "Jansen, B.V." is Bart Jansen
            parts = [piece for part in parts for piece in _as_initials(part)]
        given, family = _guess_sides(parts, text)
        if not name and len(given) + len(family) == 1:  # the field's own word
            given, family = ([], family or given) if last_name else (given or family, [])
    return _person(parts, given, family)


def _person(parts: list[NamePart], given: list[str], family: list[str]) -> Standard:
    if not given and not family:
        return _NOTHING
    generation = husband = None
    initials = ""
    for part in parts:
        kind = part.kind
        if kind == "i" or (kind in "wh" and part.text in given):
            initials += part.text[0]
        elif kind == "g":
            generation = part.text
        # "Kovács Jánosné" is János's wife. In "Kovácsné Nagy Ágnes" it is her own family.
        if kind == "h" and part.text in given and part.text in HUNGARIAN_GIVEN_NAMES:
            husband = part.text
            given = [word + "ne" if word == husband else word for word in given]
    family = [_family_word(word) for word in family]
    distinct = sorted({*given, *family})
    if "id" in distinct and len(distinct) > 2:  # "id Nagy Béla": but a name of its own in "Ida Id"
        distinct.remove("id")
        given = [word for word in given if word != "id"]
        family = [word for word in family if word != "id"]
        generation = "senior"
    if all(word in _NO_NAMES for word in distinct):
        return _NOTHING
    roots: list[str] | None = None
    if given:
        found = {root for word in given[:2] for root in ROOTS.get(word, ())}
        roots = sorted(found) if found else None
    return (
        " ".join(distinct),
        distinct,
        " ".join(given) or None,
        " ".join(family) or None,
        initials or None,
        roots,
        husband,
        generation,
    )


# --- the levels ----------------------------------------------------------------------------------

_ALIKE = 0.86


def _other_generation(a: Row, b: Row) -> bool:
    one, two = a["name_generation"], b["name_generation"]
    return one is not None and two is not None and bool(one != two)


def _wife(a: Row, b: Row) -> bool:
    return (
        a["name_husband"] is not None
        and a["name_husband"] in b["name_words"]
        and _shared(a, b) >= 1
    )


def _husband_and_wife(a: Row, b: Row) -> bool:
    return _wife(a, b) or _wife(b, a)


def _shared(a: Row, b: Row) -> int:
    return len(set(a["name_words"]).intersection(b["name_words"]))


def _initials_conflict(a: Row, b: Row) -> bool:
    one, two = a["name_initials"], b["name_initials"]
    if one is None or two is None or one[0] != two[0]:
        return False
    return not (one.startswith(two) or two.startswith(one))


_INITIALS_CONFLICT = (
    "coalesce(left(l.name_initials, 1) = left(r.name_initials, 1)"
    " and not starts_with(l.name_initials, r.name_initials)"
    " and not starts_with(r.name_initials, l.name_initials), false)"
)


def _same_words(a: Row, b: Row) -> bool:
    return (
        a["name_key"] == b["name_key"]
        and len(a["name_words"]) >= 2
        and a["name_generation"] == b["name_generation"]
        and not _initials_conflict(a, b)
    )


def _more_words(a: Row, b: Row) -> bool:
    shorter = min(len(a["name_words"]), len(b["name_words"]))
    return shorter >= 2 and _shared(a, b) == shorter and not _initials_conflict(a, b)


def _is_given_slip(one: str | None, two: str | None) -> bool:
    """A slip inside a given name: Daniel and Daniela, Jean and Jeanne differ at their ends."""
    return (
        one is not None
        and two is not None
        and one[0] == two[0]
        and one[-1] == two[-1]
        and is_slip(one, two)
    )


def _given_slip_sql(one: str, two: str) -> str:
    return (
        f"(left({one}, 1) = left({two}, 1) and right({one}, 1) = right({two}, 1)"
        f" and {is_slip_sql(one, two)})"
    )


def _given_slip(a: Row, b: Row) -> bool:
    return (
        a["name_family"] is not None
        and a["name_family"] == b["name_family"]
        and _is_given_slip(a["name_given"], b["name_given"])
        and not _initials_conflict(a, b)
    )


def _slips(a: Row, b: Row) -> bool:
    if _initials_conflict(a, b):
        return False
    given, family = a["name_given"], a["name_family"]
    other_given, other_family = b["name_given"], b["name_family"]
    if _is_given_slip(given, other_given):
        return is_slip(family, other_family)
    return _is_given_slip(given, other_family) and _is_given_slip(family, other_given)


def _share_a_root(a: Row, b: Row) -> bool:
    one, two = a["name_roots"], b["name_roots"]
    return one is not None and two is not None and not set(one).isdisjoint(two)


def _nickname(a: Row, b: Row) -> bool:
    return (
        a["name_family"] is not None
        and a["name_family"] == b["name_family"]
        and _share_a_root(a, b)
        and not _initials_conflict(a, b)
    )


def _initial_fits(a: Row, b: Row) -> bool:
    """One of the given names is no more than its initials, and they fit."""
    one, two = a["name_initials"], b["name_initials"]
    if one is None or two is None or (a["name_given"] is not None and b["name_given"] is not None):
        return False
    return bool(one.startswith(two) or two.startswith(one))


def _initial(a: Row, b: Row) -> bool:
    return bool(a["name_family"] == b["name_family"]) and _initial_fits(a, b)


def _initial_before(a: Row, b: Row) -> bool:
    """ "J. Geudens" and "Geudens Jhon", of which nobody knows that Jhon is the given name."""
    initials, other = a["name_initials"], b["name_family"]
    return (
        a["name_given"] is None
        and initials is not None
        and other is not None
        and a["name_family"] == b["name_given"]
        and initials[0] == other[0]
    )


def _initial_alike(a: Row, b: Row) -> bool:
    return (
        (_initial_fits(a, b) and is_slip(a["name_family"], b["name_family"]))
        or _initial_before(a, b)
        or _initial_before(b, a)
    )


def _is_alike(one: str | None, two: str | None) -> bool:
    return is_near(one, two, _ALIKE)


def _is_alike_given(one: str | None, two: str | None) -> bool:
    """Not Anna and Annabelle: a name that only goes on is a short form, or another name."""
    if one is None or two is None:
        return False
    longer = abs(len(one) - len(two)) > 2 and (one.startswith(two) or two.startswith(one))
    return not longer and _is_alike(one, two)


def _alike(a: Row, b: Row) -> bool:
    given, family = a["name_given"], a["name_family"]
    other_given, other_family = b["name_given"], b["name_family"]
    if _is_alike(family, other_family):
        return _is_alike_given(given, other_given) or _share_a_root(a, b)
    if given is None or family is None or other_given is None or other_family is None:
        return False
    if given[0] != other_family[0] and family[0] != other_given[0]:
        return False
    return _is_alike(given, other_family) and _is_alike(family, other_given)


def _initials_deny(a: Row, b: Row) -> bool:
    """J. Peeters is not K. Peeters."""
    one, two = a["name_initials"], b["name_initials"]
    return one is not None and two is not None and not (one.startswith(two) or two.startswith(one))


def _same_single_word(a: Row, b: Row) -> bool:
    return a["name_key"] == b["name_key"] and len(a["name_words"]) == 1 and not _initials_deny(a, b)


def _one_word(a: Row, b: Row) -> bool:
    return (
        min(len(a["name_words"]), len(b["name_words"])) == 1
        and _shared(a, b) == 1
        and not _initials_deny(a, b)
    )


def _same_family(a: Row, b: Row) -> bool:
    return is_slip(a["name_family"], b["name_family"])


def _same_given(a: Row, b: Row) -> bool:
    return a["name_given"] is not None and bool(a["name_given"] == b["name_given"])


def _shared_word(a: Row, b: Row) -> bool:
    return _shared(a, b) >= 1


def _other_script(a: Row, b: Row) -> bool:
    return bool((a["name_key"] < "{") != (b["name_key"] < "{"))


def _sql(condition: str) -> str:
    """Unknown is false, as in Python."""
    return f"coalesce({condition}, false)"


_SHARED = "len(list_intersect(l.name_words, r.name_words))"
_SHORTER = "least(len(l.name_words), len(r.name_words))"
_FAMILY_SLIP = is_slip_sql("l.name_family", "r.name_family")
_INITIAL_FITS = (
    "((l.name_given is null or r.name_given is null)"
    " and (starts_with(l.name_initials, r.name_initials)"
    " or starts_with(r.name_initials, l.name_initials)))"
)
_ALIKE_GIVEN = (
    "case when abs(length(l.name_given) - length(r.name_given)) > 2"
    " and (starts_with(l.name_given, r.name_given) or starts_with(r.name_given, l.name_given))"
    f" then false else {is_near_sql('l.name_given', 'r.name_given', _ALIKE)} end"
)
_INITIALS_DENY = (
    "coalesce(not starts_with(l.name_initials, r.name_initials)"
    " and not starts_with(r.name_initials, l.name_initials), false)"
)

COMPARISON = Comparison(
    name="name",
    inputs=("name", "first_name", "last_name"),
    columns=(
        Column(name="name_key"),
        Column(name="name_words", type="words"),
        Column(name="name_given"),
        Column(name="name_family"),
        Column(name="name_initials"),
        Column(name="name_roots", type="words"),
        Column(name="name_husband"),
        Column(name="name_generation"),
    ),
    read=read_name,
    said=("name_key",),
    levels=(
        Level(
            key="other_generation",
            sql=_sql("l.name_generation <> r.name_generation"),
            holds=_other_generation,
        ),
        Level(
            key="husband_and_wife",
            sql=_sql(
                "case when l.name_husband is null and r.name_husband is null then false"
                " else list_has_any(l.name_words, r.name_words) and"
                " (coalesce(list_contains(r.name_words, l.name_husband), false)"
                " or coalesce(list_contains(l.name_words, r.name_husband), false)) end"
            ),
            holds=_husband_and_wife,
        ),
        Level(
            key="same_words",
            sql=(
                "l.name_key = r.name_key and len(l.name_words) >= 2"
                " and coalesce(l.name_generation, '') = coalesce(r.name_generation, '')"
                f" and not {_INITIALS_CONFLICT}"
            ),
            holds=_same_words,
            rarity="name_key",
        ),
        Level(
            key="more_words",  # one name says all that the other says, and more
            # Lists are dear to intersect, and of equally many words only equal ones qualify.
            sql=(
                f"case when {_SHORTER} < 2 then false"
                " when len(l.name_words) = len(r.name_words) and l.name_key <> r.name_key"
                " then false"
                f" when {_SHARED} = {_SHORTER} then not {_INITIALS_CONFLICT} else false end"
            ),
            holds=_more_words,
        ),
        Level(
            key="given_slip",
            sql=_sql(
                "case when l.name_family = r.name_family"
                f" then not {_INITIALS_CONFLICT} and"
                f" {_given_slip_sql('l.name_given', 'r.name_given')} else false end"
            ),
            holds=_given_slip,
            rarity="name_family",
        ),
        Level(
            key="slips",  # given and family, in either order, but for a slip in each
            sql=_sql(
                f"case when {_given_slip_sql('l.name_given', 'r.name_given')}"
                f" then {_FAMILY_SLIP} and not {_INITIALS_CONFLICT}"
                f" when {_given_slip_sql('l.name_given', 'r.name_family')}"
                f" then {_given_slip_sql('l.name_family', 'r.name_given')}"
                f" and not {_INITIALS_CONFLICT} else false end"
            ),
            holds=_slips,
        ),
        Level(
            key="nickname",
            sql=_sql(
                "case when l.name_family = r.name_family then"
                f" list_has_any(l.name_roots, r.name_roots) and not {_INITIALS_CONFLICT}"
                " else false end"
            ),
            holds=_nickname,
            rarity="name_family",
        ),
        Level(
            key="initial",
            sql=_sql(f"l.name_family = r.name_family and {_INITIAL_FITS}"),
            holds=_initial,
            rarity="name_family",
        ),
        Level(
            key="initial_alike",  # the family but for a slip, or the words in the other order
            sql=_sql(
                "case when l.name_given is null or r.name_given is null then"
                f" coalesce(case when {_INITIAL_FITS} then {_FAMILY_SLIP} else false end, false)"
                " or coalesce(l.name_given is null and l.name_family = r.name_given"
                " and left(l.name_initials, 1) = left(r.name_family, 1), false)"
                " or coalesce(r.name_given is null and r.name_family = l.name_given"
                " and left(r.name_initials, 1) = left(l.name_family, 1), false)"
                " else false end"
            ),
            holds=_initial_alike,
        ),
        Level(
            key="alike",  # in either order, where it is not sure which word is which
            sql=_sql(
                f"case when {is_near_sql('l.name_family', 'r.name_family', _ALIKE)} then"
                f" coalesce({_ALIKE_GIVEN}, false)"
                " or coalesce(list_has_any(l.name_roots, r.name_roots), false)"
                " when left(l.name_given, 1) = left(r.name_family, 1)"
                " or left(l.name_family, 1) = left(r.name_given, 1)"
                f" then {is_near_sql('l.name_given', 'r.name_family', _ALIKE)}"
                f" and {is_near_sql('l.name_family', 'r.name_given', _ALIKE)}"
                " else false end"
            ),
            holds=_alike,
        ),
        Level(
            key="same_single_word",
            sql=f"l.name_key = r.name_key and len(l.name_words) = 1 and not {_INITIALS_DENY}",
            holds=_same_single_word,
            rarity="name_key",
        ),
        Level(
            key="one_word",  # all that one of the names says, the other says too
            sql=(
                f"case when {_SHORTER} = 1 then {_SHARED} = 1 and not {_INITIALS_DENY}"
                " else false end"
            ),
            holds=_one_word,
        ),
        Level(key="same_family", sql=_sql(_FAMILY_SLIP), holds=_same_family),
        Level(
            key="same_given",
            sql=_sql("l.name_given = r.name_given"),
            holds=_same_given,
        ),
        Level(
            key="shared_word",
            sql="list_has_any(l.name_words, r.name_words)",
            holds=_shared_word,
        ),
        Level(
            # 王杰 and Wang Jie: folded Latin letters sort before "{" and all others after it.
            key="not_comparable",
            sql="(l.name_key < '{') <> (r.name_key < '{')",
            holds=_other_script,
        ),
    ),
)

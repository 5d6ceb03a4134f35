"""How two people's values of one matter stand to each other, as matching finds it.

A page that shows two values side by side and says "different" where matching finds one to be the
short form of the other contradicts itself. So the mark of a row is read from the same levels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from rapport.unify.matching.comparison import ELSE, Comparison, RecordKind, Row, level_of
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.model import NEUTRAL, TWO_PERSONS
from rapport.unify.matching.standardise import kind_of_record, read_row
from rapport.unify.survivorship import is_same_value
from rapport.vocabulary.profile import Fact

Mark = Literal["same", "alike", "different", "one_sided"]

#: What else the same record says, without which a value is read less well: whose number is written
#: without a country, and which word of a name is the given one.
_BESIDE: Mapping[str, tuple[str, ...]] = {
    "name": ("first_name", "last_name"),
    "birthday": ("country",),
    "phone": ("country",),
    "street": ("postal_code", "city", "country"),
    "city": ("country",),
}
#: What tells a company's record.
_OF_COMPANY = ("name", "company", "birthday")
#: Which comparison looks at an attribute. What it does not name is the same or it is not.
_COMPARED: Mapping[str, str] = {
    "name": "name",
    "birthday": "birth",
    "email": "email",
    "phone": "phone",
    "street": "address",
    "city": "address",
    "loyalty_card": "loyalty_card",
    "gender": "gender",
    "company": "company_name",
}
#: And of two companies.
_COMPARED_OF_COMPANIES: Mapping[str, str] = {"name": "company_name", "email": "company_email"}
_BY_NAME: Mapping[str, Comparison] = {each.name: each for each in COMPARISONS}
#: Levels on which the value itself is the same, however it is written.
_EQUAL: Mapping[str, frozenset[str]] = {
    "name": frozenset({"same_words", "same_single_word", "same_name"}),
    "company": frozenset({"same_name"}),
    "birthday": frozenset({"same_birth", "same_new_year"}),
    "email": frozenset({"same_mailbox"}),
    "phone": frozenset({"same_phone"}),
    "street": frozenset({"same_address", "same_street_and_number"}),
    "city": frozenset({"same_city"}),
    "loyalty_card": frozenset({"same_card"}),
    "gender": frozenset({"same_gender"}),
}
#: Levels on which the values are two, whatever they have in common.
_TWO = frozenset(
    {
        "same_family", "same_given", "shared_word", "two_parts",
        "same_year", "local_part_close", "other_trade", "one_at_provider", "two_at_providers", ELSE,
        *TWO_PERSONS,
    }
)  # fmt: skip
#: An address is compared whole: of its other levels these find streets alike, and towns.
_PLACES_ALIKE = {
    "street": frozenset({"address_slip", "same_street"}),
    "city": frozenset({"near_place"}),
}
_ORDER: Mapping[Mark, int] = {"same": 2, "alike": 1, "different": 0, "one_sided": -1}
#: Values of each side that are compared with each other; a person rarely has as many.
_MOST_VALUES = 12


class Standing(Struct, frozen=True, kw_only=True):
    """How alike the values of two people are in one matter.

    Attributes
    ----------
    mark : str
        "same" if any value of one is any of the other's, "alike" if matching finds two of them to
        be a slip or a form of each other, "different" if it does not, "one_sided" if only one of
        the two has any.
    comparison, level : str or None
        What matching calls it, such as ``name`` and ``nickname``; None where it does not compare.
    left, right : Fact or None
        The values that decided.
    """

    mark: Mark
    comparison: str | None = None
    level: str | None = None
    left: Fact | None = None
    right: Fact | None = None


def stand(
    name: str,
    left: Sequence[Fact],
    right: Sequence[Fact],
    *,
    beside: Mapping[tuple[int, str], str],
) -> Standing:
    """Compare two people's values of one attribute.

    Parameters
    ----------
    left, right : sequences of Fact
        Different values of each, the shown one first.
    beside : mapping of (atom id, attribute) to value
        What else the records say; see `beside_of`.
    """
    if not left or not right:
        return Standing(mark="one_sided")
    comparison = _comparison(name, (*left, *right), beside)
    if comparison is None:
        for one in left:
            for two in right:
                if is_same_value(name, one.value, two.value):
                    return Standing(mark="same", left=one, right=two)
        return Standing(mark="different", left=left[0], right=right[0])
    strength = {level.key: -at for at, level in enumerate(comparison.levels)}
    rows = [
        [(fact, _read(comparison, name, fact, beside)) for fact in side[:_MOST_VALUES]]
        for side in (left, right)
    ]
    found: list[tuple[int, int, Standing]] = []
    for one, a in rows[0]:
        for two, b in rows[1]:
            level = level_of(comparison, a, b)
            mark = _mark(name, level)
            # What matching cannot read or compare may be the same all the same.
            if (level in (None, ELSE) or level in NEUTRAL) and is_same_value(
                name, one.value, two.value
            ):
                mark, level = "same", None
            if level == "near_place" and not _is_one_place(one, two, beside):
                mark, level = "different", None  # Genk and Gent
            if level in NEUTRAL or (level == ELSE and comparison.name == "address"):
                level = None  # it says nothing of the street or of the town alone
            standing = Standing(
                mark=mark,
                comparison=None if level is None else comparison.name,
                level=level,
                left=one,
                right=two,
            )
            found.append((_ORDER[mark], strength.get(level or "", -99), standing))
    return max(found, key=lambda each: each[:2])[2]


def _comparison(
    name: str, facts: Sequence[Fact], beside: Mapping[tuple[int, str], str]
) -> Comparison | None:
    """What looks at an attribute; at a company's where all of them are companies'."""
    of_companies = _COMPARED_OF_COMPANIES.get(name)
    if of_companies is not None and all(_is_company(fact, beside) for fact in facts):
        return _BY_NAME[of_companies]
    return _BY_NAME.get(_COMPARED.get(name, ""))


def _is_company(fact: Fact, beside: Mapping[tuple[int, str], str]) -> bool:
    said = {each: beside.get((fact.atom_id, each)) for each in _OF_COMPANY}
    if said["company"] is not None and said["company"] == said["name"]:
        return said["birthday"] is None  # a CRM's account calls both so
    return kind_of_record(said) is RecordKind.COMPANY


def can_be_read(name: str, fact: Fact, beside: Mapping[tuple[int, str], str]) -> bool:
    """Whether matching makes anything of a value: of 10 kB of letters it does not.

    A street is read together with its town, so that of a street alone this cannot be said.
    """
    comparison = _comparison(name, (fact,), beside)
    if comparison is None or comparison.name == "address":
        return True
    row = _read(comparison, name, fact, beside)
    return all(row[column] is not None for column in comparison.said)


def _mark(name: str, level: str | None) -> Mark:
    if level is None or level in NEUTRAL or level in _TWO:
        return "different"
    if level in _EQUAL[name]:
        return "same"
    return "alike" if level in _PLACES_ALIKE.get(name, (level,)) else "different"


def _is_one_place(one: Fact, two: Fact, beside: Mapping[tuple[int, str], str]) -> bool:
    """Whether the postcodes of two towns that differ by a slip agree, where both are stated."""
    codes = [beside.get((fact.atom_id, "postal_code")) for fact in (one, two)]
    return None in codes or is_same_value("postal_code", codes[0] or "", codes[1] or "")


def beside_of(facts: Collection[Fact]) -> dict[tuple[int, str], str]:
    """What records say besides, for `stand`."""
    wanted = {name for names in _BESIDE.values() for name in names} | set(_OF_COMPANY)
    return {(fact.atom_id, fact.name): fact.value for fact in facts if fact.name in wanted}


def _read(
    comparison: Comparison,
    name: str,
    fact: Fact,
    beside: Mapping[tuple[int, str], str],
) -> Row:
    stated: dict[str, str | None] = {
        each: beside.get((fact.atom_id, each)) for each in _BESIDE.get(name, ())
    }
    return read_row({**stated, name: fact.value, "kind": comparison.of}, (comparison,))

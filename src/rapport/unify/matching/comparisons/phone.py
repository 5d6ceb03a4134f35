"""Phone numbers, in E.164 where the country is known.

The library that reads any number in the world needs 50 µs for one. Plain numbers of our eight
countries are read here in one or two; a test holds both readings to the same answer.
"""

from __future__ import annotations

from msgspec import Struct

from rapport.unify.matching.comparison import Column, Comparison
from rapport.unify.matching.comparisons.likeness import one_edit_level, same_level
from rapport.vocabulary.identifier_values import normalise_phone


class _Plan(Struct, frozen=True, kw_only=True):
    """What the plain path needs of a numbering plan: E.123 and the regulators' plans.

    ``lengths`` are those of complete subscriber numbers without trunk prefix; shorter or longer
    ones exist in some plans and take the long way.
    """

    code: str
    trunk: str
    lengths: frozenset[int]


_PLANS = {
    "AT": _Plan(code="43", trunk="0", lengths=frozenset({10, 11, 12})),
    "BE": _Plan(code="32", trunk="0", lengths=frozenset({8, 9})),
    "DE": _Plan(code="49", trunk="0", lengths=frozenset({10, 11})),
    "FR": _Plan(code="33", trunk="0", lengths=frozenset({9})),
    "GB": _Plan(code="44", trunk="0", lengths=frozenset({9, 10})),
    "HU": _Plan(code="36", trunk="06", lengths=frozenset({8, 9})),
    "LU": _Plan(code="352", trunk="", lengths=frozenset({6, 8, 9})),
    "NL": _Plan(code="31", trunk="0", lengths=frozenset({9})),
}
_BY_CODE = {plan.code: plan for plan in _PLANS.values()}
_PUNCTUATION = str.maketrans("", "", " ./-()\u00a0")
_TAIL = 7
_LONGEST = 40


def _plain(text: str, country: str | None) -> str | None:
    """The number in E.164 if it is a plain one of our countries; None sends it the long way."""
    digits = text.translate(_PUNCTUATION)
    if digits[:1] == "+":
        digits = digits[1:]
        international = True
    else:
        international = digits[:2] == "00"
        if international:
            digits = digits[2:]
    if not (digits.isascii() and digits.isdecimal()):
        return None
    if international:
        plan = _BY_CODE.get(digits[:2]) or _BY_CODE.get(digits[:3])
        if plan is None:
            return None
        rest = digits[len(plan.code) :]
        if rest[:1] == "0" and plan.trunk == "0":  # "+32 (0)470 12 34 56"
            rest = rest[1:]
    else:
        found = _PLANS.get(country or "")
        if found is None or not digits.startswith(found.trunk):
            return None
        plan = found
        rest = digits[len(plan.trunk) :]
        if not plan.trunk and rest.startswith(plan.code[:2]):  # "352…" may be Luxembourg's own code
            return None
    if len(rest) not in plan.lengths or (rest[0] in "01" and not _leads(plan, rest)):
        return None
    return f"+{plan.code}{rest}"


def _leads(plan: _Plan, rest: str) -> bool:
    """Whether a number may begin with 1: not with 0, which would be another trunk prefix."""
    return rest[0] == "1" and plan.code in {"33", "31", "36", "49"}


def read_phone(phone: str | None, country: str | None) -> tuple[str | None, str | None]:
    """The number, and its last seven digits.

    Where the country is unknown the digits stand for the number: the tail still finds it.

    Examples
    --------
    >>> read_phone("0470/12.34.56", "BE")
    ('+32470123456', '0123456')
    >>> read_phone("321-3212", None)
    ('3213212', '3213212')
    """
    if not phone or len(phone) > _LONGEST:
        return (None, None)
    number = _plain(phone, country) or normalise_phone(phone, country)
    if number is None:
        number = "".join(c for c in phone if "0" <= c <= "9")
        if not _TAIL <= len(number) <= 15:
            return (None, None)
    tail = number[-_TAIL:]
    if tail == tail[0] * len(tail):  # 0000000, 9999999
        return (None, None)
    return (number, tail)


COMPARISON = Comparison(
    name="phone",
    inputs=("phone", "country"),
    columns=(Column(name="phone"), Column(name="phone_tail")),
    read=read_phone,
    said=("phone",),
    levels=(
        same_level("same_phone", "phone"),
        same_level("same_tail", "phone_tail"),  # the country or area is missing or wrong
        one_edit_level("one_digit", "phone", shortest=_TAIL),
    ),
)

"""Passport, tax, social security and licence numbers: one per person, copied by hand."""

from __future__ import annotations

from rapport.unify.matching.comparison import Column, Comparison, Level, Row
from rapport.unify.matching.comparisons.likeness import one_edit_level, same_level
from rapport.vocabulary.identifier_values import normalise_loyalty_card

_FILLER = frozenset("0X9N")


def read_national_id(number: str | None) -> tuple[str | None]:
    """Letters and digits in upper case; None for fillers such as ``000000``.

    Examples
    --------
    >>> read_national_id("294-66-9999"), read_national_id("85.07.30-033 28")
    (('294669999',), ('85073003328',))
    """
    if not number:
        return (None,)
    text = normalise_loyalty_card(number)  # the same rule: only letters and digits count
    if text is None or (len(set(text)) == 1 and text[0] in _FILLER):
        return (None,)
    return (text,)


_DIGITS = "0123456789"
_NO_DIGITS = str.maketrans("", "", _DIGITS)


def _other_kind(a: Row, b: Row) -> bool:
    """Numbers of another length, or with more letters: a passport's and a tax number."""
    one, two = a["national_id"], b["national_id"]
    letters, others = one.translate(_NO_DIGITS), two.translate(_NO_DIGITS)
    return len(one) != len(two) or len(letters) != len(others)


_LETTERS = f"length(translate({{}}.national_id, '{_DIGITS}', ''))"

COMPARISON = Comparison(
    name="national_id",
    inputs=("national_id",),
    columns=(Column(name="national_id"),),
    read=read_national_id,
    said=("national_id",),
    levels=(
        same_level("same_number", "national_id"),
        one_edit_level("number_typo", "national_id", shortest=6),
        Level(
            key="not_comparable",  # one person has a number of each kind: no contradiction
            sql=(
                "(length(l.national_id) <> length(r.national_id)"
                f" or {_LETTERS.format('l')} <> {_LETTERS.format('r')})"
            ),
            holds=_other_kind,
        ),
    ),
    household="known",
)

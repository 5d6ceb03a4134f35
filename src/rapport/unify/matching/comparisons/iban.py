"""Bank accounts. Couples share them; their check digits catch slips before we do."""

from __future__ import annotations

from rapport.unify.matching.comparison import Column, Comparison
from rapport.unify.matching.comparisons.likeness import same_level
from rapport.vocabulary.identifier_values import normalise_iban, normalise_loyalty_card

_SHORTEST = 8


def read_iban(iban: str | None) -> tuple[str | None]:
    """The account in one form.

    What is no IBAN is kept where it can still be an account: older national numbers, or the keyed
    digests that finance departments hand out instead.

    Examples
    --------
    >>> read_iban("be68 5390 0754 7034")
    ('BE68539007547034',)
    >>> read_iban("539-0075470-34"), read_iban("n/a")
    (('539007547034',), (None,))
    """
    if not iban:
        return (None,)
    if (account := normalise_iban(iban)) is not None:
        return (account,)
    text = normalise_loyalty_card(iban)
    if text is None or len(text) < _SHORTEST or sum(c.isdigit() for c in text) < 4:
        return (None,)
    return (text,)


COMPARISON = Comparison(
    name="iban",
    inputs=("iban",),
    columns=(Column(name="iban"),),
    read=read_iban,
    said=("iban",),
    levels=(same_level("same_account", "iban"),),
    of=None,
)

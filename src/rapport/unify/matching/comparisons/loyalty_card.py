"""Loyalty cards: one per person and source, typed at tills, where a digit slips."""

from __future__ import annotations

from rapport.unify.matching.comparison import Column, Comparison
from rapport.unify.matching.comparisons.likeness import one_edit_level, same_level
from rapport.vocabulary.identifier_values import normalise_loyalty_card


def read_loyalty_card(card: str | None) -> tuple[str | None]:
    """Letters and digits in upper case.

    Examples
    --------
    >>> read_loyalty_card(" lc-4521 987 ")
    ('LC4521987',)
    """
    return (normalise_loyalty_card(card) if card else None,)


COMPARISON = Comparison(
    name="loyalty_card",
    inputs=("loyalty_card",),
    columns=(Column(name="loyalty_card"),),
    read=read_loyalty_card,
    said=("loyalty_card",),
    levels=(
        same_level("same_card", "loyalty_card"),
        one_edit_level("card_typo", "loyalty_card", shortest=6),
    ),
    of=None,
)

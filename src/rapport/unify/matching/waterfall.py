"""What each matter contributes to a match weight, for many pairs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.comparison import ELSE, Comparison, Holder
from rapport.unify.matching.model import GRADES, Model, graded, level_keys
from rapport.unify.matching.pair_levels import level_codes
from rapport.unify.matching.score import field_bits
from rapport.unify.matching.standardise import Standardised

#: Comparison, level, bits; the comparisons of which both records say something.
Waterfall = tuple[tuple[str, str, float], ...]

#: Levels whose key alone is no plain word.
_PLAIN = {
    "same_words": "same name",
    "more_words": "same name, one says more of it",
    "given_slip": "same surname, a slip in the first name",
    "slips": "same name but for slips",
    "nickname": "same surname, a short form of the first name",
    "initial": "same surname and initial",
    "same_family": "same surname, other first name",
    "same_given": "same first name, other surname",
    "not_comparable": "cannot be compared",
    "same_mailbox": "same e-mail",
    "local_typo": "a slip in the e-mail",
    "same_local_part": "same name before the @, other provider",
    "same_birth": "same birthday",
    "same_new_year": "same 1 January, which often stands for unknown",
}
_WHOSE = {Holder.HOUSEHOLD: "shared in a household", Holder.GENERIC: "shared by many"}
#: Bits from which something speaks so strongly: odds of 3, 10 and 100 to 1 and more.
_STRENGTHS = ((6.6, " very strongly"), (3.3, " strongly"), (1.6, ""), (0.0, " a little"))


def level_words(level: str) -> str:
    """A level in plain English, for terminals; pages have their own words in four languages.

    Examples
    --------
    >>> level_words("day_and_month_swapped"), level_words("same_mailbox_household")
    ('day and month swapped', 'same e-mail, shared in a household')
    """
    if level == ELSE:
        return "another one"
    for whose in GRADES[1:]:
        plain = level.removesuffix(f"_{whose.value}")
        if graded(plain, whose) == level:
            return f"{level_words(plain)}, {_WHOSE[whose]}"
    return _PLAIN.get(level, level.replace("_", " "))


def weight_words(bits: float) -> str:
    """How strongly a step speaks, in plain English.

    Examples
    --------
    >>> weight_words(7.3), weight_words(-2.4), weight_words(0.0)
    ('very strongly for', 'against', 'says nothing')
    """
    if not bits:
        return "says nothing"
    strength = next(words for least, words in _STRENGTHS if abs(bits) >= least)
    return f"{strength} {'for' if bits > 0 else 'against'}".strip()


def waterfalls(
    standardised: Standardised,
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    comparisons: Sequence[Comparison],
    model: Model,
    engine: ColumnEngine,
    *,
    n_records: int | None = None,
) -> list[Waterfall]:
    """The steps of each pair's weight, against the likelier other explanation of the two.

    The steps and the prior add up to the weight before it is calibrated.

    Parameters
    ----------
    n_records : int, optional
        Among how many records these are found; by default they are all.
    """
    levels = level_codes(standardised, a, b, engine)
    stranger, household = field_bits(levels, comparisons, model)
    prior, prior_household = model.priors(
        standardised.n_records if n_records is None else n_records
    )
    family = household.sum(axis=0) + prior_household < stranger.sum(axis=0) + prior
    bits = np.where(family, household, stranger)
    keys = [("", *level_keys(comparison)) for comparison in comparisons]
    found: list[Waterfall] = []
    for pair in range(len(a)):
        said = np.flatnonzero(levels.codes[:, pair]).tolist()
        found.append(
            tuple(
                (comparisons[at].name, keys[at][int(levels.codes[at, pair])], float(bits[at, pair]))
                for at in said
            )
        )
    return found

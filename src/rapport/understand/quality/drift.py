"""Whether a field is filled otherwise than it was, or with other values.

Flagged only when both hold: chance is ruled out (1 % after Holm's correction over all fields that
were looked at) and the change is large. With many records everything is significant; with few, a
large change is nothing.

References
----------
Siddiqi (2006), Credit Risk Scorecards, ch. 10: the population stability index and its 0.2.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct
from scipy import stats

from rapport.understand.significance import Side, holm, proportions_differ

LEVEL = 0.01
#: Records on each side below which nothing is said.
FEWEST = 50
LARGE_FILL = 0.05
LARGE_MIX = 0.2
#: Values that are told apart; the rarer ones are one.
_VALUES = 12


class Observed(Struct, frozen=True, kw_only=True):
    """One field in two periods.

    Attributes
    ----------
    records, filled : tuple of (int, int)
        Before and lately.
    values : tuple of two mappings, or None
        How often each value occurred; None where values are not to be compared.
    """

    source: str
    field: str
    records: tuple[int, int]
    filled: tuple[int, int]
    values: tuple[Mapping[str, int], Mapping[str, int]] | None = None


class Drifted(Struct, frozen=True, kw_only=True):
    """What came of one test.

    Attributes
    ----------
    kind : str
        "fill": `before` and `after` are shares of records; "mix": `size` is the population
        stability index.
    p_value : float
        Adjusted for all tests that were made.
    flagged : bool
        More than chance and large.
    """

    source: str
    field: str
    kind: str
    before: float
    after: float
    size: float
    p_value: float
    n: tuple[int, int]
    flagged: bool


def drifts(observed: Sequence[Observed]) -> tuple[Drifted, ...]:
    """Every test that the records allow, with its verdict."""
    found: list[tuple[Observed, str, float, float, float, float, tuple[int, int]]] = []
    for each in observed:
        if min(each.records) < FEWEST:
            continue
        before, after = (f / n for f, n in zip(each.filled, each.records, strict=True))
        p = proportions_differ(
            Side(value=before, n=each.records[0]), Side(value=after, n=each.records[1])
        )
        found.append((each, "fill", before, after, abs(after - before), p, each.records))
        if each.values is not None and min(each.filled) >= FEWEST:
            sides = _same_values(*each.values)
            if len(sides[0]) > 1:
                size = stability_index(*sides)
                p = float(stats.chi2_contingency(sides, correction=False).pvalue)
                found.append((each, "mix", before, after, size, p, each.filled))
    adjusted = holm([row[5] for row in found])
    return tuple(
        Drifted(
            source=each.source, field=each.field, kind=kind, before=before, after=after, size=size,
            p_value=p, n=n,
            flagged=p < LEVEL and size >= (LARGE_FILL if kind == "fill" else LARGE_MIX),
        )
        for (each, kind, before, after, size, _, n), p in zip(found, adjusted, strict=True)
    )  # fmt: skip


def _same_values(
    before: Mapping[str, int], after: Mapping[str, int]
) -> tuple[list[int], list[int]]:
    """Counts of the same values on both sides, the rarer ones together."""
    both = Counter(before) + Counter(after)
    kept = [value for value, _ in both.most_common(_VALUES - 1)]
    sides = []
    for side in (before, after):
        counts = [side.get(value, 0) for value in kept]
        sides.append([*counts, sum(side.values()) - sum(counts)])
    if not sides[0][-1] + sides[1][-1]:
        sides = [side[:-1] for side in sides]
    return sides[0], sides[1]


def stability_index(before: Sequence[int], after: Sequence[int]) -> float:
    """The population stability index of two sets of counts; half a record is added to each.

    Examples
    --------
    >>> round(stability_index([500, 500], [500, 500]), 3)
    0.0
    >>> round(stability_index([700, 300], [300, 700]), 2)
    0.68
    """
    wholes = [sum(side) + len(side) / 2 for side in (before, after)]
    total = 0.0
    for old, new in zip(before, after, strict=True):
        was, now = (old + 0.5) / wholes[0], (new + 0.5) / wholes[1]
        total += (now - was) * math.log(now / was)
    return total

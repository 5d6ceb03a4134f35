"""What may be said: supported, not supported, or cannot tell; and how often one has looked.

Whoever looks often enough finds something. Each look at the data is a test; the n-th of the company
has a level αₙ = α · (D + 1) / (n · (n + 1)), with D the findings before it, which keeps the
expected share of false findings below α for ever, however many looks follow (LOND). Looks share
customers, so they depend on each other positively; the rule holds for that too.

The verdict is read off the interval of that level, against the smallest difference that matters.

References
----------
Javanmard & Montanari (2015), On Online Control of False Discovery Rate, arXiv:1502.06197; Zrnic,
Ramdas & Jordan (2021), Asynchronous Online Testing of Multiple Hypotheses, JMLR 22 (positive
dependence); Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15, and Lakens (2017),
Equivalence Tests, Social Psychological and Personality Science 8(4) (differences too small to
matter); Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed.,
section 4.3 (customers that an experiment needs).
"""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct
from scipy import stats

from rapport.understand.hypotheses.comparison import Adjusted

ALPHA, POWER = 0.05, 0.8

Verdict = Literal["supported", "not_supported", "cannot_tell"]
#: Why: beyond chance as said; beyond chance the other way round; too small to matter; chance is
#: not ruled out; too few customers; groups that have hardly anybody in common; the outcome hardly
#: ever or almost always happens.
Reason = Literal["as_said", "opposite", "too_small", "chance", "few", "unlike", "rare"]


class Said(Struct, frozen=True, kw_only=True):
    """A verdict with the interval it rests on."""

    verdict: Verdict
    reason: Reason
    low: float
    high: float

    @property
    def is_finding(self) -> bool:
        """Whether chance is ruled out, whichever way round: counts for the looks to come."""
        return self.low > 0 or self.high < 0


def level(looks: int, findings: int) -> float:
    """The level of the next look.

    Parameters
    ----------
    looks, findings : int
        Looks of the company before, and how many of those found something.
    """
    n = looks + 1
    return ALPHA * (findings + 1) / (n * (n + 1))


def interval(found: Adjusted, alpha: float) -> tuple[float, float]:
    """The interval of the difference that holds it but for a share ``alpha`` of cases."""
    half = float(stats.norm.isf(alpha / 2)) * found.standard_error
    return found.difference - half, found.difference + half


def judge(found: Adjusted, *, more: bool, matters: float, alpha: float) -> Said:
    """The verdict on a difference."""
    low, high = interval(found, alpha)
    near, far = (low, high) if more else (-high, -low)
    if near > 0 and far >= matters:
        verdict, reason = ("supported", "as_said")
    elif far < 0:
        verdict, reason = ("not_supported", "opposite")
    elif far < matters:
        verdict, reason = ("not_supported", "too_small")
    else:
        verdict, reason = ("cannot_tell", "chance")
    return Said(verdict=verdict, reason=reason, low=low, high=high)  # type: ignore[arg-type]


def customers_for_shares(one: float, other: float) -> int | None:
    """Customers per arm that show the difference of two shares; None where there is none.

    With `POWER` at the level `ALPHA`, both sides; without the continuity correction.
    """
    if one == other or not (min(one, other) >= 0 and max(one, other) <= 1):
        return None
    middle = (one + other) / 2
    a, b = float(stats.norm.isf(ALPHA / 2)), float(stats.norm.ppf(POWER))
    root = a * math.sqrt(2 * middle * (1 - middle)) + b * math.sqrt(
        one * (1 - one) + other * (1 - other)
    )
    return math.ceil((root / (one - other)) ** 2)


def customers_for_means(difference: float, spread: float) -> int | None:
    """Customers per arm that show a difference of means; None where there is none."""
    if not difference or not spread:
        return None
    both = stats.norm.isf(ALPHA / 2) + stats.norm.ppf(POWER)
    return math.ceil(2 * (float(both) * spread / difference) ** 2)

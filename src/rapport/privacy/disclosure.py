"""May we show this, and to whom: groups too small to be told apart from a person."""

from __future__ import annotations

#: Fewer people than this are no group: what is said of it is said of somebody. Statistical offices
#: use 3 to 10 (Hundepool et al. (2012), Statistical Disclosure Control, chapter 4).
SMALLEST_GROUP = 5


def is_too_small(people: int) -> bool:
    """Whether a group of so many would tell of persons: nobody at all tells nothing.

    >>> [is_too_small(count) for count in (0, 1, 4, 5)]
    [False, True, True, False]
    """
    return 0 < people < SMALLEST_GROUP

"""May we show this, and to whom: groups too small to be told apart from a person.

A group that is too small is not shown, and neither are those from which it could be found by
taking them from a total: a reader of a table knows the totals along all of its sides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Fewer people than this are no group: what is said of it is said of somebody. Statistical offices
#: use 3 to 10 (Hundepool et al. (2012), Statistical Disclosure Control, chapter 4).
SMALLEST_GROUP = 5

#: No count of people: larger than every group.
_EVERYBODY = np.iinfo(np.int64).max


def is_too_small(people: int) -> bool:
    """Whether a group of so many would tell of persons: nobody at all tells nothing.

    >>> [is_too_small(count) for count in (0, 1, 4, 5)]
    [False, True, True, False]
    """
    return 0 < people < SMALLEST_GROUP


def told(people: int) -> int | None:
    """A count of people as it may be told: None, for "fewer than five", where it is too small.

    >>> [told(count) for count in (0, 1, 4, 5)]
    [0, None, None, 5]
    """
    return None if is_too_small(people) else people


def hidden_cells(people: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which cells of a table are not shown, whoever knows the totals along each of its sides.

    Every hidden cell is a corner of a box of hidden cells, two along each side that has more than
    one value. Adding something at its corners, and taking it away, in turn, changes no total: so
    the totals and the shown cells fit many tables, and no hidden value can be worked out. And
    what is hidden along a line holds a group that may be shown, or is all there is: otherwise the
    total less what is shown would tell of the few together.

    Parameters
    ----------
    people : int array of any shape
        How many people stand behind each cell; 0 where nobody does.

    Returns
    -------
    bool array, of the same shape

    References
    ----------
    Hundepool et al. (2012), Statistical Disclosure Control, section 4.4.4: the hypercube method.
    """
    hidden = (people > 0) & (people < SMALLEST_GROUP)
    if not hidden.any():
        return hidden
    partners = [_partners(people, axis) for axis in range(people.ndim)]
    while True:
        before = int(hidden.sum())
        for axis, partner in enumerate(partners):
            hidden = _with_partners(hidden, partner, axis)
        for axis in range(people.ndim):
            hidden = _with_a_group(hidden, people, axis)
        if int(hidden.sum()) == before:
            return hidden


def hidden_parts(
    hidden: NDArray[np.bool_], axis: int, kept: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which sums over some values of one side are not shown, given the cells that are not.

    Asking for one value at a time must tell no more than the whole table does. A sum that takes
    in all that is hidden of its line says what the total says already.

    Parameters
    ----------
    hidden : bool array
        From `hidden_cells`.
    axis : int
    kept : bool array, as long as the axis
        The values that are summed up.

    Returns
    -------
    bool array, without the axis
    """
    within = np.compress(kept, hidden, axis=axis).any(axis=axis)
    beside = np.compress(~kept, hidden, axis=axis).any(axis=axis)
    return np.asarray(within & beside)


def _partners(people: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    """For each value of a side, the other that is hidden with it.

    It is the same one in every line, the one with fewest people of those that are a group: so
    what is hidden in a table by country is hidden in one by country and channel, too.
    """
    others = tuple(other for other in range(people.ndim) if other != axis)
    sizes = people.sum(axis=others)
    if len(sizes) < 2:
        return np.arange(len(sizes))
    # Groups first, the smallest foremost; where there is none, the largest.
    order = np.lexsort((np.where(sizes >= SMALLEST_GROUP, sizes, -sizes), sizes < SMALLEST_GROUP))
    partner = np.full(len(sizes), order[0])
    partner[order[0]] = order[1]
    return partner


def _with_partners(
    hidden: NDArray[np.bool_], partner: NDArray[np.int64], axis: int
) -> NDArray[np.bool_]:
    along = np.moveaxis(hidden.copy(), axis, 0)
    np.logical_or.at(along, partner, np.moveaxis(hidden, axis, 0))
    return np.moveaxis(along, 0, axis)


def _with_a_group(
    hidden: NDArray[np.bool_], people: NDArray[np.int64], axis: int
) -> NDArray[np.bool_]:
    """Hide the next group of each line in which only the few are hidden, or all of the line.

    Sums of people would not do: the same three may stand behind two cells.
    """
    along, sizes = np.moveaxis(hidden.copy(), axis, -1), np.moveaxis(people, axis, -1)
    few = along.any(axis=-1) & ~(along & (sizes >= SMALLEST_GROUP)).any(axis=-1)
    groups = np.where(~along & (sizes >= SMALLEST_GROUP), sizes, _EVERYBODY)
    next_one = groups.argmin(axis=-1)
    there = np.take_along_axis(groups, next_one[..., None], axis=-1)[..., 0] < _EVERYBODY
    added = np.zeros_like(along)
    np.put_along_axis(added, next_one[..., None], (few & there)[..., None], axis=-1)
    rest = (few & ~there)[..., None] & (sizes > 0)
    return np.moveaxis(along | added | rest, -1, axis)

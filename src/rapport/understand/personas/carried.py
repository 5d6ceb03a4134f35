"""Ids carried over: which new group is which old one, and why customers moved between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from scipy.optimize import linear_sum_assignment

from rapport.privacy.disclosure import is_too_small
from rapport.understand.personas.clusters import Bools, Floats, Ints
from rapport.understand.personas.discovery import NOWHERE, Groups, place
from rapport.understand.personas.facts import Known
from rapport.understand.personas.scaling import coordinates

#: A new group is an old one where they share this part of all who are in either.
SAME = 0.3
#: A part of a group that goes another way: from so much on it is a split, or a merger.
_PART = 0.3
_FEATURES_SHOWN = 3

Fate = Literal["kept", "new", "gone", "split", "merged"]


class Moved(Struct, frozen=True, kw_only=True):
    """A feature of those who moved: the mean in everybody's deviations, before and now."""

    feature: str
    before: float
    now: float


class Flow(Struct, frozen=True, kw_only=True):
    """Customers of one old group who are in one new group now; None: in no group.

    Attributes
    ----------
    share : float, 0 … 1
        Of the old group.
    changed : int
        Of those who moved: who would have moved with the old groups too, since they changed. The
        others moved because the groups were drawn anew.
    why : tuple of Moved
        What changed most in those who moved.
    """

    before: int | None
    now: int | None
    customers: int
    share: float
    changed: int
    why: tuple[Moved, ...]


class Carried(Struct, frozen=True, kw_only=True):
    """What became of groups.

    Attributes
    ----------
    persona_ids : tuple of int
        Of each new group, in the order of their centres.
    fates : mapping of int to Fate
        Of old and new ids. A split or merged group keeps its id where it is still the same one.
    sources : mapping of int to tuple of int
        Of those "split" off or "merged": the old groups that they come from.
    """

    persona_ids: tuple[int, ...]
    fates: Mapping[int, Fate]
    sources: Mapping[int, tuple[int, ...]]


def carry(old: Ints, new: Ints, old_ids: Sequence[int], count: int, next_id: int) -> Carried:
    """Give each new group the id of the old group that it overlaps with most.

    Overlap is counted among customers in a group both times. The assignment of old to new groups
    is the one whose overlaps (Jaccard's share) sum to the most (Kuhn (1955), The Hungarian Method
    for the Assignment Problem).

    Parameters
    ----------
    old, new : int array, shape (n,)
        Of the same customers: the place in ``old_ids``, and the new group; `NOWHERE` for none.
    count : int
        New groups.
    next_id : int
        The first id that was never given.
    """
    # Who came, or became known well enough, since then says nothing about which group is which.
    both = (old != NOWHERE) & (new != NOWHERE)
    pairs = old[both] * count + new[both]
    table = np.bincount(pairs, minlength=len(old_ids) * count).reshape(len(old_ids), count)
    sizes_old, sizes_new = table.sum(axis=1), table.sum(axis=0)
    either = sizes_old[:, None] + sizes_new[None, :] - table
    overlap = np.divide(table, either, out=np.zeros(table.shape), where=either > 0)
    rows, columns = linear_sum_assignment(-overlap)
    ids: dict[int, int] = {
        int(column): old_ids[int(row)]
        for row, column in zip(rows, columns, strict=True)
        if overlap[row, column] >= SAME
    }
    fates: dict[int, Fate] = dict.fromkeys(ids.values(), "kept")
    sources: dict[int, tuple[int, ...]] = {}
    for group in range(count):
        if group not in ids:
            ids[group] = next_id
            next_id += 1
            fates[ids[group]] = "new"
        of_new = table[:, group] / max(int(sizes_new[group]), 1)
        from_many = tuple(old_ids[int(i)] for i in np.flatnonzero(of_new >= _PART))
        whole_ones = [
            old_ids[int(i)]
            for i in np.flatnonzero(table[:, group] >= 0.5 * np.maximum(sizes_old, 1))
        ]
        if len(whole_ones) >= 2 and len(from_many) >= 2:
            fates[ids[group]], sources[ids[group]] = "merged", from_many
        elif fates[ids[group]] == "new" and from_many:
            origin = old_ids.index(from_many[0])
            parts = int((table[origin] >= _PART * max(int(sizes_old[origin]), 1)).sum())
            if parts >= 2:
                fates[ids[group]], sources[ids[group]] = "split", from_many[:1]
    for each in old_ids:
        fates.setdefault(each, "gone")
    return Carried(
        persona_ids=tuple(ids[group] for group in range(count)), fates=fates, sources=sources
    )


def flows(
    then: Known,
    now: Known,
    *,
    old: Groups,
    new: Groups,
    old_ids: Sequence[int],
    new_ids: Sequence[int],
) -> tuple[Flow, ...]:
    """Who moved from where to where, and why; the largest first.

    Parameters
    ----------
    then, now : Known
        What was known when the old groups were found, and what is known now.

    Returns
    -------
    tuple of Flow
        Of customers known at both times. Flows of so few that they would tell of persons are left
        out.
    """
    before, after = _at_both(then, now)
    was, is_ = place(then, old)[before], place(now, new)[after]
    by_old = place(now, old)[after]
    values_then, _ = coordinates(then, new.features)
    values_now, there_now = coordinates(now, new.features)
    _, there_then = coordinates(then, new.features)
    change = _Change(
        then=values_then[before], now=values_now[after],
        both=(there_then[before] * there_now[after]) > 0,
    )  # fmt: skip
    found = []
    for row in range(NOWHERE, len(old_ids)):
        for column in range(NOWHERE, len(new_ids)):
            if row == column == NOWHERE:
                continue
            moving = (was == row) & (is_ == column)
            count = int(moving.sum())
            if not count or is_too_small(count):
                continue
            source = None if row == NOWHERE else old_ids[row]
            target = None if column == NOWHERE else new_ids[column]
            moved = source != target
            found.append(
                Flow(
                    before=source,
                    now=target,
                    customers=count,
                    share=count / int((was == row).sum()),
                    changed=int((moving & (by_old != was)).sum()) if moved else 0,
                    why=change.largest(moving, new) if moved else (),
                )
            )
    return tuple(sorted(found, key=lambda flow: -flow.customers))


class _Change(Struct, frozen=True, kw_only=True):
    then: Floats
    now: Floats
    both: Bools

    def largest(self, moving: Bools, groups: Groups) -> tuple[Moved, ...]:
        """The features whose means moved most; where fewer than 5 are known at both times, none."""
        weights = np.sqrt([feature.weight for feature in groups.features])
        both = self.both[moving]
        counts = both.sum(axis=0)
        then = np.where(both, self.then[moving], 0.0).sum(axis=0) / np.maximum(counts, 1) / weights
        now = np.where(both, self.now[moving], 0.0).sum(axis=0) / np.maximum(counts, 1) / weights
        order = np.argsort(-np.abs(now - then))
        return tuple(
            Moved(
                feature=groups.features[i].name, before=round(float(then[i]), 2),
                now=round(float(now[i]), 2),
            )
            for i in order.tolist()
            if counts[i] >= 5 and abs(now[i] - then[i]) >= 0.1
        )[:_FEATURES_SHOWN]  # fmt: skip


def _at_both(then: Known, now: Known) -> tuple[Ints, Ints]:
    """The rows of customers known at both times, in both."""
    _, before, after = np.intersect1d(
        np.array(then.profile_ids), np.array(now.profile_ids), return_indices=True
    )
    return before, after

"""What another rule would change: the same evidence clustered twice, and nothing written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct, structs
from sqlalchemy import Connection, func, select

from rapport.unify.cluster import Partition, cluster
from rapport.unify.evidence import Likeness, with_likeness
from rapport.unify.identity_rules import IdentityRules
from rapport.unify.stored_evidence import gather
from rapport.vocabulary import ledger_tables as t

#: Records around which evidence is read at once.
_CHUNK = 2_000
#: People whose size is looked up before.
_LARGEST = 20


class Change(Struct, frozen=True, kw_only=True):
    """People who would be one ("merged"), or one who would be several ("split").

    ``groups`` are the records, as text, of each person: before a merge, or after a split.
    """

    kind: Literal["merged", "split"]
    groups: tuple[tuple[str, ...], ...]


class Effect(Struct, frozen=True, kw_only=True):
    """What another rule would change.

    Attributes
    ----------
    looked_at : int
        Records whose persons the rule may concern.
    merged, split : int
        People that would disappear into others, and people that would come apart.
    moved : int
        Records that would belong to somebody else.
    largest_before, largest_after : int
        Records of the person with most.
    examples : tuple of Change
        The smallest ones first: they are easiest to judge.
    """

    looked_at: int
    merged: int
    split: int
    moved: int
    largest_before: int
    largest_after: int
    examples: tuple[Change, ...]


def effect_of(
    connection: Connection,
    rules: IdentityRules,
    seeds: Collection[int],
    *,
    added: Sequence[Likeness] = (),
    removed: Collection[tuple[int, int]] = (),
    examples: int = 10,
) -> Iterator[int | Effect]:
    """Cluster the evidence around ``seeds`` as it is and as it would be.

    Parameters
    ----------
    rules : IdentityRules
        Whose limits would hold.
    seeds : collection of int
        Records that the rule may concern; those of ``added`` and ``removed`` are among them anyway.
    added, removed
        Pairs that would be alike, and those that would not be any more.

    Yields
    ------
    int
        Records looked at so far; and at the end the `Effect`.
    """
    new_pairs: defaultdict[int, list[Likeness]] = defaultdict(list)
    for pair in added:
        new_pairs[pair.a].append(pair)
        new_pairs[pair.b].append(pair)
    gone = set(removed)
    todo = sorted({*seeds, *new_pairs, *(a for pair in gone for a in pair)})
    seen: set[int] = set()
    found: list[Change] = []
    merged = split = moved = largest_new = 0
    changed: set[int] = set()
    for start in range(0, len(todo), _CHUNK):
        piece = [a for a in todo[start : start + _CHUNK] if a not in seen]
        if not piece:
            continue
        evidence = gather(connection, piece).evidence
        # Who would be tied to somebody outside is judged together with them.
        while beyond := {
            other
            for a in evidence.atoms
            for pair in new_pairs.get(a, ())
            for other in (pair.a, pair.b)
            if other not in evidence.atoms
        }:
            before = len(evidence.atoms)
            evidence = gather(connection, {*evidence.atoms, *beyond}).evidence
            if len(evidence.atoms) == before:
                break
        seen |= evidence.atoms.keys()
        here = {
            pair
            for a in evidence.atoms
            for pair in new_pairs.get(a, ())
            if pair.a in evidence.atoms and pair.b in evidence.atoms
        }
        after = cluster(with_likeness(structs.replace(evidence, limits=rules.limits), here, gone))
        for change in differences(cluster(evidence), after):
            sizes = [len(group) for group in change.groups]
            if change.kind == "merged":
                merged += len(sizes) - 1
                largest_new = max(largest_new, sum(sizes))
                moved += sum(sizes) - max(sizes)
            else:
                split += 1
                moved += sum(sizes) - max(sizes)
            changed.update(int(a) for group in change.groups for a in group)
            found.append(change)
        yield len(seen)
    largest_before, largest_kept = _largest(connection, changed)
    found.sort(key=lambda each: (sum(map(len, each.groups)), each.kind, each.groups))
    yield Effect(
        looked_at=len(seen),
        merged=merged,
        split=split,
        moved=moved,
        largest_before=largest_before,
        largest_after=max(largest_kept, largest_new),
        examples=_mixed(found, examples),
    )


def differences(before: Partition, after: Partition) -> Iterator[Change]:
    """Where two partitions of the same records differ; pure.

    A person that both loses records and gains others is a split and a merge.
    """
    old = {a: n for n, members in enumerate(before.clusters) for a in members}
    new = {a: n for n, members in enumerate(after.clusters) for a in members}
    for members in after.clusters:
        parts: defaultdict[int, list[int]] = defaultdict(list)
        for a in members:
            parts[old[a]].append(a)
        if len(parts) > 1:
            yield Change(kind="merged", groups=_groups(parts))
    for members in before.clusters:
        parts = defaultdict(list)
        for a in members:
            parts[new[a]].append(a)
        if len(parts) > 1:
            yield Change(kind="split", groups=_groups(parts))


def _groups(parts: Mapping[int, Sequence[int]]) -> tuple[tuple[str, ...], ...]:
    several = sorted(parts.values(), key=lambda group: (-len(group), min(group)))
    return tuple(tuple(str(a) for a in sorted(group)) for group in several)


def _mixed(found: Sequence[Change], limit: int) -> tuple[Change, ...]:
    """Examples of both kinds where there are both."""
    merged = [each for each in found if each.kind == "merged"]
    split = [each for each in found if each.kind == "split"]
    half = limit // 2
    some = merged[: max(half, limit - len(split))]
    return (*some, *split[: limit - len(some)])


def _largest(connection: Connection, changed: Collection[int]) -> tuple[int, int]:
    """Records of the largest person now, and of the largest whom the rule leaves alone."""
    m = t.membership.c
    top = connection.execute(
        select(m.profile_id, func.count().label("records"))
        .where(m.valid_to.is_(None))
        .group_by(m.profile_id)
        .order_by(func.count().desc(), m.profile_id)
        .limit(_LARGEST)
    ).all()
    if not top:
        return 0, 0
    touched = set()
    for profile_id, _ in top:
        members = connection.scalars(
            select(m.atom_id).where(m.profile_id == profile_id, m.valid_to.is_(None))
        )
        if not set(changed).isdisjoint(members):
            touched.add(profile_id)
    kept = [records for profile_id, records in top if profile_id not in touched]
    return int(top[0].records), int(kept[0] if kept else 0)

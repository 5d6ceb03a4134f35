"""Which profile each cluster is: ids that stay put when records come, go and come together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Literal

from msgspec import Struct

ChangeKind = Literal["create", "join", "merge", "split"]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u to misread


class Standing(Struct, frozen=True, kw_only=True):
    """What a profile brings to a contest for which id survives. ``created_at`` in microseconds."""

    touchpoint_count: int = 0
    created_at: int = 0
    retired: bool = False


class Change(Struct, frozen=True, kw_only=True):
    """One profile that gets records: from nowhere or from other profiles.

    ``before`` holds the records of every profile concerned as they were, ``after`` those of this
    profile as they are.
    """

    kind: ChangeKind
    profile_id: str
    before: Mapping[str, tuple[int, ...]]
    after: tuple[int, ...]
    moved: tuple[int, ...]


class Assignment(Struct, frozen=True, kw_only=True):
    """The new memberships. ``retired`` maps profiles left without records to their successors."""

    changes: tuple[Change, ...]
    retired: Mapping[str, str]
    touched: frozenset[str]

    def of_kind(self, kind: ChangeKind) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == kind)


def profile_id_of(atom_id: int, attempt: int = 0) -> str:
    """The id of a new profile, derived from its smallest record.

    Examples
    --------
    >>> profile_id_of(1)
    'p0000000000001'
    """
    number = atom_id
    if attempt:
        digest = blake2b(f"{atom_id}:{attempt}".encode(), digest_size=8).digest()
        number = int.from_bytes(digest, "big") >> 1
    letters = []
    for _ in range(13):
        number, rest = divmod(number, 32)
        letters.append(_ALPHABET[rest])
    return "p" + "".join(reversed(letters))


def assign_profiles(
    clusters: Sequence[tuple[int, ...]],
    current: Mapping[int, str],
    standings: Mapping[str, Standing],
    *,
    first_seen: Mapping[int, int],
    preferred: Mapping[int, str] | None = None,
) -> Assignment:
    """Give each cluster its profile.

    Parameters
    ----------
    clusters : sequence of record tuples
        The new partition of all records concerned.
    current : mapping
        Profile of each record that has one.
    standings : mapping
        Profiles that exist, among those in ``current``, in ``preferred``, and those that a new id
        might clash with.
    preferred : mapping, optional
        Ids that an undo restores, by record.

    Notes
    -----
    An id goes to the part with most of its records, then the oldest, then the smallest record.
    A part that could bear several ids takes that with most touchpoints, then most records, then
    the oldest, then the smallest.
    """
    claims: dict[str, list[tuple[int, int]]] = defaultdict(list)  # id → (-records, cluster)
    wishes: list[Counter[str]] = []
    sizes = Counter(current.values())
    for index, members in enumerate(clusters):
        own = Counter(current[a] for a in members if a in current)
        if preferred:
            wished = Counter(preferred[a] for a in members if a in preferred)
            if wished:  # a restored id outranks all that followed
                own = Counter({wished.most_common(1)[0][0]: len(members) + 1_000_000}) + own
        wishes.append(own)
        for profile_id, count in own.items():
            claims[profile_id].append((-count, index))
    # Each id goes to one cluster, the one with the best claim…
    offered: dict[int, list[str]] = defaultdict(list)
    for profile_id, contest in claims.items():
        _, winner = min(
            contest,
            key=lambda c: (c[0], min(first_seen.get(a, 0) for a in clusters[c[1]]), clusters[c[1]]),
        )
        offered[winner].append(profile_id)
    # … and each cluster keeps one of the ids it got.
    nothing = Standing()

    def rank(index: int, profile_id: str) -> tuple[bool, int, int, int, str]:
        standing = standings.get(profile_id, nothing)
        restored = wishes[index][profile_id] > 1_000_000
        return (
            not restored,
            -standing.touchpoint_count,
            -sizes[profile_id],
            standing.created_at,
            profile_id,
        )

    chosen: dict[int, str] = {
        index: min(ids, key=lambda p: rank(index, p)) for index, ids in offered.items()
    }
    taken = set(chosen.values())
    for index, members in enumerate(clusters):
        if index in chosen:
            continue
        attempt = 0
        while True:
            candidate = profile_id_of(members[0], attempt)
            free = candidate not in standings or standings[candidate].retired
            if free and candidate not in taken:
                break
            attempt += 1
        chosen[index] = candidate
        taken.add(candidate)
    return _changes(clusters, current, chosen)


def _changes(
    clusters: Sequence[tuple[int, ...]],
    current: Mapping[int, str],
    chosen: Mapping[int, str],
) -> Assignment:
    members_before: dict[str, list[int]] = defaultdict(list)
    for atom_id, profile_id in sorted(current.items()):
        members_before[profile_id].append(atom_id)
    changes: list[Change] = []
    touched: set[str] = set()
    for index, members in enumerate(clusters):
        profile_id = chosen[index]
        moved = tuple(a for a in members if current.get(a) != profile_id)
        if not moved:
            continue
        origins = {current[a] for a in moved if a in current}
        kind: ChangeKind
        if profile_id in members_before:
            kind = "merge" if origins else "join"
        else:
            kind = "split" if origins else "create"
        concerned = origins | ({profile_id} if profile_id in members_before else set())
        changes.append(
            Change(
                kind=kind,
                profile_id=profile_id,
                before={p: tuple(members_before[p]) for p in sorted(concerned)},
                after=members,
                moved=moved,
            )
        )
        touched |= origins | {profile_id}
    taken = set(chosen.values())
    successors: dict[str, Counter[str]] = defaultdict(Counter)
    for index, members in enumerate(clusters):
        for a in members:
            if a in current and current[a] not in taken:
                successors[current[a]][chosen[index]] += 1
    return Assignment(
        changes=tuple(changes),
        retired={
            old: min(counts, key=lambda p: (-counts[p], p))
            for old, counts in sorted(successors.items())
        },
        touched=frozenset(touched),
    )


def possible_new_ids(clusters: Collection[tuple[int, ...]], attempts: int = 2) -> set[str]:
    """Ids that new profiles may get, to ask which of them exist."""
    return {profile_id_of(members[0], n) for members in clusters for n in range(attempts)}

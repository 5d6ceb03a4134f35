"""Identity, step by step: from sightings to profiles.

Read `STEPS` first. Each step reads and fills the work at hand; the loop times them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from types import MappingProxyType

from msgspec import Struct
from sqlalchemy import Connection

from rapport.engines.ledger import Ledger
from rapport.unify.assign import Assignment, Change, assign_profiles, possible_new_ids
from rapport.unify.cluster import Partition, cluster
from rapport.unify.evidence import Value
from rapport.unify.memberships import standings_of, write_assignment
from rapport.unify.register import Batch, Registered, register
from rapport.unify.sighting import Sighting
from rapport.unify.stored_evidence import Gathered, gather, open_memberships


class Resolution(Struct, frozen=True, kw_only=True):
    """What a batch changed about who is who.

    Attributes
    ----------
    profiles : mapping
        The profile of each record seen in the batch, and of each record that moved.
    moved : mapping
        The records whose profile changed or is new, with the new profile.
    touched : frozenset of profile ids
        Profiles to refresh: seen in the batch, or with other records or facts than before.
        Retired ones are not among them.
    retired : mapping
        Profiles left without records, with their successors.
    created, joined, merged, split : tuple of `Change`
    oversized : tuple of int
        Sizes of components too large to resolve; their records stay where they were.
    seconds : mapping
        Wall-clock time per step.
    """

    profiles: Mapping[int, str] = {}
    moved: Mapping[int, str] = {}
    touched: frozenset[str] = frozenset()
    retired: Mapping[str, str] = {}
    created: tuple[Change, ...] = ()
    joined: tuple[Change, ...] = ()
    merged: tuple[Change, ...] = ()
    split: tuple[Change, ...] = ()
    oversized: tuple[int, ...] = ()
    seconds: Mapping[str, float] = {}


@dataclass(kw_only=True)
class Work:
    """A batch on its way through the steps."""

    connection: Connection
    ledger: Ledger
    sightings: Sequence[Sighting]
    at: datetime
    seeds: Collection[int] = ()
    added: Mapping[Value, int] = field(default_factory=lambda: MappingProxyType({}))
    registered: Registered | None = None
    gathered: Gathered | None = None
    partition: Partition | None = None
    current: Mapping[int, str] = field(default_factory=dict)
    assignment: Assignment | None = None


def register_sightings(work: Work) -> None:
    """Keep records, identifiers, facts and consents; note which records changed."""
    work.registered = register(work.connection, work.ledger, Batch(work.sightings))
    work.seeds = work.registered.changed
    work.added = work.registered.added


def gather_evidence(work: Work) -> None:
    """Read back all that hangs together with the changed records."""
    work.gathered = gather(work.connection, work.seeds, work.added)


def form_clusters(work: Work) -> None:
    """Decide who is one person; pure."""
    assert work.gathered is not None  # noqa: S101  # the step before fills it
    partition = cluster(work.gathered.evidence)
    if work.gathered.oversized:
        placed = open_memberships(work.connection, frozenset().union(*work.gathered.oversized))
        alone = [(a,) for members in work.gathered.oversized for a in members if a not in placed]
        partition = Partition(
            clusters=tuple(sorted([*partition.clusters, *alone])),
            used=partition.used,
            refused=partition.refused,
        )
    work.partition = partition


def choose_profiles(work: Work) -> None:
    """Give each cluster its id, the one it had wherever it can be."""
    assert work.partition is not None  # noqa: S101
    assert work.gathered is not None  # noqa: S101
    work.current, work.assignment = plan(
        work.connection, work.partition, work.gathered, preferred=None
    )


def write_decisions(work: Work) -> None:
    """Move the records that must move, and log why."""
    assert work.assignment is not None  # noqa: S101
    assert work.partition is not None  # noqa: S101
    write_assignment(work.connection, work.ledger, work.assignment, work.partition, work.at)


Step = Callable[[Work], None]

STEPS: tuple[Step, ...] = (
    register_sightings,
    gather_evidence,
    form_clusters,
    choose_profiles,
    write_decisions,
)


def resolve_batch(
    connection: Connection, ledger: Ledger, sightings: Sequence[Sighting], at: datetime
) -> Resolution:
    """Take in sightings and bring profiles up to date with them.

    Parameters
    ----------
    connection : Connection
        A write transaction of ``ledger``; the caller commits.
    ledger : Ledger
    sightings : sequence of Sighting
        In any order; repeating a batch changes nothing.
    at : datetime
        When the decisions are taken.

    Raises
    ------
    StoreMismatch
        If two records have one number.
    """
    ledger.lock(connection, "identity")  # two resolvers at once could place a record twice
    work = Work(connection=connection, ledger=ledger, sightings=sightings, at=at)
    return _walk(work, STEPS)


def resolve_atoms(
    connection: Connection, ledger: Ledger, atom_ids: Collection[int], at: datetime
) -> Resolution:
    """Decide anew about known records, after something else than sightings changed.

    For a blocked value, an erased record, or evidence that matching by probability adds.
    """
    ledger.lock(connection, "identity")
    work = Work(connection=connection, ledger=ledger, sightings=(), at=at, seeds=atom_ids)
    return _walk(work, STEPS[1:])


def _walk(work: Work, steps: Sequence[Step]) -> Resolution:
    seconds: dict[str, float] = {}
    for step in steps:
        started = perf_counter()
        step(work)
        seconds[step.__name__] = perf_counter() - started
    return _resolution(work, seconds)


def plan(
    connection: Connection,
    partition: Partition,
    gathered: Gathered,
    preferred: Mapping[int, str] | None,
) -> tuple[Mapping[int, str], Assignment]:
    """Present memberships, and the profile of each cluster."""
    atoms = gathered.evidence.atoms
    members = [a for c in partition.clusters for a in c]
    current = open_memberships(connection, members)
    unplaced = [c for c in partition.clusters if any(a not in current for a in c)]
    shared = [c for c in partition.clusters if len({current.get(a) for a in c}) > 1]
    wanted = {current[a] for c in shared for a in c if a in current}
    # A profile that appears in two clusters is being split: its parts may need new ids.
    seen: dict[str, int] = {}
    torn: list[tuple[int, ...]] = []
    for index, c in enumerate(partition.clusters):
        for profile_id in {current[a] for a in c if a in current}:
            if seen.setdefault(profile_id, index) != index:
                torn += [c, partition.clusters[seen[profile_id]]]
    wanted |= possible_new_ids({*unplaced, *torn})
    wanted |= set((preferred or {}).values())
    assignment = assign_profiles(
        partition.clusters,
        current,
        standings_of(connection, wanted),
        first_seen={a: atom.first_seen for a, atom in atoms.items()},
        preferred=preferred,
    )
    return current, assignment


def _resolution(work: Work, seconds: Mapping[str, float]) -> Resolution:
    assert work.assignment is not None  # noqa: S101
    assert work.gathered is not None  # noqa: S101
    moved = {a: c.profile_id for c in work.assignment.changes for a in c.moved}
    seen = work.registered.atoms if work.registered is not None else ()
    elsewhere = [a for a in seen if a not in moved and a not in work.current]
    profiles = {a: work.current[a] for a in seen if a in work.current}
    profiles.update(open_memberships(work.connection, elsewhere))
    profiles.update(moved)
    return Resolution(
        profiles=profiles,
        moved=moved,
        touched=(work.assignment.touched | {profiles[a] for a in seen})
        - work.assignment.retired.keys(),
        oversized=tuple(len(members) for members in work.gathered.oversized),
        seconds=seconds,
        retired=work.assignment.retired,
        created=work.assignment.of_kind("create"),
        joined=work.assignment.of_kind("join"),
        merged=work.assignment.of_kind("merge"),
        split=work.assignment.of_kind("split"),
    )

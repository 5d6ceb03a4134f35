"""From evidence to persons: a pure function, in which nothing depends on the order of arrival."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from operator import eq
from types import MappingProxyType
from typing import TypeVar

from msgspec import Struct

from rapport.unify.evidence import LIKENESS, MUST_LINK, Atom, Evidence, Tie, Value, ValueClass
from rapport.unify.names import (
    PersonName,
    birthdays_conflict,
    names_agree,
    names_conflict,
)
from rapport.vocabulary.identifier import IdentifierClass, kind_of

V = TypeVar("V")

#: More records than any one person leaves; a cluster that reaches it has gone wrong somewhere.
MAX_RECORDS = 500


class UsedLink(Struct, frozen=True, kw_only=True, gc=False):
    """A tie that united the clusters of records ``a`` and ``b``."""

    a: int
    b: int
    tie: Tie


class RefusedLink(Struct, frozen=True, kw_only=True, gc=False):
    """A tie between ``a`` and ``b`` that united nothing, and the code of the objection."""

    a: int
    b: int
    tie: Tie
    why: str


class Partition(Struct, frozen=True, kw_only=True):
    """Who is one person, and how we know.

    ``clusters`` are ascending record numbers, ordered by their smallest.
    """

    clusters: tuple[tuple[int, ...], ...]
    used: tuple[UsedLink, ...]
    refused: tuple[RefusedLink, ...]


class Cluster:
    """What objections ask of a growing cluster."""

    __slots__ = (
        "apart", "birthdays", "devices", "has_person", "limits", "members", "names", "values",
    )  # fmt: skip

    def __init__(
        self,
        atom: Atom,
        values: Iterable[Value],
        apart: frozenset[int],
        limits: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.limits = limits
        self.members = [atom.atom_id]
        self.has_person = not (atom.is_device or atom.is_bare_contact)
        self.names: set[PersonName] = {atom.name} if atom.name.words else set()
        self.birthdays: set[str] = {atom.birthday} if atom.birthday else set()
        self.apart = set(apart)
        self.devices: dict[str, int] = {atom.kind: 1} if atom.is_device else {}
        self.values: dict[tuple[str, str], set[str]] = {}
        for value in values:
            if kind_of(value.kind).identifier_class is not IdentifierClass.DEVICE:
                self.values.setdefault((value.kind, value.namespace), set()).add(value.value)

    def limit(self, kind: str) -> int:
        """How many different values of the kind one person may hold."""
        return self.limits.get(kind) or kind_of(kind).limit

    def absorb(self, other: Cluster) -> None:
        self.members += other.members
        self.has_person = self.has_person or other.has_person
        self.names |= other.names
        self.birthdays |= other.birthdays
        self.apart |= other.apart
        for kind, count in other.devices.items():
            self.devices[kind] = self.devices.get(kind, 0) + count
        for key, values in other.values.items():
            self.values.setdefault(key, set()).update(values)


# ── objections: each says why two clusters may not be one, or None ────────────────────────────


def kept_apart(a: Cluster, b: Cluster, _tie: Tie) -> str | None:
    small, large = (a, b) if len(a.members) <= len(b.members) else (b, a)
    return "kept_apart" if large.apart and not large.apart.isdisjoint(small.members) else None


def most_named(limit: int) -> int:
    """How many different values one record may name and still be joined by them."""
    return max(3, 2 * limit)


def over_limit(a: Cluster, b: Cluster, _tie: Tie) -> str | None:
    for key, values in a.values.items():
        others = b.values.get(key)
        if others is not None:
            together, limit = len(values | others), a.limit(key[0])
            # A record that breaks the limit by itself, as an alias that names the old account and
            # the new one, may still be joined by what it names. One that names very many is nobody:
            # the source gives a number out again, or makes everybody an alias of one account.
            most = max(limit, min(max(len(values), len(others)), most_named(limit)))
            if together > most:
                return f"over_limit:{key[0]}"
    for kind, count in a.devices.items():
        if kind in b.devices and count + b.devices[kind] > a.limit(kind):
            return f"over_limit:{kind}"
    return None


#: Whoever holds a second one of these without exact evidence is somebody else, or the case for a
#: person: a likeness of name and address joins no two customer numbers.
_STRONG_LIMIT = 2


def needs_a_person(a: Cluster, b: Cluster, tie: Tie) -> str | None:
    if tie.kind != LIKENESS:
        return None
    for key, values in a.values.items():
        kind = kind_of(key[0])
        limit = a.limit(kind.kind)
        strong = kind.identifier_class is IdentifierClass.PERSON and limit <= _STRONG_LIMIT
        if strong and key in b.values and values.isdisjoint(b.values[key]):
            return f"needs_a_person:{key[0]}"
    return None


def birthdays_differ(a: Cluster, b: Cluster, tie: Tie) -> str | None:
    if tie.trusted:
        return None
    fits = _fits(a.birthdays, b.birthdays, birthdays_conflict, eq)
    return None if fits else "birthdays_differ"


def names_differ(a: Cluster, b: Cluster, tie: Tie) -> str | None:
    # Of names, matching has judged already; of birthdays too, but those that contradict stay apart.
    if tie.trusted or tie.kind == LIKENESS:
        return None
    return None if _fits(a.names, b.names, names_conflict, names_agree) else "names_differ"


def _fits(
    some: set[V], others: set[V], conflict: Callable[[V, V], bool], agree: Callable[[V, V], bool]
) -> bool:
    """Whether all values of one side stand with the other: against none of it, or with one of it.

    A cluster that a human joined may hold Bob and Robert, and the next Bob belongs to it.
    """

    def stand(ones: set[V], twos: set[V]) -> bool:
        return all(
            not any(conflict(x, y) for y in twos) or any(agree(x, y) for y in twos) for x in ones
        )

    return stand(some, others) or stand(others, some)


def too_many_records(a: Cluster, b: Cluster, _tie: Tie) -> str | None:
    return "too_many_records" if len(a.members) + len(b.members) > MAX_RECORDS else None


Objection = Callable[[Cluster, Cluster, Tie], str | None]

#: Asked in this order before any two clusters are united, except by a human's must-link.
OBJECTIONS: tuple[Objection, ...] = (
    kept_apart,
    over_limit,
    needs_a_person,
    birthdays_differ,
    names_differ,
    too_many_records,
)


def cluster(evidence: Evidence) -> Partition:
    """The partition of the records into persons.

    Notes
    -----
    Four passes, each over ties in their fixed order: people's must-links; ties between records of
    persons; signed-in devices, which may join one person but not two; and last the bare devices and
    phone numbers, which belong to a person only if they lead to exactly one.
    """
    work = _Clustering(evidence)
    for tie in evidence.ties:
        if tie.kind == MUST_LINK:
            work.link_by_word(tie)
    for tie in evidence.ties:
        if tie.kind != MUST_LINK and tie.identifier_class is not IdentifierClass.DEVICE:
            work.link_people(tie)
    work.join_signed_in_devices()
    work.join_bare_records()
    return work.partition()


class _Clustering:
    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.parent: dict[int, int] = {}
        self.clusters: dict[int, Cluster] = {}
        self.used: list[UsedLink] = []
        self.refused: list[RefusedLink] = []
        tied = {atom_id for tie in evidence.ties for atom_id in tie.atoms}
        nobody: frozenset[int] = frozenset()
        for atom_id in sorted(tied):
            self.parent[atom_id] = atom_id
            self.clusters[atom_id] = Cluster(
                evidence.atoms[atom_id],
                evidence.held.get(atom_id, ()),
                evidence.cannot.get(atom_id, nobody),
                evidence.limits,
            )
        self.devices = [a for a in sorted(tied) if evidence.atoms[a].is_device]
        self.speaks = {a for a in self.devices if self._names_one_person(a)}
        self.names_people = {
            a
            for a in self.devices
            if any(
                kind_of(v.kind).identifier_class is IdentifierClass.PERSON
                for v in evidence.held.get(a, ())
            )
        }

    def _names_one_person(self, atom_id: int) -> bool:
        """A device with one account and one e-mail speaks for one person; with two it does not."""
        seen: set[tuple[str, str]] = set()
        for value in self.evidence.held.get(atom_id, ()):
            if kind_of(value.kind).identifier_class is IdentifierClass.PERSON:
                if (value.kind, value.namespace) in seen:
                    return False
                seen.add((value.kind, value.namespace))
        return bool(seen)

    def root(self, atom_id: int) -> int:
        while self.parent[atom_id] != atom_id:
            self.parent[atom_id] = self.parent[self.parent[atom_id]]
            atom_id = self.parent[atom_id]
        return atom_id

    def of(self, atom_id: int) -> Cluster:
        return self.clusters[self.root(atom_id)]

    def unite(self, tie: Tie, a: int, b: int) -> None:
        one, two = self.root(a), self.root(b)
        if one != two:
            if len(self.clusters[one].members) < len(self.clusters[two].members):
                one, two = two, one
            self.clusters[one].absorb(self.clusters.pop(two))
            self.parent[two] = one
            self.used.append(UsedLink(a=a, b=b, tie=tie))

    def refuse(self, tie: Tie, a: int, b: int, why: str) -> None:
        self.refused.append(RefusedLink(a=a, b=b, tie=tie, why=why))

    def try_unite(self, tie: Tie, a: int, b: int) -> None:
        """Unite the clusters of two records unless something is said against it."""
        one, two = self.root(a), self.root(b)
        if one == two:
            return
        for objection in OBJECTIONS:
            why = objection(self.clusters[one], self.clusters[two], tie)
            if why is not None:
                self.refuse(tie, a, b, why)
                return
        self.unite(tie, a, b)

    def link_by_word(self, tie: Tie) -> None:
        """Unite what a human joined; only another human's word can stand against it."""
        a, b = tie.atoms
        why = kept_apart(self.of(a), self.of(b), tie)
        if why is None:
            self.unite(tie, a, b)
        else:
            self.refuse(tie, a, b, why)

    def link_people(self, tie: Tie) -> None:
        """Unite the records of persons that share a value."""
        atoms = self.evidence.atoms
        people = [a for a in tie.atoms if not (atoms[a].is_device or atoms[a].is_bare_contact)]
        self._link_each(tie, people)

    def _link_each(self, tie: Tie, members: list[int]) -> None:
        must_agree = (
            tie.identifier_class is IdentifierClass.CONTACT
            or tie.value_class is ValueClass.HOUSEHOLD
        )
        atoms = self.evidence.atoms
        for i, b in enumerate(members):
            asked: set[int] = set()
            for a in members[:i]:
                root = self.root(a)
                if root in asked or root == self.root(b):
                    continue
                if must_agree and not names_agree(atoms[a].name, atoms[b].name):
                    continue
                asked.add(root)
                self.try_unite(tie, a, b)
                asked.add(self.root(b))
        if must_agree:
            self._note_disagreement(tie, members)

    def _note_disagreement(self, tie: Tie, members: list[int]) -> None:
        noted = {(self.root(r.a), self.root(r.b)) for r in self.refused if r.tie is tie}
        first: dict[int, int] = {}
        for member in members:
            first.setdefault(self.root(member), member)
        roots = list(first.items())
        for (root, a), (other, b) in pairwise(roots):
            if (root, other) not in noted and (other, root) not in noted:
                self.refuse(tie, a, b, "names_do_not_agree")

    def join_signed_in_devices(self) -> None:
        """Devices on which a person signed in: those that name one person, then the shared ones."""
        person_ties = [
            tie
            for tie in self.evidence.ties
            if tie.identifier_class is IdentifierClass.PERSON and tie.kind != MUST_LINK
        ]
        for tie in person_ties:
            people = [a for a in tie.atoms if not self.evidence.atoms[a].is_device]
            speaking = [a for a in tie.atoms if a in self.speaks]
            for n, device in enumerate(speaking):
                for other in (*people, *speaking[:n]):
                    self._join_device(tie, other, device)
        by_device: defaultdict[int, list[Tie]] = defaultdict(list)
        for tie in person_ties:
            for a in tie.atoms:
                if a in self.names_people and a not in self.speaks:
                    by_device[a].append(tie)
        shared = sorted(by_device)
        # Asked of all before any is joined: what one shared device joins must not decide the next.
        plans = [self._only_person(device, by_device[device], set(shared)) for device in shared]
        for plan in plans:
            if plan is not None:
                self.try_unite(*plan)

    def _join_device(self, tie: Tie, other: int, device: int) -> None:
        one, two = self.of(other), self.of(device)
        atoms = self.evidence.atoms
        if one is two:
            return
        if one.has_person and two.has_person:
            self.refuse(tie, other, device, "device_joins_no_two_people")
        elif tie.value_class is ValueClass.HOUSEHOLD and not names_agree(
            atoms[other].name, atoms[device].name
        ):
            self.refuse(tie, other, device, "names_do_not_agree")
        else:
            self.try_unite(tie, other, device)

    def _only_person(
        self, device: int, ties: list[Tie], shared: set[int]
    ) -> tuple[Tie, int, int] | None:
        """The one person to whom all that was typed on ``device`` leads, or None."""
        known: set[Value] = set()
        roots: dict[int, tuple[Tie, int]] = {}
        for tie in ties:
            others = [a for a in tie.atoms if a not in shared]
            if others and tie.value is not None:
                known.add(tie.value)
            for other in others:
                roots.setdefault(self.root(other), (tie, other))
        roots.pop(self.root(device), None)
        named = {
            v
            for v in self.evidence.held.get(device, ())
            if kind_of(v.kind).identifier_class is IdentifierClass.PERSON
        }
        if len(roots) == 1 and named <= known:
            tie, other = next(iter(roots.values()))
            return (tie, other, device)
        for tie, other in roots.values():
            self.refuse(tie, other, device, "leads_to_several_people")
        return None

    def join_bare_records(self) -> None:
        """Devices without a sign-in, and phone numbers without a name: to their only person."""
        atoms = self.evidence.atoms
        bare = {
            a
            for a in self.parent
            if len(self.of(a).members) == 1
            and ((atoms[a].is_device and a not in self.names_people) or atoms[a].is_bare_contact)
        }
        ties = [
            tie
            for tie in self.evidence.ties
            if tie.identifier_class is not IdentifierClass.PERSON
            and tie.kind != MUST_LINK
            and not bare.isdisjoint(tie.atoms)
        ]
        # Bare records that share a value are one thing (a phone's app and its browser).
        groups = {a: a for a in bare}

        def group_of(a: int) -> int:
            while groups[a] != a:
                a = groups[a]
            return a

        within: list[tuple[Tie, int, int]] = []
        reached: defaultdict[int, dict[int, tuple[Tie, int, int]]] = defaultdict(dict)
        for tie in ties:
            members = [a for a in tie.atoms if a in bare]
            for a, b in pairwise(members):
                one, two = sorted((group_of(a), group_of(b)))
                groups[two] = one
                within.append((tie, a, b))
        for tie in ties:
            members = [a for a in tie.atoms if a in bare]
            for other in tie.atoms:
                if other not in bare:
                    for member in members:
                        reached[group_of(member)].setdefault(self.root(other), (tie, other, member))
        for tie, a, b in within:
            self.try_unite(tie, a, b)
        for group in sorted(reached):
            candidates = reached[group]
            if len(candidates) == 1:
                tie, other, member = next(iter(candidates.values()))
                self.try_unite(tie, other, member)
            else:
                for tie, other, member in candidates.values():
                    self.refuse(tie, other, member, "leads_to_several_people")

    def partition(self) -> Partition:
        clusters = [tuple(sorted(c.members)) for c in self.clusters.values()]
        clusters += [(a,) for a in self.evidence.atoms if a not in self.parent]
        return Partition(
            clusters=tuple(sorted(clusters)),
            used=tuple(self.used),
            refused=tuple(self.refused),
        )

"""Reading evidence back from the ledger: everything that hangs together with some records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Connection, Select, and_, func, or_, select, type_coerce
from sqlalchemy.sql.elements import ColumnElement

from rapport.engines.ledger import among
from rapport.unify.blocked_values import blocked_reason
from rapport.unify.evidence import Atom, Evidence, Likeness, Value, make_evidence, most_holders
from rapport.unify.identity_rules import identity_rules
from rapport.unify.names import person_name
from rapport.vocabulary import ledger_tables as t

#: Keys of one statement: what their rows take in memory is little, and statements are few.
_CHUNK = 5_000
#: A component of more records is left as it stands and reported.
MAX_COMPONENT = 5_000

#: Attributes that take part in deciding who is who.
NAME_ATTRIBUTES = ("name", "first_name", "last_name", "birthday")


class Gathered(Struct, frozen=True, kw_only=True):
    """The evidence around some records. ``oversized`` holds the records of components too large."""

    evidence: Evidence
    oversized: tuple[frozenset[int], ...] = ()


def chunks(items: Iterable[Any], size: int = _CHUNK) -> Iterator[list[Any]]:
    """``items`` in lists of at most ``size``, ascending so that an index is walked one way."""
    iterator = iter(sorted(items))
    while piece := list(islice(iterator, size)):
        yield piece


def rows_in(
    connection: Connection,
    statement: Callable[[Sequence[Any]], Select[Any]],
    keys: Iterable[Any],
) -> Iterator[Any]:
    """The rows of ``statement(chunk)`` for each chunk of ``keys``."""
    for piece in chunks(keys):
        yield from connection.execute(statement(piece)).all()


def identifiers_of(connection: Connection, atom_ids: Iterable[int]) -> Iterator[tuple[Value, int]]:
    """The values that these records hold."""
    i = t.identifier.c
    for row in rows_in(
        connection,
        lambda piece: select(i.kind, i.namespace, i.value, i.atom_id).where(
            among(i.atom_id, piece)
        ),
        atom_ids,
    ):
        yield Value(row[0], row[1], row[2]), row[3]


def holders_of(
    connection: Connection, values: Iterable[Value], added: Mapping[Value, int]
) -> tuple[list[tuple[Value, int]], dict[Value, int]]:
    """Who holds ``values``, and how many hold those held by too many to be read.

    A value that only its ``added`` holders make too many is read once more: its earlier holders
    were united through it, and that evidence is gone.
    """
    by_kind: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for value in values:
        by_kind[value.kind, value.namespace].append(value.value)
    i = t.identifier.c
    found: list[tuple[Value, int]] = []
    counts: dict[Value, int] = {}
    for (kind, namespace), texts in by_kind.items():
        most = most_holders(kind)
        for piece in chunks(texts):
            here = and_(i.kind == kind, i.namespace == namespace, among(i.value, piece))
            many: dict[str, int] = {
                row[0]: row[1]
                for row in connection.execute(
                    select(i.value, func.count())
                    .where(here)
                    .group_by(i.value)
                    .having(func.count() > most)
                )
            }
            counts.update({Value(kind, namespace, text): n for text, n in many.items()})
            readable = [
                text
                for text in piece
                if many.get(text, 0) - added.get(Value(kind, namespace, text), 0) <= most
            ]
            if readable:
                rows = connection.execute(
                    select(i.value, i.atom_id).where(
                        i.kind == kind, i.namespace == namespace, among(i.value, readable)
                    )
                )
                found += [(Value(kind, namespace, row[0]), row[1]) for row in rows.all()]
    return found, counts


def gather(
    connection: Connection,
    seeds: Collection[int],
    added: Mapping[Value, int] = MappingProxyType({}),
) -> Gathered:
    """All records that hang together with ``seeds``, and what they hold.

    Parameters
    ----------
    seeds : collection of atom ids
    added : mapping, optional
        How many holders each value gained since identity was last resolved.
    """
    walk = _Walk(connection, added)
    frontier = walk.enter(seeds)
    while frontier:
        frontier = walk.widen(frontier)
    return walk.gathered()


class _Walk:
    """A walk in rounds, all components at once: records, their values, the holders of those."""

    def __init__(self, connection: Connection, added: Mapping[Value, int]) -> None:
        self.connection = connection
        self.added = added
        b = t.blocked_value.c
        self.blocked = {(row[0], row[1]) for row in connection.execute(select(b.kind, b.value))}
        # Nobody has judged yet in most stores: spare a query per chunk.
        self.judged = (
            connection.execute(select(t.link_constraint.c.constraint_id).limit(1)).first()
            is not None
        )
        self.matched = (
            connection.execute(
                select(t.pair_score.c.atom_a).where(t.pair_score.c.joined).limit(1)
            ).first()
            is not None
        )
        self.limits = identity_rules(connection).limits
        self.alike: set[Likeness] = set()
        self.holdings: set[tuple[Value, int]] = set()
        self.counts: dict[Value, int] = {}
        self.must: set[tuple[int, int]] = set()
        self.cannot: set[tuple[int, int]] = set()
        self.first_holder: dict[Value, int] = {}
        self.parent: dict[int, int] = {}
        self.sizes: dict[int, int] = {}

    def enter(self, atom_ids: Iterable[int]) -> set[int]:
        """Those of ``atom_ids`` not met before, which are met now."""
        fresh = {a for a in atom_ids if a not in self.parent}
        for a in fresh:
            self.parent[a], self.sizes[a] = a, 1
        return fresh

    def root(self, a: int) -> int:
        parent = self.parent
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        return a

    def join(self, a: int, b: int) -> None:
        one, two = self.root(a), self.root(b)
        if one != two:
            self.parent[two] = one
            self.sizes[one] += self.sizes.pop(two)

    def leads_on(self, value: Value) -> bool:
        return (
            blocked_reason(value.kind, value.value) is None
            and (value.kind, value.value) not in self.blocked
        )

    def widen(self, frontier: Collection[int]) -> set[int]:
        """One round: the records reached from ``frontier`` for the first time."""
        fresh: set[Value] = set()
        for value, atom_id in identifiers_of(self.connection, frontier):
            self.holdings.add((value, atom_id))
            if value not in self.first_holder:
                self.first_holder[value] = atom_id
                if self.leads_on(value):
                    fresh.add(value)
        found, many = holders_of(self.connection, fresh, self.added)
        self.counts.update(many)
        self.holdings.update(found)
        reached = self.enter(atom_id for _, atom_id in found)
        for value, atom_id in found:
            if value not in many:
                self.join(self.first_holder[value], atom_id)
        if self.judged:
            reached |= self._follow_constraints(frontier)
        if self.matched:
            reached |= self._follow_likeness(frontier)
        return {a for a in reached if self.sizes[self.root(a)] <= MAX_COMPONENT}

    def _follow_constraints(self, frontier: Collection[int]) -> set[int]:
        c = t.link_constraint.c
        reached: set[int] = set()
        for a, b, kind in rows_in(
            self.connection,
            lambda piece: select(c.atom_a, c.atom_b, c.kind).where(
                or_(among(c.atom_a, piece), among(c.atom_b, piece)), c.revoked_by.is_(None)
            ),
            frontier,
        ):
            if kind == "must":
                self.must.add((a, b))
                reached |= self.enter((a, b))
                self.join(a, b)
            else:
                self.cannot.add((a, b))
        return reached

    def _follow_likeness(self, frontier: Collection[int]) -> set[int]:
        p = t.pair_score.c
        reached: set[int] = set()
        # One index each: a condition on either column would walk the table, and one on ``joined``
        # all pairs that did.
        for column in (p.atom_a, p.atom_b):
            for piece in chunks(frontier):
                for a, b, bits, joined in self.connection.execute(
                    select(p.atom_a, p.atom_b, p.bits, p.joined).where(among(column, piece))
                ):
                    if joined:
                        self.alike.add(Likeness(a, b, bits))
                        reached |= self.enter((a, b))
                        self.join(a, b)
        return reached

    def gathered(self) -> Gathered:
        large = {root for root, size in self.sizes.items() if size > MAX_COMPONENT}
        oversized: defaultdict[int, set[int]] = defaultdict(set)
        if large:
            for a in self.parent:
                if self.root(a) in large:
                    oversized[self.root(a)].add(a)
        atoms = read_atoms(
            self.connection, self.parent.keys() - frozenset().union(*oversized.values())
        )
        return Gathered(
            evidence=make_evidence(
                atoms,
                [(value, a) for value, a in self.holdings if a in atoms],
                counts=self.counts,
                blocked=self.blocked,
                must=self.must,
                cannot=self.cannot,
                alike=self.alike,
                limits=self.limits,
            ),
            oversized=tuple(frozenset(members) for members in oversized.values()),
        )


def read_atoms(connection: Connection, atom_ids: Collection[int]) -> dict[int, Atom]:
    """The records with their names and birthdays."""
    a, f = t.atom.c, t.attribute.c
    facts: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for row in rows_in(
        connection,
        lambda piece: select(f.atom_id, f.name, f.value).where(
            among(f.atom_id, piece), f.name.in_(NAME_ATTRIBUTES)
        ),
        atom_ids,
    ):
        facts[row[0]][row[1]] = row[2]
    nothing: Mapping[str, str] = {}
    atoms: dict[int, Atom] = {}
    for row in rows_in(
        connection,
        lambda piece: select(a.atom_id, a.kind, a.namespace, a.source, micros(a.first_seen)).where(
            among(a.atom_id, piece)
        ),
        atom_ids,
    ):
        stated = facts.get(row[0], nothing)
        atoms[row[0]] = Atom(
            atom_id=row[0],
            kind=row[1],
            namespace=row[2],
            source=row[3],
            first_seen=row[4],
            name=person_name(stated.get("name"), stated.get("first_name"), stated.get("last_name")),
            birthday=stated.get("birthday"),
        )
    return atoms


def micros(column: ColumnElement[Any]) -> ColumnElement[int]:
    """A time column as the plain number it is stored as: thousands are compared per batch."""
    return type_coerce(column, BigInteger)


def open_memberships(connection: Connection, atom_ids: Iterable[int]) -> dict[int, str]:
    """The profile to which each of these records belongs now."""
    m = t.membership.c
    return {
        row[0]: row[1]
        for row in rows_in(
            connection,
            lambda piece: select(m.atom_id, m.profile_id).where(
                among(m.atom_id, piece), m.valid_to.is_(None)
            ),
            atom_ids,
        )
    }


def atoms_of(connection: Connection, profile_ids: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The records of each profile, ascending; profiles without records are absent."""
    m = t.membership.c
    found: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows_in(
        connection,
        lambda piece: select(m.profile_id, m.atom_id).where(
            among(m.profile_id, piece), m.valid_to.is_(None)
        ),
        set(profile_ids),
    ):
        found[row[0]].append(row[1])
    return {profile_id: tuple(sorted(ids)) for profile_id, ids in found.items()}

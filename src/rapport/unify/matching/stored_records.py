"""Records as matching sees them, read from the ledger; and the pairs it found, written there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    select,
)

from rapport.engines.ledger import Ledger, among
from rapport.unify.many_rows import write_many
from rapport.unify.matching.comparison import STATED, RecordKind
from rapport.unify.stored_evidence import rows_in
from rapport.unify.stored_households import COMPANY_RECORDS
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier import IDENTIFIER_KINDS, IdentifierClass, kind_of
from rapport.vocabulary.ledger_tables import to_micros

IntArray = NDArray[np.int64]

#: Attributes that a record states about its person, named as columns of `STATED`.
MATCHED_ATTRIBUTES = (
    "name",
    "first_name",
    "last_name",
    "company",
    "birthday",
    "gender",
    "email",
    "phone",
    "street",
    "postal_code",
    "city",
    "country",
    "loyalty_card",
)
#: Identifiers that are no attribute. Those of one system are told apart by it.
MATCHED_IDENTIFIERS: Mapping[str, str] = {
    "iban": "iban",
    "customer_number": "customer_number",
    "email": "email",
    "phone": "phone",
    "loyalty_card": "loyalty_card",
    "business_id": "business_id",
}
DEVICES = tuple(
    kind
    for kind, rules in IDENTIFIER_KINDS.items()
    if rules.identifier_class is IdentifierClass.DEVICE
)


class RecordsToMatch(Struct, frozen=True, kw_only=True):
    """Records that say something of a person.

    Attributes
    ----------
    atoms : int array, shape (n_records,), ascending
        Atom id of each record number.
    stated : pyarrow.Table
        Columns of `STATED`, as the records state them.
    """

    atoms: IntArray
    stated: pa.Table


def records_to_match(connection: Connection, only: Collection[int] | None = None) -> RecordsToMatch:
    """All records of people. Devices are left out: they say nothing of a person themselves.

    Parameters
    ----------
    only : collection of atom ids, optional
        No others than these.
    """
    a, f, i = t.atom.c, t.attribute.c, t.identifier.c
    told = connection.execute(
        select(
            f.atom_id,
            *(func.max(case((f.name == name, f.value))).label(name) for name in MATCHED_ATTRIBUTES),
        )
        .join(t.atom, a.atom_id == f.atom_id)
        .where(
            f.name.in_(MATCHED_ATTRIBUTES),
            a.kind.not_in(DEVICES),
            *(() if only is None else (among(f.atom_id, only),)),
        )
        .group_by(f.atom_id)
        .order_by(f.atom_id)
    ).all()
    names = ("atom_id", *MATCHED_ATTRIBUTES)
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    if told:
        columns = {n: list(v) for n, v in zip(names, zip(*told, strict=True), strict=True)}
    atoms = np.array(columns.pop("atom_id"), dtype=np.int64)
    place = {int(atom): at for at, atom in enumerate(atoms)}
    for name in {*MATCHED_IDENTIFIERS.values()} - columns.keys():
        columns[name] = [None] * len(atoms)
    rows = connection.execute(
        select(i.kind, i.namespace, i.value, i.atom_id)
        .where(
            i.kind.in_(MATCHED_IDENTIFIERS),
            *(() if only is None else (among(i.atom_id, only),)),
        )
        .order_by(i.atom_id, i.kind, i.last_seen.desc(), i.value)
    )
    for kind, namespace, value, atom in rows:
        at = place.get(atom)
        if at is not None and columns[MATCHED_IDENTIFIERS[kind]][at] is None:
            columns[MATCHED_IDENTIFIERS[kind]][at] = (
                f"{namespace}:{value}" if kind_of(kind).scoped else value
            )
    named = select(a.atom_id, a.source, a.kind)
    made = {
        row[0]: (row[1], row[2])
        for row in connection.execute(
            named if only is None else named.where(among(a.atom_id, only))
        )
    }
    columns["source"] = [made[int(atom)][0] for atom in atoms]
    columns["kind"] = [
        RecordKind.COMPANY if made[int(atom)][1] in COMPANY_RECORDS else None for atom in atoms
    ]
    stated = pa.table(
        {
            name: pa.array(columns[name], pa.string())
            for name in STATED
            if name in columns and any(value is not None for value in columns[name])
        }
    )
    return RecordsToMatch(atoms=atoms, stated=stated)


def blocked_values(connection: Connection) -> set[tuple[str, str]]:
    """The company's own blocked values, as (kind, value)."""
    b = t.blocked_value.c
    return {(row[0], row[1]) for row in connection.execute(select(b.kind, b.value))}


class Judgements(Struct, frozen=True, kw_only=True):
    """What people said of pairs of records, by atom ids, the smaller first."""

    must: tuple[tuple[int, int], ...]
    cannot: tuple[tuple[int, int], ...]
    doubted: tuple[tuple[int, int, bool], ...]

    def of(self, atoms: IntArray) -> Judgements:
        """The same by place in ascending ``atoms``, without words on others."""
        place = {int(atom): at for at, atom in enumerate(atoms)}

        def placed(pairs: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
            return tuple((place[a], place[b]) for a, b in pairs if a in place and b in place)

        return Judgements(
            must=placed(self.must),
            cannot=placed(self.cannot),
            doubted=tuple(
                (place[a], place[b], same)
                for a, b, same in self.doubted
                if a in place and b in place
            ),
        )


def judgements(connection: Connection) -> Judgements:
    """All that people said."""
    c = t.link_constraint.c
    must: set[tuple[int, int]] = set()
    cannot: set[tuple[int, int]] = set()
    for a, b, kind in connection.execute(
        select(c.atom_a, c.atom_b, c.kind).where(c.revoked_by.is_(None))
    ):
        (must if kind == "must" else cannot).add((min(a, b), max(a, b)))
    v = t.review_verdict.c
    doubted = {
        (min(a, b), max(a, b)): bool(same)
        for a, b, same in connection.execute(
            select(v.atom_a, v.atom_b, v.same)
            .where(v.undone.is_(False), v.decision_id.is_not(None))  # approved, where that is asked
            .order_by(v.verdict_id)
        )
    }
    return Judgements(
        must=tuple(sorted(must)),
        cannot=tuple(sorted(cannot)),
        doubted=tuple((a, b, same) for (a, b), same in sorted(doubted.items())),
    )


class Related(Struct, frozen=True, kw_only=True):
    """What earlier runs found of some records, and of all that hang together with them.

    Attributes
    ----------
    atoms : int array, ascending
        All of them.
    a, b : int arrays, shape (n_pairs,)
        Atom ids of their pairs above the review line.
    """

    atoms: IntArray
    a: IntArray
    b: IntArray


def related_records(connection: Connection, atoms: Collection[int]) -> Related:
    """All that pairs above the review line, and people's words, connect with ``atoms``."""
    p, c = t.pair_score.c, t.link_constraint.c
    scored = select(p.atom_a, p.atom_b)
    told = select(c.atom_a, c.atom_b).where(c.kind == "must", c.revoked_by.is_(None))
    found: set[int] = set()
    pairs: set[tuple[int, int]] = set()
    waiting = set(atoms)
    while waiting:
        found |= waiting
        alike = {
            *_rows_of(connection, scored, p.atom_a, waiting),
            *_rows_of(connection, scored, p.atom_b, waiting),
        }
        said = {
            *_rows_of(connection, told, c.atom_a, waiting),
            *_rows_of(connection, told, c.atom_b, waiting),
        }
        pairs |= alike
        waiting = {atom for pair in alike | said for atom in pair} - found
    both = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return Related(atoms=np.array(sorted(found), dtype=np.int64), a=both[:, 0], b=both[:, 1])


def _rows_of(
    connection: Connection,
    statement: Select[Any],
    column: ColumnElement[int],
    atoms: Collection[int],
) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement whose ``column`` is one of ``atoms``."""
    for row in rows_in(connection, lambda piece: statement.where(among(column, piece)), atoms):
        yield tuple(row)


class ScoredPair(Struct, frozen=True, kw_only=True, gc=False):
    """Two records above the review line, the smaller atom id first.

    Attributes
    ----------
    bits : float
        Of these two records.
    probability : float
        That they are one person's; where they did not join, by all records of their two profiles.
    """

    a: int
    b: int
    bits: float
    probability: float
    joined: bool
    fields: tuple[tuple[str, str, float], ...] = ()


class PairChanges(Struct, frozen=True, kw_only=True):
    """What is kept of pairs beside what matching found now."""

    written: tuple[ScoredPair, ...]  # new, or with another weight or verdict
    gone: tuple[tuple[int, int], ...]
    retied: frozenset[tuple[int, int]]  # of these, the pairs that become a tie or cease to be one

    def __len__(self) -> int:
        return len(self.written) + len(self.gone)

    def parts(self, size: int) -> Iterator[PairChanges]:
        """The same in parts of about ``size`` pairs, those that hang together in one part.

        Whoever decides about two records reads all that hangs together with them.
        """
        pairs = [*((pair.a, pair.b) for pair in self.written), *self.gone]
        if not pairs:
            return
        atoms, places = np.unique(np.array(pairs, dtype=np.int64), return_inverse=True)
        places = places.reshape(-1, 2)
        graph = coo_array(
            (np.ones(len(places), dtype=np.int8), (places[:, 0], places[:, 1])),
            shape=(len(atoms), len(atoms)),
        )
        group = connected_components(graph, directed=False)[1][places[:, 0]]
        order = np.argsort(group, kind="stable")
        # A part ends where a group does.
        ends = np.flatnonzero(np.r_[group[order][1:] != group[order][:-1], True]) + 1
        start = 0
        for end in ends.tolist():
            if end - start >= size or end == len(order):
                part = order[start:end].tolist()
                written = [self.written[at] for at in part if at < len(self.written)]
                gone = [pairs[at] for at in part if at >= len(self.written)]
                keys = {*((pair.a, pair.b) for pair in written), *gone}
                yield PairChanges(
                    written=tuple(sorted(written, key=lambda pair: (pair.a, pair.b))),
                    gone=tuple(sorted(gone)),
                    retied=self.retied & keys,
                )
                start = end


#: A weight that moved by less is the same weight; and so with what is said of two profiles.
_SAME_BITS = 0.01
_SAME_PROBABILITY = 0.002


def pair_changes(
    connection: Connection,
    pairs: Sequence[ScoredPair],
    model: str,
    among_atoms: Collection[int] | None = None,
) -> PairChanges:
    """What to write so that the ledger keeps ``pairs``, and no other.

    Parameters
    ----------
    among_atoms : collection of atom ids, optional
        What is kept of other records than these stays as it is.
    """
    p = t.pair_score.c
    kept = select(p.atom_a, p.atom_b, p.joined, p.bits, p.probability, p.model)
    known = {
        (row[0], row[1]): (row[2], row[3], row[4], row[5])
        for row in (
            connection.execute(kept)
            if among_atoms is None
            else _rows_of(connection, kept, p.atom_a, among_atoms)
        )
    }
    written, retied = [], set()
    for pair in sorted(pairs, key=lambda pair: (pair.a, pair.b)):
        joined, bits, said, by = known.pop((pair.a, pair.b), (False, None, 0.0, None))
        near = (
            bits is not None
            and abs(bits - pair.bits) < _SAME_BITS
            and abs(said - pair.probability) < _SAME_PROBABILITY
        )
        if near and joined == pair.joined and by == model:
            continue
        if joined != pair.joined:
            retied.add((pair.a, pair.b))
        written.append(pair)
    retied.update(pair for pair, (joined, *_) in known.items() if joined)
    return PairChanges(written=tuple(written), gone=tuple(sorted(known)), retied=frozenset(retied))


def write_pairs(
    connection: Connection, ledger: Ledger, changes: PairChanges, model: str, at: datetime
) -> frozenset[int]:
    """Write changes; returns the records whose ties are others now."""
    p = t.pair_score.c
    write_many(
        connection,
        delete(t.pair_score).where(
            and_(p.atom_a == bindparam("b_a"), p.atom_b == bindparam("b_b"))
        ),
        ("b_a", "b_b"),
        changes.gone,
    )
    names = ("atom_a", "atom_b", "bits", "probability", "joined", "fields", "model", "scored_at")
    insert = ledger.insert(t.pair_score)
    write_many(
        connection,
        insert.on_conflict_do_update(
            index_elements=["atom_a", "atom_b"],
            set_={name: insert.excluded[name] for name in names[2:]},
        ),
        names,
        [
            (
                pair.a,
                pair.b,
                round(pair.bits, 3),
                round(pair.probability, 6),
                pair.joined,
                msgspec.json.encode(
                    [[name, level, round(bits, 2)] for name, level, bits in pair.fields]
                ).decode(),
                model,
                to_micros(at),
            )
            for pair in changes.written
        ],
    )
    return frozenset(atom for pair in changes.retied for atom in pair)

"""Keeping what sightings say: records, their identifiers, facts and consents.

What is stored is the same whatever the order of arrival: earliest and latest times, and per
attribute the latest statement (of equal moments the greater value, not the later arrival).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, and_, bindparam, select, update

from rapport.engines.ledger import Ledger, among
from rapport.errors import StoreMismatch
from rapport.unify.evidence import Value
from rapport.unify.many_rows import write_many
from rapport.unify.marks import UNMATCHED_RECORDS
from rapport.unify.matching.stored_records import DEVICES, MATCHED_ATTRIBUTES, MATCHED_IDENTIFIERS
from rapport.unify.sighting import Sighting
from rapport.unify.stored_evidence import NAME_ATTRIBUTES, micros, rows_in
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier import Identifier, atom_id
from rapport.vocabulary.ledger_tables import from_micros, to_micros


class Registered(Struct, frozen=True, kw_only=True):
    """What a batch told that was new."""

    atoms: tuple[int, ...]  # all records seen
    new_atoms: frozenset[int]
    changed: frozenset[int]  # new, or with new identifiers, another name or birthday
    retold: frozenset[int]  # records of which any fact changed
    added: Mapping[Value, int]  # new holders per value


class _Seen:
    __slots__ = ("first", "last", "record", "source")

    def __init__(self, record: Identifier, source: str, at: int) -> None:
        self.record = record
        self.source = source
        self.first = at
        self.last = at


class _Told:
    """Sightings that differ in nothing but when and where they were made."""

    __slots__ = ("atom", "first", "last", "latest", "sighting")

    def __init__(self, atom: int, at: int, sighting: Sighting) -> None:
        self.atom = atom
        self.sighting = sighting
        self.first = (at, sighting.source)
        self.last = at
        self.latest = (at, sighting.position, sighting.source)

    def add(self, at: int, sighting: Sighting) -> None:
        source = sighting.source
        self.first = min(self.first, (at, source))
        if at >= self.last:
            self.last = at
            self.latest = max(self.latest, (at, sighting.position, source))


class Batch:
    """The sightings of a batch, folded to one statement per record, identifier and attribute."""

    def __init__(self, sightings: Sequence[Sighting]) -> None:
        self.atoms: dict[int, _Seen] = {}
        self.identifiers: dict[tuple[str, str, str, int], list[int]] = {}
        self.attributes: dict[tuple[int, str], tuple[int, str, int, str]] = {}
        self.consents: dict[tuple[int, str, int], tuple[bool, str, str]] = {}
        # Most sightings repeat one before: the same objects say the same, so that of those that
        # do, the first, the last and the latest statement stand for all.
        told: dict[tuple[int, int, int], _Told] = {}
        for sighting in sightings:
            at = to_micros(sighting.occurred_at)
            same = (id(sighting.record), id(sighting.identifiers), id(sighting.traits))
            known = told.get(same)
            if known is None:
                told[same] = _Told(atom_id(sighting.record), at, sighting)
            else:
                known.add(at, sighting)
            if sighting.consents:
                self._add_consents(atom_id(sighting.record), at, sighting)
        for each in told.values():
            self._add(each)

    def _add(self, told: _Told) -> None:
        atom, first, last = told.atom, told.first[0], told.last
        seen = self.atoms.get(atom)
        if seen is None:
            self.atoms[atom] = seen = _Seen(told.sighting.record, told.first[1], first)
        else:
            seen.first, seen.source = min((seen.first, seen.source), told.first)
        seen.last = max(seen.last, last)
        for i in told.sighting.identifiers:
            span = self.identifiers.setdefault((i.kind, i.namespace, i.value, atom), [first, last])
            span[1] = max(span[1], last)
            span[0] = min(span[0], first)
        at, position, source = told.latest
        for name, value in told.sighting.traits.items():
            stated = (at, value, position, source)
            known = self.attributes.get((atom, name))
            if known is None or stated > known:
                self.attributes[atom, name] = stated

    def _add_consents(self, atom: int, at: int, sighting: Sighting) -> None:
        for consent in sighting.consents:
            word = (consent.granted, consent.legal_basis, sighting.source)
            said = self.consents.get((atom, consent.purpose, at))
            if said is None or word < said:  # at one moment the withdrawal wins
                self.consents[atom, consent.purpose, at] = word


def register(connection: Connection, ledger: Ledger, batch: Batch) -> Registered:
    """Write what is new in ``batch`` and say what it was."""
    new_atoms = _register_atoms(connection, ledger, batch)
    new_identifiers = _register_identifiers(connection, ledger, batch, new_atoms)
    retold, renamed, told_anew = _register_attributes(connection, ledger, batch, new_atoms)
    _register_consents(connection, ledger, batch)
    told_anew.update(atom for kind, _, _, atom in new_identifiers if kind in MATCHED_IDENTIFIERS)
    UNMATCHED_RECORDS.put(
        connection, (atom for atom in told_anew if batch.atoms[atom].record.kind not in DEVICES)
    )
    return Registered(
        atoms=tuple(batch.atoms),
        new_atoms=frozenset(new_atoms),
        changed=frozenset(new_atoms | {key[3] for key in new_identifiers} | renamed),
        retold=frozenset(retold | new_atoms),
        added=Counter(
            Value(kind, namespace, value) for kind, namespace, value, _ in new_identifiers
        ),
    )


def _register_atoms(connection: Connection, ledger: Ledger, batch: Batch) -> set[int]:
    a = t.atom.c
    known: dict[int, Any] = {
        row[0]: row
        for row in rows_in(
            connection,
            lambda piece: select(
                a.atom_id, a.kind, a.namespace, a.value, a.source,
                micros(a.first_seen), micros(a.last_seen),
            ).where(among(a.atom_id, piece)),
            batch.atoms,
        )
    }  # fmt: skip
    new: list[tuple[Any, ...]] = []
    longer: list[tuple[Any, ...]] = []
    for number, seen in batch.atoms.items():
        record = seen.record
        named = (record.kind, record.namespace, record.value)
        row = known.get(number)
        if row is None:
            new.append((number, *named, seen.source, seen.first, seen.last))
            continue
        if (row[1], row[2], row[3]) != named:
            raise StoreMismatch(
                f"Two records have the number {number}; this happens once in billions of records. "
                "Rename the namespace (source) of one of them and import it again"
            )
        first, source = min((row[5], row[4]), (seen.first, seen.source))
        last = max(row[6], seen.last)
        if (first, last, source) != (row[5], row[6], row[4]):
            longer.append((source, first, last, number))
    write_many(
        connection,
        ledger.insert(t.atom).on_conflict_do_nothing(index_elements=["atom_id"]),
        ("atom_id", "kind", "namespace", "value", "source", "first_seen", "last_seen"),
        sorted(new),
    )
    write_many(
        connection,
        update(t.atom)
        .where(a.atom_id == bindparam("b_atom_id"))
        .values(
            source=bindparam("source"),
            first_seen=bindparam("first_seen"),
            last_seen=bindparam("last_seen"),
        ),
        ("source", "first_seen", "last_seen", "b_atom_id"),
        sorted(longer, key=itemgetter(3)),
    )
    return {row[0] for row in new}


_IdentifierKey = tuple[str, str, str, int]
_IDENTIFIER_KEYS = ("kind", "namespace", "value", "atom_id")


def _register_identifiers(
    connection: Connection, ledger: Ledger, batch: Batch, new_atoms: set[int]
) -> set[_IdentifierKey]:
    i = t.identifier.c
    known: dict[_IdentifierKey, tuple[int, int]] = {
        (row[0], row[1], row[2], row[3]): (row[4], row[5])
        for row in rows_in(
            connection,
            lambda piece: select(
                i.kind, i.namespace, i.value, i.atom_id, micros(i.first_seen), micros(i.last_seen)
            ).where(among(i.atom_id, piece)),
            batch.atoms.keys() - new_atoms,
        )
    }
    new: list[tuple[Any, ...]] = []
    longer: list[tuple[Any, ...]] = []
    for key, (first, last) in batch.identifiers.items():
        span = known.get(key)
        if span is None:
            new.append((*key, first, last))
        elif first < span[0] or last > span[1]:
            longer.append((*key, min(first, span[0]), max(last, span[1])))
    write_many(
        connection,
        ledger.insert(t.identifier).on_conflict_do_nothing(index_elements=_IDENTIFIER_KEYS),
        (*_IDENTIFIER_KEYS, "first_seen", "last_seen"),
        sorted(new),
    )
    write_many(
        connection,
        update(t.identifier)
        .where(and_(*(i[name] == bindparam(f"b_{name}") for name in _IDENTIFIER_KEYS)))
        .values(first_seen=bindparam("first_seen"), last_seen=bindparam("last_seen")),
        (*(f"b_{name}" for name in _IDENTIFIER_KEYS), "first_seen", "last_seen"),
        sorted(longer),
    )
    return {(row[0], row[1], row[2], row[3]) for row in new}


def _register_attributes(
    connection: Connection, ledger: Ledger, batch: Batch, new_atoms: set[int]
) -> tuple[set[int], set[int], set[int]]:
    """The records of which a fact changed, a name or birthday, a fact that matching compares."""
    f = t.attribute.c
    known = {
        (row[0], row[1]): (row[2], row[3], row[4], row[5])
        for row in rows_in(
            connection,
            lambda piece: select(
                f.atom_id, f.name, micros(f.observed_at), f.value, f.position, f.source
            ).where(among(f.atom_id, piece)),
            {atom for atom, _ in batch.attributes} - new_atoms,
        )
    }
    rows: list[tuple[Any, ...]] = []
    retold: set[int] = set()
    renamed: set[int] = set()
    told_anew: set[int] = set()
    for (atom, name), stated in batch.attributes.items():
        before = known.get((atom, name))
        if before is not None and stated <= before:
            continue
        at, value, position, source = stated
        rows.append((atom, name, value, source, at, position))
        if before is None or before[1] != value:
            retold.add(atom)
            if name in NAME_ATTRIBUTES:
                renamed.add(atom)
            if name in MATCHED_ATTRIBUTES:
                told_anew.add(atom)
    stating = ledger.insert(t.attribute)
    told = ("value", "source", "observed_at", "position")
    write_many(
        connection,
        stating.on_conflict_do_update(
            index_elements=["atom_id", "name"],
            set_={name: stating.excluded[name] for name in told},
        ),
        ("atom_id", "name", *told),
        sorted(rows),
    )
    return retold, renamed, told_anew


def _register_consents(connection: Connection, ledger: Ledger, batch: Batch) -> None:
    keys = ["atom_id", "purpose", "occurred_at"]
    granted: list[Mapping[str, Any]] = []
    withdrawn: list[Mapping[str, Any]] = []
    for (atom, purpose, at), (given, legal_basis, source) in batch.consents.items():
        (granted if given else withdrawn).append(
            {
                "atom_id": atom,
                "purpose": purpose,
                "occurred_at": from_micros(at),
                "granted": given,
                "legal_basis": legal_basis,
                "source": source,
            }
        )
    ledger.insert_new(connection, t.consent, granted, keys)
    ledger.upsert(connection, t.consent, withdrawn, keys, ["granted", "legal_basis", "source"])

"""Forgetting a person: every record of theirs, and all that was found out from them.

Decisions stay, with the numbers of records and no values: what was decided about others can still
be explained and undone. The journal, the lake and the other rooms have their own ways to forget.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, Table, delete, select

from rapport.engines.ledger import Ledger, among
from rapport.errors import NotFound
from rapport.unify.conflicts import forget_conflicts
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.memberships import decision_row, insert_decisions
from rapport.unify.resolve import Resolution, resolve_atoms
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of, chunks, rows_in
from rapport.vocabulary import ledger_tables as t

#: What is said of one record.
_OF_RECORDS: tuple[tuple[Table, ColumnElement[int]], ...] = (
    (t.identifier, t.identifier.c.atom_id),
    (t.attribute, t.attribute.c.atom_id),
    (t.consent, t.consent.c.atom_id),
    (t.value_proof, t.value_proof.c.atom_id),
    (t.belonging, t.belonging.c.atom_id),
    (t.group_role, t.group_role.c.atom_id),
    (t.unmatched_record, t.unmatched_record.c.atom_id),
    (t.membership, t.membership.c.atom_id),
    (t.atom, t.atom.c.atom_id),
)
#: What is said of two.
_OF_PAIRS = (t.pair_score, t.review_pair, t.review_verdict, t.link_constraint, t.group_word)
#: What is derived or decided for a profile.
_OF_PROFILES: tuple[tuple[Table, ColumnElement[str]], ...] = (
    (t.pinned_value, t.pinned_value.c.profile_id),
    (t.settlement, t.settlement.c.profile_id),
    (t.search_term, t.search_term.c.profile_id),
    (t.household_member, t.household_member.c.profile_id),
    (t.account_member, t.account_member.c.profile_id),
    (t.stale_profile, t.stale_profile.c.profile_id),
    (t.profile, t.profile.c.profile_id),
)


class Erased(Struct, frozen=True, kw_only=True):
    """What was forgotten.

    Attributes
    ----------
    profile_ids : tuple of str
        All ids that led to the person.
    atoms : tuple of int
        Their records.
    rows : mapping of table to int
        Rows deleted.
    resolution : Resolution
        What changed for others: a value that too many held may now be somebody's own.
    """

    profile_ids: tuple[str, ...]
    atoms: tuple[int, ...]
    rows: dict[str, int]
    resolution: Resolution


def erase_person(
    connection: Connection, ledger: Ledger, profile_id: str, *, author: str, at: datetime
) -> Erased:
    """Forget the person of a profile.

    Parameters
    ----------
    connection : Connection
        A write transaction; the caller commits.
    profile_id : str
        Any id that leads to the person.

    Raises
    ------
    NotFound
        If there is no such person.
    """
    ledger.lock(connection, "identity")
    here = current_profile(connection, profile_id)
    atoms = sorted(atoms_of(connection, [here]).get(here, ()))
    if not atoms:
        raise NotFound(f"There is nobody behind profile {profile_id} any more")
    names = _all_ids(connection, here)
    around = _around(connection, atoms)
    c = t.link_constraint.c
    links = {
        *_column(connection, select(c.constraint_id), c.atom_a, atoms),
        *_column(connection, select(c.constraint_id), c.atom_b, atoms),
    }
    near = _living_with(connection, names)
    forget_conflicts(connection, ledger, names)
    rows = {table.name: _delete(connection, table, c, atoms) for table, c in _OF_RECORDS}
    overruled = t.overruled_link.c.constraint_id
    rows["overruled_link"] = _delete(connection, t.overruled_link, overruled, links)
    for table in _OF_PAIRS:
        rows[table.name] = _delete(connection, table, table.c.atom_a, atoms)
        rows[table.name] += _delete(connection, table, table.c.atom_b, atoms)
    rows["account"] = _delete(connection, t.account, t.account.c.profile_id, names)
    for table, column in _OF_PROFILES:
        rows[table.name] = rows.get(table.name, 0) + _delete(connection, table, column, names)
    insert_decisions(
        connection,
        [decision_row(kind="erase", inputs={here: atoms}, outputs={}, why={}, actor=author, at=at)],
    )
    resolution = resolve_atoms(connection, ledger, around, at)
    STALE_PROFILES.put(connection, {*near, *resolution.touched} - set(names))
    return Erased(profile_ids=tuple(names), atoms=tuple(atoms), rows=rows, resolution=resolution)


def _all_ids(connection: Connection, profile_id: str) -> list[str]:
    """The profile and all that were merged into it, however long ago."""
    p = t.profile.c
    found, waiting = {profile_id}, {profile_id}
    while waiting:
        waiting = {*_column(connection, select(p.profile_id), p.merged_into, waiting)} - found
        found |= waiting
    return sorted(found)


def _around(connection: Connection, atoms: Sequence[int]) -> set[int]:
    """Other records that share a value with these, or were found or said to belong to them."""
    mine, other = t.identifier.alias("mine").c, t.identifier.alias("other").c
    shared = (
        select(other.atom_id)
        .distinct()
        .where(
            other.kind == mine.kind,
            other.namespace == mine.namespace,
            other.value == mine.value,
        )
    )
    found = set(_column(connection, shared, mine.atom_id, atoms))
    for table in (t.pair_score, t.link_constraint):
        a, b = table.c.atom_a, table.c.atom_b
        found.update(_column(connection, select(b), a, atoms))
        found.update(_column(connection, select(a), b, atoms))
    return found - set(atoms)


def _living_with(connection: Connection, names: Sequence[str]) -> set[str]:
    """Profiles of the same households and companies, whose groups are others now."""
    found: set[str] = set()
    for table, group in ((t.household_member, "household_id"), (t.account_member, "account_id")):
        mine, other = table.alias("mine").c, table.alias("other").c
        together = select(other.profile_id).where(mine[group] == other[group])
        found.update(_column(connection, together, mine.profile_id, names))
    a, m = t.account.c, t.account_member.c
    people = select(m.profile_id).join(t.account, a.account_id == m.account_id)
    return found.union(_column(connection, people, a.profile_id, names))


def _column(
    connection: Connection, statement: Select[Any], key: ColumnElement[Any], keys: Collection[Any]
) -> Iterator[Any]:
    """The one column of a statement, where ``key`` is among ``keys``."""
    for row in rows_in(connection, lambda piece: statement.where(among(key, piece)), keys):
        yield row[0]


def _delete(
    connection: Connection, table: Table, column: ColumnElement[Any], keys: Iterable[Any]
) -> int:
    return sum(
        connection.execute(delete(table).where(among(column, piece))).rowcount
        for piece in chunks(keys)
    )

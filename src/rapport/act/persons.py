"""Who a profile id or a record stands for now.

Contacts and tickets are written under the profile or record of their day. Identity changes
afterwards; these look-ups let history follow it, so that nothing has to be rewritten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, select

from rapport.vocabulary.ledger_tables import membership, profile

T = TypeVar("T")

#: Values bound in one IN list.
CHUNK = 500


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """``values`` in pieces that one statement can bind."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def current_profiles(connection: Connection, profile_ids: Sequence[str]) -> dict[str, str]:
    """The profile each id leads to now; an id that the ledger does not know is absent."""
    next_of: dict[str, str | None] = {}
    wanted = sorted(set(profile_ids))
    while wanted:
        for chunk in chunks(wanted):
            rows = connection.execute(
                select(profile.c.profile_id, profile.c.merged_into).where(
                    profile.c.profile_id.in_(chunk)
                )
            )
            next_of.update((row.profile_id, row.merged_into) for row in rows)
        # Only ids never seen are asked for, so that the loop ends whatever the chain looks like.
        leads_to = {next_of[w] for w in wanted if next_of.get(w) is not None}
        wanted = sorted(p for p in leads_to if p is not None and p not in next_of)

    def end_of(start: str) -> str:
        here, seen = start, {start}
        while (after := next_of.get(here)) is not None and after not in seen:
            seen.add(after)
            here = after
        return here

    return {p: end_of(p) for p in set(profile_ids) if p in next_of}


def names_of(connection: Connection, profile_ids: Sequence[str]) -> dict[str, str]:
    """Every id, old ones included, that leads to one of the current ``profile_ids``.

    Returns
    -------
    dict
        From each id to its current profile; the current ones lead to themselves.
    """
    names = {p: p for p in profile_ids}
    frontier = sorted(names)
    while frontier:
        found: dict[str, str] = {}
        for chunk in chunks(frontier):
            rows = connection.execute(
                select(profile.c.profile_id, profile.c.merged_into).where(
                    profile.c.merged_into.in_(chunk)
                )
            )
            found.update(
                (row.profile_id, names[row.merged_into])
                for row in rows
                if row.profile_id not in names
            )
        names |= found
        frontier = sorted(found)
    return names


def profiles_of_atoms(connection: Connection, atom_ids: Sequence[int]) -> dict[int, str]:
    """The current profile of each record; a record without one is absent."""
    owner: dict[int, str] = {}
    for chunk in chunks(sorted(set(atom_ids))):
        rows = connection.execute(
            select(membership.c.atom_id, membership.c.profile_id).where(
                membership.c.atom_id.in_(chunk), membership.c.valid_to.is_(None)
            )
        )
        owner.update((row.atom_id, row.profile_id) for row in rows)
    return owner


def atoms_of_profiles(connection: Connection, profile_ids: Sequence[str]) -> dict[int, str]:
    """The records of current ``profile_ids``, each with its profile."""
    owner: dict[int, str] = {}
    for chunk in chunks(sorted(set(profile_ids))):
        rows = connection.execute(
            select(membership.c.atom_id, membership.c.profile_id).where(
                membership.c.profile_id.in_(chunk), membership.c.valid_to.is_(None)
            )
        )
        owner.update((row.atom_id, row.profile_id) for row in rows)
    return owner

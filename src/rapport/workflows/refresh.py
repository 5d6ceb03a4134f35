"""Bring the derived columns of profiles up to date with their history."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, func, select

from rapport.understand.activity import profile_activity
from rapport.understand.order_states import order_findings
from rapport.unify.accounts import derive_accounts
from rapport.unify.conflicts import no_longer_urgent
from rapport.unify.marks import STALE_PROFILES, UNPLACED_PROFILES
from rapport.unify.refresh import ProfileActivity
from rapport.unify.refresh import refresh_profiles as derive_profiles
from rapport.unify.stored_evidence import atoms_of, rows_in
from rapport.unify.stored_households import derive_households
from rapport.vocabulary.lake_tables import MEMBERSHIP
from rapport.vocabulary.ledger_tables import membership
from rapport.vocabulary.ledger_tables import profile as profiles_table
from rapport.workflows.company import Company, Progress, silent, write_choice
from rapport.workflows.cycle_search import paused_cycle_search

#: Profiles per transaction: small enough that the collector is not kept waiting.
CHUNK = 1_000
#: So many newer memberships make questions slower than writing the mapping anew would.
_MANY_CHANGES = 20_000
_ACTIVITY = (
    "first_seen", "last_seen", "touchpoint_count", "order_count", "revenue", "last_order_at",
    "order_ids",
)  # fmt: skip
#: What a column of money holds.
_MOST_MONEY = Decimal("99999999999999.9999")


def refresh_profiles(company: Company, *, progress: Progress = silent) -> int:
    """Renew every profile that is marked stale; returns how many.

    The marks go in the transaction that renews last, so that a crash in between leaves them.
    """
    now = company.clock()
    with company.ledger.read() as connection:
        marks = STALE_PROFILES.read(connection)
        stale = [*marks, *(set(no_longer_urgent(connection, now)) - marks.keys())]
        if not stale:
            return 0
        members = atoms_of(connection, stale)
    stale.sort()
    _snapshot_if_many(company)
    profile_of = {atom: profile for profile, atoms in members.items() for atom in atoms}
    with paused_cycle_search():
        seen = company.seen
        activity = _activity(profile_activity(seen, now, profiles=profile_of))
        orders = order_findings(seen, now, profiles=profile_of)
    for start in range(0, len(stale), CHUNK):
        chunk = stale[start : start + CHUNK]
        known = {profile: activity[profile] for profile in chunk if profile in activity}
        with paused_cycle_search(), company.ledger.write() as connection:
            derive_profiles(connection, company.ledger, chunk, known, orders)
        progress("refresh", min(start + CHUNK, len(stale)), len(stale))
    with company.ledger.read() as connection:
        neighbours = _neighbours_together(connection, stale)
    for start in range(0, len(stale), CHUNK):
        chunk = list(neighbours[start : start + CHUNK])
        with paused_cycle_search(), company.ledger.write() as connection:
            derive_households(connection, chunk)
            derive_accounts(connection, chunk)
            UNPLACED_PROFILES.put(connection, chunk)
            STALE_PROFILES.take_away(
                connection, [mark for each in chunk for mark in marks.get(each, ())]
            )
        progress("groups", min(start + CHUNK, len(stale)), len(stale))
    return len(stale)


def _neighbours_together(connection: Connection, profile_ids: Sequence[str]) -> Sequence[str]:
    """In the order of where they live: a household is then read once and not with each member."""
    if len(profile_ids) <= CHUNK:
        return profile_ids
    p = profiles_table.c
    places = {
        row[0]: tuple(part or "" for part in row[1:])
        for row in rows_in(
            connection,
            lambda piece: select(p.profile_id, p.country, p.postal_code, p.city).where(
                p.profile_id.in_(piece)
            ),
            profile_ids,
        )
    }
    return sorted(profile_ids, key=lambda each: (places.get(each, ("", "", "")), each))


def _activity(table: pa.Table) -> dict[str, ProfileActivity]:
    columns = [table[name].to_pylist() for name in ("profile_id", *_ACTIVITY)]
    return {
        profile_id: ProfileActivity(
            first_seen=first_seen,
            last_seen=last_seen,
            touchpoint_count=touchpoint_count,
            order_count=order_count,
            # Whoever sends absurd orders spoils their own row and stops nobody else's.
            revenue=max(-_MOST_MONEY, min(revenue, _MOST_MONEY)),
            last_order_at=last_order_at,
            order_numbers=tuple(sorted(order_ids or ())),
        )
        for (
            profile_id, first_seen, last_seen, touchpoint_count, order_count, revenue,
            last_order_at, order_ids,
        ) in zip(*columns, strict=True)
    }  # fmt: skip


def snapshot_membership(company: Company) -> int:
    """Write the whole mapping of records to profiles into the lake; returns its size."""
    with company.ledger.read() as connection:
        last = int(connection.scalar(select(func.max(membership.c.decision_id))) or 0)
        rows: Sequence[Any] = connection.execute(
            select(membership.c.atom_id, membership.c.profile_id)
            .where(membership.c.valid_to.is_(None))
            .order_by(membership.c.atom_id)
        ).all()
    atoms, profiles = zip(*rows, strict=True) if rows else ((), ())
    table = pa.table({"atom_id": list(atoms), "profile_id": list(profiles)}, schema=MEMBERSHIP)
    # The lake first: a crash in between leaves newer rows that say the same as the snapshot.
    company.lake.overwrite("membership", table)
    with company.ledger.write() as connection:
        write_choice(company.ledger, connection, "membership_snapshot", last)
    return len(rows)


def _snapshot_if_many(company: Company) -> None:
    snapshot = company.choice("membership_snapshot")
    with company.ledger.read() as connection:
        newer = connection.scalar(
            select(func.count())
            .select_from(membership)
            .where(membership.c.valid_to.is_(None), membership.c.decision_id > snapshot)
        )
    if int(newer or 0) > _MANY_CHANGES:
        snapshot_membership(company)

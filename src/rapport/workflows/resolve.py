"""Apply what has arrived, down to the customers' table."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import func, select

from rapport.vocabulary.ledger_tables import profile
from rapport.workflows.company import Company, Progress, silent
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.ingest import apply_journal
from rapport.workflows.matching import MatchingDone, match_company
from rapport.workflows.refresh import refresh_profiles, snapshot_membership
from rapport.workflows.segment_members import follow_segments


class Resolved(Struct, frozen=True, kw_only=True):
    """What one run did."""

    entries: int
    refused: int
    tickets: int
    refreshed: int
    profiles: int
    seconds: dict[str, float]
    matched: MatchingDone | None = None


def resolve_company(
    company: Company, *, match: bool = False, progress: Progress = silent
) -> Resolved:
    """Walk the journal to its end, then renew profiles, mapping and customers.

    Parameters
    ----------
    match : bool
        Whether records without an identifier in common are matched too, where any have arrived.
    """
    applied = apply_journal(company, progress=progress)
    matched = match_company(company, progress=progress) if match and applied.entries else None
    if applied.entries:
        snapshot_membership(company)
    refreshed = refresh_profiles(company, progress=progress)
    refreshed += matched.refreshed if matched is not None else 0
    if applied.entries or refreshed:
        rebuild_customers(company, progress=progress)
        follow_segments(company, everybody=True, progress=progress)
        company.lake.compact()
    with company.ledger.read() as connection:
        profiles = connection.scalar(
            select(func.count()).select_from(profile).where(profile.c.merged_into.is_(None))
        )
    return Resolved(
        entries=applied.entries,
        refused=applied.refused,
        tickets=applied.tickets,
        refreshed=refreshed,
        profiles=int(profiles or 0),
        seconds=applied.seconds,
        matched=matched,
    )

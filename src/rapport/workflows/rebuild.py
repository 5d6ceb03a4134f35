"""Write the lake anew from the journal, which is the truth."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import func, select, update

from rapport.vocabulary.ledger_tables import journal, position
from rapport.workflows.company import Company, Progress, silent
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.ingest import WORKER, apply_journal
from rapport.workflows.refresh import refresh_profiles, snapshot_membership
from rapport.workflows.replay import settle_applied
from rapport.workflows.segment_members import follow_segments


class Rebuilt(Struct, frozen=True, kw_only=True):
    """What was written."""

    entries: int
    touchpoints: int


def rebuild_lake(
    company: Company, *, dry_run: bool = False, progress: Progress = silent
) -> Rebuilt:
    """Empty the lake and walk the journal from its beginning.

    Identity, tickets and contacts are already in the ledger; walking over the same entries again
    changes none of them, since each carries the position or key that makes it once only.
    """
    with company.ledger.read() as connection:
        entries = int(connection.scalar(select(func.count()).select_from(journal)) or 0)
    if dry_run:
        return Rebuilt(entries=entries, touchpoints=entries)
    # Alone: a worker between the two would append late rows to the emptied lake, and the lake
    # would then take the earlier ones for known. The position first: after a crash in between
    # the lake still knows by position what it has.
    with company.ledger.alone("walk"):
        with company.ledger.write() as connection:
            connection.execute(
                update(position).where(position.c.worker == WORKER).values(position=0)
            )
        company.lake.forget_history()
    applied = apply_journal(
        company, progress=lambda _step, done, total: progress("rebuild", done, total)
    )
    settle_applied(company)
    snapshot_membership(company)
    refresh_profiles(company)
    rebuild_customers(company)
    follow_segments(company, everybody=True)
    return Rebuilt(entries=entries, touchpoints=applied.touchpoints)

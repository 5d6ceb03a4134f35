"""Whether this installation works: the ledger answers, and how far the worker is behind."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from rapport.workflows.company import Company
from rapport.workflows.sources import read_lag

#: What was accepted so long ago and is not applied yet says that no worker runs.
LATE = timedelta(minutes=5)


class Health(Struct, frozen=True, kw_only=True):
    """What a monitor asks; nothing in it is anybody's business to hide.

    Attributes
    ----------
    status : str
        "ok", or "late" when what was accepted is not applied after five minutes.
    behind : int
        Journal positions that are not applied yet.
    """

    status: str
    ledger: str
    behind: int
    oldest_waiting_seconds: float | None


def health(company: Company) -> Health:
    """Ask the ledger; an error means that it does not answer."""
    with company.ledger.read() as connection:
        lag = read_lag(connection)
    waited = None if lag.since is None else company.clock() - lag.since
    return Health(
        status="late" if waited is not None and waited > LATE else "ok",
        ledger=company.ledger.name,
        behind=lag.behind,
        oldest_waiting_seconds=None if waited is None else waited / timedelta(seconds=1),
    )

"""What every company starts with: one contact policy, one alert rule."""

from __future__ import annotations

from rapport.act.defaults import ensure_defaults
from rapport.workflows.company import Company


def ensure_company(company: Company, *, owner_email: str) -> None:
    """Put the defaults in place where nothing was chosen yet."""
    with company.ledger.write() as connection:
        ensure_defaults(connection, company.ledger, owner_email)

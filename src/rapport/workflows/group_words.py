"""What colleagues say of households and accounts, with who said it and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from rapport.unify.group_words import oldest_records, say_role, take_word_back
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company
from rapport.workflows.refresh import refresh_profiles

LONGEST_REASON = 500


def take_group_word_back(
    company: Company, kind: str, word_id: int, *, author: str
) -> tuple[str, ...]:
    """Take back what a colleague said; returns the profiles it was about."""
    now = company.clock()
    with company.ledger.write() as connection:
        people = take_word_back(connection, kind, word_id, author=author, at=now)
        note(connection, author, f"{kind}.take_back", str(word_id), {}, now)
        STALE_PROFILES.put(connection, people)
    refresh_profiles(company)
    return people


def say_group_role(
    company: Company, kind: str, profile_id: str, role: str | None, *, author: str
) -> str:
    """Say which role somebody has; None gives it back to what is derived. Returns who it is now.

    It is kept on the person's oldest record, and on no other one.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        here = current_profile(connection, profile_id)
        records = oldest_records(connection, [here])
        for each in atoms_of(connection, [here]).get(here, ()):
            say_role(connection, company.ledger, kind, each, None, author=author, at=now)
        say_role(connection, company.ledger, kind, records[here], role, author=author, at=now)
        note(connection, author, f"{kind}.role", here, {"role": role}, now)
    return here


def note(
    connection: Connection,
    author: str,
    action: str,
    subject: str,
    details: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write down who changed what."""
    connection.execute(
        insert(audit).values(
            at=now, actor=author, action=action, subject=subject, details=dict(details)
        )
    )

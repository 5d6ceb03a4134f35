"""Invented people for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime

from rapport.act.contact_policy import ContactPolicy
from rapport.act.decide import Candidate
from rapport.engines.ledger import Ledger
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.profile import ConsentState

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
THREE_A_WEEK = ContactPolicy(name="three a week", max_messages=3, window_days=7)
YES = ConsentState(
    purpose="email_marketing", granted=True, legal_basis="consent", since=NOW, source="shop"
)
NO = ConsentState(
    purpose="email_marketing", granted=False, legal_basis="consent", since=NOW, source="shop"
)


def add_people(ledger: Ledger, atoms: dict[str, list[int]]) -> None:
    """Profiles with their records."""
    with ledger.write() as connection:
        connection.execute(
            t.profile.insert(), [{"profile_id": p, "created_at": NOW} for p in atoms]
        )
        members = [
            {"atom_id": a, "profile_id": p, "valid_from": NOW, "decision_id": 1}
            for p, of in atoms.items()
            for a in of
        ]
        if members:
            connection.execute(t.membership.insert(), members)


def move_atom(ledger: Ledger, atom_id: int, to: str) -> None:
    """Give a record to another profile, as identity resolution does."""
    with ledger.write() as connection:
        connection.execute(
            t.membership.update()
            .where(t.membership.c.atom_id == atom_id, t.membership.c.valid_to.is_(None))
            .values(valid_to=NOW)
        )
        connection.execute(
            t.membership.insert(),
            [{"atom_id": atom_id, "profile_id": to, "valid_from": NOW, "decision_id": 2}],
        )


def merge(ledger: Ledger, old: str, into: str, atoms: list[int]) -> None:
    """Merge ``old`` with its records."""
    for atom in atoms:
        move_atom(ledger, atom, into)
    with ledger.write() as connection:
        connection.execute(
            t.profile.update().where(t.profile.c.profile_id == old).values(merged_into=into)
        )


def candidate(profile_id: str, message_key: str = "campaign:1", **changes: object) -> Candidate:
    """A newsletter that nothing speaks against."""
    given: dict[str, object] = {
        "channel": "email",
        "purpose": "marketing",
        "address": f"{profile_id}@example.org",
    }
    return Candidate(profile_id=profile_id, message_key=message_key, **(given | changes))  # type: ignore[arg-type]

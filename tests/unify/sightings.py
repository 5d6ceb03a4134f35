"""Short ways to say what was seen, for tests of identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from rapport.engines.ledger import Ledger
from rapport.unify.resolve import Resolution, resolve_batch
from rapport.unify.sighting import Sighting, sighting_of
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier import Identifier, atom_id, kind_of
from rapport.vocabulary.touchpoint import ConsentChange, Touchpoint

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def identifier(text: str, source: str = "shop") -> Identifier:
    """``"email:jan@mail.be"`` as an identifier; scoped kinds get the source as namespace."""
    kind, _, value = text.partition(":")
    return Identifier(kind=kind, value=value, namespace=source if kind_of(kind).scoped else "")


def atom(text: str, source: str = "shop") -> int:
    return atom_id(identifier(text, source))


def seen(
    record: str,
    *others: str,
    source: str = "shop",
    at: datetime = NOON,
    minutes: int = 0,
    position: int = 1,
    consents: tuple[ConsentChange, ...] = (),
    **traits: str,
) -> Sighting:
    """One sighting: ``seen("crm_contact:1", "email:jan@mail.be", name="Jan Peeters")``."""
    moment = at + timedelta(minutes=minutes)
    touchpoint = Touchpoint(
        touchpoint_id=f"{record}-{minutes}",
        source=source,
        channel="web",
        type="Record Seen",
        occurred_at=moment,
        received_at=moment,
        record=identifier(record, source),
        identifiers=tuple(identifier(other, source) for other in others),
        traits=traits,
        consents=consents,
    )
    sighting = sighting_of(touchpoint, position)
    assert sighting is not None
    return sighting


def resolve(ledger: Ledger, *sightings: Sighting, at: datetime = NOON) -> Resolution:
    with ledger.write() as connection:
        return resolve_batch(connection, ledger, sightings, at)


def resolve_in_batches(ledger: Ledger, sightings: Sequence[Sighting], size: int) -> None:
    for start in range(0, len(sightings), size):
        resolve(ledger, *sightings[start : start + size])


def memberships(ledger: Ledger) -> dict[int, str]:
    m = t.membership.c
    with ledger.read() as connection:
        rows = connection.execute(select(m.atom_id, m.profile_id).where(m.valid_to.is_(None)))
        return {row[0]: row[1] for row in rows}


def groups(placed: dict[int, str]) -> set[frozenset[int]]:
    """The partition behind memberships, ids forgotten."""
    together: dict[str, set[int]] = {}
    for record, profile_id in placed.items():
        together.setdefault(profile_id, set()).add(record)
    return {frozenset(members) for members in together.values()}


def people(ledger: Ledger, *records: Iterable[str]) -> None:
    """Assert that the ledger knows exactly these persons, each given by records."""
    expected = {frozenset(atom(record) for record in person) for person in records}
    assert groups(memberships(ledger)) == expected


def contents(ledger: Ledger, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of some tables, in a fixed order."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with ledger.read() as connection:
        for name in tables:
            rows = connection.execute(select(t.metadata.tables[name]))
            found[name] = sorted((tuple(row) for row in rows), key=repr)
    return found

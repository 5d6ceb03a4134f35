"""Short ways to tell what records say, for tests of households and accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from rapport.engines.ledger import Ledger
from rapport.unify.accounts import derive_accounts
from rapport.unify.belonging import register_belonging
from rapport.unify.refresh import refresh_profiles
from rapport.unify.resolve import resolve_batch
from rapport.unify.sighting import sighting_of
from rapport.unify.stored_households import derive_households
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import RECORD_SEEN, Touchpoint
from tests.unify.sightings import NOON, identifier

Group = tuple[frozenset[str], ...]


def said(
    record: str,
    *others: str,
    source: str = "shop",
    days: int = 0,
    at: datetime = NOON,
    properties: dict[str, Any] | None = None,
    **traits: str,
) -> Touchpoint:
    """What one record states: ``said("crm_contact:1", name="Jan Maes", street="Dorp 1", …)``."""
    moment = at + timedelta(days=days)
    return Touchpoint(
        touchpoint_id=f"{record}-{days}",
        source=source,
        channel="crm",
        type=RECORD_SEEN,
        occurred_at=moment,
        received_at=moment,
        record=identifier(record, source),
        identifiers=tuple(identifier(other, source) for other in others),
        traits=traits,
        properties=properties or {},
    )


def at_home(
    number: int, name: str, street: str = "Dorpsstraat 12", *others: str, **more: Any
) -> Touchpoint:
    """A contact who states an address in Gent."""
    more = {"city": "Gent", "postal_code": "9000", "country": "BE", **more}
    return said(f"crm_contact:{number}", *others, name=name, street=street, **more)


def tell(ledger: Ledger, *touchpoints: Touchpoint) -> set[str]:
    """Take in a batch as the worker does; returns the profiles it touched."""
    told = [
        (touchpoint, sighting)
        for position, touchpoint in enumerate(touchpoints)
        if (sighting := sighting_of(touchpoint, position)) is not None
    ]
    with ledger.write() as connection:
        done = resolve_batch(connection, ledger, [sighting for _, sighting in told], NOON)
        register_belonging(connection, ledger, told)
        touched = set(done.touched) | set(done.retired)
        rederive(connection, ledger, touched)
    return touched


def rederive(connection: Any, ledger: Ledger, profile_ids: set[str]) -> None:
    """What the worker does of profiles that are stale."""
    refresh_profiles(connection, ledger, profile_ids, {})
    derive_households(connection, profile_ids)
    derive_accounts(connection, profile_ids)


def records_of(ledger: Ledger) -> dict[str, frozenset[str]]:
    """The records of each profile, as ``1`` for ``crm_contact:1``."""
    m, a = t.membership.c, t.atom.c
    found: dict[str, set[str]] = {}
    with ledger.read() as connection:
        for profile_id, value in connection.execute(
            select(m.profile_id, a.value)
            .join(t.atom, a.atom_id == m.atom_id)
            .where(m.valid_to.is_(None))
        ):
            found.setdefault(profile_id, set()).add(value)
    return {profile_id: frozenset(values) for profile_id, values in found.items()}


def households(ledger: Ledger) -> set[frozenset[str]]:
    """Who lives together, by record."""
    return {frozenset(each[1]) for each in full_households(ledger)}


def full_households(ledger: Ledger) -> list[tuple[str, list[str], list[Any]]]:
    """Id, records and reasons of every household: the same whatever ids profiles have."""
    names = records_of(ledger)
    m = t.household_member.c
    found: dict[str, tuple[list[str], list[Any]]] = {}
    with ledger.read() as connection:
        for row in connection.execute(select(t.household_member).order_by(m.profile_id)):
            records = "+".join(sorted(names[row.profile_id]))
            those = found.setdefault(row.household_id, ([], []))
            those[0].append(records)
            those[1].append((records, row.since, round(row.confidence, 6), row.why))
    return sorted((key, sorted(a), sorted(b, key=repr)) for key, (a, b) in found.items())


def accounts(ledger: Ledger) -> dict[str, list[tuple[str, bool, bool]]]:
    """Of each account by name: records of its people, whether suggested, whether past."""
    names = records_of(ledger)
    a, m = t.account.c, t.account_member.c
    found: dict[str, list[tuple[str, bool, bool]]] = {}
    with ledger.read() as connection:
        for row in connection.execute(select(t.account)):
            found[row.name] = []
        for row in connection.execute(
            select(a.name, t.account_member).join(t.account_member, m.account_id == a.account_id)
        ):
            records = "+".join(sorted(names[row.profile_id]))
            found[row.name].append((records, bool(row.suggested), row.until is not None))
    return {name: sorted(people) for name, people in found.items()}


def profile_with(ledger: Ledger, record: str) -> str:
    """The profile that holds the record of this value."""
    return next(p for p, records in records_of(ledger).items() if record in records)


def in_pieces(ledger: Ledger, touchpoints: Sequence[Touchpoint], size: int) -> None:
    for start in range(0, len(touchpoints), size):
        tell(ledger, *touchpoints[start : start + size])

"""What this room holds about one person: given out on request, and erased on request.

Both find a person through all ids and records, so they must run while the person's memberships
still stand: call them before identity is erased.

Suppressed addresses are not erased with the person. Without them a later import of an old list
would write again to somebody who asked not to be written to; `lift_suppression` removes them
where the person asks for that too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, delete, select, update

from rapport.act.alerts import lock_tickets
from rapport.act.contact_policy import lock_contacts
from rapport.act.persons import (
    atoms_of_profiles,
    chunks,
    current_profiles,
    names_of,
    profiles_of_atoms,
)
from rapport.act.suppression import suppression_value
from rapport.engines.ledger import Ledger
from rapport.vocabulary.ledger_tables import (
    contact,
    next_action,
    outbox,
    send_decision,
    suppression,
    ticket,
    ticket_note,
)


def export_person(connection: Connection, profile_id: str) -> dict[str, list[dict[str, Any]]]:
    """Everything this room holds about a person, by table, as plain values."""
    names, atoms = _known_as(connection, profile_id)
    contact_ids = _ids(connection, contact, contact.c.contact_id, names, atoms)
    ticket_ids = _ids(connection, ticket, ticket.c.ticket_id, (), atoms)
    wanted: tuple[tuple[Table, ColumnElement[Any], Sequence[Any]], ...] = (
        (contact, contact.c.contact_id, contact_ids),
        (send_decision, send_decision.c.profile_id, names),
        (outbox, outbox.c.contact_id, contact_ids),
        (ticket, ticket.c.ticket_id, ticket_ids),
        (ticket_note, ticket_note.c.ticket_id, ticket_ids),
        (next_action, next_action.c.profile_id, names),
    )
    return {
        table.name: [
            msgspec.to_builtins(dict(row._mapping))
            for chunk in chunks(values)
            for row in connection.execute(
                select(table).where(column.in_(chunk)).order_by(*table.primary_key.columns)
            )
        ]
        for table, column, values in wanted
    }


def erase_person(connection: Connection, ledger: Ledger, profile_id: str) -> dict[str, int]:
    """Forget a person; returns how many rows of each table were deleted or emptied.

    Tickets stay for the counts of causes and answering times, without person, touchpoint and
    notes: colleagues write names into notes. What is being sent at this moment may still arrive.
    """
    lock_contacts(connection, ledger)
    lock_tickets(connection, ledger)
    names, atoms = _known_as(connection, profile_id)
    contact_ids = _ids(connection, contact, contact.c.contact_id, names, atoms)
    ticket_ids = _ids(connection, ticket, ticket.c.ticket_id, (), atoms)
    erased = {
        "outbox": _delete(connection, outbox, outbox.c.contact_id, contact_ids),
        "contact": _delete(connection, contact, contact.c.contact_id, contact_ids),
        "send_decision": _delete(connection, send_decision, send_decision.c.profile_id, names),
        "next_action": _delete(connection, next_action, next_action.c.profile_id, names),
        "ticket_note": _delete(connection, ticket_note, ticket_note.c.ticket_id, ticket_ids),
        "ticket": 0,
    }
    for chunk in chunks(ticket_ids):
        erased["ticket"] += connection.execute(
            update(ticket)
            .where(ticket.c.ticket_id.in_(chunk))
            .values(atom_id=None, position=None, facts={})
        ).rowcount
    return erased


def lift_suppression(connection: Connection, channel: str, addresses: Iterable[str]) -> int:
    """Allow writing to ``addresses`` again, or forget them; returns how many were suppressed."""
    lifted = 0
    for chunk in chunks(sorted({suppression_value(a) for a in addresses})):
        lifted += connection.execute(
            delete(suppression).where(
                suppression.c.channel == channel, suppression.c.value.in_(chunk)
            )
        ).rowcount
    return lifted


def _known_as(connection: Connection, profile_id: str) -> tuple[list[str], list[int]]:
    current = current_profiles(connection, [profile_id]).get(profile_id, profile_id)
    return (
        sorted(names_of(connection, [current])),
        sorted(atoms_of_profiles(connection, [current])),
    )


def _ids(
    connection: Connection,
    table: Table,
    key: ColumnElement[int],
    names: Sequence[str],
    atoms: Sequence[int],
) -> list[int]:
    """Keys of the rows that name one of the person's ids or records."""
    found: set[int] = set()
    for chunk in chunks(atoms):
        found.update(connection.scalars(select(key).where(table.c.atom_id.in_(chunk))))
    for chunk_of_names in chunks(names):
        rows = connection.execute(
            select(key.label("key"), table.c.atom_id).where(table.c.profile_id.in_(chunk_of_names))
        ).all()
        # A row belongs to whoever owns its record now; without an owner, to the id it names.
        owner = profiles_of_atoms(connection, [r.atom_id for r in rows if r.atom_id is not None])
        found.update(r.key for r in rows if owner.get(r.atom_id, names[0]) in names)
    return sorted(found)


def _delete(
    connection: Connection, table: Table, column: ColumnElement[Any], values: Sequence[Any]
) -> int:
    return sum(
        connection.execute(delete(table).where(column.in_(chunk))).rowcount
        for chunk in chunks(values)
    )

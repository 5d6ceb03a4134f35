"""Deliver what waits in the outbox; what was sent comes back as a touchpoint."""

from __future__ import annotations

from collections.abc import Sequence
from random import SystemRandom

import msgspec
from sqlalchemy import Connection, func, select

from rapport.act.channels import open_channels
from rapport.act.outbox import Receipt, consent_recheck, deliver_due
from rapport.collect.sources import ensure_source
from rapport.engines.ledger import JournalEntry
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.ledger_tables import atom, contact, membership
from rapport.vocabulary.touchpoint import MESSAGE_SENT, Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.customers import consents_of

#: The source under which our own doings stand beside those of the silos.
OWN_SOURCE = "rapport"


def deliver_messages(company: Company, *, limit: int = 50) -> int:
    """Send what is due through the channels that the settings configure.

    Returns
    -------
    int
        Messages handed over. Without a mail server they wait, and pages say so.
    """
    channels = open_channels(company.settings)
    if not channels:
        return 0
    report = deliver_due(
        company.ledger,
        channels,
        clock=company.clock,
        random=SystemRandom(),
        recheck=consent_recheck(consents_of),
        limit=limit,
    )
    _remember(company, [receipt for receipt in report.sent if receipt.profile_id])
    return len(report.sent)


def _remember(company: Company, receipts: Sequence[Receipt]) -> None:
    if not receipts:
        return
    source = ensure_source(
        company.ledger, company.clock(), name=OWN_SOURCE, label="Rapport", kind="collector"
    )
    with company.ledger.read() as connection:
        records = _records(connection, [r.contact_id for r in receipts if r.contact_id])
    entries = []
    for receipt in receipts:
        record = records.get(receipt.contact_id or 0)
        touchpoint = Touchpoint(
            touchpoint_id=f"outbox:{receipt.outbox_id}",
            source=OWN_SOURCE,
            channel=receipt.channel,
            type=MESSAGE_SENT,
            occurred_at=receipt.sent_at,
            received_at=receipt.sent_at,
            record=record,
            identifiers=(record,) if record else (),
            message=receipt.message_key,
            properties={"receipt": receipt.receipt},
        )
        entries.append(
            JournalEntry(
                source_id=source.source_id,
                message_id=touchpoint.touchpoint_id,
                kind="touchpoint",
                received_at=receipt.sent_at,
                payload=msgspec.json.encode(touchpoint),
            )
        )
    company.ledger.append_journal(entries)


def _records(connection: Connection, contact_ids: Sequence[int]) -> dict[int, Identifier]:
    """The record to whose history each contact belongs: its own, else its profile's first."""
    first = (
        select(membership.c.profile_id, func.min(membership.c.atom_id).label("atom_id"))
        .where(membership.c.valid_to.is_(None))
        .group_by(membership.c.profile_id)
        .subquery()
    )
    rows = connection.execute(
        select(contact.c.contact_id, atom.c.kind, atom.c.namespace, atom.c.value)
        .outerjoin(first, first.c.profile_id == contact.c.profile_id)
        .join(atom, atom.c.atom_id == func.coalesce(contact.c.atom_id, first.c.atom_id))
        .where(contact.c.contact_id.in_(contact_ids))
    )
    return {
        row.contact_id: Identifier(kind=row.kind, namespace=row.namespace, value=row.value)
        for row in rows
    }

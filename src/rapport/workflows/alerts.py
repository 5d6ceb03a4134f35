"""From touchpoints to tickets: what a person said badly reaches the right colleague at once."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from rapport.act.alerts import AlertCandidate, evaluate, load_rules, open_tickets
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.lake_rows import Judged


def raise_alerts(
    company: Company,
    connection: Connection,
    touchpoints: Sequence[Touchpoint],
    positions: Sequence[int],
    atoms: Sequence[int | None],
    judged: Sequence[Judged],
) -> int:
    """Open tickets, with their e-mails in the outbox, in the caller's transaction.

    Returns
    -------
    int
        Tickets opened.
    """
    rules = load_rules(connection)
    if not rules:
        return 0
    now = company.clock()
    candidates = [
        AlertCandidate(
            position=position,
            type=t.type,
            channel=t.channel,
            source=t.source,
            occurred_at=t.occurred_at,
            atom_id=atom,
            country=t.country,
            question=t.question,
            score=t.score,
            scale_min=t.scale_min,
            scale_max=t.scale_max,
            sentiment=j.sentiment,
        )
        for t, position, atom, j in zip(touchpoints, positions, atoms, judged, strict=True)
        if t.score is not None or j.sentiment is not None
    ]
    alerts = evaluate(rules, candidates, at=now)
    if not alerts:
        return 0
    opened = open_tickets(
        connection, company.ledger, alerts, at=now, public_url=company.settings.public_url
    )
    return len(opened.opened)

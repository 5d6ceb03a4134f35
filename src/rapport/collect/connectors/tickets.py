"""Tickets of a help desk: opened, and resolved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row
from rapport.vocabulary.touchpoint import TICKET_OPENED, TICKET_RESOLVED, Touchpoint


def read_ticket(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """One touchpoint when the ticket was opened, another when it was resolved."""
    (row,) = rows
    ticket_id = row.required("ticket_id")
    opened_at = row.required_moment("opened_at")
    resolved_at = row.moment("resolved_at")
    subject, text = row.text("subject"), row.text("text")
    about = {
        "ticket_id": ticket_id,
        "subject": subject,
        "topic": row.text("topic"),
        "payment_status": row.text("payment_status"),  # of the order that the ticket is about
    }
    yield row.touchpoint(
        f"tickets:{ticket_id}",
        type=TICKET_OPENED,
        channel="email",
        occurred_at=opened_at,
        text="\n".join(part for part in (subject, text) if part) or None,
        language=row.language(),
        order_id=row.text("order_id"),
        properties=about,
    )
    if resolved_at is not None:
        hours = round((resolved_at - opened_at).total_seconds() / 3600, 2)
        yield row.touchpoint(
            f"tickets:{ticket_id}:resolved",
            type=TICKET_RESOLVED,
            channel="email",
            occurred_at=resolved_at,
            order_id=row.text("order_id"),
            properties={**about, "hours_open": hours},
        )


CONNECTOR = Connector(
    kind="tickets",
    label="Support tickets",
    required=("ticket_id", "opened_at"),
    optional=(
        *("resolved_at", "subject", "text", "language", "order_id", "topic"),
        "payment_status",
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_ticket,
    file_words=("ticket", "case", "support"),
    synonyms={
        "ticket_id": ("id", "ticket", "ticket id", "case id", "case number", "ticketnummer"),
        "opened_at": ("created_at", "created", "opened", "created at", "geopend", "ouvert"),
        "resolved_at": ("solved_at", "closed_at", "resolved", "closed", "solved at", "gesloten"),
        "text": ("description", "message", "body"),
        "payment_status": (
            "payment status",
            "betaalstatus",
            "statut de paiement",
            "fizetés állapota",
        ),
    },
)

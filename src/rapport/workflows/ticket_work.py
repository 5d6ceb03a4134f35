"""What a colleague does with a ticket: take it, hand it on, note, call, resolve, reopen."""

from __future__ import annotations

from datetime import timedelta

from rapport.act.tickets import (
    Status,
    Ticket,
    add_note,
    assign,
    change_status,
    get_ticket,
    reopen,
)
from rapport.errors import Conflict, InvalidInput
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import HUMAN_CHANNELS, record_contact
from rapport.workflows.inbox import colleagues_for_tickets

#: A reopened ticket is answered within so long: the customer was told it was solved.
REOPENED_DUE = timedelta(hours=24)


def assign_ticket(
    company: Company, ticket_id: int, *, owner_email: str, author: str, version: int
) -> Ticket:
    """Give a ticket to a colleague, or take it oneself.

    Raises
    ------
    InvalidInput
        If nobody of this address may work on tickets.
    Conflict
        If somebody changed the ticket after ``version``.
    """
    owner = owner_email.strip().lower()
    with company.ledger.write() as connection:
        if owner not in {c.email for c in colleagues_for_tickets(connection)}:
            raise InvalidInput("No colleague with this address can work on tickets; choose another")
        assign(
            connection,
            ticket_id,
            owner_email=owner,
            author=author,
            at=company.clock(),
            version=version,
        )
        return get_ticket(connection, ticket_id)


def note_ticket(company: Company, ticket_id: int, *, body: str, author: str) -> Ticket:
    """Write a note; it never conflicts with what others do."""
    with company.ledger.write() as connection:
        add_note(connection, ticket_id, _text(body), author=author, at=company.clock())
        return get_ticket(connection, ticket_id)


def contact_about_ticket(
    company: Company, ticket_id: int, *, channel: str, note: str, author: str
) -> Ticket:
    """Write down that the customer was called or met: in the ticket, and in the contact ledger.

    It takes a slot of the one contact policy and stands in the customer's timeline. The same
    channel within the same minute is one contact, however often the button is pressed.

    Raises
    ------
    InvalidInput
        If the channel is none of `HUMAN_CHANNELS`.
    Conflict
        If nobody knows whose ticket this is.
    """
    if channel not in HUMAN_CHANNELS:
        raise InvalidInput(
            f"A colleague meets customers by {' or '.join(HUMAN_CHANNELS)}, not {channel!r}"
        )
    text = _text(note).strip()
    with company.ledger.read() as connection:
        ticket = get_ticket(connection, ticket_id)
    if ticket.profile_id is None:
        raise Conflict(f"Nobody knows whose ticket {ticket_id} is, so no contact can be counted")
    now = company.clock()
    record_contact(
        company,
        ticket.profile_id,
        channel=channel,
        author=author,
        note=text,
        at=now.replace(second=0, microsecond=0),
    )
    with company.ledger.write() as connection:
        add_note(
            connection,
            ticket_id,
            f"{channel}: {text}" if text else channel,
            author=author,
            at=now,
            kind="contacted",
        )
        return get_ticket(connection, ticket_id)


def move_ticket(
    company: Company,
    ticket_id: int,
    *,
    status: Status,
    author: str,
    version: int,
    cause: str | None = None,
) -> Ticket:
    """Begin to work on a ticket, put it back, or resolve it with its cause.

    Raises
    ------
    InvalidInput
        If the ticket cannot go there, or is resolved without a cause.
    Conflict
        If somebody changed the ticket after ``version``.
    """
    with company.ledger.write() as connection:
        change_status(
            connection,
            ticket_id,
            status=status,
            author=author,
            at=company.clock(),
            version=version,
            cause=cause,
        )
        return get_ticket(connection, ticket_id)


def reopen_ticket(company: Company, ticket_id: int, *, author: str, version: int) -> Ticket:
    """Open a resolved ticket again, due within a day.

    Raises
    ------
    Conflict
        If somebody changed it after ``version``, or the customer has another open ticket of the
        same rule.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        reopen(
            connection,
            company.ledger,
            ticket_id,
            author=author,
            at=now,
            version=version,
            due_at=now + REOPENED_DUE,
        )
        return get_ticket(connection, ticket_id)


def _text(written: str) -> str:
    # PostgreSQL takes no NUL in text, and no keyboard writes one.
    return written.replace("\0", "")

"""The inbox: who does what until the customer has an answer, and nobody overwrites anybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rapport.act.tickets import (
    CAUSES,
    TicketFilter,
    add_note,
    assign,
    badge_count,
    change_status,
    count_by_owner,
    count_by_priority,
    count_tickets,
    get_ticket,
    list_tickets,
    notes_of,
    reopen,
    tickets_of,
)
from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary import ledger_tables as t
from tests.act.people import NOW, add_people, merge

EVA, JAN = "eva@shop.example", "jan@shop.example"
BY_EVA: dict[str, Any] = {"author": EVA, "at": NOW}


def add_ticket(ledger: Ledger, position: int, **changes: Any) -> int:
    row = {
        "rule_id": 1,
        "atom_id": 1,
        "position": position,
        "title_code": "negative_feedback",
        "facts": {"score": 3},
        "status": "open",
        "owner_email": EVA,
        "priority": 2,
        "opened_at": NOW,
        "due_at": NOW + timedelta(days=1),
    }
    with ledger.write() as connection:
        return int(
            connection.scalars(
                t.ticket.insert().returning(t.ticket.c.ticket_id), [row | changes]
            ).one()
        )


def test_a_ticket_is_worked_on_resolved_and_keeps_its_history(ledger: Ledger) -> None:
    ticket_id = add_ticket(ledger, 1)
    later = NOW + timedelta(hours=3)
    with ledger.write() as connection:
        version = assign(connection, ticket_id, owner_email=JAN, version=0, **BY_EVA)
        version = change_status(
            connection, ticket_id, status="working", version=version, author=JAN, at=NOW
        )
        version = add_note(
            connection, ticket_id, " called, tomorrow again ", author=JAN, at=NOW, kind="contacted"
        )
        version = change_status(
            connection,
            ticket_id,
            status="resolved",
            cause="delivery",
            version=version,
            author=JAN,
            at=later,
        )
        ticket = get_ticket(connection, ticket_id)
        notes = notes_of(connection, ticket_id)
    assert (ticket.status, ticket.cause, ticket.resolved_at) == ("resolved", "delivery", later)
    assert (ticket.owner_email, ticket.version) == (JAN, version)
    assert [(n.author, n.kind, n.body) for n in notes] == [
        (EVA, "assigned", JAN),
        (JAN, "status", "working"),
        (JAN, "contacted", "called, tomorrow again"),
        (JAN, "status", "resolved:delivery"),
    ]
    assert notes[-1].at == later


def test_a_change_made_on_an_old_view_is_a_conflict_and_changes_nothing(ledger: Ledger) -> None:
    ticket_id = add_ticket(ledger, 1)
    with ledger.write() as connection:
        seen = get_ticket(connection, ticket_id).version
        add_note(connection, ticket_id, "I am calling her", author=JAN, at=NOW)
        with pytest.raises(Conflict, match=f"ticket {ticket_id} meanwhile"):
            assign(connection, ticket_id, owner_email=EVA, version=seen, **BY_EVA)
        with pytest.raises(Conflict):
            change_status(connection, ticket_id, status="working", version=seen, **BY_EVA)
        assert get_ticket(connection, ticket_id).status == "open"
        assert len(notes_of(connection, ticket_id)) == 1
        add_note(connection, ticket_id, "notes add up", **BY_EVA)  # and need no version


@pytest.mark.parametrize(
    ("start", "status", "cause", "message"),
    [
        ("open", "resolved", None, "resolved with its cause"),
        ("open", "resolved", "bad mood", "choose: billing"),
        ("open", "open", None, "can become working, resolved"),
        ("working", "working", None, "can become open, resolved"),
        ("resolved", "working", None, "nothing but reopened"),
        ("open", "working", "price", "Only a resolved ticket"),
        ("open", "gone", None, "not 'gone'"),
    ],
)
def test_a_step_that_does_not_exist_is_refused(
    ledger: Ledger, start: str, status: Any, cause: str | None, message: str
) -> None:
    ticket_id = add_ticket(ledger, 1, status=start)
    with ledger.write() as connection, pytest.raises(InvalidInput, match=message):
        change_status(connection, ticket_id, status=status, cause=cause, version=0, **BY_EVA)


@pytest.mark.parametrize(("body", "message"), [(" \n", "is empty"), ("x" * 10_001, "10001")])
def test_a_note_must_say_something_and_not_too_much(
    ledger: Ledger, body: str, message: str
) -> None:
    ticket_id = add_ticket(ledger, 1)
    with ledger.write() as connection, pytest.raises(InvalidInput, match=message):
        add_note(connection, ticket_id, body, **BY_EVA)


def test_a_ticket_that_does_not_exist_is_not_found(ledger: Ledger) -> None:
    with ledger.write() as connection:
        with pytest.raises(NotFound, match="no ticket 99"):
            get_ticket(connection, 99)
        with pytest.raises(NotFound):
            add_note(connection, 99, "?", **BY_EVA)
        with pytest.raises(NotFound):
            assign(connection, 99, owner_email=EVA, version=0, **BY_EVA)


def test_a_ticket_resolved_too_early_is_reopened(ledger: Ledger) -> None:
    ticket_id = add_ticket(ledger, 1, status="resolved", cause="price", resolved_at=NOW)
    due = NOW + timedelta(days=2)
    with ledger.write() as connection:
        version = reopen(connection, ledger, ticket_id, version=0, due_at=due, **BY_EVA)
        ticket = get_ticket(connection, ticket_id)
        assert (ticket.status, ticket.cause, ticket.resolved_at) == ("open", None, None)
        assert ticket.due_at == due
        with pytest.raises(InvalidInput, match="only a resolved one"):
            reopen(connection, ledger, ticket_id, version=version, **BY_EVA)


def test_reopening_does_not_give_a_person_two_open_tickets_of_a_kind(ledger: Ledger) -> None:
    add_people(ledger, {"p": [1, 2]})
    old = add_ticket(ledger, 1, atom_id=1, status="resolved", cause="price", resolved_at=NOW)
    new = add_ticket(ledger, 2, atom_id=2)
    with ledger.write() as connection:
        with pytest.raises(Conflict, match=f"go on in ticket {new}"):
            reopen(connection, ledger, old, version=0, **BY_EVA)
        assert get_ticket(connection, old).status == "resolved"


def test_the_list_begins_with_what_is_most_urgent(ledger: Ledger) -> None:
    done = add_ticket(ledger, 1, status="resolved", priority=1)
    later = add_ticket(ledger, 2, due_at=NOW + timedelta(days=3))
    soon = add_ticket(ledger, 3, due_at=NOW + timedelta(hours=1))
    whenever = add_ticket(ledger, 4, due_at=None)
    urgent = add_ticket(ledger, 5, priority=1, due_at=NOW + timedelta(days=9))
    with ledger.read() as connection:
        order = [t.ticket_id for t in list_tickets(connection)]
        page = [t.ticket_id for t in list_tickets(connection, limit=2, offset=1)]
    assert order == [urgent, soon, later, whenever, done]
    assert page == order[1:3]


def test_tickets_are_filtered_and_counted_by_status_owner_priority_and_due_date(
    ledger: Ledger,
) -> None:
    add_ticket(ledger, 1, status="resolved", cause=CAUSES[0], due_at=NOW - timedelta(days=1))
    add_ticket(ledger, 2, status="working", owner_email=JAN, due_at=NOW - timedelta(days=1))
    add_ticket(ledger, 3, priority=1)
    add_ticket(ledger, 4)
    with ledger.read() as connection:
        assert count_tickets(connection) == {"open": 2, "working": 1, "resolved": 1}
        assert count_tickets(connection, TicketFilter(owner_email=JAN)) == {
            "open": 0, "working": 1, "resolved": 0,
        }  # fmt: skip
        assert count_by_owner(connection, TicketFilter(statuses=("open",))) == {EVA: 2}
        assert count_by_priority(connection) == {1: 1, 2: 3}
        assert (badge_count(connection), badge_count(connection, EVA)) == (3, 2)
        overdue = list_tickets(connection, TicketFilter(overdue_at=NOW))
        assert [t.position for t in overdue] == [2]
        urgent = list_tickets(connection, TicketFilter(statuses=("open", "working"), priority=1))
        assert [t.position for t in urgent] == [3]
        with pytest.raises(InvalidInput, match="'closed' is no status"):
            list_tickets(connection, TicketFilter(statuses=("closed",)))


def test_tickets_follow_their_person_through_a_merge(ledger: Ledger) -> None:
    add_people(ledger, {"old": [1], "new": [2], "other": [3]})
    first = add_ticket(ledger, 1, atom_id=1)
    second = add_ticket(ledger, 2, atom_id=2)
    add_ticket(ledger, 3, atom_id=None)
    merge(ledger, "old", "new", [1])
    with ledger.read() as connection:
        found = tickets_of(connection, ["old", "new", "other", "unknown"])
    assert [t.ticket_id for t in found["new"]] == [second, first]
    assert found["old"] == found["new"]
    assert {t.profile_id for t in found["new"]} == {"new"}
    assert (found["other"], found["unknown"]) == ([], [])

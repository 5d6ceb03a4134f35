"""A person can see what this room holds about them, and have it forgotten."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from rapport.act.alerts import AlertCandidate, AlertRule, evaluate, open_tickets
from rapport.act.channels import Message
from rapport.act.decide import decide
from rapport.act.next_best_action import CustomerFacts, OpenTicket, advise, keep_advice
from rapport.act.outbox import OutboxMessage, contact_key, enqueue
from rapport.act.personal_data import erase_person, export_person, lift_suppression
from rapport.act.suppression import suppress, suppressed
from rapport.act.tickets import add_note, list_tickets
from rapport.engines.ledger import Ledger
from rapport.vocabulary import ledger_tables as t
from tests.act.people import NOW, THREE_A_WEEK, YES, add_people, candidate, merge, move_atom

TABLES = (t.contact, t.send_decision, t.outbox, t.ticket, t.ticket_note, t.next_action)


def live_through(ledger: Ledger, profile_id: str, atom_id: int) -> None:
    """A message, a complaint with a note, and advice."""
    with ledger.write() as connection:
        (decision,) = decide(
            connection,
            ledger,
            [candidate(profile_id, atom_id=atom_id)],
            consents={profile_id: {"email_marketing": YES}},
            policies=[THREE_A_WEEK],
            at=NOW,
        )
        assert decision.contact_id is not None
        message = OutboxMessage(
            idempotency_key=contact_key(decision.contact_id, NOW),
            channel="email",
            recipient=f"{profile_id}@example.org",
            message=Message(subject="S", text="T", purpose="marketing"),
            contact_id=decision.contact_id,
        )
        enqueue(connection, ledger, [message], at=NOW)
        complaint = AlertCandidate(
            position=atom_id,
            type="Survey Answered",
            channel="survey",
            source="s",
            occurred_at=NOW,
            atom_id=atom_id,
            score=1.0,
            scale_min=0.0,
            scale_max=10.0,
        )
        rule = AlertRule(rule_id=1, name="r", owner_email="eva@shop.example")
        done = open_tickets(
            connection, ledger, evaluate([rule], [complaint], at=NOW), at=NOW, public_url="http://x"
        )
        (ticket_id,) = done.opened
        add_note(connection, ticket_id, f"called {profile_id}", author="eva", at=NOW)
        waiting = OpenTicket(ticket_id=ticket_id, opened_at=NOW)
        facts = CustomerFacts(profile_id=profile_id, at=NOW, open_tickets=(waiting,))
        keep_advice(connection, ledger, {profile_id: advise(facts)[0]}, at=NOW)


def counts(ledger: Ledger) -> dict[str, int]:
    with ledger.read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in TABLES
        }


def both(ledger: Ledger) -> None:
    """Two people; the first was known under two ids."""
    add_people(ledger, {"old": [1], "ada": [2], "bob": [3]})
    for profile_id, atom_id in (("old", 1), ("bob", 3)):
        live_through(ledger, profile_id, atom_id)
    merge(ledger, "old", "ada", [1])


def test_everything_about_a_person_is_exported_and_nothing_of_others(ledger: Ledger) -> None:
    both(ledger)
    with ledger.read() as connection:
        exported = export_person(connection, "ada")
    assert {table: len(rows) for table, rows in exported.items()} == {
        table.name: 1 for table in TABLES
    }
    assert exported["ticket_note"][0]["body"] == "called old"
    assert exported["outbox"][0]["recipient"] == "old@example.org"
    assert "bob" not in str(exported)


def test_after_an_erasure_nothing_is_found_and_others_are_untouched(ledger: Ledger) -> None:
    both(ledger)
    before: dict[str, Any] = {}
    with ledger.write() as connection:
        before = export_person(connection, "bob")
        erased = erase_person(connection, ledger, "old")  # by an old link
        assert erased == dict.fromkeys((table.name for table in TABLES), 1)
        assert export_person(connection, "ada") == {table.name: [] for table in TABLES}
        assert export_person(connection, "bob") == before
        anonymous = [k for k in list_tickets(connection) if k.atom_id is None]
        assert [(k.facts, k.position, k.owner_email) for k in anonymous] == [
            ({}, None, "eva@shop.example")
        ]
        assert erase_person(connection, ledger, "ada") == dict.fromkeys(erased, 0)
    # The colleagues' own mails name nobody and stay.
    assert counts(ledger) == {
        "contact": 1, "send_decision": 1, "outbox": 3, "ticket": 2, "ticket_note": 1,
        "next_action": 1,
    }  # fmt: skip


def test_what_went_to_a_record_that_left_is_not_erased_with_the_old_profile(
    ledger: Ledger,
) -> None:
    both(ledger)
    add_people(ledger, {"cy": []})
    with ledger.write() as connection:
        reserved = {"channel": "phone", "purpose": "service", "at": NOW, "status": "sent"}
        connection.execute(
            t.contact.insert(),
            [
                {"profile_id": "ada", "atom_id": 2, "message_key": "left", **reserved},
                {"profile_id": "ada", "atom_id": 77, "message_key": "unknown record", **reserved},
            ],
        )
    move_atom(ledger, 2, "cy")
    with ledger.write() as connection:
        assert erase_person(connection, ledger, "ada")["contact"] == 2
        assert [c["message_key"] for c in export_person(connection, "cy")["contact"]] == ["left"]


def test_an_address_stays_suppressed_until_that_is_lifted(ledger: Ledger) -> None:
    both(ledger)
    with ledger.write() as connection:
        suppress(
            connection,
            ledger,
            channel="email",
            addresses=["old@example.org"],
            reason="request",
            at=NOW,
        )
        erase_person(connection, ledger, "ada")
        asked = {"email": ["OLD@example.org"]}
        assert suppressed(connection, asked)[("email", "old@example.org")].reason == "request"
        assert lift_suppression(connection, "email", ["OLD@example.org"]) == 1
        assert suppressed(connection, asked) == {}

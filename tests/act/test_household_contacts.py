"""What a household received together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from rapport.act.channels import Message
from rapport.act.decide import decide, preview
from rapport.act.household_contacts import household_pressure
from rapport.act.outbox import OutboxMessage, contact_key, enqueue
from rapport.engines.ledger import Ledger
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.profile import ConsentState
from tests.act.people import THREE_A_WEEK, candidate

pytestmark = pytest.mark.slow  # whole companies: not before every commit

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
FAMILY = ("els", "jan", "tom")


@pytest.fixture
def family(ledger: Ledger) -> Ledger:
    """Three who live together, and one who lives alone."""
    with ledger.write() as connection:
        connection.execute(
            insert(t.profile), [{"profile_id": p, "created_at": NOW} for p in (*FAMILY, "an")]
        )
        connection.execute(
            insert(t.household_member),
            [
                {"profile_id": p, "household_id": "h1", "since": NOW, "confidence": 1.0, "why": []}
                for p in FAMILY
            ],
        )
    return ledger


def contacted(ledger: Ledger, person: str, key: str, status: str = "sent", days: int = 1) -> None:
    with ledger.write() as connection:
        connection.execute(
            insert(t.contact).values(
                profile_id=person, channel="post", purpose="marketing", message_key=key,
                at=NOW - timedelta(days=days), status=status, counted=status != "released",
            )
        )  # fmt: skip


def mailbox_of(ledger: Ledger, person: str, atom_id: int, address: str) -> None:
    """Let a record of a person state an e-mail address."""
    with ledger.write() as connection:
        connection.execute(
            insert(t.membership).values(
                atom_id=atom_id, profile_id=person, valid_from=NOW, decision_id=1
            )
        )
        connection.execute(
            insert(t.identifier).values(
                kind="email", namespace="", value=address, atom_id=atom_id,
                first_seen=NOW, last_seen=NOW,
            )
        )  # fmt: skip


def written(
    ledger: Ledger, *people: str, channel: str = "email", at: datetime = NOW, **more: str
) -> list[str]:
    """Codes of the decisions on one message to each; what is allowed goes to the outbox."""
    address = more.pop("address", "family@mail.be")
    candidates = [
        candidate(person, "catalogue-2026", channel=channel, address=address, **more)
        for person in people
    ]
    yes = {
        person: {f"{channel}_marketing": ConsentState(
            purpose=f"{channel}_marketing", granted=True, legal_basis="consent", since=NOW,
            source="shop",
        )}
        for person in people
    }  # fmt: skip
    with ledger.write() as connection:
        decisions = decide(
            connection, ledger, candidates, consents=yes, policies=[THREE_A_WEEK], at=at
        )
        enqueue(
            connection,
            ledger,
            [
                OutboxMessage(
                    idempotency_key=contact_key(d.contact_id, at), channel=channel,
                    recipient=address, message=Message(subject="a", text="b", purpose="marketing"),
                    contact_id=d.contact_id,
                )
                for d in decisions
                if d.contact_id is not None
            ],
            at=at,
        )  # fmt: skip
    return [d.reason["code"] for d in decisions]


def test_a_mailbox_that_a_family_shares_gets_a_message_once(family: Ledger) -> None:
    for number, person in enumerate(FAMILY):
        mailbox_of(family, person, number + 1, "family@mail.be")
    assert written(family, "els", "jan") == ["allowed", "household_contacted"]
    later = NOW + timedelta(days=90)
    assert written(family, "tom", at=later, address=" Family@Mail.be") == ["household_contacted"]
    assert written(family, "tom", at=later, address="tom@mail.be") == ["allowed"]


def test_whoever_shares_a_mailbox_counts_in_whatever_household(family: Ledger) -> None:
    for number, person in enumerate(("els", "an")):
        mailbox_of(family, person, number + 1, "family@mail.be")
    assert written(family, "an") == ["allowed"]
    assert written(family, "els", at=NOW + timedelta(hours=1)) == ["household_contacted"]


def test_who_shares_nothing_gets_the_message_too(family: Ledger) -> None:
    mailbox_of(family, "els", 1, "els@mail.be")
    mailbox_of(family, "jan", 2, "jan@mail.be")
    assert written(family, "els", address="els@mail.be") == ["allowed"]
    assert written(family, "jan", address="jan@mail.be") == ["allowed"]


def test_a_letter_lies_on_the_mat_for_all_who_live_there(family: Ledger) -> None:
    contacted(family, "jan", "catalogue-2026", days=200)  # however long ago
    with family.read() as connection:
        people = [candidate(p, "catalogue-2026", channel="post") for p in (*FAMILY, "an")]
        codes = [
            d.reason["code"]
            for d in preview(
                connection, people, policies=[THREE_A_WEEK], at=NOW,
                consents={p.profile_id: {"post_marketing": ConsentState(
                    purpose="post_marketing", granted=True, legal_basis="consent", since=NOW,
                    source="shop",
                )} for p in people},
            )
        ]  # fmt: skip
    assert codes == [
        "household_contacted", "already_contacted", "household_contacted",
        "unknown_channel",  # nobody prints letters yet: who lives alone comes as far as that
    ]  # fmt: skip


def test_what_was_released_never_arrived(family: Ledger) -> None:
    for number, person in enumerate(FAMILY):
        mailbox_of(family, person, number + 1, "family@mail.be")
    written(family, "els")
    with family.write() as connection:
        connection.execute(t.contact.update().values(status="released", counted=False))
    assert written(family, "jan") == ["allowed"]


def test_a_service_message_reaches_each_of_a_family(family: Ledger) -> None:
    assert written(family, "els", "jan", purpose="service") == ["allowed", "allowed"]


def test_pressure_is_of_all_together(family: Ledger) -> None:
    for person in ("els", "jan"):
        contacted(family, person, "catalogue-2026")
    contacted(family, "tom", "birthday", days=29)
    contacted(family, "tom", "old", days=31)
    with family.read() as connection:
        pressure = household_pressure(connection, FAMILY, at=NOW, window_days=30)
    assert pressure.contacts == 3
    assert pressure.by_member == {"els": 1, "jan": 1, "tom": 1}
    assert pressure.repeated == 1

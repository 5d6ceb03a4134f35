"""The outbox: what was decided is delivered, once as far as anybody can know, or says why not."""
# ruff: noqa: S311  # jitter is no secret

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from rapport.act.channels import Channel, Delivery, Message
from rapport.act.channels.email import EmailChannel
from rapport.act.decide import Reason, decide, decisions_for
from rapport.act.outbox import (
    Claimed,
    DeliveryReport,
    OutboxMessage,
    consent_recheck,
    contact_key,
    count_outbox,
    deliver_due,
    enqueue,
    wait_before,
)
from rapport.act.suppression import suppress
from rapport.engines.ledger import Ledger, open_ledger
from rapport.errors import DeliveryFailed, DeliveryRefused
from rapport.vocabulary import ledger_tables as t
from tests.act.mail_server import mail_server
from tests.act.people import NO, NOW, THREE_A_WEEK, YES, add_people, candidate, merge
from tests.conftest import FakeClock

pytestmark = pytest.mark.slow  # seconds: not before every commit

MINUTE = timedelta(minutes=1)


class Postman:
    """A channel that does as it is told, and remembers what it took."""

    name = "email"

    def __init__(self, before: Callable[[Delivery], None] = lambda _: None) -> None:
        self.before = before
        self.taken: list[str] = []

    def send(self, delivery: Delivery) -> str:
        self.before(delivery)
        self.taken.append(delivery.idempotency_key)
        return f"receipt of {delivery.idempotency_key}"


def refuse(error: Exception) -> Callable[[Delivery], None]:
    def before(_: Delivery) -> None:
        raise error

    return before


@pytest.fixture
def now(clock: FakeClock) -> FakeClock:
    clock.now = NOW
    return clock


def put(ledger: Ledger, *keys: str, **changes: Any) -> None:
    with ledger.write() as connection:
        enqueue(
            connection,
            ledger,
            [
                OutboxMessage(
                    idempotency_key=key,
                    channel="email",
                    recipient="ada@example.org",
                    message=Message(subject="S", text="T"),
                    **changes,
                )
                for key in keys
            ],
            at=NOW,
        )


def put_for(ledger: Ledger, profile_id: str) -> int:
    """A newsletter to a customer, decided and enqueued in one transaction; its contact id."""
    add_people(ledger, {profile_id: []})
    with ledger.write() as connection:
        (decision,) = decide(
            connection,
            ledger,
            [candidate(profile_id)],
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
    return decision.contact_id


def deliver(ledger: Ledger, channel: Channel, clock: FakeClock, **changes: Any) -> DeliveryReport:
    return deliver_due(ledger, {"email": channel}, clock=clock, random=Random(7), **changes)


def rows(ledger: Ledger) -> dict[str, Any]:
    with ledger.read() as connection:
        return {r.idempotency_key: r for r in connection.execute(select(t.outbox))}


def contact_row(ledger: Ledger) -> Any:
    with ledger.read() as connection:
        return connection.execute(select(t.contact)).one()


def test_a_due_message_is_sent_once_with_its_receipt(ledger: Ledger, now: FakeClock) -> None:
    contact_id = put_for(ledger, "p")
    postman = Postman()
    now.advance(MINUTE)
    report = deliver(ledger, postman, now)
    (receipt,) = report.sent
    assert (receipt.contact_id, receipt.profile_id) == (contact_id, "p")
    assert (receipt.message_key, receipt.sent_at) == ("campaign:1", now())
    (row,) = rows(ledger).values()
    assert (row.status, row.sent_at, row.receipt) == ("sent", now(), receipt.receipt)
    assert (contact_row(ledger).status, contact_row(ledger).at) == ("sent", now())
    assert deliver(ledger, postman, now) == DeliveryReport()
    assert len(postman.taken) == 1


def test_the_same_key_is_put_in_once(ledger: Ledger, now: FakeClock) -> None:
    put(ledger, "k")
    put(ledger, "k", "other")
    postman = Postman()
    deliver(ledger, postman, now)
    assert postman.taken == ["k", "other"]


def test_a_message_waits_for_its_moment_and_for_its_channel(ledger: Ledger, now: FakeClock) -> None:
    put(ledger, "k", not_before=NOW + MINUTE)
    postman = Postman()
    deliver(ledger, postman, now)
    assert postman.taken == []
    now.advance(MINUTE)
    assert deliver_due(ledger, {}, clock=now, random=Random(7)) == DeliveryReport()
    deliver(ledger, postman, now)
    assert postman.taken == ["k"]


def test_a_transient_failure_waits_and_keeps_its_slot(ledger: Ledger, now: FakeClock) -> None:
    put_for(ledger, "p")
    report = deliver(ledger, Postman(refuse(DeliveryFailed("451 to RCPT"))), now)
    assert (report.retried, dict(report.errors)) == (1, {"delivery_failed": 1})
    (row,) = rows(ledger).values()
    assert (row.status, row.attempts, row.last_error) == ("waiting", 1, "451 to RCPT")
    assert NOW + MINUTE / 2 <= row.next_attempt_at <= NOW + MINUTE
    assert contact_row(ledger).status == "reserved"
    assert deliver(ledger, Postman(), now) == DeliveryReport()  # not due yet
    now.advance(MINUTE)
    assert len(deliver(ledger, Postman(), now).sent) == 1


def test_waits_double_up_to_six_hours_and_are_spread() -> None:
    random = Random(1)
    for attempt, longest in ((1, 1), (2, 2), (5, 16), (9, 256), (10, 360), (99, 360)):
        drawn = [wait_before(attempt, random) / MINUTE for _ in range(200)]
        assert longest / 2 <= min(drawn) < longest * 0.55
        assert longest * 0.95 < max(drawn) <= longest


def test_a_message_is_given_up_after_its_attempts(ledger: Ledger, now: FakeClock) -> None:
    put_for(ledger, "p")
    failing = Postman(refuse(DeliveryFailed("451 to RCPT")))
    reports = []
    for _ in range(3):
        reports.append(deliver(ledger, failing, now, max_attempts=3))
        now.advance(timedelta(hours=7))
    assert [(r.retried, r.failed) for r in reports] == [(1, 0), (1, 0), (0, 1)]
    (row,) = rows(ledger).values()
    assert (row.status, row.last_error) == ("failed", "451 to RCPT; given up")
    assert (contact_row(ledger).status, contact_row(ledger).counted) == ("failed", False)
    assert deliver(ledger, failing, now) == DeliveryReport()


def test_a_refused_address_fails_at_once_and_is_not_written_to_again(
    ledger: Ledger, now: FakeClock
) -> None:
    put_for(ledger, "p")
    refused = DeliveryRefused("550 5.1.1 to RCPT", address_refused=True)
    assert deliver(ledger, Postman(refuse(refused)), now).failed == 1
    assert (contact_row(ledger).status, contact_row(ledger).counted) == ("failed", False)
    with ledger.read() as connection:
        row = connection.execute(select(t.suppression)).one()
    assert (row.channel, row.value, row.reason) == ("email", "p@example.org", "bounced")


def test_a_refused_content_does_not_suppress_the_address(ledger: Ledger, now: FakeClock) -> None:
    put_for(ledger, "p")
    deliver(ledger, Postman(refuse(DeliveryRefused("554 to DATA", address_refused=False))), now)
    with ledger.read() as connection:
        assert connection.execute(select(t.suppression)).all() == []


def test_a_fault_in_one_message_does_not_hold_up_the_others(ledger: Ledger, now: FakeClock) -> None:
    put(ledger, "bad", "good")

    def before(delivery: Delivery) -> None:
        if delivery.idempotency_key == "bad":
            raise ZeroDivisionError("ada@example.org has no name")

    postman = Postman(before)
    report = deliver(ledger, postman, now)
    assert postman.taken == ["good"]
    assert (report.retried, dict(report.errors)) == (1, {"ZeroDivisionError": 1})
    assert rows(ledger)["bad"].last_error == "ZeroDivisionError"  # and no customer's data


# ── changes between decision and sending ───────────────────────────────────────────────────────


def test_consent_withdrawn_after_the_decision_stops_the_message(
    ledger: Ledger, now: FakeClock
) -> None:
    contact_id = put_for(ledger, "p")
    put(ledger, "to a colleague")
    asked: list[Claimed] = []

    def recheck(_connection: object, items: Any) -> dict[int, Reason]:
        asked.extend(items)
        return {i.outbox_id: {"code": "consent_withdrawn", "since": NOW} for i in items}

    postman = Postman()
    report = deliver(ledger, postman, now, recheck=recheck)
    assert postman.taken == ["to a colleague"]
    assert report.stopped == 1
    (item,) = asked
    assert (item.contact_id, item.profile_id) == (contact_id, "p")
    assert (item.purpose, item.message_key) == ("marketing", "campaign:1")
    assert (contact_row(ledger).status, contact_row(ledger).counted) == ("released", False)
    with ledger.read() as connection:
        stopped = decisions_for(connection, ["p"])["p"][0]
    assert (stopped.allowed, stopped.check) == (False, "recheck")
    assert stopped.reason == {"code": "consent_withdrawn", "since": "2026-11-16T09:00:00Z"}


def test_the_consent_recheck_asks_whom_the_person_is_by_now(ledger: Ledger, now: FakeClock) -> None:
    put_for(ledger, "kept")
    put_for(ledger, "withdrawn")
    add_people(ledger, {"now": []})
    merge(ledger, "withdrawn", "now", [])
    words = {"kept": {"email_marketing": YES}, "now": {"email_marketing": NO}}
    recheck = consent_recheck(lambda _, profile_ids: {p: words[p] for p in profile_ids})
    report = deliver(ledger, Postman(), now, recheck=recheck)
    assert [r.profile_id for r in report.sent] == ["kept"]
    with ledger.read() as connection:
        (stopped, _) = decisions_for(connection, ["now"])["now"]
    assert (stopped.check, stopped.reason["code"]) == ("recheck", "consent_withdrawn")


def test_an_unsubscription_during_the_run_stops_the_messages_still_to_come(
    ledger: Ledger, now: FakeClock
) -> None:
    put_for(ledger, "first")
    put_for(ledger, "second")

    def before(_: Delivery) -> None:
        with ledger.write() as connection:
            suppress(
                connection,
                ledger,
                channel="email",
                addresses=["Second@example.org"],
                reason="unsubscribed",
                at=NOW,
            )

    report = deliver(ledger, Postman(before), now)
    assert [r.profile_id for r in report.sent] == ["first"]
    assert report.stopped == 1


def test_a_stopped_message_can_be_decided_on_and_sent_later(ledger: Ledger, now: FakeClock) -> None:
    contact_id = put_for(ledger, "p")
    deliver(
        ledger, Postman(), now, recheck=lambda _, items: {i.outbox_id: {"code": "x"} for i in items}
    )
    now.advance(MINUTE)
    with ledger.write() as connection:
        (again,) = decide(
            connection,
            ledger,
            [candidate("p")],
            consents={"p": {"email_marketing": YES}},
            policies=[THREE_A_WEEK],
            at=now(),
        )
        assert again.contact_id == contact_id
        message = OutboxMessage(
            idempotency_key=contact_key(contact_id, now()),
            channel="email",
            recipient="p@example.org",
            message=Message(subject="S", text="T", purpose="marketing"),
            contact_id=contact_id,
        )
        assert enqueue(connection, ledger, [message], at=now()) == 1
    assert len(deliver(ledger, Postman(), now).sent) == 1
    assert contact_row(ledger).status == "sent"


def test_messages_that_waited_too_long_for_a_sender_are_not_sent_any_more(
    ledger: Ledger, now: FakeClock
) -> None:
    put_for(ledger, "p")
    put(ledger, "alert:1")
    put(ledger, "scheduled", not_before=NOW + timedelta(days=6))
    now.advance(timedelta(days=7, seconds=1))
    postman = Postman()
    report = deliver(ledger, postman, now)
    assert (postman.taken, report.stopped) == (["scheduled"], 2)
    assert rows(ledger)["alert:1"].last_error == "stopped: expired"
    assert contact_row(ledger).status == "released"


# ── senders that die, and several at once ──────────────────────────────────────────────────────


class Died(BaseException):
    """The sender's process ends here."""


def test_a_message_of_a_sender_that_died_is_sent_after_its_lease(
    ledger: Ledger, now: FakeClock
) -> None:
    put(ledger, "k")
    with pytest.raises(Died):
        deliver(ledger, Postman(refuse(Died())), now)  # type: ignore[arg-type]
    postman = Postman()
    now.advance(timedelta(minutes=9))
    assert deliver(ledger, postman, now) == DeliveryReport()
    now.advance(MINUTE)
    assert len(deliver(ledger, postman, now).sent) == 1
    assert postman.taken == ["k"]


def test_a_message_that_kills_its_senders_is_given_up(ledger: Ledger, now: FakeClock) -> None:
    put(ledger, "k")
    for _ in range(3):
        with pytest.raises(Died):
            deliver(ledger, Postman(refuse(Died())), now, max_attempts=3)  # type: ignore[arg-type]
        now.advance(timedelta(minutes=10))
    report = deliver(ledger, Postman(), now, max_attempts=3)
    assert (report.failed, dict(report.errors)) == (1, {"sender_died": 1})


def test_a_slow_sender_begins_nothing_that_another_may_take_over(
    ledger: Ledger, now: FakeClock
) -> None:
    put(ledger, "a", "b", "c")
    postman = Postman(lambda _: now.advance(timedelta(minutes=3)))
    report = deliver(ledger, postman, now)
    assert (len(report.sent), report.left) == (2, 1)
    assert rows(ledger)["c"].attempts == 0  # not begun, so no attempt
    assert len(deliver(ledger, postman, now).sent) == 1
    assert postman.taken == ["a", "b", "c"]


def test_a_sender_that_lost_its_lease_does_not_overwrite_the_other(
    ledger: Ledger, now: FakeClock
) -> None:
    put(ledger, "k")
    other = Postman()

    def hang(_: Delivery) -> None:
        now.advance(timedelta(minutes=11))
        deliver(ledger, other, now)
        raise DeliveryFailed("timed out")

    report = deliver(ledger, Postman(hang), now)
    assert other.taken == ["k"]
    assert report.retried == 0
    assert rows(ledger)["k"].status == "sent"


def test_a_sender_that_lost_its_lease_leaves_the_message_to_who_is_sending_it_now(
    ledger: Ledger, now: FakeClock
) -> None:
    put(ledger, "k")

    def hang(_: Delivery) -> None:
        now.advance(timedelta(minutes=11))
        with pytest.raises(Died):  # another sender holds it, and has not finished
            deliver(ledger, Postman(refuse(Died())), now)  # type: ignore[arg-type]
        raise DeliveryFailed("timed out")

    assert deliver(ledger, Postman(hang), now).retried == 0
    assert (rows(ledger)["k"].status, rows(ledger)["k"].attempts) == ("sending", 2)


def _deliver_all(url: str, port: int) -> None:
    from datetime import UTC, datetime  # noqa: PLC0415

    ledger = open_ledger(url, migrate=False)
    channel = EmailChannel(host="127.0.0.1", port=port, mail_from="shop@example.org")
    for _ in range(40):
        deliver_due(
            ledger,
            {"email": channel},
            clock=lambda: datetime.now(UTC),
            random=Random(1),
            limit=3,
        )
    ledger.close()


def test_several_processes_send_every_message_once(ledger_url: str) -> None:
    ledger = open_ledger(ledger_url, migrate=False)
    put(ledger, *(f"k{n}" for n in range(60)))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with mail_server() as server:
        senders = [
            context.Process(target=_deliver_all, args=(ledger_url, server.port)) for _ in range(4)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(60)
        assert [s.exitcode for s in senders] == [0] * 4
        assert len(server.taken) == 60
        assert max(Counter(m["Message-ID"] for m in server.taken).values()) == 1
    with ledger.read() as connection:
        assert count_outbox(connection) == {"sent": 60}
    ledger.close()


def test_over_a_real_connection_a_temporary_no_is_followed_by_a_delivery(
    ledger: Ledger, now: FakeClock
) -> None:
    put_for(ledger, "p")
    with mail_server() as server:
        email = EmailChannel(host="127.0.0.1", port=server.port, mail_from="shop@example.org")
        server.answers["RCPT"] = "451 4.7.1 greylisted"
        assert deliver(ledger, email, now).retried == 1
        server.answers.clear()
        now.advance(MINUTE)
        assert len(deliver(ledger, email, now).sent) == 1
        assert server.recipients == ["p@example.org"]

"""The outbox: messages that were decided on, delivered at least once and never knowingly twice.

A row is written in the transaction that decides on the message, under an idempotency key, so
that a message and its reason exist both or not at all. A sender claims rows by a lease; if it
dies, the lease runs out and another sender takes over. Whether a sender died before or after the
mail server took the message, nobody can know: then the message is sent again, under the same
Message-ID, by which the receiver can drop the second copy. That is *at least once*; *exactly
once* is not to be had over SMTP.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, and_, func, select, update

from rapport.act.channels.base import Channel, Delivery, Message
from rapport.act.contact_policy import lock_contacts, mark_failed, mark_sent, release
from rapport.act.decide import Consents, Decision, Reason, consent_problem, keep_decisions
from rapport.act.persons import chunks, current_profiles
from rapport.act.suppression import suppress, suppressed, suppression_value
from rapport.engines.ledger import Ledger
from rapport.errors import DeliveryFailed, DeliveryRefused
from rapport.vocabulary.ledger_tables import contact, outbox, to_micros

_log = logging.getLogger(__name__)

LEASE = timedelta(minutes=10)
#: With the waits below about two days: a mail server may be down over a weekend's Sunday.
MAX_ATTEMPTS = 20
FIRST_WAIT = timedelta(minutes=1)
#: What has been due for longer is stale: a mail server that is set up in its second month must
#: not send the alerts of the first.
MAX_LATE = timedelta(days=7)
LONGEST_WAIT = timedelta(hours=6)


class OutboxMessage(Struct, frozen=True, kw_only=True):
    """A message to deliver. `contact_id` is its slot; None for a colleague's."""

    idempotency_key: str
    channel: str
    recipient: str
    message: Message
    contact_id: int | None = None
    not_before: datetime | None = None


class Claimed(Struct, frozen=True, kw_only=True):
    """A message that this sender holds until `lease_until`."""

    outbox_id: int
    attempt: int
    channel: str
    delivery: Delivery
    due_at: datetime
    lease_until: datetime
    contact_id: int | None = None
    # Of the contact, where there is one:
    profile_id: str | None = None
    purpose: str | None = None
    message_key: str | None = None


class Receipt(Struct, frozen=True, kw_only=True):
    """A message that a channel took; the workflow makes a "Message Sent" touchpoint of it."""

    outbox_id: int
    channel: str
    receipt: str
    sent_at: datetime
    contact_id: int | None = None
    profile_id: str | None = None
    message_key: str | None = None


class DeliveryReport(Struct, frozen=True, kw_only=True):
    """What one run of `deliver_due` did."""

    sent: tuple[Receipt, ...] = ()
    retried: int = 0  # will be tried again
    failed: int = 0  # given up
    stopped: int = 0  # consent or address withdrawn since the decision, or far too late
    left: int = 0  # claimed, but the lease was too old to begin
    errors: Mapping[str, int] = {}  # how often each error code was met


#: Asked just before sending: the outbox ids to stop, each with its reason.
Recheck = Callable[[Connection, Sequence[Claimed]], Mapping[int, Reason]]


def consent_recheck(
    read_consents: Callable[[Connection, Sequence[str]], Consents],
) -> Recheck:
    """A `Recheck` that asks consent again, as `decide` did, of whom the person is by now.

    Parameters
    ----------
    read_consents : callable
        From current profile ids to the latest words of each person.
    """

    def recheck(connection: Connection, items: Sequence[Claimed]) -> dict[int, Reason]:
        current = current_profiles(connection, [i.profile_id for i in items if i.profile_id])
        words = read_consents(connection, sorted(set(current.values())))
        stopped: dict[int, Reason] = {}
        for item in items:
            if item.profile_id is None or item.purpose is None:
                continue
            person = current.get(item.profile_id, item.profile_id)
            problem = consent_problem(item.channel, item.purpose, words.get(person, {}))
            if problem is not None:
                stopped[item.outbox_id] = problem
        return stopped

    return recheck


def contact_key(contact_id: int, reserved_at: datetime) -> str:
    """Idempotency key of a contact's message.

    The moment belongs to it: a slot that was released and reserved again is another attempt to
    write to the person, and the first one's row must not swallow it.
    """
    return f"contact:{contact_id}:{to_micros(reserved_at)}"


def enqueue(
    connection: Connection, ledger: Ledger, messages: Sequence[OutboxMessage], *, at: datetime
) -> int:
    """Put messages into the outbox; a key that is there already is left. Returns how many."""
    rows = [
        {
            "idempotency_key": m.idempotency_key,
            "channel": m.channel,
            "recipient": m.recipient,
            "message": msgspec.to_builtins(m.message),
            "contact_id": m.contact_id,
            "status": "waiting",
            "attempts": 0,
            "next_attempt_at": m.not_before or at,
            "created_at": at,
        }
        for m in messages
    ]
    return ledger.insert_new(connection, outbox, rows, ["idempotency_key"])


def wait_before(attempt: int, random: Random) -> timedelta:
    """How long to wait after the ``attempt``-th failure (1, 2, …).

    Doubles from one minute to six hours; the upper half is drawn, so that messages that failed
    together do not all come back together.
    """
    doublings = min(attempt - 1, 20)  # beyond these it is the longest wait anyway
    whole = min(FIRST_WAIT * float(2**doublings), LONGEST_WAIT)
    return whole * (0.5 + random.random() / 2)


def deliver_due(
    ledger: Ledger,
    channels: Mapping[str, Channel],
    *,
    clock: Callable[[], datetime],
    random: Random,
    recheck: Recheck | None = None,
    limit: int = 50,
    lease: timedelta = LEASE,
    max_attempts: int = MAX_ATTEMPTS,
    max_late: timedelta = MAX_LATE,
) -> DeliveryReport:
    """Send what is due on ``channels``; messages of other channels wait.

    Parameters
    ----------
    channels : mapping of name to Channel
        See `channels.open_channels`.
    clock, random
        The time now, and the jitter of retries.
    recheck : callable, optional
        Asked within a read transaction right before each message to a customer; answers which
        must not be sent any more, and why. Suppressed addresses are always stopped.
    limit : int
        At most so many messages are claimed.
    lease : timedelta
        How long this sender may hold them. No message is begun in the second half, so that two
        senders never hold one message; a single send must take less than half a lease.
    max_attempts : int
        After so many transient failures the message has failed.
    max_late : timedelta
        What has been due for longer, because no sender ran or no channel was set, is stopped.

    Returns
    -------
    DeliveryReport
        Failures of messages are in it, not raised; only the ledger's own errors are raised.
    """
    claimed = _claim(ledger, sorted(channels), now=clock(), limit=limit, lease=lease)
    sent: list[Receipt] = []
    counts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for item in claimed:
        if clock() > item.lease_until - lease / 2:
            counts["left"] += _give_back(ledger, item, now=clock())
            continue
        if item.attempt > max_attempts:
            # Senders that die while sending leave no error behind, only attempts.
            errors["sender_died"] += 1
            dead = DeliveryRefused(f"{max_attempts} attempts began and none ended; given up")
            counts["failed"] += _settle_failed(ledger, item, dead, now=clock())
            continue
        late = clock() - item.due_at > max_late
        reason = {"code": "expired", "since": item.due_at} if late else None
        if (reason := reason or _stop_reason(ledger, item, recheck)) is not None:
            counts["stopped"] += _settle_stopped(ledger, item, reason, now=clock())
            continue
        try:
            receipt = channels[item.channel].send(item.delivery)
        except DeliveryRefused as refusal:
            errors[refusal.code] += 1
            counts["failed"] += _settle_failed(ledger, item, refusal, now=clock())
        except Exception as error:
            # A fault in one message or channel must not hold up all the others behind it: any
            # failure that is not a refusal is an attempt that failed, is counted and shown.
            code = error.code if isinstance(error, DeliveryFailed) else type(error).__name__
            errors[code] += 1
            # The text of an error that is not ours may quote the message: it is not kept.
            text = error.message if isinstance(error, DeliveryFailed) else code
            if item.attempt >= max_attempts:
                counts["failed"] += _settle_failed(
                    ledger, item, DeliveryRefused(f"{text}; given up"), now=clock()
                )
            else:
                again_at = clock() + wait_before(item.attempt, random)
                counts["retried"] += _settle(
                    ledger,
                    item,
                    {"status": "waiting", "next_attempt_at": again_at, "last_error": text},
                )
        else:
            sent_at = clock()
            _settle_sent(ledger, item, receipt, now=sent_at)
            sent.append(
                Receipt(
                    outbox_id=item.outbox_id,
                    channel=item.channel,
                    receipt=receipt,
                    sent_at=sent_at,
                    contact_id=item.contact_id,
                    profile_id=item.profile_id,
                    message_key=item.message_key,
                )
            )
    if claimed:
        _log.info("outbox: %d sent, %s, errors %s", len(sent), dict(counts), dict(errors))
    return DeliveryReport(
        sent=tuple(sent),
        retried=counts["retried"],
        failed=counts["failed"],
        stopped=counts["stopped"],
        left=counts["left"],
        errors=dict(errors),
    )


def count_outbox(connection: Connection) -> dict[str, int]:
    """How many messages have each status."""
    rows = connection.execute(
        select(outbox.c.status, func.count().label("messages")).group_by(outbox.c.status)
    )
    return {row.status: row.messages for row in rows}


# ── claiming ───────────────────────────────────────────────────────────────────────────────────


def _claim(
    ledger: Ledger, channels: Sequence[str], *, now: datetime, limit: int, lease: timedelta
) -> list[Claimed]:
    """Take due messages for ourselves until ``now + lease``, the longest waiting first."""
    # `next_attempt_at` of a message that is being sent is the end of its lease.
    due = and_(
        outbox.c.status.in_(("waiting", "sending")),
        outbox.c.next_attempt_at <= now,
        outbox.c.channel.in_(channels),
    )
    with ledger.write() as connection:
        due_rows = connection.execute(
            select(outbox.c.outbox_id, outbox.c.next_attempt_at)
            .where(due)
            .order_by(outbox.c.next_attempt_at, outbox.c.outbox_id)
            .limit(limit)
            .with_for_update(skip_locked=True)  # SQLite has no row locks and needs none
        ).all()
        due_at = {row.outbox_id: row.next_attempt_at for row in due_rows}
        claimed: list[Claimed] = []
        for chunk in chunks(list(due_at)):
            connection.execute(
                update(outbox)
                .where(outbox.c.outbox_id.in_(chunk))
                .values(
                    status="sending", attempts=outbox.c.attempts + 1, next_attempt_at=now + lease
                )
            )
            rows = connection.execute(
                select(outbox, contact.c.profile_id, contact.c.purpose, contact.c.message_key)
                .outerjoin(contact, contact.c.contact_id == outbox.c.contact_id)
                .where(outbox.c.outbox_id.in_(chunk))
                .order_by(outbox.c.outbox_id)
            )
            claimed.extend(_claimed(row, due_at[row.outbox_id], now + lease) for row in rows)
    return claimed


def _claimed(row: Any, due_at: datetime, lease_until: datetime) -> Claimed:
    return Claimed(
        outbox_id=row.outbox_id,
        attempt=row.attempts,
        channel=row.channel,
        delivery=Delivery(
            idempotency_key=row.idempotency_key,
            recipient=row.recipient,
            message=msgspec.convert(row.message, Message),
            created_at=row.created_at,
        ),
        due_at=due_at,
        lease_until=lease_until,
        contact_id=row.contact_id,
        profile_id=row.profile_id,
        purpose=row.purpose,
        message_key=row.message_key,
    )


def _stop_reason(ledger: Ledger, item: Claimed, recheck: Recheck | None) -> Reason | None:
    """What has happened since the decision that forbids to send."""
    if item.contact_id is None:
        return None
    with ledger.read() as connection:
        # One message at a time: the question is about this moment, and the answer of a batch
        # would be minutes old for its last message.
        address = item.delivery.recipient
        found = suppressed(connection, {item.channel: [address]}).get(
            (item.channel, suppression_value(address))
        )
        if found is not None:
            return {"code": "suppressed", "because": found.reason, "since": found.at}
        return None if recheck is None else recheck(connection, [item]).get(item.outbox_id)


# ── settling ───────────────────────────────────────────────────────────────────────────────────


def _settle(
    ledger: Ledger,
    item: Claimed,
    values: Mapping[str, Any],
    also: Callable[[Connection], object] | None = None,
) -> int:
    """Write how an attempt ended, if the message is still ours; returns 1 if it was."""
    with ledger.write() as connection:
        if also is not None and item.contact_id is not None:
            lock_contacts(connection, ledger)
        ours = connection.execute(
            update(outbox)
            .where(
                outbox.c.outbox_id == item.outbox_id,
                outbox.c.status == "sending",
                # Another attempt means that our lease ran out and somebody else holds it now.
                outbox.c.attempts == item.attempt,
            )
            .values(**values)
        ).rowcount
        if ours and also is not None:
            also(connection)
        return ours


def _give_back(ledger: Ledger, item: Claimed, *, now: datetime) -> int:
    """Let go of a message that was not begun; it counts as no attempt."""
    return _settle(
        ledger,
        item,
        {"status": "waiting", "attempts": item.attempt - 1, "next_attempt_at": now},
    )


def _settle_sent(ledger: Ledger, item: Claimed, receipt: str, *, now: datetime) -> None:
    def also(connection: Connection) -> None:
        if item.contact_id is not None:
            mark_sent(connection, [item.contact_id], at=now)

    _settle(
        ledger,
        item,
        {"status": "sent", "sent_at": now, "receipt": receipt, "last_error": None},
        also,
    )


def _settle_failed(
    ledger: Ledger, item: Claimed, refusal: DeliveryRefused, *, now: datetime
) -> int:
    def also(connection: Connection) -> None:
        if item.contact_id is None:
            return
        mark_failed(connection, [item.contact_id])
        if refusal.details.get("address_refused"):
            suppress(
                connection,
                ledger,
                channel=item.channel,
                addresses=[item.delivery.recipient],
                reason="bounced",
                at=now,
            )

    return _settle(ledger, item, {"status": "failed", "last_error": refusal.message}, also)


def _settle_stopped(ledger: Ledger, item: Claimed, reason: Reason, *, now: datetime) -> int:
    def also(connection: Connection) -> None:
        if item.contact_id is None or item.profile_id is None:
            return
        release(connection, [item.contact_id])
        stopped = Decision(
            profile_id=item.profile_id,
            message_key=item.message_key or item.delivery.idempotency_key,
            channel=item.channel,
            allowed=False,
            check="recheck",
            reason=msgspec.to_builtins(reason),
            at=now,
        )
        keep_decisions(connection, [stopped])

    error = f"stopped: {reason['code']}"
    return _settle(ledger, item, {"status": "failed", "last_error": error}, also)

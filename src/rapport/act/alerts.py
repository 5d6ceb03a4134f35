"""Alerts: a rule watches what customers say, and somebody is asked to answer, once.

When feedback is negative:

* a score on a scale from 0 to 10 of at most ``score_max`` (6: the detractors of the Net Promoter
  Score);
* a score on any other scale within its lowest ``share_max`` (0.25: 1 and 2 of 5 stars, 1 to 3 of
  10, 0 to 25 of 100), since people do not use a scale of five as they use one of eleven;
* words with a sentiment of at most ``sentiment_max`` (-0.35 between -1 and 1), even beside a good
  score: a customer who gives 9 and writes "never again" wants to be called.

A score without its scale says nothing, unless the question is the Net Promoter Score's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select, update

from rapport.act.alert_mail import OWNER_DEFAULTS, Owner, alert_message
from rapport.act.outbox import OutboxMessage, enqueue
from rapport.act.persons import atoms_of_profiles, chunks, profiles_of_atoms
from rapport.engines.ledger import Ledger
from rapport.errors import InvalidInput
from rapport.vocabulary.ledger_tables import alert_rule, ticket, ticket_note, user
from rapport.vocabulary.touchpoint import (
    CALL_ENDED,
    CHAT_ENDED,
    EMAIL_RECEIVED,
    MESSAGE_RECEIVED,
    REVIEW_POSTED,
    SOCIAL_MENTIONED,
    SURVEY_ANSWERED,
)

NEGATIVE_FEEDBACK = "negative_feedback"
#: Who writes what no human wrote.
SYSTEM = "rapport"
#: What a ticket is resolved with that closes itself.
_GONE = "other"

FEEDBACK_TYPES = (
    SURVEY_ANSWERED,
    REVIEW_POSTED,
    EMAIL_RECEIVED,
    MESSAGE_RECEIVED,
    CHAT_ENDED,
    CALL_ENDED,
    SOCIAL_MENTIONED,
)


class Route(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who owns tickets from a country or a channel; None fits all. The first route that fits."""

    owner_email: str
    country: str | None = None
    channel: str | None = None


class NegativeFeedback(Struct, frozen=True, kw_only=True, tag_field="kind", tag=NEGATIVE_FEEDBACK):
    """What the rule looks for, and what it asks to be done. The fields' rules are above."""

    touchpoint_types: tuple[str, ...] = FEEDBACK_TYPES
    score_max: float | None = 6.0
    share_max: float | None = 0.25
    sentiment_max: float | None = -0.35
    # Feedback older than this is history: it is imported by the thousand, and nobody is to be
    # called about last year.
    max_age_days: float = 7.0
    due_hours: float = 24.0
    priority: int = 2
    routes: tuple[Route, ...] = ()


class AlertRule(Struct, frozen=True, kw_only=True):
    """One rule, as the ledger keeps it."""

    name: str
    owner_email: str
    definition: NegativeFeedback = NegativeFeedback()
    rule_id: int = 0
    enabled: bool = True


class AlertCandidate(Struct, frozen=True, kw_only=True):
    """What a rule may know of a touchpoint. Not its words: those stay in the lake."""

    position: int
    type: str
    channel: str
    source: str
    occurred_at: datetime
    atom_id: int | None = None
    country: str | None = None
    question: str | None = None
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    sentiment: float | None = None


class Alert(Struct, frozen=True, kw_only=True):
    """A touchpoint that a rule found, and what is to be done about it."""

    rule_id: int
    position: int
    atom_id: int | None
    owner_email: str
    priority: int
    due_hours: float
    facts: dict[str, Any]


class OpenedTickets(Struct, frozen=True, kw_only=True):
    """What became of a batch of alerts."""

    opened: tuple[int, ...] = ()  # ids of new tickets
    noted: int = 0  # written into a ticket that the person had open already
    known: int = 0  # seen before: nothing was done


# ── finding ────────────────────────────────────────────────────────────────────────────────────


def is_negative_score(candidate: AlertCandidate, rule: NegativeFeedback) -> bool:
    """Whether the score is a bad one on its scale; see the top of this file."""
    score, low, high = candidate.score, candidate.scale_min, candidate.scale_max
    if score is None:
        return False
    if (low is None or high is None) and (candidate.question or "").casefold() == "nps":
        low, high = 0.0, 10.0
    if low is None or high is None or high <= low:
        return False
    if (low, high) == (0.0, 10.0):
        return rule.score_max is not None and score <= rule.score_max
    return rule.share_max is not None and (score - low) / (high - low) <= rule.share_max


def is_negative_text(candidate: AlertCandidate, rule: NegativeFeedback) -> bool:
    """Whether the words are negative enough."""
    return (
        candidate.sentiment is not None
        and rule.sentiment_max is not None
        and candidate.sentiment <= rule.sentiment_max
    )


def evaluate(
    rules: Sequence[AlertRule], touchpoints: Sequence[AlertCandidate], *, at: datetime
) -> list[Alert]:
    """The alerts that ``rules`` raise over ``touchpoints``, as of now (``at``)."""
    alerts: list[Alert] = []
    for rule in rules:
        definition = rule.definition
        if not rule.enabled:
            continue
        wanted = frozenset(definition.touchpoint_types)
        oldest = at - timedelta(days=definition.max_age_days)
        for touchpoint in touchpoints:
            if touchpoint.type not in wanted or touchpoint.occurred_at < oldest:
                continue
            because = [
                code
                for code, negative in (("score", is_negative_score), ("text", is_negative_text))
                if negative(touchpoint, definition)
            ]
            if because:
                alerts.append(_alert(rule, touchpoint, because))
    return alerts


def _alert(rule: AlertRule, touchpoint: AlertCandidate, because: list[str]) -> Alert:
    fits = (
        r.owner_email
        for r in rule.definition.routes
        if r.country in (None, touchpoint.country) and r.channel in (None, touchpoint.channel)
    )
    facts: dict[str, Any] = msgspec.to_builtins(touchpoint)
    del facts["atom_id"]  # the ticket's own column, which an erasure can empty
    return Alert(
        rule_id=rule.rule_id,
        position=touchpoint.position,
        atom_id=touchpoint.atom_id,
        owner_email=next(fits, rule.owner_email),
        priority=rule.definition.priority,
        due_hours=rule.definition.due_hours,
        facts={k: v for k, v in facts.items() if v is not None} | {"because": because},
    )


# ── rules ──────────────────────────────────────────────────────────────────────────────────────


def load_rules(connection: Connection) -> tuple[AlertRule, ...]:
    """All rules, disabled ones included."""
    rows = connection.execute(select(alert_rule).order_by(alert_rule.c.rule_id))
    return tuple(
        AlertRule(
            rule_id=row.rule_id,
            name=row.name,
            owner_email=row.owner_email,
            enabled=row.enabled,
            definition=msgspec.convert(row.definition, NegativeFeedback),
        )
        for row in rows
    )


def save_rule(connection: Connection, ledger: Ledger, rule: AlertRule) -> None:
    """Write a rule under its name.

    Raises
    ------
    InvalidInput
        If it could never raise an alert, or has no owner.
    """
    definition = rule.definition
    if not rule.name.strip() or "@" not in rule.owner_email:
        raise InvalidInput("An alert rule needs a name and the e-mail address of its owner")
    if definition.due_hours <= 0 or definition.max_age_days <= 0:
        raise InvalidInput(
            f"Alert rule '{rule.name}' is due after {definition.due_hours} hours and looks back "
            f"{definition.max_age_days} days; both must be above 0"
        )
    if (definition.score_max, definition.share_max, definition.sentiment_max) == (None,) * 3:
        raise InvalidInput(f"Alert rule '{rule.name}' looks at neither scores nor words; set one")
    row = {
        "name": rule.name,
        "definition": msgspec.to_builtins(definition),
        "owner_email": rule.owner_email,
        "enabled": rule.enabled,
    }
    ledger.upsert(connection, alert_rule, [row], ["name"], ["definition", "owner_email", "enabled"])


# ── opening tickets ────────────────────────────────────────────────────────────────────────────


def lock_tickets(connection: Connection, ledger: Ledger) -> None:
    """Wait for our turn to open tickets; it lasts until the transaction ends."""
    ledger.lock(connection, "tickets")


def close_tickets(
    connection: Connection, ledger: Ledger, ticket_ids: Sequence[int], *, at: datetime
) -> None:
    """Resolve tickets whose reason is gone, without a colleague's doing."""
    if not ticket_ids:
        return
    lock_tickets(connection, ledger)
    connection.execute(
        update(ticket)
        .where(ticket.c.ticket_id.in_(ticket_ids))
        .values(status="resolved", cause=_GONE, resolved_at=at)
    )
    connection.execute(
        ticket_note.insert(),
        [
            {
                "ticket_id": ticket_id,
                "author": SYSTEM,
                "at": at,
                "kind": "status",
                "body": f"resolved:{_GONE}",
            }
            for ticket_id in ticket_ids
        ],
    )


def open_tickets(
    connection: Connection,
    ledger: Ledger,
    alerts: Sequence[Alert],
    *,
    at: datetime,
    public_url: str,
) -> OpenedTickets:
    """Open a ticket for each alert and put the mail to its owner into the outbox, or neither.

    A touchpoint opens one ticket per rule for ever, whatever is replayed. A person has one open
    ticket per rule: what comes while it is open becomes a note in it.

    Parameters
    ----------
    connection : Connection
        Inside ``ledger.write()``.
    public_url : str
        Where colleagues reach the pages, for the link in the mail.
    """
    if not alerts:
        return OpenedTickets()
    lock_tickets(connection, ledger)
    seen = _seen_positions(connection, alerts)
    person_of = profiles_of_atoms(connection, [a.atom_id for a in alerts if a.atom_id is not None])
    open_by_person = _open_tickets(connection, sorted(set(person_of.values())))

    fresh: list[Alert] = []
    notes: list[tuple[tuple[int, str] | None, int | None, Alert]] = []
    #: The first alert of this batch for each person and rule, which opens the ticket.
    opening: dict[tuple[int, str], int] = {}
    known = 0
    for alert in sorted(alerts, key=_happened):
        key = (alert.rule_id, alert.position)
        if key in seen:
            known += 1
            continue
        seen.add(key)
        person = person_of.get(alert.atom_id) if alert.atom_id is not None else None
        # A record that no profile holds yet is its own person.
        owner = person or (None if alert.atom_id is None else f"atom:{alert.atom_id}")
        if owner is None:
            fresh.append(alert)
        elif (already := open_by_person.get((alert.rule_id, owner))) is not None:
            notes.append((None, already, alert))
        elif (alert.rule_id, owner) in opening:
            notes.append(((alert.rule_id, owner), None, alert))
        else:
            opening[(alert.rule_id, owner)] = len(fresh)
            fresh.append(alert)

    ticket_ids = _insert_tickets(connection, fresh, at=at)
    if notes:
        connection.execute(
            ticket_note.insert(),
            [
                {
                    "ticket_id": already if who is None else ticket_ids[opening[who]],
                    "author": SYSTEM,
                    "at": at,
                    "kind": "alert",
                    "body": msgspec.json.encode(alert.facts, order="sorted").decode(),
                }
                for who, already, alert in notes
            ],
        )
    owners = _owners(connection, sorted({a.owner_email for a in fresh}))
    mails = [
        OutboxMessage(
            idempotency_key=f"alert:{ticket_id}",
            channel="email",
            recipient=alert.owner_email,
            message=alert_message(
                alert.facts,
                owner=owners.get(alert.owner_email, OWNER_DEFAULTS),
                due_at=at + timedelta(hours=alert.due_hours),
                link=f"{public_url.rstrip('/')}/inbox/{ticket_id}",
            ),
        )
        for ticket_id, alert in zip(ticket_ids, fresh, strict=True)
    ]
    enqueue(connection, ledger, mails, at=at)
    return OpenedTickets(opened=tuple(ticket_ids), noted=len(notes), known=known)


def _happened(alert: Alert) -> tuple[datetime, int]:
    return datetime.fromisoformat(alert.facts["occurred_at"]), alert.position


def _seen_positions(connection: Connection, alerts: Sequence[Alert]) -> set[tuple[int, int]]:
    """Rule and position of the alerts that became a ticket or a note before."""
    positions = sorted({a.position for a in alerts})
    seen: set[tuple[int, int]] = set()
    for chunk in chunks(positions):
        rows = connection.execute(
            select(ticket.c.rule_id, ticket.c.position).where(
                ticket.c.position.in_(chunk), ticket.c.rule_id.is_not(None)
            )
        )
        seen.update((row.rule_id, row.position) for row in rows)
    atoms = sorted({a.atom_id for a in alerts if a.atom_id is not None})
    persons = sorted(set(profiles_of_atoms(connection, atoms).values()))
    related = sorted({*atoms, *atoms_of_profiles(connection, persons)})
    for chunk_of_atoms in chunks(related):
        noted = connection.execute(
            select(ticket.c.rule_id, ticket_note.c.body)
            .join(ticket_note, ticket_note.c.ticket_id == ticket.c.ticket_id)
            .where(ticket.c.atom_id.in_(chunk_of_atoms), ticket_note.c.kind == "alert")
        )
        seen.update((row.rule_id, msgspec.json.decode(row.body)["position"]) for row in noted)
    return seen


def _open_tickets(connection: Connection, persons: Sequence[str]) -> Mapping[tuple[int, str], int]:
    """The open ticket of each rule and person."""
    person_of = atoms_of_profiles(connection, persons)
    found: dict[tuple[int, str], int] = {}
    for chunk in chunks(sorted(person_of)):
        rows = connection.execute(
            select(ticket.c.rule_id, ticket.c.atom_id, ticket.c.ticket_id)
            .where(
                ticket.c.atom_id.in_(chunk),
                ticket.c.rule_id.is_not(None),
                ticket.c.status != "resolved",
            )
            .order_by(ticket.c.ticket_id)
            # Nobody may resolve the ticket between our look at it and our note in it.
            .with_for_update()
        )
        for row in rows:  # two persons merged may have one each: the newer takes the notes
            found[(row.rule_id, person_of[row.atom_id])] = row.ticket_id
    return found


def _insert_tickets(connection: Connection, alerts: Sequence[Alert], *, at: datetime) -> list[int]:
    if not alerts:
        return []
    rows = [
        {
            "rule_id": a.rule_id,
            "atom_id": a.atom_id,
            "position": a.position,
            "title_code": NEGATIVE_FEEDBACK,
            "facts": a.facts,
            "status": "open",
            "owner_email": a.owner_email,
            "priority": a.priority,
            "opened_at": at,
            "due_at": at + timedelta(hours=a.due_hours),
        }
        for a in alerts
    ]
    return list(
        connection.scalars(
            ticket.insert().returning(ticket.c.ticket_id, sort_by_parameter_order=True), rows
        )
    )


def _owners(connection: Connection, emails: Sequence[str]) -> dict[str, Owner]:
    """Language and time zone of those owners who have an account."""
    found: dict[str, Owner] = defaultdict(lambda: OWNER_DEFAULTS)
    for chunk in chunks(emails):
        rows = connection.execute(
            select(user.c.email, user.c.language, user.c.time_zone).where(user.c.email.in_(chunk))
        )
        for row in rows:
            found[row.email] = Owner(language=row.language, time_zone=row.time_zone)
    return found

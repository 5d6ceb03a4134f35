"""Decide what may be sent to whom: the list of checks, and the loop that runs them.

Read `CHECKS` first. Each check sees one candidate message and answers with a reason to refuse
it, or None. The first refusal decides; a message that passes them all takes its slot in the
contact ledger. Every decision is kept with its reason, the refusals too.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, select

from rapport.act.channels import address_problem
from rapport.act.contact_policy import (
    EXEMPT_PURPOSES,
    PURPOSES,
    ContactHistory,
    ContactPolicy,
    Reservation,
    contact_histories,
    fits,
    lock_contacts,
    policy_view,
    write_reservations,
)
from rapport.act.household_contacts import (
    Place,
    homes_of,
    people_at,
    place_of,
    reached_places,
)
from rapport.act.persons import chunks, current_profiles, names_of
from rapport.act.suppression import Suppressed, suppressed, suppression_value
from rapport.engines.ledger import Ledger
from rapport.errors import InvalidInput
from rapport.vocabulary.ledger_tables import membership, send_decision, ticket
from rapport.vocabulary.profile import ConsentState

_log = logging.getLogger(__name__)

#: Why a message may not be sent: a `code`, and the figures that belong to it.
Reason = dict[str, Any]
#: The latest word of each profile on each purpose.
Consents = Mapping[str, Mapping[str, ConsentState]]

#: Stands where a refused message names its check.
ALLOWED = "allowed"


class Candidate(Struct, frozen=True, kw_only=True):
    """A message that somebody would like to send.

    Parameters
    ----------
    profile_id : str
        To whom; an id from before a merge is fine.
    message_key : str
        What, such as ``campaign:12``: a person gets each key once.
    channel, address
        How and where; ``atom_id`` is the record that states the address.
    purpose : {"marketing", "service", "survey"}
    ineligible : str, optional
        Code of the campaign's own rule that this person does not meet.
    relevance, relevance_min : float
        What the message is expected to be worth to this person, and the least that is worth a
        disturbance; not checked without ``relevance``.
    expires_at : datetime, optional
        From then on the message is pointless.
    """

    profile_id: str
    message_key: str
    channel: str
    purpose: str
    address: str | None
    atom_id: int | None = None
    ineligible: str | None = None
    relevance: float | None = None
    relevance_min: float = 0.0
    expires_at: datetime | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """Whether a candidate may be sent, which check said so, and why."""

    profile_id: str  # as it is now; the candidate's own if the ledger does not know it
    message_key: str
    channel: str
    allowed: bool
    check: str
    reason: Reason
    at: datetime
    contact_id: int | None = None  # the slot that was reserved


class Situation(Struct, kw_only=True):
    """What the checks know, read for the whole batch at once."""

    at: datetime
    consents: Consents
    policies: tuple[ContactPolicy, ...]
    current: Mapping[str, str]
    suppressed: Mapping[tuple[str, str], Suppressed]
    complaining: frozenset[str]
    histories: Mapping[str, ContactHistory]
    homes: Mapping[str, str]
    reached: dict[tuple[str, Place], str]  # where each message arrived, and for whom

    def profile_of(self, candidate: Candidate) -> str:
        """The candidate's profile as it is now."""
        return self.current.get(candidate.profile_id, candidate.profile_id)

    def history_of(self, candidate: Candidate) -> ContactHistory:
        """What the candidate's person received, slots taken earlier in this batch included."""
        return self.histories[self.profile_of(candidate)]

    def place_of(self, candidate: Candidate) -> Place | None:
        """Where the message would arrive."""
        return place_of(
            candidate.channel, candidate.address, self.homes.get(self.profile_of(candidate))
        )

    def take(self, candidate: Candidate) -> int | None:
        """Take the candidate's slot, and its place for others of the household."""
        if (place := self.place_of(candidate)) is not None:
            self.reached[candidate.message_key, place] = self.profile_of(candidate)
        return self.history_of(candidate).take(candidate.message_key, self.at)


# ── the checks ─────────────────────────────────────────────────────────────────────────────────


def consent_problem(channel: str, purpose: str, words: Mapping[str, ConsentState]) -> Reason | None:
    """What consent says against a message; also asked again just before it is sent.

    Service messages need none: they fulfil a contract. Marketing needs ``<channel>_marketing``.
    A survey needs the purpose ``surveys``, or else ``<channel>_marketing``: courts have held
    satisfaction surveys to be advertising (Bundesgerichtshof, VI ZR 225/17), so that silence is
    no permission.
    """
    if purpose == "service":
        return None
    asked = {"marketing": [], "survey": ["surveys"]}[purpose] + [f"{channel}_marketing"]
    # The more specific word outranks the general one, a "no" as well as a "yes".
    word = next((words[a] for a in asked if a in words), None)
    if word is None:
        return {"code": "consent_missing", "purpose": asked[0]}
    if not word.granted:
        return {"code": "consent_withdrawn", "purpose": word.purpose, "since": word.since}
    return None


def _check_consent(candidate: Candidate, now: Situation) -> Reason | None:
    words = now.consents.get(candidate.profile_id) or now.consents.get(now.profile_of(candidate))
    return consent_problem(candidate.channel, candidate.purpose, words or {})


def _check_suppression(candidate: Candidate, now: Situation) -> Reason | None:
    key = (candidate.channel, suppression_value(candidate.address or ""))
    if (found := now.suppressed.get(key)) is None:
        return None
    return {"code": "suppressed", "because": found.reason, "since": found.at}


def _check_eligibility(candidate: Candidate, now: Situation) -> Reason | None:
    if candidate.profile_id not in now.current:
        return {"code": "profile_unknown"}
    if candidate.ineligible is not None:
        return {"code": "not_eligible", "because": candidate.ineligible}
    if candidate.expires_at is not None and candidate.expires_at <= now.at:
        return {"code": "expired", "since": candidate.expires_at}
    # Whoever waits for an answer to a complaint is not to read about a sale meanwhile.
    if candidate.purpose != "service" and now.profile_of(candidate) in now.complaining:
        return {"code": "open_complaint"}
    return None


def _check_relevance(candidate: Candidate, _now: Situation) -> Reason | None:
    if candidate.relevance is None or candidate.relevance >= candidate.relevance_min:
        return None
    return {
        "code": "not_relevant",
        "relevance": candidate.relevance,
        "min": candidate.relevance_min,
    }


def _check_contact_policy(candidate: Candidate, now: Situation) -> Reason | None:
    history = now.history_of(candidate)
    _, status = history.keys.get(candidate.message_key, (0, "released"))
    if status != "released":
        return {"code": "already_contacted", "status": status}
    if candidate.purpose in EXEMPT_PURPOSES:
        return None
    place = now.place_of(candidate)
    if place is not None and (candidate.message_key, place) in now.reached:
        return {"code": "household_contacted", "channel": candidate.channel}
    for policy in now.policies:
        if not fits(history.times, now.at, policy):
            view = policy_view(history.times, now.at, policy)
            return {
                "code": "policy_cap",
                "policy": view.policy,
                "sent": view.sent,
                "max": view.max,
                "window_days": view.window_days,
                "free_at": view.free_at,
            }
    return None


def _check_channel(candidate: Candidate, _now: Situation) -> Reason | None:
    problem = address_problem(candidate.channel, candidate.address)
    return None if problem is None else {"code": problem, "channel": candidate.channel}


class Check(NamedTuple):
    """One question asked of every candidate."""

    name: str
    refuse: Callable[[Candidate, Situation], Reason | None]


#: In this order: from what the law asks to what merely cannot be done.
CHECKS: tuple[Check, ...] = (
    Check("consent", _check_consent),
    Check("suppression", _check_suppression),
    Check("eligibility", _check_eligibility),
    Check("relevance", _check_relevance),
    Check("contact_policy", _check_contact_policy),
    Check("channel", _check_channel),
)


# ── the loop ───────────────────────────────────────────────────────────────────────────────────


def decide(
    connection: Connection,
    ledger: Ledger,
    candidates: Sequence[Candidate],
    *,
    consents: Consents,
    policies: Sequence[ContactPolicy],
    at: datetime,
) -> list[Decision]:
    """Decide on ``candidates``, reserve the slots of those allowed, and keep every decision.

    Earlier candidates come first: where a person has one slot left, the caller's order says who
    gets it. Put the allowed messages into the outbox within the same transaction, or their slots
    stay reserved for nothing.

    Parameters
    ----------
    connection : Connection
        Inside ``ledger.write()``. The contact ledger is locked until that transaction ends.
    consents : mapping of profile id to purpose to ConsentState
        A person without an entry said nothing.
    policies : sequence of ContactPolicy
        All must be satisfied (`contact_policy.load_policies`).

    Returns
    -------
    list of Decision
        One for each candidate, in their order.

    Raises
    ------
    InvalidInput
        If a candidate has another purpose than marketing, service or survey.
    """
    # The lock comes before anything is read: what we read cannot change until we have written.
    lock_contacts(connection, ledger)
    judged = _judge(connection, candidates, consents=consents, policies=policies, at=at)
    decisions = _reserve(connection, candidates, judged, at=at)
    keep_decisions(connection, decisions)
    counts = Counter(d.check for d in decisions)
    _log.info("decided on %d messages: %s", len(decisions), dict(sorted(counts.items())))
    return decisions


def preview(
    connection: Connection,
    candidates: Sequence[Candidate],
    *,
    consents: Consents,
    policies: Sequence[ContactPolicy],
    at: datetime,
) -> list[Decision]:
    """What `decide` would say now; reserves nothing, keeps nothing, needs no write transaction."""
    judged = _judge(connection, candidates, consents=consents, policies=policies, at=at)
    return [msgspec.structs.replace(d, contact_id=None) for d in judged]


def _judge(
    connection: Connection,
    candidates: Sequence[Candidate],
    *,
    consents: Consents,
    policies: Sequence[ContactPolicy],
    at: datetime,
) -> list[Decision]:
    """Run the checks; `contact_id` of an allowed one is a released slot that it may take again."""
    for candidate in candidates:
        if candidate.purpose not in PURPOSES:
            raise InvalidInput(
                f"Message '{candidate.message_key}' has the purpose '{candidate.purpose}'; "
                f"known: {', '.join(PURPOSES)}"
            )
    now = _situation(connection, candidates, consents=consents, policies=policies, at=at)
    decisions: list[Decision] = []
    for candidate in candidates:
        decided_by, reason, contact_id = ALLOWED, {"code": ALLOWED}, None
        for check, refuse in CHECKS:
            if (refusal := refuse(candidate, now)) is not None:
                decided_by, reason = check, refusal
                break
        else:
            contact_id = now.take(candidate)
        decisions.append(
            Decision(
                profile_id=now.profile_of(candidate),
                message_key=candidate.message_key,
                channel=candidate.channel,
                allowed=decided_by == ALLOWED,
                check=decided_by,
                reason=msgspec.to_builtins(reason),  # as it will be read back
                at=at,
                contact_id=contact_id,
            )
        )
    return decisions


def _situation(
    connection: Connection,
    candidates: Sequence[Candidate],
    *,
    consents: Consents,
    policies: Sequence[ContactPolicy],
    at: datetime,
) -> Situation:
    current = current_profiles(connection, [c.profile_id for c in candidates])
    persons = sorted(set(current.values()))
    addresses: defaultdict[str, list[str]] = defaultdict(list)
    for candidate in candidates:
        if candidate.address:
            addresses[candidate.channel].append(candidate.address)
    longest = max((p.window for p in policies), default=timedelta(0))
    keys = sorted({c.message_key for c in candidates})
    homes = homes_of(connection, persons)
    places = {
        place
        for c in candidates
        if (place := place_of(c.channel, c.address, homes.get(current.get(c.profile_id, ""))))
    }
    sharing = people_at(connection, places)
    histories = contact_histories(
        connection, sorted({*persons, *sharing}), at=at, since=at - longest, keys=keys
    )
    return Situation(
        at=at,
        consents=consents,
        policies=tuple(policies),
        current=current,
        suppressed=suppressed(connection, addresses),
        complaining=_complaining(connection, persons),
        histories=histories,
        homes=homes,
        reached=reached_places(connection, histories, {**sharing, **homes}, keys),
    )


def _complaining(connection: Connection, profile_ids: Sequence[str]) -> frozenset[str]:
    """Who has an alert's ticket that nobody has resolved yet."""
    names = names_of(connection, profile_ids)
    found: set[str] = set()
    for chunk in chunks(sorted(names)):
        rows = connection.scalars(
            select(membership.c.profile_id)
            .join(ticket, ticket.c.atom_id == membership.c.atom_id)
            .where(
                membership.c.profile_id.in_(chunk),
                membership.c.valid_to.is_(None),
                ticket.c.rule_id.is_not(None),
                ticket.c.status != "resolved",
            )
        )
        found.update(names[profile_id] for profile_id in rows)
    return frozenset(found)


def _reserve(
    connection: Connection,
    candidates: Sequence[Candidate],
    judged: Sequence[Decision],
    *,
    at: datetime,
) -> list[Decision]:
    """Write the slots of the allowed messages; the decisions then name them."""
    reservations = [
        Reservation(
            profile_id=d.profile_id,
            atom_id=c.atom_id,
            channel=c.channel,
            purpose=c.purpose,
            message_key=c.message_key,
            contact_id=d.contact_id,
        )
        for c, d in zip(candidates, judged, strict=True)
        if d.allowed
    ]
    contact_ids = iter(write_reservations(connection, reservations, at=at))
    return [
        msgspec.structs.replace(d, contact_id=next(contact_ids)) if d.allowed else d for d in judged
    ]


# ── what was decided ───────────────────────────────────────────────────────────────────────────


def keep_decisions(connection: Connection, decisions: Sequence[Decision]) -> None:
    """Keep decisions that were taken elsewhere, such as the outbox stopping a message."""
    if decisions:
        connection.execute(send_decision.insert(), [_row(d) for d in decisions])


def _row(decision: Decision) -> dict[str, Any]:
    return {
        "profile_id": decision.profile_id,
        "message_key": decision.message_key,
        "channel": decision.channel,
        "allowed": decision.allowed,
        "check": decision.check,
        "reason": decision.reason,
        "at": decision.at,
    }


def decisions_for(
    connection: Connection, profile_ids: Sequence[str], *, limit: int = 50
) -> dict[str, list[Decision]]:
    """The latest decisions about each person, newest first, whatever ids they had before.

    Parameters
    ----------
    limit : int
        At most this many for each person.

    Returns
    -------
    dict
        From each given id to its decisions; empty for an id that the ledger does not know.
    """
    current = current_profiles(connection, profile_ids)
    names = names_of(connection, sorted(set(current.values())))
    newest = (
        func.row_number()
        .over(
            partition_by=send_decision.c.profile_id,
            order_by=(send_decision.c.at.desc(), send_decision.c.decision_id.desc()),
        )
        .label("newest")
    )
    kept: defaultdict[str, list[tuple[datetime, int, Decision]]] = defaultdict(list)
    for chunk in chunks(sorted(names)):
        ranked = (
            select(send_decision, newest).where(send_decision.c.profile_id.in_(chunk)).subquery()
        )
        for row in connection.execute(select(ranked).where(ranked.c.newest <= limit)):
            decision = Decision(
                profile_id=row.profile_id,
                message_key=row.message_key,
                channel=row.channel,
                allowed=row.allowed,
                check=row.check,
                reason=row.reason,
                at=row.at,
            )
            kept[names[row.profile_id]].append((row.at, row.decision_id, decision))
    latest = {
        person: [d for _, _, d in sorted(rows, key=itemgetter(0, 1), reverse=True)[:limit]]
        for person, rows in kept.items()
    }
    return {p: latest.get(current.get(p, ""), []) for p in profile_ids}

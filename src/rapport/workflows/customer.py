"""The 360-degree view of one customer: everything known, where it is from, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.contact_policy import (
    Contact,
    PolicyView,
    contacts_of,
    load_policies,
    seven_day_view,
)
from rapport.act.decide import Decision, decisions_for
from rapport.act.next_best_action import (
    REST,
    Advice,
    CustomerFacts,
    NextAction,
    OpenTicket,
    advise,
    next_actions,
)
from rapport.act.persons import names_of
from rapport.act.tickets import UNRESOLVED, Ticket, tickets_of
from rapport.predict.evaluation import BackTest
from rapport.predict.history import Facts
from rapport.predict.score import reasons_for
from rapport.understand.person import MOST_RECORDS, score_before, standing
from rapport.unify.consents import consent_state
from rapport.unify.explain import mask
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of
from rapport.unify.survivorship import ProfileFacts, facts_of
from rapport.vocabulary.ledger_tables import outbox, profile, score
from rapport.vocabulary.profile import ATTRIBUTES, Fact
from rapport.workflows.accuracy import Accuracy, accuracy_of
from rapport.workflows.company import Company
from rapport.workflows.company_accounts import PersonAccount, accounts_of
from rapport.workflows.customer_timeline import (
    MoodMonth,
    Timeline,
    activity_sums,
    source_labels,
    timeline_page,
)
from rapport.workflows.households import PersonHome, home_of
from rapport.workflows.train import SCORE_NAMES, latest_model, read_card

#: Attributes whose values only those who may write to customers see in full.
MASKED = frozenset({"email", "phone"})
#: A probability of this long ago is compared with today's.
_BEFORE = timedelta(days=90)
#: `Fact.source` of a value that a colleague chose begins with this.
_CHOSEN = "user:"


class ShownFact(Struct, frozen=True, kw_only=True):
    """One attribute as it is shown.

    Attributes
    ----------
    data_kind : str
        demographic, behavioural, transactional or psychographic.
    source : str
        Label of the silo, or the address of the colleague who chose it (`is_chosen`).
    confidence : float
        Share of the evidence that speaks for this value.
    versions : int
        How many different values silos state, this one included.
    """

    name: str
    value: str
    data_kind: str
    source: str
    observed_at: datetime
    confidence: float
    is_chosen: bool
    versions: int


class Choice(Struct, frozen=True, kw_only=True):
    """One of the values between which a colleague may choose."""

    value: str
    source: str
    observed_at: datetime
    is_shown: bool
    key: str  # what a form sends: the value may be masked


class ShownConflict(Struct, frozen=True, kw_only=True):
    """Silos that disagree on one attribute, and why the shown value won."""

    name: str
    rule: str
    choices: tuple[Choice, ...]


class ShownConsent(Struct, frozen=True, kw_only=True):
    """The latest word on one purpose."""

    purpose: str
    granted: bool
    legal_basis: str
    since: datetime
    source: str


class ValueSoFar(Struct, frozen=True, kw_only=True):
    """What the customer was worth until now, in the reporting currency."""

    currency: str
    order_count: int
    revenue: Decimal
    average_order_value: Decimal | None
    customer_since: datetime | None
    first_seen: datetime | None
    last_seen: datetime | None
    last_order_at: datetime | None
    touchpoint_count: int
    acquisition_channel: str | None
    rfm_segment: str | None
    value_rank: float | None


class ShownScore(Struct, frozen=True, kw_only=True):
    """One prediction with its 95 % interval."""

    name: str
    value: float
    low: float | None
    high: float | None


class ShownReason(Struct, frozen=True, kw_only=True):
    """One fact behind the predictions, as code and numbers."""

    code: str
    numbers: dict[str, float]


class Predictions(Struct, frozen=True, kw_only=True):
    """What a model says of the customer, and how well it did before; or why it says nothing.

    Attributes
    ----------
    state : str
        ``scored``; ``not_trained``; ``refused`` (data do not suffice); ``no_orders``.
    refusal : dict
        Numbers of a refusal: ``repeat_buyers needs_repeat_buyers weeks needs_weeks``.
    back_test : BackTest or None
    accuracy : Accuracy or None
        What the back-test says of each score.
    """

    state: str
    scores: dict[str, ShownScore] = {}
    reasons: tuple[ShownReason, ...] = ()
    likely_orders: tuple[int, int] | None = None
    as_of: datetime | None = None
    horizon_days: int | None = None
    model: str | None = None
    back_test: BackTest | None = None
    accuracy: Accuracy | None = None
    flags: tuple[str, ...] = ()
    refusal: dict[str, Any] = {}


class NextStep(Struct, frozen=True, kw_only=True):
    """What is advised, what a colleague answered, and where the contact policy stands."""

    advice: Advice | None
    answered: NextAction | None
    policies: tuple[PolicyView, ...]


class MessageShown(Struct, frozen=True, kw_only=True):
    """A message that was decided on, or a contact by a colleague.

    Attributes
    ----------
    status : str
        ``reserved sent failed released`` of the contact, or ``refused``.
    reason : dict
        The code that refused it and its figures.
    """

    at: datetime
    channel: str
    message_key: str
    status: str
    purpose: str | None = None
    subject: str | None = None
    check: str | None = None
    reason: dict[str, Any] = {}
    is_human: bool = False


class Customer(Struct, frozen=True, kw_only=True):
    """The whole view."""

    profile_id: str
    name: str | None
    at: datetime
    facts: tuple[ShownFact, ...]
    conflicts: tuple[ShownConflict, ...]
    consents: tuple[ShownConsent, ...]
    value: ValueSoFar
    timeline: Timeline
    mood: tuple[MoodMonth, ...]
    predictions: Predictions
    next_step: NextStep
    tickets: tuple[Ticket, ...]
    messages: tuple[MessageShown, ...]
    records: int
    home: PersonHome
    accounts: tuple[PersonAccount, ...]

    def fact(self, name: str) -> ShownFact | None:
        """The shown value of an attribute."""
        return next((fact for fact in self.facts if fact.name == name), None)


class _Known(Struct, frozen=True, kw_only=True):
    """What one read of the ledger gave."""

    profile_id: str
    row: Any
    atoms: tuple[int, ...]
    names: tuple[str, ...]
    facts: ProfileFacts
    consents: Sequence[Any]
    labels: Mapping[str, str]
    predictions: Predictions
    tickets: tuple[Ticket, ...]
    messages: tuple[MessageShown, ...]
    answered: NextAction | None
    policies: tuple[PolicyView, ...]
    home: PersonHome
    accounts: tuple[PersonAccount, ...]


def customer_360(
    company: Company,
    profile_id: str,
    *,
    reveal: bool,
    kind: str | None = None,
    before: str | None = None,
) -> Customer:
    """Everything about one customer.

    Parameters
    ----------
    profile_id : str
        Also an old one: the answer's `profile_id` says who it is now.
    reveal : bool
        Whether e-mail addresses and phone numbers are shown in full.
    kind, before : str, optional
        Which page of the timeline.

    Raises
    ------
    NotFound
        If there is no such profile.
    """
    now = company.clock()
    currency = company.choice("reporting_currency") or "EUR"
    with company.ledger.read() as connection:
        known = _read(connection, profile_id, now, reveal=reveal)
    sums = activity_sums(company, known.atoms)
    own = standing(company.lake, known.profile_id).to_pylist()
    value = _value(known, own[0] if own else {}, currency)
    timeline = timeline_page(
        company,
        known.profile_id,
        known.atoms,
        sums=sums,
        labels=known.labels,
        kind=kind,
        before=before,
    )
    return Customer(
        profile_id=known.profile_id,
        name=known.row.name,
        at=now,
        facts=_facts(known.facts, known.labels, reveal=reveal),
        conflicts=_conflicts(known.facts, known.labels, reveal=reveal),
        consents=tuple(
            ShownConsent(
                purpose=word.purpose,
                granted=word.granted,
                legal_basis=word.legal_basis,
                since=word.since,
                source=known.labels.get(word.source, word.source),
            )
            for word in known.consents
        ),
        value=value,
        timeline=timeline,
        mood=sums.mood,
        predictions=known.predictions,
        next_step=NextStep(
            advice=_advice(company, known, value, now),
            answered=known.answered,
            policies=known.policies,
        ),
        tickets=known.tickets,
        messages=known.messages,
        records=len(known.atoms),
        home=known.home,
        accounts=known.accounts,
    )


def advice_for(company: Company, profile_id: str) -> tuple[str, Advice | None]:
    """The person as they are now, and the best thing to do next with them."""
    now = company.clock()
    with company.ledger.read() as connection:
        known = _read(connection, profile_id, now, reveal=False)
    own = standing(company.lake, known.profile_id).to_pylist()
    value = _value(known, own[0] if own else {}, company.choice("reporting_currency") or "EUR")
    return known.profile_id, _advice(company, known, value, now)


# ── reading the ledger ─────────────────────────────────────────────────────────────────────────


def _read(connection: Connection, profile_id: str, now: datetime, *, reveal: bool) -> _Known:
    here = current_profile(connection, profile_id)
    row = connection.execute(select(profile).where(profile.c.profile_id == here)).one()
    return _Known(
        profile_id=here,
        row=row,
        atoms=atoms_of(connection, [here]).get(here, ()),
        names=tuple(sorted(names_of(connection, [here])))[:MOST_RECORDS],
        facts=facts_of(connection, [here])[here],
        consents=consent_state(connection, [here]).get(here, ()),
        labels=source_labels(connection),
        predictions=_predictions(connection, here),
        tickets=tuple(tickets_of(connection, [here])[here]),
        messages=_messages(connection, here),
        answered=next_actions(connection, [here]).get(here),
        policies=tuple(
            seven_day_view(connection, here, policy, at=now) for policy in load_policies(connection)
        ),
        home=home_of(connection, here, now=now, reveal=reveal),
        accounts=accounts_of(connection, here),
    )


def _predictions(connection: Connection, profile_id: str) -> Predictions:
    model = latest_model(connection)
    if model is None:
        return Predictions(state="not_trained")
    if model.status == "refused":
        numbers = {key: known for key, known in model.card.items() if key != "refused"}
        return Predictions(state="refused", as_of=model.data_until, refusal=numbers)
    card = read_card(model)
    rows = connection.execute(
        select(score).where(score.c.profile_id == profile_id, score.c.name.in_(SCORE_NAMES))
    ).all()
    if not rows:
        return Predictions(state="no_orders", as_of=card.as_of, model=card.model)
    stored = rows[0].reasons
    reasons = reasons_for(card, msgspec.convert(stored, Facts))
    return Predictions(
        state="scored",
        scores={
            row.name: ShownScore(name=row.name, value=row.value, low=row.low, high=row.high)
            for row in rows
        },
        reasons=tuple(
            ShownReason(code=reason.code, numbers=dict(reason.numbers)) for reason in reasons
        ),
        likely_orders=(int(stored["likely_orders_low"]), int(stored["likely_orders_high"])),
        as_of=rows[0].as_of,
        horizon_days=rows[0].horizon_days,
        model=card.model,
        back_test=card.back_tests[0],
        accuracy=accuracy_of(card),
        flags=card.flags,
    )


def _messages(connection: Connection, profile_id: str) -> tuple[MessageShown, ...]:
    """Decisions and contacts together, newest first: what was sent, what was not, and why."""
    decisions = decisions_for(connection, [profile_id])[profile_id]
    contacts = contacts_of(connection, profile_id)
    texts = {
        row.contact_id: row.message
        for row in connection.execute(
            select(outbox.c.contact_id, outbox.c.message).where(
                outbox.c.contact_id.in_([contact.contact_id for contact in contacts])
            )
        )
    }
    shown = [_refused(decision) for decision in decisions if not decision.allowed]
    shown += [_contacted(contact, texts.get(contact.contact_id)) for contact in contacts]
    return tuple(sorted(shown, key=lambda message: message.at, reverse=True)[:50])


def _refused(decision: Decision) -> MessageShown:
    return MessageShown(
        at=decision.at,
        channel=decision.channel,
        message_key=decision.message_key,
        status="refused",
        check=decision.check,
        reason=decision.reason,
    )


def _contacted(contact: Contact, message: Mapping[str, Any] | None) -> MessageShown:
    return MessageShown(
        at=contact.at,
        channel=contact.channel,
        message_key=contact.message_key,
        status=contact.status,
        purpose=contact.purpose,
        subject=None if message is None else message.get("subject"),
        is_human=contact.message_key.startswith("human:"),
    )


def key_of_value(value: str) -> str:
    """What a form sends for a value, which may be masked on the page."""
    return blake2b(value.encode(), digest_size=8).hexdigest()


# ── shaping ────────────────────────────────────────────────────────────────────────────────────


def _facts(
    known: ProfileFacts, labels: Mapping[str, str], *, reveal: bool
) -> tuple[ShownFact, ...]:
    versions = {conflict.name: 1 + len(conflict.others) for conflict in known.conflicts}
    return tuple(
        ShownFact(
            name=name,
            value=_value_shown(fact, reveal=reveal),
            data_kind=ATTRIBUTES[name],
            source=_source(fact, labels),
            observed_at=fact.observed_at,
            confidence=fact.confidence,
            is_chosen=fact.source.startswith(_CHOSEN),
            versions=versions.get(name, 1),
        )
        # In the order in which the vocabulary lists them, so that a page always reads alike.
        for name in ATTRIBUTES
        if (fact := known.shown.get(name)) is not None
    )


def _conflicts(
    known: ProfileFacts, labels: Mapping[str, str], *, reveal: bool
) -> tuple[ShownConflict, ...]:
    return tuple(
        ShownConflict(
            name=conflict.name,
            rule=conflict.rule,
            choices=tuple(
                Choice(
                    value=_value_shown(fact, reveal=reveal),
                    source=_source(fact, labels),
                    observed_at=fact.observed_at,
                    is_shown=fact is conflict.shown,
                    key=key_of_value(fact.value),
                )
                for fact in (conflict.shown, *conflict.others)
            ),
        )
        for conflict in known.conflicts
    )


def _value_shown(fact: Fact, *, reveal: bool) -> str:
    return fact.value if reveal or fact.name not in MASKED else mask(fact.name, fact.value)


def _source(fact: Fact, labels: Mapping[str, str]) -> str:
    if fact.source.startswith(_CHOSEN):
        return fact.source.removeprefix(_CHOSEN)
    return labels.get(fact.source, fact.source)


def _value(known: _Known, own: Mapping[str, Any], currency: str) -> ValueSoFar:
    row = known.row
    since = known.facts.shown.get("created_at")
    stated = _moment(since.value) if since is not None else None
    firsts = [moment for moment in (stated, row.first_seen) if moment is not None]
    return ValueSoFar(
        currency=currency,
        order_count=row.order_count,
        revenue=row.revenue,
        average_order_value=own.get("average_order_value"),
        customer_since=min(firsts, default=None),
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        last_order_at=row.last_order_at,
        touchpoint_count=row.touchpoint_count,
        acquisition_channel=own.get("acquisition_channel"),
        rfm_segment=own.get("rfm_segment"),
        value_rank=own.get("value_rank"),
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # A silo that gives a bare date means its own day; noon is that day in every zone of ours.
    return moment if moment.tzinfo else datetime.fromisoformat(f"{text[:10]}T12:00:00+00:00")


def _advice(company: Company, known: _Known, value: ValueSoFar, now: datetime) -> Advice | None:
    """The best advice that nobody has answered lately."""
    scores = known.predictions.scores
    alive = scores.get("probability_alive")
    expected = scores.get("expected_value")
    word = next((w for w in known.consents if w.purpose == "email_marketing"), None)
    facts = CustomerFacts(
        profile_id=known.profile_id,
        at=now,
        open_tickets=tuple(
            OpenTicket(ticket_id=t.ticket_id, opened_at=t.opened_at, due_at=t.due_at)
            for t in known.tickets
            if t.status in UNRESOLVED
        ),
        order_count=value.order_count,
        last_order_at=value.last_order_at,
        average_order_value=value.average_order_value,
        expected_value=None if expected is None else Decimal(str(round(expected.value, 2))),
        value_rank=value.value_rank,
        probability_alive=None if alive is None else alive.value,
        probability_alive_before=None
        if alive is None
        else score_before(
            company.lake, known.names, name="probability_alive", before=now - _BEFORE
        ),
        marketing_consent=None if word is None else word.granted,
        contact=known.policies[0] if known.policies else None,
    )
    return next((a for a in advise(facts) if not _rests(known.answered, a, now)), None)


def _rests(answered: NextAction | None, advice: Advice, now: datetime) -> bool:
    return (
        answered is not None
        and answered.status != "open"
        and answered.code == advice.code
        and answered.facts.get("ticket_id") == advice.facts.get("ticket_id")
        and now - answered.made_at < REST
    )

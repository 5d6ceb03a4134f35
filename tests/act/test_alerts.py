"""Negative feedback reaches a colleague once, soon, and without the customer's data."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from rapport.act.alert_mail import LOCALES, Owner, alert_message, mail_words
from rapport.act.alerts import (
    Alert,
    AlertCandidate,
    AlertRule,
    NegativeFeedback,
    OpenedTickets,
    Route,
    evaluate,
    load_rules,
    open_tickets,
    save_rule,
)
from rapport.act.defaults import ensure_defaults
from rapport.act.tickets import change_status, get_ticket, notes_of
from rapport.engines.ledger import Ledger, open_ledger
from rapport.errors import InvalidInput
from rapport.vocabulary import ledger_tables as t
from tests.act.people import NOW, add_people, merge

RULE = AlertRule(rule_id=1, name="Negative feedback", owner_email="owner@shop.example")
URL = "https://rapport.shop.example/"


def feedback(position: int = 1, **changes: Any) -> AlertCandidate:
    given: dict[str, Any] = {
        "type": "Survey Answered",
        "channel": "survey",
        "source": "surveys",
        "occurred_at": NOW - timedelta(hours=1),
        "atom_id": 1,
        "score": 3.0,
        "scale_min": 0.0,
        "scale_max": 10.0,
    }
    return AlertCandidate(position=position, **(given | changes))


def raised(*touchpoints: AlertCandidate, rule: AlertRule = RULE) -> list[Alert]:
    return evaluate([rule], touchpoints, at=NOW)


@pytest.mark.parametrize(
    ("score", "low", "high", "question", "negative"),
    [
        (6, 0, 10, None, True),  # the last detractor of the Net Promoter Score
        (7, 0, 10, None, False),
        (2, 1, 5, None, True),
        (2.5, 1, 5, None, False),
        (3, 1, 5, None, False),
        (2, 1, 7, None, True),
        (3, 1, 7, None, False),
        (3, 1, 10, None, True),
        (4, 1, 10, None, False),
        (25, 0, 100, None, True),
        (26, 0, 100, None, False),
        (0, 0, 1, None, True),
        (6, None, None, "nps", True),
        (6, None, None, "NPS", True),
        (1, None, None, "csat", False),  # 1 of what?
        (1, 5, 5, None, False),
        (None, 0, 10, "nps", False),
    ],
)
def test_what_counts_as_a_bad_score_on_each_scale(
    score: float | None,
    low: float | None,
    high: float | None,
    question: str | None,
    negative: bool,
) -> None:
    touchpoint = feedback(score=score, scale_min=low, scale_max=high, question=question)
    assert bool(raised(touchpoint)) is negative


def test_bad_words_raise_an_alert_even_beside_a_good_score() -> None:
    (alert,) = raised(feedback(score=9.0, sentiment=-0.35))
    assert alert.facts["because"] == ["text"]
    assert raised(feedback(score=9.0, sentiment=-0.34)) == []
    (both,) = raised(feedback(sentiment=-1.0))
    assert both.facts["because"] == ["score", "text"]


def test_history_is_imported_in_silence() -> None:
    week = NOW - timedelta(days=7)
    assert len(raised(feedback(occurred_at=week))) == 1
    assert raised(feedback(occurred_at=week - timedelta(microseconds=1))) == []


def test_only_the_chosen_types_and_enabled_rules_are_looked_at() -> None:
    assert raised(feedback(type="Order Completed")) == []
    assert raised(feedback(), rule=AlertRule(name="x", owner_email="a@b", enabled=False)) == []


def test_the_first_route_that_fits_owns_the_ticket() -> None:
    rule = AlertRule(
        rule_id=1,
        name="routed",
        owner_email="rest@shop.example",
        definition=NegativeFeedback(
            routes=(
                Route(owner_email="hu-stores@shop.example", country="HU", channel="store"),
                Route(owner_email="hu@shop.example", country="HU"),
                Route(owner_email="reviews@shop.example", channel="review"),
            )
        ),
    )
    alerts = raised(
        feedback(country="HU", channel="store"),
        feedback(country="HU", channel="review"),
        feedback(country="FR", channel="review"),
        feedback(),
        rule=rule,
    )
    assert [a.owner_email.partition("@")[0] for a in alerts] == [
        "hu-stores", "hu", "reviews", "rest",
    ]  # fmt: skip


def test_a_rule_comes_back_as_it_was_saved(ledger: Ledger) -> None:
    rule = AlertRule(
        name="Stars",
        owner_email="a@shop.example",
        definition=NegativeFeedback(
            touchpoint_types=("Review Posted",),
            share_max=0.5,
            sentiment_max=None,
            routes=(Route(owner_email="b@shop.example", country="BE"),),
        ),
    )
    with ledger.write() as connection:
        save_rule(connection, ledger, rule)
        save_rule(connection, ledger, rule)
        (loaded,) = load_rules(connection)
    assert loaded.definition == rule.definition
    assert (loaded.name, loaded.owner_email, loaded.enabled) == ("Stars", "a@shop.example", True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": " "}, "needs a name"),
        ({"owner_email": "nobody"}, "needs a name and the e-mail"),
        ({"definition": NegativeFeedback(due_hours=0)}, "due after 0 hours"),
        (
            {"definition": NegativeFeedback(score_max=None, share_max=None, sentiment_max=None)},
            "neither scores nor words",
        ),
    ],
)
def test_a_rule_that_could_not_work_is_refused(
    ledger: Ledger, changes: dict[str, Any], message: str
) -> None:
    given = {"name": "x", "owner_email": "a@b.example"} | changes
    with ledger.write() as connection, pytest.raises(InvalidInput, match=message):
        save_rule(connection, ledger, AlertRule(**given))


# ── tickets ────────────────────────────────────────────────────────────────────────────────────


def opened(ledger: Ledger, *touchpoints: AlertCandidate) -> OpenedTickets:
    with ledger.write() as connection:
        return open_tickets(connection, ledger, raised(*touchpoints), at=NOW, public_url=URL)


def mails(ledger: Ledger) -> list[Any]:
    with ledger.read() as connection:
        return list(connection.execute(select(t.outbox).order_by(t.outbox.c.outbox_id)))


def test_an_alert_opens_a_ticket_and_queues_the_mail_to_its_owner(ledger: Ledger) -> None:
    add_people(ledger, {"p": [1]})
    (ticket_id,) = opened(ledger, feedback(7)).opened
    with ledger.read() as connection:
        ticket = get_ticket(connection, ticket_id)
    assert (ticket.rule_id, ticket.position, ticket.atom_id) == (1, 7, "1")
    assert (ticket.profile_id, ticket.status, ticket.version) == ("p", "open", 0)
    assert (ticket.opened_at, ticket.due_at) == (NOW, NOW + timedelta(hours=24))
    assert ticket.facts["score"] == 3.0
    assert ticket.facts["occurred_at"] == "2026-11-16T08:00:00Z"
    (mail,) = mails(ledger)
    assert mail.idempotency_key == f"alert:{ticket_id}"
    assert (mail.recipient, mail.contact_id) == ("owner@shop.example", None)
    assert f"https://rapport.shop.example/inbox/{ticket_id}" in mail.message["text"]


def test_ticket_and_mail_exist_both_or_not_at_all(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError, match="crash"), ledger.write() as connection:
        open_tickets(connection, ledger, raised(feedback()), at=NOW, public_url=URL)
        raise RuntimeError("crash")
    with ledger.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.ticket)) == 0
    assert mails(ledger) == []


def test_a_replayed_touchpoint_does_nothing(ledger: Ledger) -> None:
    add_people(ledger, {"p": [1]})
    opened(ledger, feedback(1), feedback(2))
    assert opened(ledger, feedback(1), feedback(2)) == OpenedTickets(known=2)
    assert len(mails(ledger)) == 1


def test_further_feedback_becomes_a_note_while_the_ticket_is_open(ledger: Ledger) -> None:
    add_people(ledger, {"p": [1, 2]})
    later = feedback(2, score=0.0, atom_id=2, occurred_at=NOW - timedelta(minutes=1))
    first = opened(ledger, later, feedback(1))  # in any order: the earlier one opens it
    assert (len(first.opened), first.noted) == (1, 1)
    assert opened(ledger, feedback(3)) == OpenedTickets(noted=1)
    (ticket_id,) = first.opened
    with ledger.write() as connection:
        assert get_ticket(connection, ticket_id).position == 1
        notes = notes_of(connection, ticket_id)
        assert [(n.kind, n.author) for n in notes] == [("alert", "rapport")] * 2
        assert '"score":0' in notes[0].body
        change_status(
            connection,
            ticket_id,
            status="resolved",
            cause="delivery",
            author="a@shop.example",
            at=NOW,
            version=notes[-1].note_id,
        )
    assert opened(ledger, feedback(1), feedback(2), feedback(3)) == OpenedTickets(known=3)
    assert len(opened(ledger, feedback(4)).opened) == 1  # resolved: new feedback, new ticket
    assert len(mails(ledger)) == 2


def test_a_merged_person_has_one_open_ticket(ledger: Ledger) -> None:
    add_people(ledger, {"old": [1], "new": [2]})
    assert len(opened(ledger, feedback(1, atom_id=1)).opened) == 1
    merge(ledger, "old", "new", [1])
    assert opened(ledger, feedback(2, atom_id=2)).noted == 1


def test_people_without_a_profile_are_told_apart_by_their_record(ledger: Ledger) -> None:
    result = opened(
        ledger,
        feedback(1, atom_id=8),
        feedback(2, atom_id=9),
        feedback(3, atom_id=9),
        feedback(4, atom_id=None),  # nobody can be named: each its own ticket
        feedback(5, atom_id=None),
    )
    assert (len(result.opened), result.noted) == (4, 1)


def test_two_rules_open_a_ticket_each(ledger: Ledger) -> None:
    other = AlertRule(rule_id=2, name="second", owner_email="b@shop.example")
    with ledger.write() as connection:
        alerts = evaluate([RULE, other], [feedback()], at=NOW)
        done = open_tickets(connection, ledger, alerts, at=NOW, public_url=URL)
    assert len(done.opened) == 2


# ── the mail ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LOCALES)
def test_the_mail_says_what_happened_in_every_language(language: str) -> None:
    (alert,) = raised(feedback(score=2.5, sentiment=-0.9))
    message = alert_message(
        alert.facts,
        owner=Owner(language=language, time_zone="Europe/Budapest"),
        due_at=NOW,
        link="https://x/inbox/1",
    )
    whole = message.subject + message.text
    assert "{" not in whole
    assert "https://x/inbox/1" in message.text
    assert ("2.5" if language == "en" else "2,5") in message.text
    assert "10:00" in message.subject  # nine o'clock in London is ten in Budapest
    assert "9:00" in message.text  # when it happened, in the same zone


def test_owners_read_in_their_own_language(ledger: Ledger) -> None:
    with ledger.write() as connection:
        connection.execute(
            t.user.insert(),
            [
                {
                    "email": "owner@shop.example",
                    "name": "Éva",
                    "role": "agent",
                    "password_hash": "",
                    "language": "hu",
                    "created_at": NOW,
                }
            ],
        )
    opened(ledger, feedback())
    assert mails(ledger)[0].message["subject"].startswith("Negatív visszajelzés")


def test_all_languages_say_the_same_things() -> None:
    words = mail_words()
    assert len({frozenset(words[language]) for language in LOCALES}) == 1
    for group in ("what", "type", "channel"):
        for code, translations in words[group].items():
            assert set(translations) == set(LOCALES), code


# ── the first day ──────────────────────────────────────────────────────────────────────────────


def test_defaults_are_added_once_and_never_overwrite(ledger: Ledger) -> None:
    with ledger.write() as connection:
        ensure_defaults(connection, ledger, "owner@shop.example")
        connection.execute(t.contact_policy.update().values(max_messages=1))
        (rule,) = load_rules(connection)
        save_rule(
            connection,
            ledger,
            AlertRule(name=rule.name, owner_email="new@shop.example", definition=rule.definition),
        )
        ensure_defaults(connection, ledger, "owner@shop.example")
        policy = connection.execute(select(t.contact_policy)).one()
        (kept,) = load_rules(connection)
    assert (policy.name, policy.max_messages, policy.window_days) == ("3 messages per 7 days", 1, 7)
    assert (kept.name, kept.owner_email) == ("Negative feedback", "new@shop.example")
    assert kept.definition == NegativeFeedback()


def _open_concurrently(url: str, worker: int) -> None:
    ledger = open_ledger(url, migrate=False)
    for position in range(12):
        # Each worker sees all touchpoints, and two of its own, of the same person.
        touchpoints = [feedback(position), feedback(1000 + worker * 100 + position)]
        with ledger.write() as connection:
            open_tickets(connection, ledger, raised(*touchpoints), at=NOW, public_url=URL)
    ledger.close()


def test_several_workers_open_one_ticket_for_one_person(ledger_url: str) -> None:
    ledger = open_ledger(ledger_url, migrate=False)
    add_people(ledger, {"p": [1]})
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    workers = [context.Process(target=_open_concurrently, args=(ledger_url, n)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [w.exitcode for w in workers] == [0] * 4
    with ledger.read() as connection:
        (ticket_id,) = connection.scalars(select(t.ticket.c.ticket_id))
        noted = [msgspec.json.decode(n.body)["position"] for n in notes_of(connection, ticket_id)]
        opened_by = get_ticket(connection, ticket_id).position
    assert len(mails(ledger)) == 1
    ledger.close()
    assert len(noted) == len(set(noted)) == 12 + 4 * 12 - 1  # each touchpoint once
    assert opened_by not in noted

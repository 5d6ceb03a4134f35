"""Who is written to, who is not, and that the reason of every no can be read."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from rapport.act.decide import (
    CHECKS,
    Candidate,
    Decision,
    consent_problem,
    decide,
    decisions_for,
    preview,
)
from rapport.act.suppression import suppress
from rapport.engines.ledger import Ledger
from rapport.errors import InvalidInput
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.profile import ConsentState
from tests.act.people import NO, NOW, THREE_A_WEEK, YES, add_people, candidate, merge

MARKETING = {"p": {"email_marketing": YES}}


def judge(
    ledger: Ledger,
    *candidates: Candidate,
    consents: dict[str, dict[str, ConsentState]] | None = None,
) -> list[Decision]:
    with ledger.write() as connection:
        return decide(
            connection,
            ledger,
            candidates,
            consents=MARKETING if consents is None else consents,
            policies=[THREE_A_WEEK],
            at=NOW,
        )


def test_the_checks_run_from_what_the_law_asks_to_what_cannot_be_done() -> None:
    assert [c.name for c in CHECKS] == [
        "consent", "suppression", "eligibility", "relevance", "contact_policy", "channel",
    ]  # fmt: skip


def test_nothing_against_it_is_allowed_and_reserved(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    (decision,) = judge(ledger, candidate("p"))
    assert (decision.allowed, decision.check) == (True, "allowed")
    with ledger.read() as connection:
        row = connection.execute(select(t.contact)).one()
    assert (row.contact_id, row.profile_id, row.status) == (decision.contact_id, "p", "reserved")
    assert (row.channel, row.purpose, row.at, row.counted) == ("email", "marketing", NOW, True)


REFUSALS = {
    "consent": ({"consents": {"p": {"email_marketing": NO}}}, {}, "consent_withdrawn"),
    "consent never given": ({"consents": {}}, {}, "consent_missing"),
    "suppression": ({}, {"address": " Bounced@Example.org"}, "suppressed"),
    "eligibility": ({}, {"ineligible": "bought_it_already"}, "not_eligible"),
    "eligibility until": ({}, {"expires_at": NOW}, "expired"),
    "relevance": ({}, {"relevance": 0.1, "relevance_min": 0.2}, "not_relevant"),
    "channel": ({}, {"address": None}, "no_address"),
    "channel address": ({}, {"address": "nobody"}, "address_invalid"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_each_check_refuses_with_its_reason_and_takes_no_slot(ledger: Ledger, case: str) -> None:
    add_people(ledger, {"p": []})
    with ledger.write() as connection:
        suppress(
            connection,
            ledger,
            channel="email",
            addresses=["bounced@example.org"],
            reason="bounced",
            at=NOW,
        )
    given_to_decide, changes, code = REFUSALS[case]
    (decision,) = judge(ledger, candidate("p", **changes), **given_to_decide)  # type: ignore[arg-type]
    assert (decision.allowed, decision.check) == (False, case.split(maxsplit=1)[0])
    assert decision.reason["code"] == code
    with ledger.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.contact)) == 0
        kept = decisions_for(connection, ["p"])["p"]
    assert kept == [decision]


def test_the_reason_of_a_suppression_can_be_read_later(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    with ledger.write() as connection:
        for reason in ("complaint", "bounced"):  # the first reason stays
            suppress(
                connection,
                ledger,
                channel="email",
                addresses=["P@example.org"],
                reason=reason,  # type: ignore[arg-type]
                at=NOW,
            )
    judge(ledger, candidate("p"))
    with ledger.read() as connection:
        (kept,) = decisions_for(connection, ["p"])["p"]
    assert kept.reason == {
        "code": "suppressed", "because": "complaint", "since": "2026-11-16T09:00:00Z",
    }  # fmt: skip


def test_the_earlier_check_decides_when_several_would_refuse(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    (decision,) = judge(ledger, candidate("p", address=None, ineligible="x"), consents={})
    assert decision.check == "consent"


def test_an_unknown_profile_is_refused_and_the_refusal_kept(ledger: Ledger) -> None:
    (decision,) = judge(ledger, candidate("p"))
    assert decision.reason == {"code": "profile_unknown"}


def test_who_waits_for_an_answer_to_a_complaint_gets_service_but_no_advertising(
    ledger: Ledger,
) -> None:
    add_people(ledger, {"p": [1], "old": [2]})
    merge(ledger, "old", "p", [2])
    with ledger.write() as connection:
        ticket_id = connection.scalars(
            t.ticket.insert().returning(t.ticket.c.ticket_id),
            [
                {
                    "rule_id": 1,
                    "atom_id": 2,  # complained under a record that has joined since
                    "position": 1,
                    "title_code": "negative_feedback",
                    "facts": {},
                    "status": "working",
                    "owner_email": "a@example.org",
                    "opened_at": NOW,
                }
            ],
        ).one()
    sale, parcel = judge(ledger, candidate("p"), candidate("p", "parcel", purpose="service"))
    assert (sale.check, sale.reason) == ("eligibility", {"code": "open_complaint"})
    assert parcel.allowed
    with ledger.write() as connection:
        connection.execute(
            t.ticket.update()
            .where(t.ticket.c.ticket_id == ticket_id)
            .values(status="resolved", resolved_at=NOW)
        )
    assert judge(ledger, candidate("p"))[0].allowed


def test_a_slot_that_the_channel_refuses_goes_to_the_next_message(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    decisions = judge(
        ledger,
        candidate("p", "no address", address=None),
        *(candidate("p", f"m{n}") for n in range(4)),
    )
    assert [d.check for d in decisions] == ["channel"] + ["allowed"] * 3 + ["contact_policy"]


def test_the_same_message_twice_in_one_batch_is_sent_once(ledger: Ledger) -> None:
    add_people(ledger, {"p": [], "old": []})
    merge(ledger, "old", "p", [])
    consents = {"p": {"email_marketing": YES}, "old": {"email_marketing": YES}}
    decisions = judge(ledger, candidate("p"), candidate("p"), candidate("old"), consents=consents)
    assert [d.allowed for d in decisions] == [True, False, False]
    assert {d.profile_id for d in decisions} == {"p"}


def test_consent_under_the_current_profile_counts_for_an_old_link(ledger: Ledger) -> None:
    add_people(ledger, {"p": [], "old": []})
    merge(ledger, "old", "p", [])
    assert judge(ledger, candidate("old"))[0].allowed


def test_a_preview_says_the_same_and_leaves_no_trace(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    candidates = [candidate("p", f"m{n}") for n in range(5)]
    with ledger.read() as connection:
        said = preview(connection, candidates, consents=MARKETING, policies=[THREE_A_WEEK], at=NOW)
        assert decisions_for(connection, ["p"]) == {"p": []}
    done = judge(ledger, *candidates)
    assert [msgspec.structs.replace(d, contact_id=None) for d in done] == said


def test_decisions_are_listed_newest_first_across_a_merge_and_cut_at_the_limit(
    ledger: Ledger,
) -> None:
    add_people(ledger, {"p": [], "old": []})
    for n in range(3):
        judge(ledger, candidate("old", f"old{n}"))
        judge(ledger, candidate("p", f"new{n}"))
    merge(ledger, "old", "p", [])
    with ledger.read() as connection:
        found = decisions_for(connection, ["p", "nobody"], limit=4)
    assert [d.message_key for d in found["p"]] == ["new2", "old2", "new1", "old1"]
    assert found["nobody"] == []


def test_an_unknown_purpose_is_a_mistake_of_the_caller(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    with pytest.raises(InvalidInput, match="marketing, service, survey"):
        judge(ledger, candidate("p", purpose="spam"))


def test_a_batch_larger_than_one_statement_is_decided_whole(ledger: Ledger) -> None:
    people = [f"p{n:04}" for n in range(1201)]
    add_people(ledger, {p: [] for p in people})
    consents = {p: {"email_marketing": YES if n % 3 else NO} for n, p in enumerate(people)}
    decisions = judge(ledger, *(candidate(p) for p in people), consents=consents)
    assert [d.profile_id for d in decisions] == people
    assert [d.allowed for d in decisions] == [n % 3 != 0 for n in range(1201)]
    # The slots are each person's own, in the order of the batch.
    with ledger.read() as connection:
        rows = connection.execute(select(t.contact.c.contact_id, t.contact.c.profile_id)).all()
    assert {d.contact_id: d.profile_id for d in decisions if d.allowed} == {
        r.contact_id: r.profile_id for r in rows
    }


words = st.sampled_from([None, YES, NO])


@settings(deadline=None)  # machines are shared
@given(words, words)
def test_the_more_specific_word_on_surveys_outranks_the_general_one(
    surveys: ConsentState | None, general: ConsentState | None
) -> None:
    said = {"surveys": surveys, "email_marketing": general}
    problem = consent_problem("email", "survey", {k: v for k, v in said.items() if v})
    decisive = surveys or general
    assert (problem is None) == (decisive is not None and decisive.granted)


def test_a_permission_for_one_channel_is_none_for_another() -> None:
    assert consent_problem("sms", "marketing", {"email_marketing": YES}) == {
        "code": "consent_missing", "purpose": "sms_marketing",
    }  # fmt: skip
    assert consent_problem("email", "service", {"email_marketing": NO}) is None


def test_refusals_expire_with_time_not_with_the_day(ledger: Ledger) -> None:
    add_people(ledger, {"p": []})
    soon = candidate("p", expires_at=NOW + timedelta(microseconds=1))
    assert judge(ledger, soon)[0].allowed

"""Advice for one customer: right by hand-made figures, and silent where nothing is known."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from rapport.act.contact_policy import ContactPolicy, policy_view
from rapport.act.next_best_action import (
    ADVISORS,
    EFFORT_MINUTES,
    Advice,
    CustomerFacts,
    OpenTicket,
    advise,
    answer_advice,
    keep_advice,
    next_actions,
)
from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput, NotFound
from tests.act.people import NOW, THREE_A_WEEK

DAY = timedelta(days=1)


def facts(**changes: Any) -> CustomerFacts:
    return CustomerFacts(profile_id="p", at=NOW, **changes)


FADING: dict[str, Any] = {
    "order_count": 9,
    "expected_value": Decimal("120.00"),
    "value_rank": 0.9,
    "probability_alive": 0.5,
    "probability_alive_before": 0.9,
    "marketing_consent": True,
}
NEW: dict[str, Any] = {
    "order_count": 1,
    "last_order_at": NOW - 20 * DAY,
    "average_order_value": Decimal("80.00"),
    "probability_alive": 0.75,
    "marketing_consent": True,
}
COMPLAINT = OpenTicket(ticket_id=4, opened_at=NOW - DAY, due_at=NOW + DAY)


def codes(**changes: Any) -> list[str]:
    return [a.code for a in advise(facts(**changes))]


def test_leaving_a_customer_alone_can_be_best() -> None:
    assert advise(facts()) == []


def test_every_advisor_states_its_effort() -> None:
    assert set(EFFORT_MINUTES) == {a.code for a in ADVISORS}


def test_a_fading_good_customer_is_won_back_for_what_the_fall_has_cost() -> None:
    (advice,) = advise(facts(**FADING))
    assert advice.code == "win_back"
    # 120 at one chance in two is 240 if alive; four tenths of that chance are lost: 96.
    assert (advice.value_at_stake, advice.expected_value) == (Decimal("96.00"), Decimal("96.00"))
    assert advice.basis == "at_stake"


def test_a_measured_success_turns_what_is_at_stake_into_what_is_expected() -> None:
    (advice,) = advise(facts(**FADING, success_shares={"win_back": 0.05}))
    assert (advice.value_at_stake, advice.expected_value) == (Decimal("96.00"), Decimal("4.80"))
    assert advice.basis == "measured"


@pytest.mark.parametrize(
    "changes",
    [
        {"value_rank": 0.74},
        {"value_rank": None},
        {"probability_alive": 0.76},
        {"probability_alive": None},
        {"probability_alive_before": None},
        {"marketing_consent": False},
        {"open_tickets": (COMPLAINT,)},
    ],
)
def test_nobody_is_won_back_without_value_fall_consent_or_peace(changes: dict[str, Any]) -> None:
    assert "win_back" not in codes(**(FADING | changes))


def test_a_second_purchase_is_hoped_for_between_a_week_and_three_months() -> None:
    (advice,) = advise(facts(**NEW))
    assert (advice.code, advice.value_at_stake) == ("second_purchase", Decimal("60.00"))
    assert advice.facts["days_since"] == 20
    for days, expected in ((6, False), (7, True), (90, True), (91, False)):
        found = codes(**(NEW | {"last_order_at": NOW - days * DAY}))
        assert ("second_purchase" in found) is expected
    assert codes(**(NEW | {"order_count": 2})) == []


def test_who_was_never_asked_is_asked_and_who_said_no_is_not() -> None:
    assert codes(order_count=2, marketing_consent=None) == ["ask_consent"]
    assert codes(order_count=2, marketing_consent=False) == []


def test_a_complaint_comes_before_selling_and_an_overdue_one_before_all() -> None:
    assert codes(**(FADING | {"open_tickets": (COMPLAINT,)})) == ["call_back"]
    late = OpenTicket(ticket_id=5, opened_at=NOW - 3 * DAY, due_at=NOW - DAY)
    advice = advise(facts(open_tickets=(COMPLAINT, late), order_count=3))
    assert [a.code for a in advice] == ["keep_promise", "ask_consent"]
    assert advice[0].facts == {"ticket_id": 5, "due_at": "2026-11-15T09:00:00Z"}
    on_time = OpenTicket(ticket_id=6, opened_at=NOW, due_at=NOW)
    assert codes(open_tickets=(on_time,)) == ["call_back"]


def test_advice_is_ranked_by_value_for_each_minute_and_the_unknown_comes_last() -> None:
    both = {**NEW, "expected_value": Decimal("30.00"), "value_rank": 0.8}
    both |= {"probability_alive": 0.5, "probability_alive_before": 0.9}
    # second purchase: 40 in 2 minutes; win back: 24 in 5.
    assert codes(**both) == ["second_purchase", "win_back"]
    dear = both | {"expected_value": Decimal("300.00")}
    assert codes(**dear) == ["win_back", "second_purchase"]  # 240 in 5 minutes
    unknown = both | {"expected_value": None}
    assert codes(**unknown) == ["second_purchase", "win_back"]
    assert advise(facts(**unknown))[1].basis == "unknown"


def test_a_message_waits_for_the_contact_policy_and_a_call_about_a_complaint_does_not() -> None:
    full = policy_view([NOW - DAY] * 3, NOW, THREE_A_WEEK)
    (message,) = advise(facts(**FADING, contact=full))
    assert (message.not_before, message.blocked) == (NOW + 6 * DAY, False)
    (call,) = advise(facts(open_tickets=(COMPLAINT,), contact=full))
    assert (call.not_before, call.blocked) == (None, False)
    never = ContactPolicy(name="never", max_messages=0, window_days=7)
    (blocked,) = advise(facts(**FADING, contact=policy_view([], NOW, never)))
    assert blocked.blocked


# ── keeping ────────────────────────────────────────────────────────────────────────────────────


def keep(ledger: Ledger, advice: Advice | None, days: int = 0) -> None:
    with ledger.write() as connection:
        keep_advice(connection, ledger, {"p": advice}, at=NOW + days * DAY)


def answer(ledger: Ledger, code: str, status: Any, days: int = 0) -> None:
    with ledger.write() as connection:
        answer_advice(
            connection,
            "p",
            code=code,
            status=status,
            author="eva@shop.example",
            at=NOW + days * DAY,
        )


def kept(ledger: Ledger) -> tuple[str, str] | None:
    with ledger.read() as connection:
        found = next_actions(connection, ["p"]).get("p")
    return None if found is None else (found.code, found.status)


WIN_BACK = advise(facts(**FADING))[0]
CALL_BACK = advise(facts(open_tickets=(COMPLAINT,)))[0]


def test_advice_is_kept_with_its_value_and_replaced_by_newer(ledger: Ledger) -> None:
    keep(ledger, WIN_BACK)
    with ledger.read() as connection:
        action = next_actions(connection, ["p"])["p"]
    assert (action.expected_value, action.made_at) == (Decimal(96), NOW)
    assert action.facts["probability_alive"] == 0.5
    assert (action.facts["basis"], action.facts["effort_minutes"]) == ("at_stake", 5.0)
    keep(ledger, CALL_BACK)
    assert kept(ledger) == ("call_back", "open")
    keep(ledger, None)
    assert kept(ledger) is None


def test_an_answer_is_respected_for_thirty_days(ledger: Ledger) -> None:
    keep(ledger, WIN_BACK)
    answer(ledger, "win_back", "declined", days=1)
    keep(ledger, WIN_BACK, days=30)
    assert kept(ledger) == ("win_back", "declined")
    keep(ledger, None, days=30)
    assert kept(ledger) == ("win_back", "declined")
    keep(ledger, WIN_BACK, days=31)
    assert kept(ledger) == ("win_back", "open")


def test_a_new_complaint_is_advised_though_the_last_one_was_answered(ledger: Ledger) -> None:
    keep(ledger, CALL_BACK)
    answer(ledger, "call_back", "accepted")
    other = OpenTicket(ticket_id=99, opened_at=NOW)
    keep(ledger, advise(facts(open_tickets=(other,)))[0], days=1)
    assert kept(ledger) == ("call_back", "open")


def test_answering_what_is_not_advised_any_more_is_a_conflict(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        answer(ledger, "win_back", "accepted")
    keep(ledger, CALL_BACK)
    with pytest.raises(Conflict, match="now 'call_back' and open"):
        answer(ledger, "win_back", "accepted")
    with pytest.raises(InvalidInput, match="accepted or declined"):
        answer(ledger, "call_back", "maybe")
    answer(ledger, "call_back", "accepted")
    with pytest.raises(Conflict, match="accepted"):
        answer(ledger, "call_back", "declined")
    with ledger.read() as connection:
        assert next_actions(connection, ["p"])["p"].status_by == "eva@shop.example"

"""How far to trust the scores on show: what the back-test of the newest model says of each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from rapport.understand.segments.rule import All
from rapport.workflows.accuracy import accuracy_of, newest_accuracy
from rapport.workflows.company import Company
from rapport.workflows.customer_list import every_customer, list_customers
from rapport.workflows.segments import members_csv, segment_members, segments_overview
from rapport.workflows.train import train_models
from tests.conftest import FakeClock
from tests.scored import beaten_on, card_of_clockwork, card_that_held, keep_scores
from tests.shop import shop


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


def test_a_model_that_beat_the_simple_rules_holds() -> None:
    card = card_that_held()
    found = accuracy_of(card)
    test = card.back_tests[0]
    assert (found.tested_from, found.tested_until) == (test.cutoff, test.until)
    assert (found.customers, found.model) == (test.n_profiles, card.model)
    assert found.value is not None
    assert found.value.own_rmse_loss == test.own.value_rmse_loss < found.value.rule_rmse_loss
    assert found.orders.rule_mae_loss == min(rule.orders_mae_loss for rule in test.scores[1:])
    assert found.probability_alive.holds
    assert found.expected_orders.holds
    assert found.expected_value.holds
    assert found.dropout_identified


def test_where_nobody_is_seen_to_leave_no_score_holds() -> None:
    found = accuracy_of(card_of_clockwork())
    assert not found.dropout_identified
    assert found.expected_orders.doubts == ("dropout_not_identified", "simple_rule_wins")
    assert found.orders.rule == "mean_of_all"
    assert found.orders.rule_rmse_loss < found.orders.own_rmse_loss
    for verdict in (found.probability_alive, found.expected_orders, found.expected_value):
        assert not verdict.holds


def test_each_score_is_judged_by_its_own_test() -> None:
    on_value = accuracy_of(beaten_on(card_that_held(), "value_rmse"))
    assert on_value.expected_value.doubts == ("simple_rule_wins",)
    assert on_value.probability_alive.holds
    on_chance = accuracy_of(beaten_on(card_that_held(), "active_brier"))
    assert on_chance.probability_alive.doubts == ("simple_rule_wins",)
    assert on_chance.expected_value.holds


def test_money_that_could_not_be_tested_does_not_hold() -> None:
    card = card_that_held()
    test = card.back_tests[0]
    own = replace(test.own, value_mae_loss=None, value_rmse_loss=None)
    untested = replace(test, scores=(own, *test.scores[1:]))
    found = accuracy_of(replace(card, back_tests=(untested,)))
    assert found.value is None
    assert found.expected_value.doubts == ("not_tested",)
    assert found.value_shown
    none = accuracy_of(replace(card, back_tests=(untested,), flags=("value_not_shown",)))
    assert not none.value_shown


@pytest.mark.slow
def test_only_the_model_in_use_is_spoken_of(company: Company) -> None:
    assert newest_accuracy(company) is None
    assert segments_overview(company)[0].expected_value_holds is None
    assert segment_members(company, All()).accuracy is None
    keep_scores(company, card_that_held())
    assert newest_accuracy(company) == accuracy_of(card_that_held())
    assert train_models(company).refused is not None  # the shop is far too small
    assert newest_accuracy(company) is None


@pytest.mark.slow
def test_lists_and_files_carry_whether_their_scores_held(company: Company) -> None:
    keep_scores(company, beaten_on(card_that_held(), "value_rmse"))
    rows = segments_overview(company)
    assert {(row.probability_alive_holds, row.expected_value_holds) for row in rows} == {
        (True, False)
    }
    assert any(row.figures.expected_value for row in rows)
    found = segment_members(company, All())
    assert found.accuracy == newest_accuracy(company)
    assert {member.expected_value_holds for member in found.members} == {False}
    text = b"".join(members_csv(company, All())).decode("utf-8-sig")
    file = list(csv.DictReader(io.StringIO(text)))
    assert {(row["probability_alive_holds"], row["expected_value_holds"]) for row in file} == {
        ("True", "False")
    }
    listed = list_customers(company, reveal=True)
    assert listed.accuracy == found.accuracy
    assert {row.probability_alive_holds for row in listed.rows} == {True}
    searched = list_customers(company, reveal=True, query="customer")
    assert searched.accuracy == found.accuracy
    assert {row.probability_alive_holds for piece in every_customer(company) for row in piece} == {
        True
    }


@pytest.mark.slow
def test_segments_have_no_sum_over_customers_who_never_leave(company: Company) -> None:
    keep_scores(company, card_of_clockwork())
    rows = segments_overview(company)
    assert {row.figures.expected_value for row in rows} == {None}
    assert {row.expected_value_holds for row in rows} == {False}
    # Of one customer it stays, for the page that says what it rests on.
    assert {member.expected_value for member in segment_members(company, All()).members} == {100.0}

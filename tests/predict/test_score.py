"""Back-tests and scores through the room's one door."""

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from rapport.errors import NotEnoughData, NotFound
from rapport.predict.evaluation import (
    BackTest,
    DataNeeds,
    back_test,
    calibration_by_decile,
    hold_out,
)
from rapport.predict.history import InvalidHistory, read_orders
from rapport.predict.models import bg_nbd, gamma_gamma, pareto_nbd
from rapport.predict.models.bg_nbd import BgNbdParams
from rapport.predict.models.pareto_nbd import ParetoNbdParams
from rapport.predict.score import ModelCard, ScoredProfiles, choose, reasons_for, score_profiles
from tests.predict.cdnow import END, cdnow_orders
from tests.predict.simulated_customers import START, Simulated, simulate

FITTED_AT = datetime(2026, 11, 21, tzinfo=UTC)
WORLD = ParetoNbdParams(r=0.8, alpha=8.0, s=0.8, beta=20.0)


@pytest.fixture(scope="module")
def world() -> Simulated:
    return simulate(WORLD, n_customers=3_000, n_days=560, seed=21)


@pytest.fixture(scope="module")
def scored(world: Simulated) -> ScoredProfiles:
    returns_only = pa.table(
        {
            "profile_id": ["returner"],
            "occurred_at": pa.array([START + timedelta(days=9)], pa.timestamp("us", "UTC")),
            "received_at": pa.array([START + timedelta(days=9)], pa.timestamp("us", "UTC")),
            "amount": [-12.0],
        }
    )
    return score_profiles(
        pa.concat_tables([world.orders(), returns_only]),
        as_of=world.end(),
        fitted_at=FITTED_AT,
        horizon_weeks=26,
    )


def without(orders: pa.Table, keep: np.ndarray) -> pa.Table:
    return orders.filter(pa.array(keep))


def test_every_buyer_is_scored_and_ranges_hold_their_estimates(
    scored: ScoredProfiles, world: Simulated
) -> None:
    table = scored.table
    assert table.num_rows == world.n_customers
    for name in ("probability_alive", "expected_orders", "expected_value", "expected_order_value"):
        middle = table[name].to_numpy()
        assert (table[f"{name}_low"].to_numpy() <= middle).all()
        assert (middle <= table[f"{name}_high"].to_numpy()).all()
        assert (middle >= 0).all()
    assert (table["probability_alive_high"].to_numpy() <= 1).all()
    single = table["purchase_count"].to_numpy() == 1
    assert single.any()
    assert (table["expected_orders"].to_numpy()[single] > 0).all()


def test_customers_with_only_returns_get_no_score_and_a_reason(scored: ScoredProfiles) -> None:
    assert scored.not_scored.to_pylist() == [{"profile_id": "returner", "reason": "only_returns"}]
    assert "returner" not in scored.table["profile_id"].to_pylist()
    assert scored.card.n_only_returns == 1


def test_expected_value_is_expected_orders_times_their_value(scored: ScoredProfiles) -> None:
    table = scored.table
    product = table["expected_orders"].to_numpy() * table["expected_order_value"].to_numpy()
    np.testing.assert_allclose(table["expected_value"].to_numpy(), product)


def test_the_model_beats_simple_rules_on_customers_who_behave_like_it(
    scored: ScoredProfiles,
) -> None:
    test = scored.card.back_tests[0]
    assert test.beats_baselines
    assert test.winners["active_brier_loss"] == test.model
    assert test.own.total_orders == pytest.approx(test.total_orders, rel=0.08)
    assert test.likely_orders_covered_share > 0.78
    for row in test.calibration:
        noise = 3.5 * np.sqrt(row.predicted_share * (1 - row.predicted_share) / row.n_profiles)
        assert abs(row.predicted_share - row.observed_share) < noise + 0.02


def test_a_card_survives_json(scored: ScoredProfiles) -> None:
    text = msgspec.json.encode(scored.card)
    assert msgspec.json.decode(text, type=ModelCard) == scored.card
    assert scored.table["model_version"].unique().to_pylist() == [scored.card.version]


def test_scores_of_the_same_orders_are_the_same_and_carry_the_same_version(
    world: Simulated,
) -> None:
    first, second = (
        score_profiles(world.orders(), as_of=world.end(), fitted_at=when, horizon_weeks=26)
        for when in (FITTED_AT, FITTED_AT + timedelta(days=1))
    )
    assert first.table.equals(second.table)
    assert first.card.version == second.card.version


def test_orders_received_after_the_date_change_no_score(world: Simulated) -> None:
    orders = world.orders()
    as_of = world.end() - timedelta(weeks=8)
    moments = orders["occurred_at"].to_numpy().astype("datetime64[us]").astype(np.int64)
    known = orders.filter(pa.array(moments < int(as_of.timestamp() * 1e6)))
    # Everything known once more, now as if a till had sent it weeks late, and the true future.
    late = known.slice(0, 500).set_column(
        2, "received_at", pa.array([world.end()] * 500, pa.timestamp("us", "UTC"))
    )
    leaking = pa.concat_tables([orders, late])
    how = {"as_of": as_of, "fitted_at": FITTED_AT, "horizon_weeks": 26}
    assert score_profiles(leaking, **how).table.equals(score_profiles(known, **how).table)


def test_reasons_are_codes_with_the_numbers_behind_the_score(scored: ScoredProfiles) -> None:
    table = scored.table
    count = table["purchase_count"].to_numpy()
    row = int(np.argmax((count >= 5) & (table["days_since_last_purchase"].to_numpy() > 60)))
    reasons = {r.code: r.numbers for r in scored.explain(table["profile_id"][row].as_py())}
    since = table["days_since_last_purchase"][row].as_py()
    age = table["customer_age_days"][row].as_py()
    gap = (age - since) / (count[row] - 1)
    assert reasons["purchase_count"]["purchases"] == count[row]
    assert reasons["days_since_last_purchase"]["days"] == since
    assert reasons["usual_gap"]["days"] == pytest.approx(gap)
    silent = "silent_longer_than_usual" if since > gap else "within_usual_gap"
    assert reasons[silent]["gaps_since_last"] == pytest.approx(since / gap)
    assert reasons["own_order_value"]["repeat_purchases"] == count[row] - 1


def test_single_buyers_are_explained_without_a_gap(scored: ScoredProfiles) -> None:
    row = int(np.argmax(scored.table["purchase_count"].to_numpy() == 1))
    codes = [r.code for r in reasons_for(scored.card, scored.history.facts(row))]
    assert "single_purchase" in codes
    assert "value_from_all_customers" in codes
    assert "usual_gap" not in codes


def test_explaining_someone_without_a_score_is_refused_without_naming_them(
    scored: ScoredProfiles,
) -> None:
    with pytest.raises(NotFound, match="no score") as caught:
        scored.explain("returner")
    assert "returner" not in str(caught.value)


def test_on_cdnow_both_models_beat_the_simple_rules() -> None:
    held = hold_out(read_orders(cdnow_orders()), as_of=END, horizon_weeks=39)
    assert (held.horizon_weeks, held.history.n_repeat_buyers) == (39, 946)
    for model in (bg_nbd, pareto_nbd):
        test = back_test(held, model, gamma_gamma)
        assert test.total_orders == 1882
        assert set(test.winners.values()) == {model.name}
        assert [score.name for score in test.scores[1:]] == ["mean_of_all", "same_rate_as_before"]


def test_a_hold_out_is_at_most_half_the_time_and_the_card_says_so(world: Simulated) -> None:
    got = score_profiles(
        world.orders(), as_of=world.end(), fitted_at=FITTED_AT, horizon_weeks=104
    ).card
    assert got.back_tests[0].horizon_weeks == 40  # of 80 weeks
    assert "back_test_shorter_than_horizon" in got.flags


def test_a_back_test_as_known_then_leaves_out_what_came_late(world: Simulated) -> None:
    orders = world.orders()
    imported_later = orders.set_column(
        2,
        "received_at",
        pa.array([world.end()] * orders.num_rows, pa.timestamp("us", "UTC")),
    )
    how = {"as_of": world.end(), "fitted_at": FITTED_AT, "horizon_weeks": 26}
    card = score_profiles(imported_later, **how).card
    assert card.back_tests[0].late_share == 1.0
    assert "back_test_saw_late_orders" in card.flags
    with pytest.raises(NotEnoughData, match="has 0 over"):
        score_profiles(imported_later, back_test_known="then", **how)


def test_too_few_repeat_buyers_are_refused_with_the_count() -> None:
    world = simulate(WORLD, n_customers=60, n_days=560, seed=2)
    with pytest.raises(NotEnoughData, match=r"at least 100 repeat buyers .* has \d+ over 79") as no:
        score_profiles(world.orders(), as_of=world.end(), fitted_at=FITTED_AT)
    assert no.value.details["repeat_buyers"] < 60


def test_too_short_a_time_is_refused_with_the_weeks() -> None:
    world = simulate(WORLD, n_customers=3_000, n_days=84, seed=2)
    with pytest.raises(NotEnoughData, match=r"30 weeks .* over 12"):
        score_profiles(world.orders(), as_of=world.end(), fitted_at=FITTED_AT)


def test_no_orders_at_all_are_refused_not_scored(world: Simulated) -> None:
    with pytest.raises(NotEnoughData, match="has 0 over 0"):
        score_profiles(world.orders().slice(0, 0), as_of=world.end(), fitted_at=FITTED_AT)


def test_a_business_may_ask_for_less_data() -> None:
    world = simulate(WORLD, n_customers=120, n_days=300, seed=2)
    needs = DataNeeds(repeat_buyers=30, weeks_to_learn=20)
    card = score_profiles(
        world.orders(), as_of=world.end(), fitted_at=FITTED_AT, horizon_weeks=12, needs=needs
    ).card
    assert card.back_tests[0].n_repeat_buyers >= 30


def test_a_horizon_of_no_weeks_is_refused(world: Simulated) -> None:
    with pytest.raises(InvalidHistory, match="horizon is 0 weeks"):
        score_profiles(world.orders(), as_of=world.end(), fitted_at=FITTED_AT, horizon_weeks=0)


def test_values_are_not_shown_when_every_order_was_free(world: Simulated) -> None:
    orders = world.orders()
    free = orders.set_column(3, "amount", pa.array(np.zeros(orders.num_rows)))
    got = score_profiles(free, as_of=world.end(), fitted_at=FITTED_AT, horizon_weeks=26)
    assert "value_not_shown" in got.card.flags
    assert got.card.order_value is None
    assert got.table["expected_value"].null_count == got.table.num_rows
    assert got.card.back_tests[0].own.value_mae_loss is None


def test_a_simple_rule_that_wins_is_named_on_the_card() -> None:
    # Clockwork customers, all alike and never leaving: the mean of all is the best forecast.
    day = np.tile(np.arange(0, 560, 14), 300)
    who = np.repeat(np.arange(300), 40)
    clockwork = Simulated(
        customer=who,
        day=day + who % 7,
        amount=np.full(who.size, 20.0),
        n_customers=300,
        n_days=567,
    )
    card = score_profiles(
        clockwork.orders(), as_of=clockwork.end(), fitted_at=FITTED_AT, horizon_weeks=26
    ).card
    assert not card.back_tests[0].beats_baselines
    assert "simple_rule_wins_orders:mean_of_all" in card.flags
    assert "dropout_not_identified" in card.flags


def test_calibration_puts_equals_together_and_adds_up() -> None:
    probability = np.concatenate((np.full(50, 0.1), np.linspace(0.2, 0.9, 50)))
    happened = np.arange(100) % 3 == 0
    rows = calibration_by_decile(probability, happened)
    assert sum(row.n_profiles for row in rows) == 100
    assert max(row.n_profiles for row in rows) == 50
    assert [row.predicted_share for row in rows] == sorted(row.predicted_share for row in rows)
    seen = sum(row.observed_share * row.n_profiles for row in rows)
    assert seen == pytest.approx(happened.sum())


def test_the_choice_follows_squared_error_then_brier_then_the_list() -> None:
    held = hold_out(
        read_orders(simulate(WORLD, n_customers=600, n_days=400, seed=1).orders()),
        as_of=START + timedelta(days=400),
        horizon_weeks=13,
    )
    real = back_test(held, bg_nbd, gamma_gamma)

    def losing(name: str, rmse: float, brier: float) -> BackTest:
        own = msgspec.structs.replace(
            real.own, name=name, orders_rmse_loss=rmse, active_brier_loss=brier
        )
        return msgspec.structs.replace(real, model=name, scores=(own, *real.scores[1:]))

    def outcome(*tests: BackTest) -> tuple[str, str]:
        test, why = choose(list(tests))
        return test.model, why

    a = losing("a", 1.0, 0.2)
    assert outcome(a, losing("b", 0.9, 0.3)) == ("b", "lower_orders_rmse")
    assert outcome(a, losing("b", 1.005, 0.1)) == ("b", "lower_active_brier")
    assert outcome(a, losing("b", 0.999, 0.199)) == ("a", "first_of_equals")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (BgNbdParams(r=0.9, alpha=3.0, a=1.0, b=3.0), "bg_nbd"),
        (ParetoNbdParams(r=0.9, alpha=3.0, s=0.6, beta=3.0), "pareto_nbd"),
    ],
)
def test_the_chosen_model_is_the_one_that_made_the_customers(params, expected) -> None:
    world = simulate(params, n_customers=12_000, n_days=560, seed=5)
    card = score_profiles(
        world.orders(), as_of=world.end(), fitted_at=FITTED_AT, horizon_weeks=26
    ).card
    assert card.model == expected

"""The models against published numbers, finite differences, and customers whose truth we know."""

import doctest
import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.integrate import quad
from scipy.special import betaincinv, hyp2f1

from rapport.errors import NotEnoughData, NotFound
from rapport.predict.history import (
    InvalidHistory,
    PurchaseHistory,
    purchase_history,
    purchases_during,
    read_orders,
)
from rapport.predict.models import MODELS, bg_nbd, gamma_gamma, load, model_named, pareto_nbd
from rapport.predict.models.bg_nbd import BgNbdParams
from rapport.predict.models.gamma_gamma import GammaGammaParams, RepeatValues
from rapport.predict.models.no_dropout import FLAG as NOT_IDENTIFIED
from rapport.predict.models.no_dropout import log_likelihood as nbd_log_likelihood
from rapport.predict.models.pareto_nbd import ParetoNbdParams
from rapport.predict.models.repeat_purchases import RepeatPurchases
from tests.predict.cdnow import CALIBRATION_END, END, cdnow_orders
from tests.predict.simulated_customers import START, simulate

BG = BgNbdParams(r=0.243, alpha=4.414, a=0.793, b=2.426)
PARETO = ParetoNbdParams(r=0.553, alpha=10.578, s=0.606, beta=11.669)
PURCHASE_MODELS = ((bg_nbd, BG), (pareto_nbd, PARETO))
ids = {"ids": ("bg_nbd", "pareto_nbd")}


@pytest.fixture(scope="module")
def cdnow() -> PurchaseHistory:
    return purchase_history(read_orders(cdnow_orders()), CALIBRATION_END)


def some_rows(seed: int = 3, n: int = 200) -> RepeatPurchases:
    draw = np.random.default_rng(seed)
    x = np.minimum(draw.geometric(0.25, n) - 1, 40).astype(float)
    T = draw.integers(0, 500, n) / 7
    t_x = np.where(x > 0, np.floor(T * draw.random(n) * 7) / 7, 0.0)
    t_x[:5] = np.where(x[:5] > 0, T[:5], 0.0)
    return RepeatPurchases(x=x, t_x=t_x, T=T, weight=draw.integers(1, 5, n).astype(float))


def central_difference(function, at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    sides = [(function(at + step * e), function(at - step * e)) for e in np.eye(at.size)]
    return np.array([(up - down) / (2 * step) for up, down in sides])


# Published numbers


def test_cdnow_summary_has_the_published_customers(cdnow: PurchaseHistory) -> None:
    assert (cdnow.n_profiles, cdnow.n_repeat_buyers) == (2357, 946)
    assert cdnow.facts(0).purchase_count == 3
    assert round(cdnow.facts(0).customer_age_days / 7, 2) == 38.86
    assert cdnow.facts(0).mean_repeat_value == pytest.approx(22.35, abs=0.005)


def test_bg_nbd_on_cdnow_has_the_published_parameters(cdnow: PurchaseHistory) -> None:
    # Fader, Hardie & Lee (2005), table 2.
    fitted = bg_nbd.fit(cdnow)
    params = fitted.params
    assert [round(value, 3) for value in (params.r, params.alpha, params.a, params.b)] == [
        0.243,
        4.414,
        0.793,
        2.426,
    ]
    assert round(fitted.estimate.log_likelihood, 1) == -9582.4
    assert fitted.flags == ()


def test_pareto_nbd_on_cdnow_has_the_published_parameters(cdnow: PurchaseHistory) -> None:
    # Fader, Hardie & Lee (2005), table 2.
    fitted = pareto_nbd.fit(cdnow)
    params = fitted.params
    assert [round(value, 3) for value in (params.r, params.alpha, params.s, params.beta)] == [
        0.553,
        10.578,
        0.606,
        11.669,
    ]
    assert round(fitted.estimate.log_likelihood, 1) == -9595.0
    assert fitted.flags == ()


def test_gamma_gamma_on_cdnow_has_the_published_parameters(cdnow: PurchaseHistory) -> None:
    # Fader & Hardie (2013), section 5.
    params = gamma_gamma.fit(cdnow).params
    assert (round(params.p, 2), round(params.q, 2), round(params.gamma, 2)) == (6.25, 3.74, 15.44)


def test_pareto_nbd_predicts_the_cdnow_hold_out_as_published(cdnow: PurchaseHistory) -> None:
    actual, _ = purchases_during(read_orders(cdnow_orders()), cdnow, END, known_at=END)
    expected = pareto_nbd.predict(cdnow, 39, pareto_nbd.fit(cdnow)).expected_orders
    assert np.abs(expected - actual).mean() == pytest.approx(0.7545, abs=5e-5)
    assert math.sqrt(((expected - actual) ** 2).mean()) == pytest.approx(1.603, abs=5e-4)


def test_bg_nbd_expects_the_published_orders_of_the_papers_first_customer() -> None:
    # Fader, Hardie & Lee's spreadsheet: customer 1 (x=2, t_x=30.43, T=38.86), 39 weeks: 1.226.
    orders = bg_nbd.expected_purchases(np.array([2]), np.array([30.43]), np.array([38.86]), BG, 39)
    assert orders[0] == pytest.approx(1.226, abs=5e-4)


# Derivatives and formulas against independent evaluations


@pytest.mark.parametrize(
    ("model", "params"),
    [
        (bg_nbd, (0.24, 4.4, 0.8, 2.4)),
        (bg_nbd, (3.0, 0.5, 0.05, 30.0)),
        (pareto_nbd, (0.55, 10.6, 0.6, 11.7)),
        (pareto_nbd, (2.0, 0.3, 4.0, 0.05)),
        (pareto_nbd, (0.1, 200.0, 0.05, 500.0)),
    ],
)
def test_gradient_and_hessian_agree_with_finite_differences(model, params) -> None:
    rows, at = some_rows(), np.log(params)
    exact = model.log_likelihood(rows, at)
    slope = central_difference(lambda theta: model.log_likelihood(rows, theta).value, at)
    bend = central_difference(lambda theta: model.log_likelihood(rows, theta).gradient, at)
    np.testing.assert_allclose(exact.gradient, slope, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(exact.hessian, bend, rtol=1e-6, atol=1e-5)


def test_no_dropout_gradient_and_hessian_agree_with_finite_differences() -> None:
    rows, at = some_rows(), np.log([0.7, 5.0])
    exact = nbd_log_likelihood(rows, at)
    slope = central_difference(lambda theta: nbd_log_likelihood(rows, theta).value, at)
    bend = central_difference(lambda theta: nbd_log_likelihood(rows, theta).gradient, at)
    np.testing.assert_allclose(exact.gradient, slope, rtol=1e-6)
    np.testing.assert_allclose(exact.hessian, bend, rtol=1e-6)


def test_gamma_gamma_gradient_and_hessian_agree_with_finite_differences() -> None:
    draw = np.random.default_rng(5)
    rows = RepeatValues(x=draw.integers(1, 9, 100).astype(float), mean=draw.gamma(3, 10, 100))
    at = np.log([2.0, 3.0, 20.0])
    exact = gamma_gamma.log_likelihood(rows, at)
    slope = central_difference(lambda theta: gamma_gamma.log_likelihood(rows, theta).value, at)
    bend = central_difference(lambda theta: gamma_gamma.log_likelihood(rows, theta).gradient, at)
    np.testing.assert_allclose(exact.gradient, slope, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(exact.hessian, bend, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        PARETO,
        ParetoNbdParams(r=2, alpha=0.3, s=3, beta=40),
        ParetoNbdParams(r=5, alpha=60, s=0.1, beta=0.2),
    ],
)
@pytest.mark.parametrize(
    ("x", "t_x", "T"), [(0, 0, 30), (2, 30.43, 38.86), (6, 1, 200), (90, 80, 300)]
)
def test_pareto_nbd_alive_agrees_with_adaptive_integration(params, x, t_x, T) -> None:
    def left_at(age: float) -> float:
        return math.exp(
            math.log(params.s)
            - (params.r + x) * math.log((params.alpha + age) / (params.alpha + T))
            - (params.s + 1) * math.log(params.beta + age)
            + params.s * math.log(params.beta + T)
        )

    left = quad(left_at, t_x, T, epsabs=0, epsrel=1e-11, limit=500, points=[t_x + (T - t_x) / 50])[
        0
    ]
    alive = pareto_nbd.probability_alive(np.array([x]), np.array([t_x]), np.array([T]), params)
    assert alive[0] == pytest.approx(1 / (1 + left), rel=1e-8)


def test_pareto_nbd_alive_agrees_with_the_papers_hypergeometric_form() -> None:
    # Fader & Hardie (2005), equations 11 and 17, for alpha < beta.
    r, alpha, s, beta = PARETO.r, PARETO.alpha, PARETO.s, PARETO.beta
    x, t_x, T = 2, 30.43, 38.86

    def part(age: float) -> float:
        z = (beta - alpha) / (beta + age)
        return hyp2f1(r + s + x, r + x, r + s + x + 1, z) / (beta + age) ** (r + s + x)

    ratio = s / (r + s + x) * (alpha + T) ** (r + x) * (beta + T) ** s * (part(t_x) - part(T))
    alive = pareto_nbd.probability_alive(np.array([x]), np.array([t_x]), np.array([T]), PARETO)
    assert alive[0] == pytest.approx(1 / (1 + ratio), rel=1e-9)


@pytest.mark.parametrize("r", [0.4, 40.0])
@pytest.mark.parametrize("a", [0.793, 1.0, 1.0 + 1e-9, 4.0, 0.02, 31.0])
@pytest.mark.parametrize("horizon", [0.1, 39.0, 520.0])
def test_bg_nbd_expected_orders_agree_with_integration_over_dropout_chances(r, a, horizon) -> None:
    # E = ∫ [1 − (α'/(α'+p t))^r'] / p · Beta(p; a, b') dp for a customer who is alive.
    params = BgNbdParams(r=r, alpha=4.4, a=a, b=0.6)
    for x, T in ((0, 0.0), (0, 60.0), (3, 20.0), (60, 150.0)):
        rate, alpha, b = params.r + x, params.alpha + T, params.b + x

        def orders(share: float, rate=rate, alpha=alpha, b=b) -> float:
            p = betaincinv(a, b, share)
            if p < 1e-300:
                return rate * horizon / alpha
            return -math.expm1(-rate * math.log1p(p * horizon / alpha)) / p

        cuts = (0, 1e-3, 0.1, 0.9, 0.999, 1)
        truth = sum(quad(orders, *part, epsrel=1e-9)[0] for part in itertools.pairwise(cuts))
        customer = np.array([x]), np.array([T if x else 0.0]), np.array([T])
        got = bg_nbd.expected_purchases(*customer, params, horizon)
        alive = bg_nbd.probability_alive(*customer, params)
        assert got[0] == pytest.approx(truth * alive[0], rel=1e-6)


@pytest.mark.parametrize("r", [0.05, 0.9, 5.0])
@pytest.mark.parametrize("a", [1e-4, 0.8, 1.0, 25.0])
@pytest.mark.parametrize("b", [0.01, 2.4, 3000.0])
def test_series_and_integral_of_bg_nbd_agree_where_both_hold(r, a, b) -> None:
    params = BgNbdParams(r=r, alpha=4.4, a=a, b=b)
    x, T = np.array([0.0, 1.0, 12.0, 150.0]), np.array([0.0, 9.0, 60.0, 80.0])
    for weeks in (0.2, 26.0, 300.0):
        np.testing.assert_allclose(
            bg_nbd._orders_by_integral(x, T, params, weeks),
            bg_nbd._orders_by_series(x, T, params, weeks),
            rtol=1e-8,
        )


def test_bg_nbd_expects_what_is_left_of_the_rate_when_all_customers_are_alike() -> None:
    # With huge r, alpha, a and b everybody buys 10 a week and leaves with chance 1/500.
    params = BgNbdParams(r=1e6, alpha=1e5, a=1e5, b=499e5)
    orders = bg_nbd.expected_purchases(np.array([0]), np.array([0.0]), np.array([0.0]), params, 52)
    assert orders[0] == pytest.approx(500 * -math.expm1(-520 / 500), rel=1e-3)


@pytest.mark.parametrize(("model", "params"), PURCHASE_MODELS, **ids)
def test_expected_orders_are_the_mean_of_the_predicted_numbers(model, params) -> None:
    x, T = np.array([0.0, 1.0, 6.0]), np.array([10.0, 39.0, 52.0])
    more = model._chance_of_more(x, T, params, 26)
    mean = sum(next(more) for _ in range(400))
    np.testing.assert_allclose(mean, model._expected_if_alive(x, T, params, 26), rtol=1e-6)


# Recovery


@pytest.mark.parametrize(
    ("model", "params"),
    [
        (bg_nbd, BgNbdParams(r=0.6, alpha=9.0, a=0.7, b=2.5)),
        (pareto_nbd, ParetoNbdParams(r=0.7, alpha=14.0, s=0.7, beta=14.0)),
    ],
    **ids,
)
def test_fit_recovers_the_rates_of_simulated_customers(model, params) -> None:
    history = simulate(params, n_customers=20_000, n_days=730, seed=11).history()
    fitted = model.fit(history)
    sd = np.sqrt(np.diag(fitted.estimate.covariance))
    truth = np.log([getattr(params, name) for name in params.__struct_fields__])
    # Counting whole days shortens the clock by half a day of some hundreds: allow that bias too.
    assert (np.abs(np.array(fitted.estimate.log_params) - truth) < 3.5 * sd + 0.06).all()
    assert fitted.flags == ()


def test_intervals_of_the_parameters_hold_the_truth_as_often_as_they_say() -> None:
    params = BgNbdParams(r=0.8, alpha=30.0, a=0.7, b=2.5)
    truth = np.log([params.r, params.alpha, params.a, params.b])
    inside = []
    for seed in range(25):
        estimate = bg_nbd.fit(
            simulate(params, n_customers=1_500, n_days=900, seed=seed).history()
        ).estimate
        sd = np.sqrt(np.diag(estimate.covariance))
        inside.append(np.abs(np.array(estimate.log_params) - truth) < 1.96 * sd)
    # 100 correlated draws at 95 %: far below would be a covariance too small.
    assert np.mean(inside) > 0.87


def test_gamma_gamma_recovers_simulated_order_values() -> None:
    history = simulate(PARETO, n_customers=30_000, n_days=730, seed=2).history()
    params = gamma_gamma.fit(history).params
    assert params.p == pytest.approx(6.0, rel=0.08)
    assert params.q == pytest.approx(4.0, rel=0.08)
    assert params.gamma == pytest.approx(18.0, rel=0.12)


def test_leaving_that_cannot_be_seen_is_flagged() -> None:
    nobody_leaves = ParetoNbdParams(r=2.0, alpha=20.0, s=1e-9, beta=1.0)
    for seed in range(3, 6):
        history = simulate(nobody_leaves, n_customers=1_500, n_days=300, seed=seed).history()
        for model in (bg_nbd, pareto_nbd):
            fitted = model.fit(history)
            assert NOT_IDENTIFIED in fitted.flags
            prediction = model.predict(history, 26, fitted)
            assert np.isfinite(prediction.expected_orders_high).all()
            assert prediction.probability_alive.mean() > 0.95


def test_a_fit_is_the_same_whatever_the_order_of_customers() -> None:
    history = simulate(BG, n_customers=3_000, n_days=500, seed=9).history()
    mixed = np.random.default_rng(1).permutation(history.n_profiles)
    shuffled = PurchaseHistory(
        profile_ids=history.profile_ids.take(pa.array(mixed)),
        purchase_count=history.purchase_count[mixed],
        customer_age_days=history.customer_age_days[mixed],
        days_since_last_purchase=history.days_since_last_purchase[mixed],
        mean_repeat_value=history.mean_repeat_value[mixed],
        mean_value=history.mean_value[mixed],
        as_of=history.as_of,
        span_days=history.span_days,
        only_returns=history.only_returns,
    )
    assert bg_nbd.fit(shuffled).params == bg_nbd.fit(history).params


# Properties


@pytest.mark.parametrize(("model", "params"), PURCHASE_MODELS, **ids)
def test_alive_is_a_probability_that_rises_with_a_later_purchase_and_falls_with_silence(
    model, params
) -> None:
    t_x = np.linspace(0.1, 50, 60)
    for x in (1, 4, 30, 300):
        alive = model.probability_alive(np.full(60, x), t_x, np.full(60, 50.0), params)
        assert ((alive >= 0) & (alive <= 1)).all()
        assert (np.diff(alive) > 0).all()
        silent = model.probability_alive(np.full(60, x), np.full(60, 5.0), 5 + t_x, params)
        assert (np.diff(silent) < 0).all()


def test_single_buyers_are_alive_under_bg_nbd_and_doubted_under_pareto_nbd() -> None:
    x, t_x, T = np.zeros(3), np.zeros(3), np.array([0.0, 10.0, 200.0])
    assert bg_nbd.probability_alive(x, t_x, T, BG).tolist() == [1.0, 1.0, 1.0]
    alive = pareto_nbd.probability_alive(x, t_x, T, PARETO)
    assert alive[0] == 1.0
    assert 0 < alive[2] < alive[1] < 1


@pytest.mark.parametrize(("model", "params"), PURCHASE_MODELS, **ids)
def test_a_longer_horizon_holds_more_orders(model, params) -> None:
    rows = some_rows()
    last = np.zeros(rows.x.size)
    for weeks in (0.5, 4, 26, 52, 520):
        orders = model.expected_purchases(rows.x, rows.t_x, rows.T, params, weeks)
        active = model.probability_active(rows.x, rows.t_x, rows.T, params, weeks)
        assert (orders >= last).all()
        assert ((active >= 0) & (active <= 1) & (active <= orders + 1e-12)).all()
        last = orders


@pytest.mark.parametrize("model", [bg_nbd, pareto_nbd])
def test_intervals_surround_the_estimates_and_narrow_with_more_customers(model) -> None:
    widths = []
    for n in (1_000, 16_000):
        history = simulate(PARETO, n_customers=n, n_days=600, seed=6).history()
        got = model.predict(history, 26, model.fit(history))
        assert (got.probability_alive_low <= got.probability_alive).all()
        assert (got.probability_alive <= got.probability_alive_high).all()
        assert (got.expected_orders_low < got.expected_orders).all()
        assert (got.expected_orders < got.expected_orders_high).all()
        assert (got.likely_orders_low <= got.likely_orders_high).all()
        widths.append(got.expected_orders_log_sd.mean())
    assert widths[1] < 0.5 * widths[0]


def test_delta_method_agrees_with_drawing_parameters() -> None:
    history = simulate(PARETO, n_customers=4_000, n_days=600, seed=8).history()
    for model, kind in ((bg_nbd, BgNbdParams), (pareto_nbd, ParetoNbdParams)):
        fitted = model.fit(history)
        got = model.predict(history, 26, fitted)
        draws = np.random.default_rng(0).multivariate_normal(
            fitted.estimate.log_params, fitted.estimate.covariance, 400
        )
        rows = np.arange(0, history.n_profiles, 40)
        age = history.customer_age_days[rows] / 7
        t_x = age - history.days_since_last_purchase[rows] / 7
        x = history.purchase_count[rows] - 1
        names = kind.__struct_fields__
        logs = np.log(
            [
                model.expected_purchases(x, t_x, age, kind(**dict(zip(names, v, strict=True))), 26)
                for v in np.exp(draws)
            ]
        )
        ratio = got.expected_orders_log_sd[rows] / logs.std(0)
        assert 0.85 < np.median(ratio) < 1.15


def test_likely_orders_hold_at_least_four_in_five_of_what_customers_did() -> None:
    world = simulate(PARETO, n_customers=8_000, n_days=730, seed=12)
    orders = read_orders(world.orders())
    cutoff = START.replace(year=2025)
    history = purchase_history(orders, cutoff)
    for model in (bg_nbd, pareto_nbd):
        got = model.predict(history, 52, model.fit(history))
        did, _ = purchases_during(orders, history, world.end(), known_at=world.end())
        inside = (did >= got.likely_orders_low) & (did <= got.likely_orders_high)
        assert inside.mean() > 0.78


def test_expected_value_lies_between_own_mean_and_mean_of_all() -> None:
    params = GammaGammaParams(p=6.25, q=3.74, gamma=15.44)
    everybody = params.p * params.gamma / (params.q - 1)
    x = np.array([0, 1, 5, 500])
    value = gamma_gamma.expected_value(x, np.full(4, 90.0), params)
    assert value[0] == pytest.approx(everybody)
    assert (np.diff(value) > 0).all()
    assert value[3] == pytest.approx(90, rel=0.01)


def test_value_of_single_buyers_is_unknown_when_the_mean_of_all_is_infinite() -> None:
    params = GammaGammaParams(p=2.0, q=0.9, gamma=10.0)
    value = gamma_gamma.expected_value(np.array([0, 3]), np.array([0.0, 20.0]), params)
    assert np.isnan(value[0])
    assert value[1] > 0


def test_extreme_customers_get_finite_scores() -> None:
    history = simulate(PARETO, n_customers=2_000, n_days=600, seed=3).history()
    count, since = history.purchase_count.copy(), history.days_since_last_purchase.copy()
    age = history.customer_age_days.copy()
    count[:3], age[:3], since[:3] = (550, 2, 1), (598, 598, 0), (0, 597, 0)
    odd = PurchaseHistory(
        profile_ids=history.profile_ids,
        purchase_count=count,
        customer_age_days=age,
        days_since_last_purchase=since,
        mean_repeat_value=np.where(count > 1, 10.0, np.nan),
        mean_value=history.mean_value,
        as_of=history.as_of,
        span_days=history.span_days,
        only_returns=history.only_returns,
    )
    for model in (bg_nbd, pareto_nbd):
        got = model.predict(odd, 52, model.fit(odd))
        for name in ("probability_alive", "probability_active", "expected_orders_high"):
            assert np.isfinite(getattr(got, name)).all()
        assert got.expected_orders[0] > 100


# Refusals and the contract of the folder


@pytest.mark.parametrize(("model", "params"), PURCHASE_MODELS, **ids)
@pytest.mark.parametrize(("x", "t_x", "T"), [(1, 5, 4), (-1, 0, 4), (0, 3, 4), (1, -1, 4)])
def test_impossible_histories_are_refused(model, params, x, t_x, T) -> None:
    with pytest.raises(InvalidHistory, match="1 of 1 rows"):
        model.probability_alive(np.array([x]), np.array([float(t_x)]), np.array([float(T)]), params)


def test_expected_value_refuses_repeat_buyers_without_a_value() -> None:
    params = GammaGammaParams(p=6.25, q=3.74, gamma=15.44)
    with pytest.raises(InvalidHistory, match="1 of 2 customers"):
        gamma_gamma.expected_value(np.array([0, 2]), np.array([0.0, np.nan]), params)


def test_gamma_gamma_refuses_a_handful_of_customers() -> None:
    history = simulate(PARETO, n_customers=30, n_days=200, seed=3).history()
    with pytest.raises(NotEnoughData, match="at least 30 repeat buyers"):
        gamma_gamma.fit(history)


def test_models_are_listed_alphabetically_and_keep_their_contract() -> None:
    assert list(MODELS) == sorted(MODELS)
    history = simulate(BG, n_customers=500, n_days=400, seed=1).history()
    for path in MODELS:
        model = load(path)
        assert model_named(model.name) is model
        assert all(hasattr(history, column) for column in model.columns)
        prediction = model.predict(history, 26, model.fit(history))
        for name in prediction.__dataclass_fields__:
            assert getattr(prediction, name).shape == (history.n_profiles,)
        assert all(reason.code for reason in model.explain(history.facts(0)))


def test_an_unknown_model_is_answered_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="bg_nbd, gamma_gamma, pareto_nbd"):
        model_named("prophet")


@pytest.mark.parametrize("path", MODELS)
def test_examples_in_the_docstrings_are_true(path) -> None:
    assert doctest.testmod(load(path)).failed == 0

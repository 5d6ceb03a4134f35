"""BG/NBD: customers buy at their own steady rate and may leave for good after any purchase.

References
----------
Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
Fader, Hardie & Lee (2008), Computing P(alive) Using the BG/NBD Model.
Fader & Hardie (2013), Overcoming the BG/NBD Model's #NUM! Error Problem.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from scipy.special import betaln

from rapport.predict.history import Facts, FloatArray, IntArray, PurchaseHistory
from rapport.predict.models.estimate import Estimate, Likelihood, in_log_params, inner, maximise
from rapport.predict.models.no_dropout import dropout_flags
from rapport.predict.models.prediction import (
    PurchasePrediction,
    Reason,
    likely_orders,
    log_gradient,
    purchase_reasons,
    with_intervals,
)
from rapport.predict.models.repeat_purchases import (
    RepeatPurchases,
    checked,
    distinct_pairs,
    gamma_mixture_terms,
    papers_view,
    repeat_purchases,
)

name = "bg_nbd"
predicts = "purchases"
columns = ("purchase_count", "customer_age_days", "days_since_last_purchase")

ROWS_FOR_STARTS = 5_000
SERIES_MAX_A = 30.0
SERIES_MIN_FACTOR = -10.0
INTEGRAL_STEPS = 160


class BgNbdParams(msgspec.Struct, frozen=True, kw_only=True):
    """Purchase rates are Gamma(r, alpha) over customers, dropout chances Beta(a, b).

    Attributes
    ----------
    r : float, positive
    alpha : float, positive, in weeks
    a, b : float, positive
    """

    r: float
    alpha: float
    a: float
    b: float


class BgNbdFit(msgspec.Struct, frozen=True, kw_only=True, tag="bg_nbd"):
    """Fitted parameters, their uncertainty and what to beware of."""

    params: BgNbdParams
    estimate: Estimate
    n_profiles: int
    n_distinct: int
    flags: tuple[str, ...]


def fit(history: PurchaseHistory) -> BgNbdFit:
    """Fit r, alpha, a and b by maximum likelihood."""
    rows = repeat_purchases(history)
    some = rows.thinned(ROWS_FOR_STARTS)
    rate = rows.rate
    estimate = maximise(
        lambda theta: log_likelihood(rows, theta),
        lambda theta: log_likelihood(some, theta),
        starts=[
            (np.log(r), np.log(r / (2 * rate)), np.log(a), np.log(b))
            for r, a, b in ((0.5, 0.8, 2.5), (2.0, 0.3, 3.0), (0.3, 3.0, 3.0))
        ],
        names=("r", "alpha", "a", "b"),
    )
    r, alpha, a, b = np.exp(estimate.log_params).tolist()
    return BgNbdFit(
        params=BgNbdParams(r=r, alpha=alpha, a=a, b=b),
        estimate=estimate,
        n_profiles=history.n_profiles,
        n_distinct=int(rows.x.size),
        flags=estimate.flags + dropout_flags(rows, estimate.log_likelihood),
    )


def log_likelihood(rows: RepeatPurchases, log_params: FloatArray) -> Likelihood:
    """Log-likelihood and its exact first and second derivatives in log (r, alpha, a, b).

    A customer with repeats is a mixture of two stories, still here and left after the last
    purchase: log L = common terms + log(e^still + e^left). With p = P(still here) the derivatives
    are p-weighted means of the stories' own derivatives, and the Hessian gains their covariance.
    """
    params = np.exp(log_params)
    r, alpha, a, b = params
    weight, x = rows.weight, rows.x
    n = weight.sum()
    counts = rows.count_of_x
    gamma0, gamma1, gamma2 = gamma_mixture_terms(counts, float(r))
    b0, b1, b2 = gamma_mixture_terms(counts, float(b))
    ab0, ab1, ab2 = gamma_mixture_terms(counts, float(a + b))

    still, left, p = _stories(rows, r, alpha, a, b)
    log_sum = np.logaddexp(still, left)
    value = gamma0 + n * r * np.log(alpha) + b0 - ab0 + inner(weight, log_sum)

    # First derivatives of the two stories in (r, alpha); in a and b only "left" has any.
    again = np.maximum(b + x - 1, b)  # x = 0 has no such story; its p is 1
    still_r, left_r = -np.log(alpha + rows.T), -np.log(alpha + rows.t_x)
    still_u, left_u = 1 / (alpha + rows.T), 1 / (alpha + rows.t_x)
    still_alpha, left_alpha = -(r + x) * still_u, -(r + x) * left_u
    wp, wq = weight * p, weight * (1 - p)
    left_b = -1 / again
    total_q = wq.sum()
    gradient = np.array(
        [
            gamma1 + n * np.log(alpha) + inner(wp, still_r) + inner(wq, left_r),
            n * r / alpha + inner(wp, still_alpha) + inner(wq, left_alpha),
            -ab1 + total_q / a,
            b1 - ab1 + inner(wq, left_b),
        ]
    )
    hessian = np.zeros((4, 4))
    hessian[0, 0] = gamma2
    hessian[0, 1] = n / alpha - inner(wp, still_u) - inner(wq, left_u)
    hessian[1, 1] = (
        -n * r / alpha**2 - inner(wp, still_alpha * still_u) - inner(wq, left_alpha * left_u)
    )
    hessian[2, 2] = -ab2 - total_q / a**2
    hessian[2, 3] = -ab2
    hessian[3, 3] = b2 - ab2 + inner(wq, left_b * left_b)
    gap = (left_r - still_r, left_alpha - still_alpha, np.full(x.size, 1 / a), left_b)
    both = wp * (1 - p)
    for i in range(4):
        scaled = both * gap[i]
        for j in range(i, 4):
            hessian[i, j] += inner(scaled, gap[j])
            hessian[j, i] = hessian[i, j]
    return in_log_params(float(value), gradient, hessian, params)


def _stories(
    rows: RepeatPurchases, r: float, alpha: float, a: float, b: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Logarithms of the two stories of each row, and the probability of "still here"."""
    x = rows.x
    still = -(r + x) * np.log(alpha + rows.T)
    left = np.full(x.size, -np.inf)
    more = x > 0
    left[more] = (
        np.log(a) - np.log(b + x[more] - 1) - (r + x[more]) * np.log(alpha + rows.t_x[more])
    )
    with np.errstate(over="ignore"):
        return still, left, 1 / (1 + np.exp(left - still))


def probability_alive(
    frequency: FloatArray | IntArray, recency: FloatArray, T: FloatArray, params: BgNbdParams
) -> FloatArray:
    """Probability that a customer may still buy, under BG/NBD.

    Parameters
    ----------
    frequency : int array, shape (n_profiles,)
        Repeat purchases x. Not the F of RFM.
    recency : float array, shape (n_profiles,), in weeks
        Age t_x at the last purchase; 0 without repeats. Not the R of RFM.
    T : float array, shape (n_profiles,), in weeks
        Age at the end of observation.
    params : BgNbdParams

    Returns
    -------
    float array, shape (n_profiles,), in [0, 1]
        1.0 where frequency is 0: nobody leaves before a repeat purchase.

    Raises
    ------
    InvalidHistory
        If recency exceeds T, or frequency is negative.

    References
    ----------
    Fader, Hardie & Lee (2008), Computing P(alive) Using the BG/NBD Model.

    Examples
    --------
    >>> params = BgNbdParams(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> probability_alive([0, 2], [0.0, 30.43], [38.86, 38.86], params).round(3).tolist()
    [1.0, 0.727]
    """
    x, t_x, age = checked(frequency, recency, T)
    rows = RepeatPurchases(x=x, t_x=t_x, T=age, weight=np.ones(x.size))
    return _stories(rows, params.r, params.alpha, params.a, params.b)[2]


def expected_purchases(
    frequency: FloatArray | IntArray,
    recency: FloatArray,
    T: FloatArray,
    params: BgNbdParams,
    horizon_weeks: float,
) -> FloatArray:
    """Purchases expected from each customer in the next ``horizon_weeks``, shape (n_profiles,).

    References
    ----------
    Fader, Hardie & Lee (2005), equation 10; evaluated as in :func:`_orders_by_series`.
    """
    x, _, age = checked(frequency, recency, T)
    alive = probability_alive(frequency, recency, T, params)
    return alive * _expected_if_alive(x, age, params, horizon_weeks)


def _expected_if_alive(
    x: FloatArray, T: FloatArray, params: BgNbdParams, horizon_weeks: float
) -> FloatArray:
    """Purchases expected in the horizon from customers known to be alive.

    A series where it keeps its digits, which is nearly always; else an integral.
    """
    first_factor = params.a + params.b - 1 - params.r
    by_series = params.a <= SERIES_MAX_A and first_factor >= SERIES_MIN_FACTOR
    return (_orders_by_series if by_series else _orders_by_integral)(x, T, params, horizon_weeks)


def _orders_by_series(
    x: FloatArray, T: FloatArray, params: BgNbdParams, horizon_weeks: float
) -> FloatArray:
    """Expected orders of the living by the hypergeometric series.

    The paper's C/(a−1) · [1 − (1−z)^(r+x) ₂F₁(r+x, b+x; C; z)], with C = a+b+x−1 and
    z = t/(alpha+T+t), fails at a = 1, divides by zero at C = 0, and its series needs thousands of
    terms. Euler's transformation (1−z)^(r+x) ₂F₁(r+x, b+x; C; z) = (1−z)^(a−1) ₂F₁(A, a−1; C; z)
    with A = a+b−1−r takes the a−1 out of every term but the first, so it cancels by algebra:

        E = C · (1 − (1−z)^(a−1))/(a−1) − (1−z)^(a−1) · S,
        S = Σ_{k≥1} (A)_k (a)_{k−1} z^k / ((C+1)_{k−1} k!)

    Its terms overflow for a in the hundreds and lose their digits to each other for A far below 0.
    """
    r, alpha, a, b = params.r, params.alpha, params.a, params.b
    z = horizon_weeks / (alpha + T + horizon_weeks)
    log_rest = np.log((alpha + T) / (alpha + T + horizon_weeks))
    C, A, power = a + b + x - 1, a + b - 1 - r, a - 1
    first = -log_rest if abs(power) < 1e-12 else -np.expm1(power * log_rest) / power

    total = np.zeros_like(z)
    rows = np.arange(z.size)
    term = A * z
    k = 1
    while rows.size:
        total[rows] += term
        # The factor bounds what is still to come when every further term shrinks by z.
        busy = np.abs(term) * z[rows] > 1e-14 * (1 - z[rows]) * np.abs(total[rows])
        if not busy.all():
            rows, term = rows[busy], term[busy]
        term = term * ((A + k) * (a + k - 1) / (k + 1)) * z[rows] / (C[rows] + k)
        k += 1
    return np.asarray(C * first - np.exp(power * log_rest) * total)


def _orders_by_integral(
    x: FloatArray, T: FloatArray, params: BgNbdParams, horizon_weeks: float
) -> FloatArray:
    """Expected orders of the living as a mean over their dropout chance p ~ Beta(a, b+x).

    A customer with dropout chance p places g(p) = [1 − (1 + p t/(alpha+T))^−(r+x)] / p orders. The
    mean of the straight line between g(0) and g(1) is known; the rest vanishes at both ends, so in
    the logit of p it dies out on both sides, where equal steps converge exponentially.
    """
    a, b = params.a, params.b + x
    rate, weeks = params.r + x, horizon_weeks / (params.alpha + T)
    at_0, at_1 = rate * weeks, -np.expm1(-rate * np.log1p(weeks))
    middle = np.log((a + 1) / (b + 1))
    width = 8.5 * np.sqrt(1 / (a + 1) + 1 / (b + 1))
    low, high = middle - width - 40 / (a + 1), middle + width + 40 / (b + 1)
    step = (high - low) / INTEGRAL_STEPS
    log_norm = betaln(a, b)
    rest = np.zeros(x.size)
    for i in range(INTEGRAL_STEPS + 1):
        logit = low + i * step
        log_p, log_stay = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        p = np.exp(log_p)
        orders = -np.expm1(-rate * np.log1p(p * weeks)) / p
        line = at_0 + (at_1 - at_0) * p
        rest += (orders - line) * np.exp(a * log_p + b * log_stay - log_norm)
    return np.asarray((at_0 * b + at_1 * a) / (a + b) + rest * step)


def _chance_of_more(
    x: FloatArray, T: FloatArray, params: BgNbdParams, horizon_weeks: float
) -> Iterator[FloatArray]:
    """P(more than n purchases in the horizon | alive) for n = 0, 1, 2 …

    References
    ----------
    Fader, Hardie & Lee (2005), equation 8, with r+x, alpha+T and b+x in place of r, alpha and b.
    """
    a, b, r = params.a, params.b + x, params.r + x
    z = horizon_weeks / (params.alpha + T + horizon_weeks)
    exactly = (1 - z) ** r  # n purchases, if nobody could leave
    stayed = np.ones_like(z)  # chance to stay through n purchases
    fewer = np.zeros_like(z)  # fewer than n purchases, if nobody could leave
    more = np.ones_like(z)
    stayed_before = stayed
    n = 0
    while True:
        chance = stayed * exactly
        if n:
            chance = chance + a / (a + b + n - 1) * stayed_before * (1 - fewer)
        more = np.maximum(more - chance, 0.0)
        yield more
        fewer = fewer + exactly
        exactly = exactly * (r + n) / (n + 1) * z
        stayed_before = stayed
        stayed = stayed * (b + n) / (a + b + n)
        n += 1


def probability_active(
    frequency: FloatArray | IntArray,
    recency: FloatArray,
    T: FloatArray,
    params: BgNbdParams,
    horizon_weeks: float,
) -> FloatArray:
    """Probability of at least one purchase in the horizon, shape (n_profiles,)."""
    x, _, age = checked(frequency, recency, T)
    more = next(_chance_of_more(x, age, params, horizon_weeks))
    return probability_alive(frequency, recency, T, params) * more


def predict(history: PurchaseHistory, horizon_weeks: float, fitted: BgNbdFit) -> PurchasePrediction:
    """Score every profile of ``history`` for the coming ``horizon_weeks``."""
    params = fitted.params
    log_params = np.array(fitted.estimate.log_params)
    x, t_x, T = papers_view(history.distinct)
    r, alpha, a, b = params.r, params.alpha, params.a, params.b
    rows = RepeatPurchases(x=x, t_x=t_x, T=T, weight=np.ones(x.size))
    still, left, alive = _stories(rows, r, alpha, a, b)
    again = np.maximum(b + x - 1, b)
    odds_gradient = np.where(
        x > 0,
        np.stack(
            (
                r * np.log((alpha + t_x) / (alpha + T)),
                alpha * (r + x) * (1 / (alpha + t_x) - 1 / (alpha + T)),
                np.full(x.size, -1.0),
                b / again,
            )
        ),
        0.0,
    )
    pair_x, pair_T, pair_of = distinct_pairs(x, T)

    def orders_if_alive(values: FloatArray) -> FloatArray:
        moved = BgNbdParams(r=values[0], alpha=values[1], a=values[2], b=values[3])
        return _expected_if_alive(pair_x, pair_T, moved, horizon_weeks)

    more = next(_chance_of_more(pair_x, pair_T, params, horizon_weeks))
    return with_intervals(
        log_odds_alive=still - left,
        log_odds_gradient=odds_gradient,
        probability_alive=alive,
        probability_active=alive * more[pair_of],
        orders_if_alive=orders_if_alive(np.exp(log_params))[pair_of],
        log_orders_gradient=log_gradient(orders_if_alive, log_params)[:, pair_of],
        covariance=np.array(fitted.estimate.covariance),
        likely_orders=likely_orders(
            alive, pair_of, _chance_of_more(pair_x, pair_T, params, horizon_weeks)
        ),
    ).take(history.distinct.row_of)


def explain(facts: Facts) -> tuple[Reason, ...]:
    """Facts behind a profile's score."""
    reasons = purchase_reasons(facts)
    if facts.purchase_count == 1:
        # A property of the model readers should know: it sees leaving only after a second purchase.
        reasons += (Reason(code="model_assumes_single_buyers_alive", numbers={}),)
    return reasons

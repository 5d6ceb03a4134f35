"""Pareto/NBD: customers buy at their own steady rate and may leave for good at any moment.

References
----------
Schmittlein, Morrison & Colombo (1987), Counting Your Customers, Management Science 33(1).
Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model and Related Expressions.
Fader, Hardie & Jerath (2006), Deriving an Expression for P(X(t) = x) Under the Pareto/NBD Model.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

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

name = "pareto_nbd"
predicts = "purchases"
columns = ("purchase_count", "customer_age_days", "days_since_last_purchase")

ROWS_FOR_STARTS = 3_000
NODES = 24
# A block of rows × nodes stays in the processor's cache; larger ones are several times slower.
BLOCK_ROWS = 1_024


class ParetoNbdParams(msgspec.Struct, frozen=True, kw_only=True):
    """Purchase rates are Gamma(r, alpha) over customers, leaving rates Gamma(s, beta).

    Attributes
    ----------
    r, s : float, positive
    alpha, beta : float, positive, in weeks
    """

    r: float
    alpha: float
    s: float
    beta: float


class ParetoNbdFit(msgspec.Struct, frozen=True, kw_only=True, tag="pareto_nbd"):
    """Fitted parameters, their uncertainty and what to beware of."""

    params: ParetoNbdParams
    estimate: Estimate
    n_profiles: int
    n_distinct: int
    flags: tuple[str, ...]


def fit(history: PurchaseHistory) -> ParetoNbdFit:
    """Fit r, alpha, s and beta by maximum likelihood."""
    rows = repeat_purchases(history)
    some = rows.thinned(ROWS_FOR_STARTS)
    rate = rows.rate
    age = max(inner(rows.weight, rows.T) / rows.weight.sum(), 1.0)
    estimate = maximise(
        lambda theta: log_likelihood(rows, theta),
        lambda theta: log_likelihood(some, theta),
        starts=[
            (np.log(r), np.log(r / (2 * rate)), np.log(s), np.log(s * age * stay))
            for r, s, stay in ((0.6, 0.6, 0.5), (2.0, 0.5, 3.0), (0.5, 3.0, 2.0))
        ],
        names=("r", "alpha", "s", "beta"),
    )
    r, alpha, s, beta = np.exp(estimate.log_params).tolist()
    return ParetoNbdFit(
        params=ParetoNbdParams(r=r, alpha=alpha, s=s, beta=beta),
        estimate=estimate,
        n_profiles=history.n_profiles,
        n_distinct=int(rows.x.size),
        flags=estimate.flags + dropout_flags(rows, estimate.log_likelihood),
    )


def log_likelihood(rows: RepeatPurchases, log_params: FloatArray) -> Likelihood:
    """Log-likelihood and its exact first and second derivatives in log (r, alpha, s, beta).

    Each row is a mixture of stories, "still here" and "left at age y" for y from t_x to T; the
    derivatives are means of the stories' own over their posterior probabilities, and the Hessian
    gains the stories' covariance.
    """
    params = np.exp(log_params)
    r, alpha, s, beta = params.tolist()
    n = rows.weight.sum()
    gamma0, gamma1, gamma2 = gamma_mixture_terms(rows.count_of_x, r)
    value = gamma0 + n * (r * np.log(alpha) + s * np.log(beta))
    gradient = np.array([gamma1 + n * np.log(alpha), n * r / alpha, n * np.log(beta), n * s / beta])
    hessian = np.zeros((4, 4))
    hessian[0, 0] = gamma2
    hessian[0, 1] = n / alpha
    hessian[1, 1] = -n * r / alpha**2
    hessian[2, 3] = n / beta
    hessian[3, 3] = -n * s / beta**2
    for start in range(0, rows.x.size, BLOCK_ROWS):
        block = rows.part(slice(start, start + BLOCK_ROWS))
        value += _add_block(block, (r, alpha, s, beta), gradient, hessian)
    for i in range(4):
        for j in range(i):
            hessian[i, j] = hessian[j, i]
    return in_log_params(float(value), gradient, hessian, params)


def _add_block(
    rows: RepeatPurchases,
    params: tuple[float, float, float, float],
    gradient: FloatArray,
    hessian: FloatArray,
) -> float:
    """Add the stories' part of some rows to both derivatives; return its log-likelihood."""
    r, alpha, s, beta = params
    x, t_x, T, weight = rows.x, rows.t_x, rows.T, rows.weight
    rate = r + x
    still = _log_still(x, T, params)
    left, shares, log_a, per_a, log_b, per_b = _left(x, t_x, T, params)
    log_sum = np.logaddexp(still, left)
    p = np.exp(still - log_sum)
    q = 1 - p

    # Derivatives of the stories in (r, alpha, s, beta), less what all stories share.
    at_a, at_b = 1 / (alpha + T), 1 / (beta + T)
    here = (-np.log(alpha + T), -rate * at_a, -np.log(beta + T), -s * at_b)
    gone = (-log_a, -rate * per_a, 1 / s - log_b, -(s + 1) * per_b)
    weighted = [shares * g for g in gone]
    mean = [w.sum(0) for w in weighted]
    total = [p * h + q * m for h, m in zip(here, mean, strict=True)]
    for i in range(4):
        gradient[i] += inner(weight, total[i])
        for j in range(i, 4):
            product = p * here[i] * here[j] + q * np.einsum("kn,kn->n", weighted[i], gone[j])
            hessian[i, j] += inner(weight, product - total[i] * total[j])
    mean_per_a = np.einsum("kn,kn->n", shares, per_a)
    hessian[0, 1] -= inner(weight, p * at_a + q * mean_per_a)
    hessian[1, 1] -= inner(
        weight, p * here[1] * at_a + q * np.einsum("kn,kn->n", weighted[1], per_a)
    )
    hessian[2, 2] -= inner(weight, q) / s**2
    hessian[2, 3] -= inner(weight, p * at_b + q * np.einsum("kn,kn->n", shares, per_b))
    hessian[3, 3] -= inner(
        weight, p * here[3] * at_b + q * np.einsum("kn,kn->n", weighted[3], per_b)
    )
    return inner(weight, log_sum)


def _log_still(
    x: FloatArray, T: FloatArray, params: tuple[float, float, float, float]
) -> FloatArray:
    """Logarithm of the story "still here", less r log alpha + s log beta."""
    r, alpha, s, beta = params
    return np.asarray(-(r + x) * np.log(alpha + T) - s * np.log(beta + T))


def _left(
    x: FloatArray, t_x: FloatArray, T: FloatArray, params: tuple[float, float, float, float]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """The story "left at some age y from t_x to T", less r log alpha + s log beta.

    The papers write its integral of f(y) = s (beta+y)^−(s+1) (alpha+y)^−(r+x) as a difference of
    two ₂F₁, which lose their digits to each other when T is near t_x, overflow for busy customers,
    and have no handy derivatives. We integrate instead, which gives value, gradient and Hessian
    from the same nodes. Near t_x, f falls like ((c+y)/(c+t_x))^−n, with c and n from its first two
    logarithmic derivatives; in the variable v = ((c+t_x)/(c+y))^((n−1)/5) it is nearly a
    polynomial, and 24 Gauss–Legendre nodes give nine digits or more (measured over parameters from
    0.01 to 2000 and up to 200 purchases). The fifth root makes the far end of a long silence
    smooth; without it the error falls only as a power of the number of nodes.

    Returns
    -------
    left : float array, shape (n_rows,)
        Logarithm of the integral; minus infinity where T equals t_x.
    shares : float array, shape (NODES, n_rows)
        Posterior probabilities of the nodes, given that the customer left; they sum to 1.
    log_a, per_a, log_b, per_b : float array, shape (NODES, n_rows)
        log (alpha+y), 1/(alpha+y), log (beta+y), 1/(beta+y) at the nodes.
    """
    r, alpha, s, beta = params
    rate, a0, b0 = r + x, alpha + t_x, beta + t_x
    slope = rate / a0 + (s + 1) / b0
    bend = rate / a0**2 + (s + 1) / b0**2
    scale = slope / bend
    m = (slope * scale - 1) / 5
    # Any m gives the same integral; 0 would divide by zero.
    m = np.where(np.abs(m) < 1e-6, 1e-6, m)
    length = -np.expm1(-m * np.log1p((T - t_x) / scale))
    log_z = np.log1p(-_XI * length) / -m
    away = scale * np.expm1(log_z)
    a, b = a0 + away, b0 + away
    log_a, log_b = np.log(a), np.log(b)
    log_a0, log_b0 = np.log(a0), np.log(b0)
    f = _WEIGHTS * np.exp((m + 1) * log_z - rate * (log_a - log_a0) - (s + 1) * (log_b - log_b0))
    total = f.sum(0)
    with np.errstate(divide="ignore"):
        left = (
            np.log(s)
            - (s + 1) * log_b0
            - rate * log_a0
            + np.log(scale * length / m)
            + np.log(total)
        )
    return left, f / total, log_a, 1 / a, log_b, 1 / b


def _gauss_legendre(nodes: int) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on [0, 1] as columns, shape (nodes, 1)."""
    xi, weights = np.polynomial.legendre.leggauss(nodes)
    return (xi[:, None] + 1) / 2, weights[:, None] / 2


_XI, _WEIGHTS = _gauss_legendre(NODES)


def _log_odds_alive(
    x: FloatArray, t_x: FloatArray, T: FloatArray, params: ParetoNbdParams
) -> tuple[FloatArray, FloatArray]:
    """Log odds of "still here", (n_rows,), and gradient in the log parameters, (4, n_rows)."""
    r, alpha, s, beta = values = (params.r, params.alpha, params.s, params.beta)
    odds, gradient = np.empty(x.size), np.empty((4, x.size))
    for start in range(0, x.size, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        rate, age = r + x[block], T[block]
        left, shares, log_a, per_a, log_b, per_b = _left(x[block], t_x[block], age, values)
        odds[block] = _log_still(x[block], age, values) - left
        gradient[0, block] = r * (np.einsum("kn,kn->n", shares, log_a) - np.log(alpha + age))
        gradient[1, block] = (
            alpha * rate * (np.einsum("kn,kn->n", shares, per_a) - 1 / (alpha + age))
        )
        gradient[2, block] = s * (np.einsum("kn,kn->n", shares, log_b) - 1 / s - np.log(beta + age))
        gradient[3, block] = beta * (
            (s + 1) * np.einsum("kn,kn->n", shares, per_b) - s / (beta + age)
        )
    return odds, gradient


def _alive(log_odds: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-log_odds)))


def probability_alive(
    frequency: FloatArray | IntArray, recency: FloatArray, T: FloatArray, params: ParetoNbdParams
) -> FloatArray:
    """Probability that a customer has not left yet, under Pareto/NBD.

    Parameters
    ----------
    frequency : int array, shape (n_profiles,)
        Repeat purchases x. Not the F of RFM.
    recency : float array, shape (n_profiles,), in weeks
        Age t_x at the last purchase; 0 without repeats. Not the R of RFM.
    T : float array, shape (n_profiles,), in weeks
        Age at the end of observation.
    params : ParetoNbdParams

    Returns
    -------
    float array, shape (n_profiles,), in [0, 1]
        Below 1 also without a repeat purchase: here one can leave before the second.

    Raises
    ------
    InvalidHistory
        If recency exceeds T, or frequency is negative.

    References
    ----------
    Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model, section 4.
    """
    x, t_x, age = checked(frequency, recency, T)
    return _alive(_log_odds_alive(x, t_x, age, params)[0])


def expected_purchases(
    frequency: FloatArray | IntArray,
    recency: FloatArray,
    T: FloatArray,
    params: ParetoNbdParams,
    horizon_weeks: float,
) -> FloatArray:
    """Purchases expected from each customer in the next ``horizon_weeks``, shape (n_profiles,).

    References
    ----------
    Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model, section 5.
    """
    x, _, age = checked(frequency, recency, T)
    alive = probability_alive(frequency, recency, T, params)
    return alive * _expected_if_alive(x, age, params, horizon_weeks)


def _expected_if_alive(
    x: FloatArray, T: FloatArray, params: ParetoNbdParams, horizon_weeks: float
) -> FloatArray:
    """Purchases expected in the horizon from customers known to be alive; smooth through s = 1."""
    age = params.beta + T
    log_rest = np.log(age / (age + horizon_weeks))
    power = params.s - 1
    weeks = -log_rest if abs(power) < 1e-12 else -np.expm1(power * log_rest) / power
    return np.asarray((params.r + x) / (params.alpha + T) * age * weeks)


def _chance_of_more(
    x: FloatArray, T: FloatArray, params: ParetoNbdParams, horizon_weeks: float
) -> Iterator[FloatArray]:
    """P(more than n purchases in the horizon | alive) for n = 0, 1, 2 …

    Given alive at T, the rates are Gamma(r+x, alpha+T) and Gamma(s, beta+T). A customer stays y
    weeks and buys a negative binomial number meanwhile; y is integrated over the chance u to stay
    so long, in which its distribution is flat, plus one story that stays to the end.
    """
    r, alpha, s, beta = params.r + x, params.alpha + T, params.s, params.beta + T
    to_end = (beta / (beta + horizon_weeks)) ** s
    u = to_end + _XI * (1 - to_end)
    stay = np.concatenate((beta * np.expm1(np.log(u) / -s), np.full((1, x.size), horizon_weeks)))
    story = np.concatenate((_WEIGHTS * (1 - to_end), to_end[None, :]))
    z = stay / (alpha + stay)
    exactly = story * (1 - z) ** r
    more = np.ones(x.size)
    n = 0
    while True:
        more = np.maximum(more - exactly.sum(0), 0.0)
        yield more
        exactly = exactly * ((r + n) / (n + 1)) * z
        n += 1


def probability_active(
    frequency: FloatArray | IntArray,
    recency: FloatArray,
    T: FloatArray,
    params: ParetoNbdParams,
    horizon_weeks: float,
) -> FloatArray:
    """Probability of at least one purchase in the horizon, shape (n_profiles,)."""
    x, _, age = checked(frequency, recency, T)
    more = next(_chance_of_more(x, age, params, horizon_weeks))
    return probability_alive(frequency, recency, T, params) * more


def predict(
    history: PurchaseHistory, horizon_weeks: float, fitted: ParetoNbdFit
) -> PurchasePrediction:
    """Score every profile of ``history`` for the coming ``horizon_weeks``."""
    params = fitted.params
    log_params = np.array(fitted.estimate.log_params)
    x, t_x, T = papers_view(history.distinct)
    log_odds, odds_gradient = _log_odds_alive(x, t_x, T, params)
    alive = _alive(log_odds)
    pair_x, pair_T, pair_of = distinct_pairs(x, T)

    def orders_if_alive(values: FloatArray) -> FloatArray:
        moved = ParetoNbdParams(r=values[0], alpha=values[1], s=values[2], beta=values[3])
        return _expected_if_alive(pair_x, pair_T, moved, horizon_weeks)

    more = next(_chance_of_more(pair_x, pair_T, params, horizon_weeks))
    return with_intervals(
        log_odds_alive=log_odds,
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
    return purchase_reasons(facts)

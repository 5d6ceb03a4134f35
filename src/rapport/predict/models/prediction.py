"""What purchase models say of each profile, with how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from rapport.predict.history import Facts, FloatArray, IntArray

Z_95 = 1.959963984540054
LIKELY_SHARE = 0.8
# Far more orders than anyone places in a horizon; the loop below ends long before.
MOST_ORDERS = 100_000


@dataclass(frozen=True, kw_only=True, eq=False)
class PurchasePrediction:
    """Purchases expected in the horizon; every array has shape (n_profiles,).

    ``_low`` and ``_high`` bound the estimate at 95 % (how far the model's parameters are known);
    ``likely_orders_low`` and ``_high`` bound what the customer will do, at 80 %.

    Attributes
    ----------
    probability_alive, probability_alive_low, probability_alive_high : float array, in [0, 1]
    probability_active : float array, in [0, 1]
        That at least one purchase falls in the horizon.
    expected_orders, expected_orders_low, expected_orders_high : float array
    expected_orders_log_sd : float array
        Standard error of the logarithm of ``expected_orders``.
    likely_orders_low, likely_orders_high : int array
    """

    probability_alive: FloatArray
    probability_alive_low: FloatArray
    probability_alive_high: FloatArray
    probability_active: FloatArray
    expected_orders: FloatArray
    expected_orders_low: FloatArray
    expected_orders_high: FloatArray
    expected_orders_log_sd: FloatArray
    likely_orders_low: IntArray
    likely_orders_high: IntArray

    def take(self, rows: IntArray) -> PurchasePrediction:
        """The rows asked for, in that order."""
        return PurchasePrediction(
            **{name: getattr(self, name)[rows] for name in self.__dataclass_fields__}
        )


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One fact behind a score: a code, which the web layer words in four languages, and numbers."""

    code: str
    numbers: dict[str, float]


def with_intervals(
    *,
    log_odds_alive: FloatArray,
    log_odds_gradient: FloatArray,
    probability_alive: FloatArray,
    probability_active: FloatArray,
    orders_if_alive: FloatArray,
    log_orders_gradient: FloatArray,
    covariance: FloatArray,
    likely_orders: tuple[IntArray, IntArray],
) -> PurchasePrediction:
    """Put delta-method intervals around P(alive), on the logit, and expected orders, on the log.

    Parameters
    ----------
    log_odds_alive : float array, shape (n_rows,)
        Infinite where nobody can have left.
    log_odds_gradient, log_orders_gradient : float array, shape (n_params, n_rows)
        In the log parameters.
    covariance : float array, shape (n_params, n_params)
        Of the log parameters.
    """
    odds_sd = _sd(log_odds_gradient, covariance)
    # log E = log P(alive) + log E(if alive), and d log P = (1 − P) d log odds.
    log_gradient = (1 - probability_alive) * log_odds_gradient + log_orders_gradient
    log_sd = _sd(log_gradient, covariance)
    expected = probability_alive * orders_if_alive
    return PurchasePrediction(
        probability_alive=probability_alive,
        probability_alive_low=_expit(log_odds_alive - Z_95 * odds_sd),
        probability_alive_high=_expit(log_odds_alive + Z_95 * odds_sd),
        probability_active=probability_active,
        expected_orders=expected,
        expected_orders_low=expected * np.exp(-Z_95 * log_sd),
        expected_orders_high=expected * np.exp(Z_95 * log_sd),
        expected_orders_log_sd=log_sd,
        likely_orders_low=likely_orders[0],
        likely_orders_high=likely_orders[1],
    )


def _sd(gradient: FloatArray, covariance: FloatArray) -> FloatArray:
    variance = np.einsum("in,in->n", np.einsum("ij,jn->in", covariance, gradient), gradient)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)))


def _expit(log_odds: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-log_odds)))


def log_gradient(
    evaluate: Callable[[FloatArray], FloatArray], log_params: FloatArray, step: float = 1e-4
) -> FloatArray:
    """Gradient of log ``evaluate`` in the log parameters by central differences, (k, n_rows).

    For intervals only: eight digits are six more than an interval needs.
    """
    rows = []
    for i in range(log_params.size):
        up, down = log_params.copy(), log_params.copy()
        up[i] += step
        down[i] -= step
        rows.append((np.log(evaluate(np.exp(up))) - np.log(evaluate(np.exp(down)))) / (2 * step))
    return np.stack(rows)


def likely_orders(
    probability_alive: FloatArray, pair_of: IntArray, chance_of_more: Iterator[FloatArray]
) -> tuple[IntArray, IntArray]:
    """Numbers of orders between which ``LIKELY_SHARE`` of such customers end up.

    Parameters
    ----------
    probability_alive : float array, shape (n_rows,)
    pair_of : int array, shape (n_rows,)
        Index of each row in the arrays that ``chance_of_more`` yields.
    chance_of_more : iterator of float arrays, shape (n_pairs,)
        P(more than 0 orders | alive), P(more than 1 | alive), …

    Returns
    -------
    low, high : int array, shape (n_rows,)
        Quantiles (1 − share)/2 and (1 + share)/2: the smallest n with P(orders ≤ n) at least that.
    """
    tail = (1 - LIKELY_SHARE) / 2
    low = np.zeros(probability_alive.size, np.int64)
    high = np.zeros(probability_alive.size, np.int64)
    open_rows = np.arange(probability_alive.size)
    for n, more in enumerate(chance_of_more):
        chance = probability_alive[open_rows] * more[pair_of[open_rows]]
        low[open_rows[chance > 1 - tail]] = n + 1
        open_rows = open_rows[chance > tail]
        high[open_rows] = n + 1
        if not open_rows.size or n >= MOST_ORDERS:
            break
    return low, high


def purchase_reasons(facts: Facts) -> tuple[Reason, ...]:
    """Facts behind a purchase score that need no model: how often, how lately, for how long."""
    count, age = facts.purchase_count, facts.customer_age_days
    since = facts.days_since_last_purchase
    reasons = (
        Reason(code="purchase_count", numbers={"purchases": count, "over_days": age}),
        Reason(code="days_since_last_purchase", numbers={"days": since}),
    )
    if count == 1:
        return (*reasons, Reason(code="single_purchase", numbers={"days_since_first": age}))
    gap = (age - since) / (count - 1)
    code = "silent_longer_than_usual" if since > gap else "within_usual_gap"
    return (
        *reasons,
        Reason(code="usual_gap", numbers={"days": gap}),
        Reason(code=code, numbers={"gaps_since_last": since / gap}),
    )

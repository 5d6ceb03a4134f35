"""Gamma-Gamma: what a purchase of each customer is worth, shrunk to the mean of all.

A customer's purchases vary around the customer's own mean, and those means vary over customers. It
holds where the value of a purchase does not depend on how often one buys; we measure that.

References
----------
Fader, Hardie & Lee (2005), RFM and CLV: Using Iso-Value Curves, Journal of Marketing Research 42.
Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from scipy.special import digamma, gammaln, polygamma

from rapport.errors import NotEnoughData
from rapport.predict.history import Facts, FloatArray, IntArray, InvalidHistory, PurchaseHistory
from rapport.predict.models.estimate import Estimate, Likelihood, in_log_params, inner, maximise
from rapport.predict.models.prediction import Z_95, Reason

name = "gamma_gamma"
predicts = "order_value"
columns = ("purchase_count", "mean_repeat_value")

ROWS_FOR_STARTS = 20_000
FEWEST_CUSTOMERS = 30
DEPENDENT_CORRELATION = 0.3


class GammaGammaParams(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase is Gamma(p, ν), with ν Gamma(q, gamma) over customers.

    Attributes
    ----------
    p, q : float, positive
        The mean over customers is finite only for q above 1.
    gamma : float, positive, in reporting currency
    """

    p: float
    q: float
    gamma: float


class GammaGammaFit(msgspec.Struct, frozen=True, kw_only=True, tag="gamma_gamma"):
    """Fitted parameters and their uncertainty.

    Attributes
    ----------
    count_value_correlation : float
        Between purchases and mean value of a purchase, over repeat buyers. The model takes it as 0;
        above 0.3 in size it is flagged ``value_depends_on_count``.
    """

    params: GammaGammaParams
    estimate: Estimate
    n_profiles: int
    count_value_correlation: float
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ValuePrediction:
    """Expected value of one purchase, with a 95 % interval of the estimate, shape (n_profiles,)."""

    expected_order_value: FloatArray
    expected_order_value_low: FloatArray
    expected_order_value_high: FloatArray
    expected_order_value_log_sd: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatValues:
    """Customers with repeat purchases that kept a value.

    Attributes
    ----------
    x : float array, shape (n_profiles,), at least 1
    mean : float array, shape (n_profiles,), positive
        Mean value of the x repeat purchases.
    weight : float
        Customers that each row stands for.
    """

    x: FloatArray
    mean: FloatArray
    weight: float = 1.0

    def thinned(self, max_rows: int) -> RepeatValues:
        k = -(-self.x.size // max_rows)
        if k <= 1:
            return self
        x, mean = self.x[k // 2 :: k], self.mean[k // 2 :: k]
        return RepeatValues(x=x, mean=mean, weight=self.weight * self.x.size / x.size)


def fit(history: PurchaseHistory) -> GammaGammaFit:
    """Fit p, q and gamma to repeat buyers by maximum likelihood.

    Raises
    ------
    NotEnoughData
        With fewer than 30 repeat buyers whose purchases kept a value.
    """
    used = (history.purchase_count > 1) & (history.mean_repeat_value > 0)
    rows = RepeatValues(
        x=(history.purchase_count[used] - 1).astype(np.float64),
        mean=history.mean_repeat_value[used],
    )
    if rows.x.size < FEWEST_CUSTOMERS:
        raise NotEnoughData(
            f"The value of an order needs at least {FEWEST_CUSTOMERS} repeat buyers whose orders "
            f"were not all returned; has {rows.x.size}."
        )
    some = rows.thinned(ROWS_FOR_STARTS)
    typical = float(rows.mean.mean())
    estimate = maximise(
        lambda theta: log_likelihood(rows, theta),
        lambda theta: log_likelihood(some, theta),
        starts=[
            # At each start the mean over customers, p gamma/(q − 1), is the observed one.
            (np.log(p), np.log(q), np.log(typical * (q - 1) / p))
            for p, q in ((5.0, 4.0), (1.0, 2.0), (20.0, 10.0))
        ],
        names=("p", "q", "gamma"),
    )
    p, q, gamma = np.exp(estimate.log_params).tolist()
    alike = np.ptp(rows.x) == 0 or np.ptp(rows.mean) == 0
    correlation = 0.0 if alike else float(np.corrcoef(rows.x, rows.mean)[0, 1])
    flags = list(estimate.flags)
    if abs(correlation) > DEPENDENT_CORRELATION:
        flags.append("value_depends_on_count")
    if q <= 1:
        flags.append("mean_value_not_finite")
    return GammaGammaFit(
        params=GammaGammaParams(p=p, q=q, gamma=gamma),
        estimate=estimate,
        n_profiles=int(rows.x.size),
        count_value_correlation=correlation,
        flags=tuple(flags),
    )


def log_likelihood(rows: RepeatValues, log_params: FloatArray) -> Likelihood:
    """Log-likelihood and its exact first and second derivatives in log (p, q, gamma)."""
    params = np.exp(log_params)
    p, q, gamma = params.tolist()
    x, mean = rows.x, rows.mean
    counts = np.bincount(x.astype(np.int64)).astype(np.float64)
    each = np.flatnonzero(counts)
    counts = counts[each]
    n = counts.sum()

    spent = x * mean
    log_sum, per = np.log(gamma + spent), 1 / (gamma + spent)
    log_share = np.log(spent) - log_sum
    px, pxq = p * each, p * each + q
    value = (
        counts @ (gammaln(pxq) - gammaln(px))
        + n * (q * np.log(gamma) - gammaln(q))
        + p * inner(x, log_share)
        - q * log_sum.sum()
        - np.log(mean).sum()
    )
    x_per = inner(x, per)
    gradient = np.array(
        [
            counts @ (each * (digamma(pxq) - digamma(px))) + inner(x, log_share),
            counts @ digamma(pxq) + n * (np.log(gamma) - digamma(q)) - log_sum.sum(),
            n * q / gamma - p * x_per - q * per.sum(),
        ]
    )
    trigamma = polygamma(1, pxq)
    hessian = np.array(
        [
            [
                counts @ (each**2 * (trigamma - polygamma(1, px))),
                counts @ (each * trigamma),
                -x_per,
            ],
            [0.0, counts @ trigamma - n * polygamma(1, q), n / gamma - per.sum()],
            [0.0, 0.0, -n * q / gamma**2 + p * inner(x, per * per) + q * inner(per, per)],
        ]
    )
    hessian = np.triu(hessian) + np.triu(hessian, 1).T
    w = rows.weight
    return in_log_params(float(w * value), w * gradient, w * hessian, params)


def expected_value(
    frequency: FloatArray | IntArray, mean_repeat_value: FloatArray, params: GammaGammaParams
) -> FloatArray:
    """Expected value of a customer's next purchase.

    Parameters
    ----------
    frequency : int array, shape (n_profiles,)
        Repeat purchases x.
    mean_repeat_value : float array, shape (n_profiles,), in reporting currency
        Of those purchases; ignored where x is 0.
    params : GammaGammaParams

    Returns
    -------
    float array, shape (n_profiles,), in reporting currency
        The mean of all where x is 0; NaN there if q is at most 1, as that mean is not finite.

    Raises
    ------
    InvalidHistory
        If a frequency is negative, or a customer with repeats has no value at least 0.

    References
    ----------
    Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, equation 5.

    Examples
    --------
    >>> params = GammaGammaParams(p=6.25, q=3.74, gamma=15.44)
    >>> expected_value([0, 2], [0.0, 22.35], params).round(2).tolist()
    [35.22, 24.66]
    """
    x, mean = np.broadcast_arrays(
        np.asarray(frequency, np.float64), np.asarray(mean_repeat_value, np.float64)
    )
    wrong = ~((x == 0) | ((x > 0) & (mean >= 0)))
    if wrong.any():
        raise InvalidHistory(
            f"{int(wrong.sum())} of {wrong.size} customers have a negative frequency, or repeat "
            "purchases without a mean value of at least 0."
        )
    rest = params.p * x + params.q - 1
    spent = np.where(x > 0, x * mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rest > 0, params.p * (params.gamma + spent) / rest, np.nan)


def predict(
    history: PurchaseHistory, horizon_weeks: float, fitted: GammaGammaFit
) -> ValuePrediction:
    """Expected value of a purchase of every profile; the same however long the horizon."""
    del horizon_weeks
    params = fitted.params
    x = (history.purchase_count - 1).astype(np.float64)
    value = expected_value(x, history.mean_repeat_value, params)
    spent = np.where(x > 0, x * history.mean_repeat_value, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        per = 1 / (params.p * x + params.q - 1)
        # Derivatives of log value in log p, log q and log gamma.
        by_p = 1 - params.p * x * per
        by_q = -params.q * per
        by_gamma = params.gamma / (params.gamma + spent)
    c = np.array(fitted.estimate.covariance)
    variance = (
        c[0, 0] * by_p**2
        + c[1, 1] * by_q**2
        + c[2, 2] * by_gamma**2
        + 2 * (c[0, 1] * by_p * by_q + c[0, 2] * by_p * by_gamma + c[1, 2] * by_q * by_gamma)
    )
    log_sd = np.sqrt(np.maximum(variance, 0.0))
    return ValuePrediction(
        expected_order_value=value,
        expected_order_value_low=value * np.exp(-Z_95 * log_sd),
        expected_order_value_high=value * np.exp(Z_95 * log_sd),
        expected_order_value_log_sd=log_sd,
    )


def explain(facts: Facts) -> tuple[Reason, ...]:
    """Facts behind a profile's expected value of a purchase."""
    if facts.mean_repeat_value is None:
        return (Reason(code="value_from_all_customers", numbers={}),)
    numbers = {
        "mean_value": facts.mean_repeat_value,
        "repeat_purchases": facts.purchase_count - 1,
    }
    return (Reason(code="own_order_value", numbers=numbers),)

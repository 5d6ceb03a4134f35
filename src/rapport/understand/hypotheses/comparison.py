"""Two groups of customers made comparable, and how much they then differ.

The groups differ before anything happened to them: who waits for a parcel orders online. Overlap
weights make their means alike in everything that was known before. With e(x) the share of those
like x that are exposed, an exposed customer weighs 1 − e(x) and another e(x): the weights are never
extreme, the means of all that the model of e knows become exactly equal, and the answer is about
the customers who might have been in either group.

e(x) is a logistic regression; the standard error takes into account that e is estimated (the
sandwich of all estimating equations together).

References
----------
Li, Morgan & Zaslavsky (2018), Balancing Covariates via Propensity Score Weighting, JASA 113(521);
Stefanski & Boos (2002), The Calculus of M-Estimation, The American Statistician 56(1); Newcombe
(1998), Interval estimation for the difference between independent proportions, Statistics in
Medicine 17 (method 10); Welch (1947), Biometrika 34.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy import optimize, special, stats

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Customers on a side below which nothing is said.
FEWEST = 50
#: Of yes and of no that a share needs on each side, for the normal approximation to hold.
FEWEST_OF_EACH = 5
_STEPS, _TOLERANCE = 500, 1e-9
#: A tiny ridge (in units of one customer) for columns that tell the groups apart entirely.
_RIDGE = 1e-3


class Apart(Struct, frozen=True, kw_only=True):
    """Two means as they are, with the interval of their difference (95 %)."""

    exposed: float
    others: float
    low: float
    high: float


class Adjusted(Struct, frozen=True, kw_only=True):
    """Two means of customers made alike, and their difference.

    Attributes
    ----------
    effective : tuple of float
        How many equally weighted customers the weighted ones are worth: exposed, others (Kish).
    common : float
        The weight of a side, alike on both: where nobody is like anybody of the other side, 0.
    spread : float
        The standard deviation of the outcome among the weighted customers.
    """

    exposed: float
    others: float
    standard_error: float
    effective: tuple[float, float]
    common: float
    spread: float

    @property
    def difference(self) -> float:
        """Exposed less others."""
        return self.exposed - self.others


def newcombe(exposed: BoolArray, others: BoolArray) -> Apart:
    """Two shares, and the interval of their difference from Wilson's interval of each."""
    (p, lp, up), (q, lq, uq) = _wilson(exposed), _wilson(others)
    d = p - q
    return Apart(
        exposed=p,
        others=q,
        low=d - math.hypot(p - lp, uq - q),
        high=d + math.hypot(up - p, q - lq),
    )


def _wilson(yes: BoolArray) -> tuple[float, float, float]:
    z = float(stats.norm.ppf(0.975))
    n, p = len(yes), float(yes.mean())
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def welch(exposed: FloatArray, others: FloatArray) -> Apart:
    """Two means, and Welch's interval of their difference."""
    sizes = len(exposed), len(others)
    parts = [float(side.var(ddof=1)) / n for side, n in zip((exposed, others), sizes, strict=True)]
    means = float(exposed.mean()), float(others.mean())
    error = math.sqrt(sum(parts))
    half = 0.0
    if error:
        freedom = sum(parts) ** 2 / sum(
            part**2 / (n - 1) for part, n in zip(parts, sizes, strict=True)
        )
        half = float(stats.t.ppf(0.975, freedom)) * error
    d = means[0] - means[1]
    return Apart(exposed=means[0], others=means[1], low=d - half, high=d + half)


def overlap(x: FloatArray, exposed: BoolArray) -> FloatArray:
    """The weight of each customer.

    Parameters
    ----------
    x : array of float, shape (n, k)
        What was known of each before, without a column of ones.
    exposed : array of bool, shape (n,)
    """
    e = _shares(_with_ones(x), exposed)
    weights: FloatArray = np.where(exposed, 1 - e, e)
    return weights


def adjusted(
    x: FloatArray, exposed: BoolArray, y: FloatArray, whose: NDArray[np.int64] | None = None
) -> Adjusted:
    """The means of ``y`` on both sides with overlap weights, and their difference's error.

    Parameters
    ----------
    x : array of float, shape (n, k)
    exposed : array of bool, shape (n,)
    y : array of float, shape (n,)
    whose : array of int, shape (n,), optional
        The customer of each row, counted from 0, where one may stand on both sides.
    """
    x = _with_ones(x)
    n, k = x.shape
    e = _shares(x, exposed)
    z = exposed.astype(float)
    in_, out = z * (1 - e), (1 - z) * e
    means = float(in_ @ y / in_.sum()), float(out @ y / out.sum())
    # Estimating equations of the coefficients and the two means, and their mean derivative.
    scores = np.column_stack([(z - e)[:, None] * x, in_ * (y - means[0]), out * (y - means[1])])
    slope = (e * (1 - e))[:, None] * x
    bread = np.zeros((k + 2, k + 2))
    bread[:k, :k] = x.T @ slope / n + np.eye(k) * (_RIDGE / n)
    bread[k, :k] = (z * (y - means[0])) @ slope / n
    bread[k + 1, :k] = -((1 - z) * (y - means[1])) @ slope / n
    bread[k, k], bread[k + 1, k + 1] = in_.sum() / n, out.sum() / n
    inverse = np.linalg.inv(bread)
    if whose is not None:
        of_each = np.zeros((int(whose.max()) + 1, k + 2))
        np.add.at(of_each, whose, scores)
        scores = of_each
    variance = inverse @ (scores.T @ scores / n) @ inverse.T / n
    contrast = np.zeros(k + 2)
    contrast[k], contrast[k + 1] = 1.0, -1.0
    weights = in_ + out
    centred = np.where(exposed, y - means[0], y - means[1])
    return Adjusted(
        exposed=means[0],
        others=means[1],
        standard_error=math.sqrt(max(0.0, float(contrast @ variance @ contrast))),
        effective=(_worth(in_), _worth(out)),
        common=float(min(in_.sum(), out.sum())),
        spread=math.sqrt(float(weights @ centred**2 / weights.sum())),
    )


def apart(x: FloatArray, exposed: BoolArray, weights: FloatArray | None = None) -> FloatArray:
    """How far the two sides lie apart in each column, in standard deviations; shape (k,).

    The deviations are those of the unweighted sides, before and after weighting alike.

    References
    ----------
    Austin (2009), Balance diagnostics for comparing the distribution of baseline covariates
    between treatment groups, Statistics in Medicine 28(25).
    """
    if weights is None:
        weights = np.ones(len(exposed))
    means = [np.average(x[side], axis=0, weights=weights[side]) for side in (exposed, ~exposed)]
    spread = np.sqrt((x[exposed].var(axis=0) + x[~exposed].var(axis=0)) / 2)
    found: FloatArray = np.divide(
        means[0] - means[1], spread, out=np.zeros(x.shape[1]), where=spread > 0
    )
    return found


def unmeasured(adjusted: Adjusted, *, is_share: bool, limit: float | None = None) -> float:
    """The E-value: how strongly something unknown would have to go with both to explain it away.

    A risk ratio: it would have to be so many times as common among the exposed, and make the
    outcome so many times as likely. 1.0: nothing is needed.

    Parameters
    ----------
    limit : float, optional
        A difference other than the estimated one: the end of the interval nearer to zero.

    References
    ----------
    VanderWeele & Ding (2017), Sensitivity Analysis in Observational Research: Introducing the
    E-Value, Annals of Internal Medicine 167(4); for means, its approximation exp(0.91 d).
    """
    difference = adjusted.difference if limit is None else limit
    if is_share:
        exposed = min(1.0, max(0.0, adjusted.others + difference))
        if min(exposed, adjusted.others) <= 0:
            return math.inf if exposed != adjusted.others else 1.0
        ratio = exposed / adjusted.others
    else:
        ratio = math.exp(0.91 * difference / adjusted.spread) if adjusted.spread else 1.0
    ratio = max(ratio, 1 / ratio)
    return ratio + math.sqrt(ratio * (ratio - 1))


def _with_ones(x: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(x)), x])


def _shares(x: FloatArray, exposed: BoolArray) -> FloatArray:
    """e(x), by the greatest likelihood of a logistic regression."""
    z = exposed.astype(float)
    ridge = np.full(x.shape[1], _RIDGE)
    ridge[0] = 0.0

    def e(b: FloatArray) -> FloatArray:
        shares: FloatArray = special.expit(x @ b)
        return shares

    def loss(b: FloatArray) -> float:
        score = x @ b
        return float(np.logaddexp(0, score).sum() - z @ score + (ridge * b) @ b / 2)

    start = np.zeros(x.shape[1])
    start[0] = special.logit(z.mean())
    found = optimize.minimize(
        loss,
        start,
        method="trust-exact",
        jac=lambda b: x.T @ (e(b) - z) + ridge * b,
        hess=lambda b: x.T @ ((e(b) * (1 - e(b)))[:, None] * x) + np.diag(ridge),
        options={"gtol": _TOLERANCE * len(z), "maxiter": _STEPS},
    )
    return e(found.x)


def _worth(weights: FloatArray) -> float:
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0

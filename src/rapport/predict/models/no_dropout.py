"""NBD: the model in which nobody ever leaves, the yardstick for "is leaving visible at all?".

It is BG/NBD with a → 0 and Pareto/NBD with s → 0, so it is no candidate of its own: when a model
with dropout is hardly more likely than this one, its P(alive) rests on nothing and is flagged.

References
----------
Ehrenberg (1959), The Pattern of Consumer Purchases.
"""

from __future__ import annotations

import numpy as np

from rapport.predict.history import FloatArray
from rapport.predict.models.estimate import Likelihood, in_log_params, inner, maximise
from rapport.predict.models.repeat_purchases import RepeatPurchases, gamma_mixture_terms

# Half the 99 % point of χ² with two degrees of freedom: dropout has two parameters, and a false
# "we can see them leave" misleads more than a flag too many.
VISIBLE_GAIN = 4.605
FLAG = "dropout_not_identified"


def log_likelihood(rows: RepeatPurchases, log_params: FloatArray) -> Likelihood:
    """Log-likelihood of (r, alpha) and its derivatives in their logarithms."""
    params = np.exp(log_params)
    r, alpha = params
    weight, x, T = rows.weight, rows.x, rows.T
    n, purchases = weight.sum(), weight * (r + x)
    gamma0, gamma1, gamma2 = gamma_mixture_terms(rows.count_of_x, float(r))
    log_age, per_age = np.log(alpha + T), 1 / (alpha + T)
    value = gamma0 + n * r * np.log(alpha) - inner(purchases, log_age)
    gradient = np.array(
        [
            gamma1 + n * np.log(alpha) - inner(weight, log_age),
            n * r / alpha - inner(purchases, per_age),
        ]
    )
    cross = n / alpha - inner(weight, per_age)
    hessian = np.array(
        [[gamma2, cross], [cross, -n * r / alpha**2 + inner(purchases, per_age * per_age)]]
    )
    return in_log_params(float(value), gradient, hessian, params)


def dropout_flags(rows: RepeatPurchases, log_likelihood_with_dropout: float) -> tuple[str, ...]:
    """``dropout_not_identified`` when leaving explains the data no better than nobody leaving."""
    rate = rows.rate
    estimate = maximise(
        lambda theta: log_likelihood(rows, theta),
        lambda theta: log_likelihood(rows, theta),
        starts=[(0.0, -np.log(rate))],
        names=("r", "alpha"),
    )
    gain = log_likelihood_with_dropout - estimate.log_likelihood
    return (FLAG,) if gain < VISIBLE_GAIN else ()

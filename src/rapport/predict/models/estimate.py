"""Maximum likelihood on log parameters by Newton's method: on a part of the rows, then on all.

All our models have a few positive parameters and a likelihood whose gradient and Hessian are known
exactly, so each start needs some ten passes over a part of the data and the best one two or three
over all of it. (L-BFGS-B took three times as many, and more time in itself than in our likelihood.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from rapport.errors import InternalError
from rapport.predict.history import FloatArray

# exp(-9) to exp(12): beyond these a parameter is at its limit (nobody leaves, everybody alike).
LOWEST, HIGHEST = -9.0, 12.0
# Standard deviation of a weak normal prior, used for the *covariance* only: where the data say
# nothing of a parameter it keeps the uncertainty finite and huge instead of undefined.
PRIOR_SD = 10.0
LOOSE_SD = 1.5
MAX_NEWTON_STEPS = 100


class Likelihood(NamedTuple):
    """Log-likelihood and its derivatives in the log parameters, shape (), (k,), (k, k)."""

    value: float
    gradient: FloatArray
    hessian: FloatArray


class LogLikelihood(Protocol):
    def __call__(self, log_params: FloatArray) -> Likelihood: ...


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """Where the likelihood is highest, and how sharply.

    Attributes
    ----------
    log_params : tuple of float, length k
    covariance : tuple of tuples of float, shape (k, k)
        Of the log parameters (Laplace: inverse of the negative Hessian).
    log_likelihood : float
    newton_steps : int
    flags : tuple of str
        ``parameter_at_limit:a``; ``parameter_loose:a`` when its 95 % interval spans 300-fold.
    """

    log_params: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    log_likelihood: float
    newton_steps: int
    flags: tuple[str, ...]


def maximise(
    all_rows: LogLikelihood,
    some_rows: LogLikelihood,
    *,
    starts: Sequence[Sequence[float]],
    names: tuple[str, ...],
) -> Estimate:
    """Find the log parameters with the highest likelihood.

    Parameters
    ----------
    all_rows : LogLikelihood
        Of all data.
    some_rows : LogLikelihood
        Of a part of it that is quick to evaluate; may be ``all_rows`` itself.
    starts : sequence of log parameters
        Several, as these likelihoods can have more than one hill.
    names : tuple of str
        Of the parameters, for the flags.

    Raises
    ------
    InternalError
        If Newton's method does not settle; the likelihoods here are smooth, so that is our mistake.
    """
    hills = [_newton(some_rows, np.array(start, np.float64)) for start in starts]
    best, _, _ = max(hills, key=lambda hill: hill[1].value)
    theta, likelihood, steps = _newton(all_rows, best)
    if steps == MAX_NEWTON_STEPS:
        raise InternalError(f"The likelihood did not settle in {steps} Newton steps.")
    at_limit = (theta <= LOWEST) | (theta >= HIGHEST)
    curvature = -likelihood.hessian
    # A parameter at its limit is taken as known: with a slope left, the curvature says nothing.
    curvature[at_limit, :] = 0.0
    curvature[:, at_limit] = 0.0
    values, vectors = np.linalg.eigh(curvature)
    spread = 1 / (np.maximum(values, 0.0) + PRIOR_SD**-2)
    covariance = (vectors * spread) @ vectors.T
    covariance[at_limit, :] = 0.0
    covariance[:, at_limit] = 0.0
    sd = np.sqrt(np.diag(covariance))
    flags = [f"parameter_at_limit:{n}" for n, limit in zip(names, at_limit, strict=True) if limit]
    flags += [f"parameter_loose:{n}" for n, wide in zip(names, sd > LOOSE_SD, strict=True) if wide]
    return Estimate(
        log_params=tuple(theta.tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        log_likelihood=likelihood.value,
        newton_steps=steps,
        flags=tuple(flags),
    )


def _newton(rows: LogLikelihood, start: FloatArray) -> tuple[FloatArray, Likelihood, int]:
    """Damped Newton ascent inside the limits, until the likelihood can gain no more than 1e-8."""
    theta = np.clip(start, LOWEST, HIGHEST)
    here = rows(theta)
    for steps in range(MAX_NEWTON_STEPS):
        g = here.gradient
        free = ~(((theta <= LOWEST) & (g < 0)) | ((theta >= HIGHEST) & (g > 0)))
        if not free.any():
            return theta, here, steps
        values, vectors = np.linalg.eigh(-here.hessian[np.ix_(free, free)])
        # Where the likelihood is not concave (far from the top) step by the size of the curvature.
        size = np.maximum(np.abs(values), 1e-8 * max(1.0, float(np.abs(values).max())))
        rotated = vectors.T @ g[free]
        step = np.zeros_like(theta)
        step[free] = vectors @ (rotated / size)
        if 0.5 * float(rotated @ (rotated / size)) < 1e-8:
            return theta, here, steps
        step *= min(1.0, 2.0 / float(np.abs(step).max()))
        scale = 1.0
        while True:
            target = np.clip(theta + scale * step, LOWEST, HIGHEST)
            there = rows(target)
            if there.value >= here.value:
                break
            scale /= 4
            if scale < 1e-7:
                # Rounding of a sum over millions of rows is larger than what is left to gain.
                return theta, here, steps
        if there.value - here.value < 1e-9 and scale < 1:
            return target, there, steps + 1
        theta, here = target, there
    return theta, here, MAX_NEWTON_STEPS


def inner(left: FloatArray, right: FloatArray) -> float:
    """Inner product of two long arrays.

    ``left @ right`` would hand them to BLAS, whose threads wait for each other: on a machine busy
    with other work that made a fit fifty times slower.
    """
    return float(np.einsum("n,n->", left, right))


def in_log_params(
    value: float, gradient: FloatArray, hessian: FloatArray, params: FloatArray
) -> Likelihood:
    """Turn derivatives in positive parameters, shape (k,), into derivatives in their logarithms."""
    return Likelihood(
        value,
        params * gradient,
        np.outer(params, params) * hessian + np.diag(params * gradient),
    )

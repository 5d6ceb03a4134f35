"""Probabilities that are right where people have judged: the scale of bits, from their words.

Stewards see the pairs that are in doubt, and no others. Taken for a sample of all pairs they would
teach that whoever is one person is hardly alike; given how many bits a pair has, what they say is
no such choice. So they correct what the bits mean, and not the weights that make them (Platt
scaling; Platt, "Probabilistic Outputs for Support Vector Machines", 1999).
"""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from scipy.optimize import minimize

from rapport.unify.matching.model import Model

#: How far the scale and its zero (in natural odds) usually are from where matching left them; as
#: many words as speak against it overrule it.
_SCALE_SPREAD = 0.25
_SHIFT_SPREAD = 1.0
#: By so much (in natural log of the likelihood) the words must speak for another scale: half of the
#: 95th percentile of chi-square with two degrees of freedom (Wilks 1938). Of the pairs called 95 %
#: sure one in twenty is two people; who finds it has not shown that the others are.
_BEYOND_CHANCE = 3.0
#: More bits than this are not in doubt, and one slip of a steward would weigh too much.
_MOST_BITS = 12.0
#: Scale and bits move in steps: one more word would otherwise give every stored pair a new weight.
_SCALE_STEP = 0.05
_SHIFT_STEP = 0.1


def recalibrated(model: Model, bits: NDArray[np.float32], same: NDArray[np.bool_]) -> Model:
    """The model whose probabilities agree with what people said of pairs.

    Parameters
    ----------
    bits : float32 array, shape (n_judged,)
        Of the judged pairs, by ``model``.
    same : bool array, shape (n_judged,)
        Whether somebody said that they are one person.

    Returns
    -------
    Model
        With another ``slope`` and ``shift``: the most probable ones, given that before any word
        the bits are believed. The same model where the words may be chance.
    """
    if len(bits) == 0:
        return model
    odds = np.clip(bits.astype(np.float64), -_MOST_BITS, _MOST_BITS) * np.log(2)
    sign = np.where(same, 1.0, -1.0)

    def surprise(scale: float, shift: float) -> float:
        return float(np.logaddexp(0.0, -sign * (scale * odds + shift)).sum())

    def unlikely(at: NDArray[np.float64]) -> float:
        scale, shift = at
        before = ((scale - 1) / _SCALE_SPREAD) ** 2 + (shift / _SHIFT_SPREAD) ** 2
        return surprise(scale, shift) + float(before) / 2

    scale, shift = minimize(
        unlikely, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=((0.2, 5.0), (None, None))
    ).x
    if surprise(1.0, 0.0) - surprise(scale, shift) < _BEYOND_CHANCE:
        return model
    scale = round(float(scale) / _SCALE_STEP) * _SCALE_STEP
    moved = round(float(shift) / np.log(2) / _SHIFT_STEP) * _SHIFT_STEP
    return replace(model, slope=model.slope * scale, shift=model.shift * scale + moved)

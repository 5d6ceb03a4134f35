"""One model, one file; this tuple is the only list of them.

A purchase model (``predicts = "purchases"``) states ``columns`` and gives ``fit(history)``,
``predict(history, horizon_weeks, fitted)`` and ``explain(history, row)``. A value model
(``predicts = "order_value"``) gives the same with the expected value of one purchase.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

MODELS: tuple[str, ...] = (
    "rapport.predict.models.bg_nbd",
    "rapport.predict.models.gamma_gamma",
    "rapport.predict.models.pareto_nbd",
)


def load(path: str) -> ModuleType:
    """The module of a model, imported when first used."""
    return import_module(path)


def models_that_predict(what: str, models: tuple[str, ...] = MODELS) -> tuple[ModuleType, ...]:
    """The models whose ``predicts`` is ``purchases`` or ``order_value``, in the tuple's order."""
    return tuple(module for path in models if (module := load(path)).predicts == what)

"""One model, one file; this tuple is the only list of them.

A purchase model (``predicts = "purchases"``) states ``columns`` and gives ``fit(history)``,
``predict(history, horizon_weeks, fitted)`` and ``explain(facts)``. A value model
(``predicts = "order_value"``) gives the same with the expected value of one purchase.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from rapport.errors import NotFound

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


def model_named(name: str, models: tuple[str, ...] = MODELS) -> ModuleType:
    """The model with this ``name``.

    Raises
    ------
    NotFound
        If there is none; the message lists those there are.
    """
    names = {path.rpartition(".")[2]: path for path in models}
    if name not in names:
        raise NotFound(f"There is no model {name!r}; there are: {', '.join(names)}.")
    return load(names[name])

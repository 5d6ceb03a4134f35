"""Weights of the linear models: how they lie in files, and what they say of a feature matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rapport.understand.text.features import Floats, SparseMatrix


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LinearModel:
    """A multinomial logistic regression over ``classes``.

    ``weights`` (n_features, n_classes) are small integers times ``scale`` (n_classes,); ``bias``
    (n_classes,) is kept exact.
    """

    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: Floats

    def logits(self, features: SparseMatrix) -> Floats:
        """Scores before normalisation, shape (n_texts, n_classes)."""
        return np.asarray(features @ self.weights, dtype=np.float64) + self.bias


def softmax(logits: Floats) -> Floats:
    """Probabilities of each row."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def save_model(path: Path, classes: tuple[str, ...], weights: Floats, bias: Floats) -> None:
    """Write a model with its weights rounded to 8 bits."""
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127
    np.savez_compressed(
        path,
        classes=np.array(classes),
        weights=np.round(weights / scale).astype(np.int8).T,  # one class after another packs better
        scale=scale,
        bias=bias,
    )


@cache
def load_model(name: str) -> LinearModel:
    """Model shipped under ``weights/``: ``language``, or the sentiment model of a language."""
    with (
        resources.as_file(resources.files(__package__) / "weights" / f"{name}.npz") as path,
        np.load(path, allow_pickle=False) as stored,
    ):
        return LinearModel(
            classes=tuple(str(c) for c in stored["classes"]),
            weights=np.ascontiguousarray(stored["weights"].T * stored["scale"], dtype=np.float32),
            bias=stored["bias"].astype(np.float64),
        )

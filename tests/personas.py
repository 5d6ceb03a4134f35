"""Discovered groups for tests, and customers of whom it is known which group they are of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rapport.understand.personas import discovery
from rapport.understand.personas.clusters import Floats, Ints
from rapport.understand.personas.facts import FACTS, LABELS, Known
from rapport.understand.personas.stability import Stability
from rapport.understand.personas.stored import Fit
from rapport.workflows.company import Company
from rapport.workflows.personas import find_personas


def plant_groups(company: Company) -> Fit:
    """Two groups of the few customers of a small company, as if two were stable."""
    found_again = Stability(k=2, mean=0.9, low=0.85, high=0.95, reference=0.3, reference_high=0.4)
    not_again = Stability(k=3, mean=0.5, low=0.4, high=0.6, reference=0.3, reference_high=0.4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery, "FEWEST", 2)
        patch.setattr(discovery, "stabilities", lambda *_: (found_again, not_again))
        return find_personas(company)


def customers(
    groups: Ints, rng: np.random.Generator, *, apart: float, missing: float = 0.1
) -> Known:
    """Customers whose answers to six questions lie around the centre of their group.

    Parameters
    ----------
    groups : int array, shape (n,)
        The group of each, from 0.
    apart : float
        Distance of the centres in deviations; 0: all are of one kind.
    missing : float, 0 … 1
        Share of answers that nobody knows.
    """
    n, questions = len(groups), tuple(f"I like {letter}" for letter in "abcdef")
    corners = np.array(
        [[1, 1, 1, -1, -1, -1], [-1, -1, -1, 1, 1, 1], [1, -1, 1, -1, 1, -1],
         [-1, 1, 1, 1, -1, -1], [1, 1, -1, 1, 1, -1]], dtype=float
    )  # fmt: skip
    # What they share beside their group makes answers go together without making groups.
    shared = rng.normal(size=(n, 1))
    answers = apart * corners[groups] / 2 + 0.8 * shared + rng.normal(size=(n, 6))
    answers = (answers - answers.min()) / (answers.max() - answers.min())
    answers[rng.random(answers.shape) < missing] = np.nan
    return known(n, questions, answers)


def known(
    n: int, questions: tuple[str, ...] = (), answers: Floats | None = None, **numbers: Any
) -> Known:
    """n customers of whom little but their answers, and ``numbers``, is known."""
    nothing = np.full(n, np.nan)
    counts = {"occasions": np.full(n, 5.0), "priced_lines": nothing, "messages": nothing}
    return Known(
        profile_ids=tuple(f"p{row:05d}" for row in range(n)),
        numbers={**{fact.name: nothing for fact in FACTS}, **counts, **numbers},
        labels=dict.fromkeys(LABELS, (None,) * n),
        questions=questions,
        answers=np.zeros((n, 0)) if answers is None else answers,
        offers=(),
        taken=np.zeros((n, 0)),
        coupons=(),
        redeemed=np.zeros((n, 0)),
    )

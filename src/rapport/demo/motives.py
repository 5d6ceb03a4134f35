"""Why people buy: the kind of customer each person is, which only the truth knows.

Drawn from a stream of its own, from what is true of the person already: nothing else moves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rapport.demo.story import FloatArray, IntArray
from rapport.demo.world import World

MOTIVES = ("bargain", "green", "advice", "ease")
#: What the survey of values asks, as asked; agreement on a scale of 1 … 7.
QUESTIONS = (
    "I compare prices before I buy",
    "I wait for the sales",
    "I pay more for what lasts",
    "I choose sustainable materials",
    "I want advice from somebody who knows",
    "Buying has to be quick and simple",
)
#: Mean agreement of each kind, in the order of `QUESTIONS`.
AGREEMENT: dict[str, tuple[float, ...]] = {
    "bargain": (6.3, 6.1, 2.9, 2.8, 3.0, 3.6),
    "green": (3.2, 2.8, 6.0, 6.4, 3.6, 3.4),
    "advice": (3.5, 3.0, 4.4, 3.4, 6.4, 2.4),
    "ease": (3.6, 3.1, 3.4, 3.0, 2.2, 6.4),
}
#: How far one person's answers lie from their kind's mean, and how kindly one agrees to everything.
ANSWER_NOISE, ANSWER_HALO = 0.8, 0.3


def motives_of(world: World) -> IntArray:
    """The kind of each person as an index of `MOTIVES`; shape (n_people,)."""
    tastes = _leanings(world)
    # The greatest after Gumbel's noise is a draw from the softmax, one draw per person.
    drawn = np.argmax(tastes + world.rng("motives").gumbel(size=tastes.shape), axis=1)
    found: IntArray = drawn.astype(np.int64)
    return found


def _leanings(world: World) -> FloatArray:
    """Who spends little hunts bargains, who comes to the shop wants advice, and so on."""
    people = world.people
    spend = np.log(people.spend_level)
    spend = (spend - spend.mean()) / spend.std()
    ages = np.array([world.story.until.year - p.birthday.year for p in people.persons])
    older = np.clip((ages - 45) / 20.0, -1.5, 1.5)
    shop = 1.0 - people.web_share
    shares: dict[str, Any] = {
        "bargain": -1.3 * spend,
        "green": 0.5 * spend + 0.4 * older,
        "advice": 2.6 * shop - 1.3 + 0.5 * older,
        "ease": 1.3 - 2.6 * shop - 0.6 * older,
    }
    found: FloatArray = np.stack([shares[name] for name in MOTIVES], axis=1)
    return found

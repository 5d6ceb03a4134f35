"""Finding groups: features, how many groups, their centres; and placing customers in them."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from rapport.errors import NotEnoughData
from rapport.understand.personas.clusters import Ints, k_means, nearest_of
from rapport.understand.personas.facts import Known
from rapport.understand.personas.scaling import (
    Feature,
    coordinates,
    enough_known,
    fit_features,
    in_scope,
)
from rapport.understand.personas.stability import FEWEST, Stability, chosen_k, stabilities

#: Centres are found on so many customers at most; all are placed.
_CENTRES_ON = 20_000
_STARTS = 10
#: Who is placed in no group.
NOWHERE = -1


class Groups(Struct, frozen=True, kw_only=True):
    """Groups as found: features, centres (in their coordinates), and why so many.

    Attributes
    ----------
    active, looked_at : int
        Customers who did enough in the year, and those of them of whom enough is known.
    """

    features: tuple[Feature, ...]
    centres: tuple[tuple[float, ...], ...]
    stability: tuple[Stability, ...]
    active: int
    looked_at: int
    seed: int


def find_groups(known: Known, *, seed: int) -> Groups:
    """Groups of customers that are found again when others had come.

    Raises
    ------
    NotEnoughData
        If fewer than `FEWEST` customers can be compared, no two features go together, or no
        number of groups is stable; ``details`` hold what was seen.
    """
    features = fit_features(known)
    if len(features) < 2:
        raise NotEnoughData(
            f"{len(features)} facts about customers go together, and groups need two or more: "
            "connect a source with orders, visits or a survey",
            reason="facts",
            customers=int(in_scope(known).sum()),
        )
    values, there = coordinates(known, features)
    rows = in_scope(known) & enough_known(features, there)
    values, there = values[rows], there[rows]
    if len(values) < FEWEST:
        raise NotEnoughData(
            f"Enough is known of {len(values)} customers, and groups need {FEWEST} or more",
            reason="customers",
            customers=len(values),
        )
    rng = np.random.default_rng(seed)
    stability = stabilities(values, there, rng)
    k = chosen_k(stability)
    if k is None:
        raise NotEnoughData(
            "No number of groups from 2 to "
            f"{stability[-1].k} is found again in other samples of the same customers: they are "
            "of one kind, with all shades between",
            reason="stability",
            customers=len(values),
            stability=stability,
        )
    if len(values) > _CENTRES_ON:
        chosen = np.sort(rng.choice(len(values), _CENTRES_ON, replace=False))
        values, there = values[chosen], there[chosen]
    centres = k_means(values, there, k, rng, starts=_STARTS)
    return Groups(
        features=features,
        centres=tuple(tuple(row) for row in centres.tolist()),
        stability=stability,
        active=int(in_scope(known).sum()),
        looked_at=int(rows.sum()),
        seed=seed,
    )


def place(known: Known, groups: Groups) -> Ints:
    """The group of each customer, or `NOWHERE` where too little is known of them; shape (n,)."""
    values, there = coordinates(known, groups.features)
    found = nearest_of(values, there, np.array(groups.centres))
    rows = in_scope(known) & enough_known(groups.features, there)
    placed: Ints = np.where(rows, found, NOWHERE)
    return placed

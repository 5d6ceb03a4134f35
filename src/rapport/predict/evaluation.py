"""Back-tests: stand at a past date, predict what is known by now, and compare with simple rules.

A score without a back-test is not shown, and one that a rule of thumb beats says so.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from types import ModuleType

import msgspec
import numpy as np
from numpy.typing import NDArray

from rapport.errors import NotEnoughData
from rapport.predict.history import (
    FloatArray,
    IntArray,
    Known,
    Orders,
    PurchaseHistory,
    late_share,
    purchase_history,
    purchases_during,
)

SAME_RATE = "same_rate_as_before"
MEAN_OF_ALL = "mean_of_all"
BASELINES = (MEAN_OF_ALL, SAME_RATE)


class DataNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """The least we learn from.

    Attributes
    ----------
    repeat_buyers : int
        Profiles with two purchases or more before the cutoff.
    weeks_to_learn : int
        From the first purchase to the cutoff.
    weeks_to_check : int
        From the cutoff to now.
    """

    repeat_buyers: int = 100
    weeks_to_learn: int = 26
    weeks_to_check: int = 4


class Losses(msgspec.Struct, frozen=True, kw_only=True):
    """How far off one forecast was in the hold-out; lower is better throughout.

    Attributes
    ----------
    name : str
        A model, ``same_rate_as_before`` or ``mean_of_all``.
    orders_mae_loss, orders_rmse_loss : float
        Mean absolute and root mean squared error of the number of orders per profile.
    value_mae_loss, value_rmse_loss : float or None
        The same of money per profile, in reporting currency; None where no value was predicted.
    active_brier_loss : float
        Mean squared error of the probability to order at all.
    total_orders : float
        Predicted sum over all profiles.
    """

    name: str
    orders_mae_loss: float
    orders_rmse_loss: float
    value_mae_loss: float | None
    value_rmse_loss: float | None
    active_brier_loss: float
    total_orders: float


class CalibrationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tenth of the profiles, by predicted probability to order: said and seen."""

    decile: int
    n_profiles: int
    predicted_share: float
    observed_share: float


class BackTest(msgspec.Struct, frozen=True, kw_only=True):
    """How a model did on a hold-out it could not see.

    Attributes
    ----------
    model : str
    cutoff : datetime
        Where the model stood.
    until : datetime
        End of the hold-out.
    horizon_weeks : float
    n_profiles, n_repeat_buyers : int
        At the cutoff.
    n_active : int
        Profiles that ordered in the hold-out.
    total_orders : int
        In the hold-out.
    total_value : float
    late_share : float
        Share of the orders before the cutoff that arrived after it and were used all the same;
        high for histories imported in one go. 0 where the back-test stood *as known then*.
    scores : tuple of Losses
        The model first, then the baselines.
    calibration : tuple of CalibrationRow
    likely_orders_covered_share : float
        Profiles whose orders lay within the model's 80 % range. Whole numbers can only be covered
        in steps, so it lies at or above 0.8 where the model is right.
    winners : dict of str to str
        The name with the lowest loss, by loss.
    """

    model: str
    cutoff: datetime
    until: datetime
    horizon_weeks: float
    n_profiles: int
    n_repeat_buyers: int
    n_active: int
    total_orders: int
    total_value: float
    late_share: float
    scores: tuple[Losses, ...]
    calibration: tuple[CalibrationRow, ...]
    likely_orders_covered_share: float
    winners: dict[str, str]

    @property
    def own(self) -> Losses:
        """The losses of the model itself."""
        return self.scores[0]

    @property
    def beats_baselines(self) -> bool:
        """Whether no simple rule counts orders better, by root mean squared error."""
        return self.winners["orders_rmse_loss"] == self.model


class HoldOut(msgspec.Struct, frozen=True, kw_only=True):
    """Where to stand and what came after, for every model alike."""

    history: PurchaseHistory
    orders: IntArray
    value: FloatArray
    until: datetime
    horizon_weeks: float
    late_share: float


def hold_out(
    orders: Orders,
    *,
    as_of: datetime,
    horizon_weeks: float,
    needs: DataNeeds | None = None,
    known: Known = "now",
) -> HoldOut:
    """Split the orders known at ``as_of`` at an earlier date.

    The hold-out is as long as the horizon, yet at most half of all time, and leaves
    ``weeks_to_learn`` before it.

    Parameters
    ----------
    orders : Orders
        All of them known at ``as_of``.
    as_of : datetime with time zone
    horizon_weeks : float
    needs : DataNeeds
    known : {"now", "then"}
        Whether the model sees, before the cutoff, every order (a history imported in one go has no
        other) or only those that had arrived by the cutoff.

    Raises
    ------
    NotEnoughData
        With what is needed and what is there.
    """
    needs = needs or DataNeeds()
    span = purchase_history(orders, as_of, known="now").span_weeks
    weeks = min(horizon_weeks, span / 2, span - needs.weeks_to_learn)
    if weeks < min(needs.weeks_to_check, horizon_weeks):
        n = purchase_history(orders, as_of, known=known).n_repeat_buyers
        raise _not_enough(needs, n, span)
    if weeks > 1:
        weeks = float(math.floor(weeks))
    cutoff = as_of - timedelta(weeks=weeks)
    history = purchase_history(orders, cutoff, known=known)
    if (
        history.n_repeat_buyers < needs.repeat_buyers
        or history.span_days < 7 * needs.weeks_to_learn
    ):
        raise _not_enough(needs, history.n_repeat_buyers, history.span_weeks + weeks)
    count, value = purchases_during(orders, history, as_of, known_at=as_of)
    return HoldOut(
        history=history,
        orders=count,
        value=value,
        until=as_of,
        horizon_weeks=weeks,
        late_share=late_share(orders, cutoff) if known == "now" else 0.0,
    )


def _not_enough(needs: DataNeeds, repeat_buyers: int, weeks: float) -> NotEnoughData:
    return NotEnoughData(
        f"A forecast of orders needs at least {needs.repeat_buyers} repeat buyers over at least "
        f"{needs.weeks_to_learn + needs.weeks_to_check} weeks ({needs.weeks_to_learn} to learn "
        f"from, {needs.weeks_to_check} to check against); has {repeat_buyers} over {weeks:.0f}. "
        "Import older orders, or wait.",
        repeat_buyers=repeat_buyers,
        weeks=round(weeks, 1),
        needs_repeat_buyers=needs.repeat_buyers,
        needs_weeks=needs.weeks_to_learn + needs.weeks_to_check,
    )


def back_test(held: HoldOut, model: ModuleType, value_model: ModuleType) -> BackTest:
    """Fit both models before the cutoff, predict the hold-out and compare with the simple rules.

    Parameters
    ----------
    held : HoldOut
    model : module that predicts purchases
    value_model : module that predicts the value of a purchase
        Without enough values, or with an infinite mean, money is left out of the comparison.
    """
    history = held.history
    prediction = model.predict(history, held.horizon_weeks, model.fit(history))
    order_value: FloatArray | None
    try:
        fitted_value = value_model.fit(history)
    except NotEnoughData:
        order_value = None
    else:
        order_value = value_model.predict(
            history, held.horizon_weeks, fitted_value
        ).expected_order_value
        if not np.isfinite(order_value).all():
            order_value = None
    expected = prediction.expected_orders
    scores = [
        _losses(
            model.name,
            held,
            expected,
            None if order_value is None else expected * order_value,
            prediction.probability_active,
        ),
        *(_losses(name, held, *_baseline(name, held)) for name in BASELINES),
    ]
    inside = (held.orders >= prediction.likely_orders_low) & (
        held.orders <= prediction.likely_orders_high
    )
    return BackTest(
        model=model.name,
        cutoff=history.as_of,
        until=held.until,
        horizon_weeks=held.horizon_weeks,
        n_profiles=history.n_profiles,
        n_repeat_buyers=history.n_repeat_buyers,
        n_active=int((held.orders > 0).sum()),
        total_orders=int(held.orders.sum()),
        total_value=float(held.value.sum()),
        late_share=held.late_share,
        scores=tuple(scores),
        calibration=calibration_by_decile(prediction.probability_active, held.orders > 0),
        likely_orders_covered_share=float(inside.mean()),
        winners={
            loss: min(
                (value, place, score.name)
                for place, score in enumerate(scores)
                if (value := getattr(score, loss)) is not None
            )[2]
            for loss in Losses.__struct_fields__
            if loss.endswith("_loss")
        },
    )


def _baseline(name: str, held: HoldOut) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Orders, money and chance to order of each profile by a rule of thumb.

    ``same_rate_as_before``: everybody goes on as until now, first purchase aside, as it started
    the clock. ``mean_of_all``: everybody buys as all did together.
    """
    history = held.history
    repeats = (history.purchase_count - 1).astype(np.float64)
    weeks = history.customer_age_days / 7
    if name == SAME_RATE:
        rate = np.divide(repeats, weeks, out=np.zeros_like(repeats), where=weeks > 0)
        value = history.mean_value
    else:
        rate = np.full(repeats.size, repeats.sum() / max(float(weeks.sum()), 1 / 7))
        purchases = float(history.purchase_count.sum())
        mean = float(history.mean_value @ history.purchase_count) / purchases
        value = np.full(repeats.size, mean)
    orders = rate * held.horizon_weeks
    return orders, orders * value, -np.expm1(-orders)


def _losses(
    name: str,
    held: HoldOut,
    orders: FloatArray,
    value: FloatArray | None,
    probability_active: FloatArray,
) -> Losses:
    error = orders - held.orders
    money = None if value is None else value - held.value
    return Losses(
        name=name,
        orders_mae_loss=float(np.abs(error).mean()),
        orders_rmse_loss=float(np.sqrt((error**2).mean())),
        value_mae_loss=None if money is None else float(np.abs(money).mean()),
        value_rmse_loss=None if money is None else float(np.sqrt((money**2).mean())),
        active_brier_loss=float(((probability_active - (held.orders > 0)) ** 2).mean()),
        total_orders=float(orders.sum()),
    )


def calibration_by_decile(
    probability: FloatArray, happened: NDArray[np.bool_]
) -> tuple[CalibrationRow, ...]:
    """What was said and what was seen, in ten groups from unlikely to likely.

    Profiles with the same probability stay together, so groups can differ in size and, where
    many profiles look alike, be fewer than ten.
    """
    levels, level_of, counts = np.unique(probability, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / max(probability.size, 1)
    decile = np.minimum((middle * 10).astype(np.int64), 9)[level_of] if levels.size else level_of
    n = np.bincount(decile, minlength=10)
    said = np.bincount(decile, probability, minlength=10)
    seen = np.bincount(decile, happened.astype(np.float64), minlength=10)
    return tuple(
        CalibrationRow(
            decile=int(i) + 1,
            n_profiles=int(n[i]),
            predicted_share=float(said[i] / n[i]),
            observed_share=float(seen[i] / n[i]),
        )
        for i in np.flatnonzero(n)
    )

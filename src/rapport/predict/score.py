"""Scores of every profile, with the card that says how far to trust them.

The steps, in order: what was known → hold some time out → back-test every purchase model → choose
→ fit the chosen one on all → score → keep the facts that explain each score.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.errors import NotEnoughData, NotFound
from rapport.predict.evaluation import BackTest, DataNeeds, back_test, hold_out
from rapport.predict.history import (
    Facts,
    FloatArray,
    InvalidHistory,
    Known,
    PurchaseHistory,
    known_at,
    purchase_history,
    read_orders,
)
from rapport.predict.models import MODELS, model_named, models_that_predict
from rapport.predict.models.bg_nbd import BgNbdFit
from rapport.predict.models.gamma_gamma import GammaGammaFit, ValuePrediction
from rapport.predict.models.pareto_nbd import ParetoNbdFit
from rapport.predict.models.prediction import Z_95, PurchasePrediction, Reason

# Models closer than this are called equal on orders, and the chance to order decides.
CLEARLY_BETTER_SHARE = 0.01
LATE_SHARE_WORTH_SAYING = 0.01


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What made a set of scores, from what, and how well it did on time it had not seen.

    Attributes
    ----------
    version : str
        The same for the same orders, date and code; changes when any number on the card does.
    model : str
        The chosen purchase model.
    chosen_because : str
        ``lower_orders_rmse``, ``lower_active_brier`` or ``first_of_equals``.
    as_of, fitted_at : datetime
    horizon_weeks : float
    currency : str
        Of every value.
    n_profiles, n_repeat_buyers : int
        Scored, and among them those with two purchases or more.
    n_only_returns : int
        Not scored.
    span_weeks : float
        From the first purchase to ``as_of``.
    purchases : BgNbdFit or ParetoNbdFit
    order_value : GammaGammaFit or None
        None where too few orders have a value; then no value is shown.
    back_tests : tuple of BackTest
        Of the chosen model first, then of the others.
    flags : tuple of str
        What to beware of: those of the fits, ``simple_rule_wins_orders:…``,
        ``simple_rule_wins_value:…`` (by squared error), ``value_not_shown``,
        ``back_test_saw_late_orders``, ``back_test_shorter_than_horizon``.
    """

    version: str
    model: str
    chosen_because: str
    as_of: datetime
    fitted_at: datetime
    horizon_weeks: float
    currency: str
    n_profiles: int
    n_repeat_buyers: int
    n_only_returns: int
    span_weeks: float
    purchases: BgNbdFit | ParetoNbdFit
    order_value: GammaGammaFit | None
    back_tests: tuple[BackTest, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredProfiles:
    """Scores, the card behind them, and who got none.

    Attributes
    ----------
    table : pyarrow.Table, one row per profile, sorted by profile_id
        ``profile_id``; ``probability_alive``, ``expected_orders``, ``expected_value`` and
        ``expected_order_value`` with ``_low`` and ``_high`` (95 %, of the estimate);
        ``probability_active``; ``likely_orders_low`` and ``_high`` (80 %, of what the customer
        will do); the facts ``purchase_count``, ``days_since_last_purchase``,
        ``customer_age_days``, ``mean_order_value``, ``mean_repeat_value`` (null without a repeat);
        and ``model_version``. Expected values are null where the card has ``value_not_shown``.
    not_scored : pyarrow.Table
        ``profile_id`` and ``reason``: ``only_returns``.
    card : ModelCard
    history : PurchaseHistory
        What the scores were made from.
    """

    table: pa.Table
    not_scored: pa.Table
    card: ModelCard
    history: PurchaseHistory

    def explain(self, profile_id: str) -> tuple[Reason, ...]:
        """The facts behind one profile's scores, as codes and numbers.

        Raises
        ------
        NotFound
            If the profile has no score.
        """
        row = pc.index(self.table["profile_id"], pa.scalar(profile_id)).as_py()
        if row < 0:
            raise NotFound("This profile has no score; `not_scored` says why, or it has no orders.")
        return reasons_for(self.card, self.history.facts(row))


def reasons_for(card: ModelCard, facts: Facts) -> tuple[Reason, ...]:
    """The facts behind a score as codes and numbers; a stored row of the table has them all."""
    reasons: tuple[Reason, ...] = model_named(card.model).explain(facts)
    if card.order_value is not None:
        reasons += model_named("gamma_gamma").explain(facts)
    return reasons


def score_profiles(
    orders: pa.Table,
    *,
    as_of: datetime,
    fitted_at: datetime,
    horizon_weeks: float = 52,
    currency: str = "EUR",
    time_zone: str = "UTC",
    known: Known = "then",
    back_test_known: Known = "now",
    needs: DataNeeds | None = None,
    models: tuple[str, ...] = MODELS,
) -> ScoredProfiles:
    """Score every profile that had bought by ``as_of``.

    Parameters
    ----------
    orders : pyarrow.Table
        As :func:`rapport.predict.history.read_orders` takes them.
    as_of : datetime with time zone
        The moment the scores stand at.
    fitted_at : datetime with time zone
        The clock's time, for the card.
    horizon_weeks : float, positive
        How far to look ahead.
    currency : str
        Reporting currency of ``amount``.
    time_zone : str
        Whose midnight ends a day.
    known : {"then", "now"}
        Whether orders received after ``as_of`` are left out.
    back_test_known : {"now", "then"}
        Whether the back-test, too, leaves out what had not arrived at its cutoff.
    needs : DataNeeds, optional
    models : tuple of module paths

    Raises
    ------
    InvalidHistory
        If the orders cannot be read, or the horizon is not positive.
    NotEnoughData
        If no honest back-test is possible.
    """
    if not horizon_weeks > 0:
        raise InvalidHistory(f"The horizon is {horizon_weeks} weeks; it must be above 0.")
    seen = known_at(read_orders(orders, time_zone=time_zone), as_of, known)
    (value_model,) = models_that_predict("order_value", models)
    held = hold_out(
        seen, as_of=as_of, horizon_weeks=horizon_weeks, needs=needs, known=back_test_known
    )
    candidates = {model.name: model for model in models_that_predict("purchases", models)}
    tests = [back_test(held, model, value_model) for model in candidates.values()]
    chosen, because = choose(tests)

    history = purchase_history(seen, as_of, known="now")  # `seen` is already what was known
    model = candidates[chosen.model]
    fitted = model.fit(history)
    prediction = model.predict(history, horizon_weeks, fitted)
    fitted_value, value, value_flags = _value(value_model, history, horizon_weeks)

    flags = [*fitted.flags, *value_flags]
    flags += [
        f"simple_rule_wins_{what}:{winner}"
        for what in ("orders", "value")
        if (winner := chosen.winners.get(f"{what}_rmse_loss", chosen.model)) != chosen.model
    ]
    if chosen.late_share > LATE_SHARE_WORTH_SAYING:
        flags.append("back_test_saw_late_orders")
    if chosen.horizon_weeks < horizon_weeks:
        flags.append("back_test_shorter_than_horizon")
    card = ModelCard(
        version="",
        model=chosen.model,
        chosen_because=because,
        as_of=as_of,
        fitted_at=fitted_at,
        horizon_weeks=float(horizon_weeks),
        currency=currency,
        n_profiles=history.n_profiles,
        n_repeat_buyers=history.n_repeat_buyers,
        n_only_returns=len(history.only_returns),
        span_weeks=history.span_weeks,
        purchases=fitted,
        order_value=fitted_value,
        back_tests=(chosen, *(test for test in tests if test is not chosen)),
        flags=tuple(flags),
    )
    card = msgspec.structs.replace(card, version=_version(card))
    return ScoredProfiles(
        table=_table(history, prediction, value, card.version),
        not_scored=pa.table(
            {
                "profile_id": history.only_returns,
                "reason": pa.array(["only_returns"] * len(history.only_returns), pa.string()),
            }
        ),
        card=card,
        history=history,
    )


def choose(tests: list[BackTest]) -> tuple[BackTest, str]:
    """The back-test that wins, and why.

    Squared error of orders decides, as what we show is an expected number; within 1 % of the best,
    the chance to order at all does; within 1 % of the best of those, the first of the list.
    """
    best = min(test.own.orders_rmse_loss for test in tests)
    close = [t for t in tests if t.own.orders_rmse_loss <= best * (1 + CLEARLY_BETTER_SHARE)]
    if len(close) == 1:
        return close[0], "lower_orders_rmse"
    sharpest = min(test.own.active_brier_loss for test in close)
    sharp = [t for t in close if t.own.active_brier_loss <= sharpest * (1 + CLEARLY_BETTER_SHARE)]
    return sharp[0], "lower_active_brier" if len(sharp) == 1 else "first_of_equals"


def _value(
    value_model: object, history: PurchaseHistory, horizon_weeks: float
) -> tuple[GammaGammaFit | None, ValuePrediction | None, tuple[str, ...]]:
    """The value of an order, or nothing and a flag where it cannot be had."""
    try:
        fitted: GammaGammaFit = value_model.fit(history)  # type: ignore[attr-defined]
    except NotEnoughData:
        return None, None, ("value_not_shown",)
    value: ValuePrediction = value_model.predict(history, horizon_weeks, fitted)  # type: ignore[attr-defined]
    if not np.isfinite(value.expected_order_value).all():
        return fitted, None, (*fitted.flags, "value_not_shown")
    return fitted, value, fitted.flags


def _table(
    history: PurchaseHistory,
    prediction: PurchasePrediction,
    value: ValuePrediction | None,
    version: str,
) -> pa.Table:
    n = history.n_profiles
    columns: dict[str, FloatArray | pa.Array] = {"profile_id": history.profile_ids}
    for name in (
        "probability_alive",
        "probability_alive_low",
        "probability_alive_high",
        "probability_active",
        "expected_orders",
        "expected_orders_low",
        "expected_orders_high",
        "likely_orders_low",
        "likely_orders_high",
    ):
        columns[name] = getattr(prediction, name)
    if value is None:
        for what in ("expected_value", "expected_order_value"):
            for end in ("", "_low", "_high"):
                columns[what + end] = pa.nulls(n, pa.float64())
    else:
        money = prediction.expected_orders * value.expected_order_value
        # The two models are fitted apart, so their errors add up on the log scale.
        log_sd = np.hypot(prediction.expected_orders_log_sd, value.expected_order_value_log_sd)
        columns |= {
            "expected_value": money,
            "expected_value_low": money * np.exp(-Z_95 * log_sd),
            "expected_value_high": money * np.exp(Z_95 * log_sd),
            "expected_order_value": value.expected_order_value,
            "expected_order_value_low": value.expected_order_value_low,
            "expected_order_value_high": value.expected_order_value_high,
        }
    columns |= {
        "purchase_count": pa.array(history.purchase_count),
        "days_since_last_purchase": pa.array(history.days_since_last_purchase),
        "customer_age_days": pa.array(history.customer_age_days),
        "mean_order_value": history.mean_value,
        "mean_repeat_value": pa.array(history.mean_repeat_value, from_pandas=True),
        "model_version": pa.repeat(version, n),
    }
    return pa.table(columns)


def _version(card: ModelCard) -> str:
    """Model and a digest of all on the card but the clock."""
    plain = msgspec.structs.replace(card, fitted_at=card.as_of)
    digest = hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
    return f"{card.model}-{digest[:12]}"

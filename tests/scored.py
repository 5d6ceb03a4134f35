"""Cards of models that held and that did not, and a company whose customers have scores of them."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
from msgspec.structs import replace
from sqlalchemy import insert, select

from rapport.predict.models.bg_nbd import BgNbdParams
from rapport.predict.score import ModelCard, score_profiles
from rapport.vocabulary.ledger_tables import model_version, profile, score
from rapport.workflows.company import Company
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.train import MODEL, shown_scores
from tests.predict.simulated_customers import Simulated, simulate


@cache
def card_that_held() -> ModelCard:
    """Customers who behave as the model says: it beats every simple rule."""
    params = BgNbdParams(r=0.9, alpha=5.0, a=0.8, b=2.5)
    return _card(simulate(params, n_customers=600, n_days=500, seed=3))


@cache
def card_of_clockwork() -> ModelCard:
    """Customers all alike who never leave: the mean of all wins, and nobody is seen to leave."""
    who = np.repeat(np.arange(300), 40)
    day = np.tile(np.arange(0, 560, 14), 300) + who % 7
    amount = np.full(who.size, 20.0)
    return _card(
        Simulated(customer=who, day=day, amount=amount, n_customers=300, n_days=567),
    )


def _card(world: Simulated) -> ModelCard:
    when = world.end()
    return score_profiles(world.orders(), as_of=when, fitted_at=when, horizon_weeks=26).card


def beaten_on(card: ModelCard, loss: str) -> ModelCard:
    """The card as it is where the mean of all has half the model's loss, such as ``value_rmse``."""
    test = card.back_tests[0]
    own = test.own
    names = [f"{loss}_loss", *(["value_mae_loss"] if loss == "value_rmse" else [])]
    half = {name: getattr(own, name) / 2 for name in names}
    scores = tuple(
        replace(each, **half) if each.name == "mean_of_all" else each for each in test.scores
    )
    winners = test.winners | dict.fromkeys(names, "mean_of_all")
    return replace(
        card, back_tests=(replace(test, scores=scores, winners=winners), *card.back_tests[1:])
    )


def keep_scores(company: Company, card: ModelCard) -> None:
    """Store the card as training does, and give every customer the scores that it shows."""
    values = {"probability_alive": 0.8, "expected_orders": 2.0, "expected_value": 100.0}
    with company.ledger.write() as connection:
        made = connection.execute(
            insert(model_version)
            .values(
                model=MODEL, fitted_at=card.fitted_at, data_until=card.as_of, status="live",
                card=msgspec.to_builtins(card),
            )
            .returning(model_version.c.version_id)
        )  # fmt: skip
        version = int(made.scalar_one())
        facts = {
            "purchase_count": 2, "days_since_last_purchase": 5, "customer_age_days": 90,
            "mean_order_value": 40.0, "mean_repeat_value": 40.0, "likely_orders_low": 1,
            "likely_orders_high": 3, "probability_active": 0.7,
        }  # fmt: skip
        connection.execute(
            insert(score),
            [
                {
                    "profile_id": profile_id, "name": name, "value": values[name], "low": 0.0,
                    "high": 200.0, "reasons": facts, "version_id": version, "as_of": card.as_of,
                    "horizon_days": 364,
                }
                for profile_id in connection.scalars(select(profile.c.profile_id)).all()
                for name in shown_scores(card)
            ],
        )  # fmt: skip
    rebuild_customers(company)

"""How far to trust the scores on show: the newest model's back-test in a few figures.

Whatever shows a score takes these along: no prediction stands without its measured accuracy.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection

from rapport.predict.evaluation import BackTest
from rapport.predict.score import ModelCard
from rapport.workflows.company import Company
from rapport.workflows.train import latest_model, read_card

DROPOUT_NOT_IDENTIFIED = "dropout_not_identified"
SIMPLE_RULE_WINS = "simple_rule_wins"
NOT_TESTED = "not_tested"
VALUE_NOT_SHOWN = "value_not_shown"


class Compared(Struct, frozen=True, kw_only=True):
    """How far off per customer the model was in the hold-out, and how far the best simple rule.

    Attributes
    ----------
    own_mae_loss, rule_mae_loss : float
        Mean absolute error, of the model and of the rule that is best by it.
    own_rmse_loss, rule_rmse_loss : float
        Root mean squared error, likewise. It decides who wins, as what we show is a mean.
    rule : str
        The simple rule that is best by squared error.
    """

    own_mae_loss: float
    rule_mae_loss: float
    own_rmse_loss: float
    rule_rmse_loss: float
    rule: str


class ComparedChance(Struct, frozen=True, kw_only=True):
    """The same of the chance to order at all: mean squared error of a probability."""

    own_brier_loss: float
    rule_brier_loss: float
    rule: str


class Verdict(Struct, frozen=True, kw_only=True):
    """Whether a score held in its back-test.

    Attributes
    ----------
    holds : bool
        No simple rule was nearer, and the data show who leaves.
    doubts : tuple of str
        What speaks against it: ``dropout_not_identified``, ``simple_rule_wins``, ``not_tested``,
        or ``value_not_shown``, where no order value could be fitted and there is no such score.
    """

    holds: bool
    doubts: tuple[str, ...] = ()


class Accuracy(Struct, frozen=True, kw_only=True):
    """What the newest model's back-test says of the scores that are shown.

    Attributes
    ----------
    as_of : datetime
        Where the scores stand.
    horizon_weeks : float
        How far they look ahead.
    tested_from, tested_until : datetime
        The time that was held out, which the tested model could not see.
    tested_weeks : float
    customers : int
        How many were tested.
    currency : str
        Of the errors in `value`.
    value : Compared or None
        None where no money could be forecast in the back-test.
    chance : ComparedChance
        Of ordering within the hold-out; it is the test of `probability_alive`, which itself can
        never be seen.
    probability_alive, expected_orders, expected_value : Verdict
    """

    model: str
    as_of: datetime
    horizon_weeks: float
    tested_from: datetime
    tested_until: datetime
    tested_weeks: float
    customers: int
    currency: str
    orders: Compared
    value: Compared | None
    chance: ComparedChance
    probability_alive: Verdict
    expected_orders: Verdict
    expected_value: Verdict

    @property
    def dropout_identified(self) -> bool:
        """Whether the data show who leaves; otherwise everybody counts as a customer for ever."""
        return DROPOUT_NOT_IDENTIFIED not in self.probability_alive.doubts

    @property
    def value_shown(self) -> bool:
        """Whether there is expected revenue of anybody."""
        return VALUE_NOT_SHOWN not in self.expected_value.doubts


def newest_accuracy(company: Company) -> Accuracy | None:
    """The accuracy of the model in use; None where nothing is trained, or training declined."""
    with company.ledger.read() as connection:
        return accuracy_in(connection)


def accuracy_in(connection: Connection) -> Accuracy | None:
    """As `newest_accuracy`, within a read that is under way."""
    row = latest_model(connection)
    return None if row is None or row.status != "live" else accuracy_of(read_card(row))


def accuracy_of(card: ModelCard) -> Accuracy:
    """What a model's card says of its scores."""
    test = card.back_tests[0]
    own, rules = test.own, test.scores[1:]
    likeliest = min(rules, key=lambda rule: rule.active_brier_loss)
    value = _compared(test, "value") if own.value_rmse_loss is not None else None
    return Accuracy(
        model=card.model,
        as_of=card.as_of,
        horizon_weeks=card.horizon_weeks,
        tested_from=test.cutoff,
        tested_until=test.until,
        tested_weeks=test.horizon_weeks,
        customers=test.n_profiles,
        currency=card.currency,
        orders=_compared(test, "orders"),
        value=value,
        chance=ComparedChance(
            own_brier_loss=own.active_brier_loss,
            rule_brier_loss=likeliest.active_brier_loss,
            rule=likeliest.name,
        ),
        probability_alive=_verdict(card, "active_brier_loss"),
        expected_orders=_verdict(card, "orders_rmse_loss"),
        expected_value=_verdict(card, "value_rmse_loss", tested=value is not None),
    )


def _compared(test: BackTest, what: str) -> Compared:
    mae, rmse = f"{what}_mae_loss", f"{what}_rmse_loss"
    best = min(test.scores[1:], key=lambda rule: getattr(rule, rmse))
    return Compared(
        own_mae_loss=getattr(test.own, mae),
        rule_mae_loss=min(getattr(rule, mae) for rule in test.scores[1:]),
        own_rmse_loss=getattr(test.own, rmse),
        rule_rmse_loss=getattr(best, rmse),
        rule=best.name,
    )


def _verdict(card: ModelCard, loss: str, *, tested: bool = True) -> Verdict:
    winner = card.back_tests[0].winners.get(loss)
    doubts = {
        DROPOUT_NOT_IDENTIFIED: DROPOUT_NOT_IDENTIFIED in card.flags,
        # An untested score cannot have been beaten; the winner is then one rule of thumb or other.
        SIMPLE_RULE_WINS: tested and winner != card.model,
        NOT_TESTED: not tested,
        VALUE_NOT_SHOWN: loss == "value_rmse_loss" and VALUE_NOT_SHOWN in card.flags,
    }
    found = tuple(doubt for doubt, there in doubts.items() if there)
    return Verdict(holds=not found, doubts=found)

"""The model's card: what training stored is what pages read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert, select

from rapport.errors import NotFound
from rapport.predict.models.bg_nbd import BgNbdParams
from rapport.predict.score import ModelCard, score_profiles
from rapport.vocabulary.ledger_tables import model_version
from rapport.workflows.company import Company
from rapport.workflows.models import find_version, model_versions
from rapport.workflows.train import MODEL, read_card, train_models
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.predict.simulated_customers import simulate
from tests.shop import fill


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture(scope="module")
def card() -> ModelCard:
    params = BgNbdParams(r=0.9, alpha=5.0, a=0.8, b=2.5)
    world = simulate(params, n_customers=600, n_days=500, seed=3)
    when = world.end()
    return score_profiles(world.orders(), as_of=when, fitted_at=when, horizon_weeks=26).card


def keep_card(company: Company, card: ModelCard) -> int:
    """Store a card as training does."""
    with company.ledger.write() as connection:
        made = connection.execute(
            insert(model_version)
            .values(
                model=MODEL,
                fitted_at=card.fitted_at,
                data_until=card.as_of,
                card=msgspec.to_builtins(card),
                status="live",
            )
            .returning(model_version.c.version_id)
        )
        return int(made.scalar_one())


def test_a_stored_card_is_read_as_it_was_written(company: Company, card: ModelCard) -> None:
    version = keep_card(company, card)
    with company.ledger.read() as connection:
        row = connection.execute(select(model_version)).one()
    again = read_card(row)
    assert again == card
    assert type(again.purchases) is type(card.purchases)
    assert find_version(company, version).card == card


def test_a_refusal_says_what_there_is_and_what_is_needed(company: Company) -> None:
    fill(company)
    assert train_models(company).refused is not None
    (version,) = model_versions(company)
    assert (version.status, version.card) == ("refused", None)
    assert version.refusal is not None
    assert version.refusal.needs_repeat_buyers == 100
    assert version.refusal.repeat_buyers is not None
    assert "repeat buyers" in version.refusal.message
    with pytest.raises(NotFound):
        find_version(company, 99)

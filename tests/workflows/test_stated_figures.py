"""Figures that the company states, and what becomes of those stated before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.understand.question import Question
from rapport.understand.stated import stated_table
from rapport.vocabulary.stated_figure import StatedFigure
from rapport.workflows.company import Company
from rapport.workflows.questions import ask_question
from rapport.workflows.stated_figures import state_figure, stated_figures, withdraw_figure
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.shop import shop

TICKETS: dict[str, Any] = {"name": "ticket_cost", "actor": "test"}


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def told(company: Company) -> list[tuple[Decimal, date, date | None]]:
    return [(each.amount, each.first_day, each.last_day) for each in stated_figures(company)]


def test_a_later_figure_ends_an_open_one_the_day_before(company: Company) -> None:
    state_figure(company, **TICKETS, amount="4,50", first_day=date(2026, 1, 1))
    state_figure(company, **TICKETS, amount="5", first_day=date(2026, 6, 1))
    state_figure(company, **TICKETS, amount="6", first_day=date(2026, 6, 1))

    assert told(company) == [
        (Decimal("4.50"), date(2026, 1, 1), date(2026, 5, 31)),
        (Decimal(6), date(2026, 6, 1), None),
    ]
    withdraw_figure(company, name="ticket_cost", first_day=date(2026, 6, 1), actor="test")
    assert len(told(company)) == 1
    with pytest.raises(NotFound, match="rapport metrics stated"):
        withdraw_figure(company, name="ticket_cost", first_day=date(2026, 6, 1), actor="test")


def test_two_figures_never_hold_at_once(company: Company) -> None:
    state_figure(
        company, **TICKETS, amount="4", first_day=date(2026, 1, 1), last_day=date(2026, 3, 31)
    )
    with pytest.raises(Conflict, match="shares days"):
        state_figure(company, **TICKETS, amount="5", first_day=date(2025, 6, 1))
    with pytest.raises(Conflict, match="from 2026-01-01 to 2026-03-31"):
        state_figure(company, **TICKETS, amount="5", first_day=date(2026, 3, 31))
    assert len(told(company)) == 1


def test_a_dry_run_changes_nothing(company: Company) -> None:
    shown = state_figure(company, **TICKETS, amount="4", first_day=date(2026, 1, 1), dry_run=True)
    assert len(shown) == 1
    assert told(company) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "ticket_costs"}, "did you mean 'ticket_cost'"),
        ({"amount": "much"}, "no number"),
        ({"amount": "-1"}, "from 0"),
        ({"amount": "nan"}, "from 0"),
        ({"amount": "1.23456"}, "four decimals"),
        ({"name": "goods_cost_share", "amount": "60"}, "0.6 for 60%"),
        ({"scope": "search"}, "holds for everything"),
        ({"name": "goods_cost"}, "say which"),
        ({"name": "acquisition_spend"}, "say the last one"),
        ({"last_day": date(2025, 1, 1)}, "swap them"),
        ({"first_day": date(1900, 1, 1)}, "between 1990"),
    ],
)
def test_what_cannot_be_stated_says_why(
    company: Company, given: dict[str, Any], message: str
) -> None:
    asked = {"name": "ticket_cost", "amount": "4", "first_day": date(2026, 1, 1), **given}
    with pytest.raises(InvalidInput, match=message):
        state_figure(company, actor="test", **asked)
    assert told(company) == []


def test_spending_is_spread_over_local_days_and_adds_up() -> None:
    spent = StatedFigure(
        name="acquisition_spend",
        amount=Decimal("100"),
        first_day=date(2026, 3, 28),
        last_day=date(2026, 3, 30),
        scope="search",
    )
    rows = stated_table((spent,), "Europe/Brussels").to_pylist()

    assert sum(row["amount"] for row in rows) == 100
    assert {row["amount"] for row in rows} == {Decimal("33.3333"), Decimal("33.3334")}
    # The clocks go forward on the 29th: its day has 23 hours.
    assert [row["starts_at"].astimezone(UTC).hour for row in rows] == [23, 23, 22]


@pytest.mark.slow
def test_an_answer_is_kept_only_until_another_cost_is_stated(
    tmp_path: Path, clock: FakeClock
) -> None:
    question = Question(
        metrics=("gross_margin",),
        start=datetime(2026, 8, 1, tzinfo=UTC),
        end=datetime(2026, 9, 1, tzinfo=UTC),
    )
    with shop(tmp_path, clock) as company:
        seen = [ask_question(company, question).rows[0]["gross_margin"]]
        for share in ("0.6", "0.5"):
            state_figure(
                company,
                name="goods_cost_share",
                amount=share,
                first_day=date(2026, 1, 1),
                actor="test",
            )
            seen.append(ask_question(company, question).rows[0]["gross_margin"])

    assert seen == [None, Decimal("96.0000"), Decimal("120.0000")]

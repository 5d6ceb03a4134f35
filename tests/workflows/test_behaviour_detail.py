"""A person's stream of clicks beside their history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.vocabulary.ledger_tables import profile
from rapport.vocabulary.touchpoint import (
    BEHAVIOUR_DETAIL,
    ELEMENT_CLICKED,
    PAGE_ENGAGED,
    RAGE_CLICKED,
)
from rapport.workflows.company import Company
from rapport.workflows.customer_timeline import VISIT, customer_timeline
from rapport.workflows.resolve import resolve_company
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.touchpoints import START, email, keep, order, touchpoint


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def test_hundreds_of_clicks_neither_fill_the_timeline_nor_push_orders_off_its_page(
    company: Company,
) -> None:
    her = email("an@kadar.example")
    clicks = [
        touchpoint(
            f"click-{i}",
            type=PAGE_ENGAGED if i % 10 == 0 else ELEMENT_CLICKED,
            record=her,
            occurred_at=START + timedelta(hours=1, seconds=i),
        )
        for i in range(900)
    ]
    told = [
        order("7", "40", record=her, occurred_at=START),
        touchpoint("view", record=her, occurred_at=START + timedelta(hours=1)),
        touchpoint(
            "rage", type=RAGE_CLICKED, record=her, occurred_at=START + timedelta(hours=1, seconds=5)
        ),
    ]
    keep(company, [*clicks, *told])
    resolve_company(company)
    with company.ledger.read() as connection:
        profile_id = connection.execute(select(profile.c.profile_id)).scalar_one()
    shown = customer_timeline(company, profile_id)
    visit, bought = shown.lines
    assert (visit.type, visit.count) == (VISIT, 2)
    assert bought.order_id == "7"
    assert shown.counts == {"orders": 1, "web": 2}
    assert (shown.total, shown.next) == (3, None)
    assert {click.type for click in clicks} == BEHAVIOUR_DETAIL
    assert len(customer_timeline(company, profile_id, kind="web").lines) == 1

"""Segments of the company's own, and who is in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.understand.segments.rule import All, where
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company
from rapport.workflows.segment_definitions import delete_segment, find_segment, save_segment
from rapport.workflows.segments import (
    Counted,
    count_rule,
    members_csv,
    segment_members,
    segments_overview,
)
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.shop import at, fill, shop
from tests.touchpoints import email, order

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

OFTEN = where("order_count", "ge", 3)


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


def test_a_segment_is_kept_counted_changed_and_forgotten(company: Company) -> None:
    key = save_segment(company, name="  Often   here ", rule=OFTEN, author="a@kadar.example")
    assert find_segment(company, key).name == "Often here"
    # Even customers ordered in August and October; 0, 2, 4 and 6 in November too.
    assert count_rule(company, OFTEN) == Counted(members=4, customers=12)
    row = next(row for row in segments_overview(company) if row.segment.key == key)
    assert row.figures.customers == 4
    save_segment(
        company, name="Once", rule=where("order_count", "eq", 1), author="a@kadar.example", key=key
    )
    assert find_segment(company, key).rule == where("order_count", "eq", 1)
    gone = delete_segment(company, key, author="a@kadar.example")
    assert gone.name == "Once"
    with pytest.raises(NotFound):
        find_segment(company, key)
    with company.ledger.read() as connection:
        told = connection.scalars(select(audit.c.action).order_by(audit.c.audit_id)).all()
    assert [a for a in told if a.startswith("segment")] == [
        "segment_made",
        "segment_changed",
        "segment_deleted",
    ]


def test_names_are_given_once_and_rules_are_checked(company: Company) -> None:
    save_segment(company, name="Often", rule=OFTEN, author="a@kadar.example")
    with pytest.raises(Conflict, match="another name"):
        save_segment(company, name="Often", rule=All(), author="a@kadar.example")
    with pytest.raises(InvalidInput, match="1 to 80"):
        save_segment(company, name=" ", rule=All(), author="a@kadar.example")
    with pytest.raises(InvalidInput, match="did you mean 'order_count'"):
        save_segment(company, name="x", rule=where("order_cuont", "ge", 1), author="a")
    with pytest.raises(InvalidInput, match="came with the product"):
        delete_segment(company, "loyal", author="a@kadar.example")


@pytest.mark.parametrize("key", ["nobody", "own-", "own-x", "own-99", "own-٣", "own-" + "9" * 40])
def test_a_key_that_is_none_says_so(company: Company, key: str) -> None:
    with pytest.raises(NotFound, match="segment"):
        find_segment(company, key)


def test_members_come_in_pages_with_their_names(company: Company) -> None:
    first = segment_members(company, All(), size=5, order="order_count")
    assert (first.counted.members, first.first, len(first.members)) == (12, 1, 5)
    assert {member.name for member in first.members} >= {"Customer 0", "Customer 2"}
    last = segment_members(company, All(), page=3, size=5, order="order_count")
    assert (last.first, len(last.members)) == (11, 2)
    with pytest.raises(InvalidInput, match="sort by one of"):
        segment_members(company, All(), order="name")


def test_the_file_of_members_runs_no_formula(tmp_path: Path, clock: FakeClock) -> None:
    evil = order(
        "evil",
        "1",
        record=email("evil@kadar.example"),
        traits={"name": "=HYPERLINK(1)"},
        occurred_at=at(10, 1),
    )
    with empty_company(tmp_path, clock=clock) as company:
        fill(company, [evil])
        text = b"".join(members_csv(company, All())).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 13
    assert "'=HYPERLINK(1)" in {row["name"] for row in rows}

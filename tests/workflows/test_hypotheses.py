"""Hypotheses of a company: kept, looked at once per state of the data, and stricter with each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.errors import InvalidInput, NotFound
from rapport.understand.hypotheses.definition import Hypothesis
from rapport.understand.hypotheses.reading import read_sentence
from rapport.understand.hypotheses.verdict import level
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company
from rapport.workflows.hypotheses import (
    compared_customers,
    find_hypothesis,
    list_hypotheses,
    look,
    restore_hypothesis,
    withdraw_hypothesis,
    write_hypothesis,
)
from rapport.workflows.resolve import resolve_company
from tests.conftest import FakeClock
from tests.late_parcels import BELIEF, IN_TIME, LATE, SIDE, late_parcels
from tests.shop import shop
from tests.touchpoints import email, keep, order

BOSS = "sofie@kadar.example"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock, late_parcels) as opened:
        yield opened


def definition(days: int = 30) -> Hypothesis:
    return read_sentence(BELIEF, "en").hypothesis(days)


def believed(company: Company, statement: str = BELIEF) -> int:
    return write_hypothesis(company, statement=statement, definition=definition(), author=BOSS)


def test_a_belief_that_is_true_of_the_data_is_supported(company: Company) -> None:
    found = look(company, believed(company), author=BOSS)

    result = found.result
    assert result.said.verdict == "supported"
    assert (result.exposed, result.others) == (SIDE, SIDE)
    assert result.raw is not None
    assert (result.raw.exposed, result.raw.others) == (LATE / SIDE, IN_TIME / SIDE)
    assert result.alpha == level(0, 0)


def test_what_is_kept_is_read_back(company: Company) -> None:
    number = believed(company)
    made = look(company, number, author=BOSS)

    kept = find_hypothesis(company, number)

    assert kept.statement == BELIEF
    assert kept.definition == definition()
    assert kept.looks == (made,)
    assert [each.hypothesis_id for each in list_hypotheses(company)] == [number]


def test_the_same_data_are_looked_at_once(company: Company) -> None:
    number = believed(company)

    assert look(company, number, author=BOSS) == look(company, number, author="somebody@else")
    assert len(find_hypothesis(company, number).looks) == 1


def test_every_look_makes_the_next_stricter_and_a_finding_gives_some_back(
    company: Company,
) -> None:
    first, second = believed(company), believed(company, "The same once more")

    look(company, first, author=BOSS)
    again = look(company, second, author=BOSS)

    assert again.number == 2
    assert again.result.alpha == level(1, 1)


def test_new_data_are_a_new_look(company: Company, clock: FakeClock) -> None:
    number = believed(company)
    look(company, number, author=BOSS)
    clock.advance(timedelta(days=1))
    keep(company, [order("new", "10", record=email("new@late.example"), occurred_at=clock())])
    resolve_company(company)

    look(company, number, author=BOSS)

    assert [each.number for each in find_hypothesis(company, number).looks] == [2, 1]


def test_a_withdrawn_belief_is_gone_its_looks_count_and_it_comes_back(company: Company) -> None:
    number = believed(company)
    look(company, number, author=BOSS)

    withdraw_hypothesis(company, number, author=BOSS)

    assert list_hypotheses(company) == ()
    with pytest.raises(NotFound, match="/hypotheses lists them"):
        find_hypothesis(company, number)
    other = look(company, believed(company, "Another"), author=BOSS)
    assert other.number == 2

    restore_hypothesis(company, number, author=BOSS)
    assert find_hypothesis(company, number).statement == BELIEF
    with company.ledger.read() as connection:
        actions = connection.scalars(select(audit.c.action).where(audit.c.actor == BOSS)).all()
    assert {"hypothesis_written", "hypothesis_looked_at", "hypothesis_withdrawn",
            "hypothesis_restored"} <= set(actions)  # fmt: skip


def test_the_customers_of_both_sides_are_those_counted(company: Company) -> None:
    number = believed(company)

    late = [compared_customers(company, number, "exposed", page=page) for page in (1, 2)]
    others = compared_customers(company, number, "others")

    assert [late[0].total, others.total] == [SIDE, SIDE]
    people = [person for page in late for person in page.people]
    assert len({person.profile_id for person in people}) == SIDE
    assert sum(person.outcome for person in people) == LATE
    with pytest.raises(InvalidInput, match="counted from 1"):
        compared_customers(company, number, "exposed", page=0)


@pytest.mark.parametrize("statement", ["", " ", "x" * 301])
def test_a_belief_needs_words(company: Company, statement: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 300 characters"):
        believed(company, statement)

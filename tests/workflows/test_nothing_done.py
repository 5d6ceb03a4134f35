"""Facts that silos state about people, and answers of machines, are nothing that people did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.understand.coverage import coverage
from rapport.understand.customers import (
    CONSENTS,
    GROUPS,
    PERSONAS,
    SCORES,
    customers_query,
)
from rapport.understand.knowledge import freshness
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.ledger_tables import profile
from rapport.workflows.company import Company
from rapport.workflows.import_files import import_file, prepare_mapping
from rapport.workflows.resolve import resolve_company
from tests.collect.connectors.whole_way import sample
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.touchpoints import START, email, keep, touchpoint

pytestmark = pytest.mark.slow  # whole companies: not before every commit

AN = email("an@kadar.example")


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def seen(company: Company) -> list[tuple[object, ...]]:
    columns = (profile.c.first_seen, profile.c.last_seen, profile.c.touchpoint_count)
    with company.ledger.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]


@pytest.mark.parametrize("type_", sorted(v.NOTHING_DONE))
def test_what_is_said_about_a_person_is_not_the_person_seen(company: Company, type_: str) -> None:
    later = START + timedelta(days=9)
    keep(
        company,
        [
            touchpoint("view", record=AN),
            touchpoint("fact", type=type_, record=AN, occurred_at=later),
        ],
    )
    resolve_company(company)
    assert seen(company) == [(START, START, 1)]
    (row,) = company.seen.ask(
        customers_query(later + timedelta(days=1)),
        tables={
            "profiles": GROUPS.empty_table(),
            "given_scores": SCORES.empty_table(),
            "consents": CONSENTS.empty_table(),
            "personas": PERSONAS.empty_table(),
        },
    ).to_pylist()
    assert row["last_seen"] == START
    assert coverage(company.lake, later + timedelta(days=1)).occurred_until == START


def test_an_address_book_without_dates_says_when_people_are_known_since(
    company: Company, tmp_path: Path
) -> None:
    path = tmp_path / "people.vcf"
    path.write_bytes(sample("address_book.vcf"))
    import_file(company, path, prepare_mapping(path, kind=None).mapping)
    resolve_company(company)
    found = seen(company)
    assert len(found) > 1
    assert {(last, count) for _, last, count in found} == {(None, 0)}
    assert all(first is not None for first, _, _ in found)
    # A company that has nothing but records is no empty company.
    covered = coverage(company.lake, company.clock() + timedelta(days=1))
    assert covered.occurred_until is not None


def test_one_page_that_is_read_is_one_activity(company: Company) -> None:
    used = [
        touchpoint(
            f"{type_} {n}",
            type=type_,
            record=AN,
            occurred_at=START + timedelta(seconds=n),
        )
        for n in range(1, 40)
        for type_ in v.BEHAVIOUR_DETAIL
    ]
    keep(company, [touchpoint("view", record=AN), *used])
    resolve_company(company)
    # The last click is the last that was seen of the person, and none is an activity by itself.
    assert seen(company) == [(START, START + timedelta(seconds=39), 1)]
    assert freshness(company.lake).touchpoints == 1
    assert coverage(company.lake, START + timedelta(days=1)).freshness.touchpoints == 1

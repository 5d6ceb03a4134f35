"""What the silos can be trusted for, measured on a company and on the demo's known dirt."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from rapport.errors import NotFound
from rapport.settings import Settings
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.ledger_tables import job
from rapport.workflows.company import Company, open_company
from rapport.workflows.ingest import apply_journal
from rapport.workflows.quality import (
    EVERY,
    KIND,
    Quality,
    SourceQuality,
    latest_quality,
    measure_quality,
    quality_is_due,
    source_quality,
)
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.small_company import copy_of_small_company
from tests.touchpoints import keep, order, touchpoint

pytestmark = pytest.mark.slow  # a whole company each: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Quality]:
    folder = copy_of_small_company(
        tmp_path_factory.getbasetemp(), tmp_path_factory.mktemp("quality") / "company"
    )
    with open_company(Settings(data=str(folder))) as opened:
        measured = measure_quality(opened)
        assert latest_quality(opened) == measured
    return folder, measured


def _source(measured: Quality, name: str) -> SourceQuality:
    found = measured.source(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("source", "file", "delimiter", "encoding", "columns"),
    [
        (
            "loyalty", "loyalty/cards.csv", ",", "utf-8-sig",
            {
                "email": "HolderEmail", "phone": "Mobile", "birthday": "DateOfBirth",
                "gender": "Gender", "street": "Address", "preferred_store": "HomeStore",
            },
        ),
        (
            "crm_hu", "crm_hu/ugyfelek.csv", ";", "utf-8",
            {
                "email": "E-mail cím", "phone": "Telefonszám", "birthday": "Születési dátum",
                "favourite_category": "Kedvenc kategória", "loyalty_card": "Törzsvásárlói kártya",
            },
        ),
    ],
)  # fmt: skip
def test_completeness_is_what_the_silos_file_holds(
    demo: tuple[Path, Quality],
    source: str,
    file: str,
    delimiter: str,
    encoding: str,
    columns: dict[str, str],
) -> None:
    folder, measured = demo
    with (folder / "silos" / file).open(encoding=encoding) as opened:
        rows = list(csv.DictReader(opened, delimiter=delimiter))
    fields = {each.field: each for each in _source(measured, source).fields if each.of_person}
    assert len(rows) > 30
    for field, column in columns.items():
        seen = fields[field].completeness
        assert seen is not None
        # A card is stated by each row of cards, as the record's own number.
        expected = sum(bool(row[column]) for row in rows) / len(rows)
        assert seen.value == pytest.approx(expected), field
        assert seen.n == len(rows)


def test_the_demos_dirt_shows_where_it_was_put(demo: tuple[Path, Quality]) -> None:
    measured = demo[1]
    crm = {each.field: each for each in _source(measured, "crm").fields if each.of_person}
    loyalty = {each.field: each for each in _source(measured, "loyalty").fields if each.of_person}
    # 2.5 % of the addresses in the CRM are stand-ins such as geen@mail.be.
    assert crm["email"].validity is not None
    assert 0.9 < crm["email"].validity.value < 1
    # Of those who moved, three quarters of the cards have the old address, in the CRM 60 %. Ways of
    # writing a street are no disagreement.
    assert loyalty["street"].consistency is not None
    assert crm["city"].consistency is not None
    assert 0.8 < loyalty["street"].consistency.value < 1
    assert 0.8 < crm["city"].consistency.value <= 1
    # 6 % of the people stand in the CRM twice; nobody has two cards.
    doubles = _source(measured, "crm").records
    cards = _source(measured, "loyalty").records
    assert doubles is not None
    assert cards is not None
    assert doubles.value < 1 == cards.value
    scores = {each.name: each.score for each in measured.sources}
    assert all(score is None or 0 < score <= 100 for score in scores.values())
    assert _source(measured, "web").volume_of == "happened"
    assert sum(day.expected is not None for day in _source(measured, "web").volume) == 30


def _contact(number: int, at_days_ago: int, clock: FakeClock, **traits: str) -> object:
    at = clock() - timedelta(days=at_days_ago)
    return touchpoint(
        f"c{number}", source="crm", channel="crm", type="Record Seen", occurred_at=at,
        received_at=at, traits=traits,
        record=Identifier(kind="crm_contact", value=f"C{number}", namespace="crm"),
    )  # fmt: skip


def test_a_column_that_a_silo_loses_is_drift(company: Company, clock: FakeClock) -> None:
    keep(
        company,
        [
            _contact(  # type: ignore[misc]
                n,
                60 if n < 200 else 5,
                clock,
                country="BE",
                **({"city": "Gent"} if n < 210 else {}),
            )
            for n in range(300)
        ],
    )
    apply_journal(company)
    (crm,) = measure_quality(company).sources
    assert [(each.field, each.kind, each.flagged) for each in crm.changes] == [
        ("city", "fill", True)
    ]
    (change,) = crm.changes
    assert (change.before, change.after, change.n) == (1.0, 0.1, (200, 100))


def test_a_day_with_far_fewer_records_than_its_weekdays_is_low(
    company: Company, clock: FakeClock
) -> None:
    today = clock().date()
    keep(
        company,
        [
            order(f"{day}-{n}", "10", source="till", occurred_at=at, received_at=at)
            for day in range(1, 70)
            for at in [clock() - timedelta(days=day)]
            for n in range(2 if day == 3 else 40)
        ],
    )
    apply_journal(company)
    (till,) = measure_quality(company).sources
    assert till.volume_of == "received"
    low = [each for each in till.volume if each.state == "low"]
    assert [(each.day, each.count, each.expected) for each in low] == [
        (today - timedelta(days=3), 2, 40)
    ]


def test_it_is_measured_again_when_there_is_something_new(
    company: Company, clock: FakeClock
) -> None:
    assert latest_quality(company) is None
    assert quality_is_due(company)
    keep(company, [order("A1", "10", source="till")])
    apply_journal(company)
    measure_quality(company)
    assert not quality_is_due(company)
    clock.advance(EVERY)
    assert not quality_is_due(company)
    keep(company, [order("A2", "10", source="till")])
    apply_journal(company)
    assert quality_is_due(company)
    found = source_quality(company, "till")
    assert found is not None
    assert (found.touchpoints, found.score) == (1, None)
    with pytest.raises(NotFound, match="till"):
        source_quality(company, "nowhere")


def test_old_measures_are_forgotten(company: Company) -> None:
    for _ in range(35):
        measure_quality(company)
    with company.ledger.read() as connection:
        kept = connection.scalar(select(func.count()).select_from(job).where(job.c.kind == KIND))
    assert kept == 30


def test_what_is_kept_holds_nobodys_values(company: Company, clock: FakeClock) -> None:
    keep(
        company,
        [
            _contact(  # type: ignore[misc]
                n, 5, clock, email=f"secret{n}@kadar.example", name="Zsuzsa Titok",
                gender="Titkos", city="Titokváros",
            )
            for n in range(80)
        ],
    )  # fmt: skip
    apply_journal(company)
    measure_quality(company)
    with company.ledger.read() as connection:
        kept = str(connection.execute(select(job.c.result)).scalar()).lower()
    assert "crm" in kept
    assert "tit" not in kept
    assert "secret" not in kept

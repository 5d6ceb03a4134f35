"""Renewing profiles while more arrives."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rapport.understand.question import Question
from rapport.unify.marks import STALE_PROFILES
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import RECORD_SEEN
from rapport.workflows.company import Company
from rapport.workflows.customer_list import list_customers
from rapport.workflows.ingest import apply_journal
from rapport.workflows.questions import ask_question
from rapport.workflows.refresh import refresh_profiles
from rapport.workflows.resolve import resolve_company
from tests.company import empty_company
from tests.touchpoints import email, keep, order, touchpoint


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with empty_company(tmp_path) as company:
        yield company


def _says(company: Company, message: str, name: str) -> None:
    record = Identifier(kind="crm_contact", value="1", namespace="crm")
    traits = {"name": name}
    keep(
        company, [touchpoint(message, type=RECORD_SEEN, source="crm", record=record, traits=traits)]
    )
    apply_journal(company)


def test_what_arrives_during_a_renewal_is_renewed_after_it(company: Company) -> None:
    _says(company, "one", "Jan Peeters")
    arrived = False

    def progress(step: str, _done: int, _all: int) -> None:
        nonlocal arrived
        if step == "refresh" and not arrived:  # its columns are written, its marks still stand
            arrived = True
            _says(company, "two", "Jan Pieters")

    assert refresh_profiles(company, progress=progress) == 1
    with company.ledger.read() as connection:
        assert len(STALE_PROFILES.read(connection)) == 1
    assert refresh_profiles(company) == 1
    assert refresh_profiles(company) == 0
    [row] = list_customers(company, reveal=True).rows
    assert row.name == "Jan Pieters"


def test_gender_age_and_postcode_split_what_customers_did(company: Company) -> None:
    said = {
        1: {"gender": "Mevrouw", "birthday": "1996-02-01", "postal_code": "9000", "country": "BE"},
        2: {"gender": "férfi", "birthday": "1960-02-01", "postal_code": "1051", "country": "HU"},
        3: {"gender": "whatever"},
    }
    company.choose("reporting_currency", "EUR")
    keep(
        company,
        [
            order(
                str(number),
                f"{number}0",
                record=email(f"buyer{number}@kadar.example"),
                traits=traits,
                occurred_at=datetime(2026, 10, number, tzinfo=UTC),
            )
            for number, traits in said.items()
        ],
    )
    resolve_company(company)
    question = Question(
        metrics=("revenue",),
        start=datetime(2026, 10, 1, tzinfo=UTC),
        end=datetime(2026, 11, 1, tzinfo=UTC),
        dimensions=("gender", "age_band", "postcode_area"),
    )

    rows = ask_question(company, question).rows

    found = [(row["gender"], row["age_band"], row["postcode_area"], row["revenue"]) for row in rows]
    assert found == [
        ("f", "25-34", "BE 90", 10),
        ("m", "65+", "HU 10", 20),
        (None, None, None, 30),
    ]

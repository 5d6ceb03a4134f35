"""Renewing profiles while more arrives."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.unify.marks import STALE_PROFILES
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import RECORD_SEEN
from rapport.workflows.company import Company
from rapport.workflows.customer_list import list_customers
from rapport.workflows.ingest import apply_journal
from rapport.workflows.refresh import refresh_profiles
from tests.company import empty_company
from tests.touchpoints import keep, touchpoint


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

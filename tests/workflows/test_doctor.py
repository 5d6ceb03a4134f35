"""The doctor finds what is wrong and says how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.vocabulary.lake_tables import TOUCHPOINTS
from rapport.workflows.company import Company
from rapport.workflows.doctor import Finding, examine
from rapport.workflows.rebuild import rebuild_lake
from rapport.workflows.resolve import resolve_company
from tests.company import empty_company
from tests.touchpoints import email, keep, order


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with empty_company(tmp_path) as opened:
        yield opened


def finding(company: Company, what: str) -> Finding:
    return next(f for f in examine(company) if f.what == what)


def test_a_fresh_folder_is_sound(company: Company) -> None:
    assert {f.state for f in examine(company)} <= {"good", "caution"}
    assert finding(company, "accounts").remedy is not None


def test_entries_that_wait_are_told(company: Company) -> None:
    keep(company, [order("A", "10", record=email("a@kadar.example"))])
    assert finding(company, "journal").state == "caution"
    resolve_company(company)
    assert finding(company, "journal").state == "good"
    assert finding(company, "lake").state == "good"


def test_a_lake_that_lost_rows_is_found_and_mended_by_a_rebuild(company: Company) -> None:
    keep(company, [order(f"A{n}", "10", record=email("a@kadar.example")) for n in range(5)])
    resolve_company(company)
    company.lake.overwrite("touchpoints", TOUCHPOINTS.empty_table())
    lost = finding(company, "lake")
    assert lost.state == "bad"
    assert "rapport rebuild" in (lost.remedy or "")
    rebuild_lake(company)
    assert finding(company, "lake").state == "good"

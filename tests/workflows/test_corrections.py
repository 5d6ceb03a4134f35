"""A silo that says something else of a record than before: the newest holds, nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.collect.mapping import mapping_from
from rapport.vocabulary.ledger_tables import journal
from rapport.workflows.company import Company
from rapport.workflows.import_files import Imported, import_file
from rapport.workflows.ingest import apply_journal
from rapport.workflows.rebuild import rebuild_lake
from rapport.workflows.train import order_history
from tests.company import empty_company

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
MAPPING = mapping_from(
    {
        "source": "shop",
        "kind": "orders",
        "columns": {
            "order_id": "order",
            "occurred_at": "date",
            "amount": "total",
            "email": "mail",
        },
        "constants": {"currency": "EUR"},
    },
    "the test",
)


class Clock:
    """A day passes between imports."""

    now = START

    def __call__(self) -> datetime:
        return self.now


def _import(company: Company, folder: Path, clock: Clock, *totals: str) -> Imported:
    path = folder / "orders.csv"
    lines = [f"{n},2026-10-0{n} 10:00,{total},ann@example.org" for n, total in enumerate(totals, 1)]
    path.write_text("\n".join(["order,date,total,mail", *lines]) + "\n")
    clock.now += timedelta(days=1)
    done = import_file(company, path, MAPPING)
    apply_journal(company)
    return done


def _amounts(company: Company) -> list[str]:
    table = order_history(company, START + timedelta(days=60)).sort_by("occurred_at")
    return [f"{amount:.2f}" for amount in table["amount"].to_pylist()]


def test_the_newest_of_what_a_silo_said_holds(tmp_path: Path) -> None:
    clock = Clock()
    with empty_company(tmp_path, clock=clock) as company:
        first = _import(company, tmp_path, clock, "10.00", "20.00")
        assert (first.accepted, first.corrected, first.duplicates) == (2, 0, 0)

        second = _import(company, tmp_path, clock, "10.00", "25.00")
        assert (second.accepted, second.corrected, second.duplicates) == (0, 1, 1)
        assert _amounts(company) == ["10.00", "25.00"]

        again = _import(company, tmp_path, clock, "10.00", "25.00")
        assert (again.accepted, again.corrected, again.duplicates) == (0, 0, 2)

        back = _import(company, tmp_path, clock, "10.00", "20.00", "30.00")
        assert (back.accepted, back.corrected, back.duplicates) == (1, 1, 1)
        assert _amounts(company) == ["10.00", "20.00", "30.00"]

        rebuild_lake(company)
        assert _amounts(company) == ["10.00", "20.00", "30.00"]
        with company.ledger.read() as connection:
            ids = connection.scalars(select(journal.c.message_id).order_by(journal.c.position))
            assert ids.all() == [
                "orders:1",
                "orders:2",
                "orders:2~2",
                "orders:3",
                "orders:2~3",
            ]


@pytest.mark.parametrize("size", [1, 900])
def test_many_corrections_at_once(tmp_path: Path, size: int) -> None:
    clock = Clock()
    with empty_company(tmp_path, clock=clock) as company:
        path = tmp_path / "orders.csv"
        for total in ("10.00", "11.00", "12.00"):
            lines = [f"{n},2026-10-01 10:00,{total},ann@example.org" for n in range(size)]
            path.write_text("\n".join(["order,date,total,mail", *lines]) + "\n")
            done = import_file(company, path, MAPPING)
        assert (done.accepted, done.corrected, done.duplicates) == (0, size, 0)

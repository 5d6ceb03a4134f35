"""The demo company on PostgreSQL says what it says on SQLite."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from rapport.engines.lake import Lake
from rapport.engines.ledger import open_ledger
from rapport.settings import Settings
from rapport.workflows.certify import certify_demo
from rapport.workflows.company import Company
from rapport.workflows.demo import DEMO_USERS, build_demo
from rapport.workflows.doctor import examine
from tests.company import visitor
from tests.conftest import FakeClock

PEOPLE = 150


def build(folder: Path, url: str, clock: FakeClock) -> Company:
    folder.mkdir()
    company = Company(
        settings=Settings(data=str(folder)),
        ledger=open_ledger(url),
        lake=Lake(folder / "lake", memory_limit_mb=1024, threads=2),
        clock=clock,
    )
    build_demo(company, people=PEOPLE)
    return company


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_the_demo_company_is_the_same_on_both_ledgers(
    tmp_path: Path, ledger_url: str, clock: FakeClock
) -> None:
    small = build(tmp_path / "sqlite", f"sqlite:///{tmp_path / 'small.sqlite'}", clock)
    large = build(tmp_path / "postgres", ledger_url, clock)
    with closing(small.ledger), closing(large.ledger):
        assert certify_demo(large) == certify_demo(small)
        findings = examine(large)
        assert {f.state for f in findings if f.what in ("journal", "lake", "profiles")} == {"good"}
        admin = next(user for user in DEMO_USERS if user.role == "admin")
        with visitor(large) as client:
            client.post("/sign-in", data={"email": admin.email, "password": admin.password})
            for page in ("/", "/customers", "/segments", "/inbox"):
                assert client.get(page).status_code == 200, page

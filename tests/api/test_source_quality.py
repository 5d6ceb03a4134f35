"""Quality of sources and fetching from them, for programs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.workflows.company import Company
from rapport.workflows.ingest import apply_journal
from rapport.workflows.quality import measure_quality
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.feedback import with_token
from tests.touchpoints import keep, order

pytestmark = pytest.mark.slow  # seconds: not before every commit

Client = TestClient[Any]


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[Client]:
    with visitor(company, role="admin") as opened:
        yield with_token(company, opened)


def test_a_program_reads_the_quality_of_sources(company: Company, client: Client) -> None:
    early = client.get("/api/v1/quality")
    assert early.status_code == 404
    keep(company, [order(f"A{n}", "10", source="till") for n in range(40)])
    apply_journal(company)
    assert client.get("/api/v1/sources/till/quality").status_code == 404
    measure_quality(company)
    (till,) = client.get("/api/v1/quality").json()["sources"]
    assert (till["name"], till["sampled"]) == ("till", 40)
    one = client.get("/api/v1/sources/till/quality").json()
    assert one == till
    amount = next(each for each in one["fields"] if each["field"] == "amount")
    assert amount["completeness"]["n"] == 40
    assert 0 < amount["score"]["low"] <= amount["score"]["value"] <= 100
    assert client.get("/api/v1/sources/nowhere/quality").status_code == 404


TOML = """
source = "crm"
kind = "contacts"
every = "6h"
[columns]
record_id = "id"
email = "mail"
[pull]
from = "sql"
url = "sqlite:///{path}"
table = "people"
"""


@pytest.mark.slow
def test_a_program_connects_a_source_and_fetches_from_it(company: Company, client: Client) -> None:
    inbox = company.settings.folder / "inbox"  # which is open to sources that programs connect
    inbox.mkdir()
    with sqlite3.connect(inbox / "crm.db") as database:
        database.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT)")
        database.execute("INSERT INTO people VALUES (1, 'a@kadar.example')")
    database.close()
    text = TOML.format(path=inbox / "crm.db")
    assert client.post("/api/v1/sources/connect", json={}).status_code == 400
    assert client.post("/api/v1/sources/connect", json={"toml": "source = "}).status_code == 400
    made = client.post("/api/v1/sources/connect", json={"toml": text})
    assert (made.status_code, made.json()) == (201, {"source": "crm"})
    before = client.get("/api/v1/sources/crm/pulls").json()
    assert (before["now"]["state"], before["now"]["every_minutes"], before["visits"]) == (
        "never", 360, [],
    )  # fmt: skip
    pulled = client.post("/api/v1/sources/crm/pull")
    assert (pulled.status_code, pulled.json()["accepted"]) == (200, 1)
    after = client.get("/api/v1/sources/crm/pulls").json()
    assert after["now"]["state"] == "done"
    assert after["visits"][0]["pulled"]["accepted"] == 1
    assert client.get("/api/v1/sources/shop/pulls").status_code == 404


def test_a_manager_may_look_but_not_fetch(company: Company) -> None:
    keep(company, [order("A1", "10", source="till")])
    with visitor(company, role="manager") as opened:
        client = with_token(company, opened)
        for path in ("connect", "till/pull"):
            assert client.post(f"/api/v1/sources/{path}", json={"toml": ""}).status_code == 403
        assert client.get("/api/v1/sources/till/pulls").status_code == 404

"""Files that a program sends: understood, corrected, imported, in the steps of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.workflows.company import Company
from rapport.workflows.ingest import apply_journal
from rapport.workflows.users import create_api_token, create_user
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.feedback import with_token

pytestmark = pytest.mark.slow  # whole companies: not before every commit

Client = TestClient[Any]
_TILL = b"receipt,when,total,cur,mail\nA1,2026-10-02 10:00,12.50,EUR,ann@example.org\n"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[Client]:
    with visitor(company, role="admin") as opened:
        yield with_token(company, opened)


def _sent(client: Client, content: bytes = _TILL, name: str = "till.csv", **said: str) -> Any:
    return client.post("/api/v1/imports", files={"file": (name, content)}, data=said)


def test_a_file_is_understood_checked_corrected_and_imported(
    client: Client, company: Company
) -> None:
    sent = _sent(client, kind="orders")
    assert sent.status_code == 201, sent.text
    guess = sent.json()
    assert (guess["kind"], guess["source"]) == ("orders", "till")
    address = f"/api/v1/imports/{guess['token']}"
    assert client.get(address).json() == guess
    columns = {
        "receipt": "order_id", "when": "occurred_at", "total": "amount", "cur": "currency",
        "mail": "email",
    }  # fmt: skip
    checked = client.post(address, json={"columns": columns, "dry_run": True}).json()
    assert (checked["accepted"], checked["refused"]) == (1, 0)
    done = client.post(address, json={"columns": columns, "source": "till_gent"})
    assert done.status_code == 200, done.text
    assert (done.json()["source"], done.json()["accepted"]) == ("till_gent", 1)
    apply_journal(company)
    assert client.get("/api/v1/sources/till_gent").json()["line"]["accepted"] == 1
    assert client.get(address).status_code == 404  # imported, so it is kept aside no more


def test_the_guess_is_taken_where_nothing_else_is_said(client: Client) -> None:
    visits = b"visit_id,occurred_at,email\nv1,2026-10-02T10:00:00Z,ann@example.org\n"
    guess = _sent(client, visits, "visits.csv").json()
    done = client.post(f"/api/v1/imports/{guess['token']}", json={}).json()
    assert (done["kind"], done["accepted"]) == ("visits", 1)


def test_a_file_is_read_as_another_kind_or_forgotten(client: Client, company: Company) -> None:
    token = _sent(client).json()["token"]
    other = client.put(f"/api/v1/imports/{token}/kind", json={"kind": "contacts"})
    assert other.json()["kind"] == "contacts"
    assert client.put(f"/api/v1/imports/{token}/kind", json={"kind": "pizza"}).status_code == 400
    assert client.delete(f"/api/v1/imports/{token}").status_code == 204
    assert client.get(f"/api/v1/imports/{token}").status_code == 404
    assert not list((company.settings.folder / "uploads").iterdir())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("till.csv", b"  \n", "empty"),
        ("till.exe", b"a,b\n1,2\n", "must end in one of"),
        ("till.csv", b"<html><body>no</body></html>", "XML or HTML"),
    ],
)
def test_what_cannot_be_read_is_said_and_not_kept(
    client: Client, company: Company, name: str, content: bytes, said: str
) -> None:
    answer = _sent(client, content, name)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert not list((company.settings.folder / "uploads").glob("*"))


def test_importing_needs_the_right_to_change_sources(company: Company) -> None:
    create_user(
        company, email="agent@shop.example", name="A", role="agent", password="long enough for it"
    )
    token = create_api_token(company, email="agent@shop.example", name="test")
    with visitor(company, role="admin") as client:
        client.cookies.clear()
        refused = client.post(
            "/api/v1/imports",
            headers={"authorization": f"Bearer {token}"},
            files={"file": ("till.csv", _TILL)},
        )
    assert refused.status_code == 403


def test_the_schema_says_that_a_file_is_sent_as_a_form(client: Client) -> None:
    schema = client.get("/schema/openapi.json").json()
    body = schema["paths"]["/api/v1/imports"]["post"]["requestBody"]["content"]
    form = body["multipart/form-data"]["schema"]
    named = form.get("$ref", "").rpartition("/")[2]
    fields = schema["components"]["schemas"][named]["properties"] if named else form["properties"]
    assert set(fields) == {"file", "kind"}
    assert {"get", "post", "delete"} <= set(schema["paths"]["/api/v1/imports/{token}"])

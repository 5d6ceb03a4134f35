"""The API of customers: what each role may, and that answers are what the workflows say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.vocabulary.access import ROLES
from rapport.workflows.company import Company
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.customer_data import MAIL, csrf, eszter, evil, fill, profile_named, someone

pytestmark = pytest.mark.slow  # a whole company each: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        fill(opened, [*eszter(clock()), *evil(clock()), someone(clock(), 1, "Jan Peeters")])
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="admin") as opened:
        opened.headers.update(csrf(company, opened))
        yield opened


@pytest.fixture
def her(company: Company) -> str:
    return profile_named(company, "Vandenberghe")


def test_the_list_is_found_sorted_and_paged(client: TestClient[Any], her: str) -> None:
    page = client.get("/api/v1/customers", params={"sort": "-revenue", "limit": 2}).json()
    assert page["total"] == 3
    assert (page["rows"][0]["profile_id"], page["rows"][0]["revenue"]) == (her, "176.95")
    found = client.get("/api/v1/customers", params={"q": "0123"}).json()
    assert [row["profile_id"] for row in found["rows"]] == [her]
    wrong = client.get("/api/v1/customers", params={"sort": "shoe"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")


def test_the_view_the_timeline_and_the_evidence_are_there(
    client: TestClient[Any], her: str
) -> None:
    view = client.get(f"/api/v1/customers/{her}").json()
    assert view["name"] == "Eszter Vandenberghe"
    assert view["predictions"]["state"] == "not_trained"
    timeline = client.get(f"/api/v1/customers/{her}/timeline", params={"kind": "web"}).json()
    assert [line["type"] for line in timeline["lines"]] == ["Visit"]
    evidence = client.get(f"/api/v1/customers/{her}/explanation").json()
    assert len(evidence["explanation"]["records"]) == 4
    assert client.get("/api/v1/search", params={"q": "vandenb"}).json()["people"]
    assert client.get("/api/v1/customers/nobody").status_code == 404


def test_pins_contacts_tickets_and_messages(client: TestClient[Any], her: str) -> None:
    at = f"/api/v1/customers/{her}"
    assert client.post(f"{at}/pins", json={"values": {"city": "Gent"}}).json() == {
        "profile_id": her
    }
    facts = {fact["name"]: fact for fact in client.get(at).json()["facts"]}
    assert (facts["city"]["value"], facts["city"]["is_chosen"]) == ("Gent", True)
    kept = client.post(f"{at}/contacts", json={"channel": "phone", "note": "Called"})
    assert kept.status_code == 201
    assert client.post(f"{at}/contacts", json={"channel": "pigeon"}).status_code == 400
    ticket = client.post(f"{at}/tickets", json={"subject": "Zip broken"})
    assert ticket.json()["ticket_id"] > 0
    message = {"purpose": "service", "subject": "A", "text": "B", "key": "k"}
    assert client.post(f"{at}/messages", json=message).status_code == 201
    refused = client.post(f"{at}/messages", json={**message, "purpose": "marketing", "key": "m"})
    assert (refused.status_code, refused.json()["allowed"]) == (200, False)
    assert refused.json()["reason"]["code"] == "open_complaint"


def test_merging_and_undoing(client: TestClient[Any], company: Company, her: str) -> None:
    jan = profile_named(company, "Peeters")
    done = client.post(f"/api/v1/customers/{her}/merge", json={"other": jan, "reason": "Twins?"})
    assert done.status_code == 200
    survivor = client.get(f"/api/v1/customers/{jan}").json()["profile_id"]
    assert survivor == client.get(f"/api/v1/customers/{her}").json()["profile_id"]
    number = done.json()["decision_id"]
    assert client.post(f"/api/v1/decisions/{number}/undo", json={}).status_code == 200
    assert client.get(f"/api/v1/customers/{jan}").json()["name"] == "Jan Peeters"
    again = client.post(f"/api/v1/decisions/{number}/undo", json={})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "missing required field `a`"),
        ({"a": 1, "b": "2"}, "a: Expected `str`, got `int`"),
        ([], "Expected `object`"),
    ],
)
def test_a_call_that_cannot_be_read_says_what_is_wrong(
    client: TestClient[Any], her: str, body: object, said: str
) -> None:
    answer = client.post(f"/api/v1/customers/{her}/split", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert said in answer.json()["message"]
    assert "/schema/openapi.json" in answer.json()["message"]


def test_a_call_that_is_no_json_says_so(client: TestClient[Any], her: str) -> None:
    answer = client.post(
        f"/api/v1/customers/{her}/split", content=b"{", headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert answer.json()["message"]


def test_a_split_takes_the_records_as_the_explanation_names_them(
    client: TestClient[Any], company: Company, her: str
) -> None:
    jan = profile_named(company, "Peeters")
    client.post(f"/api/v1/customers/{her}/merge", json={"other": jan})
    told = client.get(f"/api/v1/customers/{her}/explanation").json()["explanation"]
    link = next(each for each in told["links"] if each["fell"])
    # As text: a number of so many digits is rounded by JavaScript.
    named = [link["a"]["atom_id"], link["b"]["atom_id"], *link["fell"]["cut"]]
    assert all(isinstance(each, str) for each in named)
    done = client.post(
        f"/api/v1/customers/{her}/split", json={"a": named[0], "b": named[1], "reason": "Two"}
    )
    assert done.status_code == 200
    assert done.json()["records_moved"] == len(link["fell"]["cut"])


def test_an_agent_may_not_merge(company: Company, her: str) -> None:
    with visitor(company, role="agent") as client:
        client.headers.update(csrf(company, client))
        assert client.get(f"/api/v1/customers/{her}").status_code == 200
        for path in ("merge", "separate", "pins"):
            answer = client.post(f"/api/v1/customers/{her}/{path}", json={"values": {}})
            assert answer.status_code == 403


def test_who_may_not_see_addresses_does_not_get_them(
    company: Company, her: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROLES, "agent", frozenset({"customers.read"}))
    with visitor(company, role="agent") as client:
        for path in ("", "/timeline", "/explanation"):
            answer = client.get(f"/api/v1/customers/{her}{path}")
            assert answer.status_code == 200
            assert MAIL not in answer.text
            assert "550123" not in answer.text
        assert MAIL not in client.get("/api/v1/customers").text
        assert MAIL not in client.get("/api/v1/search", params={"q": MAIL}).text
        headers = csrf(company, client)
        answer = client.post(
            f"/api/v1/customers/{her}/contacts", json={"channel": "phone"}, headers=headers
        )
        assert answer.status_code == 403


def test_a_stranger_gets_nothing(company: Company, her: str) -> None:
    with visitor(company) as client:
        for path in ("/api/v1/customers", f"/api/v1/customers/{her}", "/api/v1/search?q=a"):
            assert client.get(path).status_code == 401

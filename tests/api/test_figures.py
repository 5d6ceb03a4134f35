"""The API of questions, cohorts, segments and models: the same answers as the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.workflows.company import Company
from rapport.workflows.train import train_models
from rapport.workflows.users import session_of
from tests.company import visitor
from tests.conftest import FakeClock
from tests.shop import shop

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

QUESTION = {
    "metrics": ["revenue", "orders"],
    "start": "2026-08-01T00:00:00+02:00",
    "end": "2026-11-01T00:00:00+01:00",
    "grain": "month",
    "time_zone": "Europe/Brussels",
}
OFTEN = {"kind": "condition", "column": "order_count", "operator": "ge", "value": 3}


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="manager") as opened:
        session = session_of(company, opened.cookies["rapport_session"])
        assert session is not None
        opened.headers["x-csrftoken"] = session.csrf_token
        yield opened


def test_a_question_is_answered_with_its_age_and_digest(client: TestClient[Any]) -> None:
    first = client.post("/api/v1/questions", json=QUESTION).json()
    assert [(row["period"], row["revenue"], row["orders"]) for row in first["rows"]] == [
        ("2026-08-01", "240.0000", 6),
        ("2026-09-01", "240.0000", 6),
        ("2026-10-01", "240.0000", 6),
    ]
    assert first["currency"] == "EUR"
    assert first["touchpoints"] == 25
    assert first["received_until"].startswith("2026-11-03")
    split = QUESTION | {"dimensions": ["country"], "segment": OFTEN}
    again = client.post("/api/v1/questions", json=split).json()
    assert again["digest"] != first["digest"]
    assert client.post("/api/v1/questions", json=QUESTION).json()["digest"] == first["digest"]


def test_a_question_that_has_no_answer_says_all_that_is_wrong(client: TestClient[Any]) -> None:
    wrong = client.post("/api/v1/questions", json=QUESTION | {"metrics": ["revenu"], "grain": "x"})
    assert wrong.status_code == 400
    assert wrong.json()["code"] == "invalid_question"
    assert "did you mean 'revenue'" in wrong.json()["message"]
    assert "grain" in wrong.json()["message"]


def test_metrics_and_dimensions_are_listed(client: TestClient[Any]) -> None:
    words = client.get("/api/v1/metrics").json()
    assert {"nps", "revenue"} <= {metric["name"] for metric in words["metrics"]}
    assert "channel" in {dimension["name"] for dimension in words["dimensions"]}
    assert client.get("/api/v1/metrics/nps").json()["unit"] == "points"
    assert client.get("/api/v1/metrics/npx").status_code == 404


def test_cohorts_are_followed(client: TestClient[Any]) -> None:
    days = {"first_day": "2026-08-01", "last_day": "2026-11-01"}
    triangle = client.get("/api/v1/cohorts", params=days).json()
    assert [each["counts"] for each in triangle["cohorts"]] == [[6, 0, 6], [6, 0], [0]]
    narrowed = client.get("/api/v1/cohorts", params=days | {"segment": "never_ordered"}).json()
    assert {each["size"] for each in narrowed["cohorts"]} == {0}
    assert client.get("/api/v1/cohorts", params=days | {"grain": "moon"}).status_code == 400


def test_cohorts_name_all_that_is_missing(client: TestClient[Any]) -> None:
    without = client.get("/api/v1/cohorts")
    assert without.status_code == 400
    assert "Say `first_day` and `last_day`" in without.json()["message"]
    half = client.get("/api/v1/cohorts", params={"first_day": "2026-08-01"}).json()
    assert half["message"].startswith("Say `last_day`,")


def test_segments_are_made_counted_changed_and_forgotten(client: TestClient[Any]) -> None:
    assert client.post("/api/v1/segments/count", json={"rule": OFTEN}).json() == {
        "members": 4,
        "customers": 12,
    }
    made = client.post("/api/v1/segments", json={"name": "Often", "rule": OFTEN})
    assert made.status_code == 201
    key = made.json()["key"]
    assert client.post("/api/v1/segments", json={"name": "Often", "rule": OFTEN}).status_code == 409
    listed = {row["segment"]["key"]: row for row in client.get("/api/v1/segments").json()}
    assert listed[key]["figures"]["customers"] == 4
    people = client.get(f"/api/v1/segments/{key}/members", params={"size": 3}).json()
    assert (people["counted"]["members"], len(people["members"])) == (4, 3)
    assert people["members"][0]["name"].startswith("Customer ")
    renamed = client.put(f"/api/v1/segments/{key}", json={"name": "Regulars", "rule": OFTEN})
    assert renamed.json()["name"] == "Regulars"
    assert (
        client.put("/api/v1/segments/loyal", json={"name": "x", "rule": OFTEN}).status_code == 400
    )
    assert client.delete(f"/api/v1/segments/{key}").status_code == 204
    assert client.get(f"/api/v1/segments/{key}").status_code == 404


def test_a_rule_that_cannot_be_answered_is_refused(client: TestClient[Any]) -> None:
    wrong = OFTEN | {"column": "shoe_size"}
    answer = client.post("/api/v1/segments/count", json={"rule": wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert client.post("/api/v1/segments/count", json={"rule": {"kind": "x"}}).status_code == 400


def test_models_are_listed_with_their_refusal(client: TestClient[Any], company: Company) -> None:
    assert client.get("/api/v1/models").json() == []
    train_models(company)
    (version,) = client.get("/api/v1/models").json()
    assert (version["status"], version["card"]) == ("refused", None)
    assert version["refusal"]["needs_repeat_buyers"] == 100
    one = client.get(f"/api/v1/models/{version['version_id']}")
    assert one.json() == version
    assert client.get("/api/v1/models/999").status_code == 404


def test_an_agent_may_ask_nothing_of_the_company(company: Company) -> None:
    with visitor(company, role="agent") as agent:
        session = session_of(company, agent.cookies["rapport_session"])
        assert session is not None
        agent.headers["x-csrftoken"] = session.csrf_token
        assert agent.post("/api/v1/questions", json=QUESTION).status_code == 403
        for path in ("metrics", "segments", "segments/loyal/members", "models"):
            assert agent.get(f"/api/v1/{path}").status_code == 403
        assert agent.post("/api/v1/segments/count", json={"rule": OFTEN}).status_code == 403

"""The pages of journeys: what is said first, the form, and numbers that lead to customers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from rapport.errors import InvalidInput
from rapport.understand.journeys.definition import JourneyDefinition, Stage, StageCondition
from rapport.understand.journeys.ready_made import READY_MADE
from rapport.web.pages.journeys.editor import (
    Draft,
    DraftStage,
    act,
    definition_of,
    draft_of,
    read_draft,
)
from rapport.web.parts.context import PageContext
from rapport.workflows.company import Company
from rapport.workflows.journeys import find_journey, journey_versions, list_journeys
from rapport.workflows.users import session_of
from tests.company import empty_company, visitor
from tests.conftest import FakeClock

CONTEXT = PageContext()


def fields(draft: Draft) -> dict[str, str]:
    """The form's fields of a draft, as a browser would send them."""
    found = {
        "goal": draft.goal, "silence_days": draft.silence_days, "window_days": draft.window_days,
        "value_days": draft.value_days, "owner_email": draft.owner_email,
    }  # fmt: skip
    for number, stage in enumerate(draft.stages):
        at = f"s.{number}."
        for name in ("key", "name", "types", "channels", "within", "column", "operator", "value"):
            found[at + name] = getattr(stage, name)
        found[at + "kept"] = msgspec.json.encode(stage.kept).decode()
        for name in ("optional", "starts"):
            if getattr(stage, name):
                found[at + name] = "1"
    return found


OWN = JourneyDefinition(
    stages=(
        Stage(
            key="spend",
            name="Spend",
            types=("Order Completed",),
            conditions=(
                StageCondition(column="amount", operator="at_least", value=99.5),
                StageCondition(column="country", operator="is", value="BE"),
            ),
            within_days=4,
        ),
        Stage(key="tell", types=("Survey Answered",), channels=("web", "email"), optional=True),
        Stage(key="end", name="End", channels=("product",)),
    ),
    starts=("spend",),
    goal="end",
    silence_days=45,
    owner_email="owner@kadar.example",
)


@pytest.mark.parametrize(
    "definition", [OWN, *(each.definition for each in READY_MADE)],
    ids=["own", *(each.key for each in READY_MADE)],
)  # fmt: skip
def test_every_definition_survives_the_form(definition: JourneyDefinition) -> None:
    draft = read_draft(fields(draft_of(CONTEXT, definition)))
    assert definition_of(CONTEXT, draft) == definition


def test_stages_are_added_moved_and_removed() -> None:
    draft = draft_of(CONTEXT, OWN)
    assert [s.key for s in act(draft, "down:0").stages] == ["tell", "spend", "end"]
    assert [s.key for s in act(draft, "up:0").stages] == ["tell", "spend", "end"]
    assert [s.key for s in act(draft, "remove:1").stages] == ["tell", "end"]
    assert act(draft, "add").stages[-1] == DraftStage()
    assert len(act(draft, "remove:nonsense").stages) == 3


def test_a_new_stage_gets_a_key_from_its_name_that_nobody_has() -> None:
    draft = draft_of(CONTEXT, OWN)
    draft.stages += [
        DraftStage(name="Spend", types="a"),
        DraftStage(name="Átvétel!", types="b"),
        DraftStage(name="2nd", types="c"),
    ]
    keys = [stage.key for stage in definition_of(CONTEXT, draft).stages]
    assert keys[3:] == ["spend_2", "atvetel", "stage_2nd"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"silence_days": "soon"}, "silence_days"),
        ({"s.0.value": "much"}, "amount is compared with a number"),
        ({"s.0.operator": "is"}, "at_least or at_most"),
        ({"s.0.column": "shoe"}, "shoe"),
        ({"s.2.channels": ""}, "neither touchpoint types nor channels"),
    ],
)
def test_mistakes_of_the_form_are_told(change: dict[str, str], said: str) -> None:
    draft = read_draft({**fields(draft_of(CONTEXT, OWN)), **change})
    with pytest.raises(InvalidInput, match=said):
        definition_of(CONTEXT, draft)


# ── over HTTP ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="manager") as opened:
        session = session_of(company, opened.cookies["rapport_session"])
        assert session is not None
        opened.headers["x-csrftoken"] = session.csrf_token
        yield opened


def test_an_empty_company_is_told_what_to_do(client: TestClient[Any]) -> None:
    page = client.get("/journeys")
    assert page.status_code == 200
    assert "Connect a source" in page.text


def test_a_journey_is_made_changed_and_deleted_by_forms(
    client: TestClient[Any], company: Company
) -> None:
    sent = {**fields(draft_of(CONTEXT, OWN)), "name": "Spending", "key": ""}
    made = client.post("/journeys", data=sent, follow_redirects=False)
    assert made.headers["location"] == "/journeys/spending"
    assert find_journey(company, "spending").definition == OWN

    again = client.post(
        "/journeys", data={**sent, "key": "spending", "silence_days": "50"}, follow_redirects=False
    )
    assert again.status_code == 303
    assert [v.version for v in journey_versions(company, "spending")] == [2, 1]

    wrong = client.post("/journeys", data={**sent, "key": "spending", "silence_days": "0"})
    assert wrong.status_code == 422
    assert "silence_days is 0; give 1 to 730" in unescape(wrong.text)

    gone = client.post("/journeys/spending/take-back", follow_redirects=False)
    assert gone.headers["location"] == "/journeys"
    assert all(each.ready_made for each in list_journeys(company))


def test_a_press_redraws_the_form_and_keeps_nothing(
    client: TestClient[Any], company: Company
) -> None:
    sent = {**fields(draft_of(CONTEXT, OWN)), "name": "Mine", "do": "down:0"}
    page = client.post("/journeys/draft", data=sent)
    assert page.status_code == 200
    keys = re.findall(r'name="s\.\d+\.key" value="(\w+)"', page.text)
    assert keys == ["tell", "spend", "end"]
    assert 'value="Mine"' in page.text
    assert len(list_journeys(company)) == len(READY_MADE)


def test_agents_see_no_journeys(company: Company) -> None:
    with visitor(company, role="agent") as agent:
        assert agent.get("/journeys").status_code == 403


def test_the_api_makes_reads_and_deletes_a_journey(
    client: TestClient[Any], company: Company
) -> None:
    definition = {
        "stages": [
            {"key": "look", "name": "Look", "types": ["Product Viewed"]},
            {"key": "buy", "types": ["Order Completed"]},
        ]
    }
    made = client.post("/api/v1/journeys", json={"name": "By API", "definition": definition})
    assert made.status_code == 201
    assert made.json()["key"] == "by-api"
    assert client.get("/api/v1/journeys/by-api").json()["definition"]["stages"][0]["key"] == "look"
    changed = client.put(
        "/api/v1/journeys/by-api",
        json={"name": "By API", "definition": {**definition, "window_days": 9}},
    )
    assert changed.json()["version"] == 2
    versions = client.get("/api/v1/journeys/by-api/versions").json()
    assert [each["version"] for each in versions] == [2, 1]
    bad = client.post("/api/v1/journeys", json={"name": "x", "definition": {"stages": []}})
    assert bad.status_code in (400, 422)
    assert client.get("/api/v1/journeys/by-api/report").status_code == 404
    assert client.get("/api/v1/journeys/warnings").json() == []
    assert client.get("/api/v1/journeys/proposal").status_code == 404
    assert client.delete("/api/v1/journeys/by-api").status_code == 204
    assert client.get("/api/v1/journeys/by-api").status_code == 404

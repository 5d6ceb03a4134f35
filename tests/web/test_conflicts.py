"""The pages of conflicts: who sees what, settling with one press, rules with their preview."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.vocabulary import touchpoint as v
from rapport.workflows.company import Company
from rapport.workflows.conflicts import ConflictQuestion, conflicts_view
from rapport.workflows.resolve import resolve_company
from rapport.workflows.users import session_of
from tests.company import empty_company, visitor
from tests.customer_data import crm
from tests.touchpoints import START, email, keep, touchpoint

pytestmark = pytest.mark.slow  # whole companies: not before every commit

DAY = timedelta(days=1)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """Two people on whose birthday and e-mail address two silos differ."""
    with empty_company(tmp_path, clock=lambda: START + 5 * DAY) as opened:
        said = []
        for n in (1, 2):
            mail = email(f"an{n}@mail.be")
            said += [
                touchpoint(
                    f"crm-{n}", source="crm", type=v.RECORD_SEEN, record=crm(str(n)),
                    identifiers=(crm(str(n)), mail),
                    traits={"name": f"An Peeters {n}", "birthday": "1980-02-01",
                            "email": f"an{n}@mail.be"},
                ),
                touchpoint(
                    f"web-{n}", source="web", type=v.RECORD_SEEN, record=mail,
                    occurred_at=START + DAY,
                    traits={"birthday": "1980-01-02", "email": f"other{n}@mail.be"},
                ),
            ]  # fmt: skip
        keep(opened, said)
        resolve_company(opened)
        yield opened


@contextmanager
def signed_in(company: Company, role: str) -> Iterator[TestClient[Any]]:
    """A user's browser, whose forms carry the token of the session."""
    with visitor(company, role=role) as client:
        session = session_of(company, client.cookies["rapport_session"])
        assert session is not None
        client.headers["x-csrftoken"] = session.csrf_token
        yield client


def birthdays(company: Company) -> dict[str, str]:
    found = conflicts_view(company, ConflictQuestion(), reveal=True)
    line = next(line for line in found.lines if line.name == "birthday")
    return {
        "profile": line.profile_id, "kind": line.kind, "name": line.name, "item": "",
        "loser": line.loser,
    }  # fmt: skip


def test_one_press_settles_and_one_more_takes_it_back(company: Company) -> None:
    with signed_in(company, "manager") as client:
        sent = {**birthdays(company), "right": "other", "reason": "asked",
                "back": "/conflicts?tier=3"}  # fmt: skip
        done = client.post("/conflicts/settle", data=sent, follow_redirects=False)
        assert done.status_code == 303
        assert done.headers["location"].startswith("/conflicts?tier=3&done=settled")
        page = client.get(done.headers["location"]).text
        assert 'action="/conflicts/reopen"' in page
        assert "Settled 1" in page
        client.post("/conflicts/reopen", data={**sent, "back": ""})
        assert "Settled 0" in client.get("/conflicts").text


def test_a_form_leads_back_to_the_list_and_nowhere_else(company: Company) -> None:
    with signed_in(company, "manager") as client:
        for back in ("https://evil.example", "//evil.example", "/conflictsx", "/sign-out"):
            sent = {**birthdays(company), "right": "shown", "back": back}
            done = client.post("/conflicts/settle", data=sent, follow_redirects=False)
            assert done.headers["location"].startswith("/conflicts?done=")
            client.post("/conflicts/reopen", data=sent)


def test_an_agent_sees_conflicts_and_settles_none(company: Company) -> None:
    with signed_in(company, "agent") as client:
        page = client.get("/conflicts")
        assert page.status_code == 200
        assert "1980-01-02" in page.text
        assert "/conflicts/settle" not in page.text
        assert "corrections.csv" not in page.text
        for path in ("/conflicts/rules", "/conflicts/rules/email",
                     "/conflicts/silos/crm/corrections.csv"):  # fmt: skip
            assert client.get(path).status_code == 403
        assert client.post("/conflicts/settle", data=birthdays(company)).status_code == 403


def test_a_rule_shows_what_it_would_change_before_it_holds(company: Company) -> None:
    with signed_in(company, "manager") as client:
        asked = "by1=preferred&silo1=crm&silo2=web"
        page = client.get(f"/conflicts/rules/birthday?{asked}&preview=1").text
        assert "2 shown values would change" in page or "0 shown values would change" in page
        assert "Settled 0" in client.get("/conflicts").text
        sent = {
            "by1": "preferred",
            "silo1": "crm",
            "silo2": "web",
            "reason": "papers",
        }
        done = client.post("/conflicts/rules/birthday", data=sent, follow_redirects=False)
        assert done.headers["location"] == "/conflicts/rules?done=switched"
        assert "Settled 2" in client.get("/conflicts").text
        rules = client.get("/conflicts/rules").text
        assert "“papers”" in rules
        number = rules.split('name="rule_id" value="')[1].split('"')[0]
        client.post("/conflicts/rules/birthday/undo", data={"rule_id": number})
        assert "Settled 0" in client.get("/conflicts").text


def test_preferring_one_silo_from_a_conflict_leads_to_its_preview(company: Company) -> None:
    with signed_in(company, "manager") as client:
        page = client.get("/conflicts/rules/birthday?better=crm&worse=web").text
        assert "preferred silo (crm &gt; web)" in page
        assert client.get("/conflicts/rules/shoe_size").status_code == 404
        assert client.get("/conflicts/rules/email?by1=loudest&preview=1").status_code == 400


def test_a_rule_that_cannot_be_keeps_what_was_chosen_in_its_form(company: Company) -> None:
    with signed_in(company, "manager") as client:
        page = client.get("/conflicts/rules/birthday?by1=preferred&silo1=crm&preview=1")
        assert page.status_code == 400
        assert "name two or more in the order they are believed" in page.text
        assert '<option value="preferred" selected>' in page.text
        assert '<option value="crm" selected>' in page.text
        assert "shown values would change" not in page.text


def test_the_api_lists_settles_and_tells(company: Company) -> None:
    with signed_in(company, "manager") as client:
        found = client.get("/api/v1/conflicts").json()
        line = next(each for each in found["lines"] if each["name"] == "email")
        settled = {key: line[key] for key in ("profile_id", "kind", "name", "loser")}
        answer = client.post(
            "/api/v1/conflicts/settle",
            json={**settled, "right": "shown"},
        )
        assert answer.status_code == 200, answer.text
        told = client.get(f"/api/v1/sources/{line['loser']}/corrections").json()
        assert [each["attribute"] for each in told["corrections"]] == ["email"]
        assert told["corrections"][0]["right_value"] == line["shown"]
        rules = client.get("/api/v1/value-rules").json()
        assert {each["name"] for each in rules["lines"]} >= {"email", "address", "birthday"}

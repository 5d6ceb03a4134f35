"""The pages of hypotheses: a sentence read, corrected, looked at, and the customers behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.understand.hypotheses.reading import read_sentence
from rapport.workflows.company import Company
from rapport.workflows.hypotheses import list_hypotheses
from tests.company import visitor
from tests.conftest import FakeClock
from tests.customer_data import csrf
from tests.late_parcels import BELIEF, late_parcels
from tests.shop import shop

FIELDS = {
    "statement": BELIEF, "who": "wait.delivery", "longer": "longer", "number": "2",
    "unit": "days", "outcome": "complain", "direction": "more", "follow": "30", "matters": "",
}  # fmt: skip


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock, late_parcels) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="manager") as opened:
        opened.headers.update(csrf(company, opened))
        yield opened


def chosen(page: str, name: str) -> str:
    """The chosen option of a select field."""
    select = re.search(rf'<select[^>]*name="{name}".*?</select>', page, re.DOTALL)
    assert select is not None
    option = re.search(r'<option value="([^"]*)" selected', select[0])
    return option[1] if option else ""


def test_nothing_believed_yet_says_how_to_begin(client: TestClient[Any]) -> None:
    page = client.get("/hypotheses").text

    assert "What do you believe?" in page
    assert "What you believe will be here" in page


def test_a_sentence_is_shown_as_it_was_read(client: TestClient[Any]) -> None:
    page = client.get("/hypotheses/new", params={"sentence": BELIEF}).text

    assert chosen(page, "who") == "wait.delivery"
    assert chosen(page, "outcome") == "complain"
    assert chosen(page, "direction") == "more"


def test_what_was_not_understood_is_said_and_asked(client: TestClient[Any]) -> None:
    page = unescape(client.get("/hypotheses/new", params={"sentence": "It rains more"}).text)

    assert "Who is meant was not understood" in page
    assert "What they do was not understood" in page
    assert chosen(page, "direction") == "more"


def test_a_form_is_looked_at_and_its_verdict_leads_to_the_customers(
    client: TestClient[Any],
) -> None:
    made = client.post("/hypotheses", data=FIELDS, follow_redirects=False)
    assert made.status_code == 303
    address = made.headers["location"]

    page = unescape(client.get(address).text)
    assert "Supported" in page
    assert "Ask for help or complain: 60.0% against 15.0%" in page
    assert "Only an experiment proves" in page
    people = client.get(f"{address}/customers?side=exposed").text
    assert "1–50 of 100" in unescape(people)
    assert "Supported" in client.get("/hypotheses").text


def test_a_country_is_kept_through_the_form(client: TestClient[Any], company: Company) -> None:
    sentence = "Customers from Hungary order more"
    page = client.get("/hypotheses/new", params={"sentence": sentence}).text
    kept = re.search(r'name="kept_exposure" value="([^"]*)"', page)
    assert kept is not None
    assert chosen(page, "who") == "kept"

    client.post(
        "/hypotheses",
        data={
            **FIELDS, "statement": sentence, "who": "kept", "outcome": "order",
            "kept_exposure": unescape(kept[1]),
        },
    )  # fmt: skip

    assert list_hypotheses(company)[0].definition.exposure == read_sentence(sentence, "en").exposure


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"who": ""}, "Who is meant was not understood"),
        ({"who": "deed.fly"}, "Who is meant was not understood"),
        ({"who": "kept", "kept_exposure": "{"}, "Who is meant was not understood"),
        ({"direction": ""}, "Whether more or less was not understood"),
        ({"number": "soon"}, "give a number, not “soon”"),
        ({"matters": "much"}, "give a number, not “much”"),
        ({"follow": "3"}, "followed for 7 to 365 days"),
    ],
)
def test_mistakes_of_the_form_are_told_and_nothing_is_kept(
    client: TestClient[Any], company: Company, change: dict[str, str], told: str
) -> None:
    answer = client.post("/hypotheses", data={**FIELDS, **change})

    assert answer.status_code == 422
    assert told in unescape(answer.text)
    assert list_hypotheses(company) == ()


def test_a_belief_taken_off_the_list_is_put_back_by_one_press(
    client: TestClient[Any], company: Company
) -> None:
    address = client.post("/hypotheses", data=FIELDS, follow_redirects=False).headers["location"]

    gone = client.post(f"{address}/withdraw")
    assert "was taken off the list" in gone.text
    assert list_hypotheses(company) == ()

    client.post(f"{address}/restore")
    assert len(list_hypotheses(company)) == 1


def test_a_role_without_the_right_neither_reads_nor_writes(
    company: Company, client: TestClient[Any]
) -> None:
    address = client.post("/hypotheses", data=FIELDS, follow_redirects=False).headers["location"]
    with visitor(company, role="agent") as agent:
        agent.headers.update(csrf(company, agent))
        shown = agent.get(address).status_code
        written = agent.post("/hypotheses", data=FIELDS).status_code

    assert (shown, written) == (403, 403)


def test_the_api_reads_keeps_looks_and_names_the_customers(client: TestClient[Any]) -> None:
    reading = client.get("/api/v1/hypotheses/reading", params={"sentence": BELIEF}).json()
    made = client.post(
        "/api/v1/hypotheses",
        json={
            "statement": BELIEF,
            "definition": {
                "exposure": reading["exposure"], "outcome": reading["outcome"],
                "more": reading["more"], "follow_days": 30,
            },
        },
    )  # fmt: skip
    assert made.status_code == 201
    address = f"/api/v1/hypotheses/{made.json()['hypothesis_id']}"

    looked = client.post(f"{address}/looks").json()

    assert looked["result"]["said"]["verdict"] == "supported"
    assert client.get(address).json()["looks"] == [looked]
    assert client.get(f"{address}/customers?side=others").json()["total"] == 100
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404

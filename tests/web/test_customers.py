"""The pages of customers: found, shown, changed, and unharmed by hostile values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from playwright.sync_api import Page, expect

from rapport.asgi import create_app
from rapport.privacy.spreadsheet_cells import safe_cell
from rapport.vocabulary.access import ROLES
from rapport.workflows.company import Company
from rapport.workflows.customer import customer_360
from rapport.workflows.customer_changes import join_customers
from rapport.workflows.users import create_user, set_preferences
from tests.company import PASSWORD, empty_company, visitor
from tests.conftest import FakeClock
from tests.customer_data import MAIL, csrf, eszter, evil, fill, profile_named, someone

pytestmark = pytest.mark.slow  # a whole company each: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        now = clock()
        fill(opened, [*eszter(now), *evil(now), someone(now, 1, "Jan Peeters", city="Gent")])
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="admin") as opened:
        opened.headers.update(csrf(company, opened))
        yield opened


@pytest.fixture
def her(company: Company) -> str:
    return profile_named(company, "Vandenberghe")


def test_the_list_shows_everybody_and_a_search_shows_whom_it_finds(
    client: TestClient[Any], her: str
) -> None:
    everybody = client.get("/customers").text
    assert "3 customers" in everybody
    assert "€177" in everybody
    found = client.get("/customers", params={"q": "0123"}).text
    assert "1 customer found" in found
    assert f'href="/customers/{her}"' in found
    nobody = client.get("/customers", params={"q": "zzzz"}).text
    assert "Nothing found for “zzzz”" in nobody


def test_suggestions_mark_what_was_typed(client: TestClient[Any], her: str) -> None:
    offered = client.get("/search", params={"q": "vandenb"}).text
    assert f'href="/customers/{her}"' in offered
    assert "<mark>Vandenb</mark>erghe" in offered
    order = client.get("/search", params={"q": "mk-88213"}).text
    assert "<mark>MK-88213</mark>" in order
    assert client.get("/search", params={"q": ""}).text == ""


def test_the_page_shows_each_part_of_a_customer(client: TestClient[Any], her: str) -> None:
    page = client.get(f"/customers/{her}").text
    for said in (
        "Eszter Vandenberghe", "Leuven</bdi>, <bdi>Belgium", MAIL, "€177", "2 orders",
        "E-mail marketing",
        "Order MK-88213, €64.20", "Bought in Leuven, €112.75", "Called the contact centre, 7 min",
        "Answered NPS: 3 of 10", "Visit: 2 pages", "“winter coat”", "Terrible, nobody calls me",
        "Call back about ticket", "0 of 3 messages in 7 days", "Sources disagree",
        "No model has been trained yet", "4 records make up this person",
    ):  # fmt: skip
        assert said in page, said


def test_a_spreadsheet_calculates_nothing_a_customer_typed(
    client: TestClient[Any], company: Company, her: str
) -> None:
    answer = client.get("/customers.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 3
    (bad,) = [row for row in rows if "script" in row["name"]]
    assert bad["city"].startswith("'=HYPERLINK")
    (good,) = [row for row in rows if row["profile_id"] == her]
    assert good["email"] == MAIL
    assert good["phone"].startswith("+32 470 55 0")
    assert good["revenue"] == "176.95"


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", " =1"])
def test_a_cell_that_begins_like_a_formula_is_quoted(cell: str) -> None:
    assert safe_cell(cell) == f"'{cell}"


def test_an_agent_gets_no_file_without_the_right_to_addresses(
    company: Company, her: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ROLES, "agent", frozenset({"customers.read"}))
    with visitor(company, role="agent") as client:
        assert client.get("/customers.csv").status_code == 403
        assert client.get(f"/customers/{her}/contact").status_code == 403
        page = client.get(f"/customers/{her}").text
        assert "e…@example.com" in page
        assert MAIL not in page
        assert f"/customers/{her}/contact" not in page


def test_values_are_chosen_on_the_page(client: TestClient[Any], company: Company, her: str) -> None:
    page = client.get(f"/customers/{her}").text
    keys = re.findall(r'name="pin\.postal_code" value="([0-9a-f]{16})"', page)
    assert len(keys) == 2
    answer = client.post(
        f"/customers/{her}/pins", data={"pin.postal_code": keys[1]}, follow_redirects=False
    )
    assert answer.status_code == 303
    assert "shown from now on" in client.get(answer.headers["location"]).text
    fact = customer_360(company, her, reveal=True).fact("postal_code")
    assert fact is not None
    assert (fact.value, fact.is_chosen) == ("3001", True)
    client.post(f"/customers/{her}/pins", data={"back.postal_code": "1"})
    fact = customer_360(company, her, reveal=True).fact("postal_code")
    assert fact is not None
    assert not fact.is_chosen


def test_an_old_address_leads_to_who_it_is_now(
    client: TestClient[Any], company: Company, her: str
) -> None:
    jan = profile_named(company, "Peeters")
    join_customers(company, her, jan, author="tom@kadar.example", reason="")
    survivor = customer_360(company, her, reveal=True).profile_id
    old = jan if survivor == her else her
    answer = client.get(f"/customers/{old}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/customers/{survivor}?done=merged",
    )
    assert client.get(f"/customers/{old}/identity").status_code == 200


def test_joining_parting_and_undoing_on_the_page(
    client: TestClient[Any], company: Company, her: str
) -> None:
    jan = profile_named(company, "Peeters")
    search = client.get(f"/customers/{her}/identity", params={"q": "jan peet"}).text
    assert f'value="{jan}"' in search
    client.post(f"/customers/{her}/merge", data={"other": jan, "reason": "Same card"})
    page = client.get(f"/customers/{her}/identity").text
    assert "“Same card”" in page
    undo = re.search(r'action="(/customers/[^"]+/decisions/\d+/undo)"', page)
    assert undo is not None
    assert client.post(undo[1], follow_redirects=False).status_code == 303
    assert customer_360(company, jan, reveal=True).name == "Jan Peeters"
    records = re.findall(
        r'name="record" value="(\d+)"', client.get(f"/customers/{her}/identity").text
    )
    assert len(records) == 4
    parted = client.post(
        f"/customers/{her}/separate", data={"record": records[:2], "reason": "Twins"}
    )
    assert parted.status_code == 200
    assert "4 customers" in client.get("/customers").text


def test_a_message_is_queued_or_comes_back_with_the_reason_and_all_that_was_typed(
    client: TestClient[Any], her: str
) -> None:
    form = {"subject": "Sorry", "text": "We are on it.", "key": "k1"}
    sent = client.post(
        f"/customers/{her}/messages", data={**form, "purpose": "service"}, follow_redirects=False
    )
    assert sent.headers["location"] == f"/customers/{her}?done=message"
    assert "1 of 3 messages in 7 days" in client.get(f"/customers/{her}").text
    refused = client.post(
        f"/customers/{her}/messages", data={**form, "purpose": "marketing", "key": "k2"}
    )
    assert refused.status_code == 409
    assert "a complaint is open" in refused.text
    assert "We are on it." in refused.text
    assert "a complaint is open" in client.get(f"/customers/{her}").text


def test_a_contact_a_ticket_and_an_answer_to_the_advice(client: TestClient[Any], her: str) -> None:
    called = client.post(f"/customers/{her}/contacts", data={"channel": "phone", "note": "Hello"})
    assert "The contact is written down." in called.text
    opened = client.post(
        f"/customers/{her}/tickets", data={"subject": "Zip <b>broken</b>", "priority": "1"}
    )
    assert "Zip &lt;b&gt;broken" in opened.text
    answered = client.post(
        f"/customers/{her}/next-step", data={"code": "call_back", "status": "declined"}
    )
    assert answered.status_code == 200
    wrong = client.post(f"/customers/{her}/tickets", data={"subject": "x", "priority": "often"})
    assert wrong.status_code == 400


def test_writes_need_the_token_and_the_permission(company: Company, her: str) -> None:
    with visitor(company, role="agent") as client:
        assert (
            client.post(f"/customers/{her}/contacts", data={"channel": "phone"}).status_code == 403
        )
        client.headers.update(csrf(company, client))
        for path in ("pins", "merge", "separate", "decisions/1/undo"):
            assert client.post(f"/customers/{her}/{path}", data={"other": "x"}).status_code == 403


# ── as people see it ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shown(tmp_path: Path, serve: Callable[[Litestar], str]) -> Iterator[tuple[str, Company]]:
    with empty_company(tmp_path) as company:
        now = datetime.now(UTC)
        many = [
            someone(now, n, f"Kovács Ágnes {n}", city="Budapest", country="HU", language="hu")
            for n in range(60)
        ]
        fill(company, [*eszter(now - timedelta(minutes=1)), *evil(now), *many])
        create_user(
            company, email="a@kadar.example", name="Sofie Maes", role="admin", password=PASSWORD
        )

        @contextmanager
        def opened() -> Iterator[Company]:
            yield company

        yield serve(create_app(opened())), company


def _sign_in(page: Page, url: str, company: Company, language: str) -> None:
    set_preferences(company, 1, language=language, theme=None)
    page.goto(f"{url}/sign-in")
    page.fill("[name=email]", "a@kadar.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(lambda address: "sign-in" not in address)


@pytest.mark.browser
def test_a_person_is_found_by_typing_and_opened_with_enter(
    shown: tuple[str, Company], browser_page: Callable[..., Page]
) -> None:
    url, company = shown
    page = browser_page()
    _sign_in(page, url, company, "en")
    her = profile_named(company, "Vandenberghe")
    page.goto(f"{url}/customers")
    page.keyboard.press("/")
    page.keyboard.type("0123")
    page.wait_for_selector("#search-results [data-query='0123'] .suggestion")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/customers/{her}")
    page.click("nav.pills a:has-text('Calls')")
    page.wait_for_url("**?kind=calls")
    expect(page.locator(".event")).to_have_count(1)
    expect(page.locator(".event-title")).to_have_text("Called the contact centre, 7 min")

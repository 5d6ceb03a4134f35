"""No prediction stands without its measured accuracy: the sentence, the mark and the dash."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from playwright.sync_api import Page, expect

from rapport.asgi import create_app
from rapport.predict.score import ModelCard
from rapport.workflows.company import Company
from rapport.workflows.customer_list import list_customers
from rapport.workflows.users import create_user, set_preferences
from tests.company import visitor
from tests.conftest import FakeClock
from tests.scored import beaten_on, card_of_clockwork, card_that_held, keep_scores
from tests.shop import shop

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

TABLES = ("/segments", "/dashboard/segments")
LISTS = ("/segments/loyal", "/segments/people?rule=%7B%22kind%22%3A%22all%22%7D", "/customers")
PASSWORD = "correct horse battery"
ROUGH = "in the test a rule of thumb was nearer than the model"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="manager") as opened:
        yield opened


def test_without_a_model_nothing_is_said_of_one(client: TestClient[Any]) -> None:
    for path in (*TABLES, *LISTS):
        page = client.get(path).text
        assert "Tested on" not in page
        assert "≈" not in page


def test_every_table_of_scores_says_how_far_off_they_were(
    company: Company, client: TestClient[Any]
) -> None:
    keep_scores(company, card_that_held())
    own = card_that_held().back_tests[0].own
    assert own.value_mae_loss is not None
    for path in TABLES:
        page = client.get(path).text
        assert re.search(r"</table></div><div class=\"card-foot\"><p>Tested on \d+ customers", page)
        assert f"expected revenue was off by €{own.value_mae_loss:.0f} per customer" in page
        assert 'href="/predictions">See the test</a>' in page
        assert "≈" not in page
    for path in LISTS[1:]:
        page = client.get(path).text
        assert f"it expected was off by {own.orders_mae_loss:.2f} per customer" in page
        assert "≈" not in page


def test_amounts_that_a_rule_of_thumb_beat_are_marked(
    company: Company, client: TestClient[Any]
) -> None:
    keep_scores(company, beaten_on(card_that_held(), "value_rmse"))
    for path in TABLES:
        page = client.get(path).text
        body = page.partition("<tbody>")[2].partition("</tbody>")[0]
        amounts = re.findall(r">(\S*)€[\d,]+</span>", body.replace("\u00a0", ""))
        assert amounts
        assert set(amounts) == {"≈"}
        heads = page.partition("<thead>")[2].partition("</thead>")[0]
        assert heads.count(f'title="Rough: {ROUGH}"') == 1
        assert "The rule of thumb was nearer. Read amounts with ≈ as rough." in page


def test_chances_that_a_rule_of_thumb_beat_are_marked(
    company: Company, client: TestClient[Any]
) -> None:
    keep_scores(company, beaten_on(card_that_held(), "active_brier"))
    for path in (*TABLES, *LISTS[1:]):
        page = client.get(path).text
        assert "≈\u00a080%" in page
        assert f'title="Rough: {ROUGH}"' in page
        assert "a rule of thumb was nearer on who orders at all" in page


@pytest.mark.browser
def test_marked_amounts_of_six_figures_fit_a_tablet(
    company: Company, serve: Callable[[Litestar], str], browser_page: Callable[..., Page]
) -> None:
    keep_scores(company, beaten_on(beaten_on(card_that_held(), "value_rmse"), "active_brier"))
    create_user(
        company, email="s@kadar.example", name="Sofie", role="admin", password=PASSWORD,
        language="hu",
    )  # fmt: skip
    page = browser_page(width=820, language="hu")
    page.goto(serve(create_app(nullcontext(company))) + "/sign-in?next=/segments")
    page.fill("#field-email", "s@kadar.example")
    page.fill("#field-password", PASSWORD)
    page.locator("form.form button").click()
    expect(page.locator("thead .chip")).to_have_count(2)
    # The shop of this test is small; amounts of a real one are as long as these.
    page.evaluate(
        """() => {
          for (const row of document.querySelectorAll("tbody tr")) {
            row.children[1].firstChild.textContent = "12\u00a0345\u00a0";
            row.children[2].firstChild.textContent = "519\u00a0473\u00a0€";
            row.children[3].textContent = "≈\u00a0293\u00a0209\u00a0€";
          }
        }"""
    )
    shown, whole = page.locator(".table-scroll").evaluate_all(
        "all => [all[0].clientWidth, all[0].scrollWidth]"
    )
    assert whole <= shown


def test_what_says_nothing_of_a_segment_is_withheld_with_the_reason(
    company: Company, client: TestClient[Any]
) -> None:
    keep_scores(company, card_of_clockwork())
    for path in TABLES:
        page = client.get(path).text
        assert "Not shown: the orders so far do not show who leaves" in page
        assert "Expected revenue and “Comes back” are not shown here" in page
        assert "€1,200" not in page  # twelve customers of a hundred each
    for path in LISTS[1:]:
        assert "“Comes back” is not shown: the orders so far" in client.get(path).text


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (card_of_clockwork, "take this customer to stay for ever"),
        (lambda: beaten_on(card_that_held(), "value_rmse"), "Revenue: in the test a rule of thumb"),
    ],
    ids=["nobody leaves", "value beaten"],
)
def test_what_speaks_against_a_customers_scores_stands_open(
    company: Company, client: TestClient[Any], card: Any, said: str
) -> None:
    made: ModelCard = card()
    keep_scores(company, made)
    person = list_customers(company, reveal=True).rows[0].profile_id
    page = client.get(f"/customers/{person}").text
    assert said in page
    assert said not in "".join(re.findall(r"<details.*?</details>", page, re.DOTALL))
    assert "€100" in page


def test_a_customers_scores_that_held_need_no_caution(
    company: Company, client: TestClient[Any]
) -> None:
    keep_scores(company, card_that_held())
    person = list_customers(company, reveal=True).rows[0].profile_id
    page = client.get(f"/customers/{person}").text
    assert "How good are these?" in page
    assert "in the test a rule of thumb" not in page
    assert "for ever" not in page


def test_who_may_not_open_the_test_is_offered_no_way_to_it(company: Company) -> None:
    keep_scores(company, card_that_held())
    with visitor(company, role="agent") as agent:
        page = agent.get("/customers").text
        assert "Tested on" in page
        assert "/predictions" not in page


@pytest.mark.parametrize("language", ["nl", "fr", "hu"])
@pytest.mark.parametrize("loss", ["value_rmse", "active_brier", None])
def test_it_is_said_in_every_language(
    company: Company, client: TestClient[Any], language: str, loss: str | None
) -> None:
    set_preferences(company, 1, language=language)
    keep_scores(company, beaten_on(card_that_held(), loss) if loss else card_of_clockwork())
    person = list_customers(company, reveal=True).rows[0].profile_id
    for path in (*TABLES, *LISTS, f"/customers/{person}"):
        assert client.get(path).status_code == 200


def test_files_say_whether_their_scores_held(company: Company, client: TestClient[Any]) -> None:
    keep_scores(company, beaten_on(card_that_held(), "value_rmse"))
    for path, said in (
        ("/dashboard/segments.csv", {"expected_value_holds": "False"}),
        ("/segments/new_this_quarter.csv", {"expected_value_holds": "False"}),
    ):
        text = client.get(path).content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text)))
        assert rows
        for row in rows:
            assert {name: row[name] for name in said} == said
            assert row["probability_alive_holds"] == "True"
    with visitor(company, role="admin") as admin:
        text = admin.get("/customers.csv").content.decode("utf-8-sig")
        found = list(csv.DictReader(io.StringIO(text)))
        assert {row["probability_alive_holds"] for row in found} == {"True"}


def test_the_api_carries_the_same(company: Company, client: TestClient[Any]) -> None:
    assert client.get("/api/v1/models/accuracy").json() is None
    keep_scores(company, beaten_on(card_that_held(), "value_rmse"))
    whole = client.get("/api/v1/models/accuracy").json()
    assert whole["expected_value"] == {"holds": False, "doubts": ["simple_rule_wins"]}
    assert whole["value"]["rule_rmse_loss"] < whole["value"]["own_rmse_loss"]
    rows = client.get("/api/v1/segments").json()
    assert {row["expected_value_holds"] for row in rows} == {False}
    for path in ("segments/new_this_quarter/members", "customers"):
        assert client.get(f"/api/v1/{path}").json()["accuracy"] == whole
    person = list_customers(company, reveal=True).rows[0].profile_id
    assert client.get(f"/api/v1/customers/{person}").json()["predictions"]["accuracy"] == whole

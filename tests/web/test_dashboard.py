"""The dashboard, the definitions and the predictions page, as people of each role see them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.predict.models.bg_nbd import BgNbdParams
from rapport.predict.score import ModelCard, score_profiles
from rapport.understand.metrics import METRICS
from rapport.web.pages.dashboard import cards
from rapport.web.pages.dashboard.address import href, read_view
from rapport.workflows.company import Company
from rapport.workflows.dashboard import View
from rapport.workflows.train import train_models
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.predict.simulated_customers import simulate
from tests.shop import at, fallen_nps, nps, shop
from tests.workflows.test_models import keep_card

pytestmark = pytest.mark.slow  # a whole company each: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock, fallen_nps) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="manager") as opened:
        yield opened


@pytest.fixture(scope="module")
def card() -> ModelCard:
    params = BgNbdParams(r=0.9, alpha=5.0, a=0.8, b=2.5)
    world = simulate(params, n_customers=600, n_days=500, seed=3)
    when = world.end()
    return score_profiles(world.orders(), as_of=when, fitted_at=when, horizon_weeks=26).card


def test_the_start_page_shows_every_card_also_without_scripts(client: TestClient[Any]) -> None:
    page = client.get("/?whole=1").text
    for words in ("Active customers", "€240", "New and returning buyers", "Who comes back"):
        assert words in page
    assert "October 2026" in page
    assert "compared with Sept ’26" in page
    assert "hx-get" not in page.partition('class="grid"')[2].partition("</main>")[0]


def test_the_cards_come_in_few_requests_and_each_at_its_own_address(
    client: TestClient[Any],
) -> None:
    page = client.get("/").text
    assert page.count('hx-trigger="load"') == len(cards.GROUPS) == 4
    for name in (*cards.GROUPS, *cards.CARDS):
        answer = client.get(f"/dashboard/{name}")
        assert answer.status_code == 200
        assert "failed" not in answer.text
    assert client.get("/dashboard/nothing").status_code == 404


def test_what_stands_out_is_said_with_its_share_and_leads_to_it(client: TestClient[Any]) -> None:
    said = client.get("/dashboard/findings").text
    # Two thirds promoters; then half of all answers, the phone's, turn to detractors.
    assert "NPS: 83.3\u00a0pt down" in said
    assert "From +66.7 to −16.7" in said
    assert 'href="/?channel=phone"' in said
    assert "All of it comes from" in said


def test_one_card_that_fails_leaves_the_others_alone(
    client: TestClient[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret@kadar.example")

    monkeypatch.setitem(cards.CARDS, "nps", broken)
    answer = client.get("/dashboard/charts")
    assert answer.status_code == 200
    assert "This card could not be made" in answer.text
    assert "secret" not in answer.text
    assert 'hx-get="/dashboard/nps"' in answer.text
    assert "Who comes back" in answer.text


@pytest.mark.parametrize("name", ["kpis", "revenue", "buyers", "nps", "cohorts", "segments"])
def test_every_card_has_its_data_as_a_file(client: TestClient[Any], name: str) -> None:
    answer = client.get(f"/dashboard/{name}.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) > 1
    assert {len(row) for row in rows} == {len(rows[0])}


def test_the_files_hold_exact_values(client: TestClient[Any]) -> None:
    text = client.get("/dashboard/revenue.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["first_day"], row["revenue"]) for row in rows] == [
        ("2026-08-01", "240.0000"),
        ("2026-09-01", "240.0000"),
        ("2026-10-01", "240.0000"),
    ]


def test_a_role_without_figures_is_led_to_its_own_place(company: Company) -> None:
    with visitor(company, role="agent") as client:
        answer = client.get("/", follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/")
        assert answer.headers["location"] != "/"
        assert client.get("/dashboard/kpis").status_code == 403
        assert client.get("/metrics/revenue").status_code == 403
        assert client.get("/predictions").status_code == 403


def test_an_empty_company_is_told_what_will_be_here(tmp_path: Path, clock: FakeClock) -> None:
    with (
        empty_company(tmp_path, clock=clock) as company,
        visitor(company, role="manager") as client,
    ):
        assert "No data have arrived yet" in client.get("/").text
        assert client.get("/dashboard/kpis").status_code == 404
        assert client.get("/metrics/nps").status_code == 200
        assert "Nothing is predicted yet" in client.get("/predictions").text


def test_every_metric_has_its_page_with_the_query(client: TestClient[Any]) -> None:
    index = client.get("/metrics").text
    for metric in METRICS:
        assert f'href="/metrics/{metric.name}"' in index
        page = client.get(f"/metrics/{metric.name}")
        assert page.status_code == 200
        assert metric.source[:20] in page.text.replace("&amp;", "&")
        assert "SELECT" in page.text
    assert client.get("/metrics/revenu").status_code == 404


def test_wrong_filters_say_what_is_wrong(client: TestClient[Any]) -> None:
    for query in ("grain=monht", "period=soon", "as_of=2026-13-01", "segment=none"):
        answer = client.get(f"/?{query}")
        assert answer.status_code in (400, 404)
    hostile = client.get("/", params={"country": "<script>alert(1)</script>"})
    assert "<script>alert" not in hostile.text


def test_a_view_is_read_from_the_address_it_writes() -> None:
    view = read_view({"grain": "week", "country": "HU", "as_of": "2026-11-01", "channel": " "})
    assert view == View(grain="week", country="HU", as_of=view.as_of)
    assert href("/", view) == "/?grain=week&country=HU&as_of=2026-11-01"
    assert href("/", view, country=None, as_of=None, grain="month") == "/"


def test_the_predictions_page_says_who_wins(
    company: Company, client: TestClient[Any], card: ModelCard
) -> None:
    keep_card(company, card)
    page = client.get("/predictions").text
    own, *rules = card.back_tests[0].scores
    beaten = own.orders_rmse_loss < min(rule.orders_rmse_loss for rule in rules)
    assert ("beats the rules of thumb" in page) is beaten
    assert "Does it happen as often as it says?" in page
    train_models(company)  # the shop is far too small: a refusal stands where the card stood
    refused = client.get("/predictions").text
    assert "declines to predict" in refused
    assert "needs 100 customers" in refused
    assert "declined" in refused


def test_the_shops_answers_are_spread_over_two_months() -> None:
    assert {t.occurred_at.month for t in fallen_nps()} == {9, 10}
    assert nps(0, 9, at(9, 1)).score == 9.0

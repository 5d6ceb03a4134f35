"""The catalogue of figures, each figure's page, the customers behind it, and stated figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.metrics import METRICS
from rapport.understand.metrics.base import Theme
from rapport.workflows.company import Company
from rapport.workflows.users import session_of
from tests.company import visitor
from tests.conftest import FakeClock
from tests.shop import shop

pytestmark = pytest.mark.slow  # a whole company each: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="admin") as opened:
        session = session_of(company, opened.cookies["rapport_session"])
        assert session is not None
        opened.headers["x-csrftoken"] = session.csrf_token
        yield opened


def test_the_catalogue_lists_every_figure_once_under_its_theme(client: TestClient[Any]) -> None:
    page = client.get("/metrics?period=2026-10-01").text
    for metric in METRICS:
        assert page.count(f'href="/metrics/{metric.name}?') == 1
    themes = [page.index(f">{name}<") for name in ("Sales", "New customers", "Web site and app")]
    assert themes == sorted(themes)
    assert {metric.theme for metric in METRICS} == set(Theme.__args__)  # type: ignore[attr-defined]
    assert "€240" in page


def test_a_filter_leaves_out_the_figures_that_cannot_be_filtered(client: TestClient[Any]) -> None:
    page = client.get("/metrics?period=2026-10-01&country=BE")
    assert page.status_code == 200
    shop_wide = 'href="/metrics/revenue?'
    assert shop_wide in page.text
    # What no country is known of has no value with this filter.
    assert "€240" not in page.text


def test_a_filter_that_leaves_few_people_tells_nothing_of_them(client: TestClient[Any]) -> None:
    # Five of October's six orders are Belgian: with the total they would tell of the sixth.
    for address in ("/metrics?", "/metrics/revenue?", "/?whole=1&"):
        page = client.get(f"{address}period=2026-10-01&country=BE").text
        assert "too few people" in page.lower()
        assert "€200" not in page
    for name in ("kpis", "revenue", "buyers"):
        sent = client.get(f"/dashboard/{name}.csv?period=2026-10-01&country=BE")
        assert sent.status_code == 200
        assert "200" not in sent.text


def test_a_figure_is_split_and_each_part_leads_to_its_customers(client: TestClient[Any]) -> None:
    page = client.get("/metrics/revenue?by=source&grain=quarter&period=2026-08-01").text
    assert "by=source&amp;part=" in page
    assert client.get("/metrics/revenue?by=product").status_code == 400


def test_a_part_that_would_give_away_a_small_one_is_hidden_with_it(client: TestClient[Any]) -> None:
    page = client.get("/metrics/revenue?period=2026-08-01&by=country").text
    # One bought in Hungary; five in Belgium, whose amount would leave that one's of the total.
    assert "by=country&amp;part=" not in page
    assert page.count("too few people") == 2
    assert "€200" not in page.partition('id="split"')[2]


def test_the_customers_behind_a_figure_are_listed_with_their_own(client: TestClient[Any]) -> None:
    page = client.get("/metrics/revenue/people?grain=quarter&period=2026-08-01").text
    assert "€720" not in page  # the heading speaks of the whole in its sentence
    assert "12 known customers stand behind it" in page
    assert page.count("/identity") >= 12
    assert "€80" in page or "€40" in page
    part = client.get(
        "/metrics/revenue/people?grain=quarter&period=2026-08-01&by=channel&part=web"
    ).text
    # Eight of twelve: who knew them would know the four others, who are no group.
    assert "8 known customers stand behind it" not in part
    assert "of persons and not of a group" in part
    assert client.get("/metrics/revenue/people?by=product&part=x").status_code == 400
    assert client.get("/metrics/revenu/people").status_code == 404


def test_a_group_too_small_is_not_listed(client: TestClient[Any]) -> None:
    assert SMALLEST_GROUP == 5
    page = client.get("/metrics/orders/people?period=2026-08-01&by=country&part=HU").text
    assert "Fewer than five customers" in page
    assert "/identity" not in page.partition("<main")[2]


def test_who_may_not_see_figures_sees_no_customers_behind_them(company: Company) -> None:
    with visitor(company, role="agent") as client:
        assert client.get("/metrics/revenue/people").status_code == 403
        asked = "/api/v1/metrics/revenue/people?first_day=2026-08-01&last_day=2026-11-01"
        assert client.get(asked).status_code == 403
        assert client.get("/admin/figures").status_code == 403
        assert client.get("/api/v1/stated-figures").status_code == 403


def test_the_api_gives_the_same_customers(client: TestClient[Any]) -> None:
    asked = "/api/v1/metrics/orders/people?first_day=2026-08-01&last_day=2026-11-01"
    found = client.get(asked).json()
    assert (found["total"], found["n"], len(found["people"])) == (12, 18, 12)
    assert found["people"][0]["value"] == 2
    small = client.get(f"{asked}&only=country%3DHU").json()
    assert (small["total"], small["people"], small["value"]) == (None, [], None)
    assert client.get(f"{asked}&only=country").status_code == 400
    splits = client.get("/api/v1/metrics").json()["splits"]
    assert splits["cost_per_new_customer"] == ["acquisition_channel"]
    assert "product" in splits["product_sales"]


def test_figures_are_stated_and_withdrawn_on_their_page(client: TestClient[Any]) -> None:
    sent = {"name": "goods_cost_share", "amount": "0.6", "scope": "", "first_day": "2026-01-01"}
    assert client.post("/admin/figures", data=sent, follow_redirects=False).status_code == 303
    page = client.get("/admin/figures").text
    assert "60.0%" in page or "60%" in page
    assert "€96" in client.get("/metrics/gross_margin?period=2026-08-01").text
    wrong = client.post("/admin/figures", data=sent | {"amount": "60"})
    assert wrong.status_code == 400
    assert "0.6 for 60%" in wrong.text
    for day in ("", "soon"):
        assert client.post("/admin/figures", data=sent | {"first_day": day}).status_code == 400
    gone = {"name": "goods_cost_share", "scope": "", "first_day": "2026-01-01"}
    assert client.post("/admin/figures/withdraw", data=gone).status_code in (200, 303)
    assert "Nothing is stated yet" in client.get("/admin/figures").text


def test_figures_are_stated_and_withdrawn_through_the_api(client: TestClient[Any]) -> None:
    new = {
        "name": "acquisition_spend", "amount": "60", "scope": "search",
        "first_day": "2026-08-01", "last_day": "2026-08-31",
    }  # fmt: skip
    (stated,) = client.post("/api/v1/stated-figures", json=new).json()
    assert stated["amount"] == "60"
    question = {
        "metrics": ["cost_per_new_customer"],
        "start": "2026-08-01T00:00:00+02:00",
        "end": "2026-09-01T00:00:00+02:00",
        "time_zone": "Europe/Brussels",
    }
    (row,) = client.post("/api/v1/questions", json=question).json()["rows"]
    assert row["cost_per_new_customer"] == "10.0000"  # six first orders in August
    address = "/api/v1/stated-figures/acquisition_spend/2026-08-01"
    assert client.delete(address).status_code == 404
    assert client.delete(f"{address}?only_for=search").json() == []

"""The map's pages: colours that mean numbers, a table that says the same, shops and events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urlparse

import pytest
from litestar.testing import TestClient

from rapport.understand.segments.near import Near
from rapport.understand.segments.rule import All, read_rule, where
from rapport.web.charts.choropleth import MapDot, MapRegion, choropleth
from rapport.web.pages.segments.near_form import DraftNear, near_draft, near_of
from rapport.workflows.company import Company
from rapport.workflows.shops import located_shops, state_shop
from tests.company import visitor
from tests.customer_data import csrf
from tests.workflows.test_shops import company as company_with_addresses

company = company_with_addresses


@pytest.fixture
def client(company: Company) -> Iterator[TestClient]:
    with visitor(company, role="admin") as opened:
        yield opened


def drawn(regions: list[MapRegion]) -> str:
    chart = choropleth(
        regions,
        [MapDot(x=10, y=20, share=1.0, tip="Gent", href="/map/shop?name=Gent")],
        around="M0 0l1 1 1 1z",
        size=(1000, 500),
        written=lambda value: f"{value:g}",
        sentence="",
        words=("nothing known", "too few"),
    )
    return str(chart.plot) + str(chart.legend)


def test_darker_means_more_and_the_legend_names_true_values() -> None:
    html = drawn([MapRegion(path=f"M{n} 0l1 1 0 1z", value=float(n)) for n in (1, 2, 3, 4, 50)])
    assert re.findall(r"map-region heat-(\d)", html) == ["1", "2", "4", "6", "7"]
    assert ">50</li>" in html


def test_equal_values_have_one_colour() -> None:
    html = drawn([MapRegion(path="M0 0l1 1 0 1z", value=3.0)] * 4)
    assert re.findall(r"map-region heat-(\d)", html) == ["4"] * 4


def test_too_few_are_hatched_and_nobody_is_grey() -> None:
    html = drawn([MapRegion(path="M0 0l1 1 0 1z", hidden=True), MapRegion(path="M0 0l1 1 0 1z")])
    assert 'fill="url(#few)"' in html
    assert "too few" in html
    assert "nothing known" in html


def test_the_map_and_its_table_say_the_same(client: TestClient) -> None:
    html = unescape(client.get("/map").text)
    assert "Oost-Vlaanderen: 6 customers" in html
    assert "Nord: too few customers to say" in html
    assert 'href="/map/regions/BE-VOV"' in html
    assert "Natural Earth" in html
    assert "GeoNames" in html


def test_the_file_has_what_the_table_has_and_hides_the_same(client: TestClient) -> None:
    answer = client.get("/map.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.lstrip("\ufeff").splitlines()
    assert lines[0] == "region,name,value,customers,before,change"
    assert "BE-VOV,Oost-Vlaanderen,6,6,," in lines
    assert "FR-59,Nord,,,," in lines


def test_a_region_opens_its_customers(client: TestClient) -> None:
    answer = client.get("/map/regions/BE-VOV", follow_redirects=False)
    query = parse_qs(urlparse(answer.headers["location"]).query)
    assert read_rule(query["rule"][0]) == where("region", "eq", "BE-VOV")


def test_a_shop_is_placed_on_its_page_and_leads_to_an_event(
    company: Company, client: TestClient
) -> None:
    client.headers.update(csrf(company, client))
    sent = {"name": "Gent", "where": "Gent", "do": "state"}
    refused = client.post("/map/shops", data=sent)
    assert refused.status_code == 400
    assert "BE Gent" in refused.text
    sent["where"] = "51.0517, 3.7217"
    assert client.post("/map/shops", data=sent, follow_redirects=False).status_code == 303
    assert [shop.name for shop in located_shops(company)] == ["Gent"]

    html = unescape(client.get("/map/shop?name=Gent").text)
    event = re.search(r'href="(/segments/new\?[^"]+)"', html)
    assert event is not None
    query = parse_qs(urlparse(event[1]).query)
    near = Near(latitude=51.0517, longitude=3.7217, km=25, place="Gent")
    assert read_rule(query["rule"][0]) == All(rules=(near, where("email_marketing", "eq", True)))
    form = client.get(event[1]).text
    assert 'value="Gent (51.0517, 3.7217)"' in form
    assert 'value="Gent 25 km"' in form


def test_only_who_may_change_settings_places_shops(company: Company) -> None:
    state_shop(company, name="Gent", town="BE Gent", actor="test")
    with visitor(company, role="manager") as manager:
        html = manager.get("/map/shops").text
        assert 'name="where"' not in html
        assert "middle of the town" in html
        manager.headers.update(csrf(company, manager))
        sent = {"name": "Gent", "do": "forget"}
        assert manager.post("/map/shops", data=sent).status_code == 403
    assert located_shops(company)


@pytest.mark.parametrize(
    ("point", "place"),
    [
        ("Győr (47.6866, 17.634)", "Győr"),
        ("47.6866, 17.634", ""),
        ("Rue 12, Győr (47.6866,17.634)", "Rue 12, Győr"),
    ],
)
def test_a_point_is_read_as_people_write_it(point: str, place: str) -> None:
    made = near_of(DraftNear(km="12,5", point=point))
    assert made == Near(latitude=47.6866, longitude=17.634, km=12.5, place=place)
    assert near_of(near_draft(made)) == made


@pytest.mark.parametrize(("km", "point"), [("", "1, 2"), ("5", "Győr"), ("5", "100, 2")])
def test_a_point_that_is_none_is_marked(km: str, point: str) -> None:
    draft = DraftNear(km=km, point=point)
    assert near_of(draft) is None
    assert draft.error == "near"

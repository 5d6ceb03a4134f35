"""Where shops are, how far their buyers live, and figures by region."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.errors import InvalidInput, NotFound
from rapport.understand.segments.near import Near
from rapport.understand.segments.rule import All, where
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company
from rapport.workflows.ingest import apply_journal
from rapport.workflows.refresh import refresh_profiles
from rapport.workflows.region_map import MapView, map_metrics, map_report
from rapport.workflows.resolve import resolve_company
from rapport.workflows.segment_definitions import save_segment
from rapport.workflows.segment_members import follow_segments
from rapport.workflows.segments import count_rule
from rapport.workflows.shops import (
    forget_shop,
    keep_found_shops,
    list_shops,
    located_shops,
    shop_catchment,
    shop_catchments,
    state_shop,
)
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.shop import at
from tests.touchpoints import email, keep, order

#: Six customers in Ghent, five in Brussels, two in Lille and one who says no address.
LIVING = (
    *([("BE", "Gent", "9000")] * 6),
    *([("BE", "Bruxelles", "1000")] * 5),
    *([("FR", "Lille", "59000")] * 2),
    (None, None, None),
)


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    clock.now = at(11, 16)
    with empty_company(tmp_path, clock=clock) as opened:
        found = []
        for number, (country, city, postal_code) in enumerate(LIVING):
            traits = {"country": country, "city": city, "postal_code": postal_code}
            found.append(
                order(
                    f"o{number}",
                    "40",
                    record=email(f"customer{number}@kadar.example"),
                    traits={name: value for name, value in traits.items() if value},
                    channel="store",
                    place="Gent",
                    country="BE",
                    occurred_at=at(11, 3),
                )
            )
        keep(opened, found)
        resolve_company(opened)
        yield opened


def test_a_shop_is_found_by_its_name_but_only_used_when_somebody_says_so(
    company: Company,
) -> None:
    (known,) = list_shops(company)
    assert (known.name, known.touchpoints, known.shop) == ("Gent", len(LIVING), None)
    assert known.found is not None
    assert known.found.region == "BE-VOV"
    assert located_shops(company) == ()
    assert shop_catchments(company) == ()

    (kept,) = keep_found_shops(company, actor="a@b.example")
    assert not kept.stated
    assert located_shops(company) == (kept,)
    with company.ledger.read() as connection:
        said = connection.execute(
            select(audit.c.actor, audit.c.subject).where(audit.c.action == "shop.stated")
        ).all()
    assert [tuple(row) for row in said] == [("a@b.example", "Gent")]


def test_distances_are_measured_anew_when_a_shop_moves(company: Company) -> None:
    near = where("nearest_shop_km", "le", 25)
    assert count_rule(company, near).members == 0
    state_shop(company, name="Gent", latitude=51.0517, longitude=3.7217, actor="test")
    assert count_rule(company, near).members == 6
    assert count_rule(company, All(rules=(near, where("nearest_shop", "eq", "Gent")))).members == 6
    state_shop(company, name="Gent", town="FR Lille", actor="test")
    assert count_rule(company, near).members == 2
    forget_shop(company, "Gent", actor="test")
    assert count_rule(company, near).members == 0
    with pytest.raises(NotFound):
        forget_shop(company, "Gent", actor="test")


def test_whoever_moves_near_enters_with_the_touchpoint_that_says_so(
    company: Company, clock: FakeClock
) -> None:
    state_shop(company, name="Gent", latitude=51.0517, longitude=3.7217, actor="test")
    near = Near(latitude=51.0517, longitude=3.7217, km=10, place="Gent")
    nearest = where("nearest_shop_km", "le", 10)
    for name, rule in (("Near", near), ("By column", nearest)):
        save_segment(company, name=name, rule=rule, author="test")
    follow_segments(company)
    assert [count_rule(company, rule).members for rule in (near, nearest)] == [6, 6]

    clock.now = at(11, 16, 12)
    moved = order(
        "moved",
        "10",
        record=email("customer11@kadar.example"),
        traits={"country": "BE", "city": "Gand", "postal_code": "9000"},
        occurred_at=at(11, 16, 11),
    )
    keep(company, [moved])
    apply_journal(company)
    refresh_profiles(company)
    placed = follow_segments(company)
    assert placed.looked_at == 1
    assert placed.entered >= 2


def test_rings_count_people_and_hide_the_few(company: Company) -> None:
    state_shop(company, name="Gent", latitude=51.0517, longitude=3.7217, actor="test")
    found = shop_catchment(company, "Gent")
    rings = {ring.number: ring for ring in found.rings}
    assert found.buyers == len(LIVING)
    assert (rings[0].customers, rings[0].buyers, rings[0].revenue) == (6, 6, 240)
    assert (rings[3].customers, rings[3].buyers) == (5, 5)
    # Two in Lille and one whose town is not known are too few to tell.
    assert rings[4].buyers is rings[4].revenue is rings[-1].buyers is None
    assert found.reach_km[0] is not None
    assert found.reach_km[0] == pytest.approx(49.3, abs=0.5)
    with pytest.raises(NotFound, match="Gent"):
        shop_catchment(company, "Ghent")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({"latitude": 95.0, "longitude": 3.0}, "between -90 and 90"),
        ({"town": "BE Nergenshuizen"}, "another spelling"),
        ({"town": "Gent"}, "BE Gent"),
        ({}, "Give latitude and longitude"),
    ],
)
def test_a_point_that_cannot_be_is_refused(
    company: Company, place: dict[str, float | str], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        state_shop(company, name="Gent", actor="test", **place)  # type: ignore[arg-type]
    assert located_shops(company) == ()


def test_a_dry_run_keeps_nothing(company: Company) -> None:
    made = state_shop(company, name="Gent", town="BE Gand", actor="test", dry_run=True)
    assert made.latitude == pytest.approx(51.05, abs=0.01)
    assert located_shops(company) == ()


def test_the_map_counts_customers_and_says_what_it_does_not_know(company: Company) -> None:
    report = map_report(company, MapView())
    assert [(each.region, each.value) for each in report.regions] == [
        ("BE-VOV", 6), ("BE-BRU", 5), ("FR-59", None),
    ]  # fmt: skip
    assert report.regions[-1].is_hidden
    assert report.regions[-1].people is None
    assert report.drawn == report.countries == ("BE", "FR")
    assert (report.precision.city, report.precision.unknown) == (13, 1)
    assert report.elsewhere is not None
    assert report.elsewhere.is_hidden
    belgium = map_report(company, MapView(country="BE"))
    assert [each.region for each in belgium.regions] == ["BE-VOV", "BE-BRU"]
    assert belgium.elsewhere is None


def test_a_metric_on_the_map_is_that_of_the_question(company: Company) -> None:
    report = map_report(company, MapView(metric="revenue", days=30))
    first = report.regions[0]
    assert (first.region, first.name, first.value, first.people) == (
        "BE-VOV", "Oost-Vlaanderen", 240, 6,
    )  # fmt: skip
    assert "revenue" in map_metrics()
    with pytest.raises(InvalidInput, match="revenue"):
        map_report(company, MapView(metric="revenu"))
    with pytest.raises(InvalidInput, match="30, 90, 365"):
        map_report(company, MapView(days=7))

"""Households and companies through the API and the pages: seen, said, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.ledger_tables import household_member
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.customer_changes import join_customers
from rapport.workflows.rebuild import rebuild_lake
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.customer_data import crm, csrf, fill, profile_named
from tests.touchpoints import order, touchpoint

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

HOME = {"street": "Dorpsstraat 12", "postal_code": "9000", "city": "Gent", "country": "BE"}
ACME = Identifier(kind="crm_account", value="K1", namespace="crm")


def person(number: int, name: str, now: datetime, **more: Any) -> Touchpoint:
    """A contact of the CRM; ``properties`` are what the silo says beside the person's facts."""
    properties = more.pop("properties", {})
    first, last = name.split()
    return touchpoint(
        f"person-{number}", source="crm", channel="crm", type=v.RECORD_SEEN,
        record=crm(str(number)), occurred_at=now - timedelta(days=90 - number),
        traits={"first_name": first, "last_name": last, **more}, properties=properties,
    )  # fmt: skip


def story(now: datetime) -> list[Touchpoint]:
    """A family of three, and a company with a director, a suggested person and a deal."""
    return [
        person(1, "Jan Maes", now, **HOME, birthday="1980-01-01"),
        person(2, "Els Maes", now, **HOME, birthday="1982-01-01"),
        person(3, "Tom Maes", now, **HOME, birthday="2014-01-01"),
        order("W-1", "90.00", record=crm("2"), occurred_at=now - timedelta(days=8)),
        order("W-2", "10.00", record=crm("1"), occurred_at=now - timedelta(days=8)),
        touchpoint(
            "acme", source="crm", channel="crm", type=v.RECORD_SEEN, record=ACME,
            occurred_at=now - timedelta(days=300),
            identifiers=(ACME, Identifier(kind="business_id", value="BE0999103661")),
            traits={"name": "Acme BV", "company": "Acme BV", "city": "Aalst", "country": "BE"},
            properties={"is_company": True, "website": "acme-tools.be"},
        ),
        *(
            order(f"F-{n}", "1000.00", source="invoicing", record=ACME, channel="finance",
                  occurred_at=now - timedelta(days=300 - 30 * n))
            for n in range(3)
        ),
        person(4, "Ria Claes", now, company="ACME", properties={"job_title": "Zaakvoerder"}),
        person(5, "Luc Petit", now, email="luc.petit@acme-tools.be"),
        touchpoint(
            "deal-1", source="crm", channel="crm", type=v.DEAL_UPDATED, record=crm("4"),
            occurred_at=now - timedelta(days=3), amount=Decimal(500), currency="EUR",
            properties={"deal_id": "D1", "deal": "Tents", "stage": "Offer", "status": "open",
                        "account_id": "K1", "account": "Acme BV"},
        ),
    ]  # fmt: skip


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        fill(opened, story(clock()))
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="admin") as opened:
        opened.headers.update(csrf(company, opened))
        yield opened


def only_household(client: TestClient[Any]) -> dict[str, Any]:
    [row] = client.get("/api/v1/households").json()["rows"]
    return dict(client.get(f"/api/v1/households/{row['household_id']}").json())


def members(company: Company) -> dict[str, str]:
    m = household_member.c
    with company.ledger.read() as connection:
        return {r[0]: r[1] for r in connection.execute(select(m.profile_id, m.household_id))}


def test_a_household_shows_people_roles_and_worth_together(client: TestClient[Any]) -> None:
    shown = only_household(client)
    assert (shown["row"]["name"], shown["row"]["members"]) == ("Maes", 3)
    assert Decimal(shown["row"]["revenue"]) == 100
    roles = {member["name"]: member["roles"] for member in shown["members"]}
    assert roles["Tom Maes"] == ["child"]
    assert "payer" in roles["Els Maes"]
    assert shown["members"][0]["why"][0] == {"code": "home", "same_name": True, "degree": 0.95}
    page = client.get("/api/v1/households", params={"q": "tom"}).json()
    assert page["total"] == 1
    wrong = client.get("/api/v1/households", params={"sort": "shoe"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_input")


def test_who_lives_elsewhere_is_remembered_and_taken_back(
    client: TestClient[Any], company: Company
) -> None:
    tom = profile_named(company, "Tom")
    here = only_household(client)["household_id"]
    client.post(f"/customers/{tom}/household", data={"together": "no", "reason": "Moved out"})
    assert tom not in members(company)
    fill(company, [person(3, "Tom Maes", company.clock() + timedelta(hours=1), **HOME)])
    assert tom not in members(company)  # the word stands, whatever comes
    words = client.get(f"/api/v1/customers/{tom}/household").json()["words"]
    assert [word["reason"] for word in words] == ["Moved out"] * 2
    for word in words:
        assert client.delete(f"/api/v1/households/words/{word['word_id']}").status_code == 200
    assert members(company)[tom] == here
    again = client.delete(f"/api/v1/households/words/{words[0]['word_id']}")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_a_role_is_said_and_given_back(client: TestClient[Any], company: Company) -> None:
    tom = profile_named(company, "Tom")
    path = f"/api/v1/customers/{tom}/household/role"
    home = client.put(path, json={"role": "payer"}).json()
    of_tom = next(m for m in home["now"]["members"] if m["profile_id"] == tom)
    assert (of_tom["roles"], of_tom["role_said_by"]) == (["payer"], "admin@kadar.example")
    home = client.put(path, json={"role": None}).json()
    of_tom = next(m for m in home["now"]["members"] if m["profile_id"] == tom)
    assert (of_tom["roles"], of_tom["role_said_by"]) == (["child"], None)
    assert client.put(path, json={"role": "king"}).status_code == 400


def test_a_merge_of_two_members_keeps_the_household(
    client: TestClient[Any], company: Company
) -> None:
    jan, els, tom = (profile_named(company, name) for name in ("Jan", "Els", "Tom"))
    join_customers(company, jan, els, author="admin@kadar.example", reason="")
    now = members(company)
    assert len(now) == 2
    assert tom in now


def test_a_rebuild_gives_the_same_households(client: TestClient[Any], company: Company) -> None:
    before = members(company)
    rebuild_lake(company)
    assert members(company) == before


def test_a_company_shows_people_orders_deals_and_health(
    client: TestClient[Any], company: Company
) -> None:
    page = client.get("/api/v1/accounts", params={"q": "acme"}).json()
    [row] = page["rows"]
    assert (row["name"], row["people"], row["business_id"]) == ("Acme BV", 1, "BE0999103661")
    shown = client.get(f"/api/v1/accounts/{row['account_id']}").json()
    people = {each["name"]: each for each in shown["people"]}
    assert people["Ria Claes"]["role"] == "decision_maker"
    assert people["Luc Petit"]["suggested"]
    assert [each["order_id"] for each in shown["orders"]] == ["F-2", "F-1", "F-0"]
    assert [(deal["name"], deal["status"]) for deal in shown["deals"]] == [("Tents", "open")]
    assert shown["health"]["level"] == "at_risk"  # every 30 days, and now 240 without
    assert [reason["code"] for reason in shown["health"]["reasons"]] == [
        "order_late", "deals_moving",
    ]  # fmt: skip
    assert "Acme BV" in client.get(f"/customers/{profile_named(company, 'Ria')}").text


def test_a_suggested_person_is_confirmed(client: TestClient[Any], company: Company) -> None:
    [row] = client.get("/api/v1/accounts").json()["rows"]
    luc = profile_named(company, "Luc")
    path = f"/api/v1/accounts/{row['account_id']}/people"
    shown = client.post(path, json={"person": luc, "together": True}).json()
    confirmed = next(each for each in shown["people"] if each["profile_id"] == luc)
    assert (confirmed["suggested"], confirmed["confidence"]) == (False, 1.0)
    shown = client.post(path, json={"person": luc, "together": False}).json()
    assert luc not in {each["profile_id"] for each in shown["people"]}
    [word] = shown["words"]
    assert client.delete(f"/api/v1/accounts/words/{word['word_id']}").status_code == 200
    shown = client.get(f"/api/v1/accounts/{row['account_id']}").json()
    assert next(each for each in shown["people"] if each["profile_id"] == luc)["suggested"]


@pytest.mark.parametrize(
    "path", ["/households/h0000000000000001", "/accounts/a0000000000000001", "/households/x",
             "/accounts/hffffffffffffffff", "/households/hzzzzzzzzzzzzzzzz"]
)  # fmt: skip
def test_a_group_that_there_is_not_is_said_so(client: TestClient[Any], path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.get(f"/api/v1{path}").status_code == 404

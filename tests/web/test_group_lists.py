"""The lists of households and of companies, as somebody finds them who comes by an old link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.workflows.company import Company
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.customer_data import csrf, fill, profile_named, someone

pytestmark = pytest.mark.slow  # whole companies: not before every commit


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Any]]:
    with empty_company(tmp_path) as company, visitor(company, role="agent") as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "none"),
    [("/households", "No households yet"), ("/accounts", "No companies yet")],
)
def test_a_page_after_the_last_is_not_said_to_be_an_empty_list(
    client: TestClient[Any], path: str, none: str
) -> None:
    assert none in client.get(path).text
    beyond = client.get(path, params={"page_number": 9, "q": "De Smet"}).text
    assert "The list ends before this page" in beyond
    assert none not in beyond
    assert f'href="{path}?q=De+Smet"' in beyond
    assert "Nothing found for" in client.get(path, params={"q": "De Smet"}).text


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    """Two people of one home."""
    home = {"street": "Kerkstraat 12", "postal_code": "9000", "city": "Gent"}
    now = clock()
    people = [someone(now, 1, "Jan Peeters", **home), someone(now, 2, "Els Peeters", **home)]
    with empty_company(tmp_path, clock=clock) as opened:
        fill(opened, people)
        yield opened


def test_a_form_that_broke_parts_nobody(company: Company) -> None:
    jan = profile_named(company, "Jan")
    with visitor(company, role="manager") as client:
        client.headers.update(csrf(company, client))
        path = f"/customers/{jan}/household"
        for said in ("maybe", ""):
            refused = client.post(path, data={"together": said}, follow_redirects=False)
            assert refused.status_code == 400
            assert "`yes` or `no`" in refused.text
        assert "Els Peeters" in client.get(path).text
        parted = client.post(path, data={"together": "no"}, follow_redirects=False)
        assert "done=apart" in parted.headers["location"]


def test_of_several_namesakes_nobody_is_chosen_beforehand(company: Company) -> None:
    path = f"/customers/{profile_named(company, 'Jan')}/household"
    with visitor(company, role="manager") as client:
        client.headers.update(csrf(company, client))
        home = client.get(path).url.path
        for n, name in enumerate(("Luc Claes", "Luc Maes"), start=1):
            fill(company, [someone(company.clock(), 2 + n, name)])
            found = client.get(home, params={"q": "luc"}).text
            assert found.count('type="radio"') == n
            assert bool(re.search(r'<input type="radio"[^>]* checked', found)) == (n == 1)
        refused = client.post(path, data={"together": "yes"}, follow_redirects=False)
        assert refused.status_code == 400
        assert "Nobody was chosen" in refused.text


def test_a_role_that_is_given_back_is_not_said_to_be_kept(company: Company) -> None:
    path = f"/customers/{profile_named(company, 'Jan')}/household"
    with visitor(company, role="manager") as client:
        client.headers.update(csrf(company, client))
        kept = client.post(f"{path}/role", data={"role": "payer"})
        assert "The role is kept." in kept.text
        given_back = client.post(f"{path}/role", data={"role": ""})
        assert "The role is derived from what is known again." in given_back.text

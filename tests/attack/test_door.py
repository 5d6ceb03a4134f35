"""The door: what no stranger and no slip may open or break."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rapport.errors import NotSignedIn, Overloaded
from rapport.workflows.company import Company
from rapport.workflows.users import FREE_ATTEMPTS, create_api_token, create_user, sign_in
from tests.company import PASSWORD, empty_company, visitor
from tests.conftest import FakeClock

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def test_attempts_made_at_once_count_each(company: Company) -> None:
    create_user(company, email="a@kadar.example", name="A", role="agent", password=PASSWORD)

    def attempt(_: int) -> type[Exception]:
        try:
            sign_in(company, email="a@kadar.example", password="wrong password")
        except (NotSignedIn, Overloaded) as refusal:
            return type(refusal)
        raise AssertionError("a wrong password opened a session")

    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(attempt, range(FREE_ATTEMPTS + 7)))
    assert answers.count(NotSignedIn) == FREE_ATTEMPTS
    assert answers.count(Overloaded) == 7


def test_signing_in_forgets_earlier_slips(company: Company) -> None:
    create_user(company, email="a@kadar.example", name="A", role="agent", password=PASSWORD)
    for _ in range(3):
        for _ in range(FREE_ATTEMPTS - 1):
            with pytest.raises(NotSignedIn):
                sign_in(company, email="a@kadar.example", password="wrong password")
        assert sign_in(company, email="a@kadar.example", password=PASSWORD)


@pytest.mark.parametrize("token", ["é", "\udcff", "x" * 10_000, ""])
def test_a_token_of_any_text_is_refused_and_breaks_nothing(company: Company, token: str) -> None:
    with visitor(company, role="agent") as client:
        header = {"x-csrftoken": token.encode("utf-8", "surrogateescape")}
        assert client.post("/preferences", headers=header).status_code == 403
        form = b"_csrf_token=" + token.encode("utf-8", "surrogateescape")
        del client.headers["x-csrftoken"]
        assert client.post("/preferences", content=form, headers=FORM).status_code == 403


@pytest.mark.parametrize("origin", ["http://[", "http://evil.example", "garbage"])
def test_a_write_from_a_strange_origin_is_refused(company: Company, origin: str) -> None:
    with visitor(company) as client:
        answer = client.post("/sign-in", data={"email": "a"}, headers={"origin": origin})
        assert answer.status_code == 403


@pytest.mark.parametrize("value", ["\U0001f600", "a\r\nSet-Cookie: x=y", "xx", "é;", "x" * 9000])
def test_a_preference_that_we_do_not_offer_is_no_cookie(company: Company, value: str) -> None:
    with visitor(company) as client:
        answer = client.post(
            "/preferences", data={"language": value, "theme": value}, follow_redirects=False
        )
        assert answer.status_code == 303
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "next_",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\r\nLocation: https://evil.example",
        "javascript:alert(1)",
    ],
)
def test_no_sign_in_leads_to_another_site(company: Company, next_: str) -> None:
    with visitor(company, role="agent") as client:
        answer = client.get("/sign-in", params={"next": next_}, follow_redirects=False)
        place = answer.headers["location"]
        assert place.startswith("/")
        assert not place.startswith(("//", "/\\"))
        assert not {"\r", "\n", "\t"} & set(place)


@pytest.mark.parametrize("path", ["/schema", "/schema/openapi.json", "/schema/openapi.yaml"])
def test_the_description_of_the_api_is_for_those_who_may_use_it(
    company: Company, path: str
) -> None:
    create_user(company, email="p@kadar.example", name="P", role="agent", password=PASSWORD)
    token = create_api_token(company, email="p@kadar.example", name="test")
    with visitor(company) as client:
        assert client.get(path).status_code == 401
        signed = client.get(path, headers={"authorization": f"Bearer {token}"})
        assert signed.status_code == 200
        assert "Rapport" in signed.text
        assert "https://cdn" not in signed.text


def test_a_nul_in_an_address_is_refused(company: Company) -> None:
    with visitor(company, role="agent") as client:
        assert client.get("/customers?q=%00").status_code == 400


def test_a_number_beyond_every_store_is_the_callers_mistake(company: Company) -> None:
    with visitor(company, role="agent") as client:
        answer = client.get("/api/v1/tickets/99999999999999999999999")
        assert answer.status_code in (400, 404)

"""Signing in, what each role may open, and writes that a page of another site cannot make."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from rapport.asgi import create_app
from rapport.vocabulary.access import PERMISSIONS
from rapport.workflows.company import Company
from rapport.workflows.sources import add_collector
from rapport.workflows.users import LONGEST_WAIT, SESSION_HOURS, create_user, session_of, sign_in
from tests.company import PASSWORD, empty_company, visitor
from tests.conftest import FakeClock

pytestmark = pytest.mark.slow  # seconds: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def test_a_page_asks_a_stranger_to_sign_in_and_leads_back(company: Company) -> None:
    with visitor(company) as client:
        answer = client.get("/preferences", follow_redirects=False)
        assert answer.status_code in (404, 405)
        page = client.get("/sign-in?next=/customers")
        assert 'name="next"' in page.text
        assert 'value="/customers"' in page.text


PAGE, ASSET, API = "/sign-in", "/assets/nothing-here.js", "/api/v1/customers"


@pytest.mark.parametrize("path", [PAGE, ASSET, API, "/schema", "/sourceConfig", "/nowhere"])
def test_head_is_answered_as_get_everywhere(company: Company, path: str) -> None:
    with visitor(company, role="admin") as client:
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        for name in ("content-type", "content-length", "content-security-policy"):
            assert head.headers.get(name) == got.headers.get(name)
        assert client.head("/sign-out").status_code == 405  # there is no GET either


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/sources"])
def test_head_sends_no_byte_of_a_body(company: Company, path: str) -> None:
    add_collector(company, name="shop", label="Shop")
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # the browser stays and says no more
        raise AssertionError

    with visitor(company, role="admin") as client:
        cookie = f"rapport_session={client.cookies['rapport_session']}"
        scope = {
            "type": "http", "method": "HEAD", "path": path, "raw_path": path.encode(),
            "query_string": b"", "headers": [(b"cookie", cookie.encode())], "scheme": "http",
            "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
            "http_version": "1.1",
        }  # fmt: skip
        app: Any = client.app
        asyncio.run(app(scope, receive, send))
    start, *bodies = sent
    assert start["status"] in (200, 302, 303, 307)
    assert [message["body"] for message in bodies] == [b""]
    assert not bodies[0]["more_body"]


def test_signing_in_needs_the_right_password(company: Company) -> None:
    create_user(
        company, email="Sofie@Kadar.example", name="Sofie", role="manager", password=PASSWORD
    )
    with visitor(company) as client:
        wrong = client.post("/sign-in", data={"email": "sofie@kadar.example", "password": "no"})
        assert wrong.status_code == 401
        assert "rapport_session" not in client.cookies
        form = {"email": "sofie@kadar.example", "password": PASSWORD, "next": "//evil.example"}
        right = client.post("/sign-in", data=form, follow_redirects=False)
        assert (right.status_code, right.headers["location"]) == (303, "/")
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie


def test_guessing_passwords_becomes_slow_and_then_free_again(
    company: Company, clock: FakeClock
) -> None:
    create_user(company, email="a@kadar.example", name="A", role="agent", password=PASSWORD)
    with visitor(company) as client:
        form = {"email": "a@kadar.example", "password": "guess"}
        codes = [client.post("/sign-in", data=form).status_code for _ in range(7)]
        assert codes[:5] == [401] * 5
        assert codes[-1] == 429
        clock.advance(LONGEST_WAIT)
        form["password"] = PASSWORD
        assert client.post("/sign-in", data=form, follow_redirects=False).status_code == 303


def test_a_session_ends_by_itself(company: Company, clock: FakeClock) -> None:
    create_user(company, email="a@kadar.example", name="A", role="agent", password=PASSWORD)
    token = sign_in(company, email="a@kadar.example", password=PASSWORD)
    assert session_of(company, token) is not None
    clock.advance(timedelta(hours=SESSION_HOURS))
    assert session_of(company, token) is None


def test_a_write_without_the_sessions_token_is_refused(company: Company) -> None:
    with visitor(company, role="agent") as client:
        refused = client.post("/preferences", data={"language": "hu", "back": "/"})
        assert refused.status_code == 403
        token = session_of(company, client.cookies["rapport_session"])
        assert token is not None
        form = {"language": "hu", "back": "/x", "_csrf_token": token.csrf_token}
        del client.headers["x-csrftoken"]
        kept = client.post("/preferences", data=form, follow_redirects=False)
        assert (kept.status_code, kept.headers["location"]) == (303, "/x")
        again = session_of(company, client.cookies["rapport_session"])
        assert again is not None
        assert again.user.language == "hu"


def test_a_form_on_another_site_cannot_sign_anybody_in(company: Company) -> None:
    with visitor(company) as client:
        answer = client.post(
            "/sign-in",
            data={"email": "a", "password": "b"},
            headers={"origin": "https://evil.example"},
        )
        assert answer.status_code == 403


def test_every_route_says_what_it_needs() -> None:
    app: Litestar = create_app()
    allowed = {*PERMISSIONS, "public", "signed_in"}
    silent = [
        f"{sorted(handler.http_methods)} {route.path}"
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.opt.get("permission") not in allowed
        and handler.http_methods != {"OPTIONS"}
        and not route.path.startswith("/schema")
    ]
    assert silent == []


def test_every_answer_forbids_foreign_scripts(company: Company) -> None:
    with visitor(company) as client:
        headers = client.get("/sign-in").headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"

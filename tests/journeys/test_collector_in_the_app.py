"""The collector within the whole application: keys of its own, and the rules of the rest apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rapport.workflows.company import Company
from rapport.workflows.resolve import resolve_company
from rapport.workflows.sources import add_collector
from tests.company import empty_company, visitor
from tests.conftest import FakeClock


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def test_a_browser_of_any_site_sends_with_a_write_key_and_needs_no_session(
    company: Company,
) -> None:
    write_key = add_collector(company, name="webshop", label="Web shop")
    with visitor(company) as client:
        answer = client.post(
            "/v1/track",
            json={"anonymousId": "b-1", "event": "Product Viewed", "messageId": "m-1"},
            auth=(write_key, ""),
            headers={"origin": "https://shop.example"},
        )
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert answer.headers["access-control-allow-origin"] == "*"
        unknown = client.post("/v1/track", json={}, auth=("no-such-key", ""))
        assert unknown.status_code == 401
    assert resolve_company(company).entries == 1


def test_the_collector_is_in_the_description_of_the_api(company: Company) -> None:
    with visitor(company, role="admin") as client:
        paths = client.get("/schema/openapi.json").json()["paths"]
    assert "/v1/{call}" in paths

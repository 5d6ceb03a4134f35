"""How a site is used, through the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.identifier import Identifier
from rapport.workflows.company import Company
from rapport.workflows.resolve import resolve_company
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.touchpoints import START, keep, touchpoint

ADDRESS = "/api/v1/site"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Any]]:
    with empty_company(tmp_path, clock=FakeClock(START + timedelta(days=60))) as company:
        seen(company)
        with visitor(company, role="manager") as opened:
            yield opened


def seen(company: Company) -> None:
    """Seven read /pay long ago, six /help lately, and somebody /new on the last day."""
    keep(
        company,
        [
            touchpoint(
                f"{name}{number}", type=v.PAGE_VIEWED,
                record=Identifier(kind="anonymous_id", value=f"{name}{number}", namespace="s"),
                occurred_at=START + timedelta(days=day, minutes=number),
                properties={"path": path, "url": f"https://shop.example{path}"},
            )
            for name, many, day, path in (
                ("a", 7, 1, "/pay"), ("b", 6, 50, "/help"), ("c", 1, 52, "/new"),
            )
            for number in range(many)
        ],
    )  # fmt: skip
    resolve_company(company)


def paths(client: TestClient[Any], **asked: Any) -> dict[str, int]:
    answer = client.get(f"{ADDRESS}/pages", params=asked)
    assert answer.status_code == 200, answer.text
    return {page["path"]: page["visitors"] for page in answer.json()}


def test_pages_of_a_time(client: TestClient[Any]) -> None:
    assert paths(client) == {"/pay": 7, "/help": 6}
    assert paths(client, days=30) == {"/help": 6}
    assert paths(client, country="BE") == {}  # nobody's country is known
    (site,) = client.get(ADDRESS).json()
    assert site["origins"] == ["https://shop.example"]
    whole = client.get(f"{ADDRESS}/report", params={"source": site["source"]}).json()
    assert whole["totals"]["visitors"] == 13
    page = client.get(f"{ADDRESS}/page", params={"path": "/pay"}).json()
    assert page["clicks"]["elements"] == []
    for part in ("searches", "unused"):
        assert client.get(f"{ADDRESS}/{part}").json() == []


def test_what_there_is_not_is_said(client: TestClient[Any]) -> None:
    for asked, message in (
        ({"days": 31}, "30, 90"),
        ({"width": "huge"}, "width"),
        ({"source": "none"}, "none"),
    ):
        answer = client.get(f"{ADDRESS}/report", params=asked)
        assert answer.status_code in (400, 404)
        assert message in answer.text

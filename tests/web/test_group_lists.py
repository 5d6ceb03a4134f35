"""The lists of households and of companies, as somebody finds them who comes by an old link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.company import empty_company, visitor

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

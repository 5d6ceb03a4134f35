"""Every page of the product to which the manual sends its reader is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rapport.settings import Settings
from rapport.workflows.company import open_company
from rapport.workflows.demo import DEMO_USERS
from tests.company import visitor
from tests.small_company import copy_of_small_company

ROOT = Path(__file__).resolve().parents[2]
NAMED = sorted(
    {
        found
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for found in re.findall(
            r"http://127\.0\.0\.1:8000(/[a-z/-]*)(?=[)>])", page.read_text("utf-8")
        )
    }
)


@pytest.mark.slow
@pytest.mark.parametrize("path", NAMED)
def test_a_page_that_the_manual_names_opens(
    path: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = copy_of_small_company(tmp_path_factory.getbasetemp(), tmp_path / "data")
    admin = next(user for user in DEMO_USERS if user.role == "admin")
    with open_company(Settings(data=str(data))) as company, visitor(company) as client:
        client.post("/sign-in", data={"email": admin.email, "password": admin.password})
        assert client.get(path).status_code == 200


def test_the_manual_names_pages() -> None:
    assert {"/", "/customers", "/inbox"} <= set(NAMED)

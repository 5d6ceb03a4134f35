"""The picture in README: the dashboard of the demo company, as it is now.

``make picture`` takes it anew and puts it in its place.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from playwright.sync_api import Page

from rapport.asgi import create_app
from rapport.settings import Settings
from rapport.workflows.company import open_company
from rapport.workflows.demo import DEMO_USERS, build_demo

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "dashboard.png"
TAKEN = ROOT / "build" / "screenshots" / "dashboard.png"
#: Enough inhabitants for figures and curves that look like a company's.
PEOPLE = 2000


def test_readme_shows_a_picture_that_is_there_and_light() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert shown == ["docs/images/dashboard.png"]
    picture = PICTURE.read_bytes()
    assert picture.startswith(b"\x89PNG")
    width, _height = struct.unpack(">II", picture[16:24])
    assert width == 1440
    assert len(picture) <= 300_000


@pytest.mark.browser
@pytest.mark.slow
def test_the_dashboard_of_the_demo_company_can_be_pictured(
    tmp_path: Path,
    serve: Callable[[Litestar], str],
    browser_page: Callable[..., Page],
) -> None:
    with open_company(Settings(data=str(tmp_path / "data"))) as company:
        build_demo(company, people=PEOPLE)

        @contextmanager
        def opened() -> Any:
            yield company

        address = serve(create_app(opened()))
        page = browser_page(width=1440)
        user = DEMO_USERS[0]
        page.goto(f"{address}/sign-in")
        page.fill("[name=email]", user.email)
        page.fill("[name=password]", user.password)
        page.press("[name=password]", "Enter")
        page.wait_for_selector("h1")
        page.wait_for_load_state("networkidle")
        TAKEN.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=TAKEN, clip={"x": 0, "y": 0, "width": 1440, "height": 1000},
                        full_page=True)  # fmt: skip
        assert page.locator("h1").count() == 1
        assert page.locator(".series-bar, .series-line").count() > 0
    assert 30_000 < TAKEN.stat().st_size <= 300_000

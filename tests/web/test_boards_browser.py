"""From a question to a board to its PDF, as somebody does it in a browser."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from litestar import Litestar
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from rapport.asgi import create_app
from rapport.workflows.company import Company
from rapport.workflows.users import create_user
from tests.browser import check_page, settle
from tests.company import PASSWORD
from tests.conftest import FakeClock
from tests.shop import shop

pytestmark = pytest.mark.browser


def test_a_question_is_asked_put_on_a_board_and_kept_as_pdf(
    tmp_path: Path,
    clock: FakeClock,
    serve: Callable[[Litestar], str],
    browser_page: Callable[..., Page],
) -> None:
    with shop(tmp_path, clock) as company:

        @contextmanager
        def opened() -> Iterator[Company]:
            yield company

        create_user(
            company, email="m@kadar.example", name="Maes", role="manager", password=PASSWORD
        )
        address = serve(create_app(opened()))
        page = browser_page(width=820)
        page.goto(f"{address}/sign-in?next=/questions")
        page.fill("[name=email]", "m@kadar.example")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url("**/questions")
        page.select_option("[name=metric] >> nth=0", "revenue")
        page.select_option("[name=period]", "last_month")
        page.select_option("[name=grain]", "")
        page.get_by_role("button", name="Show").click()
        expect(page.locator("main")).to_contain_text("€240")
        settle(page)
        check_page(page)
        page.fill("form[action='/boards/cards'] [name=name]", "Mine")
        page.get_by_role("button", name="Put on a board").click()
        page.wait_for_url("**/boards/own-1")
        expect(page.locator("main")).to_contain_text("€240")
        settle(page)
        check_page(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="PDF").click()
        said = PdfReader(io.BytesIO(download.value.path().read_bytes())).pages[0].extract_text()
        assert "Mine" in said
        assert "€240" in said

"""The tracker in Chromium: real pages of another origin, real clicks, and what the journal holds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from playwright.sync_api import Page
from sqlalchemy import select

from rapport.asgi import create_app
from rapport.collect.touchpoints import touchpoint_of
from rapport.vocabulary.ledger_tables import journal, refused
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.sources import add_collector
from tests.company import empty_company
from tests.web.tracked_site import tracked_site

pytestmark = pytest.mark.browser
GIVEN = 'data-consent="given"'
Open = Callable[..., Page]


class Shop:
    """A company that collects, and its web site on another origin."""

    def __init__(self, company: Company, url: str) -> None:
        self.company = company
        self.url = url
        self.key = add_collector(company, name="webshop", label="Web shop")

    def events(self) -> list[dict[str, Any]]:
        """What the journal holds, as sent."""
        with self.company.ledger.read() as connection:
            rows = connection.execute(select(journal.c.payload).order_by(journal.c.position))
            return [json.loads(row.payload)["event"] for row in rows]

    def touchpoints(self) -> list[Touchpoint]:
        with self.company.ledger.read() as connection:
            rows = connection.execute(select(journal).order_by(journal.c.position)).all()
            assert connection.execute(select(refused)).all() == []
        return [touchpoint_of(row.kind, row.payload, "webshop", row.received_at) for row in rows]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [e for e in self.events() if e.get("event", e["type"]) == name]

    def wait(self, name: str, count: int = 1, seconds: float = 8) -> list[dict[str, Any]]:
        """The events called ``name`` (or of that type), once there are ``count``."""
        end = time.monotonic() + seconds
        while len(found := self.named(name)) < count:
            assert time.monotonic() < end, [e.get("event", e["type"]) for e in self.events()]
            time.sleep(0.05)
        return found


@pytest.fixture
def shop(tmp_path: Path, serve: Callable[[Litestar], str]) -> Iterator[Shop]:
    with empty_company(tmp_path) as company:

        @contextmanager
        def opened() -> Iterator[Company]:
            yield company

        yield Shop(company, serve(create_app(opened())))


def leave(page: Page) -> None:
    """Go elsewhere, so that what is left is sent."""
    page.goto("about:blank")


def ready(page: Page, url: str) -> None:
    """Open a page and wait for the tracker."""
    page.goto(url)
    page.wait_for_function("window.rapport && !window.rapport.q")


def test_pages_and_clicks_of_a_site_are_kept(shop: Shop, browser_page: Open) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        ready(page, site + "/")
        page.locator("[data-rapport=offer]").click(position={"x": 50, "y": 25})
        page.get_by_text("Boots").click()
        page.wait_for_url("**/product**")
        page.wait_for_function("window.rapport && !window.rapport.q")
        page.locator("#buy").click(position={"x": 1, "y": 1})
        leave(page)
        first, second = shop.wait("page", 2)
        clicks = shop.wait("Element Clicked", 3)
    assert (first["properties"]["path"], first["properties"]["title"]) == ("/", "Home")
    said = second["properties"]
    # Of the query only the campaign leaves the page, and of the referrer nothing but its address.
    assert said["url"] == f"{site}/product?utm_source=winter&utm_campaign=boots"
    assert said["referrer"] == f"{site}/"
    card, link, buy = (click["properties"] for click in clicks)
    assert card["element"] == '[data-rapport="offer"]'
    assert (card["x"], card["y"], card["width"], card["height"]) == (0.25, 0.25, 200, 100)
    assert (card["page_x"], card["page_y"]) == (60, 40 + 10 + 100 + 10 + 25)
    assert (card["view_width"], card["view_height"]) == (1440, 900)
    assert card["page_height"] > 3000
    assert card["fixed"] is False
    assert link["element"] == "body>main>a"
    assert buy["element"] == "#buy"
    assert (card["view"], buy["view"]) == (first["messageId"], second["messageId"])
    assert (link["path"], buy["path"]) == ("/", "/product")
    # One visitor, and all of it on the web.
    found = shop.touchpoints()
    assert {(t.channel, t.record) for t in found} == {("web", found[0].record)}
    landed = next(t for t in found if t.type == "Page Viewed" and t.campaign)
    assert (landed.campaign, landed.acquisition_channel) == ("boots", "winter")
    assert found[0].traits == {"language": "en"}

"""What tests of pages share: Debian's Chromium, a real server, and what every page must pass."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = os.environ.get("RAPPORT_TEST_CHROMIUM", "/usr/bin/chromium")
SCREENSHOTS = Path(__file__).resolve().parents[1] / "build" / "screenshots"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LOCALES = {"en": "en-GB", "nl": "nl-BE", "fr": "fr-BE", "hu": "hu-HU"}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for the whole run; each page gets a context of its own."""
    if not Path(CHROMIUM).exists():
        message = f"no browser at {CHROMIUM}: apt-get install chromium, or RAPPORT_TEST_CHROMIUM"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browser_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a blank page: ``browser_page(width=820, theme="dark", language="hu")``.

    When the test ends, anything written to the console as an error, an exception in a script or
    a request to another machine fails it.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_page(
        width: int = 1440, theme: str = "light", language: str = "en", **options: Any
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900 if width > 700 else 800},
            color_scheme=theme,  # type: ignore[arg-type]
            locale=LOCALES[language],
            timezone_id="Europe/Brussels",
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on(
            "console",
            lambda message: (
                complaints.append(f"console: {message.text}") if message.type == "error" else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
        page.on(
            "request",
            lambda request: (
                complaints.append(f"request to another machine: {request.url}")
                if not request.url.startswith(("http://127.0.0.1:", "data:", "about:"))
                else None
            ),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Litestar], str]]:
    """Runs an application on granian until the tests end: ``address = serve(app)``."""
    running: list[tuple[asyncio.AbstractEventLoop, Server, threading.Thread]] = []

    def start(app: Litestar) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        loop = asyncio.new_event_loop()
        server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI)

        def run() -> None:
            asyncio.set_event_loop(loop)
            loop.run_until_complete(server.serve())
            loop.close()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        running.append((loop, server, thread))
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}"
            time.sleep(0.05)
        raise TimeoutError(f"the application did not answer on port {port} within 10 s")

    yield start
    for loop, server, thread in running:
        loop.call_soon_threadsafe(server.stop)
        thread.join(timeout=10)


def axe_findings(page: Page) -> list[str]:
    """What axe holds against the page, one line per element."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:120]} "
        f"{[check['message'] for check in node['any'] + node['all'] + node['none']][:1]}"
        for violation in found
        for node in violation["nodes"]
    ]


def overflowing(page: Page) -> list[str]:
    """Elements that stick out of the page on the right; empty where nothing scrolls sideways."""
    return page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.body.querySelectorAll("*")]
            .filter((node) => node.getBoundingClientRect().right > width + 1
                              && !node.closest(".table-scroll"))
            .slice(0, 8)
            .map((node) => `${node.tagName}.${node.getAttribute("class")}: `
                           + node.textContent.trim().slice(0, 40));
        }"""
    )


def unpainted_marks(page: Page) -> list[str]:
    """Marks of charts without a painted size, as SVG written wrongly leaves them."""
    return page.evaluate(
        """() => [...document.querySelectorAll(
              ".series-line, .series-bar, .series-band, .gridline, .plot-dot, .spark-dot, "
              + ".hbars-track i, .share-bar i, td.heat, .deciles li i, svg.icon, svg.logo")]
          .filter((node) => node.checkVisibility())
          .filter((node) => {
            const { width, height } = node.getBoundingClientRect();
            return width + height < 1;
          })
          .map((node) => `${node.tagName}.${node.getAttribute("class")}`)"""
    )


def settle(page: Page) -> None:
    """Wait until htmx has put its answers into the page and made them live.

    A script is quicker than a person: what it chooses in a form that arrived a millisecond ago
    would go unheard.
    """
    page.wait_for_load_state("networkidle")
    waiting = ".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added"
    expect(page.locator(waiting)).to_have_count(0)


def check_page(page: Page) -> None:
    """What every page must pass at every width, theme and language."""
    assert axe_findings(page) == []
    assert overflowing(page) == []
    assert unpainted_marks(page) == []


def take_screenshot(page: Page, name: str) -> Path:
    """Picture of the whole page in build/screenshots, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path

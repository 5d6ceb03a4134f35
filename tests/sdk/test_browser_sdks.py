"""SDKs of shops' pages, unchanged, in Chromium, on a site that is not Rapport's own."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.sdk.conftest import Running, installed
from tests.sdk.faulty_proxy import (
    EVERY_FAULT,
    FAULTS,
    RETRY_AFTER_SECONDS,
    Fault,
    FaultyProxy,
)
from tests.sdk.story import (
    ANONYMOUS,
    SKEW,
    calls,
    check_meaning,
    check_once,
    check_times,
    kept,
    refused,
)

pytestmark = [pytest.mark.sdk, pytest.mark.browser, pytest.mark.timeout(120)]
DRIVERS = Path(__file__).parent / "drivers"


class Sdk(NamedTuple):
    """An SDK, the way it sends, and the options that ask for this way."""

    name: str
    script: str
    way: str
    options: dict[str, Any]

    @property
    def obeys(self) -> bool:
        """Whether it waits for as long as Retry-After says."""
        return self.name == "@segment/analytics-next"

    @property
    def speaks(self) -> dict[str, bool]:
        """What the SDK has: RudderStack's knows no screens, and sends no nulls."""
        segments = self.name == "@segment/analytics-next"
        return {"screens": segments, "nulls": segments}


_SEGMENT = "@segment/analytics-next/dist/umd/index.js"
_RUDDER = "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js"
ONE_BY_ONE = Sdk("@segment/analytics-next", _SEGMENT, "one by one", {})
IN_BATCHES = Sdk(
    "@segment/analytics-next",
    _SEGMENT,
    "in batches",
    {
        "integrations": {
            "Segment.io": {
                "deliveryStrategy": {
                    "strategy": "batching",
                    "config": {"size": 5, "timeout": 200, "keepalive": True},
                },
                "httpConfig": {
                    "backoffConfig": {"baseBackoffInterval": 0.1, "maxBackoffInterval": 0.5}
                },
            }
        }
    },
)
_QUICK = {"minRetryDelay": 200, "maxRetryDelay": 500, "timerScaleFactor": 1}
RUDDER_ONE_BY_ONE = Sdk(
    "@rudderstack/analytics-js", _RUDDER, "one by one", {"queueOptions": _QUICK}
)
RUDDER_IN_BATCHES = Sdk(
    "@rudderstack/analytics-js",
    _RUDDER,
    "in batches",
    {"queueOptions": {**_QUICK, "batch": {"enabled": True, "maxItems": 5, "flushInterval": 200}}},
)
RUDDER_BEACON = Sdk("@rudderstack/analytics-js", _RUDDER, "as beacons", {"useBeacon": True})
WITH_RETRIES = (ONE_BY_ONE, IN_BATCHES, RUDDER_ONE_BY_ONE, RUDDER_IN_BATCHES)
BROWSER_SDKS = (*WITH_RETRIES, RUDDER_BEACON)
each_way = partial(pytest.mark.parametrize, "sdk", ids=lambda sdk: f"{sdk.name} {sdk.way}")


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The shop's own site: an empty page, and the SDKs' files as npm has them."""
    files = installed("node") / "node_modules"

    class Site(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/shop"):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(b"<!doctype html><html lang=hu><title>Shop</title><p>Shop</html>")
            elif self.path == "/favicon.ico":
                self.send_response(204)
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(files)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Shop(NamedTuple):
    """A visitor's browser on the shop's site."""

    context: BrowserContext
    site: str

    def open(self, sdk: Sdk, url: str, write_key: str) -> Page:
        """A page on which the SDK has started."""
        page = self.context.new_page()
        self.visit(page, sdk, url, write_key)
        return page

    def visit(self, page: Page, sdk: Sdk, url: str, write_key: str) -> None:
        """Go to a page of the shop, and start the SDK there."""
        page.goto(f"{self.site}/shop")
        page.add_script_tag(url=f"{self.site}/{sdk.script}")
        page.add_script_tag(path=DRIVERS / "browser_sdk.js")
        settings = {
            "writeKey": write_key,
            "url": url,
            "anonymousId": ANONYMOUS,
            "options": sdk.options,
        }
        page.evaluate("([sdk, settings]) => rapportStart(sdk, settings)", [sdk.name, settings])


def tell(page: Page, told: list[dict[str, Any]]) -> None:
    """Let the page's SDK tell the story."""
    page.evaluate("async (calls) => { await rapportTell(calls); }", told)


@pytest.fixture
def shop(chromium: Browser, site: str) -> Iterator[Shop]:
    """A browser whose clock is slow; scripts that fail, or ask other machines, fail the test.

    Slow, since only scripts see that clock: Chromium's own would not find a cookie outdated that
    a fast one calls so, and SDKs remove cookies in this way.
    """
    complaints: list[str] = []
    context = chromium.new_context(locale="hu-HU", timezone_id="Europe/Budapest")
    clock = (DRIVERS / "wrong_clock.cjs").read_text("utf-8")
    context.add_init_script(
        f"{{const module = {{}};{clock};module.exports({-SKEW.total_seconds()});}}"
    )
    context.on("weberror", lambda error: complaints.append(f"script: {error.error}"))
    context.on(
        "request",
        lambda request: (
            complaints.append(f"request to another machine: {request.url}")
            if not request.url.startswith("http://127.0.0.1:")
            else None
        ),
    )
    yield Shop(context, site)
    context.close()
    assert complaints == []


def wait_until(condition: Callable[[], bool], page: Page, seconds: float = 40) -> None:
    """Let the page go on until ``condition`` holds."""
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        page.wait_for_timeout(50)


@contextmanager
def network(running: Running, faults: tuple[Fault, ...] = ()) -> Iterator[FaultyProxy]:
    """A proxy in front of the server."""
    with FaultyProxy(running.url, faults).running() as proxy:
        yield proxy


def story(sdk: Sdk) -> list[dict[str, Any]]:
    """The calls that the SDK has."""
    return [call for call in calls() if sdk.speaks["screens"] or call["call"] != "screen"]


@each_way(argvalues=WITH_RETRIES)
def test_what_a_page_says_is_kept_once_and_read_right_over_a_bad_network(
    sdk: Sdk, running: Running, shop: Shop
) -> None:
    told = story(sdk)
    began = datetime.now(UTC)
    # In batches it sends all at once after a failure, so that each retry meets the next fault.
    with network(running, FAULTS if sdk is IN_BATCHES else EVERY_FAULT) as proxy:
        page = shop.open(sdk, proxy.url, running.write_key)
        tell(page, told)
        wait_until(lambda: len(proxy.acknowledged) >= len(told), page)
        ended = datetime.now(UTC)
        page.close()
        assert set(proxy.met) == set(FAULTS)
        # It could read Retry-After, which browsers hide unless they are told. What is told while
        # it waits (on a slow machine) makes one that sends in batches send all at once, by its own
        # rule.
        hurried = sdk is IN_BATCHES and proxy.told_more_after(Fault.TOO_MANY)
        if sdk.obeys and not hurried:
            assert proxy.waited_after(Fault.TOO_MANY) >= RETRY_AFTER_SECONDS - 0.1
        entries = kept(running.ledger, running.source_id)
        check_once([i for i, _, _ in entries], proxy.acknowledged, len(told))
        assert refused(running.ledger, running.source_id) == []
        check_times(entries, -SKEW, began, ended)
        check_meaning([touch for _, _, touch in entries], **sdk.speaks)

        assert set(proxy.replay()) == {200}
        assert kept(running.ledger, running.source_id) == entries


@each_way(argvalues=(ONE_BY_ONE, RUDDER_ONE_BY_ONE))
def test_what_a_page_said_while_the_server_was_down_comes_with_the_next_page(
    sdk: Sdk, running: Running, shop: Shop
) -> None:
    told = story(sdk)
    began = datetime.now(UTC)
    with network(running) as proxy:
        page = shop.open(sdk, proxy.url, running.write_key)
        proxy.down = True
        tell(page, told)
        wait_until(lambda: proxy.refused_while_down > 0, page)
        page.goto(f"{shop.site}/shop?left")
        assert kept(running.ledger, running.source_id) == []

        proxy.down = False
        shop.visit(page, sdk, proxy.url, running.write_key)
        wait_until(lambda: len(proxy.acknowledged) >= len(told), page)
        ended = datetime.now(UTC)
        entries = kept(running.ledger, running.source_id)
        check_once([i for i, _, _ in entries], proxy.acknowledged, len(told))
        check_times(entries, -SKEW, began, ended)
        check_meaning([touch for _, _, touch in entries], **sdk.speaks)


@each_way(argvalues=(IN_BATCHES, RUDDER_BEACON))
def test_what_a_page_says_as_it_is_left_arrives(sdk: Sdk, running: Running, shop: Shop) -> None:
    told = story(sdk)
    with network(running) as proxy:
        page = shop.open(sdk, proxy.url, running.write_key)
        tell(page, told)
        page.goto(f"{shop.site}/shop?left")
        wait_until(lambda: len(proxy.acknowledged) >= len(told), page)
        entries = kept(running.ledger, running.source_id)
        check_once([i for i, _, _ in entries], proxy.acknowledged, len(told))
        check_meaning([touch for _, _, touch in entries], **sdk.speaks)

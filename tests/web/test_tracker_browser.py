"""The tracker in Chromium: pages of another origin, real clicks, and what the journal holds."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select

from rapport.asgi import create_app
from rapport.collect.touchpoints import touchpoint_of
from rapport.vocabulary.ledger_tables import journal, refused
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.web.visit import SESSION_COOKIE
from rapport.workflows.company import Company
from rapport.workflows.sources import add_collector
from rapport.workflows.users import create_user, set_preferences, sign_in
from tests.browser import check_page, settle, take_screenshot
from tests.company import PASSWORD, empty_company
from tests.web.tracked_site import tracked_site

pytestmark = pytest.mark.browser
COPIED = {"en": "Copied", "hu": "Kimásolva"}
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


def posts(page: Page) -> list[str]:
    """Bodies of what the page posts from now on, in order."""
    bodies: list[str] = []
    page.context.on(
        "request",
        lambda request: (
            bodies.append(request.post_data or "") if request.method == "POST" else None
        ),
    )
    return bodies


def everything(shop: Shop) -> bytes:
    """All bytes that the journal holds."""
    with shop.company.ledger.read() as connection:
        return b"".join(connection.execute(select(journal.c.payload)).scalars())


@contextmanager
def clocked(chromium: Browser) -> Iterator[Page]:
    """A page whose clock the test moves, and which may complain about a lost network."""
    context = chromium.new_context(timezone_id="Europe/Brussels")
    page = context.new_page()
    page.clock.install(time=datetime.now(UTC))
    yield page
    context.close()


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


def test_without_consent_nothing_is_sent_or_stored_and_with_it_what_waited(
    shop: Shop, browser_page: Open
) -> None:
    with tracked_site(shop.url, shop.key) as site:
        page = browser_page()
        sent = posts(page)
        ready(page, site + "/")
        page.get_by_text("Menu").click()
        page.mouse.move(300, 300)
        page.evaluate("rapport.track('Product Viewed', {sku: 'S1'})")
        page.evaluate("rapport.identify('u1', {email: 'an@shop.example'})")
        page.goto(site + "/product")
        page.wait_for_function("window.rapport && !window.rapport.q")
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        page.evaluate("rapport.track('Product Viewed', {sku: 'S2'})")
        page.evaluate("rapport.consent({analytics: true, email_marketing: true, ads: false})")
        kept = page.evaluate("JSON.parse(localStorage.rapport)")
        assert page.evaluate("Object.keys(localStorage)") == ["rapport"]
        assert sent == []
        page.reload()
        page.wait_for_function("window.rapport && !window.rapport.q")
        page.evaluate("rapport.consent({analytics: true, email_marketing: true, ads: false})")
        leave(page)
        assert [e["properties"]["path"] for e in shop.wait("page", 2)] == ["/product", "/product"]
        # What was called on the page before stayed with that page.
        assert [e["properties"]["sku"] for e in shop.named("Product Viewed")] == ["S2"]
        given = {e["properties"]["purpose"] for e in shop.named("Consent Given")}
        assert given == {"analytics", "email_marketing"}
        assert len(shop.named("Consent Given")) == 2
        assert shop.named("Consent Withdrawn") == []
    assert {e["anonymousId"] for e in shop.events()} == {kept["id"]}
    changes = {
        t.consents[0].purpose: t.consents[0].granted for t in shop.touchpoints() if t.consents
    }
    assert changes == {"analytics": True, "email_marketing": True}
    assert b"an@shop.example" not in everything(shop)


def test_a_withdrawal_is_told_and_ends_it(shop: Shop, browser_page: Open) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        ready(page, site + "/")
        before = page.evaluate("JSON.parse(localStorage.rapport).id")
        page.evaluate("rapport.consent(false)")
        assert page.evaluate("localStorage.length") == 0
        (withdrawn,) = shop.wait("Consent Withdrawn")
        page.evaluate("rapport.track('Product Viewed')")
        page.get_by_text("Menu").click()
        leave(page)
        page.wait_for_timeout(300)
        assert withdrawn["anonymousId"] == before
        names = [e.get("event", e["type"]) for e in shop.events()]
        assert {"Product Viewed", "Element Clicked"}.isdisjoint(names)
    (touch,) = [t for t in shop.touchpoints() if t.consents]
    assert (touch.type, touch.consents[0].granted) == ("Consent Withdrawn", False)


def test_global_privacy_control_outranks_every_consent(shop: Shop, browser_page: Open) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        page.add_init_script(
            "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true});"
            'localStorage.rapport ??= \'{"id":"old","analytics":true}\';'
        )
        sent = posts(page)
        ready(page, site + "/")
        assert page.evaluate("localStorage.length") == 0
        page.evaluate("rapport.consent(true)")
        page.evaluate("rapport.identify('u1')")
        page.evaluate("rapport.track('Product Viewed')")
        page.evaluate("rapport.reset()")
        page.get_by_text("Menu").click()
        page.mouse.wheel(0, 2000)
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        page.close()
    assert sent == []
    assert shop.events() == []


def test_what_is_typed_or_written_in_a_page_never_leaves_it(shop: Shop, browser_page: Open) -> None:
    secrets = ("an@shop.example", "hunter2-hunter2", "my secret note", "secret-draft more")
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        sent = posts(page)
        ready(page, site + "/form")
        fields = ("[type=email]", "[type=password]", "textarea", "[contenteditable]")
        for field, secret in zip(fields, secrets, strict=True):
            page.locator(field).click()
            page.keyboard.type(secret)
            page.locator(field).click(click_count=2)
        page.locator("select").click()
        page.keyboard.press("Escape")
        page.get_by_text("Send").click()
        page.wait_for_timeout(1200)
        leave(page)
        assert len(shop.wait("Element Clicked", 10)) >= 10
    told = everything(shop) + "".join(sent).encode()
    for secret in (*secrets, "hunter2", "secret", "E-mail", "Send"):
        assert secret.encode() not in told, secret
    # A form whose field is called `id` keeps its address.
    assert b"form>label>input" in told
    assert shop.named("Dead Clicked") == []  # fields and forms answer by themselves


def test_a_single_page_site_has_a_view_for_each_path(shop: Shop, browser_page: Open) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        ready(page, site + "/app")
        page.locator("#go").click()
        page.wait_for_timeout(400)
        page.locator("#view").click()
        page.evaluate("location.hash = 'sizes'")  # a place on the same page
        page.evaluate("history.replaceState({}, '', '/app/boots?page=3')")
        page.evaluate("history.go(-2)")
        page.wait_for_function("location.pathname == '/app'")
        page.evaluate(
            "history.pushState({}, '', '/orders/an%40shop.example/open?mail=a@b.example')"
        )
        page.evaluate("history.pushState({}, '', '/reset/a8f5f167f44f4964e6c998dee827110c')")
        page.evaluate("history.pushState({}, '', '/mens-waterproof-hiking-boots-2000')")
        page.evaluate("location.hash = '#/cart?token=4711'")
        leave(page)
        views = [e["properties"] for e in shop.wait("page", 7)]
        clicks = [e["properties"] for e in shop.wait("Element Clicked", 2)]
        engaged = shop.wait("Page Engaged", 2)
    assert [view["path"] for view in views] == [
        "/app", "/app/boots", "/app", "/orders/*/open", "/reset/*",
        "/mens-waterproof-hiking-boots-2000", "/mens-waterproof-hiking-boots-2000#/cart",
    ]  # fmt: skip
    assert [view["title"] for view in views[:2]] == ["App", "Boots in the app"]
    assert views[1]["referrer"] == f"{site}/app"
    # A click that leads elsewhere is one of the page where it was made.
    assert [click["path"] for click in clicks] == ["/app", "/app/boots"]
    assert shop.named("Dead Clicked") == []
    assert {e["properties"]["path"] for e in engaged} >= {"/app", "/app/boots"}
    assert all(e["properties"]["visible_seconds"] > 0 for e in engaged)


def test_rage_and_dead_clicks_are_told_apart_from_others(shop: Shop, browser_page: Open) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        ready(page, site + "/")
        for target in ("text=Menu", "#story", ".card >> nth=0"):
            page.locator(target).click()
            page.wait_for_timeout(1100)
        broken = page.locator(".broken")
        for _ in range(5):
            broken.click(delay=5)
        page.wait_for_timeout(1200)
        leave(page)
        shop.wait("Dead Clicked", 6)
        assert len(shop.wait("Element Clicked", 8)) == 8
    dead = [e["properties"]["element"] for e in shop.named("Dead Clicked")]
    # The button that changes the page and plain words are not; five presses of one are five.
    assert dead == ["body>main>div:nth-of-type(1)", *["body>main>button:nth-of-type(1)"] * 5]
    (rage,) = shop.named("Rage Clicked")
    assert rage["properties"]["element"] == "body>main>button:nth-of-type(1)"
    menu = shop.named("Element Clicked")[0]["properties"]
    assert (menu["element"], menu["fixed"]) == ("#menu", True)


def test_how_far_and_how_long_and_where_the_pointer_went(shop: Shop, browser_page: Open) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        ready(page, site + "/")
        began = time.monotonic()
        for step in range(60):
            page.mouse.move(100 + 10 * step, 200)
            page.wait_for_timeout(30)
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(500)
        height = page.evaluate("document.documentElement.scrollHeight")
        leave(page)
        took = time.monotonic() - began
        (engaged,) = [e["properties"] for e in shop.wait("Page Engaged")]
    assert engaged["scroll_depth"] == round(100 * (600 + 900) / height)
    assert 2 < engaged["visible_seconds"] < took + 2
    ticks, xs, ys = (list(accumulate(engaged["pointer"][part::3])) for part in range(3))
    assert 6 <= len(ticks) <= 4 * took + 1
    assert ticks == sorted(set(ticks))  # never two in a quarter of a second
    assert xs[:2] == sorted(xs[:2])
    assert xs[-1] == 69  # 690 px, in tens
    assert set(ys) <= {20, 80}  # the wheel moves the page under the pointer


def test_all_that_happened_is_there_when_the_page_is_closed_at_once(
    shop: Shop, browser_page: Open
) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        ready(page, site + "/")
        page.evaluate(
            "for (let i = 0; i < 30; i++) rapport.track('Product Viewed', {sku: 'S' + i, n: 'é😀'})"
        )
        page.locator("text=Menu").click()
        page.close(run_before_unload=True)
        found = shop.wait("Product Viewed", 30)
        shop.wait("Element Clicked")
        shop.wait("page")
    assert [e["properties"]["sku"] for e in found] == [f"S{i}" for i in range(30)]


def test_what_could_not_be_sent_is_sent_later_and_kept_once(shop: Shop, chromium: Browser) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site, clocked(chromium) as page:
        sent = posts(page)
        ready(page, site + "/")
        page.context.set_offline(True)
        page.evaluate("rapport.track('Made Offline')")
        page.clock.fast_forward(6_000)
        page.wait_for_timeout(300)
        assert shop.events() == []
        page.context.set_offline(False)
        page.clock.fast_forward(6_000)
        (offline,) = shop.wait("Made Offline")
        # An answer that is lost on its way, then one that asks to wait.
        answers = iter(("lost", "wait"))

        def answer(route: Route) -> None:
            said = next(answers, "")
            if said == "lost":
                route.fetch()
                route.abort()
            elif said == "wait":
                route.fulfill(
                    status=429,
                    headers={
                        "Retry-After": "60",
                        "Access-Control-Allow-Origin": "*",
                        "Access-Control-Expose-Headers": "Retry-After",
                    },
                )
            else:
                route.continue_()

        page.route("**/v1/batch", answer)
        page.evaluate("rapport.track('Answer Lost')")
        # Routes are answered only while the browser is waited for.
        while len(sent) < 4:
            page.clock.fast_forward(6_000)
            page.wait_for_timeout(300)
        shop.wait("Answer Lost")
        count = len(sent)
        page.evaluate("rapport.track('Asked To Wait')")
        page.clock.fast_forward(50_000)
        page.wait_for_timeout(300)
        assert len(sent) == count
        page.clock.fast_forward(11_000)
        page.wait_for_timeout(300)
        shop.wait("Asked To Wait")
    told = [json.loads(body)["batch"] for body in sent]
    assert sum(e.get("event") == "Answer Lost" for batch in told for e in batch) == 3
    assert len(shop.named("Answer Lost")) == 1
    assert len(shop.named("Made Offline")) == 1
    ids = [e["messageId"] for e in shop.events()]
    assert len(ids) == len(set(ids))
    assert offline["timestamp"]


def test_a_page_that_is_hidden_and_shown_again_sends_nothing_that_counts_twice(
    shop: Shop, browser_page: Open
) -> None:
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
    }"""
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        ready(page, site + "/")
        page.evaluate("rapport.track('Product Viewed')")
        page.wait_for_timeout(400)
        page.evaluate(hide, True)
        shop.wait("Product Viewed")
        page.evaluate(hide, False)
        page.wait_for_timeout(400)
        leave(page)
        engaged = shop.wait("Page Engaged", 2)
    assert [len(shop.named(name)) for name in ("page", "Product Viewed")] == [1, 1]
    assert len({e["properties"]["view"] for e in engaged}) == 1


def test_it_works_where_nothing_may_be_stored_and_under_a_strict_policy(
    shop: Shop, browser_page: Open
) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN, policy=True, stub=False) as site:
        page = browser_page()
        page.add_init_script(
            "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }});"
        )
        ready(page, site + "/app")
        page.evaluate("rapport.identify('u1', {email: 'an@shop.example', name: 'An Peeters'})")
        page.locator("#go").click()
        page.evaluate("rapport.reset()")
        page.evaluate("rapport.track('Cart Viewed')")
        leave(page)
        (known,) = shop.wait("identify")
        (after,) = shop.wait("Cart Viewed")
        click = shop.wait("Element Clicked")[0]
    assert (known["userId"], click["userId"]) == ("u1", "u1")
    assert after["anonymousId"] != known["anonymousId"]
    assert after.get("userId") is None
    identified = next(t for t in shop.touchpoints() if t.type == "Identified")
    assert identified.traits["name"] == "An Peeters"
    assert [i.kind for i in identified.identifiers] == ["user_id", "email", "anonymous_id"]


def test_calls_before_the_script_is_there_are_kept(shop: Shop, browser_page: Open) -> None:
    with tracked_site(shop.url, shop.key) as site:
        page = browser_page()
        page.add_init_script(
            "rapport = {q: [['track', 'Product Viewed', {sku: 'S1'}], ['consent', true]]};"
        )
        ready(page, site + "/")
        leave(page)
        (viewed,) = shop.wait("Product Viewed")
        (view,) = shop.wait("page")
    assert viewed["properties"] == {"sku": "S1", "path": "/", "view": view["messageId"]}


def test_a_hundred_clicks_cost_the_page_little(shop: Shop, browser_page: Open) -> None:
    with tracked_site(shop.url, shop.key, attributes=GIVEN) as site:
        page = browser_page()
        ready(page, site + "/")
        spent = page.evaluate(
            """() => {
              const nodes = [...document.querySelectorAll("main *:not(a)")];
              const began = performance.now();
              for (let i = 0; i < 100; i++)
                nodes[i % nodes.length].dispatchEvent(new MouseEvent("click",
                  {bubbles: true, clientX: 99 * (i % 9), clientY: 99 * (i % 7), detail: 1}));
              return performance.now() - began;
            }"""
        )
        leave(page)
        # Left within five seconds: a beacon has 40 events, and browsers take 64 kB of beacons.
        shop.wait("Element Clicked", 60)
    assert spent < 500


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("hu", 820)])
def test_the_page_of_a_source_shows_what_to_paste_and_copies_it(
    shop: Shop, browser_page: Open, language: str, width: int
) -> None:
    page = browser_page(width=width, language=language)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    email = f"admin-{language}@kadar.example"
    user = create_user(shop.company, email=email, name="An", role="admin", password=PASSWORD)
    set_preferences(shop.company, user.user_id, language=language)
    token = sign_in(shop.company, email=email, password=PASSWORD)
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": shop.url}])
    page.goto(f"{shop.url}/sources/webshop")
    settle(page)
    check_page(page)
    page.locator("[data-copy=snippet]").click()
    pasted = page.evaluate("navigator.clipboard.readText()")
    assert pasted == page.locator("#snippet").text_content()
    assert '/rapport.js" data-key="' in pasted
    expect(page.locator("[data-copy=snippet]")).to_have_text(COPIED[language])
    take_screenshot(page, f"tracker-source-{language}-{width}")

"""All parts and charts in a real browser: painted, readable, reachable by keys, and small."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from litestar import Litestar, Request, Response, post
from playwright.sync_api import Page, expect

from rapport.web.parts.context import CSRF_HEADER
from tests.browser import check_page, take_screenshot
from tests.web import gallery

pytestmark = pytest.mark.browser

VIEWS = [
    (1440, "light", "en"),
    (1440, "dark", "hu"),
    (820, "light", "hu"),
    (820, "dark", "en"),
    (390, "light", "fr"),
]
_asked: list[tuple[str, dict[str, str]]] = []


@post(["/undo", "/preferences", "/jobs/1/cancel"], sync_to_thread=False)
def remember(request: Request[None, None, None]) -> Response[str]:
    """Keep what a form sent, so that a test can look at it."""
    _asked.append((request.url.path, dict(request.headers)))
    return Response('<link rel="icon" href="data:,">kept', media_type="text/html", status_code=200)


@pytest.fixture(scope="module")
def address(serve: Callable[[Litestar], str]) -> str:
    return serve(gallery.app(remember))


@pytest.mark.parametrize("name", list(gallery.PAGES))
@pytest.mark.parametrize(("width", "theme", "language"), VIEWS)
def test_every_page_is_accessible_fits_and_is_painted(
    address: str,
    browser_page: Callable[..., Page],
    name: str,
    width: int,
    theme: str,
    language: str,
) -> None:
    page = browser_page(width=width, theme=theme, language=language)
    page.goto(f"{address}/gallery/{name}?language={language}")
    page.evaluate("document.fonts.ready")
    take_screenshot(page, f"gallery-{name}-{width}-{theme}-{language}")
    check_page(page)
    if name != "sign-in":
        assert page.locator(".icon").count() > 5


def test_the_chosen_appearance_outranks_the_devices(
    address: str, browser_page: Callable[..., Page]
) -> None:
    colours = {}
    for device in ("light", "dark"):
        for chosen in ("system", "light", "dark"):
            page = browser_page(theme=device)
            page.goto(f"{address}/gallery/pieces?theme={chosen}")
            colours[device, chosen] = page.evaluate(
                "getComputedStyle(document.querySelector('.card')).backgroundColor"
            )
    white, dark = "rgb(255, 255, 255)", "rgb(23, 29, 38)"
    assert colours == {
        ("light", "system"): white,
        ("light", "light"): white,
        ("light", "dark"): dark,
        ("dark", "system"): dark,
        ("dark", "light"): white,
        ("dark", "dark"): dark,
    }


def test_the_font_is_ours_and_loaded(address: str, browser_page: Callable[..., Page]) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    page.evaluate("document.fonts.ready")
    faces = page.evaluate("[...document.fonts].map((face) => `${face.family} ${face.status}`)")
    assert faces == ["Inter loaded"]


def test_a_first_page_is_small_and_needs_few_requests(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard", wait_until="networkidle")
    entries = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"),
                  ...performance.getEntriesByType("resource")]
                 .map(({ name, transferSize }) => [name, transferSize])"""
    )
    sizes = {re.sub(r".*/", "", name): size for name, size in entries}
    assert len(entries) <= 10, sizes
    assert sum(sizes.values()) <= 100_000, sizes


def test_a_full_dashboard_is_rendered_within_its_budget() -> None:
    context = gallery.context("hu", "system", "/")
    gallery.dashboard(context)  # fills the caches of numbers and icons
    started = time.process_time()
    for _ in range(10):
        gallery.dashboard(context)
    assert (time.process_time() - started) / 10 < 0.030


def test_arrow_keys_walk_through_a_chart_and_say_what_stands_there(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    plot = page.locator("[data-plot]").first
    plot.focus()
    page.keyboard.press("ArrowRight")
    tip = page.locator(".tip")
    expect(tip).to_contain_text("December 2024")
    expect(tip).to_contain_text("€1.42M")
    page.keyboard.press("End")
    expect(tip).to_contain_text("May 2027")
    expect(tip).to_contain_text("High (80%)")
    expect(page.locator("[aria-live=polite]").last).to_contain_text("Forecast")
    take_screenshot(page, "gallery-tooltip")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_the_pointer_reads_the_bar_under_it(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    area = page.locator("[data-plot=bands] .plot-area").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 1.5 / 24, box["y"] + 40)  # the second of 24 bars
    tip = page.locator(".tip")
    expect(tip).to_contain_text("January 2025")
    expect(tip).to_contain_text("−1,760")
    page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_arrow_keys_walk_through_the_grid_of_cohorts(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    page.locator("[data-cells]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tip")).to_contain_text("53.0% of 3,100 customers")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".tip")).to_contain_text("52.0% of 3,140 customers")


def test_searching_suggests_and_enter_opens_the_first(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("esz")
    first = page.locator("#search-results a").first
    expect(first).to_contain_text("Eszter Kovács")
    expect(first.locator("mark").first).to_have_text("Esz")
    take_screenshot(page, "gallery-search")
    check_page(page)
    page.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/gallery/customer")


def test_enter_opens_nobody_who_was_found_for_less_than_stands_there(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    page.keyboard.press("/")
    page.keyboard.type("es")
    expect(page.locator("#search-results mark").first).to_have_text("Es")
    page.route("**/search?*", lambda _: None)  # the next answer is long in coming
    page.route("**/customers?*", lambda route: route.fulfill(body="", content_type="text/html"))
    page.keyboard.type("terházy")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers?q=esterh*zy")


def test_escape_leaves_the_search_and_control_k_comes_back(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    page.keyboard.press("Control+k")
    page.keyboard.type("nobody")
    expect(page.locator("#search-results")).to_contain_text("Nothing found for “nobody”")
    page.keyboard.press("Escape")
    expect(page.locator("#search-results")).to_be_empty()


@pytest.mark.parametrize("script", [True, False])
def test_the_drawer_and_the_menus_work_with_and_without_scripts(
    address: str, browser_page: Callable[..., Page], script: bool
) -> None:
    page = browser_page(width=820, java_script_enabled=script)
    page.goto(f"{address}/gallery/dashboard")
    bar = page.locator("#bar")
    expect(bar).to_be_hidden()
    page.locator(".bar-open").click()
    expect(bar).to_be_visible()
    take_screenshot(page, f"gallery-drawer-{'script' if script else 'plain'}")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    page.get_by_title("Appearance").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_url("**/preferences")
    assert page.inner_text("body") == "kept"


def test_a_menu_closes_on_escape_and_gives_the_focus_back(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    summary = page.get_by_title("Language")
    summary.click()
    expect(page.get_by_role("button", name="Magyar")).to_be_visible()
    take_screenshot(page, "gallery-menu")
    check_page(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Magyar")).to_be_hidden()
    expect(summary).to_be_focused()


def test_an_explanation_opens_inside_the_page(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page(width=390)
    page.goto(f"{address}/gallery/dashboard")
    page.locator(".why summary").first.click()
    expect(page.locator(".why-body").first).to_be_visible()
    check_page(page)


def test_the_data_of_a_chart_opens_as_a_table(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page(width=820)
    page.goto(f"{address}/gallery/dashboard")
    page.get_by_text("Show data").first.click()
    expect(page.get_by_role("rowheader", name="December 2024").first).to_be_visible()
    check_page(page)


def test_requests_by_htmx_that_write_carry_the_token(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/pieces")
    _asked.clear()
    page.evaluate("htmx.ajax('POST', '/undo', { target: '#flash', swap: 'innerHTML' })")
    expect(page.locator("#flash")).to_contain_text("kept")
    [(path, headers)] = _asked
    assert path == "/undo"
    assert headers[CSRF_HEADER] == "a-token"


def test_a_customers_words_are_shown_and_never_run(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    page.goto(f"{address}/gallery/customer")
    expect(page.locator(".event-quote").last).to_contain_text("<script>alert(1)</script>")


def test_the_first_press_of_tab_skips_to_the_content(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page()
    page.goto(f"{address}/gallery/dashboard")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_what_is_pressed_on_a_tablet_is_large_enough(
    address: str, browser_page: Callable[..., Page]
) -> None:
    page = browser_page(width=820)
    page.goto(f"{address}/gallery/pieces")
    small = page.evaluate(
        """() => [...document.querySelectorAll(
                    ".button, .input, .menu > summary, .choice, .pills a, .check, .option")]
                .filter((node) => node.checkVisibility())
                .map((node) => [node.getAttribute("class"), node.getBoundingClientRect().height])
                .filter(([, height]) => height < 40)"""
    )
    assert small == []

"""Every page of the product in every width, theme and language, as a browser shows it.

A page that is added without an address in `tests.every_page` fails here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar import Litestar
from playwright.sync_api import BrowserContext, Page

from rapport.asgi import create_app
from rapport.web.visit import SESSION_COOKIE
from rapport.web.words import LANGUAGES, catalogue
from rapport.workflows.company import Company
from rapport.workflows.users import sign_in
from tests.browser import check_page, take_screenshot
from tests.company import PASSWORD
from tests.every_page import ADMIN, FILES, FRAGMENTS, PAGES, Placed, get_routes, hostile_company

pytestmark = pytest.mark.browser

#: For people to look at.
PICTURED = {(1440, "light", "en"), (820, "dark", "hu")}
MOST_REQUESTS, MOST_BYTES = 10, 100_000
#: Each card of a board loads by itself, so that a slow one holds up no other.
MOST_REQUESTS_OF_A_BOARD = MOST_REQUESTS + 6
AREAS = "|".join(sorted({key.partition(".")[0] for key in catalogue()}))
#: Run in the page: what it weighed, how it is written, and what must not be in it.
MEASURED = """(areas) => {
  const loads = [...performance.getEntriesByType("navigation"),
                 ...performance.getEntriesByType("resource")];
  const written = [document.title, document.body.innerText,
    ...[...document.querySelectorAll("[title], [aria-label], [placeholder]")].flatMap((node) =>
      ["title", "aria-label", "placeholder"].map((name) => node.getAttribute(name) ?? ""))];
  return {
    status: performance.getEntriesByType("navigation")[0].responseStatus,
    requests: loads.length,
    bytes: loads.reduce((sum, each) => sum + each.transferSize, 0),
    lang: document.documentElement.lang,
    headings: document.querySelectorAll("h1").length,
    keys: written.join("\\n").match(
      new RegExp(`(?<![\\\\w./@-])(?:${areas})(?:\\\\.[a-z_][a-z0-9_]*)+(?![\\\\w@])`, "g")) ?? [],
    strange: [...document.querySelectorAll("script, iframe, object, embed, img, [onclick]")]
      .filter((node) => !node.getAttribute("src")?.startsWith("/assets/"))
      .map((node) => node.outerHTML.slice(0, 80)),
  };
}"""
#: Nothing is on its way any more: cheaper than half a second without any request.
QUIET = """() => document.readyState === "complete"
  && !document.querySelector('[hx-trigger="load"], [class*="htmx-"]')"""

#: Whatever can be reached by keys and does not show that it was.
UNMARKED = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter((node) => node.checkVisibility() && !node.disabled)
  .filter((node) => {
    document.activeElement?.blur();
    const before = getComputedStyle(node);
    const [ring, shadow, edge] = [before.outlineStyle, before.boxShadow, before.borderColor];
    node.focus();
    const now = getComputedStyle(node);
    const ringed = now.outlineStyle !== "none" && parseFloat(now.outlineWidth) > 0;
    return !(ringed && ring === "none") && now.boxShadow === shadow && now.borderColor === edge;
  })
  .map((node) => node.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def shown(
    serve: Callable[[Litestar], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Company, Placed]]:
    folder = tmp_path_factory.mktemp("every-page") / "data"
    with hostile_company(tmp_path_factory.getbasetemp(), folder) as (company, placed):

        @contextmanager
        def opened() -> Iterator[Company]:
            yield company

        yield serve(create_app(opened())), company, placed


def enter(context: BrowserContext, url: str, company: Company, language: str) -> None:
    """Sign in without the form, which other tests fill in."""
    token = sign_in(company, email=ADMIN.format(language=language), password=PASSWORD)
    context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": url}])


def visit(page: Page, address: str) -> dict[str, Any]:
    """Open a page as on the first visit, with all its parts."""
    page.goto(address, wait_until="load")
    page.wait_for_function(QUIET)
    return dict(page.evaluate(MEASURED, AREAS))


def test_every_page_has_an_address_that_is_visited() -> None:
    assert get_routes() == sorted([*PAGES, *FRAGMENTS, *FILES])


# Every width in every language, every theme in both: what breaks a page is in two of the three.
@pytest.mark.parametrize(
    ("language", "theme", "width"),
    [
        (language, ("light", "dark")[(at + (width == 820)) % 2], width)
        for at, language in enumerate(LANGUAGES)
        for width in (1440, 820)
    ],
)
def test_every_page_passes(
    shown: tuple[str, Company, Placed],
    browser_page: Callable[..., Page],
    width: int,
    theme: str,
    language: str,
) -> None:
    url, company, placed = shown
    page = browser_page(width=width, theme=theme, language=language)
    # Every page is weighed as if it were the first one.
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    wrong: list[str] = []
    # Signed in only after the page that signs in, since it sends whoever is in away.
    for example in ["/sign-in", *(each for some in PAGES.values() for each in some)]:
        if example == "/sign-in" and page.url != "about:blank":
            continue
        address = placed.address(example)
        found = visit(page, url + address)
        if example == "/sign-in":
            enter(page.context, url, company, language)
        if (width, theme, language) in PICTURED:
            name = re.sub(r"\W+", "-", example).strip("-") or "dashboard"
            take_screenshot(page, f"{name}-{width}-{theme}-{language}")
        try:
            check_page(page)
        except AssertionError as failed:
            wrong.append(f"{example}: {failed}")
        board = example.startswith("/boards/")
        most = MOST_REQUESTS_OF_A_BOARD if board else MOST_REQUESTS
        heavy = found["requests"] > most or found["bytes"] > MOST_BYTES
        if heavy or not found["bytes"] > 10_000:
            wrong.append(f"{example}: {found['requests']} requests, {found['bytes']} bytes")
        said = (found["status"], found["lang"], found["headings"], found["keys"], found["strange"])
        if said != (200, language, 1, [], []):
            wrong.append(f"{example}: {said}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("width", "theme", "language"), sorted(PICTURED))
def test_what_a_page_folds_away_passes_too(
    shown: tuple[str, Company, Placed],
    browser_page: Callable[..., Page],
    width: int,
    theme: str,
    language: str,
) -> None:
    url, company, placed = shown
    page = browser_page(width=width, theme=theme, language=language)
    enter(page.context, url, company, language)
    for example in ("/customers/{her}", "/sources/{source}", "/inbox/{ticket}", "/metrics/nps"):
        visit(page, url + placed.address(example))
        page.evaluate(
            "document.querySelectorAll('main details:not([data-menu])').forEach((d) => d.open = 1)"
        )
        check_page(page)


def test_the_keyboard_sees_where_it_is_on_every_page(
    shown: tuple[str, Company, Placed], browser_page: Callable[..., Page]
) -> None:
    url, company, placed = shown
    page = browser_page()
    enter(page.context, url, company, "en")
    unmarked = []
    for examples in PAGES.values():
        visit(page, url + placed.address(examples[0]))
        page.keyboard.press("Tab")  # from now on the browser marks what has the focus
        unmarked += [f"{examples[0]}: {node}" for node in page.evaluate(UNMARKED)]
    assert not unmarked, "\n".join(unmarked)


def test_every_page_is_whole_without_scripts(
    shown: tuple[str, Company, Placed], browser_page: Callable[..., Page]
) -> None:
    url, company, placed = shown
    page = browser_page(java_script_enabled=False)
    enter(page.context, url, company, "en")
    for examples in PAGES.values():
        for example in examples:
            answer = page.goto(url + placed.address(example))
            assert answer is not None
            assert answer.status == 200, example
            assert page.locator("h1").is_visible(), example
            if page.locator("[aria-busy=true]").count():
                page.locator("noscript a").click()
                assert page.locator("[aria-busy=true]").count() == 0, example
                assert page.locator("svg .series-line, svg .series-bar").count() > 0, example
            forms = page.locator("form:not([action])")
            assert forms.count() == 0, f"{example}: {forms.first.inner_html()[:100]}"

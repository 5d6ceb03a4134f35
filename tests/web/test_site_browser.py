"""A real site with the real tracker: what visitors do is what the pages say, and the map draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from litestar import Litestar
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from rapport.asgi import create_app
from rapport.vocabulary.ledger_tables import journal
from rapport.web.visit import SESSION_COOKIE
from rapport.workflows.company import Company
from rapport.workflows.resolve import resolve_company
from rapport.workflows.site import SiteView, page_report, site_report
from rapport.workflows.sources import add_collector
from rapport.workflows.users import create_user, sign_in
from tests.browser import check_page, settle, take_screenshot
from tests.company import PASSWORD, empty_company
from tests.pictures import png
from tests.web.tracked_site import tracked_site

pytestmark = pytest.mark.browser
Open = Callable[..., Page]
GIVEN = 'data-consent="given"'
OFFER, BROKEN = '[data-rapport="offer"]', "body>main>button:nth-of-type(1)"
#: How much is painted where, and how far: the alpha of a pixel, from 0 to 255.
ALPHA = """([canvas, x, y]) => {
  const scale = canvas.width / canvas.clientWidth;
  const [left, top] = [x, y].map((place) => Math.round(place * scale));
  return canvas.getContext("2d").getImageData(left, top, 1, 1).data[3];
}"""
ON_SITE = "document.querySelector('rapport-map')?.shadowRoot.querySelector('canvas')"


class Place:
    """A company that collects, the time it thinks it is, and where its pages are."""

    def __init__(self, company: Company, url: str, wait: list[timedelta]) -> None:
        self.company = company
        self.url = url
        self.key = add_collector(company, name="webshop", label="Web shop")
        self._wait = wait
        self.session = ""

    def kept(self) -> int:
        with self.company.ledger.read() as connection:
            return int(connection.scalar(select(func.count()).select_from(journal)) or 0)

    def tomorrow(self) -> None:
        """Pages tell of whole days: let this one be over."""
        self._wait[0] = timedelta(days=1)
        resolve_company(self.company)
        ann = "ann@shop.example"
        create_user(self.company, email=ann, name="Ann", role="manager", password=PASSWORD)
        self.session = sign_in(self.company, email=ann, password=PASSWORD)

    def signed_in(self, page: Page) -> None:
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": self.session, "url": self.url}])


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Litestar], str]
) -> Iterator[Place]:
    wait = [timedelta(0)]
    folder = tmp_path_factory.mktemp("site")
    with empty_company(folder, clock=lambda: datetime.now(UTC) + wait[0]) as company:

        @contextmanager
        def opened() -> Iterator[Company]:
            yield company

        yield Place(company, serve(create_app(opened())), wait)


def visit(page: Page, url: str, *, angry: bool) -> None:
    """Press the offer, which does nothing; search in vain; and press what is broken in anger."""
    page.goto(url)
    page.wait_for_function("window.rapport && !window.rapport.q")
    page.locator(OFFER).click(position={"x": 50, "y": 25})
    page.wait_for_timeout(1100)
    page.evaluate("rapport.track('Products Searched', {query: 'Snowshoes', results: 0})")
    if angry:
        for _ in range(3):
            page.locator(".broken").click(delay=5)
        page.wait_for_timeout(1200)
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(300)
    page.wait_for_timeout(400)  # the title and the named elements follow a moment later
    page.goto("about:blank")


@pytest.fixture(scope="module")
def visited(place: Place, chromium: Browser) -> Iterator[tuple[Place, str]]:
    """The site after six visitors, of whom one was angry."""
    with tracked_site(place.url, place.key, attributes=GIVEN) as site:
        for number in range(6):
            page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
            loaded: list[str] = []
            page.on("request", lambda request, found=loaded: found.append(request.url))
            visit(page, site + "/", angry=number == 0)
            # The map weighs nothing on whoever only visits.
            assert not [url for url in loaded if "rapport-map" in url]
            page.context.close()
        end = datetime.now(UTC) + timedelta(seconds=10)
        # Of each a page, a click, a dead click, a search and the time; of one the anger too.
        while place.kept() < 6 * 5 + 3 + 3 + 1:
            assert datetime.now(UTC) < end, place.kept()
        place.tomorrow()
        yield place, site


def test_what_visitors_did_is_what_the_pages_say(
    visited: tuple[Place, str], browser_page: Open
) -> None:
    place, _ = visited
    report = site_report(place.company, SiteView())
    assert (report.totals.visits, report.totals.visitors, report.totals.views) == (6, 6, 6)
    [home] = report.pages
    assert (home.path, home.title, home.entries, home.exits) == ("/", "Home", 6, 6)
    assert (home.measured, home.clicks, home.dead, home.rage) == (6, 6 + 3, 6 + 3, 1)
    assert [
        (each.element, each.clicks, each.clickers, each.dead, each.rage) for each in report.troubles
    ] == [(OFFER, 6, 6, 6, 0), (BROKEN, 3, None, 3, 1)]
    [search] = report.searches
    assert (search.term, search.searches, search.without_result) == ("snowshoes", 6, 6)
    one = page_report(place.company, SiteView(), "/")
    assert (one.width, one.widths) == ("desktop", {"desktop": 6})
    assert [(p.element, p.x, p.y, p.clicks) for p in one.clicks.points if p.element == OFFER] == [
        (OFFER, 0.25, 0.25, 6)
    ]
    assert one.scroll is not None
    first = one.scroll.reached
    assert first[0] == 6
    assert [count for count in first if 0 < count < 6] == [1] * sum(0 < c < 6 for c in first)
    assert 1 in first

    page = browser_page()
    place.signed_in(page)
    page.goto(place.url + "/site")
    expect(page.get_by_role("heading", name="offer on / fails 6 visitors")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="offer").first
    assert [cell.inner_text().split("\n")[0] for cell in row.get_by_role("cell").all()] == [
        "/", "6", "6", "–",
    ]  # fmt: skip
    page.goto(place.url + "/site/searches")
    row = page.get_by_role("row").filter(has_text="snowshoes")
    assert [cell.inner_text() for cell in row.get_by_role("cell").all()] == ["6", "6", "6", "0"]


def test_a_picture_carries_the_map_in_every_width_and_theme(
    visited: tuple[Place, str], browser_page: Open
) -> None:
    place, _ = visited
    picture = png(1440, 3400)
    for width, theme, language in ((1440, "light", "en"), (820, "dark", "hu")):
        page = browser_page(width=width, theme=theme, language=language)
        if width == 1440:
            place.signed_in(page)
            cookies = page.context.cookies(place.url)
        page.context.add_cookies(cookies)
        page.goto(place.url + "/site/page?path=/")
        canvas = page.locator(".click-page > canvas")
        if width == 1440:
            # Before there is a picture the page is drawn empty, in its own proportions.
            expect(page.locator(".click-blank")).to_be_visible()
            page.locator("[name=picture]").set_input_files(
                [{"name": "home.png", "mimeType": "image/png", "buffer": picture}]
            )
            page.get_by_role("button", name="Upload").click()
            page.wait_for_url("**/site/page**#map")
        image = page.locator(".click-page > img")
        expect(image).to_be_visible()
        page.wait_for_function("document.querySelector('.click-page > canvas').width > 300")
        box = image.bounding_box()
        assert box is not None
        # The offer is clicked at 60, 185 of 1440 by the page's own height.
        height = page_report(place.company, SiteView(), "/").clicks.page_height
        assert height is not None
        x, y = 60 / 1440 * box["width"], 185 / height * box["height"]
        found = page.evaluate(ALPHA, [canvas.element_handle(), x, y])
        assert found > 100
        assert page.evaluate(ALPHA, [canvas.element_handle(), box["width"] / 2, 20]) == 0
        settle(page)
        check_page(page)
        take_screenshot(page, f"site-page-{width}-{theme}-{language}")


def test_the_map_is_drawn_on_the_sites_own_elements(
    visited: tuple[Place, str], browser_page: Open
) -> None:
    place, site = visited
    page = browser_page()
    place.signed_in(page)
    page.goto(place.url + "/site/page?path=/")
    link = page.locator("a[href*='rapport-map=']").get_attribute("href")
    assert link is not None
    assert link.startswith(f"{site}/#rapport-map=")
    before = place.kept()

    page.goto(link)
    page.wait_for_function(f"{ON_SITE}?.width > 300")
    assert page.url == site + "/"  # the token is not left in the address
    panel = page.locator("rapport-map [role=status]")
    expect(panel).to_contain_text("clicks of 6 visitors")
    canvas = page.evaluate_handle(ON_SITE)
    box = page.locator(OFFER).bounding_box()
    assert box is not None
    assert page.evaluate(ALPHA, [canvas, box["x"] + 50, box["y"] + 25]) > 100
    assert page.evaluate(ALPHA, [canvas, box["x"] + 190, box["y"] + 95]) == 0
    # What one visitor only clicked is not told to the site.
    broken = page.locator(".broken").bounding_box()
    assert broken is not None
    assert page.evaluate(ALPHA, [canvas, broken["x"] + 20, broken["y"] + 10]) == 0
    # Where the element moves, the map goes with it, when the page changes its size.
    page.evaluate("document.querySelector('main').style.paddingTop = '200px'")
    page.wait_for_function(
        f"""([x, y]) => ({ALPHA})([{ON_SITE}, x, y]) > 100""",
        arg=[box["x"] + 50, box["y"] + 225],
    )
    page.get_by_role("button", name="Close the map").click()
    expect(page.locator("rapport-map")).to_have_count(0)
    page.goto("about:blank")
    page.wait_for_timeout(500)
    assert place.kept() == before  # who looks at the map is no visitor


def test_a_wrong_link_says_so_also_where_a_site_allows_little(
    place: Place, chromium: Browser
) -> None:
    with tracked_site(place.url, place.key, policy=True, stub=False) as strict:
        context = chromium.new_context(locale="nl-BE")  # which may complain of the refusal
        page = context.new_page()
        page.goto(f"{strict}/#rapport-map=no.token")
        panel = page.locator("rapport-map [role=status]")
        expect(panel).to_contain_text("Deze link is verlopen of is voor een andere pagina")
        context.close()

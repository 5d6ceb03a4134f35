"""Web sites: the demo's known faults are found, and lists, pictures, maps and visits hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rapport.demo.silos.site import (
    BASKET,
    DEAD_BUTTON,
    LOOKBOOK,
    NEVER_USED,
    NOT_FOUND,
    RAGE_FILTER,
    SIZES,
    SOURCE,
    STORES,
    WINTER,
)
from rapport.engines.lake import Query, Step
from rapport.errors import InvalidInput, NotAllowed, NotFound, PayloadTooLarge
from rapport.settings import Settings
from rapport.understand.site.unused import Known
from rapport.understand.site.usefulness import useless_pages
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.identifier import Identifier
from rapport.workflows import site_pictures
from rapport.workflows.company import Company, open_company
from rapport.workflows.resolve import resolve_company
from rapport.workflows.site import SiteView, page_report, site_report, sites
from rapport.workflows.site_lists import read_list, save_site_list, site_list, written_list
from rapport.workflows.site_map import LASTS, map_links, read_map
from rapport.workflows.site_pictures import (
    find_picture,
    forget_picture,
    keep_picture,
    picture_bytes,
)
from rapport.workflows.site_rows import selector, site_rows
from rapport.workflows.site_visits import visit_pages
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.pictures import PNG, jpeg_header
from tests.small_company import small_company
from tests.touchpoints import START, keep, touchpoint

MEMBERS = Query(steps=(Step("answer", "SELECT profile_id FROM membership"),))
NOON = START + timedelta(days=2)
ORIGIN = "https://shop.example"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with empty_company(tmp_path, clock=FakeClock(NOON)) as opened:
        yield opened


def browser(number: int) -> Identifier:
    return Identifier(kind="anonymous_id", value=f"b{number}", namespace="shop")


def did(visitor: int, kind: str, minute: int, **said: Any) -> Any:
    """What a visitor did on the view named by ``view``, so many minutes after `START`."""
    name = said["view"] if kind == v.PAGE_VIEWED else f"{visitor}-{kind}-{minute}"
    return touchpoint(
        name, type=kind, record=browser(visitor), occurred_at=START + timedelta(minutes=minute),
        properties={"path": "/pay", "url": f"{ORIGIN}/pay", **said},
    )  # fmt: skip


CLICK = {"element": '[data-rapport="pay"]', "x": 0.5, "y": 0.5, "page_x": 100, "page_y": 200,
         "view_width": 390, "page_width": 390, "page_height": 1000}  # fmt: skip


def clicked_by(count: int) -> list[Any]:
    """So many visitors of phones who look at the page and click it once, and one of a desktop."""
    found = []
    for n in range(count):
        found.append(did(n, v.PAGE_VIEWED, 0, view=f"v{n}", view_width=390, page_width=390,
                         page_height=1000))  # fmt: skip
        found.append(did(n, v.ELEMENT_CLICKED, 1, **{**CLICK, "view": f"v{n}"}))
    found.append(did(99, v.PAGE_VIEWED, 0, view="v99", view_width=1440))
    return found


# ── the demo's truth ───────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_what_is_wrong_with_the_demo_shop_is_found(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = small_company(tmp_path_factory.getbasetemp())
    with open_company(Settings(data=str(place))) as opened:
        report = site_report(opened, SiteView(source=SOURCE))
        codes = sorted({page.path.split("/")[1] for page in report.pages if WINTER in page.path})
        assert len(codes) > 1

        dead = {each.path: each.element for each in report.troubles if each.dead > each.rage}
        assert {f"/{code}/{STORES}" for code in codes} & set(dead)
        assert {e for path, e in dead.items() if path.endswith(STORES)} == {selector(DEAD_BUTTON)}
        rage = {each.element for each in report.troubles if each.path.endswith(WINTER)}
        assert rage == {selector(RAGE_FILTER)}
        # Few visits of 300 people: no more is called useless than what is, if anything.
        assert {u.path.split("/")[-1] for u in useless_pages(report.usefulness)} <= {SIZES}
        lost = {each.term for each in report.searches if each.without_result}
        assert lost <= {*NOT_FOUND.values(), None}
        assert lost
        assert sum(each.without_result for each in report.searches if each.term is None) <= sum(
            each.searches for each in report.searches if each.term is None
        )

        nobody = {(each.path, each.element) for each in report.unused}
        seen = {page.path for page in report.pages}
        assert {(f"/{code}/{LOOKBOOK}", None) for code in NOT_FOUND} <= nobody
        wraps = {
            (path, f'[data-rapport="{NEVER_USED}"]') for path in seen if path.endswith(f"/{BASKET}")
        }
        assert wraps
        assert wraps <= nobody
        assert not {path for path, element in nobody if element is None} & seen


# ── what is read of touchpoints ────────────────────────────────────────────────────────────────


def test_a_search_that_may_name_a_person_is_kept_without_its_term() -> None:
    terms = ["Tent  4 People", "an@shop.example", "+32 470 12 34 56", "W1000012", "boots 42", "", 7]
    rows = site_rows(
        [
            touchpoint(f"t{n}", type=v.PRODUCTS_SEARCHED, properties={"query": term, "results": 0})
            for n, term in enumerate(terms)
        ],
        list(range(1, 8)),
        [1] * 7,
    )

    assert rows["term"].to_pylist() == ["tent 4 people", None, None, None, "boots 42", None, None]
    assert rows["results"].to_pylist() == [0] * 7


def test_nonsense_in_a_trackers_words_becomes_nothing() -> None:
    said = {
        "path": ["/"], "url": "http://[", "view_width": "wide", "page_height": -4, "element": 9,
        "x": 7, "y": True, "page_x": 10**12, "fixed": "yes", "features": "pay",
        "scroll_depth": 300, "visible_seconds": 10**9, "title": "\n",
    }  # fmt: skip
    kinds = (v.PAGE_VIEWED, v.ELEMENT_CLICKED, v.PAGE_ENGAGED)
    rows = site_rows(
        [touchpoint(kind, type=kind, properties=said) for kind in kinds], [1, 2, 3], [1, 1, 1]
    ).to_pylist()

    kept = {"bucket", "atom_id", "position", "occurred_at", "source", "type", "view", "fixed"}
    for row in rows:
        assert {name for name, value in row.items() if value is not None} <= kept
    assert rows[1]["fixed"] is False


def test_other_touchpoints_are_not_behaviour_on_a_site() -> None:
    others = [
        touchpoint("a", type=v.PAGE_VIEWED, channel="app"),
        touchpoint("b", type=v.SURVEY_ANSWERED),
    ]
    assert site_rows(others, [1, 2], [1, 2]).num_rows == 0


# ── lists ──────────────────────────────────────────────────────────────────────────────────────


def test_a_list_is_read_as_lines_and_written_as_it_is_read() -> None:
    known = read_list(
        "/checkout\n\n https://shop.example/pay?x=1 [data-rapport=gift] > a | Gift wrap\n/checkout"
    )
    assert known == (
        Known(path="/checkout"),
        Known(path="/pay", element='[data-rapport="gift"] > a', name="Gift wrap"),
    )
    assert read_list(written_list(known)) == known
    with pytest.raises(InvalidInput, match="Line 2, 'checkout'"):
        read_list("/a\ncheckout")


def test_a_site_map_is_read_and_one_with_entities_is_not() -> None:
    page = "<url><loc> https://shop.example/{0} </loc><image><loc>x</loc></image></url>"
    xml = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'
    both = xml.format(page.format("a") + page.format("b&amp;c"))
    assert read_list(both) == (Known(path="/a"), Known(path="/b&c"))
    with pytest.raises(InvalidInput, match="lists no pages"):
        read_list(xml.format("<sitemap><loc>https://shop.example/a.xml</loc></sitemap>"))
    with pytest.raises(InvalidInput, match="no XML"):
        read_list("<urlset>")
    with pytest.raises(InvalidInput, match="declares entities"):
        read_list('<!DOCTYPE u [<!ENTITY a "b">]><urlset><url><loc>/&a;</loc></url></urlset>')


def test_a_list_replaces_the_one_before(company: Company) -> None:
    save_site_list(company, "shop", "/a\n/b", author="ann@kadar.example")
    save_site_list(company, "other", "/c", author="ann@kadar.example")
    save_site_list(company, "shop", "/b", author="bob@kadar.example")
    kept = site_list(company, "shop")
    assert (kept.known, kept.author) == ((Known(path="/b"),), "bob@kadar.example")
    assert site_list(company, "nothing").known == ()


def test_what_was_used_before_and_what_is_listed_can_be_used_by_nobody(company: Company) -> None:
    old = [replace_time(touch, START - timedelta(days=100)) for touch in clicked_by(6)[:-1]]
    now = [
        did(n, v.PAGE_VIEWED, 5, view=f"n{n}", view_width=390, features=["pay", "wish"])
        for n in range(6)
    ]
    keep(company, [*old, *now])
    resolve_company(company)
    save_site_list(company, "shop", "/pay\n/help\n/pay #chat | Chat", author="ann")

    found = site_report(company, SiteView(days=30)).unused

    assert [(each.path, each.element, each.known_from) for each in found] == [
        ("/help", None, "listed"),
        ("/pay", "#chat", "listed"),
        ("/pay", '[data-rapport="pay"]', "shown"),
        ("/pay", '[data-rapport="wish"]', "shown"),
    ]
    # Six could have and none did: up to four in ten might want it.
    assert [round(each.below or 0, 2) for each in found] == [0.39] * 4
    assert found[2].last_used == START - timedelta(days=100) + timedelta(minutes=1)
    assert found[3].last_used is None


def replace_time(touch: Any, start: datetime) -> Any:
    """The same, told as of another time and under another id."""
    moved = start + (touch.occurred_at - START)
    return msgspec.structs.replace(
        touch, touchpoint_id=f"old-{touch.touchpoint_id}", occurred_at=moved, received_at=moved,
        properties={**touch.properties, "view": f"old-{touch.properties['view']}"},
    )  # fmt: skip


# ── reports ────────────────────────────────────────────────────────────────────────────────────


def test_a_company_without_a_site_is_told_to_connect_one(company: Company) -> None:
    assert sites(company) == ()
    with pytest.raises(NotFound, match="connect one under Sources"):
        site_report(company, SiteView())
    with pytest.raises(InvalidInput, match="30, 90, 180 days, not 7"):
        site_report(company, SiteView(days=7))


def test_clicks_of_few_visitors_are_not_shown_place_by_place(company: Company) -> None:
    keep(company, clicked_by(4))
    resolve_company(company)
    report = page_report(company, SiteView(), "/pay")
    assert (report.clicks.hidden, report.clicks.points, report.width) == (True, (), "phone")
    assert report.widths == {"phone": None, "desktop": None}
    [element] = report.clicks.elements
    assert (element.clicks, element.clickers, element.share) == (4, None, None)
    assert report.clicks.visitors is None
    with pytest.raises(NotFound, match="Nobody of these visitors looked at /help"):
        page_report(company, SiteView(), "/help")


def test_few_visitors_are_fewer_than_five_and_the_page_is_named(company: Company) -> None:
    seen = [*clicked_by(4)[:-1], did(9, v.PAGE_VIEWED, 0, view="v9", path="/home")]
    seen += [did(n, v.PAGE_VIEWED, 0, view=f"h{n}", path="/home") for n in range(5, 9)]
    seen += [did(n, v.PAGE_ENGAGED, 1, view=f"v{n}", visible_seconds=9, scroll_depth=50)
             for n in range(4)]  # fmt: skip
    seen += [did(0, v.DEAD_CLICKED, 2, element="#map", view="v0")]
    keep(company, seen)
    resolve_company(company)

    report = site_report(company, SiteView())

    assert (report.totals.visitors, report.totals.visits) == (9, 9)
    home, pay = report.pages
    assert (home.path, home.visitors, home.visits, home.entries, home.exits) == (
        "/home",
        5,
        5,
        5,
        5,
    )
    assert (pay.path, pay.visitors, pay.visits, pay.entries, pay.exits) == ("/pay", *[None] * 4)
    assert (pay.views, pay.measured, pay.seconds, pay.scroll) == (4, 4, None, None)
    [trouble] = report.troubles  # what is broken is told, to whom it was not
    assert (trouble.element, trouble.dead, trouble.dead_visitors, trouble.clickers) == (
        "#map", 1, None, None,
    )  # fmt: skip
    assert trouble.rage_visitors == 0
    page = page_report(company, SiteView(), "/pay")
    assert (page.scroll, page.clicks.visitors, page.clicks.hidden) == (None, None, True)


def test_of_fewer_than_five_visitors_of_a_kind_nothing_is_told(company: Company) -> None:
    keep(company, clicked_by(5))
    resolve_company(company)
    assert site_report(company, SiteView(width="phone")).totals.visitors == 5
    report = site_report(company, SiteView(width="desktop"))
    assert report.too_few
    assert (report.totals.visitors, report.pages, report.searches) == (None, (), ())
    with pytest.raises(NotFound, match="Fewer than 5 such visitors"):
        page_report(company, SiteView(width="desktop"), "/pay")
    nobody = site_report(company, SiteView(width="tablet"))
    assert (nobody.too_few, nobody.totals.visitors) == (False, 0)


def test_a_term_is_named_once_five_visitors_used_it(company: Company) -> None:
    def search(visitor: int, term: str, minute: int = 1) -> Any:
        return did(visitor, v.PRODUCTS_SEARCHED, minute, query=term, results=0, view=f"v{visitor}")

    keep(company, [
        *clicked_by(5),
        *(search(n, "snow shoes") for n in range(5)),
        *(search(n, "gift for jan maes", 2) for n in range(4)),
        *(search(0, "gift for jan maes", minute) for minute in (3, 4, 5)),
        search(1, "els claes", 6),
    ])  # fmt: skip
    resolve_company(company)

    told, rest = site_report(company, SiteView()).searches

    assert (told.term, told.searches, told.visitors, told.left_out) == ("snow shoes", 5, 5, 0)
    assert (rest.term, rest.searches, rest.visitors, rest.left_out) == (None, 8, None, 2)


# ── pictures ───────────────────────────────────────────────────────────────────────────────────


def test_a_picture_is_kept_replaced_and_deleted(company: Company) -> None:
    first = keep_picture(company, "shop", "/pay", "phone", PNG, author="ann")
    assert (first.media_type, first.width, first.height) == ("image/png", 390, 1200)
    assert picture_bytes(company, first) == PNG
    second = keep_picture(company, "shop", "/pay", "phone", jpeg_header(400, 900), author="ann")
    assert (second.media_type, second.width, second.height) == ("image/jpeg", 400, 900)
    assert find_picture(company, "shop", "/pay", "phone") == second
    with pytest.raises(NotFound, match="replaced"):
        picture_bytes(company, first)
    assert find_picture(company, "shop", "/pay", "desktop") is None
    forget_picture(company, "shop", "/pay", "phone", author="ann")
    assert find_picture(company, "shop", "/pay", "phone") is None
    assert list((company.settings.folder / "site-pictures").iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg onload='x'/>", PNG[:20], jpeg_header(0, 9), b"\xff\xd8\xff" + b"\0" * 40,
     jpeg_header(40_000, 9)],
)  # fmt: skip
def test_what_is_no_picture_is_refused(company: Company, content: bytes) -> None:
    with pytest.raises(InvalidInput, match="picture"):
        keep_picture(company, "shop", "/pay", "phone", content, author="ann")


def test_a_picture_too_large_is_refused(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_pictures, "LARGEST", 100)
    with pytest.raises(PayloadTooLarge):
        keep_picture(company, "shop", "/pay", "phone", PNG, author="ann")


# ── maps on the site ───────────────────────────────────────────────────────────────────────────


def token_of(company: Company, path: str = "/pay") -> str:
    [link] = map_links(company, SiteView(), path, language="hu").values()
    assert link.startswith(f"{ORIGIN}{path}#rapport-map=")
    return link.partition("#rapport-map=")[2]


def test_a_link_reads_the_counts_of_its_page_and_width(company: Company) -> None:
    keep(company, clicked_by(5))
    resolve_company(company)
    token = token_of(company)

    found = read_map(company, token, origin=ORIGIN, window_width=412)

    [element] = found.elements
    assert (element.element, element.clicks, element.points) == (
        '[data-rapport="pay"]', 5, ((0.5, 0.5, 5),),
    )  # fmt: skip
    assert (found.visitors, found.language) == (5, "hu")
    assert read_map(company, token, origin=ORIGIN, window_width=1440).elements == ()


def test_a_link_is_for_its_site_and_its_quarter_of_an_hour(company: Company) -> None:
    keep(company, clicked_by(5))
    resolve_company(company)
    token = token_of(company)
    said, _, proof = token.partition(".")

    with pytest.raises(NotAllowed, match=f"for {ORIGIN}"):
        read_map(company, token, origin="https://evil.example", window_width=412)
    for broken in ("", "é.é", said, f"{said}.{proof[:-2]}AA", f"{said[:-4]}AAAA.{proof}"):
        with pytest.raises(NotAllowed, match="not one of ours"):
            read_map(company, broken, origin=ORIGIN, window_width=412)
    later = replace(company, clock=FakeClock(NOON + LASTS + timedelta(seconds=1)))
    with pytest.raises(NotAllowed, match="is over"):
        read_map(later, token, origin=ORIGIN, window_width=412)
    with pytest.raises(InvalidInput, match="pixels wide"):
        read_map(company, token, origin=ORIGIN, window_width=0)


def test_elements_that_few_clicked_are_not_told_to_a_site(company: Company) -> None:
    other = {**CLICK, "element": "#rare", "view": "v0"}
    keep(company, [*clicked_by(5), did(0, v.ELEMENT_CLICKED, 2, **other)])
    resolve_company(company)
    found = read_map(company, token_of(company), origin=ORIGIN, window_width=412)
    assert [each.element for each in found.elements] == ['[data-rapport="pay"]']


@pytest.mark.parametrize("path", ["/orders/*", "/app#/cart", "home"])
def test_pages_that_no_link_can_open_have_none(company: Company, path: str) -> None:
    keep(company, clicked_by(1))
    resolve_company(company)
    assert map_links(company, SiteView(), path, language="en") == {}


# ── visits ─────────────────────────────────────────────────────────────────────────────────────


def test_a_visit_is_put_together_in_order(company: Company) -> None:
    pay = {"element": "#pay"}
    events = [
        did(1, v.PAGE_VIEWED, 0, view="a", path="/", title="Home"),
        did(1, v.PRODUCTS_SEARCHED, 1, view="a", query="skis", results=0),
        did(1, v.PAGE_VIEWED, 2, view="b", title="Pay"),
        did(1, v.ELEMENT_CLICKED, 3, view="b", **pay),
        did(1, v.ELEMENT_CLICKED, 4, view="b", **pay),
        did(1, v.DEAD_CLICKED, 5, view="b", **pay),
        # Two hours after the visit the page was closed; and the next visit is another one.
        did(1, v.PAGE_ENGAGED, 130, view="b", visible_seconds=20.5, scroll_depth=60),
        did(1, v.PAGE_VIEWED, 131, view="c", path="/later"),
    ]
    keep(company, events)
    resolve_company(company)
    [person] = {row["profile_id"] for row in company.seen.ask(MEMBERS).to_pylist()}

    first, second = visit_pages(company, person, began=START, last=START + timedelta(minutes=5))

    assert (first.path, first.title, first.seconds) == ("/", "Home", None)
    assert [(deed.kind, deed.what, deed.results) for deed in first.deeds] == [("search", "skis", 0)]
    assert (second.path, second.seconds, second.scrolled) == ("/pay", 20.5, 0.6)
    assert [(deed.kind, deed.what, deed.times) for deed in second.deeds] == [
        ("click", "#pay", 2), ("dead", "#pay", 1),
    ]  # fmt: skip
    with pytest.raises(InvalidInput, match="beginning and an end"):
        visit_pages(company, person, began=START, last=START - timedelta(minutes=1))

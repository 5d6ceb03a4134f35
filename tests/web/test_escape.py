"""No value of a customer, a file or an address is ever HTML, on any page that there is.

The addresses are those of `tests.every_page`, which a test holds against the routes themselves.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from litestar.testing import TestClient

from rapport.web import html as h
from rapport.web.pages import page_routes
from rapport.web.pages.dashboard.address import NAMES
from rapport.web.words import LANGUAGES
from rapport.workflows.company import Company
from tests.company import PASSWORD, visitor
from tests.every_page import (
    ADMIN,
    FILES,
    FRAGMENTS,
    PAGES,
    STORED,
    Placed,
    breakout,
    get_routes,
    hostile_company,
)

pytestmark = pytest.mark.slow  # a whole company: not before every commit

CORPUS = (
    breakout("asked"),
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</textarea></title></style></select><iframe srcdoc=x>",
    "--><b onmouseover=alert(1)>",
    "javascript:alert(1)",
    "&lt;img src=x onerror=alert(1)&gt;&#60;b&#62;",
    "{{7*7}}${7*7}<%=7*7%>",
    "\u202e<ſcript>\ufeff",
    "2026-11-01<b>",
    "1<b>",
)
URLS = frozenset({"href", "src", "action", "formaction", "hx-get", "hx-post"})
SAFE_URL = re.compile(r"/(?!/)|#|\?|mailto:|tel:|https?://|data:image/svg|$|about:blank#blocked")
EXAMPLES = [
    each for some in (PAGES, FRAGMENTS) for addresses in some.values() for each in addresses
]


class Reading(HTMLParser):
    """A page as a strict reader sees it: what it says, and what is wrong with it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.said: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if len(named) != len(attrs):
            self.wrong.append(f"an attribute twice in <{tag}>")
        if tag in {"iframe", "object", "embed", "style", "base"}:
            self.wrong.append(f"<{tag}>")
        if tag in {"script", "img"} and not str(named.get("src")).startswith("/assets/"):
            self.wrong.append(f"<{tag} {named}>")
        for name, value in attrs:
            if name.startswith("on") or re.search("[\"'<>]", name):
                self.wrong.append(f"attribute {name} in <{tag}>")
            if name in URLS and not SAFE_URL.match(value or ""):
                self.wrong.append(f"{name}={value}")
            self.said.append(value or "")
        if tag not in h.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data}")


def read(page: str) -> Reading:
    """The page, read to its end."""
    reading = Reading()
    reading.feed(page)
    reading.close()
    if reading.open:
        reading.wrong.append(f"never closed: {reading.open}")
    return reading


@pytest.fixture(scope="module")
def opened(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[TestClient[Any], Company, Placed]]:
    folder = tmp_path_factory.mktemp("escape") / "data"
    with (
        hostile_company(tmp_path_factory.getbasetemp(), folder) as (company, placed),
        visitor(company) as client,
    ):
        enter(client, "en")
        yield client, company, placed


def enter(client: TestClient[Any], language: str) -> None:
    """Sign in as somebody of that language."""
    form = {"email": ADMIN.format(language=language), "password": PASSWORD}
    client.post("/sign-in", data=form, follow_redirects=False)


def ask(client: TestClient[Any], address: str, **params: str) -> tuple[int, Reading]:
    """The answer to a GET, read; what is not HTML fails."""
    answer = client.get(address, params=params or None)
    assert answer.status_code == 204 or answer.headers["content-type"].startswith("text/html")
    return answer.status_code, read(answer.text)


def test_every_address_there_is_has_an_example() -> None:
    assert get_routes() == sorted([*PAGES, *FRAGMENTS, *FILES])


def test_the_reader_sees_what_breaks_out() -> None:
    for hostile in CORPUS[:6]:
        assert read(f"<p>{hostile}</p>").wrong
        assert read(f'<p title="{hostile}"></p>').wrong or '"' not in hostile
        assert not read(h.p({"title": hostile}, hostile)).wrong


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_what_is_stored_is_text_on_every_page_in_every_language(
    opened: tuple[TestClient[Any], Company, Placed], language: str
) -> None:
    client, _, placed = opened
    enter(client, language)
    for example in EXAMPLES:
        status, reading = ask(client, placed.address(example))
        assert (example, status, reading.wrong) == (example, 200, [])


def test_everything_hostile_that_is_stored_is_shown_somewhere(
    opened: tuple[TestClient[Any], Company, Placed],
) -> None:
    client, _, placed = opened
    said = "\n".join(
        piece for example in EXAMPLES for piece in ask(client, placed.address(example))[1].said
    )
    # Long values are cut: the tag's beginning suffices.
    assert [field for field in STORED if f"{field}\"'>" not in said] == []


def queries(example: str) -> list[str]:
    """Names of what a page reads from its query, as its handler says."""
    template = next(t for some in (PAGES, FRAGMENTS) for t, each in some.items() if example in each)
    handler = next(
        one for one in page_routes() if "GET" in one.http_methods and template in one.paths
    )
    source = inspect.getsource(handler.fn)
    named = [
        name
        for name, one in inspect.signature(handler.fn).parameters.items()
        if "FromQuery" in str(one.annotation)
    ]
    named += re.findall(r'query\w*(?:\.get\(|\[)"(\w+)"', source)
    return sorted({*named, "page", *(NAMES if "read_view" in source else ())})


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_an_address_asks_is_text_in_the_answer(
    opened: tuple[TestClient[Any], Company, Placed], example: str
) -> None:
    client, _, placed = opened
    address, _, _ = placed.address(example).partition("?")
    asked = queries(example)
    # Each alone, since one that is refused would hide the next; then every text in all of them.
    tries = [{name: CORPUS[0]} for name in asked]
    tries += [dict.fromkeys(asked, hostile) for hostile in CORPUS]
    for params in tries:
        status, reading = ask(client, address, **params)
        assert status in (200, 400, 404), params
        assert reading.wrong == [], params


def test_each_search_and_filter_is_asked() -> None:
    assert {"q", "sort", "country", "language", "page"} <= set(queries("/customers"))
    assert {*NAMES, "page"} <= set(queries("/"))
    assert {"rule", "from"} <= set(queries("/segments/new"))


@pytest.mark.parametrize(
    "template", [each for each in get_routes() if "{" in each and each not in FILES]
)
def test_an_id_that_is_none_is_not_found_and_is_text(
    opened: tuple[TestClient[Any], Company, Placed], template: str
) -> None:
    client, _, _ = opened
    for hostile in (*CORPUS[:4], "no-such-thing"):
        address = re.sub(r"\{\w+:\w+\}", quote(hostile, safe=""), template)
        status, reading = ask(client, address)
        assert (status, reading.wrong) == (404, []), hostile

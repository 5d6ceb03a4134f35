"""The builder: what is escaped, what is refused, and who may say that text is HTML."""

from __future__ import annotations

import ast
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rapport.web
from rapport.web import html as h

ANY_TEXT = st.text(alphabet=st.characters(codec=None, categories=None), max_size=80)
HOSTILE = st.one_of(
    ANY_TEXT,
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "</textarea><img src=x onerror=alert(1)>",
            "\" onmouseover='alert(1)' x=\"",
            "&lt;already&gt; &amp;#60;",
            "<!--",
            "]]>",
            "\0\ud800\udfff\r\n",
        ]
    ),
)


class Reader(HTMLParser):
    """An independent reading of what was written."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[list[tuple[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def as_sent(text: str) -> str:
    """What UTF-8 can carry of a text."""
    return "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)


@given(HOSTILE)
def test_text_reads_back_as_it_was_and_opens_no_element(text: str) -> None:
    page = h.div(text)
    read = Reader(page)
    assert read.tags == ["div"]
    assert read.text == as_sent(text)
    page.encode("utf-8")


@given(HOSTILE)
def test_an_attribute_reads_back_as_it_was_and_stays_one_attribute(text: str) -> None:
    read = Reader(h.div({"title": text}))
    assert read.tags == ["div"]
    assert read.attributes == [[("title", as_sent(text))]]


@given(st.lists(HOSTILE, max_size=4))
def test_nested_children_are_escaped_exactly_once(texts: list[str]) -> None:
    read = Reader(h.ul(h.li(text) for text in texts))
    assert read.tags == ["ul", *["li"] * len(texts)]
    assert read.text == "".join(map(as_sent, texts))


def test_joining_or_formatting_markup_makes_it_plain_text_again() -> None:
    bold = h.b("x")
    assert h.div(bold) == "<div><b>x</b></div>"
    assert h.div(f"{bold}") == "<div>&lt;b&gt;x&lt;/b&gt;</div>"
    assert h.div(bold + "") == "<div>&lt;b&gt;x&lt;/b&gt;</div>"


def test_nothing_and_no_write_nothing_and_numbers_are_written() -> None:
    assert h.div(None, False, 0, 7) == "<div>07</div>"


@pytest.mark.parametrize("child", [True, 1.5, b"x", {"class": "late"}, object()])
def test_a_child_that_needs_a_format_or_stands_in_the_wrong_place_is_refused(child: object) -> None:
    with pytest.raises(TypeError, match=type(child).__name__):
        h.div("first", child)


def test_attributes_are_left_out_bare_or_joined() -> None:
    written = h.input(
        {
            "disabled": True,
            "checked": False,
            "value": None,
            "class": ["a", None, False, "b"],
            "aria-current": True,
            "aria-label": "",
            "size": 3,
            "id": [None],
        }
    )
    assert written == '<input disabled class="a b" aria-current="true" aria-label="" size="3">'


@pytest.mark.parametrize("name", ["onclick", "ONLOAD", "x y", "a>b", "", 'a"', "é"])
def test_attribute_names_that_could_run_or_break_out_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"attribute name|inline script"):
        h.div({name: "1"})


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
    ],
)
def test_addresses_that_run_code_are_dead(address: str) -> None:
    assert h.a({"href": address}, "x") == '<a href="about:blank#blocked">x</a>'


@pytest.mark.parametrize(
    "address",
    ["/a?b=javascript:c", "#top", "https://a.example/x", "mailto:a@b.example", "tel:+32", "?q=a:b"],
)
def test_ordinary_addresses_are_kept(address: str) -> None:
    assert Reader(h.a({"href": address}, "x")).attributes == [[("href", address)]]


def test_void_elements_have_no_end_and_take_no_children() -> None:
    assert h.br() == "<br>"
    with pytest.raises(TypeError, match="<br>"):
        h.br("x")


def test_svg_elements_are_closed_because_browsers_do_not_know_them_as_void() -> None:
    assert (
        h.svg(h.path({"d": "M0 0"}), h.rect()) == '<svg><path d="M0 0"></path><rect></rect></svg>'
    )


def test_scripts_come_from_files_only() -> None:
    assert h.script({"src": "/x.js"}) == '<script src="/x.js"></script>'
    with pytest.raises(TypeError, match="inline"):
        h.script("alert(1)")


def test_a_document_starts_with_the_doctype() -> None:
    assert h.document(h.html(h.body("a"))) == "<!doctype html><html><body>a</body></html>"


def test_only_reviewed_files_say_that_text_is_html() -> None:
    """`Markup(...)` switches escaping off: the builder itself and icons from our own package."""
    reviewed = {"html.py", "parts/icons.py"}
    root = Path(rapport.web.__file__).parent
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "Markup")
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "Markup")
        )
    }
    assert found == reviewed

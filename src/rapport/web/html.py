"""HTML as typed Python: each tag is a function that returns finished, escaped text.

``div({"class": "card"}, h2("Title"), p(text))``: an optional dict of attributes first, children
after it. Text is built at once (no tree), which costs a fifth of a lazy builder's time. Every
string is escaped unless it is `Markup`, and `Markup` is made only here and from our own files
(icons); customers' words are hostile text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
# The parser reads their content as raw text, where escaping does not hold; our content security
# policy forbids inline scripts anyway.
RAW_TEXT = frozenset({"script", "style"})
URL_ATTRIBUTES = frozenset({"href", "src", "action", "formaction", "poster", "xlink:href"})
BLOCKED_URL = "about:blank#blocked"


class Markup(str):
    """Text that is HTML already and is not escaped again.

    Joining, slicing or formatting it gives a plain `str`, which is escaped: forgetting costs a
    visible ``&lt;``, never a hole.
    """

    __slots__ = ()


Child: TypeAlias = "str | int | None | bool | Iterable[Child]"
Attribute: TypeAlias = "str | int | float | None | bool | Iterable[str | None | bool]"
Attributes: TypeAlias = Mapping[str, Attribute]
Tag: TypeAlias = "Callable[..., Markup]"

EMPTY = Markup()

_UNSAFE = re.compile("[&<>\"'\0\r\ud800-\udfff]")
# NUL and lone surrogates cannot be sent in a UTF-8 page: they become the replacement character.
# A bare carriage return would silently become a line feed in the browser.
_SAFE = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\r": "&#13;"}
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_:.-]*\Z")
# Browsers drop control characters and spaces before they read the scheme.
_SCHEME_NOISE = re.compile(r"[\x00-\x20\x7f-\x9f]+")
_SCHEME = re.compile(r"([^/?#:]*):")
_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_known_names: set[str] = set()


def escape(text: str) -> str:
    """Text made safe for element content and for double-quoted attributes."""
    if _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(lambda found: _SAFE.get(found[0], "\ufffd"), text)


def safe_url(url: str) -> str:
    """The URL itself, or a dead one when its scheme could run code (``javascript:``, ``data:``)."""
    scheme = _SCHEME.match(_SCHEME_NOISE.sub("", url))
    return url if scheme is None or scheme[1].lower() in _SAFE_SCHEMES else BLOCKED_URL


def attributes(values: Attributes) -> str:
    """Attributes as they stand in a tag, each with a space before it.

    ``None`` and ``False`` leave an attribute out, ``True`` writes it bare (``aria-*`` as
    ``"true"``); several values, as of a class, are joined by spaces.
    """
    written = []
    for name, value in values.items():
        if value is None or value is False:
            continue
        if name not in _known_names:
            _check_name(name)
        if value is True:
            written.append(f' {name}="true"' if name.startswith("aria-") else f" {name}")
            continue
        if isinstance(value, str):
            text = safe_url(value) if name in URL_ATTRIBUTES else value
        elif isinstance(value, int | float):
            text = str(value)
        else:
            text = " ".join(part for part in value if isinstance(part, str) and part)
            if not text:
                continue
        written.append(f' {name}="{escape(text)}"')
    return "".join(written)


def _check_name(name: str) -> None:
    if _NAME.match(name) is None:
        raise ValueError(f"{name!r} is not an attribute name; use letters, digits, '-' and ':'.")
    if name.lower().startswith("on"):
        raise ValueError(f"{name!r} would be an inline script; add behaviour in rapport-ui.js.")
    _known_names.add(name)


def fragment(*children: Child) -> Markup:
    """Children one after the other, without an element around them."""
    written: list[str] = []
    _write(children, written)
    return Markup("".join(written))


def _write(children: Iterable[Child], written: list[str]) -> None:
    for child in children:
        if isinstance(child, Markup):
            written.append(child)
        elif isinstance(child, str):
            written.append(escape(child))
        elif child is None or child is False:
            continue
        elif isinstance(child, int) and child is not True:
            written.append(str(child))
        elif isinstance(child, Iterable) and not isinstance(child, bytes | Mapping):
            _write(child, written)
        else:
            raise TypeError(
                f"A {type(child).__name__} cannot stand in a page; format it as text first "
                "(attributes go in a dict before all children)."
            )


def element(name: str) -> Tag:
    """The function that writes the element `name`; ready-made ones are below."""
    if _NAME.match(name) is None:
        raise ValueError(f"{name!r} is not an element name.")
    opening, closing = f"<{name}", f"</{name}>"
    void, raw = name in VOID, name in RAW_TEXT

    def write(*parts: Attributes | Child) -> Markup:
        if parts and isinstance(parts[0], Mapping):
            start, children = opening + attributes(parts[0]), parts[1:]
        else:
            start, children = opening, parts
        if void:
            if children:
                raise TypeError(f"<{name}> has no content; it was given {len(children)} children.")
            return Markup(start + ">")
        if raw and children:
            raise TypeError(f"<{name}> takes no inline content; serve it as a file in assets/.")
        written = [start, ">"]
        _write(children, written)
        written.append(closing)
        return Markup("".join(written))

    write.__name__ = name
    return write


def document(root: Markup) -> Markup:
    """A whole page: the doctype before ``<html>``."""
    return Markup("<!doctype html>" + root)


a = element("a")
abbr = element("abbr")
article = element("article")
aside = element("aside")
b = element("b")
bdi = element("bdi")
blockquote = element("blockquote")
body = element("body")
br = element("br")
button = element("button")
canvas = element("canvas")
caption = element("caption")
circle = element("circle")
code = element("code")
col = element("col")
colgroup = element("colgroup")
dd = element("dd")
defs = element("defs")
details = element("details")
div = element("div")
dl = element("dl")
dt = element("dt")
em = element("em")
fieldset = element("fieldset")
figcaption = element("figcaption")
figure = element("figure")
footer = element("footer")
form = element("form")
g = element("g")
h1 = element("h1")
h2 = element("h2")
h3 = element("h3")
h4 = element("h4")
head = element("head")
header = element("header")
hr = element("hr")
html = element("html")
i = element("i")
img = element("img")
input = element("input")
kbd = element("kbd")
label = element("label")
legend = element("legend")
li = element("li")
line = element("line")
link = element("link")
main = element("main")
mark = element("mark")
meta = element("meta")
nav = element("nav")
ol = element("ol")
optgroup = element("optgroup")
option = element("option")
output = element("output")
p = element("p")
path = element("path")
polygon = element("polygon")
polyline = element("polyline")
pre = element("pre")
progress = element("progress")
rect = element("rect")
s = element("s")
script = element("script")
search = element("search")
section = element("section")
select = element("select")
small = element("small")
span = element("span")
strong = element("strong")
sub = element("sub")
summary = element("summary")
sup = element("sup")
svg = element("svg")
table = element("table")
tbody = element("tbody")
td = element("td")
textarea = element("textarea")
tfoot = element("tfoot")
th = element("th")
thead = element("thead")
time = element("time")
title = element("title")
tr = element("tr")
u = element("u")
ul = element("ul")

"""The words of an HTML page or letter, in one pass whatever is wrong with its tags."""

from __future__ import annotations

import html
import re

#: Characters of HTML that are looked at.
LONGEST_HTML = 2_000_000
#: Their content is no text of the letter.
_SKIPPED = frozenset({"script", "style", "head", "title", "template", "noscript", "svg"})
_BREAKS = frozenset(
    {"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "hr"}
    | {"section", "article", "header", "footer", "blockquote", "pre", "dt", "dd"}
)
_TAG_NAME = re.compile(r"/?\s*([a-zA-Z][a-zA-Z0-9]*)")


def html_to_text(markup: str) -> str:
    """Its text with line breaks where it shows some; quotations become lines with ``>``.

    Examples
    --------
    >>> html_to_text("<p>Dag &amp; bedankt</p><blockquote>Ons bericht<br>twee</blockquote>ok")
    'Dag & bedankt\\n> Ons bericht\\n> twee\\nok'
    """
    lines: list[str] = []
    now: list[str] = []
    quoted = 0

    def end_line() -> None:
        said = " ".join("".join(now).split())
        now.clear()
        if said or (lines and lines[-1]):
            lines.append(f"> {said}" if quoted and said else said)

    markup = markup[:LONGEST_HTML]
    lower = markup.lower()
    at = 0
    while at < len(markup):
        opened = markup.find("<", at)
        if opened < 0:
            now.append(html.unescape(markup[at:]))
            break
        if opened > at:
            now.append(html.unescape(markup[at:opened]))
        if markup.startswith("<!--", opened):
            at = _after(markup, "-->", opened + 4)
            continue
        found = _TAG_NAME.match(markup, opened + 1)
        if found is None and markup[opened + 1 : opened + 2] not in ("!", "?", "/"):
            now.append("<")  # a bare sign, as in "prijs < 10"
            at = opened + 1
            continue
        closed = markup.find(">", opened)
        if closed < 0:
            break
        at = closed + 1
        if found is None:
            continue
        name, ends = found[1].lower(), markup[opened + 1] == "/"
        if name in _SKIPPED and not ends and markup[closed - 1] != "/":
            at = _after(lower, f"</{name}", at)
            at = _after(markup, ">", at)
            continue
        if name in _BREAKS and now:
            end_line()
        if name == "blockquote":
            quoted = max(0, quoted + (-1 if ends else 1))
        elif name in ("td", "th"):
            now.append(" ")
    if now:
        end_line()
    return "\n".join(lines).strip()


def _after(text: str, mark: str, start: int) -> int:
    """The place after the mark; the text's end where there is none, so nothing is read twice."""
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)

"""What the search box offers while one types: people, orders, tickets."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon

Kind: TypeAlias = Literal["people", "orders", "tickets"]


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One thing found."""

    title: str
    detail: str
    href: str
    icon: str = "user"


def suggestions(
    context: PageContext, query: str, groups: Sequence[tuple[Kind, Sequence[Suggestion]]]
) -> h.Markup:
    """The answer to ``GET /search?q=``: groups of things found, best first; may be empty.

    Arrow keys walk through it and Enter opens the first, once it answers what stands in the box
    by then; rapport-ui.js does that.
    """
    if not query.strip():
        return h.EMPTY
    if not any(found for _, found in groups):
        return h.p(context.t("frame.search.nothing", query=query))
    return h.fragment(
        (
            h.h3(context.t(f"frame.search.{kind}")),
            h.ul(
                {"data-query": query},
                (
                    h.li(
                        h.a(
                            {"class": "suggestion", "href": suggestion.href},
                            icon(suggestion.icon),
                            h.span(
                                h.b({"class": "clip"}, marked(suggestion.title, query)),
                                h.span({"class": "clip note"}, marked(suggestion.detail, query)),
                            ),
                        )
                    )
                    for suggestion in found
                ),
            ),
        )
        for kind, found in groups
        if found
    )


def marked(text: str, query: str) -> list[h.Child]:
    """The text with each place marked where one of the query's words stands.

    Case and accents do not count: "kov" and "kovacs" are found in "Kovács".
    """
    words = _folded(query).split()
    parts: list[h.Child] = []
    folded, start = _folded(text), 0
    while start < len(text):
        places = [(folded.find(word, start), -len(word)) for word in words]
        found = min((place for place in places if place[0] >= 0), default=None)
        if found is None:
            break
        place, length = found[0], -found[1]
        parts += [text[start:place], h.mark(text[place : place + length])]
        start = place + length
    return [*parts, text[start:]]


def _folded(text: str) -> str:
    # Letter by letter, so that each stays at its place: "ß" folds to two letters and is left.
    folded = (unicodedata.normalize("NFD", letter)[0].casefold() for letter in text)
    return "".join(
        fold if len(fold) == 1 else letter for letter, fold in zip(text, folded, strict=True)
    )

"""Tables: the first cell names the row, numbers stand right, headings sort by link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlencode

import msgspec

from rapport.web import html as h
from rapport.web.parts.context import PageContext


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """Heading of one column."""

    label: str
    key: str | None = None
    """Name to sort by; None where sorting means nothing."""
    numeric: bool = False
    hidden: bool = False
    """True where the heading is for screen readers only, as over buttons."""
    clip: bool = False
    """True where long text ends in … ."""
    mark: h.Child = None
    """After the label, such as a chip that says to take the column with care."""


class Sort(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows are sorted now, and the address that sorts otherwise."""

    key: str
    descending: bool
    href: Callable[[str, bool], str]
    """From a column's key and whether to descend, to the page's address."""


def sort_by(path: str, key: str, *, descending: bool, keep: Iterable[tuple[str, str]] = ()) -> Sort:
    """Sorting through ``?sort=key`` and ``?sort=-key``, keeping the other parts of the query."""
    kept = [(name, value) for name, value in keep if name not in {"sort", "page"}]

    def href(other: str, down: bool) -> str:
        return f"{path}?{urlencode([*kept, ('sort', ('-' if down else '') + other)])}"

    return Sort(key=key, descending=descending, href=href)


def table(
    context: PageContext,
    columns: Sequence[Column],
    rows: Iterable[Sequence[h.Child]],
    *,
    caption: str,
    sort: Sort | None = None,
    foot: Sequence[h.Child] | None = None,
) -> h.Markup:
    """A table that scrolls in its own box where the screen is narrow.

    Parameters
    ----------
    context : PageContext
    columns : sequence of Column
    rows : iterable of sequences of children
        One cell per column; the first is the row's heading.
    caption : str
        For screen readers; what the table is about.
    sort : Sort, optional
    foot : sequence of children, optional
        A last row, such as totals.
    """
    classes = [
        {"class": ["num" if column.numeric else None, "clip-cell" if column.clip else None]}
        for column in columns
    ]
    return h.div(
        {"class": "table-scroll", "tabindex": 0, "role": "region", "aria-label": caption},
        h.table(
            {"class": "table"},
            h.thead(h.tr(_heading(context, column, sort) for column in columns)),
            h.tbody(_row(row, classes) for row in rows),
            h.tfoot(_row(foot, classes)) if foot is not None else None,
        ),
    )


def _row(cells: Sequence[h.Child], classes: Sequence[h.Attributes]) -> h.Markup:
    return h.tr(
        h.th({"scope": "row", **attributes}, cell) if index == 0 else h.td(attributes, cell)
        for index, (cell, attributes) in enumerate(zip(cells, classes, strict=True))
    )


def _heading(context: PageContext, column: Column, sort: Sort | None) -> h.Markup:
    attributes: dict[str, h.Attribute] = {
        "scope": "col",
        "class": "num" if column.numeric else None,
    }
    if column.hidden:
        return h.th(attributes, h.span({"class": "sr"}, column.label))
    if sort is None or column.key is None:
        return h.th(attributes, column.label, _marked(column))
    if column.key != sort.key:
        # Numbers are asked for from the top, names from the start.
        href = sort.href(column.key, column.numeric)
        title = context.t("parts.table.sort", column=column.label)
        return h.th(attributes, h.a({"href": href, "title": title}, column.label), _marked(column))
    attributes["aria-sort"] = "descending" if sort.descending else "ascending"
    href = sort.href(column.key, not sort.descending)
    title = context.t("parts.table.turn", column=column.label)
    arrow = h.span({"aria-hidden": True}, " ↓" if sort.descending else " ↑")
    return h.th(
        attributes, h.a({"href": href, "title": title}, column.label, arrow), _marked(column)
    )


def _marked(column: Column) -> h.Child:
    return None if column.mark is None else [" ", column.mark]


def meter(share: float, text: h.Child) -> h.Markup:
    """A share as figure and small bar, for a cell of a table; `share` is 0 to 1."""
    width = min(max(share, 0.0), 1.0) * 100
    return h.fragment(
        text,
        h.span({"class": "meter", "aria-hidden": True}, h.i({"style": f"width:{width:.1f}%"})),
    )


def pagination(
    context: PageContext,
    *,
    number: int,
    first: int,
    last: int,
    total: int | None,
    turn: Callable[[int], str],
    more: bool | None = None,
) -> h.Markup:
    """Which rows are shown (``1–50 of 84,312``) and the way to the others.

    Parameters
    ----------
    number : int
        Of this page, from 1.
    turn : callable
        From a page's number to its address.
    more : bool, optional
        Whether a page follows; by default what ``total`` says.
    """
    n = context.n
    follows = (total is not None and last < total) if more is None else more
    if total is None:
        shown = context.t("parts.pages.shown", first=n.count(first), last=n.count(last))
    else:
        shown = context.t(
            "parts.pages.of", first=n.count(first), last=n.count(last), total=n.count(total)
        )
    return h.nav(
        {"class": "pages", "aria-label": context.t("parts.pages.label")},
        h.span(shown),
        h.span(
            {"class": "pages-links"},
            _turn(
                turn(number - 1) if number > 1 else None, context.t("parts.pages.previous"), "prev"
            ),
            _turn(turn(number + 1) if follows else None, context.t("parts.pages.next"), "next"),
        ),
    )


def _turn(href: str | None, text: str, rel: str) -> h.Markup:
    if href is None:
        return h.span({"class": "button", "aria-disabled": True, "role": "link"}, text)
    return h.a({"class": "button", "href": href, "rel": rel}, text)

"""What is clicked on a page: element by element, in anger or in vain, and where exactly."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from typing import Any

from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import is_too_small, told
from rapport.understand.site.browsing import (
    WIDTH,
    Browsed,
    SiteScope,
    Width,
    ask,
    site_query,
    view_steps,
    visit_steps,
)

_COUNTS = (
    "CAST(sum(CASE WHEN type = $element_clicked THEN 1 ELSE 0 END) AS BIGINT) AS clicks, "
    "count(DISTINCT visitor) AS clickers, "
    "CAST(sum(CASE WHEN type = $rage_clicked THEN 1 ELSE 0 END) AS BIGINT) AS rage, "
    "count(DISTINCT CASE WHEN type = $rage_clicked THEN visitor END) AS rage_visitors, "
    "CAST(sum(CASE WHEN type = $dead_clicked THEN 1 ELSE 0 END) AS BIGINT) AS dead, "
    "count(DISTINCT CASE WHEN type = $dead_clicked THEN visitor END) AS dead_visitors"
)
_IS_CLICK = "e.type IN ($element_clicked, $rage_clicked, $dead_clicked) AND e.element IS NOT NULL"
#: Clicks in views of the page, of visits that count in the period.
_ON_PAGE = (
    *visit_steps(),
    *view_steps(),
    Step("page_views", "SELECT view, visitor FROM views WHERE path = $path"),
    Step(
        "clicks",
        f"SELECT e.* FROM seen AS e JOIN page_views AS p ON p.view = e.view WHERE {_IS_CLICK}",
    ),
)
TROUBLE_STEPS = (
    *visit_steps(),
    *view_steps(),
    Step(
        "anywhere",
        "SELECT e.type, e.element, v.path, v.visitor FROM seen AS e "
        f"JOIN views AS v ON v.view = e.view WHERE {_IS_CLICK}",
    ),
    Step("by_element", f"SELECT path, element, {_COUNTS} FROM anywhere GROUP BY path, element"),
    Step(
        "answer",
        "SELECT path, element, clicks, clickers, rage, rage_visitors, dead, dead_visitors "
        "FROM by_element WHERE rage + dead > 0 ORDER BY rage_visitors + dead_visitors DESC "
        "NULLS LAST, clicks DESC NULLS LAST, path ASC NULLS LAST, element ASC NULLS LAST",
    ),
)


class ElementClicks(Struct, frozen=True, kw_only=True):
    """One element of a page; counts of visitors are None where they are fewer than five.

    Attributes
    ----------
    element : str
        Its address as a CSS selector.
    clickers : int or None
        Visitors who clicked it.
    share : float or None
        Of the page's visitors, those who clicked it (0-1); None where either are too few.
    rage, dead : int
        Bursts of three and more quick clicks, and clicks that nothing answered.
    rage_visitors, dead_visitors : int or None
    fixed : bool
        It stands on the window and not on the page.
    """

    element: str
    clicks: int
    clickers: int | None
    share: float | None
    rage: int
    rage_visitors: int | None
    dead: int
    dead_visitors: int | None
    fixed: bool


class Trouble(Struct, frozen=True, kw_only=True):
    """An element somewhere on the site that was clicked in anger or in vain.

    Counts of visitors are None where they are fewer than five; the element is named all the same,
    since what is broken is no person.
    """

    path: str
    element: str
    clicks: int
    clickers: int | None
    rage: int
    rage_visitors: int | None
    dead: int
    dead_visitors: int | None


class ClickPoint(Struct, frozen=True, kw_only=True):
    """Clicks at one place.

    `x`, `y` are places in the element (0-1, in twentieths); `page_x`, `page_y` are shares of the
    page's width (0-1) and pixels from its top, means of the clicks there. Where `fixed`, both are
    of the window.
    """

    element: str
    x: float
    y: float
    page_x: float
    page_y: float
    fixed: bool
    clicks: int


class ClickMap(Struct, frozen=True, kw_only=True):
    """The clicks on one page, for a map.

    Attributes
    ----------
    visitors : int or None
        That looked at the page; None where they are fewer than five.
    page_width, page_height : int or None
        Means of the pages as they were, in pixels.
    hidden : bool
        Too few visitors clicked for their clicks to be shown place by place.
    """

    visitors: int | None
    page_width: int | None
    page_height: int | None
    elements: tuple[ElementClicks, ...]
    points: tuple[ClickPoint, ...]
    hidden: bool


ELEMENT_STEPS = (
    *_ON_PAGE,
    Step(
        "answer",
        f"SELECT element, {_COUNTS}, "
        "max(CASE WHEN fixed THEN 1 ELSE 0 END) AS fixed "
        "FROM clicks GROUP BY element "
        "ORDER BY clicks DESC NULLS LAST, element ASC NULLS LAST",
    ),
)
POINT_STEPS = (
    *_ON_PAGE,
    Step(
        "placed",
        # To the nearest twentieth, halves upwards: rounding differs between engines.
        "SELECT element, floor(x * 20 + 0.5) AS across, floor(y * 20 + 0.5) AS down, "
        "CASE WHEN fixed THEN CAST(page_x AS DOUBLE) / view_width "
        "ELSE CAST(page_x AS DOUBLE) / page_width END AS page_x, "
        "CAST(page_y AS DOUBLE) AS page_y, CASE WHEN fixed THEN 1 ELSE 0 END AS fixed "
        "FROM clicks WHERE type = $element_clicked "
        "AND x IS NOT NULL AND y IS NOT NULL AND page_x IS NOT NULL AND page_y IS NOT NULL "
        "AND page_width > 0 AND view_width > 0",
    ),
    Step(
        "answer",
        "SELECT element, across / 20 AS x, down / 20 AS y, fixed, avg(page_x) AS page_x, "
        "avg(page_y) AS page_y, count(*) AS clicks FROM placed "
        "GROUP BY element, across, down, fixed "
        "ORDER BY element ASC NULLS LAST, x ASC NULLS LAST, y ASC NULLS LAST, "
        "fixed ASC NULLS LAST",
    ),
)
SEEN_STEPS = (
    *_ON_PAGE,
    Step(
        "answer",
        "SELECT (SELECT count(DISTINCT visitor) FROM page_views) AS visitors, "
        "(SELECT count(DISTINCT visitor) FROM clicks) AS clickers, "
        "CAST(floor(avg(e.page_width) + 0.5) AS BIGINT) AS page_width, "
        "CAST(floor(avg(e.page_height) + 0.5) AS BIGINT) AS page_height "
        "FROM seen AS e JOIN page_views AS p ON p.view = e.view "
        "WHERE e.type IN ($page_viewed, $element_clicked)",
    ),
)
WIDTH_STEPS = (
    *visit_steps(),
    *view_steps(),
    Step(
        "answer",
        f"SELECT {WIDTH} AS width, count(DISTINCT visitor) AS visitors FROM views "
        f"WHERE path = $path GROUP BY {WIDTH} "
        "ORDER BY visitors DESC NULLS LAST, width ASC NULLS LAST",
    ),
)


def element_query(scope: SiteScope, path: str) -> Query:
    """The query behind the elements of a `ClickMap`."""
    return site_query(scope, ELEMENT_STEPS, values={"path": path})


def point_query(scope: SiteScope, path: str) -> Query:
    """The query behind the points of a `ClickMap`."""
    return site_query(scope, POINT_STEPS, values={"path": path})


def trouble_query(scope: SiteScope) -> Query:
    """The query behind `troubles`."""
    return site_query(scope, TROUBLE_STEPS)


def troubles(lake: Lake, browsed: Browsed) -> tuple[Trouble, ...]:
    """Elements that gave trouble, those to most visitors first."""
    return tuple(Trouble(**_told(row)) for row in ask(lake, browsed, TROUBLE_STEPS))


def click_map(lake: Lake, browsed: Browsed, path: str) -> ClickMap:
    """Elements and places that were clicked on one page, the most clicked first."""
    values = {"path": path}
    [seen] = ask(lake, browsed, SEEN_STEPS, values=values)
    elements = ask(lake, browsed, ELEMENT_STEPS, values=values)
    hidden = is_too_small(seen["clickers"])
    points = [] if hidden else ask(lake, browsed, POINT_STEPS, values=values)
    return ClickMap(
        visitors=told(seen["visitors"]),
        page_width=seen["page_width"],
        page_height=seen["page_height"],
        elements=tuple(
            ElementClicks(
                share=None if is_too_small(row["clickers"]) else row["clickers"] / seen["visitors"],
                fixed=bool(row.pop("fixed")),
                **_told(row),
            )
            for row in elements
        ),
        points=tuple(ClickPoint(fixed=bool(row.pop("fixed")), **row) for row in points),
        hidden=hidden,
    )


def _told(row: dict[str, Any]) -> dict[str, Any]:
    visitors = ("clickers", "rage_visitors", "dead_visitors")
    return {**row, **{name: told(row[name]) for name in visitors}}


def widths_of(lake: Lake, browsed: Browsed, path: str) -> dict[Width, int | None]:
    """Visitors of a page by the width of their window, most first; None: fewer than five.

    Of visitors without a known width none is told.
    """
    rows = ask(lake, browsed, WIDTH_STEPS, values={"path": path})
    return {row["width"]: told(row["visitors"]) for row in rows if row["width"] is not None}

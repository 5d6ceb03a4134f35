"""The pages of a site: how many see them, how long and how far, and where visits begin and end."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import is_too_small, told
from rapport.understand.site.browsing import (
    Browsed,
    SiteScope,
    ask,
    site_query,
    view_steps,
    visit_steps,
)


class PageFigures(Struct, frozen=True, kw_only=True):
    """One page in a period.

    Attributes
    ----------
    visitors, visits : int or None
        None where they are fewer than five.
    entries, exits : int or None
        Visits whose first, and whose last, page it was; None where they are fewer than five.
    measured : int
        Views of which the time in sight is known.
    seconds : float or None
        The time in sight that half of the measured views do not exceed; None where nothing is
        known, or the visitors are fewer than five.
    scroll : float or None
        The median of the deepest scroll (0-1 of the page's height); None as for `seconds`.
    clicks, rage, dead : int
        Clicks on it, bursts of clicks in anger, and clicks that nothing answered.
    """

    path: str
    title: str | None
    views: int
    visitors: int | None
    visits: int | None
    entries: int | None
    exits: int | None
    measured: int
    seconds: float | None
    scroll: float | None
    clicks: int
    rage: int
    dead: int


STEPS = (
    *visit_steps(),
    *view_steps(),
    Step(
        "ranked",
        # Nearest rank (definition 1 of Hyndman & Fan): the same on every engine.
        "SELECT path, seconds, depth, count(seconds) OVER (PARTITION BY path) AS measured, "
        "count(depth) OVER (PARTITION BY path) AS scrolled, row_number() OVER ("
        "PARTITION BY path ORDER BY seconds ASC NULLS LAST, position ASC NULLS LAST) AS place, "
        "row_number() OVER (PARTITION BY path "
        "ORDER BY depth ASC NULLS LAST, position ASC NULLS LAST) AS depth_place FROM views",
    ),
    Step(
        "halves",
        "SELECT path, min(CASE WHEN 2 * place >= measured THEN seconds END) AS seconds, "
        "min(CASE WHEN 2 * depth_place >= scrolled THEN depth END) AS depth "
        "FROM ranked GROUP BY path",
    ),
    Step(
        "counted",
        "SELECT path, max(title) AS title, count(*) AS views, "
        "count(DISTINCT visitor) AS visitors, count(DISTINCT key) AS visits, "
        "sum(CASE WHEN number = 1 THEN 1 ELSE 0 END) AS entries, "
        "sum(CASE WHEN next_at IS NULL THEN 1 ELSE 0 END) AS exits, "
        "count(seconds) AS measured, sum(clicks) AS clicks, sum(rage) AS rage, sum(dead) AS dead "
        "FROM views GROUP BY path",
    ),
    Step(
        "answer",
        "SELECT c.path, c.title, c.views, c.visitors, c.visits, CAST(c.entries AS BIGINT) AS "
        "entries, CAST(c.exits AS BIGINT) AS exits, c.measured, h.seconds, h.depth, "
        "CAST(c.clicks AS BIGINT) AS clicks, CAST(c.rage AS BIGINT) AS rage, "
        "CAST(c.dead AS BIGINT) AS dead FROM counted AS c JOIN halves AS h ON h.path = c.path "
        "ORDER BY c.visitors DESC NULLS LAST, c.path ASC NULLS LAST",
    ),
)


def page_query(scope: SiteScope) -> Query:
    """The query behind `page_figures`."""
    return site_query(scope, STEPS)


def page_figures(lake: Lake, browsed: Browsed) -> tuple[PageFigures, ...]:
    """Every page that was seen, the one with most visitors first."""
    return tuple(_figures(row) for row in ask(lake, browsed, STEPS))


def _figures(row: dict[str, Any]) -> PageFigures:
    depth = row.pop("depth")
    # What half of three visitors read is what one of them did.
    measurable = not is_too_small(row["visitors"])
    counts = {name: told(row[name]) for name in ("visitors", "visits", "entries", "exits")}
    seconds = row["seconds"] if measurable else None
    scroll = depth / 100 if measurable and depth is not None else None
    return PageFigures(**{**row, **counts, "seconds": seconds, "scroll": scroll})

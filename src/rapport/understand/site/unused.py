"""Pages and features that nobody used: what is known to be there, less what was used.

Known are: what the company lists (a sitemap, or features by their address), elements with a
``data-rapport`` name that the tracker saw on a page, and what at least five visitors used in the
year before the period. *Nobody* has a margin too: of n visitors who might have used it none did;
so, 19 times in 20, fewer than 1 − 0.05^(1/n) of all would.

References
----------
Hanley & Lippman-Hand (1983), If Nothing Goes Wrong, Is Everything All Right?, JAMA 249(13).
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import SMALLEST_GROUP, is_too_small, told
from rapport.understand.site.browsing import Browsed, SiteScope, ask, site_query

KnownFrom = Literal["listed", "shown", "earlier"]
YEAR = timedelta(days=365)
_IN_PERIOD = "occurred_at >= $start AND occurred_at < $end AND path IS NOT NULL"


class Known(Struct, frozen=True, kw_only=True):
    """A page (`element` None) or an element of a page that is there to be used."""

    path: str
    element: str | None = None
    name: str | None = None


class Unused(Struct, frozen=True, kw_only=True):
    """A page or an element that nobody used in the period.

    Attributes
    ----------
    known_from : {"listed", "shown", "earlier"}
    visitors : int or None
        Who might have used it: of an element those who saw its page, of a page those of the site.
        None where they are fewer than five.
    below : float or None
        The share of visitors (0-1) that would use it is below this, 19 times in 20; None where
        nobody could, or fewer than five.
    last_used : datetime or None
        In the year before; None: not then either.
    """

    path: str
    element: str | None
    name: str | None
    known_from: KnownFrom
    visitors: int | None
    below: float | None
    last_used: datetime | None


USED_STEPS = (
    Step(
        "answer",
        "SELECT path, element, count(DISTINCT visitor) AS visitors, max(occurred_at) AS last_used "
        f"FROM seen WHERE {_IN_PERIOD} AND (type = $page_viewed "
        "OR (type = $element_clicked AND element IS NOT NULL)) GROUP BY path, element "
        "ORDER BY path ASC NULLS LAST, element ASC NULLS FIRST",
    ),
)
SHOWN_STEPS = (
    # Pages show few different sets of features, so that a set is one text.
    Step(
        "answer",
        "SELECT path, features, count(DISTINCT visitor) AS visitors FROM seen "
        f"WHERE type = $page_viewed AND {_IN_PERIOD} AND features IS NOT NULL "
        "GROUP BY path, features ORDER BY path ASC NULLS LAST, features ASC NULLS LAST",
    ),
)
VISITOR_STEPS = (
    Step(
        "answer",
        f"SELECT count(DISTINCT visitor) AS visitors FROM seen WHERE {_IN_PERIOD} "
        "AND type = $page_viewed",
    ),
)


def used_query(scope: SiteScope) -> Query:
    """The query of what was used, and by how many."""
    return site_query(scope, USED_STEPS)


def shown_query(scope: SiteScope) -> Query:
    """The query of the features that pages showed."""
    return site_query(scope, SHOWN_STEPS)


def unused(lake: Lake, browsed: Browsed, listed: Sequence[Known]) -> tuple[Unused, ...]:
    """What nobody used: listed, shown and formerly used, by page."""
    used = ask(lake, browsed, USED_STEPS)
    shown = ask(lake, browsed, SHOWN_STEPS)
    start = browsed.scope.start
    year = Browsed(
        scope=replace(browsed.scope, start=start - YEAR, until=start),
        tables={"left_out": browsed.tables["left_out"]},
    )
    former = ask(lake, year, USED_STEPS)
    [everybody] = ask(lake, browsed, VISITOR_STEPS)
    candidates: dict[tuple[str, str | None], tuple[KnownFrom, str | None]] = {}
    for each in listed:
        candidates.setdefault((each.path, each.element), ("listed", each.name))
    for row in shown:
        for name in row["features"].split("\n"):
            candidates.setdefault((row["path"], f'[data-rapport="{name}"]'), ("shown", name))
    for row in former:
        if row["visitors"] >= SMALLEST_GROUP:
            candidates.setdefault((row["path"], row["element"]), ("earlier", None))
    return tuple(_found(candidates, used, former, everybody["visitors"]))


def _found(
    candidates: dict[tuple[str, str | None], tuple[KnownFrom, str | None]],
    used: Sequence[dict[str, Any]],
    former: Sequence[dict[str, Any]],
    everybody: int,
) -> Iterable[Unused]:
    now, then = _by_page(used), _by_page(former)
    for (path, element), (known_from, name) in sorted(
        candidates.items(), key=lambda each: (each[0][0], each[0][1] or "")
    ):
        if _last(now[path], element) is not None:
            continue
        page = next((row["visitors"] for row in now[path] if row["element"] is None), 0)
        # A page that is gone takes its elements with it: it alone is told.
        if element is not None and not page:
            continue
        visitors = everybody if element is None else page
        yield Unused(
            path=path,
            element=element,
            name=name,
            known_from=known_from,
            visitors=told(visitors),
            below=1 - 0.05 ** (1 / visitors) if visitors and not is_too_small(visitors) else None,
            last_used=_last(then[path], element),
        )


def _by_page(rows: Sequence[dict[str, Any]]) -> defaultdict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["path"]].append(row)
    return found


def _last(rows: Sequence[dict[str, Any]], element: str | None) -> datetime | None:
    """When it, or something within it, was last used."""
    times = [
        row["last_used"]
        for row in rows
        if row["element"] == element
        or (element and row["element"] and row["element"].startswith(f"{element}>"))
    ]
    return max(times, default=None)

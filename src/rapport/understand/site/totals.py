"""A site's visits as a whole."""

from __future__ import annotations

from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import told
from rapport.understand.site.browsing import (
    Browsed,
    SiteScope,
    ask,
    site_query,
    view_steps,
    visit_steps,
)


class SiteTotals(Struct, frozen=True, kw_only=True):
    """All visits with a page; `measured` of the views have a known time in sight.

    `visits` and `visitors` are None where they are fewer than five.
    """

    visits: int | None
    visitors: int | None
    views: int
    measured: int
    rage: int
    dead: int


STEPS = (
    *visit_steps(),
    *view_steps(),
    Step(
        "answer",
        "SELECT count(DISTINCT key) AS visits, count(DISTINCT visitor) AS visitors, "
        "count(*) AS views, count(seconds) AS measured, "
        "CAST(coalesce(sum(rage), 0) AS BIGINT) AS rage, "
        "CAST(coalesce(sum(dead), 0) AS BIGINT) AS dead FROM views",
    ),
)


def totals_query(scope: SiteScope) -> Query:
    """The query behind `site_totals`."""
    return site_query(scope, STEPS)


def site_totals(lake: Lake, browsed: Browsed) -> SiteTotals:
    """Visits, visitors and views of the period."""
    [row] = ask(lake, browsed, STEPS)
    counts = {name: told(row[name]) for name in ("visits", "visitors")}
    return SiteTotals(**{**row, **counts})

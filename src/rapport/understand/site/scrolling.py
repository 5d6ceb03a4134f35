"""How far down a page is read."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.understand.site.browsing import (
    Browsed,
    SiteScope,
    ask,
    site_query,
    view_steps,
    visit_steps,
)


class ScrollReach(Struct, frozen=True, kw_only=True):
    """Of the views whose scrolling is known, how many came how far.

    `reached` has one number for each twentieth of the page's height, 0 %, 5 % … 100 %: views whose
    deepest scroll was at least that far. A depth is the lower edge of the window, so the first
    screen counts as read.
    """

    views: int
    reached: tuple[int, ...]

    def quantile(self, share: float) -> float | None:
        """How far (0-1, in twentieths) at least ``share`` of the views came."""
        if not self.views:
            return None
        return max(n for n, count in enumerate(self.reached) if count >= share * self.views) / 20


STEPS = (
    *visit_steps(),
    *view_steps(),
    Step(
        "answer",
        "SELECT depth, count(*) AS views FROM views WHERE path = $path AND depth IS NOT NULL "
        "GROUP BY depth ORDER BY depth ASC NULLS LAST",
    ),
)


def scroll_query(scope: SiteScope, path: str) -> Query:
    """The query behind `scroll_reach`."""
    return site_query(scope, STEPS, values={"path": path})


def scroll_reach(lake: Lake, browsed: Browsed, path: str) -> ScrollReach:
    """The reach curve of one page."""
    rows = ask(lake, browsed, STEPS, values={"path": path})
    deepest: Counter[int] = Counter({row["depth"]: row["views"] for row in rows})
    return ScrollReach(
        views=deepest.total(),
        reached=tuple(
            sum(count for depth, count in deepest.items() if depth >= 5 * n) for n in range(21)
        ),
    )

"""Pages that are visited in vain: seen, and of no use to the visit.

A page was of **no use** to a visit when, at each look at it, the visitor *left at once* (the visit
ended there within ten seconds in sight, and nothing on it was clicked) or *went straight back* (to
the page before, within thirty seconds: pogo-sticking), and no later step of the visit led towards
an order. Visits that had ordered already are left out: after the thank-you page people may go. So
are visits of whose look at the page nobody measured the time.

A page is called **useless** when the share of such visits is higher than on all other pages
together, by more than chance: two-proportion test, corrected by Holm for the number of pages.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from scipy import stats

from rapport.engines.lake import Lake, Query, Step
from rapport.understand.significance import Side, holm, proportions_differ
from rapport.understand.site.browsing import (
    Browsed,
    SiteScope,
    ask,
    site_query,
    view_steps,
    visit_steps,
)

SECONDS_AT_ONCE = 10
#: Fewer visits say nothing of a page.
FEWEST = 30
_LEVEL = 0.05


class Usefulness(Struct, frozen=True, kw_only=True):
    """How often a page was of no use.

    Attributes
    ----------
    visits : int
        That looked at it, were measured and had not ordered before.
    in_vain, left_at_once, went_back : int
        Visits to which it was of no use, and how; one visit may do both.
    base : float
        The share (0-1) of such visits over all other pages.
    low, high : float
        Wilson's 95 % interval of the page's own share.
    useless : bool
        Above the base by more than chance.
    """

    path: str
    title: str | None
    visits: int
    in_vain: int
    left_at_once: int
    went_back: int
    base: float
    low: float
    high: float
    useless: bool

    @property
    def share(self) -> float:
        """Of its visits, those to which it was of no use (0-1)."""
        return self.in_vain / self.visits


STEPS = (
    *visit_steps(),
    *view_steps(),
    Step(
        "looks",
        "SELECT path, key, title, CASE WHEN ordered_at <= occurred_at THEN 1 ELSE 0 END AS "
        "had_ordered, CASE WHEN seconds IS NULL THEN 0 ELSE 1 END AS is_measured, "
        "CASE WHEN last_step_at > occurred_at THEN 1 ELSE 0 END AS led_on, "
        "CASE WHEN next_at IS NULL AND clicks = 0 AND seconds <= $at_once THEN 1 ELSE 0 END AS "
        "left_at_once, CASE WHEN next_path = before_path AND next_path <> path "
        "AND next_at <= occurred_at + INTERVAL '30' SECOND THEN 1 ELSE 0 END AS went_back "
        "FROM views",
    ),
    Step(
        "of_visits",
        "SELECT path, key, max(title) AS title, max(left_at_once) AS left_at_once, "
        "max(went_back) AS went_back, "
        "min(CASE WHEN led_on = 0 AND (left_at_once = 1 OR went_back = 1) THEN 1 ELSE 0 END) "
        "AS in_vain FROM looks GROUP BY path, key "
        "HAVING min(had_ordered) = 0 AND max(is_measured) = 1",
    ),
    Step(
        "answer",
        "SELECT path, max(title) AS title, count(*) AS visits, "
        "CAST(sum(in_vain) AS BIGINT) AS in_vain, "
        "CAST(sum(in_vain * left_at_once) AS BIGINT) AS left_at_once, "
        "CAST(sum(in_vain * went_back) AS BIGINT) AS went_back "
        "FROM of_visits GROUP BY path ORDER BY path ASC NULLS LAST",
    ),
)
_VALUES = {"at_once": SECONDS_AT_ONCE}


def usefulness_query(scope: SiteScope) -> Query:
    """The query behind `usefulness`, before pages are compared."""
    return site_query(scope, STEPS, values=_VALUES)


def usefulness(lake: Lake, browsed: Browsed) -> tuple[Usefulness, ...]:
    """Pages with enough visits, those of least use first."""
    rows = ask(lake, browsed, STEPS, values=_VALUES)
    visits, in_vain = (sum(row[name] for row in rows) for name in ("visits", "in_vain"))
    judged = [row for row in rows if row["visits"] >= FEWEST]
    sides = [
        (
            Side(value=row["in_vain"] / row["visits"], n=row["visits"]),
            _share(in_vain - row["in_vain"], visits - row["visits"]),
        )
        for row in judged
    ]
    chances = holm([proportions_differ(base, own) for own, base in sides])
    found = [
        _judged(row, own, base, chance)
        for row, (own, base), chance in zip(judged, sides, chances, strict=True)
    ]
    return tuple(sorted(found, key=lambda each: (not each.useless, -each.share, each.path)))


def useless_pages(found: Sequence[Usefulness]) -> tuple[Usefulness, ...]:
    """Those above the site's base by more than chance; most visits in vain first."""
    return tuple(sorted((f for f in found if f.useless), key=lambda f: -f.in_vain))


def _share(part: int, whole: int) -> Side:
    return Side(value=part / whole if whole else 0.0, n=whole)


def _judged(row: dict[str, object], own: Side, base: Side, chance: float) -> Usefulness:
    interval = stats.binomtest(row["in_vain"], own.n).proportion_ci(method="wilson")
    return Usefulness(
        **row,  # type: ignore[arg-type]
        base=base.value,
        low=float(interval.low),
        high=float(interval.high),
        useless=own.value > base.value and chance < _LEVEL,
    )

"""What interests visitors: categories and products they look at, against the period before."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import is_too_small
from rapport.understand.significance import Side, holm, proportions_differ
from rapport.understand.site.browsing import (
    Browsed,
    SiteScope,
    ask,
    site_query,
    view_steps,
    visit_steps,
)

By = Literal["category", "product"]
_LEVEL = 0.05


class Interest(Struct, frozen=True, kw_only=True):
    """Looks at products of one category, or at one product.

    Attributes
    ----------
    visitors : int
    views_per_visitor : float
    share, share_before : float
        Of visitors who looked at any product, those who looked at this (0-1); before None without
        such visitors, or where fewer than five looked at this.
    seconds : float or None
        Median time in sight of the pages on which it was looked at, where the tracker tells.
    changed : bool
        The share changed by more than chance (two-proportion test, Holm over all rows).
    """

    name: str
    views: int
    visitors: int
    views_per_visitor: float
    share: float
    share_before: float | None
    seconds: float | None
    changed: bool


def interest_steps(by: By) -> tuple[Step, ...]:
    """The chain behind `interests`."""
    return (
        *visit_steps(),
        *view_steps(),
        Step(
            "looks",
            f"SELECT e.{by} AS name, e.visitor, e.position, s.seconds FROM acts AS e "
            "LEFT JOIN views AS s ON s.view = e.view "
            f"WHERE e.type = $product_viewed AND e.{by} IS NOT NULL",
        ),
        Step(
            "ranked",
            "SELECT name, seconds, count(seconds) OVER (PARTITION BY name) AS measured, "
            "row_number() OVER (PARTITION BY name ORDER BY seconds ASC NULLS LAST, "
            "position ASC NULLS LAST) AS place FROM looks",
        ),
        Step(
            "halves",
            "SELECT name, min(CASE WHEN 2 * place >= measured THEN seconds END) AS seconds "
            "FROM ranked GROUP BY name",
        ),
        Step(
            "counted",
            "SELECT name, count(*) AS views, count(DISTINCT visitor) AS visitors "
            "FROM looks GROUP BY name",
        ),
        Step("everybody", "SELECT count(DISTINCT visitor) AS lookers FROM looks"),
        Step(
            "answer",
            "SELECT c.name, c.views, c.visitors, h.seconds, a.lookers FROM counted AS c "
            "JOIN halves AS h ON h.name = c.name CROSS JOIN everybody AS a "
            "ORDER BY c.visitors DESC NULLS LAST, c.name ASC NULLS LAST",
        ),
    )


def interest_query(scope: SiteScope, by: By) -> Query:
    """The query behind `interests`, of one period."""
    return site_query(scope, interest_steps(by))


def interests(lake: Lake, browsed: Browsed, before: Browsed, by: By) -> tuple[Interest, ...]:
    """What was looked at by enough visitors to be told, by most of them first.

    Parameters
    ----------
    before : Browsed
        Of the same visitors' period just before.
    """
    steps = interest_steps(by)
    rows = ask(lake, browsed, steps)
    former = {row["name"]: row for row in ask(lake, before, steps)}
    lookers = next((row["lookers"] for row in former.values()), 0)
    told = [row for row in rows if not is_too_small(row["visitors"])]
    earlier = [
        _side(former.get(row["name"], {}).get("visitors", 0), lookers) if lookers else None
        for row in told
    ]
    chances = holm(
        [
            1.0 if old is None else proportions_differ(old, _side(row["visitors"], row["lookers"]))
            for row, old in zip(told, earlier, strict=True)
        ]
    )
    return tuple(
        _interest(row, None if _few_before(row, former) else old, chance)
        for row, old, chance in zip(told, earlier, chances, strict=True)
    )


def _few_before(row: Mapping[str, Any], former: Mapping[str, Mapping[str, Any]]) -> bool:
    return row["name"] in former and is_too_small(former[row["name"]]["visitors"])


def _side(visitors: int, lookers: int) -> Side:
    return Side(value=visitors / lookers, n=lookers)


def _interest(row: Mapping[str, Any], old: Side | None, chance: float) -> Interest:
    return Interest(
        name=row["name"],
        views=row["views"],
        visitors=row["visitors"],
        views_per_visitor=row["views"] / row["visitors"],
        share=row["visitors"] / row["lookers"],
        share_before=None if old is None else old.value,
        seconds=row["seconds"],
        changed=chance < _LEVEL,
    )

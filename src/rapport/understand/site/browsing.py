"""Behaviour on one site as named steps: who did what, in which visit.

Every question of this folder begins with `seen_steps` (events of the chosen visitors) and most go
on with `visit_steps`. A **visitor** is a person, or a browser while nobody is known behind it. A
**visit** is what a visitor did without a pause of half an hour; it counts, whole, in the period in
which it began.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.vocabulary import touchpoint as v

#: Windows in CSS pixels: phones below 600, tablets below 1024, and above.
Width = Literal["phone", "tablet", "desktop"]
WIDTHS: tuple[Width, ...] = ("phone", "tablet", "desktop")
TABLET_FROM, DESKTOP_FROM = 600, 1024


class SiteScope(Struct, frozen=True, kw_only=True):
    """Whose behaviour is asked of: a site, a period, and maybe some of its visitors.

    Attributes
    ----------
    source : str
        The site: the source that its tracker sends to.
    start, until : datetime
        Visits that began in [start, until).
    width : {"phone", "tablet", "desktop"}, optional
        By the width of the window in which a page was looked at.
    country, language : str, optional
        Of known customers only: of others neither is known.
    """

    source: str
    start: datetime
    until: datetime
    width: Width | None = None
    country: str | None = None
    language: str | None = None

    @property
    def before(self) -> SiteScope:
        """The same of the period of the same length just before."""
        return SiteScope(
            source=self.source, start=self.start - (self.until - self.start), until=self.start,
            width=self.width, country=self.country, language=self.language,
        )  # fmt: skip


_STEPS = ", ".join(f"$step_{n}" for n in range(len(v.ORDER_STEPS)))
IS_STEP = f"type IN ({_STEPS})"
#: What tells of a view afterwards, or of a click in it, begins and ends no visit.
_DETAIL = "($page_engaged, $element_clicked, $rage_clicked, $dead_clicked)"
_IN_TURN = "ORDER BY e.occurred_at ASC NULLS LAST, e.position ASC NULLS LAST"
WIDTH = (
    "CASE WHEN view_width < $tablet_from THEN 'phone' "
    "WHEN view_width < $desktop_from THEN 'tablet' "
    "WHEN view_width >= $desktop_from THEN 'desktop' END"
)
_BORDER = timedelta(days=1)


def parameters_of(scope: SiteScope) -> dict[str, Any]:
    """What the steps bind by name."""
    return {
        **relations.TYPES,
        **{f"step_{n}": kind for n, kind in enumerate(v.ORDER_STEPS)},
        "page_engaged": v.PAGE_ENGAGED,
        "element_clicked": v.ELEMENT_CLICKED,
        "rage_clicked": v.RAGE_CLICKED,
        "dead_clicked": v.DEAD_CLICKED,
        "product_viewed": v.PRODUCT_VIEWED,
        "searched": v.PRODUCTS_SEARCHED,
        "tablet_from": TABLET_FROM,
        "desktop_from": DESKTOP_FROM,
        "source": scope.source,
        "start": scope.start,
        "end": scope.until,
        # A day more on either side: a visit is whole where it crosses a border.
        "seen_from": scope.start - _BORDER,
        "seen_until": scope.until + _BORDER,
        "width": scope.width,
        "country": scope.country,
        "language": scope.language,
    }


def seen_steps(scope: SiteScope) -> tuple[Step, ...]:
    """Events on the site and steps towards an order anywhere, with their visitor: ``seen``."""
    joined, chosen = "", ""
    if scope.country is not None or scope.language is not None:
        joined = " JOIN customers AS c ON c.profile_id = m.profile_id"
        chosen += "" if scope.country is None else " AND c.country = $country"
        chosen += "" if scope.language is None else " AND c.language = $language"
    columns = (
        "position", "occurred_at", "source", "type", "view", "path", "origin", "title",
        "view_width", "page_width", "page_height", "features", "element", "x", "y", "page_x",
        "page_y", "fixed", "scroll_depth", "visible_seconds", "term", "results", "category",
        "product",
    )  # fmt: skip
    listed = ", ".join(f"e.{name}" for name in columns)
    seen = Step(
        "seen" if scope.width is None else "seen_any_width",
        f"SELECT {listed}, coalesce(m.profile_id, "
        "concat('record ', CAST(e.atom_id AS VARCHAR))) AS visitor "
        "FROM site_events AS e LEFT JOIN left_out AS r ON r.position = e.position "
        f"LEFT JOIN membership AS m ON m.atom_id = e.atom_id{joined} "
        "WHERE e.atom_id IS NOT NULL AND e.occurred_at >= $seen_from "
        "AND e.occurred_at < $seen_until AND r.position IS NULL "
        f"AND (e.source = $source OR e.{IS_STEP}){chosen}",
    )
    if scope.width is None:
        return (seen,)
    return (
        seen,
        Step(
            "fitting",
            "SELECT DISTINCT view FROM seen_any_width "
            f"WHERE type = $page_viewed AND {WIDTH} = $width",
        ),
        Step(
            "seen",
            "SELECT e.* FROM seen_any_width AS e LEFT JOIN fitting AS f ON f.view = e.view "
            f"WHERE f.view IS NOT NULL OR e.{IS_STEP}",
        ),
    )


def visit_steps() -> tuple[Step, ...]:
    """Page views, searches, products and order steps with their visit: ``acts``.

    `visit` numbers a visitor's visits; `key` names one among all.
    """
    return (
        Step(
            "paused",
            "SELECT e.position, e.occurred_at, e.source, e.type, e.view, e.path, e.title, "
            "e.view_width, e.term, e.results, e.category, e.product, e.visitor, "
            f"lag(e.occurred_at) OVER (PARTITION BY e.visitor {_IN_TURN}) AS before_at "
            f"FROM seen AS e WHERE e.type NOT IN {_DETAIL}",
        ),
        Step(
            "begun",
            "SELECT e.*, CASE WHEN e.before_at IS NULL "
            "OR e.before_at < e.occurred_at - INTERVAL '30' MINUTE THEN 1 ELSE 0 END AS begins "
            "FROM paused AS e",
        ),
        Step(
            "numbered",
            f"SELECT e.*, sum(e.begins) OVER (PARTITION BY e.visitor {_IN_TURN} "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS visit FROM begun AS e",
        ),
        Step(
            "summed_visits",
            "SELECT visitor, visit, min(occurred_at) AS began, "
            f"max(CASE WHEN {IS_STEP} THEN occurred_at END) AS last_step_at, "
            "min(CASE WHEN type = $order_completed THEN occurred_at END) AS ordered_at "
            "FROM numbered GROUP BY visitor, visit "
            # An order that another system told of is a step of a visit, but no visit by itself.
            "HAVING sum(CASE WHEN source = $source THEN 1 ELSE 0 END) > 0",
        ),
        Step(
            "acts",
            "SELECT e.*, concat(e.visitor, ' ', CAST(e.visit AS VARCHAR)) AS key, "
            "s.began, s.last_step_at, s.ordered_at FROM numbered AS e "
            "JOIN summed_visits AS s ON s.visitor = e.visitor AND s.visit = e.visit "
            "WHERE s.began >= $start AND s.began < $end",
        ),
    )


def view_steps() -> tuple[Step, ...]:
    """Each page view of `visit_steps` with what was done in it, and what came next: ``views``.

    `seconds` (in sight) and `depth` are null where the tracker does not tell of them; `number`
    counts the pages of a visit from 1.
    """
    turn = "PARTITION BY e.key " + _IN_TURN
    return (
        Step(
            "used",
            "SELECT view, sum(visible_seconds) AS seconds, max(scroll_depth) AS depth, "
            "sum(CASE WHEN type = $element_clicked THEN 1 ELSE 0 END) AS clicks, "
            "sum(CASE WHEN type = $rage_clicked THEN 1 ELSE 0 END) AS rage, "
            "sum(CASE WHEN type = $dead_clicked THEN 1 ELSE 0 END) AS dead "
            f"FROM seen WHERE type IN {_DETAIL} AND view IS NOT NULL GROUP BY view",
        ),
        Step(
            "turned",
            "SELECT e.key, e.visitor, e.view, e.path, e.title, e.view_width, e.occurred_at, "
            f"e.position, e.last_step_at, e.ordered_at, row_number() OVER ({turn}) AS number, "
            f"lag(e.path) OVER ({turn}) AS before_path, lead(e.path) OVER ({turn}) AS next_path, "
            f"lead(e.occurred_at) OVER ({turn}) AS next_at "
            "FROM acts AS e WHERE e.type = $page_viewed AND e.path IS NOT NULL",
        ),
        Step(
            "views",
            "SELECT e.*, u.seconds, u.depth, coalesce(u.clicks, 0) AS clicks, "
            "coalesce(u.rage, 0) AS rage, coalesce(u.dead, 0) AS dead "
            "FROM turned AS e LEFT JOIN used AS u ON u.view = e.view",
        ),
    )


def site_query(
    scope: SiteScope, steps: tuple[Step, ...], *, values: Mapping[str, Any] | None = None
) -> Query:
    """A whole query from touchpoints to an answer, for an engine that has nothing made yet."""
    chain = (*relations.corrections(as_known_then=False), *seen_steps(scope), *steps)
    return relations.bind(chain, {**parameters_of(scope), **(values or {})})


class Browsed(Struct, frozen=True, kw_only=True):
    """Behaviour as it was asked of, with what all questions read made once.

    `tables` has ``left_out``, of `knowledge`, and the steps ``acts`` and ``views``.
    """

    scope: SiteScope
    tables: Mapping[str, pa.Table]


_ACTS = Step("answer", "SELECT * FROM acts")
_VIEWS = Step("answer", "SELECT * FROM views")


def browse(lake: Lake, scope: SiteScope, *, left_out: pa.Table) -> Browsed:
    """The visits and views of a scope, read once for all questions about them."""
    unread = Browsed(scope=scope, tables={"left_out": left_out})
    acts = _answer(lake, unread, (*visit_steps(), _ACTS), {})
    known = Browsed(scope=scope, tables={"left_out": left_out, "acts": acts})
    views = _answer(lake, known, (*view_steps(), _VIEWS), {})
    return Browsed(scope=scope, tables={"left_out": left_out, "acts": acts, "views": views})


def ask(
    lake: Lake,
    browsed: Browsed,
    steps: tuple[Step, ...],
    *,
    values: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The rows of a question's steps."""
    rows: list[dict[str, Any]] = _answer(lake, browsed, steps, values or {}).to_pylist()
    return rows


def _answer(
    lake: Lake, browsed: Browsed, steps: tuple[Step, ...], values: Mapping[str, Any]
) -> pa.Table:
    # What is made already stands for its step; engines do not run steps that nothing reads.
    chain = tuple(
        step for step in (*seen_steps(browsed.scope), *steps) if step.name not in browsed.tables
    )
    query = relations.bind(chain, {**parameters_of(browsed.scope), **values})
    return lake.ask(query, tables=browsed.tables)

"""Visits one by one: those that saw a page, and all that happened in one."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InvalidInput
from rapport.understand.site.browsing import (
    Browsed,
    SiteScope,
    ask,
    site_query,
    view_steps,
    visit_steps,
)
from rapport.vocabulary.lake_tables import bucket_of

MOST = 20
_MOST_RECORDS = 1000


class PageVisit(Struct, frozen=True, kw_only=True):
    """A visit that saw a page.

    `visitor` is a profile's id, or begins with "record" where nobody is known; `seconds`, `depth`,
    clicks, rage and dead are of this page.
    """

    visitor: str
    began: datetime
    last: datetime
    pages: int
    seconds: float | None
    depth: int | None
    clicks: int
    rage: int
    dead: int


STEPS = (
    *visit_steps(),
    *view_steps(),
    Step(
        "of_page",
        "SELECT key, sum(seconds) AS seconds, max(depth) AS depth, sum(clicks) AS clicks, "
        "sum(rage) AS rage, sum(dead) AS dead FROM views WHERE path = $path GROUP BY key",
    ),
    Step(
        "whole",
        "SELECT key, visitor, min(began) AS began, max(occurred_at) AS last_at, "
        "CAST(sum(CASE WHEN type = $page_viewed THEN 1 ELSE 0 END) AS BIGINT) AS pages "
        "FROM acts GROUP BY key, visitor",
    ),
    Step(
        "answer",
        "SELECT w.visitor, w.began, w.last_at, w.pages, p.seconds, p.depth, "
        "CAST(p.clicks AS BIGINT) AS clicks, CAST(p.rage AS BIGINT) AS rage, "
        "CAST(p.dead AS BIGINT) AS dead FROM of_page AS p JOIN whole AS w ON w.key = p.key "
        "ORDER BY p.rage + p.dead DESC NULLS LAST, w.began DESC NULLS LAST, "
        f"w.visitor ASC NULLS LAST LIMIT {MOST}",
    ),
)


def page_visit_query(scope: SiteScope, path: str) -> Query:
    """The query behind `page_visits`."""
    return site_query(scope, STEPS, values={"path": path})


def page_visits(lake: Lake, browsed: Browsed, path: str) -> tuple[PageVisit, ...]:
    """At most twenty visits that saw the page: those with trouble on it first, then the newest."""
    rows = ask(lake, browsed, STEPS, values={"path": path})
    return tuple(PageVisit(last=row.pop("last_at"), **row) for row in rows)


def visit_query(atom_ids: Sequence[int], start: datetime, until: datetime) -> Query:
    """The query behind `visit_events`."""
    atoms = sorted(set(atom_ids))
    if not 1 <= len(atoms) <= _MOST_RECORDS:
        raise InvalidInput(f"A visit is of 1 to {_MOST_RECORDS} records, not {len(atoms)}")
    # The bucket is the partition: naming it spares opening the others.
    buckets = sorted({bucket_of(atom) for atom in atoms})
    parameters: dict[str, Any] = {f"atom_{i}": atom for i, atom in enumerate(atoms)}
    parameters |= {f"bucket_{i}": bucket for i, bucket in enumerate(buckets)}
    return Query(
        steps=(
            Step(
                "answer",
                "SELECT e.position, e.occurred_at, e.type, e.view, e.path, e.title, e.element, "
                "e.scroll_depth, e.visible_seconds, e.term, e.results, e.category, e.product "
                "FROM site_events AS e "
                f"WHERE e.bucket IN ({', '.join(f'$bucket_{i}' for i in range(len(buckets)))}) "
                f"AND e.atom_id IN ({', '.join(f'$atom_{i}' for i in range(len(atoms)))}) "
                "AND e.occurred_at >= $start AND e.occurred_at <= $until "
                "ORDER BY e.occurred_at ASC NULLS LAST, e.position ASC NULLS LAST",
            ),
        ),
        parameters={**parameters, "start": start, "until": until},
    )


def visit_events(
    lake: Lake, atom_ids: Sequence[int], *, start: datetime, until: datetime
) -> list[dict[str, Any]]:
    """What a person's records did on sites in [start, until], in order."""
    rows: list[dict[str, Any]] = lake.ask(visit_query(atom_ids, start, until)).to_pylist()
    return rows

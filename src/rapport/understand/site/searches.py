"""What visitors look for on a site, and what they do not find."""

from __future__ import annotations

from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import is_too_small
from rapport.understand.site.browsing import (
    Browsed,
    SiteScope,
    ask,
    site_query,
    view_steps,
    visit_steps,
)


class SearchTerm(Struct, frozen=True, kw_only=True):
    """One term, in small letters.

    Attributes
    ----------
    term : str or None
        None for all terms together that fewer than five visitors used, which may name persons, and
        those that look like an address or a number.
    visitors : int or None
        None where too few to be told.
    without_result : int
        Searches that found nothing; searches whose number of results the site does not tell are
        not among them.
    ended : int
        Searches after which the visit ended, and nothing was clicked on the page of the results.
    left_out : int
        How many different terms are put together here; 0 where it is one that is named.
    """

    term: str | None
    searches: int
    visitors: int | None
    without_result: int
    ended: int
    left_out: int = 0


STEPS = (
    *visit_steps(),
    *view_steps(),
    Step(
        "asked",
        "SELECT e.key, e.visitor, e.type, e.term, e.results, e.view, "
        "lead(e.occurred_at) OVER (PARTITION BY e.key ORDER BY e.occurred_at ASC NULLS LAST, "
        "e.position ASC NULLS LAST) AS next_at FROM acts AS e",
    ),
    Step(
        "followed",
        "SELECT a.visitor, a.term, a.results, a.next_at, v.clicks FROM asked AS a "
        "LEFT JOIN views AS v ON v.view = a.view WHERE a.type = $searched",
    ),
    Step(
        "terms",
        "SELECT term, count(*) AS searches, count(DISTINCT visitor) AS visitors, "
        "CAST(sum(CASE WHEN results = 0 THEN 1 ELSE 0 END) AS BIGINT) AS without_result, "
        "CAST(sum(CASE WHEN next_at IS NULL AND coalesce(clicks, 0) = 0 THEN 1 ELSE 0 END) "
        "AS BIGINT) AS ended FROM followed GROUP BY term",
    ),
    Step(
        "answer",
        "SELECT term, searches, visitors, without_result, ended FROM terms "
        "ORDER BY without_result DESC NULLS LAST, searches DESC NULLS LAST, term ASC NULLS LAST",
    ),
)


def search_query(scope: SiteScope) -> Query:
    """The query behind `search_terms`, before rare terms are put together."""
    return site_query(scope, STEPS)


def search_terms(lake: Lake, browsed: Browsed) -> tuple[SearchTerm, ...]:
    """Terms, those that found nothing most often first; the rare ones together at the end."""
    rows = ask(lake, browsed, STEPS)
    told = [row for row in rows if row["term"] is not None and not is_too_small(row["visitors"])]
    rest = [row for row in rows if row not in told]
    found = [SearchTerm(**row) for row in told]
    if rest:
        sums = {
            name: sum(row[name] for row in rest) for name in ("searches", "without_result", "ended")
        }
        rare = sum(row["term"] is not None for row in rest)
        found.append(SearchTerm(term=None, visitors=None, left_out=rare, **sums))
    return tuple(found)

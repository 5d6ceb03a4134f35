"""Which sites there are, where they stand, and by whom their visitors can be narrowed."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
from msgspec import Struct

from rapport.engines.lake import Lake, Query, Step
from rapport.privacy.disclosure import is_too_small
from rapport.vocabulary import touchpoint as v


class SiteSeen(Struct, frozen=True, kw_only=True):
    """Page views of one source at one origin, such as ``https://shop.example``."""

    source: str
    origin: str | None
    views: int


class Audiences(Struct, frozen=True, kw_only=True):
    """Countries and languages of customers, the commonest first."""

    countries: tuple[str, ...]
    languages: tuple[str, ...]


_SITES = (
    Step(
        "answer",
        "SELECT source, origin, count(*) AS views FROM site_events "
        "WHERE type = $page_viewed AND occurred_at >= $start GROUP BY source, origin "
        "ORDER BY views DESC NULLS LAST, source ASC NULLS LAST, origin ASC NULLS LAST",
    ),
)
_AUDIENCES = (
    Step(
        "answer",
        "SELECT country, language, count(*) AS customers FROM customers GROUP BY country, language",
    ),
)


def sites_query(since: datetime) -> Query:
    """The query behind `sites_seen`."""
    return Query(steps=_SITES, parameters={"page_viewed": v.PAGE_VIEWED, "start": since})


def sites_seen(lake: Lake, *, since: datetime) -> tuple[SiteSeen, ...]:
    """Every source and origin with page views, the largest first."""
    return tuple(SiteSeen(**row) for row in lake.ask(sites_query(since)).to_pylist())


def audiences(lake: Lake) -> Audiences:
    """What visitors can be narrowed by; groups too small to be told are left out."""
    rows: pa.Table = lake.ask(Query(steps=_AUDIENCES))

    def commonest(name: str) -> tuple[str, ...]:
        sums: dict[str, int] = {}
        for row in rows.to_pylist():
            if row[name] is not None:
                sums[row[name]] = sums.get(row[name], 0) + row["customers"]
        told = (value for value, count in sums.items() if not is_too_small(count))
        return tuple(sorted(told, key=lambda value: (-sums[value], value)))

    return Audiences(countries=commonest("country"), languages=commonest("language"))

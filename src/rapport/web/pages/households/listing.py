"""The list of households."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.group_lists import group_cells, groups_page, place_of
from rapport.web.parts.tables import Column, meter
from rapport.workflows.households import HouseholdPage, HouseholdRow


def listing_page(context: PageContext, shown: HouseholdPage, sort: str, now: datetime) -> h.Markup:
    """The whole page."""
    return groups_page(
        context,
        "household",
        shown,
        sort,
        people="members",
        rows=[_row(context, row, shown.currency, now) for row in shown.rows],
        more=[Column(label=context.t("groups.sure"), numeric=True)],
        subtitle=_everybody(context, shown),
    )


def _everybody(context: PageContext, shown: HouseholdPage) -> str:
    """How many households of how many people; of a search the number found says enough."""
    if shown.total is None or shown.query:
        return ""
    t = context.t
    return t(
        "groups.household.subtitle",
        households=t("groups.household.count", count=shown.total),
        people=t("groups.persons", count=shown.people),
    )


def _row(context: PageContext, row: HouseholdRow, currency: str, now: datetime) -> list[h.Child]:
    name = h.a(
        {"href": f"/households/{quote(row.household_id)}", "title": row.name},
        h.bdi(row.name) if row.name else context.t("groups.nameless"),
    )
    return [
        *group_cells(
            context,
            row,
            name=name,
            place=place_of(row.postal_code, row.city, row.country),
            people=row.members,
            currency=currency,
            now=now,
        ),
        meter(row.confidence, context.n.share(min(row.confidence, 0.99), digits=0)),
    ]

"""The list of companies."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.group_lists import group_cells, groups_page, place_of
from rapport.workflows.company_accounts import AccountPage, AccountRow


def listing_page(context: PageContext, shown: AccountPage, sort: str, now: datetime) -> h.Markup:
    """The whole page."""
    return groups_page(
        context,
        "account",
        shown,
        sort,
        people="people",
        rows=[_row(context, row, shown.currency, now) for row in shown.rows],
    )


def _row(context: PageContext, row: AccountRow, currency: str, now: datetime) -> list[h.Child]:
    name = h.div(
        h.a({"href": f"/accounts/{quote(row.account_id)}", "title": row.name}, h.bdi(row.name)),
        h.div({"class": "note"}, context.t("groups.account.only_named"))
        if row.profile_id is None
        else None,
    )
    return group_cells(
        context,
        row,
        name=name,
        place=place_of(None, row.city, row.country),
        people=row.people,
        currency=currency,
        now=now,
        has_orders=row.profile_id is not None,
    )

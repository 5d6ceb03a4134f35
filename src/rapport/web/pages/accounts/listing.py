"""The list of companies."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from rapport.web import html as h
from rapport.web.pages.households.listing import nothing_card, place_of, search_card, turning
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.tables import Column, sort_by, table
from rapport.workflows.company_accounts import AccountPage, AccountRow


def listing_page(context: PageContext, shown: AccountPage, sort: str, now: datetime) -> h.Markup:
    """The whole page."""
    t = context.t
    count = len(shown.rows) if shown.total is None else shown.total
    return page(
        context,
        t("groups.account.title"),
        h.div(
            {"class": "stack"},
            search_card(context, "/accounts", shown.query, t("groups.account.search_hint")),
            _list(context, shown, sort, now)
            if shown.rows
            else nothing_card(
                context,
                "/accounts",
                shown.query,
                empty=t("groups.account.empty"),
                detail=t("groups.account.empty_detail"),
                icon_name="building-complex",
            ),
        ),
        subtitle=t("groups.account.count", count=count),
    )


def _list(context: PageContext, shown: AccountPage, sort: str, now: datetime) -> h.Markup:
    t = context.t
    return card(
        table(
            context,
            [
                Column(label=t("groups.name"), key="name", clip=True),
                Column(label=t("groups.place"), clip=True),
                Column(label=t("groups.people"), key="people", numeric=True),
                Column(label=t("groups.orders"), key="orders", numeric=True),
                Column(label=t("groups.revenue"), key="revenue", numeric=True),
                Column(label=t("groups.last_seen"), key="last_seen"),
            ],
            (_row(context, row, shown.currency, now) for row in shown.rows),
            caption=t("groups.account.title"),
            sort=sort_by(
                "/accounts",
                sort.removeprefix("-"),
                descending=sort.startswith("-"),
                keep=[("q", shown.query)] if shown.query else [],
            ),
        ),
        turning(context, "/accounts", shown, sort),
        flush=True,
    )


def _row(context: PageContext, row: AccountRow, currency: str, now: datetime) -> list[h.Child]:
    n = context.n
    return [
        h.div(
            h.a({"href": f"/accounts/{quote(row.account_id)}", "title": row.name}, h.bdi(row.name)),
            h.div({"class": "note"}, context.t("groups.account.only_named"))
            if row.profile_id is None
            else None,
        ),
        place_of(None, row.city, row.country),
        n.count(row.people),
        n.count(row.order_count) if row.profile_id else None,
        n.money(row.revenue, currency=currency) if row.profile_id else None,
        h.span({"title": n.date_time(row.last_seen), "class": "nowrap"}, n.ago(row.last_seen, now))
        if row.last_seen
        else None,
    ]

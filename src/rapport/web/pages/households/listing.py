"""The list of households."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode

from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, meter, pagination, sort_by, table
from rapport.workflows.company_accounts import AccountPage
from rapport.workflows.households import HouseholdPage, HouseholdRow


def listing_page(context: PageContext, shown: HouseholdPage, sort: str, now: datetime) -> h.Markup:
    """The whole page."""
    t = context.t
    return page(
        context,
        t("groups.household.title"),
        h.div(
            {"class": "stack"},
            search_card(context, "/households", shown.query, t("groups.household.search_hint")),
            _list(context, shown, sort, now)
            if shown.rows
            else nothing_card(
                context,
                "/households",
                shown.query,
                empty=t("groups.household.empty"),
                detail=t("groups.household.empty_detail"),
                icon_name="house",
            ),
        ),
        subtitle=_subtitle(context, shown),
    )


def _subtitle(context: PageContext, shown: HouseholdPage) -> str:
    t = context.t
    if shown.total is None or shown.query:
        count = len(shown.rows) if shown.total is None else shown.total
        return t("groups.household.count", count=count)
    return t(
        "groups.household.subtitle",
        households=t("groups.household.count", count=shown.total),
        people=t("groups.persons", count=shown.people),
    )


def search_card(context: PageContext, path: str, query: str, hint: str) -> h.Markup:
    """One line to search by."""
    return card(
        form(
            context,
            h.div(
                {"class": "row", "style": "align-items:flex-end"},
                h.div(
                    {"style": "flex:1 1 280px"},
                    field(
                        context.t("groups.search"),
                        "q",
                        value=query,
                        type="search",
                        hint=hint,
                        id="list-search",
                        attributes={"maxlength": 200, "autocomplete": "off"},
                    ),
                ),
                button(context.t("groups.find"), icon_name="search"),
            ),
            action=path,
            method="get",
        )
    )


def nothing_card(
    context: PageContext, path: str, query: str, *, empty: str, detail: str, icon_name: str
) -> h.Markup:
    """Nothing found, or nothing there yet."""
    if query.strip():
        return card(
            empty_state(
                context.t("groups.nothing", query=query[:80]),
                context.t("groups.nothing_detail"),
                button(context.t("groups.show_all"), href=path),
                icon_name="search",
            )
        )
    return card(empty_state(empty, detail, icon_name=icon_name))


def turning(
    context: PageContext, path: str, shown: HouseholdPage | AccountPage, sort: str
) -> h.Markup:
    """The way to the rows before and after."""
    offset, limit, total = shown.offset, shown.limit, shown.total
    rows, query = len(shown.rows), shown.query

    def href(number: int) -> str:
        kept = [("q", query)] if query else []
        return f"{path}?{urlencode([*kept, ('sort', sort), ('page_number', str(number))])}"

    number = offset // limit + 1
    more = rows == limit and (total is None or offset + rows < total)
    return pagination(
        context,
        first=offset + 1,
        last=offset + rows,
        total=total,
        previous_href=href(number - 1) if number > 1 else None,
        next_href=href(number + 1) if more else None,
    )


def _list(context: PageContext, shown: HouseholdPage, sort: str, now: datetime) -> h.Markup:
    t = context.t
    return card(
        table(
            context,
            [
                Column(label=t("groups.name"), key="name", clip=True),
                Column(label=t("groups.place"), clip=True),
                Column(label=t("groups.people"), key="members", numeric=True),
                Column(label=t("groups.orders"), key="orders", numeric=True),
                Column(label=t("groups.revenue"), key="revenue", numeric=True),
                Column(label=t("groups.last_seen"), key="last_seen"),
                Column(label=t("groups.sure"), numeric=True),
            ],
            (_row(context, row, shown.currency, now) for row in shown.rows),
            caption=t("groups.household.title"),
            sort=sort_by(
                "/households",
                sort.removeprefix("-"),
                descending=sort.startswith("-"),
                keep=[("q", shown.query)] if shown.query else [],
            ),
        ),
        turning(context, "/households", shown, sort),
        flush=True,
    )


def _row(context: PageContext, row: HouseholdRow, currency: str, now: datetime) -> list[h.Child]:
    n = context.n
    return [
        h.a(
            {"href": f"/households/{quote(row.household_id)}", "title": row.name},
            h.bdi(row.name) if row.name else context.t("groups.nameless"),
        ),
        place_of(row.postal_code, row.city, row.country),
        n.count(row.members),
        n.count(row.order_count),
        n.money(row.revenue, currency=currency),
        h.span({"title": n.date_time(row.last_seen), "class": "nowrap"}, n.ago(row.last_seen, now))
        if row.last_seen
        else None,
        meter(row.confidence, n.share(min(row.confidence, 0.99), digits=0)),
    ]


def place_of(postal_code: str | None, city: str | None, country: str | None) -> h.Child:
    """A place on one line, each part in its own direction."""
    town = " ".join(part for part in (postal_code, city) if part)
    if not (town or country):
        return None
    return h.span(
        {"title": ", ".join(part for part in (town, country) if part)},
        h.bdi(town),
        ", " if town and country else None,
        country,
    )

"""The lists of households and of companies: one search, one table, one way to turn pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, pagination, sort_by, table
from rapport.workflows.company_accounts import AccountPage, AccountRow
from rapport.workflows.households import HouseholdPage, HouseholdRow

Shown = HouseholdPage | AccountPage

_PATHS = {"household": "/households", "account": "/accounts"}
_ICONS = {"household": "house", "account": "building-complex"}


def groups_page(
    context: PageContext,
    kind: Literal["household", "account"],
    shown: Shown,
    sort: str,
    *,
    people: str,
    rows: Sequence[Sequence[h.Child]],
    more: Sequence[Column] = (),
    subtitle: str = "",
) -> h.Markup:
    """The whole page.

    Parameters
    ----------
    context : PageContext
    kind : str
        Which groups; their words are those of ``groups.<kind>``.
    shown : HouseholdPage or AccountPage
    sort : str
        A column's key, with a minus before it from the top.
    people : str
        The key by which the number of people is sorted.
    rows : sequence of sequences of children
        See `group_cells`; then one cell for each of ``more``.
    more : sequence of Column
    subtitle : str
        How many groups there are, unless something else is to be said.
    """
    t, path = context.t, _PATHS[kind]
    count = len(shown.rows) if shown.total is None else shown.total
    return page(
        context,
        t(f"groups.{kind}.title"),
        h.div(
            {"class": "stack"},
            _search(context, path, shown.query, t(f"groups.{kind}.search_hint")),
            card(
                table(
                    context,
                    [
                        Column(label=t("groups.name"), key="name", clip=True),
                        Column(label=t("groups.place"), clip=True),
                        Column(label=t("groups.people"), key=people, numeric=True),
                        Column(label=t("groups.orders"), key="orders", numeric=True),
                        Column(label=t("groups.revenue"), key="revenue", numeric=True),
                        Column(label=t("groups.last_seen"), key="last_seen"),
                        *more,
                    ],
                    rows,
                    caption=t(f"groups.{kind}.title"),
                    sort=sort_by(
                        path,
                        sort.removeprefix("-"),
                        descending=sort.startswith("-"),
                        keep=_kept(shown),
                    ),
                ),
                _turning(context, path, shown, sort),
                flush=True,
            )
            if shown.rows
            else _nothing(context, kind, shown),
        ),
        subtitle=subtitle or t(f"groups.{kind}.count", count=count),
    )


def group_cells(
    context: PageContext,
    row: HouseholdRow | AccountRow,
    *,
    name: h.Child,
    place: h.Child,
    people: int,
    currency: str,
    now: datetime,
    has_orders: bool = True,
) -> list[h.Child]:
    """The cells of one group, in the order of the columns of `groups_page`."""
    n = context.n
    return [
        name,
        place,
        n.count(people),
        n.count(row.order_count) if has_orders else None,
        n.money(row.revenue, currency=currency) if has_orders else None,
        h.span({"title": n.date_time(row.last_seen), "class": "nowrap"}, n.ago(row.last_seen, now))
        if row.last_seen
        else None,
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


def _kept(shown: Shown) -> list[tuple[str, str]]:
    return [("q", shown.query)] if shown.query else []


def _search(context: PageContext, path: str, query: str, hint: str) -> h.Markup:
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


def _nothing(context: PageContext, kind: str, shown: Shown) -> h.Markup:
    """A page after the last, nothing found, or nothing there yet."""
    t, query = context.t, shown.query
    if shown.offset:
        first = urlencode(_kept(shown))
        return card(
            empty_state(
                t("groups.beyond"),
                t("groups.beyond_detail"),
                button(t("groups.first_page"), href=_PATHS[kind] + (f"?{first}" if first else "")),
                icon_name=_ICONS[kind],
            )
        )
    if query.strip():
        return card(
            empty_state(
                t("groups.nothing", query=query[:80]),
                t("groups.nothing_detail"),
                button(t("groups.show_all"), href=_PATHS[kind]),
                icon_name="search",
            )
        )
    return card(
        empty_state(
            t(f"groups.{kind}.empty"), t(f"groups.{kind}.empty_detail"), icon_name=_ICONS[kind]
        )
    )


def _turning(context: PageContext, path: str, shown: Shown, sort: str) -> h.Markup:
    """The way to the rows before and after."""
    offset, limit, total, rows = shown.offset, shown.limit, shown.total, len(shown.rows)

    def href(number: int) -> str:
        return f"{path}?{urlencode([*_kept(shown), ('sort', sort), ('page_number', str(number))])}"

    number = offset // limit + 1
    more = rows == limit and (total is None or offset + rows < total)
    return pagination(
        context,
        first=offset + 1,
        last=offset + rows,
        total=total,
        number=number,
        turn=href,
        more=more,
    )

"""The list of customers, the search in it and the search box's suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Stream

from rapport.web import html as h
from rapport.web.csv_file import csv_pieces
from rapport.web.pages.customers.lookup import lookup_answer, lookup_page
from rapport.web.pages.customers.suggested import suggested
from rapport.web.parts.accuracy import accuracy_line, heading_mark, rough
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, select_field
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, meter, pagination, sort_by, table
from rapport.web.places import country_name, language_name
from rapport.web.visit import context_of, html_response
from rapport.workflows.accuracy import Verdict
from rapport.workflows.company import Company
from rapport.workflows.customer_list import (
    PAGE_ROWS,
    SORTS,
    CustomerPage,
    CustomerRow,
    every_customer,
    find,
    list_customers,
)

_FIRST_SORT = "-last_seen"
#: Columns of the file: names that programs read, so they are not translated.
_FILE_COLUMNS = (
    "profile_id", "name", "email", "phone", "city", "country", "language", "orders", "revenue",
    "currency", "first_seen", "last_seen", "last_order_at", "probability_alive", "conflicts",
    "probability_alive_holds",
)  # fmt: skip


@get(
    "/customers",
    sync_to_thread=True,
    opt={"permission": "customers.read"},
    include_in_schema=False,
)
def customers_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    q: FromQuery[str] = "",
    sort: FromQuery[str] = _FIRST_SORT,
    page_number: FromQuery[int] = 1,
    country: FromQuery[str] = "",
    language: FromQuery[str] = "",
) -> Response[str]:
    """Customers, found or sorted."""
    context = context_of(request)
    key = sort.removeprefix("-")
    if key not in SORTS:
        sort, key = _FIRST_SORT, _FIRST_SORT.removeprefix("-")
    shown = list_customers(
        company,
        reveal=request.user.may("customers.contact"),
        query=q[:200],
        sort=key,
        descending=sort.startswith("-"),
        offset=(max(page_number, 1) - 1) * PAGE_ROWS,
        country=country or None,
        language=language or None,
    )
    narrowed = [
        (name, value)
        for name, value in (("q", q), ("country", country), ("language", language))
        if value
    ]
    return html_response(
        page(
            context,
            context.t("customers.title"),
            h.div(
                {"class": "stack"},
                _narrowing(context, shown, q, country, language, sort),
                _list(context, shown, sort, narrowed, company.clock())
                if shown.rows
                else _nothing(context, q, narrowed),
            ),
            subtitle=_subtitle(context, shown, q),
            tools=h.div(
                {"class": "row"},
                button(
                    context.t("customers.lookup.title"), href="/customers/lookup", icon_name="phone"
                ),
                button(
                    context.t("customers.file"),
                    href=f"/customers.csv?{urlencode([n for n in narrowed if n[0] != 'q'])}",
                    icon_name="download",
                )
                if request.user.may("customers.contact") and not q.strip()
                else None,
            ),
        )
    )


def _subtitle(context: PageContext, shown: CustomerPage, query: str) -> str:
    if shown.total is None:
        return context.t("customers.found_many", count=len(shown.rows))
    if query.strip():
        return context.t("customers.found", count=shown.total)
    return context.t("customers.all", count=shown.total)


def _narrowing(
    context: PageContext, shown: CustomerPage, q: str, country: str, language: str, sort: str
) -> h.Markup:
    """Search and filters as one form: it works without a script, and the address says it all."""
    n = context.n

    def choices(
        every: str, counts: dict[str, int], chosen: str, named: Any
    ) -> list[tuple[str, str]]:
        known = counts if not chosen or chosen in counts else {**counts, chosen: 0}
        return [("", every)] + [
            (code, f"{named(context.language, code)} ({n.count(count)})")
            for code, count in known.items()
        ]

    return card(
        form(
            context,
            h.div(
                {"class": "row", "style": "align-items:flex-end"},
                h.div(
                    {"style": "flex:3 1 280px"},
                    field(
                        context.t("customers.search"),
                        "q",
                        value=q,
                        type="search",
                        hint=context.t("customers.search_hint"),
                        attributes={"maxlength": 200, "autocomplete": "off"},
                        id="list-search",
                    ),
                ),
                h.div(
                    {"style": "flex:1 1 150px"},
                    select_field(
                        context.t("customers.country"),
                        "country",
                        choices(
                            context.t("customers.every_country"),
                            shown.countries,
                            country,
                            country_name,
                        ),
                        value=country,
                    ),
                ),
                h.div(
                    {"style": "flex:1 1 150px"},
                    select_field(
                        context.t("customers.language"),
                        "language",
                        choices(
                            context.t("customers.every_language"),
                            shown.languages,
                            language,
                            language_name,
                        ),
                        value=language,
                    ),
                ),
                h.input({"type": "hidden", "name": "sort", "value": sort})
                if sort != _FIRST_SORT
                else None,
                button(context.t("customers.filter"), kind="primary"),
            ),
            action="/customers",
            method="get",
        )
    )


def _list(
    context: PageContext,
    shown: CustomerPage,
    sort: str,
    narrowed: list[tuple[str, str]],
    now: datetime,
) -> h.Markup:
    searching = bool(shown.query.strip())
    accuracy = shown.accuracy
    alive = None if accuracy is None else accuracy.probability_alive
    said = accuracy_line(context, accuracy, "orders")
    columns = [
        Column(label=context.t("customers.name"), key="name", clip=True),
        Column(label=context.t("customers.place"), clip=True),
        Column(label=context.t("customers.contact"), clip=True),
        Column(label=context.t("customers.orders"), key="orders", numeric=True),
        Column(label=context.t("customers.revenue"), key="revenue", numeric=True),
        Column(label=context.t("customers.last_seen"), key="last_seen", numeric=True),
        Column(
            label=context.t("customers.comes_back"),
            numeric=True,
            mark=heading_mark(context, alive),
        ),
        Column(label=context.t("customers.sources")),
    ]
    # What a search found stands in the order of how well it fits; sorting would undo that.
    sorting = (
        None
        if searching
        else sort_by(
            "/customers", sort.removeprefix("-"), descending=sort.startswith("-"), keep=narrowed
        )
    )
    total = shown.total
    first = shown.offset + 1
    last = shown.offset + len(shown.rows)
    more = total is None or last < total

    def href(number: int) -> str:
        kept = [*narrowed, *([("sort", sort)] if sort != _FIRST_SORT else [])]
        return f"/customers?{urlencode([*kept, ('page_number', str(number))])}"

    number = shown.offset // shown.limit + 1
    return card(
        table(
            context,
            columns,
            (_row(context, row, now, shown.currency, alive) for row in shown.rows),
            caption=context.t("customers.table"),
            sort=sorting,
        ),
        h.div({"class": "card-foot"}, said) if said else None,
        pagination(
            context,
            first=first,
            last=last,
            total=total,
            number=number,
            turn=href,
            more=more and not (searching and total is None),
        )
        if number > 1 or more
        else None,
        flush=True,
    )


def _row(
    context: PageContext, row: CustomerRow, now: datetime, currency: str, verdict: Verdict | None
) -> list[h.Child]:
    n = context.n
    place = ", ".join(part for part in (row.city, row.country) if part)
    contact = [part for part in (row.email, row.phone) if part]
    alive = row.probability_alive
    return [
        h.a(
            {"href": f"/customers/{quote(row.profile_id)}", "title": row.name},
            h.bdi(row.name)
            if row.name
            else h.span(
                {"class": "muted"},
                context.t("customers.nameless"),
                (" · ", h.bdi(row.number)) if row.number else None,
            ),
        ),
        h.span(
            {"title": place or None},
            h.bdi(row.city),
            ", " if row.city and row.country else None,
            row.country,
        ),
        [
            h.div({"class": ["clip", index and "note"], "title": part}, part)
            for index, part in enumerate(contact)
        ],
        n.count(row.order_count),
        n.money(row.revenue, currency=currency),
        h.span({"title": n.date_time(row.last_seen), "class": "nowrap"}, n.ago(row.last_seen, now))
        if row.last_seen
        else None,
        h.span(
            {"title": context.t("customers.comes_back_is")},
            meter(alive, rough(context, n.share(alive, digits=0), verdict)),
        )
        if alive is not None
        else None,
        chip(
            [
                h.span({"aria-hidden": True}, n.count(row.conflict_count)),
                h.span({"class": "sr"}, context.t("customers.conflicts", count=row.conflict_count)),
            ],
            tone="caution",
            icon_name="git-compare",
            title=context.t("customers.conflicts", count=row.conflict_count),
        )
        if row.conflict_count
        else None,
    ]


def _nothing(context: PageContext, query: str, narrowed: list[tuple[str, str]]) -> h.Markup:
    every = button(context.t("customers.every"), href="/customers")
    if query.strip():
        return card(
            empty_state(
                context.t("customers.nothing.title", query=query[:80]),
                context.t("customers.nothing.detail"),
                every,
                icon_name="search",
            )
        )
    if narrowed:
        return card(
            empty_state(context.t("customers.narrowed.title"), None, every, icon_name="users")
        )
    return card(
        empty_state(
            context.t("customers.empty.title"),
            context.t("customers.empty.detail"),
            icon_name="users",
        )
    )


@get(
    "/customers.csv",
    sync_to_thread=True,
    opt={"permission": "customers.contact"},
    include_in_schema=False,
)
def customers_file(
    company: NamedDependency[Company],
    country: FromQuery[str] = "",
    language: FromQuery[str] = "",
) -> Stream:
    """Every customer of the list, for a spreadsheet."""
    currency = company.choice("reporting_currency") or "EUR"
    pieces = every_customer(company, country=country or None, language=language or None)

    def rows() -> Iterator[Iterable[list[str]]]:
        for piece in pieces:
            yield [_file_row(row, currency) for row in piece]

    return Stream(
        csv_pieces(_FILE_COLUMNS, rows()),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="customers.csv"',
            "Cache-Control": "no-store",
        },
    )


def _file_row(row: CustomerRow, currency: str) -> list[str]:
    def moment(at: datetime | None) -> str:
        return at.isoformat(timespec="seconds") if at else ""

    return [
        row.profile_id,
        row.name or "",
        row.email or "",
        row.phone or "",
        row.city or "",
        row.country or "",
        row.language or "",
        str(row.order_count),
        f"{row.revenue:.2f}",
        currency,
        moment(row.first_seen),
        moment(row.last_seen),
        moment(row.last_order_at),
        "" if row.probability_alive is None else f"{row.probability_alive:.4f}",
        str(row.conflict_count),
        "" if row.probability_alive_holds is None else str(row.probability_alive_holds),
    ]


@get("/search", sync_to_thread=True, opt={"permission": "customers.read"}, include_in_schema=False)
def search_fragment(
    request: Request[Any, Any, Any], company: NamedDependency[Company], q: FromQuery[str] = ""
) -> Response[str]:
    """What the search box offers while one types."""
    query = q[:200]
    found = find(
        company,
        query,
        reveal=request.user.may("customers.contact"),
        tickets=request.user.may("tickets.read"),
    )
    return html_response(suggested(context_of(request), query, found))


routes = (customers_page, customers_file, search_fragment, lookup_page, lookup_answer)

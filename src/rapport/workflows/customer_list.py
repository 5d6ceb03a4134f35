"""The customers as a list: found by a word, or all of them sorted, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, func, select, true

from rapport.act.tickets import get_ticket
from rapport.errors import InvalidInput, NotFound
from rapport.unify.explain import mask
from rapport.unify.refresh import plain_code
from rapport.unify.search import SearchHit, search
from rapport.vocabulary.ledger_tables import atom, membership, profile, score, search_term
from rapport.workflows.accuracy import Accuracy, accuracy_in
from rapport.workflows.company import Company

PAGE_ROWS = 50
MOST_ROWS = 200
#: Further in nobody reads; whoever wants all takes the file.
DEEPEST = 100_000
_FOUND = 100
_EXPORT_CHUNK = 2_000
#: Kinds of records whose value a colleague could read out.
_NUMBERED = ("customer_number", "crm_contact", "loyalty_card", "user_id")
#: What a list can be sorted by.
SORTS: tuple[str, ...] = ("name", "last_seen", "orders", "revenue")
_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "name": profile.c.name,
    "last_seen": profile.c.last_seen,
    "orders": profile.c.order_count,
    "revenue": profile.c.revenue,
}


class CustomerRow(Struct, frozen=True, kw_only=True):
    """One customer in a list; money is in the reporting currency.

    Attributes
    ----------
    email, phone : str or None
        Masked for those who may not see them.
    probability_alive : float or None
        That the customer still buys; None without a model or without orders.
    probability_alive_holds : bool or None
        Whether the model behind it held in its back-test, alike for everybody; None without one.
    number : str or None
        What a silo calls a customer without a name.
    found_by : str or None
        name, email, phone, order or card, where the list is an answer to a search.
    """

    profile_id: str
    name: str | None
    email: str | None
    phone: str | None
    city: str | None
    country: str | None
    language: str | None
    order_count: int
    revenue: Decimal
    first_seen: datetime | None
    last_seen: datetime | None
    last_order_at: datetime | None
    touchpoint_count: int
    conflict_count: int
    probability_alive: float | None = None
    probability_alive_holds: bool | None = None
    found_by: str | None = None
    number: str | None = None


class CustomerPage(Struct, frozen=True, kw_only=True):
    """A page of the list.

    Attributes
    ----------
    offset : int
        Rows before this page.
    total : int or None
        All rows; None where a search found more than it counts.
    countries, languages : mapping of code to count
        What the list can be narrowed to.
    accuracy : Accuracy or None
        How far to trust the probabilities in it; None where nothing is trained.
    """

    rows: tuple[CustomerRow, ...]
    offset: int
    limit: int
    total: int | None
    currency: str
    query: str = ""
    countries: dict[str, int] = {}
    languages: dict[str, int] = {}
    accuracy: Accuracy | None = None


class FoundOrder(Struct, frozen=True, kw_only=True):
    """An order number and whose it is."""

    order_number: str
    profile_id: str
    name: str | None


class FoundTicket(Struct, frozen=True, kw_only=True):
    """A ticket by its number."""

    ticket_id: int
    status: str
    profile_id: str | None


class Found(Struct, frozen=True, kw_only=True):
    """What the search box offers: people, orders by number, tickets by number."""

    people: tuple[SearchHit, ...]
    orders: tuple[FoundOrder, ...]
    tickets: tuple[FoundTicket, ...]


def list_customers(
    company: Company,
    *,
    reveal: bool,
    query: str = "",
    sort: str = "last_seen",
    descending: bool = True,
    offset: int = 0,
    limit: int = PAGE_ROWS,
    country: str | None = None,
    language: str | None = None,
) -> CustomerPage:
    """Customers that ``query`` finds, best first, or all of them in the order asked for.

    Raises
    ------
    InvalidInput
        If the sort or the place in the list is none of ours.
    """
    if sort not in SORTS:
        raise InvalidInput(f"Customers are sorted by {', '.join(SORTS)}, not {sort!r}")
    if not 1 <= limit <= MOST_ROWS or not 0 <= offset <= DEEPEST:
        raise InvalidInput(
            f"A page has 1 to {MOST_ROWS} customers and begins within the first {DEEPEST:,}"
        )
    currency = company.choice("reporting_currency") or "EUR"
    with company.ledger.read() as connection:
        accuracy = accuracy_in(connection)
        if query.strip():
            hits = search(connection, query, _FOUND)
            rows = _found_rows(connection, hits, reveal=reveal)
            chosen = [
                row
                for row in rows
                if country in (None, row.country) and language in (None, row.language)
            ]
            return CustomerPage(
                rows=_with_scores(connection, chosen[offset : offset + limit], accuracy),
                offset=offset,
                limit=limit,
                total=len(chosen) if len(hits) < _FOUND else None,
                currency=currency,
                query=query,
                countries=_counts([row.country for row in rows]),
                languages=_counts([row.language for row in rows]),
                accuracy=accuracy,
            )
        shown = _shown(country, language)
        column = _COLUMNS[sort]
        order = column.desc().nulls_last() if descending else column.asc().nulls_last()
        found = connection.execute(
            _select(shown).order_by(order, profile.c.profile_id).limit(limit).offset(offset)
        ).all()
        total = connection.scalar(select(func.count()).select_from(profile).where(shown))
        return CustomerPage(
            rows=_with_scores(connection, [_row(row, reveal=reveal) for row in found], accuracy),
            offset=offset,
            limit=limit,
            total=int(total or 0),
            currency=currency,
            countries=_grouped(connection, "country"),
            languages=_grouped(connection, "language"),
            accuracy=accuracy,
        )


def every_customer(
    company: Company, *, country: str | None = None, language: str | None = None
) -> Iterator[tuple[CustomerRow, ...]]:
    """All customers in full, in pieces and in the order of their ids: for a file."""
    after = ""
    while True:
        with company.ledger.read() as connection:
            found = connection.execute(
                _select(_shown(country, language))
                .where(profile.c.profile_id > after)
                .order_by(profile.c.profile_id)
                .limit(_EXPORT_CHUNK)
            ).all()
            rows = [_row(row, reveal=True) for row in found]
            piece = _with_scores(connection, rows, accuracy_in(connection))
        if piece:
            yield piece
        if len(piece) < _EXPORT_CHUNK:
            return
        after = piece[-1].profile_id


def find(company: Company, query: str, *, reveal: bool, tickets: bool, limit: int = 8) -> Found:
    """What the search box offers for ``query``, best first, at most ``limit`` in all.

    Parameters
    ----------
    tickets : bool
        Whether tickets may be found: what a role may not see is not found.
    """
    with company.ledger.read() as connection:
        hits = search(connection, query, limit)
        numbers = _order_numbers(connection, query, [h.profile_id for h in hits])
        ticket = _ticket(connection, query) if tickets else ()
    orders = tuple(
        FoundOrder(order_number=numbers[hit.profile_id], profile_id=hit.profile_id, name=hit.name)
        for hit in hits
        if hit.kind == "order" and hit.profile_id in numbers
    )
    by_order = {order.profile_id for order in orders}
    return Found(
        people=tuple(
            _masked_hit(hit, reveal=reveal) for hit in hits if hit.profile_id not in by_order
        ),
        orders=orders,
        tickets=ticket,
    )


# ── inside ─────────────────────────────────────────────────────────────────────────────────────


def _shown(country: str | None, language: str | None) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = profile.c.merged_into.is_(None)
    condition &= profile.c.country == country if country else true()
    condition &= profile.c.language == language if language else true()
    return condition


def _select(condition: ColumnElement[bool]) -> Select[Any]:
    return select(profile).where(condition)


def _found_rows(
    connection: Connection, hits: list[SearchHit], *, reveal: bool
) -> list[CustomerRow]:
    kinds = {hit.profile_id: hit.kind for hit in hits}
    rows = connection.execute(_select(profile.c.profile_id.in_(sorted(kinds))))
    by_id = {
        row.profile_id: _row(row, reveal=reveal, found_by=kinds[row.profile_id]) for row in rows
    }
    return [by_id[hit.profile_id] for hit in hits if hit.profile_id in by_id]


def _row(row: Any, *, reveal: bool, found_by: str | None = None) -> CustomerRow:
    return CustomerRow(
        profile_id=row.profile_id,
        name=row.name,
        email=_contact("email", row.email, reveal=reveal),
        phone=_contact("phone", row.phone, reveal=reveal),
        city=row.city,
        country=row.country,
        language=row.language,
        order_count=row.order_count,
        revenue=row.revenue,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        last_order_at=row.last_order_at,
        touchpoint_count=row.touchpoint_count,
        conflict_count=row.conflict_count,
        found_by=found_by,
    )


def _contact(kind: str, value: str | None, *, reveal: bool) -> str | None:
    return value if reveal or value is None else mask(kind, value)


def _masked_hit(hit: SearchHit, *, reveal: bool) -> SearchHit:
    return SearchHit(
        profile_id=hit.profile_id,
        kind=hit.kind,
        name=hit.name,
        email=_contact("email", hit.email, reveal=reveal),
        phone=_contact("phone", hit.phone, reveal=reveal),
        city=hit.city,
        country=hit.country,
    )


def _numbers(connection: Connection, rows: list[CustomerRow]) -> dict[str, str]:
    """A number by which each customer without a name is known to some silo."""
    nameless = [row.profile_id for row in rows if not row.name]
    found: dict[str, str] = {}
    for start in range(0, len(nameless), 500):
        records = connection.execute(
            select(membership.c.profile_id, func.min(atom.c.value).label("number"))
            .join(atom, atom.c.atom_id == membership.c.atom_id)
            .where(
                membership.c.profile_id.in_(nameless[start : start + 500]),
                membership.c.valid_to.is_(None),
                atom.c.kind.in_(_NUMBERED),
            )
            .group_by(membership.c.profile_id)
        )
        found |= {row.profile_id: row.number for row in records}
    return found


def _with_scores(
    connection: Connection, rows: list[CustomerRow], accuracy: Accuracy | None
) -> tuple[CustomerRow, ...]:
    """The rows with the probability that each still buys, and a number where no name is known."""
    numbers = _numbers(connection, rows)
    rows = [
        replace(row, number=numbers[row.profile_id]) if row.profile_id in numbers else row
        for row in rows
    ]
    ids = [row.profile_id for row in rows]
    alive: dict[str, float] = {}
    for start in range(0, len(ids), 500):
        found = connection.execute(
            select(score.c.profile_id, score.c.value).where(
                score.c.name == "probability_alive",
                score.c.profile_id.in_(ids[start : start + 500]),
            )
        )
        alive |= {row.profile_id: row.value for row in found}
    holds = None if accuracy is None else accuracy.probability_alive.holds
    return tuple(
        replace(row, probability_alive=alive.get(row.profile_id), probability_alive_holds=holds)
        for row in rows
    )


def _grouped(connection: Connection, name: str) -> dict[str, int]:
    column = profile.c[name]
    rows = connection.execute(
        select(column, func.count())
        .where(profile.c.merged_into.is_(None), column.is_not(None))
        .group_by(column)
        .order_by(func.count().desc(), column)
        .limit(12)
    )
    return {row[0]: row[1] for row in rows}


def _counts(values: list[str | None]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for value in values:
        if value is not None:
            counted[value] = counted.get(value, 0) + 1
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _order_numbers(connection: Connection, query: str, profile_ids: list[str]) -> dict[str, str]:
    """The order number of each person that the query begins, as it was typed where it is whole."""
    typed_code = plain_code(query)
    if not typed_code or not profile_ids:
        return {}
    rows = connection.execute(
        select(search_term.c.profile_id, func.min(search_term.c.term))
        .where(
            search_term.c.profile_id.in_(profile_ids),
            search_term.c.kind == "order",
            func.substr(search_term.c.term, 1, len(typed_code)) == typed_code,
        )
        .group_by(search_term.c.profile_id)
    )
    typed = query.strip().upper()
    return {row[0]: typed if row[1] == typed_code else str(row[1]).upper() for row in rows}


def _ticket(connection: Connection, query: str) -> tuple[FoundTicket, ...]:
    number = query.strip().removeprefix("#")
    # Longer digits are phones and cards; a ticket of that number does not exist.
    if not (number.isascii() and number.isdigit()) or len(number) > 9:
        return ()
    try:
        ticket = get_ticket(connection, int(number))
    except NotFound:
        return ()
    return (
        FoundTicket(ticket_id=ticket.ticket_id, status=ticket.status, profile_id=ticket.profile_id),
    )

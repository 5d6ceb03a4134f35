"""One visit put together again: its pages in order, and what was done on each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from rapport.errors import InvalidInput
from rapport.understand.person import MOST_RECORDS
from rapport.understand.site.visits import visit_events
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of
from rapport.vocabulary import touchpoint as v
from rapport.workflows.company import Company

#: A page that is left open tells of itself when it is closed, maybe hours later.
_LATE = timedelta(hours=12)
_PAUSE = timedelta(minutes=30)
_LONGEST = timedelta(days=2)

DeedKind = Literal["click", "rage", "dead", "search", "product", "basket", "checkout", "order"]
_KINDS: dict[str, DeedKind] = {
    v.ELEMENT_CLICKED: "click", v.RAGE_CLICKED: "rage", v.DEAD_CLICKED: "dead",
    v.PRODUCTS_SEARCHED: "search", v.PRODUCT_VIEWED: "product", v.PRODUCT_ADDED: "basket",
    v.CART_VIEWED: "basket", v.CHECKOUT_STARTED: "checkout", v.ORDER_COMPLETED: "order",
}  # fmt: skip


class Deed(Struct, frozen=True, kw_only=True):
    """Something done on a page; `what` is the element, the term or the product."""

    kind: DeedKind
    at: datetime
    what: str | None
    times: int = 1
    results: int | None = None


class PageOfVisit(Struct, frozen=True, kw_only=True):
    """One look at a page.

    Attributes
    ----------
    path, title : str or None
        None for what was done before the first page, or without one.
    seconds : float or None
        In sight; None where the tracker did not tell.
    scrolled : float or None
        How far, as a share of the page's height (0-1).
    """

    at: datetime
    path: str | None
    title: str | None
    seconds: float | None
    scrolled: float | None
    deeds: tuple[Deed, ...]


def visit_pages(
    company: Company, profile_id: str, *, began: datetime, last: datetime
) -> tuple[PageOfVisit, ...]:
    """What a person did on sites in the visit from ``began`` to ``last``.

    Raises
    ------
    NotFound
        If there is no such person.
    InvalidInput
        If the two are not the ends of a visit.
    """
    if began.tzinfo is None or last.tzinfo is None or not began <= last <= began + _LONGEST:
        raise InvalidInput("A visit has a beginning and an end, with their time zones")
    with company.ledger.read() as connection:
        here = current_profile(connection, profile_id)
        atoms = atoms_of(connection, [here]).get(here, ())
    if not atoms:
        return ()
    rows = visit_events(company.lake, atoms[:MOST_RECORDS], start=began, until=last + _LATE)
    views = {
        row["view"] for row in rows if row["type"] == v.PAGE_VIEWED and row["occurred_at"] <= last
    }
    # The next visit begins after a pause; of what came later only what belongs to these views.
    within = [
        row
        for row in rows
        if row["view"] in views or (row["view"] is None and row["occurred_at"] <= last + _PAUSE)
    ]
    return tuple(_pages(within))


def _pages(rows: list[dict[str, Any]]) -> list[PageOfVisit]:
    pages: dict[str | None, list[dict[str, Any]]] = {}
    current: str | None = None
    for row in rows:
        if row["type"] == v.PAGE_VIEWED:
            current = row["view"]
        # Other trackers do not name the view of an event: it is of the page looked at then.
        pages.setdefault(row["view"] or current, []).append(row)
    return [_page(of_view) for of_view in pages.values()]


def _page(rows: list[dict[str, Any]]) -> PageOfVisit:
    view = next((row for row in rows if row["type"] == v.PAGE_VIEWED), None)
    seconds = [row["visible_seconds"] for row in rows if row["visible_seconds"] is not None]
    depths = [row["scroll_depth"] for row in rows if row["scroll_depth"] is not None]
    deeds: list[Deed] = []
    for row in rows:
        kind = _KINDS.get(row["type"])
        if kind is None:
            continue
        deed = Deed(
            kind=kind,
            at=row["occurred_at"],
            what=row["element"] or row["term"] or row["product"],
            results=row["results"],
        )
        if deeds and (deeds[-1].kind, deeds[-1].what) == (deed.kind, deed.what):
            deed = Deed(
                kind=kind, at=deeds[-1].at, what=deed.what, results=deed.results,
                times=deeds[-1].times + 1,
            )  # fmt: skip
            deeds.pop()
        deeds.append(deed)
    return PageOfVisit(
        at=rows[0]["occurred_at"] if view is None else view["occurred_at"],
        path=None if view is None else view["path"],
        title=None if view is None else view["title"],
        seconds=sum(seconds) if seconds else None,
        scrolled=max(depths) / 100 if depths else None,
        deeds=tuple(deeds),
    )

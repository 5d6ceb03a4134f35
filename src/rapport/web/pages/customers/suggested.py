"""What the search box offers: people, orders by number, tickets by number."""

from __future__ import annotations

from urllib.parse import quote

from rapport.unify.search import SearchHit
from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.suggestions import Suggestion, suggestions
from rapport.workflows.customer_list import Found


def suggested(context: PageContext, query: str, found: Found) -> h.Markup:
    """The fragment under the search box."""
    return suggestions(
        context,
        query,
        [
            ("people", [_person(context, hit) for hit in found.people]),
            (
                "orders",
                [
                    Suggestion(
                        title=context.t("customers.order", number=order.order_number),
                        detail=context.t(
                            "customers.order_of",
                            name=order.name or context.t("customers.nameless"),
                        ),
                        href=f"/customers/{quote(order.profile_id)}?kind=orders",
                        icon="package",
                    )
                    for order in found.orders
                ],
            ),
            (
                "tickets",
                [
                    Suggestion(
                        title=context.t("customers.ticket", number=str(ticket.ticket_id)),
                        detail=context.t(f"customers.status.{ticket.status}"),
                        href=f"/inbox/{ticket.ticket_id}",
                        icon="ticket",
                    )
                    for ticket in found.tickets
                ],
            ),
        ],
    )


def _person(context: PageContext, hit: SearchHit) -> Suggestion:
    place = ", ".join(part for part in (hit.city, hit.country) if part)
    detail = " · ".join(part for part in (hit.email, hit.phone, place) if part)
    return Suggestion(
        title=hit.name or hit.email or hit.phone or context.t("customers.nameless"),
        detail=detail,
        href=f"/customers/{quote(hit.profile_id)}",
    )

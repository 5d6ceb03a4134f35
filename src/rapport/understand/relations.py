"""The relations that metrics are asked of, each a few steps from touchpoints.

Every function returns named steps; a step is one SELECT. Columns come from our own schema and
names; whatever varies is bound.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Callable

from rapport.engines.lake import Step
from rapport.vocabulary import touchpoint as kinds

#: What dimensions may read of a touchpoint.
_SPLIT = ("source", "channel", "country", "language", "place", "campaign", "acquisition_channel")

#: Values that steps may bind, by name.
TYPES: dict[str, str] = {
    "order_completed": kinds.ORDER_COMPLETED,
    "order_refunded": kinds.ORDER_REFUNDED,
    "order_cancelled": kinds.ORDER_CANCELLED,
    "survey_answered": kinds.SURVEY_ANSWERED,
    "ticket_opened": kinds.TICKET_OPENED,
    "call_ended": kinds.CALL_ENDED,
    "chat_ended": kinds.CHAT_ENDED,
    "email_received": kinds.EMAIL_RECEIVED,
}

_KNOWN_THEN = " AND t.received_at <= $as_of"


def corrections(*, as_known_then: bool) -> tuple[Step, ...]:
    """Which touchpoints no longer hold, because a later one replaces them.

    Of several corrections of one touchpoint the newest received wins, and the others no longer
    hold either. A correction may itself be corrected.
    """
    return (
        Step(
            "corrections",
            "SELECT t.source, t.corrects, t.touchpoint_id, row_number() OVER ("
            "PARTITION BY t.source, t.corrects "
            "ORDER BY t.received_at DESC NULLS LAST, t.position DESC NULLS LAST) AS newness "
            "FROM touchpoints AS t WHERE t.corrects IS NOT NULL AND t.corrects <> t.touchpoint_id"
            + (_KNOWN_THEN if as_known_then else ""),
        ),
        Step(
            "replaced",
            "SELECT source, corrects AS touchpoint_id FROM corrections WHERE newness = 1 "
            "UNION SELECT source, touchpoint_id FROM corrections WHERE newness > 1",
        ),
    )


def current(
    columns: tuple[str, ...], condition: str, *, as_known_then: bool, only: str = ""
) -> str:
    """SELECT of the touchpoints that hold, of the types and times that ``condition`` names."""
    listed = ", ".join(f"t.{column}" for column in columns)
    return (
        f"SELECT {listed} FROM touchpoints AS t LEFT JOIN replaced AS r "
        "ON r.source = t.source AND r.touchpoint_id = t.touchpoint_id "
        f"WHERE {condition} AND r.touchpoint_id IS NULL"
        + (_KNOWN_THEN if as_known_then else "")
        + only
    )


def sales(*, as_known_then: bool, since: str) -> tuple[Step, ...]:
    """One row per order placed and per refund paid, without the cancelled and the repeated.

    An order is cancelled by an "Order Cancelled" of the same source and order id, whenever that
    came; its refunds go with it. An order that one source sends twice under one order id (a thank-
    you page that is loaded again) is one order, the first received.
    """
    columns = (
        "position", "atom_id", "occurred_at", "received_at", "type", "order_id", "amount_base", *_SPLIT
    )  # fmt: skip
    picked = ", ".join(
        f"s.{column}"
        for column in ("atom_id", "occurred_at", "received_at", "amount_base", *_SPLIT)
    )
    return (
        Step(
            "cancelled",
            "SELECT DISTINCT source, order_id FROM ("
            + current(
                ("source", "order_id"),
                "t.type = $order_cancelled AND t.order_id IS NOT NULL",
                as_known_then=as_known_then,
            )
            + ") AS cancellations",
        ),
        Step(
            "sold",
            current(
                columns,
                "t.type IN ($order_completed, $order_refunded)",
                as_known_then=as_known_then,
            ),
        ),
        Step(
            "repeated",
            "SELECT source, order_id, min(position) AS position FROM sold "
            "WHERE type = $order_completed AND order_id IS NOT NULL "
            "GROUP BY source, order_id HAVING count(*) > 1",
        ),
        Step(
            "sales",
            f"SELECT {picked}, CASE WHEN s.type = $order_completed THEN 1 ELSE 0 END AS is_order "
            "FROM sold AS s "
            "LEFT JOIN cancelled AS c ON c.source = s.source AND c.order_id = s.order_id "
            "LEFT JOIN repeated AS d ON d.source = s.source AND d.order_id = s.order_id "
            "WHERE c.order_id IS NULL AND "
            "(d.position IS NULL OR s.type = $order_refunded OR s.position = d.position) "
            "AND s.occurred_at < $end" + (f" AND s.occurred_at >= ${since}" if since else ""),
        ),
    )


def named_sales() -> tuple[Step, ...]:
    """Sales with the profile that each belongs to today; null where nobody can be named."""
    return (_named("sales"),)


def _named(relation: str) -> Step:
    return Step(
        f"named_{relation}",
        f"SELECT r.*, m.profile_id FROM {relation} AS r "
        "LEFT JOIN membership AS m ON m.atom_id = r.atom_id",
    )


def customer_orders() -> tuple[Step, ...]:
    """Orders of known customers, each with the time of that customer's first order."""
    return (
        Step(
            "first_orders",
            "SELECT profile_id, min(occurred_at) AS first_order_at FROM named_sales "
            "WHERE is_order = 1 AND profile_id IS NOT NULL GROUP BY profile_id",
        ),
        Step(
            "named_customer_orders",
            "SELECT n.*, f.first_order_at FROM named_sales AS n "
            "JOIN first_orders AS f ON f.profile_id = n.profile_id "
            "WHERE n.is_order = 1 AND n.occurred_at >= $start",
        ),
    )


def answers(*, as_known_then: bool) -> tuple[Step, ...]:
    """One row per scored answer to a survey question."""
    columns = ("atom_id", "occurred_at", "question", "score", "scale_min", "scale_max", *_SPLIT)
    return (
        Step(
            "answers",
            current(
                columns,
                "t.type = $survey_answered AND t.score IS NOT NULL AND t.scale_max > t.scale_min",
                as_known_then=as_known_then,
                only=_IN_PERIOD,
            ),
        ),
        _named("answers"),
    )


def contacts(*, as_known_then: bool) -> tuple[Step, ...]:
    """One row per contact that a customer began."""
    return (
        Step(
            "contacts",
            current(
                ("atom_id", "occurred_at", "type", *_SPLIT),
                "t.type IN ($ticket_opened, $call_ended, $chat_ended, $email_received)",
                as_known_then=as_known_then,
                only=_IN_PERIOD,
            ),
        ),
        _named("contacts"),
    )


def moods(*, as_known_then: bool) -> tuple[Step, ...]:
    """One row per touchpoint whose text was judged."""
    return (
        Step(
            "moods",
            current(
                ("atom_id", "occurred_at", "sentiment", *_SPLIT),
                "t.sentiment IS NOT NULL",
                as_known_then=as_known_then,
                only=_IN_PERIOD,
            ),
        ),
        _named("moods"),
    )


_IN_PERIOD = " AND t.occurred_at >= $start AND t.occurred_at < $end"

#: Relations that come straight from touchpoints; sales and what follows from them come first.
SIMPLE: dict[str, Callable[..., tuple[Step, ...]]] = {
    "answers": answers,
    "contacts": contacts,
    "moods": moods,
}

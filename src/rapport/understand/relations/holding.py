"""Which touchpoints hold, and the values that steps bind by name.

A step is one SELECT. Columns come from our own schema and names; whatever varies is bound.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rapport.engines.lake import Query, Step
from rapport.vocabulary import touchpoint as kinds

#: What dimensions may read of a touchpoint.
SPLIT = (
    "source", "channel", "country", "language", "place", "campaign", "acquisition_channel", "agent",
)  # fmt: skip

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
    "call_missed": kinds.CALL_MISSED,
    "ticket_resolved": kinds.TICKET_RESOLVED,
    "review_posted": kinds.REVIEW_POSTED,
    "message_sent": kinds.MESSAGE_SENT,
    "message_opened": kinds.MESSAGE_OPENED,
    "message_clicked": kinds.MESSAGE_CLICKED,
    "message_bounced": kinds.MESSAGE_BOUNCED,
    "unsubscribed": kinds.UNSUBSCRIBED,
    "page_viewed": kinds.PAGE_VIEWED,
    "screen_viewed": kinds.SCREEN_VIEWED,
    "product_added": kinds.PRODUCT_ADDED,
    "cart_viewed": kinds.CART_VIEWED,
    "checkout_started": kinds.CHECKOUT_STARTED,
    "customer_won": kinds.CUSTOMER_WON,
    "customer_lost": kinds.CUSTOMER_LOST,
    "subscription_started": kinds.SUBSCRIPTION_STARTED,
    "subscription_ended": kinds.SUBSCRIPTION_ENDED,
    **{f"undone_{n}": kind for n, kind in enumerate(sorted(kinds.NOTHING_DONE))},
    **{f"detail_{n}": kind for n, kind in enumerate(sorted(kinds.BEHAVIOUR_DETAIL))},
}


def _one_of(prefix: str) -> str:
    return ", ".join(f"${name}" for name in TYPES if name.startswith(prefix))


#: The person did something then: a fact that a silo states is not seen of the person.
DONE = f"t.type NOT IN ({_one_of('undone_')})"
#: One page read is one touchpoint, however many clicks on it were recorded.
NO_DETAIL = f"t.type NOT IN ({_one_of('detail_')})"


def bind(steps: tuple[Step, ...], parameters: Mapping[str, Any]) -> Query:
    """The steps as a query, with those parameters that they name."""
    used = set(re.findall(r"\$(\w+)", " ".join(step.sql for step in steps)))
    return Query(steps=steps, parameters={name: parameters[name] for name in sorted(used)})


_KNOWN_THEN = " AND t.received_at <= $as_of"
_DEALT = (
    "(t.type = $order_completed OR t.type = $order_refunded OR t.type = $order_cancelled) "
    "AND t.order_id IS NOT NULL"
)


#: Steps of `corrections` that are small however large the lake: by touchpoints that were corrected,
#: and by orders of which more than one row speaks.
REPLACED = "replaced"
SUSPECTS = "suspects"


def corrections(*, as_known_then: bool, orders: bool = True) -> tuple[Step, ...]:
    """Which touchpoints no longer hold, by position: the step `left_out`.

    - A touchpoint that a later one corrects. Of several corrections the newest received wins, and
      the others do not hold either. A correction may itself be corrected.
    - An order that an "Order Cancelled" of the same source names, whenever that came; its refunds
      go with it.
    - An order that one source sends again under the same order id (a thank-you page loaded twice):
      the first received holds. Looked for among all orders, or the copy would count in the month
      after.

    The answer depends on nothing but the lake and the moment of knowledge, so whoever asks many
    questions computes it once (`knowledge.py`): it costs more than the questions do.

    Parameters
    ----------
    orders : bool
        False: for those who read no order, refund or cancellation, at a twentieth of the cost.
    """
    then = _KNOWN_THEN if as_known_then else ""
    replaced = (
        Step(
            "corrections",
            "SELECT t.source, t.corrects, t.position, row_number() OVER ("
            "PARTITION BY t.source, t.corrects "
            "ORDER BY t.received_at DESC NULLS LAST, t.position DESC NULLS LAST) AS newness "
            "FROM touchpoints AS t "
            "WHERE t.corrects IS NOT NULL AND t.corrects <> t.touchpoint_id" + then,
        ),
        Step(
            REPLACED,
            # Without corrections the engine sees an empty side and reads no ids at all.
            "SELECT t.position FROM touchpoints AS t JOIN ("
            "SELECT DISTINCT source, corrects FROM corrections) AS c "
            "ON c.source = t.source AND c.corrects = t.touchpoint_id"
            + (" WHERE t.received_at <= $as_of" if as_known_then else "")
            + " UNION SELECT position FROM corrections WHERE newness > 1",
        ),
    )
    if not orders:
        return (*replaced, Step("left_out", "SELECT position FROM replaced"))
    return (
        *replaced,
        Step(
            # Corrections can only clear an order: so they need not be asked about all of them.
            SUSPECTS,
            "SELECT t.source, t.order_id FROM touchpoints AS t "
            f"WHERE {_DEALT}{then} GROUP BY t.source, t.order_id HAVING count(*) > 1 AND "
            "(max(CASE WHEN t.type = $order_cancelled THEN 1 ELSE 0 END) = 1 "
            "OR sum(CASE WHEN t.type = $order_completed THEN 1 ELSE 0 END) > 1)",
        ),
        Step(
            "dealt",
            "SELECT t.position, t.source, t.order_id, "
            "CASE WHEN t.type = $order_completed THEN 1 ELSE 0 END AS is_order, "
            "CASE WHEN t.type = $order_cancelled THEN 1 ELSE 0 END AS is_cancellation "
            f"FROM touchpoints AS t JOIN {SUSPECTS} AS s "
            "ON s.source = t.source AND s.order_id = t.order_id "
            "LEFT JOIN replaced AS r ON r.position = t.position "
            f"WHERE {_DEALT} AND r.position IS NULL{then}",
        ),
        Step(
            "told_twice",
            "SELECT source, order_id, max(is_cancellation) AS cancelled, "
            "min(CASE WHEN is_order = 1 THEN position END) AS first_position FROM dealt "
            "GROUP BY source, order_id HAVING count(*) > 1",
        ),
        Step(
            "left_out",
            "SELECT position FROM replaced UNION "
            "SELECT d.position FROM dealt AS d "
            "JOIN told_twice AS w ON w.source = d.source AND w.order_id = d.order_id "
            "WHERE w.cancelled = 1 OR (d.is_order = 1 AND d.position > w.first_position)",
        ),
    )


def current(
    columns: tuple[str, ...], condition: str, *, as_known_then: bool, only: str = ""
) -> str:
    """SELECT of the touchpoints that hold, of the types and times that ``condition`` names."""
    listed = ", ".join(f"t.{column}" for column in columns)
    return (
        f"SELECT {listed} FROM touchpoints AS t LEFT JOIN left_out AS r "
        f"ON r.position = t.position WHERE {condition} AND r.position IS NULL"
        + (_KNOWN_THEN if as_known_then else "")
        + only
    )


#: Restricts a step to the touchpoints of the question's period.
IN_PERIOD = " AND t.occurred_at >= $start AND t.occurred_at < $end"


def with_profiles(rows: str) -> Step:
    """Rows with the profile that each belongs to today; null where nobody can be named."""
    return Step(
        f"named_{rows}",
        f"SELECT r.*, m.profile_id FROM {rows} AS r "
        "LEFT JOIN membership AS m ON m.atom_id = r.atom_id",
    )

"""Orders placed and refunds paid, and what follows from them for a customer."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import Relation
from rapport.understand.relations.holding import SPLIT, current, with_profiles


def sales(*, as_known_then: bool, since: str) -> tuple[Step, ...]:
    """One row per order placed and per refund paid, without the cancelled and the repeated.

    Parameters
    ----------
    since : str
        Name of the parameter that holds the earliest moment needed; "" for all of history.
    """
    columns = ("atom_id", "position", "occurred_at", "received_at", "type", "amount_base", *SPLIT)
    return (
        Step(
            "sold",
            current(
                columns,
                "(t.type = $order_completed OR t.type = $order_refunded)",
                as_known_then=as_known_then,
                only=" AND t.occurred_at < $end"
                + (f" AND t.occurred_at >= ${since}" if since else ""),
            ),
        ),
        Step(
            "sales",
            "SELECT s.*, CASE WHEN s.type = $order_completed THEN 1 ELSE 0 END AS is_order "
            "FROM sold AS s",
        ),
    )


def named_sales() -> tuple[Step, ...]:
    """Sales with the profile that each belongs to today; null where nobody can be named."""
    return (with_profiles("sales"),)


def customer_orders() -> tuple[Step, ...]:
    """Orders of known customers, each with the time of that customer's first order."""
    return (
        *named_sales(),
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


def order_spans() -> tuple[Step, ...]:
    """Each order of a known customer until their next one, or until a year has passed.

    At one moment the order whose `position` is the lowest comes first, on every engine.
    """
    return (
        *named_sales(),
        Step(
            "ordered",
            "SELECT n.*, lead(n.occurred_at) OVER (PARTITION BY n.profile_id "
            "ORDER BY n.occurred_at ASC NULLS LAST, n.position ASC NULLS LAST) AS next_order_at, "
            "row_number() OVER (PARTITION BY n.profile_id "
            "ORDER BY n.occurred_at ASC NULLS LAST, n.position ASC NULLS LAST) AS nth "
            "FROM named_sales AS n WHERE n.is_order = 1 AND n.profile_id IS NOT NULL",
        ),
    )


def _newcomers(_as_known_then: bool) -> tuple[Step, ...]:
    splits = ", ".join(f"o.{name}" for name in SPLIT)
    return (
        *order_spans(),
        Step(
            # Placed where the 90 days end: before that nobody can say who comes back.
            "newcomers",
            "SELECT o.occurred_at + INTERVAL '2160' HOUR AS occurred_at, o.profile_id, "
            "CASE WHEN o.next_order_at < o.occurred_at + INTERVAL '2160' HOUR THEN 1 ELSE 0 END "
            f"AS came_back, {splits} FROM ordered AS o WHERE o.nth = 1",
        ),
    )


#: A customer without an order for so long has lapsed: hours, for days have different lengths.
_YEAR = "INTERVAL '8760' HOUR"


def _customer_base(_as_known_then: bool) -> tuple[Step, ...]:
    splits = ", ".join(f"s.{name}" for name in SPLIT)
    return (
        *order_spans(),
        Step(
            "spans",
            "SELECT o.*, "
            f"CASE WHEN o.next_order_at <= o.occurred_at + {_YEAR} THEN o.next_order_at "
            f"ELSE o.occurred_at + {_YEAR} END AS until, "
            f"CASE WHEN o.next_order_at <= o.occurred_at + {_YEAR} THEN 0 ELSE 1 END AS lapses "
            "FROM ordered AS o",
        ),
        Step(
            # Rows about a border of a period lie at the period's start, so that they fall in it.
            "customer_base",
            f"SELECT b.starts_at AS occurred_at, s.profile_id, 'start' AS part, {splits} "
            "FROM spans AS s JOIN period_bounds AS b "
            "ON s.occurred_at < b.starts_at AND s.until >= b.starts_at "
            f"UNION ALL SELECT b.starts_at AS occurred_at, s.profile_id, 'end' AS part, {splits} "
            "FROM spans AS s JOIN period_bounds AS b "
            "ON s.occurred_at < b.ends_at AND s.until >= b.ends_at "
            "UNION ALL SELECT s.until AS occurred_at, s.profile_id, "
            "CASE WHEN s.occurred_at < b.starts_at THEN 'lapsed' ELSE 'came and lapsed' END "
            f"AS part, {splits} FROM spans AS s JOIN period_bounds AS b "
            "ON s.until >= b.starts_at AND s.until < b.ends_at WHERE s.lapses = 1",
        ),
    )


SALES = Relation(
    name="sales",
    columns=("is_order", "amount_base"),
    steps=lambda _then: named_sales(),
    rows="named_sales",
    unnamed="sales",
    sales="period",
)

CUSTOMER_ORDERS = Relation(
    name="customer_orders",
    columns=("occurred_at", "first_order_at", "amount_base"),
    steps=lambda _then: customer_orders(),
    rows="named_customer_orders",
    sales="all",
)

#: Whoever bought in one period, followed into the next by the plan.
RETAINED = Relation(
    name="retained",
    columns=("is_order",),
    steps=lambda _then: named_sales(),
    rows="named_sales",
    sales="before",
)

NEWCOMERS = Relation(
    name="newcomers", columns=("came_back",), steps=_newcomers, rows="newcomers", sales="all"
)

CUSTOMER_BASE = Relation(
    name="customer_base",
    columns=("part",),
    steps=_customer_base,
    rows="customer_base",
    sales="all",
)

"""Orders placed and refunds paid, and what follows from them for a customer."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import Relation
from rapport.understand.relations.holding import IN_PERIOD, SPLIT, current, with_profiles


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


def _base_spans() -> tuple[Step, ...]:
    """Each order with how long it keeps its customer one."""
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
    )


def _customer_base(_as_known_then: bool) -> tuple[Step, ...]:
    splits = ", ".join(f"s.{name}" for name in SPLIT)
    return (
        *_base_spans(),
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


def _worths(_as_known_then: bool) -> tuple[Step, ...]:
    splits = ", ".join(f"s.{name}" for name in SPLIT)
    return (
        *_base_spans(),
        Step(
            "brought",
            "SELECT b.starts_at, n.profile_id, sum(n.amount_base) AS brought "
            "FROM named_sales AS n JOIN period_bounds AS b ON n.occurred_at < b.ends_at "
            "WHERE n.profile_id IS NOT NULL GROUP BY b.starts_at, n.profile_id",
        ),
        Step(
            "worths",
            f"SELECT b.starts_at AS occurred_at, s.profile_id, w.brought, {splits} "
            "FROM spans AS s JOIN period_bounds AS b "
            "ON s.occurred_at < b.ends_at AND s.until >= b.ends_at "
            "JOIN brought AS w ON w.starts_at = b.starts_at AND w.profile_id = s.profile_id",
        ),
    )


def _placed(as_known_then: bool) -> tuple[Step, ...]:
    """Every order that was placed, told twice or not, with whether it was cancelled.

    A source that tells the last state of an order alone tells of a cancelled one only that: it was
    placed too, at the moment that is told.
    """
    then = " AND t.received_at <= $as_of" if as_known_then else ""
    splits = ", ".join(f"t.{name}" for name in SPLIT)
    return (
        Step(
            "cancellations",
            "SELECT DISTINCT t.source, t.order_id FROM touchpoints AS t "
            f"WHERE t.type = $order_cancelled AND t.order_id IS NOT NULL{then}",
        ),
        Step(
            "only_cancelled",
            "SELECT c.source, c.order_id FROM cancellations AS c LEFT JOIN touchpoints AS t "
            "ON t.source = c.source AND t.order_id = c.order_id "
            f"AND t.type = $order_completed{then} WHERE t.position IS NULL",
        ),
        Step(
            "told_orders",
            "SELECT t.atom_id, t.occurred_at, "
            f"CASE WHEN c.order_id IS NULL THEN 0 ELSE 1 END AS is_cancelled, {splits}, "
            "row_number() OVER (PARTITION BY t.source, coalesce(t.order_id, "
            "concat('position ', CAST(t.position AS VARCHAR))) "
            "ORDER BY t.received_at ASC NULLS LAST, t.position ASC NULLS LAST) AS telling "
            "FROM touchpoints AS t LEFT JOIN left_out AS r ON r.position = t.position "
            "LEFT JOIN cancellations AS c ON c.source = t.source AND c.order_id = t.order_id "
            "LEFT JOIN only_cancelled AS o ON o.source = t.source AND o.order_id = t.order_id "
            "WHERE (t.type = $order_completed AND (r.position IS NULL OR c.order_id IS NOT NULL) "
            "OR t.type = $order_cancelled AND o.order_id IS NOT NULL)"
            f"{then}{IN_PERIOD}",
        ),
        Step("placed_orders", "SELECT t.* FROM told_orders AS t WHERE t.telling = 1"),
        with_profiles("placed_orders"),
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

#: Customers at the end of a period, with all that they brought until then.
WORTHS = Relation(name="worths", columns=("brought",), steps=_worths, rows="worths", sales="all")

#: Orders as they were placed, the cancelled ones too.
PLACED_ORDERS = Relation(
    name="placed_orders",
    columns=("is_cancelled",),
    steps=_placed,
    rows="named_placed_orders",
    unnamed="placed_orders",
    orders=True,
)

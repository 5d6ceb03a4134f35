"""What new customers paid at first."""

from __future__ import annotations

from decimal import Decimal

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="new_customer_revenue",
    theme="acquisition",
    unit="money",
    grain="customer",
    direction="up",
    empty=Decimal(0),
    relation="customer_orders",
    expression="sum(CASE WHEN occurred_at = first_order_at THEN amount_base END)",
    parts="decimal",
    n="count(DISTINCT CASE WHEN occurred_at = first_order_at THEN profile_id END)",
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: revenue of "
        "first-time customers"
    ),
    description=(
        "Value of the first orders of new customers when they were placed, in the reporting "
        "currency. Later refunds do not lower it."
    ),
)

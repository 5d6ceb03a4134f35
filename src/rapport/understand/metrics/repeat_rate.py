"""Share of buyers who had bought before."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="repeat_rate",
    theme="loyalty",
    unit="share",
    grain="customer",
    direction="up",
    empty=None,
    relation="customer_orders",
    expression="count(DISTINCT CASE WHEN occurred_at > first_order_at THEN profile_id END)",
    per="count(DISTINCT profile_id)",
    n="count(DISTINCT profile_id)",
    source="Farris et al. (2010), Marketing Metrics, 2nd ed.: repeat rate",
    description=(
        "Of the customers who ordered in the period, the share with an order in it that came "
        "after their first. Over all time it is the share of customers with a second order."
    ),
)

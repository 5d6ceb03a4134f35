"""What a first order is worth."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN occurred_at = first_order_at THEN amount_base END)"

METRIC = Metric(
    name="first_order_value",
    theme="acquisition",
    unit="money",
    grain="order",
    direction="up",
    empty=None,
    relation="customer_orders",
    expression="sum(CASE WHEN occurred_at = first_order_at THEN amount_base END)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: average "
        "transaction value, of first transactions"
    ),
    description=(
        "Value of new customers' first orders divided by their number, among those with a known "
        "rate."
    ),
)

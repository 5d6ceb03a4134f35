"""What an order is worth on average."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN is_order = 1 THEN amount_base END)"

METRIC = Metric(
    name="average_order_value",
    theme="sales",
    unit="money",
    grain="order",
    direction="up",
    empty=None,
    relation="sales",
    expression="sum(CASE WHEN is_order = 1 THEN amount_base END)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: average "
        "transaction value"
    ),
    description=(
        "Value of the orders when they were placed, divided by their number, in the reporting"
        " currency. Later refunds do not lower it; cancelled orders and orders without a "
        "known rate are in neither part."
    ),
)

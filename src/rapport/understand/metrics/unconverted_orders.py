"""Orders missing from revenue."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="unconverted_orders",
    theme="sales",
    unit="count",
    grain="order",
    direction="down",
    empty=0,
    relation="sales",
    expression="count(CASE WHEN is_order = 1 AND amount_base IS NULL THEN 1 END)",
    n="sum(is_order)",
    source="Own definition",
    description=(
        "Orders, not cancelled, without an amount in the reporting currency: no amount was "
        "sent, or no exchange rate is known for its day."
    ),
)

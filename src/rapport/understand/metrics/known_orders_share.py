"""How many orders have a name."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "sum(is_order)"

METRIC = Metric(
    name="known_orders_share",
    theme="sales",
    unit="share",
    grain="order",
    direction="up",
    empty=None,
    relation="sales",
    expression="count(CASE WHEN is_order = 1 THEN profile_id END)",
    per=_COUNTED,
    n=_COUNTED,
    source="Own definition",
    description=(
        "Share of the orders, not cancelled, that can be given to a known customer. The rest is "
        "what every figure per customer cannot see."
    ),
)

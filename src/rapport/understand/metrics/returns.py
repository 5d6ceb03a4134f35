"""How often money was paid back."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "sum(1 - is_order)"

METRIC = Metric(
    name="returns",
    theme="sales",
    unit="count",
    grain="order",
    direction="down",
    empty=0,
    relation="sales",
    expression=_COUNTED,
    n=_COUNTED,
    source="Segment, Spec: Ecommerce Events (Order Refunded)",
    description=(
        "Refunds paid in the period, whole or in part, whenever the order was placed. Refunds of "
        "cancelled orders are left out."
    ),
)

"""How many orders were placed."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="orders",
    theme="sales",
    unit="count",
    grain="order",
    direction="up",
    empty=0,
    relation="sales",
    expression="sum(is_order)",
    n="sum(is_order)",
    source="Segment, Spec: Ecommerce Events (Order Completed, Order Cancelled)",
    description=(
        "Orders completed and not cancelled, anonymous ones included. An order that one "
        "source sends twice is one order."
    ),
)

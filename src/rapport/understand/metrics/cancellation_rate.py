"""How many orders are taken back before they are fulfilled."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="cancellation_rate",
    theme="sales",
    unit="share",
    grain="order",
    direction="down",
    empty=None,
    relation="placed_orders",
    expression="sum(is_cancelled)",
    per="count(*)",
    n="count(*)",
    source=(
        "Own definition: cancelled orders as a share of orders placed; an order that one source "
        "tells twice is one"
    ),
    description=(
        "Of the orders placed in the period, the share that was cancelled since, by whoever and "
        "whenever. Young periods rise as cancellations come in. Where a source tells of an order "
        "only that it was cancelled, that is when it counts as placed."
    ),
)

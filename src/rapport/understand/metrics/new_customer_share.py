"""How many buyers are new."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT profile_id)"

METRIC = Metric(
    name="new_customer_share",
    theme="acquisition",
    unit="share",
    grain="customer",
    direction="none",
    empty=None,
    relation="customer_orders",
    expression="count(DISTINCT CASE WHEN occurred_at = first_order_at THEN profile_id END)",
    per=_COUNTED,
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: acquisition "
        "against retention"
    ),
    description=(
        "Of the customers who ordered in the period, the share whose first order of all time lies"
        " in it."
    ),
)

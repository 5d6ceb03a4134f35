"""What a buying customer brought in."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN is_order = 1 THEN profile_id END)"

METRIC = Metric(
    name="revenue_per_customer",
    theme="sales",
    unit="money",
    grain="customer",
    direction="up",
    empty=None,
    relation="sales",
    expression="sum(CASE WHEN profile_id IS NOT NULL THEN amount_base END)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: average revenue "
        "per customer"
    ),
    description=(
        "Revenue of known customers (orders less refunds) divided by the number of customers who "
        "ordered in the period. What unknown people paid is in neither part."
    ),
)

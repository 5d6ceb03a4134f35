"""Customers who ordered for the first time."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN occurred_at = first_order_at THEN profile_id END)"

METRIC = Metric(
    name="new_customers",
    theme="acquisition",
    unit="count",
    grain="customer",
    direction="up",
    empty=0,
    relation="customer_orders",
    expression=_COUNTED,
    n=_COUNTED,
    source=("Farris et al. (2010), Marketing Metrics, 2nd ed.: acquisition, first-time customers"),
    description=(
        "Profiles whose first order of all time, not cancelled, lies in the period. When two "
        "profiles turn out to be one person, a customer is no longer new: the past is "
        "repaired."
    ),
)

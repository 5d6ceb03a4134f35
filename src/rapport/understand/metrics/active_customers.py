"""Customers who ordered in the period."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN is_order = 1 THEN profile_id END)"

METRIC = Metric(
    name="active_customers",
    theme="loyalty",
    unit="count",
    grain="customer",
    direction="up",
    empty=0,
    relation="sales",
    expression=_COUNTED,
    n=_COUNTED,
    source=(
        "Fader & Hardie (2009), Probability Models for Customer-Base Analysis: activity of "
        "non-contractual customers is seen in purchases only"
    ),
    description=(
        "Profiles with at least one order, not cancelled, in the period itself (not a "
        "trailing window: ask for the last 90 days to get one). Anonymous orders count for "
        "nobody."
    ),
)

"""How often a buying customer ordered."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN is_order = 1 THEN profile_id END)"

METRIC = Metric(
    name="orders_per_customer",
    theme="sales",
    unit="number",
    grain="customer",
    direction="up",
    empty=None,
    relation="sales",
    expression="count(CASE WHEN is_order = 1 THEN profile_id END)",
    per=_COUNTED,
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: purchase frequency"
    ),
    description=(
        "Orders of known customers divided by the number of customers who ordered in the period."
    ),
)

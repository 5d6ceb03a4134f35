"""How many customers there are, where nobody signs a contract."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN part = 'end' THEN profile_id END)"

METRIC = Metric(
    name="customer_base",
    theme="loyalty",
    unit="count",
    grain="customer",
    direction="up",
    empty=0,
    relation="customer_base",
    expression=_COUNTED,
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: customers, as "
        "recency criterion: those who bought within twelve months"
    ),
    description=(
        "Customers at the end of the period: those with an order, not cancelled, in the 365 days "
        "before it. A day is 24 hours."
    ),
)

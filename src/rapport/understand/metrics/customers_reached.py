"""How many customers our messages reached."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN bounced = 0 THEN profile_id END)"

METRIC = Metric(
    name="customers_reached",
    theme="reach",
    unit="count",
    grain="customer",
    direction="up",
    empty=0,
    relation="messages",
    expression=_COUNTED,
    n=_COUNTED,
    source="Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: reach",
    description=(
        "Known customers to whom at least one message of a campaign was sent in the period that "
        "did not bounce."
    ),
)

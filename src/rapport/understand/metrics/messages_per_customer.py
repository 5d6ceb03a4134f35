"""How often a customer heard from us."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN bounced = 0 THEN profile_id END)"

METRIC = Metric(
    name="messages_per_customer",
    theme="reach",
    unit="number",
    grain="customer",
    direction="none",
    empty=None,
    relation="messages",
    expression="count(CASE WHEN bounced = 0 THEN profile_id END)",
    per=_COUNTED,
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: average "
        "frequency (contacts per person reached)"
    ),
    description=(
        "Contact pressure: messages that did not bounce, divided by the customers they reached."
    ),
)

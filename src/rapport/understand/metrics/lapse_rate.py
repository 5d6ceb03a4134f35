"""What part of the customers fell silent."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN part = 'start' THEN profile_id END)"

METRIC = Metric(
    name="lapse_rate",
    theme="loyalty",
    unit="share",
    grain="customer",
    direction="down",
    empty=None,
    relation="customer_base",
    expression="count(DISTINCT CASE WHEN part = 'lapsed' THEN profile_id END)",
    per=_COUNTED,
    n=_COUNTED,
    source=(
        "Fader & Hardie (2009), Probability Models for Customer-Base Analysis; attrition as in "
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed."
    ),
    description=(
        "Of the customers at the start of the period (an order in the 365 days before it), the "
        "share who lapsed in it: 365 days passed since their last order. The non-contractual side"
        " of leaving; churn is the contractual one."
    ),
)

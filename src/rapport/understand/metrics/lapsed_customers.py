"""How many customers fell silent."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN part IN ('lapsed', 'came and lapsed') THEN profile_id END)"

METRIC = Metric(
    name="lapsed_customers",
    theme="loyalty",
    unit="count",
    grain="customer",
    direction="down",
    empty=0,
    relation="customer_base",
    expression=_COUNTED,
    n=_COUNTED,
    source=(
        "Fader & Hardie (2009), Probability Models for Customer-Base Analysis: without a contract"
        " leaving is not seen, so a year of silence stands for it"
    ),
    description=(
        "Customers for whom, in the period, 365 days had passed since their last order. They may "
        "return, and then count as customers again. People with a contract leave by ending it: "
        "see churn."
    ),
)

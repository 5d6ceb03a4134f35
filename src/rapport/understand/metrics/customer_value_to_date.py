"""What a customer has brought so far."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT profile_id)"

METRIC = Metric(
    name="customer_value_to_date",
    theme="loyalty",
    unit="money",
    grain="customer",
    direction="up",
    empty=None,
    relation="worths",
    expression="sum(brought)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source=(
        "Kumar & Reinartz (2018), Customer Relationship Management, 3rd ed., ch. 5: past customer "
        "value, here of revenue and without interest; Farris et al. (2010), Marketing Metrics, "
        "2nd ed.: who is a customer"
    ),
    description=(
        "All orders less all refunds, from the first day on, of those who are customers at the end "
        "of the period (an order in the 365 days before it), divided by their number."
    ),
)

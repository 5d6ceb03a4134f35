"""Customers who came from competitors."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN type = $customer_won THEN 1 END)"

METRIC = Metric(
    name="customers_won",
    theme="acquisition",
    unit="count",
    grain="customer",
    direction="up",
    empty=0,
    relation="switches",
    expression=_COUNTED,
    n=_COUNTED,
    source=(
        "Keaveney (1995), Customer Switching Behavior in Service Industries, Journal of Marketing"
        " 59(2)"
    ),
    description="Customers who were recorded as won from a competitor.",
)

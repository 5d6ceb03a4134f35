"""Every metric: one file each, one line here, in alphabetical order."""

from __future__ import annotations

from rapport.understand.metrics import (
    active_customers,
    average_order_value,
    contacts,
    csat,
    mood,
    new_customers,
    nps,
    orders,
    repeat_rate,
    retention,
    returns_share,
    revenue,
    tickets,
    unconverted_orders,
)
from rapport.understand.metrics.base import Metric

METRICS: tuple[Metric, ...] = (
    active_customers.METRIC,
    average_order_value.METRIC,
    contacts.METRIC,
    csat.METRIC,
    mood.METRIC,
    new_customers.METRIC,
    nps.METRIC,
    orders.METRIC,
    repeat_rate.METRIC,
    retention.METRIC,
    returns_share.METRIC,
    revenue.METRIC,
    tickets.METRIC,
    unconverted_orders.METRIC,
)

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}

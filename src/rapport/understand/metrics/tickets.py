"""Service tickets opened."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN type = $ticket_opened THEN 1 END)"

METRIC = Metric(
    name="tickets",
    theme="service",
    unit="count",
    grain="contact",
    direction="down",
    empty=0,
    relation="contacts",
    expression=_COUNTED,
    n=_COUNTED,
    source="ITIL Foundation, 4th ed. (2019): service request and incident management",
    description="Tickets opened in the period, whoever resolved them and when.",
)

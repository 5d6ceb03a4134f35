"""How many tickets were resolved."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN type = $ticket_resolved THEN 1 END)"

METRIC = Metric(
    name="tickets_resolved",
    theme="service",
    unit="count",
    grain="contact",
    direction="up",
    empty=0,
    relation="served",
    expression=_COUNTED,
    n=_COUNTED,
    source="ITIL Foundation, 4th ed. (2019): service level management; incidents resolved",
    description="Tickets resolved in the period, whenever they were opened.",
)

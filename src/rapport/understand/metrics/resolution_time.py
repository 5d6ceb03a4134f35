"""How long until a ticket is resolved."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN type = $ticket_resolved THEN hours_open END)"

METRIC = Metric(
    name="resolution_time",
    theme="service",
    unit="hours",
    grain="contact",
    direction="down",
    empty=None,
    relation="served",
    expression="sum(CASE WHEN type = $ticket_resolved THEN hours_open END)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source="ITIL Foundation, 4th ed. (2019): service level management; time to resolve",
    description=(
        "Mean hours from opening to resolution of the tickets resolved in the period. Clock time:"
        " nights and weekends count. Tickets still open are not in it."
    ),
)

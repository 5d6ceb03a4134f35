"""How often we resolved in time."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = (
    "count(CASE WHEN type = $ticket_resolved AND hours_open IS NOT NULL AND "
    "resolution_target_hours IS NOT NULL THEN 1 END)"
)

METRIC = Metric(
    name="resolved_within_target",
    theme="service",
    unit="share",
    grain="contact",
    direction="up",
    empty=None,
    relation="served",
    expression=(
        "count(CASE WHEN type = $ticket_resolved AND hours_open <= resolution_target_hours THEN 1"
        " END)"
    ),
    per=_COUNTED,
    n=_COUNTED,
    needs=("resolution_target_hours",),
    source="ITIL Foundation, 4th ed. (2019): service level management; service level target",
    description=(
        "Of the tickets resolved in the period, the share resolved within the hours that the "
        "company set itself. No value while no target is stated."
    ),
)

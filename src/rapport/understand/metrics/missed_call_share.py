"""How many calls nobody answered."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN type IN ($call_ended, $call_missed) THEN 1 END)"

METRIC = Metric(
    name="missed_call_share",
    theme="service",
    unit="share",
    grain="contact",
    direction="down",
    empty=None,
    relation="contacts",
    expression="count(CASE WHEN type = $call_missed THEN 1 END)",
    per=_COUNTED,
    n=_COUNTED,
    source="Cleveland (2012), Call Center Management on Fast Forward, 3rd ed.: abandonment rate",
    description="Of the calls of customers, the share that nobody answered.",
)

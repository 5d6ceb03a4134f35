"""How long customers wait for an answer."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(first_response_minutes)"

METRIC = Metric(
    name="first_response_time",
    theme="service",
    unit="minutes",
    grain="contact",
    direction="down",
    empty=None,
    relation="served",
    expression="sum(first_response_minutes)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source="ITIL Foundation, 4th ed. (2019): service level management; response time",
    description=(
        "Mean minutes until our first answer, of the tickets resolved and chats ended in the "
        "period for which it is known. Clock time: nights and weekends count."
    ),
)

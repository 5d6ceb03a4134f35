"""How many messages were opened."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN bounced = 0 THEN 1 END)"

METRIC = Metric(
    name="open_rate",
    theme="reach",
    unit="share",
    grain="message",
    direction="up",
    empty=None,
    relation="messages",
    expression="count(CASE WHEN bounced = 0 AND opened = 1 THEN 1 END)",
    per=_COUNTED,
    n=_COUNTED,
    source="Chaffey & Ellis-Chadwick (2019), Digital Marketing, 7th ed.: e-mail campaign response",
    description=(
        "Of the messages sent in the period that did not bounce, the share opened since, each "
        "counted once. Programs that open every message make it too high, blocked pictures too "
        "low."
    ),
)

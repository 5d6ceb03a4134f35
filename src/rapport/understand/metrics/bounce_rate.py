"""How many messages came back."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="bounce_rate",
    theme="reach",
    unit="share",
    grain="message",
    direction="down",
    empty=None,
    relation="messages",
    expression="count(CASE WHEN bounced = 1 THEN 1 END)",
    per="count(*)",
    n="count(*)",
    source="Chaffey & Ellis-Chadwick (2019), Digital Marketing, 7th ed.: e-mail campaign response",
    description="Of the messages sent in the period, the share that could not be delivered.",
)

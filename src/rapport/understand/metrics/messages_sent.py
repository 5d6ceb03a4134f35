"""How many messages we sent to many."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="messages_sent",
    theme="reach",
    unit="count",
    grain="message",
    direction="none",
    empty=0,
    relation="messages",
    expression="count(*)",
    n="count(*)",
    source="Segment, Spec: Email Events (Email Sent)",
    description=(
        "Messages of campaigns and newsletters sent in the period, bounced ones included. Answers"
        " that one of us wrote to one person are not."
    ),
)

"""How often we answered in time."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = (
    "count(CASE WHEN first_response_minutes IS NOT NULL AND response_target_minutes IS NOT NULL"
    " THEN 1 END)"
)

METRIC = Metric(
    name="answered_within_target",
    theme="service",
    unit="share",
    grain="contact",
    direction="up",
    empty=None,
    relation="served",
    expression="count(CASE WHEN first_response_minutes <= response_target_minutes THEN 1 END)",
    per=_COUNTED,
    n=_COUNTED,
    needs=("first_response_target_minutes",),
    source="Cleveland (2012), Call Center Management on Fast Forward, 3rd ed.: service level",
    description=(
        "Of the tickets resolved and chats ended with a known first answer, the share answered "
        "within the minutes that the company set itself. No value while no target is stated."
    ),
)

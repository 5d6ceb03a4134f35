"""What part of the contacts are complaints."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(sentiment)"

METRIC = Metric(
    name="complaint_share",
    theme="voice",
    unit="share",
    grain="contact",
    direction="down",
    empty=None,
    relation="contacts",
    expression="count(CASE WHEN sentiment < -0.25 THEN 1 END)",
    per=_COUNTED,
    n=_COUNTED,
    source="ISO 10002:2018, Customer satisfaction: guidelines for complaints handling",
    description=(
        "Of the contacts whose words were judged, the share that were judged negative (sentiment "
        "below -0.25)."
    ),
)

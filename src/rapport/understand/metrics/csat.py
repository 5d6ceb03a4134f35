"""Customer satisfaction."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN question = 'csat' THEN 1 END)"

METRIC = Metric(
    name="csat",
    theme="voice",
    unit="share",
    grain="answer",
    direction="up",
    empty=None,
    relation="answers",
    expression=(
        "count(CASE WHEN question = 'csat' AND (score - scale_min) * 4 >= (scale_max - "
        "scale_min) * 3 THEN 1 END)"
    ),
    per=_COUNTED,
    n=_COUNTED,
    source=(
        "Farris et al. (2010), Marketing Metrics, 2nd ed.: customer satisfaction, top-two-box share"
    ),
    description=(
        "Share of answers to a 'csat' question in the top two of five: 4 or 5 on a scale of 1"
        " to 5, and at least three quarters of the way up any other scale. Answers without a "
        "scale are not counted."
    ),
)

"""How many reviews were written."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="reviews",
    theme="voice",
    unit="count",
    grain="review",
    direction="up",
    empty=0,
    relation="reviews",
    expression="count(*)",
    n="count(*)",
    source="Own definition",
    description="Reviews with a mark that were posted in the period.",
)

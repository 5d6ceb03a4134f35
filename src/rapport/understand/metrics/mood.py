"""How customers sound in what they write and say."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="mood",
    theme="voice",
    unit="score",
    grain="contact",
    direction="up",
    empty=None,
    relation="moods",
    expression="sum(CAST(sentiment AS DECIMAL(18, 6)))",
    per="count(*)",
    parts="decimal",
    n="count(*)",
    source="Own definition; sentiment by touchpoint as stated by its method",
    description=(
        "Mean sentiment (-1 to 1) of all touchpoints of the period whose text was judged."
    ),
)

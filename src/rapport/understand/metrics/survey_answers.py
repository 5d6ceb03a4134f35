"""How many answers surveys brought."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="survey_answers",
    theme="voice",
    unit="count",
    grain="answer",
    direction="up",
    empty=0,
    relation="answers",
    expression="count(*)",
    n="count(*)",
    source="Own definition",
    description="Scored answers to survey questions of any kind.",
)

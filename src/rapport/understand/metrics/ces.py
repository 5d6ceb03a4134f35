"""How easy customers find it to be helped."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN question = 'ces' AND scale_min = 1 AND scale_max = 7 THEN 1 END)"

METRIC = Metric(
    name="ces",
    theme="voice",
    unit="number",
    grain="answer",
    direction="up",
    empty=None,
    relation="answers",
    expression=(
        "sum(CASE WHEN question = 'ces' AND scale_min = 1 AND scale_max = 7 THEN CAST(score AS "
        "DECIMAL(18, 6)) END)"
    ),
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source="Dixon, Toman & DeLisi (2013), The Effortless Experience: Customer Effort Score 2.0",
    description=(
        "Mean answer, 1 to 7, to a 'ces' question: “the company made it easy for me to handle my "
        "issue”, 7 being strongly agree. Answers on other scales are not counted."
    ),
)

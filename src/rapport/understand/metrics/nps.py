"""Net Promoter Score."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN question = 'nps' AND scale_min = 0 AND scale_max = 10 THEN 1 END)"

METRIC = Metric(
    name="nps",
    theme="voice",
    unit="points",
    grain="answer",
    direction="up",
    empty=None,
    relation="answers",
    expression=(
        "100 * (count(CASE WHEN question = 'nps' AND scale_min = 0 AND scale_max = 10 AND "
        "score >= 9 THEN 1 END) - count(CASE WHEN question = 'nps' AND scale_min = 0 AND "
        "scale_max = 10 AND score <= 6 THEN 1 END))"
    ),
    per=_COUNTED,
    n=_COUNTED,
    squares=(
        "10000 * count(CASE WHEN question = 'nps' AND scale_min = 0 AND scale_max = 10 AND "
        "(score >= 9 OR score <= 6) THEN 1 END)"
    ),
    source="Reichheld (2003), The One Number You Need to Grow, Harvard Business Review 81(12)",
    description=(
        "Percentage of promoters (9 and 10) minus percentage of detractors (0 to 6), among "
        "answers to an 'nps' question on a scale of 0 to 10. Other scales are not counted: "
        "their borders are not comparable. Its 95 % margin of error is the adjusted Wald interval "
        "of Rocks (2016), The American Statistician 70(4): with three answers more, spread as a "
        "quarter of promoters, a quarter of detractors and half of passives."
    ),
)

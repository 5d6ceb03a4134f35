"""The mean mark of reviews."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="rating",
    theme="voice",
    unit="number",
    grain="review",
    direction="up",
    empty=None,
    relation="reviews",
    expression="sum(CAST(1 + 4 * (score - scale_min) / (scale_max - scale_min) AS DECIMAL(18, 6)))",
    per="count(*)",
    parts="decimal",
    n="count(*)",
    source=(
        "Chevalier & Mayzlin (2006), The Effect of Word of Mouth on Sales, Journal of Marketing "
        "Research 43(3): mean star rating"
    ),
    description=(
        "Mean mark of the reviews of the period, on the scale of 1 to 5; other scales are "
        "stretched onto it."
    ),
)

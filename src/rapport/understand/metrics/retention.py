"""Share of the previous period's buyers who came back."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="retention",
    theme="loyalty",
    unit="share",
    grain="customer",
    direction="up",
    empty=None,
    relation="retained",
    expression="sum(came_back)",
    per="count(*)",
    n="count(*)",
    source=(
        "Farris et al. (2010), Marketing Metrics, 2nd ed.: retention rate; Fader & Hardie "
        "(2009) on its use without contracts"
    ),
    description=(
        "Of the customers who ordered in the period before, the share who ordered in this "
        "one. `cohorts.py` gives the triangle by month of the first order."
    ),
)

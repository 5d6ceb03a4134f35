"""How many contracts ended."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN part IN ('ended', 'came and ended') THEN contract END)"

METRIC = Metric(
    name="subscriptions_ended",
    theme="loyalty",
    unit="count",
    grain="contract",
    direction="down",
    empty=0,
    relation="contracts",
    expression=_COUNTED,
    n=_COUNTED,
    source="Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: lost customers",
    description="Contracts that ended in the period, whoever ended them.",
)

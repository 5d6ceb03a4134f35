"""How many contracts run."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN part = 'end' THEN contract END)"

METRIC = Metric(
    name="subscriptions",
    theme="loyalty",
    unit="count",
    grain="contract",
    direction="up",
    empty=0,
    relation="contracts",
    expression=_COUNTED,
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: customers, where"
        " a contract says who is one"
    ),
    description=(
        "Contracts that run at the end of the period: started (Subscription Started) and not "
        "ended (Subscription Ended) before it."
    ),
)

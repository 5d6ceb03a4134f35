"""How many contracts began."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN part = 'started' THEN contract END)"

METRIC = Metric(
    name="subscriptions_started",
    theme="loyalty",
    unit="count",
    grain="contract",
    direction="up",
    empty=0,
    relation="contracts",
    expression=_COUNTED,
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: gross additions"
    ),
    description=(
        "Contracts that started in the period. A contract that was running already does not start"
        " again."
    ),
)

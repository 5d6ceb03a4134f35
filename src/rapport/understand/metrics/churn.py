"""What part of the contracts ended."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN part = 'start' THEN contract END)"

METRIC = Metric(
    name="churn",
    theme="loyalty",
    unit="share",
    grain="contract",
    direction="down",
    empty=None,
    relation="contracts",
    expression="count(DISTINCT CASE WHEN part = 'ended' THEN contract END)",
    per=_COUNTED,
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: churn rate, for "
        "contractual customers"
    ),
    description=(
        "Of the contracts that ran at the start of the period, the share that ended in it. "
        "Contracts that both began and ended in it are in neither part. Only for contracts; where"
        " nobody signs one, see lapse_rate."
    ),
)

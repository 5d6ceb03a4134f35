"""What winning customers cost."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="acquisition_spend",
    theme="acquisition",
    unit="money",
    grain="day",
    direction="none",
    empty=None,
    relation="acquisitions",
    expression="sum(spent)",
    parts="decimal",
    n="count(spent)",
    needs=("acquisition_spend",),
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: acquisition "
        "spending"
    ),
    description=(
        "What the company says it spent on winning customers, spread evenly over the days it was "
        "spent for. No value where nothing is stated, which is not the same as nothing spent."
    ),
)

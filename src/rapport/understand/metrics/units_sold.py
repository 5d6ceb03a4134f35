"""How many units were sold."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="units_sold",
    theme="sales",
    unit="number",
    grain="order",
    direction="up",
    empty=0,
    relation="lines",
    expression="sum(CASE WHEN is_order = 1 THEN quantity END)",
    parts="decimal",
    n="count(DISTINCT CASE WHEN is_order = 1 THEN position END)",
    source="Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: unit sales",
    description=(
        "Units on the lines of the orders placed in the period and not cancelled. Orders whose "
        "lines are not known add nothing; returns are not taken off."
    ),
)

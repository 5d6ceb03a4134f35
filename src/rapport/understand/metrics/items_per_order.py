"""How many units an order has."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT CASE WHEN is_order = 1 THEN position END)"

METRIC = Metric(
    name="items_per_order",
    theme="sales",
    unit="number",
    grain="order",
    direction="up",
    empty=None,
    relation="lines",
    expression="sum(CASE WHEN is_order = 1 THEN quantity END)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: units per "
        "transaction"
    ),
    description=(
        "Units bought divided by orders, among the orders, not cancelled, whose lines are known. "
        "Later returns do not lower it."
    ),
)

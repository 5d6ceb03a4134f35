"""What sales leave after the goods."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="gross_margin",
    theme="profit",
    unit="money",
    grain="order",
    direction="up",
    empty=None,
    relation="profits",
    expression="sum(CASE WHEN goods_cost IS NOT NULL THEN trade_amount - goods_cost END)",
    parts="decimal",
    n="count(CASE WHEN is_order = 1 AND goods_cost IS NOT NULL THEN 1 END)",
    needs=("goods_cost_share",),
    source="Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: gross margin",
    description=(
        "Sales less refunds, less the cost of the goods, over the orders and refunds whose goods "
        "have a stated cost; goods_cost_coverage says how much of sales that is. No value where "
        "no cost is stated. Stated costs compare with amounts as they were recorded, tax included"
        " if they include it."
    ),
)

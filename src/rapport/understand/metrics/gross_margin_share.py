"""What part of sales is left after the goods."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="gross_margin_share",
    theme="profit",
    unit="share",
    grain="order",
    direction="up",
    empty=None,
    relation="profits",
    expression="sum(CASE WHEN goods_cost IS NOT NULL THEN trade_amount - goods_cost END)",
    per="sum(CASE WHEN goods_cost IS NOT NULL THEN trade_amount END)",
    parts="decimal",
    n="count(CASE WHEN is_order = 1 AND goods_cost IS NOT NULL THEN 1 END)",
    needs=("goods_cost_share",),
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: gross margin as "
        "a percentage of sales"
    ),
    description=(
        "Gross margin divided by sales less refunds, over the orders and refunds whose goods have"
        " a stated cost."
    ),
)

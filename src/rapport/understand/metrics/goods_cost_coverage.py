"""How much of sales has known costs."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="goods_cost_coverage",
    theme="profit",
    unit="share",
    grain="order",
    direction="up",
    empty=None,
    relation="profits",
    expression="sum(CASE WHEN is_order = 1 AND goods_cost IS NOT NULL THEN trade_amount END)",
    per="sum(CASE WHEN is_order = 1 THEN trade_amount END)",
    parts="decimal",
    n="sum(is_order)",
    needs=("goods_cost_share",),
    source="Own definition",
    description=(
        "Share of the value of the orders whose goods all have a stated cost. Gross margin speaks"
        " of this part only."
    ),
)

"""How much money was paid back."""

from __future__ import annotations

from decimal import Decimal

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="refund_value",
    theme="sales",
    unit="money",
    grain="order",
    direction="down",
    empty=Decimal(0),
    relation="sales",
    expression="sum(CASE WHEN is_order = 0 THEN -amount_base END)",
    parts="decimal",
    n="sum(1 - is_order)",
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: returns and "
        "allowances, the step from gross to net sales"
    ),
    description=(
        "Money refunded in the period, in the reporting currency, whenever the order was placed. "
        "Refunds without a known exchange rate, and those of cancelled orders, are left out."
    ),
)

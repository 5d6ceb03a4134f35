"""How much of what was sold is paid back."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="returns_share",
    theme="sales",
    unit="share",
    grain="order",
    direction="down",
    empty=None,
    relation="sales",
    expression="sum(CASE WHEN is_order = 0 THEN -amount_base ELSE 0 END)",
    per="sum(CASE WHEN is_order = 1 THEN amount_base ELSE 0 END)",
    parts="decimal",
    n="sum(is_order)",
    source=(
        "Own definition after Farris et al. (2010), Marketing Metrics, 2nd ed.: returns as a "
        "share of gross sales"
    ),
    description=(
        "Money refunded in the period divided by the value of the orders placed in it. A "
        "refund counts when it is paid, so a quiet month after a busy one can exceed 1."
    ),
)

"""How much of the cost of winning customers their first order pays back."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="acquisition_payback",
    theme="acquisition",
    unit="share",
    grain="customer",
    direction="up",
    empty=None,
    relation="acquisitions",
    expression="CASE WHEN count(first_margin) = count(profile_id) THEN sum(first_margin) END",
    per="sum(spent)",
    parts="decimal",
    n="count(DISTINCT profile_id)",
    needs=("acquisition_spend", "goods_cost_share"),
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: acquisition cost"
        " against the margin of the customers won"
    ),
    description=(
        "Gross margin of the new customers' first orders divided by the spending stated for the "
        "period: at 1 the first order pays for winning the customer. No value while spending or "
        "the cost of some of the goods is not stated."
    ),
)

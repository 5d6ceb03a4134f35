"""What one new customer cost."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT profile_id)"

METRIC = Metric(
    name="cost_per_new_customer",
    theme="acquisition",
    unit="money",
    grain="customer",
    direction="down",
    empty=None,
    relation="acquisitions",
    expression="sum(spent)",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    needs=("acquisition_spend",),
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: average "
        "acquisition cost"
    ),
    description=(
        "Stated spending of the period divided by its new customers. By acquisition channel it "
        "has the spending that was stated for that channel only. No value where no spending is "
        "stated."
    ),
)

"""What a buying customer left after goods and care."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric
from rapport.understand.metrics.customer_profit import METRIC as CUSTOMER_PROFIT

METRIC = Metric(
    name="profit_per_customer",
    theme="profit",
    unit="money",
    grain="customer",
    direction="up",
    empty=None,
    relation="profits",
    expression=CUSTOMER_PROFIT.expression,
    per=CUSTOMER_PROFIT.n,
    parts="decimal",
    n=CUSTOMER_PROFIT.n,
    needs=CUSTOMER_PROFIT.needs,
    source=CUSTOMER_PROFIT.source,
    description=(
        "Customer profit divided by the customers who ordered in the period. No value while a "
        "cost in it is not stated."
    ),
)

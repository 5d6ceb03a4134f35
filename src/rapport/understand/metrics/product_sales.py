"""What products and categories brought in."""

from __future__ import annotations

from decimal import Decimal

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="product_sales",
    theme="sales",
    unit="money",
    grain="order",
    direction="up",
    empty=Decimal(0),
    relation="lines",
    expression="sum(line_amount)",
    parts="decimal",
    n="count(line_amount)",
    source=(
        "Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, 2nd ed.: sales by product"
    ),
    description=(
        "Amounts on the lines of orders less those on the lines of refunds, in the reporting "
        "currency, so that sales can be split by product and category. Orders without lines, and "
        "what belongs to no line (shipping, discounts of the whole order), are left out: the sum "
        "may differ from revenue."
    ),
)

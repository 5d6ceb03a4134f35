"""What customers paid, less refunds."""

from __future__ import annotations

from decimal import Decimal

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="revenue",
    theme="sales",
    unit="money",
    grain="order",
    direction="up",
    empty=Decimal(0),
    relation="sales",
    expression="sum(amount_base)",
    parts="decimal",
    n="sum(is_order)",
    source=(
        "IFRS 15, Revenue from Contracts with Customers, paragraphs 47 and 55: the price net "
        "of refunds"
    ),
    description=(
        "Orders placed in the period less refunds paid in it, in the reporting currency. "
        "Cancelled orders, and refunds of them, are left out. Amounts without a known "
        "exchange rate are not guessed: `unconverted_orders` counts them."
    ),
)

"""What known customers left after goods and care."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="customer_profit",
    theme="profit",
    unit="money",
    grain="customer",
    direction="up",
    empty=None,
    relation="profits",
    expression=(
        "CASE WHEN sum(CASE WHEN profile_id IS NOT NULL AND ((is_service = 1 AND service_cost IS "
        "NULL) OR (is_service = 0 AND goods_cost IS NULL)) THEN 1 ELSE 0 END) = 0 THEN sum(CASE "
        "WHEN profile_id IS NOT NULL THEN coalesce(trade_amount, 0) - coalesce(goods_cost, 0) - "
        "coalesce(service_cost, 0) END) END"
    ),
    parts="decimal",
    n="count(DISTINCT CASE WHEN is_order = 1 THEN profile_id END)",
    needs=(
        "goods_cost_share",
        "ticket_cost",
        "call_cost",
        "chat_cost",
        "email_cost",
        "return_cost",
    ),
    source=(
        "Kaplan & Narayanan (2001), Measuring and Managing Customer Profitability, Journal of "
        "Cost Management 15(5); Farris, Bendle, Pfeifer & Reibstein (2010), Marketing Metrics, "
        "2nd ed.: customer profit"
    ),
    description=(
        "Of known customers: sales less refunds, less the cost of the goods, less the cost to "
        "serve (tickets, calls, chats, e-mails and refunds). No value while a cost in it is not "
        "stated. Customers without an order in the period cost, too, and are in it."
    ),
)

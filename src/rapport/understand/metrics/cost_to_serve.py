"""What caring for customers cost."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="cost_to_serve",
    theme="profit",
    unit="money",
    grain="contact",
    direction="down",
    empty=None,
    relation="profits",
    expression="CASE WHEN count(service_cost) = sum(is_service) THEN sum(service_cost) END",
    parts="decimal",
    n="sum(is_service)",
    needs=("ticket_cost", "call_cost", "chat_cost", "email_cost", "return_cost"),
    source=(
        "Kaplan & Narayanan (2001), Measuring and Managing Customer Profitability, Journal of "
        "Cost Management 15(5): cost to serve"
    ),
    description=(
        "Stated cost of each ticket opened, call, chat, e-mail received and refund, times how "
        "many there were. No value while one of those that happened has no stated cost: a part "
        "would look like the whole."
    ),
)

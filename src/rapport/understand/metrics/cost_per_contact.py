"""What one contact cost."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "sum(is_service)"

METRIC = Metric(
    name="cost_per_contact",
    theme="profit",
    unit="money",
    grain="contact",
    direction="down",
    empty=None,
    relation="profits",
    expression="CASE WHEN count(service_cost) = sum(is_service) THEN sum(service_cost) END",
    per=_COUNTED,
    parts="decimal",
    n=_COUNTED,
    needs=("ticket_cost", "call_cost", "chat_cost", "email_cost", "return_cost"),
    source=(
        "Kaplan & Narayanan (2001), Measuring and Managing Customer Profitability, Journal of "
        "Cost Management 15(5)"
    ),
    description=(
        "Cost to serve divided by the number of contacts and refunds in it. No value while one of"
        " them has no stated cost."
    ),
)

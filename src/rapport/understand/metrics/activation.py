"""How many new buyers come back soon."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="activation",
    theme="acquisition",
    unit="share",
    grain="customer",
    direction="up",
    empty=None,
    relation="newcomers",
    expression="sum(came_back)",
    per="count(*)",
    n="count(*)",
    source=(
        "McClure (2007), Startup Metrics for Pirates: activation; measured as trial and repeat "
        "after Parfitt & Collins (1968), Journal of Marketing Research 5"
    ),
    description=(
        "Of the customers whose first 90 days as a buyer ended in the period, the share who "
        "ordered again within those 90 days. Somebody who began 10 days ago is not judged yet. A "
        "day is 24 hours."
    ),
)

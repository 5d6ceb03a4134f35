"""How many visits there were."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="visits",
    theme="web",
    unit="count",
    grain="visit",
    direction="up",
    empty=0,
    relation="visits",
    expression="count(*)",
    n="count(*)",
    source=(
        "Web Analytics Association (2008), Web Analytics Definitions: visit, ended by 30 minutes "
        "without activity"
    ),
    description=(
        "Visits to the web site and the app: what one person or, while unknown, one browser did "
        "without a pause of more than 30 minutes, with at least one page or screen. A visit "
        "counts where it begins."
    ),
)

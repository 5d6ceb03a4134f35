"""How many pages a visit has."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="pages_per_visit",
    theme="web",
    unit="number",
    grain="visit",
    direction="up",
    empty=None,
    relation="visits",
    expression="sum(pages)",
    per="count(*)",
    n="count(*)",
    source="Web Analytics Association (2008), Web Analytics Definitions: page views per visit",
    description="Pages and screens seen divided by visits.",
)

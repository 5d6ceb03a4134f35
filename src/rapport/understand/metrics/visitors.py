"""How many people visited."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(DISTINCT visitor)"

METRIC = Metric(
    name="visitors",
    theme="web",
    unit="count",
    grain="visit",
    direction="up",
    empty=0,
    relation="visits",
    expression=_COUNTED,
    n=_COUNTED,
    source="Web Analytics Association (2008), Web Analytics Definitions: unique visitors",
    description=(
        "Different people, and while unknown different browsers, with a visit in the period. "
        "Somebody with two browsers counts twice until we learn that they are one."
    ),
)

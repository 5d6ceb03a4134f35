"""How often customers complained."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

_COUNTED = "count(CASE WHEN sentiment < -0.25 THEN 1 END)"

METRIC = Metric(
    name="complaints",
    theme="voice",
    unit="count",
    grain="contact",
    direction="down",
    empty=0,
    relation="contacts",
    expression=_COUNTED,
    n=_COUNTED,
    source=(
        "ISO 10002:2018, Customer satisfaction: a complaint is an expression of dissatisfaction "
        "to which an answer is expected"
    ),
    description=(
        "Contacts that the customer began and whose words were judged negative (sentiment below "
        "-0.25). Contacts whose words are not known, or in a language that is not judged, are "
        "none."
    ),
)

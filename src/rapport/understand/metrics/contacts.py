"""How often customers had to reach us."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="contacts",
    theme="service",
    unit="count",
    grain="contact",
    direction="down",
    empty=0,
    relation="contacts",
    expression="count(*)",
    n="count(*)",
    source=(
        "Dixon, Toman & DeLisi (2013), The Effortless Experience: contacts are effort that "
        "the customer had to make"
    ),
    description=(
        "Contacts that the customer began with our service: tickets opened, calls and chats "
        "ended, calls that nobody answered, emails received. Not our own calls, nor what a machine "
        "answers."
    ),
)

"""How many visits end in an order."""

from __future__ import annotations

from rapport.understand.metrics.base import Metric

METRIC = Metric(
    name="conversion",
    theme="web",
    unit="share",
    grain="visit",
    direction="up",
    empty=None,
    relation="visits",
    expression="sum(has_order)",
    per="count(*)",
    n="count(*)",
    source="Web Analytics Association (2008), Web Analytics Definitions: conversion rate",
    description=(
        "Share of the visits in which the same person placed an order on the web or in the app. "
        "Orders that only the shop's own system told of count where it is known who placed them."
    ),
)

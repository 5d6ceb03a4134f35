"""What an answer can be split by, and filtered on: one line each, in alphabetical order."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Dimension(Struct, frozen=True, kw_only=True):
    """A column to group by.

    `expression` reads ``v``, the relation's rows, and ``c``, the customers; `reads` says whether
    the customers (or the segments' members, ``g``) have to be joined for it.
    """

    name: str
    expression: str
    reads: Literal["touchpoint", "customer", "segment"]
    description: str


DIMENSIONS: tuple[Dimension, ...] = (
    Dimension(
        name="acquisition_channel",
        expression="coalesce(c.acquisition_channel, v.acquisition_channel)",
        reads="customer",
        description="How the customer came; for the anonymous, how this visit came.",
    ),
    Dimension(
        name="age_band",
        expression="c.age_band",
        reads="customer",
        description="How old the customer is today, where a birthday is known: 18-24, 25-34…",
    ),
    Dimension(
        name="agent",
        expression="v.agent",
        reads="touchpoint",
        description="Who of us served.",
    ),
    Dimension(
        name="campaign",
        expression="v.campaign",
        reads="touchpoint",
        description="The campaign that the touchpoint names.",
    ),
    Dimension(
        name="channel",
        expression="v.channel",
        reads="touchpoint",
        description="Where it happened: web, store, phone…",
    ),
    Dimension(
        name="city",
        expression="c.city",
        reads="customer",
        description="Where the customer lives.",
    ),
    Dimension(
        name="country",
        expression="coalesce(v.country, c.country)",
        reads="customer",
        description="Where it happened; where that is not said, where the customer lives.",
    ),
    Dimension(
        name="gender",
        expression="c.gender",
        reads="customer",
        description="The customer's gender, where it was given: m, f or x (neither).",
    ),
    Dimension(
        name="language",
        expression="coalesce(c.language, v.language)",
        reads="customer",
        description="The customer's language; for the anonymous, that of the touchpoint.",
    ),
    Dimension(
        name="place",
        expression="v.place",
        reads="touchpoint",
        description="The shop or place that the touchpoint names.",
    ),
    Dimension(
        name="postcode_area",
        expression="c.postcode_area",
        reads="customer",
        description="Country and first two characters of the postcode where the customer lives.",
    ),
    Dimension(
        name="product",
        expression="v.product",
        reads="touchpoint",
        description="The product of the line, by its number.",
    ),
    Dimension(
        name="product_category",
        expression="v.product_category",
        reads="touchpoint",
        description="The category of the line's product.",
    ),
    Dimension(
        name="region",
        expression="c.region",
        reads="customer",
        description=(
            "The province, county or department where the customer lives (ISO 3166-2); where it "
            "happened is `place`."
        ),
    ),
    Dimension(
        name="rfm_segment",
        expression="c.rfm_segment",
        reads="customer",
        description="The customer's RFM segment today.",
    ),
    Dimension(
        name="segment",
        expression="g.segment",
        reads="segment",
        description=(
            "The segments given with the question. A customer counts in each of theirs, so the "
            "parts add up to more than the whole."
        ),
    ),
    Dimension(
        name="source",
        expression="v.source",
        reads="touchpoint",
        description="The silo that sent it.",
    ),
)

BY_NAME: dict[str, Dimension] = {dimension.name: dimension for dimension in DIMENSIONS}

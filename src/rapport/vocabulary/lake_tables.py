"""Every table of the lake and its columns, as Arrow schemas.

Tables with a `bucket` are partitioned by it: ``atom_id % BUCKETS`` (0 when nobody is named), so
that everything about one person lies in one place, sorted by atom and time.
"""

from __future__ import annotations

import pyarrow as pa

BUCKETS = 64

_TIME = pa.timestamp("us", tz="UTC")
_MONEY = pa.decimal128(18, 4)

_KEY = [
    pa.field("bucket", pa.int32(), nullable=False),
    pa.field("atom_id", pa.int64()),
    pa.field("position", pa.int64(), nullable=False),
    pa.field("occurred_at", _TIME, nullable=False),
]

TOUCHPOINTS = pa.schema(
    [
        *_KEY,
        pa.field("received_at", _TIME, nullable=False),
        pa.field("touchpoint_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("channel", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("order_id", pa.string()),
        pa.field("amount", _MONEY),
        pa.field("currency", pa.string()),
        pa.field("amount_base", _MONEY),  # in the reporting currency; null: no rate known
        pa.field("item_count", pa.int32()),
        pa.field("text", pa.string()),
        pa.field("language", pa.string()),
        pa.field("sentiment", pa.float64()),  # -1 … 1; null: not said
        pa.field("sentiment_method", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("scale_min", pa.float64()),
        pa.field("scale_max", pa.float64()),
        pa.field("question", pa.string()),
        pa.field("place", pa.string()),
        pa.field("country", pa.string()),
        pa.field("acquisition_channel", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("message", pa.string()),
        pa.field("media", pa.string()),
        pa.field("corrects", pa.string()),
        pa.field("agent", pa.string()),  # who of us served
        pa.field("first_response_minutes", _MONEY),
        pa.field("hours_open", _MONEY),  # of a ticket, until it was resolved
        pa.field("properties", pa.string()),  # JSON
    ]
)

ORDER_ITEMS = pa.schema(
    [
        *_KEY,
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("sku", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("category", pa.string()),
        pa.field("quantity", _MONEY, nullable=False),
        pa.field("unit_price", _MONEY),
        pa.field("amount", _MONEY),
        pa.field("currency", pa.string()),
        pa.field("amount_base", _MONEY),
    ]
)

#: What visitors of web sites did, one row per touchpoint of `touchpoint.SITE_TYPES`, read out of
#: its properties, so that maps and lists of pages need read no JSON.
SITE_EVENTS = pa.schema(
    [
        *_KEY,
        pa.field("source", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("view", pa.string()),  # of a page view its touchpoint id; else the view it is in
        pa.field("path", pa.string()),
        pa.field("origin", pa.string()),  # of page views: "https://shop.example"
        pa.field("title", pa.string()),
        pa.field("view_width", pa.int32()),  # of the window; lengths are CSS pixels
        pa.field("page_width", pa.int32()),
        pa.field("page_height", pa.int32()),
        pa.field("features", pa.string()),  # names of elements that a page showed, one a line
        pa.field("element", pa.string()),  # CSS selector
        pa.field("x", pa.float64()),  # where in the element, 0 … 1
        pa.field("y", pa.float64()),
        pa.field("page_x", pa.int32()),  # where on the page; on the window where fixed
        pa.field("page_y", pa.int32()),
        pa.field("fixed", pa.bool_()),
        pa.field("scroll_depth", pa.int32()),  # 0 … 100
        pa.field("visible_seconds", pa.float64()),
        pa.field("term", pa.string()),  # of a search; null where it may name a person
        pa.field("results", pa.int32()),
        pa.field("category", pa.string()),  # of a product
        pa.field("product", pa.string()),
    ]
)

#: Which profile each record belongs to, at one moment; newer changes come from the ledger.
MEMBERSHIP = pa.schema(
    [
        pa.field("atom_id", pa.int64(), nullable=False),
        pa.field("profile_id", pa.string(), nullable=False),
    ]
)

#: One row per profile: what questions and segments ask about a customer.
CUSTOMERS = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("city", pa.string()),
        pa.field("postal_code", pa.string()),
        pa.field("postcode_area", pa.string()),  # country and two characters: "BE 90"
        pa.field("region", pa.string()),  # ISO 3166-2: "BE-VOV"
        pa.field("location_precision", pa.string()),  # city, region or country
        pa.field("latitude", pa.float64()),  # of the town
        pa.field("longitude", pa.float64()),
        pa.field("nearest_shop", pa.string()),
        pa.field("nearest_shop_km", pa.float64()),  # as the crow flies, from the town's middle
        pa.field("age_band", pa.string()),  # when the table was made
        pa.field("gender", pa.string()),  # m, f, x
        pa.field("acquisition_channel", pa.string()),
        pa.field("first_seen", _TIME),
        pa.field("last_seen", _TIME),
        pa.field("first_order_at", _TIME),
        pa.field("last_order_at", _TIME),
        pa.field("days_since_last_order", pa.int32()),
        pa.field("order_count", pa.int32(), nullable=False),
        pa.field("revenue", _MONEY, nullable=False),
        pa.field("average_order_value", _MONEY),
        pa.field("recency_score", pa.int32()),  # 1 … 5
        pa.field("frequency_score", pa.int32()),
        pa.field("monetary_score", pa.int32()),
        pa.field("rfm_segment", pa.string()),
        pa.field("last_nps", pa.float64()),
        pa.field("last_csat", pa.float64()),
        pa.field("mood", pa.float64()),  # mean sentiment of the last 180 days
        pa.field("tickets_90_days", pa.int32(), nullable=False),
        pa.field("probability_alive", pa.float64()),
        pa.field("expected_orders", pa.float64()),
        pa.field("expected_value", pa.float64()),
        pa.field("email_marketing", pa.bool_()),
        pa.field("persona", pa.string()),  # the key of the discovered group, "persona-3"
    ]
)

#: What the company states of itself because no data say it: unit costs, spending, targets. The
#: ledger holds it; `Company.seen` lays it over the lake.
STATED_FIGURES = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("scope", pa.string()),  # a product, a category, an acquisition channel; null: all
        pa.field("starts_at", _TIME, nullable=False),
        pa.field("ends_at", _TIME),  # not included; null: until further notice
        pa.field("amount", _MONEY, nullable=False),
    ]
)

SCORES = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("version_id", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("as_of", _TIME, nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
    ]
)

#: When each model was fitted, on what. The ledger holds it; `Company.seen` lays it over the lake.
MODEL_VERSIONS = pa.schema(
    [
        pa.field("version_id", pa.int64(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("fitted_at", _TIME, nullable=False),
        pa.field("data_until", _TIME, nullable=False),
        pa.field("status", pa.string(), nullable=False),  # live | retired | refused
    ]
)

LAKE_TABLES: dict[str, pa.Schema] = {
    "touchpoints": TOUCHPOINTS,
    "order_items": ORDER_ITEMS,
    "site_events": SITE_EVENTS,
    "membership": MEMBERSHIP,
    "customers": CUSTOMERS,
    "scores": SCORES,
    "model_versions": MODEL_VERSIONS,
    "stated_figures": STATED_FIGURES,
}

#: The tables that a walk over the journal fills.
FROM_JOURNAL: tuple[str, ...] = ("touchpoints", "order_items", "site_events")


def bucket_of(atom_id: int | None) -> int:
    """The partition of a record."""
    return 0 if atom_id is None else atom_id % BUCKETS

"""A touchpoint: one recorded interaction between a person and the company, digital or not."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct, field

from rapport.vocabulary.identifier import Identifier

#: How the person and the company met. `channel` is where; `type` is what happened.
Channel = Literal[
    "web", "app", "store", "phone", "email", "sms", "chat", "survey", "review",
    "social", "post", "event", "partner", "crm", "loyalty", "finance", "internal",
    "messaging", "push", "video", "voicemail", "community", "kiosk", "marketplace",
    "configurator", "product", "delivery", "service_visit", "advertising", "market",
]  # fmt: skip
CHANNELS: tuple[str, ...] = Channel.__args__  # type: ignore[attr-defined]

# Names of the Segment ecommerce spec, and our own in the same object–action form.
ORDER_PLACED = "Order Placed"  # asked for, and not yet a sale: its invoice is
ORDER_COMPLETED = "Order Completed"
ORDER_REFUNDED = "Order Refunded"
ORDER_CANCELLED = "Order Cancelled"
SURVEY_ANSWERED = "Survey Answered"
TICKET_OPENED = "Ticket Opened"
TICKET_RESOLVED = "Ticket Resolved"
CALL_ENDED = "Call Ended"
CALL_MADE = "Call Made"  # we called the person
CALL_MISSED = "Call Missed"  # the person called and nobody answered
EMAIL_RECEIVED = "Email Received"
AUTOMATIC_REPLY_RECEIVED = "Automatic Reply Received"  # an absence notice: no word of the person
CHAT_ENDED = "Chat Ended"
REVIEW_POSTED = "Review Posted"
STORE_VISITED = "Store Visited"
FOOTFALL_COUNTED = "Footfall Counted"  # how many came in within an hour or a day; nobody is named
MYSTERY_VISIT_SCORED = "Mystery Visit Scored"
COMPETITOR_OFFER_SEEN = "Competitor Offer Seen"
CUSTOMER_WON = "Customer Won"  # from a competitor, who is named in the properties
CUSTOMER_LOST = "Customer Lost"  # to a competitor
CONFIGURATION_SAVED = "Configuration Saved"
DEAL_UPDATED = "Deal Updated"  # a sales opportunity changed its stage
SOCIAL_MENTIONED = "Social Mentioned"
MESSAGE_RECEIVED = "Message Received"  # one message of a person, by chat, messenger or social media
SUBSCRIPTION_STARTED = "Subscription Started"  # a contract, whose number is the `order_id`
SUBSCRIPTION_ENDED = "Subscription Ended"  # from then on it no longer runs
PAYMENT_RECEIVED = "Payment Received"
PAYMENT_RETURNED = "Payment Returned"
SHIPMENT_SENT = "Shipment Sent"
SHIPMENT_DELIVERED = "Shipment Delivered"
GOODS_MOVED = "Goods Moved"  # any other step of goods; nobody need be named
TICKET_UPDATED = "Ticket Updated"
RECORD_SEEN = "Record Seen"  # a silo stated facts about a person (a CRM row, a loyalty card)
PAGE_VIEWED = "Page Viewed"
SCREEN_VIEWED = "Screen Viewed"
PRODUCT_VIEWED = "Product Viewed"
PRODUCTS_SEARCHED = "Products Searched"
PRODUCT_ADDED = "Product Added"  # to the cart
CART_VIEWED = "Cart Viewed"
CHECKOUT_STARTED = "Checkout Started"
IDENTIFIED = "Identified"
ALIASED = "Aliased"
GROUPED = "Grouped"
MESSAGE_SENT = "Message Sent"
MESSAGE_DELIVERED = "Message Delivered"
MESSAGE_OPENED = "Message Opened"
MESSAGE_CLICKED = "Message Clicked"
MESSAGE_BOUNCED = "Message Bounced"
UNSUBSCRIBED = "Unsubscribed"
CONSENT_GIVEN = "Consent Given"
CONSENT_WITHDRAWN = "Consent Withdrawn"
# What our tracker of web sites sends beside page views.
ELEMENT_CLICKED = "Element Clicked"
RAGE_CLICKED = "Rage Clicked"
DEAD_CLICKED = "Dead Clicked"
PAGE_ENGAGED = "Page Engaged"
#: How a page was used, click by click: for maps of pages, too fine for a person's history.
BEHAVIOUR_DETAIL = frozenset({ELEMENT_CLICKED, PAGE_ENGAGED})
#: Steps towards an order, and the order.
ORDER_STEPS = (PRODUCT_ADDED, CART_VIEWED, CHECKOUT_STARTED, ORDER_COMPLETED)
#: What questions about a web site read, where the channel is the web.
SITE_TYPES = frozenset({
    PAGE_VIEWED, PAGE_ENGAGED, ELEMENT_CLICKED, RAGE_CLICKED, DEAD_CLICKED, PRODUCT_VIEWED,
    PRODUCTS_SEARCHED, *ORDER_STEPS,
})  # fmt: skip
#: What a silo or a machine said, at a time when the person need not have done anything.
NOTHING_DONE = frozenset({RECORD_SEEN, ALIASED, GROUPED, AUTOMATIC_REPLY_RECEIVED})


# gc=False: millions of these are made, and plain values from outside form no cycles that Python
# would have to search for.


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of an order. `amount` is the line's total; negative for a return."""

    sku: str
    name: str | None = None
    category: str | None = None
    quantity: Decimal = Decimal(1)
    unit_price: Decimal | None = None
    amount: Decimal | None = None


class ConsentChange(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A permission given or withdrawn for one purpose."""

    purpose: str  # e.g. "email_marketing", "sms_marketing", "profiling", "call_recording"
    granted: bool
    legal_basis: str = "consent"


class Touchpoint(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One recorded interaction. Append-only: a correction is a new one naming the old.

    `record` is the record or device that produced it, its **atom**: a CRM contact, a loyalty
    card, a browser. None means that nobody can be named (a cash sale). `identifiers` are all
    values seen with it, the record's own included. `amount` is signed: a refund is negative.
    `traits` are facts stated about the person then (keys: see `vocabulary.profile.ATTRIBUTES`).
    """

    touchpoint_id: str
    source: str
    channel: str
    type: str
    occurred_at: datetime
    received_at: datetime
    record: Identifier | None = None
    identifiers: tuple[Identifier, ...] = ()
    traits: dict[str, str] = field(default_factory=dict)
    order_id: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    items: tuple[Item, ...] = ()
    text: str | None = None
    language: str | None = None  # as stated by the source; else found from the text
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    question: str | None = None  # "nps", "csat", "ces", or the source's question name
    place: str | None = None
    country: str | None = None  # ISO 3166-1 alpha-2
    acquisition_channel: str | None = None
    campaign: str | None = None
    message: str | None = None
    media: str | None = None
    consents: tuple[ConsentChange, ...] = ()
    corrects: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)


class RefusedRecord(Struct, frozen=True, kw_only=True):
    """Something received that we cannot use: kept with its reason, never dropped."""

    source: str
    reason: str  # a `RefusalReason` code
    detail: str  # what to do about it; names fields, never a person's values
    payload: bytes
    received_at: datetime
    message_id: str | None = None
    locator: str | None = None  # file and row, or request id


#: Why a record is refused; pages and manual list these.
REFUSAL_REASONS: dict[str, str] = {
    "malformed_json": "not valid JSON",
    "malformed_record": "not written as its format demands",
    "invalid_encoding": "bytes that are not valid in the stated encoding",
    "wrong_type": "a field has another type than expected",
    "missing_field": "a required field is empty",
    "missing_identity": "neither a user nor an anonymous id",
    "unknown_type": "an event type that we do not know",
    "invalid_timestamp": "a date that cannot be read",
    "timestamp_out_of_range": "a date before 1990 or more than a day in the future",
    "invalid_amount": "an amount that is not a number",
    "not_an_order": "a correction of stock or of the books, not an order",
    "unknown_currency": "a currency code that is not in ISO 4217",
    "unknown_country": "a country that is not in ISO 3166",
    "too_many_properties": "more than 255 properties",
    "too_large": "a single event above 1 MB",
    "contains_nul": "a NUL character",
    "score_out_of_range": "a score outside its scale",
    "not_finished": "a conversation that may still go on",
    "not_storable": "a value that the stores cannot hold",
    "duplicate_key": "the same record key with other content in one file",
}

"""What translated events have in common: the shape of a call, pages, campaigns, trade, times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from rapport.collect.cell_values import read_moment
from rapport.collect.protocol import EventRefused, some_text

#: Names of the Segment ecommerce spec by their letters alone, and how other trackers say them.
_TRADE: dict[str, str] = {
    "".join(name.split()).lower(): name
    for name in (
        "Products Searched", "Product List Viewed", "Product List Filtered", "Promotion Viewed",
        "Promotion Clicked", "Product Clicked", "Product Viewed", "Product Added",
        "Product Removed", "Cart Viewed", "Checkout Started", "Checkout Step Viewed",
        "Checkout Step Completed", "Payment Info Entered", "Order Updated", "Order Completed",
        "Order Refunded", "Order Cancelled", "Coupon Entered", "Coupon Applied", "Coupon Denied",
        "Coupon Removed", "Product Added to Wishlist", "Product Removed from Wishlist",
        "Wishlist Product Added to Cart", "Product Shared", "Cart Shared", "Product Reviewed",
    )
} | {
    "purchase": "Order Completed", "purchased": "Order Completed", "transaction": "Order Completed",
    "purchasecompleted": "Order Completed", "orderplaced": "Order Completed",
    "refund": "Order Refunded", "refunded": "Order Refunded", "purchaserefunded": "Order Refunded",
    "ordercanceled": "Order Cancelled",
    "viewitem": "Product Viewed", "productview": "Product Viewed",
    "viewitemlist": "Product List Viewed", "listview": "Product List Viewed",
    "selectitem": "Product Clicked", "listclick": "Product Clicked",
    "addtocart": "Product Added", "removefromcart": "Product Removed", "viewcart": "Cart Viewed",
    "addtowishlist": "Product Added to Wishlist", "begincheckout": "Checkout Started",
    "addshippinginfo": "Checkout Step Completed", "checkoutstep": "Checkout Step Completed",
    "addpaymentinfo": "Payment Info Entered", "viewpromotion": "Promotion Viewed",
    "promoview": "Promotion Viewed", "selectpromotion": "Promotion Clicked",
    "promoclick": "Promotion Clicked",
}  # fmt: skip
_CAMPAIGN = {
    "utm_source": "source", "utm_medium": "medium", "utm_campaign": "name", "utm_term": "term",
    "utm_content": "content", "utm_id": "id",
    "mtm_source": "source", "mtm_medium": "medium", "mtm_campaign": "name", "mtm_kwd": "term",
    "mtm_content": "content", "mtm_cid": "id", "pk_campaign": "name", "pk_kwd": "term",
    "pk_source": "source", "pk_medium": "medium",
}  # fmt: skip
#: How far a name of trade may be from being one word: longer texts are no such name.
_LONGEST_NAME = 60


def trade_name(name: str) -> str | None:
    """The Segment ecommerce spec's name for what other trackers call ``name``; None: no trade.

    ``order_completed``, ``purchase`` and ``Order Completed`` are one and the same.
    """
    if len(name) > _LONGEST_NAME:
        return None
    return _TRADE.get("".join(c for c in name.lower() if c.isalnum()))


def call(kind: str, **parts: Any) -> dict[str, Any]:
    """A call of the Segment protocol, without the parts that say nothing."""
    return {"type": kind} | {k: v for k, v in parts.items() if v not in (None, "", {}, [])}


def page_of(url: Any, title: Any = None, referrer: Any = None) -> dict[str, Any]:
    """The page as Segment's context has it."""
    page: dict[str, Any] = {}
    if (address := some_text(url)) is not None:
        page["url"] = address
        parts = _parts(address)
        if parts is not None and parts.path:
            page["path"] = parts.path
        if parts is not None and parts.query:
            page["search"] = f"?{parts.query}"
    for name, value in (("title", title), ("referrer", referrer)):
        if (text := some_text(value)) is not None:
            page[name] = text
    return page


def _parts(address: str) -> Any:
    try:
        return urlsplit(address)
    except ValueError:  # such as "http://[": kept, but it names no page
        return None


def campaign_in(url: Any) -> dict[str, str]:
    """The campaign that an address names by the usual parameters."""
    address = some_text(url)
    parts = None if address is None else _parts(address)
    if parts is None:
        return {}
    try:
        pairs = parse_qsl(parts.query, max_num_fields=200)
    except ValueError:
        return {}
    return campaign_from(dict(pairs))


def campaign_from(named: Mapping[str, Any]) -> dict[str, str]:
    """The campaign among parameters or properties that are called `utm_source` and so on."""
    found: dict[str, str] = {}
    for name, part in _CAMPAIGN.items():
        text = some_text(named.get(name))
        if text is not None:
            found.setdefault(part, text)
    return found


def moment_of(value: Any, where: str, *, per_second: int = 1) -> str:
    """A time since 1970, or ISO 8601, as ISO 8601 in UTC.

    Parameters
    ----------
    per_second : int
        How many units of a number make a second: 1,000 for milliseconds.

    Raises
    ------
    EventRefused
        If it is no time.
    """
    try:
        if per_second != 1:
            if isinstance(value, bool):
                raise ValueError("not a number")
            seconds = int(value) / per_second
            return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
        return read_moment(value).isoformat()
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise EventRefused("invalid_timestamp", f"{where} is not a date and time") from error


def product_of(item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A product with our names for its parts; parts without one keep theirs.

    Parameters
    ----------
    names : mapping of str to str
        Their names → `product_id`, `name`, `category`, `brand`, `price`, `quantity`, ….
    """
    product: dict[str, Any] = {}
    for theirs, value in item.items():
        if value not in (None, ""):
            product.setdefault(names.get(theirs, theirs), value)
    return product

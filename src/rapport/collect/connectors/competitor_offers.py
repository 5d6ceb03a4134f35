"""Offers of competitors, as shoppers note them and price watchers export them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

from rapport.collect.connector import Connector
from rapport.collect.mapping import Mapping
from rapport.collect.rows import PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import COMPETITOR_OFFER_SEEN, Item, Touchpoint


def read_offer(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one offer; nobody is named in it."""
    (row,) = rows
    competitor = row.required("competitor")
    seen_at = row.required_moment("seen_at")
    sku, name, url = row.text("sku"), row.text("product"), row.text("url")
    if sku is None and name is None and url is None:
        raise RowError("missing_field", "the offer names no `sku`, `product` or `url`")
    price, shipping = row.money("price"), row.money("shipping")
    if any(amount is not None and amount < 0 for amount in (price, shipping)):
        raise RowError("invalid_amount", "a price or shipping cost is negative")
    place = row.text("place")
    said = (competitor, sku, name, url, place, seen_at, price, shipping)
    listed = row.money("list_price")
    yield row.touchpoint(
        f"offers:{row.text('offer_id') or sha256(repr(said).encode()).hexdigest()[:24]}",
        type=COMPETITOR_OFFER_SEEN,
        channel="market",
        occurred_at=seen_at,
        amount=price,
        currency=row.currency(),
        items=(Item(sku=sku or name or url or "", name=name, unit_price=price, amount=price),),
        text=row.text("text"),
        identifiers=(),
        properties={
            "competitor": competitor,
            "their_sku": row.text("their_sku"),
            "shipping": None if shipping is None else str(shipping),
            "list_price": None if listed is None else str(listed),
            "availability": row.text("availability"),
            "promotion": row.text("promotion"),
            "url": url,
            "seen_by": row.text("seen_by"),
        },
    )


def mapping_mistakes(mapping: Mapping) -> list[str]:
    """A price without a currency cannot be compared."""
    stated = {*mapping.columns, *mapping.constants}
    if "price" in stated and "currency" not in stated:
        return ['prices need a `currency`; state it, such as currency = "EUR" under [constants]']
    return []


CONNECTOR = Connector(
    kind="competitor_offers",
    label="Offers and prices of competitors",
    required=("competitor", "seen_at"),
    optional=(
        *("offer_id", "sku", "product", "their_sku", "price", "currency", "shipping"),
        *("list_price", "availability", "promotion", "url", "text", "seen_by"),
        *PLACE_FIELDS,
    ),
    read=read_offer,
    mapping_mistakes=mapping_mistakes,
    file_words=("competitor", "concurrent", "konkurren", "versenyt", "price watch", "prijzen"),
    synonyms={
        "competitor": (
            *("competitor", "competitor name", "seller", "retailer", "rival", "concurrent"),
            *("concurrentnaam", "concurrente", "konkurrent", "wettbewerber", "versenytárs"),
        ),
        "seen_at": (
            *("seen at", "seen", "date", "observed at", "scraped at", "crawl date", "gezien op"),
            *("waargenomen", "vu le", "date du relevé", "megfigyelve", "látva", "gesehen am"),
            *("checked at", "timestamp", "dátum", "datum"),
        ),
        "sku": (
            "our sku",
            "sku",
            "article",
            "artikelnummer",
            "cikkszám",
            "référence",
            "matched sku",
        ),
        "product": (
            *("product", "product name", "title", "description", "artikel", "produit", "termék"),
            "produkt",
        ),
        "their_sku": ("competitor sku", "their sku", "seller sku", "asin"),
        "price": (
            *("price", "offer price", "competitor price", "prijs", "prix", "ár", "preis"),
            "selling price",
        ),
        "shipping": (
            *("shipping", "shipping cost", "delivery cost", "verzendkosten", "frais de port"),
            *("szállítási díj", "versandkosten"),
        ),
        "list_price": ("list price", "regular price", "was price", "adviesprijs", "listaár", "uvp"),
        "availability": (
            *("availability", "stock", "in stock", "beschikbaarheid", "voorraad"),
            *("disponibilité", "készlet", "elérhetőség", "verfügbarkeit", "lagerbestand"),
        ),
        "promotion": ("promotion", "promo", "deal", "actie", "akció", "aktion"),
        "url": ("url", "link", "product url", "offer url", "page"),
        "seen_by": ("seen by", "shopper", "observer", "source"),
        "offer_id": ("offer id", "observation id"),
    },
)

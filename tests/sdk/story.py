"""What each SDK is told to say, and what Rapport has to make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from rapport.collect.segment import decode_envelope, read_json
from rapport.collect.touchpoints import touchpoint_of
from rapport.engines.ledger import Ledger
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Touchpoint

#: How far the client's clock is off. More than a day: uncorrected, every event would be refused
#: as being in the future.
SKEW = timedelta(hours=31, minutes=7)
#: A retry that carries the first attempt's `sentAt` moves its events by the time it waited.
TOLERANCE = timedelta(seconds=20)
ORDERED_BEFORE = timedelta(hours=2)

USER = "felhasználó-1"
ANONYMOUS = "anon-ő-1"
NESTED = {
    "sku": "CIPŐ-42",
    "deep": {"list": [1, 2.5, {"ű": "árvíztűrő tükörfúrógép"}], "yes": True, "none": None},
    "arabic": "مرحبا بالعالم",
    "emoji": "👩‍👩‍👧 🛍️ 𝔘",
    "quoted": 'He said "\\u00e9" \\ \n\t<b>&amp;',
}
TRAITS = {
    "email": "gyozo@shop.example",
    "firstName": "Győző",
    "lastName": "Őszi-Szűcs",
    "address": {"city": "Hódmezővásárhely", "postalCode": "6800", "country": "HU"},
    "likes": {"colours": ["zöld", "أزرق"], "size": {"shoe": 42}},
}
PAGE = {"name": "Cipők", "properties": {"url": "https://shop.example/cip%C5%91k?ő=1", "depth": 3}}
GROUP_TRAITS = {"name": "Őszi és Társa Kft.", "staff": {"count": 12}}
ORDER = {
    "order_id": "R-71",
    "total": 12990.5,
    "currency": "HUF",
    "products": [{"product_id": "CIPŐ-42", "price": 6495.25, "quantity": 2}],
}
BROWSED = 24


def calls() -> list[dict[str, Any]]:
    """The story, as calls of an SDK with Segment's field names.

    `secondsAgo` asks for a `timestamp` by the client's own clock.
    """
    who = {"userId": USER, "anonymousId": ANONYMOUS}
    return [
        {"call": "identify", **who, "traits": TRAITS},
        {"call": "track", **who, "event": "Product Viewed", "properties": {"n": -1, **NESTED}},
        {"call": "page", **who, **PAGE},
        {"call": "screen", **who, **PAGE},
        {"call": "group", **who, "groupId": "cég-7", "traits": GROUP_TRAITS},
        {"call": "alias", "previousId": ANONYMOUS, "userId": USER},
        {
            "call": "track", **who, "event": "Order Completed", "properties": ORDER,
            "messageId": "rendelés-71", "secondsAgo": int(ORDERED_BEFORE.total_seconds()),
        },
        *(
            {"call": "track", **who, "event": "Product Viewed", "properties": {"n": n}}
            for n in range(BROWSED)
        ),
    ]  # fmt: skip


def kept(ledger: Ledger, source_id: int) -> list[tuple[str, bytes, Touchpoint]]:
    """Message id, the event as sent, and the touchpoint of each entry of a source's journal."""
    with ledger.read() as connection:
        rows = connection.execute(
            select(t.journal).where(t.journal.c.source_id == source_id).order_by("position")
        ).all()
    return [
        (
            row.message_id,
            bytes(decode_envelope(row.payload).event),
            touchpoint_of(row.kind, row.payload, "shop", row.received_at),
        )
        for row in rows
    ]


def refused(ledger: Ledger, source_id: int) -> list[tuple[str, str]]:
    """Reason and detail of what was refused from a source."""
    with ledger.read() as connection:
        rows = connection.execute(
            select(t.refused.c.reason, t.refused.c.detail).where(t.refused.c.source_id == source_id)
        ).all()
    return [(row.reason, row.detail) for row in rows]


def check_once(ids: list[str], acknowledged: set[str], calls_made: int) -> None:
    """Each call is kept once, and nothing that was acknowledged is missing."""
    assert len(ids) == len(set(ids))
    assert set(ids) == acknowledged
    assert len(ids) == calls_made


def check_times(
    entries: list[tuple[str, bytes, Touchpoint]],
    skew: timedelta,
    began: datetime,
    ended: datetime,
) -> None:
    """By our clock everything happened during the test, whatever the client's clock said."""
    for _, raw, touch in entries:
        event = read_json(raw)
        stated = datetime.fromisoformat(
            (event.get("timestamp") or event["originalTimestamp"]).replace("Z", "+00:00")
        )
        before = ORDERED_BEFORE if touch.type == "Order Completed" else timedelta()
        assert began - TOLERANCE <= stated - skew + before <= ended + TOLERANCE, "the clock is off"
        assert began - TOLERANCE <= touch.occurred_at + before <= ended + TOLERANCE
        assert touch.occurred_at.tzinfo is UTC


def without_nulls(value: Any) -> Any:
    """``value`` without what is null, as RudderStack's SDK for pages sends it."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


def check_meaning(touches: list[Touchpoint], *, screens: bool = True, nulls: bool = True) -> None:
    """Traits, nested properties, other scripts, aliases, groups, pages and orders are right.

    ``screens`` and ``nulls`` say whether the SDK has calls for screens, and sends nulls.
    """
    by_type = {touch.type: touch for touch in touches if touch.properties.get("n", -1) == -1}
    user = Identifier(kind="user_id", value=USER, namespace="shop")
    anonymous = {i for touch in touches for i in touch.identifiers if i.kind == "anonymous_id"}
    assert {i.value for i in anonymous} == {ANONYMOUS}

    identified = by_type["Identified"]
    assert user in identified.identifiers
    assert Identifier(kind="email", value=TRAITS["email"], namespace="") in identified.identifiers
    assert identified.traits == {
        "email": "gyozo@shop.example",
        "first_name": "Győző",
        "last_name": "Őszi-Szűcs",
        "city": "Hódmezővásárhely",
        "postal_code": "6800",
        "country": "HU",
        **({"language": identified.traits["language"]} if "language" in identified.traits else {}),
    }
    assert identified.properties["likes"] == TRAITS["likes"]

    viewed = by_type["Product Viewed"]
    nested = {name: value for name, value in viewed.properties.items() if name != "n"}
    assert nested == (NESTED if nulls else without_nulls(NESTED))
    assert user in viewed.identifiers

    page = by_type["Page Viewed"]
    assert page.properties["name"] == "Cipők"
    assert page.properties["depth"] == 3
    assert page.properties["url"] == PAGE["properties"]["url"]  # type: ignore[index]
    assert page.channel == "web"
    if screens:
        screen = by_type["Screen Viewed"]
        assert (screen.properties["name"], screen.channel) == ("Cipők", "app")

    grouped = by_type["Grouped"]
    assert grouped.traits["company"] == "Őszi és Társa Kft."
    assert grouped.properties["group_id"] == "cég-7"
    assert grouped.properties["staff"] == {"count": 12}

    aliased = by_type["Aliased"]
    assert {USER, ANONYMOUS} <= {i.value for i in aliased.identifiers}
    assert aliased.properties["previous_id"] == ANONYMOUS

    order = by_type["Order Completed"]
    assert (order.amount, order.currency) == (Decimal("12990.5"), "HUF")
    assert order.order_id == "R-71"
    assert [(i.sku, i.quantity, i.unit_price) for i in order.items] == [
        ("CIPŐ-42", Decimal(2), Decimal("6495.25"))
    ]

    browsed = [touch.properties["n"] for touch in touches if touch.properties.get("n", -1) >= 0]
    assert sorted(browsed) == list(range(BROWSED))

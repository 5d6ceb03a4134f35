"""Segment events as touchpoints: names, money, traits, identifiers, campaigns and consents."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from time import process_time
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from rapport.collect.segment import SegmentEnvelope, encode_envelope
from rapport.collect.touchpoints import encode_touchpoint, touchpoint_from_segment, touchpoint_of
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import ConsentChange, Item, Touchpoint

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def payload(type_: str, batch_context: dict[str, Any] | None = None, **event: Any) -> bytes:
    event = {"userId": "u1", "timestamp": "2026-11-16T08:00:00Z", **event}
    return encode_envelope(
        SegmentEnvelope(
            type=type_,
            id="m1",
            event=Raw(msgspec.json.encode(event)),
            context=None if batch_context is None else Raw(msgspec.json.encode(batch_context)),
        )
    )


def touch(type_: str, **event: Any) -> Touchpoint:
    return touchpoint_from_segment(payload(type_, **event), "web", NOW)


def test_an_order_brings_amount_currency_and_items() -> None:
    order = touch(
        "track",
        event="Order Completed",
        properties={
            "order_id": 71,
            "total": 27.5,
            "revenue": 25,
            "currency": "eur",
            "email": "anna@example.com",
            "products": [{"product_id": "P1", "name": "Mok", "price": "12.50", "quantity": 2}],
        },
    )
    assert (order.type, order.order_id, order.amount, order.currency) == (
        "Order Completed", "71", Decimal("27.5"), "EUR",
    )  # fmt: skip
    assert order.items == (
        Item(
            sku="P1",
            name="Mok",
            quantity=Decimal(2),
            unit_price=Decimal("12.50"),
            amount=Decimal(25),
        ),
    )
    assert Identifier(kind="email", value="anna@example.com") in order.identifiers
    assert order.properties["revenue"] == 25  # kept as they are


@pytest.mark.parametrize("total", [27.5, -27.5, "27.50"])
def test_a_refund_is_negative_however_it_is_sent(total: Any) -> None:
    properties = {"total": total, "products": [{"sku": "S", "price": 27.5, "quantity": 1}]}
    refund = touch("track", event="Order Refunded", properties=properties)
    assert refund.amount == Decimal("-27.5")
    assert (refund.items[0].quantity, refund.items[0].amount) == (-1, Decimal("-27.5"))


def test_an_order_without_a_total_is_worth_its_lines_and_other_events_nothing() -> None:
    lines = {"products": [{"sku": "S", "price": 1.1, "quantity": 3}, {"sku": "T", "price": 2}]}
    assert touch("track", event="Order Completed", properties=lines).amount == Decimal("5.3")
    viewed = touch(
        "track", event="Product Viewed", properties={"price": 5, "email": "b@example.com"}
    )
    assert viewed.amount is None
    assert [i.kind for i in viewed.identifiers] == ["user_id"]  # somebody's address, but whose?


def test_identify_states_traits_by_our_names_and_keeps_the_others() -> None:
    seen = touch(
        "identify",
        anonymousId="a1",
        traits={
            "firstName": " Anna ",
            "lastName": "<script>",
            "email": "Anna@Example.com",
            "phone": 36301234567,
            "birthday": "1980-02-13T00:00:00Z",
            "createdAt": "2020-01-01T00:00:00Z",
            "address": {
                **{"street": "Fő utca 1", "postalCode": 1011, "city": "Budapest"},
                **{"country": "Magyarország", "floor": 3},
            },
            "company": {"name": "Kadár Kft", "id": 5},
            "interests": ["tents", "cycling"],
            "consentEmailMarketing": True,
            "consent_profiling": "no",
            "shoeSize": 38,
        },
        context={"locale": "hu-HU", "traits": {"loyaltyTier": "gold"}},
    )  # fmt: skip
    assert seen.type == "Identified"
    assert seen.traits == {
        **{"first_name": "Anna", "last_name": "<script>", "email": "Anna@Example.com"},
        **{"phone": "36301234567", "birthday": "1980-02-13", "company": "Kadár Kft"},
        **{"street": "Fő utca 1", "postal_code": "1011", "city": "Budapest", "country": "HU"},
        **{"interests": "tents, cycling", "language": "hu", "loyalty_tier": "gold"},
        "created_at": "2020-01-01T00:00:00+00:00",
    }
    assert seen.properties == {"address": {"floor": 3}, "shoeSize": 38}
    assert set(seen.consents) == {
        ConsentChange(purpose="email_marketing", granted=True),
        ConsentChange(purpose="profiling", granted=False),
    }
    assert [(i.kind, i.namespace) for i in seen.identifiers] == [
        ("user_id", "web"), ("email", ""), ("phone", ""), ("anonymous_id", "web"),
    ]  # fmt: skip
    assert seen.record == seen.identifiers[0]


def test_identify_by_an_sdk_that_states_traits_in_the_context_keeps_all_of_them() -> None:
    seen = touch(
        "identify",
        context={"traits": {"email": "an@shop.example", "likes": {"colours": ["red"]}, "size": 42}},
        traits={"size": 43},
    )
    assert seen.traits == {"email": "an@shop.example"}
    assert seen.properties == {"likes": {"colours": ["red"]}, "size": 43}
    # Of another event, what the context says about the person is no property.
    assert touch("track", event="A", context={"traits": {"size": 42}}).properties == {}


def test_pages_screens_groups_and_aliases_have_their_types() -> None:
    page = touch(
        "page",
        name="Home",
        properties={"path": "/"},
        context={"page": {"url": "https://x", "path": "/y"}},
    )
    assert (page.type, page.channel) == ("Page Viewed", "web")
    assert page.properties == {"name": "Home", "path": "/", "url": "https://x"}
    screen = touch("screen", name="Home")
    assert (screen.type, screen.channel) == ("Screen Viewed", "app")
    group = touch("group", groupId="g1", traits={"name": "Kadár Kft"})
    assert (group.type, group.traits["company"], group.properties["group_id"]) == (
        "Grouped", "Kadár Kft", "g1",
    )  # fmt: skip
    alias = touch("alias", userId="u2", previousId="u1", anonymousId="a1")
    assert alias.type == "Aliased"
    assert {(i.kind, i.value) for i in alias.identifiers} == {
        ("user_id", "u2"), ("anonymous_id", "a1"), ("user_id", "u1"), ("anonymous_id", "u1"),
    }  # fmt: skip
    known = touch("alias", userId="u2", previousId="a1", anonymousId="a1")
    assert {(i.kind, i.value) for i in known.identifiers} == {
        ("user_id", "u2"), ("anonymous_id", "a1"),
    }  # fmt: skip


def test_where_and_how_they_came_is_read_from_the_context() -> None:
    context = {
        "campaign": {"name": "Winter", "source": "Google", "medium": "CPC"},
        "os": {"name": "iOS"},
        "device": {"id": "d1"},
    }
    seen = touchpoint_from_segment(
        payload("track", batch_context=context, event="Signed Up"), "app", NOW
    )
    assert (seen.channel, seen.campaign, seen.acquisition_channel) == (
        "app",
        "Winter",
        "paid_search",
    )
    assert Identifier(kind="device_id", value="d1") in seen.identifiers


def test_experience_events_bring_score_text_place_and_channel() -> None:
    answer = touch(
        "track",
        event="Survey Answered",
        properties={
            **{"score": "9", "scale_max": 10, "question": "nps", "comment": " fijn "},
            **{"language": "nl-BE", "store": "Gent", "country": "Belgique"},
        },
    )  # fmt: skip
    assert (answer.score, answer.scale_max, answer.question) == (9.0, 10.0, "nps")
    assert (answer.text, answer.language, answer.place, answer.country) == (
        "fijn",
        "nl",
        "Gent",
        "BE",
    )
    assert answer.channel == "survey"
    assert touch("track", event="Call Ended").channel == "phone"
    assert touch("track", event="X", properties={"channel": "Store"}).channel == "store"


def test_consents_are_read_from_events_and_context() -> None:
    left = touch("track", event="Unsubscribed")
    assert left.consents == (ConsentChange(purpose="email_marketing", granted=False),)
    given = touch("track", event="Consent Given", properties={"purpose": "sms_marketing"})
    assert given.consents == (ConsentChange(purpose="sms_marketing", granted=True),)
    chosen = touch("page", context={"consent": {"categoryPreferences": {"Advertising": False}}})
    assert chosen.consents == (ConsentChange(purpose="advertising", granted=False),)


def test_a_touchpoint_is_read_back_as_it_was_kept() -> None:
    made = touch(
        "track", event="Order Completed", properties={"total": 1.1, "products": [{"sku": "s"}]}
    )
    assert touchpoint_of("touchpoint", encode_touchpoint(made), "web", NOW) == made
    assert touchpoint_of("segment", payload("identify"), "web", NOW).type == "Identified"


def test_thirty_thousand_events_a_second_are_read_on_one_core() -> None:
    kept = payload(
        "track",
        event="Product Viewed",
        properties={"sku": "S", "price": 5},
        context={"page": {"url": "https://x"}},
    )
    began = process_time()
    for _ in range(3_000):
        touchpoint_from_segment(kept, "web", NOW)
    assert 3_000 / (process_time() - began) > 30_000

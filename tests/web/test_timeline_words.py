"""Every kind of touchpoint and channel has words and an icon on a customer's page."""

from __future__ import annotations

import pytest

from rapport.vocabulary import touchpoint as v
from rapport.web.pages.customer.history import _ICONS, _OF_TYPES, _TITLES
from rapport.web.parts.icons import icon
from rapport.web.words import catalogue
from rapport.workflows.customer_timeline import kind_of_type

SILOS = (
    v.ORDER_PLACED, v.PAYMENT_RECEIVED, v.PAYMENT_RETURNED, v.SHIPMENT_SENT, v.SHIPMENT_DELIVERED,
    v.GOODS_MOVED, v.CONFIGURATION_SAVED, v.DEAL_UPDATED, v.SOCIAL_MENTIONED, v.CUSTOMER_WON,
    v.CUSTOMER_LOST, v.COMPETITOR_OFFER_SEEN, v.MYSTERY_VISIT_SCORED, v.FOOTFALL_COUNTED,
)  # fmt: skip


@pytest.mark.parametrize("kind", SILOS)
def test_what_silos_tell_has_words_an_icon_and_a_place_in_the_filter(kind: str) -> None:
    assert set(catalogue()[_TITLES[kind]]) >= {"en", "nl", "fr", "hu"}
    assert icon(_ICONS[kind])
    assert kind_of_type(kind) != "web"


@pytest.mark.parametrize("channel", v.CHANNELS)
def test_every_channel_has_words(channel: str) -> None:
    assert f"customer.channel.{channel}" in catalogue()


@pytest.mark.parametrize("kind", [*SILOS, *_OF_TYPES])
def test_a_source_says_in_words_what_it_sent(kind: str) -> None:
    assert set(catalogue()[_TITLES.get(kind) or _OF_TYPES[kind]]) >= {"en", "nl", "fr", "hu"}

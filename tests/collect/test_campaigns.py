"""Which campaign a page view came from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.collect.touchpoints import touchpoint_from_segment
from rapport.vocabulary.touchpoint import Touchpoint

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def viewed(url: Any, context: dict[str, Any] | None = None) -> Touchpoint:
    event = {"anonymousId": "b1", "properties": {"url": url}, "context": context or {}}
    payload = json.dumps({"type": "page", "id": "m1", "event": event}).encode()
    return touchpoint_from_segment(payload, "shop", NOW)


@pytest.mark.parametrize(
    ("url", "campaign", "came"),
    [
        ("https://a.be/?utm_campaign=Winter%20sale&utm_medium=CPC", "Winter sale", "paid_search"),
        ("https://a.example/?x=1&utm_source=autumn-letter#utm_campaign=no", None, "autumn-letter"),
        ("https://a.example/utm_campaign=no", None, None),
        ("https://a.example/?utm_campaign=", None, None),
        ("https://[utm_campaign", None, None),
        (["?utm_campaign=no"], None, None),
        (None, None, None),
    ],
)  # fmt: skip
def test_a_page_view_has_the_campaign_of_its_address(
    url: Any, campaign: str | None, came: str | None
) -> None:
    touch = viewed(url)
    assert (touch.campaign, touch.acquisition_channel) == (campaign, came)


def test_a_campaign_that_the_sender_names_outranks_the_address() -> None:
    touch = viewed("https://a.example/?utm_campaign=url", {"campaign": {"name": "context"}})
    assert touch.campaign == "context"

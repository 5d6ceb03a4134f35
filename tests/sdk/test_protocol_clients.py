"""Other trackers' own libraries, unchanged, against a Rapport that runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from posthog import Posthog
from snowplow_tracker import (
    Emitter,
    PageView,
    SelfDescribing,
    SelfDescribingJson,
    StructuredEvent,
    Subject,
    Tracker,
)
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook

from rapport.collect.sources import create_source
from rapport.collect.touchpoints import touchpoint_of
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import Touchpoint
from tests.sdk.conftest import Running

pytestmark = [pytest.mark.timeout(60)]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def kept(running: Running, source_id: int | None = None) -> list[Touchpoint]:
    asked = source_id or running.source_id
    query = select(t.journal).where(t.journal.c.source_id == asked).order_by(t.journal.c.position)
    with running.ledger.read() as connection:
        rows = connection.execute(query).all()
    return [touchpoint_of(r.kind, r.payload, "shop", r.received_at) for r in rows]


def ids(touch: Touchpoint) -> set[tuple[str, str]]:
    return {(i.kind, i.value) for i in touch.identifiers}


@pytest.mark.parametrize("gzip", [False, True])
def test_posthog_s_own_library_is_understood(running: Running, gzip: bool) -> None:
    failures: list[object] = []
    client = Posthog(
        running.write_key,
        host=running.url,
        gzip=gzip,
        on_error=lambda error, _: failures.append(error),
        max_retries=1,
    )
    at = datetime(2026, 11, 15, 10, tzinfo=UTC)
    bought = {
        "order_id": "A1",
        "total": 12.5,
        "currency": "EUR",
        "products": [{"sku": "S1", "price": 12.5, "quantity": 1}],
    }
    client.capture("order_completed", distinct_id="u1", timestamp=at, properties=bought)
    client.set(distinct_id="u1", properties={"email": "an@shop.example", "plan": "goud ✓"})
    client.alias("before", "u1")
    client.group_identify("company", "acme", {"name": "Acme"})
    assert client.evaluate_flags("u1").is_enabled("anything") is False
    client.shutdown()
    assert failures == []
    touches = [touch for touch in kept(running) if not touch.type.startswith("$")]
    order, facts, alias, group = touches
    assert (order.type, order.order_id, str(order.amount)) == ("Order Completed", "A1", "12.5")
    assert order.items[0].sku == "S1"
    assert abs((order.occurred_at - at).total_seconds()) < 5  # its clock is corrected by sent_at
    assert ids(order) == {("user_id", "u1")}
    assert facts.traits["email"] == "an@shop.example"
    assert facts.properties["plan"] == "goud ✓"
    assert {value for _, value in ids(alias)} == {"before", "u1"}
    assert group.type == "Grouped"
    assert group.properties["group_id"] == "acme"


@pytest.mark.parametrize("method", ["post", "get"])
@pytest.mark.parametrize("base64", [False, True])
def test_snowplow_s_own_tracker_is_understood(running: Running, method: str, base64: bool) -> None:
    place = urlsplit(running.url)
    failures: list[object] = []
    emitter = Emitter(
        str(place.hostname),
        protocol="http",
        port=place.port,
        method=method,  # type: ignore[arg-type]
        batch_size=1,
        on_failure=lambda count, _: failures.append(count),
    )
    subject = Subject().set_user_id("u1").set_domain_user_id("d1")
    tracker = Tracker("sp", emitter, subject, app_id=f"{running.write_key}:shop",
                      encode_base64=base64)  # fmt: skip
    entity = SelfDescribingJson("iglu:com.acme/visit/jsonschema/1-0-0", {"shop": "Gent"})
    tracker.track(PageView("https://shop.example/a", "Een página", context=[entity]))
    tracker.track(StructuredEvent("Video", "Play", label="Trailer", value=3))
    event = SelfDescribingJson("iglu:com.acme/wish/jsonschema/1-0-0", {"sku": "S1"})
    tracker.track(SelfDescribing(event))
    tracker.flush()
    assert failures == []
    page, played, wish = kept(running)
    assert [page.type, played.type, wish.type] == ["Page Viewed", "Play", "wish"]
    assert page.properties["title"] == "Een página"
    assert page.properties["entities"] == [{"schema": "com.acme/visit", "data": {"shop": "Gent"}}]
    assert played.properties["label"] == "Trailer"
    assert wish.properties["sku"] == "S1"
    assert ids(page) == {("user_id", "u1"), ("anonymous_id", "d1")}
    assert page.properties["snowplow"]["aid"] == "shop"


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_cloudevents_own_library_is_understood(running: Running, mode: str) -> None:
    attributes = {
        "specversion": "1.0", "id": "e 1", "source": "/shop/é", "type": "com.shop.order.completed",
        "subject": "u1", "time": datetime(2026, 11, 15, 10, tzinfo=UTC),
        "datacontenttype": "application/json",
    }  # fmt: skip
    data = {"order_id": "A1", "total": 12.5, "currency": "EUR"}
    event = CloudEvent(attributes, data)
    message = (to_structured_event if mode == "structured" else to_binary_event)(event)
    headers = {**message.headers, "Authorization": f"Bearer {running.write_key}"}
    for _ in range(2):
        answer = httpx.post(f"{running.url}/cloudevents", content=message.body, headers=headers)
        assert answer.status_code == 204
    (order,) = kept(running)
    assert (order.type, order.order_id, str(order.amount)) == ("Order Completed", "A1", "12.5")
    assert order.touchpoint_id == "/shop/é e 1"
    assert order.occurred_at == datetime(2026, 11, 15, 10, tzinfo=UTC)


def test_standard_webhooks_own_library_signs_what_we_accept(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    now = datetime.now(UTC)
    source = create_source(
        running.ledger, now, name=f"hook-{running.source_id}", label="", kind="webhook",
        mapping={"signing": {"style": "standard", "secret": "env:HOOK_SECRET"}},
    )  # fmt: skip
    body = json.dumps({"type": "user.created", "data": {"user_id": "u1"}})
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", now, body),
    }
    url = f"{running.url}/v1/webhooks/{source.name}"
    assert httpx.post(url, content=body, headers=headers).json()["accepted"] == 1
    assert httpx.post(url, content=body, headers=headers).json()["duplicates"] == 1
    changed = httpx.post(url, content=body.replace("u1", "u2"), headers=headers)
    assert (changed.status_code, changed.json()["code"]) == (401, "wrong_signature")
    (touch,) = kept(running, source.source_id)
    assert (touch.type, touch.touchpoint_id) == ("user.created", "msg_1")

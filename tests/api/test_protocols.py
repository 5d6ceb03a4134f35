"""Other trackers' protocols: what each client is answered, and what becomes of what it says."""

from __future__ import annotations

import base64
import gzip
import hmac
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import select

from rapport.api.collector import Bodies, collector_routes
from rapport.api.protocols import protocol_routes
from rapport.collect.group_commit import GroupCommit
from rapport.collect.intake import Intake
from rapport.collect.protocol_intake import came_by_protocol, read_again
from rapport.collect.refused import refused_rows
from rapport.collect.sources import (
    WriteKeys,
    create_source,
    create_write_key,
    find_source,
    set_enabled,
)
from rapport.collect.touchpoints import touchpoint_of
from rapport.engines.ledger import Ledger
from rapport.errors import Overloaded
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import REFUSAL_REASONS, Touchpoint
from tests.conftest import FakeClock

pytestmark = pytest.mark.slow  # seconds: not before every commit

Client = TestClient[Litestar]
VISITOR = "0192f8a0-1111-7222-8333-444455556666"
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes here").decode()


@pytest.fixture
def key(ledger: Ledger, clock: FakeClock) -> str:
    create_source(ledger, clock(), name="shop", label="Shop", kind="posthog")
    return create_write_key(ledger, "shop")


@pytest.fixture
def commit(ledger: Ledger) -> Iterator[GroupCommit]:
    opened = GroupCommit(ledger)
    yield opened
    opened.close()


@pytest.fixture
def client(ledger: Ledger, commit: GroupCommit, clock: FakeClock) -> Iterator[Client]:
    intake = Intake(WriteKeys(ledger), commit, clock)
    bodies = Bodies()
    routes = [collector_routes(intake, bodies=bodies), protocol_routes(intake, bodies=bodies)]
    with TestClient(Litestar(routes)) as opened:
        yield opened


@pytest.fixture
def hook(ledger: Ledger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a source of webhooks, signed in a style."""
    monkeypatch.setenv("SURVEY_SECRET", SECRET)

    def make(style: str = "standard", **more: Any) -> str:
        signing = {"style": style, "secret": "env:SURVEY_SECRET"}
        create_source(
            ledger, clock(), name="survey", label="", kind="webhook",
            mapping={"signing": signing, **more},
        )  # fmt: skip
        return "/v1/webhooks/survey"

    return make


def journal(ledger: Ledger, name: str = "shop") -> list[Touchpoint]:
    with ledger.read() as connection:
        rows = connection.execute(select(t.journal).order_by(t.journal.c.position)).all()
    return [touchpoint_of(r.kind, r.payload, name, r.received_at) for r in rows]


def ids(touch: Touchpoint) -> set[tuple[str, str]]:
    return {(i.kind, i.value) for i in touch.identifiers}


def b64(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


# ── PostHog ────────────────────────────────────────────────────────────────────────────────────


def posthog(event: str = "seen", **over: Any) -> dict[str, Any]:
    said = {
        "event": event,
        "distinct_id": "u1",
        "uuid": "e1",
        "timestamp": "2026-11-16T08:59:00Z",
        "properties": {"$lib": "posthog-python", "colour": "red"},
    }
    return said | over


def test_posthog_s_batch_is_answered_with_status_1_and_kept_once(
    client: Client, ledger: Ledger, key: str
) -> None:
    body = {"api_key": key, "batch": [posthog(), posthog(uuid="e2")]}
    for path in ("/batch/", "/batch", "/e/", "/i/v0/e/", "/capture/"):
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()) == (200, {"status": 1})
        assert answer.headers["access-control-allow-origin"] == "*"
    first, second = journal(ledger)
    assert (first.touchpoint_id, second.touchpoint_id) == ("e1", "e2")
    assert first.type == "seen"
    assert ids(first) == {("user_id", "u1")}
    assert first.properties["colour"] == "red"


@pytest.mark.parametrize("way", ["gzip-js", "gzip", "deflate", "base64", "form", "query"])
def test_posthog_s_ways_of_packing_are_unpacked(
    client: Client, ledger: Ledger, key: str, way: str
) -> None:
    plain = json.dumps({"token": key, **posthog()}).encode()
    packed = base64.b64encode(plain).decode()
    if way == "gzip-js":
        answer = client.post("/e/?compression=gzip-js", content=gzip.compress(plain))
    elif way == "gzip":
        headers = {"Content-Encoding": "gzip"}
        answer = client.post("/e/", content=gzip.compress(plain), headers=headers)
    elif way == "deflate":
        headers = {"Content-Encoding": "deflate"}
        answer = client.post("/e/", content=zlib.compress(plain), headers=headers)
    elif way == "base64":
        answer = client.post("/e/?compression=base64", content=packed)
    elif way == "form":
        answer = client.post("/e/", data={"data": packed})
    else:
        answer = client.get("/e/", params={"data": packed})
    assert answer.json() == {"status": 1}
    assert journal(ledger)[0].touchpoint_id == "e1"


def test_posthog_s_people_keep_their_two_kinds_of_ids(
    client: Client, ledger: Ledger, key: str
) -> None:
    web = {"$lib": "web", "$device_id": VISITOR}
    batch = [
        posthog("$pageview", uuid="1", distinct_id=VISITOR,
                properties=web | {"$current_url": "https://shop.example/a?utm_medium=cpc",
                                  "utm_medium": "cpc", "utm_campaign": "May"}),
        posthog("$identify", uuid="2", properties=web | {"$anon_distinct_id": VISITOR,
                "$set": {"email": "an@shop.example", "plan": "gold"}}),
        posthog("$create_alias", uuid="3", distinct_id="old",
                properties={"distinct_id": "old", "alias": "u1"}),
        posthog("$groupidentify", uuid="4", distinct_id="$company_acme",
                properties={"$group_type": "company", "$group_key": "acme",
                            "$group_set": {"name": "Acme"}}),
    ]  # fmt: skip
    assert client.post("/batch/", json={"api_key": key, "batch": batch}).status_code == 200
    page, identify, alias, group = journal(ledger)
    assert ids(page) == {("anonymous_id", VISITOR)}
    assert (page.type, page.campaign, page.acquisition_channel) == (
        "Page Viewed",
        "May",
        "paid_search",
    )
    assert page.properties["path"] == "/a"
    assert ids(identify) == {
        ("user_id", "u1"),
        ("anonymous_id", VISITOR),
        ("email", "an@shop.example"),
    }
    assert identify.traits["email"] == "an@shop.example"
    assert identify.properties["plan"] == "gold"
    assert {v for _, v in ids(alias)} == {"u1", "old"}
    assert group.type == "Grouped"
    assert group.identifiers == ()


def test_posthog_s_clock_is_corrected_and_offsets_count_back(
    client: Client, ledger: Ledger, key: str, clock: FakeClock
) -> None:
    ahead = (clock() + timedelta(hours=2)).isoformat()
    event = posthog(timestamp=(clock() + timedelta(hours=1, minutes=59)).isoformat())
    client.post("/batch/", json={"api_key": key, "batch": [event], "sent_at": ahead})
    late = {"event": "seen", "distinct_id": "u1", "offset": 60_000}
    for _ in range(2):
        client.post("/e/", json={"api_key": key, "data": [late]})
        clock.advance(timedelta(seconds=5))
    moments = [touch.occurred_at for touch in journal(ledger)]
    now = clock() - timedelta(seconds=10)
    assert moments == [now - timedelta(minutes=1), now - timedelta(minutes=1)]


def test_addresses_of_machines_and_keys_are_not_kept(
    client: Client, ledger: Ledger, key: str
) -> None:
    event = posthog(properties={"$ip": "203.0.113.9", "token": key, "a": 1})
    client.post("/batch/", json={"api_key": key, "batch": [event | {"ip": "203.0.113.9"}]})
    client.get("/matomo.php", params={"idsite": key, "rec": 1, "url": "https://s.example/",
                                      "cip": "203.0.113.9", "token_auth": key})  # fmt: skip
    hit = {"e": "pv", "aid": key, "ip": "203.0.113.9", "url": "https://s.example/", "eid": "s1"}
    client.get("/i", params=hit)
    ga4 = {"client_id": "c", "ip_override": "203.0.113.9", "events": [{"name": "a"}]}
    client.post(f"/mp/collect?api_secret={key}", json=ga4)
    client.post("/api/event", json={"n": "pageview", "u": "https://s.example/", "d": key})
    with ledger.read() as connection:
        payloads = [bytes(row.payload) for row in connection.execute(select(t.journal))]
    assert len(payloads) == 5
    assert not [p for p in payloads if b"203.0.113.9" in p or key.encode() in p]


def test_posthog_clients_start_with_nothing_switched_on(client: Client, key: str) -> None:
    flags = client.post("/flags/?v=2", json={"token": key, "distinct_id": "u1"})
    assert flags.status_code == 200
    assert flags.json()["flags"] == {}
    assert flags.json()["sessionRecording"] is False
    assert client.post("/decide/?v=3", json={"token": key}).json()["featureFlags"] == {}
    assert client.get(f"/array/{key}/config").json()["supportedCompression"] == ["gzip", "gzip-js"]
    assert client.post("/flags/", json={"token": "wrong"}).status_code == 401


# ── Matomo ─────────────────────────────────────────────────────────────────────────────────────


def test_matomo_answers_a_pixel_or_204_and_keeps_a_retry_once(
    client: Client, ledger: Ledger, key: str
) -> None:
    hit = {"idsite": key, "rec": "1", "url": "https://shop.example/x", "action_name": "X",
           "_id": "0123456789abcdef", "rand": "7", "res": "800x600"}  # fmt: skip
    pixel = client.get("/matomo.php", params=hit)
    assert pixel.headers["content-type"] == "image/gif"
    assert pixel.content[:6] == b"GIF89a"
    assert client.get("/matomo.php", params=hit | {"send_image": "0"}).status_code == 204
    assert client.post("/piwik.php", data=hit | {"send_image": "0"}).status_code == 204
    (page,) = journal(ledger)
    assert page.type == "Page Viewed"
    assert ids(page) == {("anonymous_id", "0123456789abcdef")}
    assert page.properties["title"] == "X"
    assert page.properties["matomo"] == {"rand": "7", "res": "800x600"}


def test_matomo_s_orders_carts_and_events_are_told_in_our_words(
    client: Client, ledger: Ledger, key: str
) -> None:
    items = json.dumps([["S1", "Shoe", ["Shoes", "Men"], 20.5, 2], ["S2"]])
    order = {"idgoal": "0", "ec_id": "A1", "revenue": "46.00", "ec_tx": "5", "ec_items": items,
             "uid": "u1", "_id": "0123456789abcdef", "cdt": "1763280000"}  # fmt: skip
    hits: list[dict[str, str]] = [
        order,
        {"idgoal": "0", "revenue": "20", "ec_items": items},
        {"e_c": "Video", "e_a": "Play", "e_n": "Trailer", "e_v": "3"},
        {"search": "shoe", "search_count": "4"},
        {"download": "https://shop.example/a.pdf"},
        {"_pks": "S1", "_pkn": "Shoe", "_pkp": "20.5", "url": "https://shop.example/s1"},
        {"idgoal": "3", "revenue": "5"},
    ]
    requests = ["?" + urlencode({"idsite": key, "rec": "1", **hit}) for hit in hits]
    requests += [f"?idsite={key}&rec=1&url=x&cdt=never", "?rec=1", 7]  # type: ignore[list-item]
    answer = client.post("/matomo.php?currency=EUR", json={"requests": requests})
    assert answer.json() == {
        "status": "success",
        "tracked": 7,
        "invalid": 3,
        "invalid_indices": [7, 8, 9],
    }
    bought, cart, *rest = journal(ledger)
    assert (bought.type, bought.order_id, bought.currency) == ("Order Completed", "A1", "EUR")
    assert bought.amount is not None
    assert float(bought.amount) == 46.0
    assert [(i.sku, float(i.quantity)) for i in bought.items] == [("S1", 2.0), ("S2", 1.0)]
    assert bought.items[0].category == "Shoes / Men"
    assert bought.occurred_at == datetime(2025, 11, 16, 8, tzinfo=UTC)
    assert ids(bought) == {("user_id", "u1"), ("anonymous_id", "0123456789abcdef")}
    assert cart.type == "Cart Updated"
    assert [touch.type for touch in rest] == [
        "Play", "Site Searched", "File Downloaded", "Product Viewed", "Goal Converted",
    ]  # fmt: skip


# ── Snowplow ───────────────────────────────────────────────────────────────────────────────────


def snowplow(*events: dict[str, Any]) -> dict[str, Any]:
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    return {"schema": schema, "data": list(events)}


def described(name: str, data: Any) -> dict[str, Any]:
    vendor = "com.snowplowanalytics.snowplow"
    if name in ("snowplow_ecommerce_action", "transaction", "product", "refund"):
        vendor += ".ecommerce"
    return {"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": data}


TP2 = "/com.snowplowanalytics.snowplow/tp2"


def test_snowplow_s_events_plain_and_in_base64_say_the_same(
    client: Client, ledger: Ledger, key: str, clock: FakeClock
) -> None:
    event = described("unstruct_event", described("link_click", {"targetUrl": "https://b.example"}))
    entities = described("contexts", [described("client_session", {"userId": VISITOR})])
    now = int(clock().timestamp() * 1000)
    shared = {"e": "ue", "aid": f"{key}:webshop", "p": "web", "dtm": str(now + 3_540_000),
              "stm": str(now + 3_600_000)}  # fmt: skip
    body = snowplow(
        shared | {"eid": "1", "ue_pr": json.dumps(event), "co": json.dumps(entities)},
        shared | {"eid": "2", "ue_px": b64(event), "cx": b64(entities)},
    )
    headers = {"Origin": "https://shop.example"}
    for _ in range(2):
        answer = client.post(TP2, json=body, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
    plain, packed = journal(ledger)
    assert plain.properties == packed.properties
    assert plain.type == "Link Clicked"
    assert ids(plain) == {("anonymous_id", VISITOR)}
    assert plain.occurred_at == clock() - timedelta(minutes=1)
    assert plain.properties["snowplow"]["aid"] == "webshop"


def test_snowplow_s_orders_of_both_kinds_become_orders(
    client: Client, ledger: Ledger, key: str
) -> None:
    action = described(
        "unstruct_event", described("snowplow_ecommerce_action", {"type": "transaction"})
    )
    entities = described(
        "contexts",
        [
            described("transaction", {"transaction_id": "T1", "revenue": 30, "currency": "EUR"}),
            described("product", {"id": "S1", "name": "Shoe", "price": 15, "quantity": 2}),
        ],
    )
    refund = described("unstruct_event", described("snowplow_ecommerce_action", {"type": "refund"}))
    given_back = described(
        "contexts",
        [described("refund", {"transaction_id": "T1", "refund_amount": 15, "currency": "EUR"})],
    )
    who = {"aid": key, "uid": "u1", "duid": VISITOR}
    body = snowplow(
        who | {"e": "ue", "eid": "1", "ue_pr": action, "co": entities},
        who | {"e": "ue", "eid": "2", "ue_pr": refund, "co": given_back},
        who | {"e": "tr", "eid": "3", "tr_id": "T2", "tr_tt": "12.5", "tr_cu": "EUR"},
        who | {"e": "ti", "eid": "4", "ti_id": "T2", "ti_sk": "S9", "ti_pr": "12.5", "ti_qu": "1"},
    )
    assert client.post(TP2, json=body).status_code == 200
    bought, returned, old = journal(ledger)
    assert (bought.type, bought.order_id, str(bought.amount)) == ("Order Completed", "T1", "30")
    assert [(i.sku, str(i.quantity)) for i in bought.items] == [("S1", "2")]
    assert (returned.type, str(returned.amount)) == ("Order Refunded", "-15")
    assert (old.order_id, str(old.amount), old.items[0].sku) == ("T2", "12.5", "S9")
    assert ids(bought) == {("user_id", "u1"), ("anonymous_id", VISITOR)}


def test_snowplow_s_pixel_takes_a_page_view(client: Client, ledger: Ledger, key: str) -> None:
    hit = {"e": "pv", "aid": key, "url": "https://shop.example/?utm_medium=email", "page": "Home",
           "eid": "1", "duid": VISITOR}  # fmt: skip
    answer = client.get("/i", params=hit)
    assert answer.headers["content-type"] == "image/gif"
    (page,) = journal(ledger)
    assert (page.type, page.acquisition_channel) == ("Page Viewed", "email")


# ── Plausible ──────────────────────────────────────────────────────────────────────────────────


def test_plausible_s_events_belong_to_nobody_and_each_counts(
    client: Client, ledger: Ledger, key: str, clock: FakeClock
) -> None:
    page = {"n": "pageview", "u": "https://shop.example/?utm_source=newsletter",
            "d": "shop.example", "r": "https://a.example", "p": '{"logged_in":"no"}'}  # fmt: skip
    answer = client.post(f"/api/event?writeKey={key}", content=json.dumps(page))
    assert (answer.status_code, answer.content) == (202, b"ok")
    sale = {"name": "Purchase", "url": "https://shop.example/done", "domain": key,
            "revenue": {"currency": "EUR", "amount": "12.50"}}  # fmt: skip
    assert client.post("/api/event", json=sale).status_code == 202
    viewed, bought = journal(ledger)
    assert viewed.record is None
    assert viewed.identifiers == ()
    assert viewed.properties["logged_in"] == "no"
    assert viewed.acquisition_channel == "email"
    assert (bought.type, str(bought.amount), bought.currency) == ("Order Completed", "12.50", "EUR")
    clock.advance(timedelta(seconds=1))
    client.post(f"/api/event?writeKey={key}", content=json.dumps(page))
    assert len(journal(ledger)) == 3  # another visitor, and no retry
    bad = client.post(f"/api/event?writeKey={key}", json={"name": "pageview"})
    assert (bad.status_code, bad.json()) == (
        400,
        {"errors": {"missing_field": ["`url` is needed"]}},
    )


# ── GA4 ────────────────────────────────────────────────────────────────────────────────────────


def test_ga4_s_purchase_is_an_order_and_always_answered_with_204(
    client: Client, ledger: Ledger, key: str, clock: FakeClock
) -> None:
    micros = int(clock().timestamp() * 1_000_000) - 60_000_000
    body = {
        "client_id": "1.2",
        "user_id": "u1",
        "timestamp_micros": str(micros),
        "user_properties": {"email": {"value": "an@shop.example"}},
        "consent": {"ad_user_data": "DENIED"},
        "events": [
            {"name": "purchase", "params": {
                "transaction_id": "T1", "currency": "EUR", "value": 40, "tax": 7,
                "items": [{"item_id": "S1", "item_name": "Shoe", "price": 20, "quantity": 2}]}},
            {"name": "page_view", "params": {"page_location": "https://shop.example/a"}},
            {"name": "", "params": {}},
        ],
    }  # fmt: skip
    path = f"/mp/collect?measurement_id=G-1&api_secret={key}"
    for _ in range(2):
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.content) == (204, b"")
    bought, page = journal(ledger)
    assert (bought.type, bought.order_id, str(bought.amount)) == ("Order Completed", "T1", "40")
    assert bought.items[0].sku == "S1"
    assert bought.occurred_at == clock() - timedelta(minutes=1)
    assert ("user_id", "u1") in ids(bought)
    assert ("anonymous_id", "1.2") in ids(bought)
    assert [(c.purpose, c.granted) for c in bought.consents] == [("ad_user_data", False)]
    assert page.type == "Page Viewed"
    (refused,) = refused_rows(ledger)
    assert refused.reason == "missing_field"
    assert client.post("/mp/collect?api_secret=wrong", json=body).status_code == 401


def test_ga4_s_events_without_a_time_each_count_but_a_purchase_counts_once(
    client: Client, ledger: Ledger, key: str, clock: FakeClock
) -> None:
    events = [{"name": "wave"}, {"name": "wave"},
              {"name": "purchase", "params": {"transaction_id": "T1", "value": 1}}]  # fmt: skip
    for _ in range(2):
        body = {"client_id": "1", "events": events}
        assert client.post(f"/mp/collect?api_secret={key}", json=body).status_code == 204
        clock.advance(timedelta(seconds=1))
    assert [touch.type for touch in journal(ledger)].count("wave") == 4
    assert [touch.type for touch in journal(ledger)].count("Order Completed") == 1


def test_ga4_s_check_says_what_is_wrong_and_keeps_nothing(
    client: Client, ledger: Ledger, key: str
) -> None:
    bad = {"client_id": "1", "events": [{"name": "_bad"}, {"name": "good"}]}
    told = client.post("/debug/mp/collect?api_secret=any", json=bad).json()["validationMessages"]
    assert [message["validationCode"] for message in told] == ["NAME_INVALID"]
    good = {"client_id": "1", "events": [{"name": "good"}]}
    assert client.post("/debug/mp/collect", json=good).json() == {"validationMessages": []}
    assert journal(ledger) == []


# ── CloudEvents ────────────────────────────────────────────────────────────────────────────────


def cloudevent(**over: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0", "id": "1", "source": "/shop", "type": "com.shop.order.completed.v1",
        "subject": "u1", "time": "2026-11-16T08:00:00Z", "channel": "app",
        "data": {"order_id": "A1", "total": 9.5, "currency": "EUR"},
    } | over  # fmt: skip


@pytest.mark.parametrize("mode", ["structured", "binary", "batch", "base64"])
def test_cloudevents_come_in_every_mode(
    client: Client, ledger: Ledger, key: str, mode: str
) -> None:
    event = cloudevent()
    headers = {"Authorization": f"Bearer {key}"}
    content = json.dumps(event).encode()
    if mode == "structured":
        headers["Content-Type"] = "application/cloudevents+json; charset=utf-8"
    elif mode == "batch":
        headers["Content-Type"] = "application/cloudevents-batch+json"
        content = json.dumps([event, event]).encode()
    elif mode == "base64":
        headers["Content-Type"] = "application/cloudevents+json"
        data = base64.b64encode(json.dumps(event.pop("data")).encode()).decode()
        content = json.dumps(event | {"data_base64": data}).encode()
    else:
        headers |= {f"ce-{k}": v for k, v in event.items() if k != "data"}
        headers["Content-Type"] = "application/json"
        content = json.dumps(event["data"]).encode()
    answer = client.post("/cloudevents", content=content, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    (order,) = journal(ledger)
    assert order.touchpoint_id == "/shop 1"
    assert (order.type, str(order.amount), order.currency) == ("Order Completed", "9.5", "EUR")
    assert ids(order) == {("user_id", "u1")}
    assert order.occurred_at == datetime(2026, 11, 16, 8, tzinfo=UTC)


def test_a_bad_cloudevent_is_answered_with_400_and_kept(
    client: Client, ledger: Ledger, key: str
) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents+json"}
    for over in ({"specversion": "0.3"}, {"type": ""}, {"time": "never"}):
        answer = client.post("/cloudevents", json=cloudevent(**over), headers=headers)
        assert answer.status_code == 400
        assert answer.json()["code"] in REFUSAL_REASONS
    assert len(refused_rows(ledger)) == 3


def test_a_sender_of_cloudevents_may_ask_first(client: Client, key: str) -> None:
    headers = {"WebHook-Request-Origin": "events.example"}
    answer = client.options(f"/cloudevents?writeKey={key}", headers=headers)
    assert answer.headers["webhook-allowed-origin"] == "events.example"
    assert client.options("/cloudevents", headers=headers).status_code == 401


# ── webhooks ───────────────────────────────────────────────────────────────────────────────────


TYPEFORM = {
    "event_id": "ev1",
    "event_type": "form_response",
    "form_response": {
        "form_id": "f1",
        "token": "r1",
        "submitted_at": "2026-11-16T08:30:00Z",
        "hidden": {"user_id": "u1"},
        "calculated": {"score": 9},
        "definition": {
            "id": "f1",
            "title": "After your visit",
            "fields": [
                {"id": "a", "title": "Would you recommend us?", "type": "nps", "ref": "nps"},
                {"id": "b", "title": "The staff", "type": "rating", "ref": "staff",
                 "properties": {"steps": 5}},
                {"id": "c", "title": "Why?", "type": "long_text", "ref": "why"},
            ],
        },
        "answers": [
            {"type": "number", "number": 9, "field": {"id": "a", "type": "nps", "ref": "nps"}},
            {"type": "number", "number": 4, "field": {"id": "b", "type": "rating", "ref": "staff"}},
            {"type": "text", "text": "Friendly", "field": {"id": "c", "type": "long_text"}},
            {"type": "email", "email": "an@shop.example", "field": {"id": "d", "type": "email"}},
        ],
    },
}  # fmt: skip


def signed_typeform(body: bytes) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, sha256).digest()
    return {"Typeform-Signature": "sha256=" + base64.b64encode(digest).decode()}


def test_a_typeform_answer_is_a_survey_answered_with_each_score(
    client: Client, ledger: Ledger, hook: Any
) -> None:
    path = hook("typeform")
    body = json.dumps(TYPEFORM).encode()
    for accepted, duplicates in ((2, 0), (0, 2)):
        answer = client.post(path, content=body, headers=signed_typeform(body))
        assert answer.json() == {"accepted": accepted, "duplicates": duplicates, "refused": 0}
    nps, staff = journal(ledger, "survey")
    assert {nps.type, staff.type} == {"Survey Answered"}
    assert (nps.question, nps.score, nps.scale_min, nps.scale_max) == ("nps", 9.0, 0.0, 10.0)
    assert (staff.question, staff.score, staff.scale_max) == ("The staff", 4.0, 5.0)
    assert nps.text == "Friendly"
    assert nps.channel == "survey"
    assert ("user_id", "u1") in ids(nps)
    assert ("email", "an@shop.example") in ids(nps)
    assert nps.properties["hidden"] == {"user_id": "u1"}
    assert nps.occurred_at == datetime(2026, 11, 16, 8, 30, tzinfo=UTC)


FORMBRICKS = {
    "webhookId": "w1",
    "event": "responseFinished",
    "data": {
        "id": "r1",
        "surveyId": "s1",
        "finished": True,
        "updatedAt": "2026-11-16T08:30:00.000Z",
        "data": {"nps_q": 3, "why": "Too slow", "userId": "u7"},
        "contactAttributes": {"email": "bo@shop.example"},
        "meta": {"url": "https://shop.example/thanks", "ipAddress": "203.0.113.9"},
        "survey": {"title": "Delivery"},
    },
}


def standard_headers(body: bytes, at: datetime, message_id: str = "msg_1") -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,c29tZXRoaW5nIGVsc2U= {signature}",
    }


def test_a_formbricks_answer_is_a_survey_answered(
    client: Client, ledger: Ledger, hook: Any, clock: FakeClock
) -> None:
    path = hook("formbricks")
    body = json.dumps(FORMBRICKS).encode()
    answer = client.post(path, content=body, headers=standard_headers(body, clock()))
    assert answer.json()["accepted"] == 1
    (touch,) = journal(ledger, "survey")
    assert (touch.type, touch.question, touch.score) == ("Survey Answered", "nps", 3.0)
    assert touch.text == "Too slow"
    assert {("user_id", "u7"), ("email", "bo@shop.example")} <= ids(touch)
    assert "ipAddress" not in touch.properties["meta"]


def test_a_payload_without_a_mapping_stays_an_event_of_its_name(
    client: Client, ledger: Ledger, hook: Any, clock: FakeClock
) -> None:
    path = hook()
    body = json.dumps({"type": "invoice.paid", "data": {"id": 7, "userId": "u1"}}).encode()
    client.post(path, content=body, headers=standard_headers(body, clock()))
    (touch,) = journal(ledger, "survey")
    assert (touch.type, touch.touchpoint_id) == ("invoice.paid", "msg_1")
    assert touch.properties["data"] == {"id": 7, "userId": "u1"}
    assert ids(touch) == {("user_id", "u1")}


def test_a_payload_is_read_by_the_mapping_of_its_source_and_tried_again_when_mended(
    client: Client, ledger: Ledger, hook: Any, clock: FakeClock
) -> None:
    rows = {
        "source": "survey",
        "kind": "orders",
        "columns": {"order_id": "order.id", "amount": "order.total", "occurred_at": "order.at",
                    "email": "buyer.mail"},
        "constants": {"currency": "EUR"},
    }  # fmt: skip
    path = hook(rows=rows)
    order = {"id": "A1", "total": "12.50", "at": "2026-11-15T10:00:00Z"}
    body = json.dumps({"order": order, "buyer": {"mail": "an@shop.example"}}).encode()
    answer = client.post(path, content=body, headers=standard_headers(body, clock()))
    assert answer.json() == {"accepted": 1, "duplicates": 0, "refused": 0}
    (touch,) = journal(ledger, "survey")
    assert (touch.type, touch.order_id, str(touch.amount)) == ("Order Completed", "A1", "12.50")
    assert ("email", "an@shop.example") in ids(touch)
    bad = json.dumps({"order": order | {"total": "much"}}).encode()
    answer = client.post(path, content=bad, headers=standard_headers(bad, clock(), "msg_2"))
    assert answer.json()["refused"] == 1
    (row,) = refused_rows(ledger)
    source = find_source(ledger, "survey")
    assert read_again(row, source)[1]
    mended = {"signing": source.mapping["signing"]}  # without the mapping it is an event
    entries, refused = read_again(row, type(source)(**{**_fields(source), "mapping": mended}))
    assert (len(entries), len(refused)) == (1, 0)


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"webhook-signature": ""}, "missing_signature"),
        ({"webhook-signature": "v1,AAAA"}, "wrong_signature"),
        ({"webhook-signature": "v1a,AAAA é"}, "wrong_signature"),
        ({"webhook-timestamp": "soon"}, "wrong_signature"),
        ({"webhook-id": "msg_2"}, "wrong_signature"),
    ],
)
def test_a_webhook_with_another_signature_is_answered_with_401_and_not_kept(
    client: Client, ledger: Ledger, hook: Any, clock: FakeClock, change: dict[str, str], code: str
) -> None:
    path = hook()
    headers = standard_headers(b"{}", clock()) | change
    encoded = {k: v.encode("latin-1") for k, v in headers.items()}
    answer = client.post(path, content=b"{}", headers=encoded)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert SECRET not in answer.text
    assert journal(ledger) == []
    assert refused_rows(ledger) == []


def test_an_old_signature_is_refused_and_so_is_an_unknown_or_closed_source(
    client: Client, ledger: Ledger, hook: Any, clock: FakeClock
) -> None:
    path = hook()
    old = standard_headers(b"{}", clock() - timedelta(minutes=6))
    answer = client.post(path, content=b"{}", headers=old)
    assert (answer.status_code, answer.json()["code"]) == (401, "old_signature")
    good = standard_headers(b"{}", clock())
    assert client.post("/v1/webhooks/other", content=b"{}", headers=good).status_code == 401
    set_enabled(ledger, "survey", False)
    assert WriteKeys(ledger).source_named("survey", "webhook") is None


def test_github_s_form_of_signature_is_known(client: Client, ledger: Ledger, hook: Any) -> None:
    path = hook("hmac")
    body = b'{"action":"opened"}'
    digest = hmac.new(SECRET.encode(), body, sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": "issues",
               "X-GitHub-Delivery": "d1"}  # fmt: skip
    assert client.post(path, content=body, headers=headers).status_code == 200
    assert journal(ledger, "survey")[0].type == "issues"
    headers["X-Hub-Signature-256"] = "sha256=" + "0" * 64
    assert client.post(path, content=body, headers=headers).status_code == 401


# ── what holds for all ─────────────────────────────────────────────────────────────────────────

#: Each protocol's address and a good request, as JSON; KEY stands for the write key.
GOOD: dict[str, tuple[str, Any]] = {
    "posthog": ("/batch/", {"api_key": "KEY", "batch": [posthog()]}),
    "matomo": ("/matomo.php", {"token_auth": "KEY", "requests": ["?rec=1&url=https://a.example"]}),
    "snowplow": (TP2, snowplow({"e": "pv", "aid": "KEY", "eid": "1", "url": "https://a.example"})),
    "plausible": ("/api/event", {"n": "pageview", "u": "https://a.example", "d": "KEY"}),
    "ga4": ("/mp/collect?api_secret=KEY", {"client_id": "1", "events": [{"name": "seen"}]}),
    "cloudevents": ("/cloudevents?writeKey=KEY", cloudevent()),
}


def good(name: str, key: str) -> tuple[str, bytes]:
    path, body = GOOD[name]
    return path.replace("KEY", key), json.dumps(body).replace("KEY", key).encode()


@pytest.mark.parametrize("name", GOOD)
def test_a_wrong_key_opens_no_protocol(client: Client, ledger: Ledger, key: str, name: str) -> None:
    path, body = good(name, "wrong")
    answer = client.post(path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert journal(ledger) == []


@pytest.mark.parametrize("name", GOOD)
def test_limits_hold_before_and_after_unpacking(
    client: Client, ledger: Ledger, key: str, name: str
) -> None:
    path, body = good(name, key)
    path += ("&" if "?" in path else "?") + f"writeKey={key}"
    packed = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(b" " * 11_000_000)
    assert client.post(path, content=bomb, headers=packed).status_code == 413
    assert client.post(path, content=b" " * 10_000_001).status_code == 413
    broken = gzip.compress(body)[:-9]
    assert client.post(path, content=broken, headers=packed).status_code == 400
    odd = {"Content-Encoding": "br"}
    assert client.post(path, content=body, headers=odd).status_code == 400
    assert journal(ledger) == []
    assert client.post(path, content=gzip.compress(body), headers=packed).status_code < 300
    assert len(journal(ledger)) == 1


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"7", b'{"batch": 7}', b"[" * 100_000])
def test_a_body_that_is_no_use_is_kept_with_its_reason(
    client: Client, ledger: Ledger, key: str, name: str, body: bytes
) -> None:
    path, _ = good(name, key)
    path += ("&" if "?" in path else "?") + f"writeKey={key}"
    answer = client.post(path, content=body)
    assert answer.status_code < 500
    assert journal(ledger) == []
    (row,) = refused_rows(ledger)
    assert row.reason in REFUSAL_REASONS
    assert came_by_protocol(row)
    entries, refused = read_again(row, find_source(ledger, "shop"))
    assert not entries
    assert [r.reason for r in refused] == [row.reason]


def test_deep_bodies_and_many_parameters_are_refused_and_break_nothing(
    client: Client, ledger: Ledger, key: str
) -> None:
    deep = b'{"api_key":"%s","batch":[%s%s]}' % (key.encode(), b'{"a":' * 400, b"1" + b"}" * 400)
    assert client.post("/batch/", content=deep).status_code == 401  # its key cannot be read
    assert client.post(f"/batch/?token={key}", content=deep).status_code == 400
    many = "&".join(f"p{n}=1" for n in range(600))
    assert client.post(f"/matomo.php?writeKey={key}", content=many).status_code == 400
    assert client.get(f"/matomo.php?idsite={key}&{many}").status_code == 400
    inner = json.dumps({"data": [{"schema": "iglu:a/b/c/1-0-0", "data": {"x": "9" * 4000}}]})
    number = inner.replace('"' + "9" * 4000 + '"', "9" * 4000)
    hit = {"e": "ue", "aid": key, "eid": "1", "ue_pr": number, "co": "[" * 5000}
    assert client.post(TP2, json=snowplow(hit)).status_code == 200
    assert {row.reason for row in refused_rows(ledger)} >= {"malformed_json", "too_many_properties"}


def test_too_much_at_once_is_asked_to_come_again(
    client: Client, key: str, commit: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise Overloaded("full", retry_after_seconds=3)

    monkeypatch.setattr(commit, "submit", full)
    path, body = good("posthog", key)
    answer = client.post(path, content=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")


@pytest.mark.parametrize("name", GOOD)
def test_a_browser_s_preflight_is_allowed(client: Client, name: str) -> None:
    path = GOOD[name][0].partition("?")[0]
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "content-type,sp-anonymous"}  # fmt: skip
    answer = client.options(path, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] in ("*", "https://shop.example")
    assert "sp-anonymous" in answer.headers["access-control-allow-headers"]

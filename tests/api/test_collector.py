"""The collector's door: exact answers, keys, limits, CORS, and nothing that a client can break."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import func, select

from rapport.api.collector import collector_routes
from rapport.collect.group_commit import GroupCommit
from rapport.collect.intake import Intake
from rapport.collect.refused import refused_counts, refused_rows
from rapport.collect.sources import WriteKeys, create_source, create_write_key, set_enabled
from rapport.collect.touchpoints import touchpoint_from_segment
from rapport.engines.ledger import Ledger
from rapport.errors import Overloaded
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import REFUSAL_REASONS, Touchpoint
from tests.conftest import FakeClock

SUCCESS = b'{"success":true}'
Client = TestClient[Litestar]


@pytest.fixture
def write_key(ledger: Ledger, clock: FakeClock) -> str:
    create_source(ledger, clock(), name="web", label="Web shop", kind="collector")
    return create_write_key(ledger, "web")


@pytest.fixture
def commit(ledger: Ledger) -> Iterator[GroupCommit]:
    opened = GroupCommit(ledger)
    yield opened
    opened.close()


@pytest.fixture
def client(ledger: Ledger, commit: GroupCommit, clock: FakeClock) -> Iterator[Client]:
    intake = Intake(WriteKeys(ledger), commit, clock)
    with TestClient(Litestar([collector_routes(intake)])) as opened:
        yield opened


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def track(**over: Any) -> dict[str, Any]:
    event = {
        "type": "track",
        "event": "Product Viewed",
        "userId": "u1",
        "messageId": "m1",
        "timestamp": "2026-11-16T08:59:00Z",
        "properties": {"sku": "S1"},
    }
    return {k: v for k, v in {**event, **over}.items() if v is not None}


def journal(ledger: Ledger) -> list[Touchpoint]:
    with ledger.read() as connection:
        rows = connection.execute(select(t.journal).order_by(t.journal.c.position)).all()
    return [touchpoint_from_segment(r.payload, "web", r.received_at) for r in rows]


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("identify", {"userId": "u1", "traits": {"email": "a@example.com"}}),
        ("track", {"userId": "u1", "event": "Signed Up"}),
        ("page", {"anonymousId": "a1", "name": "Home"}),
        ("screen", {"anonymousId": "a1", "name": "Home"}),
        ("group", {"userId": "u1", "groupId": "g1"}),
        ("alias", {"userId": "u1", "previousId": "a1"}),
        ("batch", {"batch": [track()]}),
        ("import", {"batch": [track()]}),
        ("t", {"userId": "u1", "event": "Signed Up"}),
        ("b", {"batch": [track()]}),
    ],
)
def test_each_call_is_answered_with_exactly_success_and_is_kept(
    client: Client, ledger: Ledger, write_key: str, call: str, body: dict[str, Any]
) -> None:
    for path in (f"/v1/{call}", f"/v1/{call}/", f"/beacon/v1/{call}"):
        answer = client.post(path, json=body, headers=basic(write_key))
        assert (answer.status_code, answer.content) == (200, SUCCESS)
        assert answer.headers["content-type"] == "application/json"
    assert len(journal(ledger)) == 1


@pytest.mark.parametrize("way", ["basic", "query", "body", "batch_body"])
def test_the_write_key_may_come_in_three_ways(
    client: Client, ledger: Ledger, write_key: str, way: str
) -> None:
    body: dict[str, Any] = {"batch": [track()]} if way == "batch_body" else track()
    if way.endswith("body"):
        body["writeKey"] = write_key
    answer = client.post(
        ("/v1/batch" if way == "batch_body" else "/v1/track")
        + (f"?writeKey={write_key}" if way == "query" else ""),
        content=json.dumps(body),
        headers={"Content-Type": "text/plain", **(basic(write_key) if way == "basic" else {})},
    )
    assert answer.content == SUCCESS
    assert len(journal(ledger)) == 1


def test_a_wrong_key_is_answered_with_401_code_and_message(
    client: Client, ledger: Ledger, write_key: str
) -> None:
    set_ups: list[dict[str, str]] = [{}, basic("wrong"), {"Authorization": "Basic !!"}, basic("")]
    for headers in set_ups:
        answer = client.post("/v1/track", json=track(), headers=headers)
        assert answer.status_code == 401
        assert set(answer.json()) == {"code", "message"}
        assert answer.json()["code"] == "not_signed_in"
    set_enabled(ledger, "web", False)
    assert client.post("/v1/track", json=track(), headers=basic(write_key)).status_code == 401
    assert journal(ledger) == []


def test_content_type_is_ignored_and_content_encoding_obeyed(
    client: Client, ledger: Ledger, write_key: str
) -> None:
    packed = gzip.compress(json.dumps({"batch": [track(messageId="z")]}).encode())
    for headers in (
        {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json"},  # a proxy lost the header; the bytes tell
    ):
        answer = client.post("/v1/batch", content=packed, headers={**basic(write_key), **headers})
        assert answer.content == SUCCESS
    assert [touch.touchpoint_id for touch in journal(ledger)] == ["z"]


def test_a_gzip_bomb_stops_at_the_limit_and_broken_gzip_is_400(
    client: Client, write_key: str
) -> None:
    bomb = gzip.compress(b" " * 400_000_000, compresslevel=1)
    headers = {**basic(write_key), "Content-Encoding": "gzip"}
    assert len(bomb) < 10_000_000
    answer = client.post("/v1/batch", content=bomb, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    for broken in (
        gzip.compress(b"{}" * 500)[:-9],
        b"\x1f\x8bnot gzip at all",
        gzip.compress(b"") * 100_000,  # which would take minutes to unpack into nothing
    ):
        assert client.post("/v1/batch", content=broken, headers=headers).status_code == 400
    answer = client.post("/v1/batch", content=b"{}", headers={**headers, "Content-Encoding": "br"})
    assert answer.status_code == 400


@pytest.mark.parametrize(("call", "limit"), [("batch", 10_000_000), ("track", 1_000_000)])
def test_bodies_above_the_limit_are_413_by_header_and_while_reading(
    client: Client, write_key: str, call: str, limit: int
) -> None:
    chunks = (b" " * 500_000 for _ in range(limit // 500_000 + 1))  # no Content-Length
    for content in (b" " * (limit + 1), chunks):
        answer = client.post(f"/v1/{call}", content=content, headers=basic(write_key))
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
        assert "access-control-allow-origin" in answer.headers


class Sender:
    """One request over a connection that the test holds: it stalls or hangs up where told."""

    def __init__(self, **headers: str) -> None:
        self.headers = [
            (k.lower().replace("_", "-").encode(), v.encode()) for k, v in headers.items()
        ]
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.asked = asyncio.Event()  # the door waits for more of the body
        self.status = 0
        self.body = b""

    def say(self, body: bytes, *, more: bool = True) -> None:
        self.said.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def hang_up(self) -> None:
        self.said.put_nowait({"type": "http.disconnect"})

    async def _receive(self) -> dict[str, Any]:
        if self.said.empty():
            self.asked.set()
        return await self.said.get()

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")

    async def post(self, app: Any, call: str = "batch") -> tuple[int, str]:
        scope = {
            "type": "http", "method": "POST", "path": f"/v1/{call}", "raw_path": b"",
            "query_string": b"", "headers": self.headers, "scheme": "http", "root_path": "",
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "http_version": "1.1",
        }  # fmt: skip
        await app(scope, self._receive, self._send)
        return self.status, json.loads(self.body).get("code", "")


def test_a_large_body_with_a_key_that_opens_nothing_is_never_read(client: Client) -> None:
    async def send() -> tuple[int, str]:
        sender = Sender(content_length="9000000", **basic("no-such-key"))
        async with asyncio.timeout(5):  # nothing was said: reading would wait for ever
            return await sender.post(client.app)

    assert asyncio.run(send()) == (401, "not_signed_in")


def test_a_body_that_does_not_arrive_in_time_is_408(
    ledger: Ledger, commit: GroupCommit, clock: FakeClock, write_key: str
) -> None:
    intake = Intake(WriteKeys(ledger), commit, clock)
    app = Litestar([collector_routes(intake, longest_read_seconds=0.05)])

    async def send(call: str) -> tuple[int, str]:
        sender = Sender(content_length="500", **basic(write_key))
        sender.say(b'{"batch": [')
        async with asyncio.timeout(5):
            return await sender.post(app, call)

    assert asyncio.run(send("batch")) == (408, "too_slow")
    assert asyncio.run(send("m")) == (408, "too_slow")


def test_only_bytes_that_arrived_count_towards_what_may_be_held(
    ledger: Ledger, commit: GroupCommit, clock: FakeClock, write_key: str
) -> None:
    intake = Intake(WriteKeys(ledger), commit, clock)
    app = Litestar([collector_routes(intake, most_bytes_in_flight=2_000)])
    event = json.dumps(track()).encode()

    async def send() -> list[tuple[int, str]]:
        idle = Sender(content_length="1000000", **basic(write_key))  # announces, sends nothing
        holding = Sender(content_length="1900", **basic(write_key))
        holding.say(b" " * 1_900)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            waiting = [group.create_task(s.post(app, "track")) for s in (idle, holding)]
            await idle.asked.wait()
            await holding.asked.wait()
            answers = []
            for body in (event, b" " * 200):
                third = Sender(**basic(write_key))
                third.say(body[:90])
                third.say(body[90:], more=False)
                answers.append(await third.post(app, "track"))
                holding.hang_up()
                await asyncio.wait([waiting[1]])
            fourth = Sender(**basic(write_key))
            fourth.say(event, more=False)
            answers.append(await fourth.post(app, "track"))
            idle.hang_up()
        return answers

    assert len(event) > 100
    assert asyncio.run(send()) == [(429, "overloaded"), (400, "malformed_json"), (200, "")]


@pytest.mark.parametrize("call", ["batch", "m"])
def test_a_sender_that_hangs_up_is_no_failure_of_ours(
    client: Client, write_key: str, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def send() -> tuple[int, str]:
        sender = Sender(content_length="500", **basic(write_key))
        sender.say(b'{"batch": [')
        sender.hang_up()
        return await sender.post(client.app, call)

    assert asyncio.run(send()) == (400, "invalid_input")
    assert not caplog.records


def test_a_batch_just_below_the_limit_is_taken_whole(
    client: Client, ledger: Ledger, write_key: str
) -> None:
    events = [track(messageId=f"m{n}", properties={"text": "x" * 9_000}) for n in range(1_050)]
    body = json.dumps({"batch": events})
    assert 9_500_000 < len(body) < 10_000_000
    assert client.post("/v1/batch", content=body, headers=basic(write_key)).content == SUCCESS
    with ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(t.journal)).scalar() == 1_050


def test_one_bad_event_does_not_fail_its_batch_and_is_kept_with_its_reason(
    client: Client, ledger: Ledger, write_key: str
) -> None:
    batch = [
        track(messageId="good"),
        track(messageId="nobody", userId=None),
        track(messageId="huge", properties={"text": "x" * 1_000_001}),
        track(messageId="wrong", userId={"id": 1}),
        "not an event",
    ]
    answer = client.post("/v1/batch", json={"batch": batch}, headers=basic(write_key))
    assert (answer.status_code, answer.content) == (200, SUCCESS)
    assert [touch.touchpoint_id for touch in journal(ledger)] == ["good"]
    counts = {c.reason: c.count for c in refused_counts(ledger, "web")}
    assert counts == {"missing_identity": 1, "too_large": 1, "wrong_type": 2}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"batch": [', "malformed_json"),
        (b"", "malformed_json"),
        (b'{"batch":' + b"[" * 100_000, "malformed_json"),
        (b'{"batch": [], "x": "\xff\xfe"}', "invalid_encoding"),
        (b'{"batch": 7}', "wrong_type"),
        (b"[]", "wrong_type"),
        (b'{"sentAt": "2026-11-16T09:00:00Z"}', "wrong_type"),
    ],
)
def test_a_body_that_cannot_be_read_is_400_and_kept(
    client: Client, ledger: Ledger, write_key: str, body: bytes, reason: str
) -> None:
    answer = client.post("/v1/batch", content=body, headers=basic(write_key))
    assert (answer.status_code, answer.json()["code"]) == (400, reason)
    assert answer.json()["message"]
    (row,) = refused_rows(ledger)
    assert (row.reason, row.payload, row.source) == (reason, body, "web")


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"timestamp": "soon"}, "invalid_timestamp"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "timestamp_out_of_range"),
        ({"timestamp": "2026-11-17T09:00:01Z"}, "timestamp_out_of_range"),
        ({"timestamp": "9999-12-31T23:59:59-23:00"}, "invalid_timestamp"),
        ({"timestamp": 1e300}, "invalid_timestamp"),
        ({"userId": None}, "missing_identity"),
        ({"userId": "", "anonymousId": ""}, "missing_identity"),
        ({"event": ""}, "missing_field"),
        ({"event": 7}, "wrong_type"),
        ({"properties": [1]}, "wrong_type"),
        ({"context": "web"}, "wrong_type"),
        ({"properties": {str(n): n for n in range(256)}}, "too_many_properties"),
        ({"context": {"traits": {str(n): n for n in range(256)}}}, "too_many_properties"),
        ({"properties": {"name": "a\x00b"}}, "contains_nul"),
        ({"messageId": "a\x00b"}, "contains_nul"),
        ({"event": "Order Completed", "properties": {"total": "much"}}, "invalid_amount"),
        ({"event": "Order Completed", "properties": {"total": -1}}, "invalid_amount"),
        ({"event": "Order Completed", "properties": {"total": True}}, "invalid_amount"),
        ({"event": "Order Completed", "properties": {"total": 1e15}}, "invalid_amount"),
        (
            {"event": "Order Completed", "properties": {"total": 1, "currency": "EURO"}},
            "unknown_currency",
        ),
        (
            {"event": "Order Completed", "properties": {"products": [{"price": "x"}]}},
            "invalid_amount",
        ),
        ({"event": "Order Completed", "properties": {"products": "S1"}}, "wrong_type"),
        (
            {"event": "Survey Answered", "properties": {"score": 11, "scale_max": 10}},
            "score_out_of_range",
        ),
    ],
)
def test_a_single_event_that_is_no_use_is_400_with_its_reason_and_kept_once(
    client: Client, ledger: Ledger, write_key: str, over: dict[str, Any], reason: str
) -> None:
    assert reason in REFUSAL_REASONS
    for _ in range(2):
        answer = client.post("/v1/track", json=track(**over), headers=basic(write_key))
        assert (answer.status_code, answer.json()["code"]) == (400, reason)
    assert [(c.reason, c.count) for c in refused_counts(ledger)] == [(reason, 1)]
    assert journal(ledger) == []


@pytest.mark.parametrize(
    "over",
    [
        {"properties": {str(n): n for n in range(255)}},
        {"event": "Order Refunded", "properties": {"total": -12.5, "currency": "eur"}},
        {"properties": {"name": "<script>alert(1)</script>", "formula": "=HYPERLINK(1)"}},
        {"properties": {"text": "a\\u0000b"}},  # a backslash and letters, no NUL
        {"properties": {"number": 10**400}},
        {"timestamp": "2026-11-17T08:59:59Z"},
        {"timestamp": "1990-01-01T00:00:00Z"},
        {"timestamp": 1763283540000},
        {"userId": 0},
        {"userId": "🙂"},
        {"messageId": "x" * 3_000},
        {"properties": None, "context": {}},
        {"event": "Order Completed", "properties": {"total": "12.50", "products": []}},
    ],
)
def test_odd_events_that_mean_something_are_kept(
    client: Client, ledger: Ledger, write_key: str, over: dict[str, Any]
) -> None:
    answer = client.post("/v1/track", json=track(**over), headers=basic(write_key))
    assert (answer.status_code, answer.content) == (200, SUCCESS)
    assert len(journal(ledger)) == 1


def test_a_number_beyond_a_float_is_kept(client: Client, ledger: Ledger, write_key: str) -> None:
    body = b'{"userId":"u","event":"E","messageId":"m","properties":{"n":1e999}}'
    assert client.post("/v1/track", content=body, headers=basic(write_key)).content == SUCCESS
    assert journal(ledger)[0].properties == {"n": "1e999"}


def test_the_clients_clock_is_corrected_by_sent_at_wherever_it_stands(
    client: Client, ledger: Ledger, write_key: str, clock: FakeClock
) -> None:
    happened = clock() - timedelta(minutes=10)
    wrong = timedelta(hours=5)  # the client's clock is five hours ahead
    stated = (happened + wrong).isoformat()
    sent = (clock() + wrong).isoformat()
    headers = basic(write_key)
    event = track(timestamp=stated)
    client.post(
        "/v1/batch", json={"batch": [{**event, "messageId": "1"}], "sentAt": sent}, headers=headers
    )
    client.post(
        "/v1/batch", json={"batch": [{**event, "messageId": "2", "sentAt": sent}]}, headers=headers
    )
    client.post("/v1/track", json={**event, "messageId": "3", "sentAt": sent}, headers=headers)
    client.post("/v1/track", json={**event, "messageId": "4"}, headers={**headers, "SentAt": sent})
    client.post(
        "/v1/track",
        json={
            **track(timestamp=None),
            "originalTimestamp": stated,
            "sentAt": sent,
            "messageId": "5",
        },
        headers=headers,
    )
    client.post(
        "/v1/track",
        json={
            **event,
            "originalTimestamp": "2001-01-01T00:00:00Z",
            "sentAt": sent,
            "messageId": "6",
        },
        headers=headers,
    )
    assert [touch.occurred_at for touch in journal(ledger)] == [happened] * 6
    client.post(
        "/v1/track", json=track(timestamp=happened.isoformat(), messageId="7"), headers=headers
    )
    client.post("/v1/track", json=track(timestamp=None, messageId="8"), headers=headers)
    assert [touch.occurred_at for touch in journal(ledger)][6:] == [happened, clock()]


def test_the_same_batch_in_eight_posts_at_once_is_kept_once(
    client: Client, ledger: Ledger, write_key: str
) -> None:
    body = json.dumps({"batch": [track(messageId=f"m{n}") for n in range(200)]})

    def post(_: int) -> bytes:
        return client.post("/v1/batch", content=body, headers=basic(write_key)).content

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(16))) == {SUCCESS}
    assert sorted(touch.touchpoint_id for touch in journal(ledger)) == sorted(
        f"m{n}" for n in range(200)
    )


def test_without_message_ids_a_retry_is_one_event_and_equal_events_of_a_batch_are_two(
    client: Client, ledger: Ledger, write_key: str, clock: FakeClock
) -> None:
    event = track(messageId=None)
    for sent in ("2026-11-16T09:00:00Z", "2026-11-16T09:00:05Z"):  # a retry has its own sentAt
        answer = client.post("/v1/track", json={**event, "sentAt": None}, headers=basic(write_key))
        assert answer.content == SUCCESS, sent
    assert len(journal(ledger)) == 1
    twins = {"batch": [event, event]}
    for _ in range(2):
        client.post("/v1/batch", json=twins, headers=basic(write_key))
    assert len(journal(ledger)) == 2
    timeless = track(messageId=None, timestamp=None)
    for _ in range(2):
        client.post("/v1/track", json=timeless, headers=basic(write_key))
    assert len(journal(ledger)) == 3
    clock.advance(timedelta(days=1))
    client.post("/v1/track", json=timeless, headers=basic(write_key))
    assert len(journal(ledger)) == 4


def test_browsers_of_other_origins_may_send_and_read(client: Client, write_key: str) -> None:
    for path in ("/v1/t", "/v1/batch/", "/sourceConfig/", f"/v1/projects/{write_key}/settings"):
        answer = client.options(
            path,
            headers={
                "Origin": "https://shop.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,x-retry-count",
            },
        )
        assert answer.status_code == 204
        allowed = answer.headers["access-control-allow-headers"].replace(" ", "").split(",")
        assert {
            *("authorization", "content-type", "content-encoding", "x-retry-count"),
            *("anonymousid", "sentat"),
            # Without these no second attempt of RudderStack's SDK leaves the browser.
            *("rsa-retry-attempt", "rsa-retry-reason", "rsa-recovered"),
            *("rsa-since-first-attempt", "rsa-since-last-attempt"),
            "*",
        } <= set(allowed)
    answers = [
        client.post("/v1/t", json=track(), headers=basic(write_key)),
        client.post("/v1/t", json=track(), headers=basic("wrong")),
        client.post("/v1/t", json=track(userId=None), headers=basic(write_key)),
        client.post("/v1/nonsense", json=track(), headers=basic(write_key)),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 400, 404]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Retry-After" in answer.headers["access-control-expose-headers"]


def test_too_many_waiting_requests_are_told_when_to_come_again(
    client: Client, commit: GroupCommit, write_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Overloaded("full", retry_after_seconds=3)

    monkeypatch.setattr(commit, "submit_unread", full)
    answer = client.post("/v1/track", json=track(), headers=basic(write_key))
    assert (answer.status_code, answer.json()["code"]) == (429, "overloaded")
    assert answer.headers["retry-after"] == answer.headers["x-ratelimit-reset"] == "3"


@pytest.mark.parametrize(
    ("stated", "protocol"),
    [("https", "https"), ("HTTPS, http", "https"), ("", "http"), ("gopher", "http")],
)
def test_pages_behind_a_proxy_that_ends_tls_are_told_to_send_by_https(
    client: Client, write_key: str, stated: str, protocol: str
) -> None:
    answer = client.get(
        f"/v1/projects/{write_key}/settings",
        headers={"Host": "rapport.shop.example", "X-Forwarded-Proto": stated},
    )
    told = answer.json()["integrations"]["Segment.io"]
    assert (told["protocol"], told["apiHost"]) == (protocol, "rapport.shop.example/v1")


def test_browser_sdks_find_the_settings_they_start_with(client: Client, write_key: str) -> None:
    answer = client.get(f"/v1/projects/{write_key}/settings")
    integration = answer.json()["integrations"]["Segment.io"]
    assert integration["apiKey"] == write_key
    assert integration["apiHost"].endswith("/v1")
    assert "plan" in answer.json()
    for answer in (
        client.get("/sourceConfig/?p=npm&v=3.0&writeKey=" + write_key),
        client.get("/sourceConfig", headers=basic(write_key)),
    ):
        source = answer.json()["source"]
        assert (source["enabled"], source["destinations"]) == (True, [])
        assert source["writeKey"] == write_key
        assert isinstance(source["config"], dict)
        assert answer.headers["access-control-allow-origin"] == "*"
    assert client.get("/v1/projects/wrong/settings").status_code == 401
    assert client.get("/sourceConfig/").status_code == 401


def test_the_sdks_own_metrics_are_taken_and_not_kept(client: Client, ledger: Ledger) -> None:
    assert client.post("/v1/m", json={"series": [{"type": "Counter"}]}).content == SUCCESS
    assert journal(ledger) == []


def test_no_answer_shows_a_persons_data(client: Client, write_key: str) -> None:
    secret = "anna.kovacs@example.com"
    for over in ({"userId": {"x": secret}}, {"timestamp": secret}, {"type": secret}):
        for path, body in (("track", track(**over)), ("batch", {"batch": [track(**over)]})):
            answer = client.post(f"/v1/{path}", json=body, headers=basic(write_key))
            assert secret not in answer.text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = [
    *("type", "event", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp"),
    *("sentAt", "properties", "traits", "context", "previousId", "groupId", "name", "batch"),
]
_EVENTS = st.fixed_dictionaries(
    {"userId": st.just("u"), "type": st.sampled_from(["track", "page", "identify"])},
    optional=dict.fromkeys((f for f in _FIELDS if f not in ("type", "userId")), _JSON),
) | st.dictionaries(st.sampled_from(_FIELDS), _JSON)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    call=st.sampled_from(["track", "identify", "alias", "batch", "import", "page"]),
    body=_EVENTS.map(lambda e: json.dumps(e).encode())
    | st.lists(_EVENTS, max_size=3).map(lambda b: json.dumps({"batch": b}).encode())
    | st.binary(max_size=60),
)
def test_whatever_is_sent_is_never_our_failure_and_what_is_kept_can_be_read(
    client: Client, ledger: Ledger, write_key: str, call: str, body: bytes
) -> None:
    answer = client.post(f"/v1/{call}", content=body, headers=basic(write_key))
    assert answer.status_code in (200, 400)
    for touch in journal(ledger):
        assert touch.touchpoint_id

"""Tickets, sources and settings for programs, and events on their way from a browser to a page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.web.pages.sources.connect import curl_snippet
from rapport.web.tracker import snippet
from rapport.workflows.company import Company
from rapport.workflows.users import create_api_token
from rapport.workflows.work import Rounds, work_once
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.feedback import AGENT, complained, with_token

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

Client = TestClient[Any]


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[Client]:
    with visitor(company, role="admin") as opened:
        yield with_token(company, opened)


def test_a_program_works_on_a_ticket_with_a_token(company: Company, client: Client) -> None:
    complained(company)
    token = create_api_token(company, email=AGENT, name="phone system")
    client.cookies.clear()
    program = {"authorization": f"Bearer {token}"}
    found = client.get("/api/v1/tickets?mine=true", headers=program).json()
    assert found["total"] == 2
    ticket = client.get("/api/v1/tickets/1", headers=program).json()
    assert ticket["happened"][0]["text"].startswith("Never again")
    seen = ticket["ticket"]["version"]
    moved = client.post(
        "/api/v1/tickets/1/status",
        headers=program,
        json={"status": "working", "version": seen},
    )
    assert (moved.status_code, moved.json()["status"]) == (200, "working")
    stale = client.post(
        "/api/v1/tickets/1/status",
        headers=program,
        json={"status": "resolved", "cause": "delivery", "version": seen},
    )
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    noted = client.post("/api/v1/tickets/1/notes", headers=program, json={"body": "Called"})
    called = client.post(
        "/api/v1/tickets/1/contacts", headers=program, json={"channel": "phone", "note": "Sorry"}
    )
    assert (noted.status_code, called.status_code) == (200, 200)
    version = called.json()["version"]
    given = client.post(
        "/api/v1/tickets/1/owner",
        headers=program,
        json={"owner_email": AGENT, "version": version},
    ).json()
    solved = client.post(
        "/api/v1/tickets/1/status",
        headers=program,
        json={"status": "resolved", "cause": "delivery", "version": given["version"]},
    ).json()
    assert solved["cause"] == "delivery"
    again = client.post(
        "/api/v1/tickets/1/reopen", headers=program, json={"version": solved["version"]}
    )
    assert again.json()["status"] == "open"
    for path in ("/api/v1/sources", "/api/v1/users", "/api/v1/policy", "/api/v1/outbox"):
        assert client.get(path, headers=program).status_code == 403


def test_events_posted_by_a_browser_show_on_the_source_page(
    company: Company, client: Client
) -> None:
    made = client.post("/api/v1/sources", json={"name": "shop", "label": "Shop"})
    assert made.status_code == 201
    key = made.json()["write_key"]
    batch = {
        "batch": [
            {
                "type": "track", "event": "Product Viewed", "userId": f"u{n}",
                "messageId": f"m{n % 4}", "timestamp": company.clock().isoformat(),
                "properties": {"sku": "S1"},
            }
            for n in range(5)
        ]
        + [{"type": "track", "userId": "u9", "messageId": "bad"}]
    }  # fmt: skip
    browser = {
        "authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "origin": "https://shop.example",
    }
    posted = client.post("/v1/batch", json=batch, headers=browser)
    assert posted.status_code == 200
    assert posted.headers["access-control-allow-origin"] == "*"
    assert "5 waiting" not in client.get("/sources/shop").text
    assert client.get("/healthz").json()["behind"] == 4
    assert work_once(company, Rounds(company.clock()))
    shown = client.get("/api/v1/sources/shop").json()
    assert shown["line"]["accepted"] == 4
    assert shown["line"]["refused"] == 1
    assert [(k["type"], k["count"]) for k in shown["types"]] == [("Product Viewed", 4)]
    page = client.get("/sources/shop").text
    assert "Product Viewed" in page
    assert client.get("/healthz").json() == {
        "status": "ok", "ledger": "sqlite", "behind": 0, "oldest_waiting_seconds": None,
    }  # fmt: skip


def test_the_snippets_that_pages_show_are_accepted_as_they_stand(
    company: Company, client: Client
) -> None:
    key = client.post("/api/v1/sources", json={"name": "site"}).json()["write_key"]
    command = curl_snippet("http://rapport.test", key)
    body = command.partition("-d '")[2].removesuffix("'")
    basic = {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
    assert client.post("/v1/track", content=body, headers=basic).status_code == 200
    assert json.dumps(key) in snippet("http://rapport.test", key)
    page_view = {
        "writeKey": key, "anonymousId": "a-1", "messageId": "p-1",
        "properties": {"path": "/", "title": "Home"},
    }  # fmt: skip
    plain = {"content-type": "text/plain", "origin": "https://shop.example"}
    sent = client.post("/v1/page", content=json.dumps(page_view), headers=plain)
    assert sent.status_code == 200
    work_once(company, Rounds(company.clock()))
    types = client.get("/api/v1/sources/site").json()["types"]
    assert {kind["type"] for kind in types} == {"Order Completed", "Page Viewed"}


def test_a_write_key_that_was_replaced_opens_nothing(
    company: Company, client: Client, clock: FakeClock
) -> None:
    old = client.post("/api/v1/sources", json={"name": "shop"}).json()["write_key"]
    new = client.post("/api/v1/sources/shop/write-key").json()["write_key"]
    event = {"userId": "u", "event": "Seen", "messageId": "1"}
    answers = {
        key: client.post(
            "/v1/track",
            json=event,
            headers={"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()},
        ).status_code
        for key in (old, new)
    }
    assert answers == {old: 401, new: 200}


def test_refusals_are_told_tried_again_and_downloaded(company: Company, client: Client) -> None:
    key = client.post("/api/v1/sources", json={"name": "shop"}).json()["write_key"]
    basic = {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
    client.post("/v1/track", json={"userId": "=1+1", "messageId": "1"}, headers=basic)
    told = client.get("/api/v1/sources/shop/refused").json()
    assert [count["count"] for count in told["counts"]] == [1]
    again = client.post("/api/v1/sources/shop/replay", json={})
    counts = {"accepted": 0, "duplicates": 0, "refused_again": 1, "in_journal": 0}
    assert again.json() == counts
    file = client.get("/api/v1/sources/shop/refused.csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert "missing_field" in file.text
    unknown = client.post("/api/v1/sources/shop/replay", json={"reason": "because"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "invalid_input")


def test_settings_are_read_and_written(company: Company, client: Client) -> None:
    complained(company)
    (policy,) = client.get("/api/v1/policy").json()
    number = policy["policy"]["policy_id"]
    changed = client.put(
        f"/api/v1/policy/{number}", json={"max_messages": 1, "window_days": 30}
    ).json()
    assert changed["policy"]["window_days"] == 30
    refused = client.put(f"/api/v1/policy/{number}", json={"max_messages": -1, "window_days": 30})
    assert refused.status_code == 400
    tried = client.get("/api/v1/policy/preview?max_messages=1&window_days=7").json()
    assert tried["people_at_cap"] == 0
    (rule,) = client.get("/api/v1/alert-rules").json()
    new = {
        "score_max": 4, "share_max": None, "sentiment_max": None, "max_age_days": 2,
        "due_hours": 8, "owner_email": AGENT,
    }  # fmt: skip
    put = client.put(f"/api/v1/alert-rules/{rule['rule_id']}", json=new)
    assert put.json()["definition"]["score_max"] == 4.0
    assert client.get("/api/v1/outbox?status=waiting").json()["counts"]["waiting"] == 2
    conflict = client.post("/api/v1/outbox/retry", json={"outbox_ids": [1]})
    assert conflict.status_code == 409


def test_accounts_are_made_and_changed(company: Company, client: Client) -> None:
    new = {"email": "new@kadar.example", "password": "a long password", "role": "agent"}
    made = client.post("/api/v1/users", json=new)
    assert made.status_code == 201
    number = made.json()["user_id"]
    after = client.patch(f"/api/v1/users/{number}", json={"role": "manager", "disabled": True})
    account = next(a for a in after.json() if a["user_id"] == number)
    assert account["role"] == "manager"
    assert account["disabled_at"] is not None
    assert "password" not in json.dumps(after.json())
    assert client.post("/api/v1/users", json=new).status_code == 409
    assert client.get("/api/v1/me").json()["user"]["role"] == "admin"


def test_a_stranger_sees_health_and_nothing_else(company: Company, clock: FakeClock) -> None:
    complained(company)
    clock.advance(timedelta(hours=1))
    with visitor(company) as stranger:
        assert stranger.get("/healthz").json()["status"] == "ok"
        for path in ("tickets", "sources", "users", "policy", "alert-rules", "outbox", "me"):
            answer = stranger.get(f"/api/v1/{path}")
            assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")

"""The pages of inbox, sources, administration and account: what they show, refuse and survive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.workflows.company import Company
from rapport.workflows.ticket_work import note_ticket
from tests.company import PASSWORD, empty_company, visitor
from tests.conftest import FakeClock
from tests.feedback import AGENT, complained, with_token

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

Client = TestClient[Any]
CSV = b"bon;datum;totaal;mail\nB1;2026-11-10 10:00;12,50;a@kadar.example\nB2;;7,00;b@x.example\n"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[Client]:
    with visitor(company, role="admin") as opened:
        complained(company)
        yield with_token(company, opened)


def test_a_conflict_is_said_above_the_newest_state(client: Client, company: Company) -> None:
    page = client.get("/inbox/1").text
    assert 'name="version" value="0"' in page
    note_ticket(company, 1, body="I was faster", author=AGENT)
    late = client.post("/inbox/1/status", data={"version": "0", "status": "working"})
    assert late.status_code == 409
    assert "Somebody changed this ticket before you" in late.text
    assert "I was faster" in late.text


def test_work_on_a_ticket_without_scripts(client: Client) -> None:
    def press(what: str, **data: str) -> str:
        answer = client.post(f"/inbox/1/{what}", data=data, follow_redirects=True)
        assert answer.status_code == 200
        return answer.text

    def version(page: str) -> str:
        return page.partition('name="version" value="')[2].partition('"')[0]

    page = press("owner", version="0")
    assert "This ticket is yours" in page
    page = press("status", version=version(page), status="working")
    page = press("contacts", channel="phone", body="Refund promised")
    assert "Refund promised" in page
    page = press("notes", body="<b>bold</b>")
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    page = press("status", version=version(page), status="resolved", cause="delivery")
    assert "Solved" in page
    page = press("reopen", version=version(page))
    assert "What was it about?" in page
    empty = client.post("/inbox/1/notes", data={"body": "  "})
    assert empty.status_code == 400
    assert "The note is empty" in empty.text


def test_the_bar_counts_what_waits(client: Client, clock: FakeClock) -> None:
    assert "2 waiting" in client.get("/account").text
    clock.advance(timedelta(hours=30))  # the session has ended by then
    assert client.get("/inbox", follow_redirects=False).status_code == 303


def test_the_page_says_that_the_mail_waits_for_a_server(client: Client) -> None:
    text = client.get("/inbox/1").text
    assert f"The mail to {AGENT} waits: no mail server is set up." in text


def test_an_agent_works_in_the_inbox_and_sees_no_administration(company: Company) -> None:
    with visitor(company, role="agent") as client:
        complained(company)
        for path in ("/sources", "/admin/users", "/admin/outbox", "/admin/policy"):
            assert client.get(path).status_code == 403
        assert client.get("/inbox").status_code == 200


def test_a_file_is_uploaded_checked_and_imported(client: Client) -> None:
    sent = client.post(
        "/sources/new/upload",
        data={"kind": "orders"},
        files={"file": ("bonnen.csv", CSV, "text/csv")},
        follow_redirects=False,
    )
    assert sent.status_code == 303
    at = sent.headers["location"]
    assert "12,50" in client.get(at).text
    form = {
        "source": "till", "label": "Till", "decimal": ",", "date_format": "%Y-%m-%d %H:%M",
        "constant_currency": "EUR", "column_0": "bon", "means_0": "order_id",
        "column_1": "datum", "means_1": "occurred_at", "column_2": "totaal",
        "means_2": "amount", "column_3": "mail", "means_3": "email",
    }  # fmt: skip
    checked = client.post(at, data=form | {"do": "check"})
    assert "Rows: 2. Records they give: 1. Refused: 1." in checked.text
    wrong = client.post(at, data=form | {"means_1": "", "do": "import"})
    assert (wrong.status_code, "occurred_at" in wrong.text) == (400, True)
    done = client.post(at, data=form | {"do": "import"}, follow_redirects=True)
    assert "1 records are kept" in done.text
    assert client.get(at).status_code == 404
    nothing = client.post("/sources/new/upload", data={"kind": "orders"}, files={"x": b""})
    assert nothing.status_code == 400


def test_a_file_from_another_site_is_not_taken(client: Client) -> None:
    del client.headers["x-csrftoken"]
    refused = client.post(
        "/sources/new/upload",
        data={"kind": "orders"},
        files={"file": ("bonnen.csv", CSV, "text/csv")},
    )
    assert refused.status_code == 403


def test_a_write_key_is_shown_once(client: Client) -> None:
    shown = client.post("/sources/new/connect", data={"name": "site", "label": "Site"}).text
    assert "curl -u" in shown
    key = shown.partition("curl -u &#x27;")[2] or shown.partition("curl -u &#39;")[2]
    key = (key or shown.partition("curl -u '")[2]).partition(":")[0]
    assert len(key) >= 30
    assert key not in client.get("/sources/site").text
    assert "rapport rebuild" in client.get("/sources/site?done=replayed&in_journal=2").text
    assert "rapport rebuild" not in client.get("/sources/site?done=replayed").text
    taken = client.post("/sources/new/connect", data={"name": "site", "label": ""})
    assert taken.status_code == 409


def test_other_trackers_and_webhooks_are_connected_in_the_page(
    client: Client, tmp_path: Path
) -> None:
    form = client.get("/sources/new/connect").text
    assert 'value="posthog"' in form
    shown = client.post("/sources/new/connect", data={"name": "app", "kind": "posthog"}).text
    assert "api_host" in shown
    assert "PostHog" in client.get("/sources/app").text
    place = tmp_path / "secret"
    place.write_text("a secret", "utf-8")
    hook = {"name": "survey", "kind": "webhook", "style": "typeform", "secret": f"file:{place}"}
    assert "/v1/webhooks/survey" in client.post("/sources/new/connect", data=hook).text
    page = client.get("/sources/survey").text
    assert "/v1/webhooks/survey" in page
    assert "Typeform" in page
    assert "a secret" not in page
    again = client.post("/sources/new/connect", data=hook | {"name": "b", "secret": "plain"})
    assert again.status_code == 400
    assert 'value="typeform" selected' in again.text


def test_settings_that_make_no_sense_are_refused_in_words(client: Client) -> None:
    for path, data in (
        ("/admin/policy/1", {"max_messages": "many", "window_days": "7"}),
        ("/admin/alerts/1", {"score_max": "11", "max_age_days": "7", "due_hours": "24",
                             "priority": "2", "owner": AGENT}),
        ("/admin/company", {"company_name": "x", "time_zone": "Mars"}),
        ("/admin/users", {"email": "nobody", "role": "agent", "password": PASSWORD}),
    ):  # fmt: skip
        answer = client.post(path, data=data)
        assert (path, answer.status_code) == (path, 400)
        assert "Nothing was changed." in answer.text
    saved = client.post(
        "/admin/policy/1", data={"max_messages": "2", "window_days": "14"}, follow_redirects=True
    )
    assert "At most 2 in 14 days" in saved.text
    assert "Switched off" in saved.text  # a box that is not ticked is not sent


def test_ones_own_password_and_tokens(client: Client, company: Company) -> None:
    made = client.post("/account/tokens", data={"name": "warehouse"})
    assert "Copy the token now" in made.text
    at = made.text.partition('action="/account/tokens/')[2].partition('"')[0]
    gone = client.post(f"/account/tokens/{at}", follow_redirects=True)
    assert "The token no longer works." in gone.text
    wrong = client.post("/account/password", data={"current": "x", "password": "long enough now"})
    assert wrong.status_code == 400
    right = client.post(
        "/account/password",
        data={"current": PASSWORD, "password": "long enough now"},
        follow_redirects=True,
    )
    assert "Your password is changed." in right.text

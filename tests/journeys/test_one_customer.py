"""One customer's story through the real application, from a look around to a letter too many.

An Peeters looks at a helmet without signing in, signs in, buys it, and is let down. She says so in
a survey; a ticket and an e-mail reach the agent, who answers her. The shop then wants to write to
her about its sale, and may not go on for ever. Her page shows all of it; no log says who she is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from rapport.asgi import create_app
from rapport.settings import Settings
from rapport.workflows.company import Company, open_company
from rapport.workflows.import_files import import_file, prepare_mapping
from rapport.workflows.sources import add_collector
from rapport.workflows.users import create_api_token, create_user
from rapport.workflows.work import Rounds, work_once
from tests.act.mail_server import MailServer, mail_server
from tests.company import PASSWORD
from tests.conftest import FakeClock

pytestmark = pytest.mark.slow  # seconds: not before every commit

AGENT = "agent@kadar.example"
HER = {
    "email": "an.peeters@brievenbus.example",
    "name": "An Peeters",
    "phone": "+32470112233",
    "words": "Weer te laat geleverd, slecht.",
}


class Shop:
    """The company, its people at their screens, and the programs that send."""

    def __init__(self, company: Company, mails: MailServer, clock: FakeClock) -> None:
        self.company = company
        self.mails = mails
        self.clock = clock
        self.rounds = Rounds(clock())
        create_user(company, email=AGENT, name="Tom Lefèvre", role="agent", password=PASSWORD)
        create_user(
            company, email="admin@kadar.example", name="Zsófi", role="admin", password=PASSWORD
        )
        self.write_key = add_collector(company, name="webshop", label="Web shop")
        self.sent = 0

    @contextmanager
    def door(self) -> Iterator[TestClient[Any]]:
        """The application, without anybody signed in."""

        @contextmanager
        def opened() -> Iterator[Company]:
            yield self.company

        with TestClient(
            create_app(opened()), base_url="http://rapport.test", raise_server_exceptions=False
        ) as client:
            yield client

    def web_shop_sends(self, client: TestClient[Any], call: str, **event: Any) -> None:
        self.sent += 1
        event = {"messageId": f"m{self.sent}", "timestamp": self.clock().isoformat(), **event}
        answer = client.post(f"/v1/{call}", json=event, auth=(self.write_key, ""))
        assert answer.json() == {"success": True}, answer.text

    def work(self) -> None:
        """What the worker of ``rapport serve`` does, until nothing is left."""
        for _ in range(20):
            self.clock.advance(timedelta(seconds=61))
            if not work_once(self.company, self.rounds):
                return
        pytest.fail("the worker never came to an end")

    def as_user(self, email: str) -> dict[str, str]:
        token = create_api_token(self.company, email=email, name="test")
        return {"authorization": f"Bearer {token}"}


class _Lines(logging.Handler):
    """What is logged, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # The test's own browser and mail server speak too; they are no part of the product.
        if not record.name.startswith(("httpx", "httpcore", "mail", "asyncio")):
            self.lines.append(self.format(record))


@contextmanager
def everything_logged() -> Iterator[list[str]]:
    """All log lines; begin after the application has started, since it sets logging up anew."""
    handler, root = _Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def shop(tmp_path: Path, clock: FakeClock) -> Iterator[Shop]:
    with mail_server() as mails:
        settings = Settings(
            data=str(tmp_path / "data"),
            smtp_host="127.0.0.1",
            smtp_port=mails.port,
            mail_from="rapport@kadar.example",
        )
        with open_company(settings, clock=clock) as company:
            yield Shop(company, mails, clock)


def test_one_customer_from_a_look_around_to_a_letter_too_many(shop: Shop, tmp_path: Path) -> None:
    with shop.door() as client, everything_logged() as said:
        agent, admin = shop.as_user(AGENT), shop.as_user("admin@kadar.example")

        def customers(**query: str) -> list[dict[str, Any]]:
            found = client.get("/api/v1/customers", params=query, headers=agent)
            assert found.status_code == 200, found.text
            return list(found.json()["rows"])

        # She looks around; nobody knows who she is.
        shop.web_shop_sends(
            client, "page", anonymousId="browser-1", properties={"path": "/helmets"}
        )
        shop.web_shop_sends(
            client, "track", anonymousId="browser-1", event="Product Viewed",
            properties={"product_id": "H1", "name": "Helmet"},
        )  # fmt: skip
        shop.work()
        (visitor,) = customers()
        assert visitor["name"] is None

        # She signs in, and what she did before is hers.
        shop.web_shop_sends(
            client, "identify", anonymousId="browser-1", userId="u-1",
            traits={
                "email": HER["email"], "name": HER["name"], "phone": HER["phone"],
                "consent_email_marketing": True,
            },
        )  # fmt: skip
        shop.work()
        (known,) = customers()
        assert known["name"] == HER["name"]
        her = known["profile_id"]

        # She buys the helmet.
        shop.web_shop_sends(
            client, "track", userId="u-1", event="Order Completed",
            properties={
                "order_id": "71", "total": 49.95, "currency": "EUR",
                "products": [
                    {"product_id": "H1", "name": "Helmet", "quantity": 1, "price": 49.95}
                ],
            },
        )  # fmt: skip
        shop.work()

        # A week on, the survey's file says how it went.
        shop.clock.advance(timedelta(days=2))
        survey = tmp_path / "survey.csv"
        survey.write_text(
            "response id,date,email,nps,comment\n"
            f'r1,{shop.clock().isoformat()},{HER["email"].upper()},2,"{HER["words"]}"\n'
        )
        prepared = prepare_mapping(survey, kind="surveys")
        assert import_file(shop.company, survey, prepared.mapping).accepted == 1
        assert shop.mails.taken == []
        shop.work()

        # A ticket waits for the agent, and an e-mail says so.
        (line,) = client.get("/api/v1/tickets", headers=agent).json()["lines"]
        ticket = line["ticket"]
        assert ticket["profile_id"] == her
        assert ticket["owner_email"] == AGENT
        (alert,) = shop.mails.taken
        assert alert["to"] == AGENT
        assert str(ticket["ticket_id"]) in alert.get_content()

        # While she waits for an answer, nobody may sell her anything.
        def write(purpose: str, key: str) -> dict[str, Any]:
            answer = client.post(
                f"/api/v1/customers/{her}/messages",
                json={"purpose": purpose, "subject": "From us", "text": "Hello", "key": key},
                headers=agent,
            )
            assert answer.status_code in (200, 201), answer.text
            decision: dict[str, Any] = answer.json()
            assert decision["allowed"] == (answer.status_code == 201)
            return decision

        held = write("marketing", "sale-1")
        assert held["allowed"] is False
        assert held["reason"]["code"] == "open_complaint"

        # The agent answers her, which is service and goes out; then the ticket is closed.
        assert write("service", "sorry")["allowed"] is True
        shop.work()
        assert shop.mails.recipients == [AGENT, HER["email"]]
        seen = client.get(f"/api/v1/tickets/{ticket['ticket_id']}", headers=agent).json()
        closed = client.post(
            f"/api/v1/tickets/{ticket['ticket_id']}/status",
            json={
                "status": "resolved",
                "version": seen["ticket"]["version"],
                "cause": "delivery",
            },
            headers=agent,
        )
        assert closed.status_code == 200, closed.text

        # The policy becomes two messages in seven days: one more may go, the third may not.
        (policy,) = client.get("/api/v1/policy", headers=admin).json()
        changed = client.put(
            f"/api/v1/policy/{policy['policy']['policy_id']}",
            json={"max_messages": 2, "window_days": 7},
            headers=admin,
        )
        assert changed.status_code == 200, changed.text
        assert write("marketing", "sale-2")["allowed"] is True
        shop.work()
        third = write("marketing", "sale-3")
        assert third["allowed"] is False
        assert third["reason"]["code"] == "policy_cap"
        shop.work()
        assert shop.mails.recipients == [AGENT, HER["email"], HER["email"]]

        # Her page shows all of it.
        view = client.get(f"/api/v1/customers/{her}", headers=agent).json()
        happened = [line["type"] for line in view["timeline"]["lines"]]
        for kind in (
            "Visit", "Order Completed", "Survey Answered", "Message Sent",
        ):  # fmt: skip
            assert kind in happened, happened
        assert view["value"]["order_count"] == 1
        assert float(view["value"]["revenue"]) == pytest.approx(49.95)
        assert [t["status"] for t in view["tickets"]] == ["resolved"]
        refused = [m for m in view["messages"] if m["status"] == "refused"]
        assert {m["reason"]["code"] for m in refused} == {"open_complaint", "policy_cap"}

        # And says it in words, on the page that the agent reads.
        client.post("/sign-in", data={"email": AGENT, "password": PASSWORD})
        page = client.get(f"/customers/{her}")
        assert page.status_code == 200
        for words in (HER["name"], HER["words"], "Helmet", "49.95", "2 is the limit"):
            assert words in page.text, words

    assert any(line.startswith("rapport") for line in said)
    for value in (*HER.values(), "an.peeters", "Peeters", "470112233"):
        assert [line for line in said if value.lower() in line.lower()] == []

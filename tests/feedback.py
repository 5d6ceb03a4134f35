"""A company where customers have just complained, for tests of tickets and their doors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar.testing import TestClient
from sqlalchemy import update

from rapport.vocabulary.ledger_tables import alert_rule
from rapport.vocabulary.touchpoint import SURVEY_ANSWERED, Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.resolve import resolve_company
from rapport.workflows.setup import ensure_company
from rapport.workflows.users import create_user, session_of
from tests.company import PASSWORD
from tests.touchpoints import email, keep, order, touchpoint

AGENT = "tom@kadar.example"
HOSTILE = '<script>alert(1)</script>" onload=x {n} =1+1 \u202e \U0001f4a9 a\u0300' + "w" * 300


def complaint(company: Company, number: int, who: str, **fields: Any) -> Touchpoint:
    """A bad answer to the Net Promoter question, an hour ago."""
    return touchpoint(
        f"survey:{number}",
        **{
            "type": SURVEY_ANSWERED, "channel": "survey", "question": "nps", "score": 2.0,
            "scale_min": 0.0, "scale_max": 10.0, "record": email(who),
            "occurred_at": company.clock() - timedelta(hours=1),
            "text": "Never again: the parcel was broken and nobody answers.",
        } | fields,
    )  # fmt: skip


def complained(company: Company) -> None:
    """Anna (€130 in two orders) and a customer with a hostile name have a ticket each."""
    create_user(company, email=AGENT, name="Tom Lefèvre", role="agent", password=PASSWORD)
    ensure_company(company, owner_email=AGENT)
    with company.ledger.write() as connection:  # the first account may have got the rule
        connection.execute(update(alert_rule).values(owner_email=AGENT))
    anna = email("anna@kadar.example")
    keep(
        company,
        [
            order(
                "A1", "100.00", record=anna, traits={"name": "Anna Maes", "phone": "+32470550123"}
            ),
            order("A2", "30.00", record=anna),
            complaint(company, 1, "anna@kadar.example"),
            order("B1", "5.00", record=email("b@kadar.example"), traits={"name": HOSTILE}),
            complaint(company, 2, "b@kadar.example", score=5.0, text=HOSTILE),
        ],
    )
    assert resolve_company(company).tickets == 2


def with_token(company: Company, client: TestClient[Any]) -> TestClient[Any]:
    """The client, writing with its session's own token."""
    session = session_of(company, client.cookies["rapport_session"])
    assert session is not None
    client.headers["x-csrftoken"] = session.csrf_token
    return client

"""A small company with customers that have a history, for tests of pages, API and workflows."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from litestar.testing import TestClient
from sqlalchemy import select

from rapport.act.defaults import ensure_defaults
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.ledger_tables import profile
from rapport.vocabulary.touchpoint import ConsentChange, Item, Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.resolve import resolve_company
from rapport.workflows.users import session_of
from tests.touchpoints import email, keep, order, touchpoint

MAIL = "eszter.vdb@example.com"
EVIL_NAME = '<script>alert(1)</script> "><img src=x onerror=alert(2)> ' + "Xé" * 60
EVIL_TEXT = "</blockquote><script>alert(3)</script> 😀 " + "W" * 300 + " \u202eevil"


def crm(number: str) -> Identifier:
    return Identifier(kind="crm_contact", value=number, namespace="crm")


def card(number: str) -> Identifier:
    return Identifier(kind="loyalty_card", value=number)


def shop_user(number: str) -> Identifier:
    return Identifier(kind="user_id", value=number, namespace="shop")


def eszter(now: datetime) -> list[Touchpoint]:
    """A customer in four silos that disagree on her phone and postcode."""
    contact, loyal, user, mail = crm("C-1"), card("LC77812290"), shop_user("u1"), email(MAIL)
    visit = now - timedelta(days=12)
    browsing: list[tuple[str, dict[str, Any]]] = [
        (v.PAGE_VIEWED, {"path": "/"}),
        ("Products Searched", {"query": "winter coat"}),
        ("Product Viewed", {"name": "Winter coat"}),
        (v.PAGE_VIEWED, {"path": "/cart"}),
        ("Product Added", {"name": "Winter coat"}),
    ]
    return [
        touchpoint(
            "crm-1", source="crm", channel="crm", type=v.RECORD_SEEN, record=contact,
            identifiers=(contact, mail), occurred_at=now - timedelta(days=50),
            traits={
                "first_name": "Eszter", "last_name": "Vandenberghe", "email": MAIL,
                "phone": "+32470550123", "city": "Leuven", "postal_code": "3000",
                "country": "BE", "language": "nl", "created_at": "2021-03-09",
            },
            consents=(
                ConsentChange(purpose="email_marketing", granted=True),
                ConsentChange(purpose="sms_marketing", granted=False),
            ),
        ),
        touchpoint(
            "card-1", source="loyalty", channel="loyalty", type=v.RECORD_SEEN, record=loyal,
            identifiers=(loyal, mail), occurred_at=now - timedelta(days=300),
            traits={
                "name": "Eszter Vandenberghe", "loyalty_card": "LC77812290",
                "loyalty_tier": "Gold", "postal_code": "3001", "phone": "+32470550132",
                "favourite_category": "boots", "preferred_store": "Leuven",
            },
        ),
        order(
            "MK-88213", "64.20", record=user, identifiers=(user, mail),
            occurred_at=now - timedelta(days=9),
            items=(
                Item(sku="B1", name="Rain boots", amount=Decimal("34.20")),
                Item(sku="C2", name="Wool socks", quantity=Decimal(2), amount=Decimal(30)),
            ),
        ),
        order(
            "T-99", "112.75", source="till", channel="store", place="Leuven", record=loyal,
            occurred_at=now - timedelta(days=22),
        ),
        touchpoint(
            "call-1", source="calls", channel="phone", type=v.CALL_ENDED, record=contact,
            occurred_at=now - timedelta(days=3), text="Terrible, nobody calls me back.",
            properties={"duration_seconds": 420},
        ),
        touchpoint(
            "nps-1", source="survey", channel="survey", type=v.SURVEY_ANSWERED, record=mail,
            occurred_at=now - timedelta(days=7), text="Delivery has become a lottery.",
            score=3.0, scale_min=0.0, scale_max=10.0, question="nps", language="en",
        ),
        *(
            touchpoint(
                f"web-{n}", type=type_, record=user, properties=said,
                occurred_at=visit + timedelta(minutes=2 * n),
            )
            for n, (type_, said) in enumerate(browsing)
        ),
    ]  # fmt: skip


def evil(now: datetime) -> list[Touchpoint]:
    """A customer whose every value tries to break the page or the spreadsheet."""
    contact = crm("C-666")
    return [
        touchpoint(
            "evil-1", source="crm", channel="crm", type=v.RECORD_SEEN, record=contact,
            occurred_at=now - timedelta(days=1),
            traits={
                "name": EVIL_NAME, "email": "x@evil.example", "country": "HU",
                "city": "=HYPERLINK(\"http://evil.example\") \u05e9\u202e" + "A" * 80,
                "company": "{{ 7 * 7 }}",
            },
        ),
        touchpoint(
            "evil-2", source="crm", channel="chat", type=v.CHAT_ENDED, record=contact,
            occurred_at=now - timedelta(days=1), text=EVIL_TEXT,
            properties={"subject": "<b>bold</b>"},
        ),
    ]  # fmt: skip


def someone(now: datetime, n: int, name: str, **traits: str) -> Touchpoint:
    """A customer of whom only a CRM row is known."""
    contact = crm(f"P-{n}")
    return touchpoint(
        f"someone-{n}", source="crm", channel="crm", type=v.RECORD_SEEN, record=contact,
        occurred_at=now - timedelta(days=100 + n), traits={"name": name, **traits},
    )  # fmt: skip


def fill(company: Company, touchpoints: list[Touchpoint]) -> None:
    """Walk touchpoints through the company as its worker does."""
    with company.ledger.write() as connection:
        ensure_defaults(connection, company.ledger, "owner@kadar.example")
    company.choose("reporting_currency", "EUR")
    keep(company, touchpoints)
    resolve_company(company)


def profile_named(company: Company, word: str) -> str:
    """The id of the one profile whose name holds ``word``."""
    with company.ledger.read() as connection:
        found = connection.scalars(
            select(profile.c.profile_id).where(
                profile.c.name.contains(word), profile.c.merged_into.is_(None)
            )
        ).all()
    assert len(found) == 1, f"{len(found)} profiles"
    return str(found[0])


def csrf(company: Company, client: TestClient[Any]) -> dict[str, str]:
    """The header that a write by this browser's session needs."""
    session = session_of(company, client.cookies["rapport_session"])
    assert session is not None
    return {"x-csrftoken": session.csrf_token}

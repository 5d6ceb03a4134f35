"""One message to a segment: under one policy, once per person, with a reason for every no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select

from rapport.errors import InvalidInput
from rapport.understand.segments.happening import Happened, Span, Which
from rapport.unify.stewardship import concerning
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import ORDER_COMPLETED, ConsentChange
from rapport.workflows.campaign import Campaign, run_campaign
from rapport.workflows.company import Company
from rapport.workflows.resolve import resolve_company
from rapport.workflows.segment_definitions import save_segment
from rapport.workflows.setup import ensure_company
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.touchpoints import START, email, keep, order

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

CAMPAIGN = Campaign(
    key="welcome",
    name="Welcome",
    segment="new_this_quarter",
    subject={"en": "Hello", "nl": "Dag"},
    text={"en": "Hello {name}", "nl": "Dag {name}"},
    fallback_name={"en": "customer", "nl": "klant"},
)


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        ensure_company(opened, owner_email="service@kadar.example")
        yes = (ConsentChange(purpose="email_marketing", granted=True),)
        no = (ConsentChange(purpose="email_marketing", granted=False),)
        keep(
            opened,
            [
                order("A", "10", record=email("anna@kadar.example"), consents=yes,
                      traits={"name": "Anna Maes", "language": "nl"}),
                order("B", "10", record=email("ben@kadar.example"), consents=no),
                order("C", "10", record=email("cleo@kadar.example")),
                order("D", "10", record=email("dirk@kadar.example"), consents=yes,
                      occurred_at=START - timedelta(days=200)),
            ],
        )  # fmt: skip
        resolve_company(opened)
        yield opened


def outbox(company: Company) -> list[tuple[str, str]]:
    with company.ledger.read() as connection:
        rows = connection.execute(select(t.outbox.c.recipient, t.outbox.c.message))
        return [(row.recipient, row.message["text"]) for row in rows]


def test_only_who_agreed_is_written_to_in_the_own_language(company: Company) -> None:
    result = run_campaign(company, CAMPAIGN)
    assert (result.audience, result.allowed) == (3, 1)
    assert outbox(company) == [("anna@kadar.example", "Dag Anna Maes")]
    with company.ledger.read() as connection:
        noes = connection.scalars(
            select(t.send_decision.c.check).where(t.send_decision.c.allowed.is_(False))
        ).all()
    assert list(noes) == ["consent", "consent"]


def test_a_message_is_kept_with_the_record_that_gave_its_address(company: Company) -> None:
    run_campaign(company, CAMPAIGN)
    with company.ledger.read() as connection:
        (record,) = connection.scalars(
            select(t.attribute.c.atom_id).where(
                t.attribute.c.name == "email", t.attribute.c.value == "anna@kadar.example"
            )
        )
        # What a split of that record lists as sent to somebody else.
        (sent,) = concerning(connection, [record]).contacts
    assert (sent.message_key, sent.channel) == ("campaign:welcome", "email")


def test_running_it_again_writes_to_nobody_twice(company: Company) -> None:
    run_campaign(company, CAMPAIGN)
    assert run_campaign(company, CAMPAIGN).allowed == 0
    assert len(outbox(company)) == 1


def test_the_fourth_message_in_a_week_is_refused_by_the_policy(company: Company) -> None:
    allowed = [
        run_campaign(company, msgspec.structs.replace(CAMPAIGN, key=f"c{n}")).allowed
        for n in range(4)
    ]
    assert allowed == [1, 1, 1, 0]
    with company.ledger.read() as connection:
        last = connection.execute(
            select(t.send_decision)
            .where(t.send_decision.c.check == "contact_policy")
            .order_by(t.send_decision.c.decision_id.desc())
        ).first()
    assert last is not None
    assert (last.reason["sent"], last.reason["max"]) == (3, 3)


def test_a_dry_run_keeps_nothing(company: Company) -> None:
    assert run_campaign(company, CAMPAIGN, dry_run=True).allowed == 1
    with company.ledger.read() as connection:
        for table in (t.outbox, t.send_decision, t.contact):
            assert connection.scalar(select(func.count()).select_from(table)) == 0


def test_a_segment_that_does_not_exist_is_named_with_those_that_do(company: Company) -> None:
    with pytest.raises(InvalidInput, match="champions"):
        run_campaign(company, msgspec.structs.replace(CAMPAIGN, segment="winners"))


def test_a_segment_of_what_people_did_is_written_to(company: Company) -> None:
    rule = Happened(which=Which(types=(ORDER_COMPLETED,)), within=Span(number=300))
    key = save_segment(company, name="This year", rule=rule, author="a@kadar.example")
    result = run_campaign(company, msgspec.structs.replace(CAMPAIGN, segment=key))
    assert (result.audience, result.allowed) == (4, 2)

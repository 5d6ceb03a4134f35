"""The inbox: whose tickets, what they are about, and work that two colleagues cannot overwrite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary import ledger_tables as t
from rapport.workflows.company import Company
from rapport.workflows.inbox import InboxQuestion, inbox, ticket_view, waiting_tickets
from rapport.workflows.ingest import apply_journal
from rapport.workflows.resolve import resolve_company
from rapport.workflows.ticket_work import (
    assign_ticket,
    contact_about_ticket,
    move_ticket,
    note_ticket,
    reopen_ticket,
)
from rapport.workflows.users import create_user, disable_user
from tests.company import PASSWORD, empty_company
from tests.conftest import FakeClock
from tests.feedback import AGENT, complained, complaint
from tests.touchpoints import keep

pytestmark = pytest.mark.slow  # a whole company each: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        complained(opened)
        yield opened


def test_the_list_says_who_what_and_by_when(company: Company, clock: FakeClock) -> None:
    found = inbox(company, InboxQuestion(), user_email=AGENT)
    assert (found.total, found.mine, found.overdue) == (2, 2, 0)
    anna = next(line for line in found.lines if line.customer == "Anna Maes")
    assert anna.revenue == Decimal("130")
    assert anna.owner_name == "Tom Lefèvre"
    assert anna.said is not None
    assert anna.said.startswith("Never again")
    clock.advance(timedelta(hours=25))
    late = inbox(company, InboxQuestion(overdue=True), user_email=AGENT)
    assert (late.total, late.overdue) == (2, 2)
    assert all(line.overdue for line in late.lines)


def test_filters_narrow_the_list_and_count_beside_it(company: Company) -> None:
    first = inbox(company, InboxQuestion(), user_email=AGENT).lines[0].ticket
    move_ticket(company, first.ticket_id, status="working", author=AGENT, version=first.version)
    working = inbox(company, InboxQuestion(state="working"), user_email=AGENT)
    assert [line.ticket.ticket_id for line in working.lines] == [first.ticket_id]
    assert working.states == {
        "unresolved": 2, "open": 1, "working": 1, "resolved": 0, "all": 2,
    }  # fmt: skip
    assert inbox(company, InboxQuestion(mine=True), user_email="x@kadar.example").total == 0
    with pytest.raises(InvalidInput, match="'lost'"):
        inbox(company, InboxQuestion(state="lost"), user_email=AGENT)


def test_soonest_due_comes_first_when_sorted_by_due(company: Company, clock: FakeClock) -> None:
    clock.advance(timedelta(hours=1))
    keep(company, [complaint(company, 3, "c@kadar.example")])
    resolve_company(company)
    with company.ledger.write() as connection:
        connection.execute(t.ticket.update().where(t.ticket.c.ticket_id == 3).values(priority=1))
    by_work = inbox(company, InboxQuestion(order="work"), user_email=AGENT)
    by_due = inbox(company, InboxQuestion(order="due"), user_email=AGENT)
    assert by_work.lines[0].ticket.ticket_id == 3
    assert by_due.lines[-1].ticket.ticket_id == 3


def test_a_ticket_shows_words_person_rule_and_mail(company: Company) -> None:
    view = ticket_view(company, 1, reveal=True)
    (happened,) = view.happened
    assert happened.text == "Never again: the parcel was broken and nobody answers."
    assert (happened.score, happened.scale_max, happened.channel) == (2.0, 10.0, "survey")
    assert view.who is not None
    assert (view.who.name, view.who.revenue, view.who.order_count) == (
        "Anna Maes", Decimal("130"), 2,
    )  # fmt: skip
    assert {order.order_id for order in view.who.last_orders} == {"A1", "A2"}
    assert view.why is not None
    assert view.why.definition.score_max == 6.0
    assert view.mail is not None
    assert (view.mail.status, view.mail.recipient, view.mail_server) == ("waiting", AGENT, False)


def test_phone_and_mail_are_masked_for_who_may_not_see_them(company: Company) -> None:
    shown, masked = (ticket_view(company, 1, reveal=reveal).who for reveal in (True, False))
    assert shown is not None
    assert masked is not None
    assert shown.email == "anna@kadar.example"
    assert masked.email != shown.email
    assert "anna@" not in (masked.email or "")
    assert masked.phone != shown.phone


def test_what_comes_while_a_ticket_is_open_stands_in_it(company: Company) -> None:
    keep(company, [complaint(company, 9, "anna@kadar.example", text="And still no answer!")])
    apply_journal(company)
    texts = [happened.text for happened in ticket_view(company, 1, reveal=True).happened]
    assert texts == [
        "Never again: the parcel was broken and nobody answers.",
        "And still no answer!",
    ]


def test_whoever_acts_on_an_old_version_is_told(company: Company) -> None:
    seen = ticket_view(company, 1, reveal=True).ticket.version
    note_ticket(company, 1, body="Called, no answer", author=AGENT)
    with pytest.raises(Conflict) as conflict:
        move_ticket(company, 1, status="working", author=AGENT, version=seen)
    assert "version" in conflict.value.details
    assert ticket_view(company, 1, reveal=True).ticket.status == "open"


def test_a_ticket_goes_only_to_who_can_work_on_it(company: Company) -> None:
    create_user(company, email="m@kadar.example", name="M", role="manager", password=PASSWORD)
    version = ticket_view(company, 1, reveal=True).ticket.version
    with pytest.raises(InvalidInput, match="No colleague"):
        assign_ticket(company, 1, owner_email="nobody@kadar.example", author=AGENT, version=version)
    given = assign_ticket(company, 1, owner_email="M@kadar.example", author=AGENT, version=version)
    assert given.owner_email == "m@kadar.example"
    disable_user(company, email="m@kadar.example")
    with pytest.raises(InvalidInput, match="No colleague"):
        assign_ticket(company, 2, owner_email="m@kadar.example", author=AGENT, version=version)


def test_a_call_counts_under_the_policy_once_however_often_it_is_pressed(
    company: Company,
) -> None:
    for _ in range(2):
        contact_about_ticket(company, 1, channel="phone", note="Refund promised", author=AGENT)
    with company.ledger.read() as connection:
        contacts = connection.execute(select(t.contact)).all()
    assert [(c.channel, c.purpose, c.counted) for c in contacts] == [("phone", "service", True)]
    notes = ticket_view(company, 1, reveal=True).notes
    assert notes[0].kind == "contacted"
    assert notes[0].body == "phone: Refund promised"
    with pytest.raises(InvalidInput, match="'pigeon'"):
        contact_about_ticket(company, 1, channel="pigeon", note="", author=AGENT)


def test_solving_needs_a_cause_and_reopening_sets_a_new_due_date(
    company: Company, clock: FakeClock
) -> None:
    version = ticket_view(company, 1, reveal=True).ticket.version
    with pytest.raises(InvalidInput, match="cause"):
        move_ticket(company, 1, status="resolved", author=AGENT, version=version)
    solved = move_ticket(
        company, 1, status="resolved", cause="delivery", author=AGENT, version=version
    )
    assert (solved.status, solved.cause, waiting_tickets(company)) == ("resolved", "delivery", 1)
    clock.advance(timedelta(days=3))
    again = reopen_ticket(company, 1, author=AGENT, version=solved.version)
    assert (again.status, again.due_at) == ("open", clock() + timedelta(hours=24))
    assert waiting_tickets(company) == 2


def test_a_ticket_that_does_not_exist_is_not_found(company: Company) -> None:
    with pytest.raises(NotFound, match="99"):
        ticket_view(company, 99, reveal=True)
    with pytest.raises(NotFound, match="99"):
        contact_about_ticket(company, 99, channel="phone", note="", author=AGENT)

"""A feed that stops becomes a ticket and a mail, once, and closes itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from rapport.act.alert_mail import Owner
from rapport.act.source_alerts import SourceProblem, source_mail
from rapport.collect.sources import ensure_source, set_enabled
from rapport.vocabulary.ledger_tables import job, outbox, source, ticket
from rapport.workflows.company import Company
from rapport.workflows.ingest import apply_journal
from rapport.workflows.source_alerts import watch_sources
from rapport.workflows.users import create_user
from rapport.workflows.work import WATCH_EVERY, Rounds, work_once
from tests.company import PASSWORD, empty_company
from tests.conftest import FakeClock
from tests.touchpoints import keep, order

pytestmark = pytest.mark.slow  # seconds: not before every commit


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        for role, language in (("admin", "hu"), ("manager", "nl"), ("agent", "en")):
            create_user(
                opened, email=f"{role}@kadar.example", name=role, role=role,
                password=PASSWORD, language=language,
            )  # fmt: skip
        ensure_source(
            opened.ledger, clock(), name="till", label="Till Ghent", kind="orders",
            expected_every_hours=24,
        )  # fmt: skip
        yield opened


def send(company: Company, key: str, count: int = 1) -> None:
    now = company.clock()
    keep(
        company,
        [order(f"{key}-{n}", "10", source="till", received_at=now, occurred_at=now)
         for n in range(count)],
    )  # fmt: skip
    apply_journal(company)


def tickets(company: Company) -> list[Any]:
    with company.ledger.read() as connection:
        return list(connection.execute(select(ticket).order_by(ticket.c.ticket_id)))


def mails(company: Company) -> list[Any]:
    with company.ledger.read() as connection:
        return list(connection.execute(select(outbox).order_by(outbox.c.outbox_id)))


def test_a_late_feed_is_told_once_and_closes_itself(company: Company, clock: FakeClock) -> None:
    send(company, "A")
    assert watch_sources(company).opened == 0
    clock.advance(timedelta(hours=25))
    assert watch_sources(company).opened == 1
    (made,) = tickets(company)
    assert (made.title_code, made.status, made.owner_email) == (
        "source_alert", "open", "admin@kadar.example",
    )  # fmt: skip
    assert (made.facts["source"], made.facts["code"], made.facts["hours"]) == ("till", "late", 25)
    (mail,) = mails(company)
    assert mail.recipient == "admin@kadar.example"
    assert "Till Ghent" in mail.message["subject"]
    assert "25 órás" in mail.message["text"]
    for _ in range(3):
        clock.advance(timedelta(hours=5))
        assert watch_sources(company).opened == 0
    assert len(mails(company)) == 1

    send(company, "B")
    assert watch_sources(company).closed == ("till",)
    (made,) = tickets(company)
    assert (made.status, made.resolved_at) == ("resolved", clock())
    clock.advance(timedelta(hours=30))
    assert watch_sources(company).opened == 1  # a new incident
    assert [each.status for each in tickets(company)] == ["resolved", "open"]
    assert len(mails(company)) == 2


def test_a_ticket_resolved_by_hand_is_not_opened_again(company: Company, clock: FakeClock) -> None:
    send(company, "A")
    clock.advance(timedelta(hours=25))
    watch_sources(company)
    with company.ledger.write() as connection:
        connection.execute(update(ticket).values(status="resolved", resolved_at=clock()))
    clock.advance(timedelta(hours=5))
    assert watch_sources(company).opened == 0
    assert len(tickets(company)) == 1


def test_a_closed_source_and_one_that_never_sent_are_left_in_peace(
    company: Company, clock: FakeClock
) -> None:
    clock.advance(timedelta(days=3))
    assert watch_sources(company).problems == ()
    send(company, "A")
    set_enabled(company.ledger, "till", False)
    clock.advance(timedelta(days=3))
    assert watch_sources(company).problems == ()


def test_a_whole_day_far_below_its_forecast_is_an_incident(
    company: Company, clock: FakeClock
) -> None:
    for day in range(60):
        send(company, f"D{day}", 3 if day == 59 else 60)
        clock.advance(timedelta(days=1))
    send(company, "today")
    found = watch_sources(company)
    (problem,) = found.problems
    assert (problem.code, problem.count, problem.expected) == ("low_volume", 3, 60)
    assert (found.opened, len(mails(company))) == (1, 1)
    send(company, "rest", 59)
    assert watch_sources(company).opened == 0
    clock.advance(timedelta(days=1))
    send(company, "tomorrow")
    assert watch_sources(company).closed == ("till",)


def visited(company: Company, name: str, *, status: str, again: bool = True) -> None:
    now = company.clock()
    with company.ledger.write() as connection:
        connection.execute(
            update(source)
            .where(source.c.name == name)
            .values(pull={"from": "sql", "url": "env:DB", "table": "t"}, every_minutes=60)
        )
        connection.execute(
            insert(job).values(
                kind="pull", subject=name, arguments={}, status=status, done=0, created_at=now,
                started_at=now, finished_at=now, error="The server does not answer",
                result={"source": name} if status == "done" else {"again": again},
            )
        )  # fmt: skip


def test_fetching_that_was_given_up_is_an_incident(company: Company, clock: FakeClock) -> None:
    send(company, "A")
    for _ in range(5):
        visited(company, "till", status="failed")
    assert watch_sources(company).problems == ()  # it will be tried again
    visited(company, "till", status="failed")
    (problem,) = watch_sources(company).problems
    assert (problem.code, problem.failures) == ("pull_failed", 6)
    visited(company, "till", status="done")
    assert watch_sources(company).closed == ("till",)
    visited(company, "till", status="failed", again=False)  # a wrong password
    assert [each.code for each in watch_sources(company).problems] == ["pull_failed"]


def test_several_feeds_that_stop_together_are_one_mail(company: Company, clock: FakeClock) -> None:
    company.choose("source_alert_role", "manager")
    ensure_source(
        company.ledger, clock(), name="web", label="Web", kind="orders", expected_every_hours=2
    )
    now = clock()
    keep(
        company,
        [order(f"{name}1", "10", source=name, received_at=now) for name in ("till", "web")],
    )
    apply_journal(company)
    clock.advance(timedelta(hours=30))
    assert watch_sources(company).opened == 2
    (mail,) = mails(company)
    assert mail.recipient == "manager@kadar.example"
    assert mail.message["subject"] == "2 gegevensbronnen staan stil"


def test_the_demo_company_sends_nothing_more_and_nobody_is_told(
    company: Company, clock: FakeClock
) -> None:
    send(company, "A")
    company.choose("demo", "ready")
    clock.advance(timedelta(days=3))
    assert watch_sources(company).problems == ()


def test_the_worker_watches(company: Company, clock: FakeClock) -> None:
    send(company, "A")
    rounds = Rounds(clock())
    work_once(company, rounds)
    clock.advance(timedelta(hours=25))
    work_once(company, rounds)
    assert len(tickets(company)) == 1
    assert rounds.watch_at == clock() + WATCH_EVERY


@pytest.mark.parametrize("language", ["en", "nl", "fr", "hu"])
def test_the_mail_says_everything_in_every_language(language: str) -> None:
    since = datetime(2026, 11, 15, 9, tzinfo=UTC)
    problems = [
        SourceProblem(source="till", label="Till", code="late", since=since, hours=26.4,
                      expected_hours=24),
        SourceProblem(source="web", label="Web", code="low_volume", since=since, count=17,
                      expected=1234.0),
        SourceProblem(source="crm", label="CRM", code="pull_failed", since=since, failures=6),
    ]  # fmt: skip
    mail = source_mail(problems, reads=Owner(language=language), url="https://cdp.example/")
    for said in ("26", "24", "17", "6", "Till (till)", "https://cdp.example/sources", "3"):
        assert said in mail.text + mail.subject
    assert "{" not in mail.text + mail.subject

"""From the journal to a person's history: once, whatever breaks on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from rapport.engines.lake import Query, Step
from rapport.engines.lake.store import digest
from rapport.engines.ledger import JournalEntry
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import ORDER_CANCELLED, ORDER_REFUNDED, SURVEY_ANSWERED, Item
from rapport.workflows import ingest
from rapport.workflows.company import Company
from rapport.workflows.ingest import apply_journal
from rapport.workflows.money import keep_rates
from rapport.workflows.rebuild import rebuild_lake
from rapport.workflows.resolve import resolve_company
from rapport.workflows.setup import ensure_company
from tests.company import empty_company
from tests.conftest import FakeClock
from tests.touchpoints import START, email, keep, order, touchpoint

EVERYTHING = Query(steps=(Step("all", "SELECT * FROM touchpoints"),))
ITEMS = Query(steps=(Step("all", "SELECT * FROM order_items"),))


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


def test_orders_become_a_profile_with_exact_sums(company: Company) -> None:
    anna = email("anna@kadar.example")
    keep(
        company,
        [
            order("A1", "100.10", record=anna, traits={"name": "Anna Maes", "country": "BE"}),
            order("A2", "50.05", record=anna, items=(Item(sku="tent", amount=Decimal("50.05")),)),
            touchpoint(
                "refund:A1", type=ORDER_REFUNDED, order_id="A1", amount=Decimal("-20.00"),
                currency="EUR", record=anna,
            ),
            order("A3", "999", record=anna),
            touchpoint("cancel:A3", type=ORDER_CANCELLED, order_id="A3", record=anna),
            order("CASH", "5"),
        ],
    )  # fmt: skip
    resolved = resolve_company(company)
    assert (resolved.entries, resolved.refused, resolved.profiles) == (6, 0, 1)
    with company.ledger.read() as connection:
        row = connection.execute(select(t.profile)).one()
    assert (row.name, row.email, row.country) == ("Anna Maes", "anna@kadar.example", "BE")
    assert (row.order_count, row.revenue) == (2, Decimal("130.15"))
    assert row.touchpoint_count == 5
    assert company.choice("reporting_currency") == "EUR"
    assert company.lake.ask(ITEMS).num_rows == 1


def test_walking_twice_changes_nothing(company: Company) -> None:
    keep(company, [order(f"A{n}", "10", record=email(f"p{n}@kadar.example")) for n in range(20)])
    resolve_company(company)
    before = digest(company.lake.ask(EVERYTHING))
    assert resolve_company(company).entries == 0
    assert keep(company, [order("A1", "10", record=email("p1@kadar.example"))]) == 0
    assert digest(company.lake.ask(EVERYTHING)) == before


@pytest.mark.parametrize("step", ["write_the_lake", "write_the_ledger"])
def test_a_crash_after_any_step_doubles_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    keep(company, [order(f"A{n}", "10", record=email("a@kadar.example")) for n in range(10)])
    steps = ingest.STEPS

    class Crash(BaseException):
        """Stands for a power cut: nothing catches it."""

    def crash(_batch: object) -> None:
        raise Crash

    place = [s.__name__ for s in steps].index(step)
    monkeypatch.setattr(ingest, "STEPS", (*steps[: place + 1], crash))
    with pytest.raises(Crash):
        apply_journal(company, batch_size=4)
    monkeypatch.setattr(ingest, "STEPS", steps)
    keep(company, [order("B", "10", record=email("a@kadar.example"))])
    resolve_company(company)
    assert company.lake.ask(EVERYTHING).num_rows == 11
    with company.ledger.read() as connection:
        assert connection.scalar(select(t.profile.c.order_count)) == 11


def test_a_rebuild_gives_the_same_answers(company: Company) -> None:
    people = [email(f"p{n % 7}@kadar.example") for n in range(60)]
    keep(company, [order(f"A{n}", str(n), record=p, text="Slecht") for n, p in enumerate(people)])
    resolve_company(company)
    before = digest(company.lake.ask(EVERYTHING))
    with company.ledger.read() as connection:
        profiles = connection.execute(select(t.profile).order_by(t.profile.c.profile_id)).all()
    assert rebuild_lake(company).touchpoints == 60
    assert digest(company.lake.ask(EVERYTHING)) == before
    with company.ledger.read() as connection:
        assert (
            connection.execute(select(t.profile).order_by(t.profile.c.profile_id)).all() == profiles
        )


def test_amounts_convert_by_the_rate_of_their_day_or_stay_unconverted(company: Company) -> None:
    company.choose("reporting_currency", "EUR")
    with company.ledger.write() as connection:
        keep_rates(
            company.ledger,
            connection,
            [
                ("HUF", date(2026, 10, 1), Decimal("0.0025")),
                ("HUF", date(2026, 11, 5), Decimal("0.003")),
            ],
        )
    keep(
        company,
        [
            order("H1", "10000", currency="HUF"),
            order("H2", "10000", currency="HUF", occurred_at=START + timedelta(days=4)),
            order("H3", "10000", currency="HUF", occurred_at=START - timedelta(days=60)),
            order("P1", "10", currency="PLN"),
        ],
    )
    apply_journal(company)
    rows = company.lake.ask(EVERYTHING).to_pylist()
    assert {row["order_id"]: row["amount_base"] for row in rows} == {
        "H1": Decimal("25"), "H2": Decimal("30"), "H3": None, "P1": None,
    }  # fmt: skip


def test_what_cannot_be_read_is_refused_and_the_rest_goes_on(company: Company) -> None:
    keep(company, [order("A1", "10")])
    with company.ledger.read() as connection:
        source_id = connection.scalar(select(t.source.c.source_id))
    broken = JournalEntry(
        source_id=source_id or 0, message_id="x", kind="touchpoint", received_at=START,
        payload=b'{"touchpoint_id": 3}',
    )  # fmt: skip
    company.ledger.append_journal([broken])
    keep(company, [order("A2", "10")])
    done = apply_journal(company)
    assert (done.touchpoints, done.refused) == (2, 1)
    with company.ledger.read() as connection:
        kept = connection.execute(select(t.refused)).one()
    assert (kept.reason, kept.payload) == ("wrong_type", b'{"touchpoint_id": 3}')


def test_bad_feedback_opens_one_ticket_with_its_mail(company: Company, clock: FakeClock) -> None:
    ensure_company(company, owner_email="service@kadar.example")
    recent = clock() - timedelta(hours=1)
    bad = touchpoint(
        "survey:1", type=SURVEY_ANSWERED, question="nps", score=2.0, scale_min=0.0, scale_max=10.0,
        record=email("a@kadar.example"), occurred_at=recent,
    )  # fmt: skip
    old = touchpoint(
        "survey:2", type=SURVEY_ANSWERED, question="nps", score=2.0, scale_min=0.0, scale_max=10.0,
        record=email("b@kadar.example"), occurred_at=recent - timedelta(days=60),
    )  # fmt: skip
    keep(company, [bad, old])
    assert resolve_company(company).tickets == 1
    with company.ledger.write() as connection:
        assert connection.scalar(select(func.count()).select_from(t.outbox)) == 1
        connection.execute(update(t.position).values(position=0))
    assert apply_journal(company).tickets == 0

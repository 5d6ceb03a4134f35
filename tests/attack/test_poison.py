"""One entry that a store cannot hold must not stop the company."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import func, select

from rapport.collect.group_commit import GroupCommit, Kept
from rapport.collect.intake import Delivery, Intake
from rapport.collect.refused import Replayed, refused_rows
from rapport.collect.sources import WriteKeys, create_source, create_write_key, list_sources
from rapport.engines.lake import Lake, Query, Step
from rapport.engines.ledger import Ledger, open_ledger
from rapport.errors import StoreBusy
from rapport.settings import Settings
from rapport.unify.search import search
from rapport.vocabulary import ledger_tables as t
from rapport.workflows import ingest
from rapport.workflows.company import Company
from rapport.workflows.doctor import examine
from rapport.workflows.ingest import apply_journal
from rapport.workflows.money import keep_rates
from rapport.workflows.rebuild import rebuild_lake
from rapport.workflows.refresh import refresh_profiles
from rapport.workflows.replay import replay_refused
from rapport.workflows.resolve import resolve_company
from tests.conftest import FakeClock
from tests.touchpoints import email, keep, order

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

ROWS = Query(steps=(Step("all", "SELECT position, order_id, amount_base FROM touchpoints"),))


@pytest.fixture
def company(ledger: Ledger, lake: Lake, tmp_path: Path, clock: FakeClock) -> Company:
    """On every ledger engine: what fits into one may not fit into the other."""
    return Company(settings=Settings(data=str(tmp_path)), ledger=ledger, lake=lake, clock=clock)


def send(company: Company, events: Sequence[str]) -> Kept:
    """Post one batch as an SDK does."""
    now = company.clock()
    create_source(company.ledger, now, name="web", label="", kind="collector")
    key = create_write_key(company.ledger, "web")
    commit = GroupCommit(company.ledger)
    intake = Intake(WriteKeys(company.ledger), commit, company.clock)
    body = f'{{"batch":[{",".join(events)}]}}'.encode()
    authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    try:
        return asyncio.run(
            intake.take(
                Delivery(endpoint="batch", body=body, received_at=now, authorization=authorization)
            )
        )
    finally:
        commit.close()


def track(properties: dict[str, Any], *, user: str = "u1", event: str = "Order Completed") -> str:
    return json.dumps({"type": "track", "event": event, "userId": user, "properties": properties})


def one_line(price: str, quantity: str) -> str:
    return track(
        {"order_id": "P", "currency": "EUR", "products": [{"price": price, "quantity": quantity}]}
    )


GOOD = track({"order_id": "good", "total": 5, "currency": "EUR"}, user="somebody")
LONG = "x" * 300_000
#: Each was accepted or broke the batch, and stopped the worker for ever, before it was mended.
POISON = {
    "price times quantity": one_line("999999999999", "999999999999"),
    "a number of 5000 digits": GOOD.replace('"total": 5', f'"total": 5, "x": {"9" * 5000}'),
    "a float beyond floats": GOOD.replace('"total": 5', '"total": 5, "x": 1e999'),
    "half an emoji": GOOD.replace("somebody", r"some\ud83dbody"),
    "a user id of any length": GOOD.replace("somebody", LONG),
    "an anonymous id of any length": GOOD.replace("userId", "anonymousId").replace(
        "somebody", LONG
    ),
    "a card of any length": track(
        {"order_id": "C", "total": 5, "currency": "EUR", "loyalty_card": LONG}
    ),
    "an order number of any length": track({"order_id": LONG, "total": 5, "currency": "EUR"}),
    "a name of any length": json.dumps(
        {"type": "identify", "userId": "n", "traits": {"name": LONG, "interests": LONG}}
    ),
    "an e-mail of any length": json.dumps(
        {"type": "identify", "userId": "m", "traits": {"email": f"{LONG}@b.example"}}
    ),
    "a consent to something very long": track({"purpose": LONG}, event="Consent Given"),
    "dates at the calendar's end": json.dumps(
        {"type": "identify", "userId": "b", "traits": {"birthday": "9999-12-31", "createdAt": 1e30}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", POISON)
def test_a_poisoned_event_costs_neither_its_batch_nor_the_worker(
    company: Company, name: str
) -> None:
    other = track({"order_id": "other", "total": 7, "currency": "EUR"}, user="neighbour")
    kept = send(company, [POISON[name], other])
    assert kept.accepted + kept.refused == 2
    assert kept.accepted >= 1
    resolve_company(company)
    assert "other" in company.lake.ask(ROWS)["order_id"].to_pylist()
    with company.ledger.read() as connection:
        last = connection.scalar(select(func.max(t.journal.c.position)))
        assert ingest.read_position(connection, ingest.WORKER) == last
    assert {f.state for f in examine(company) if f.what in ("journal", "lake", "profiles")} == {
        "good"
    }


def test_lines_worth_more_than_the_stores_hold_are_refused_with_their_reason(
    company: Company,
) -> None:
    assert send(company, [one_line("999999999999", "2"), one_line("999999999999", "0.5")]) == Kept(
        accepted=1, duplicates=0, refused=1
    )
    [refused] = refused_rows(company.ledger)
    assert refused.reason == "invalid_amount"


def test_absurd_orders_spoil_only_the_row_of_who_sent_them(company: Company) -> None:
    company.choose("reporting_currency", "EUR")
    with company.ledger.write() as connection:
        keep_rates(company.ledger, connection, [("KWD", date(2020, 1, 1), Decimal(300))])
    absurd = [
        track({"order_id": f"K{n}", "total": "90000000000", "currency": "KWD"}, user="absurd")
        for n in range(60)
    ] + [track({"order_id": "K", "total": "999999999999", "currency": "KWD"}, user="absurd")]
    send(company, [*absurd, GOOD])
    resolve_company(company)
    with company.ledger.read() as connection:
        revenues = set(connection.scalars(select(t.profile.c.revenue)))
    assert revenues == {Decimal("99999999999999.9999"), Decimal(5)}
    rows = {row["order_id"]: row["amount_base"] for row in company.lake.ask(ROWS).to_pylist()}
    assert rows["K"] is None  # its product has no room: unconverted, as without a rate
    assert rows["K1"] == Decimal("27000000000000")


def test_a_very_long_name_is_found_by_its_beginning(company: Company) -> None:
    send(company, [json.dumps({"type": "identify", "userId": "n", "traits": {"name": LONG}})])
    resolve_company(company)
    with company.ledger.read() as connection:
        assert len(search(connection, "x" * 30)) == 1
        assert len(search(connection, LONG)) == 1


def test_a_long_identifier_still_names_one_record(company: Company) -> None:
    first, second = (GOOD.replace("somebody", LONG).replace("good", name) for name in "ab")
    send(company, [first, second, GOOD.replace("somebody", LONG + "y")])
    assert resolve_company(company).profiles == 2


def break_on(
    monkeypatch: pytest.MonkeyPatch, step: str, bad: set[str | None], error: Exception
) -> None:
    """Let ``step`` fail on orders that nothing that we know of makes it fail on."""
    steps = ingest.STEPS

    def breaking(batch: ingest.Batch) -> None:
        if bad & {touchpoint.order_id for touchpoint in batch.touchpoints}:
            raise error
        original(batch)

    breaking.__name__ = step
    [original] = [s for s in steps if s.__name__ == step]
    monkeypatch.setattr(
        ingest, "STEPS", tuple(breaking if s.__name__ == step else s for s in steps)
    )


@pytest.mark.parametrize("step", ["read_the_texts", "write_the_lake", "write_the_ledger"])
def test_a_batch_that_fails_is_halved_until_the_bad_entries_stand_alone(
    company: Company, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    keep(company, [order(f"A{n}", "10", record=email(f"p{n}@kadar.example")) for n in range(23)])
    break_on(monkeypatch, step, {"A3", "A4", "A17"}, ValueError("no room"))
    done = apply_journal(company, batch_size=20)
    assert (done.entries, done.touchpoints, done.refused) == (23, 20, 3)
    refresh_profiles(company)
    rows = company.lake.ask(ROWS).to_pylist()
    assert {row["order_id"] for row in rows} == {f"A{n}" for n in range(23) if n not in (3, 4, 17)}
    refused = refused_rows(company.ledger)
    assert {(row.reason, row.locator) for row in refused} == {
        ("not_storable", f"journal:{n}") for n in (4, 5, 18)
    }
    assert "no room" not in "".join(row.detail for row in refused)
    assert {f.state for f in examine(company) if f.what in ("journal", "lake", "profiles")} == {
        "good"
    }
    monkeypatch.undo()
    rebuild_lake(company)  # once we have mended it, nothing is lost
    assert company.lake.ask(ROWS).num_rows == 23
    assert refused_rows(company.ledger) == []


def test_trying_again_leaves_what_is_in_the_journal_to_a_rebuild(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(company, [order(f"A{n}", "10", record=email(f"p{n}@kadar.example")) for n in range(4)])
    [name] = {source.name for source in list_sources(company.ledger)}
    break_on(monkeypatch, "write_the_lake", {"A1", "A2"}, ValueError("no room"))
    apply_journal(company)
    monkeypatch.undo()
    # In the journal it is its own duplicate: marked as done, nobody would hear of it again.
    assert replay_refused(company, name) == Replayed(in_journal=2)
    assert len(refused_rows(company.ledger)) == 2
    break_on(monkeypatch, "write_the_lake", {"A2"}, ValueError("no room"))
    rebuild_lake(company)
    monkeypatch.undo()
    assert [row.locator for row in refused_rows(company.ledger)] == ["journal:3"]
    assert company.lake.ask(ROWS).num_rows == 3
    assert {f.state for f in examine(company) if f.what in ("journal", "lake")} == {"good"}


@pytest.mark.parametrize(
    "error",
    [
        OSError("no space left"),
        StoreBusy("busy"),
        sqlalchemy.exc.OperationalError("", {}, Exception("gone")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_store_that_fails_refuses_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    keep(company, [order(f"A{n}", "10") for n in range(5)])
    break_on(monkeypatch, "write_the_ledger", {"A3"}, error)
    with pytest.raises(type(error)):
        apply_journal(company)
    monkeypatch.undo()
    done = apply_journal(company)
    assert (done.touchpoints, done.refused) == (5, 0)
    assert company.lake.ask(ROWS).num_rows == 5


def test_a_mistake_of_ours_stops_the_walk_instead_of_refusing_everything(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(company, [order(f"A{n}", "10") for n in range(200)])
    bad: set[str | None] = {f"A{n}" for n in range(200)}
    break_on(monkeypatch, "write_the_ledger", bad, TypeError("our mistake"))
    with pytest.raises(TypeError, match="our mistake"):
        apply_journal(company)
    assert len(refused_rows(company.ledger)) <= ingest.MOST_IN_A_ROW + 1


def test_two_workers_at_once_double_nothing(company: Company) -> None:
    keep(company, [order(f"A{n}", "10", record=email(f"p{n}@kadar.example")) for n in range(120)])
    problems: list[BaseException] = []

    def walk() -> None:
        try:
            apply_journal(company, batch_size=7)
        except BaseException as problem:  # told to the test below
            problems.append(problem)

    workers = [threading.Thread(target=walk) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not problems
    positions = company.lake.ask(ROWS)["position"].to_pylist()
    assert sorted(positions) == list(range(1, 121))


def test_a_rebuild_beside_a_worker_loses_nothing(company: Company) -> None:
    keep(company, [order(f"A{n}", "10") for n in range(40)])
    apply_journal(company)
    keep(company, [order(f"B{n}", "10") for n in range(40)])
    worker = threading.Thread(target=apply_journal, args=(company,), kwargs={"batch_size": 5})
    worker.start()
    rebuild_lake(company)
    worker.join()
    assert sorted(company.lake.ask(ROWS)["position"].to_pylist()) == list(range(1, 81))


def test_work_that_must_be_alone_waits_its_turn_and_then_says_so(ledger_url: str) -> None:
    one, two = open_ledger(ledger_url, migrate=False), open_ledger(ledger_url, migrate=False)
    with one.alone("walk"):
        with pytest.raises(StoreBusy), two.alone("walk", patience_seconds=0.1):
            pass
        with two.alone("something else", patience_seconds=0.1), two.read():
            pass
    with two.alone("walk", patience_seconds=0.1):
        pass
    one.close()
    two.close()

"""Group commit: kept before answered, shared by all who wait, bounded, flushed at the end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, func, select

from rapport.collect.group_commit import GroupCommit, Kept
from rapport.collect.sources import create_source
from rapport.engines.ledger import JournalEntry, Ledger
from rapport.errors import Overloaded
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import RefusedRecord

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


def entries(*ids: str) -> list[JournalEntry]:
    return [
        JournalEntry(source_id=1, message_id=i, kind="segment", received_at=NOW, payload=b"{}")
        for i in ids
    ]


def journal_count(ledger: Ledger) -> int:
    with ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(t.journal)).scalar_one()


@pytest.fixture(autouse=True)
def _source(ledger: Ledger) -> None:
    create_source(ledger, NOW, name="web", label="Web", kind="collector")


class _SlowWrites:
    """A ledger whose writes wait at a gate, and which counts them."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.journal_portion = ledger.journal_portion
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.writes = 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self.begun.set()
        self.gate.wait(10)
        self.writes += 1
        with self.ledger.write() as connection:
            yield connection

    def append_journal(
        self, entries: Sequence[JournalEntry], *, connection: Connection
    ) -> list[bool]:
        if any(e.message_id == "poison" for e in entries):
            raise ValueError("the store cannot take this")
        return self.ledger.append_journal(entries, connection=connection)


def test_what_waits_shares_one_write_and_each_learns_its_own_outcome(ledger: Ledger) -> None:
    slow = _SlowWrites(ledger)
    commit = GroupCommit(slow)  # type: ignore[arg-type]

    async def scenario() -> list[Kept]:
        first = commit.submit(1, entries("a"), [])
        await asyncio.to_thread(slow.begun.wait, 10)
        later = [commit.submit(1, entries("a", f"b{n}"), []) for n in range(20)]
        slow.gate.set()
        return await asyncio.gather(first, *later)

    kept = asyncio.run(scenario())
    commit.close()
    assert slow.writes == 2
    assert kept[0] == Kept(accepted=1, duplicates=0, refused=0)
    assert kept[1:] == [Kept(accepted=1, duplicates=1, refused=0)] * 20
    assert journal_count(ledger) == 21


def test_one_request_that_the_store_cannot_take_does_not_fail_its_neighbours(
    ledger: Ledger,
) -> None:
    slow = _SlowWrites(ledger)
    commit = GroupCommit(slow)  # type: ignore[arg-type]

    async def scenario() -> list[Kept | BaseException]:
        first = commit.submit(1, entries("a"), [])
        await asyncio.to_thread(slow.begun.wait, 10)
        later = [commit.submit(1, entries(i), []) for i in ("b", "poison", "c")]
        slow.gate.set()
        return await asyncio.gather(first, *later, return_exceptions=True)

    outcomes = asyncio.run(scenario())
    commit.close()
    assert [isinstance(o, ValueError) for o in outcomes] == [False, False, True, False]
    assert journal_count(ledger) == 3


def test_more_than_may_wait_is_overloaded_and_nothing_of_it_is_kept(ledger: Ledger) -> None:
    slow = _SlowWrites(ledger)
    commit = GroupCommit(slow, most_waiting_requests=2)  # type: ignore[arg-type]

    async def scenario() -> None:
        first = commit.submit(1, entries("a"), [])
        await asyncio.to_thread(slow.begun.wait, 10)
        waiting = [commit.submit(1, entries(i), []) for i in ("b", "c")]
        with pytest.raises(Overloaded):
            commit.submit(1, entries("d"), [])
        slow.gate.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(scenario())
    commit.close()
    assert journal_count(ledger) == 3


def test_closing_writes_what_waits_and_takes_no_more(ledger: Ledger) -> None:
    slow = _SlowWrites(ledger)
    commit = GroupCommit(slow)  # type: ignore[arg-type]

    async def scenario() -> None:
        first = commit.submit(1, entries("a"), [])
        await asyncio.to_thread(slow.begun.wait, 10)
        second = commit.submit(1, entries("b"), [])
        closing = asyncio.create_task(asyncio.to_thread(commit.close))
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded):
            commit.submit(1, entries("c"), [])
        slow.gate.set()
        await asyncio.gather(first, second, closing)

    asyncio.run(scenario())
    assert journal_count(ledger) == 2


def test_a_sender_that_gave_up_waiting_costs_nothing_and_is_kept(ledger: Ledger) -> None:
    slow = _SlowWrites(ledger)
    commit = GroupCommit(slow)  # type: ignore[arg-type]

    async def scenario() -> None:
        gone = commit.submit(1, entries("a"), [])
        await asyncio.to_thread(slow.begun.wait, 10)
        gone.cancel()
        waiting = commit.submit(1, entries("b"), [])
        slow.gate.set()
        await waiting

    asyncio.run(scenario())
    commit.close()
    assert journal_count(ledger) == 2


def test_refusals_are_kept_in_the_same_write_and_counted_once(ledger: Ledger) -> None:
    commit = GroupCommit(ledger)
    record = RefusedRecord(
        source="web", reason="wrong_type", detail="d", payload=b"x", received_at=NOW
    )
    kept = [commit.put(1, entries("a"), [record]) for _ in range(2)]
    commit.close()
    assert [k.refused for k in kept] == [1, 1]
    with ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(t.refused)).scalar_one() == 1
        assert connection.execute(select(t.source_day.c.refused)).scalar_one() == 1

"""The ledger's promises, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select

from rapport.engines.ledger import JournalEntry, Ledger, open_ledger
from rapport.errors import InvalidSettings
from rapport.vocabulary import ledger_tables as t

NOW = datetime(2026, 11, 16, 9, 0, 0, 123456, tzinfo=UTC)


def entries(*message_ids: str, source_id: int = 1) -> list[JournalEntry]:
    return [
        JournalEntry(
            source_id=source_id, message_id=m, kind="segment", received_at=NOW, payload=m.encode()
        )
        for m in message_ids
    ]


def test_a_message_id_is_kept_once_for_ever(ledger: Ledger) -> None:
    assert ledger.append_journal(entries("a", "b", "a")) == [True, True, False]
    assert ledger.append_journal(entries("b", "c")) == [False, True]
    assert ledger.append_journal(entries("a", source_id=2)) == [True]
    with ledger.read() as connection:
        kept = connection.execute(select(t.journal).order_by(t.journal.c.position)).all()
    assert [(row.source_id, row.message_id) for row in kept] == [
        (1, "a"), (1, "b"), (1, "c"), (2, "a"),
    ]  # fmt: skip
    assert kept[0].received_at == NOW
    assert kept[0].payload == b"a"


def test_of_hundreds_of_entries_at_once_each_says_whether_it_was_new(ledger: Ledger) -> None:
    ledger.append_journal(entries("m3", "m70", "m119"))
    sent = [f"m{n}" for n in range(120)] + ["m5", "new"]
    sent[40] = "m39"
    seen = {"m3", "m70", "m119"}
    expected = [not (name in seen or seen.add(name)) for name in sent]  # type: ignore[func-returns-value]
    assert ledger.append_journal(entries(*sent)) == expected
    assert ledger.append_journal(entries(*(f"n{n}" for n in range(100)))) == [True] * 100
    assert not any(ledger.append_journal(entries(*sent)))


def test_entries_of_several_requests_at_once_keep_what_is_their_own(ledger: Ledger) -> None:
    sent = [
        JournalEntry(
            source_id=1 + n % 2,
            message_id=f"m{n}",
            kind="segment" if n % 3 else "touchpoint",
            received_at=NOW + timedelta(seconds=n // 20),
            payload=f"payload {n}".encode(),
        )
        for n in range(130)
    ]
    assert ledger.append_journal(sent) == [True] * 130
    with ledger.read() as connection:
        kept = connection.execute(select(t.journal).order_by(t.journal.c.position)).all()
    assert [
        JournalEntry(
            source_id=row.source_id,
            message_id=row.message_id,
            kind=row.kind,
            received_at=row.received_at,
            payload=row.payload,
        )
        for row in kept
    ] == sent


def test_eight_writers_with_the_same_batch_store_it_once(ledger: Ledger) -> None:
    batch = entries(*(f"m{n}" for n in range(200)))
    fresh: list[int] = []

    def post() -> None:
        fresh.append(sum(ledger.append_journal(batch)))

    writers = [threading.Thread(target=post) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sum(fresh) == 200
    with ledger.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.journal)) == 200


def test_an_error_inside_a_write_leaves_nothing_behind(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError, match="stop"), ledger.write() as connection:
        ledger.append_journal(entries("a"), connection=connection)
        raise RuntimeError("stop")
    with ledger.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.journal)) == 0


def test_upsert_changes_only_the_named_columns(ledger: Ledger) -> None:
    row = {"name": "currency", "value": "EUR"}
    with ledger.write() as connection:
        assert ledger.insert_new(connection, t.setting, [row], ["name"]) == 1
        assert ledger.insert_new(connection, t.setting, [row], ["name"]) == 0
        ledger.upsert(
            connection,
            t.setting,
            [{"name": "currency", "value": {"code": "HUF"}}],
            ["name"],
            ["value"],
        )
        assert connection.scalar(select(t.setting.c.value)) == {"code": "HUF"}


def test_reading_sees_one_moment(ledger: Ledger) -> None:
    with ledger.read() as reader:
        before = reader.scalar(select(func.count()).select_from(t.journal))
        ledger.append_journal(entries("a"))
        assert reader.scalar(select(func.count()).select_from(t.journal)) == before


def test_times_money_and_json_come_back_exactly(ledger: Ledger) -> None:
    far = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    with ledger.write() as connection:
        connection.execute(
            t.audit.insert().values(at=far, actor="á", action="x", details={"ű": [1, None]})
        )
        row = connection.execute(select(t.audit)).one()
    assert (row.at, row.actor, row.details) == (far, "á", {"ű": [1, None]})
    assert t.from_micros(t.to_micros(far - timedelta(microseconds=1))) < far


def test_the_migrations_make_exactly_the_declared_tables(ledger: Ledger) -> None:
    with ledger.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, t.metadata)
    assert differences == []


def test_opening_twice_migrates_once(ledger_url: str) -> None:
    open_ledger(ledger_url).close()
    open_ledger(ledger_url).close()


def test_an_unknown_database_is_refused_by_name() -> None:
    with pytest.raises(InvalidSettings, match="'mysql'"):
        open_ledger("mysql://localhost/x")

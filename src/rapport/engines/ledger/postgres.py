"""The ledger on PostgreSQL, for several processes and machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from time import monotonic, sleep
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql

from rapport.engines.ledger.base import Insert, JournalEntry, Ledger, held_elsewhere
from rapport.vocabulary.ledger_tables import to_micros

_STAGE_SQL = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS arriving (line int, source_id int, message_id text, "
    "kind text, received_at bigint, payload bytea) ON COMMIT DELETE ROWS"
)
_APPEND_SQL = (
    "INSERT INTO journal (source_id, message_id, kind, received_at, payload) "
    "SELECT source_id, message_id, kind, received_at, payload FROM arriving ORDER BY line "
    "ON CONFLICT (source_id, message_id) DO NOTHING RETURNING source_id, message_id"
)


class PostgresLedger(Ledger):
    """Many writers; positions of the journal become visible in their order."""

    name = "postgresql"
    journal_portion = 100_000  # each call is several round trips

    def __init__(self, url: str) -> None:
        self.engine = sqlalchemy.create_engine(
            url, pool_size=20, max_overflow=40, pool_pre_ping=True, hide_parameters=True
        )

    def transaction_options(self, *, write: bool) -> Mapping[str, Any]:
        if write:
            return {"isolation_level": "READ COMMITTED"}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    def is_busy(self, error: sqlalchemy.exc.OperationalError) -> bool:
        return isinstance(
            error.orig,
            psycopg.errors.LockNotAvailable
            | psycopg.errors.DeadlockDetected
            | psycopg.errors.SerializationFailure,
        )

    def is_too_large(self, error: sqlalchemy.exc.OperationalError) -> bool:
        return isinstance(error.orig, psycopg.errors.ProgramLimitExceeded)

    def insert(self, table: Table) -> Insert:
        return postgresql.insert(table)

    def lock(self, connection: Connection, name: str) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock_key(name)})

    @contextmanager
    def alone(self, name: str, *, patience_seconds: float = 30) -> Iterator[None]:
        """An advisory lock of a session: the server lets go of it when the session ends."""
        key = {"key": _lock_key(f"alone:{name}")}
        options = {"isolation_level": "AUTOCOMMIT"}
        with self.engine.connect().execution_options(**options) as connection:
            until = monotonic() + patience_seconds
            while not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
                if monotonic() >= until:
                    raise held_elsewhere(name)
                sleep(0.05)
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)

    def _append_journal(
        self, connection: Connection, entries: Sequence[JournalEntry]
    ) -> list[bool]:
        # A sequence gives numbers before commit: without this lock a later number could become
        # visible first, and the worker, who walks in order, would pass by the earlier one.
        self.lock(connection, "journal")
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101
        with driver.cursor() as cursor:
            cursor.execute(_STAGE_SQL)
            cursor.execute("DELETE FROM arriving")
            with cursor.copy(
                "COPY arriving (line, source_id, message_id, kind, received_at, payload) "
                "FROM STDIN (FORMAT BINARY)"
            ) as copy:
                copy.set_types(["int4", "int4", "text", "text", "int8", "bytea"])
                for line, e in enumerate(entries):
                    copy.write_row(
                        (
                            line,
                            e.source_id,
                            e.message_id,
                            e.kind,
                            to_micros(e.received_at),
                            e.payload,
                        )
                    )
            cursor.execute(_APPEND_SQL)
            fresh = set(cursor.fetchall())
        answer: list[bool] = []
        for e in entries:
            key = (e.source_id, e.message_id)
            answer.append(key in fresh)
            fresh.discard(key)  # a repeat within the batch is a duplicate of its first
        return answer


def _lock_key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)

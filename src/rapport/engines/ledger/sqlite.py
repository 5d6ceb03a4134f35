"""The ledger in one file: SQLite in WAL mode."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import sqlite

from rapport.engines.ledger.base import Insert, JournalEntry, Ledger, held_elsewhere
from rapport.vocabulary.ledger_tables import to_micros

#: Entries in one statement: a step of SQLite lets go of Python's lock and must win it back, which
#: beside a busy event loop takes longer than the insert.
_AT_ONCE = 100


def _journal_sql(rows: Iterable[str]) -> str:
    return (
        "INSERT INTO journal (source_id, kind, received_at, message_id, payload) "  # noqa: S608
        f"VALUES {', '.join(rows)} ON CONFLICT (source_id, message_id) DO NOTHING"
    )


_ONE_SQL = _journal_sql(["(?, ?, ?, ?, ?)"])
_MANY_SQL = _journal_sql(["(?, ?, ?, ?, ?)"] * _AT_ONCE)
#: Entries of one request: what they share is bound once, the three parameters in front.
_ALIKE_SQL = _journal_sql(f"(?1, ?2, ?3, ?{n}, ?{n + 1})" for n in range(4, 4 + 2 * _AT_ONCE, 2))
#: Bytes of a page of a new ledger; one that exists keeps its own. Half as many pages are written,
#: logged and copied back as with SQLite's usual 4096; larger ones cost the scattered writes of
#: identity and of random message ids more than they save here.
_PAGE_BYTES = 8192
#: Bytes of log after which pages are copied back. Not SQLite's 4 MB: pages of the index that change
#: again and again are written once.
_LOG_BYTES = 65_536_000
_PRAGMAS = (
    f"PRAGMA page_size = {_PAGE_BYTES}",  # before the journal mode: nothing may be written yet
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an acknowledged event survives a power cut
    "PRAGMA secure_delete = ON",  # erased means overwritten
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 30000",
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
)


class SqliteLedger(Ledger):
    """One writer at a time, many readers, no server."""

    name = "sqlite"
    journal_portion = _AT_ONCE

    def __init__(self, url: str) -> None:
        path = sqlalchemy.make_url(url).database
        if path and path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        # Writers of this process queue here: SQLite's own waiting polls and is not fair.
        self._writers = threading.Lock()
        self.engine = sqlalchemy.create_engine(
            url,
            pool_size=20,
            max_overflow=40,
            connect_args={"check_same_thread": False},
            hide_parameters=True,  # values are people's data: not in errors, not in logs
        )
        event.listen(self.engine, "connect", _on_connect)
        event.listen(self.engine, "begin", _on_begin)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._writers, super().write() as connection:
            yield connection

    def transaction_options(self, *, write: bool) -> Mapping[str, Any]:
        return {"begin_with": "BEGIN IMMEDIATE" if write else "BEGIN"}

    def is_busy(self, error: sqlalchemy.exc.OperationalError) -> bool:
        return "database is locked" in str(error.orig)

    def insert(self, table: Table) -> Insert:
        return sqlite.insert(table)

    def lock(self, connection: Connection, name: str) -> None:
        """Nothing to do: a write transaction of SQLite is alone."""

    @contextmanager
    def alone(self, name: str, *, patience_seconds: float = 30) -> Iterator[None]:
        """The write lock of an empty database beside the ledger.

        SQLite knows how to lock a file on every system, and the system lets go of it when a
        process dies. The ledger's own lock would keep the collector out for as long.
        """
        path = self.engine.url.database
        if not path or path == ":memory:":  # nobody else can have it open
            yield
            return
        held = sqlite3.connect(
            f"{path}.{name}.lock", timeout=patience_seconds, isolation_level=None
        )
        try:
            try:
                held.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                raise held_elsewhere(name) from error
            yield
        finally:
            held.close()

    def _append_journal(
        self, connection: Connection, entries: Sequence[JournalEntry]
    ) -> list[bool]:
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  # a connection inside a transaction has its driver
        cursor = driver.cursor()
        fresh: list[bool] = []
        whole = len(entries) - len(entries) % _AT_ONCE
        if whole:
            [(last,)] = cursor.execute("SELECT coalesce(max(position), 0) FROM journal")
            for start in range(0, whole, _AT_ONCE):
                fresh += _appended(cursor, entries[start : start + _AT_ONCE], last)
                if any(fresh[start:]):
                    last = cursor.lastrowid
        # The rest row by row: each says for itself whether it was new.
        fresh += [cursor.execute(_ONE_SQL, _row(e)).rowcount == 1 for e in entries[whole:]]
        return fresh


def _row(entry: JournalEntry) -> tuple[Any, ...]:
    received_at = to_micros(entry.received_at)
    return (entry.source_id, entry.kind, received_at, entry.message_id, entry.payload)


def _appended(cursor: sqlite3.Cursor, entries: Sequence[JournalEntry], last: int) -> list[bool]:
    """Which of ``entries`` were new, after inserting them with one statement.

    Nothing stands behind the position ``last`` yet.
    """
    one = entries[0]
    source_id, kind, received_at = one.source_id, one.kind, one.received_at
    values: list[Any] = [source_id, kind, to_micros(received_at)]
    alike = True
    for e in entries:
        if e.received_at is not received_at or e.kind != kind or e.source_id != source_id:
            alike = False
            break
        values.append(e.message_id)
        values.append(e.payload)
    if not alike:
        values = list(chain.from_iterable(map(_row, entries)))
    done = cursor.execute(_ALIKE_SQL if alike else _MANY_SQL, values).rowcount
    if done == len(entries):
        return [True] * done
    # This transaction is the only writer: what stands behind the last position came just now.
    came = set(
        cursor.execute("SELECT source_id, message_id FROM journal WHERE position > ?", (last,))
    )
    fresh: list[bool] = []
    for e in entries:
        key = (e.source_id, e.message_id)
        fresh.append(key in came)
        came.discard(key)  # a repeat within the batch is a duplicate of its first
    return fresh


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions begin where SQLAlchemy says so and not where the driver guesses.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()
    [[page_bytes]] = connection.execute("PRAGMA page_size").fetchall()
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_BYTES // page_bytes}").close()


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin_with", "BEGIN"))

"""What every ledger engine does alike, and what each must bring."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from operator import itemgetter
from typing import Any, Protocol

import sqlalchemy
from alembic import command
from alembic.config import Config
from msgspec import Struct
from sqlalchemy import Connection, Engine, Table

from rapport.errors import InvalidInput, StoreBusy

_NO_ROOM = "A number or a text is larger than the ledger can hold, or no text at all"


class JournalEntry(Struct, frozen=True, kw_only=True, gc=False):
    """One accepted payload on its way to the journal."""

    source_id: int
    message_id: str
    kind: str
    received_at: datetime
    payload: bytes


class Insert(Protocol):
    """The `INSERT … ON CONFLICT` that SQLite and PostgreSQL share."""

    @property
    def excluded(self) -> Any: ...

    def on_conflict_do_nothing(self, *, index_elements: Any = None) -> Any: ...

    def on_conflict_do_update(
        self, *, index_elements: Any, set_: Any, where: Any = None
    ) -> Any: ...

    def values(self, *args: Any, **kwargs: Any) -> Any: ...


class Ledger(ABC):
    """Transactions over the tables of `rapport.vocabulary.ledger_tables`."""

    name: str
    engine: Engine
    #: Entries from which on a call of `append_journal` is as quick for each as any longer one.
    journal_portion: int

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment and writes nothing."""
        with self._opened(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block, or rolls back on an error.

        Raises
        ------
        StoreBusy
            If another writer kept the store for longer than the engine's patience.
        """
        with self._opened(write=True) as connection:
            yield connection

    @contextmanager
    def _opened(self, *, write: bool) -> Iterator[Connection]:
        options = self.transaction_options(write=write)
        try:
            with (
                self.engine.connect().execution_options(**options) as connection,
                connection.begin(),
            ):
                yield connection
        except sqlalchemy.exc.OperationalError as error:
            if self.is_busy(error):
                raise StoreBusy(
                    "Another process keeps the ledger busy; try again shortly"
                ) from error
            if self.is_too_large(error):
                raise InvalidInput(_NO_ROOM) from error
            raise
        except sqlalchemy.exc.DataError as error:
            raise InvalidInput(_NO_ROOM) from error
        except OverflowError as error:
            if "SQLite" not in str(error):  # the driver says so itself; SQLAlchemy passes it on
                raise
            raise InvalidInput(_NO_ROOM) from error

    @abstractmethod
    def transaction_options(self, *, write: bool) -> Mapping[str, Any]:
        """SQLAlchemy execution options of a transaction."""

    @abstractmethod
    def is_busy(self, error: sqlalchemy.exc.OperationalError) -> bool:
        """Whether the error says that somebody else holds the store."""

    def is_too_large(self, error: sqlalchemy.exc.OperationalError) -> bool:
        """Whether the error says that a value does not fit, which no second try changes."""
        return False

    @abstractmethod
    def insert(self, table: Table) -> Insert:
        """The engine's own INSERT, which knows ON CONFLICT."""

    @abstractmethod
    def lock(self, connection: Connection, name: str) -> None:
        """Hold the lock ``name`` until the transaction ends."""

    @abstractmethod
    def alone(self, name: str, *, patience_seconds: float = 30) -> AbstractContextManager[None]:
        """Hold ``name`` against all other processes and threads for the block.

        For work that spans several transactions and the lake. A process that dies lets go.

        Raises
        ------
        StoreBusy
            If somebody else still holds it after ``patience_seconds``.
        """

    @abstractmethod
    def _append_journal(
        self, connection: Connection, entries: Sequence[JournalEntry]
    ) -> list[bool]:
        """Append within the transaction; True where the entry was new."""

    def append_journal(
        self, entries: Sequence[JournalEntry], *, connection: Connection | None = None
    ) -> list[bool]:
        """Keep ``entries``, each (source, message id) once for ever.

        Without ``connection`` the call is its own transaction: on return the entries are on disk.

        Returns
        -------
        list of bool
            True where the entry is new, False where its message id was already there.
        """
        if not entries:
            return []
        if connection is not None:
            return self._append_journal(connection, entries)
        with self.write() as own:
            return self._append_journal(own, entries)

    def insert_new(
        self,
        connection: Connection,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        keys: Sequence[str],
    ) -> int:
        """Insert the rows whose ``keys`` are not there yet; returns how many."""
        if not rows:
            return 0
        statement = self.insert(table).on_conflict_do_nothing(index_elements=list(keys))
        result = connection.execute(
            statement, _sorted(rows, keys), execution_options={"preserve_rowcount": True}
        )
        return int(result.rowcount)

    def upsert(
        self,
        connection: Connection,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        keys: Sequence[str],
        update: Sequence[str],
    ) -> None:
        """Insert the rows, or set the columns ``update`` where ``keys`` are there already."""
        if not rows:
            return
        insert = self.insert(table)
        statement = insert.on_conflict_do_update(
            index_elements=list(keys), set_={name: insert.excluded[name] for name in update}
        )
        connection.execute(statement, _sorted(rows, keys))

    def migrate(self) -> None:
        """Create the tables or bring them to this version; several processes may call at once."""
        logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every opening
        with self.write() as connection:
            self.lock(connection, "migrate")
            config = Config()
            config.set_main_option("script_location", "rapport.engines.ledger:migrations")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


def held_elsewhere(name: str) -> StoreBusy:
    """The error of a lock that somebody else holds for too long."""
    return StoreBusy(f"Another process is at the same work ({name}); try again when it is done")


def _sorted(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[Mapping[str, Any]]:
    # In the order of the key: index pages are written once, and two writers cannot deadlock.
    if len(rows) == 1:
        return list(rows)
    return sorted(rows, key=itemgetter(*keys))

"""The lake in a folder: Delta tables written by deltalake, asked by DuckDB in this process."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import TableNotFoundError

from rapport.engines.lake.query import Query
from rapport.errors import InternalError, StoreMismatch
from rapport.vocabulary.lake_tables import FROM_JOURNAL, LAKE_TABLES

_CONFIGURATION = {
    # Readers other than deltalake must see deletes: no table of ours hides rows in side files.
    "delta.enableDeletionVectors": "false",
    # What people said and bought stays out of the file statistics in the log.
    "delta.dataSkippingStatsColumns": "position,atom_id,occurred_at,received_at",
    "delta.checkpointInterval": "20",
}
#: Files of one bucket that are joined into one when there are more.
_FILES_PER_BUCKET = 8


class Lake:
    """Append-only history and derived tables, and questions about them.

    Parameters
    ----------
    location : path or str
        Folder or storage URL that holds one Delta table per name of `LAKE_TABLES`.
    memory_limit_mb : int
        Memory that questions may use; beyond it DuckDB spills to the folder's `.spill`.
    threads : int
        Threads per question; 0 leaves it to the machine.
    storage_options : mapping, optional
        What `deltalake` needs to reach object storage.
    """

    def __init__(
        self,
        location: Path | str,
        *,
        memory_limit_mb: int = 2048,
        threads: int = 0,
        storage_options: Mapping[str, str] | None = None,
    ) -> None:
        self.location = str(location)
        self._storage_options = dict(storage_options or {})
        if "://" not in self.location:
            Path(self.location).mkdir(parents=True, exist_ok=True)
        self._engine = duckdb.connect(":memory:")
        self._engine.execute("SET TimeZone = 'UTC'")
        self._engine.execute(f"SET memory_limit = '{int(memory_limit_mb)}MB'")
        self._engine.execute("SET enable_progress_bar = false")
        # Nothing is ever downloaded: an extension that is missing is an error.
        self._engine.execute("SET autoinstall_known_extensions = false")
        if threads:
            self._engine.execute(f"SET threads = {int(threads)}")
        self._tables: dict[str, DeltaTable] = {}
        self._lock = threading.RLock()
        # The engine refuses to close while a thread is opening a cursor on it.
        self._opening = threading.Lock()
        self._changes: dict[str, pa.Table] = {}

    # ── writing ────────────────────────────────────────────────────────────────────────────────

    def append(self, table: str, rows: pa.Table, *, app: str, until: int) -> int:
        """Append rows that carry a journal ``position``, each position once.

        A batch that was appended already, wholly or in part, before a crash is recognised by the
        position which ``app`` committed with it.

        Parameters
        ----------
        rows : pyarrow.Table
            With the columns of `LAKE_TABLES[table]`.
        app : str
            Who appends; each has its own memory of how far it came.
        until : int
            The last position that this batch stands for, whether or not it left a row.

        Returns
        -------
        int
            Rows appended.
        """
        with self._lock:
            delta = self._open_or_create(table)
            done = delta.transaction_version(app)
            if done is not None:
                if done >= until:
                    return 0
                rows = rows.filter(pc.greater(rows["position"], done))
            if rows.num_rows == 0:
                return 0
            self._write(table, rows, mode="append", app=app, until=until)
            return int(rows.num_rows)

    def withdraw(self, table: str, positions: Sequence[int]) -> None:
        """Take out the rows of these journal positions; those that left none are passed over.

        For an entry whose rows were appended before the ledger found that it cannot hold it.
        """
        listed = ", ".join(str(int(position)) for position in positions)
        with self._lock:
            delta = self._open(table)
            if delta is not None and listed:
                delta.delete(f"position IN ({listed})")
                delta.update_incremental()

    def overwrite(self, table: str, rows: pa.Table) -> None:
        """Replace a derived table as one step: readers see the old rows or the new ones."""
        with self._lock:
            self._open_or_create(table)
            self._write(table, rows, mode="overwrite")

    def forget_history(self) -> None:
        """Empty the tables that a walk over the journal fills, so that it can fill them anew."""
        with self._lock:
            for table in FROM_JOURNAL:
                self._open_or_create(table)
                empty = LAKE_TABLES[table].empty_table()
                self._write(table, empty, mode="overwrite", app="ingest", until=0)

    def _write(
        self, table: str, rows: pa.Table, *, mode: Any, app: str | None = None, until: int = 0
    ) -> None:
        schema = LAKE_TABLES[table]
        rows = rows.select(schema.names).cast(schema)
        partitioned = "bucket" in schema.names
        if partitioned:
            rows = rows.sort_by(
                [(name, "ascending") for name in ("bucket", "atom_id", "occurred_at")]
            )
        write_deltalake(
            self._tables[table],
            rows,
            mode=mode,
            # A derived table of an earlier release may lack columns: it is made anew with them.
            schema_mode="overwrite" if mode == "overwrite" else None,
            partition_by=["bucket"] if partitioned else None,
            commit_properties=CommitProperties(
                app_transactions=None if app is None else [Transaction(app, until)],
                max_commit_retries=20,
            ),
        )
        self._tables[table].update_incremental()

    def _uri(self, table: str) -> str:
        return f"{self.location.rstrip('/')}/{table}"

    def _open(self, table: str) -> DeltaTable | None:
        """The table at its newest version, or None before its first row."""
        if table not in LAKE_TABLES:
            raise InternalError(f"{table!r} is no table of the lake: {', '.join(LAKE_TABLES)}")
        with self._lock:
            known = self._tables.get(table)
            if known is not None:
                known.update_incremental()
                return known
            try:
                delta = DeltaTable(self._uri(table), storage_options=self._storage_options)
            except TableNotFoundError:
                return None
            features = delta.protocol().reader_features or []
            if "deletionVectors" in features:
                raise StoreMismatch(
                    f"The lake table {table} was written with deletion vectors, which readers here "
                    "do not know: rewrite it without them, or run `rapport rebuild`"
                )
            self._tables[table] = delta
            return delta

    def _open_or_create(self, table: str) -> DeltaTable:
        delta = self._open(table)
        if delta is None:
            schema = LAKE_TABLES[table]
            stats = [
                n
                for n in _CONFIGURATION["delta.dataSkippingStatsColumns"].split(",")
                if n in schema.names
            ]
            delta = DeltaTable.create(
                self._uri(table),
                schema,
                mode="ignore",
                partition_by=["bucket"] if "bucket" in schema.names else None,
                configuration=_CONFIGURATION
                | {"delta.dataSkippingStatsColumns": ",".join(stats or schema.names[:1])},
                storage_options=self._storage_options,
            )
            self._tables[table] = delta
        return delta

    def compact(self, *, every: int = _FILES_PER_BUCKET, retention_hours: int = 1) -> int:
        """Join small files and forget versions that no question can still be reading.

        Returns
        -------
        int
            Files removed from the newest version.
        """
        removed = 0
        for table, schema in LAKE_TABLES.items():
            with self._lock:
                delta = self._open(table)
                if delta is None:
                    continue
                if "bucket" in schema.names and len(delta.file_uris()) > every * 64:
                    removed += int(delta.optimize.z_order(["atom_id"])["numFilesRemoved"])
                delta.vacuum(
                    retention_hours=retention_hours, dry_run=False, enforce_retention_duration=False
                )
                delta.update_incremental()
        return removed

    # ── asking ─────────────────────────────────────────────────────────────────────────────────

    # Names of tables come from our own schema, and paths are quoted; values are always bound.
    def seeing(self, changes: Mapping[str, pa.Table]) -> Lake:
        """The same lake, in which ``changes`` stand before the stored rows of their tables.

        A change replaces the stored rows that have the same value in the table's first column.
        So a mapping of millions that changes by a few rows a second need not be written anew.
        """
        view = copy.copy(self)
        view._changes = {**self._changes, **changes}
        return view

    def ask(self, query: Query, *, tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """The answer to ``query``.

        Parameters
        ----------
        query : Query
            Steps in the portable dialect.
        tables : mapping of str to pyarrow.Table, optional
            Small tables that the steps read beside the lake's, or instead of one of them.
        """
        given = dict(tables or {})
        with self._opening:
            cursor = self._engine.cursor()
        try:
            stored: dict[str, str] = {}
            for name in sorted(query.tables()):
                if name in given:
                    cursor.register(f"given_{name}", given[name])
                    stored[name] = f"SELECT * FROM given_{name}"  # noqa: S608
                else:
                    stored[name] = self._scan(cursor, name)
            sql = query.sql("duckdb", tables=stored)
            return cursor.sql(sql, params=dict(query.parameters) or None).to_arrow_table()
        finally:
            cursor.close()

    def _scan(self, cursor: duckdb.DuckDBPyConnection, table: str) -> str:
        delta = self._open(table)
        files = [] if delta is None else delta.file_uris()
        if not files:
            cursor.register(
                f"empty_{table}", self._changes.get(table, LAKE_TABLES[table].empty_table())
            )
            return f"SELECT * FROM empty_{table}"  # noqa: S608
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        hive = (
            "hive_partitioning = true, hive_types = {'bucket': INTEGER}"
            if "bucket" in LAKE_TABLES[table].names
            else "hive_partitioning = false"
        )
        rows = f"SELECT * FROM read_parquet([{listed}], {hive})"  # noqa: S608
        changes = self._changes.get(table)
        if changes is None or changes.num_rows == 0:
            return rows
        cursor.register(f"changed_{table}", changes)
        key = LAKE_TABLES[table].names[0]
        return (
            f"SELECT * FROM ({rows}) AS stored WHERE NOT EXISTS "  # noqa: S608
            f"(SELECT 1 FROM changed_{table} AS changed WHERE changed.{key} = stored.{key}) "
            f"UNION ALL BY NAME SELECT * FROM changed_{table}"
        )

    def newest(self, table: str, column: str) -> datetime | None:
        """The newest time in a column to the millisecond, rounded down, without reading a row.

        None: there are no rows, or some were written without this in the table's log.
        """
        delta = self._open(table)
        if delta is None:
            return None
        files = pa.table(delta.get_add_actions(flatten=True))
        name = f"max.{column}"
        if name not in files.column_names or files[name].null_count:
            return None
        found: datetime | None = pc.max(files[name]).as_py()
        return found

    def version(self, *tables: str) -> str:
        """A mark that changes whenever one of ``tables`` (by default: all) changes."""
        marks = []
        for table in tables or tuple(LAKE_TABLES):
            delta = self._open(table)
            marks.append(f"{table}:{-1 if delta is None else delta.version()}")
        return ",".join(marks)

    def close(self) -> None:
        """Let go of the engine."""
        with self._opening:
            self._engine.close()


def digest(answer: pa.Table) -> str:
    """A digest of an answer that no order of rows changes; floats count to nine digits."""
    lines = sorted(_canonical(row) for row in answer.to_pylist())
    return blake2b(
        b"\n".join([msgspec.json.encode(answer.column_names), *lines]), digest_size=16
    ).hexdigest()


def _canonical(row: Mapping[str, object]) -> bytes:
    return msgspec.json.encode([_rounded(value) for value in row.values()])


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_rounded(item) for item in value]
    return str(value) if value is not None else None

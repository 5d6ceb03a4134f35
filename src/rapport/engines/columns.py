"""Columns in memory asked by DuckDB: no file, no catalog, bounded memory.

For work on Arrow tables that is neither the ledger's nor the lake's, such as comparing pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa


class ColumnEngine:
    """Asks SQL of Arrow tables; `close` it, or use it in a `with`.

    Parameters
    ----------
    memory_limit_mb : int
        Beyond it intermediate results spill to a temporary folder, which `close` removes.
    threads : int
        Threads per question. Several threads may ask at a time.
    """

    def __init__(self, *, memory_limit_mb: int = 1024, threads: int = 2) -> None:
        # The folder is made only when something spills.
        self._spill = TemporaryDirectory(prefix="rapport-columns-")
        self._engine = duckdb.connect(":memory:")
        self._numbers = count()
        self._engine.execute(f"SET memory_limit = '{int(memory_limit_mb)}MB'")
        self._engine.execute(f"SET threads = {int(threads)}")
        self._engine.execute("SET temp_directory = $folder", {"folder": self._spill.name})
        self._engine.execute("SET enable_progress_bar = false")
        self._engine.execute("SET preserve_insertion_order = true")
        # Nothing is ever downloaded: an extension that is missing is an error.
        self._engine.execute("SET autoinstall_known_extensions = false")

    def ask(
        self, sql: str, parameters: Mapping[str, Any] | None = None, **tables: pa.Table
    ) -> pa.Table:
        """The answer to ``sql``, which reads ``tables`` by their names here.

        Rows come in the order of the scanned table where the question names no other.
        """
        # A connection of its own sees the kept tables, and no other question's.
        with self._engine.cursor() as asking:
            for name, table in tables.items():
                asking.register(name, table)
            return asking.sql(sql, params=dict(parameters or {})).to_arrow_table()

    def keep(self, table: pa.Table) -> str:
        """A copy of ``table`` for many questions, under the name that is returned; see `forget`."""
        name = f"kept_{next(self._numbers)}"
        with self._engine.cursor() as keeping:
            keeping.register("table_to_keep", table)
            keeping.execute(f"CREATE TABLE {name} AS SELECT * FROM table_to_keep")  # noqa: S608
        return name

    def forget(self, name: str) -> None:
        """Drop a table that `keep` named."""
        with self._engine.cursor() as forgetting:
            forgetting.execute(f"DROP TABLE {name}")

    def close(self) -> None:
        self._engine.close()
        self._spill.cleanup()

    def __enter__(self) -> ColumnEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

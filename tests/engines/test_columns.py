from concurrent.futures import ThreadPoolExecutor

import duckdb
import pyarrow as pa
import pytest

from rapport.engines.columns import ColumnEngine


def test_a_kept_table_is_there_for_many_questions_until_it_is_forgotten():
    with ColumnEngine() as engine:
        one, two = (engine.keep(pa.table({"n": numbers})) for numbers in ([1, 2], [30]))
        asked = f"SELECT k.n + p.n AS n FROM pairs p, {one} k ORDER BY n"
        for _ in range(2):
            assert engine.ask(asked, pairs=pa.table({"n": [10]}))["n"].to_pylist() == [11, 12]
        engine.forget(one)
        assert engine.ask(f"SELECT n FROM {two}")["n"].to_pylist() == [30]
        with pytest.raises(duckdb.CatalogException):
            engine.ask(f"SELECT n FROM {one}")


def test_threads_that_ask_at_a_time_each_read_their_own_table():
    with ColumnEngine() as engine, ThreadPoolExecutor(4) as pool:
        found = pool.map(
            lambda n: engine.ask("SELECT sum(n) AS n FROM t", t=pa.table({"n": [n] * 1_000})),
            range(40),
        )
        assert [int(of["n"][0].as_py()) for of in found] == [n * 1_000 for n in range(40)]

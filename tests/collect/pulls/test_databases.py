"""Tables of real databases are read whole, whatever their columns hold, and then what is new."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from rapport.collect.catalogue import LIVE_DATABASES
from rapport.collect.pulls.child import Answer, Visit
from rapport.collect.pulls.plan import SqlPull
from tests.collect.pulls.servers import mariadb
from tests.conftest import POSTGRES, _drop
from tests.peak_memory import peak_mb, write_peak

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def _mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mariadb(tmp_path_factory.mktemp("mariadb")) as url:
        yield url


DATABASES = ("mariadb", "mysql", "postgresql", "sqlite")


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.postgres if name == "postgresql" else ())
        for name in DATABASES
    ]
)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database for one test."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shop.db'}"
    elif request.param == "postgresql":
        if not POSTGRES:
            request.getfixturevalue("_empty_postgres")  # says what is missing
        server = sa.create_engine(
            sa.make_url(POSTGRES).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        name = f"shop_{uuid.uuid4().hex[:12]}"
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield server.url.set(database=name).render_as_string(hide_password=False)
        server.dispose()
        _drop(name)
    else:
        url = sa.make_url(request.getfixturevalue("_mariadb"))
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP DATABASE shop")
            connection.exec_driver_sql("CREATE DATABASE shop")
        engine.dispose()
        yield url.set(drivername=request.param).render_as_string(hide_password=False)


def _do(url: str, *statements: str) -> None:
    from rapport.collect.pulls.databases import with_driver  # noqa: PLC0415

    engine = sa.create_engine(with_driver(url))
    with engine.begin() as connection:
        for each in statements:
            connection.exec_driver_sql(each)
    engine.dispose()


def _answer(folder: Path, pull: SqlPull) -> Answer:
    """What the process says that the product runs."""
    ran = subprocess.run(
        [sys.executable, "-m", "rapport.collect.pulls.child"],
        input=msgspec.json.encode(Visit(pull=pull, folder=str(folder))),
        capture_output=True, check=True,
    )  # fmt: skip
    return msgspec.json.decode(ran.stdout, type=Answer)


def _visit(folder: Path, url: str, table: str, **options: Any) -> list[dict[str, Any]]:
    """The rows that a visit brings."""
    for old in (folder / "out").rglob("*.parquet"):
        old.unlink()
    folder.mkdir(exist_ok=True)
    answer = _answer(folder, SqlPull(url=url, table=table, **options))
    assert answer.fetched is not None, answer.failed
    rows = [row for path in answer.fetched.files for row in pq.read_table(path).to_pylist()]
    assert len(rows) == answer.fetched.records
    return rows


def test_the_live_tested_databases_are_those_of_these_tests() -> None:
    # MySQL's dialect is driven too, but against a server of MariaDB's.
    assert set(LIVE_DATABASES) == {*DATABASES} - {"mysql"}


def test_a_table_is_read_and_then_what_is_newer_by_time_and_by_number(
    database: str, tmp_path: Path
) -> None:
    moment = "DATETIME" if "postgres" not in database else "TIMESTAMP"
    quote = "`" if database.startswith(("mysql", "mariadb")) else '"'
    table = f"{quote}Order Lines{quote}"
    _do(
        database,
        f"CREATE TABLE {table} (id BIGINT PRIMARY KEY, név VARCHAR(80), amount NUMERIC(12,2),"
        f" paid BOOLEAN, born DATE, changed {moment})",
        f"INSERT INTO {table} VALUES (9, 'Őry Űző 😀', 12.30, true, '1980-02-29',"
        " '2026-10-25 02:30:00'), (10, NULL, NULL, NULL, NULL, NULL)",
        f"CREATE VIEW recent AS SELECT * FROM {table} WHERE changed IS NOT NULL",
    )
    first, second = sorted(
        _visit(tmp_path / "time", database, "Order Lines", cursor="changed"),
        key=lambda row: int(row["id"]),
    )
    assert (int(first["id"]), first["név"]) == (9, "Őry Űző 😀")
    assert Decimal(str(first["amount"])) == Decimal("12.30")
    assert str(first["paid"]) in {"True", "1"}
    assert str(first["born"]) == "1980-02-29"
    assert str(first["changed"])[:19] == "2026-10-25 02:30:00"
    assert {value for name, value in second.items() if name != "id" and name[:4] != "_dlt"} == {
        None
    }
    assert len(_visit(tmp_path / "number", database, "Order Lines", cursor="id")) == 2
    assert [int(r["id"]) for r in _visit(tmp_path / "view", database, "recent")] == [9]

    _do(
        database,
        f"ALTER TABLE {table} ADD COLUMN tier VARCHAR(9)",
        f"INSERT INTO {table} (id, changed) VALUES (11, '2026-10-25 03:00:00')",
        f"UPDATE {table} SET amount = 5 WHERE id = 9",
    )
    by_time = _visit(tmp_path / "time", database, "Order Lines", cursor="changed")
    assert {11} <= {int(row["id"]) for row in by_time} <= {10, 11}
    assert "tier" in by_time[0]
    (newest,) = _visit(tmp_path / "number", database, "Order Lines", cursor="id")
    assert (int(newest["id"]), newest["tier"]) == (11, None)


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_postgresql_s_own_types_are_read(database: str, tmp_path: Path) -> None:
    _do(
        database,
        "CREATE SCHEMA shop",
        "CREATE TYPE shop.mood AS ENUM ('ok', 'őű')",
        'CREATE TABLE shop."Order" (id numeric, at timestamp, at_zone timestamptz, day date,'
        " t time, third numeric, js jsonb, u uuid, list text[], mood shop.mood, iv interval,"
        " ip inet, f double precision)",
        """INSERT INTO shop."Order" VALUES (17850, '2026-10-25 02:30', '2026-10-25 02:30+02',
        '2026-10-25', '12:30', 1/3.0::numeric, '{"a":[1,{"b":"ő"}]}',
        '0b1e6a6e-3c3c-4a55-9d61-5a6a0a7b1b11', '{a,b}', 'őű', '1 day 02:00', '10.0.0.1', 1.5)""",
        """INSERT INTO shop."Order" (id, at, at_zone, day)
        VALUES (1e30, 'infinity', '-infinity', 'infinity')""",
    )
    row, odd = _visit(tmp_path / "x", database, "Order", schema="shop")
    assert row["id"] == "17850"
    assert row["at"] == datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001  # it has no zone
    assert row["at_zone"] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert row["day"] == date(2026, 10, 25)
    assert row["t"] == "12:30:00"
    assert row["third"].startswith("0.33333333333333")
    assert msgspec.json.decode(row["js"]) == {"a": [1, {"b": "ő"}]}
    assert row["u"] == "0b1e6a6e-3c3c-4a55-9d61-5a6a0a7b1b11"
    assert (row["list"], row["mood"]) == ('["a","b"]', "őű")
    assert (row["iv"], row["ip"], row["f"]) == ("26:00:00", "10.0.0.1", 1.5)
    assert (odd["id"], odd["at"], odd["at_zone"], odd["day"]) == ("1" + "0" * 30, None, None, None)


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_mariadb_s_own_types_are_read(database: str, tmp_path: Path) -> None:
    _do(
        database,
        "SET sql_mode = ''",
        "CREATE TABLE orders (id BIGINT UNSIGNED PRIMARY KEY, at DATETIME(6) NOT NULL, day DATE,"
        " t TIME, f DOUBLE, mood ENUM('a', 'ő'), tags SET('x', 'y'), y YEAR, js JSON)",
        "INSERT INTO orders VALUES (18446744073709551615, '2026-10-25 02:30:00.123456',"
        " '2026-10-25', '120:00:00', 12345678.5, 'ő', 'x,y', 2026, '[1]'),"
        " (3, '0000-00-00', '0000-00-00', NULL, NULL, NULL, NULL, NULL, NULL)",
    )
    odd, row = sorted(_visit(tmp_path / "x", database, "orders"), key=lambda row: int(row["id"]))
    assert str(row["id"]) == "18446744073709551615"
    assert row["at"] == datetime(2026, 10, 25, 2, 30, 0, 123456)  # noqa: DTZ001
    assert (row["t"], row["f"], row["mood"], row["tags"]) == ("120:00:00", 12345678.5, "ő", "x,y")
    assert (row["y"], row["js"]) == ("2026", "[1]")
    assert (odd["at"], odd["day"]) == (None, None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_word_in_a_column_of_numbers_keeps_no_row_from_being_read(
    database: str, tmp_path: Path
) -> None:
    _do(
        database,
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, amount INTEGER, at TIMESTAMP, ok BOOLEAN)",
        "INSERT INTO orders VALUES (1, 'free', 'yesterday', 'yes'), (2, 5.5, '2026-10-25', 1)",
    )
    rows = _visit(tmp_path / "x", database, "orders")
    assert [(row["amount"], row["at"], row["ok"]) for row in rows] == [
        ("free", "yesterday", "yes"),
        ("5.5", "2026-10-25", "1"),
    ]


@pytest.mark.parametrize(
    ("pull", "said"),
    [
        ({"table": "orders", "cursor": "changed"}, "no column 'changed' for `cursor`; it has: id"),
        ({"table": "people"}, "no such table or view"),
        ({"table": "orders", "url": "mssql://host/shop"}, "brings the module pyodbc"),
        ({"table": "orders", "url": "unheard://host/shop"}, "knows no such dialect"),
        ({"table": "orders", "url": "mysql://host:1@127.0.0.1:1/shop"}, "cannot be reached"),
    ],
)
def test_what_is_wrong_is_said(pull: dict[str, Any], said: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    _do(url, "CREATE TABLE orders (id INTEGER)")
    failed = _answer(tmp_path, SqlPull(**{"url": url, **pull})).failed
    assert failed is not None
    assert said in failed.message


@pytest.mark.parametrize(
    "database",
    ["mariadb", pytest.param("postgresql", marks=pytest.mark.postgres)],
    indirect=True,
)
def test_a_long_table_is_read_in_bounded_memory(database: str, tmp_path: Path) -> None:
    """200,000 rows of 1 kB are 200 MB; the process that reads them must not hold them all."""
    numbers = (
        "generate_series(1, 200000) AS n(seq)" if "postgres" in database else "seq_1_to_200000"
    )
    _do(
        database,
        "CREATE TABLE orders (id BIGINT PRIMARY KEY, note VARCHAR(1000))",
        f"INSERT INTO orders SELECT seq, CONCAT(seq, REPEAT(MD5(CONCAT(seq)), 31)) FROM {numbers}",
    )
    told = Visit(
        pull=SqlPull(url=database, table="orders", chunk_rows=10_000), folder=str(tmp_path)
    )
    measured = (
        f"from rapport.collect.pulls.child import main\nmain()\n{write_peak(tmp_path / 'peak')}"
    )
    ran = subprocess.run(
        [sys.executable, "-c", measured],
        input=msgspec.json.encode(told), capture_output=True, check=True,
    )  # fmt: skip
    answer = msgspec.json.decode(ran.stdout, type=Answer)
    assert answer.fetched is not None, answer.failed
    assert answer.fetched.records == 200_000
    assert peak_mb(tmp_path / "peak") < 500

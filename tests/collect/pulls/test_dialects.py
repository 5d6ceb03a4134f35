"""The statements that a visit asks of a database read in its dialect as its makers document it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from rapport.collect.catalogue import DIALECTS
from tests.collect.pulls.servers import dialects

#: How a dialect quotes a name with a space in it.
QUOTES = {
    "clickhousedb": "``", "drill": "``", "impala": "``", "mariadb": "``", "mssql": "[]",
    "mysql": "``", "pydoris": "``", "singlestoredb": "``",
}  # fmt: skip
#: How a dialect marks the place of the cursor's value, besides "%(name)s" and ":name".
MARKS = ("%(changed_1)s", "%(changed_1)s::TIMESTAMP WITHOUT TIME ZONE", ":changed_1", "?", "%s")
REPOSITORY = Path(__file__).resolve().parents[3]

#: Compiles in a process of its own: the dialects' folder is no part of what we install.
COMPILE = """
import json, sys, datetime
sys.path[:0] = [sys.argv[1]] if sys.argv[1] else []
import dlt, sqlalchemy as sa
from dlt.sources.sql_database.helpers import TableLoader
from rapport.collect.pulls.databases import readable, with_driver

said = {}
for name in json.loads(sys.argv[2]):
    url = f"{name.replace('.', '+')}://host/crm"
    dialect = sa.make_url(with_driver(url)).get_dialect()()
    table = sa.Table(
        "Order Lines", sa.MetaData(),
        sa.Column("id", sa.BigInteger), sa.Column("full name", sa.String(80)),
        sa.Column("amount", sa.Numeric(12, 2)), sa.Column("changed", sa.DateTime),
        schema="shop",
    )
    readable(url, "changed")(table)
    at = datetime.datetime(2026, 10, 25, 2, 30)
    newer = dlt.sources.incremental(
        "changed", initial_value=at, on_cursor_value_missing="include"
    )
    said[name] = [
        " ".join(str(TableLoader(None, "pyarrow", table, {}, incremental=cursor).make_query()
                     .compile(dialect=dialect)).split())
        for cursor in (None, newer)
    ]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def compiled() -> dict[str, list[str]]:
    """Dialect → the statement for all rows, and that for newer ones."""
    names = [dialect.name for dialect in DIALECTS]
    ran = subprocess.run(
        [
            sys.executable, "-W", "ignore", "-c", COMPILE, dialects(),
            msgspec.json.encode(names).decode(),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[str]] = msgspec.json.decode(ran.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", [dialect.name for dialect in DIALECTS])
def test_all_rows_and_then_newer_ones_are_asked_for(
    name: str, compiled: dict[str, list[str]]
) -> None:
    whole, newer = compiled[name]
    begin, end = QUOTES.get(name, '""')
    assert whole.startswith("SELECT ")
    assert f"{begin}full name{end}" in whole
    table = whole.partition(" FROM ")[2]
    assert "WHERE" not in table
    assert f"{begin}Order Lines{end}" in table
    assert table.replace(begin, "").replace(end, "").replace('"', "") == "shop.Order Lines" or (
        name == "mssql" and table == "shop.[Order Lines]"
    )
    # No dialect is asked for pages, which each writes in its own way.
    assert not {"LIMIT", "TOP", "FETCH", "OFFSET", "ROWNUM"} & set(whole.split())
    where = newer.partition(" WHERE ")[2]
    asked, _, empty = where.partition(" OR ")
    column, _, value = asked.partition(" >= ")
    assert column.rpartition(".")[2].strip(begin + end) == "changed"
    assert value in MARKS
    assert empty == f"{column} IS NULL"


def test_every_package_of_a_dialect_is_locked_and_no_other() -> None:
    locked = (REPOSITORY / "requirements" / "dialects.txt").read_text("utf-8").splitlines()
    names = {line.partition("==")[0].lower().replace("_", "-") for line in locked if "==" in line}
    assert names == {each.package.replace("_", "-") for each in DIALECTS if each.package}

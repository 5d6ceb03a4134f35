"""Every specification holds on the embedded engine, reads as Spark, and digests as recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import psycopg
import pyarrow as pa
import pytest
import sqlglot

from rapport.engines.lake import Lake
from rapport.engines.lake.store import digest
from tests.spec.specification import DIGESTS, Spec, asked_of, digest_of, found_by, specs

ALL = specs()
RECORDED = json.loads(DIGESTS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    opened = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=512, threads=1)
    yield opened
    opened.close()


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_the_answer_is_the_one_written_down(spec: Spec, empty_lake: Lake) -> None:
    assert found_by(spec, empty_lake) == [dict(row) for row in spec.expected]


def test_digests_are_recorded_for_exactly_the_specifications(empty_lake: Lake) -> None:
    found = {spec.name: digest_of(spec, empty_lake) for spec in ALL}

    assert found == RECORDED, "if the change is meant, run: python -m tests.spec"


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_the_query_reads_as_spark(spec: Spec) -> None:
    asked = asked_of(spec)
    if asked is not None:
        assert sqlglot.parse_one(asked.query.sql("spark"), read="spark")


POSTGRES_TYPES = {
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.string(): "text",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
}


def _postgres_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision}, {kind.scale})"
    return POSTGRES_TYPES[kind]


@pytest.mark.postgres
@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_another_engine_gives_the_same_digest(spec: Spec, empty_lake: Lake) -> None:
    asked = asked_of(spec)
    if asked is None:
        return
    with psycopg.connect(os.environ["RAPPORT_TEST_POSTGRES"]) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for name, table in asked.tables.items():
            columns = ", ".join(f'"{f.name}" {_postgres_type(f.type)}' for f in table.schema)
            connection.execute(f'CREATE TEMPORARY TABLE "{name}" ({columns}) ON COMMIT DROP')
            marks = ", ".join(["%s"] * len(table.schema))
            with connection.cursor() as cursor:
                cursor.executemany(
                    f'INSERT INTO "{name}" VALUES ({marks})',
                    [tuple(row.values()) for row in table.to_pylist()],
                )
        with connection.cursor() as cursor:
            cursor.execute(asked.query.sql("postgres"), dict(asked.query.parameters))
            rows = cursor.fetchall()
        connection.rollback()
    schema = empty_lake.ask(asked.query, tables=asked.tables).schema
    found = pa.Table.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in rows], schema
    )
    assert digest(found) == RECORDED[spec.name]

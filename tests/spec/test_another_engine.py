"""PostgreSQL answers the same queries, translated, with the same digests as DuckDB."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from rapport.engines.lake import Lake
from rapport.engines.lake.store import digest
from rapport.understand.metrics import METRICS
from rapport.understand.plan import compile_question
from rapport.understand.question import Question, dimensions_of
from rapport.vocabulary.lake_tables import LAKE_TABLES
from tests.spec.specification import DIGESTS, Asked, Spec, asked_of, specs
from tests.understand.touchpoint_rows import at, generated

pytestmark = pytest.mark.postgres

RECORDED = json.loads(DIGESTS.read_text(encoding="utf-8"))
TYPES = {
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.string(): "text",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
}


@pytest.fixture(scope="module", autouse=True)
def _server() -> None:
    """These questions need a server, or nothing is compared."""
    if not os.environ.get("RAPPORT_TEST_POSTGRES"):
        message = "set RAPPORT_TEST_POSTGRES to the URL of a PostgreSQL server for tests"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.fixture(scope="module")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    opened = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=512, threads=1)
    yield opened
    opened.close()


def sql_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamptz"
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision}, {kind.scale})"
    return TYPES[kind]


def answered_by_postgres(asked: Asked) -> list[tuple[Any, ...]]:
    with psycopg.connect(os.environ["RAPPORT_TEST_POSTGRES"]) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        for name, table in asked.tables.items():
            columns = ", ".join(f'"{field.name}" {sql_type(field.type)}' for field in table.schema)
            connection.execute(f'CREATE TEMPORARY TABLE "{name}" ({columns}) ON COMMIT DROP')
            with connection.cursor().copy(f'COPY "{name}" FROM STDIN') as copy:
                for row in table.to_pylist():
                    copy.write_row(tuple(row.values()))
        with connection.cursor() as cursor:
            cursor.execute(asked.query.sql("postgres"), dict(asked.query.parameters))
            rows = cursor.fetchall()
        connection.rollback()
    return rows


def digest_by_postgres(asked: Asked, lake: Lake) -> str:
    schema = lake.ask(asked.query, tables=asked.tables).schema
    rows = [dict(zip(schema.names, row, strict=True)) for row in answered_by_postgres(asked)]
    return digest(pa.Table.from_pylist(rows, schema))


@pytest.mark.parametrize("spec", specs(), ids=lambda spec: spec.name)
def test_a_specification_has_the_recorded_digest(spec: Spec, empty_lake: Lake) -> None:
    assert digest_by_postgres(asked_of(spec), empty_lake) == RECORDED[spec.name]


@pytest.mark.parametrize("as_of", [None, at("2025-09-15")], ids=["now", "then"])
@pytest.mark.parametrize("dimensions", [(), ("channel", "country")], ids=["whole", "split"])
def test_generated_silos_have_the_same_digest(
    empty_lake: Lake, as_of: datetime | None, dimensions: tuple[str, ...]
) -> None:
    touchpoints, members = generated(3)
    plan = compile_question(
        Question(
            metrics=tuple(
                metric.name for metric in METRICS if set(dimensions) <= set(dimensions_of(metric))
            ),
            start=at("2025-01-01T00:00:00+01:00"),
            end=at("2026-07-01T00:00:00+02:00"),
            grain="month",
            time_zone="Europe/Brussels",
            dimensions=dimensions,
            as_of=as_of,
        )
    )
    stored = {
        "touchpoints": touchpoints,
        "membership": members,
        **{
            name: LAKE_TABLES[name].empty_table()
            for name in (
                "customers",
                "model_versions",
                "order_items",
                "scores",
                "stated_figures",
            )
        },
    }
    asked = Asked(query=plan.query, tables={**stored, **plan.tables})
    wanted = digest(empty_lake.ask(asked.query, tables=asked.tables))

    assert digest_by_postgres(asked, empty_lake) == wanted

"""The lake's promises: rows once, answers repeatable, one portable dialect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot

from rapport.engines.lake import Lake, Query, Step
from rapport.engines.lake.store import digest
from rapport.errors import InternalError
from rapport.vocabulary.lake_tables import (
    CUSTOMERS,
    LAKE_TABLES,
    MEMBERSHIP,
    TOUCHPOINTS,
    bucket_of,
)

START = datetime(2026, 3, 1, tzinfo=UTC)


def touchpoints(*positions: int, atoms: int = 5) -> pa.Table:
    rows = [
        {
            "bucket": bucket_of(p % atoms), "atom_id": p % atoms, "position": p,
            "occurred_at": START + timedelta(hours=p), "received_at": START + timedelta(hours=p),
            "touchpoint_id": f"t{p}", "source": "shop", "channel": "web", "type": "Page Viewed",
        }
        for p in positions
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TOUCHPOINTS)


COUNT = Query(steps=(Step("n", "SELECT count(*) AS n, max(position) AS last FROM touchpoints"),))


def test_a_question_to_an_empty_lake_has_an_empty_answer(lake: Lake) -> None:
    assert lake.ask(COUNT).to_pylist() == [{"n": 0, "last": None}]


def test_a_batch_that_is_appended_again_adds_nothing(lake: Lake) -> None:
    assert lake.append("touchpoints", touchpoints(1, 2, 3), app="ingest", until=3) == 3
    assert lake.append("touchpoints", touchpoints(1, 2, 3), app="ingest", until=3) == 0
    assert lake.append("touchpoints", touchpoints(2, 3, 4, 5), app="ingest", until=5) == 2
    assert lake.ask(COUNT).to_pylist() == [{"n": 5, "last": 5}]


def test_another_process_sees_what_was_appended(lake: Lake) -> None:
    lake.append("touchpoints", touchpoints(1), app="ingest", until=1)
    other = Lake(lake.location)
    assert other.ask(COUNT).to_pylist()[0]["n"] == 1
    lake.append("touchpoints", touchpoints(2), app="ingest", until=2)
    assert other.ask(COUNT).to_pylist()[0]["n"] == 2
    other.close()


def test_overwriting_replaces_all_rows(lake: Lake) -> None:
    for profile in ("a", "b"):
        rows = pa.table({"atom_id": [1], "profile_id": [profile]}, schema=MEMBERSHIP)
        lake.overwrite("membership", rows)
    step = Step("all", "SELECT profile_id FROM membership")
    assert lake.ask(Query(steps=(step,))).to_pylist() == [{"profile_id": "b"}]


def test_changes_stand_before_stored_rows_with_the_same_key(lake: Lake) -> None:
    sql = "SELECT atom_id, profile_id FROM membership ORDER BY atom_id NULLS LAST"
    step = Step("all", sql)
    changes = pa.table({"atom_id": [2, 3], "profile_id": ["new", "c"]}, schema=MEMBERSHIP)
    view = lake.seeing({"membership": changes})
    assert view.ask(Query(steps=(step,)))["profile_id"].to_pylist() == ["new", "c"]
    stored = pa.table({"atom_id": [1, 2], "profile_id": ["a", "b"]}, schema=MEMBERSHIP)
    lake.overwrite("membership", stored)
    assert view.ask(Query(steps=(step,)))["profile_id"].to_pylist() == ["a", "new", "c"]
    assert lake.ask(Query(steps=(step,)))["profile_id"].to_pylist() == ["a", "b"]


def test_values_are_bound_and_tables_can_be_handed_in(lake: Lake) -> None:
    lake.append("touchpoints", touchpoints(*range(1, 11)), app="ingest", until=10)
    query = Query(
        steps=(
            Step("recent", "SELECT atom_id FROM touchpoints WHERE occurred_at >= $since"),
            Step("named", "SELECT p.label, count(*) AS n FROM recent r "
                 "JOIN people p USING (atom_id) "
                 "GROUP BY p.label ORDER BY p.label NULLS LAST"),
        ),
        parameters={"since": START + timedelta(hours=6)},
    )  # fmt: skip
    people = pa.table({"atom_id": [0, 1], "label": ["'; DROP TABLE x", "b"]})
    assert lake.ask(query, tables={"people": people}).to_pylist() == [
        {"label": "'; DROP TABLE x", "n": 1},
        {"label": "b", "n": 1},
    ]


def test_compaction_changes_no_answer(lake: Lake) -> None:
    for p in range(1, 30):
        lake.append("touchpoints", touchpoints(p, atoms=2), app="ingest", until=p)
    everything = Query(steps=(Step("all", "SELECT * FROM touchpoints"),))
    before = digest(lake.ask(everything))
    assert lake.compact(every=0, retention_hours=0) > 0
    assert digest(lake.ask(everything)) == before
    assert lake.append("touchpoints", touchpoints(29), app="ingest", until=29) == 0


@pytest.mark.parametrize(
    "sql",
    ["SELECT 3 // 2", "SELECT 3 % 2", "SELECT ~1", "SELECT approx_count_distinct(a) FROM t",
     "SELECT list_transform(a, x -> x) FROM t"],
)  # fmt: skip
def test_sql_that_other_engines_read_differently_is_refused(lake: Lake, sql: str) -> None:
    with pytest.raises(InternalError, match="portable dialect"):
        lake.ask(Query(steps=(Step("x", sql),)))


def test_a_query_reads_as_spark_sql_too() -> None:
    query = Query(
        steps=(
            Step("a", "SELECT date_trunc('month', occurred_at) AS month FROM touchpoints"),
            Step(
                "b", "SELECT month, count(*) AS n FROM a GROUP BY month ORDER BY month NULLS LAST"
            ),
        )
    )
    assert sqlglot.parse_one(query.sql("spark"), read="spark").find(sqlglot.exp.With)


def test_what_people_said_and_bought_stays_out_of_the_file_statistics(lake: Lake) -> None:
    rows = pa.Table.from_pylist([{
        **touchpoints(1).to_pylist()[0], "text": "my secret complaint", "order_id": "ORDER-77",
    }], schema=TOUCHPOINTS)  # fmt: skip
    lake.append("touchpoints", rows, app="ingest", until=1)
    people = [{"profile_id": "P-secret", "order_count": 1, "revenue": 1, "tickets_90_days": 0}]
    lake.overwrite("customers", pa.Table.from_pylist(people, schema=CUSTOMERS))
    log = b"".join(p.read_bytes() for p in Path(lake.location).rglob("_delta_log/*.json"))
    assert b"secret complaint" not in log
    assert b"ORDER-77" not in log


def test_every_table_of_the_lake_can_be_asked_before_its_first_row(lake: Lake) -> None:
    for name in LAKE_TABLES:
        step = Step("all", f"SELECT count(*) AS n FROM {name}")
        assert lake.ask(Query(steps=(step,))).to_pylist() == [{"n": 0}]


def test_the_newest_time_is_known_without_reading_rows(lake: Lake) -> None:
    assert lake.newest("touchpoints", "received_at") is None
    rows = touchpoints(1, 2, 3)
    late = START + timedelta(days=9, microseconds=1_234)
    moments = pa.array([START, late, START], pa.timestamp("us", tz="UTC"))
    at = rows.schema.get_field_index("received_at")
    lake.append("touchpoints", rows.set_column(at, "received_at", moments), app="ingest", until=3)
    lake.append("touchpoints", touchpoints(4), app="ingest", until=4)
    assert lake.newest("touchpoints", "received_at") == late - timedelta(microseconds=234)
    assert lake.newest("touchpoints", "type") is None  # what people did stays out of the log
    lake.withdraw("touchpoints", [2])
    assert lake.newest("touchpoints", "received_at") == START + timedelta(hours=4)

"""Who lives near a point: found for everybody in SQL and for one in Python, always the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.engines.lake import Lake
from rapport.errors import InvalidInput
from rapport.understand.segments.evaluated import matches
from rapport.understand.segments.members import member_ids
from rapport.understand.segments.near import Near
from rapport.understand.segments.rule import All, Not, read_rule, where, write_rule
from rapport.vocabulary.lake_tables import CUSTOMERS

NOW = datetime(2026, 11, 22, tzinfo=UTC)
GYOR = Near(latitude=47.6866, longitude=17.6340, km=25, place="Győr")
POINTS = st.none() | st.tuples(
    st.floats(-90, 90, allow_nan=False), st.floats(-180, 180, allow_nan=False)
)
#: Close enough that the border runs among them.
NEAR_BY = st.none() | st.tuples(st.floats(47.3, 48.1), st.floats(17.0, 18.3))


@pytest.fixture(scope="module")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    yield lake
    lake.close()


def customers(points: list[tuple[float, float] | None]) -> pa.Table:
    """People who live there; None: nobody knows where."""
    return pa.Table.from_pylist(
        [
            {
                "profile_id": f"p{number:03}", "order_count": 0, "revenue": Decimal(0),
                "tickets_90_days": 0,
                "latitude": None if point is None else point[0],
                "longitude": None if point is None else point[1],
            }
            for number, point in enumerate(points)
        ],
        CUSTOMERS,
    )  # fmt: skip


@given(
    points=st.lists(POINTS | NEAR_BY, max_size=12),
    near=st.just(GYOR)
    | st.builds(
        Near,
        latitude=st.floats(-90, 90, allow_nan=False),
        longitude=st.floats(-180, 180, allow_nan=False),
        km=st.floats(0.1, 20_000),
    ),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_everybody_in_sql_and_one_in_python_give_the_same(
    points: list[tuple[float, float] | None], near: Near, empty_lake: Lake
) -> None:
    table = customers(points)
    for rule in (near, Not(rule=near), All(rules=(near, where("latitude", "is_null", False)))):
        found = member_ids(empty_lake, rule, now=NOW, tables={"customers": table})
        expected = [row["profile_id"] for row in table.to_pylist() if matches(rule, row, now=NOW)]
        assert found["profile_id"].to_pylist() == expected


def test_whoever_lives_nowhere_known_is_not_near_even_to_everywhere(empty_lake: Lake) -> None:
    everywhere = Near(latitude=0, longitude=0, km=20_016)
    table = customers([None, (47.68, 17.63)])
    found = member_ids(empty_lake, everywhere, now=NOW, tables={"customers": table})
    assert found["profile_id"].to_pylist() == ["p001"]


def test_a_rule_keeps_its_point() -> None:
    rule = All(rules=(GYOR, where("email_marketing", "eq", True)))
    assert read_rule(write_rule(rule)) == rule


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"latitude": 91.0}, "latitude from -90 to 90"),
        ({"longitude": -200.0}, "longitude from -180 to 180"),
        ({"km": 0.0}, "km above 0"),
        ({"km": 30_000.0}, "at most 20016"),
        ({"place": "x" * 201}, "200 characters"),
    ],
)
def test_a_point_that_cannot_be_is_refused_with_what_to_write(
    wrong: dict[str, float | str], said: str
) -> None:
    parts: dict[str, object] = {"latitude": 47.0, "longitude": 17.0, "km": 5.0, **wrong}
    stored = write_rule(Near(**parts))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match=said):
        read_rule(stored)

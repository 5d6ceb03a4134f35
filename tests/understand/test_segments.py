"""Segments: rules that are checked, counted by SQL and evaluated in Python alike."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any as Anything

import pyarrow as pa
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.engines.lake import Lake, Query, Step
from rapport.errors import InvalidInput
from rapport.understand.segments.compiled import compile_rule
from rapport.understand.segments.evaluated import matches
from rapport.understand.segments.happening import Happened, Span, Which
from rapport.understand.segments.members import (
    count,
    distinct_values,
    member_ids,
    members,
    overview,
)
from rapport.understand.segments.ready_made import READY_MADE
from rapport.understand.segments.rule import (
    COLUMNS,
    OPERATORS,
    All,
    Any,
    Condition,
    Not,
    Rule,
    check,
    read_rule,
    where,
    write_rule,
)
from rapport.vocabulary.lake_tables import CUSTOMERS

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
TEXTS = ["Brussel", "brussel", "Győr", "İzmir", "ΣΑΣ", "", "100%", "a_b", "fr", None]
NUMBERS = [0, 1, 2, 5, 9, -3, None]
MONEY = [Decimal("0.0000"), Decimal("99.9500"), Decimal("-5.0000"), Decimal("1000.0001"), None]
TIMES = [NOW - timedelta(days=days) for days in (0, 1, 30, 90, 400, -5)] + [None]
FLAGS = [True, False, None]


def customer(number: int) -> dict[str, Anything]:
    """A customer with odd values, the same ones in every run."""
    rng = random.Random(number)  # noqa: S311
    row: dict[str, Anything] = {"profile_id": f"p{number:03d}"}
    for field in CUSTOMERS:
        if field.name == "profile_id":
            continue
        choices: list[Anything] = {
            "text": TEXTS,
            "number": NUMBERS,
            "money": MONEY,
            "time": TIMES,
            "flag": FLAGS,
        }[COLUMNS[field.name]]
        if not field.nullable:
            choices = [choice for choice in choices if choice is not None]
        value = rng.choice(choices)
        if pa.types.is_floating(field.type) and value is not None:
            value = value / 2
        row[field.name] = value
    return row


PEOPLE = [customer(number) for number in range(70)]
TABLES = {"customers": pa.Table.from_pylist(PEOPLE, CUSTOMERS)}


@pytest.fixture(scope="module")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    opened = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=512, threads=1)
    yield opened
    opened.close()


def values_of(column: str) -> st.SearchStrategy[Anything]:
    kind = COLUMNS[column]
    if kind == "text":
        return st.sampled_from([text for text in TEXTS if text is not None]) | st.text(
            st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=3
        )
    if kind == "number":
        return st.integers(-10, 10) | st.floats(-10, 10).map(lambda x: round(x * 2) / 2)
    if kind == "money":
        return st.integers(-10, 1001) | st.sampled_from(["99.95", "1000.0001", 99.95])
    if kind == "time":
        return st.sampled_from([time.isoformat() for time in TIMES if time is not None])
    return st.booleans()


@st.composite
def conditions_on_customers(draw: st.DrawFn) -> Condition:
    column = draw(st.sampled_from(sorted(COLUMNS)))
    operator = draw(st.sampled_from(OPERATORS[COLUMNS[column]]))
    value: Anything
    if operator == "is_null":
        value = draw(st.booleans())
    elif operator == "within_last_days":
        value = draw(st.sampled_from([1, 29, 30, 31, 90, 500]))
    elif operator == "between":
        value = (draw(values_of(column)), draw(values_of(column)))
    elif operator == "in":
        value = tuple(draw(st.lists(values_of(column), min_size=1, max_size=3)))
    else:
        value = draw(values_of(column))
    return Condition(column=column, operator=operator, value=value)


RULES: st.SearchStrategy[Rule] = st.recursive(
    conditions_on_customers(),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda rules: All(rules=tuple(rules)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda rules: Any(rules=tuple(rules)))
        | inner.map(lambda rule: Not(rule=rule))
    ),
    max_leaves=5,
)


@given(rules=st.lists(RULES, min_size=10, max_size=10))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_sql_and_python_agree_on_who_belongs(empty_lake: Lake, rules: list[Rule]) -> None:
    compiled = [compile_rule(rule, now=NOW, prefix=f"r{i}") for i, rule in enumerate(rules)]
    flags = ", ".join(f"{each.sql} AS in_{i}" for i, each in enumerate(compiled))
    query = Query(
        steps=(Step("answer", f"SELECT c.profile_id, {flags} FROM customers AS c"),),
        parameters={name: value for each in compiled for name, value in each.parameters.items()},
    )

    found = {row["profile_id"]: row for row in empty_lake.ask(query, tables=TABLES).to_pylist()}

    for person in PEOPLE:
        for i, rule in enumerate(rules):
            assert found[person["profile_id"]][f"in_{i}"] is matches(rule, person, now=NOW), rule


@given(rule=RULES)
@settings(max_examples=50, deadline=None)
def test_a_rule_survives_being_stored(rule: Rule) -> None:
    stored = write_rule(rule)

    again = read_rule(stored)

    assert write_rule(again) == stored
    assert [matches(again, p, now=NOW) for p in PEOPLE] == [
        matches(rule, p, now=NOW) for p in PEOPLE
    ]


def test_unknown_values_match_no_comparison_and_every_not(empty_lake: Lake) -> None:
    unknown = sum(person["mood"] is None for person in PEOPLE)
    low = count(empty_lake, where("mood", "lt", 0), now=NOW, tables=TABLES)
    high = count(empty_lake, where("mood", "ge", 0), now=NOW, tables=TABLES)
    not_low = count(empty_lake, Not(rule=where("mood", "lt", 0)), now=NOW, tables=TABLES)

    assert unknown > 0
    assert low + high + unknown == len(PEOPLE)
    assert not_low == high + unknown


def test_text_is_found_whatever_its_case_and_wildcards_are_plain_letters(empty_lake: Lake) -> None:
    def cities(part: str) -> set[str]:
        page = members(
            empty_lake, where("city", "contains", part), now=NOW, limit=100, tables=TABLES
        )
        return set(page["city"].to_pylist())

    assert cities("BRUSSEL") == {"Brussel", "brussel"}
    assert cities("GYŐ") == {"Győr"}
    assert cities("%") == {"100%"}
    assert cities("_") == {"a_b"}


def test_pages_of_members_follow_each_other_without_gap_or_repeat(empty_lake: Lake) -> None:
    rule = where("order_count", "ge", 1)
    pages = [
        members(empty_lake, rule, now=NOW, limit=7, offset=offset, order="city", tables=TABLES)
        for offset in range(0, 70, 7)
    ]
    ids = [name for page in pages for name in page["profile_id"].to_pylist()]

    assert len(ids) == len(set(ids)) == count(empty_lake, rule, now=NOW, tables=TABLES)
    assert (
        sorted(ids)
        == member_ids(empty_lake, rule, now=NOW, tables=TABLES)["profile_id"].to_pylist()
    )
    cities = [city for page in pages for city in page["city"].to_pylist()]
    known = [city for city in cities if city is not None]
    assert cities[len(known) :] == [None] * (len(cities) - len(known))


def test_the_overview_agrees_with_counting_one_by_one(empty_lake: Lake) -> None:
    segments = [(each.key, each.rule) for each in READY_MADE]

    rows = overview(empty_lake, segments, now=NOW, tables=TABLES)

    assert [row.key for row in rows] == [key for key, _ in segments]
    total = sum(person["revenue"] for person in PEOPLE)
    for row, (_, rule) in zip(rows, segments, strict=True):
        own = [person for person in PEOPLE if matches(rule, person, now=NOW)]
        assert row.customers == len(own) == count(empty_lake, rule, now=NOW, tables=TABLES)
        assert row.revenue == sum(person["revenue"] for person in own)
        assert row.share == pytest.approx(len(own) / len(PEOPLE))
        assert row.revenue_share == pytest.approx(float(row.revenue / total))
        answers = [person["last_nps"] for person in own if person["last_nps"] is not None]
        assert row.nps_n == len(answers)
        if answers:
            balance = sum((a >= 9) - (a <= 6) for a in answers)
            assert row.nps == pytest.approx(100 * balance / len(answers))
        else:
            assert row.nps is None


def test_the_overview_of_no_customers_is_zeros(empty_lake: Lake) -> None:
    (row,) = overview(empty_lake, [("all", All())], now=NOW)

    assert (row.customers, row.share, row.revenue, row.nps) == (0, 0.0, 0, None)


def test_ready_made_segments_are_valid_unique_and_parse_as_spark() -> None:
    keys = [each.key for each in READY_MADE]

    assert len(set(keys)) == len(keys)
    for each in READY_MADE:
        sql = compile_rule(each.rule, now=NOW).sql
        step = Step("answer", f"SELECT count(*) AS n FROM customers AS c WHERE {sql}")
        sqlglot.parse_one(Query(steps=(step,)).sql("spark"), read="spark")


def test_the_unhappy_and_valuable_are_both() -> None:
    (segment,) = [each for each in READY_MADE if each.key == "unhappy_and_valuable"]

    assert matches(segment.rule, {"monetary_score": 5, "last_nps": 3.0}, now=NOW)
    assert not matches(segment.rule, {"monetary_score": 5, "last_nps": 9.0}, now=NOW)
    assert not matches(segment.rule, {"monetary_score": 2, "last_nps": 3.0}, now=NOW)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ('{"kind":"condition","column":"revenu","operator":"ge","value":1}', "'revenue'"),
        ('{"kind":"condition","column":"revenue","operator":"contains","value":"1"}', "choose one"),
        ('{"kind":"condition","column":"revenue","operator":"ge","value":"lots"}', "such as 250"),
        ('{"kind":"condition","column":"revenue","operator":"ge","value":0.00001}', "four decimal"),
        ('{"kind":"condition","column":"revenue","operator":"ge","value":[1]}', "not a list"),
        ('{"kind":"condition","column":"order_count","operator":"ge","value":"2"}', "a number"),
        ('{"kind":"condition","column":"order_count","operator":"in","value":3}', "a list"),
        ('{"kind":"condition","column":"last_nps","operator":"between","value":[1]}', "two values"),
        ('{"kind":"condition","column":"last_seen","operator":"gt","value":"2026-01-01"}', "zone"),
        ('{"kind":"condition","column":"last_seen","operator":"within_last_days"}', "whole number"),
        ('{"kind":"condition","column":"email_marketing","operator":"eq","value":1}', "true or"),
        ('{"kind":"happened","which":{"channels":["pigeon"]}}', "no channel pigeon"),
        ('{"kind":"happened","which":{},"value":"2"}', "whole number"),
        ('{"kind":"happened","which":{"amount_from":9,"amount_to":1}}', "nothing lies between"),
        ('{"kind":"happened","which":{"typos":["x"]}}', "unknown field"),
        ('{"kind":"recency","which":{},"span":{"number":0}}', "1 to 36525 days"),
        (
            '{"kind":"followed","which":{},"then":{},"within":{"number":7},"holds":false,'
            '"since":{"number":168,"unit":"hours"}}',
            "nobody can have waited",
        ),
        ('{"kind":"any","rules":[]}', "at least one condition"),
        ('{"kind":"some"}', "not a segment rule"),
        ("{", "not a segment rule"),
    ],
)
def test_a_rule_that_cannot_be_answered_says_what_to_change(stored: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_rule(stored)


def test_all_mistakes_of_a_rule_are_named_at_once() -> None:
    rule = All(
        rules=(
            where("revenu", "ge", 1),
            Happened(which=Which(channels=("pigeon",)), value=-1, within=Span(number=0)),
        )
    )

    with pytest.raises(InvalidInput) as caught:
        check(rule)

    assert len(caught.value.details["mistakes"]) == 4


def test_choices_for_a_rule_are_the_values_that_occur(empty_lake: Lake) -> None:
    found = distinct_values(empty_lake, "city", limit=3, tables=TABLES)

    assert len(found) == 3
    assert found[0][1] >= found[2][1]
    with pytest.raises(InvalidInput, match="no text column"):
        distinct_values(empty_lake, "revenue")


def test_a_folder_of_customers_is_asked_like_a_given_table(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", threads=1)
    lake.overwrite("customers", TABLES["customers"])
    rule = where("order_count", "ge", 2)

    assert count(lake, rule, now=NOW) == count(lake, rule, now=NOW, tables=TABLES) > 0
    lake.close()

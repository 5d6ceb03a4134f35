"""Who belongs, found for everybody in SQL and for a few in Python: always the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any as Anything

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.engines.lake import Lake
from rapport.understand.segments.happening import (
    COMPARISONS,
    Followed,
    Happened,
    Property,
    Recency,
    Span,
    Which,
)
from rapport.understand.segments.own_history import own_history
from rapport.understand.segments.rule import All, Any, Not, Rule, where
from rapport.understand.segments.standing import judge_everybody, judge_some
from rapport.vocabulary.lake_tables import (
    CUSTOMERS,
    MEMBERSHIP,
    ORDER_ITEMS,
    TOUCHPOINTS,
    bucket_of,
)

AT = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TYPES = ("Product Viewed", "Order Completed", "Order Refunded", "Order Cancelled", "Record Seen")
#: Moments that fall on the edges of windows, just beside them, and in the future.
AGES = (
    *(n * HOUR for n in (-30, -1, 0, 1, 2, 24, 25, 48, 49, 72, 96, 240)),
    timedelta(microseconds=1),
    24 * HOUR - timedelta(microseconds=1),
    24 * HOUR + timedelta(microseconds=1),
)
PEOPLE = ("anna", "bert", "csaba")
ATOMS = tuple(range(1, 7))

SPANS = st.sampled_from(
    [
        Span(number=n, unit=unit)
        for n, unit in ((1, "hours"), (24, "hours"), (1, "days"), (3, "days"))
    ]  # type: ignore[arg-type]
)
AMOUNTS = st.sampled_from([None, "-20", "0", "49.99", "50", "80.5"])


@st.composite
def which(draw: st.DrawFn) -> Which:
    parts: dict[str, Anything] = {}
    if draw(st.booleans()):
        parts["types"] = tuple(draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=2)))
    extra = draw(st.sampled_from(["", "", "", "channels", "amount", "products", "text", "mood",
                                  "properties", "categories", "both"]))  # fmt: skip
    if extra == "channels":
        parts["channels"] = ("web",)
    if extra == "amount":
        parts["amount_from"] = draw(AMOUNTS)
    if extra in ("products", "both"):
        parts["products"] = ("tent",)
    if extra in ("categories", "both"):
        parts["categories"] = ("outdoor",)
    if extra == "text":
        parts["text"] = "SAD"
    if extra == "mood":
        parts["mood_to"] = 0
    if extra == "properties":
        parts["properties"] = (Property(name="size", values=("5", "L")),)
    return Which(**parts)


HAPPENINGS: st.SearchStrategy[Rule] = (
    st.builds(
        lambda which, measure, operator, number, within: Happened(
            which=which,
            measure=measure,
            operator=operator,
            value=number if measure == "count" else number * 40,
            within=within,
        ),
        which(),
        st.sampled_from(["count", "amount"]),
        st.sampled_from(COMPARISONS),
        st.integers(0, 3),
        st.none() | SPANS,
    )
    | st.builds(
        lambda which, place, operator, span: Recency(
            which=which, place=place, operator=operator, span=span
        ),
        which(),
        st.sampled_from(["first", "last"]),
        st.sampled_from(["within", "before"]),
        SPANS,
    )
    | st.builds(
        lambda first, then, within, holds, since: Followed(
            which=first,
            then=then,
            within=within,
            holds=holds,
            # Who waits as long as is looked back can never have waited.
            since=since if holds or since is None or since.hours > within.hours else None,
        ),
        which(),
        which(),
        SPANS,
        st.booleans(),
        st.none() | SPANS,
    )
)
RULES = st.recursive(
    HAPPENINGS | st.sampled_from([where("country", "eq", "BE"), where("order_count", "ge", 1)]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda rules: All(rules=tuple(rules)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda rules: Any(rules=tuple(rules)))
        | inner.map(lambda rule: Not(rule=rule))
    ),
    max_leaves=4,
)
TOUCHPOINT = st.fixed_dictionaries(
    {
        "atom": st.sampled_from((None, *ATOMS)),
        "age": st.sampled_from(AGES),
        "late": st.sampled_from((0, 0, 50)),
        "type": st.sampled_from(TYPES),
        "channel": st.sampled_from(["web", "store"]),
        "order": st.sampled_from([None, "o1", "o2", "o3"]),
        "amount": st.sampled_from([None, "80.5", "50", "49.99", "-20"]),
        "corrects": st.sampled_from([None, None, None, 0, 1, 2, 3]),
        "text": st.sampled_from([None, "so sad", "fine"]),
        "sentiment": st.sampled_from([None, -0.5, 0.0, 0.5]),
        "properties": st.sampled_from(
            [None, '{"size":"L"}', '{"size":5,"x":1}', '{"note":"\\"size\\":\\"L\\""}',
             '{"sku":"tent","category":"outdoor"}', '{"size":55}']
        ),
        "items": st.lists(
            st.sampled_from([("tent", "outdoor"), ("tent", "sale"), ("cup", "outdoor")]), max_size=2
        ),
    }
)  # fmt: skip


def tables_of(
    rows: list[dict[str, Anything]], belongs: dict[int, str], countries: dict[str, str]
) -> dict[str, pa.Table]:
    """A lake of touchpoints whose ids are their places in the list."""
    made, items = [], []
    for place, row in enumerate(rows):
        at = AT - row["age"]
        made.append(
            {
                "bucket": bucket_of(row["atom"]),
                "atom_id": row["atom"],
                "position": place + 1,
                "occurred_at": at,
                "received_at": at + row["late"] * HOUR,
                "touchpoint_id": str(place),
                "source": "shop",
                "channel": row["channel"],
                "type": row["type"],
                "order_id": row["order"],
                "amount_base": None if row["amount"] is None else Decimal(row["amount"]),
                "text": row["text"],
                "sentiment": row["sentiment"],
                "corrects": None if row["corrects"] is None else str(row["corrects"]),
                "properties": row["properties"],
            }
        )
        items += [
            {
                "bucket": bucket_of(row["atom"]), "atom_id": row["atom"], "position": place + 1,
                "occurred_at": at, "order_id": row["order"] or str(place), "line": line,
                "sku": sku, "category": category, "quantity": Decimal(1),
            }
            for line, (sku, category) in enumerate(row["items"])
        ]  # fmt: skip
    customers = [
        {"profile_id": name, "country": countries[name], "order_count": 1 if name == "anna" else 0,
         "revenue": Decimal(0), "tickets_90_days": 0}
        for name in PEOPLE
    ]  # fmt: skip
    return {
        "touchpoints": pa.Table.from_pylist(made, TOUCHPOINTS),
        "order_items": pa.Table.from_pylist(items, ORDER_ITEMS),
        "membership": pa.table(
            {"atom_id": list(belongs), "profile_id": list(belongs.values())}, schema=MEMBERSHIP
        ),
        "customers": pa.Table.from_pylist(customers, CUSTOMERS),
    }


@pytest.fixture(scope="module")
def empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    opened = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=512, threads=1)
    yield opened
    opened.close()


@pytest.mark.slow
@given(
    rules=st.lists(RULES, min_size=1, max_size=5),
    rows=st.lists(TOUCHPOINT, max_size=12),
    belongs=st.fixed_dictionaries({atom: st.sampled_from(PEOPLE) for atom in ATOMS}),
    some=st.sets(st.sampled_from(PEOPLE), min_size=1),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_everybody_in_sql_and_a_few_in_python_give_the_same(
    empty_lake: Lake,
    rules: list[Rule],
    rows: list[dict[str, Anything]],
    belongs: dict[int, str],
    some: set[str],
) -> None:
    tables = tables_of(rows, belongs, {"anna": "BE", "bert": "FR", "csaba": "BE"})

    everybody = judge_everybody(empty_lake, rules, now=AT, at=AT, tables=tables)
    profile_of = {atom: name for atom, name in belongs.items() if name in some}
    own = own_history(empty_lake, profile_of, tables=tables)
    customers = {row["profile_id"]: row for row in tables["customers"].to_pylist()}
    few = judge_some(
        empty_lake, rules, {name: customers[name] for name in some}, own, now=AT, at=AT
    )

    assert few.keys() == some
    for row in everybody.to_pylist():
        if row["profile_id"] in some:
            judged = few[row["profile_id"]]
            assert row["truths"] == "|".join(judged.truths), rules
            assert row["look_at"] == judged.look_at, rules


@pytest.mark.slow
@given(
    rules=st.lists(RULES, min_size=1, max_size=4),
    rows=st.lists(TOUCHPOINT, min_size=1, max_size=10),
    wait=st.sampled_from([timedelta(microseconds=1), HOUR, 24 * HOUR, 30 * HOUR, 72 * HOUR]),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_changes_by_itself_before_the_moment_to_look_again(
    empty_lake: Lake, rules: list[Rule], rows: list[dict[str, Anything]], wait: timedelta
) -> None:
    belongs = {atom: PEOPLE[atom % 3] for atom in ATOMS}
    tables = tables_of(rows, belongs, dict.fromkeys(PEOPLE, "BE"))

    first = judge_everybody(empty_lake, rules, now=AT, at=AT, tables=tables).to_pylist()
    later = AT + wait
    then = {
        row["profile_id"]: row["truths"]
        for row in judge_everybody(empty_lake, rules, now=AT, at=later, tables=tables).to_pylist()
    }

    for row in first:
        if row["look_at"] is None or row["look_at"] > later:
            assert then[row["profile_id"]] == row["truths"], rules
        assert row["look_at"] is None or row["look_at"] > AT


def test_edges_of_windows_are_the_same_for_both(empty_lake: Lake) -> None:
    """Two touchpoints at every pair of ages, by rules whose edges fall on these ages."""
    first, then = Which(types=("Product Viewed",)), Which(types=("Order Completed",))
    rules: list[Rule] = []
    for span in (Span(number=1, unit="hours"), Span(number=24, unit="hours"), Span(number=2)):
        rules += [Happened(which=first, within=span), Recency(which=then, span=span)]
        rules += [Recency(which=first, place="first", operator="before", span=span)]
        for since in (None, Span(number=3)):
            rules += [
                Followed(which=first, then=then, within=span, holds=holds, since=since)
                for holds in (True, False)
            ]
    plain = {
        "late": 0, "channel": "web", "order": None, "amount": None, "corrects": None, "text": None,
        "sentiment": None, "properties": None, "items": [],
    }  # fmt: skip
    rows, belongs = [], {}
    for number, (one, other) in enumerate((one, other) for one in AGES for other in AGES):
        belongs[number] = f"p{number:03d}"
        rows += [
            {**plain, "atom": number, "age": one, "type": "Product Viewed"},
            {**plain, "atom": number, "age": other, "type": "Order Completed"},
        ]
    tables = tables_of(rows, belongs, dict.fromkeys(PEOPLE, "BE"))
    empty = {"country": "BE", "order_count": 0, "revenue": Decimal(0), "tickets_90_days": 0}
    customers = {name: {"profile_id": name, **empty} for name in belongs.values()}
    tables["customers"] = pa.Table.from_pylist(list(customers.values()), CUSTOMERS)

    everybody = judge_everybody(empty_lake, rules, now=AT, at=AT, tables=tables).to_pylist()
    own = own_history(empty_lake, belongs, tables=tables)
    few = judge_some(empty_lake, rules, customers, own, now=AT, at=AT)

    assert len(everybody) == len(AGES) ** 2
    seen = set()
    for row in everybody:
        judged = few[row["profile_id"]]
        assert row["truths"].split("|") == list(judged.truths), row["profile_id"]
        assert row["look_at"] == judged.look_at, row["profile_id"]
        seen.update(enumerate(judged.truths))
    assert len(seen) == 2 * len(rules)  # every rule holds for some and not for others

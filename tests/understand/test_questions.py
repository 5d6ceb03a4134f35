"""Questions: time, two clocks, splits, filters, comparison, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlglot

from rapport.engines.lake import Lake
from rapport.errors import InternalError, InvalidQuestion
from rapport.understand.answer import answer, compare, kpi, kpis
from rapport.understand.cohorts import cohort_retention
from rapport.understand.dimensions import DIMENSIONS
from rapport.understand.knowledge import knowledge
from rapport.understand.metrics import METRICS
from rapport.understand.plan import compile_question
from rapport.understand.question import Filter, NamedRule, Question, dimensions_of
from rapport.understand.segments.rule import Not, where
from rapport.vocabulary.lake_tables import CUSTOMERS
from tests.understand.touchpoint_rows import at, generated, membership, touchpoints

SPRING = Question(
    metrics=("revenue", "orders"),
    start=at("2026-03-01T00:00:00+01:00"),
    end=at("2026-05-01T00:00:00+02:00"),
    grain="month",
    time_zone="Europe/Brussels",
)


def ask(lake: Lake, rows: list[dict[str, Any]], question: Question) -> list[dict[str, Any]]:
    lake.append("touchpoints", touchpoints(rows), app="ingest", until=len(rows))
    lake.overwrite("membership", membership({1: "anna", 2: "bert", 3: "anna"}))
    return answer(lake, question).rows()


def test_an_order_late_on_the_last_local_evening_belongs_to_that_month(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-31T21:30:00"), "amount_base": 10},  # 23:30 in Brussels
        {"occurred_at": at("2026-03-31T22:00:00"), "amount_base": 5},  # midnight there
    ]

    march, april = ask(lake, rows, SPRING)

    assert (march["period"], march["revenue"], march["orders"]) == (date(2026, 3, 1), 10, 1)
    assert (april["period"], april["revenue"], april["orders"]) == (date(2026, 4, 1), 5, 1)
    assert march["period_start"] == datetime(2026, 2, 28, 23, tzinfo=UTC)


def test_days_around_summer_time_have_23_and_25_hours(lake: Lake) -> None:
    rows = [
        {"occurred_at": at(text), "amount_base": 1}
        for text in ("2026-10-24T22:00:00", "2026-10-25T22:59:59", "2026-10-25T23:00:00")
    ]
    question = msgspec.structs.replace(
        SPRING, start=at("2026-10-24T22:00:00"), end=at("2026-10-26T23:00:00"), grain="day"
    )

    assert [row["orders"] for row in ask(lake, rows, question)] == [2, 1]


def test_months_without_orders_are_there_with_the_empty_value(lake: Lake) -> None:
    rows = [{"occurred_at": at("2026-03-05"), "amount_base": 10}]
    question = msgspec.structs.replace(SPRING, metrics=("revenue", "nps", "average_order_value"))

    _, april = ask(lake, rows, question)

    assert april["revenue"] == Decimal(0)
    assert april["nps"] is None
    assert april["average_order_value"] is None
    assert april["revenue_n"] == 0


def test_a_late_refund_repairs_the_past_only_as_known_now(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "amount_base": 100, "order_id": "A"},
        {"occurred_at": at("2026-03-06"), "amount_base": 40, "order_id": "B"},
        {
            "occurred_at": at("2026-03-20"),
            "received_at": at("2026-04-02"),
            "type": "Order Refunded",
            "order_id": "A",
            "amount_base": -30,
        },
        {
            "occurred_at": at("2026-04-20"),
            "received_at": at("2026-04-20"),
            "type": "Order Cancelled",
            "order_id": "B",
        },
    ]
    then = msgspec.structs.replace(SPRING, as_of=at("2026-04-01"))

    assert [row["revenue"] for row in ask(lake, rows, SPRING)] == [70, 0]
    assert [row["orders"] for row in answer(lake, SPRING).rows()] == [1, 0]
    assert [row["revenue"] for row in answer(lake, then).rows()] == [140, 0]
    assert answer(lake, then).freshness.touchpoints == 2


def test_the_newest_received_correction_wins(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "amount_base": 100, "touchpoint_id": "x"},
        {
            "occurred_at": at("2026-03-05"),
            "received_at": at("2026-03-09"),
            "amount_base": 90,
            "corrects": "x",
        },
        {
            "occurred_at": at("2026-04-05"),
            "received_at": at("2026-03-08"),
            "amount_base": 80,
            "corrects": "x",
        },
        # Another source's touchpoint of the same name is another touchpoint.
        {"occurred_at": at("2026-03-05"), "amount_base": 7, "touchpoint_id": "x", "source": "till"},
    ]

    assert [row["revenue"] for row in ask(lake, rows, SPRING)] == [97, 0]


def test_a_correction_of_a_correction_replaces_both(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "amount_base": 100, "touchpoint_id": "x"},
        {"occurred_at": at("2026-03-05"), "amount_base": 90, "corrects": "x", "touchpoint_id": "y"},
        {"occurred_at": at("2026-03-05"), "amount_base": 80, "corrects": "y"},
    ]

    assert [row["revenue"] for row in ask(lake, rows, SPRING)] == [80, 0]


def test_an_order_sent_again_next_month_counts_once_in_its_own(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "amount_base": 100, "order_id": "A"},
        {"occurred_at": at("2026-04-05"), "amount_base": 100, "order_id": "A"},
        {"occurred_at": at("2026-04-05"), "amount_base": 9, "order_id": "A", "source": "till"},
    ]
    april = msgspec.structs.replace(SPRING, start=at("2026-04-01T00:00:00+02:00"))

    assert [row["orders"] for row in ask(lake, rows, SPRING)] == [1, 1]
    assert [row["revenue"] for row in answer(lake, april).rows()] == [9]


def test_anonymous_orders_are_revenue_but_nobody(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "amount_base": 100, "atom_id": None},
        {"occurred_at": at("2026-03-05"), "amount_base": 50, "atom_id": 1},
        {"occurred_at": at("2026-03-06"), "amount_base": 50, "atom_id": 3},  # the same person
    ]
    question = msgspec.structs.replace(
        SPRING, metrics=("revenue", "orders", "active_customers", "new_customers", "repeat_rate")
    )

    march, _ = ask(lake, rows, question)

    assert march["revenue"] == 200
    assert march["orders"] == 3
    assert march["active_customers"] == 1
    assert march["new_customers"] == 1
    assert march["repeat_rate"] == 1.0


def test_people_behind_a_number_are_counted_apart_from_observations(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "amount_base": 1, "atom_id": 1},
        {"occurred_at": at("2026-03-05"), "amount_base": 1, "atom_id": 3},  # the same person
        {"occurred_at": at("2026-03-06"), "amount_base": 1, "atom_id": None},
        {"occurred_at": at("2026-03-06"), "amount_base": 1, "atom_id": 99},  # not resolved yet
    ]
    question = msgspec.structs.replace(
        SPRING, metrics=("revenue", "tickets", "retention"), count_people=True
    )

    march, april = ask(lake, rows, question)

    assert (march["revenue_n"], march["revenue_people"]) == (4, 3)
    assert (march["tickets_people"], april["retention_people"]) == (0, 1)


def test_orders_without_a_rate_are_counted_apart(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "amount_base": None, "amount": Decimal(5)},
        {"occurred_at": at("2026-03-05"), "amount_base": 50},
    ]
    question = msgspec.structs.replace(
        SPRING, metrics=("revenue", "orders", "unconverted_orders", "average_order_value")
    )

    march, _ = ask(lake, rows, question)

    assert (march["revenue"], march["orders"], march["unconverted_orders"]) == (50, 2, 1)
    assert march["average_order_value"] == 50


def test_a_refund_of_a_cancelled_order_goes_with_it(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "amount_base": 50, "order_id": "A"},
        {"occurred_at": at("2026-03-06"), "type": "Order Cancelled", "order_id": "A"},
        {
            "occurred_at": at("2026-03-07"),
            "type": "Order Refunded",
            "order_id": "A",
            "amount_base": -50,
        },
        {"occurred_at": at("2026-03-08"), "amount_base": 5, "order_id": None},
    ]

    assert [row["revenue"] for row in ask(lake, rows, SPRING)] == [5, 0]


def customers(lake: Lake) -> None:
    rows = [
        {"profile_id": "anna", "country": "BE", "order_count": 3, "rfm_segment": "champions"},
        {"profile_id": "bert", "country": "HU", "order_count": 1, "rfm_segment": "new"},
    ]
    full = [{"revenue": Decimal(0), "tickets_90_days": 0, **row} for row in rows]
    lake.overwrite("customers", pa.Table.from_pylist(full, CUSTOMERS))


def able_by(*dimensions: str) -> tuple[str, ...]:
    """Metrics that can be split by all of these."""
    return tuple(metric.name for metric in METRICS if set(dimensions) <= set(dimensions_of(metric)))


SPLIT_ROWS = [
    {"occurred_at": at("2026-03-05"), "amount_base": 100, "atom_id": 1},
    {"occurred_at": at("2026-04-05"), "amount_base": 20, "atom_id": 2, "country": "FR"},
    {"occurred_at": at("2026-04-06"), "amount_base": 3, "channel": "store"},
]


def test_splits_take_the_touchpoints_word_before_the_customers(lake: Lake) -> None:
    customers(lake)
    question = msgspec.structs.replace(SPRING, dimensions=("country",), grain=None)

    rows = ask(lake, SPLIT_ROWS, question)

    assert [(row["country"], row["revenue"]) for row in rows] == [
        ("BE", 100),
        ("FR", 20),
        (None, 3),
    ]


def test_filters_keep_leave_out_and_know_the_unknown(lake: Lake) -> None:
    customers(lake)
    whole = msgspec.structs.replace(SPRING, grain=None)

    def revenue(**given: Any) -> Decimal | None:
        question = msgspec.structs.replace(whole, **given)
        return answer(lake, question).rows()[0]["revenue"]

    ask(lake, SPLIT_ROWS, whole)
    assert revenue(filters=(Filter(dimension="country", values=("BE", None)),)) == 103
    assert revenue(filters=(Filter(dimension="country", values=("BE",), exclude=True),)) == 23
    assert revenue(filters=(Filter(dimension="channel", values=("store",)),)) == 3
    assert revenue(segment=where("order_count", "ge", 2)) == 100
    # An anonymous order is in no segment, not even in one that says what its members are not.
    assert revenue(segment=Not(rule=where("order_count", "ge", 2))) == 20


def test_a_customer_counts_in_each_of_their_segments(lake: Lake) -> None:
    customers(lake)
    question = msgspec.structs.replace(
        SPRING,
        grain=None,
        dimensions=("segment",),
        segments=(
            NamedRule(key="bought", rule=where("order_count", "ge", 1)),
            NamedRule(key="often", rule=where("order_count", "ge", 2)),
        ),
    )

    rows = ask(lake, SPLIT_ROWS, question)

    assert [(row["segment"], row["revenue"]) for row in rows] == [("bought", 120), ("often", 100)]


def test_every_split_answers_for_every_relation(lake: Lake) -> None:
    customers(lake)
    ask(lake, SPLIT_ROWS, SPRING)
    one_each = {metric.relation: metric for metric in METRICS}
    known = knowledge(lake)
    for dimension in DIMENSIONS:
        able = [m for m in one_each.values() if dimension.name in dimensions_of(m)]
        assert able
        question = msgspec.structs.replace(
            SPRING,
            grain=None,
            metrics=tuple(metric.name for metric in able),
            dimensions=(dimension.name,),
            segments=(NamedRule(key="all", rule=where("order_count", "ge", 0)),),
        )
        assert answer(lake, question, known=known).table.column_names[3] == dimension.name


def test_a_split_of_every_metric_reads_as_spark() -> None:
    question = msgspec.structs.replace(
        SPRING,
        metrics=able_by("country", "segment", "channel"),
        dimensions=("country", "segment"),
        segments=(NamedRule(key="all", rule=where("order_count", "ge", 0)),),
        filters=(Filter(dimension="channel", values=("web", None)),),
        as_of=SPRING.end,
        count_people=True,
    )
    assert sqlglot.parse_one(compile_question(question).query.sql("spark"), read="spark")


def test_months_are_compared_with_months_and_shares_by_difference(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-02-27"), "amount_base": 50, "atom_id": 1},
        {"occurred_at": at("2026-03-05"), "amount_base": 100, "atom_id": 1},
        {"occurred_at": at("2026-03-06"), "amount_base": 20, "atom_id": 2},
    ]
    march = msgspec.structs.replace(
        SPRING,
        metrics=("revenue", "repeat_rate", "nps"),
        end=at("2026-04-01T00:00:00+02:00"),
        grain=None,
    )
    ask(lake, rows, march)

    (row,) = compare(lake, march).table.to_pylist()

    assert row["revenue_before"] == 50
    assert row["revenue_change"] == pytest.approx(1.4)
    assert row["repeat_rate_before"] == 0.0
    assert row["repeat_rate_change"] == pytest.approx(0.5)
    assert row["nps_change"] is None
    last_year = compare(lake, march, with_last_year=True)
    assert last_year.earlier.question.start == at("2025-03-01T00:00:00+01:00")


def test_a_kpi_says_whether_the_change_is_good_and_which_month_is_not_over(lake: Lake) -> None:
    rows = [
        {"occurred_at": at("2026-03-05"), "type": "Ticket Opened"},
        {"occurred_at": at("2026-04-05"), "type": "Ticket Opened"},
        {"occurred_at": at("2026-04-06"), "type": "Ticket Opened"},
    ]
    april = msgspec.structs.replace(SPRING, start=at("2026-04-01T00:00:00+02:00"))
    ask(lake, rows, april)

    found = kpi(lake, "tickets", april)

    assert (found.value, found.previous, found.change, found.better) == (2, 1, 1.0, False)
    assert [(point.value, point.complete) for point in found.series] == [(2, False)]
    assert [k.metric.name for k in kpis(lake, april)] == ["revenue", "orders"]


def test_an_empty_lake_answers_with_empty_values(lake: Lake) -> None:
    found = answer(lake, msgspec.structs.replace(SPRING, metrics=("orders", "nps", "retention")))

    assert [row["orders"] for row in found.rows()] == [0, 0]
    assert found.freshness.received_until is None
    assert found.digest == answer(lake, found.question).digest


EVERYTHING = msgspec.structs.replace(
    SPRING, metrics=tuple(metric.name for metric in METRICS), start=at("2025-03-01")
)


def test_as_known_then_is_what_a_lake_of_that_day_would_have_answered(lake: Lake) -> None:
    rows, members = generated(6, count=1200)
    then = at("2025-10-01")
    received = rows.filter(pc.less_equal(rows["received_at"], then))

    from_today = answer(
        lake,
        msgspec.structs.replace(EVERYTHING, as_of=then),
        tables={"touchpoints": rows, "membership": members},
    )
    on_that_day = answer(lake, EVERYTHING, tables={"touchpoints": received, "membership": members})

    assert 0 < received.num_rows < rows.num_rows
    assert from_today.table == on_that_day.table
    assert from_today.freshness == on_that_day.freshness


def test_days_add_up_to_months_and_splits_to_the_whole(lake: Lake) -> None:
    rows, members = generated(8, count=1200)
    tables = {"touchpoints": rows, "membership": members}
    sums = ("contacts", "new_customers", "orders", "revenue", "tickets", "unconverted_orders")
    question = msgspec.structs.replace(EVERYTHING, metrics=sums, grain=None)
    (whole,) = answer(lake, question, tables=tables).rows()

    for changes in ({"grain": "day"}, {"grain": "week"}, {"dimensions": ("channel", "source")}):
        parts = answer(lake, msgspec.structs.replace(question, **changes), tables=tables).rows()
        assert len(parts) > 1
        for metric in sums:
            # A customer is new once in time; two first orders at one moment may part by channel.
            assert sum(part[metric] for part in parts) == whole[metric], (metric, changes)
    assert whole["revenue"] > 0


def test_rows_that_arrive_in_another_order_change_nothing(lake: Lake) -> None:
    rows, members = generated(9, count=800)
    shuffled = rows.take(pa.array(sorted(range(rows.num_rows), key=lambda n: n * 7919 % 1009)))

    def asked(touchpoints: pa.Table) -> str:
        tables = {"touchpoints": touchpoints, "membership": members}
        return answer(lake, EVERYTHING, tables=tables).digest

    assert asked(rows) == asked(shuffled)


def test_knowledge_found_once_spares_and_changes_nothing(lake: Lake) -> None:
    rows, members = generated(2, count=1200)
    lake.append("touchpoints", rows, app="ingest", until=rows.num_rows)
    lake.overwrite("membership", members)
    able = able_by("channel")
    one_each = tuple({m.relation: m.name for m in METRICS if m.name in able}.values())
    every = msgspec.structs.replace(EVERYTHING, metrics=one_each, dimensions=("channel",))
    for as_of in (None, at("2025-09-01")):
        question = msgspec.structs.replace(every, as_of=as_of)
        known = knowledge(lake, as_of=as_of)
        assert known.left_out.num_rows > 20
        arrived = [m for m in rows["received_at"].to_pylist() if as_of is None or m <= as_of]
        assert (known.received_until, known.touchpoints) == (max(arrived), len(arrived))
        assert answer(lake, question, known=known).digest == answer(lake, question).digest
        period = {"start": question.start, "end": question.end, "as_of": as_of}
        assert cohort_retention(lake, **period, known=known) == cohort_retention(lake, **period)

    with pytest.raises(InternalError, match="was given to a question"):
        answer(lake, every, known=knowledge(lake, as_of=at("2025-09-01")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": ("revenu",)}, r"no metric 'revenu': did you mean 'revenue'\? Choose one of"),
        ({"metrics": ()}, "at least one metric: .*active_customers"),
        ({"metrics": ("nps", "nps")}, "asked twice"),
        ({"dimensions": ("contry",)}, r"did you mean 'country'\?"),
        ({"dimensions": ("segment",)}, "needs `segments`"),
        (
            {"metrics": ("revenue",), "dimensions": ("product",)},
            "'revenue' cannot be split by or filtered on 'product'.* It can be by acq.*, segment",
        ),
        (
            {
                "metrics": ("acquisition_spend",),
                "filters": (Filter(dimension="country", values=("BE",)),),
            },
            "'acquisition_spend' cannot be split by or filtered on 'country'",
        ),
        (
            {"metrics": ("cost_per_new_customer",), "segment": where("order_count", "ge", 1)},
            "cannot be split by or filtered on 'segment'",
        ),
        ({"grain": "months"}, r"did you mean 'month'\?"),
        ({"time_zone": "Europe/Brussel"}, "no IANA time zone"),
        ({"end": at("2026-01-01")}, "before it begins"),
        ({"start": datetime(2026, 1, 1)}, "needs a time zone"),  # noqa: DTZ001
        ({"filters": (Filter(dimension="country", values=()),)}, "has no values"),
        ({"filters": (Filter(dimension="town", values=("x",)),)}, "no filter 'town'"),
        ({"segment": where("order_counts", "ge", 1)}, r"did you mean 'order_count'\?"),
        ({"grain": "day", "start": at("1990-01-01")}, "too many"),
    ],
)
def test_a_question_without_an_answer_says_what_to_change(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidQuestion, match=message):
        compile_question(msgspec.structs.replace(SPRING, **change))


def test_all_mistakes_of_a_question_are_named_at_once() -> None:
    wrong = msgspec.structs.replace(SPRING, metrics=("revenu",), grain="months")

    with pytest.raises(InvalidQuestion) as caught:
        compile_question(wrong)

    assert len(caught.value.details["mistakes"]) == 2

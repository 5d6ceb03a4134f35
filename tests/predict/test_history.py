"""Which orders count, how, and as known when."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from rapport.predict.history import (
    InvalidHistory,
    PurchaseHistory,
    late_share,
    purchase_history,
    purchases_during,
    read_orders,
)

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
Row = tuple[str, datetime, float] | tuple[str, datetime, float, datetime]


def table(*rows: Row) -> pa.Table:
    moment = pa.timestamp("us", "UTC")
    return pa.table(
        {
            "profile_id": pa.array([row[0] for row in rows], pa.string()),
            "occurred_at": pa.array([row[1] for row in rows], moment),
            "received_at": pa.array([row[3] if len(row) > 3 else row[1] for row in rows], moment),
            "amount": pa.array([float(row[2]) for row in rows], pa.float64()),
        }
    )


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def history(*rows: Row, **how) -> PurchaseHistory:
    return purchase_history(read_orders(table(*rows)), AS_OF, **how)


def test_orders_of_one_day_are_one_purchase_with_their_amounts_added() -> None:
    got = history(
        ("ann", at(1, 1), 10), ("ann", at(1, 11, 9), 20), ("ann", at(1, 11, 23), 5),
        ("ann", at(1, 31), 35),
    )  # fmt: skip
    facts = got.facts(0)
    assert (facts.purchase_count, facts.days_since_last_purchase) == (3, 28)
    assert facts.customer_age_days == 58  # 1 January to 28 February
    assert facts.mean_repeat_value == pytest.approx(30)
    assert got.mean_value[0] == pytest.approx(70 / 3)


def test_an_order_paid_by_voucher_is_a_purchase() -> None:
    assert history(("ann", at(1, 1), 10), ("ann", at(1, 9), 0)).facts(0).purchase_count == 2


def test_a_return_lowers_values_but_neither_makes_nor_unmakes_a_purchase() -> None:
    got = history(("ann", at(1, 1), 40), ("ann", at(1, 11), 60), ("ann", at(1, 20), -25))
    facts = got.facts(0)
    assert (facts.purchase_count, facts.days_since_last_purchase) == (2, 48)
    assert facts.mean_repeat_value == pytest.approx(60 * 0.75)
    assert got.mean_value[0] == pytest.approx(50 * 0.75)


def test_returns_above_all_spending_leave_a_value_of_zero() -> None:
    got = history(("ann", at(1, 1), 40), ("ann", at(1, 11), 60), ("ann", at(1, 20), -300))
    assert (got.mean_repeat_value[0], got.mean_value[0]) == (0.0, 0.0)


def test_a_profile_with_only_returns_has_no_history_and_is_named() -> None:
    got = history(("ann", at(1, 1), 40), ("bob", at(1, 5), -10))
    assert got.profile_ids.to_pylist() == ["ann"]
    assert got.only_returns.to_pylist() == ["bob"]


def test_a_single_purchase_has_no_repeat_value() -> None:
    got = history(("ann", at(1, 1), 40))
    assert np.isnan(got.mean_repeat_value[0])
    assert got.facts(0).mean_repeat_value is None


def test_an_order_received_later_changes_nothing_as_known_then() -> None:
    known = (("ann", at(1, 1), 40), ("ann", at(1, 11), 60), ("bob", at(2, 1), 5))
    late = (
        ("ann", at(2, 20), 500, at(3, 2)),
        ("bob", at(2, 3), -5, at(3, 9)),
        ("cem", at(2, 3), 5, at(3, 9)),
    )
    before, after = history(*known), history(*known, *late)
    assert after.profile_ids.equals(before.profile_ids)
    for name in (
        "purchase_count",
        "customer_age_days",
        "days_since_last_purchase",
        "mean_repeat_value",
        "mean_value",
    ):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert history(*known, *late, known="now").profile_ids.to_pylist() == ["ann", "bob", "cem"]
    assert late_share(read_orders(table(*known, *late)), AS_OF) == 0.5


def test_the_future_is_not_known_however_it_was_received() -> None:
    got = history(("ann", at(1, 1), 40), ("ann", AS_OF, 60, at(2, 1)), known="now")
    assert got.facts(0).purchase_count == 1


def test_midnight_belongs_to_the_day_that_begins() -> None:
    last_moment = AS_OF - timedelta(microseconds=1)
    got = history(("ann", last_moment, 40))
    assert got.facts(0).customer_age_days == 0


def test_days_end_at_midnight_of_the_time_zone_asked_for() -> None:
    # 23:30 UTC on 10 January is already the 11th in Brussels.
    rows = table(("ann", datetime(2026, 1, 10, 23, 30, tzinfo=UTC), 10), ("ann", at(1, 11), 10))
    assert purchase_history(read_orders(rows), AS_OF).facts(0).purchase_count == 2
    brussels = read_orders(rows, time_zone="Europe/Brussels")
    assert purchase_history(brussels, AS_OF).facts(0).purchase_count == 1


def test_orders_in_any_sequence_give_the_same_history() -> None:
    draw = np.random.default_rng(7)
    rows = [
        (f"p{draw.integers(40)}", at(1, 1) + timedelta(hours=int(draw.integers(1300))), 10 + i)
        for i in range(400)
    ]
    straight = history(*rows)
    mixed = history(*(rows[i] for i in draw.permutation(400)))
    assert mixed.profile_ids.equals(straight.profile_ids)
    assert mixed.profile_ids.to_pylist() == sorted(mixed.profile_ids.to_pylist())
    np.testing.assert_array_equal(mixed.purchase_count, straight.purchase_count)
    np.testing.assert_allclose(mixed.mean_value, straight.mean_value)


def test_the_history_agrees_with_counting_one_customer_at_a_time() -> None:
    draw = np.random.default_rng(8)
    rows = [
        (
            f"p{draw.integers(60)}",
            at(1, 1) + timedelta(hours=int(draw.integers(1300))),
            float(draw.integers(-3, 12)),
        )
        for _ in range(500)
    ]
    got = history(*rows)
    for row, profile_id in enumerate(got.profile_ids.to_pylist()):
        days: dict[int, float] = {}
        returned = 0.0
        for who, moment, amount in rows:
            if who == profile_id and amount >= 0:
                day = (moment - datetime(2026, 1, 1, tzinfo=UTC)).days
                days[day] = days.get(day, 0.0) + amount
            elif who == profile_id:
                returned -= amount
        last_day = 58
        spent = sum(days.values())
        kept = max(0.0, 1 - returned / spent) if spent else 0.0
        assert got.purchase_count[row] == len(days)
        assert got.customer_age_days[row] == last_day - min(days)
        assert got.days_since_last_purchase[row] == last_day - max(days)
        if len(days) > 1:
            repeat = (spent - days[min(days)]) / (len(days) - 1) * kept
            assert got.mean_repeat_value[row] == pytest.approx(repeat)


def test_decimal_amounts_and_dictionary_ids_are_read() -> None:
    plain = table(("ann", at(1, 1), 40), ("bob", at(1, 3), 2.5))
    decimals = pa.array([Decimal("40.00"), Decimal("2.50")], pa.decimal128(18, 2))
    other = plain.set_column(3, "amount", decimals).set_column(
        0, "profile_id", plain["profile_id"].combine_chunks().dictionary_encode()
    )
    got = purchase_history(read_orders(other), AS_OF)
    assert got.profile_ids.to_pylist() == ["ann", "bob"]
    assert got.mean_value.tolist() == [40.0, 2.5]


def test_tables_in_chunks_are_read_whole() -> None:
    parts = [table(("ann", at(1, day), 10)) for day in (1, 2, 3)]
    assert (
        purchase_history(read_orders(pa.concat_tables(parts)), AS_OF).facts(0).purchase_count == 3
    )


def test_an_empty_table_gives_an_empty_history() -> None:
    got = history()
    assert (got.n_profiles, got.span_days, got.distinct.row_of.size) == (0, 0, 0)


def test_purchases_of_the_hold_out_follow_the_same_rules() -> None:
    orders = read_orders(
        table(
            ("ann", at(1, 1), 40), ("bob", at(1, 2), 9),
            ("ann", at(3, 1, 0), 10), ("ann", at(3, 1, 9), 5), ("ann", at(3, 9), 20),
            ("ann", at(3, 10), -8), ("new", at(3, 5), 99), ("bob", at(3, 5), 7, at(5, 1)),
            ("ann", at(4, 1), 1000),
        )
    )  # fmt: skip
    before = purchase_history(orders, AS_OF)
    count, value = purchases_during(orders, before, at(4, 1, 0), known_at=at(4, 2))
    assert before.profile_ids.to_pylist() == ["ann", "bob"]
    assert count.tolist() == [2, 0]
    assert value.tolist() == [27.0, 0.0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop_columns(["received_at"]), "missing: received_at"),
        (
            lambda t: t.set_column(3, "amount", pa.array([1.0, None])),
            "1 of 2 orders have no amount",
        ),
        (lambda t: t.set_column(3, "amount", pa.array([1.0, float("nan")])), "not a number"),
        (
            lambda t: t.set_column(1, "occurred_at", t["occurred_at"].cast(pa.timestamp("us"))),
            "must be a timestamp with a time zone",
        ),
    ],
)
def test_tables_that_are_no_orders_are_refused(change, says) -> None:
    good = table(("ann", at(1, 1), 40), ("secret-person", at(1, 3), 2.5))
    with pytest.raises(InvalidHistory, match=says) as caught:
        read_orders(change(good))
    assert "secret-person" not in str(caught.value)


def test_a_date_without_time_zone_is_refused() -> None:
    with pytest.raises(InvalidHistory, match="has no time zone"):
        purchase_history(read_orders(table(("ann", at(1, 1), 40))), datetime(2026, 3, 1))  # noqa: DTZ001


def test_a_history_that_contradicts_itself_is_refused() -> None:
    good = history(("ann", at(1, 1), 40))
    with pytest.raises(InvalidHistory, match="1 of 1 purchase histories contradict"):
        PurchaseHistory(
            profile_ids=good.profile_ids,
            purchase_count=np.array([2]),
            customer_age_days=np.array([10]),
            days_since_last_purchase=np.array([11]),
            mean_repeat_value=good.mean_repeat_value,
            mean_value=good.mean_value,
            as_of=AS_OF,
            span_days=10,
            only_returns=good.only_returns,
        )


@pytest.mark.slow
def test_a_million_orders_are_summarised_in_two_seconds() -> None:
    draw = np.random.default_rng(1)
    n = 1_000_000
    occurred = pa.array(
        1_700_000_000_000_000 + draw.integers(0, 60_000_000_000_000, n), pa.timestamp("us", "UTC")
    )
    people = pa.array([f"profile-{i:07d}" for i in range(300_000)])
    orders = pa.table(
        {
            "profile_id": people.take(pa.array(draw.integers(0, 300_000, n))),
            "occurred_at": occurred,
            "received_at": occurred,
            "amount": draw.gamma(3, 10, n),
        }
    )
    start = time.process_time()
    got = purchase_history(read_orders(orders), AS_OF)
    assert got.n_profiles > 280_000
    assert time.process_time() - start < 2.0

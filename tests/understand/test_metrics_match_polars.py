"""Metrics beside the same definitions written by hand in Polars, on generated silos.

All that the generated silos can answer; the others have specifications alone (`tests/spec`).
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pytest

from rapport.engines.lake import Lake
from rapport.understand.answer import answer
from rapport.understand.metrics import BY_NAME
from rapport.understand.question import Question
from rapport.vocabulary.lake_tables import MODEL_VERSIONS, SCORES
from tests.understand.touchpoint_rows import at, generated

pytestmark = pytest.mark.slow  # seconds: not before every commit

ZONE = "Europe/Brussels"
START, END = at("2025-01-01T00:00:00+01:00"), at("2026-07-01T00:00:00+02:00")
TRUNCATE = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}


def known(touchpoints: pa.Table, as_of: datetime | None) -> pl.DataFrame:
    """Touchpoints that hold: in Python, one touchpoint at a time."""
    rows = touchpoints.to_pylist()
    if as_of is not None:
        rows = [row for row in rows if row["received_at"] <= as_of]
    newest: dict[tuple[str, str], dict] = {}
    for row in rows:
        if row["corrects"] and row["corrects"] != row["touchpoint_id"]:
            key = (row["source"], row["corrects"])
            best = newest.get(key)
            if best is None or (row["received_at"], row["position"]) > (
                best["received_at"],
                best["position"],
            ):
                newest[key] = row
    winners = {row["position"] for row in newest.values()}
    kept = [
        row
        for row in rows
        if (row["source"], row["touchpoint_id"]) not in newest
        and (not row["corrects"] or row["position"] in winners)
    ]
    return pl.from_arrow(pa.Table.from_pylist(kept, touchpoints.schema))


def sales(frame: pl.DataFrame, members: pa.Table) -> pl.DataFrame:
    cancelled = frame.filter(pl.col("type") == "Order Cancelled").select("source", "order_id")
    sold = frame.filter(pl.col("type").is_in(["Order Completed", "Order Refunded"]))
    sold = sold.join(cancelled.drop_nulls().unique(), on=["source", "order_id"], how="anti")
    orders = sold.filter(pl.col("type") == "Order Completed").sort("position")
    orders = pl.concat(
        [
            orders.filter(pl.col("order_id").is_null()),
            orders.filter(pl.col("order_id").is_not_null()).unique(
                ["source", "order_id"], keep="first"
            ),
        ]
    )
    sold = pl.concat([orders, sold.filter(pl.col("type") == "Order Refunded")])
    return sold.join(pl.from_arrow(members), on="atom_id", how="left")


def expected(
    touchpoints: pa.Table, members: pa.Table, grain: str, as_of: datetime | None
) -> dict[str, dict]:
    frame = known(touchpoints, as_of)

    def bucketed(rows: pl.DataFrame) -> pl.DataFrame:
        local = pl.col("occurred_at").dt.convert_time_zone(ZONE)
        return rows.with_columns(period=local.dt.truncate(TRUNCATE[grain]).dt.date())

    def within(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter((pl.col("occurred_at") >= START) & (pl.col("occurred_at") < END))

    def by_period(rows: pl.DataFrame, value: pl.Expr) -> dict:
        grouped = rows.group_by("period").agg(value.alias("value"))
        return dict(zip(grouped["period"], grouped["value"], strict=True))

    every = bucketed(sales(frame, members))
    sold = within(every)
    placed = sold.filter(pl.col("type") == "Order Completed")
    named = every.filter((pl.col("type") == "Order Completed") & pl.col("profile_id").is_not_null())
    first = named.group_by("profile_id").agg(first=pl.col("occurred_at").min())
    named = within(named.join(first, on="profile_id"))
    buyers = {period: set(rows["profile_id"]) for (period,), rows in named.group_by(["period"])}
    periods = pl.date_range(
        min(buyers), END.date(), interval=TRUNCATE[grain], closed="left", eager=True
    ).to_list()
    surveys = within(bucketed(frame.filter(pl.col("type") == "Survey Answered")))
    nps = surveys.filter(
        (pl.col("question") == "nps") & (pl.col("scale_min") == 0) & (pl.col("scale_max") == 10)
    )
    csat = surveys.filter(pl.col("question") == "csat")
    told = frame.filter(pl.col("type") == "Order Completed").sort("received_at", "position")
    lone = (
        frame.filter((pl.col("type") == "Order Cancelled") & pl.col("order_id").is_not_null())
        .join(told.select("source", "order_id"), on=["source", "order_id"], how="anti")
        .sort("received_at", "position")
    )
    told = pl.concat([told, lone])
    asked_for = within(
        bucketed(
            pl.concat(
                [
                    told.filter(pl.col("order_id").is_null()),
                    told.filter(pl.col("order_id").is_not_null()).unique(
                        ["source", "order_id"], keep="first", maintain_order=True
                    ),
                ]
            )
        )
    )
    taken_back = (
        frame.filter((pl.col("type") == "Order Cancelled") & pl.col("order_id").is_not_null())
        .select(source="source", order_id="order_id", is_cancelled=pl.lit(1))
        .unique()
    )
    asked_for = asked_for.join(taken_back, on=["source", "order_id"], how="left")
    reached = (pl.col("score") - pl.col("scale_min")) / (
        pl.col("scale_max") - pl.col("scale_min")
    ) >= 0.75
    amount = pl.col("amount_base").cast(pl.Float64)
    is_refund = pl.col("type") == "Order Refunded"
    contacts = within(bucketed(frame.filter(pl.col("type").is_in(["Ticket Opened", "Call Ended"]))))
    judged = within(bucketed(frame.filter(pl.col("sentiment").is_not_null())))
    return {
        "active_customers": {period: len(names) for period, names in buyers.items()},
        "cancellation_rate": by_period(asked_for, pl.col("is_cancelled").is_not_null().mean()),
        "average_order_value": by_period(placed.filter(amount.is_not_null()), amount.mean()),
        "contacts": by_period(contacts, pl.len()),
        "csat": by_period(csat, reached.mean()),
        "mood": by_period(judged, pl.col("sentiment").mean()),
        "new_customers": by_period(
            named.filter(pl.col("occurred_at") == pl.col("first")), pl.col("profile_id").n_unique()
        ),
        "nps": by_period(
            nps, 100 * ((pl.col("score") >= 9).mean() - (pl.col("score") <= 6).mean())
        ),
        "orders": by_period(placed, pl.len()),
        "repeat_rate": {
            period: rows.filter(pl.col("occurred_at") > pl.col("first"))["profile_id"].n_unique()
            / rows["profile_id"].n_unique()
            for (period,), rows in named.group_by(["period"])
        },
        "retention": {
            later: len(buyers[earlier] & buyers.get(later, set())) / len(buyers[earlier])
            for earlier, later in pairwise(periods)
            if earlier in buyers
        },
        "returns_share": by_period(
            sold,
            # Without an order there is nothing that the refunds could be a share of.
            pl.when((~is_refund & amount.is_not_null()).any()).then(
                -pl.when(is_refund).then(amount).sum() / pl.when(~is_refund).then(amount).sum()
            ),
        ),
        "revenue": by_period(sold, amount.sum()),
        "tickets": by_period(contacts.filter(pl.col("type") == "Ticket Opened"), pl.len()),
        "unconverted_orders": by_period(placed, amount.is_null().sum()),
        "returns": by_period(sold.filter(is_refund), pl.len()),
        "refund_value": by_period(sold.filter(is_refund), -amount.sum()),
        "known_orders_share": by_period(placed, pl.col("profile_id").is_not_null().mean()),
        "revenue_per_customer": by_period(
            sold,
            # Without a buyer there is nobody to divide by.
            pl.when((~is_refund & pl.col("profile_id").is_not_null()).any()).then(
                amount.filter(pl.col("profile_id").is_not_null()).sum()
                / pl.col("profile_id").filter(~is_refund).drop_nulls().n_unique()
            ),
        ),
        "orders_per_customer": by_period(named, pl.len() / pl.col("profile_id").n_unique()),
        "new_customer_share": by_period(
            named,
            pl.col("profile_id").filter(pl.col("occurred_at") == pl.col("first")).n_unique()
            / pl.col("profile_id").n_unique(),
        ),
        "new_customer_revenue": by_period(
            named, amount.filter(pl.col("occurred_at") == pl.col("first")).sum()
        ),
        "first_order_value": by_period(
            named, amount.filter(pl.col("occurred_at") == pl.col("first")).mean()
        ),
        "survey_answers": by_period(surveys.filter(pl.col("score").is_not_null()), pl.len()),
        **leaving(every, grain),
    }


def leaving(every: pl.DataFrame, grain: str) -> dict[str, dict]:
    """Activation and lapses, customer by customer in Python."""
    placed = every.filter(
        (pl.col("type") == "Order Completed") & pl.col("profile_id").is_not_null()
    ).filter(pl.col("occurred_at") < END)
    moments = {
        name: sorted(rows["occurred_at"]) for (name,), rows in placed.group_by(["profile_id"])
    }
    firsts = [
        period.date()
        for period in pl.datetime_range(
            START.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None) - timedelta(days=400),
            END.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None) + timedelta(days=400),
            interval="1d",
            eager=True,
        ).dt.truncate(TRUNCATE[grain]).unique().sort()
    ]  # fmt: skip
    found: dict[str, dict] = {
        name: {}
        for name in (
            "activation", "customer_base", "customer_value_to_date", "lapsed_customers",
            "lapse_rate",
        )
    }  # fmt: skip
    brought = every.filter(pl.col("profile_id").is_not_null())
    year, trial = timedelta(hours=8760), timedelta(hours=2160)
    for first, following in pairwise(firsts):
        begins = max(datetime.combine(first, time(), ZoneInfo(ZONE)), START)
        ends = min(datetime.combine(following, time(), ZoneInfo(ZONE)), END)
        if begins >= ends:
            continue

        def active(at: datetime) -> set[str]:
            return {
                name
                for name, orders in moments.items()
                if any(order < at <= order + year for order in orders)
            }

        lapsed = {
            name
            for name, orders in moments.items()
            for order, later in pairwise([*orders, datetime.max.replace(tzinfo=UTC)])
            if begins <= order + year < ends and later > order + year
        }
        judged = [orders for orders in moments.values() if begins <= orders[0] + trial < ends]
        if judged:
            back = sum(any(o < orders[0] + trial for o in orders[1:]) for orders in judged)
            found["activation"][first] = back / len(judged)
        found["customer_base"][first] = len(active(ends))
        if here := active(ends):
            until = brought.filter(
                (pl.col("occurred_at") < ends.astimezone(UTC))
                & pl.col("profile_id").is_in(sorted(here))
            )
            found["customer_value_to_date"][first] = float(
                until["amount_base"].cast(pl.Float64).sum()
            ) / len(here)
        found["lapsed_customers"][first] = len(lapsed)
        if at_start := active(begins):
            found["lapse_rate"][first] = len(lapsed & at_start) / len(at_start)
    return found


@pytest.mark.parametrize("grain", ["month", "quarter", "week"])
@pytest.mark.parametrize("as_of", [None, at("2025-09-15T12:00:00+00:00")], ids=["now", "then"])
@pytest.mark.parametrize("seed", [7])
def test_every_metric_equals_its_definition_in_polars(
    lake: Lake, grain: str, as_of: datetime | None, seed: int
) -> None:
    touchpoints, members = generated(seed)
    lake.append("touchpoints", touchpoints, app="ingest", until=touchpoints.num_rows)
    lake.overwrite("membership", members)
    wanted = expected(touchpoints, members, grain, as_of)
    question = Question(
        metrics=tuple(wanted),
        start=START,
        end=END,
        grain=grain,
        time_zone=ZONE,
        as_of=as_of,
    )

    rows = answer(lake, question).rows()

    for metric in map(BY_NAME.__getitem__, wanted):
        for row in rows:
            value = wanted[metric.name].get(row["period"], metric.empty)
            found = row[metric.name]
            if value is None or found is None:
                assert found == value, (metric.name, row["period"])
            else:
                assert float(found) == pytest.approx(float(value), abs=1e-4), (
                    metric.name,
                    row["period"],
                )
    told = {period for values in wanted.values() for period in values}
    assert told <= {row["period"] for row in rows} | {p for p in told if p.year == 2024}


@pytest.mark.parametrize("as_of", [None, at("2025-09-15T12:00:00+00:00")], ids=["now", "then"])
def test_what_customers_are_expected_to_bring_equals_its_definition_in_polars(
    lake: Lake, as_of: datetime | None
) -> None:
    chance = random.Random(7)  # noqa: S311 - a test
    people = [f"p{number}" for number in range(150)]
    ends = [
        at(f"{year}-{month:02}-01T00:00:00+00:00")
        for year in (2025, 2026)
        for month in range(1, 13)
    ]
    versions, scores = [], []
    for number, day in enumerate(
        at(f"2025-{m:02}-{d}") for m in range(2, 10) for d in ("01", "17")
    ):
        refused = chance.random() < 0.2
        versions.append({
            "version_id": number, "model": "customer_value", "data_until": day,
            "fitted_at": day + timedelta(days=chance.choice([0, 3, 40])),
            "status": "refused" if refused else "retired",
        })  # fmt: skip
        scores += [
            {"profile_id": person, "version_id": number, "name": name, "as_of": day,
             "value": round(chance.expovariate(1 / 80), 3)}
            for person in people if not refused and chance.random() < 0.7
            for name in ("expected_value", "expected_orders", "probability_alive")
        ]  # fmt: skip
    lake.append("scores", pa.Table.from_pylist(scores, SCORES), app="scores", until=1)
    models = pa.Table.from_pylist(versions, MODEL_VERSIONS)
    frame = pl.DataFrame(scores).filter(pl.col("name") == "expected_value")
    question = Question(
        metrics=("predicted_customer_value",),
        start=ends[0], end=ends[-1], grain="month", time_zone="UTC", as_of=as_of,
    )  # fmt: skip

    rows = answer(lake.seeing({"model_versions": models}), question).rows()

    shown = 0
    for row, end in zip(rows, ends[1:], strict=True):
        there = [
            each["version_id"]
            for each in versions
            if each["data_until"] <= end + timedelta(days=1)
            and (as_of is None or each["fitted_at"] <= as_of)
        ]
        wanted = frame.filter(pl.col("version_id") == (there[-1] if there else -1))["value"].mean()
        found = row["predicted_customer_value"]
        assert (found is None) == (wanted is None)
        if found is not None:
            shown += 1
            assert float(found) == pytest.approx(wanted, abs=1e-4)
    assert 3 < shown < len(rows)


def test_the_generated_silos_have_every_difficulty() -> None:
    touchpoints, members = generated(7)
    frame = pl.from_arrow(touchpoints)
    whole = known(touchpoints, None)

    assert whole.height < frame.height  # corrections
    assert sales(whole, members)["atom_id"].null_count() > 20  # anonymous sales
    assert whole.filter(pl.col("type") == "Order Cancelled").height > 20
    orders = whole.filter(pl.col("type") == "Order Completed")
    assert orders["amount_base"].null_count() > 20
    assert orders.drop_nulls("order_id").select("source", "order_id").is_duplicated().sum() > 5
    local = frame["occurred_at"].dt.convert_time_zone(str(ZoneInfo(ZONE)))
    assert (local.dt.month() != frame["occurred_at"].dt.month()).sum() > 20

"""What is lost at a step, and whether a week is outside its band: by hand, by book, by chance."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rapport.engines.lake import Lake
from rapport.understand.journeys.bottlenecks import Bottleneck, Cell, bottlenecks, rank
from rapport.understand.journeys.control_charts import (
    D2,
    out_since,
    share_chart,
    share_limit,
    sigmas,
    time_chart,
    value_limit,
)
from rapport.understand.journeys.definition import JourneyDefinition, Stage
from rapport.understand.journeys.steps import WEEK, step_customers
from rapport.understand.journeys.walks import walk
from rapport.understand.journeys.watch import watch
from rapport.vocabulary.lake_tables import CUSTOMERS
from tests.understand.touchpoint_rows import at, membership, touchpoints


def cell(part: str | None, on: int, off: int, *, past: bool = False, worth: float = 100.0) -> Cell:
    """Of those who went on half spent a hundredth more than `worth`, half less; others nothing."""
    return Cell(
        step=0,
        to=1,
        part=part,
        past=past,
        on=(on, on * worth, on * worth**2 * 1.0001),
        off=(off, 0.0, 0.0),
    )


def of(found: tuple[Bottleneck, ...], part: str) -> Bottleneck:
    return next(each for each in found if each.part == part)


# ── bottlenecks ────────────────────────────────────────────────────────────────────────────────


def test_the_formula_by_hand_against_a_target() -> None:
    (found,) = rank([cell("BE", 600, 400)], targets={0: 0.7})

    # 1000 × (0.7 − 0.6) × (100 − 0); the share's error alone: 1000 × 100 × √(0.24 / 1000).
    assert found.customers_lost == pytest.approx(100)
    assert found.value_lost == pytest.approx(10_000)
    half = 1.959964 * 1000 * math.sqrt(100**2 * 0.24 / 1000 + 0.1**2 * (1 / 599))
    assert found.low == pytest.approx(10_000 - half, rel=1e-6)
    assert found.at_stake == pytest.approx(40_000)
    assert (found.verdict, found.expected_from) == ("lost", "target")


def test_what_is_possible_is_the_low_end_of_the_best_other_group_or_the_past() -> None:
    found = rank([cell("BE", 600, 400), cell("FR", 900, 100), cell("BE", 650, 350, past=True)])

    belgium = of(found, "BE")
    assert (belgium.expected_from, belgium.expected_part) == ("part", "FR")
    # Two were compared: Wilson's interval of 900 in 1000 at 97.5 %, z = 2.2414.
    z = 2.241403
    low = (0.9 + z**2 / 2000 - z * math.sqrt(0.09 / 1000 + z**2 / 4e6)) / (1 + z**2 / 1000)
    assert belgium.expected == pytest.approx(low, abs=1e-6)
    assert of(found, "FR").verdict == "none"


def test_a_group_that_fell_behind_its_own_past_has_lost_customers() -> None:
    (found,) = rank([cell("BE", 600, 400), cell("BE", 900, 100, past=True)])
    assert (found.verdict, found.expected_from) == ("lost", "past")


def test_few_customers_are_no_finding() -> None:
    found = rank([cell("BE", 0, 49), cell("FR", 90, 10)])
    assert of(found, "BE").verdict == "few"
    assert of(found, "BE").value_lost is None
    # Nor are they what others are compared with.
    assert of(found, "FR").expected is None


def test_a_difference_that_chance_explains_is_not_called_a_loss() -> None:
    found = rank([cell("BE", 75, 25), cell("FR", 85, 15)])
    assert of(found, "BE").verdict in ("unsure", "none")


def test_those_of_whom_the_group_is_not_known_are_neither_ranked_nor_compared_with() -> None:
    found = rank([cell(None, 0, 3000), cell("BE", 60, 40), cell(None, 3000, 0, past=True)])
    assert [each.part for each in found] == ["BE"]
    assert found[0].expected is None


def test_the_interval_covers_the_true_loss_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    n, p, expected = 800, 0.6, 0.7
    means, spread = (120.0, 50.0), 80.0
    truth = n * (expected - p) * (means[0] - means[1])
    covered, trials = 0, 600
    for _ in range(trials):
        went = rng.random(n) < p
        sums = []
        for side, mean in ((went, means[0]), (~went, means[1])):
            spent = rng.gamma((mean / spread) ** 2, spread**2 / mean, int(side.sum()))
            sums.append((len(spent), float(spent.sum()), float((spent**2).sum())))
        made = Cell(step=0, to=1, part="BE", past=False, on=sums[0], off=sums[1])
        (found,) = rank([made], targets={0: expected})
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    # 95 % of 600, within four standard errors.
    assert covered / trials == pytest.approx(0.95, abs=0.036)


# ── control charts ─────────────────────────────────────────────────────────────────────────────

#: Montgomery, example 7.1: cans of orange juice that leak, thirty samples of fifty.
CANS = (12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9,
        12, 7, 13, 9, 6)  # fmt: skip
#: Montgomery, example 6.5: weekly costs of processing mortgage loans.
COSTS = (310, 288, 297, 298, 307, 303, 294, 297, 308, 306, 294, 299, 297, 299, 314, 295, 293, 306,
         301, 304)  # fmt: skip


def test_the_limit_of_shares_is_montgomerys() -> None:
    middle, upper = share_limit([(cans, 50) for cans in CANS], 50, overdispersed=False)
    assert middle == pytest.approx(0.2313, abs=5e-5)
    assert upper == pytest.approx(0.4102, abs=5e-5)


def test_the_limit_of_single_values_is_montgomerys() -> None:
    middle, upper = value_limit([float(cost) for cost in COSTS])
    assert middle == pytest.approx(300.5)
    assert upper == pytest.approx(321.22, abs=0.01)
    assert D2 == 1.128


def test_shares_that_vary_more_than_chance_have_a_wider_band() -> None:
    calm = [(10, 100)] * 20
    restless = [(2, 100), (18, 100)] * 10
    assert share_limit(restless, 100)[1] > share_limit(calm, 100)[1] + 0.1


def test_more_charts_have_wider_bands() -> None:
    assert sigmas(1) == 3
    assert sigmas(100) > sigmas(20) > 3


def test_a_week_without_trouble_seldom_calls() -> None:
    rng = np.random.default_rng(11)
    calls = 0
    charts, weeks = 12, 40
    for _ in range(charts):
        counts = [(int(number), 60) for number in rng.binomial(60, 0.06, weeks)]
        calls += sum(point.out for point in share_chart(counts, width=sigmas(charts)))
    # At one call in a hundred weeks of all charts together, thirty weeks bring a third of one.
    assert calls <= 2


def test_a_rise_is_seen_at_once_and_does_not_become_usual() -> None:
    weeks = [(6, 100), (5, 100), (7, 100)] * 6 + [(40, 100)] * 8
    points = share_chart(weeks)
    assert [point.out for point in points] == [False] * 18 + [True] * 8
    assert points[-1].upper == pytest.approx(points[18].upper)
    assert out_since(points) == 18


def test_weeks_of_a_few_are_not_judged_and_do_not_end_a_trouble() -> None:
    points = share_chart([(5, 100)] * 12 + [(40, 100), (1, 5), (40, 100)])
    assert points[13].upper is None
    assert out_since(points) == 12
    assert out_since(share_chart([(5, 100)] * 12 + [(40, 100), (5, 100)])) is None


def test_times_have_a_band_of_ratios() -> None:
    points = time_chart([(3600.0 * (1 + n % 2 / 10), 50) for n in range(14)] + [(7200.0, 50)])
    assert not any(point.out for point in points[:14])
    assert points[14].out
    assert time_chart([(None, 0)] * 3)[0].value is None


# ── both, over a lake ──────────────────────────────────────────────────────────────────────────

DEFINITION = JourneyDefinition(
    stages=(
        Stage(key="buy", types=("Order Completed",)),
        Stage(key="receive", types=("Shipment Delivered",), within_days=3),
    ),
    starts=("buy",),
    goal="buy",
    silence_days=30,
    value_days=20,
)
UNTIL = at("2026-07-01")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Forty orders a week and country; parcels of Belgium are late from ten weeks before the end.

    Complaints come three weeks later. Who waits does not buy again.
    """
    rng = np.random.default_rng(3)
    rows: list[dict[str, Any]] = []
    countries: dict[int, str] = {}
    who = 0
    for week in range(52):
        for country in ("BE", "FR"):
            for _ in range(40):
                who += 1
                countries[who] = country
                bought = UNTIL - timedelta(seconds=WEEK * (week + 1) - int(rng.integers(WEEK)))
                troubled = country == "BE" and week < 10 and rng.random() < 0.5
                days = 6.0 if troubled else float(rng.uniform(1, 2.5))
                rows.append({"occurred_at": bought, "atom_id": who, "amount_base": 50})
                rows.append(
                    {"occurred_at": bought + timedelta(days=days), "atom_id": who,
                     "type": "Shipment Delivered"}
                )  # fmt: skip
                if not troubled and rng.random() < 0.5:
                    again = bought + timedelta(days=12)
                    rows.append({"occurred_at": again, "atom_id": who, "amount_base": 80})
                    rows.append(
                        {
                            "occurred_at": again + timedelta(days=1),
                            "atom_id": who,
                            "type": "Shipment Delivered",
                        }
                    )
                if (troubled and week < 7) or rng.random() < 0.02:
                    rows.append(
                        {"occurred_at": bought + timedelta(days=4), "atom_id": who,
                         "type": "Ticket Opened"}
                    )  # fmt: skip
    lake = Lake(tmp_path_factory.mktemp("lake"), memory_limit_mb=512, threads=1)
    customers = pa.Table.from_pylist(
        [
            {"profile_id": f"p{number}", "country": country, "order_count": 1,
             "revenue": 0, "tickets_90_days": 0}
            for number, country in countries.items()
        ],
        CUSTOMERS,
    )  # fmt: skip
    tables = {
        "touchpoints": touchpoints(rows),
        "membership": membership({number: f"p{number}" for number in countries}),
        "customers": customers,
    }
    yield lake, walk(lake, DEFINITION, until=UNTIL, tables=tables), tables
    lake.close()


def test_late_parcels_are_found_where_they_are_late_and_cost_what_is_not_bought(shop: Any) -> None:
    lake, walked, tables = shop

    found = bottlenecks(lake, walked, start=UNTIL - timedelta(days=90), tables=tables)

    first = found[0]
    assert (first.verdict, first.part) == ("lost", "BE")
    assert first.low is not None
    # Half of those of about seven weeks; each who got the parcel in time spent 40 more on average.
    assert first.customers_lost == pytest.approx(0.5 * 40 * 7, rel=0.3)
    assert (first.value_on or 0) - (first.value_off or 0) == pytest.approx(40, abs=8)
    assert all(each.verdict != "lost" for each in found[1:])


def test_the_customers_behind_a_bottleneck_are_as_many_as_it_counts(shop: Any) -> None:
    lake, walked, tables = shop
    start = UNTIL - timedelta(days=90)

    for each in bottlenecks(lake, walked, start=start, tables=tables):
        for outcome, wanted in (
            ("lost", each.customers - each.went_on),
            ("went_on", each.went_on),
        ):
            total, _ = step_customers(
                lake, walked, each.step, start=start, outcome=outcome, by="country",
                part=each.part, tables=tables,
            )  # fmt: skip
            assert total == wanted
        assert each.customers > 100


def test_late_parcels_are_warned_of_before_complaints_rise(shop: Any) -> None:
    lake, walked, tables = shop

    charts = watch(lake, walked, tables=tables)

    failing = next(chart for chart in charts if chart.kind == "failure" and chart.part == "BE")
    assert failing.out_since == UNTIL - timedelta(seconds=10 * WEEK)
    assert failing.first
    assert failing.complaints_since is not None
    assert failing.complaints_since > failing.out_since
    assert all(chart.out_since is None for chart in charts if chart.part == "FR")
    # Newest first asked for: those in trouble come before those that are not.
    assert [chart.out_since is None for chart in charts] == sorted(
        chart.out_since is None for chart in charts
    )


def test_a_lake_without_touchpoints_has_no_bottlenecks_and_no_charts(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", memory_limit_mb=256, threads=1)
    walked = walk(lake, DEFINITION, until=UNTIL)
    assert bottlenecks(lake, walked, start=UNTIL - timedelta(days=90)) == ()
    assert watch(lake, walked) == ()
    lake.close()

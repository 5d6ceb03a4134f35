"""Quality measures against independent computation: SciPy, statsmodels' formulas, and by hand."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rapport.engines.lake import Lake
from rapport.understand.quality.drift import (
    FEWEST,
    Observed,
    drifts,
    stability_index,
)
from rapport.understand.quality.fields import Placed, measure
from rapport.understand.quality.sample import draw, happened_by_day
from rapport.understand.quality.shares import WEIGHTS, Share, share, uniform_score
from rapport.understand.quality.volume import volumes
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Touchpoint
from tests.touchpoints import order, touchpoint
from tests.understand.touchpoint_rows import touchpoints

UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_is_scipys_wilson(counts: tuple[int, int]) -> None:
    k, n = counts
    found = share(k, n)
    theirs = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert found is not None
    assert found.low == pytest.approx(theirs.low, abs=1e-12)
    assert found.high == pytest.approx(theirs.high, abs=1e-12)


def test_nothing_looked_at_has_no_share() -> None:
    assert share(0, 0) is None


def of(value: float, n: int = 1_000) -> Share:
    found = share(value * n, n)
    assert found is not None
    return found


def test_the_score_is_the_weighted_geometric_mean_of_what_is_known() -> None:
    shares = {
        "completeness": of(0.8), "validity": of(0.9), "consistency": of(0.7),
        "uniqueness": of(0.95), "currentness": None,
    }  # fmt: skip
    score = uniform_score(shares)
    assert score is not None
    weights = [WEIGHTS[name] for name in ("completeness", "validity", "consistency", "uniqueness")]
    assert score.value == pytest.approx(
        100 * stats.gmean([0.8, 0.9, 0.7, 0.95], weights=weights), rel=1e-9
    )
    assert score.low < score.value < score.high
    assert score.of == ("completeness", "validity", "consistency", "uniqueness")


def test_few_records_have_no_score_and_wrong_values_cannot_be_outweighed() -> None:
    assert uniform_score({"completeness": of(1), "validity": of(1, n=29)}) is None
    nothing_valid = uniform_score({"completeness": of(1), "validity": of(0)})
    assert nothing_valid is not None
    assert nothing_valid.value == 0


# ── volume ─────────────────────────────────────────────────────────────────────────────────────


def test_a_forecast_is_the_median_of_the_weekday_with_a_band_of_its_spread() -> None:
    day = date(2026, 11, 2)
    known = [100, 140, 90, 120, 110, 95, 105, 400]
    counts = {day - timedelta(weeks=w): n for w, n in enumerate(known, start=1)}
    (found,) = volumes({**counts, day: 104}, [day])
    middle = median(known)
    spread = stats.median_abs_deviation(known, scale="normal")
    half = 3 * spread * math.sqrt(1 + math.pi / 16)
    assert found.expected == middle
    assert found.high == pytest.approx(middle + half, rel=1e-3)
    assert found.low == pytest.approx(middle - half, rel=1e-3)
    assert found.state == "usual"


def test_a_day_without_data_is_low_and_a_short_history_says_nothing() -> None:
    day = date(2026, 11, 2)
    counts = {day - timedelta(days=n): 200 for n in range(1, 60)}
    assert volumes(counts, [day])[0].state == "low"
    assert volumes({**counts, day: 1000}, [day])[0].state == "high"
    short = {day - timedelta(days=n): 200 for n in range(1, 21)}
    assert volumes(short, [day])[0].state == "unknown"
    assert volumes({}, [day])[0].state == "unknown"


def test_ordinary_weeks_are_seldom_flagged() -> None:
    chance = random.Random(4)  # noqa: S311
    start = date(2024, 1, 1)
    level = [400, 300, 300, 310, 380, 700, 20]
    counts = {
        day: max(0, round(chance.gauss(level[day.weekday()], math.sqrt(level[day.weekday()]))))
        for day in (start + timedelta(days=n) for n in range(760))
    }
    judged = volumes(counts, [start + timedelta(days=n) for n in range(60, 760)])
    assert sum(each.state != "usual" for each in judged) / len(judged) < 0.01


# ── drift ──────────────────────────────────────────────────────────────────────────────────────


def test_drift_needs_both_significance_and_size() -> None:
    def field(name: str, before: tuple[int, int], after: tuple[int, int]) -> Observed:
        return Observed(
            source="crm", field=name, records=(before[1], after[1]), filled=(before[0], after[0])
        )

    found = {
        each.field: each
        for each in drifts(
            [
                field("dropped", (900, 1000), (600, 1000)),
                field("tiny_but_sure", (900_000, 1_000_000), (890_000, 1_000_000)),
                field("large_but_few", (50, 60), (45, 60)),
                field("too_few", (FEWEST - 1, FEWEST - 1), (0, 500)),
            ]
        )
    }
    assert "too_few" not in found
    assert [found[n].flagged for n in ("dropped", "tiny_but_sure", "large_but_few")] == [
        True, False, False,
    ]  # fmt: skip
    assert found["tiny_but_sure"].p_value < 1e-9
    # Pooled z-test of two proportions, and Holm over three tests: the smallest is multiplied by 3.
    table = [[45, 15], [50, 10]]
    theirs = stats.chi2_contingency(table, correction=False).pvalue
    assert found["large_but_few"].p_value == pytest.approx(theirs, rel=1e-6)


def test_another_mix_of_values_is_found_and_the_same_is_not() -> None:
    def mixed(before: dict[str, int], after: dict[str, int]) -> tuple[float, bool]:
        n = (sum(before.values()), sum(after.values()))
        (_, mix) = drifts(
            [Observed(source="web", field="country", records=n, filled=n, values=(before, after))]
        )
        return mix.size, mix.flagged

    size, flagged = mixed({"BE": 500, "FR": 300, "HU": 200}, {"BE": 200, "FR": 300, "HU": 500})
    expected = sum((a - b) * math.log(a / b) for a, b in ((0.2, 0.5), (0.3, 0.3), (0.5, 0.2)))
    assert size == pytest.approx(expected, rel=0.01)
    assert flagged
    assert mixed({"BE": 500, "FR": 300}, {"BE": 510, "FR": 290})[1] is False


def test_many_rare_values_are_one() -> None:
    rare = {f"v{n}": 10 for n in range(100)}
    n = (1000, 1000)
    (_, mix) = drifts(
        [Observed(source="a", field="question", records=n, filled=n, values=(rare, rare))]
    )
    assert not mix.flagged
    assert mix.size == 0
    assert stability_index([1, 2, 3], [1, 2, 3]) == 0


# ── fields ─────────────────────────────────────────────────────────────────────────────────────


def contact(number: int, days_ago: int = 10, **traits: str) -> Touchpoint:
    record = Identifier(kind="crm_contact", value=f"C{number}", namespace="crm")
    at = UNTIL - timedelta(days=days_ago)
    return touchpoint(
        f"c{number}", source="crm", channel="crm", type="Record Seen", record=record,
        occurred_at=at, received_at=at, traits=traits,
    )  # fmt: skip


def test_shares_of_a_field_are_counts_over_the_types_that_state_it() -> None:
    people = [
        contact(1, email="a@kadar.example", country="BE", phone="0470 12 34 56"),
        contact(2, email="no address", country="XX", postal_code="900"),
        contact(3, email="test@test.com", country="BE", postal_code="9000"),
        contact(4, days_ago=500, country="BE", postal_code="900"),
    ]
    sample = [Placed(touchpoint=each, period=0) for each in [*people, order("A1", "10")]]
    found = {
        (each.of_person, each.field): each
        for each in measure(
            "crm", sample, [5, 0, 0], until=UNTIL, is_junk=lambda _, value: value.startswith("test")
        ).fields
    }

    def values(of_person: bool, field: str) -> tuple[float, float, float]:
        each = found[of_person, field]
        shares = (each.completeness, each.validity, each.currentness)
        first, second, third = (found.value for found in shares if found is not None)
        return first, second, third

    assert values(True, "email") == (3 / 4, 1 / 3, 1)
    assert values(True, "country") == (1, 3 / 4, 3 / 4)
    # 900 cannot be Belgian; of a record whose country is unknown only that something stands there.
    assert values(True, "postal_code") == pytest.approx((3 / 4, 2 / 3, 2 / 3))
    assert values(True, "phone") == (1 / 4, 1, 1)
    assert values(False, "amount") == (1, 1, 1)


def test_a_period_of_which_fewer_were_drawn_weighs_more() -> None:
    sample = [
        *(Placed(touchpoint=contact(n, email="a@kadar.example"), period=0) for n in range(50)),
        *(Placed(touchpoint=contact(n), period=2) for n in range(50)),
    ]
    (email,) = [
        each
        for each in measure(
            "crm", sample, [50, 0, 950], until=UNTIL, is_junk=lambda *_: False
        ).fields
        if each.field == "email"
    ]
    assert email.completeness is not None
    assert email.completeness.value == pytest.approx(0.05)
    assert email.completeness.n == round(1000**2 / (50 + 19**2 * 50))


# ── the sample ─────────────────────────────────────────────────────────────────────────────────


def test_a_sample_takes_all_of_a_small_source_and_a_fair_part_of_a_large_one(lake: Lake) -> None:
    chance = random.Random(7)  # noqa: S311
    rows: list[dict[str, Any]] = [
        {
            "source": "web" if n % 10 else "till",
            "occurred_at": UNTIL - timedelta(days=chance.randrange(300)),
        }
        for n in range(5_000)
    ]
    lake.append("touchpoints", touchpoints(rows), app="test", until=5_000)
    drawn = {(each.source, each.period): each for each in draw(lake, UNTIL, most=400)}
    assert sum(each.count for each in drawn.values()) == 5_000
    assert len(drawn["till", 0].positions) == drawn["till", 0].count
    large = drawn["web", 1]
    assert large.count > 2_000
    assert 330 < len(large.positions) < 470
    assert len(set(large.positions)) == len(large.positions)
    # Fair: their mean place is that of all, within four standard errors.
    mean = sum(large.positions) / len(large.positions)
    assert abs(mean - 2_500) < 4 * 5_000 / math.sqrt(12 * len(large.positions))
    days = happened_by_day(lake, UNTIL)
    newest = UNTIL - timedelta(days=3)
    assert days["web"][newest.date()] == sum(
        each["source"] == "web" and each["occurred_at"] == newest for each in rows
    )

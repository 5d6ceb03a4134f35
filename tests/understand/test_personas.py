"""Groups of customers: how they are found, how many, what they are like, and which is which."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from msgspec.structs import replace
from scipy import stats

from rapport.engines.lake import Lake
from rapport.errors import NotEnoughData
from rapport.understand.personas.carried import carry, flows
from rapport.understand.personas.clusters import adjusted_rand_index, k_means, nearest_of
from rapport.understand.personas.day import GROUPED, typical_days
from rapport.understand.personas.discovery import NOWHERE, Groups, find_groups, place
from rapport.understand.personas.facts import read_facts
from rapport.understand.personas.scaling import coordinates, fit_features
from rapport.understand.personas.stability import Stability, chosen_k
from rapport.understand.personas.statements import (
    Statement,
    Trait,
    Traits,
    describe,
    lift_of,
    suggested_name,
    traits_of,
)
from rapport.understand.significance import benjamini_hochberg
from rapport.vocabulary.lake_tables import CUSTOMERS, ORDER_ITEMS
from tests.personas import customers, known
from tests.understand.touchpoint_rows import at, membership, touchpoints


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


# ── agreement ──────────────────────────────────────────────────────────────────────────────────


def test_agreement_is_that_which_others_publish() -> None:
    # Yeung & Ruzzo (2001), Details of the Adjusted Rand Index: 10 objects, 0.313 by the formula of
    # Hubert & Arabie (1985).
    one = np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    other = np.array([0, 1, 0, 1, 1, 2, 2, 2, 2, 2])
    assert round(adjusted_rand_index(one, other), 3) == 0.313
    # The manual of scikit-learn, adjusted_rand_score: 0.57 and 0.24.
    assert adjusted_rand_index(np.array([0, 0, 1, 2]), np.array([0, 0, 1, 1])) == pytest.approx(
        4 / 7
    )
    one, other = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2])
    assert adjusted_rand_index(one, other) == pytest.approx(8 / 33)


def test_agreement_is_that_of_counting_every_pair() -> None:
    chance = rng()
    one, other = chance.integers(4, size=60), chance.integers(3, size=60)
    together = [
        (one[i] == one[j], other[i] == other[j]) for i in range(60) for j in range(i + 1, 60)
    ]
    a = sum(x and y for x, y in together)
    x, y = sum(x for x, _ in together), sum(y for _, y in together)
    expected = x * y / len(together)
    assert adjusted_rand_index(one, other) == pytest.approx(
        (a - expected) / ((x + y) / 2 - expected)
    )


def test_agreement_by_chance_is_about_nothing() -> None:
    chance = rng()
    found = [
        adjusted_rand_index(chance.integers(4, size=400), chance.integers(4, size=400))
        for _ in range(50)
    ]
    assert abs(float(np.mean(found))) < 0.01


# ── groups ─────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_known_moves_no_centre() -> None:
    values = np.array([[-1.0, -2.0], [-1.0, 0.0], [1.0, 2.0], [1.0, 0.0]])
    there = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    centres = k_means(values, there, 2, rng())
    assert sorted(map(tuple, centres.tolist())) == [(-1.0, -2.0), (1.0, 2.0)]
    assert len(set(nearest_of(values, there, centres)[[0, 1]].tolist())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [2, 3, 4])
def test_as_many_groups_are_found_as_were_planted(kinds: int) -> None:
    truth = rng().integers(kinds, size=600)
    seen = customers(truth, rng(), apart=4.0)
    groups = find_groups(seen, seed=1)
    placed = place(seen, groups)
    assert len(groups.centres) == kinds
    inside = placed != NOWHERE
    assert adjusted_rand_index(truth[inside], placed[inside]) > 0.9


@pytest.mark.slow
def test_customers_of_one_kind_are_put_into_no_groups() -> None:
    one_kind = customers(np.zeros(600, dtype=int), rng(), apart=0.0)
    with pytest.raises(NotEnoughData, match="of one kind") as refused:
        find_groups(one_kind, seed=1)
    assert len(refused.value.details["stability"]) == 7


@pytest.mark.slow
def test_evenly_spread_customers_are_put_into_no_groups() -> None:
    chance = rng()
    level = chance.random(600)
    answers = np.stack([0.4 * level + 0.6 * chance.random(600) for _ in range(6)], axis=1)
    spread = known(600, tuple("abcdef"), answers)
    with pytest.raises(NotEnoughData, match="of one kind"):
        find_groups(spread, seed=1)


def test_few_customers_are_put_into_no_groups() -> None:
    with pytest.raises(NotEnoughData, match="120 customers, and groups need 150"):
        find_groups(customers(rng().integers(2, size=120), rng(), apart=5.0, missing=0.0), seed=1)


def test_facts_that_go_with_no_other_make_no_groups() -> None:
    lonely = known(500, ("a", "b"), rng().random((500, 2)))
    assert fit_features(lonely) == ()
    with pytest.raises(NotEnoughData, match="0 facts"):
        find_groups(lonely, seed=1)


def test_the_same_customers_give_the_same_scales_whatever_their_unit() -> None:
    chance = rng()
    orders = chance.gamma(2.0, 3.0, 400)
    money = orders * 20 + chance.normal(0, 1, 400) ** 2
    one = known(400, order_count=orders, average_order=money)
    other = known(400, order_count=orders, average_order=money * 400)
    first, second = (coordinates(each, fit_features(each))[0] for each in (one, other))
    assert np.allclose(first, second, atol=0.1)


def test_a_share_of_few_is_pulled_towards_everybodys() -> None:
    share = np.r_[np.zeros(100), np.ones(100)]
    occasions = np.r_[np.full(199, 3.0), 300.0]
    seen = known(200, web_share=share, evening_share=share, occasions=occasions)
    values = coordinates(seen, fit_features(seen))[0]
    assert values[199, 0] > values[198, 0] > values[0, 0]


def stability(k: int, mean: float, *, reference: float = 0.3) -> Stability:
    return Stability(
        k=k, mean=mean, low=mean - 0.02, high=mean + 0.02, reference=reference,
        reference_high=reference + 0.1,
    )  # fmt: skip


def test_of_numbers_found_again_as_well_the_finest_is_chosen() -> None:
    found = (stability(2, 0.98), stability(3, 0.96), stability(4, 0.94), stability(5, 0.80))
    assert chosen_k(found) == 4


def test_a_number_that_clouds_without_groups_give_as_well_is_not_chosen() -> None:
    assert chosen_k((stability(2, 0.95, reference=0.9), stability(3, 0.6))) is None


# ── statements ─────────────────────────────────────────────────────────────────────────────────


def statements(own: tuple[int, int], others: tuple[int, int]) -> tuple[Statement, ...]:
    """Of a group with (customers with the trait, customers known) beside others."""
    counts = [own[0], own[1] - own[0], others[0], others[1] - others[0]]
    true = np.repeat([True, False, True, False], counts)[:, None]
    inside = np.repeat([True, True, False, False], counts)
    trait = Trait(kind="behavioural", name="store")
    traits = Traits(names=(trait,), true=true, known=np.ones_like(true))
    return describe(traits, {"g": inside})["g"]


def test_a_statement_has_its_lift_over_everybody_and_its_count() -> None:
    (said,) = statements((312, 760), (688, 4800))
    assert (said.verdict, said.customers, said.known) == ("more", 312, 760)
    assert said.share == pytest.approx(312 / 760)
    assert said.everybody == pytest.approx(1000 / 5560)
    assert said.lift == pytest.approx((312 / 760) / (1000 / 5560))
    assert said.low < said.lift < said.high


def test_what_a_group_is_not_and_what_is_as_in_everybody_are_said_too() -> None:
    assert statements((8, 400), (400, 2000))[0].verdict == "less"
    assert statements((100, 400), (500, 2000))[0].verdict == "same"
    assert statements((0, 400), (400, 2000))[0].verdict == "less"


def test_of_so_few_that_they_would_be_known_nothing_is_said() -> None:
    assert statements((3, 400), (400, 2000)) == ()
    assert statements((397, 400), (400, 2000)) == ()
    assert statements((10, 20), (400, 2000)) == ()


def test_the_interval_of_a_lift_holds_the_truth_19_times_in_20() -> None:
    chance = rng()
    inside, outside, p, q = 120, 900, 0.3, 0.12
    truth = p / ((inside * p + outside * q) / (inside + outside))
    held = 0
    for own, others in zip(
        chance.binomial(inside, p, 2000), chance.binomial(outside, q, 2000), strict=True
    ):
        _, low, high = lift_of(own, inside, own + others, inside + outside)
        held += low <= truth <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_an_interval_exists_where_nobody_has_the_trait() -> None:
    lift, low, high = lift_of(0, 200, 300, 2000)
    assert lift == 0.0 < low < high < 0.3


def test_many_comparisons_are_corrected_as_scipy_does() -> None:
    p_values = np.r_[rng().random(40), 1e-6, 0.001, 0.004]
    assert benjamini_hochberg(p_values.tolist()) == pytest.approx(
        stats.false_discovery_control(p_values).tolist()
    )


def test_many_comparisons_are_corrected_as_in_the_first_paper() -> None:
    # Benjamini & Hochberg (1995), section 3.2: of these 15 the first four are found at 0.05.
    published = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
        0.5719, 0.6528, 0.7590, 1.0,
    ]  # fmt: skip
    assert sum(p <= 0.05 for p in benjamini_hochberg(published)) == 4


def test_groups_by_chance_have_hardly_any_statements() -> None:
    chance = rng()
    seen = customers(chance.integers(4, size=800), chance, apart=4.0)
    traits = traits_of(seen)
    halves = {f"half-{n}": chance.random(800) < 0.5 for n in range(20)}
    said = [s for each in describe(traits, halves).values() for s in each if s.verdict != "same"]
    assert said == []


def test_a_group_is_named_by_its_two_strongest_traits_of_two_kinds() -> None:
    def said(name: str, kind: str, verdict: str = "more") -> Statement:
        return Statement(
            trait=Trait(kind=kind, name=name), verdict=verdict, customers=50, known=100,
            share=0.5, everybody=0.2, lift=2.5, low=2.0, high=3.0, p_adjusted=0.001,
        )  # type: ignore[arg-type]  # fmt: skip

    strongest = (
        said("opens", "psychographic", "less"), said("store", "behavioural"),
        said("weekend", "behavioural"), said("frequent", "transactional"),
    )  # fmt: skip
    assert [trait.name for trait in suggested_name(strongest)] == ["store", "frequent"]
    assert suggested_name(strongest[:1]) == ()


# ── which group is which ───────────────────────────────────────────────────────────────────────


def test_relabelled_groups_keep_their_ids() -> None:
    old = rng().integers(4, size=500)
    new = (3 - old) % 4
    carried = carry(old, new, (7, 8, 9, 12), 4, 20)
    assert carried.persona_ids == (12, 9, 8, 7)
    assert set(carried.fates.values()) == {"kept"}


def test_a_perturbed_group_stays_and_a_foreign_one_is_new() -> None:
    old = np.repeat([0, 1, NOWHERE], 100)
    new = np.r_[np.full(80, 1), np.full(120, 0), np.full(100, 2)]
    carried = carry(old, new, (1, 2), 3, 3)
    assert carried.persona_ids == (2, 1, 3)
    assert carried.fates == {1: "kept", 2: "kept", 3: "new"}


def test_customers_who_came_since_do_not_make_a_group_another_one() -> None:
    old = np.r_[np.zeros(50, int), np.full(900, NOWHERE), np.ones(50, int)]
    new = np.r_[np.zeros(500, int), np.ones(500, int)]
    assert carry(old, new, (4, 6), 2, 7).persona_ids == (4, 6)


def test_split_merged_and_gone_groups_are_called_so() -> None:
    split = carry(np.zeros(100, int), np.repeat([0, 1], [60, 40]), (1,), 2, 2)
    assert split.persona_ids == (1, 2)
    assert (split.fates[2], split.sources[2]) == ("split", (1,))
    merged = carry(np.repeat([0, 1], [60, 40]), np.zeros(100, int), (1, 2), 1, 3)
    assert merged.persona_ids == (1,)
    assert (merged.fates[1], merged.sources[1], merged.fates[2]) == ("merged", (1, 2), "gone")
    scattered = carry(np.zeros(90, int), np.repeat([0, 1, 2, 3], [23, 23, 22, 22]), (1,), 4, 2)
    assert scattered.fates[1] == "gone"


def grouped(seen: object, centres: list[list[float]]) -> Groups:
    features = fit_features(seen)  # type: ignore[arg-type]
    return Groups(
        features=features, centres=tuple(tuple(row) for row in centres), stability=(), active=0,
        looked_at=0, seed=1,
    )  # fmt: skip


def test_who_moved_is_counted_with_what_changed_in_them() -> None:
    chance = rng()
    level = np.repeat([0.2, 0.8], 100) + chance.normal(0, 0.05, 200)
    answers = np.stack([level, level + chance.normal(0, 0.02, 200)], axis=1)
    then = known(200, ("a", "b"), answers)
    changed = answers.copy()
    changed[:10] += 0.6
    now = known(200, ("a", "b"), changed)
    groups = grouped(then, [[-1.0, -1.0], [1.0, 1.0]])
    found = flows(then, now, old=groups, new=groups, old_ids=(1, 2), new_ids=(1, 2))
    sizes = {(flow.before, flow.now): flow.customers for flow in found}
    assert sizes == {(2, 2): 100, (1, 1): 90, (1, 2): 10}
    moved = next(flow for flow in found if flow.before != flow.now)
    assert (moved.share, moved.changed) == (0.1, 10)
    assert {each.feature for each in moved.why} == {"answer:a", "answer:b"}
    assert all(each.now - each.before > 1.5 for each in moved.why)
    # The same people, and groups drawn elsewhere: nobody changed.
    redrawn = grouped(then, [[-1.0, -1.0], [-0.7, -0.7]])
    drawn = flows(then, then, old=groups, new=redrawn, old_ids=(1, 2), new_ids=(1, 2))
    assert all(flow.changed == 0 and flow.why == () for flow in drawn)


# ── what is known ──────────────────────────────────────────────────────────────────────────────

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def read(lake: Lake, rows: list[dict[str, object]], items: list[dict[str, object]] = []) -> object:  # noqa: B006
    tables = {
        "touchpoints": touchpoints(rows),
        "membership": membership({1: "ada", 2: "bob"}),
        "customers": pa.Table.from_pylist(
            [
                {"profile_id": "ada", "order_count": 1, "revenue": Decimal(1), "country": "BE",
                 "age_band": "35-44", "tickets_90_days": 0, "last_nps": 9.0},
            ],
            CUSTOMERS,
        ),
        "order_items": pa.Table.from_pylist(
            [{"bucket": 1, "atom_id": 1, "occurred_at": NOW, "order_id": "-", "line": n,
              "quantity": Decimal(1), "currency": "EUR", "amount_base": Decimal(5), **each}
             for n, each in enumerate(items)],
            ORDER_ITEMS,
        ),
    }  # fmt: skip
    return read_facts(lake, NOW, time_zone="Europe/Brussels", tables=tables)


def test_many_pages_of_one_hour_are_one_occasion_and_midnight_is_no_hour(lake: Lake) -> None:
    page = {"type": "Page Viewed", "atom_id": 1}
    seen = read(
        lake,
        [
            {**page, "occurred_at": at("2026-03-02T18:10:00+01:00")},  # a Monday evening
            {**page, "occurred_at": at("2026-03-02T18:50:00+01:00")},
            {"type": "Store Visited", "channel": "store", "atom_id": 1,
             "occurred_at": at("2026-06-06T10:00:00+02:00")},  # a Saturday morning
            {"type": "Store Visited", "channel": "store", "atom_id": 1,
             "occurred_at": at("2026-06-08T00:00:00+02:00")},
            {**page, "occurred_at": at("2025-06-01T10:00:00+02:00")},  # over a year ago
            {"type": "Message Sent", "channel": "email", "campaign": "c", "atom_id": 2,
             "occurred_at": at("2026-06-06T10:00:00+02:00")},
        ],
    )  # fmt: skip
    assert seen.profile_ids == ("ada",)  # type: ignore[attr-defined]
    numbers = {name: values[0] for name, values in seen.numbers.items()}  # type: ignore[attr-defined]
    assert numbers["occasions"] == 2
    assert [numbers[f"{n}_share"] for n in ("web", "store", "weekend", "morning", "evening")] == [
        0.5, 0.5, 0.5, 0.5, 0.5,
    ]  # fmt: skip
    assert numbers["age"] == 40
    assert seen.labels["voice"] == ("promoter",)  # type: ignore[attr-defined]


def test_what_is_not_known_is_not_nothing(lake: Lake) -> None:
    seen = read(
        lake,
        [{"type": "Page Viewed", "atom_id": 2, "occurred_at": at("2026-06-06T10:00:00+02:00")}],
    )
    numbers = {name: values[0] for name, values in seen.numbers.items()}  # type: ignore[attr-defined]
    for name in ("age", "average_order", "reduced_share", "refund_share", "opened_share", "mood"):
        assert math.isnan(numbers[name]), name
    assert numbers["order_count"] == 0
    assert seen.labels["country"] == (None,)  # type: ignore[attr-defined]


def test_a_line_well_below_its_products_usual_price_was_bought_reduced(lake: Lake) -> None:
    seen = read(
        lake,
        [{"atom_id": 1, "occurred_at": at("2026-06-06T10:00:00+02:00"), "amount_base": 30},
         {"atom_id": 1, "occurred_at": at("2026-06-07T10:00:00+02:00"), "type": "Order Refunded",
          "amount_base": -5}],
        [{"position": 1, "sku": "A", "unit_price": Decimal(10)},
         {"position": 1, "sku": "A", "unit_price": Decimal(10)},
         {"position": 1, "sku": "A", "unit_price": Decimal(8)},
         {"position": 1, "sku": "B", "unit_price": None}],
    )  # fmt: skip
    numbers = {name: values[0] for name, values in seen.numbers.items()}  # type: ignore[attr-defined]
    assert numbers["reduced_share"] == pytest.approx(1 / 3)
    assert (numbers["average_order"], numbers["lines_per_order"]) == (30, 4)
    assert numbers["refund_share"] == 1.0


def test_the_newest_answer_to_each_question_counts_on_its_own_scale(lake: Lake) -> None:
    answer = {"type": "Survey Answered", "atom_id": 1, "scale_min": 1.0, "scale_max": 7.0}
    seen = read(
        lake,
        [
            {"type": "Page Viewed", "atom_id": 1, "occurred_at": at("2026-06-06T10:00:00+02:00")},
            {**answer, "question": "price", "score": 1.0, "occurred_at": at("2026-01-01")},
            {**answer, "question": "price", "score": 4.0, "occurred_at": at("2026-02-01")},
            {**answer, "question": "price", "score": 7.0, "occurred_at": at("2026-08-01")},
            {**answer, "question": "nps", "score": 7.0, "occurred_at": at("2026-02-01")},
        ],
    )
    assert seen.questions == ("price",)  # type: ignore[attr-defined]
    assert seen.answers.tolist() == [[0.5]]  # type: ignore[attr-defined]


# ── a typical day ──────────────────────────────────────────────────────────────────────────────


def test_a_typical_day_tells_shares_and_hides_the_few(lake: Lake) -> None:
    people = range(1, 11)
    rows = [
        {"type": "Store Visited", "channel": "store", "atom_id": n,
         "occurred_at": at("2026-06-05T10:00:00+02:00")}
        for n in people
    ] + [
        {"type": "Page Viewed", "channel": "web", "atom_id": n,
         "occurred_at": at("2026-06-06T20:00:00+02:00")}
        for n in (1, 2)
    ]  # fmt: skip
    tables = {
        "touchpoints": touchpoints(rows),
        "membership": membership({n: f"p{n}" for n in people}),
    }
    group = pa.Table.from_pylist(
        [{"profile_id": f"p{n}", "segment": "g"} for n in range(1, 7)], GROUPED
    )
    days = typical_days(lake, NOW, group, time_zone="Europe/Brussels", tables=tables)
    assert days[""].occasions == 12
    assert days["g"].occasions == 8
    assert days["g"].weekend_share == 0.25
    shares = {(each.weekend, each.hour): each.share for each in days["g"].hours}
    assert shares[False, 10] == 1.0
    assert shares[False, 11] == 0.0
    assert shares[True, 20] is None
    where = {(each.channel, each.part): each.share for each in days["g"].channels}
    assert where == {("store", "morning"): 0.75, ("web", "evening"): None}


# ── offers that were taken up ──────────────────────────────────────────────────────────────────


def test_a_coupon_is_known_of_whoever_ordered_and_a_code_once_five_redeemed_it(lake: Lake) -> None:
    def ordered(atom: int, coupon: str | None, order: str = "") -> dict[str, object]:
        said = "null" if coupon is None else f'"{coupon}"'
        return {
            "atom_id": atom, "order_id": f"{atom}{order}", "occurred_at": at("2026-03-02T10:30"),
            "amount_base": 10, "properties": f'{{"carrier":"post","coupon":{said}}}',
        }  # fmt: skip

    people = range(1, 9)
    tables = {
        "touchpoints": touchpoints(
            [
                *(ordered(atom, "spring " if atom % 2 else "SPRING") for atom in range(1, 6)),
                ordered(1, "SPRING", "again"),
                ordered(6, "FOR-JAN"),
                ordered(7, None),
                {"type": "Store Visited", "channel": "store", "atom_id": 8,
                 "occurred_at": at("2026-03-02T10:30")},
            ]
        ),
        "membership": membership({atom: f"p{atom}" for atom in people}),
        "customers": CUSTOMERS.empty_table(),
        "order_items": ORDER_ITEMS.empty_table(),
    }  # fmt: skip
    seen = read_facts(lake, NOW, time_zone="Europe/Brussels", tables=tables)
    # A code that only Jan redeemed counts as a coupon and is not named.
    assert seen.coupons == ("", "SPRING")
    assert seen.profile_ids == tuple(f"p{atom}" for atom in people)
    assert seen.redeemed[:, 0].tolist()[:7] == [1, 1, 1, 1, 1, 1, 0]
    assert seen.redeemed[:, 1].tolist()[:7] == [1, 1, 1, 1, 1, 0, 0]
    assert np.isnan(seen.redeemed[7]).all()  # who did not order redeemed nothing
    traits = traits_of(seen)
    place_of = {(trait.name, trait.value): n for n, trait in enumerate(traits.names)}
    code = place_of["coupon_code", "SPRING"]
    assert (traits.true[:, code].sum(), traits.known[:, code].sum()) == (5, 7)
    assert traits.true[:, place_of["coupon", ""]].sum() == 6


def test_offers_of_one_series_are_opened_by_who_opens_half_of_those_sent() -> None:
    nothing = np.nan
    seen = replace(
        known(4),
        offers=("news-2026-01", "news-2026-02", "news-2026-03", "sale-2026"),
        taken=np.array([[1, 1, 0, 0], [1, 0, 0, 1], [nothing, 1, 1, 1], [0, 1, 1, nothing]], float),
    )
    traits = traits_of(seen)
    [series] = [n for n, trait in enumerate(traits.names) if trait.name == "series"]
    assert traits.names[series].value == "news"
    assert traits.known[:, series].tolist() == [True, True, False, True]  # the third got only two
    assert traits.true[:, series].tolist() == [True, False, False, True]

"""Hypotheses: published figures, a world whose truth is known, and sentences in four languages."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from rapport.errors import InvalidInput
from rapport.understand.hypotheses.check import Result, check_against
from rapport.understand.hypotheses.comparison import (
    Adjusted,
    adjusted,
    apart,
    newcombe,
    overlap,
    unmeasured,
    welch,
)
from rapport.understand.hypotheses.definition import (
    Did,
    Holds,
    Hypothesis,
    Waited,
    check_hypothesis,
    read_hypothesis,
)
from rapport.understand.hypotheses.reading import read_sentence
from rapport.understand.hypotheses.ready_made import DEEDS, OUTCOMES, WAITS
from rapport.understand.hypotheses.verdict import (
    ALPHA,
    customers_for_means,
    customers_for_shares,
    judge,
    level,
)
from rapport.understand.segments.happening import Happened, Span, Which
from rapport.understand.segments.rule import All, Condition

FloatArray = NDArray[np.float64]


def yes(count: int, of: int) -> NDArray[np.bool_]:
    return np.arange(of) < count


def found(exposed: float, others: float, *, error: float = 0.01, spread: float = 1.0) -> Adjusted:
    return Adjusted(
        exposed=exposed, others=others, standard_error=error, effective=(500, 500), common=250,
        spread=spread,
    )  # fmt: skip


# ── published figures ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("exposed", "others", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, table II, method 10.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ],
)
def test_the_interval_of_two_shares_is_newcombes(
    exposed: tuple[int, int], others: tuple[int, int], low: float, high: float
) -> None:
    compared = newcombe(yes(*exposed), yes(*others))

    assert (compared.low, compared.high) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_two_means_is_welchs() -> None:
    # Computed with R 4: t.test(extra ~ group, data = sleep), Student's (1908) sleep data.
    one = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    two = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])

    compared = welch(one, two)

    assert (compared.low, compared.high) == pytest.approx((-3.3654832, 0.2054832), abs=1e-6)


def test_the_e_value_is_the_published_one() -> None:
    # VanderWeele & Ding (2017): a risk ratio of 3.9 (1.8 to 8.7) needs 7.26, its limit 3.0.
    share = found(0.39, 0.10)

    assert unmeasured(share, is_share=True) == pytest.approx(7.26, abs=0.005)
    assert unmeasured(share, is_share=True, limit=0.08) == pytest.approx(3.0)
    assert unmeasured(share, is_share=True, limit=0.0) == 1.0


@pytest.mark.parametrize(
    ("one", "other", "customers"),
    # Fleiss, Levin & Paik (2003), table A.4 less the continuity correction 2 / |p1 − p2|:
    # 474, 152 and 408 customers at 5 % and a power of 80 %.
    [(0.05, 0.10, 435), (0.05, 0.15, 141), (0.50, 0.60, 388)],
)
def test_an_experiment_needs_the_customers_of_the_table(
    one: float, other: float, customers: int
) -> None:
    assert customers_for_shares(one, other) == pytest.approx(customers, abs=1)


def test_an_experiment_on_means_needs_the_customers_of_the_formula() -> None:
    # Cohen (1988), table 2.4.1: d of 0.5 at a two-sided 5 % and a power of 80 % needs 64; the
    # normal approximation is one short.
    assert customers_for_means(0.5, 1.0) == 63
    assert customers_for_means(0.0, 1.0) is None


# ── how often one has looked ───────────────────────────────────────────────────────────────────


def test_all_looks_that_find_nothing_spend_no_more_than_the_whole_level() -> None:
    assert level(0, 0) == ALPHA / 2
    assert sum(level(looks, 0) for looks in range(100_000)) == pytest.approx(ALPHA, rel=1e-4)


def test_a_finding_gives_some_of_the_level_back() -> None:
    assert level(9, 3) == 4 * level(9, 0)


def test_few_findings_are_false_however_often_one_looks() -> None:
    rng = np.random.default_rng(11)
    shares = []
    for _ in range(300):
        true = rng.random(60) < 0.3
        p = np.where(true, rng.beta(0.05, 8, 60), rng.random(60))
        findings = false = 0
        for looks, (value, is_true) in enumerate(zip(p, true, strict=True)):
            if value < level(looks, findings):
                findings += 1
                false += not is_true
        shares.append(false / max(1, findings))

    assert float(np.mean(shares)) < ALPHA


# ── the verdict ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("exposed", "more", "verdict", "reason"),
    [
        (0.30, True, "supported", "as_said"),
        (0.30, False, "not_supported", "opposite"),
        (0.15, False, "supported", "as_said"),
        (0.20, True, "cannot_tell", "chance"),
        (0.19, True, "not_supported", "too_small"),
    ],
)
def test_the_verdict_follows_the_interval(
    exposed: float, more: bool, verdict: str, reason: str
) -> None:
    said = judge(found(exposed, 0.20), more=more, matters=0.015, alpha=0.05)

    assert (said.verdict, said.reason) == (verdict, reason)


def test_a_sure_difference_that_is_too_small_to_matter_is_no_support() -> None:
    said = judge(found(0.21, 0.20, error=0.001), more=True, matters=0.02, alpha=0.05)

    assert (said.verdict, said.reason, said.is_finding) == ("not_supported", "too_small", True)


# ── groups made alike ──────────────────────────────────────────────────────────────────────────


def confounded(
    rng: np.random.Generator, n: int, effect: float
) -> tuple[FloatArray, NDArray[np.bool_], FloatArray]:
    """Those with a high first column are exposed more, and spend more anyway."""
    x = rng.normal(size=(n, 3))
    exposed = rng.random(n) < 1 / (1 + np.exp(-(0.9 * x[:, 0] - 0.4 * x[:, 1])))
    y = effect * exposed + 1.5 * x[:, 0] + rng.gumbel(size=n)
    return x, exposed, y


def test_overlap_weights_make_every_mean_exactly_alike() -> None:
    x, exposed, _ = confounded(np.random.default_rng(1), 2000, 0.0)

    before, after = apart(x, exposed), apart(x, exposed, overlap(x, exposed))

    assert abs(before[0]) > 0.5
    assert np.abs(after).max() < 1e-4


def test_the_adjusted_difference_is_the_true_one_where_the_plain_one_is_not() -> None:
    x, exposed, y = confounded(np.random.default_rng(2), 20_000, 0.5)

    plain = welch(y[exposed], y[~exposed])
    made = adjusted(x, exposed, y)

    assert plain.low > 1.0
    assert made.difference == pytest.approx(0.5, abs=3 * made.standard_error)
    assert made.standard_error < 0.03


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = []
    for _ in range(400):
        made = adjusted(*confounded(rng, 400, 0.3))
        held.append(abs(made.difference - 0.3) < 1.96 * made.standard_error)

    # 95 %, give or take three standard errors of 400 tries.
    assert 0.917 <= np.mean(held) <= 0.983


def test_the_standard_error_is_that_of_drawing_customers_again() -> None:
    rng = np.random.default_rng(4)
    x, exposed, y = confounded(rng, 800, 0.3)
    again = []
    for _ in range(300):
        drawn = rng.integers(0, 800, 800)
        again.append(adjusted(x[drawn], exposed[drawn], y[drawn]).difference)

    assert adjusted(x, exposed, y).standard_error == pytest.approx(np.std(again), rel=0.15)


def test_a_customer_who_stands_on_both_sides_is_one_customer() -> None:
    x, exposed, y = confounded(np.random.default_rng(5), 500, 0.3)
    twice = [np.concatenate([each, each]) for each in (x, exposed, y)]
    whose = np.concatenate([np.arange(500), np.arange(500)])

    once = adjusted(x, exposed, y)
    together = adjusted(twice[0], twice[1], twice[2], whose)

    assert together.standard_error == pytest.approx(once.standard_error, rel=1e-3)


# ── the whole check ────────────────────────────────────────────────────────────────────────────


def people(
    n: int, *, effect: float, seed: int = 7, exposed_share: float = 0.5, unlike: bool = False
) -> pa.Table:
    """Customers as `subjects.followed` gives them, whose orders drive both."""
    rng = np.random.default_rng(seed)
    orders = rng.poisson(3, n)
    push = (orders > 3) * (30.0 if unlike else 1.0)
    odds = math.log(exposed_share / (1 - exposed_share)) + push - push.mean()
    exposed = rng.random(n) < 1 / (1 + np.exp(-odds))
    leaves = rng.random(n) < 0.45 - 0.05 * np.minimum(orders, 6) + effect * exposed
    start = np.datetime64("2026-01-01T00:00:00") + rng.integers(0, 300 * 86_400, n)
    moment = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "profile_id": pa.array([f"p{i}" for i in range(n)]),
            "start_at": pa.array(start, pa.timestamp("us")).cast(moment),
            "index_at": pa.array(start, pa.timestamp("us")).cast(moment),
            "exposed": pa.array(exposed.astype(int), pa.int32()),
            "outcome": pa.array(leaves.astype(float)),
            "orders_before": pa.array(orders),
            "spent_before": pa.array(orders * 40.0),
            "first_order_before": pa.nulls(n, moment),
            "last_order_before": pa.nulls(n, moment),
            "tickets_before": pa.array(np.zeros(n, int)),
            "country": pa.array(rng.choice(["BE", "HU", None], n).tolist()),
            "language": pa.nulls(n, pa.string()),
            "acquisition_channel": pa.nulls(n, pa.string()),
            "age_band": pa.nulls(n, pa.string()),
            "gender": pa.nulls(n, pa.string()),
        }
    )


WAITING = Hypothesis(
    exposure=Waited(begins=WAITS["delivery"][0], ends=WAITS["delivery"][1], span=Span(number=2)),
    outcome=OUTCOMES["leave"],
)


def checked(table: pa.Table, hypothesis: Hypothesis = WAITING) -> Result:
    return check_against(hypothesis, table, alpha=0.05)


def test_a_true_effect_is_supported_and_its_size_is_in_the_interval() -> None:
    result = checked(people(6000, effect=0.10))

    assert result.said.verdict == "supported"
    assert result.low is not None
    assert result.high is not None
    assert result.low < 0.10 < result.high
    assert result.e_value is not None
    assert result.e_value > 1.3


def test_what_only_goes_with_the_exposure_is_not_supported() -> None:
    """Those with many orders are exposed more and leave less: as they are, the groups differ."""
    result = checked(people(40_000, effect=0.0))

    assert result.raw is not None
    assert result.raw.high < 0
    assert result.said.verdict == "not_supported"
    assert result.said.reason == "too_small"


def test_too_few_customers_say_nothing() -> None:
    result = checked(people(60, effect=0.3))

    assert (result.said.verdict, result.said.reason) == ("cannot_tell", "few")
    assert result.raw is None
    assert not result.said.is_finding


def test_a_side_of_a_few_persons_is_not_counted_out() -> None:
    result = checked(people(60, effect=0.3, exposed_share=0.04))

    assert result.exposed is None


def test_groups_with_hardly_anybody_in_common_cannot_be_compared() -> None:
    result = checked(people(4000, effect=0.1, unlike=True))

    assert (result.said.verdict, result.said.reason) == ("cannot_tell", "unlike")


def test_what_hardly_ever_happens_cannot_be_told() -> None:
    table = people(400, effect=0.0)
    place = table.column_names.index("outcome")
    rare = pa.array([1.0] + [0.0] * 399)

    result = checked(table.set_column(place, "outcome", rare))

    assert result.said.reason == "rare"


def test_who_never_had_the_thing_they_waited_for_is_left_out_and_counted() -> None:
    table = people(400, effect=0.0)
    place = table.column_names.index("exposed")
    values = table["exposed"].to_pylist()
    unknown = pa.array([None] * 7 + values[7:], pa.int32())

    assert checked(table.set_column(place, "exposed", unknown)).left_out == 7


def test_the_experiment_counts_that_only_some_would_have_waited() -> None:
    result = checked(people(6000, effect=0.10, exposed_share=0.2))

    plan = result.experiment
    assert plan is not None
    assert plan.kind == "spare"
    assert result.made_alike is not None
    assert plan.reach == pytest.approx(0.2, abs=0.03)
    assert plan.expected == pytest.approx(plan.reach * result.made_alike.difference)
    usual = result.made_alike.others + plan.expected
    assert plan.per_arm == customers_for_shares(usual, result.made_alike.others)


def test_nobody_can_be_given_a_country_by_lot() -> None:
    rule = Condition(column="country", operator="eq", value="HU")
    hypothesis = Hypothesis(exposure=Holds(rule=rule), outcome=OUTCOMES["leave"])

    result = checked(people(1000, effect=0.1), hypothesis)

    assert result.experiment is None
    # What tells the groups apart is not adjusted for, nor is what comes with it.
    assert {"country", "language"}.isdisjoint(each.name for each in result.alike)


# ── what a hypothesis may say ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"follow_days": 3}, "followed for 7 to 365 days"),
        ({"matters": -1.0}, "above 0"),
        ({"outcome": {"measure": "count", "which": {}}}, "are counted afterwards"),
        (
            {
                "exposure": {
                    "kind": "holds",
                    "rule": {
                        "kind": "condition", "column": "order_count", "operator": "ge", "value": 2,
                    },
                }
            },
            "known for today alone",
        ),
        (
            {
                "exposure": {
                    "kind": "waited",
                    "begins": {"types": ["Ticket Opened"]},
                    "ends": {"types": ["Ticket Opened"]},
                    "span": {"number": 2},
                }
            },
            "not with the same",
        ),
        ({"exposure": {"kind": "did", "which": {}}}, "Say by its type"),
    ],
)  # fmt: skip
def test_a_hypothesis_that_cannot_be_looked_at_says_why(
    change: dict[str, object], told: str
) -> None:
    plain = {
        "exposure": {"kind": "did", "which": {"types": ["Ticket Opened"]}},
        "outcome": {"measure": "happens", "which": {"types": ["Order Completed"]}},
    }

    with pytest.raises(InvalidInput, match=told):
        read_hypothesis({**plain, **change})


def test_a_rule_that_fits_everybody_compares_with_nobody() -> None:
    with pytest.raises(InvalidInput, match="nobody to compare"):
        check_hypothesis(Hypothesis(exposure=Holds(rule=All()), outcome=OUTCOMES["leave"]))


def test_a_rule_of_deeds_is_no_rule_of_what_customers_are() -> None:
    rule = Happened(which=Which(types=("Ticket Opened",)), within=Span(number=30))

    with pytest.raises(InvalidInput, match="what they did by itself"):
        check_hypothesis(Hypothesis(exposure=Holds(rule=rule), outcome=OUTCOMES["leave"]))


# ── sentences ──────────────────────────────────────────────────────────────────────────────────


def waited(key: str, number: int, unit: str = "days", *, longer: bool = True) -> Waited:
    begins, ends = WAITS[key]
    span = Span(number=number, unit=unit)  # type: ignore[arg-type]
    return Waited(begins=begins, ends=ends, span=span, longer=longer)


@pytest.mark.parametrize(
    ("language", "sentence", "exposure", "outcome", "more"),
    [
        ("en", "Customers who wait over 2 days leave more.", waited("delivery", 2), "leave", True),
        (
            "en",
            "People who get their parcel within two days come back more often",
            waited("delivery", 2, longer=False),
            "buy_again",
            True,
        ),
        (
            "en",
            "Customers who wait more than 36 hours for an answer recommend us less",
            waited("solution", 36, "hours"),
            "recommend",
            False,
        ),
        ("en", "Customers who buy in the shop spend more", Did(which=DEEDS["buy_in_shop"]),
         "spend", True),
        ("en", "Customers who complained 3 times within 30 days leave more often",
         Did(which=DEEDS["complain"], times=3, within=Span(number=30)), "leave", True),
        (
            "en",
            "Customers from Hungary order more",
            Holds(rule=Condition(column="country", operator="eq", value="HU")),
            "order",
            True,
        ),
        ("nl", "Klanten die langer dan 3 dagen op hun pakket wachten, vertrekken vaker.",
         waited("delivery", 3), "leave", True),
        ("nl", "Wie iets terugstuurt, besteden minder", Did(which=DEEDS["return"]), "spend",
         False),
        (
            "nl",
            "Klanten uit België bevelen ons minder aan, denk ik: ze raden ons aan, maar minder",
            Holds(rule=Condition(column="country", operator="eq", value="BE")),
            "recommend",
            False,
        ),
        ("fr", "Les clients qui attendent plus de 2 jours leur colis partent plus souvent",
         waited("delivery", 2), "leave", True),
        ("fr", "Ceux qui achètent en magasin dépensent davantage",
         Did(which=DEEDS["buy_in_shop"]), "spend", True),
        ("fr", "Les clients qui se plaignent reviennent moins", Did(which=DEEDS["complain"]),
         "buy_again", False),
        ("hu", "Akik 2 napnál többet várnak a csomagra, gyakrabban hagynak el minket.",
         waited("delivery", 2), "leave", True),
        ("hu", "Akik online vásárolnak, többet költenek", Did(which=DEEDS["buy_online"]), "spend",
         True),
        ("hu", "A panaszt tevők ritkábban jönnek vissza", Did(which=DEEDS["complain"]),
         "buy_again", False),
        (
            "hu",
            "A magyarországi vásárlók többet rendelnek",
            Holds(rule=Condition(column="country", operator="eq", value="HU")),
            "order",
            True,
        ),
    ],
)  # fmt: skip
def test_a_managers_sentence_is_understood(
    language: str, sentence: str, exposure: object, outcome: str, more: bool
) -> None:
    reading = read_sentence(sentence, language)

    assert reading.exposure == exposure
    assert reading.outcome == OUTCOMES[outcome]
    assert reading.more is more


def test_a_sentence_in_another_of_the_languages_is_understood_too() -> None:
    reading = read_sentence("Customers who wait over 2 days leave more", "hu")

    assert reading.exposure == waited("delivery", 2)


def test_what_a_sentence_does_not_say_stays_open() -> None:
    reading = read_sentence("The sky is blue over Budapest", "en")

    assert (reading.exposure, reading.outcome) == (None, None)


@pytest.mark.parametrize("language", ["en", "nl", "fr", "hu"])
def test_no_sentence_breaks_the_reader(language: str) -> None:
    for odd in ("", " ", "2", "0 days", "9999 days more", "\\b(", "\x00", "é" * 5000):
        read_sentence(odd, language)

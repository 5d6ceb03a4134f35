import numpy as np
import pytest

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.blocking import block
from rapport.unify.matching.match import match, train
from rapport.unify.matching.model import Weight, level_keys
from rapport.unify.matching.pair_levels import Levels
from rapport.unify.matching.standardise import standardise
from rapport.unify.matching.train import (
    SAME,
    STRANGER,
    blank_model,
    expectation_maximisation,
    grouped,
    starting_weights,
)
from rapport.unify.matching.value_profiles import profile_values, with_rarity
from tests.unify.matching.invented import people
from tests.unify.matching.simple_comparisons import CITY, EMAIL, NAME, PHONE, SIMPLE

pytestmark = pytest.mark.slow  # weights are learnt from thousands of pairs

#: Without rarity, so that the truth is a plain table.
PLAIN = (
    *(
        type(c)(
            name=c.name,
            inputs=c.inputs,
            columns=c.columns,
            read=c.read,
            said=c.said,
            levels=tuple(
                type(level)(key=level.key, sql=level.sql, holds=level.holds) for level in c.levels
            ),
        )
        for c in (NAME, EMAIL, PHONE, CITY)
    ),
)


def drawn(tables, sizes, seed=0):
    """Pairs of each class, whose levels are drawn from its table."""
    rng = np.random.default_rng(seed)
    codes = [
        np.concatenate(
            [1 + rng.choice(len(row), size=n, p=row) for row, n in zip(table, sizes, strict=True)]
        )
        for table in tables
    ]
    codes = np.array(codes, dtype=np.uint8)
    return Levels(codes=codes, share=np.full(codes.shape, np.nan, dtype=np.float32))


TABLES = [
    np.array([[0.80, 0.17, 0.03], [0.02, 0.80, 0.18], [0.001, 0.019, 0.98]]),
    np.array([[0.70, 0.30], [0.10, 0.90], [0.0005, 0.9995]]),
    np.array([[0.75, 0.25], [0.50, 0.50], [0.0005, 0.9995]]),
    np.array([[0.90, 0.10], [0.92, 0.08], [0.05, 0.95]]),
]


def estimated(levels, comparisons, fixed=None, start=None, **options):
    n = levels.codes.shape[1]
    evidence = grouped(
        levels,
        np.ones(n),
        np.full(n, -1, dtype=np.int64) if fixed is None else fixed,
        comparisons,
    )
    return expectation_maximisation(
        evidence,
        comparisons,
        start or {c.name: starting_weights(c) for c in comparisons},
        n_records=2_000,
        version="test",
        **options,
    )


def test_weights_that_made_the_pairs_are_found_again():
    levels = drawn(TABLES, (4_000, 3_000, 200_000))
    rough = {
        c.name: {
            key: Weight(**dict(zip(("m", "household", "u"), 0.6 * row + 0.2, strict=True)))
            for key, row in zip(level_keys(c), table.T, strict=True)
        }
        for c, table in zip(PLAIN, TABLES, strict=True)
    }
    found = estimated(levels, PLAIN, start=rough, household_anchor=0.0, prior_pairs=(1.0, 1.0, 1.0))
    for comparison, table in zip(PLAIN, TABLES, strict=True):
        weights = found.model.weights[comparison.name]
        for at, key in enumerate(level_keys(comparison)):
            assert weights[key].m == pytest.approx(table[0][at], abs=0.05)
            assert weights[key].u == pytest.approx(table[2][at], abs=0.01)
    assert found.pairs_same == pytest.approx(4_000, rel=0.1)


def test_with_two_classes_the_weights_are_those_of_plain_fellegi_sunter():
    """The same levels of the same pairs, one person and strangers only: the same m and u."""
    # Winkler's E and M steps, written out pair by pair.
    two = [table[[SAME, STRANGER]] for table in TABLES]
    levels = drawn(two, (4_000, 200_000), seed=3)
    codes = levels.codes.T - 1
    m = [np.array([0.8, 0.15, 0.05]), *(np.array([0.8, 0.2]) for _ in range(3))]
    u = [np.array([0.01, 0.04, 0.95]), *(np.array([0.01, 0.99]) for _ in range(3))]
    share = 0.05
    for _ in range(200):
        like_m, like_u = np.full(len(codes), share), np.full(len(codes), 1 - share)
        for at in range(4):
            like_m, like_u = like_m * m[at][codes[:, at]], like_u * u[at][codes[:, at]]
        p = like_m / (like_m + like_u)
        share = p.mean()
        for at in range(4):
            size = len(m[at])
            m[at] = np.bincount(codes[:, at], weights=p, minlength=size) / p.sum()
            u[at] = np.bincount(codes[:, at], weights=1 - p, minlength=size) / (1 - p).sum()
    found = estimated(
        levels, PLAIN, household_anchor=0.0, prior_pairs=(0.0, 0.0, 0.0), priors=(2.0, 1e-9)
    )
    for at, comparison in enumerate(PLAIN):
        weights = found.model.weights[comparison.name]
        assert [weights[k].m for k in level_keys(comparison)] == pytest.approx(m[at], abs=0.03)
        assert [weights[k].u for k in level_keys(comparison)] == pytest.approx(u[at], abs=0.005)


def test_pairs_that_were_judged_move_the_weights():
    levels = drawn(TABLES, (50, 50, 20_000))
    # Three hundred pairs of one person whose telephones differ.
    judged = np.array([[1] * 300, [1] * 300, [2] * 300, [1] * 300], dtype=np.uint8)
    both = Levels(
        codes=np.concatenate([levels.codes, judged], axis=1),
        share=np.full((4, levels.codes.shape[1] + 300), np.nan, dtype=np.float32),
    )
    fixed = np.r_[np.full(levels.codes.shape[1], -1), np.full(300, SAME)]
    before = estimated(levels, PLAIN).model.weights["phone"]["same"].m
    after = estimated(both, PLAIN, fixed=fixed).model.weights["phone"]["same"].m
    assert after < before - 0.2


def trained(table, **options):
    standardised, _ = profile_values(standardise(table, SIMPLE), None)
    standardised = with_rarity(standardised, records_per_person=2.0)
    with ColumnEngine() as engine:
        return train(
            standardised,
            block(standardised),
            SIMPLE,
            engine,
            start=blank_model(SIMPLE),
            rng=np.random.default_rng(0),
            **options,
        ).model


def test_a_family_s_telephone_proves_less_than_a_mailbox():
    weights = match(people(150)[0]).model.weights
    mailbox, phone = weights["email"]["same_mailbox"], weights["phone"]["same_phone_household"]
    assert mailbox.m / mailbox.household > 10 * phone.m / phone.household


def test_training_twice_gives_the_same_weights():
    table, _ = people(40)
    assert trained(table) == trained(table)

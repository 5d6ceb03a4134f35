from contextlib import closing

import numpy as np
import pytest

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.comparison import level_of
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.model import graded, level_keys
from rapport.unify.matching.pair_levels import Comparer, level_codes
from rapport.unify.matching.standardise import standardise
from rapport.unify.matching.value_profiles import HOLDERS, PROFILED, profile_values, with_rarity
from tests.unify.matching.invented import people


@pytest.fixture(scope="module")
def standardised():
    table, _ = people(30)
    return with_rarity(profile_values(standardise(table, COMPARISONS))[0])


@pytest.fixture(scope="module")
def all_pairs(standardised):
    return np.triu_indices(standardised.n_records, 1)


@pytest.fixture(scope="module")
def levels(standardised, all_pairs):
    with ColumnEngine() as engine:
        return level_codes(standardised, *all_pairs, engine)


def test_levels_of_many_pairs_are_those_of_one_pair_in_python(standardised, all_pairs, levels):
    rows = list(standardised.rows())
    mailbox = [c.name for c in COMPARISONS].index("email")  # silent where the name has said it
    for at, comparison in enumerate(COMPARISONS):
        keys = ["", *level_keys(comparison)]
        rarity = {level.key: level.rarity for level in comparison.levels}
        for pair, (a, b) in enumerate(zip(*(side.tolist() for side in all_pairs), strict=True)):
            key = level_of(comparison, rows[a], rows[b]) or ""
            if rarity.get(key) in PROFILED:
                holder = rows[a][f"{rarity[key]}_holder"] or 1
                key = graded(key, HOLDERS[holder - 1])
            found = keys[levels.codes[at, pair]]
            assert found == key or (at == mailbox and not found)


def test_a_pair_alone_stands_on_the_levels_that_it_has_among_all(standardised, all_pairs, levels):
    a, b = all_pairs
    with ColumnEngine() as engine, closing(Comparer(standardised, engine)) as comparer:
        for pair in range(0, len(a), len(a) // 5):
            one = slice(pair, pair + 1)
            codes = comparer.codes(a[one], b[one])
            alone = comparer.levels(codes, a[one], b[one])
            np.testing.assert_array_equal(alone.codes, levels.codes[:, one])
            np.testing.assert_array_equal(alone.share, levels.share[:, one])


def test_pairs_have_the_levels_of_the_other_way_round(standardised, all_pairs, levels):
    a, b = all_pairs
    with ColumnEngine() as engine:
        turned = level_codes(standardised, b, a, engine)
    np.testing.assert_array_equal(turned.codes, levels.codes)
    np.testing.assert_array_equal(turned.share, levels.share)


def test_other_shares_leave_the_levels_as_they_are(standardised, all_pairs, levels):
    rarer = with_rarity(standardised, records_per_person=5.0)
    with ColumnEngine() as engine, closing(Comparer(standardised, engine)) as comparer:
        codes = comparer.codes(*all_pairs)
        comparer.see_shares(rarer)
        seen = comparer.levels(codes, *all_pairs)
        expected = level_codes(rarer, *all_pairs, engine)
    np.testing.assert_array_equal(seen.share, expected.share)
    np.testing.assert_array_equal(seen.codes, levels.codes)
    assert not np.array_equal(seen.share, levels.share, equal_nan=True)

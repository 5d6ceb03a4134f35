from itertools import combinations, product

import numpy as np

from rapport.unify.matching.blocking import RECIPES, block, facts_of, random_pairs
from rapport.unify.matching.live_keys import keys_of_all, keys_of_row
from rapport.unify.matching.standardise import standardise
from tests.unify.matching.invented import people, stated
from tests.unify.matching.simple_comparisons import SIMPLE


def pairs_of(blocks):
    return set(zip(blocks.a.tolist(), blocks.b.tolist(), strict=True))


def test_records_that_share_two_facts_are_compared_and_others_are_not():
    table = stated(
        name=["Jan Maes", "Maes Jan", "Els Maes", "Bela Nagy"],
        postal_code=["1000", "2000", "1000", "3000"],
        birthday=[None, None, None, "1950-01-02"],
    )
    blocks = block(
        standardise(table, SIMPLE), recipes=[("word", "postcode"), ("word", "word"), ("birth",)]
    )
    assert pairs_of(blocks) == {(0, 1), (0, 2)}


def keys_of(row, recipes):
    """The keys of one record: two records share one where `block`, without caps, finds them."""
    held = facts_of(row)
    keys = set()
    for recipe in recipes:
        if any(name not in held for name in recipe):
            continue
        if len(set(recipe)) < len(recipe):
            parts = combinations(sorted(held[recipe[0]]), 2)
        else:
            parts = product(*(held[name] for name in recipe))
        keys |= {(recipe, *part) for part in parts}
    return keys


def test_python_finds_the_keys_that_the_batch_finds():
    table, _ = people(30)
    standardised = standardise(table, SIMPLE)
    recipes = [r for r in RECIPES if r != ("mailbox",)]
    keys = [keys_of(row, recipes) for row in standardised.rows()]
    n = len(keys)
    shared = {(a, b) for a in range(n) for b in range(a + 1, n) if keys[a] & keys[b]}
    blocks = block(standardised, recipes=recipes, cap=10_000, pairs_per_record=10_000)
    assert pairs_of(blocks) == shared


def test_a_record_asked_for_has_the_keys_under_which_the_index_puts_it():
    table, _ = people(30)
    standardised = standardise(table, SIMPLE)
    keys, records = keys_of_all(standardised)
    assert len(keys)
    for record, row in enumerate(standardised.rows()):
        assert set(keys[records == record].tolist()) == keys_of_row(row)


def test_a_key_that_too_many_share_is_refined_by_a_further_fact():
    n = 200
    table = stated(
        name=["Jan Maes"] * n,
        postal_code=["1000"] * n,
        birthday=[f"{1900 + i // 2}-0{1 + i % 2}-11" for i in range(n)],
    )
    blocks = block(standardise(table, SIMPLE), recipes=[("word", "postcode")], cap=10)
    assert pairs_of(blocks) == {(i, i + 1) for i in range(0, n, 2)}
    assert blocks.kinds[0].refined == 2 * n
    assert blocks.kinds[0].dropped == 0


def test_what_stays_too_common_is_dropped_and_counted():
    table = stated(name=["Jan Maes"] * 200, postal_code=["1000"] * 200)
    blocks = block(standardise(table, SIMPLE), recipes=[("word", "postcode")], cap=10)
    assert len(blocks.a) == 0
    assert blocks.kinds[0].dropped == 200


def test_pairs_stay_within_the_budget():
    table, _ = people(150)
    standardised = standardise(table, SIMPLE)
    wide = block(standardised)
    tight = block(standardised, pairs_per_record=4)
    assert len(tight.a) <= 4 * table.num_rows < len(wide.a)


def test_pairs_are_distinct_sorted_and_never_of_a_record_with_itself():
    blocks = block(standardise(people(60)[0], SIMPLE))
    combined = blocks.a * 10_000 + blocks.b
    assert np.all(np.diff(combined) > 0)
    assert np.all(blocks.a < blocks.b)


def test_random_pairs_leave_out_what_a_key_joins():
    standardised = standardise(people(10)[0], SIMPLE)
    blocks = block(standardised)
    n = standardised.n_records
    a, b = random_pairs(n, blocks, 10**6, np.random.default_rng(1))
    assert pairs_of(blocks).isdisjoint(zip(a.tolist(), b.tolist(), strict=True))
    assert len(a) + len(blocks.a) == n * (n - 1) // 2


def test_records_that_state_nothing_make_no_pairs():
    blocks = block(standardise(stated(name=[None, None]), SIMPLE))
    assert len(blocks.a) == 0

"""What two persons' records say together, beside what linkage and the look-up make of them."""

import numpy as np
import pytest

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.joint import joint_bits
from rapport.unify.matching.match import match, score_pairs
from rapport.unify.matching.model import default_model
from rapport.unify.matching.score import Against
from tests.unify.matching.invented import people


@pytest.fixture(scope="module")
def matched():
    table, _ = people(40)
    return match(table, comparisons=COMPARISONS, model=default_model())


def joint(matched, labels, a, b):
    with ColumnEngine() as engine:
        return joint_bits(matched.standardised, labels, a, b, COMPARISONS, matched.model, engine)


def test_of_two_records_each_its_own_person_it_is_their_weight(matched):
    n = len(matched.labels)
    a, b = (places[:3000] for places in np.triu_indices(n, 1))
    with ColumnEngine() as engine:
        own, _ = score_pairs(matched.standardised, a, b, COMPARISONS, matched.model, engine)
    np.testing.assert_allclose(joint(matched, np.arange(n), a, b), own, atol=1e-4)


def test_of_several_records_and_one_it_is_what_a_look_up_says(matched):
    # The look-up weighs all records of a person in Python, the batch in SQL and columns.
    labels, sizes = np.unique(matched.labels, return_counts=True)
    rows = list(matched.standardised.rows())
    several, single = labels[sizes >= 2][:12], labels[sizes == 1][:12]
    assert len(several) == len(single) == 12
    a, b = (side.ravel() for side in np.meshgrid(several, single))
    found = joint(matched, matched.labels, a, b)
    for person, other, bits in zip(a.tolist(), b.tolist(), found.tolist(), strict=True):
        records = [rows[at] for at in np.flatnonzero(matched.labels == person)]
        asked = Against(rows[other], matched.model, COMPARISONS, n_records=len(matched.labels))
        said = asked.person(records)
        assert bits == pytest.approx(said.bits, abs=1e-3)


def test_which_records_are_asked_about_and_in_what_parts_is_no_matter(matched, monkeypatch):
    pairs = matched.pairs.filter(~matched.pairs["joined"].to_numpy(zero_copy_only=False))
    a, b = (pairs[name].to_numpy()[:40] for name in ("a", "b"))
    assert len(np.unique(np.column_stack([matched.labels[a], matched.labels[b]]), axis=0)) > 10
    found = joint(matched, matched.labels, a, b)
    by_persons = joint(matched, matched.labels, matched.labels[b], matched.labels[a])
    np.testing.assert_allclose(found, by_persons, atol=1e-4)
    monkeypatch.setattr("rapport.unify.matching.joint._AT_ONCE", 30)
    np.testing.assert_allclose(joint(matched, matched.labels, a, b), found, atol=1e-4)


def test_nothing_to_ask_about_is_nothing(matched):
    none = np.empty(0, dtype=np.int64)
    assert len(joint(matched, matched.labels, none, none)) == 0

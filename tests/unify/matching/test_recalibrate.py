"""What people say of pairs in doubt makes the probabilities right, and leaves the weights alone."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from rapport.unify.matching.model import default_model
from rapport.unify.matching.recalibrate import recalibrated


def judged(n, *, scale, shift, seed=3):
    """Pairs in doubt, and what they are when bits mean ``scale * bits + shift``."""
    rng = np.random.default_rng(seed)
    bits = rng.uniform(-4, 6, n).astype(np.float32)
    probability = 1 / (1 + np.exp2(-(scale * bits + shift)))
    return bits, rng.random(n) < probability


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.6, -1.0), (1.5, 2.0)])
def test_the_scale_is_found_that_the_words_follow(scale, shift):
    model = default_model()
    found = recalibrated(model, *judged(20_000, scale=scale, shift=shift))
    assert found.slope / model.slope == pytest.approx(scale, abs=0.06)
    assert found.shift == pytest.approx(shift, abs=0.16)
    assert found.weights == model.weights


def test_many_words_give_what_plain_logistic_regression_gives():
    bits, same = judged(20_000, scale=0.7, shift=0.8, seed=11)
    peer = LogisticRegression(C=np.inf).fit(bits[:, None], same)
    found = recalibrated(default_model(), bits, same)
    assert found.slope == pytest.approx(peer.coef_[0, 0] / np.log(2), abs=0.06)
    assert found.shift == pytest.approx(peer.intercept_[0] / np.log(2), abs=0.16)


@pytest.mark.parametrize("odd", [1, 2])
def test_words_that_may_be_chance_move_nothing(odd):
    """A pair that is called 93 % sure is two people one time in fourteen."""
    model = default_model()
    bits = np.array([3.7] * (odd + 4), dtype=np.float32)
    same = np.array([False] * odd + [True] * 4)
    assert recalibrated(model, bits, same) == model
    assert recalibrated(model, bits[:1], same[:1]) == model
    assert recalibrated(model, bits[:0], same[:0]) == model


def test_words_that_are_no_chance_move_as_far_as_they_are_many():
    model = default_model()
    shifts = [
        recalibrated(model, np.full(n, 3.0, dtype=np.float32), np.arange(n) % 2 == 0).shift
        for n in (8, 20, 80)
    ]
    assert 0 > shifts[0] > shifts[1] > shifts[2] > -3.0


def test_one_slip_among_sure_pairs_does_not_overrule_them():
    model = default_model()
    bits = np.full(40, 40.0, dtype=np.float32)
    same = np.ones(40, dtype=bool)
    same[0] = False
    after = recalibrated(model, bits, same)
    assert after.slope > 0.4 * model.slope


def test_a_second_hearing_starts_from_the_first():
    once = recalibrated(default_model(), *judged(20_000, scale=0.6, shift=-1.0))
    bits, same = judged(20_000, scale=0.6, shift=-1.0, seed=4)
    heard = (0.6 * bits - 1.0).astype(np.float32)
    twice = recalibrated(once, heard, same)
    assert twice.slope == pytest.approx(once.slope, rel=0.06)
    assert twice.shift == pytest.approx(once.shift, abs=0.16)

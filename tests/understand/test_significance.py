"""Tests of change: against published numbers and scipy, and what must always hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rapport.understand.significance import (
    Side,
    contributions,
    days_differ,
    holm,
    nps_differs,
    proportions_differ,
)


def test_two_proportions_give_the_p_value_of_the_chi_square_test() -> None:
    # The pooled z-test squared is Pearson's chi-square without continuity correction.
    p = proportions_differ(Side(value=30 / 100, n=100), Side(value=55 / 150, n=150))
    table = np.array([[30, 70], [55, 95]])
    assert p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_days_are_compared_as_welch_does() -> None:
    # R's own example, t.test(extra ~ group, sleep): t -1.8608, df 17.776, p 0.07939.
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    assert days_differ(first, second) == pytest.approx(0.07939, abs=5e-6)


def test_an_nps_is_tested_with_the_largest_variance_its_mean_allows() -> None:
    # 60 promoters and 40 detractors have no passives: the bound is then the variance itself.
    p = nps_differs(Side(value=20.0, n=100), Side(value=0.0, n=100))
    z = 0.2 / math.sqrt((1 - 0.04) / 100 + 1 / 100)
    assert p == pytest.approx(2 * stats.norm.sf(z))
    # With passives the truth varies less, so we are never surer than we may be.
    answers = [1.0] * 40 + [0.0] * 40 + [-1.0] * 20
    others = [1.0] * 30 + [0.0] * 40 + [-1.0] * 30
    assert p > stats.ttest_ind(answers, others, equal_var=False).pvalue


@pytest.mark.parametrize("test", [proportions_differ, nps_differs])
def test_nothing_is_claimed_without_observations(test: object) -> None:
    assert test(Side(value=0.0, n=0), Side(value=0.5, n=10)) == 1.0  # type: ignore[operator]
    assert days_differ([1.0], [2.0, 3.0]) == 1.0


def test_holm_corrects_as_published() -> None:
    # p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm") of R.
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx((0.05, 0.08, 0.09, 0.09, 0.09))
    assert holm([]) == ()


_SIDE = st.builds(
    lambda value, n: Side(value=value, n=n), st.floats(-100, 100), st.integers(0, 500)
)
_PARTS = st.dictionaries(st.sampled_from("abcde"), _SIDE, min_size=1)


@given(_PARTS, _PARTS)
def test_contributions_add_up_to_the_change(
    before: dict[str, Side], after: dict[str, Side]
) -> None:
    found = contributions(before, after)
    whole = [sum(s.n for s in each.values()) for each in (before, after)]
    if not all(whole):
        assert found == {}
        return
    means = [
        sum(s.value * s.n for s in each.values()) / n
        for each, n in zip((before, after), whole, strict=True)
    ]
    assert math.isclose(sum(found.values()), means[1] - means[0], abs_tol=1e-6)

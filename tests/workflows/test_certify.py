"""The certificate's figures against definitions worked out by hand, and on a small demo."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.errors import NotFound
from rapport.workflows.certify import _auc, _gap, _macro_f1, _rank_correlation, certify_demo
from rapport.workflows.demo import build_demo
from tests.company import empty_company


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs: list[tuple[int, bool]]) -> None:
    said = np.array([float(value) for value, _ in pairs])
    truth = np.array([float(happened) for _, happened in pairs])
    good, bad = said[truth == 1], said[truth == 0]
    if not len(good) or not len(bad):
        assert np.isnan(_auc(said, truth))
        return
    wins = sum(1.0 if g > b else 0.5 if g == b else 0.0 for g, b in product(good, bad))
    assert _auc(said, truth) == pytest.approx(wins / (len(good) * len(bad)))


def test_macro_f1_of_a_worked_example() -> None:
    # good: 2 hits, 1 wrong, 0 missed -> 0.8; bad: 1 hit, 0 wrong, 1 missed -> 2/3
    assert _macro_f1([1, 1, 1, -1], [1, 1, -1, -1]) == pytest.approx((0.8 + 2 / 3) / 2)


def test_ranks_of_equal_order_correlate_fully() -> None:
    a = np.array([1.0, 2.0, 3.0, 10.0])
    assert _rank_correlation(a, a**3) == pytest.approx(1.0)
    assert _rank_correlation(a, -a) == pytest.approx(-1.0)


def test_a_calibrated_score_has_no_gap() -> None:
    said = np.repeat([0.2, 0.8], 50)
    truth = np.concatenate([np.tile([1, 0, 0, 0, 0], 10), np.tile([1, 1, 1, 1, 0], 10)])
    assert _gap(said, truth.astype(float)) == pytest.approx(0.0)
    assert _gap(1 - said, truth.astype(float)) == pytest.approx(0.6)


def test_without_a_demo_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with empty_company(tmp_path) as company, pytest.raises(NotFound, match="rapport demo"):
        certify_demo(company)


@pytest.mark.slow
def test_the_demo_company_is_understood(tmp_path: Path) -> None:
    with empty_company(tmp_path) as company:
        built = build_demo(company, people=1500)
        assert built.made
        assert not build_demo(company, people=1500).made
        certificate = certify_demo(company)
    assert certificate.value("touchpoints kept") == 1.0
    assert certificate.value("identity precision") >= 0.98
    assert certificate.value("identity recall") >= 0.8
    assert certificate.value("still-a-customer AUC") >= 0.85
    assert certificate.value("still-a-customer calibration gap") <= 0.08
    assert certificate.value("language told") >= 0.95
    for language in ("en", "fr", "hu", "nl"):
        assert certificate.value(f"sentiment {language}") >= 0.6

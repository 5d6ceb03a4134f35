"""Measures of a partition against published examples and definitions worked out pair by pair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.errors import InvalidInput
from rapport.unify.matching.measures import (
    agreement,
    agreement_by,
    calibration,
    calibration_gap,
    clusters_across,
)

#: Bagga & Baldwin (1998), figures 4 and 5: three entities, and two answers of a system.
ENTITIES = np.array([1] * 5 + [2] * 2 + [3] * 5)
SMALL_JOINED_TO_LARGE = np.array([1] * 5 + [2] * 2 + [2] * 5)
LARGE_JOINED_TO_LARGE = np.array([1] * 5 + [2] * 2 + [1] * 5)


def test_bcubed_is_that_of_its_paper() -> None:
    gentle = agreement(SMALL_JOINED_TO_LARGE, ENTITIES).bcubed
    harsh = agreement(LARGE_JOINED_TO_LARGE, ENTITIES).bcubed
    assert (gentle.precision, gentle.recall) == (pytest.approx(0.762, abs=5e-4), 1.0)
    assert (harsh.precision, harsh.recall) == (pytest.approx(0.583, abs=5e-4), 1.0)


def test_pairs_are_those_of_the_textbook() -> None:
    # Manning, Raghavan & Schütze (2008), Introduction to Information Retrieval, figure 16.4:
    # 17 points in three clusters; TP 20, FP 20, FN 24; P .5, R .455, F1 .476.
    clusters = np.array([1] * 6 + [2] * 6 + [3] * 5)
    classes = np.array(list("xxxxxo") + list("xoooo#") + list("xx###"))
    pairs = agreement(clusters, classes).pairwise
    assert pairs.precision == 0.5
    assert pairs.recall == pytest.approx(20 / 44)
    assert pairs.f1 == pytest.approx(0.476, abs=5e-4)


partitions = st.integers(1, 14).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 4), min_size=n, max_size=n) for _ in range(2)))
)


@given(partitions)
def test_figures_are_those_of_the_definitions(drawn: tuple[list[int], list[int]]) -> None:
    labels, truth = drawn
    everybody = range(len(labels))
    made = {p for p in combinations(everybody, 2) if labels[p[0]] == labels[p[1]]}
    wanted = {p for p in combinations(everybody, 2) if truth[p[0]] == truth[p[1]]}
    cluster = [{j for j in everybody if labels[j] == labels[i]} for i in everybody]
    entity = [{j for j in everybody if truth[j] == truth[i]} for i in everybody]
    both = [len(cluster[i] & entity[i]) for i in everybody]

    found = agreement(np.array(labels), np.array(truth))

    assert found.pairwise.precision == pytest.approx(len(made & wanted) / len(made) if made else 1)
    assert found.pairwise.recall == pytest.approx(len(made & wanted) / len(wanted) if wanted else 1)
    assert found.bcubed.precision == pytest.approx(
        sum(both[i] / len(cluster[i]) for i in everybody) / len(labels)
    )
    assert found.bcubed.recall == pytest.approx(
        sum(both[i] / len(entity[i]) for i in everybody) / len(labels)
    )
    exact = {frozenset(e) for e in entity} & {frozenset(c) for c in cluster}
    assert found.exact == pytest.approx(len(exact) / len(set(truth)))
    alone = [all(cluster[i] <= entity[i] for i in entity[at]) for at in everybody]
    apart = {truth[at] for at in everybody if alone[at]}
    assert found.apart == pytest.approx(len(apart) / len(set(truth)))
    assert found.largest_cluster == max(len(c) for c in cluster)
    assert (found.clusters, found.entities) == (len(set(labels)), len(set(truth)))


@given(partitions)
def test_what_clusters_are_called_is_no_matter(drawn: tuple[list[int], list[int]]) -> None:
    labels, truth = drawn
    renamed = agreement(np.array([f"P{9 - label}" for label in labels]), np.array(truth))
    plain = agreement(np.array(labels), np.array(truth))
    assert renamed.pairwise == plain.pairwise
    assert renamed.exact == plain.exact
    assert renamed.bcubed.f1 == pytest.approx(plain.bcubed.f1)  # summed in another order


def test_all_apart_makes_no_wrong_pair_and_finds_none() -> None:
    found = agreement(np.arange(12), ENTITIES)
    assert (found.pairwise.precision, found.pairwise.recall, found.pairwise.f1) == (1.0, 0.0, 0.0)
    assert found.bcubed.precision == 1.0
    assert found.bcubed.recall == pytest.approx(3 / 12)  # each record finds itself


def test_everything_in_one_cluster_finds_all_pairs_and_is_mostly_wrong() -> None:
    found = agreement(np.zeros(12), ENTITIES)
    assert found.pairwise.recall == found.bcubed.recall == 1.0
    assert found.pairwise.precision == pytest.approx(21 / 66)
    assert found.bcubed.precision == pytest.approx((25 + 4 + 25) / 144)
    assert (found.largest_cluster, found.exact, found.apart) == (12, 0.0, 0.0)


def test_people_of_one_record_each_are_right_when_left_alone() -> None:
    found = agreement(np.arange(5), np.arange(5))
    assert (found.pairwise.f1, found.bcubed.f1, found.exact) == (1.0, 1.0, 1.0)


def test_slices_judge_their_own_records_alone() -> None:
    language = np.array(["nl"] * 5 + ["hu"] * 6 + [None], dtype=object)
    by = agreement_by(SMALL_JOINED_TO_LARGE, ENTITIES, language)
    assert set(by) == {"hu", "nl"}
    assert by["nl"].pairwise.f1 == 1.0
    assert by["hu"].pairwise.precision == pytest.approx((1 + 6) / 15)


def test_a_cluster_of_two_households_is_counted_once() -> None:
    labels = np.array([1, 1, 1, 2, 2, 3])
    assert clusters_across(labels, np.array(["a", "b", "c", "a", "a", "b"])) == 1


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(InvalidInput, match="3 labels for 2 records"):
        agreement(np.arange(3), np.arange(2))
    with pytest.raises(InvalidInput, match="no records"):
        agreement(np.arange(0), np.arange(0))


def test_calibration_says_what_share_was_right() -> None:
    said = np.array([0.94, 0.96, 0.95, 0.95, 0.2, 1.0])
    right = np.array([True, True, True, False, False, True])
    bins = {bin.low: bin for bin in calibration(said, right)}
    assert (bins[0.93].pairs, bins[0.93].right) == (4, 0.75)
    assert bins[0.93].said == pytest.approx(0.95)
    assert (bins[0.999].pairs, bins[0.999].right) == (1, 1.0)
    assert (bins[0.5].pairs, bins[0.5].said, bins[0.5].right) == (0, None, None)
    for bin in bins.values():
        if bin.right is not None:
            assert bin.interval is not None
            assert bin.interval[0] <= bin.right <= bin.interval[1]
    gap = calibration_gap(tuple(bins.values()))
    assert gap == pytest.approx((4 * 0.2 + 1 * 0.2 + 0) / 6)


def test_a_probability_above_one_is_refused() -> None:
    with pytest.raises(InvalidInput, match="1 probabilities lie outside 0 to 1"):
        calibration(np.array([0.5, 1.2]), np.array([True, True]))


def test_without_pairs_nothing_is_said_of_certainty() -> None:
    bins = calibration(np.array([]), np.array([], dtype=bool))
    assert sum(bin.pairs for bin in bins) == 0
    assert calibration_gap(bins) is None

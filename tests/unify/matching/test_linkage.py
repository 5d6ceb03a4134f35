import random

import networkx as nx
import numpy as np
import pytest

from rapport.unify.matching.linkage import MOST_RECORDS, link


def clustered(n, evidence, *, prior=-4.0, merge=0.0, line=-1.0, cannot=(), must=(), order=None):
    """Link records by one field's evidence per pair; pairs without any say nothing."""

    def score(a, b):
        found = [evidence.get((x, y)) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        bits = np.array([[value or 0.0 for value in found]], dtype=np.float32)
        said = np.array([[value is not None for value in found]])
        return lambda part: (bits[:, part], bits[:, part], said[:, part])

    pairs = list(evidence)
    if order:
        order.shuffle(pairs)
    a, b = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    bits = np.array([evidence[pair] + prior for pair in pairs], dtype=np.float32)
    return link(
        n,
        a,
        b,
        bits,
        merge_bits=merge,
        line=line,
        score=score,
        combine=lambda stranger, _: (stranger + prior).astype(np.float32),
        cannot=cannot,
        must=must,
    )


def groups(labels):
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


def test_two_persons_are_not_joined_by_one_strong_pair():
    inside = {(a, b): 15.0 for a in range(4) for b in range(a + 1, 4)}
    inside |= {(a + 4, b + 4): 15.0 for a in range(4) for b in range(a + 1, 4)}
    across = {(a, b): -30.0 for a in range(4) for b in range(4, 8)} | {(0, 4): 15.0}
    found = clustered(8, inside | across)
    assert groups(found.labels) == {frozenset(range(4)), frozenset(range(4, 8))}


def test_records_that_have_nothing_in_common_do_not_speak_against_each_other():
    found = clustered(3, {(0, 1): 15.0, (1, 2): 15.0})
    assert groups(found.labels) == {frozenset({0, 1, 2})}


def test_one_that_could_be_either_of_two_is_neither():
    apart = {(0, 1): -20.0}
    found = clustered(3, {(0, 2): 5.0, (1, 2): 5.0} | apart)
    assert groups(found.labels) == {frozenset({0}), frozenset({1}), frozenset({2})}
    alone = clustered(3, {(0, 2): 5.0} | apart)
    assert frozenset({0, 2}) in groups(alone.labels)


def test_what_a_person_kept_apart_stays_apart_whatever_agrees():
    evidence = {(a, b): 15.0 for a in range(4) for b in range(a + 1, 4)}
    found = clustered(4, evidence, cannot=[(3, 0)])
    assert found.labels[0] != found.labels[3]
    assert len(groups(found.labels)) == 2


def test_what_a_person_joined_is_joined_though_nothing_agrees():
    found = clustered(6, {(0, 1): 15.0, (2, 3): 15.0}, must=[(5, 0), (5, 4)])
    assert frozenset({0, 1, 4, 5}) in groups(found.labels)


def test_a_later_cannot_link_does_not_undo_a_join_that_a_person_made():
    found = clustered(3, {(0, 1): 15.0}, must=[(0, 1), (1, 2)], cannot=[(0, 1)])
    assert groups(found.labels) == {frozenset({0, 1, 2})}


def test_the_weakest_join_of_each_person_is_told():
    evidence = {(0, 1): 20.0, (0, 2): 6.0, (1, 2): 6.0}
    found = clustered(4, evidence)
    assert found.bridge_bits[0] == pytest.approx(2.0)
    assert found.bridge[0].tolist() == [0, 2]
    assert np.isnan(found.bridge_bits[3])


def test_the_order_of_pairs_does_not_matter():
    random_ = random.Random(5)  # noqa: S311
    evidence = {
        (a, b): random_.uniform(-20, 20)
        for a in range(60)
        for b in range(a + 1, 60)
        if random_.random() < 0.2
    }
    first = clustered(60, evidence).labels
    for seed in range(5):
        again = clustered(60, evidence, order=random.Random(seed)).labels  # noqa: S311
        assert again.tolist() == first.tolist()


def test_where_all_agree_persons_are_the_connected_components():
    random_ = random.Random(8)  # noqa: S311
    person = [random_.randrange(40) for _ in range(150)]
    evidence = {
        (a, b): 15.0 for a in range(150) for b in range(a + 1, 150) if person[a] == person[b]
    }
    graph = nx.Graph(list(evidence))
    graph.add_nodes_from(range(150))
    expected = {frozenset(component) for component in nx.connected_components(graph)}
    assert groups(clustered(150, evidence).labels) == expected


def test_a_component_that_is_too_large_falls_apart_at_its_weakest_pairs():
    n = MOST_RECORDS + 100
    chain = {(a, a + 1): 15.0 if (a + 1) % 50 else 4.0 for a in range(n - 1)}
    found = clustered(n, chain)
    assert found.loosened == 1
    assert max(len(group) for group in groups(found.labels)) <= 50

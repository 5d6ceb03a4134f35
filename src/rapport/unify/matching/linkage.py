"""From scored pairs to persons: average linkage on each component, with cannot-links.

Connected components would join a thousand persons through a chain of doubtful pairs. Here two
clusters join only if their records agree *on average*, all pairs between them counted, those that no
key found too. So one wrong strong pair does not join two well-known persons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]

#: Records of one component at most; beyond, its weakest pairs are left out until it falls apart.
MOST_RECORDS = 500
#: One pair counts for so many bits at most: no pair outweighs ten others.
MOST_BITS = 12.0
#: A pair that must not be: two clusters that hold it never join.
NEVER = -1e6
#: Components up to this size are worked on all at once.
_SMALL = 24


class Clusters(Struct, frozen=True, kw_only=True):
    """Who is one person.

    Attributes
    ----------
    labels : int array, shape (n_records,)
        The smallest record number of each record's person.
    bridge_bits : float32 array, shape (n_records,)
        At each person's label: average bits of the weakest join that made the person; NaN for
        persons of one record.
    bridge : int array, shape (n_records, 2)
        At each person's label: the two records that hold that join together best; -1 for none.
    loosened : int
        Components that were too large and lost their weakest pairs.
    """

    labels: IntArray
    bridge_bits: FloatArray
    bridge: IntArray
    loosened: int


Scorer = Callable[[IntArray, IntArray], FloatArray]


def link(
    n_records: int,
    a: IntArray,
    b: IntArray,
    bits: FloatArray,
    *,
    merge_bits: float,
    review_bits: float,
    score: Scorer,
    cannot: Iterable[tuple[int, int]] = (),
    must: Iterable[tuple[int, int]] = (),
) -> Clusters:
    """Cluster records.

    Parameters
    ----------
    a, b : int arrays, shape (n_pairs,), a < b, distinct
        Record numbers of the pairs at or above the review line.
    bits : float32 array, shape (n_pairs,)
    merge_bits : float
        Clusters join while their average is at least this.
    score : callable
        Bits of pairs that no key found; asked once, for all pairs inside components.
    cannot, must : iterables of pairs of record numbers
        People's decisions; must-links come first.

    Returns
    -------
    Clusters
        The same for any order of the pairs.
    """
    must_pairs = _pairs(must)
    cannot_pairs = _pairs(cannot)
    component, loosened = _components(n_records, a, b, bits, must_pairs, review_bits)
    members = np.argsort(component, kind="stable")
    sizes = np.bincount(component)
    starts = np.r_[0, np.cumsum(sizes)]
    place = np.empty(n_records, dtype=np.int64)  # of each record in its component
    place[members] = np.arange(n_records) - np.repeat(starts[:-1], sizes)

    inside = component[a] == component[b]
    a, b, bits = a[inside], b[inside], bits[inside]
    missing_a, missing_b = _missing(component, members, starts, sizes, a, b, n_records)
    if len(missing_a):
        a, b = np.r_[a, missing_a], np.r_[b, missing_b]
        bits = np.r_[bits, score(missing_a, missing_b)]
    bits = np.clip(bits, -MOST_BITS, MOST_BITS).astype(np.float32)

    labels = np.arange(n_records, dtype=np.int64)
    bridge_bits = np.full(n_records, np.nan, dtype=np.float32)
    bridge = np.full((n_records, 2), -1, dtype=np.int64)
    of_pair = component[a]
    special = np.zeros(len(sizes), dtype=np.bool_)
    for pairs in (must_pairs, cannot_pairs):
        if len(pairs):
            special[component[pairs].ravel()] = True

    for size in np.unique(sizes[sizes > 1]):
        chosen = np.flatnonzero((sizes == size) & ~special)
        for some in np.array_split(chosen, max(1, int(len(chosen) * size * size / 4_000_000))):
            if len(some) and size <= _SMALL:
                rank = np.full(len(sizes), -1, dtype=np.int64)
                rank[some] = np.arange(len(some))
                of = np.flatnonzero(rank[of_pair] >= 0) if len(some) < len(sizes) else slice(None)
                matrix = np.full((len(some), size, size), -np.inf, dtype=np.float32)
                k, i, j = rank[of_pair[of]], place[a[of]], place[b[of]]
                matrix[k, i, j] = matrix[k, j, i] = bits[of]
                records = members[starts[some][:, None] + np.arange(size)]
                _link_many(matrix, records, merge_bits, labels, bridge_bits, bridge)

    order = np.argsort(of_pair, kind="stable")
    bounds = np.searchsorted(of_pair[order], np.arange(len(sizes) + 1))
    for number in np.flatnonzero((sizes > 1) & (special | (sizes > _SMALL))):
        size = int(sizes[number])
        pairs = order[bounds[number] : bounds[number + 1]]
        records = members[starts[number] : starts[number + 1]]
        matrix = np.full((1, size, size), -np.inf, dtype=np.float32)
        i, j = place[a[pairs]], place[b[pairs]]
        matrix[0, i, j] = matrix[0, j, i] = bits[pairs]
        joined = [
            (int(place[x]), int(place[y])) for x, y in must_pairs if component[x] == number
        ]
        apart = [
            (int(place[x]), int(place[y]))
            for x, y in cannot_pairs
            if component[x] == number and component[y] == number
        ]
        _link_many(
            matrix, records[None, :], merge_bits, labels, bridge_bits, bridge, joined, apart
        )
    return Clusters(labels=labels, bridge_bits=bridge_bits, bridge=bridge, loosened=loosened)


def _pairs(pairs: Iterable[tuple[int, int]]) -> IntArray:
    return np.array(sorted({(min(p), max(p)) for p in pairs}), dtype=np.int64).reshape(-1, 2)


def _components(
    n: int, a: IntArray, b: IntArray, bits: FloatArray, must: IntArray, line: float
) -> tuple[IntArray, int]:
    """Component of each record; those above `MOST_RECORDS` without their weakest pairs."""
    kept = bits >= line
    loosened = 0
    while True:
        x, y = np.r_[a[kept], must[:, 0]], np.r_[b[kept], must[:, 1]]
        graph = coo_array((np.ones(len(x), dtype=np.int8), (x, y)), shape=(n, n))
        _, component = connected_components(graph, directed=False)
        component = component.astype(np.int64)
        sizes = np.bincount(component, minlength=1)
        large = sizes > MOST_RECORDS
        within = kept & large[component[a]]
        if not within.any():
            return component, loosened
        loosened = max(loosened, int(large.sum()))
        # A tenth of the pairs of each too large component, the weakest, and ties with them.
        for number in np.flatnonzero(large):
            of = np.flatnonzero(within & (component[a] == number))
            if len(of):
                limit = np.partition(bits[of], len(of) // 10)[len(of) // 10]
                kept[of[bits[of] <= limit]] = False


def _missing(
    component: IntArray,
    members: IntArray,
    starts: IntArray,
    sizes: IntArray,
    a: IntArray,
    b: IntArray,
    n: int,
) -> tuple[IntArray, IntArray]:
    """Pairs inside components that were not scored."""
    found = np.bincount(component[a], minlength=len(sizes))
    short = np.flatnonzero((found < sizes * (sizes - 1) // 2) & (sizes <= MOST_RECORDS))
    if not len(short):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    all_pairs = []
    for size in np.unique(sizes[short]):
        of = short[sizes[short] == size]
        records = members[starts[of][:, None] + np.arange(size)]
        i, j = np.triu_indices(size, 1)
        x, y = records[:, i].ravel(), records[:, j].ravel()
        all_pairs.append(np.minimum(x, y) * n + np.maximum(x, y))
    wanted = np.concatenate(all_pairs)
    have = a * n + b
    missing = np.setdiff1d(wanted, have)
    return missing // n, missing % n


def _link_many(
    matrix: FloatArray,
    records: IntArray,
    merge_bits: float,
    labels: IntArray,
    bridge_bits: FloatArray,
    bridge: IntArray,
    joined: Iterable[tuple[int, int]] = (),
    apart: Iterable[tuple[int, int]] = (),
) -> None:
    """Average linkage of components of one size, all at once.

    ``matrix`` holds bits, -inf for pairs without; the answers are written into the last three.
    """
    count, size, _ = matrix.shape
    raw = matrix.copy()
    # Pairs that could not be scored, in components too large for it: as unlike as can be.
    average = np.where(np.isfinite(matrix), matrix, np.float32(-MOST_BITS)).astype(np.float32)
    for x, y in apart:
        average[:, x, y] = average[:, y, x] = NEVER
    diagonal = np.arange(size)
    average[:, diagonal, diagonal] = -np.inf
    weight = np.ones((count, size), dtype=np.float32)
    own = np.broadcast_to(diagonal, (count, size)).copy()  # cluster of each place
    weakest = np.full((count, size), np.inf, dtype=np.float32)
    ends = np.full((count, size, 2), -1, dtype=np.int64)
    everyone = np.arange(count)
    for x, y in joined:
        i, j = own[0, x], own[0, y]
        if i != j:
            _merge(average, weight, own, everyone, np.array([min(i, j)]), np.array([max(i, j)]))
    active = everyone
    while len(active):
        flat = average[active].reshape(len(active), -1)
        best = flat.argmax(axis=1)
        value = flat[np.arange(len(active)), best]
        going = value >= merge_bits
        active, best, value = active[going], best[going], value[going]
        if not len(active):
            break
        i, j = best // size, best % size
        i, j = np.minimum(i, j), np.maximum(i, j)
        # The pair that holds the two together best, for who asks why.
        across = (own[active] == i[:, None])[:, :, None] & (own[active] == j[:, None])[:, None, :]
        strongest = np.where(across, raw[active], -np.inf).reshape(len(active), -1).argmax(axis=1)
        low = np.minimum(weakest[active, i], weakest[active, j])
        inherit = np.where(
            (weakest[active, i] <= weakest[active, j])[:, None], ends[active, i], ends[active, j]
        )
        new = value < low
        weakest[active, i] = np.minimum(low, value)
        here = np.column_stack([strongest // size, strongest % size])
        ends[active, i] = np.where(new[:, None], here, inherit)
        _merge(average, weight, own, active, i, j)
    first = np.full((count, size), -1, dtype=np.int64)
    smallest = records.copy()
    for place in range(size - 1, -1, -1):
        first[everyone, own[:, place]] = place
    # Members are in the order of their numbers, so the first of a cluster is its label.
    label = np.take_along_axis(smallest, first[everyone[:, None], own], axis=1)
    labels[records] = label
    heads = np.isfinite(weakest)
    k, cluster = np.nonzero(heads & (first >= 0))
    head = records[k, first[k, cluster]]
    bridge_bits[head] = weakest[k, cluster]
    bridge[head, 0] = records[k, ends[k, cluster, 0]]
    bridge[head, 1] = records[k, ends[k, cluster, 1]]


def _merge(
    average: FloatArray,
    weight: FloatArray,
    own: IntArray,
    at: IntArray,
    i: IntArray,
    j: IntArray,
) -> None:
    """Cluster j of each component in ``at`` becomes part of cluster i."""
    wi, wj = weight[at, i][:, None], weight[at, j][:, None]
    row = (average[at, i] * wi + average[at, j] * wj) / (wi + wj)
    # Whoever must stay apart from one part must stay apart from the whole.
    never = np.minimum(average[at, i], average[at, j]) <= NEVER / 2
    row = np.where(never & np.isfinite(row), np.float32(NEVER), row)
    average[at, i] = row
    average[at, :, i] = row
    average[at, i, i] = -np.inf
    average[at, j] = -np.inf
    average[at, :, j] = -np.inf
    weight[at, i] += weight[at, j]
    own[at] = np.where(own[at] == j[:, None], i[:, None], own[at])

"""From scored pairs to persons: average linkage on each component, field by field.

Connected components would join a thousand persons through a chain of doubtful pairs. Here two
clusters join only if what their records say agrees field by field: for each comparison the bits of
all pairs that say something of it count half by their average and half by the best of them, and the
fields are added. So a till's record that knows a card and a web shop's that knows an e-mail address
do not speak against each other where they have nothing in common, and one wrong strong pair does
not join two well-known persons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]

#: Records of one component at most; beyond, its weakest pairs are left out until it falls apart.
MOST_RECORDS = 500
#: Part that the best pair of a field has in its evidence; the rest is the average's.
_BEST = np.float32(0.5)
#: Pairs that are compared together.
_PAIRS_AT_ONCE = 4_000_000
#: A rival counts for so many bits at most.
MOST_RIVAL_BITS = 3.0
#: Numbers of one batch of components at most: pairs times comparisons.
_BATCH = 24_000_000


class Clusters(Struct, frozen=True, kw_only=True):
    """Who is one person.

    Attributes
    ----------
    labels : int array, shape (n_records,)
        The smallest record number of each record's person.
    bridge_bits : float32 array, shape (n_records,)
        At each person's label: bits of the weakest join that made the person; NaN for persons of
        one record.
    bridge : int array, shape (n_records, 2)
        At each person's label: the smallest record numbers of the two parts that the weakest join
        brought together; -1 for none.
    loosened : int
        Components that were too large and lost their weakest pairs.
    """

    labels: IntArray
    bridge_bits: FloatArray
    bridge: IntArray
    loosened: int


#: Bits of each comparison against strangers and against the household, each of shape
#: (n_comparisons, n_pairs), and whether both said something.
Fields = tuple[FloatArray, FloatArray, NDArray[np.bool_]]
#: Record numbers (a, b) → the fields of a part of these pairs. Many pairs are compared at once, and
#: their bits, which take more room, are looked up in parts.
FieldScorer = Callable[[IntArray, IntArray], Callable[[slice], Fields]]
#: Sums over the comparisons, against strangers and against the household → bits.
Combine = Callable[[FloatArray, FloatArray], FloatArray]


def link(
    n_records: int,
    a: IntArray,
    b: IntArray,
    bits: FloatArray,
    *,
    merge_bits: float,
    line: float,
    score: FieldScorer,
    combine: Combine,
    cannot: Iterable[tuple[int, int]] = (),
    must: Iterable[tuple[int, int]] = (),
    threads: int = 2,
) -> Clusters:
    """Cluster records.

    Parameters
    ----------
    a, b : int arrays, shape (n_pairs,), a < b, distinct
        Record numbers of the pairs that may join.
    bits : float32 array, shape (n_pairs,)
    merge_bits : float
        Clusters join while they agree by at least so many bits.
    line : float
        Pairs below it make no components.
    score, combine : callable
        All pairs inside components are scored, also those that no key found.
    cannot, must : iterables of pairs of record numbers
        People's decisions; must-links come first.
    threads : int
        Batches of components that are clustered at a time.

    Returns
    -------
    Clusters
        The same for any order of the pairs.
    """
    must_pairs, cannot_pairs = _pairs(must), _pairs(cannot)
    component, loosened = _components(n_records, a, b, bits, must_pairs, line)
    members = np.argsort(component, kind="stable")
    sizes = np.bincount(component)
    starts = np.r_[0, np.cumsum(sizes)]
    out = Clusters(
        labels=np.arange(n_records, dtype=np.int64),
        bridge_bits=np.full(n_records, np.nan, dtype=np.float32),
        bridge=np.full((n_records, 2), -1, dtype=np.int64),
        loosened=loosened,
    )
    special = np.zeros(len(sizes), dtype=np.bool_)
    for pairs in (must_pairs, cannot_pairs):
        special[component[pairs].ravel()] = True

    waiting: list[tuple[IntArray, bool]] = []
    n_waiting = 0

    def link_batches() -> None:
        _link_batches(waiting, score, combine, merge_bits, must_pairs, cannot_pairs, out, threads)

    for size in np.flatnonzero(np.bincount(sizes[sizes > 1])).tolist():
        chosen = np.flatnonzero((sizes == size) & ~special)
        per_batch = max(1, _BATCH // (size * size * 48))
        batches = [(chosen[at : at + per_batch], False) for at in range(0, len(chosen), per_batch)]
        batches += [(one, True) for one in np.flatnonzero((sizes == size) & special)[:, None]]
        for some, is_special in batches:
            records = members[starts[some][:, None] + np.arange(size)]
            waiting.append((records, is_special))
            n_waiting += records.shape[0] * size * (size - 1) // 2
            if n_waiting >= _PAIRS_AT_ONCE:
                link_batches()
                waiting, n_waiting = [], 0
    link_batches()
    return out


def _link_batches(
    batches: list[tuple[IntArray, bool]],
    score: FieldScorer,
    combine: Combine,
    merge_bits: float,
    must: IntArray,
    cannot: IntArray,
    out: Clusters,
    threads: int,
) -> None:
    """Cluster components; the records of a batch are one component a row, all of one size."""
    if not batches:
        return
    corners = [np.triu_indices(records.shape[1], 1) for records, _ in batches]
    ends = np.cumsum(
        [len(records) * len(i) for (records, _), (i, _) in zip(batches, corners, strict=True)]
    )
    fields_of = score(
        np.concatenate([r[:, i].ravel() for (r, _), (i, _) in zip(batches, corners, strict=True)]),
        np.concatenate([r[:, j].ravel() for (r, _), (_, j) in zip(batches, corners, strict=True)]),
    )

    def cluster(at: int) -> None:
        (records, is_special), (i, j), end = batches[at], corners[at], int(ends[at])
        fields = fields_of(slice(end - len(records) * len(i), end))
        forest = _Forest(len(records), records.shape[1], i, j, fields, combine)
        if is_special:
            place = {int(record): at for at, record in enumerate(records[0])}
            forest.decided(
                [(place[x], place[y]) for x, y in must.tolist() if x in place],
                [(place[x], place[y]) for x, y in cannot.tolist() if x in place and y in place],
            )
        forest.grow(merge_bits)
        forest.write(records, out)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(cluster, range(len(batches))))


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


class _Forest:
    """Components of one size, clustered all at once.

    Parameters
    ----------
    count, size : int
        Components, and records of each.
    i, j : int arrays
        Places of the pairs of one component.
    fields : Fields
        Of the count * len(i) pairs.
    """

    def __init__(
        self,
        count: int,
        size: int,
        i: IntArray,
        j: IntArray,
        fields: Fields,
        combine: Combine,
    ) -> None:
        self.combine = combine
        self.size = size
        # What none of them says anything of would only take room.
        told = fields[2].any(axis=1)
        # Sums of bits and numbers of pairs, by component, comparison and pair of clusters.
        self.stranger, self.household, self.pairs = (
            _square(values.astype(np.float32), count, size, i, j)
            for values in (of[told] for of in fields)
        )
        # The best pair of each field and pair of clusters, by what it proves against strangers and
        # the household alike; where nothing is said, below all.
        self.best_stranger = np.where(self.pairs > 0, self.stranger, -np.inf).astype(np.float32)
        self.best_household = np.where(self.pairs > 0, self.household, -np.inf).astype(np.float32)
        self.proves = np.minimum(self.best_stranger, self.best_household)
        self.apart = np.zeros((count, size, size), dtype=np.bool_)
        self.bits = self._agreement(
            self.stranger, self.household, self.pairs, self.best_stranger, self.best_household
        )
        diagonal = np.arange(size)
        self.bits[:, diagonal, diagonal] = -np.inf
        # Pairs of clusters that would join but for their rivals.
        self.waiting = np.zeros((count, size, size), dtype=np.bool_)
        self.own = np.broadcast_to(diagonal, (count, size)).copy()  # cluster of each place
        self.weakest = np.full((count, size), np.inf, dtype=np.float32)
        self.ends = np.full((count, size, 2), -1, dtype=np.int64)

    def _agreement(
        self,
        stranger: FloatArray,
        household: FloatArray,
        pairs: FloatArray,
        best_stranger: FloatArray,
        best_household: FloatArray,
    ) -> FloatArray:
        """Bits of clusters; the second axis is the comparisons.

        Half of a field's evidence is its best pair: of eight records with slips, the one that a
        ninth repeats to the letter tells more than the average does.
        """
        said, several = pairs > 0, np.maximum(pairs, 1.0)
        none = np.float32(0)
        return self.combine(
            *(
                np.where(
                    said, _BEST * np.where(said, best, none) + (1 - _BEST) * sums / several, none
                ).sum(axis=1)
                for sums, best in ((stranger, best_stranger), (household, best_household))
            )
        )

    def decided(self, joined: list[tuple[int, int]], apart: list[tuple[int, int]]) -> None:
        """Do what people decided, in the only component: join first, then keep apart."""
        one = np.zeros(1, dtype=np.int64)
        for x, y in joined:
            i, j = sorted((int(self.own[0, x]), int(self.own[0, y])))
            if i != j:
                self._merge(one, np.array([i]), np.array([j]))
        for x, y in apart:
            i, j = self.own[0, x], self.own[0, y]
            if i != j:
                self.apart[0, i, j] = self.apart[0, j, i] = True
        self.bits[self.apart] = -np.inf

    def grow(self, merge_bits: float) -> None:
        """Join the two clusters that agree most, in each component, until none do enough."""
        active = np.arange(len(self.bits))
        while len(active):
            flat = np.where(self.waiting[active], -np.inf, self.bits[active])
            flat = flat.reshape(len(active), -1)
            best = flat.argmax(axis=1)
            value = flat[np.arange(len(active)), best]
            going = value >= merge_bits
            active, best, value = active[going], best[going], value[going]
            if not len(active):
                return
            i, j = best // self.size, best % self.size
            i, j = np.minimum(i, j), np.maximum(i, j)
            value = self._against_rivals(active, i, j, value)
            # One that could as well be somebody else's waits until its rivals are settled.
            sure = value >= merge_bits
            self.waiting[active, i, j] = self.waiting[active, j, i] = ~sure
            moving, i, j, value = active[sure], i[sure], j[sure], value[sure]
            before = np.minimum(self.weakest[moving, i], self.weakest[moving, j])
            kept = np.where(
                (self.weakest[moving, i] <= self.weakest[moving, j])[:, None],
                self.ends[moving, i],
                self.ends[moving, j],
            )
            self.ends[moving, i] = np.where(
                (value < before)[:, None], np.column_stack([i, j]), kept
            )
            self.weakest[moving, i] = np.minimum(before, value)
            self._merge(moving, i, j)

    def _against_rivals(
        self, at: IntArray, i: IntArray, j: IntArray, value: FloatArray
    ) -> FloatArray:
        """Bits of joining i and j, given that each could also join others that are not the other.

        "Jan Peeters" without an address agrees with every Jan Peeters alike: one of them he may be,
        but none of them surely.
        """
        with_i, with_j = self.bits[at, i], self.bits[at, j]
        rows = np.arange(len(at))
        rival_of_j = np.where(with_j < 0, with_i, -np.inf)
        rival_of_i = np.where(with_i < 0, with_j, -np.inf)
        for rival in (rival_of_i, rival_of_j):
            rival[rows, i] = rival[rows, j] = -np.inf
        # Strong ties are no rivals of each other: a record that knows both a card and an address
        # may well join one that knows the card to one that knows the address.
        odds = sum(
            np.exp2(np.minimum(rival, MOST_RIVAL_BITS)).sum(axis=1)
            for rival in (rival_of_i, rival_of_j)
        )
        against: FloatArray = (value - np.log2(1.0 + odds)).astype(np.float32)
        return against

    def _merge(self, at: IntArray, i: IntArray, j: IntArray) -> None:
        """Cluster j of each component in ``at`` becomes part of cluster i."""
        rows = []
        for sums in (self.stranger, self.household, self.pairs):
            row = sums[at, :, i] + sums[at, :, j]
            sums[at, :, i] = row
            sums[at, :, :, i] = row
            rows.append(row)
        # One pair for both: the best against strangers of one and against the household of another
        # would prove what no two records do.
        one, two = self.proves[at, :, i], self.proves[at, :, j]
        more = self.best_stranger[at, :, j] > self.best_stranger[at, :, i]
        second = (two > one) | ((two == one) & more)
        for best in (self.best_stranger, self.best_household, self.proves):
            row = np.where(second, best[at, :, j], best[at, :, i])
            best[at, :, i] = row
            best[at, :, :, i] = row
            rows.append(row)
        bits = self._agreement(*rows[:-1])
        # Whoever must stay apart from one part must stay apart from the whole.
        apart = self.apart[at, i] | self.apart[at, j]
        self.apart[at, i] = apart
        self.apart[at, :, i] = apart
        gone = np.isneginf(self.bits[at, i]) & np.isneginf(self.bits[at, j])
        bits = np.where(apart | gone, np.float32(-np.inf), bits)
        bits[np.arange(len(at)), i] = -np.inf
        bits[np.arange(len(at)), j] = -np.inf
        self.bits[at, i] = bits
        self.bits[at, :, i] = bits
        self.bits[at, j] = -np.inf
        self.bits[at, :, j] = -np.inf
        self.waiting[at, i] = False
        self.waiting[at, :, i] = False
        self.own[at] = np.where(self.own[at] == j[:, None], i[:, None], self.own[at])

    def write(self, records: IntArray, out: Clusters) -> None:
        """Put the answer where it belongs; ``records`` ascend in each row."""
        count = len(records)
        everyone = np.arange(count)
        # A cluster bears the place of its first member: the smaller place always takes the other.
        out.labels[records] = np.take_along_axis(records, self.own, axis=1)
        k, cluster = np.nonzero(
            np.isfinite(self.weakest) & (self.own[everyone] == np.arange(self.size))
        )
        head = records[k, cluster]
        out.bridge_bits[head] = self.weakest[k, cluster]
        out.bridge[head, 0] = records[k, self.ends[k, cluster, 0]]
        out.bridge[head, 1] = records[k, self.ends[k, cluster, 1]]


def _square(values: FloatArray, count: int, size: int, i: IntArray, j: IntArray) -> FloatArray:
    """Pairs as symmetric matrices, shape (count, n_comparisons, size, size)."""
    out = np.zeros((count, len(values), size, size), dtype=np.float32)
    shaped = values.reshape(len(values), count, len(i)).transpose(1, 0, 2)
    out[:, :, i, j] = shaped
    out[:, :, j, i] = shaped
    return out

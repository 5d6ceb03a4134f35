"""Which records are one person's: the list of steps, from what is stated to who is who."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import perf_counter

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.blocking import (
    CAP,
    PAIRS_PER_RECORD,
    Blocks,
    KindOfKey,
    block,
    chunks,
    random_pairs,
    sample_pairs,
)
from rapport.unify.matching.comparison import Comparison
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.linkage import Clusters, Fields, link
from rapport.unify.matching.model import Model, Weight, check_model, default_model, level_keys
from rapport.unify.matching.pair_levels import UNSAID, Comparer
from rapport.unify.matching.recalibrate import recalibrated
from rapport.unify.matching.score import (
    field_bits,
    household_probability,
    pair_bits,
    summed_bits,
)
from rapport.unify.matching.standardise import Standardised, standardise
from rapport.unify.matching.train import (
    HOUSEHOLD_ANCHOR,
    STRANGER,
    Trained,
    expectation_maximisation,
    grouped,
    starting_weights,
)
from rapport.unify.matching.value_profiles import ValueProfiles, profile_values, with_rarity

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]

#: Fewer records are too few to estimate weights from; those that ship are used.
FEWEST_TO_LEARN = 100
#: Pairs that weights are estimated from at most: blocked ones, and ones drawn from all others.
_TRAINING_PAIRS = 500_000
_RANDOM_PAIRS = 500_000
#: Pairs that are compared together, and those whose bits are added together, in the cache.
_CHUNK = 16_000_000
_CACHED = 131_072


class Matched(Struct, frozen=True, kw_only=True):
    """What matching found.

    Attributes
    ----------
    labels : int array, shape (n_records,)
        The smallest record number of each record's person.
    pairs : pyarrow.Table
        Pairs above the review line: ``a``, ``b``, ``bits``, ``probability``, ``household``
        (probability of two persons of one household), ``joined`` (same label) and ``band``:
        ``merge``, ``review`` or ``household``.
    clusters : Clusters
    profiles : ValueProfiles
    kinds : tuple of KindOfKey
        What each kind of blocking key came to.
    n_pairs : int
        Pairs compared.
    model : Model
        With which the pairs were scored.
    unheard : Model
        The same before people's words on pairs corrected it.
    seconds : mapping of step to seconds
    standardised : Standardised
        The readings that were compared, without junk.
    """

    labels: IntArray
    pairs: pa.Table
    clusters: Clusters
    profiles: ValueProfiles
    kinds: tuple[KindOfKey, ...]
    n_pairs: int
    model: Model
    unheard: Model
    seconds: Mapping[str, float]
    standardised: Standardised


def match(
    stated: pa.Table,
    *,
    comparisons: Sequence[Comparison] = COMPARISONS,
    model: Model | None = None,
    start: Model | None = None,
    cannot: Iterable[tuple[int, int]] = (),
    must: Iterable[tuple[int, int]] = (),
    labelled: Iterable[tuple[int, int, bool]] = (),
    blocked: Collection[tuple[str, str]] = (),
    seed: int = 0,
    memory_limit_mb: int = 1024,
    threads: int = 2,
    clock: Callable[[], float] = perf_counter,
) -> Matched:
    """Cluster records into persons.

    Parameters
    ----------
    stated : pyarrow.Table
        Columns of `STATED`; the record number is the row number.
    model : Model, optional
        Weights to use as they are. Without one, they are estimated from these very records.
    start : Model, optional
        Where the estimate starts; by default the model that ships.
    cannot, must : iterables of pairs of record numbers
        People's decisions.
    labelled : iterable of (a, b, same)
        Pairs that were in doubt and that somebody has judged: they correct the probabilities.
    blocked : collection of (kind, value)
        The company's own blocked values.
    """
    comparisons = tuple(comparisons)
    seconds: dict[str, float] = {}
    began = clock()

    def done(step: str) -> None:
        nonlocal began
        now = clock()
        seconds[step] = seconds.get(step, 0.0) + now - began
        began = now

    if model is not None:
        check_model(model, comparisons)
    standardised = standardise(stated, comparisons)
    done("standardise")
    sources = stated["source"] if "source" in stated.column_names else None
    standardised, profiles = profile_values(standardised, sources, blocked=blocked)
    standardised = with_rarity(
        standardised, records_per_person=1 + (model or start or default_model()).same_per_record
    )
    done("profile values")
    blocks = block(standardised, cap=CAP, pairs_per_record=PAIRS_PER_RECORD, threads=threads)
    done("block")
    n = standardised.n_records
    with (
        ColumnEngine(memory_limit_mb=memory_limit_mb, threads=threads) as engine,
        closing(Comparer(standardised, engine, threads=threads)) as comparer,
    ):
        if model is None:
            rng = np.random.default_rng(seed)
            model = _train(
                comparer, blocks, comparisons, n, start=start or default_model(), rng=rng
            ).model
            standardised = with_rarity(standardised, records_per_person=1 + model.same_per_record)
            comparer.see_shares(standardised)
            done("train")
        unheard = model
        judged = sorted(set(labelled))
        if judged:
            x, y = (np.array([pair[side] for pair in judged], dtype=np.int64) for side in (0, 1))
            said, _ = _bits(comparer, x, y, comparisons, model, n)
            model = recalibrated(model, said, np.array([same for _, _, same in judged]))
            done("recalibrate")

        a, b, bits, household = _score(comparer, blocks, comparisons, model, n, threads)
        done("score")

        joinable = bits >= model.review_bits
        clusters = link_pairs(
            comparer,
            a[joinable],
            b[joinable],
            bits[joinable],
            model,
            n,
            cannot=cannot,
            must=must,
            among=n,
            threads=threads,
        )
        done("link")
    joined = clusters.labels[a] == clusters.labels[b]
    band = np.where(bits >= model.merge_bits, "merge", np.where(joinable, "review", "household"))
    pairs = pa.table(
        {
            "a": a,
            "b": b,
            "bits": bits,
            "probability": (1 / (1 + np.exp2(-bits.astype(np.float64)))).astype(np.float32),
            "household": household,
            "joined": joined,
            "band": pa.array(band),
        }
    )
    return Matched(
        labels=clusters.labels,
        pairs=pairs,
        clusters=clusters,
        profiles=profiles,
        kinds=blocks.kinds,
        n_pairs=len(blocks.a),
        model=model,
        unheard=unheard,
        seconds=seconds,
        standardised=standardised,
    )


def link_pairs(
    comparer: Comparer,
    a: IntArray,
    b: IntArray,
    bits: FloatArray,
    model: Model,
    n_records: int,
    *,
    cannot: Iterable[tuple[int, int]],
    must: Iterable[tuple[int, int]],
    among: int,
    threads: int,
) -> Clusters:
    """`link` records by the weights of a model; the other arguments are those of `link`.

    Parameters
    ----------
    comparer : Comparer
        Of the records.
    n_records : int
        How many those are.
    among : int
        Among how many they are found.
    """
    comparisons = comparer.comparisons

    def score(x: IntArray, y: IntArray) -> Callable[[slice], Fields]:
        codes = comparer.codes(x, y)

        def fields(part: slice) -> Fields:
            levels = comparer.levels(codes[:, part], x[part], y[part])
            found = field_bits(levels, comparisons, model)
            return one_field((*found, levels.codes != UNSAID), comparisons)

        return fields

    def combine(stranger: FloatArray, household: FloatArray) -> FloatArray:
        return pair_bits(stranger, household, model, among)

    return link(
        n_records,
        a,
        b,
        bits,
        merge_bits=model.merge_bits,
        line=model.review_bits,
        score=score,
        combine=combine,
        cannot=cannot,
        must=must,
        threads=threads,
    )


def one_field(fields: Fields, comparisons: Sequence[Comparison]) -> Fields:
    """The name and the mailbox that bears a name as one field.

    Of two records either both have names or one is judged by its mailbox. Between two clusters some
    pairs do the one and some the other, and the same name would count twice.
    """
    places = {comparison.name: at for at, comparison in enumerate(comparisons)}
    if not {"name", "mailbox_name"} <= places.keys():
        return fields
    name, mailbox = places["name"], places["mailbox_name"]
    stranger, household, said = fields
    stranger[name] += stranger[mailbox]
    household[name] += household[mailbox]
    said[name] |= said[mailbox]
    others = np.arange(len(comparisons)) != mailbox
    return stranger[others], household[others], said[others]


def train(
    standardised: Standardised,
    blocks: Blocks,
    comparisons: Sequence[Comparison],
    engine: ColumnEngine,
    *,
    start: Model,
    rng: np.random.Generator,
    household_anchor: float = HOUSEHOLD_ANCHOR,
) -> Trained:
    """Weights for these records, from the records themselves."""
    with closing(Comparer(standardised, engine)) as comparer:
        return _train(
            comparer,
            blocks,
            comparisons,
            standardised.n_records,
            start=start,
            rng=rng,
            household_anchor=household_anchor,
        )


def _train(
    comparer: Comparer,
    blocks: Blocks,
    comparisons: Sequence[Comparison],
    n: int,
    *,
    start: Model,
    rng: np.random.Generator,
    household_anchor: float = HOUSEHOLD_ANCHOR,
) -> Trained:
    chosen = sample_pairs(blocks, _TRAINING_PAIRS, rng)
    random_a, random_b = random_pairs(n, blocks, _RANDOM_PAIRS, rng)
    total = n * (n - 1) / 2
    a = np.r_[blocks.a[chosen], random_a]
    b = np.r_[blocks.b[chosen], random_b]
    weight = np.ones(len(a))
    weight[: len(chosen)] = len(blocks.a) / max(len(chosen), 1)
    weight[len(chosen) :] = max(total - len(blocks.a), 0.0) / max(len(random_a), 1)
    fixed = np.full(len(a), -1, dtype=np.int64)
    fixed[len(chosen) :] = STRANGER
    levels = comparer.levels(comparer.codes(a, b), a, b)
    evidence = grouped(levels, weight, fixed, comparisons)
    weights = {c.name: _start_of(c, start) for c in comparisons}
    return expectation_maximisation(
        evidence,
        comparisons,
        weights,
        n_records=n,
        priors=(start.same_per_record, start.household_per_record),
        version="trained",
        template=start,
        household_anchor=household_anchor,
    )


def _start_of(comparison: Comparison, start: Model) -> Mapping[str, Weight]:
    known = start.weights.get(comparison.name, {})
    if set(known) == set(level_keys(comparison)):
        return known
    return starting_weights(comparison)


def score_pairs(
    standardised: Standardised,
    a: IntArray,
    b: IntArray,
    comparisons: Sequence[Comparison],
    model: Model,
    engine: ColumnEngine,
    *,
    n_records: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Bits, and the probability of two persons of one household, of pairs of record numbers.

    Parameters
    ----------
    n_records : int, optional
        Among how many records these are found; by default they are all.
    """
    n = standardised.n_records if n_records is None else n_records
    with closing(Comparer(standardised, engine)) as comparer:
        return _bits(comparer, a, b, comparisons, model, n)


def _bits(
    comparer: Comparer,
    a: IntArray,
    b: IntArray,
    comparisons: Sequence[Comparison],
    model: Model,
    n: int,
) -> tuple[FloatArray, FloatArray]:
    stranger, household = summed_bits(comparer, comparer.codes(a, b), a, b, comparisons, model)
    return (
        pair_bits(stranger, household, model, n),
        household_probability(stranger, household, model, n),
    )


def _score(
    comparer: Comparer,
    blocks: Blocks,
    comparisons: Sequence[Comparison],
    model: Model,
    n: int,
    threads: int,
) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Pairs at or above the review line, and those that are likely one household's."""
    none = np.empty(0, dtype=np.int64)
    kept = [(none, none, none.astype(np.float32), none.astype(np.float32))]
    with ThreadPoolExecutor(threads) as pool:
        for part in chunks(len(blocks.a), _CHUNK):
            a, b = blocks.a[part], blocks.b[part]
            codes = comparer.codes(a, b)

            def worth(
                some: slice,
                a: IntArray = a,
                b: IntArray = b,
                codes: NDArray[np.uint8] = codes,
            ) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
                x, y = a[some], b[some]
                stranger, family = summed_bits(comparer, codes[:, some], x, y, comparisons, model)
                bits = pair_bits(stranger, family, model, n)
                household = household_probability(stranger, family, model, n)
                keep = (bits >= model.review_bits) | (household >= 0.5)
                return x[keep], y[keep], bits[keep], household[keep]

            kept += pool.map(worth, chunks(len(a), _CACHED))
    a, b, bits, household = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    return a, b, bits, household

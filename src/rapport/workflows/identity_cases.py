"""Hard cases of matching, pair by pair: what was missed, what was wrongly joined, and why."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rapport.engines.columns import ColumnEngine
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.joint import joint_bits
from rapport.unify.matching.match import FEWEST_TO_LEARN, Matched, match, score_pairs
from rapport.unify.matching.model import default_model, probability_of
from rapport.unify.matching.waterfall import waterfalls
from rapport.workflows.identity_peers import Pairs
from rapport.workflows.identity_sets import UNKNOWN, LabelledSet

Numbers = NDArray[np.int64]

#: Bits from which a matter speaks clearly: odds of 3 to 1.
_CLEARLY = 1.6


class CaseKind(StrEnum):
    """What is hard about two records."""

    LEFT_APART = "left apart"  # one person's, in two profiles
    WRONGLY_JOINED = "wrongly joined"  # two persons', in one profile
    NEAR_MISS = "near miss"  # two persons', apart, and likely enough to be asked about


class Reason(StrEnum):
    """What a case turns on."""

    AGAINST = "against"  # what speaks most against it outweighs the rest
    TOO_LITTLE = "too little"  # nothing speaks clearly against it, and too little for it
    NOT_COMPARED = "not compared"  # likely enough, and no key of blocking brings them together
    OTHER_RECORDS = "other records"  # alone they would join; other records or rivals deny it
    FOR = "for"  # what speaks most for it
    THROUGH_OTHERS = "through others"  # alone they would not join; records between them do


class CaseStep(Struct, frozen=True, kw_only=True):
    """One matter of the weight: the level on which the records stand, and its bits."""

    comparison: str
    level: str
    bits: float


class Difference(Struct, frozen=True, kw_only=True):
    """A column that the two records do not state alike; None where one says nothing."""

    column: str
    left: str | None
    right: str | None


class Case(Struct, frozen=True, kw_only=True):
    """Two records that were hard.

    Attributes
    ----------
    left, right : int
        Record numbers, from 0, in the order of the set.
    person : int
        Number of the left record's person in the set's truth.
    probability : float
        Said of these two records alone.
    together : float, optional
        Said of the two profiles, by all that their records say; None in one profile.
    bits : float
        The weight.
    household : bool
        Whether the steps weigh one person against two members of one household, which is likelier
        here than two strangers.
    rest : float
        The part of the weight that is no step's: what any two records of the set begin with, what
        the less likely other explanation takes away, and the scale.
    suggested : bool
        Whether a person is asked about the two profiles.
    reason : Reason
    decides : str
        The matter that the case turns on; empty where no single one does.
    differences : tuple of Difference
    steps : tuple of CaseStep
    """

    kind: CaseKind
    left: int
    right: int
    person: int
    probability: float
    together: float | None
    bits: float
    household: bool
    rest: float
    suggested: bool
    reason: Reason
    decides: str
    differences: tuple[Difference, ...]
    steps: tuple[CaseStep, ...]

    @property
    def explanation(self) -> tuple[object, ...]:
        """What makes two cases one story: all but whose they are and how rare values are."""
        steps = tuple((step.comparison, step.level) for step in self.steps if step.bits)
        return (self.kind, self.suggested, self.reason, self.decides, steps)


class HardCases(Struct, frozen=True, kw_only=True):
    """Every hard case of a set, those of one explanation together, the most usual first."""

    data_set: str
    cases: tuple[Case, ...]

    @property
    def explanations(self) -> tuple[tuple[Case, ...], ...]:
        """Cases by equal explanation: wrong joins first, then the most usual."""
        groups: dict[tuple[object, ...], list[Case]] = {}
        for case in self.cases:
            groups.setdefault(case.explanation, []).append(case)
        order = (CaseKind.WRONGLY_JOINED, CaseKind.LEFT_APART, CaseKind.NEAR_MISS)
        return tuple(
            tuple(group)
            for group in sorted(groups.values(), key=lambda g: (order.index(g[0].kind), -len(g)))
        )


def match_known(records: LabelledSet) -> Matched:
    """Match as a company has it: weights of these very records, unless they are few."""
    model = default_model() if records.records < FEWEST_TO_LEARN else None
    return match(records.stated, comparisons=COMPARISONS, model=model)


def suggested_pairs(matched: Matched) -> tuple[Numbers, Numbers, NDArray[np.float64]]:
    """Records of two profiles that a person is asked about, and the probability said of the two.

    Every pair of records above the review line whose profiles are above it together.
    """
    own = np.asarray(matched.pairs["bits"].to_numpy())
    joined = np.asarray(matched.pairs["joined"].to_numpy(zero_copy_only=False))
    likely = (own >= matched.model.review_bits) & ~joined
    a, b = (np.asarray(matched.pairs[side].to_numpy())[likely] for side in ("a", "b"))
    with ColumnEngine(memory_limit_mb=1024, threads=2) as engine:
        bits = joint_bits(
            matched.standardised, matched.labels, a, b, COMPARISONS, matched.model, engine
        )
    asked = bits >= matched.model.review_bits
    return a[asked], b[asked], 1 / (1 + np.exp2(-bits[asked].astype(np.float64)))


def what_is_said(matched: Matched) -> Pairs:
    """The pairs as people see them: those that were joined, and each two profiles suggested once.

    What is said of two profiles is what all their records say together.
    """
    joined = np.asarray(matched.pairs["joined"].to_numpy(zero_copy_only=False))
    a, b, own = (
        np.asarray(matched.pairs[name].to_numpy())[joined] for name in ("a", "b", "probability")
    )
    left, right, together = suggested_pairs(matched)
    profiles = np.sort(np.column_stack([matched.labels[left], matched.labels[right]]), axis=1)
    _, once = np.unique(profiles, axis=0, return_index=True)
    return Pairs(
        left=np.r_[a, left[once]],
        right=np.r_[b, right[once]],
        probability=np.r_[own.astype(np.float64), together[once]],
    )


def hard_cases(records: LabelledSet) -> HardCases:
    """All pairs on which matching and the truth differ or nearly do, each explained.

    Notes
    -----
    The records are matched once more, so that explaining them is in no method's seconds. Of
    records whose person is unknown nothing is said.
    """
    matched = match_known(records)
    truth, labels = records.truth, matched.labels
    found_a, found_b = (np.asarray(matched.pairs[side].to_numpy()) for side in ("a", "b"))
    asked_a, asked_b, _ = suggested_pairs(matched)

    one_person = _pairs_within(truth, truth != UNKNOWN)
    one_profile = _pairs_within(labels, truth != UNKNOWN)
    missed = one_person[labels[one_person[:, 0]] != labels[one_person[:, 1]]]
    wrong = one_profile[truth[one_profile[:, 0]] != truth[one_profile[:, 1]]]
    near = (truth[asked_a] != UNKNOWN) & (truth[asked_b] != UNKNOWN)
    near &= truth[asked_a] != truth[asked_b]
    nearly = np.column_stack([asked_a[near], asked_b[near]])

    pairs = np.concatenate([missed, wrong, nearly]).astype(np.int64)
    kinds = [
        *[CaseKind.LEFT_APART] * len(missed),
        *[CaseKind.WRONGLY_JOINED] * len(wrong),
        *[CaseKind.NEAR_MISS] * len(nearly),
    ]
    profiles = _numbered(labels[pairs], records.records)
    asked = _numbered(np.column_stack([labels[asked_a], labels[asked_b]]), records.records)
    is_apart = labels[pairs[:, 0]] != labels[pairs[:, 1]]
    is_asked = np.isin(profiles, asked) & is_apart
    a, b = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    with ColumnEngine(memory_limit_mb=1024, threads=2) as engine:
        of = (matched.standardised, a, b, COMPARISONS, matched.model, engine)
        bits, family = score_pairs(*of)
        falls = waterfalls(*of)
        together = np.full(len(pairs), np.nan)
        together[is_apart] = joint_bits(
            matched.standardised, labels, a[is_apart], b[is_apart], *of[3:]
        )
    compared = np.isin(
        _numbered(pairs, records.records),
        _numbered(np.column_stack([found_a, found_b]), records.records),
    )
    stated = _taken(records, np.unique(pairs))
    cases = []
    for at, kind in enumerate(kinds):
        steps = tuple(CaseStep(comparison=c, level=n, bits=w) for c, n, w in falls[at])
        weight = float(bits[at])
        reason, decides = _turns_on(kind, steps, weight, matched.model.merge_bits)
        if kind is CaseKind.LEFT_APART and weight >= matched.model.review_bits and not compared[at]:
            reason, decides = Reason.NOT_COMPARED, ""
        cases.append(
            Case(
                kind=kind,
                left=int(a[at]),
                right=int(b[at]),
                person=int(truth[a[at]]),
                probability=probability_of(weight),
                bits=weight,
                household=bool(family[at] > (1 - probability_of(weight)) / 2),
                rest=weight - sum(step.bits for step in steps),
                together=probability_of(float(together[at])) if is_apart[at] else None,
                suggested=bool(is_asked[at]),
                reason=reason,
                decides=decides,
                differences=_differences(stated[int(a[at])], stated[int(b[at])]),
                steps=steps,
            )
        )
    return HardCases(data_set=records.name, cases=tuple(cases))


def _pairs_within(group: Numbers, use: NDArray[np.bool_]) -> Numbers:
    """All pairs of used records that are of one group, shape (n_pairs, 2), left below right."""
    of = np.flatnonzero(use)
    order = of[np.argsort(group[of], kind="stable")]
    ends = np.flatnonzero(np.diff(group[order])) + 1
    parts = [np.empty((0, 2), dtype=np.int64)]
    for members in np.split(order, ends):
        i, j = np.triu_indices(len(members), 1)
        parts.append(np.column_stack([members[i], members[j]]))
    return np.concatenate(parts)


def _numbered(pairs: Numbers, n_records: int) -> Numbers:
    """A number for each pair, whichever of the two comes first; ``pairs`` of shape (n_pairs, 2)."""
    low, high = np.sort(pairs, axis=1).T
    numbers: Numbers = low * np.int64(n_records) + high
    return numbers


def _taken(records: LabelledSet, rows: Numbers) -> dict[int, dict[str, str | None]]:
    found = records.stated.take(rows).to_pylist()
    return dict(zip(rows.tolist(), found, strict=True))


def _differences(
    left: dict[str, str | None], right: dict[str, str | None]
) -> tuple[Difference, ...]:
    return tuple(
        Difference(column=column, left=left[column], right=right[column])
        for column in left
        if left[column] != right[column]
    )


def _turns_on(
    kind: CaseKind, steps: tuple[CaseStep, ...], bits: float, merge_bits: float
) -> tuple[Reason, str]:
    """What a case turns on, and the matter."""
    joins = bits >= merge_bits
    most = max(steps, key=lambda step: step.bits, default=None)
    least = min(steps, key=lambda step: step.bits, default=None)
    if kind is CaseKind.LEFT_APART:
        if joins:
            return Reason.OTHER_RECORDS, ""
        if least is not None and least.bits <= -_CLEARLY:
            return Reason.AGAINST, least.comparison
        return Reason.TOO_LITTLE, ""
    if kind is CaseKind.WRONGLY_JOINED and not joins:
        return Reason.THROUGH_OTHERS, ""
    if most is not None and most.bits > 0:
        return Reason.FOR, most.comparison
    return Reason.TOO_LITTLE, ""

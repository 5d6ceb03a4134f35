"""Matching by probability: score records, keep the pairs, and let profiles follow.

All records are matched once, and again when what decides about all of them changed. In between only
what hangs together with a changed record is; decision 0024 says how the two agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sqlalchemy import Connection

from rapport import __version__
from rapport.engines.columns import ColumnEngine
from rapport.unify.identity_rules import identity_rules
from rapport.unify.marks import STALE_PROFILES, UNMATCHED_RECORDS
from rapport.unify.matching.changed import match_changed
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.joint import joint_bits
from rapport.unify.matching.known_values import learn_values
from rapport.unify.matching.live import LiveIndex, build_index
from rapport.unify.matching.match import FEWEST_TO_LEARN, match
from rapport.unify.matching.model import Model, company_model, probability_of, with_merge_line
from rapport.unify.matching.standardise import Standardised
from rapport.unify.matching.stored_records import (
    Judgements,
    PairChanges,
    RecordsToMatch,
    Related,
    ScoredPair,
    blocked_values,
    judgements,
    pair_changes,
    records_to_match,
    related_records,
    write_pairs,
)
from rapport.unify.matching.waterfall import waterfalls
from rapport.unify.resolve import resolve_atoms
from rapport.workflows.company import Company, Progress, read_choice, silent
from rapport.workflows.identity_review import renew_queue
from rapport.workflows.lookup import (
    KeptIndex,
    keep_index,
    keep_newer,
    kept_index,
    known_values,
    live_index,
)
from rapport.workflows.refresh import refresh_profiles

IntArray = NDArray[np.int64]

#: Pairs per transaction: small enough that the collector is not kept waiting.
CHUNK = 2_000
#: How often records are matched that came meanwhile.
MATCH_EVERY = timedelta(minutes=10)
#: All records are matched so often at least, since a value's rarity moves with all that come.
WHOLE_EVERY = timedelta(days=7)
#: People's words on pairs move the scale of all others; once a day is often enough for that.
JUDGED_EVERY = timedelta(days=1)
#: Fewer records are matched as a whole: it takes seconds.
_FEW = 5_000
#: When so many have changed, all are matched.
_MANY = 0.1


def matching_is_due(company: Company) -> bool:
    """Whether something came since records were matched last, and that is a while ago."""
    with company.ledger.read() as connection:
        at = read_choice(connection, "matched_at")
        waiting = UNMATCHED_RECORDS.any(connection)
    recent = at is not None and company.clock() < datetime.fromisoformat(at) + MATCH_EVERY
    return waiting and not recent


class MatchingDone(Struct, frozen=True, kw_only=True):
    """What one run of matching did.

    Attributes
    ----------
    records : int
        Records that were looked at.
    whole : bool
        Whether those were all; otherwise only what hangs together with something new.
    compared : int
        Pairs that were compared.
    joined, to_review : int
        Pairs among those records that joined, and those left to a person.
    changed : int
        Pairs that are others than after the last run.
    merged, split : int
        Profiles that changed by it.
    refreshed : int
        Profiles renewed after it, those that were due before among them.
    learnt : bool
        Whether weights were learnt from these records in this run.
    seconds : mapping of step to seconds
    """

    records: int
    whole: bool
    compared: int
    joined: int
    to_review: int
    changed: int
    merged: int
    split: int
    refreshed: int
    learnt: bool
    seconds: Mapping[str, float]


class _Basis(Struct, frozen=True, kw_only=True):
    """What a run goes by, as of one moment."""

    marks: Mapping[int, Sequence[int]]
    blocked: Collection[tuple[str, str]]
    learnt: Any
    model: Model  # with the company's own line
    kept: KeptIndex | None
    index: LiveIndex | None
    made_with: str
    judged: str


class _Found(Struct, frozen=True, kw_only=True):
    """Pairs above the review line, by place in ``atoms``; and how they were found."""

    atoms: IntArray
    standardised: Standardised
    a: IntArray
    b: IntArray
    bits: NDArray[np.float32]
    labels: IntArray  # the person of each record, as a place in ``atoms``
    n_records: int  # among how many they were found
    model: Model
    compared: int
    whole: bool
    learnt: bool
    seconds: Mapping[str, float]
    keep: Callable[[], None]  # the index, once the pairs are kept: a run that broke off is repeated


def match_company(
    company: Company,
    *,
    learn: bool | None = None,
    whole: bool | None = None,
    progress: Progress = silent,
) -> MatchingDone:
    """Match the company's records.

    Parameters
    ----------
    learn : bool, optional
        Whether to learn weights from these records. By default they are learnt once, as soon as
        there are enough records.
    whole : bool, optional
        Whether to match all records; by default where it is needed.
    """
    began = perf_counter()
    now = company.clock()
    with company.ledger.read() as connection:
        basis = _basis(company, connection)
    if whole is None:
        whole = bool(learn) or _needs_all(basis, now)
    if whole or basis.kept is None or basis.index is None:
        found = _match_all(company, learn, basis, progress)
    else:
        found = _match_some(company, basis, basis.kept, basis.index, progress)
    found_in = perf_counter() - began
    pairs = _scored_pairs(found)
    with company.ledger.read() as connection:
        changes = pair_changes(
            connection,
            pairs,
            found.model.version,
            None if found.whole else found.atoms.tolist(),
        )
    changes = _explained(changes, found)
    merged = split = done = 0
    for part in changes.parts(CHUNK):
        with company.ledger.write() as connection:
            atoms = write_pairs(connection, company.ledger, part, found.model.version, now)
            resolution = resolve_atoms(connection, company.ledger, atoms, now)
            STALE_PROFILES.put(connection, resolution.touched)
        merged += len(resolution.merged)
        split += len(resolution.split)
        done += len(part)
        progress("join", done, len(changes))
    found.keep()
    with company.ledger.write() as connection:
        UNMATCHED_RECORDS.take_away(
            connection, [mark for marks in basis.marks.values() for mark in marks]
        )
    company.choose("matched_at", now.isoformat())
    written_in = perf_counter() - began - found_in
    refreshed = refresh_profiles(company, progress=progress)
    renew_queue(company, progress=progress)
    return MatchingDone(
        records=len(found.atoms),
        whole=found.whole,
        compared=found.compared,
        joined=sum(pair.joined for pair in pairs),
        to_review=sum(not pair.joined for pair in pairs),
        changed=len(changes),
        merged=merged,
        split=split,
        refreshed=refreshed,
        learnt=found.learnt,
        seconds={
            **found.seconds,
            "match": found_in,
            "write": written_in,
            "renew": perf_counter() - began - found_in - written_in,
        },
    )


def _basis(company: Company, connection: Connection) -> _Basis:
    blocked = blocked_values(connection)
    learnt = read_choice(connection, "identity_model")
    model = with_merge_line(company_model(learnt), identity_rules(connection).merge)
    doubted = judgements(connection).doubted
    return _Basis(
        marks=UNMATCHED_RECORDS.read(connection),
        blocked=blocked,
        learnt=learnt,
        model=model,
        kept=kept_index(connection),
        index=live_index(company, connection),
        made_with=_digest([__version__, model, sorted(blocked)]),
        judged=_digest(doubted),
    )


def _digest(value: Any) -> str:
    return blake2b(msgspec.json.encode(value), digest_size=12).hexdigest()


def _needs_all(basis: _Basis, now: datetime) -> bool:
    """Whether what is known of all records no longer holds."""
    kept, index = basis.kept, basis.index
    if kept is None or index is None or index.n_records < _FEW:
        return True
    since = now - kept.made_at
    newer = sum(len(segment.atoms) for segment in index.segments[1:])
    return (
        kept.made_with != basis.made_with
        or since >= WHOLE_EVERY
        or (kept.judged != basis.judged and since >= JUDGED_EVERY)
        or newer + len(basis.marks) > _MANY * index.n_records
    )


def _match_all(company: Company, learn: bool | None, basis: _Basis, progress: Progress) -> _Found:
    with company.ledger.read() as connection:
        records = records_to_match(connection)
        words = judgements(connection).of(records.atoms)
    progress("match", 0, len(records.atoms))
    if learn is None:
        learn = basis.learnt is None and len(records.atoms) >= FEWEST_TO_LEARN
    matched = match(
        records.stated,
        comparisons=COMPARISONS,
        model=None if learn else basis.model,
        start=basis.model,
        must=words.must,
        cannot=words.cannot,
        labelled=words.doubted,
        blocked=basis.blocked,
    )
    progress("match", len(records.atoms), len(records.atoms))

    def keep() -> None:
        made_with = basis.made_with
        if learn:
            # Without the company's own line, so that the usual one comes back when that one goes.
            learnt = msgspec.structs.replace(
                matched.unheard, merge=company_model(basis.learnt).merge
            )
            company.choose("identity_model", msgspec.to_builtins(learnt))
            with company.ledger.read() as connection:
                made_with = _basis(company, connection).made_with
        keep_index(
            company,
            build_index(matched.standardised, records.atoms, matched.model, COMPARISONS),
            learn_values(
                matched.standardised,
                matched.profiles,
                records_per_person=1 + matched.model.same_per_record,
            ),
            made_with=made_with,
            judged=basis.judged,
        )

    company.choose("home_countries", _home_countries(records))
    pairs = matched.pairs.filter(matched.pairs["band"].to_numpy() != "household")
    return _Found(
        atoms=records.atoms,
        standardised=matched.standardised,
        a=pairs["a"].to_numpy(),
        b=pairs["b"].to_numpy(),
        bits=pairs["bits"].to_numpy(),
        labels=matched.labels,
        n_records=len(records.atoms),
        model=matched.model,
        compared=matched.n_pairs,
        whole=True,
        learnt=learn,
        seconds=matched.seconds,
        keep=keep,
    )


def _match_some(
    company: Company, basis: _Basis, kept: KeptIndex, index: LiveIndex, progress: Progress
) -> _Found:
    progress("match", 0, len(basis.marks))
    with company.ledger.read() as connection:

        def related(atoms: Collection[int]) -> Related:
            return related_records(connection, atoms)

        def judged(atoms: IntArray) -> Judgements:
            return judgements(connection).of(atoms)

        changed = match_changed(
            index,
            known_values(company, kept),
            records_to_match(connection, sorted(basis.marks)),
            related=related,
            judged=judged,
            blocked=basis.blocked,
        )
    progress("match", len(basis.marks), len(basis.marks))
    return _Found(
        atoms=changed.atoms,
        standardised=changed.standardised,
        a=changed.a,
        b=changed.b,
        bits=changed.bits,
        labels=changed.labels,
        n_records=index.n_records,
        model=index.model,
        compared=changed.compared,
        whole=False,
        learnt=False,
        seconds={},
        keep=lambda: keep_newer(company, kept, changed.newer, changed.values),
    )


def _home_countries(records: RecordsToMatch) -> list[str]:
    """The countries of one record in twenty or more, the most frequent first."""
    if "country" not in records.stated.column_names:
        return []
    counts = Counter(records.stated["country"].drop_null().to_pylist())
    least = counts.total() / 20
    return [country for country, n in counts.most_common() if n >= least and len(country) == 2]


def _scored_pairs(found: _Found) -> list[ScoredPair]:
    """The pairs that joined, and those of two profiles to ask a person about, by atom id.

    What is said of a pair left apart is what all records of its two profiles say together. What
    each matter says is told of those that are written, by `_explained`.
    """
    apart = found.labels[found.a] != found.labels[found.b]
    a, b, bits, said = found.a, found.b, found.bits, found.bits.copy()
    with ColumnEngine() as engine:
        said[apart] = joint_bits(
            found.standardised,
            found.labels,
            a[apart],
            b[apart],
            COMPARISONS,
            found.model,
            engine,
            n_records=found.n_records,
        )
    kept = ~apart | (said >= found.model.review_bits)
    a, b, bits, said, apart = a[kept], b[kept], bits[kept], said[kept], apart[kept]
    a, b = found.atoms[a], found.atoms[b]
    columns = zip(
        np.minimum(a, b).tolist(),
        np.maximum(a, b).tolist(),
        bits.tolist(),
        (~apart).tolist(),
        map(probability_of, said.tolist()),
        strict=True,
    )
    return [
        ScoredPair(a=a, b=b, bits=bits, probability=probability, joined=joined)
        for a, b, bits, joined, probability in columns
    ]


def _explained(changes: PairChanges, found: _Found) -> PairChanges:
    """The same with what each matter says of the pairs to write."""
    a, b = (
        np.searchsorted(found.atoms, [getattr(pair, side) for pair in changes.written])
        for side in ("a", "b")
    )
    with ColumnEngine() as engine:
        fields = waterfalls(
            found.standardised,
            a,
            b,
            COMPARISONS,
            found.model,
            engine,
            n_records=found.n_records,
        )
    written = tuple(
        msgspec.structs.replace(pair, fields=told)
        for pair, told in zip(changes.written, fields, strict=True)
    )
    return msgspec.structs.replace(changes, written=written)

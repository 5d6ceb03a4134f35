"""Matching by probability: score all records, keep the pairs, and let profiles follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
import numpy as np
from msgspec import Struct
from sqlalchemy import select

from rapport.engines.columns import ColumnEngine
from rapport.unify.identity_rules import identity_rules
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.live import build_index
from rapport.unify.matching.match import FEWEST_TO_LEARN, Matched, match
from rapport.unify.matching.model import company_model, with_merge_line
from rapport.unify.matching.stored_records import (
    RecordsToMatch,
    ScoredPair,
    blocked_values,
    judgements,
    pair_changes,
    records_to_match,
    write_pairs,
)
from rapport.unify.matching.waterfall import waterfalls
from rapport.unify.resolve import resolve_atoms
from rapport.unify.stale_marks import mark_stale
from rapport.vocabulary.ledger_tables import position
from rapport.workflows.company import Company, Progress, read_choice, silent
from rapport.workflows.identity_review import renew_queue
from rapport.workflows.ingest import WORKER
from rapport.workflows.lookup import keep_index
from rapport.workflows.refresh import refresh_profiles

#: Pairs per transaction: small enough that the collector is not kept waiting.
CHUNK = 2_000

#: How often records are matched that came meanwhile.
MATCH_EVERY = timedelta(hours=1)


def matching_is_due(company: Company) -> bool:
    """Whether something came since records were matched last, an hour ago or more."""
    with company.ledger.read() as connection:
        until = connection.scalar(select(position.c.position).where(position.c.worker == WORKER))
        at = read_choice(connection, "matched_at")
        done = read_choice(connection, "matched_until")
    recent = at is not None and company.clock() < datetime.fromisoformat(at) + MATCH_EVERY
    return not recent and int(until or 0) > done


class MatchingDone(Struct, frozen=True, kw_only=True):
    """What one run of matching did.

    Attributes
    ----------
    records : int
        Records that say something of a person.
    compared : int
        Pairs that were compared.
    joined, to_review : int
        Pairs that joined, and those left to a person.
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
    compared: int
    joined: int
    to_review: int
    changed: int
    merged: int
    split: int
    refreshed: int
    learnt: bool
    seconds: Mapping[str, float]


def match_company(
    company: Company, *, learn: bool | None = None, progress: Progress = silent
) -> MatchingDone:
    """Match all records of the company.

    Parameters
    ----------
    learn : bool, optional
        Whether to learn weights from these records. By default they are learnt once, as soon as
        there are enough records.
    """
    now = company.clock()
    with company.ledger.read() as connection:
        until = connection.scalar(select(position.c.position).where(position.c.worker == WORKER))
        records = records_to_match(connection)
        words = judgements(connection, records.atoms)
        blocked = blocked_values(connection)
        kept = read_choice(connection, "identity_model")
        rules = identity_rules(connection)
    progress("match", 0, len(records.atoms))
    if learn is None:
        learn = kept is None and len(records.atoms) >= FEWEST_TO_LEARN
    known = company_model(kept)
    using = with_merge_line(known, rules.merge)
    matched = match(
        records.stated,
        comparisons=COMPARISONS,
        model=None if learn else using,
        start=using,
        must=words.must,
        cannot=words.cannot,
        labelled=words.doubted,
        blocked=blocked,
    )
    progress("match", len(records.atoms), len(records.atoms))
    pairs = _scored_pairs(records, matched)
    with company.ledger.read() as connection:
        changes = pair_changes(connection, pairs, matched.model.version)
    merged = split = done = 0
    for part in changes.parts(CHUNK):
        with company.ledger.write() as connection:
            atoms = write_pairs(connection, company.ledger, part, matched.model.version, now)
            resolution = resolve_atoms(connection, company.ledger, atoms, now)
            mark_stale(connection, resolution.touched)
        merged += len(resolution.merged)
        split += len(resolution.split)
        done += len(part)
        progress("join", done, len(changes))
    keep_index(
        company, build_index(matched.standardised, records.atoms, matched.model, COMPARISONS)
    )
    if learn:
        # Without the company's own line, so that the usual one comes back when that one goes.
        learnt = msgspec.structs.replace(matched.unheard, merge=known.merge)
        company.choose("identity_model", msgspec.to_builtins(learnt))
    company.choose("home_countries", _home_countries(records))
    company.choose("matched_until", int(until or 0))
    company.choose("matched_at", now.isoformat())
    refreshed = refresh_profiles(company, progress=progress)
    renew_queue(company, progress=progress)
    return MatchingDone(
        records=len(records.atoms),
        compared=matched.n_pairs,
        joined=sum(pair.joined for pair in pairs),
        to_review=sum(not pair.joined for pair in pairs),
        changed=len(changes),
        merged=merged,
        split=split,
        refreshed=refreshed,
        learnt=learn,
        seconds=matched.seconds,
    )


def _home_countries(records: RecordsToMatch) -> list[str]:
    """The countries of one record in twenty or more, the most frequent first."""
    if "country" not in records.stated.column_names:
        return []
    counts = Counter(records.stated["country"].drop_null().to_pylist())
    least = counts.total() / 20
    return [country for country, n in counts.most_common() if n >= least and len(country) == 2]


def _scored_pairs(records: RecordsToMatch, matched: Matched) -> list[ScoredPair]:
    """The pairs above the review line, by atom id."""
    pairs = matched.pairs.filter(matched.pairs["band"].to_numpy() != "household")
    a, b = (records.atoms[pairs[name].to_numpy()] for name in ("a", "b"))
    with ColumnEngine() as engine:
        fields = waterfalls(
            matched.standardised,
            pairs["a"].to_numpy(),
            pairs["b"].to_numpy(),
            COMPARISONS,
            matched.model,
            engine,
        )
    columns = zip(
        np.minimum(a, b).tolist(),
        np.maximum(a, b).tolist(),
        *(pairs[name].to_pylist() for name in ("bits", "probability", "joined")),
        fields,
        strict=True,
    )
    return [
        ScoredPair(a=a, b=b, bits=bits, probability=probability, joined=joined, fields=fields)
        for a, b, bits, probability, joined, fields in columns
    ]

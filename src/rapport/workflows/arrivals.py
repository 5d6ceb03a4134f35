"""What arrives live finds its person at once, where it is plain who it is.

A run over what changed follows within minutes and has the last word; see `workflows.matching`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection

from rapport.unify.matching.live import Candidate, LiveIndex
from rapport.unify.matching.stored_records import (
    PairChanges,
    ScoredPair,
    records_to_match,
    write_pairs,
)
from rapport.unify.resolve import Resolution, resolve_atoms
from rapport.unify.stored_evidence import open_memberships
from rapport.workflows.company import Company
from rapport.workflows.lookup import live_index

#: More new people at once are an import, which the batch matches as a whole.
MOST_NEW = 200
#: Nobody is joined live who is less sure than this: the batch sees more than one pair does.
SURE = 0.98
_MOST_CANDIDATES = 12


class Arrived(Struct, frozen=True, kw_only=True):
    """What matching on arrival did: profiles touched and retired, pairs joined and suggested."""

    touched: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()
    joined: int = 0
    suggested: int = 0


def match_arrivals(
    company: Company, connection: Connection, resolution: Resolution, now: datetime
) -> Arrived:
    """Look up the new people of a batch among the records that are known.

    One that is plainly somebody known, and like nobody else, is joined; the others who are like
    somebody are suggested to a person. Nothing happens before records were matched once.
    """
    new = [atom for change in resolution.created for atom in change.after]
    if not 0 < len(new) <= MOST_NEW:
        return Arrived()
    index = live_index(company, connection)
    if index is None:
        return Arrived()
    records = records_to_match(connection, new)
    pairs: list[ScoredPair] = []
    for atom, stated in zip(records.atoms.tolist(), records.stated.to_pylist(), strict=True):
        found = [
            candidate
            for candidate in index.find(stated, limit=_MOST_CANDIDATES)
            if candidate.atom != atom
        ]
        placed = open_memberships(connection, {candidate.atom for candidate in found})
        person = _plainly(index, found, placed)
        pairs += [
            ScoredPair(
                a=min(atom, candidate.atom),
                b=max(atom, candidate.atom),
                bits=candidate.score.bits,
                probability=candidate.score.probability,
                joined=person is not None
                and placed.get(candidate.atom) == person
                and candidate.score.probability >= SURE,
                fields=candidate.score.fields,
            )
            for candidate in found
        ]
    if not pairs:
        return Arrived()
    distinct = {(pair.a, pair.b): pair for pair in pairs}
    changes = PairChanges(
        written=tuple(distinct[key] for key in sorted(distinct)),
        gone=(),
        retied=frozenset(key for key, pair in distinct.items() if pair.joined),
    )
    atoms = write_pairs(connection, company.ledger, changes, index.model.version, now)
    done = resolve_atoms(connection, company.ledger, atoms, now) if atoms else Resolution()
    joined = len(changes.retied)
    return Arrived(
        touched=done.touched,
        retired=frozenset(done.retired),
        joined=joined,
        suggested=len(distinct) - joined,
    )


def _plainly(index: LiveIndex, found: Sequence[Candidate], placed: dict[int, str]) -> str | None:
    """The profile that all evidence points at; None where there is doubt."""
    by_person: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in found:
        if candidate.atom in placed:
            by_person[placed[candidate.atom]].append(candidate)
    if len(by_person) != 1:
        return None
    [(person, candidates)] = by_person.items()
    average = sum(candidate.score.bits for candidate in candidates) / len(candidates)
    sure = max(candidate.score.probability for candidate in candidates) >= SURE
    return person if sure and average >= index.model.merge_bits else None

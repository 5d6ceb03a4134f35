"""Why these records are one person, and why others are not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.engines.ledger import among
from rapport.unify.cluster import UsedLink, cluster
from rapport.unify.evidence import LIKENESS, Evidence, Tie, Value, with_parted, without_tie
from rapport.unify.review import Scored, Step, scores_of
from rapport.unify.stewardship import Consequences, concerning, current_profile
from rapport.unify.stored_evidence import atoms_of, gather, open_memberships, rows_in
from rapport.vocabulary import ledger_tables as t


class RecordShown(Struct, frozen=True, kw_only=True):
    """A record as an explanation names it; `atom_id` as text, for it passes 2^53."""

    atom_id: str
    kind: str
    value: str
    source: str
    profile_id: str


class IfFell(Struct, frozen=True, kw_only=True):
    """What would change if one tie did not count, and what a split there would part.

    Attributes
    ----------
    leaving : tuple of str
        Records that would leave the person; none where other evidence still holds them.
    cut : tuple of str
        Records that a split at this link parts from the others: those that would leave, or else
        the smaller side of the chain.
    alone : tuple of str
        Records that a split here leaves on their own, since they could be either side's.
    followed : Consequences
        Messages and tickets of the records in ``cut`` and ``alone``.
    """

    leaving: tuple[str, ...]
    cut: tuple[str, ...]
    alone: tuple[str, ...] = ()
    followed: Consequences = Consequences()


class LinkShown(Struct, frozen=True, kw_only=True):
    """Evidence between two records; ``why`` is the objection where it was refused.

    ``probability`` and ``steps`` are of a likeness. ``fell`` is None where the link holds nothing,
    or where the person has too many records to try each of them.
    """

    kind: str
    value: str
    a: RecordShown
    b: RecordShown
    reason: str
    bits: float
    why: str = ""
    probability: float | None = None
    steps: tuple[Step, ...] = ()
    fell: IfFell | None = None


class ValueShown(Struct, frozen=True, kw_only=True):
    """A value that is evidence for nobody: blocked, or held by too many."""

    kind: str
    value: str
    why: str
    records: tuple[RecordShown, ...]


class Explanation(Struct, frozen=True, kw_only=True):
    """The evidence for one profile.

    Attributes
    ----------
    records : all records of the profile
    links : the links that hold it together, strongest first
    refused : links to other profiles, or within, that were not followed
    set_aside : values of its records that count for nobody
    """

    profile_id: str
    records: tuple[RecordShown, ...]
    links: tuple[LinkShown, ...]
    refused: tuple[LinkShown, ...]
    set_aside: tuple[ValueShown, ...]


#: Records times links: above, not every link is tried, for a page has to wait for it.
_MOST_TRIED = 50_000


def mask(kind: str, value: str) -> str:
    """Enough of a value to recognise it, not enough to use it.

    Examples
    --------
    >>> mask("email", "anna.kovacs@example.com"), mask("phone", "+3612345678")
    ('a…@example.com', '…78')
    """
    if kind == "email":
        name, _, domain = value.partition("@")
        return f"{name[:1]}…@{domain}"
    return f"…{value[-2:]}" if len(value) > 4 else "…"


def explain(connection: Connection, profile_id: str, *, reveal: bool = False) -> Explanation:
    """The evidence that makes a profile, computed from what is stored now.

    Parameters
    ----------
    profile_id : str
        Also an old id, of a profile that was merged into another.
    reveal : bool
        Show identifiers in full, for who may see them; otherwise they are masked.

    Raises
    ------
    NotFound
        If there is no such profile.
    """
    here = current_profile(connection, profile_id)
    own = set(atoms_of(connection, [here]).get(here, ()))
    evidence = gather(connection, own).evidence
    partition = cluster(evidence)
    used = [link for link in partition.used if link.a in own and link.b in own]
    refused = [link for link in partition.refused if link.a in own or link.b in own]
    set_aside = [entry for entry in evidence.set_aside if own.intersection(entry[2])]
    named = own.union(*((u.a, u.b) for u in used), *((r.a, r.b) for r in refused))
    records = _records(connection, named, reveal=reveal)
    scored = scores_of(
        connection,
        {_pair(link.a, link.b) for link in used if link.tie.kind == LIKENESS}
        | {_pair(link.a, link.b) for link in refused if link.tie.kind == LIKENESS},
    )
    fell = _if_each_fell(connection, evidence, own, used)

    def shown(a: int, b: int, tie: Tie, why: str = "", if_fell: IfFell | None = None) -> LinkShown:
        score: Scored | None = scored.get(_pair(a, b)) if tie.kind == LIKENESS else None
        return LinkShown(
            kind=tie.kind,
            value=_value(tie.value, reveal=reveal),
            a=records[a],
            b=records[b],
            reason=tie.reason,
            bits=tie.bits,
            why=why,
            probability=None if score is None else score.probability,
            steps=() if score is None else score.steps,
            fell=if_fell,
        )

    return Explanation(
        profile_id=here,
        records=tuple(records[a] for a in sorted(own) if a in records),
        links=tuple(
            shown(link.a, link.b, link.tie, if_fell=effect)
            for link, effect in zip(used, fell, strict=True)
        ),
        refused=tuple(shown(link.a, link.b, link.tie, link.why) for link in refused),
        set_aside=tuple(
            ValueShown(
                kind=value.kind,
                value=_value(value, reveal=reveal),
                why=why,
                records=tuple(records[a] for a in members if a in own),
            )
            for value, why, members in set_aside
        ),
    )


def _pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _if_each_fell(
    connection: Connection, evidence: Evidence, own: Collection[int], used: Sequence[UsedLink]
) -> list[IfFell | None]:
    """Of each link what would change without its tie; nothing is written."""
    if len(used) * len(evidence.atoms) > _MOST_TRIED:
        return [None] * len(used)
    found: list[IfFell | None] = []
    for link in used:
        leaving = leaving_without(evidence, own, link.tie)
        cut = leaving or smaller_side([(x.a, x.b) for x in used], (link.a, link.b), own)
        alone = left_alone(evidence, own, cut)
        followed = concerning(connection, (*cut, *alone))
        found.append(
            IfFell(
                leaving=tuple(map(str, leaving)),
                cut=tuple(map(str, cut)),
                alone=tuple(map(str, alone)),
                followed=followed,
            )
        )
    return found


def leaving_without(evidence: Evidence, own: Collection[int], fallen: Tie) -> tuple[int, ...]:
    """The records of a person that would be somebody else's without one tie; pure."""
    mine = set(own)
    parts = [
        together
        for members in cluster(without_tie(evidence, fallen)).clusters
        if (together := mine.intersection(members))
    ]
    stays = max(parts, key=lambda part: (len(part), -min(part)), default=set())
    return tuple(sorted(mine - stays))


def left_alone(evidence: Evidence, own: Collection[int], cut: Collection[int]) -> tuple[int, ...]:
    """The records of a person that belong to neither side once some are parted; pure."""
    away = set(cut)
    stays = set(own) - away
    parts = cluster(with_parted(evidence, stays, away)).clusters
    sides = [
        max((side.intersection(part) for part in parts), key=lambda x: (len(x), -min(x, default=0)))
        for side in (stays, away)
    ]
    return tuple(sorted(set(own) - sides[0] - sides[1]))


def smaller_side(
    links: Iterable[tuple[int, int]], cut: tuple[int, int], own: Collection[int]
) -> tuple[int, ...]:
    """The smaller of the two sides into which a chain of links falls where one is cut.

    Examples
    --------
    >>> smaller_side([(1, 2), (2, 3)], (2, 3), {1, 2, 3})
    (3,)
    """
    beside: defaultdict[int, set[int]] = defaultdict(set)
    for a, b in links:
        if (a, b) != cut:
            beside[a].add(b)
            beside[b].add(a)
    reached, frontier = {cut[1]}, [cut[1]]
    while frontier:
        for other in beside[frontier.pop()] - reached:
            reached.add(other)
            frontier.append(other)
    sides = sorted((sorted(reached), sorted(set(own) - reached)), key=lambda s: (len(s), s))
    return tuple(sides[0])


def _value(value: Value | None, *, reveal: bool) -> str:
    if value is None:
        return ""
    return value.value if reveal else mask(value.kind, value.value)


def _records(
    connection: Connection, atom_ids: set[int], *, reveal: bool
) -> Mapping[int, RecordShown]:
    placed = open_memberships(connection, atom_ids)
    a = t.atom.c
    return {
        row[0]: RecordShown(
            atom_id=str(row[0]),
            kind=row[1],
            value=row[2] if reveal else mask(row[1], row[2]),
            source=row[3],
            profile_id=placed.get(row[0], ""),
        )
        for row in rows_in(
            connection,
            lambda piece: select(a.atom_id, a.kind, a.value, a.source).where(
                among(a.atom_id, piece)
            ),
            atom_ids,
        )
    }

"""Why these records are one person, and why others are not."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.engines.ledger import among
from rapport.unify.cluster import cluster
from rapport.unify.evidence import Tie, Value
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of, gather, open_memberships, rows_in
from rapport.vocabulary import ledger_tables as t


class RecordShown(Struct, frozen=True, kw_only=True):
    """A record as an explanation names it."""

    atom_id: int
    kind: str
    value: str
    source: str
    profile_id: str


class LinkShown(Struct, frozen=True, kw_only=True):
    """Evidence between two records; ``why`` is the objection where it was refused."""

    kind: str
    value: str
    a: RecordShown
    b: RecordShown
    reason: str
    bits: float
    why: str = ""


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

    def shown(a: int, b: int, tie: Tie, why: str = "") -> LinkShown:
        return LinkShown(
            kind=tie.kind,
            value=_value(tie.value, reveal=reveal),
            a=records[a],
            b=records[b],
            reason=tie.reason,
            bits=tie.bits,
            why=why,
        )

    return Explanation(
        profile_id=here,
        records=tuple(records[a] for a in sorted(own) if a in records),
        links=tuple(shown(link.a, link.b, link.tie) for link in used),
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
            atom_id=row[0],
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

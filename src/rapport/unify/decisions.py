"""The decisions about identity that made a profile what it is, newest first."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, or_, select

from rapport.engines.ledger import among
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of, chunks, rows_in
from rapport.vocabulary import ledger_tables as t

#: Decisions that only gave a record its first profile; nothing to look at or undo.
_BIRTHS = ("create",)


class DecisionShown(Struct, frozen=True, kw_only=True):
    """One decision as a list shows it.

    Attributes
    ----------
    kind : str
        ``join merge split must_link cannot_link undo erase``.
    actor : str
        ``rules``, or the e-mail address of the person who decided.
    profiles_before, profiles_after : int
        How many profiles it began and ended with.
    records : int
        How many records it was about.
    undone : bool
        Whether an undo of it stands.
    others : tuple of str
        The other profiles that it was about, before and after.
    """

    decision_id: int
    kind: str
    actor: str
    at: datetime
    reason: str
    profiles_before: int
    profiles_after: int
    records: int
    undone: bool
    reverses: int | None
    others: tuple[str, ...] = ()


def decisions_of(
    connection: Connection, profile_id: str, *, limit: int = 50
) -> tuple[DecisionShown, ...]:
    """Decisions that moved, tied or parted the records of a profile.

    Raises
    ------
    NotFound
        If there is no such profile.
    """
    here = current_profile(connection, profile_id)
    atoms = atoms_of(connection, [here]).get(here, ())
    m, c, d = t.membership.c, t.link_constraint.c, t.decision.c
    numbers: set[int] = set()
    for piece in chunks(atoms):
        numbers |= set(connection.scalars(select(m.decision_id).where(among(m.atom_id, piece))))
        numbers |= set(
            connection.scalars(
                select(c.decision_id).where(or_(among(c.atom_a, piece), among(c.atom_b, piece)))
            )
        )
    # A record that left this profile for another left by a decision that is this profile's too.
    numbers |= set(connection.scalars(select(m.decision_id).where(m.profile_id == here)))
    left = (
        select(m.decision_id)
        .where(m.atom_id.in_(select(m.atom_id).where(m.profile_id == here)))
        .distinct()
    )
    numbers |= set(connection.scalars(left))
    rows = [
        row
        for row in rows_in(
            connection,
            lambda piece: select(t.decision).where(among(d.decision_id, piece)),
            numbers,
        )
        if row.kind not in _BIRTHS
    ]
    rows.sort(key=lambda row: -int(row.decision_id))
    shown = rows[:limit]
    undone = _undone(connection, [row.decision_id for row in shown])
    return tuple(
        DecisionShown(
            decision_id=row.decision_id,
            kind=row.kind,
            actor=row.actor,
            at=row.at,
            reason=str((row.why or {}).get("reason") or ""),
            profiles_before=len(row.inputs),
            profiles_after=len(row.outputs),
            records=len({a for atoms in row.outputs.values() for a in atoms}),
            undone=row.decision_id in undone,
            reverses=row.reverses,
            others=tuple(sorted({*row.inputs, *row.outputs} - {here})),
        )
        for row in shown
    )


def _undone(connection: Connection, decision_ids: list[int]) -> set[int]:
    """Of these, the decisions of which an undo stands; an undone undo does not."""
    d = t.decision.c
    reversed_by: dict[int, list[int]] = {}
    frontier = set(decision_ids)
    while frontier:
        found: set[int] = set()
        for row in rows_in(
            connection,
            lambda piece: select(d.decision_id, d.reverses).where(
                among(d.reverses, piece), d.kind == "undo"
            ),
            frontier,
        ):
            reversed_by.setdefault(row.reverses, []).append(row.decision_id)
            found.add(row.decision_id)
        frontier = found

    def stands(decision_id: int) -> bool:
        return not any(stands(undoing) for undoing in reversed_by.get(decision_id, ()))

    return {decision_id for decision_id in decision_ids if not stands(decision_id)}

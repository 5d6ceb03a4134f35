"""Writing who is who: memberships that only grow, and the decisions that moved them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from rapport.engines.ledger import Ledger, among
from rapport.unify.assign import Assignment, Change, Standing
from rapport.unify.cluster import Partition
from rapport.unify.many_rows import write_many
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.stored_evidence import chunks, micros, rows_in
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.ledger_tables import to_micros

#: Who decides when no human does.
RULES = "rules"


def standings_of(connection: Connection, profile_ids: Collection[str]) -> dict[str, Standing]:
    """What these profiles bring to a contest for an id; unknown ones are absent."""
    p = t.profile.c
    return {
        row[0]: Standing(touchpoint_count=row[1], created_at=row[2], retired=row[3] is not None)
        for row in rows_in(
            connection,
            lambda piece: select(
                p.profile_id, p.touchpoint_count, micros(p.created_at), p.merged_into
            ).where(among(p.profile_id, piece)),
            profile_ids,
        )
    }


#: Columns of a profile that begin at nought.
_COUNTS = ("touchpoint_count", "order_count", "revenue", "conflict_count")

#: Derived columns that a retired profile must not keep: they are personal data of somebody else's
#: profile now, and an undo derives them anew.
EMPTY_PROFILE: Mapping[str, Any] = {
    "name": None, "email": None, "phone": None, "birthday": None, "language": None, "gender": None,
    "country": None, "city": None, "postal_code": None, "first_seen": None, "last_seen": None,
    "touchpoint_count": 0, "order_count": 0, "revenue": 0, "last_order_at": None,
    "conflict_count": 0,
}  # fmt: skip


def explain_links(partition: Partition) -> dict[int, list[dict[str, Any]]]:
    """The links used, by each of their records, as a decision keeps them.

    A decision keeps kinds and records but no values: it outlives the erasure of a person.
    """
    links: dict[int, list[dict[str, Any]]] = {}
    for link in partition.used:
        told = {
            "kind": link.tie.kind,
            "a": link.a,
            "b": link.b,
            "reason": link.tie.reason,
            "bits": link.tie.bits,
        }
        links.setdefault(link.a, []).append(told)
        links.setdefault(link.b, []).append(told)
    return links


def _why(change: Change, links: Mapping[int, list[dict[str, Any]]]) -> dict[str, Any]:
    moved = set(change.moved) if change.kind in ("join", "merge") else set(change.after)
    told: dict[tuple[int, int, str], dict[str, Any]] = {}
    for a in sorted(moved):
        for link in links.get(a, ()):
            told[link["a"], link["b"], link["kind"]] = link
    return {"links": [told[key] for key in sorted(told)]}


def decision_row(
    *,
    kind: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    why: Mapping[str, Any],
    actor: str,
    at: datetime,
    reverses: int | None = None,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "inputs": inputs,
        "outputs": outputs,
        "why": why,
        "actor": actor,
        "at": at,
        "reverses": reverses,
    }


def insert_decisions(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Append to the decision log; the numbers they got, in the same order.

    Read back instead of RETURNING, which would send row by row on SQLite. The lock "identity",
    which every caller holds, keeps other numbers of the same actor from coming in between.
    """
    if not rows:
        return []
    d = t.decision.c
    last = connection.execute(select(func.coalesce(func.max(d.decision_id), 0))).scalar_one()
    connection.execute(insert(t.decision).inline(), list(rows))
    return list(
        connection.execute(
            select(d.decision_id)
            .where(d.decision_id > last, d.actor == rows[0]["actor"])
            .order_by(d.decision_id)
        ).scalars()
    )


def write_assignment(
    connection: Connection,
    ledger: Ledger,
    assignment: Assignment,
    partition: Partition,
    at: datetime,
    *,
    decision_id: int | None = None,
) -> dict[str, int]:
    """Move the records and log why; with ``decision_id`` all moves are that decision's.

    Returns
    -------
    dict
        The decision that changed each profile.
    """
    changes = assignment.changes
    if decision_id is None:
        links = explain_links(partition)
        numbers = insert_decisions(
            connection,
            [
                decision_row(
                    kind=change.kind,
                    inputs={p: list(atoms) for p, atoms in change.before.items()},
                    outputs={change.profile_id: list(change.after)},
                    why=_why(change, links),
                    actor=RULES,
                    at=at,
                )
                for change in changes
            ],
        )
    else:
        numbers = [decision_id] * len(changes)
    _write_profiles(connection, ledger, assignment, at)
    m = t.membership.c
    leaving = [a for change in changes if change.before for a in change.moved]
    for piece in chunks(leaving):
        connection.execute(
            update(t.membership)
            .where(among(m.atom_id, piece), m.valid_to.is_(None))
            .values(valid_to=at)
        )
    since = to_micros(at)
    write_many(
        connection,
        insert(t.membership).inline(),
        ("atom_id", "profile_id", "valid_from", "decision_id"),
        [
            (a, change.profile_id, since, number)
            for change, number in zip(changes, numbers, strict=True)
            for a in change.moved
        ],
    )
    return {change.profile_id: n for change, n in zip(changes, numbers, strict=True)}


def _write_profiles(
    connection: Connection, ledger: Ledger, assignment: Assignment, at: datetime
) -> None:
    gaining = [change.profile_id for change in assignment.changes]
    since = to_micros(at)
    write_many(
        connection,
        ledger.insert(t.profile).on_conflict_do_nothing(index_elements=["profile_id"]),
        ("profile_id", "created_at", *_COUNTS),
        sorted((profile_id, since, *(0 for _ in _COUNTS)) for profile_id in gaining),
    )
    p = t.profile.c
    # A record that once lost its profile in a merge may be created into it again.
    for piece in chunks(c.profile_id for c in assignment.changes if c.kind in ("create", "split")):
        connection.execute(
            update(t.profile)
            .where(among(p.profile_id, piece), p.merged_into.is_not(None))
            .values(merged_into=None)
        )
    if assignment.retired:
        connection.execute(
            update(t.profile)
            .where(p.profile_id == bindparam("b_profile_id"))
            .values(merged_into=bindparam("merged_into"), **EMPTY_PROFILE),
            [
                {"b_profile_id": old, "merged_into": successor}
                for old, successor in assignment.retired.items()
            ],
        )
        for piece in chunks(assignment.retired):
            connection.execute(
                delete(t.search_term).where(among(t.search_term.c.profile_id, piece))
            )
        # What contradicts about them goes with the next refresh.
        STALE_PROFILES.put(connection, assignment.retired)

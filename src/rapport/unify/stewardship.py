"""What people decide about identity: joining, separating, blocking, and taking it all back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import combinations, product
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, true, update

from rapport.engines.ledger import Ledger, among
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.assign import Assignment
from rapport.unify.cluster import Partition, cluster
from rapport.unify.marks import UNMATCHED_RECORDS
from rapport.unify.memberships import decision_row, insert_decisions, write_assignment
from rapport.unify.resolve import Resolution, plan, resolve_atoms
from rapport.unify.stored_evidence import (
    Gathered,
    atoms_of,
    chunks,
    gather,
    open_memberships,
    rows_in,
)
from rapport.vocabulary import ledger_tables as t

#: Marks rows written before their decision has its number; never outlives the transaction.
_PENDING = 0


class ContactMade(Struct, frozen=True, kw_only=True):
    """A contact with a person since a decision; `atom_id` as text, for it passes 2^53."""

    contact_id: int
    profile_id: str
    atom_id: str | None
    channel: str
    purpose: str
    message_key: str
    at: datetime
    status: str


class TicketOpened(Struct, frozen=True, kw_only=True):
    """A ticket opened since a decision; `atom_id` as text, for it passes 2^53."""

    ticket_id: int
    atom_id: str | None
    status: str
    opened_at: datetime


class Consequences(Struct, frozen=True, kw_only=True):
    """What was done on the strength of a decision, and cannot be undone with it."""

    contacts: tuple[ContactMade, ...] = ()
    tickets: tuple[TicketOpened, ...] = ()


class Rearrangement(Struct, frozen=True, kw_only=True):
    """The outcome of a person's decision.

    Attributes
    ----------
    decision_id : int
    moved : mapping
        Records whose profile changed, with the new profile.
    touched : frozenset of profile ids
        Profiles to refresh.
    retired : mapping
        Profiles left without records, with their successors.
    followed : Consequences
        Of an undo: what followed from the decision undone.
    """

    decision_id: int
    moved: Mapping[int, str]
    touched: frozenset[str]
    retired: Mapping[str, str]
    followed: Consequences = Consequences()


class _Word(Struct, frozen=True, kw_only=True):
    """A decision about to be taken.

    It adds links and overrules others; and links cease to stand or stand again as decisions that
    made or overruled them are undone.
    """

    kind: str
    author: str
    reason: str
    must: Sequence[tuple[int, int]] = ()
    cannot: Sequence[tuple[int, int]] = ()
    overrule: Sequence[int] = ()
    fallen: Sequence[int] = ()
    restored: Sequence[int] = ()
    #: Records that must come out of it together, each group for itself.
    hold: Sequence[Sequence[int]] = ()
    preferred: Mapping[int, str] | None = None
    reverses: int | None = None


def current_profile(connection: Connection, profile_id: str) -> str:
    """The profile to which an old link leads now.

    Raises
    ------
    NotFound
        If there is no such profile.
    """
    p = t.profile.c
    seen: set[str] = set()
    here = profile_id
    while True:
        row = connection.execute(select(p.merged_into).where(p.profile_id == here)).first()
        if row is None or here in seen:
            raise NotFound(f"There is no profile {profile_id}; search for the person by name")
        if row[0] is None:
            return here
        seen.add(here)
        here = row[0]


def join_profiles(
    connection: Connection,
    ledger: Ledger,
    a: str,
    b: str,
    *,
    author: str,
    reason: str,
    at: datetime,
) -> Rearrangement:
    """Say that two profiles are one person. Outranks all evidence and earlier words.

    Raises
    ------
    NotFound
        If a profile does not exist.
    InvalidInput
        If both are the same profile already.
    """
    ledger.lock(connection, "identity")
    one, two = current_profile(connection, a), current_profile(connection, b)
    if one == two:
        raise InvalidInput(f"{a} and {b} are the same profile already; there is nothing to join")
    members = atoms_of(connection, [one, two])
    if one not in members or two not in members:
        raise NotFound(f"Profile {one if one not in members else two} has no records any more")
    return _carry_out(
        connection,
        ledger,
        _Word(
            kind="must_link",
            author=author,
            reason=reason,
            must=_together(members[one], members[two]),
            overrule=_links_across(connection, [members[one], members[two]], "cannot"),
        ),
        [*members[one], *members[two]],
        at,
    )


def separate(
    connection: Connection,
    ledger: Ledger,
    groups: Sequence[Collection[int]],
    *,
    author: str,
    reason: str,
    at: datetime,
) -> Rearrangement:
    """Say that groups of records are different persons. Outranks all evidence and earlier words.

    Parameters
    ----------
    groups : two or more disjoint collections of atom ids

    Raises
    ------
    InvalidInput
        If there are fewer than two groups, one is empty, or a record is in two.
    NotFound
        If a record does not exist.
    """
    ledger.lock(connection, "identity")
    sides = [tuple(sorted(set(group))) for group in groups]
    members = [a for side in sides for a in side]
    if len(sides) < 2 or not all(sides) or len(members) != len(set(members)):
        raise InvalidInput(
            "Separating needs at least two groups of records, none empty and no record in two"
        )
    unknown = set(members) - open_memberships(connection, members).keys()
    if unknown:
        raise NotFound(f"{len(unknown)} of the records to separate do not exist")
    return _carry_out(
        connection,
        ledger,
        _Word(
            kind="cannot_link",
            author=author,
            reason=reason,
            cannot=_pairs(sides),
            overrule=_must_links_between(connection, sides),
        ),
        members,
        at,
    )


def undo_decision(
    connection: Connection,
    ledger: Ledger,
    decision_id: int,
    *,
    author: str,
    reason: str = "",
    at: datetime,
) -> Rearrangement:
    """Take a decision back: the profiles it changed are restored, with their ids.

    A person's word is revoked. What the rules decided is overruled by links that keep it from
    coming back. Undoing an undo restores what it took away.

    Raises
    ------
    NotFound
        If there is no such decision.
    Conflict
        If it was undone already, or made a new profile only, which undoes nothing.
    """
    ledger.lock(connection, "identity")
    d = t.decision.c
    row = connection.execute(select(t.decision).where(d.decision_id == decision_id)).first()
    if row is None:
        raise NotFound(f"There is no decision {decision_id}")
    if is_undone(connection, decision_id):
        raise Conflict(f"Decision {decision_id} was undone already; undo the undoing instead")
    before = {p: tuple(atoms) for p, atoms in row.inputs.items()}
    after = {p: tuple(atoms) for p, atoms in row.outputs.items()}
    word = _Word(
        kind="undo",
        author=author,
        reason=reason,
        preferred={a: p for p, atoms in before.items() for a in atoms},
        reverses=decision_id,
        **_reversal(connection, row, before, after),
    )
    involved = {a for atoms in (*before.values(), *after.values()) for a in atoms}
    followed = consequences(connection, decision_id)
    outcome = _carry_out(connection, ledger, word, involved, at)
    return Rearrangement(
        decision_id=outcome.decision_id,
        moved=outcome.moved,
        touched=outcome.touched,
        retired=outcome.retired,
        followed=followed,
    )


def _reversal(
    connection: Connection,
    row: Row[Any],
    before: Mapping[str, tuple[int, ...]],
    after: Mapping[str, tuple[int, ...]],
) -> dict[str, Any]:
    """The links that take back the decision in ``row``."""
    kind, decision_id = row.kind, row.decision_id
    if kind in ("must_link", "cannot_link", "undo"):
        return _standing_without(connection, decision_id)
    joined = tuple(a for atoms in after.values() for a in atoms)
    if kind in ("merge", "join"):
        old = {a for atoms in before.values() for a in atoms}
        new = tuple(a for a in joined if a not in old)
        sides = [atoms for atoms in before.values() if atoms]
        if kind == "join" and new:
            sides.append(new)
        if len(sides) > 1:
            return {
                "cannot": _pairs(sides),
                "overrule": _must_links_between(connection, sides),
                # A record that left its side with the merge comes back, unless a person parted it.
                "hold": [s for s in sides if not _links_within(connection, s, "cannot")],
            }
    if kind == "split":
        rest = sorted({a for atoms in before.values() for a in atoms} - set(joined))
        if rest:
            sides = [joined, tuple(rest)]
            return {
                "must": _together(joined, rest),
                "overrule": _links_across(connection, sides, "cannot"),
            }
    raise Conflict(
        f"Decision {decision_id} ({kind}) joined no two profiles and parted none; "
        "separate its records instead"
    )


def _standing_without(connection: Connection, decision_id: int) -> dict[str, list[int]]:
    """The links that cease to stand, or stand again, when the decision is undone.

    A link stands while the decision that made it does, and none that overruled it does: a person's
    word that was overruled and then taken back does not return when the overruling is undone.
    """
    c, o, d = t.link_constraint.c, t.overruled_link.c, t.decision.c
    concerned: set[int] = set()
    at: int | None = decision_id
    while at is not None:  # an undo's undoing concerns what it had undone
        concerned.update(
            connection.scalars(select(c.constraint_id).where(c.decision_id == at)),
            connection.scalars(select(o.constraint_id).where(o.decision_id == at)),
        )
        at = connection.scalar(select(d.reverses).where(d.decision_id == at))
    made: dict[int, tuple[int, bool]] = {}
    overruled_by: defaultdict[int, list[int]] = defaultdict(list)
    for piece in chunks(concerned):
        links = select(c.constraint_id, c.decision_id, c.revoked_by).where(
            among(c.constraint_id, piece)
        )
        made |= {row[0]: (row[1], row[2] is None) for row in connection.execute(links)}
        overruled = select(o.constraint_id, o.decision_id).where(among(o.constraint_id, piece))
        for link, by in connection.execute(overruled):
            overruled_by[link].append(by)
    undone: dict[int, bool] = {}

    def stands(decision: int) -> bool:
        if decision not in undone:
            undone[decision] = is_undone(connection, decision, without=decision_id)
        return not undone[decision]

    fallen, restored = [], []
    for link, (by, stood) in sorted(made.items()):
        now = stands(by) and not any(stands(word) for word in overruled_by[link])
        if stood and not now:
            fallen.append(link)
        elif now and not stood:
            restored.append(link)
    return {"fallen": fallen, "restored": restored}


def is_undone(connection: Connection, decision_id: int, *, without: int | None = None) -> bool:
    """Whether an undo of the decision stands (and was not itself undone).

    Parameters
    ----------
    without : int, optional
        A decision to be taken for undone.
    """
    if decision_id == without:
        return True
    d = t.decision.c
    undoings = connection.execute(
        select(d.decision_id).where(d.reverses == decision_id, d.kind == "undo")
    ).scalars()
    return any(not is_undone(connection, undo, without=without) for undo in undoings.all())


def consequences(connection: Connection, decision_id: int) -> Consequences:
    """Contacts with, and tickets about, the profiles of a decision since it was taken."""
    d = t.decision.c
    row = connection.execute(
        select(d.inputs, d.outputs, d.at).where(d.decision_id == decision_id)
    ).first()
    if row is None:
        raise NotFound(f"There is no decision {decision_id}")
    inputs, outputs, since = row
    contact = t.contact.c
    return _followed(
        connection,
        contact.profile_id,
        {*inputs, *outputs},
        {a for members in (*inputs.values(), *outputs.values()) for a in members},
        since,
    )


def concerning(connection: Connection, atom_ids: Collection[int]) -> Consequences:
    """All contacts with, and tickets about, the person of these records, by the records."""
    return _followed(connection, t.contact.c.atom_id, atom_ids, atom_ids, None)


def _followed(
    connection: Connection,
    column: ColumnElement[Any],
    whom: Collection[Any],
    atom_ids: Collection[int],
    since: datetime | None,
) -> Consequences:
    contact, ticket = t.contact.c, t.ticket.c
    contacts = rows_in(
        connection,
        lambda piece: select(
            contact.contact_id, contact.profile_id, contact.atom_id, contact.channel,
            contact.purpose, contact.message_key, contact.at, contact.status,
        ).where(among(column, piece), true() if since is None else contact.at >= since),
        whom,
    )  # fmt: skip
    tickets = rows_in(
        connection,
        lambda piece: select(
            ticket.ticket_id, ticket.atom_id, ticket.status, ticket.opened_at
        ).where(
            among(ticket.atom_id, piece), true() if since is None else ticket.opened_at >= since
        ),
        atom_ids,
    )
    return Consequences(
        contacts=tuple(
            ContactMade(
                contact_id=r[0], profile_id=r[1], atom_id=_text(r[2]), channel=r[3], purpose=r[4],
                message_key=r[5], at=r[6], status=r[7],
            )
            for r in sorted(contacts, key=lambda r: int(r[0]))
        ),
        tickets=tuple(
            TicketOpened(ticket_id=r[0], atom_id=_text(r[1]), status=r[2], opened_at=r[3])
            for r in sorted(tickets, key=lambda r: int(r[0]))
        ),
    )  # fmt: skip


def _text(atom_id: int | None) -> str | None:
    return None if atom_id is None else str(atom_id)


def block_value(
    connection: Connection,
    ledger: Ledger,
    kind: str,
    value: str,
    *,
    reason: str,
    author: str,
    at: datetime,
) -> Resolution:
    """Say that a value is nobody's; the profiles that only it held together come apart."""
    ledger.lock(connection, "identity")
    row = {"kind": kind, "value": value, "reason": reason, "author": author, "at": at}
    ledger.insert_new(connection, t.blocked_value, [row], ["kind", "value"])
    return resolve_atoms(connection, ledger, _holders(connection, kind, value), at)


def unblock_value(
    connection: Connection, ledger: Ledger, kind: str, value: str, *, at: datetime
) -> Resolution:
    """Let a value be evidence again."""
    ledger.lock(connection, "identity")
    b = t.blocked_value.c
    connection.execute(delete(t.blocked_value).where(b.kind == kind, b.value == value))
    return resolve_atoms(connection, ledger, _holders(connection, kind, value), at)


def _holders(connection: Connection, kind: str, value: str) -> set[int]:
    i = t.identifier.c
    return set(
        connection.execute(select(i.atom_id).where(i.kind == kind, i.value == value)).scalars()
    )


def _pairs(sides: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    # Every pair across, not one per side: what stands between the sides must not depend on which
    # records later stay together.
    return [
        (min(pair), max(pair)) for one, two in combinations(sides, 2) for pair in product(one, two)
    ]


def _together(one: Sequence[int], two: Sequence[int]) -> list[tuple[int, int]]:
    # Each side is tied together too: a name of the one could otherwise speak against a record of
    # the other, and joining would part what was together.
    within = [(min(side), a) for side in (one, two) for a in side if a != min(side)]
    return [*within, (min(one), min(two))]


def _must_links_between(connection: Connection, sides: Sequence[Sequence[int]]) -> list[int]:
    """Must-links to revoke so that no path of them leads from one side to another.

    Whole decisions go, the newest first, until the sides are apart.
    """
    c = t.link_constraint.c
    links: dict[int, tuple[int, int, int]] = {}
    met = {a for side in sides for a in side}
    frontier = set(met)
    while frontier:
        found = {
            row[0]: (row[1], row[2], row[3])
            for row in rows_in(
                connection,
                lambda piece: select(c.constraint_id, c.decision_id, c.atom_a, c.atom_b).where(
                    or_(among(c.atom_a, piece), among(c.atom_b, piece)),
                    c.kind == "must",
                    c.revoked_by.is_(None),
                ),
                frontier,
            )
        }
        links |= found
        frontier = {a for _, *ends in found.values() for a in ends} - met
        met |= frontier
    revoked: list[int] = []
    while across := _decisions_across(links.values(), sides):
        newest = max(across)
        revoked += [n for n, link in links.items() if link[0] == newest]
        links = {n: link for n, link in links.items() if link[0] != newest}
    return sorted(revoked)


def _decisions_across(
    links: Collection[tuple[int, int, int]], sides: Sequence[Sequence[int]]
) -> set[int]:
    """Decisions whose must-links take part in connecting two of the sides."""
    neighbours: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for decision, a, b in links:
        neighbours[a].append((decision, b))
        neighbours[b].append((decision, a))
    side_of = {a: n for n, side in enumerate(sides) for a in side}
    seen: set[int] = set()
    across: set[int] = set()
    for start in side_of:
        reached, decisions, stack = {start}, set(), [start]
        while stack and start not in seen:
            for decision, other in neighbours[stack.pop()]:
                decisions.add(decision)
                if other not in reached:
                    reached.add(other)
                    stack.append(other)
        seen |= reached
        if len({side_of[a] for a in reached if a in side_of}) > 1:
            across |= decisions
    return across


def _links_across(connection: Connection, sides: Sequence[Sequence[int]], kind: str) -> list[int]:
    """Standing constraints of ``kind`` between records of different sides."""
    side_of = {a: n for n, side in enumerate(sides) for a in side}
    c = t.link_constraint.c
    return sorted(
        {
            row[0]
            for row in rows_in(
                connection,
                lambda piece: select(c.constraint_id, c.atom_a, c.atom_b).where(
                    or_(among(c.atom_a, piece), among(c.atom_b, piece)),
                    c.kind == kind,
                    c.revoked_by.is_(None),
                ),
                side_of,
            )
            if row[1] in side_of and row[2] in side_of and side_of[row[1]] != side_of[row[2]]
        }
    )


def _links_within(connection: Connection, side: Sequence[int], kind: str) -> bool:
    """Whether a link of the kind stands between records of one side."""
    c = t.link_constraint.c
    found = select(c.constraint_id).where(
        c.kind == kind, c.revoked_by.is_(None), among(c.atom_a, side), among(c.atom_b, side)
    )
    return connection.execute(found.limit(1)).first() is not None


def _carry_out(
    connection: Connection, ledger: Ledger, word: _Word, involved: Iterable[int], at: datetime
) -> Rearrangement:
    """Write the word's links, compute identity anew around it, and log the decision."""
    records = sorted(set(involved))
    before = _by_profile(open_memberships(connection, records))
    _write_links(connection, word)
    gathered, partition = _judged(connection, records)
    fallen = [group for group in word.hold if not _is_one(group, partition)]
    if fallen:
        # What arrived with the merge speaks against a tie within a side, too: the sides come back
        # as they were because the person who undoes it says so.
        within = [(min(group), a) for group in fallen for a in group if a != min(group)]
        _write_links(connection, msgspec.structs.replace(word, must=within, cannot=(), overrule=()))
        gathered, partition = _judged(connection, records)
    current, assignment = plan(connection, partition, gathered, word.preferred)
    number = insert_decisions(
        connection,
        [
            decision_row(
                kind=word.kind,
                inputs=before | _whole(assignment),
                outputs=_by_profile(
                    {
                        a: p
                        for a, p in (dict(current) | _moves(assignment)).items()
                        if a in set(records) or a in _moves(assignment)
                    }
                ),
                why={"reason": word.reason},
                actor=word.author,
                at=at,
                reverses=word.reverses,
            )
        ],
    )[0]
    _number_links(connection, number)
    write_assignment(connection, ledger, assignment, partition, at, decision_id=number)
    return Rearrangement(
        decision_id=number,
        moved=_moves(assignment),
        touched=assignment.touched - assignment.retired.keys(),
        retired=assignment.retired,
    )


def _judged(connection: Connection, records: Sequence[int]) -> tuple[Gathered, Partition]:
    gathered = gather(connection, records)
    if gathered.oversized:
        raise Conflict(
            f"These records hang together with {max(map(len, gathered.oversized))} others, too "
            "many to judge at once; block the value that they share"
        )
    return gathered, cluster(gathered.evidence)


def _is_one(group: Sequence[int], partition: Partition) -> bool:
    """Whether the records are of one cluster."""
    wanted = set(group)
    return any(wanted <= set(members) for members in partition.clusters)


def _moves(assignment: Assignment) -> dict[int, str]:
    return {a: change.profile_id for change in assignment.changes for a in change.moved}


def _whole(assignment: Assignment) -> dict[str, list[int]]:
    """All records of every profile that the assignment changes, as they were."""
    return {p: list(atoms) for change in assignment.changes for p, atoms in change.before.items()}


def _by_profile(memberships: Mapping[int, str]) -> dict[str, list[int]]:
    profiles: dict[str, list[int]] = {}
    for a in sorted(memberships):
        profiles.setdefault(memberships[a], []).append(a)
    return profiles


def _write_links(connection: Connection, word: _Word) -> None:
    links = [(pair, "must") for pair in word.must] + [(pair, "cannot") for pair in word.cannot]
    if links:
        connection.execute(
            insert(t.link_constraint).inline(),
            [
                {
                    "atom_a": min(a, b),
                    "atom_b": max(a, b),
                    "kind": kind,
                    "author": word.author,
                    "reason": word.reason,
                    "decision_id": _PENDING,
                    "revoked_by": None,
                }
                for (a, b), kind in links
            ],
        )
    c = t.link_constraint.c
    if word.overrule:
        connection.execute(
            insert(t.overruled_link).inline(),
            [{"constraint_id": link, "decision_id": _PENDING} for link in word.overrule],
        )
    for ids, revoked_by in (
        ([*word.overrule, *word.fallen], _PENDING),
        (word.restored, None),
    ):
        for piece in chunks(ids):
            connection.execute(
                update(t.link_constraint)
                .where(among(c.constraint_id, piece))
                .values(revoked_by=revoked_by)
            )
    atoms = {atom for pair, _ in links for atom in pair}
    for piece in chunks([*word.overrule, *word.fallen, *word.restored]):
        told = select(c.atom_a, c.atom_b).where(among(c.constraint_id, piece))
        atoms.update(atom for pair in connection.execute(told) for atom in pair)
    UNMATCHED_RECORDS.put(connection, atoms)


def _number_links(connection: Connection, decision_id: int) -> None:
    c, o = t.link_constraint.c, t.overruled_link.c
    for table, column in (
        (t.link_constraint, c.decision_id),
        (t.link_constraint, c.revoked_by),
        (t.overruled_link, o.decision_id),
    ):
        connection.execute(
            update(table).where(column == _PENDING).values({column.name: decision_id})
        )

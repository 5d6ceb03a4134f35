"""Large joins and splits wait for a second person; what a decision about identity leaves behind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update

from rapport.act.alert_mail import Owner
from rapport.act.identity_tickets import close_approval, raise_approval
from rapport.act.source_alerts import Colleague
from rapport.engines.ledger import among
from rapport.errors import Conflict, InvalidInput, NotAllowed, NotFound
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.review import requeue, suggestion_between
from rapport.unify.stewardship import (
    Consequences,
    Rearrangement,
    concerning,
    is_undone,
    join_profiles,
    separate,
    undo_decision,
)
from rapport.unify.stored_evidence import atoms_of, open_memberships, rows_in
from rapport.vocabulary.access import ROLES
from rapport.vocabulary.ledger_tables import (
    audit,
    decision,
    identity_proposal,
    profile,
    review_verdict,
    user,
)
from rapport.workflows.company import Company, read_choice, write_choice
from rapport.workflows.refresh import refresh_profiles

#: Who may decide about identity may approve what a colleague proposes.
PERMISSION = "customers.merge"
_LONGEST_REASON = 500
PAGE = 50

Kind = Literal["join", "separate", "undo"]
Status = Literal["open", "approved", "refused", "withdrawn"]


class Limits(Struct, frozen=True, kw_only=True):
    """What one person may decide alone.

    Attributes
    ----------
    records : int
        A decision about more records waits for a second person.
    value : int
        So does one about people who bought for more, in the reporting currency.
    """

    records: int
    value: int


class Proposal(Struct, frozen=True, kw_only=True):
    """A large decision that waits, or waited, for a second person.

    Attributes
    ----------
    sides : tuple of tuples of str
        The records (`atom_id` as text: they pass 2^53) of each side.
    profiles : tuple of str
        The people of those records now, one per side where they are apart.
    names : tuple of str or None
        What they are called.
    pair : str or None
        Of a join that waits: the key of the suggestion that shows the two side by side.
    followed : Consequences
        Of a split that waits: messages and tickets of the records that leave.
    """

    proposal_id: int
    kind: Kind
    sides: tuple[tuple[str, ...], ...]
    profiles: tuple[str, ...]
    names: tuple[str | None, ...]
    reverses: int | None
    records: int
    value: Decimal
    proposed_by: str
    proposed_at: datetime
    reason: str
    status: Status
    decided_by: str | None
    decided_at: datetime | None
    decided_reason: str | None
    decision_id: int | None
    pair: str | None = None
    followed: Consequences = Consequences()


class Proposed(Struct, frozen=True, kw_only=True):
    """Instead of a decision: what was proposed, and how many colleagues can approve it."""

    proposal_id: int
    records: int
    value: Decimal
    approvers: int


class Approvals(Struct, frozen=True, kw_only=True):
    """What waits, what was decided last, and the limits."""

    waiting: tuple[Proposal, ...]
    decided: tuple[Proposal, ...]
    limits: Limits
    currency: str


# ── the limits ─────────────────────────────────────────────────────────────────────────────────


def approval_limits(connection: Connection) -> Limits:
    """What one person may decide alone now."""
    return Limits(
        records=int(read_choice(connection, "approval_records")),
        value=int(read_choice(connection, "approval_value")),
    )


def change_approval_limits(company: Company, limits: Limits, *, author: str) -> Limits:
    """Let other limits hold.

    Raises
    ------
    InvalidInput
        If a limit is below 2 records or negative.
    """
    if not 2 <= limits.records <= 1_000_000 or not 0 <= limits.value <= 10**12:
        raise InvalidInput(
            "The limits are at least 2 records (every join has two) and a value of 0 or more; "
            f"not {limits.records} and {limits.value}"
        )
    now = company.clock()
    with company.ledger.write() as connection:
        before = approval_limits(connection)
        write_choice(company.ledger, connection, "approval_records", limits.records)
        write_choice(company.ledger, connection, "approval_value", limits.value)
        note(
            connection, author, "identity.limits", None,
            {
                "records": [before.records, limits.records], "value": [before.value, limits.value],
            },
            now,
        )  # fmt: skip
    return limits


class Concern(Struct, frozen=True, kw_only=True):
    """How much a decision is about."""

    records: int
    value: Decimal

    def within(self, limits: Limits) -> bool:
        """Whether one person may decide it alone."""
        return self.records <= limits.records and self.value <= limits.value


def concern_of(connection: Connection, profile_ids: Collection[str]) -> Concern:
    """The records of these people, and what they bought for."""
    wanted = set(profile_ids)
    p = profile.c
    value = sum(
        (
            row[0]
            for row in rows_in(
                connection,
                lambda piece: select(p.revenue).where(among(p.profile_id, piece)),
                wanted,
            )
        ),
        Decimal(0),
    )
    return Concern(
        records=sum(len(atoms) for atoms in atoms_of(connection, wanted).values()), value=value
    )


# ── proposing ──────────────────────────────────────────────────────────────────────────────────


def propose(
    company: Company,
    connection: Connection,
    *,
    kind: Kind,
    sides: Sequence[Collection[int]],
    concern: Concern,
    author: str,
    reason: str,
    now: datetime,
    reverses: int | None = None,
    verdict_id: int | None = None,
) -> Proposed:
    """Keep a decision for a second person; the same one is not proposed twice.

    Raises
    ------
    Conflict
        If it is proposed already.
    """
    company.ledger.lock(connection, "identity")
    written = sorted([sorted(str(a) for a in side) for side in sides])
    i = identity_proposal.c
    for row in connection.execute(select(i.proposal_id, i.sides).where(i.status == "open")):
        if row.sides == written:
            raise Conflict(
                f"This is proposed already, as number {row.proposal_id}; it waits for a second "
                "person"
            )
    proposal_id = connection.execute(
        insert(identity_proposal)
        .values(
            kind=kind, sides=written, reverses=reverses, records=concern.records,
            value=concern.value, proposed_by=author, proposed_at=now, reason=reason,
            verdict_id=verdict_id, status="open",
        )
        .returning(i.proposal_id)
    ).scalar_one()  # fmt: skip
    colleagues = [one for one in _approvers(connection) if one.email != author]
    raise_approval(
        connection,
        company.ledger,
        proposal_id=proposal_id,
        kind=kind,
        records=concern.records,
        author=author,
        colleagues=colleagues,
        at=now,
        public_url=company.settings.public_url,
    )
    note(
        connection, author, "identity.proposed", str(proposal_id),
        {"kind": kind, "records": concern.records}, now,
    )  # fmt: skip
    return Proposed(
        proposal_id=proposal_id,
        records=concern.records,
        value=concern.value,
        approvers=len(colleagues),
    )


def _approvers(connection: Connection) -> list[Colleague]:
    able = [role for role, held in ROLES.items() if PERMISSION in held]
    return [
        Colleague(email=row.email, reads=Owner(language=row.language, time_zone=row.time_zone))
        for row in connection.execute(
            select(user.c.email, user.c.language, user.c.time_zone)
            .where(user.c.disabled_at.is_(None), user.c.role.in_(able))
            .order_by(user.c.user_id)
        )
    ]


# ── the list ───────────────────────────────────────────────────────────────────────────────────


def waiting_proposals(company: Company) -> int:
    """How many proposals wait for a second person: one count over an index."""
    with company.ledger.read() as connection:
        return count_proposals(connection)


def count_proposals(connection: Connection) -> int:
    """The same within a transaction."""
    i = identity_proposal.c
    return int(
        connection.scalar(
            select(func.count()).select_from(identity_proposal).where(i.status == "open")
        )
        or 0
    )


def approvals(company: Company) -> Approvals:
    """What waits for a second person, the oldest first, and what was decided last."""
    i = identity_proposal.c
    with company.ledger.read() as connection:
        waiting = connection.execute(
            select(identity_proposal)
            .where(i.status == "open")
            .order_by(i.proposed_at, i.proposal_id)
            .limit(PAGE)
        ).all()
        decided = connection.execute(
            select(identity_proposal)
            .where(i.status != "open")
            .order_by(i.proposal_id.desc())
            .limit(PAGE)
        ).all()
        shown = _shown(connection, [*waiting, *decided])
        return Approvals(
            waiting=tuple(shown[: len(waiting)]),
            decided=tuple(shown[len(waiting) :]),
            limits=approval_limits(connection),
            currency=read_choice(connection, "reporting_currency") or "EUR",
        )


def _shown(connection: Connection, rows: Sequence[Any]) -> list[Proposal]:
    placed = open_memberships(
        connection, {int(a) for row in rows for side in row.sides for a in side}
    )
    p = profile.c
    names = {
        row[0]: row[1]
        for row in rows_in(
            connection,
            lambda piece: select(p.profile_id, p.name).where(among(p.profile_id, piece)),
            set(placed.values()),
        )
    }
    found = []
    for row in rows:
        people = tuple(
            dict.fromkeys(placed[int(a)] for side in row.sides for a in side if int(a) in placed)
        )
        sides = [[int(a) for a in side] for side in row.sides]
        pair, followed = None, Consequences()
        if row.status == "open" and row.kind == "join" and len(sides) == 2:
            alike = suggestion_between(connection, *sides)
            pair = None if alike is None else alike.key
        elif row.status == "open" and row.kind == "separate":
            followed = concerning(connection, sides[-1])
        found.append(
            Proposal(
                proposal_id=row.proposal_id,
                kind=row.kind,
                sides=tuple(tuple(side) for side in row.sides),
                profiles=people,
                names=tuple(names.get(one) for one in people),
                reverses=row.reverses,
                records=row.records,
                value=row.value,
                proposed_by=row.proposed_by,
                proposed_at=row.proposed_at,
                reason=row.reason,
                status=row.status,
                decided_by=row.decided_by,
                decided_at=row.decided_at,
                decided_reason=row.decided_reason,
                decision_id=row.decision_id,
                pair=pair,
                followed=followed,
            )
        )
    return found


# ── deciding ───────────────────────────────────────────────────────────────────────────────────


def approve(company: Company, proposal_id: int, *, author: str, reason: str = "") -> Rearrangement:
    """Let a colleague's proposal take effect.

    Raises
    ------
    NotFound
        If there is no such proposal.
    NotAllowed
        If it is one's own.
    Conflict
        If somebody decided it first, or the records are not together any more as it says.
    """
    text = tidy_reason(reason)
    now = company.clock()
    with company.ledger.write() as connection:
        row = _claim(company, connection, proposal_id, "approved", author, text, now)
        if row.proposed_by == author:
            raise NotAllowed(
                "You proposed this yourself; a second person has to approve it. You may withdraw it"
            )
        done = _carry_out(company, connection, row, now)
        connection.execute(
            update(identity_proposal)
            .where(identity_proposal.c.proposal_id == proposal_id)
            .values(decision_id=done.decision_id)
        )
        if row.verdict_id is not None:
            connection.execute(
                update(review_verdict)
                .where(review_verdict.c.verdict_id == row.verdict_id)
                .values(decision_id=done.decision_id)
            )
        settle(company, connection, done, author, "identity.approved", now)
    refresh_profiles(company)
    return done


def refuse(
    company: Company, proposal_id: int, *, author: str, reason: str = ""
) -> Literal["refused", "withdrawn"]:
    """Let a proposal fall; of the one who made it, it is withdrawn."""
    text = tidy_reason(reason)
    now = company.clock()
    with company.ledger.write() as connection:
        row = _claim(company, connection, proposal_id, "refused", author, text, now)
        status: Literal["refused", "withdrawn"] = "refused"
        if row.proposed_by == author:
            status = "withdrawn"
            connection.execute(
                update(identity_proposal)
                .where(identity_proposal.c.proposal_id == proposal_id)
                .values(status=status)
            )
        note(connection, author, f"identity.{status}", str(proposal_id), {"reason": text}, now)
    return status


def _claim(
    company: Company,
    connection: Connection,
    proposal_id: int,
    status: Status,
    author: str,
    reason: str,
    now: datetime,
) -> Any:
    """The proposal, which is decided from here on; of two who decide at once, one comes first."""
    company.ledger.lock(connection, "identity")
    i = identity_proposal.c
    row = connection.execute(
        select(identity_proposal).where(i.proposal_id == proposal_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no proposal {proposal_id}")
    claimed = connection.execute(
        update(identity_proposal)
        .where(i.proposal_id == proposal_id, i.status == "open")
        .values(status=status, decided_by=author, decided_at=now, decided_reason=reason)
    )
    if claimed.rowcount != 1:
        raise Conflict(
            f"Proposal {proposal_id} is {row.status} already, by {row.decided_by}; look again"
        )
    close_approval(connection, company.ledger, proposal_id, at=now)
    return row


def _carry_out(company: Company, connection: Connection, row: Any, now: datetime) -> Rearrangement:
    """Do what was proposed, in the name of who proposed it."""
    sides = [[int(a) for a in side] for side in row.sides]
    shared: dict[str, Any] = {"author": row.proposed_by, "reason": row.reason, "at": now}
    if row.kind == "undo":
        if is_undone(connection, row.reverses):
            raise Conflict(f"Decision {row.reverses} was undone meanwhile")
        return undo_decision(connection, company.ledger, row.reverses, **shared)
    placed = open_memberships(connection, [a for side in sides for a in side])
    people = [{placed.get(a, "") for a in side} for side in sides]
    if any(len(one) != 1 or "" in one for one in people) or (
        len(set().union(*people)) != (2 if row.kind == "join" else 1)
    ):
        raise Conflict(
            f"The records of proposal {row.proposal_id} belong to other people by now; refuse it, "
            "and propose it anew"
        )
    if row.kind == "join":
        one, two = (next(iter(each)) for each in people)
        return join_profiles(connection, company.ledger, one, two, **shared)
    # Records that came since stay with the first side: only the second was said to be another.
    (here,) = people[0]
    own = set(atoms_of(connection, [here])[here])
    leaving = set(sides[1])
    return separate(connection, company.ledger, [own - leaving, leaving], **shared)


# ── what a decision leaves behind ──────────────────────────────────────────────────────────────


def tidy_reason(reason: str) -> str:
    """A reason in one line.

    Raises
    ------
    InvalidInput
        If it is too long.
    """
    text = " ".join(reason.replace("\0", "").split())
    if len(text) > _LONGEST_REASON:
        raise InvalidInput(f"A reason has at most {_LONGEST_REASON} characters, not {len(text)}")
    return text


def settle(
    company: Company,
    connection: Connection,
    done: Rearrangement,
    author: str,
    action: str,
    now: datetime,
) -> None:
    """Mark the profiles stale, bring the worklist up to date, note who did it."""
    STALE_PROFILES.put(connection, done.touched)
    here = connection.execute(
        select(decision.c.inputs, decision.c.outputs, decision.c.reverses).where(
            decision.c.decision_id == done.decision_id
        )
    ).one()
    atoms = {a for side in (here.inputs, here.outputs) for group in side.values() for a in group}
    requeue(connection, company.ledger, atoms)
    if here.reverses is not None:
        # A verdict that was taken back says nothing of how far matching can be believed.
        said = _first_word(connection, here.reverses)
        connection.execute(
            update(review_verdict)
            .where(review_verdict.c.decision_id == said)
            .values(undone=is_undone(connection, said))
        )
    note(connection, author, action, str(done.decision_id), {"records": len(done.moved)}, now)


def _first_word(connection: Connection, decision_id: int) -> int:
    """The decision that a chain of undoings began with."""
    while True:
        reverses = connection.scalar(
            select(decision.c.reverses).where(decision.c.decision_id == decision_id)
        )
        if reverses is None:
            return decision_id
        decision_id = reverses


def note(
    connection: Connection,
    actor: str,
    action: str,
    subject: str | None,
    details: Any,
    now: datetime,
) -> None:
    """A line of the audit."""
    row = {"at": now, "actor": actor, "action": action, "subject": subject, "details": details}
    connection.execute(insert(audit), [row])

"""What colleagues do on a customer's page: choose values, join and part, call, open tickets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.contact_policy import record_human_contact
from rapport.act.next_best_action import answer_advice, keep_advice
from rapport.act.ticket_by_hand import open_ticket
from rapport.collect.sources import ensure_source
from rapport.collect.touchpoints import TOUCHPOINT, encode_touchpoint
from rapport.engines.ledger import JournalEntry, among
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.decisions import DecisionShown, decisions_of
from rapport.unify.explain import Explanation, explain
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.memberships import RULES
from rapport.unify.stewardship import (
    Consequences,
    Rearrangement,
    consequences,
    current_profile,
    is_undone,
    join_profiles,
    separate,
    undo_decision,
)
from rapport.unify.stored_evidence import atoms_of, open_memberships
from rapport.unify.survivorship import facts, pin_value
from rapport.vocabulary.identifier import Identifier, kind_of
from rapport.vocabulary.ledger_tables import atom, decision, profile
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.customer import advice_for, key_of_value
from rapport.workflows.customer_timeline import CALL_MADE, VISIT_MADE, source_labels
from rapport.workflows.deliver import OWN_SOURCE
from rapport.workflows.identity_approval import (
    Proposed,
    approval_limits,
    concern_of,
    note,
    propose,
    settle,
    tidy_reason,
)
from rapport.workflows.refresh import refresh_profiles

#: How a colleague met a customer, and the touchpoint that says so.
HUMAN_CHANNELS: Mapping[str, str] = {"phone": CALL_MADE, "store": VISIT_MADE}
_LONGEST_NOTE = 2_000
_LONGEST_REASON = 500
#: Decisions whose consequences are looked up for a page.
_NEWEST = 10
#: A colleague's clock may run ahead of ours by so much.
_CLOCK_SLACK = timedelta(minutes=5)
#: Kinds of decision that `undo_decision` can take back.
_UNDOABLE = frozenset({"join", "merge", "split", "must_link", "cannot_link", "undo"})


class Identity(Struct, frozen=True, kw_only=True):
    """Which records make up a person, why, and who decided what about it.

    Attributes
    ----------
    labels : dict
        What each source is called.
    others : dict
        What the other profiles are called that decisions were about, those that still are.
    followed : dict of int to Consequences
        What was done on the strength of a decision, for the newest decisions.
    undoable : tuple of int
        Decisions that can be taken back.
    """

    profile_id: str
    name: str | None
    explanation: Explanation
    decisions: tuple[DecisionShown, ...]
    followed: dict[int, Consequences]
    undoable: tuple[int, ...]
    labels: dict[str, str]
    others: dict[str, str | None]


class ContactKept(Struct, frozen=True, kw_only=True):
    """A contact that was written down."""

    profile_id: str
    contact_id: int


def customer_identity(company: Company, profile_id: str, *, reveal: bool) -> Identity:
    """The evidence and the decisions behind a profile, also under an old id."""
    with company.ledger.read() as connection:
        explanation = explain(connection, profile_id, reveal=reveal)
        decisions = decisions_of(connection, explanation.profile_id)
        followed = {
            decision.decision_id: consequences(connection, decision.decision_id)
            for decision in decisions[:_NEWEST]
        }
        labels = source_labels(connection)
        known = _card(connection, explanation.profile_id)
        concerned = {other for decision in decisions for other in decision.others}
        others = {
            row.profile_id: row.name
            for row in connection.execute(
                select(profile.c.profile_id, profile.c.name).where(
                    among(profile.c.profile_id, sorted(concerned)), profile.c.merged_into.is_(None)
                )
            )
        }
    return Identity(
        profile_id=explanation.profile_id,
        name=known.name,
        explanation=explanation,
        decisions=decisions,
        followed=followed,
        undoable=tuple(d.decision_id for d in decisions if d.kind in _UNDOABLE and not d.undone),
        labels=labels,
        others=others,
    )


class ContactCard(Struct, frozen=True, kw_only=True):
    """Who somebody is and how to reach them."""

    profile_id: str
    name: str | None
    email: str | None
    phone: str | None


def contact_card(company: Company, profile_id: str) -> ContactCard:
    """Name, address and number of a person, also under an old id."""
    with company.ledger.read() as connection:
        return _card(connection, current_profile(connection, profile_id))


def _card(connection: Connection, profile_id: str) -> ContactCard:
    p = profile.c
    row = connection.execute(
        select(p.name, p.email, p.phone).where(p.profile_id == profile_id)
    ).one()
    return ContactCard(profile_id=profile_id, name=row.name, email=row.email, phone=row.phone)


# ── values ─────────────────────────────────────────────────────────────────────────────────────


def choose_values(
    company: Company, profile_id: str, chosen: Mapping[str, str | None], *, author: str
) -> str:
    """Show the chosen values for good; None gives an attribute back to the rules.

    Parameters
    ----------
    chosen : mapping of attribute to value

    Returns
    -------
    str
        The profile as it is now.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        here = current_profile(connection, profile_id)
        for name, value in sorted(chosen.items()):
            if value is not None and (not value.strip() or "\0" in value or len(value) > 1_000):
                raise InvalidInput(f"The value for {name} is empty, too long or not text")
            pin_value(connection, company.ledger, here, name, value, author=author, at=now)
        STALE_PROFILES.put(connection, [here])
        note(connection, author, "values.choose", here, {"names": sorted(chosen)}, now)
    refresh_profiles(company)
    return here


def choose_keys(company: Company, profile_id: str, keys: Mapping[str, str], *, author: str) -> str:
    """Like `choose_values`, with values named by the key of their `Choice`.

    Raises
    ------
    Conflict
        If no silo states such a value any more.
    """
    with company.ledger.read() as connection:
        known = facts(connection, profile_id)
    chosen: dict[str, str | None] = {}
    for name, key in keys.items():
        conflict = next((c for c in known.conflicts if c.name == name), None)
        stated = () if conflict is None else (conflict.shown, *conflict.others)
        value = next((f.value for f in stated if key_of_value(f.value) == key), None)
        if value is None:
            raise Conflict(f"What silos say of {name} has changed meanwhile; look at it again")
        chosen[name] = value
    return choose_values(company, profile_id, chosen, author=author)


# ── identity ───────────────────────────────────────────────────────────────────────────────────


def join_customers(
    company: Company, a: str, b: str, *, author: str, reason: str
) -> Rearrangement | Proposed:
    """Say that two profiles are one person; what is large is proposed to a second person."""
    text = tidy_reason(reason)
    now = company.clock()
    with company.ledger.write() as connection:
        done = join_within(company, connection, a, b, author=author, reason=text, now=now)
    refresh_profiles(company)
    return done


def join_within(
    company: Company,
    connection: Connection,
    a: str,
    b: str,
    *,
    author: str,
    reason: str,
    now: datetime,
    verdict_id: int | None = None,
) -> Rearrangement | Proposed:
    """The same within a transaction; whoever calls it refreshes the profiles."""
    people = [current_profile(connection, a), current_profile(connection, b)]
    concern = concern_of(connection, people)
    members = atoms_of(connection, people)
    if len(members) == len(set(people)) == 2 and not concern.within(approval_limits(connection)):
        return propose(
            company, connection, kind="join", sides=[members[one] for one in people],
            concern=concern, author=author, reason=reason, now=now, verdict_id=verdict_id,
        )  # fmt: skip
    done = join_profiles(connection, company.ledger, a, b, author=author, reason=reason, at=now)
    settle(company, connection, done, author, "profiles.join", now)
    return done


def separate_customer(
    company: Company, profile_id: str, atom_ids: Collection[int], *, author: str, reason: str
) -> Rearrangement | Proposed:
    """Say that some of a profile's records are another person.

    Raises
    ------
    InvalidInput
        If none or all of its records are named, or one that is not its own.
    """
    text = tidy_reason(reason)
    now = company.clock()
    with company.ledger.write() as connection:
        here = current_profile(connection, profile_id)
        own = set(atoms_of(connection, [here]).get(here, ()))
        others = set(atom_ids)
        if not others or others == own or others - own:
            raise InvalidInput(
                f"Choose some of the {len(own)} records of this person, not none and not all"
            )
        sides = [own - others, others]
        concern = concern_of(connection, [here])
        if not concern.within(approval_limits(connection)):
            return propose(
                company, connection, kind="separate", sides=sides, concern=concern,
                author=author, reason=text, now=now,
            )  # fmt: skip
        done = separate(connection, company.ledger, sides, author=author, reason=text, at=now)
        settle(company, connection, done, author, "profiles.separate", now)
    refresh_profiles(company)
    return done


def split_at(
    company: Company, profile_id: str, a: int, b: int, *, author: str, reason: str
) -> Rearrangement | Proposed:
    """Part a person at the link between two records, as their explanation foretells.

    Raises
    ------
    Conflict
        If no such link holds the person together any more.
    """
    with company.ledger.read() as connection:
        explained = explain(connection, profile_id)
    for link in explained.links:
        if {link.a.atom_id, link.b.atom_id} == {str(a), str(b)} and link.fell is not None:
            return separate_customer(
                company, explained.profile_id, list(map(int, link.fell.cut)), author=author,
                reason=reason,
            )  # fmt: skip
    raise Conflict(
        "Other evidence holds these records together by now; look at the explanation again"
    )


def undo(
    company: Company, decision_id: int, *, author: str, reason: str = ""
) -> Rearrangement | Proposed:
    """Take a decision about identity back.

    A colleague's word is taken back at once; what the rules decided about many records is proposed
    to a second person, as any large split is.
    """
    text = tidy_reason(reason)
    now = company.clock()
    with company.ledger.write() as connection:
        row = connection.execute(
            select(decision.c.actor, decision.c.inputs, decision.c.outputs).where(
                decision.c.decision_id == decision_id
            )
        ).one_or_none()
        if row is not None and row.actor == RULES:
            sides = [tuple(atoms) for atoms in {**row.inputs, **row.outputs}.values() if atoms]
            members = {a for side in sides for a in side}
            concern = concern_of(connection, open_memberships(connection, members).values())
            if not concern.within(approval_limits(connection)):
                if is_undone(connection, decision_id):
                    raise Conflict(f"Decision {decision_id} was undone already")
                return propose(
                    company, connection, kind="undo", sides=sides, concern=concern,
                    author=author, reason=text, now=now, reverses=decision_id,
                )  # fmt: skip
        done = undo_decision(
            connection, company.ledger, decision_id, author=author, reason=text, at=now
        )
        settle(company, connection, done, author, "profiles.undo", now)
    refresh_profiles(company)
    return done


# ── contacts, tickets, advice ──────────────────────────────────────────────────────────────────


def record_contact(
    company: Company,
    profile_id: str,
    *,
    channel: str,
    author: str,
    note: str = "",
    at: datetime | None = None,
) -> ContactKept:
    """Write down that a colleague called or met a customer.

    It takes a slot of the contact policy and appears in the timeline as our own doing, so that no
    report counts it as the customer's.

    Raises
    ------
    InvalidInput
        If the channel is none of ours, the note too long, or the moment in the future.
    """
    now = company.clock()
    moment = at or now
    if channel not in HUMAN_CHANNELS:
        raise InvalidInput(
            f"A colleague meets customers by {' or '.join(HUMAN_CHANNELS)}, not {channel!r}"
        )
    if len(note) > _LONGEST_NOTE:
        raise InvalidInput(f"A note has at most {_LONGEST_NOTE} characters, not {len(note)}")
    if moment.tzinfo is None or moment > now + _CLOCK_SLACK:
        raise InvalidInput("A contact that is written down has happened; give its past moment")
    with company.ledger.write() as connection:
        here = current_profile(connection, profile_id)
        record_atom, record = _best_record(connection, here)
        contact_id = record_human_contact(
            connection,
            company.ledger,
            profile_id=here,
            channel=channel,
            at=moment,
            atom_id=record_atom,
        )
    own = ensure_source(company.ledger, now, name=OWN_SOURCE, label="Rapport", kind="collector")
    touchpoint = Touchpoint(
        touchpoint_id=f"contact:{contact_id}",
        source=OWN_SOURCE,
        channel=channel,
        type=HUMAN_CHANNELS[channel],
        occurred_at=moment,
        received_at=now,
        record=record,
        identifiers=(record,),
        properties={"by": author} | ({"note": note.strip()} if note.strip() else {}),
    )
    company.ledger.append_journal(
        [
            JournalEntry(
                source_id=own.source_id,
                message_id=touchpoint.touchpoint_id,
                kind=TOUCHPOINT,
                received_at=now,
                payload=encode_touchpoint(touchpoint),
            )
        ]
    )
    return ContactKept(profile_id=here, contact_id=contact_id)


def _best_record(connection: Connection, profile_id: str) -> tuple[int, Identifier]:
    """The record that says most surely who it is; to it goes what we do ourselves."""
    atoms = atoms_of(connection, [profile_id]).get(profile_id, ())
    rows = connection.execute(
        select(atom.c.atom_id, atom.c.kind, atom.c.namespace, atom.c.value).where(
            atom.c.atom_id.in_(atoms[:500])
        )
    ).all()
    if not rows:
        raise NotFound(f"Profile {profile_id} has no records any more")
    best = min(rows, key=lambda row: (kind_of(row.kind).priority, row.atom_id))
    return best.atom_id, Identifier(kind=best.kind, namespace=best.namespace, value=best.value)


def report_ticket(
    company: Company,
    profile_id: str,
    *,
    subject: str,
    note: str,
    priority: int,
    author: str,
) -> int:
    """Open a ticket about a customer; returns its number."""
    with company.ledger.write() as connection:
        here = current_profile(connection, profile_id)
        record_atom, _ = _best_record(connection, here)
        return open_ticket(
            connection,
            atom_id=record_atom,
            subject=subject.replace("\0", ""),
            note=note.replace("\0", ""),
            priority=priority,
            author=author,
            at=company.clock(),
        )


def answer_next_step(
    company: Company,
    profile_id: str,
    *,
    code: str,
    status: Literal["accepted", "declined"],
    author: str,
) -> str:
    """Accept or put off what is advised; returns the profile as it is now.

    Raises
    ------
    Conflict
        If something else is advised by now.
    """
    here, advice = advice_for(company, profile_id)
    if advice is None or advice.code != code:
        raise Conflict("Something else is advised by now; look at it again")
    now = company.clock()
    with company.ledger.write() as connection:
        keep_advice(connection, company.ledger, {here: advice}, at=now)
        answer_advice(connection, here, code=code, status=status, author=author, at=now)
    return here

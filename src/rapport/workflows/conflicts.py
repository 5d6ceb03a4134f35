"""Where silos contradict each other: the work-list, the most harmful first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from heapq import merge
from itertools import islice
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.errors import InvalidInput
from rapport.unify.conflicts import (
    CHOSEN,
    settlements_of,
    words_by_source,
)
from rapport.unify.survivorship import ProfileFacts, facts_of
from rapport.vocabulary.conflict import (
    ATTRIBUTE,
    CONSENT,
    OPEN,
    PIN,
    RULE,
    TIERS,
    WORD,
)
from rapport.vocabulary.ledger_tables import (
    conflict,
    conflict_total,
    value_rule,
)
from rapport.workflows.company import Company, read_choice
from rapport.workflows.conflict_values import (
    both_values,
    granted_word,
    in_one_line,
    latest_words,
    masked,
    proof_of,
    says,
)
from rapport.workflows.customer_timeline import source_labels

#: Lines of one page.
PAGE = 25
#: Pages that can be turned; whoever is there narrows the list.
_MOST_PAGES = 400
STATES: Mapping[str, tuple[str, ...]] = {"open": (OPEN,), "settled": (PIN, RULE, WORD)}
#: Larger than any sum in the sort key `conflict.harm`.
_TIER = 10**16

State = Literal["open", "settled"]


class Group(Struct, frozen=True, kw_only=True):
    """All contradictions of one kind between two silos."""

    kind: str
    name: str
    winner: str
    loser: str
    tier: int
    count: int
    verified: int
    value: Decimal


class ConflictQuestion(Struct, frozen=True, kw_only=True):
    """Which part of the list; `name`, `winner` and `loser` go together with `kind`."""

    state: State = "open"
    tier: int | None = None
    kind: str = ""
    name: str = ""
    winner: str = ""
    loser: str = ""
    page: int = 1

    @property
    def group(self) -> tuple[str, str, str, str] | None:
        """The group that is asked about; None for the whole list."""
        return (self.kind, self.name, self.winner, self.loser) if self.kind else None


class Decided(Struct, frozen=True, kw_only=True):
    """Who settled a contradiction, when, and why."""

    by: str
    at: datetime
    reason: str = ""


class ConflictLine(Struct, frozen=True, kw_only=True):
    """One contradiction about one person.

    Attributes
    ----------
    shown, other : str or None
        The values; of an order and a consent a code such as ``paid``. None where they are gone.
    shown_at, other_at : datetime or None
        When they were stated.
    """

    profile_id: str
    customer: str | None
    kind: str
    name: str
    item: str
    winner: str
    loser: str
    why: str
    tier: int
    value: Decimal
    since: datetime
    settled: str
    verified: bool
    urgent: bool
    shown: str | None = None
    other: str | None = None
    shown_at: datetime | None = None
    other_at: datetime | None = None
    shown_proof: str | None = None
    other_proof: str | None = None
    decided: Decided | None = None


class Conflicts(Struct, frozen=True, kw_only=True):
    """A page of the list, the groups it is made of, and how many each choice would show."""

    question: ConflictQuestion
    at: datetime
    currency: str
    labels: dict[str, str]
    groups: tuple[Group, ...]
    tiers: dict[int, int]
    states: dict[str, int]
    total: int
    lines: tuple[ConflictLine, ...]


def open_conflicts(company: Company) -> int:
    """How many contradictions about money or how to reach people wait, for the left bar."""
    c = conflict_total.c
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(c.people).where(c.settled == OPEN, c.tier == TIERS[0])
        ).scalars()
        return sum(rows)


def conflicts_view(company: Company, question: ConflictQuestion, *, reveal: bool) -> Conflicts:
    """One page of contradictions, the most harmful first.

    The cost does not grow with the number of profiles: sums are kept, and a page of lines is read
    in the order of an index.

    Parameters
    ----------
    reveal : bool
        Whether e-mail addresses and phone numbers are shown in full.

    Raises
    ------
    InvalidInput
        If the question asks for a state, tier or page that does not exist.
    """
    _check(question)
    now = company.clock()
    states = STATES[question.state]
    with company.ledger.read() as connection:
        totals = connection.execute(select(conflict_total)).all()
        rows = _page(connection, question, states)
        lines = _lines(connection, rows, now, reveal=reveal)
        labels = source_labels(connection)
        currency = read_choice(connection, "reporting_currency") or "EUR"
    groups = _groups([row for row in totals if row.settled in states])
    tiers: Counter[int] = Counter()
    for row in totals:
        if row.settled in states:
            tiers[row.tier] += row.people
    chosen = question.group
    if chosen is not None:
        total = sum(g.count for g in groups if (g.kind, g.name, g.winner, g.loser) == chosen)
    elif question.tier is not None:
        total = tiers[question.tier]
    else:
        total = sum(tiers.values())
    return Conflicts(
        question=question,
        at=now,
        currency=currency,
        labels=dict(labels),
        groups=tuple(groups),
        tiers={tier: tiers[tier] for tier in TIERS},
        states={
            name: sum(row.people for row in totals if row.settled in settled)
            for name, settled in STATES.items()
        },
        total=total,
        lines=lines,
    )


def _check(question: ConflictQuestion) -> None:
    if question.state not in STATES:
        raise InvalidInput(
            f"The list shows what is {' or '.join(STATES)}, not {question.state[:40]!r}"
        )
    if question.tier is not None and question.tier not in TIERS:
        raise InvalidInput(f"Harm has the tiers {TIERS[0]} to {TIERS[-1]}, not {question.tier}")
    if not 1 <= question.page <= _MOST_PAGES:
        raise InvalidInput(
            f"The list has pages 1 to {_MOST_PAGES}, not {question.page}; choose a group or a tier"
        )


def _groups(totals: Sequence[Any]) -> list[Group]:
    """Sums over tiers and states; the worst tier of a group is where it stands."""
    found: dict[tuple[str, str, str, str], list[Any]] = defaultdict(list)
    for row in totals:
        found[row.kind, row.name, row.winner, row.loser].append(row)
    groups = [
        Group(
            kind=key[0],
            name=key[1],
            winner=key[2],
            loser=key[3],
            tier=min(row.tier for row in rows),
            count=sum(row.people for row in rows),
            verified=sum(row.verified for row in rows),
            value=sum((row.value for row in rows), Decimal(0)),
        )
        for key, rows in found.items()
    ]
    return sorted(groups, key=lambda g: (g.tier, -g.value, -g.count, g.name, g.winner, g.loser))


def _page(connection: Connection, question: ConflictQuestion, states: Sequence[str]) -> list[Any]:
    """The rows of a page; of several states each is read in its order, and they are merged."""
    c = conflict.c
    last = question.page * PAGE
    found = []
    for state in states:
        asked = (
            select(conflict)
            .where(c.settled == state)
            .order_by(c.harm, c.since, c.profile_id)
            .limit(last)
        )
        if question.group is not None:
            kind, name, winner, loser = question.group
            asked = asked.where(
                c.kind == kind, c.name == name, c.winner == winner, c.loser == loser
            )
        elif question.tier is not None:
            # The sort key begins with the tier.
            asked = asked.where(
                c.harm > (question.tier - 1) * _TIER, c.harm <= question.tier * _TIER
            )
        if len(states) == 1:
            asked = asked.offset(last - PAGE).limit(PAGE)
            return list(connection.execute(asked))
        found.append(connection.execute(asked).all())
    ranked = merge(*found, key=lambda row: (row.harm, row.since, row.profile_id))
    return list(islice(ranked, last - PAGE, last))


def _lines(
    connection: Connection, rows: Sequence[Any], now: datetime, *, reveal: bool
) -> tuple[ConflictLine, ...]:
    ids = {row.profile_id for row in rows}
    known = facts_of(connection, ids)
    said = words_by_source(connection, {r.profile_id for r in rows if r.kind == CONSENT})
    words = settlements_of(connection, ids)
    rules = {
        row.name: Decided(by=row.author, at=row.at, reason=row.reason)
        for row in connection.execute(select(value_rule).where(value_rule.c.ended_at.is_(None)))
    }
    return tuple(
        _line(
            row,
            known[row.profile_id],
            said.get(row.profile_id, ()),
            words.get((row.profile_id, row.kind, row.name, row.item)),
            rules,
            now,
            reveal=reveal,
        )
        for row in rows
    )


def _line(
    row: Any,
    known: ProfileFacts,
    said: Sequence[tuple[int, Any]],
    word: Any,
    rules: Mapping[str, Decided],
    now: datetime,
    *,
    reveal: bool,
) -> ConflictLine:
    name = known.shown.get("name")
    decided: Decided | None = None
    told: dict[str, Any] = {}
    if row.kind == ATTRIBUTE:
        shown, other = both_values(known, row.name, row.loser)
        told = {
            "shown": masked(row.name, in_one_line(shown), reveal=reveal),
            "other": masked(row.name, in_one_line(other), reveal=reveal),
            "shown_at": max((f.observed_at for f in shown), default=None),
            "other_at": max((f.observed_at for f in other), default=None),
            "shown_proof": proof_of(known, shown),
            "other_proof": proof_of(known, other),
        }
        pinned = next((f for f in shown if f.source.startswith(CHOSEN)), None)
        if row.settled == PIN and pinned is not None:
            decided = Decided(by=pinned.source.removeprefix(CHOSEN), at=pinned.observed_at)
        elif row.settled == RULE:
            decided = rules.get(row.name)
    elif row.kind == CONSENT:
        latest = latest_words(said, row.name)
        told = {
            side: None if source not in latest else granted_word(latest[source].granted)
            for side, source in (("shown", row.winner), ("other", row.loser))
        }
        told["shown_at"] = latest[row.winner].since if row.winner in latest else None
        told["other_at"] = latest[row.loser].since if row.loser in latest else None
    else:
        told = dict(zip(("shown", "other"), says(row), strict=True))
    if row.settled == WORD and word is not None:
        decided = Decided(by=word.author, at=word.at, reason=word.reason)
    return ConflictLine(
        profile_id=row.profile_id,
        customer=None if name is None else name.value,
        kind=row.kind,
        name=row.name,
        item=row.item,
        winner=row.winner,
        loser=row.loser,
        why=row.why,
        tier=row.tier,
        value=row.value,
        since=row.since,
        settled=row.settled,
        verified=row.verified,
        urgent=row.urgent_until is not None and row.urgent_until > now,
        decided=decided,
        **told,
    )

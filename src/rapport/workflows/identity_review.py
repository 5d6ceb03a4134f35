"""Who is who, asked one pair at a time: two people side by side, and a steward's word on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, insert, select

from rapport.engines.ledger import among
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.explain import mask
from rapport.unify.identity_rules import identity_rules
from rapport.unify.matching.comparisons.business_id import read_business_id
from rapport.unify.matching.model import company_model, with_merge_line
from rapport.unify.review import (
    LATER,
    MOST_COUNTED,
    OPEN,
    Scored,
    State,
    Suggestion,
    count_suggestions,
    next_suggestion,
    objections_to,
    put_off,
    queue_changes,
    rivals_of,
    scores_of,
    some_suggestions,
    suggestion,
    support_of,
    write_queue,
)
from rapport.unify.side_by_side import Mark, beside_of, can_be_read, stand
from rapport.unify.sighting import LONGEST_FACT
from rapport.unify.stewardship import Rearrangement, separate
from rapport.unify.stored_evidence import (
    atoms_of,
    identifiers_of,
    open_memberships,
    rows_in,
)
from rapport.unify.survivorship import ProfileFacts, facts_of, is_same_value
from rapport.vocabulary.identifier import IdentifierClass, kind_of
from rapport.vocabulary.ledger_tables import profile, review_verdict
from rapport.vocabulary.profile import Fact
from rapport.workflows.company import Company, Progress, read_choice, silent
from rapport.workflows.customer import MASKED
from rapport.workflows.customer_changes import join_within
from rapport.workflows.customer_names import names_of
from rapport.workflows.customer_timeline import source_labels
from rapport.workflows.identity_approval import (
    Proposed,
    count_proposals,
    note,
    settle,
    tidy_reason,
)
from rapport.workflows.refresh import refresh_profiles

#: Rows of the list per transaction: small enough that the collector is not kept waiting.
CHUNK = 2_000
LIST = 50
#: What is compared, in this order; names and addresses by their parts only where the whole is not.
_COMPARED = (
    "name", "birthday", "gender", "email", "phone", "street", "postal_code", "city", "country",
    "company", "loyalty_card", "language",
)  # fmt: skip
#: Values of one attribute that are shown of one person.
_MOST_VALUES = 4
#: Others who look like one of the two that are named; the rest are counted.
_MOST_RIVALS = 5


class Stated(Struct, frozen=True, kw_only=True):
    """One value as a silo states it.

    Attributes
    ----------
    is_cut : bool
        It was longer than what is kept of a value, of which this is the beginning.
    counts : bool
        Matching can read it. What it cannot read speaks neither for the two being one nor against.
    """

    value: str
    source: str
    observed_at: datetime | None = None
    is_cut: bool = False
    counts: bool = True


class ComparedRow(Struct, frozen=True, kw_only=True):
    """What two people are said to be in one matter.

    Attributes
    ----------
    name : str
        An attribute, or a kind of identifier with ``is_identifier``.
    left, right : tuple of Stated
        Different values only, the shown one first.
    agreement : str
        "same" if any value of one is any of the other's, "alike" if matching finds two of
        them to be a slip or a form of each other, "different" if it does not, "one_sided" if only
        one of them has any.
    comparison, level : str or None
        What matching calls what it found, such as ``name`` and ``nickname``.
    """

    name: str
    left: tuple[Stated, ...]
    right: tuple[Stated, ...]
    agreement: Mark
    comparison: str | None = None
    level: str | None = None
    is_identifier: bool = False


class Person(Struct, frozen=True, kw_only=True):
    """One of two people beside each other."""

    profile_id: str
    name: str | None
    records: int
    sources: tuple[str, ...]
    order_count: int
    revenue: Decimal
    last_order_at: datetime | None
    first_seen: datetime | None
    last_seen: datetime | None
    touchpoint_count: int


class Rival(Struct, frozen=True, kw_only=True):
    """Somebody else who looks like one of the two.

    Attributes
    ----------
    like : str
        The profile id of the one of the two whom this person looks like most.
    probability : float
        Of their two most alike records.
    """

    profile_id: str
    name: str | None
    like: str
    probability: float


class Counts(Struct, frozen=True, kw_only=True):
    """What waits; of suggestions counted to `MOST_COUNTED`, above which it is only "more"."""

    open: int
    later: int
    proposals: int

    @property
    def is_capped(self) -> bool:
        """Whether there are more open ones than were counted."""
        return self.open > MOST_COUNTED


class Review(Struct, frozen=True, kw_only=True):
    """One suggestion as a steward sees it.

    Attributes
    ----------
    key : str
        Names it: the two most alike records.
    joined : bool
        Whether matching would join them but an objection keeps them apart.
    objections : tuple of str
        Codes of what speaks against joining them, such as ``needs_a_person:loyalty_card``.
    rivals : int
        How many other people look like one of the two as well.
    nearest_rivals : tuple of Rival
        The most alike of them, at most five.
    sure : bool
        Whether the two most alike records alone would be joined.
    score : Scored
        What each matter says of the two most alike records.
    alike, compared : int
        Of the pairs of records across the two that say something, how many look alike.
    previous, next : str or None
        Keys of the neighbours.
    """

    key: str
    state: State
    left: Person
    right: Person
    rows: tuple[ComparedRow, ...]
    score: Scored
    alike: int
    compared: int
    joined: bool
    objections: tuple[str, ...]
    rivals: int
    nearest_rivals: tuple[Rival, ...]
    sure: bool
    previous: str | None
    next: str | None
    currency: str


class Queue(Struct, frozen=True, kw_only=True):
    """The worklist with one suggestion opened; None where nothing waits."""

    state: State
    counts: Counts
    review: Review | None


class Line(Struct, frozen=True, kw_only=True):
    """One suggestion in a list."""

    key: str
    left: str
    right: str
    left_name: str | None
    right_name: str | None
    probability: float
    joined: bool
    revenue: Decimal


class Said(Struct, frozen=True, kw_only=True):
    """What a steward's word led to: a decision, or a proposal where it is large."""

    decision_id: int | None
    proposal: Proposed | None
    next: str | None


# ── keeping the list ───────────────────────────────────────────────────────────────────────────


def renew_queue(company: Company, *, progress: Progress = silent) -> int:
    """Derive the whole list from the pairs that matching keeps; returns how many rows changed."""
    with company.ledger.read() as connection:
        changes = queue_changes(connection)
    done = 0
    for part in changes.parts(CHUNK):
        with company.ledger.write() as connection:
            write_queue(connection, company.ledger, part)
        done += len(part)
        progress("queue", done, len(changes))
    return len(changes)


# ── reading it ─────────────────────────────────────────────────────────────────────────────────


def waiting_suggestions(company: Company) -> int:
    """How many suggestions and proposals wait for a steward, for the left bar."""
    with company.ledger.read() as connection:
        suggested = min(count_suggestions(connection), MOST_COUNTED)
        return suggested + count_proposals(connection)


def waiting_counts(company: Company) -> Counts:
    """What waits for stewards."""
    with company.ledger.read() as connection:
        return counts_of(connection)


def review_queue(company: Company, *, state: str = OPEN, key: str = "", reveal: bool) -> Queue:
    """The first suggestion that waits, or the one that ``key`` names.

    The cost does not grow with the number of people: the list is read in the order of an index,
    and only the two people who are shown are looked at.

    Raises
    ------
    InvalidInput
        If there is no such state.
    Conflict
        If the suggestion named is not one any more.
    """
    which = _state(state)
    with company.ledger.read() as connection:
        if key:
            found = suggestion(connection, *records_of(key))
            if found is None:
                raise Conflict(
                    "These two are no suggestion any more: somebody decided, or newer data did"
                )
        else:
            found = next_suggestion(connection, which)
        counts = counts_of(connection)
        review = None if found is None else _review(connection, found, reveal=reveal)
    return Queue(state=which if review is None else review.state, counts=counts, review=review)


def list_suggestions(company: Company, *, state: str = OPEN, limit: int = LIST) -> list[Line]:
    """The first suggestions, the likeliest and most valuable first."""
    which = _state(state)
    if not 1 <= limit <= 500:
        raise InvalidInput(f"A list has 1 to 500 suggestions, not {limit}")
    p = profile.c
    with company.ledger.read() as connection:
        found = some_suggestions(connection, which, limit=limit)
        placed = open_memberships(connection, {x for each in found for x in (each.a, each.b)})
        people = {
            row.profile_id: row
            for row in rows_in(
                connection,
                lambda piece: select(p.profile_id, p.name, p.revenue).where(
                    among(p.profile_id, piece)
                ),
                set(placed.values()),
            )
        }
    return [
        Line(
            key=each.key,
            left=one.profile_id,
            right=two.profile_id,
            left_name=one.name,
            right_name=two.name,
            probability=each.probability,
            joined=each.joined,
            revenue=one.revenue + two.revenue,
        )
        for each in found
        for one, two in [(people[placed[each.a]], people[placed[each.b]])]
    ]


def _state(state: str) -> State:
    if state not in (OPEN, LATER):
        raise InvalidInput(f"Suggestions are {OPEN} or put off to {LATER}, not {state[:40]!r}")
    return OPEN if state == OPEN else LATER


def records_of(key: str) -> tuple[int, int]:
    """The records that the key of a suggestion names.

    Raises
    ------
    NotFound
        If it is none.
    """
    one, _, two = key.partition("-")
    if not all(x.isascii() and x.isdecimal() and len(x) <= 19 for x in (one, two)):
        raise NotFound("There is no such suggestion")
    a, b = int(one), int(two)
    if not a < b < 2**63:
        raise NotFound("There is no such suggestion")
    return a, b


def counts_of(connection: Connection) -> Counts:
    """What waits for stewards."""
    return Counts(
        open=count_suggestions(connection, OPEN),
        later=count_suggestions(connection, LATER),
        proposals=count_proposals(connection),
    )


def _review(connection: Connection, found: Suggestion, *, reveal: bool) -> Review:
    placed = open_memberships(connection, (found.a, found.b))
    people = (placed[found.a], placed[found.b])
    members = atoms_of(connection, people)
    p = profile.c
    rows = {
        row.profile_id: row
        for row in connection.execute(select(profile).where(p.profile_id.in_(people)))
    }
    # The better customer stands on the left, where one begins to read.
    left, right = sorted(
        people, key=lambda one: (-rows[one].revenue, -rows[one].touchpoint_count, one)
    )
    known = facts_of(connection, people)
    labels = source_labels(connection)
    state: State = OPEN if found.state == OPEN else LATER
    alike, compared = support_of(connection, members[left], members[right])
    before = next_suggestion(connection, state, before=found)
    after = next_suggestion(connection, state, after=found)
    score = scores_of(connection, [(found.a, found.b)])[found.a, found.b]
    rivals = rivals_of(connection, members[left], members[right])
    named = names_of(connection, [rival.profile_id for rival in rivals[:_MOST_RIVALS]])
    model = with_merge_line(
        company_model(read_choice(connection, "identity_model")), identity_rules(connection).merge
    )
    return Review(
        key=found.key,
        state=state,
        left=_person(rows[left], known[left], members[left], labels),
        right=_person(rows[right], known[right], members[right], labels),
        # What both state comes first: it is what decides.
        rows=tuple(
            sorted(
                (
                    *_compared(known[left], known[right], labels, reveal=reveal),
                    *_identifiers(
                        connection,
                        [(members[side], _country(known[side])) for side in (left, right)],
                        reveal=reveal,
                    ),
                ),
                key=lambda row: row.agreement == "one_sided",
            )
        ),
        score=score,
        alike=alike,
        compared=compared,
        joined=found.joined,
        objections=objections_to(connection, found.a, found.b),
        rivals=len(rivals),
        nearest_rivals=tuple(
            Rival(
                profile_id=rival.profile_id,
                name=named.get(rival.profile_id),
                like=rival.like,
                probability=rival.probability,
            )
            for rival in rivals[:_MOST_RIVALS]
        ),
        sure=score.probability >= model.merge,
        previous=None if before is None else before.key,
        next=None if after is None else after.key,
        currency=read_choice(connection, "reporting_currency") or "EUR",
    )


def _person(
    row: Any, known: ProfileFacts, members: Sequence[int], labels: Mapping[str, str]
) -> Person:
    sources = dict.fromkeys(labels.get(fact.source, fact.source) for fact in known.all)
    return Person(
        profile_id=row.profile_id,
        name=row.name,
        records=len(members),
        sources=tuple(sorted(sources)),
        order_count=row.order_count,
        revenue=row.revenue,
        last_order_at=row.last_order_at,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        touchpoint_count=row.touchpoint_count,
    )


def _compared(
    left: ProfileFacts, right: ProfileFacts, labels: Mapping[str, str], *, reveal: bool
) -> Iterable[ComparedRow]:
    beside = beside_of((*left.all, *right.all))
    for name in _COMPARED:
        one, two = _values(left, name), _values(right, name)
        if not one and not two:
            continue
        standing = stand(name, one, two, beside=beside)
        yield ComparedRow(
            name=name,
            left=_shown(one, standing.left, labels, beside, reveal=reveal),
            right=_shown(two, standing.right, labels, beside, reveal=reveal),
            agreement=standing.mark,
            comparison=standing.comparison,
            level=standing.level,
        )


def _shown(
    values: Sequence[Fact],
    decisive: Fact | None,
    labels: Mapping[str, str],
    beside: Mapping[tuple[int, str], str],
    *,
    reveal: bool,
) -> tuple[Stated, ...]:
    """The first values, and among them the one that the mark is about."""
    first = list(values[:_MOST_VALUES])
    if decisive is not None and decisive not in first:
        first[-1] = decisive
    return tuple(_stated(fact, labels, beside, reveal=reveal) for fact in first)


def _values(known: ProfileFacts, name: str) -> list[Fact]:
    """The different values of an attribute, the shown one first."""
    shown = known.shown.get(name)
    found: list[Fact] = [] if shown is None else [shown]
    for fact in sorted(known.all, key=lambda f: f.observed_at, reverse=True):
        if fact.name == name and not any(_is_repeated(name, fact.value, x.value) for x in found):
            found.append(fact)
    return found


#: Digits at the end by which numbers are told apart that are written with and without a country.
_PHONE_END = 8


def _is_repeated(name: str, a: str, b: str) -> bool:
    """Whether one person's second value needs no line of its own."""
    if name == "phone":
        ends = ["".join(c for c in x if c.isdigit())[-_PHONE_END:] for x in (a, b)]
        if len(ends[0]) == _PHONE_END and ends[0] == ends[1]:
            return True
    return is_same_value(name, a, b)


def _stated(
    fact: Fact,
    labels: Mapping[str, str],
    beside: Mapping[tuple[int, str], str],
    *,
    reveal: bool,
) -> Stated:
    source = fact.source.removeprefix("user:")
    return Stated(
        value=fact.value if reveal or fact.name not in MASKED else mask(fact.name, fact.value),
        source=labels.get(source, source),
        observed_at=fact.observed_at,
        is_cut=len(fact.value) >= LONGEST_FACT,
        counts=can_be_read(fact.name, fact, beside),
    )


def _country(known: ProfileFacts) -> str | None:
    shown = known.shown.get("country")
    return None if shown is None else shown.value


def _is_one_number(
    kind: str, one: set[str], two: set[str], countries: Sequence[str | None]
) -> bool:
    """Whether a number of the one is the other's; a company's may lack its country."""
    if kind == "business_id":
        one, two = (
            {read_business_id(value, country)[0] or value for value in values}
            for values, country in zip((one, two), countries, strict=True)
        )
    return not one.isdisjoint(two)


def _identifiers(
    connection: Connection, people: Sequence[tuple[Sequence[int], str | None]], *, reveal: bool
) -> Iterable[ComparedRow]:
    """Numbers that are no attribute, such as a customer's; devices say nothing to a reader.

    Parameters
    ----------
    people : sequence of (atom ids, country)
        Of the two.
    """
    sides: tuple[dict[tuple[str, str], set[str]], ...] = ({}, {})
    for side, (atoms, _) in zip(sides, people, strict=True):
        for value, _ in identifiers_of(connection, atoms):
            is_device = kind_of(value.kind).identifier_class is IdentifierClass.DEVICE
            if value.kind not in _COMPARED and not is_device:
                side.setdefault((value.kind, value.namespace), set()).add(value.value)
    labels = source_labels(connection)
    for kind, namespace in sorted({*sides[0], *sides[1]}):
        one, two = (side.get((kind, namespace), set()) for side in sides)
        agreement: Mark = "one_sided"
        if one and two:
            countries = [country for _, country in people]
            agreement = "same" if _is_one_number(kind, one, two, countries) else "different"
        shown = [
            tuple(
                Stated(
                    value=value if reveal else mask(kind, value),
                    source=labels.get(namespace, namespace),
                )
                for value in sorted(values)[:_MOST_VALUES]
            )
            for values in (one, two)
        ]
        yield ComparedRow(
            name=kind, left=shown[0], right=shown[1], agreement=agreement, is_identifier=True
        )


# ── a steward's word ───────────────────────────────────────────────────────────────────────────


def judge(company: Company, key: str, *, same: bool, author: str, reason: str = "") -> Said:
    """Say that the two are one person, or that they are not; both can be undone.

    Raises
    ------
    Conflict
        If it is no suggestion any more, or is proposed already.
    """
    a, b = records_of(key)
    text = tidy_reason(reason)
    now = company.clock()
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "identity")
        found = suggestion(connection, a, b)
        if found is None:
            raise Conflict("Somebody decided this meanwhile, or newer data did; look at the next")
        after = next_suggestion(connection, OPEN, after=found)
        if after is None:
            after = next_suggestion(connection, OPEN)
            after = None if after is not None and after.key == key else after
        placed = open_memberships(connection, (a, b))
        verdict_id = connection.execute(
            insert(review_verdict)
            .values(
                atom_a=a, atom_b=b, probability=found.probability, joined=found.joined, same=same,
                author=author, at=now, undone=False,
            )
            .returning(review_verdict.c.verdict_id)
        ).scalar_one()  # fmt: skip
        done: Rearrangement | Proposed
        if same:
            done = join_within(
                company, connection, placed[a], placed[b],
                author=author, reason=text, now=now, verdict_id=verdict_id,
            )  # fmt: skip
        else:
            members = atoms_of(connection, set(placed.values()))
            done = separate(
                connection, company.ledger, [members[placed[a]], members[placed[b]]],
                author=author, reason=text, at=now,
            )  # fmt: skip
            settle(company, connection, done, author, "profiles.different", now)
        if isinstance(done, Proposed):
            put_off(connection, a, b)
        else:
            connection.execute(
                review_verdict.update()
                .where(review_verdict.c.verdict_id == verdict_id)
                .values(decision_id=done.decision_id)
            )
    refresh_profiles(company)
    return Said(
        decision_id=None if isinstance(done, Proposed) else done.decision_id,
        proposal=done if isinstance(done, Proposed) else None,
        next=None if after is None else after.key,
    )


def put_off_suggestion(company: Company, key: str, *, author: str) -> str | None:
    """Ask again when all others are done; returns the key of the next one.

    Raises
    ------
    Conflict
        If it is no suggestion any more.
    """
    a, b = records_of(key)
    now = company.clock()
    with company.ledger.write() as connection:
        found = suggestion(connection, a, b)
        if found is None:
            raise Conflict("Somebody decided this meanwhile, or newer data did; look at the next")
        after = next_suggestion(connection, found.state, after=found)  # type: ignore[arg-type]
        put_off(connection, a, b)
        note(connection, author, "identity.later", key, None, now)
    return None if after is None else after.key

"""How well records were joined, in figures: measured now and then, so that no page counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, Connection, case, distinct, func, or_, select, type_coerce

from rapport.engines.ledger import among
from rapport.unify.blocked_values import blocked_reason
from rapport.unify.evidence import GENERIC_NAMELESS, ValueClass, classify_value, is_trusted
from rapport.unify.identity_rules import identity_rules
from rapport.unify.memberships import RULES
from rapport.unify.names import count_persons, person_name
from rapport.unify.stored_evidence import NAME_ATTRIBUTES, rows_in
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier import IDENTIFIER_KINDS, IdentifierClass, kind_of

#: People of so many records, by the largest of each step.
SIZES: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
#: The largest people that are named.
_LARGEST = 10
#: Shared values that are named, of each class.
_EXAMPLES = 15
#: Values whose holders' names are read at once.
_CHUNK = 2_000
_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1)


class SourceMatched(Struct, frozen=True, kw_only=True):
    """Of the records of one source how many belong to somebody whom another source knows too."""

    source: str
    records: int
    matched: int


class Largest(Struct, frozen=True, kw_only=True):
    """One of the people with most records."""

    profile_id: str
    records: int


class SharedCount(Struct, frozen=True, kw_only=True):
    """How many values of a kind are of a class, and on how many records."""

    kind: str
    value_class: str
    values: int
    records: int


class SharedValue(Struct, frozen=True, kw_only=True):
    """One shared value, without the value: a record that holds it, and the value's digest."""

    kind: str
    namespace: str
    atom_id: str  # as text: it passes 2^53
    key: str
    value_class: str
    records: int
    persons: int


class Overfull(Struct, frozen=True, kw_only=True):
    """Records of a source that state more values of a kind than one person may have.

    One record of one person gathers a few addresses over the years. Twenty are twenty people: the
    source gives its numbers out again.
    """

    source: str
    kind: str
    records: int
    most: int


class Decided(Struct, frozen=True, kw_only=True):
    """Decisions of one day."""

    day: date
    merged: int = 0
    split: int = 0
    said_same: int = 0
    said_different: int = 0
    undone: int = 0


class GroupFigures(Struct, frozen=True, kw_only=True):
    """Households and accounts.

    Attributes
    ----------
    household_people : int
        People who live with somebody.
    largest_household : int
        People of the largest one, who may be one person counted once.
    account_people : int
        People who belong to a company now.
    suggested : int
        People of whom only the domain of their e-mail address names a company.
    """

    households: int
    household_people: int
    largest_household: int
    accounts: int
    account_people: int
    suggested: int


class IdentityFigures(Struct, frozen=True, kw_only=True):
    """What is measured.

    Attributes
    ----------
    matched : int
        Records of people whom at least two sources know.
    sizes : tuple of int
        People by number of records: up to each step of `SIZES`, and above the last.
    decided : tuple of Decided
        Decisions since the day that was measured before.
    groups : GroupFigures or None
        None on days that were measured before groups were.
    """

    records: int
    people: int
    matched: int
    sources: tuple[SourceMatched, ...]
    sizes: tuple[int, ...]
    largest: tuple[Largest, ...]
    shared: tuple[SharedCount, ...]
    examples: tuple[SharedValue, ...]
    suggestions: int
    decided: tuple[Decided, ...]
    last_decision: int
    groups: GroupFigures | None = None
    overfull: tuple[Overfull, ...] = ()


def value_key(value: str) -> str:
    """Names a value without saying it."""
    return blake2b(value.encode(), digest_size=12).hexdigest()


def measure_identity(connection: Connection, *, since_decision: int) -> IdentityFigures:
    """Walk through all records once.

    Parameters
    ----------
    since_decision : int
        Decisions after it are counted.
    """
    sources = _sources(connection)
    sizes, largest = _sizes(connection)
    shared, examples = _shared(connection)
    last = connection.scalar(select(func.max(t.decision.c.decision_id)))
    return IdentityFigures(
        records=sum(each.records for each in sources),
        people=sum(sizes),
        matched=sum(each.matched for each in sources),
        sources=sources,
        sizes=sizes,
        largest=largest,
        shared=shared,
        examples=examples,
        suggestions=int(connection.scalar(select(func.count()).select_from(t.review_pair)) or 0),
        decided=_decided(connection, since_decision),
        last_decision=int(last or 0),
        groups=_groups(connection),
        overfull=_overfull(connection),
    )


def _overfull(connection: Connection) -> tuple[Overfull, ...]:
    i, a = t.identifier.c, t.atom.c
    chosen = identity_rules(connection).limits
    found = []
    for kind, rules in IDENTIFIER_KINDS.items():
        if rules.identifier_class is IdentifierClass.DEVICE:
            continue
        each = (
            select(i.atom_id, func.count().label("held"))
            .where(i.kind == kind)
            .group_by(i.atom_id, i.namespace)
            .having(func.count() > chosen.get(kind, rules.limit))
            .subquery()
        )
        found += [
            Overfull(source=row[0], kind=kind, records=int(row[1]), most=int(row[2]))
            for row in connection.execute(
                select(a.source, func.count(), func.max(each.c.held))
                .join(each, each.c.atom_id == a.atom_id)
                .group_by(a.source)
            )
        ]
    return tuple(sorted(found, key=lambda each: (-each.records, each.source, each.kind)))


def _groups(connection: Connection) -> GroupFigures:
    home, company, m = t.household.c, t.account.c, t.account_member.c
    households, largest = connection.execute(
        select(func.count(), func.max(home.members)).select_from(t.household)
    ).one()
    belong = select(func.count(distinct(m.profile_id))).where(m.until.is_(None))
    counted = [
        connection.scalar(asked)
        for asked in (
            select(func.count()).select_from(t.household_member),
            select(func.count(company.account_id)),
            belong.where(m.suggested.is_(False)),
            belong.where(m.suggested.is_(True)),
        )
    ]
    living, accounts, working, suggested = (int(number or 0) for number in counted)
    return GroupFigures(
        households=int(households),
        household_people=living,
        largest_household=int(largest or 0),
        accounts=accounts,
        account_people=working,
        suggested=suggested,
    )


def _sources(connection: Connection) -> tuple[SourceMatched, ...]:
    m, a = t.membership.c, t.atom.c
    known = (
        select(m.profile_id, func.count(distinct(a.source)).label("sources"))
        .join(t.atom, a.atom_id == m.atom_id)
        .where(m.valid_to.is_(None))
        .group_by(m.profile_id)
        .subquery()
    )
    rows = connection.execute(
        select(a.source, func.count(), func.sum(case((known.c.sources > 1, 1), else_=0)))
        .join(t.membership, m.atom_id == a.atom_id)
        .join(known, known.c.profile_id == m.profile_id)
        .where(m.valid_to.is_(None))
        .group_by(a.source)
        .order_by(a.source)
    )
    return tuple(
        SourceMatched(source=row[0], records=int(row[1]), matched=int(row[2])) for row in rows
    )


def _sizes(connection: Connection) -> tuple[tuple[int, ...], tuple[Largest, ...]]:
    m = t.membership.c
    each = (
        select(m.profile_id, func.count().label("records"))
        .where(m.valid_to.is_(None))
        .group_by(m.profile_id)
        .subquery()
    )
    counts = [0] * (len(SIZES) + 1)
    for records, people in connection.execute(
        select(each.c.records, func.count()).group_by(each.c.records)
    ):
        step = next((n for n, top in enumerate(SIZES) if records <= top), len(SIZES))
        counts[step] += people
    top = connection.execute(
        select(each).order_by(each.c.records.desc(), each.c.profile_id).limit(_LARGEST)
    )
    return tuple(counts), tuple(Largest(profile_id=row[0], records=row[1]) for row in top)


def _shared(
    connection: Connection,
) -> tuple[tuple[SharedCount, ...], tuple[SharedValue, ...]]:
    """Values that several people hold, by what their holders make of them."""
    i, f = t.identifier.c, t.attribute.c
    kinds = [
        kind
        for kind, rules in IDENTIFIER_KINDS.items()
        if rules.identifier_class is not IdentifierClass.DEVICE and not is_trusted(rules)
    ]
    # The engine leaves aside what one person holds, which is nearly all; names are read of the
    # rest only.
    candidates = connection.execute(
        select(i.kind, i.namespace, i.value, func.count(distinct(i.atom_id)))
        .outerjoin(
            t.attribute, (f.atom_id == i.atom_id) & f.name.in_(("name", "first_name", "last_name"))
        )
        .where(i.kind.in_(kinds))
        .group_by(i.kind, i.namespace, i.value)
        .having(
            (func.count(distinct(i.atom_id)) > 1)
            & or_(
                func.count(distinct(func.lower(f.value))) > 1,
                func.count(distinct(i.atom_id)) > GENERIC_NAMELESS,
            )
        )
    ).all()
    b = t.blocked_value.c
    blocked = {(row[0], row[1]) for row in connection.execute(select(b.kind, b.value))}
    values: Counter[tuple[str, str]] = Counter()
    records: Counter[tuple[str, str]] = Counter()
    found: defaultdict[str, list[SharedValue]] = defaultdict(list)
    rows = iter(candidates)
    while piece := list(islice(rows, _CHUNK)):
        for row, value_class, persons, holder in _classified(connection, piece, blocked):
            kind, namespace, value, count = row
            values[kind, value_class] += 1
            records[kind, value_class] += count
            found[value_class].append(
                SharedValue(
                    kind=kind, namespace=namespace, atom_id=str(holder), key=value_key(value),
                    value_class=value_class, records=count, persons=persons,
                )
            )  # fmt: skip
    examples = [
        each
        for several in found.values()
        for each in sorted(several, key=lambda v: (-v.records, v.kind, v.key))[:_EXAMPLES]
    ]
    return tuple(
        SharedCount(kind=kind, value_class=name, values=n, records=records[kind, name])
        for (kind, name), n in sorted(values.items())
    ), tuple(sorted(examples, key=lambda v: (-v.records, v.kind, v.key)))


def _classified(
    connection: Connection, rows: Sequence[Any], blocked: set[tuple[str, str]]
) -> Iterator[tuple[Any, str, int, int]]:
    """Of each value its class, how many names it has, and one of its holders."""
    i, f = t.identifier.c, t.attribute.c
    by_kind: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, namespace, value, _ in rows:
        by_kind[kind, namespace].append(value)
    holders: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for (kind, namespace), texts in by_kind.items():
        for value, atom in rows_in(
            connection,
            lambda piece, kind=kind, namespace=namespace: select(  # type: ignore[misc]
                i.value, i.atom_id
            ).where(i.kind == kind, i.namespace == namespace, among(i.value, piece)),
            texts,
        ):
            holders[kind, namespace, value].append(atom)
    told: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for atom, name, text in rows_in(
        connection,
        lambda piece: select(f.atom_id, f.name, f.value).where(
            among(f.atom_id, piece), f.name.in_(NAME_ATTRIBUTES)
        ),
        {atom for several in holders.values() for atom in several},
    ):
        told[atom][name] = text
    nothing: Mapping[str, str] = {}
    for row in rows:
        kind, namespace, value, count = row
        atoms = holders[kind, namespace, value]
        names = [
            person_name(said.get("name"), said.get("first_name"), said.get("last_name"))
            for said in (told.get(atom, nothing) for atom in atoms)
        ]
        value_class = classify_value(kind_of(kind), count, names)
        is_blocked = blocked_reason(kind, value) is not None or (kind, value) in blocked
        if value_class is not ValueClass.PERSONAL or is_blocked:
            shown = "blocked" if is_blocked else value_class.value
            yield row, shown, count_persons(frozenset(n for n in names if n.words)), min(atoms)


def _decided(connection: Connection, since: int) -> tuple[Decided, ...]:
    d = t.decision.c
    at = type_coerce(d.at, BigInteger)
    # A day as a number: whole division is the same on both engines.
    day = (at - at % _DAY) / _DAY
    rules = case((d.actor == RULES, 1), else_=0)
    counted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    names = {"merge": "merged", "split": "split", "must_link": "said_same"}
    names |= {"cannot_link": "said_different", "undo": "undone"}
    for number, kind, _, count in connection.execute(
        select(day, d.kind, rules, func.count())
        .where(d.decision_id > since, d.kind.in_(names))
        .group_by(day, d.kind, rules)
    ):
        counted[int(number)][names[kind]] += count
    return tuple(
        Decided(day=_EPOCH + timedelta(days=number), **counts)
        for number, counts in sorted(counted.items())
    )

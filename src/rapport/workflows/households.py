"""Households as people look at them: who lives together and why, their worth, what reached them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, func, select

from rapport.act.household_contacts import HouseholdPressure, household_pressure
from rapport.engines.ledger import among
from rapport.errors import InvalidInput, NotFound
from rapport.unify.belonging import HOME
from rapport.unify.explain import mask
from rapport.unify.group_words import (
    HOUSEHOLD,
    GroupWord,
    InHousehold,
    age_of,
    household_roles,
    oldest_records,
    said_roles,
    say_word,
    standing_words,
)
from rapport.unify.households import may_be_one_person
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.search import search
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of, micros, open_memberships, rows_in
from rapport.unify.stored_households import founder_atom, read_people
from rapport.vocabulary.ledger_tables import (
    atom,
    belonging,
    from_micros,
    household,
    household_member,
    membership,
    profile,
)
from rapport.workflows.company import Company
from rapport.workflows.customer_names import names_of
from rapport.workflows.group_words import LONGEST_REASON, note
from rapport.workflows.refresh import refresh_profiles

PAGE_ROWS = 50
MOST_ROWS = 200
DEEPEST = 100_000
#: People whom a search finds, whose households are shown.
_FOUND = 100
#: Who lived at an address before is shown up to so many.
_MOST_BEFORE = 40
SORTS: tuple[str, ...] = ("name", "members", "orders", "revenue", "last_seen")
_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "name": household.c.name,
    "members": household.c.members,
    "orders": household.c.order_count,
    "revenue": household.c.revenue,
    "last_seen": household.c.last_seen,
}


class HouseholdRow(Struct, frozen=True, kw_only=True):
    """A household in a list; money is in the reporting currency.

    Attributes
    ----------
    confidence : float
        How sure it is that its least sure member belongs there, 0 to 1.
    """

    household_id: str
    name: str
    members: int
    street: str | None
    postal_code: str | None
    city: str | None
    country: str | None
    confidence: float
    order_count: int
    revenue: Decimal
    last_seen: datetime | None


class HouseholdPage(Struct, frozen=True, kw_only=True):
    """A page of the list; `total` is None where a search found more than it counts."""

    rows: tuple[HouseholdRow, ...]
    offset: int
    limit: int
    total: int | None
    people: int
    currency: str
    query: str = ""


class WhyTogether(Struct, frozen=True, kw_only=True):
    """One thing that speaks for somebody's belonging: a code, and whether a name agrees too."""

    code: str  # home moved both_moved email phone iban device word
    same_name: bool
    degree: float


class HouseholdMember(Struct, frozen=True, kw_only=True):
    """Somebody of a household.

    Attributes
    ----------
    roles : tuple of str
        contact_person, payer, child, adult.
    role_said_by : str or None
        The colleague who said the role; None where it is derived.
    may_be : tuple of str
        Members who may be the same person, whom identity has not joined.
    """

    profile_id: str
    name: str | None
    email: str | None
    phone: str | None
    age: int | None
    roles: tuple[str, ...]
    role_said_by: str | None
    since: datetime
    confidence: float
    why: tuple[WhyTogether, ...]
    order_count: int
    revenue: Decimal
    last_seen: datetime | None
    contacts: int
    may_be: tuple[str, ...]


class LivedThere(Struct, frozen=True, kw_only=True):
    """Somebody who lived at an address of the household, and lives elsewhere by now."""

    profile_id: str
    name: str | None
    since: datetime
    until: datetime
    household_id: str | None


class Household(Struct, frozen=True, kw_only=True):
    """The whole view of one household."""

    household_id: str
    at: datetime
    row: HouseholdRow
    members: tuple[HouseholdMember, ...]
    before: tuple[LivedThere, ...]
    pressure: HouseholdPressure
    words: tuple[GroupWord, ...]
    word_names: dict[str, str | None]
    currency: str


class HomeNow(Struct, frozen=True, kw_only=True):
    """The household on a person's page."""

    row: HouseholdRow
    since: datetime
    confidence: float
    why: tuple[WhyTogether, ...]
    members: tuple[HouseholdMember, ...]


class HomeBefore(Struct, frozen=True, kw_only=True):
    """Where somebody lived before, from when until when, and with whom."""

    since: datetime
    until: datetime
    household_id: str | None
    household_name: str | None


class PersonHome(Struct, frozen=True, kw_only=True):
    """Where somebody lives and lived."""

    profile_id: str
    name: str | None
    now: HomeNow | None
    before: tuple[HomeBefore, ...]
    words: tuple[GroupWord, ...] = ()
    word_names: dict[str, str | None] = {}


# ── lists ──────────────────────────────────────────────────────────────────────────────────────


def list_households(
    company: Company,
    *,
    query: str = "",
    sort: str = "revenue",
    descending: bool = True,
    offset: int = 0,
    limit: int = PAGE_ROWS,
) -> HouseholdPage:
    """Households of the people whom ``query`` finds, or all of them in the order asked for.

    Raises
    ------
    InvalidInput
        If the sort or the place in the list is none of ours.
    """
    check_place(sort, SORTS, offset, limit)
    currency = company.choice("reporting_currency") or "EUR"
    h, m = household.c, household_member.c
    with company.ledger.read() as connection:
        column = _COLUMNS[sort]
        order = column.desc().nulls_last() if descending else column.asc().nulls_last()
        chosen = select(household).order_by(order, h.household_id)
        people = int(connection.scalar(select(func.count()).select_from(household_member)) or 0)
        if query.strip():
            hits = search(connection, query, _FOUND)
            ids = sorted(
                set(
                    connection.scalars(
                        select(m.household_id).where(
                            m.profile_id.in_([hit.profile_id for hit in hits])
                        )
                    )
                )
            )
            chosen = chosen.where(h.household_id.in_(ids))
            total: int | None = len(ids) if len(hits) < _FOUND else None
        else:
            total = int(connection.scalar(select(func.count()).select_from(household)) or 0)
        rows = connection.execute(chosen.limit(limit).offset(offset)).all()
    return HouseholdPage(
        rows=tuple(map(_row, rows)),
        offset=offset,
        limit=limit,
        total=total,
        people=people,
        currency=currency,
        query=query,
    )


def check_place(sort: str, sorts: Sequence[str], offset: int, limit: int) -> None:
    """Refuse a sort or a place in a list that there is not."""
    if sort not in sorts:
        raise InvalidInput(f"This list is sorted by {', '.join(sorts)}, not {sort[:40]!r}")
    if not 1 <= limit <= MOST_ROWS or not 0 <= offset <= DEEPEST:
        raise InvalidInput(
            f"A page has 1 to {MOST_ROWS} rows and begins within the first {DEEPEST:,}"
        )


def _row(row: Any) -> HouseholdRow:
    return HouseholdRow(**{name: getattr(row, name) for name in HouseholdRow.__struct_fields__})


# ── one household ──────────────────────────────────────────────────────────────────────────────


def current_household(connection: Connection, household_id: str) -> str:
    """The household that an id, also an old one, leads to: that of its oldest record's holder.

    Raises
    ------
    NotFound
        If nobody of it lives with anybody any more.
    """
    h, m = household.c, household_member.c
    if connection.scalar(select(h.household_id).where(h.household_id == household_id)):
        return household_id
    founder = founder_atom(household_id) if household_id.startswith("h") else None
    if founder is not None and founder < 1 << 63:
        holder = open_memberships(connection, [founder]).get(founder)
        found = connection.scalar(select(m.household_id).where(m.profile_id == holder))
        if found is not None:
            return str(found)
    raise NotFound(f"There is no household {household_id[:40]!r}, or no two people of it any more")


def household_view(company: Company, household_id: str, *, reveal: bool) -> Household:
    """Everything about one household, also under an old id.

    Raises
    ------
    NotFound
        If there is no such household any more.
    """
    now = company.clock()
    currency = company.choice("reporting_currency") or "EUR"
    with company.ledger.read() as connection:
        here = current_household(connection, household_id)
        row = connection.execute(select(household).where(household.c.household_id == here)).one()
        stored = connection.execute(
            select(household_member).where(household_member.c.household_id == here)
        ).all()
        ids = [each.profile_id for each in stored]
        pressure = household_pressure(connection, ids, at=now)
        members = _members(connection, stored, pressure, now=now, reveal=reveal)
        atoms = [a for those in atoms_of(connection, ids).values() for a in those]
        words = standing_words(connection, HOUSEHOLD, atoms)
        before = _lived_there(connection, atoms, set(ids))
        names = names_of(connection, {p for word in words for p in (word.a, word.b) if p})
    return Household(
        household_id=here,
        at=now,
        row=_row(row),
        members=members,
        before=before,
        pressure=pressure,
        words=words,
        word_names=names,
        currency=currency,
    )


def _members(
    connection: Connection,
    stored: Sequence[Any],
    pressure: HouseholdPressure,
    *,
    now: datetime,
    reveal: bool,
) -> tuple[HouseholdMember, ...]:
    ids = [each.profile_id for each in stored]
    p = profile.c
    rows = {
        row.profile_id: row
        for row in connection.execute(select(profile).where(p.profile_id.in_(ids)))
    }
    people = read_people(connection, ids)
    said = said_roles(connection, HOUSEHOLD, ids)
    derived = household_roles(
        [
            InHousehold(
                profile_id=row.profile_id,
                birthday=row.birthday,
                revenue=row.revenue,
                touchpoint_count=row.touchpoint_count,
                reachable=bool(row.email or row.phone),
            )
            for row in rows.values()
        ],
        now.date(),
    )
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for a in people:
        for b in people:
            if a < b and may_be_one_person(people[a], people[b]):
                alike[a].append(b)
                alike[b].append(a)
    return tuple(
        HouseholdMember(
            profile_id=each.profile_id,
            name=row.name,
            email=_contact("email", row.email, reveal=reveal),
            phone=_contact("phone", row.phone, reveal=reveal),
            age=age_of(row.birthday, now.date()),
            roles=(said[each.profile_id][0],)
            if each.profile_id in said
            else derived[each.profile_id],
            role_said_by=said.get(each.profile_id, (None, None))[1],
            since=each.since,
            confidence=each.confidence,
            why=whys(each.why),
            order_count=row.order_count,
            revenue=row.revenue,
            last_seen=row.last_seen,
            contacts=pressure.by_member.get(each.profile_id, 0),
            may_be=tuple(alike[each.profile_id]),
        )
        for each in sorted(
            stored, key=lambda e: (-rows[e.profile_id].revenue, e.since, e.profile_id)
        )
        if (row := rows[each.profile_id]) is not None
    )


def _contact(kind: str, value: str | None, *, reveal: bool) -> str | None:
    return value if reveal or value is None else mask(kind, value)


def whys(stored: Sequence[Sequence[Any]]) -> tuple[WhyTogether, ...]:
    """Stored reasons as they are shown."""
    return tuple(WhyTogether(code=w[0], same_name=w[1], degree=w[2]) for w in stored)


def _lived_there(
    connection: Connection, atoms: Sequence[int], members: set[str]
) -> tuple[LivedThere, ...]:
    """Who stated an address of these records, and another one since."""
    b, m, a = belonging.c, membership.c, atom.c
    keys = {
        row[0]
        for row in rows_in(
            connection,
            lambda piece: select(b.value).where(among(b.atom_id, piece), b.kind == HOME),
            atoms,
        )
    }
    spans: dict[str, list[int]] = {}
    for profile_id, first, last in rows_in(
        connection,
        lambda piece: (
            select(m.profile_id, micros(b.first_seen), micros(b.last_seen))
            .join(belonging, and_(b.atom_id == m.atom_id, b.kind == HOME, among(b.value, piece)))
            .join(atom, a.atom_id == b.atom_id)
            .where(m.valid_to.is_(None), a.kind != "crm_account")
            .limit(_MOST_BEFORE * 10)
        ),
        keys,
    ):
        if profile_id not in members:
            span = spans.setdefault(profile_id, [first, last])
            span[0], span[1] = min(span[0], first), max(span[1], last)
    people = read_people(connection, spans.keys())
    gone = {
        profile_id: span
        for profile_id, span in spans.items()
        if (person := people.get(profile_id)) is not None
        and person.home is not None
        and person.home.key not in keys
        and person.can_live_with_others
    }
    homes = {
        row[0]: row[1]
        for row in rows_in(
            connection,
            lambda piece: select(
                household_member.c.profile_id, household_member.c.household_id
            ).where(among(household_member.c.profile_id, piece)),
            gone,
        )
    }
    names = names_of(connection, gone.keys())
    return tuple(
        LivedThere(
            profile_id=profile_id,
            name=names.get(profile_id),
            since=from_micros(span[0]),
            until=from_micros(span[1]),
            household_id=homes.get(profile_id),
        )
        for profile_id, span in sorted(gone.items(), key=lambda pair: -pair[1][1])[:_MOST_BEFORE]
    )


# ── a person's home ────────────────────────────────────────────────────────────────────────────


def person_home(company: Company, profile_id: str, *, reveal: bool) -> PersonHome:
    """Where a person lives and with whom, and where they lived before; also under an old id."""
    now = company.clock()
    with company.ledger.read() as connection:
        here = current_profile(connection, profile_id)
        return home_of(connection, here, now=now, reveal=reveal)


def home_of(connection: Connection, here: str, *, now: datetime, reveal: bool) -> PersonHome:
    """The same within a transaction, of a current profile."""
    h, m = household.c, household_member.c
    own = connection.execute(select(household_member).where(m.profile_id == here)).first()
    home = None
    if own is not None:
        row = connection.execute(select(household).where(h.household_id == own.household_id)).one()
        stored = connection.execute(
            select(household_member).where(m.household_id == own.household_id)
        ).all()
        pressure = household_pressure(connection, [each.profile_id for each in stored], at=now)
        home = HomeNow(
            row=_row(row),
            since=own.since,
            confidence=own.confidence,
            why=whys(own.why),
            members=_members(connection, stored, pressure, now=now, reveal=reveal),
        )
    person = read_people(connection, [here]).get(here)
    words = standing_words(connection, HOUSEHOLD, atoms_of(connection, [here]).get(here, ()))
    names = names_of(connection, {here, *(p for word in words for p in (word.a, word.b) if p)})
    return PersonHome(
        profile_id=here,
        name=names.get(here),
        now=home,
        before=() if person is None else _earlier_homes(connection, person, home),
        words=words,
        word_names=names,
    )


def _earlier_homes(
    connection: Connection, person: Any, home: HomeNow | None
) -> tuple[HomeBefore, ...]:
    """Each address that was stated before the latest one, with the household that is there now."""
    latest = person.home
    if latest is None:
        return ()
    spans: dict[str, list[int]] = {}
    for each in person.homes:
        if each.key != latest.key:
            span = spans.setdefault(each.key, [each.first, each.last])
            span[0], span[1] = min(span[0], each.first), max(span[1], each.last)
    if not spans:
        return ()
    b, m, h, mm = belonging.c, household_member.c, household.c, membership.c
    there: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for key, household_id, name in connection.execute(
        select(b.value, m.household_id, h.name)
        .join(membership, and_(mm.atom_id == b.atom_id, mm.valid_to.is_(None)))
        .join(household_member, m.profile_id == mm.profile_id)
        .join(household, h.household_id == m.household_id)
        .where(b.kind == HOME, b.value.in_(sorted(spans)))
        .limit(_MOST_BEFORE * 10)
    ):
        there[key].add((household_id, name))
    own = None if home is None else home.row.household_id
    found = []
    for key, span in spans.items():
        others = sorted(those for those in there[key] if those[0] != own)
        one = others[0] if len(others) == 1 else (None, None)
        found.append(
            HomeBefore(
                since=from_micros(span[0]),
                until=from_micros(max(span[1], min(latest.first, latest.last))),
                household_id=one[0],
                household_name=one[1],
            )
        )
    return tuple(sorted(found, key=lambda each: each.until, reverse=True))


# ── words of colleagues ────────────────────────────────────────────────────────────────────────


def say_lives_with(
    company: Company,
    profile_id: str,
    other: str,
    *,
    together: bool,
    author: str,
    reason: str = "",
) -> str:
    """Say that two people are, or are not, one household; it is remembered.

    Returns
    -------
    str
        The person as they are now.

    Raises
    ------
    NotFound, InvalidInput
        If there is no such person, or both are one.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        a, b = current_profile(connection, profile_id), current_profile(connection, other)
        records = oldest_records(connection, {a, b})
        say_word(
            connection,
            HOUSEHOLD,
            records[a],
            records[b],
            together=together,
            author=author,
            reason=reason.strip()[:LONGEST_REASON],
            at=now,
        )
        action = "household.together" if together else "household.apart"
        note(connection, author, action, a, {"other": b}, now)
        STALE_PROFILES.put(connection, [a, b])
    refresh_profiles(company)
    return a


def leaves_household(company: Company, profile_id: str, *, author: str, reason: str = "") -> str:
    """Say that somebody is of no household with those of the present one.

    Raises
    ------
    NotFound
        If the person lives with nobody.
    """
    with company.ledger.read() as connection:
        here = current_profile(connection, profile_id)
        m = household_member.c
        household_id = connection.scalar(select(m.household_id).where(m.profile_id == here))
        others = [
            each
            for each in connection.scalars(
                select(m.profile_id).where(m.household_id == household_id).order_by(m.profile_id)
            )
            if each != here
        ]
    if household_id is None or not others:
        raise NotFound("This person lives with nobody we know of; reload the page")
    for other in others:
        say_lives_with(company, here, other, together=False, author=author, reason=reason)
    return here

"""Companies as customers: their people, orders, opportunities, tickets, worth and health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from rapport.act.household_contacts import HouseholdPressure, household_pressure
from rapport.act.tickets import UNRESOLVED, Ticket, tickets_of
from rapport.errors import NotFound
from rapport.understand.account_activity import deals_of, orders_of
from rapport.unify.belonging import COMPANY, company_key
from rapport.unify.explain import mask
from rapport.unify.group_words import (
    ACCOUNT,
    GroupWord,
    account_role,
    oldest_records,
    said_roles,
    say_word,
    standing_words,
)
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.name_words import fold
from rapport.unify.search import search
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of, open_memberships
from rapport.unify.stored_households import founder_atom
from rapport.vocabulary.ledger_tables import account, account_member, belonging, profile
from rapport.vocabulary.touchpoint import ORDER_COMPLETED
from rapport.workflows.company import Company
from rapport.workflows.customer_timeline import source_labels
from rapport.workflows.group_words import LONGEST_REASON, note
from rapport.workflows.households import PAGE_ROWS, check_place
from rapport.workflows.refresh import refresh_profiles

SORTS: tuple[str, ...] = ("name", "people", "orders", "revenue", "last_seen")
_COLUMNS: Mapping[str, ColumnElement[Any]] = {
    "name": account.c.name_key,
    "people": account.c.people,
    "orders": account.c.order_count,
    "revenue": account.c.revenue,
    "last_seen": account.c.last_seen,
}
_SHOWN = ("name", "email", "phone", "order_count", "revenue", "last_seen")
_FOUND = 100
_MOST_PEOPLE = 200
_MOST_ORDERS = 50
#: A company that buys in a rhythm is late after so many of its usual intervals.
_LATE_INTERVALS = 2
_LEAST_ORDERS = 3
#: A deal that nobody touched for so long stands still.
_STILL = timedelta(days=45)


class AccountRow(Struct, frozen=True, kw_only=True):
    """A company in a list. Orders and revenue are the company's own, in the reporting currency."""

    account_id: str
    profile_id: str | None
    name: str
    business_id: str | None
    domain: str | None
    city: str | None
    country: str | None
    people: int
    order_count: int
    revenue: Decimal
    last_seen: datetime | None


class AccountPage(Struct, frozen=True, kw_only=True):
    """A page of the list; `total` is None where a search found more than it counts."""

    rows: tuple[AccountRow, ...]
    offset: int
    limit: int
    total: int | None
    currency: str
    query: str = ""


class AccountPerson(Struct, frozen=True, kw_only=True):
    """Somebody of a company.

    Attributes
    ----------
    role : str
        decision_maker, buyer, invoice_contact, user, contact.
    role_said_by : str or None
        The colleague who said the role; None where title or mailbox tell it.
    suggested : bool
        Only the domain of an e-mail address says so: nobody confirmed it.
    until : datetime or None
        Since when the record names another company.
    why : tuple of str
        word, account_number, company_name, domain.
    revenue : Decimal
        What they bought for themselves.
    """

    profile_id: str
    name: str | None
    email: str | None
    phone: str | None
    title: str | None
    role: str
    role_said_by: str | None
    since: datetime
    until: datetime | None
    confidence: float
    suggested: bool
    why: tuple[str, ...]
    order_count: int
    revenue: Decimal
    last_seen: datetime | None
    contacts: int


class AccountOrder(Struct, frozen=True, kw_only=True):
    """An order, or a refund with a negative amount."""

    at: datetime
    order_id: str | None
    source: str
    amount: Decimal | None
    is_refund: bool


class Deal(Struct, frozen=True, kw_only=True):
    """A sales opportunity as it stands."""

    deal_id: str
    name: str | None
    stage: str | None
    status: str  # open | won | lost
    amount: Decimal | None
    closes_on: str | None
    changed_at: datetime


class HealthReason(Struct, frozen=True, kw_only=True):
    """One thing that is well or not, with its figures: `weight` 1 is good, -1 bad, -2 worse."""

    code: str
    weight: int
    numbers: dict[str, Any] = {}


class Health(Struct, frozen=True, kw_only=True):
    """How it stands with a company: the worst reason decides."""

    level: str  # good | watch | at_risk | unknown
    reasons: tuple[HealthReason, ...]


class Account(Struct, frozen=True, kw_only=True):
    """The whole view of one company."""

    account_id: str
    at: datetime
    row: AccountRow
    people: tuple[AccountPerson, ...]
    people_total: int
    people_revenue: Decimal
    orders: tuple[AccountOrder, ...]
    deals: tuple[Deal, ...]
    tickets: tuple[Ticket, ...]
    pressure: HouseholdPressure
    health: Health
    words: tuple[GroupWord, ...]
    word_names: dict[str, str | None]
    currency: str


class PersonAccount(Struct, frozen=True, kw_only=True):
    """A company on a person's page."""

    account_id: str
    name: str
    role: str
    title: str | None
    since: datetime
    until: datetime | None
    confidence: float
    suggested: bool
    why: tuple[str, ...]
    is_itself: bool = False  # the person's page is that of the company


# ── lists ──────────────────────────────────────────────────────────────────────────────────────


def list_accounts(
    company: Company,
    *,
    query: str = "",
    sort: str = "revenue",
    descending: bool = True,
    offset: int = 0,
    limit: int = PAGE_ROWS,
) -> AccountPage:
    """Companies whose name, number or people ``query`` finds, or all in the order asked for.

    Raises
    ------
    InvalidInput
        If the sort or the place in the list is none of ours.
    """
    check_place(sort, SORTS, offset, limit)
    currency = company.choice("reporting_currency") or "EUR"
    a = account.c
    with company.ledger.read() as connection:
        column = _COLUMNS[sort]
        order = column.desc().nulls_last() if descending else column.asc().nulls_last()
        chosen = select(account).order_by(order, a.account_id)
        if query.strip():
            ids, more = _found(connection, query)
            chosen = chosen.where(a.account_id.in_(sorted(ids)))
            total: int | None = None if more else len(ids)
        else:
            total = int(connection.scalar(select(func.count()).select_from(account)) or 0)
        rows = connection.execute(chosen.limit(limit).offset(offset)).all()
    return AccountPage(
        rows=tuple(map(_row, rows)),
        offset=offset,
        limit=limit,
        total=total,
        currency=currency,
        query=query,
    )


def _found(connection: Connection, query: str) -> tuple[set[str], bool]:
    """Accounts by their people, by the company's own record, and by the beginning of a name."""
    a, m = account.c, account_member.c
    hits = search(connection, query, _FOUND)
    profiles = [hit.profile_id for hit in hits]
    ids = set(
        connection.scalars(select(m.account_id).where(m.profile_id.in_(profiles)).limit(_FOUND))
    )
    ids |= set(connection.scalars(select(a.account_id).where(a.profile_id.in_(profiles))))
    begun = company_key(query) or fold(query)
    ids |= set(
        connection.scalars(
            select(a.account_id)
            .where(a.name_key >= begun, a.name_key < begun + "\U0010ffff")
            .limit(_FOUND)
        )
    )
    number = "".join(c for c in query.upper() if c.isalnum())
    if number:
        ids |= set(connection.scalars(select(a.account_id).where(a.business_id == number)))
    return ids, len(hits) >= _FOUND


def _row(row: Any) -> AccountRow:
    return AccountRow(**{name: getattr(row, name) for name in AccountRow.__struct_fields__})


# ── one account ────────────────────────────────────────────────────────────────────────────────


def current_account(connection: Connection, account_id: str) -> str:
    """The account that an id, also an old one, leads to.

    Raises
    ------
    NotFound
        If the record it is named after belongs to no company any more.
    """
    a, b = account.c, belonging.c
    if connection.scalar(select(a.account_id).where(a.account_id == account_id)):
        return account_id
    founder = founder_atom(account_id) if account_id.startswith("a") else None
    if founder is not None and founder < 1 << 63:
        holder = open_memberships(connection, [founder]).get(founder)
        found = connection.scalar(select(a.account_id).where(a.profile_id == holder))
        if found is None:
            found = connection.scalar(
                select(a.account_id)
                .join(belonging, and_(b.kind == COMPANY, b.value == a.name_key))
                .where(b.atom_id == founder)
                .order_by(a.account_id)
                .limit(1)
            )
        if found is not None:
            return str(found)
    raise NotFound(f"There is no account {account_id[:40]!r}")


def account_view(company: Company, account_id: str, *, reveal: bool) -> Account:
    """Everything about one company, also under an old id.

    Raises
    ------
    NotFound
        If there is no such account.
    """
    now = company.clock()
    currency = company.choice("reporting_currency") or "EUR"
    with company.ledger.read() as connection:
        here = current_account(connection, account_id)
        row = _row(connection.execute(select(account).where(account.c.account_id == here)).one())
        everybody = _people(connection, here, now=now, reveal=reveal)
        current = [each for each in everybody if each.until is None and not each.suggested]
        theirs = [*([row.profile_id] if row.profile_id else []),
                  *(each.profile_id for each in current[:_MOST_PEOPLE])]  # fmt: skip
        tickets = tuple(
            sorted(
                (each for those in tickets_of(connection, theirs).values() for each in those),
                key=lambda each: each.opened_at,
                reverse=True,
            )
        )
        pressure = household_pressure(connection, theirs, at=now)
        own = atoms_of(connection, [row.profile_id]) if row.profile_id else {}
        atoms = [a for those in own.values() for a in those]
        people_atoms = [
            a
            for those in atoms_of(connection, [p for p in theirs if p != row.profile_id]).values()
            for a in those
        ]
        labels = source_labels(connection)
        founder = founder_atom(here)
        words = standing_words(connection, ACCOUNT, {*atoms, *([founder] if founder else [])})
        p = profile.c
        named = {each for word in words for each in (word.a, word.b) if each}
        names = {
            each.profile_id: each.name
            for each in connection.execute(
                select(p.profile_id, p.name).where(p.profile_id.in_(sorted(named)))
            )
        }
    orders = tuple(
        AccountOrder(
            at=each["occurred_at"],
            order_id=each["order_id"],
            source=labels.get(each["source"], each["source"]),
            amount=each["amount_base"],
            is_refund=each["type"] != ORDER_COMPLETED,
        )
        for each in (
            orders_of(company.lake, atoms, now=now, limit=_MOST_ORDERS).to_pylist() if atoms else ()
        )
    )
    deals = _deals(company, [*atoms, *people_atoms], row)
    return Account(
        account_id=here,
        at=now,
        row=row,
        people=everybody[:_MOST_PEOPLE],
        people_total=len(everybody),
        people_revenue=sum((each.revenue for each in current), Decimal(0)),
        orders=orders,
        deals=deals,
        tickets=tickets,
        pressure=pressure,
        health=health_of(orders, deals, tickets, now=now),
        words=words,
        word_names=names,
        currency=currency,
    )


def _people(
    connection: Connection, account_id: str, *, now: datetime, reveal: bool
) -> tuple[AccountPerson, ...]:
    m, p = account_member.c, profile.c
    rows = connection.execute(
        select(
            account_member,
            *(
                p[name]
                for name in ("name", "email", "phone", "order_count", "revenue", "last_seen")
            ),
        )
        .join(profile, p.profile_id == m.profile_id)
        .where(m.account_id == account_id)
        .order_by(
            case((m.until.is_(None), 0), else_=1),
            m.suggested,
            m.confidence.desc(),
            p.last_seen.desc().nulls_last(),
            m.profile_id,
        )
    ).all()
    ids = [row.profile_id for row in rows[:_MOST_PEOPLE]]
    said = said_roles(connection, ACCOUNT, ids)
    contacts = household_pressure(connection, ids, at=now).by_member
    return tuple(
        AccountPerson(
            profile_id=row.profile_id,
            name=row.name,
            email=row.email if reveal or not row.email else mask("email", row.email),
            phone=row.phone if reveal or not row.phone else mask("phone", row.phone),
            title=row.title,
            role=said[row.profile_id][0]
            if row.profile_id in said
            else account_role(row.title, row.email),
            role_said_by=said.get(row.profile_id, (None, None))[1],
            since=row.since,
            until=row.until,
            confidence=row.confidence,
            suggested=row.suggested,
            why=tuple(row.why),
            order_count=row.order_count,
            revenue=row.revenue,
            last_seen=row.last_seen,
            contacts=contacts.get(row.profile_id, 0),
        )
        for row in rows
    )


def _deals(company: Company, atoms: Sequence[int], row: AccountRow) -> tuple[Deal, ...]:
    """Each opportunity as it was last told; one that names another company is not this one's."""
    if not atoms:
        return ()
    latest: dict[str, Deal] = {}
    for each in deals_of(company.lake, atoms).to_pylist():
        said = msgspec.json.decode(each["properties"] or "{}")
        deal_id = str(said.get("deal_id") or each["position"])
        named = said.get("account")
        if deal_id in latest or (
            isinstance(named, str) and company_key(named) != company_key(row.name)
        ):
            continue
        latest[deal_id] = Deal(
            deal_id=deal_id,
            name=said.get("deal"),
            stage=said.get("stage"),
            status=str(said.get("status") or "open"),
            amount=each["amount_base"],
            closes_on=said.get("closes_on"),
            changed_at=each["occurred_at"],
        )
    return tuple(
        sorted(latest.values(), key=lambda d: (d.status != "open", -d.changed_at.timestamp()))
    )


def health_of(
    orders: Sequence[AccountOrder],
    deals: Sequence[Deal],
    tickets: Sequence[Ticket],
    *,
    now: datetime,
) -> Health:
    """How it stands with a company, from what happened; every reason is told; pure."""
    reasons: list[HealthReason] = []
    bought = sorted(each.at for each in orders if not each.is_refund)
    if len(bought) >= _LEAST_ORDERS:
        gaps = sorted(later - earlier for earlier, later in pairwise(bought))
        usual, since = gaps[len(gaps) // 2], now - bought[-1]
        numbers = {"usual_days": max(usual.days, 1), "days": since.days}
        if since > usual * _LATE_INTERVALS and since.days > 30:
            reasons.append(HealthReason(code="order_late", weight=-2, numbers=numbers))
        else:
            reasons.append(HealthReason(code="orders_in_rhythm", weight=1, numbers=numbers))
    waiting = [each for each in tickets if each.status in UNRESOLVED]
    overdue = [each for each in waiting if each.due_at is not None and each.due_at < now]
    if overdue:
        reasons.append(
            HealthReason(code="tickets_overdue", weight=-2, numbers={"count": len(overdue)})
        )
    elif waiting:
        reasons.append(
            HealthReason(code="tickets_open", weight=-1, numbers={"count": len(waiting)})
        )
    half_year = now - timedelta(days=182)
    won = sum(d.status == "won" and d.changed_at > half_year for d in deals)
    lost = sum(d.status == "lost" and d.changed_at > half_year for d in deals)
    still = sum(d.status == "open" and now - d.changed_at > _STILL for d in deals)
    moving = sum(d.status == "open" for d in deals) - still
    for code, count, weight in (
        ("deals_won", won, 1),
        ("deals_moving", moving, 1),
        ("deals_still", still, -1),
        ("deals_lost", lost, -1),
    ):
        if count:
            reasons.append(HealthReason(code=code, weight=weight, numbers={"count": count}))
    worst = min((reason.weight for reason in reasons), default=0)
    level = {0: "unknown", 1: "good", -1: "watch", -2: "at_risk"}[worst]
    return Health(level=level, reasons=tuple(sorted(reasons, key=lambda r: (r.weight, r.code))))


# ── a person's companies ───────────────────────────────────────────────────────────────────────


def accounts_of(connection: Connection, profile_id: str) -> tuple[PersonAccount, ...]:
    """The companies that a current profile is of, or is; the surest first."""
    a, m, p = account.c, account_member.c, profile.c
    email = connection.scalar(select(p.email).where(p.profile_id == profile_id))
    said = said_roles(connection, ACCOUNT, [profile_id])
    itself = connection.execute(
        select(a.account_id, a.name, p.created_at)
        .join(profile, p.profile_id == a.profile_id)
        .where(a.profile_id == profile_id)
    ).first()
    found = [
        PersonAccount(
            account_id=row.account_id,
            name=row.account_name,
            role=said[profile_id][0] if profile_id in said else account_role(row.title, email),
            title=row.title,
            since=row.since,
            until=row.until,
            confidence=row.confidence,
            suggested=row.suggested,
            why=tuple(row.why),
        )
        for row in connection.execute(
            select(account_member, a.name.label("account_name"))
            .join(account, a.account_id == m.account_id)
            .where(m.profile_id == profile_id)
            .order_by(m.suggested, m.confidence.desc(), m.account_id)
        )
    ]
    if itself is not None:
        found.insert(
            0,
            PersonAccount(
                account_id=itself.account_id,
                name=itself.name,
                role="contact",
                title=None,
                since=itself.created_at,
                until=None,
                confidence=1.0,
                suggested=False,
                why=(),
                is_itself=True,
            ),
        )
    return tuple(found)


# ── words of colleagues ────────────────────────────────────────────────────────────────────────


def say_works_at(
    company: Company,
    profile_id: str,
    account_id: str,
    *,
    together: bool,
    author: str,
    reason: str = "",
) -> str:
    """Say that somebody is, or is not, of a company; it is remembered. Returns the account.

    Raises
    ------
    NotFound, InvalidInput
        If there is no such person or account, or the person is the company.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        person = current_profile(connection, profile_id)
        here = current_account(connection, account_id)
        founder = founder_atom(here)
        assert founder is not None  # noqa: S101  # every stored id names a record
        records = oldest_records(connection, [person])
        say_word(
            connection,
            ACCOUNT,
            records[person],
            founder,
            together=together,
            author=author,
            reason=reason.strip()[:LONGEST_REASON],
            at=now,
        )
        action = "account.together" if together else "account.apart"
        note(connection, author, action, person, {"account": here}, now)
        holder = open_memberships(connection, [founder]).get(founder)
        STALE_PROFILES.put(connection, {person, *([holder] if holder else [])})
    refresh_profiles(company)
    return here

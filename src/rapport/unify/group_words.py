"""What colleagues say of households and accounts, and the roles people have in them.

A word names a record on each side and never a profile: it follows whoever holds the record. A role
is derived from what is known (a birthday, who pays, a job title) until somebody says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from rapport.engines.ledger import Ledger, among
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.name_words import fold_words
from rapport.unify.stored_evidence import atoms_of, micros, open_memberships, rows_in
from rapport.vocabulary import ledger_tables as t

HOUSEHOLD = "household"
ACCOUNT = "account"
#: Roles in a household and at a company, as codes; pages have the words.
ROLES: Mapping[str, tuple[str, ...]] = {
    HOUSEHOLD: ("contact_person", "payer", "child", "adult"),
    ACCOUNT: ("decision_maker", "buyer", "invoice_contact", "user", "contact"),
}
#: Somebody younger is a child, and still one below the second age beside people so much older.
_CHILD, _GROWN_CHILD, _GENERATION = 18, 26, 16
#: Words of job titles in five languages, most telling first.
_TITLES: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (role, frozenset(words.split()))
    for role, words in (
        (
            "invoice_contact",
            "accountant accounting accounts invoicing finance financial cfo boekhouder "
            "boekhoudster boekhouding facturatie financieel penningmeester comptable comptabilite "
            "facturation financier tresorier konyvelo konyveles szamlazas penzugyi buchhaltung",
        ),
        (
            "buyer",
            "buyer buying purchasing procurement inkoper inkoop aankoop aankoper acheteur "
            "acheteuse achats beszerzo beszerzes einkauf einkaufer",
        ),
        (
            "decision_maker",
            "ceo cto coo cio owner founder cofounder director president chairman partner managing "
            "vp head zaakvoerder eigenaar directeur directrice bestuurder oprichter gerant gerante "
            "dirigeant proprietaire fondateur ugyvezeto tulajdonos igazgato elnok alapito "
            "geschaftsfuhrer geschaeftsfuehrer inhaber leiter voorzitter patron",
        ),
    )
)
_INVOICE_WORDS = (
    "invoice invoices facturen factuur facture factures compta comptabilite boekhouding accounting "
    "accounts billing finance szamla szamlazas konyveles buchhaltung rechnung penningmeester"
)
_INVOICE_BOXES = frozenset(_INVOICE_WORDS.split())


class InHousehold(Struct, frozen=True, kw_only=True):
    """What decides on somebody's role at home."""

    profile_id: str
    birthday: str | None = None
    revenue: Decimal = Decimal(0)
    touchpoint_count: int = 0
    reachable: bool = False


def household_roles(people: Sequence[InHousehold], today: date) -> dict[str, tuple[str, ...]]:
    """The roles of people who live together, derived; pure.

    The payer is the adult who bought for most; the contact person the adult of whom we hear most
    among those whom we can reach.
    """
    ages = {person.profile_id: age_of(person.birthday, today) for person in people}
    known = [age for age in ages.values() if age is not None]

    def is_child(profile_id: str) -> bool:
        age = ages[profile_id]
        if age is None or age < 0:
            return False
        return age < _CHILD or (
            age < _GROWN_CHILD and any(other - age >= _GENERATION for other in known)
        )

    adults = [person for person in people if not is_child(person.profile_id)]
    payer = max(
        (person for person in adults if person.revenue > 0),
        key=lambda person: (person.revenue, person.profile_id),
        default=None,
    )
    contact = max(
        adults,
        key=lambda person: (person.reachable, person.touchpoint_count, person.profile_id),
        default=None,
    )
    return {
        person.profile_id: ("child",)
        if is_child(person.profile_id)
        else tuple(
            role
            for role, somebody in (("contact_person", contact), ("payer", payer))
            if somebody is person
        )
        or ("adult",)
        for person in people
    }


def age_of(birthday: str | None, today: date) -> int | None:
    """Whole years since an ISO date; None where it is none."""
    try:
        born = date.fromisoformat((birthday or "")[:10])
    except ValueError:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def account_role(title: str | None, email: str | None) -> str:
    """The role at a company that a job title or a mailbox tells.

    Examples
    --------
    >>> account_role("Zaakvoerder", None), account_role("Responsable achats", None)
    ('decision_maker', 'buyer')
    >>> account_role(None, "facturen@acme.be"), account_role("Stagiair", None)
    ('invoice_contact', 'user')
    """
    words = set(fold_words(title or ""))
    for role, telling in _TITLES:
        if words & telling:
            return role
    if (email or "").partition("@")[0].lower() in _INVOICE_BOXES:
        return "invoice_contact"
    return "user" if words else "contact"


# ── words ──────────────────────────────────────────────────────────────────────────────────────


class GroupWord(Struct, frozen=True, kw_only=True):
    """A colleague's standing word on two people, or on a person and a company."""

    word_id: int
    together: bool
    a: str | None  # profiles now; None: the record is gone
    b: str | None
    author: str
    reason: str
    at: datetime


def oldest_records(connection: Connection, profile_ids: Collection[str]) -> dict[str, int]:
    """The record by which a word names each profile: the first that was seen."""
    members = atoms_of(connection, profile_ids)
    profile_of = {a: p for p, atoms in members.items() for a in atoms}
    a = t.atom.c
    found: dict[str, tuple[int, int]] = {}
    for atom, first in rows_in(
        connection,
        lambda piece: select(a.atom_id, micros(a.first_seen)).where(among(a.atom_id, piece)),
        profile_of,
    ):
        profile_id = profile_of[atom]
        found[profile_id] = min(found.get(profile_id, (first, atom)), (first, atom))
    return {profile_id: atom for profile_id, (_, atom) in found.items()}


def say_word(
    connection: Connection,
    kind: str,
    atom_a: int,
    atom_b: int,
    *,
    together: bool,
    author: str,
    reason: str,
    at: datetime,
) -> int:
    """Remember that two records do, or do not, belong together; returns the word's number.

    Raises
    ------
    InvalidInput
        If it is one record, or no such kind of group.
    """
    if kind not in ROLES:
        raise InvalidInput(f"Words are said of {' and '.join(ROLES)}, not of {kind[:40]!r}")
    if atom_a == atom_b:
        raise InvalidInput("That is one person; name two")
    w = t.group_word.c
    standing = or_(
        and_(w.atom_a == atom_a, w.atom_b == atom_b), and_(w.atom_a == atom_b, w.atom_b == atom_a)
    )
    connection.execute(
        update(t.group_word)
        .where(w.kind == kind, standing, w.taken_back_at.is_(None))
        .values(taken_back_at=at, taken_back_by=author)
    )  # the later word replaces the earlier one
    result = connection.execute(
        insert(t.group_word).values(
            kind=kind, together=together, atom_a=atom_a, atom_b=atom_b, author=author,
            reason=reason, at=at,
        )
    )  # fmt: skip
    [number] = result.inserted_primary_key or (0,)
    return int(number)


def take_word_back(
    connection: Connection, kind: str, word_id: int, *, author: str, at: datetime
) -> tuple[str, ...]:
    """Take a word back; returns the profiles that it was about.

    Raises
    ------
    NotFound, Conflict
        If there is none of this kind, or it was taken back or replaced already.
    """
    w = t.group_word.c
    row = connection.execute(
        select(w.atom_a, w.atom_b, w.taken_back_at).where(w.word_id == word_id, w.kind == kind)
    ).first()
    if row is None:
        raise NotFound(f"There is no word {word_id} on any {kind}")
    if row.taken_back_at is not None:
        raise Conflict(f"Word {word_id} does not stand any more; reload the page")
    connection.execute(
        update(t.group_word)
        .where(w.word_id == word_id)
        .values(taken_back_at=at, taken_back_by=author)
    )
    return tuple(sorted(set(open_memberships(connection, {row.atom_a, row.atom_b}).values())))


def standing_rows(
    connection: Connection, kind: str, atom_ids: Collection[int]
) -> list[tuple[Any, str | None, str | None]]:
    """The standing words on these records, oldest first, with the profiles of both sides now."""
    w = t.group_word.c
    rows = {
        row.word_id: row
        for row in rows_in(
            connection,
            lambda piece: select(t.group_word).where(
                or_(among(w.atom_a, piece), among(w.atom_b, piece)),
                w.kind == kind,
                w.taken_back_at.is_(None),
            ),
            atom_ids,
        )
    }
    placed = open_memberships(
        connection, {a for row in rows.values() for a in (row.atom_a, row.atom_b)}
    )
    return [
        (row, placed.get(row.atom_a), placed.get(row.atom_b)) for _, row in sorted(rows.items())
    ]


def standing_words(
    connection: Connection, kind: str, atom_ids: Collection[int]
) -> tuple[GroupWord, ...]:
    """The standing words on these records, newest first."""
    rows = standing_rows(connection, kind, atom_ids)
    return tuple(
        GroupWord(
            word_id=row.word_id,
            together=row.together,
            a=a,
            b=b,
            author=row.author,
            reason=row.reason,
            at=row.at,
        )
        for row, a, b in sorted(rows, key=lambda each: (each[0].at, each[0].word_id), reverse=True)
    )


# ── roles that people said ─────────────────────────────────────────────────────────────────────


def say_role(
    connection: Connection,
    ledger: Ledger,
    kind: str,
    atom_id: int,
    role: str | None,
    *,
    author: str,
    at: datetime,
) -> None:
    """Say which role somebody has; None gives it back to what is derived.

    Raises
    ------
    InvalidInput
        If there is no such role.
    """
    if role is not None and role not in ROLES.get(kind, ()):
        known = ", ".join(ROLES.get(kind, ()))
        raise InvalidInput(f"There is no role {role[:40]!r} there; choose one of {known}")
    g = t.group_role.c
    if role is None:
        connection.execute(delete(t.group_role).where(g.kind == kind, g.atom_id == atom_id))
        return
    ledger.upsert(
        connection,
        t.group_role,
        [{"kind": kind, "atom_id": atom_id, "role": role, "author": author, "at": at}],
        ["kind", "atom_id"],
        ["role", "author", "at"],
    )


def said_roles(
    connection: Connection, kind: str, profile_ids: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Role and author of the people whose role a colleague said."""
    m, g = t.membership.c, t.group_role.c
    found: dict[str, tuple[Any, str, str]] = {}
    for profile_id, role, author, at in rows_in(
        connection,
        lambda piece: (
            select(m.profile_id, g.role, g.author, micros(g.at))
            .join(t.group_role, and_(g.atom_id == m.atom_id, g.kind == kind))
            .where(among(m.profile_id, piece), m.valid_to.is_(None))
        ),
        profile_ids,
    ):
        known = found.get(profile_id)
        if known is None or (at, role) > (known[0], known[1]):
            found[profile_id] = (at, role, author)
    return {profile_id: (role, author) for profile_id, (_, role, author) in found.items()}

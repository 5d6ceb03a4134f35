"""Accounts: companies as customers, with the people whom we know of them.

A company is somebody whom a silo keeps as a company; people become its contacts by the silo's
number of the company, by its name, or by a colleague's word. The domain of an e-mail address only
suggests it. A name that several people state and no silo keeps is an account of its own. Nobody is
merged with a company, and one person may be a contact of several.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, and_, delete, func, insert, select

from rapport.engines.ledger import among
from rapport.unify.belonging import ACCOUNT, COMPANY, DOMAIN, TITLE
from rapport.unify.many_rows import write_many
from rapport.unify.stored_evidence import atoms_of, chunks, micros, open_memberships, rows_in
from rapport.unify.stored_households import COMPANY_RECORDS, as_json, group_id, words_on
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.ledger_tables import to_micros, to_ten_thousandths

#: So many people must name a company that no silo keeps before it is an account.
LEAST_NAMING = 2
#: A name or a number on more records is no company of which we know people.
MOST_RECORDS = 5_000
#: A domain with more people, of whom few name the company, is a provider's.
_MANY_AT_DOMAIN = 50
_LEAST_SHARE_AT_DOMAIN = 0.1
BY_WORD, BY_NUMBER, BY_NAME, BY_DOMAIN = "word", "account_number", "company_name", "domain"
#: How sure each makes that somebody is a contact of the company.
DEGREES: Mapping[str, float] = {BY_WORD: 1.0, BY_NUMBER: 0.97, BY_NAME: 0.85, BY_DOMAIN: 0.55}
_SAYING = (ACCOUNT, COMPANY, DOMAIN)
_ACCOUNT = (
    "account_id", "profile_id", "name", "name_key", "business_id", "domain", "city", "country",
    "people", "order_count", "revenue", "last_seen",
)  # fmt: skip
_MEMBER = (
    "account_id", "profile_id", "since", "until", "confidence", "suggested", "title", "why",
)  # fmt: skip


class Said(NamedTuple):
    """What one record says of a company."""

    profile_id: str
    atom_id: int
    kind: str
    value: str
    detail: str
    first: int
    last: int


class Anchor(Struct, frozen=True, kw_only=True):
    """What an account is known by.

    Attributes
    ----------
    profile_id : str or None
        The company as a customer; None where only people name it.
    founder : (int, int)
        Its oldest record, or the oldest that names it.
    """

    profile_id: str | None
    founder: tuple[int, int]
    numbers: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()


class Contact(Struct, frozen=True, kw_only=True):
    """Somebody of a company."""

    profile_id: str
    since: int
    until: int | None
    confidence: float
    suggested: bool
    why: tuple[str, ...]


class Spoken(NamedTuple):
    """A colleague's word that somebody is, or is not, a contact of the company."""

    profile_id: str
    together: bool
    at: int


def contacts_of_account(
    anchor: Anchor,
    said: Iterable[Said],
    *,
    shared_names: Collection[str],
    shared_domains: Collection[str],
    left: Mapping[tuple[int, str], int],
    words: Iterable[Spoken] = (),
) -> tuple[Contact, ...]:
    """The people of one company; pure.

    Parameters
    ----------
    anchor : Anchor
    said : iterable of Said
        What people's records say that is one of the anchor's numbers, names or domains.
    shared_names, shared_domains : collections of str
        Those that several companies have: alone they say nothing.
    left : mapping of (record, value) to int
        When a record began to name another company.
    words : iterable of Spoken
        In the order in which they were said.
    """
    by_person: defaultdict[str, list[Said]] = defaultdict(list)
    for each in said:
        by_person[each.profile_id].append(each)
    useless = _providers(anchor, by_person.values()) | set(shared_domains)
    verdict = {word.profile_id: word for word in words}
    found = []
    for profile_id in sorted(by_person.keys() | verdict.keys()):
        own = by_person.get(profile_id, [])
        word = verdict.get(profile_id)
        if word is not None and not word.together:
            continue
        reasons: dict[str, list[Said]] = defaultdict(list)
        for each in own:
            if each.kind == ACCOUNT:
                reasons[BY_NUMBER].append(each)
            elif each.kind == COMPANY:
                reasons[BY_NAME].append(each)
            elif each.value not in useless:
                reasons[BY_DOMAIN].append(each)
        named = reasons.get(BY_NAME)
        if named and all(each.value in shared_names for each in named) and len(reasons) == 1:
            continue  # "De Linde": which of the two?
        if word is not None:
            reasons[BY_WORD] = []
        if not reasons:
            continue
        doubt = 1.0
        for reason in reasons:
            doubt *= 1.0 - DEGREES[reason]
        ends = [left.get((each.atom_id, each.value)) for each in own if each.kind != DOMAIN]
        firsts = [each.first for those in reasons.values() for each in those]
        found.append(
            Contact(
                profile_id=profile_id,
                since=min(firsts) if firsts else 0 if word is None else word.at,
                until=None
                if word is not None or not ends or None in ends
                else max(end for end in ends if end is not None),
                confidence=round(1.0 - doubt, 6),
                suggested=set(reasons) == {BY_DOMAIN},
                why=tuple(sorted(reasons, key=lambda reason: -DEGREES[reason])),
            )
        )
    return tuple(found)


def _providers(anchor: Anchor, people: Iterable[Sequence[Said]]) -> set[str]:
    """Domains where so many people of no company have a mailbox that anybody can have one."""
    at: Counter[str] = Counter()
    naming: Counter[str] = Counter()
    for own in people:
        names_it = any(each.kind != DOMAIN for each in own)
        for domain in {each.value for each in own if each.kind == DOMAIN}:
            at[domain] += 1
            naming[domain] += names_it
    return {
        domain
        for domain in anchor.domains
        if at[domain] > _MANY_AT_DOMAIN and naming[domain] < _LEAST_SHARE_AT_DOMAIN * at[domain]
    }


# ── reading ────────────────────────────────────────────────────────────────────────────────────


class _Store:
    """What the ledger knows of companies, read once per round."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.profile_of: dict[int, str] = {}
        self.companies: dict[int, bool] = {}

    def of_profiles(self, profile_ids: Collection[str]) -> list[Said]:
        """All that these profiles' records say of companies."""
        members = atoms_of(self.connection, profile_ids)
        b = t.belonging.c
        atoms = [a for those in members.values() for a in those]
        rows = rows_in(
            self.connection,
            lambda piece: select(
                b.atom_id, b.kind, b.value, b.detail, micros(b.first_seen), micros(b.last_seen)
            ).where(among(b.atom_id, piece), b.kind.in_(_SAYING)),
            atoms,
        )
        return self._placed(list(rows))

    def saying(self, wanted: Mapping[str, set[str]], *, companies_only: bool = False) -> list[Said]:
        """All records that say one of these values; what too many say is left out."""
        a, b = t.atom.c, t.belonging.c
        rows: list[Any] = []
        for kind, values in sorted(wanted.items()):
            common = set() if companies_only else self._common(kind, values)
            for piece in chunks(values - common):
                found = select(
                    b.atom_id, b.kind, b.value, b.detail, micros(b.first_seen),
                    micros(b.last_seen),
                ).where(b.kind == kind, among(b.value, piece))  # fmt: skip
                if companies_only:
                    found = found.join(
                        t.atom, and_(a.atom_id == b.atom_id, a.kind.in_(sorted(COMPANY_RECORDS)))
                    )
                rows += self.connection.execute(found).all()
        return self._placed(rows)

    def _common(self, kind: str, values: set[str]) -> set[str]:
        b = t.belonging.c
        found: set[str] = set()
        for piece in chunks(values):
            found |= set(
                self.connection.scalars(
                    select(b.value)
                    .where(b.kind == kind, among(b.value, piece))
                    .group_by(b.value)
                    .having(func.count() > MOST_RECORDS)
                )
            )
        return found

    def _placed(self, rows: Sequence[Any]) -> list[Said]:
        fresh = {row[0] for row in rows} - self.profile_of.keys()
        self.profile_of |= open_memberships(self.connection, fresh)
        return [Said(self.profile_of[row[0]], *row) for row in rows if row[0] in self.profile_of]

    def company_profiles(self, profile_ids: Collection[str]) -> dict[str, tuple[int, int]]:
        """Those that are companies, with their oldest record."""
        members = atoms_of(self.connection, profile_ids)
        profile_of = {a: p for p, atoms in members.items() for a in atoms}
        a = t.atom.c
        oldest: dict[str, tuple[int, int]] = {}
        companies: set[str] = set()
        for atom, kind, first in rows_in(
            self.connection,
            lambda piece: select(a.atom_id, a.kind, micros(a.first_seen)).where(
                among(a.atom_id, piece)
            ),
            profile_of,
        ):
            profile_id = profile_of[atom]
            oldest[profile_id] = min(oldest.get(profile_id, (first, atom)), (first, atom))
            if kind in COMPANY_RECORDS:
                companies.add(profile_id)
        return {profile_id: oldest[profile_id] for profile_id in companies}


def derive_accounts(connection: Connection, profile_ids: Collection[str]) -> int:
    """Derive the accounts around these profiles anew; returns how many there are of them.

    An account is made anew as a whole when one of its people changes: what it costs grows with the
    largest company, not with the number of customers.

    Parameters
    ----------
    profile_ids : collection of str
        Profiles whose records, facts or counts changed, those that are no more among them.
    """
    store = _Store(connection)
    seeds = set(profile_ids)
    ids = _stored_ids(connection, seeds)
    said = store.of_profiles(seeds | _own_profiles(connection, ids))
    words = words_on(connection, "account", seeds)
    if not (said or ids or words):
        return 0
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for each in said:
        wanted[each.kind].add(each.value)
    for row, a, b in words:
        for each in store.of_profiles({a, b}):
            if each.atom_id in (row.atom_a, row.atom_b):
                wanted[each.kind].add(each.value)
    names = set(wanted[COMPANY])
    # Half a town may have a mailbox at one domain: only the companies that state it are asked for.
    stating = store.saying(wanted, companies_only=True)
    companies = store.company_profiles({each.profile_id for each in (*said, *stating)} | seeds)
    own = store.of_profiles(companies.keys())
    theirs: defaultdict[str, set[str]] = defaultdict(set, {COMPANY: set(names)})
    for each in own:
        theirs[each.kind].add(each.value)
    around = list({*store.saying(theirs), *own})
    # Another company of the same name is no business of this round; but that there is one, is.
    others = store.company_profiles({each.profile_id for each in around} - companies.keys())
    anchors = _anchors(companies, others.keys(), around, names)
    ids |= _nameless_ids(connection, names | {n for a in anchors for n in a.names})
    return _write(connection, store, anchors, around, companies.keys() | others.keys(), ids)


def _stored_ids(connection: Connection, profile_ids: Collection[str]) -> set[str]:
    m, c = t.account_member.c, t.account.c
    return {
        row[0]
        for column, table in ((m.account_id, m), (c.account_id, c))
        for row in rows_in(
            connection,
            lambda piece, column=column, table=table: select(column).where(  # type: ignore[misc]
                among(table.profile_id, piece)
            ),
            profile_ids,
        )
    }


def _own_profiles(connection: Connection, ids: Collection[str]) -> set[str]:
    """The companies' own profiles, and one of the people of those that have none."""
    m, c = t.account_member.c, t.account.c
    found = {
        row[0]
        for row in rows_in(
            connection,
            lambda piece: select(c.profile_id).where(
                among(c.account_id, piece), c.profile_id.is_not(None)
            ),
            ids,
        )
    }
    return found | {
        row[0]
        for row in rows_in(
            connection,
            lambda piece: (
                select(func.min(m.profile_id))
                .join(t.account, c.account_id == m.account_id)
                .where(among(m.account_id, piece), c.profile_id.is_(None))
                .group_by(m.account_id)
            ),
            ids,
        )
    }


def _nameless_ids(connection: Connection, names: Collection[str]) -> set[str]:
    """Stored accounts of these names that no silo keeps as a company."""
    c = t.account.c
    return {
        row[0]
        for row in rows_in(
            connection,
            lambda piece: select(c.account_id).where(
                among(c.name_key, piece), c.profile_id.is_(None)
            ),
            names,
        )
    }


def _anchors(
    companies: Mapping[str, tuple[int, int]],
    others: Collection[str],
    around: Iterable[Said],
    names: Collection[str],
) -> list[Anchor]:
    own: defaultdict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    naming: defaultdict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    kept: set[str] = set()
    for each in around:
        if each.profile_id in companies or each.profile_id in others:
            own[each.profile_id][each.kind].add(each.value)
            if each.kind == COMPANY:
                kept.add(each.value)
        elif each.kind == COMPANY:
            known = naming[each.value].get(each.profile_id, (each.first, each.atom_id))
            naming[each.value][each.profile_id] = min(known, (each.first, each.atom_id))
    found = [
        Anchor(
            profile_id=profile_id,
            founder=founder,
            numbers=frozenset(own[profile_id][ACCOUNT]),
            names=frozenset(own[profile_id][COMPANY]),
            domains=frozenset(own[profile_id][DOMAIN]),
        )
        for profile_id, founder in companies.items()
    ]
    found += [
        Anchor(profile_id=None, founder=min(naming[name].values()), names=frozenset({name}))
        for name in names
        if name not in kept and len(naming[name]) >= LEAST_NAMING
    ]
    return found


def _left(around: Iterable[Said]) -> dict[tuple[int, str], int]:
    """When a record that named one company began to name the next."""
    by_record: defaultdict[int, list[Said]] = defaultdict(list)
    for each in around:
        if each.kind == COMPANY:
            by_record[each.atom_id].append(each)
    left: dict[tuple[int, str], int] = {}
    for those in by_record.values():
        ordered = sorted(those, key=lambda each: (each.last, each.first, each.value))
        for earlier, later in pairwise(ordered):
            left[earlier.atom_id, earlier.value] = max(later.first, earlier.last)
    return left


# ── writing ────────────────────────────────────────────────────────────────────────────────────


def _write(
    connection: Connection,
    store: _Store,
    anchors: Sequence[Anchor],
    around: Sequence[Said],
    companies: Collection[str],
    ids: set[str],
) -> int:
    keepers: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    by_value: defaultdict[tuple[str, str], list[Said]] = defaultdict(list)
    for each in around:
        if each.profile_id in companies:
            keepers[each.kind, each.value].add(each.profile_id)
        else:
            by_value[each.kind, each.value].append(each)
    everything = store.of_profiles({each.profile_id for each in around} - set(companies))
    left = _left(everything)
    spoken = _spoken(connection, anchors, around)
    people: dict[str, tuple[Anchor, tuple[Contact, ...]]] = {}
    for anchor in anchors:
        account_id = group_id("a", anchor.founder)
        said = [
            each
            for kind, values in (
                (ACCOUNT, anchor.numbers), (COMPANY, anchor.names), (DOMAIN, anchor.domains),
            )
            for value in sorted(values)
            for each in by_value[kind, value]
        ]  # fmt: skip
        people[account_id] = (
            anchor,
            contacts_of_account(
                anchor,
                said,
                shared_names={n for n in anchor.names if len(keepers[COMPANY, n]) > 1},
                shared_domains={d for d in anchor.domains if len(keepers[DOMAIN, d]) > 1},
                left=left,
                words=spoken.get(account_id, ()),
            ),
        )
    ids |= people.keys()
    _write_members(connection, {key: contacts for key, (_, contacts) in people.items()}, ids)
    _write_accounts(connection, people, around, ids)
    return len(people)


def _spoken(
    connection: Connection, anchors: Sequence[Anchor], around: Sequence[Said]
) -> dict[str, list[Spoken]]:
    """Words on the people of each account, oldest first. The second record of a word is the
    company's own, or one that names it."""
    w = t.group_word.c
    if connection.execute(select(w.word_id).where(w.kind == "account").limit(1)).first() is None:
        return {}
    of_company = {anchor.profile_id: anchor for anchor in anchors if anchor.profile_id}
    of_name = {name: anchor for anchor in anchors for name in anchor.names}
    members = atoms_of(connection, of_company)
    account_of: dict[int, str] = {}
    for each in around:
        if each.kind == COMPANY and each.value in of_name:
            account_of[each.atom_id] = group_id("a", of_name[each.value].founder)
    for profile_id, atoms in members.items():
        for atom in atoms:
            account_of[atom] = group_id("a", of_company[profile_id].founder)
    rows = sorted(
        rows_in(
            connection,
            lambda piece: select(t.group_word).where(
                w.kind == "account", w.taken_back_at.is_(None), among(w.atom_b, piece)
            ),
            account_of,
        ),
        key=lambda row: (row.at, row.word_id),
    )
    placed = open_memberships(connection, {row.atom_a for row in rows})
    found: defaultdict[str, list[Spoken]] = defaultdict(list)
    for row in rows:
        if row.atom_a in placed:
            found[account_of[row.atom_b]].append(
                Spoken(placed[row.atom_a], row.together, to_micros(row.at))
            )
    return found


def _write_members(
    connection: Connection, contacts: Mapping[str, Sequence[Contact]], ids: Collection[str]
) -> None:
    m = t.account_member.c
    titles = _titles(connection, {c.profile_id for those in contacts.values() for c in those})
    truth = bool if connection.dialect.name == "postgresql" else int
    wanted = {
        (account_id, c.profile_id): (
            account_id, c.profile_id, c.since, c.until, c.confidence, truth(c.suggested),
            titles.get(c.profile_id), as_json(list(c.why)),
        )
        for account_id, those in contacts.items()
        for c in those
    }  # fmt: skip
    before = {
        (row[0], row[1]): (*row[:5], truth(row[5]), row[6], as_json(row[7]))
        for row in rows_in(
            connection,
            lambda piece: select(
                m.account_id, m.profile_id, micros(m.since), micros(m.until), m.confidence,
                m.suggested, m.title, m.why,
            ).where(among(m.account_id, piece)),
            ids,
        )
    }  # fmt: skip
    gone: defaultdict[str, list[str]] = defaultdict(list)
    for key, row in before.items():
        if wanted.get(key) != row:
            gone[key[0]].append(key[1])
    for account_id, profiles in sorted(gone.items()):
        for piece in chunks(profiles):
            connection.execute(
                delete(t.account_member).where(
                    m.account_id == account_id, among(m.profile_id, piece)
                )
            )
    new = [row for key, row in wanted.items() if before.get(key) != row]
    write_many(
        connection, insert(t.account_member).inline(), _MEMBER, sorted(new, key=lambda r: r[:2])
    )


def _titles(connection: Connection, profile_ids: Collection[str]) -> dict[str, str]:
    """What each person's records last said that they do."""
    b, m = t.belonging.c, t.membership.c
    found: dict[str, tuple[int, str]] = {}
    for profile_id, at, detail in rows_in(
        connection,
        lambda piece: (
            select(m.profile_id, micros(b.last_seen), b.detail)
            .join(t.belonging, and_(b.atom_id == m.atom_id, b.kind == TITLE))
            .where(among(m.profile_id, piece), m.valid_to.is_(None))
        ),
        profile_ids,
    ):
        found[profile_id] = max(found.get(profile_id, (at, detail)), (at, detail))
    return {profile_id: title for profile_id, (_, title) in found.items()}


def _write_accounts(
    connection: Connection,
    people: Mapping[str, tuple[Anchor, Sequence[Contact]]],
    around: Iterable[Said],
    ids: Collection[str],
) -> None:
    p, i, c = t.profile.c, t.identifier.c, t.account.c
    own = [anchor.profile_id for anchor, _ in people.values() if anchor.profile_id is not None]
    rows = {
        row.profile_id: row
        for row in rows_in(
            connection,
            lambda piece: select(
                p.profile_id, p.name, p.city, p.country, p.order_count, p.revenue,
                micros(p.last_seen).label("seen"),
            ).where(among(p.profile_id, piece)),
            own,
        )
    }  # fmt: skip
    members = atoms_of(connection, own)
    profile_of = {a: profile_id for profile_id, atoms in members.items() for a in atoms}
    numbers: dict[str, str] = {}
    for atom, value in rows_in(
        connection,
        lambda piece: select(i.atom_id, i.value).where(
            among(i.atom_id, piece), i.kind == "business_id"
        ),
        profile_of,
    ):
        numbers[profile_of[atom]] = min(numbers.get(profile_of[atom], value), value)
    written: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for each in around:
        if each.kind == COMPANY:
            written[each.value][each.detail] += 1
    wanted = {}
    for account_id, (anchor, contacts) in people.items():
        row = None if anchor.profile_id is None else rows.get(anchor.profile_id)
        key = min(anchor.names, default="")
        spelled = written.get(key)
        name = (row.name if row is not None else None) or (
            max(spelled, key=lambda text: (spelled[text], text)) if spelled else account_id
        )
        wanted[account_id] = (
            account_id, anchor.profile_id, name, key,
            None if anchor.profile_id is None else numbers.get(anchor.profile_id),
            min(anchor.domains, default=None),
            None if row is None else row.city,
            None if row is None else row.country,
            sum(not each.suggested and each.until is None for each in contacts),
            0 if row is None else row.order_count,
            0 if row is None else to_ten_thousandths(row.revenue),
            None if row is None else row.seen,
        )  # fmt: skip
    before = {
        row[0]: tuple(row)
        for row in rows_in(
            connection,
            lambda piece: select(
                *(
                    micros(c[name]) if name in ("revenue", "last_seen") else c[name]
                    for name in _ACCOUNT
                )
            ).where(among(c.account_id, piece)),
            ids,
        )
    }
    gone = [key for key, row in before.items() if wanted.get(key) != row]
    for piece in chunks(gone):
        connection.execute(delete(t.account).where(among(c.account_id, piece)))
    new = [row for key, row in wanted.items() if before.get(key) != row]
    write_many(connection, insert(t.account).inline(), _ACCOUNT, sorted(new, key=lambda r: r[0]))

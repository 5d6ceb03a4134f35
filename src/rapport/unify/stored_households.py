"""Households in the ledger: derived with the profiles that changed, and with nobody else's.

What a person shares leads to those who share it, and only ties that hold lead further; so a round
costs what its profiles' families cost, however many people there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace
from rapidfuzz.distance import OSA
from sqlalchemy import Connection, and_, delete, insert, select

from rapport.engines.ledger import among
from rapport.unify.belonging import HOME
from rapport.unify.blocked_values import blocked_reason
from rapport.unify.evidence import Value
from rapport.unify.given_names import GIVEN_NAMES, one_y
from rapport.unify.group_words import HOUSEHOLD, standing_rows
from rapport.unify.households import (
    MOST_HOLDERS,
    SHAREABLE,
    THRESHOLD,
    Formed,
    Home,
    Person,
    Together,
    Word,
    degree_of,
    form_households,
    lives_elsewhere,
)
from rapport.unify.many_rows import write_many
from rapport.unify.name_words import fold
from rapport.unify.names import NO_NAME, person_name
from rapport.unify.stored_evidence import (
    NAME_ATTRIBUTES,
    atoms_of,
    chunks,
    micros,
    open_memberships,
    rows_in,
)
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.ledger_tables import to_micros, to_ten_thousandths

#: People reached from one person's ties; beyond it no family is found but a fault in the data.
MOST_REACHED = 300
#: Records that are a company's and not a person's.
COMPANY_RECORDS = frozenset({"crm_account", "business_id"})
#: Shorter family names may differ in one letter and be two.
_SHORT = 2
_MEMBER = ("profile_id", "household_id", "since", "confidence", "why")
_HOUSEHOLD = (
    "household_id", "name", "members", "street", "postal_code", "city", "country", "confidence",
    "order_count", "revenue", "last_seen",
)  # fmt: skip


def group_id(letter: str, founder: tuple[int, int]) -> str:
    """The id of a group: it names the group's oldest record, so that an old link finds it again."""
    return f"{letter}{founder[1]:016x}"


def founder_atom(group_id: str) -> int | None:
    """The record that an id names; None where it is no id of ours."""
    try:
        return int(group_id[1:], 16) if len(group_id) == 17 else None
    except ValueError:
        return None


# ── reading people ─────────────────────────────────────────────────────────────────────────────


def read_people(connection: Connection, profile_ids: Collection[str]) -> dict[str, Person]:
    """What households need to know of living profiles."""
    members = atoms_of(connection, profile_ids)
    profile_of = {a: p for p, atoms in members.items() for a in atoms}
    founders: dict[str, tuple[int, int]] = {}
    companies: set[str] = set()
    a, b, f, i = t.atom.c, t.belonging.c, t.attribute.c, t.identifier.c
    for atom, kind, first in rows_in(
        connection,
        lambda piece: select(a.atom_id, a.kind, micros(a.first_seen)).where(
            among(a.atom_id, piece)
        ),
        profile_of,
    ):
        profile_id = profile_of[atom]
        founders[profile_id] = min(founders.get(profile_id, (first, atom)), (first, atom))
        if kind in COMPANY_RECORDS:
            companies.add(profile_id)
    stated: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for atom, name, value in rows_in(
        connection,
        lambda piece: select(f.atom_id, f.name, f.value).where(
            among(f.atom_id, piece), f.name.in_(NAME_ATTRIBUTES)
        ),
        profile_of,
    ):
        stated[atom][name] = value
    names: defaultdict[str, set[Any]] = defaultdict(set)
    birthdays: defaultdict[str, set[str]] = defaultdict(set)
    for atom, said in stated.items():
        if "birthday" in said:
            birthdays[profile_of[atom]].add(said["birthday"])
        name = person_name(said.get("name"), said.get("first_name"), said.get("last_name"))
        if name != NO_NAME:
            names[profile_of[atom]].add(name)
    homes: defaultdict[str, dict[tuple[str, str], tuple[int, int]]] = defaultdict(dict)
    for atom, key, box, first, last in rows_in(
        connection,
        lambda piece: select(
            b.atom_id, b.value, b.detail, micros(b.first_seen), micros(b.last_seen)
        ).where(among(b.atom_id, piece), b.kind == HOME),
        profile_of,
    ):
        own = homes[profile_of[atom]]
        known = own.get((key, box), (first, last))
        own[key, box] = (min(known[0], first), max(known[1], last))
    holds: defaultdict[str, dict[Value, int]] = defaultdict(dict)
    for kind, namespace, value, atom, first in rows_in(
        connection,
        lambda piece: select(i.kind, i.namespace, i.value, i.atom_id, micros(i.first_seen)).where(
            among(i.atom_id, piece), i.kind.in_(SHAREABLE)
        ),
        profile_of,
    ):
        if blocked_reason(kind, value) is None:
            held = holds[profile_of[atom]]
            which = Value(kind, namespace, value)
            held[which] = min(held.get(which, first), first)
    return {
        profile_id: Person(
            profile_id=profile_id,
            founder=founders[profile_id],
            names=tuple(sorted(names[profile_id], key=repr)),
            birthdays=tuple(sorted(birthdays[profile_id])),
            homes=tuple(
                Home(key, box, *span) for (key, box), span in sorted(homes[profile_id].items())
            ),
            holds=holds[profile_id],
            is_company=profile_id in companies,
        )
        for profile_id in members
    }


class _Region:
    """The people around some profiles, as far as anything they share may change."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        b = t.blocked_value.c
        self.blocked = {(row[0], row[1]) for row in connection.execute(select(b.kind, b.value))}
        self.people: dict[str, Person] = {}
        self.asked: set[object] = set()

    def load(self, profile_ids: Iterable[str]) -> None:
        fresh = {p for p in profile_ids if p not in self.people}
        found = read_people(self.connection, fresh)
        if self.blocked:
            for profile_id, person in found.items():
                kept = {v: at for v, at in person.holds.items() if v[::2] not in self.blocked}
                if len(kept) < len(person.holds):
                    found[profile_id] = replace(person, holds=kept)
        self.people |= found

    def sharers(self, profile_ids: Iterable[str]) -> set[str]:
        """Profiles that share something with these; what too many share leads nowhere."""
        homes: set[str] = set()
        values: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for profile_id in profile_ids:
            person = self.people.get(profile_id)
            if person is None:
                continue
            for home in person.homes:
                if home.key not in self.asked:
                    homes.add(home.key)
            for value in person.holds:
                if value not in self.asked:
                    values[value.kind, value.namespace].add(value.value)
        self.asked |= homes
        self.asked |= {Value(k, n, text) for (k, n), texts in values.items() for text in texts}
        b = t.belonging.c
        holders: defaultdict[object, list[int]] = defaultdict(list)
        for key, atom in rows_in(
            self.connection,
            lambda piece: select(b.value, b.atom_id).where(b.kind == HOME, among(b.value, piece)),
            homes,
        ):
            holders[key].append(atom)
        for (kind, namespace), texts in values.items():
            for text, atom in self._holders(kind, namespace, texts):
                holders[kind, namespace, text].append(atom)
        atoms = {a for those in holders.values() if len(those) > 1 for a in those}
        placed = open_memberships(self.connection, atoms)
        reached: set[str] = set()
        for those in holders.values():
            profiles = {placed[a] for a in those if a in placed}
            if len(profiles) <= MOST_HOLDERS:
                reached |= profiles
            else:  # known to be too many: the names of so many are not needed
                reached |= set(sorted(profiles)[: MOST_HOLDERS + 1])
        return reached

    def _holders(self, kind: str, namespace: str, texts: set[str]) -> Iterator[Any]:
        i = t.identifier.c
        return rows_in(
            self.connection,
            lambda piece: select(i.value, i.atom_id).where(
                i.kind == kind, i.namespace == namespace, among(i.value, piece)
            ),
            texts,
        )


def _mates(connection: Connection, profile_ids: Iterable[str]) -> dict[str, str]:
    """Those who share a stored household with these profiles, themselves included: household."""
    m = t.household_member.c
    ids = {
        row[0]
        for row in rows_in(
            connection,
            lambda piece: select(m.household_id).where(among(m.profile_id, piece)),
            profile_ids,
        )
    }
    return {
        row[0]: row[1]
        for row in rows_in(
            connection,
            lambda piece: select(m.profile_id, m.household_id).where(among(m.household_id, piece)),
            ids,
        )
    }


def words_on(
    connection: Connection, kind: str, profile_ids: Collection[str]
) -> list[tuple[Any, str, str]]:
    """Standing words on these profiles' records, with the profiles of both sides now."""
    w = t.group_word.c
    if connection.execute(select(w.word_id).limit(1)).first() is None:
        return []
    atoms = [a for those in atoms_of(connection, profile_ids).values() for a in those]
    return [
        (row, a, b)
        for row, a, b in standing_rows(connection, kind, atoms)
        if a is not None and b is not None
    ]


# ── deriving ───────────────────────────────────────────────────────────────────────────────────


def derive_households(connection: Connection, profile_ids: Collection[str]) -> int:
    """Form the households around these profiles anew; returns how many people changed household.

    Parameters
    ----------
    profile_ids : collection of str
        Profiles whose records, facts or counts changed, those that are no more among them.
    """
    seeds = set(profile_ids)
    region = _Region(connection)
    stored = _mates(connection, seeds)
    region.load(seeds | stored.keys())
    # Who shares a value with a changed profile is asked about too: one more resident makes a house
    # a block of flats for all who live there.
    inside = {p for p in seeds | stored.keys() | region.sharers(seeds) if p}
    region.load(inside)
    reached_from: Counter[str] = Counter()
    frontier = set(inside)
    words: dict[int, Word] = {}
    while frontier:
        region.load(region.sharers(frontier))
        wider: set[str] = set()
        for row, a, b in words_on(connection, HOUSEHOLD, frontier):
            words[row.word_id] = Word(
                a=a, b=b, together=row.together, at=to_micros(row.at), word_id=row.word_id
            )
            if row.together:
                wider |= {a, b}
        together = Together(region.people)
        living = frozenset(region.people)
        for a, b in together.pairs(living):
            outside = (a not in inside) + (b not in inside)
            if outside != 1 or (a not in frontier and b not in frontier):
                continue
            if lives_elsewhere(region.people[a], region.people[b]):
                continue
            if degree_of(together.reasons(a, b)) >= THRESHOLD:
                wider |= {a, b}
        mates = _mates(connection, frontier | wider)
        stored |= mates
        frontier = (wider | mates.keys()) - inside
        if len(reached_from) > MOST_REACHED * max(len(seeds), 1):
            break
        reached_from.update(frontier)
        inside |= frontier
        region.load(frontier)
    everybody = frozenset(p for p in inside if p in region.people)
    formed = form_households(Together(region.people), everybody, words.values())
    return _write(connection, inside, stored, formed)


def _write(
    connection: Connection,
    inside: set[str],
    stored: Mapping[str, str],
    formed: tuple[Formed, ...],
) -> int:
    m = t.household_member.c
    before = {
        row[0]: (row[0], row[1], row[2], round(row[3], 6), [list(each) for each in row[4]])
        for row in rows_in(
            connection,
            lambda piece: select(
                m.profile_id, m.household_id, micros(m.since), m.confidence, m.why
            ).where(among(m.profile_id, piece)),
            inside,
        )
    }
    wanted: dict[str, tuple[Any, ...]] = {}
    for each in formed:
        household_id = group_id("h", each.founder)
        for member in each.members:
            why = [[r.kind, r.same_name, round(r.degree, 6)] for r in member.why]
            wanted[member.profile_id] = (
                member.profile_id, household_id, member.since, round(member.confidence, 6), why,
            )  # fmt: skip
    gone = [p for p, row in before.items() if wanted.get(p) != row]
    new = [row for p, row in wanted.items() if before.get(p) != row]
    for piece in chunks(gone):
        connection.execute(delete(t.household_member).where(among(m.profile_id, piece)))
    write_many(
        connection,
        insert(t.household_member).inline(),
        _MEMBER,
        sorted((*row[:4], as_json(row[4])) for row in new),
    )
    ids = set(stored.values()) | {row[1] for row in wanted.values()}
    _write_rows(connection, ids, {group_id("h", each.founder): each.persons for each in formed})
    return sum(
        (before[p][1] if p in before else None) != (wanted[p][1] if p in wanted else None)
        for p in before.keys() | wanted.keys()
    )


def as_json(value: Any) -> str:
    """``value`` as the ledger stores it."""
    return msgspec.json.encode(value, order="sorted").decode()


def _write_rows(connection: Connection, ids: set[str], persons: Mapping[str, int]) -> None:
    """The rows of these households from their members' rows; of empty ones none is left."""
    p, m, hh = t.profile.c, t.household_member.c, t.household.c
    members: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows_in(
        connection,
        lambda piece: (
            select(
                m.household_id, m.confidence, p.profile_id, p.name, p.postal_code, p.city,
                p.country, p.order_count, p.revenue, micros(p.last_seen).label("seen"),
            )
            .join(t.profile, p.profile_id == m.profile_id)
            .where(among(m.household_id, piece))
        ),
        ids,
    ):  # fmt: skip
        members[row.household_id].append(row)
    addresses = _addresses(connection, [r.profile_id for rows in members.values() for r in rows])
    wanted = {}
    for household_id, rows in members.items():
        rows.sort(key=lambda row: (-(row.seen or 0), row.profile_id))
        placed = next((row for row in rows if row.postal_code or row.city), rows[0])
        wanted[household_id] = (
            household_id,
            household_name([(row.name, row.country) for row in rows if row.name]),
            persons.get(household_id, len(rows)),
            addresses.get(placed.profile_id),
            placed.postal_code,
            placed.city,
            placed.country,
            min(row.confidence for row in rows),
            sum(row.order_count for row in rows),
            to_ten_thousandths(sum(row.revenue for row in rows)),
            max((row.seen for row in rows if row.seen is not None), default=None),
        )
    before = {
        row[0]: tuple(row)
        for row in rows_in(
            connection,
            lambda piece: select(
                *(micros(hh[name]) if name in ("revenue", "last_seen") else hh[name]
                  for name in _HOUSEHOLD)
            ).where(among(hh.household_id, piece)),
            ids,
        )
    }  # fmt: skip
    gone = [key for key, row in before.items() if wanted.get(key) != row]
    for piece in chunks(gone):
        connection.execute(delete(t.household).where(among(hh.household_id, piece)))
    new = [row for key, row in wanted.items() if before.get(key) != row]
    write_many(connection, insert(t.household).inline(), _HOUSEHOLD, sorted(new))


def _addresses(connection: Connection, profile_ids: Collection[str]) -> dict[str, str]:
    """The street line that each profile's records stated last."""
    f, m = t.attribute.c, t.membership.c
    found: dict[str, tuple[int, str]] = {}
    for profile_id, at, value in rows_in(
        connection,
        lambda piece: (
            select(m.profile_id, micros(f.observed_at), f.value)
            .join(t.attribute, and_(f.atom_id == m.atom_id, f.name == "street"))
            .where(among(m.profile_id, piece), m.valid_to.is_(None))
        ),
        profile_ids,
    ):
        found[profile_id] = max(found.get(profile_id, (at, value)), (at, value))
    return {profile_id: value for profile_id, (_, value) in found.items()}


def household_name(people: Iterable[tuple[str, str | None]]) -> str:
    """The family names of people, given with their country, most frequent first.

    Examples
    --------
    >>> household_name([("Jan Maes", "BE"), ("Els Peeters", "BE"), ("Tom Maes", "BE")])
    'Maes – Peeters'
    >>> household_name([("Kovács Jánosné", "HU"), ("Kovács Ágnes", "HU")])
    'Kovács'
    """
    counted: Counter[str] = Counter()
    written: dict[str, str] = {}
    for name, country in people:
        family = _family_part(name, hungarian=country == "HU")
        key = fold(family)
        if sum(letter.isalpha() for letter in key) > 1:  # an initial is no family's name
            counted[key] += 1
            if key not in written or _is_shouted(written[key]):
                written[key] = family
    ordered: list[str] = []
    for key in sorted(counted, key=lambda key: (-counted[key], key)):
        # "Dák" beside "Deák" is a slip of somebody's hand, not another family.
        if not any(_one_family(key, other) for other in ordered):
            ordered.append(key)
    return " – ".join(_capitals(written[key]) for key in ordered[:3])[:200]


def _one_family(a: str, b: str) -> bool:
    shorter, longer = sorted((a, b), key=len)
    return longer.startswith(f"{shorter} ") or OSA.distance(a, b) <= (len(a) > _SHORT)


def _is_shouted(name: str) -> bool:
    return name.isupper() or name.islower()


def _capitals(name: str) -> str:
    return name.title() if _is_shouted(name) else name


def _family_part(name: str, *, hungarian: bool) -> str:
    words = name.split()
    if len(words) < 2:
        return name.strip()
    first, last = (one_y(fold(word)) in GIVEN_NAMES for word in (words[0], words[-1]))
    if hungarian:
        return words[-1] if first and not last else " ".join(words[:-1])
    return " ".join(words[:-1]) if last and not first else " ".join(words[1:])

"""Who lives together: households of people, who stay people of their own.

`form_households` is a pure function of what records say. Each thing that two people share speaks
for a common household to a degree; what many share says less, and what a block of flats, an office
or a school shares says nothing. Degrees add up as independent evidence does. The strongest pairs
are taken first, and a pair is left aside where people of the two sides live elsewhere by now, where
a colleague said that they are not one household, or where it would grow beyond any family.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, product
from typing import NamedTuple

from msgspec import Struct

from rapport.unify.evidence import Value
from rapport.unify.given_names import GIVEN_NAMES, ROOTS
from rapport.unify.names import PersonName, birthdays_conflict, count_persons, names_agree

#: Kinds of identifiers that people of one household share.
SHAREABLE = ("email", "phone", "iban", "anonymous_id", "device_id")
#: An address or a value with more holders is a school's, an office's or a fault.
MOST_HOLDERS = 60
#: An address with more people than this is a block of flats: only those of one name may belong.
FEW_RESIDENTS = 6
#: A number, mailbox or device with more people is a company's, a shop's or a library's.
_MOST_SHARING = 4
#: Larger households are not formed; no family is.
MOST_MEMBERS = 12
#: From this degree on two people are said to live together.
THRESHOLD = 0.6
#: Degrees that sharing is worth: with a common family name, and without.
_SHARED: Mapping[str, tuple[float, float]] = {
    "email": (0.9, 0.75),
    "phone": (0.85, 0.65),
    "iban": (0.85, 0.7),
    "device": (0.7, 0.5),
}
_AT_HOME = (0.95, 0.75)  # one address, few residents
_MIXED_HOME = (0.95, 0.55)  # few residents of three names or more: perhaps two flats
_CROWDED_HOME = (0.8, 0.0)  # a block of flats whose boxes are not told
_WORKPLACE = (0.6, 0.0)  # a company's address too: a family business, or colleagues
_MOVED = (0.55, 0.2)  # where one lives, the other lived
_BOTH_MOVED = (0.3, 0.1)
WORD = "word"


class Home(NamedTuple):
    """A dwelling as somebody's records state it."""

    key: str
    box: str  # "" where none is told
    first: int  # microseconds since 1970
    last: int


class Person(Struct, frozen=True, kw_only=True):
    """Somebody as households see them.

    Attributes
    ----------
    founder : (int, int)
        First sight and number of their oldest record: who they are, whatever the order of arrival.
    names, birthdays : tuples of PersonName and of ISO dates
        As their records state them.
    homes : tuple of Home
    holds : mapping of Value to int
        Shareable values, with when each was first seen.
    is_company : bool
    """

    profile_id: str
    founder: tuple[int, int]
    names: tuple[PersonName, ...] = ()
    birthdays: tuple[str, ...] = ()
    homes: tuple[Home, ...] = ()
    holds: Mapping[Value, int] = {}
    is_company: bool = False

    @property
    def home(self) -> Home | None:
        """Where they live now, as far as anybody said."""
        return latest_home(self.homes)

    @property
    def can_live_with_others(self) -> bool:
        """Whether it is somebody: a tablet, a caller's number and a company are not."""
        return not self.is_company and any(name.words for name in self.names)


def latest_home(homes: Iterable[Home]) -> Home | None:
    """The dwelling that was stated last; of two at one moment the one that is newer to us."""
    return max(homes, key=lambda home: (home.last, home.first, home.key, home.box), default=None)


class Word(Struct, frozen=True, kw_only=True):
    """A colleague's word on two people; the later of two counts."""

    a: str
    b: str
    together: bool
    at: int
    word_id: int


class Reason(NamedTuple):
    """One thing that speaks for two people living together."""

    kind: str  # home moved both_moved email phone iban device word
    same_name: bool
    degree: float
    since: int


class Member(Struct, frozen=True, kw_only=True):
    """Somebody in a household: since when, how sure, and why."""

    profile_id: str
    since: int
    confidence: float
    why: tuple[Reason, ...]


class Formed(Struct, frozen=True, kw_only=True):
    """People who live together, those known longest first.

    `persons` counts those who may be one person once.
    """

    founder: tuple[int, int]
    persons: int
    members: tuple[Member, ...]


class _Crowd(NamedTuple):
    """Who shares something."""

    persons: int
    families: int
    workplace: bool


@lru_cache(maxsize=131_072)
def family_words(name: PersonName) -> frozenset[str]:
    """The words of a name that are a family's.

    Examples
    --------
    >>> from rapport.unify.names import person_name
    >>> sorted(family_words(person_name("Maes Jan"))), sorted(family_words(person_name("Els Maes")))
    (['maes'], ['maes'])
    """
    if name.given:
        return name.tokens - name.given
    rest = frozenset(word for word in name.tokens if word not in GIVEN_NAMES)
    return frozenset(word for word in rest or name.tokens if len(word) > 1)


def _families(person: Person) -> frozenset[str]:
    return frozenset().union(*map(family_words, person.names)) if person.names else frozenset()


def may_be_one_person(a: Person, b: Person) -> bool:
    """Whether two people of one address may be one person whom identity has not joined.

    A slip in a family name tells nobody apart at home, where all bear it: given names, short forms
    of them and birthdays do.
    """
    if any(birthdays_conflict(x, y) for x, y in product(a.birthdays, b.birthdays)):
        return False
    return any(
        names_agree(x, y)
        or (
            not x.married
            and not y.married
            and x.generation == y.generation
            and bool(_given_roots(x) & _given_roots(y))
        )
        for x, y in product(a.names, b.names)
    )


@lru_cache(maxsize=65_536)
def _given_roots(name: PersonName) -> frozenset[str]:
    words = name.given or frozenset(word for word in name.tokens if word in GIVEN_NAMES)
    return frozenset(root for word in words for root in ROOTS.get(word, (word,)))


def count_people(people: Iterable[Person]) -> int:
    """How many persons these are at least, those who may be one counted once."""
    groups: list[list[Person]] = []
    for person in people:
        near = [g for g in groups if any(may_be_one_person(person, other) for other in g)]
        groups = [g for g in groups if g not in near]
        groups.append([person, *(other for g in near for other in g)])
    return len(groups)


class Together:
    """What pairs of these people share.

    Parameters
    ----------
    people : mapping of profile id to Person
        Those asked about and everybody who shares something with them, so that a value's class is
        known.
    """

    def __init__(self, people: Mapping[str, Person]) -> None:
        self.people = people
        self.families = {key: _families(person) for key, person in people.items()}
        self.residents: defaultdict[str, list[str]] = defaultdict(list)  # now or before
        self.holders: defaultdict[Value, list[str]] = defaultdict(list)
        for key in sorted(people):
            person = people[key]
            for home in {home.key for home in person.homes}:
                self.residents[home].append(key)
            for value in person.holds:
                self.holders[value].append(key)
        self._crowds: dict[tuple[object, str], _Crowd] = {}

    def pairs(self, among: frozenset[str]) -> set[tuple[str, str]]:
        """Pairs of ``among`` that share anything that is not too common."""
        found: set[tuple[str, str]] = set()
        for group in (*self.residents.values(), *self.holders.values()):
            if 1 < len(group) <= MOST_HOLDERS:
                those = [k for k in group if k in among and self.people[k].can_live_with_others]
                found.update(combinations(those, 2))
        return found

    def reasons(self, a: str, b: str) -> tuple[Reason, ...]:
        """What speaks for ``a`` and ``b`` living together, strongest first."""
        one, two = self.people[a], self.people[b]
        same = bool(self.families[a] & self.families[b])
        found = [*self._of_homes(one, two, same=same), *self._of_values(one, two, same=same)]
        return tuple(sorted(found, key=lambda reason: (-reason.degree, reason)))

    def _of_homes(self, one: Person, two: Person, *, same: bool) -> list[Reason]:
        best: Reason | None = None
        now_a, now_b = one.home, two.home
        for x, y in product(one.homes, two.homes):
            if x.key != y.key or (x.box and y.box and x.box != y.box):
                continue
            crowd = self._home_crowd(x.key, x.box if x.box == y.box else "")
            if crowd.persons > MOST_HOLDERS:
                continue
            current = (now_a is not None and now_a.key == x.key) + (
                now_b is not None and now_b.key == x.key
            )
            if current == 2:
                kind, degrees = "home", _home_degrees(crowd)
            elif crowd.persons > FEW_RESIDENTS and not same:
                continue
            else:
                kind, degrees = ("moved", _MOVED) if current else ("both_moved", _BOTH_MOVED)
            reason = Reason(kind, same, degrees[0] if same else degrees[1], max(x.first, y.first))
            if reason.degree > 0 and (best is None or reason.degree > best.degree):
                best = reason
        return [] if best is None else [best]

    def _of_values(self, one: Person, two: Person, *, same: bool) -> Iterable[Reason]:
        best: dict[str, Reason] = {}
        for value in one.holds.keys() & two.holds.keys():
            if len(self.holders[value]) > MOST_HOLDERS or self._value_crowd(value) > _MOST_SHARING:
                continue
            kind = value.kind if value.kind in _SHARED else "device"
            since = max(one.holds[value], two.holds[value])
            known = best.get(kind)
            since = since if known is None else min(known.since, since)
            best[kind] = Reason(kind, same, _SHARED[kind][0 if same else 1], since)
        return best.values()

    def _home_crowd(self, key: str, box: str) -> _Crowd:
        known = self._crowds.get((key, box))
        if known is None:
            there = []
            for profile_id in self.residents[key]:
                home = self.people[profile_id].home
                if home is not None and home.key == key and (not box or home.box in ("", box)):
                    there.append(profile_id)
            known = self._crowd(there)
            if len(self.residents[key]) > MOST_HOLDERS:
                known = known._replace(persons=len(self.residents[key]))
            self._crowds[key, box] = known
        return known

    def _value_crowd(self, value: Value) -> int:
        known = self._crowds.get((value, ""))
        if known is None:
            known = self._crowds[value, ""] = self._crowd(self.holders[value])
        return known.persons

    def _crowd(self, profile_ids: Sequence[str]) -> _Crowd:
        people = [self.people[profile_id] for profile_id in profile_ids]
        living = [person for person in people if person.can_live_with_others]
        names = frozenset(_fullest(person.names) for person in living)
        families: list[frozenset[str]] = []
        for person in living:
            words = self.families[person.profile_id]
            if not any(words & other for other in families):
                families.append(words)
        return _Crowd(
            persons=max(count_persons(names), 1) if len(names) <= MOST_HOLDERS else len(names),
            families=len(families),
            workplace=any(person.is_company for person in people),
        )


def _fullest(names: Iterable[PersonName]) -> PersonName:
    return max(names, key=lambda name: (len(name.words), sorted(name.words), sorted(name.given)))


def _home_degrees(crowd: _Crowd) -> tuple[float, float]:
    if crowd.workplace:
        return _WORKPLACE
    if crowd.persons > FEW_RESIDENTS:
        return _CROWDED_HOME
    return _AT_HOME if crowd.families <= 2 else _MIXED_HOME


def degree_of(reasons: Iterable[Reason]) -> float:
    """How sure several independent reasons make, from 0 to 1."""
    doubt = 1.0
    for reason in reasons:
        doubt *= 1.0 - reason.degree
    return 1.0 - doubt


def lives_elsewhere(a: Person, b: Person) -> bool:
    """Whether the two have homes and none in common."""
    if not a.homes or not b.homes:
        return False
    return not ({home.key for home in a.homes} & {home.key for home in b.homes})


def form_households(
    together: Together, among: frozenset[str], words: Iterable[Word] = ()
) -> tuple[Formed, ...]:
    """The households of ``among``; people who live with nobody known are in none.

    Parameters
    ----------
    together : Together
    among : frozenset of profile ids
        Closed: whoever belongs to one of them is there too.
    words : iterable of Word
    """
    people = together.people
    said = _latest(words)
    apart = {pair for pair, word in said.items() if not word.together}
    edges: list[tuple[float, tuple[int, int], tuple[int, int], str, str, tuple[Reason, ...]]] = []
    for a, b in together.pairs(among):
        if lives_elsewhere(people[a], people[b]):
            continue
        reasons = together.reasons(a, b)
        degree = round(degree_of(reasons), 6)
        if degree >= THRESHOLD:
            edges.append(_edge(degree, people[a], people[b], reasons))
    for (a, b), word in said.items():
        if word.together and a in among and b in among:
            edges.append(_edge(2.0, people[a], people[b], (Reason(WORD, False, 1.0, word.at),)))
    clusters: dict[str, list[str]] = {}
    used: defaultdict[str, list[tuple[float, tuple[Reason, ...]]]] = defaultdict(list)
    for degree, _, _, a, b, reasons in sorted(edges):
        one, two = clusters.setdefault(a, [a]), clusters.setdefault(b, [b])
        if one is not two:
            if not _may_join(people, one, two, apart, by_word=degree < -1):
                continue
            one += two
            for member in two:
                clusters[member] = one
        for side in (a, b):
            used[side].append((min(-degree, 1.0), reasons))
    formed = []
    for group in {id(group): group for group in clusters.values() if len(group) > 1}.values():
        ordered = sorted(group, key=lambda key: people[key].founder)
        persons = count_people(people[key] for key in ordered)
        if persons < 2 and not any(r.kind == WORD for k in group for _, rs in used[k] for r in rs):
            continue  # one person whom silos spell in several ways
        formed.append(
            Formed(
                founder=people[ordered[0]].founder,
                persons=persons,
                members=tuple(_member(key, used[key]) for key in ordered),
            )
        )
    return tuple(sorted(formed, key=lambda each: each.founder))


def _edge(
    degree: float, a: Person, b: Person, reasons: tuple[Reason, ...]
) -> tuple[float, tuple[int, int], tuple[int, int], str, str, tuple[Reason, ...]]:
    """Sorts strongest first, then by who the two are: never by how they came to be numbered."""
    one, two = sorted((a, b), key=lambda person: person.founder)
    return (-degree, one.founder, two.founder, one.profile_id, two.profile_id, reasons)


def _latest(words: Iterable[Word]) -> dict[tuple[str, str], Word]:
    found: dict[tuple[str, str], Word] = {}
    for word in sorted(words, key=lambda each: (each.at, each.word_id)):
        if word.a != word.b:  # two who turned out to be one person
            found[min(word.a, word.b), max(word.a, word.b)] = word
    return found


def _may_join(
    people: Mapping[str, Person],
    one: Sequence[str],
    two: Sequence[str],
    apart: set[tuple[str, str]],
    *,
    by_word: bool,
) -> bool:
    pairs = [(min(a, b), max(a, b)) for a, b in product(one, two)]
    if any(pair in apart for pair in pairs) or len(one) + len(two) > MOST_MEMBERS:
        return False
    return by_word or not any(lives_elsewhere(people[a], people[b]) for a, b in pairs)


def _member(profile_id: str, used: Sequence[tuple[float, tuple[Reason, ...]]]) -> Member:
    strongest: dict[str, Reason] = {}
    for _, reasons in used:
        for reason in reasons:
            known = strongest.get(reason.kind)
            if known is None or (reason.degree, -reason.since) > (known.degree, -known.since):
                strongest[reason.kind] = reason
    return Member(
        profile_id=profile_id,
        since=min(reason.since for reason in strongest.values()),
        confidence=max(degree for degree, _ in used),
        why=tuple(sorted(strongest.values(), key=lambda reason: (-reason.degree, reason))),
    )

"""Evidence: what the records say about being one person, as plain values.

A *tie* says that some records hold one value. Matching by probability adds ties of two records with
a weight, and people's decisions are ties as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct, structs

from rapport.unify.blocked_values import blocked_reason, names_household
from rapport.unify.names import NO_NAME, PersonName, count_persons
from rapport.vocabulary.identifier import Identifier, IdentifierClass, IdentifierKind, kind_of

#: From this many different names on, a value is a company's, a school's or a shop's.
GENERIC_PERSONS = 5
#: A value on so many records of which none has a name proves nothing.
GENERIC_NAMELESS = 50
#: A value held by more records is junk, whatever their names; its holders are not even read.
JUNK_RECORDS = 200
#: Account numbers of one system are trusted further: only a fault gives one to so many records.
JUNK_RECORDS_TRUSTED = 2_000

MUST_LINK = "must_link"
#: Two records that matching by probability finds to be one person's; after all exact identifiers of
#: persons and contacts, before devices.
LIKENESS = "likeness"
_LIKENESS_PRIORITY = 35


class ValueClass(StrEnum):
    """What the holders of an identifier value say about it."""

    PERSONAL = "personal"  # one person's, as far as we see
    HOUSEHOLD = "household"  # 2 to 4 different names: links only records whose names agree
    GENERIC = "generic"  # too many names or nameless records: links nobody
    JUNK = "junk"  # held by too many records, or blocked


class Value(NamedTuple):
    """An identifier's value in the order in which evidence is taken within one priority."""

    kind: str
    namespace: str
    value: str


class Atom(Struct, frozen=True, kw_only=True, gc=False):
    """A record as identity sees it."""

    atom_id: int
    kind: str
    namespace: str = ""
    source: str = ""
    first_seen: int = 0  # microseconds since 1970
    name: PersonName = NO_NAME
    birthday: str | None = None

    @property
    def is_device(self) -> bool:
        return kind_of(self.kind).identifier_class is IdentifierClass.DEVICE

    @property
    def is_bare_contact(self) -> bool:
        """A record that is nothing but a phone number: somebody called, who did not say who."""
        return (
            kind_of(self.kind).identifier_class is IdentifierClass.CONTACT and not self.name.words
        )


class Tie(Struct, frozen=True, kw_only=True, gc=False):
    """These records hold one value, or are said to be alike.

    Attributes
    ----------
    priority : int
        Lower is stronger and taken first.
    atoms : tuple of int, ascending
    bits : float
        Match weight, log2 of the likelihood ratio.
    reason : str
        A code: ``same_value``, ``must_link``, ``likeness``.
    """

    kind: str
    priority: int
    atoms: tuple[int, ...]
    value: Value | None = None
    identifier_class: IdentifierClass = IdentifierClass.PERSON
    value_class: ValueClass = ValueClass.PERSONAL
    trusted: bool = False
    bits: float = 0.0
    reason: str = "same_value"

    @property
    def order(self) -> tuple[int, float, Value, tuple[int, ...]]:
        return (self.priority, -self.bits, self.value or Value(self.kind, "", ""), self.atoms)


class Likeness(NamedTuple):
    """Two records, the smaller number first, that linkage put into one person."""

    a: int
    b: int
    bits: float


class Evidence(Struct, frozen=True, kw_only=True):
    """All that is known about a set of records that is closed: no tie leads out of it."""

    atoms: Mapping[int, Atom]
    ties: tuple[Tie, ...]
    held: Mapping[int, tuple[Value, ...]]  # values that count for the limits, per record
    cannot: Mapping[int, frozenset[int]] = {}  # records that a person keeps apart, both ways
    set_aside: tuple[tuple[Value, str, tuple[int, ...]], ...] = ()  # value, why, known holders
    limits: Mapping[str, int] = {}  # by kind, where the company chose another than the usual one


def is_trusted(kind: IdentifierKind) -> bool:
    """Whether values are given out by one system, one per person: names need not be asked."""
    return kind.scoped and kind.identifier_class is IdentifierClass.PERSON


def most_holders(kind: str) -> int:
    """How many records may hold a value of ``kind`` before it is junk."""
    return JUNK_RECORDS_TRUSTED if is_trusted(kind_of(kind)) else JUNK_RECORDS


#: Match weights in bits, for people to read and for later models to start from. They do not decide
#: today: ties are taken by priority.
_BITS = {IdentifierClass.PERSON: 20.0, IdentifierClass.CONTACT: 8.0, IdentifierClass.DEVICE: 6.0}


def classify_value(kind: IdentifierKind, holders: int, names: Collection[PersonName]) -> ValueClass:
    """The class of a value on ``holders`` records with ``names``, empty ones included."""
    if holders > most_holders(kind.kind):
        return ValueClass.JUNK
    if is_trusted(kind):
        return ValueClass.PERSONAL
    if kind.identifier_class is IdentifierClass.DEVICE:
        return ValueClass.GENERIC if holders > GENERIC_NAMELESS else ValueClass.PERSONAL
    distinct = frozenset(names)
    if len(distinct) > 1:
        persons = count_persons(distinct)
        if persons >= GENERIC_PERSONS:
            return ValueClass.GENERIC
        if persons > 1:
            return ValueClass.HOUSEHOLD
    nameless = sum(not name.words for name in names)
    return ValueClass.GENERIC if nameless > GENERIC_NAMELESS else ValueClass.PERSONAL


def make_evidence(
    atoms: Mapping[int, Atom],
    holdings: Iterable[tuple[Value, int]],
    *,
    counts: Mapping[Value, int] | None = None,
    blocked: Collection[tuple[str, str]] = (),
    must: Iterable[tuple[int, int]] = (),
    cannot: Iterable[tuple[int, int]] = (),
    alike: Iterable[Likeness] = (),
    limits: Mapping[str, int] | None = None,
) -> Evidence:
    """Evidence from what is stored about ``atoms``.

    Parameters
    ----------
    holdings : pairs of value and atom id
        Which record holds which value.
    counts : mapping, optional
        Holders of values held by more records than are in ``atoms``.
    blocked : (kind, value) pairs
        The company's own blocked values.
    alike : likenesses
        What matching by probability found.
    limits : mapping of kind to int, optional
        The company's own limits.
    """
    holders: defaultdict[Value, list[int]] = defaultdict(list)
    for value, atom_id in holdings:
        holders[value].append(atom_id)
    counts = counts or {}
    ties: list[Tie] = []
    held: defaultdict[int, list[Value]] = defaultdict(list)
    set_aside: list[tuple[Value, str, tuple[int, ...]]] = []
    for value, members in holders.items():
        kind = kind_of(value.kind)
        why = blocked_reason(value.kind, value.value) or (
            "blocked" if (value.kind, value.value) in blocked else None
        )
        value_class = ValueClass.PERSONAL
        count = counts.get(value, len(members))
        if why is None and count > 1:
            value_class = classify_value(kind, count, [atoms[a].name for a in members])
            if value_class in (ValueClass.GENERIC, ValueClass.JUNK):
                why = value_class.value
        if why is not None:
            set_aside.append((value, why, tuple(sorted(members))))
            continue
        if value_class is ValueClass.PERSONAL and names_household(value.kind, value.value):
            value_class = ValueClass.HOUSEHOLD
        for atom_id in members:
            held[atom_id].append(value)
        if len(members) > 1:
            ties.append(
                Tie(
                    kind=value.kind,
                    priority=kind.priority,
                    atoms=tuple(sorted(members)),
                    value=value,
                    identifier_class=kind.identifier_class,
                    value_class=value_class,
                    trusted=is_trusted(kind),
                    bits=_BITS[kind.identifier_class],
                )
            )
    ties.extend(
        Tie(kind=MUST_LINK, priority=0, atoms=(a, b), trusted=True, reason=MUST_LINK)
        for a, b in {(min(pair), max(pair)) for pair in must}
        if a in atoms and b in atoms
    )
    ties.extend(_likeness_ties(pair for pair in alike if pair.a in atoms and pair.b in atoms))
    apart: defaultdict[int, set[int]] = defaultdict(set)
    for a, b in cannot:
        apart[a].add(b)
        apart[b].add(a)
    return Evidence(
        atoms=atoms,
        ties=tuple(sorted(ties, key=lambda tie: tie.order)),
        held={atom_id: tuple(sorted(values)) for atom_id, values in held.items()},
        cannot={atom_id: frozenset(others) for atom_id, others in apart.items()},
        set_aside=tuple(sorted(set_aside)),
        limits=limits or {},
    )


def _likeness_ties(alike: Iterable[Likeness]) -> Iterable[Tie]:
    return (
        Tie(
            kind=LIKENESS,
            priority=_LIKENESS_PRIORITY,
            atoms=(pair.a, pair.b),
            bits=pair.bits,
            reason=LIKENESS,
        )
        for pair in alike
    )


def with_likeness(
    evidence: Evidence, added: Iterable[Likeness], removed: Collection[tuple[int, int]] = ()
) -> Evidence:
    """The evidence as it would be had matching found other pairs alike.

    Parameters
    ----------
    added : likenesses of records that are in ``evidence``
    removed : collection of (smaller, larger) atom ids
    """
    added = tuple(added)
    gone = {*removed, *((pair.a, pair.b) for pair in added)}
    kept = [tie for tie in evidence.ties if tie.kind != LIKENESS or tie.atoms not in gone]
    ties = sorted([*kept, *_likeness_ties(added)], key=lambda tie: tie.order)
    return structs.replace(evidence, ties=tuple(ties))


def without_tie(evidence: Evidence, fallen: Tie) -> Evidence:
    """The evidence as it would be if this value, likeness or word did not count."""
    kept = tuple(tie for tie in evidence.ties if tie != fallen)
    return structs.replace(evidence, ties=kept)


def with_parted(evidence: Evidence, one: Collection[int], other: Collection[int]) -> Evidence:
    """The evidence as it would be had a person said that two sides are different people."""
    cannot = {atom: set(apart) for atom, apart in evidence.cannot.items()}
    for here, there in ((one, other), (other, one)):
        for atom in here:
            cannot.setdefault(atom, set()).update(there)
    sides = [set(one), set(other)]
    kept = tuple(
        tie
        for tie in evidence.ties
        # The newer word outranks the older one.
        if tie.reason != MUST_LINK or not all(side.intersection(tie.atoms) for side in sides)
    )
    return structs.replace(
        evidence, ties=kept, cannot={atom: frozenset(apart) for atom, apart in cannot.items()}
    )


def value_of(identifier: Identifier) -> Value:
    return Value(identifier.kind, identifier.namespace, identifier.value)

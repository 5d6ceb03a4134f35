"""Which value wins when silos disagree; the others stay visible.

A value that a person pinned is shown. Else the attribute's rule decides (`value_rules`): its
criteria are asked in turn, and each leaves the values that do best by it, until one is left.

The usual rule weighs: each stated value has a score, how far we trust the kind of record that
states it, times how fresh the statement is against the newest one on the same attribute (halved
every two years), times whether it is well formed, times one quarter more for each further source
that agrees. What a rule leaves open is weighed too, and no rule lets a value win that is not well
formed over one that is. Values that differ only in how they are written are one value. The conflict
names what made the difference. Postal address parts come from the record that gives the postal
code, so that no address is shown that nobody has.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.engines.ledger import Ledger, among
from rapport.errors import InvalidInput
from rapport.unify.matching.comparisons.address import read_address, read_city, read_postcode
from rapport.unify.name_words import fold_words
from rapport.unify.names import person_name
from rapport.unify.proofs import Proof, proofs_of, together
from rapport.unify.stewardship import current_profile
from rapport.unify.stored_evidence import atoms_of, rows_in
from rapport.unify.value_rules import (
    CHANGEABLE,
    USUAL,
    USUAL_RULES,
    Rules,
    ValueRule,
    rules_in_force,
)
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier_values import (
    normalise_email,
    normalise_loyalty_card,
    normalise_phone,
)
from rapport.vocabulary.profile import ATTRIBUTES, AttributeConflict, Fact

#: How far a kind of record is trusted about the person; kinds not listed get `_OTHER_TRUST`.
#: A card or a CRM row was filled in to be kept; a browser repeats what was typed once.
RECORD_TRUST: Mapping[str, float] = {
    "crm_contact": 1.0,
    "customer_number": 1.0,
    "user_id": 0.9,
    "loyalty_card": 0.9,
    "email": 0.7,
    "phone": 0.6,
    "device_id": 0.4,
    "anonymous_id": 0.4,
}
_OTHER_TRUST = 0.7
_HALF_LIFE = timedelta(days=730)
_MALFORMED = 0.1
_SHOUTED = 0.8  # "JAN PEETERS" loses to "Jan Peeters" among equals
_AGREEMENT = 0.25

_DIGITS = re.compile(r"\d+")
#: "R. de la Station", "55 r. des Écoles", "110 bis r. Jules Ferry".
_RUE = re.compile(r"^((?:\d+\s*(?:(?:bis|ter|quater)\b)?,?\s*)?)r\.?\s", re.IGNORECASE)
#: A door of its own beside the number without it.
_REPEATED = re.compile(r"\d\s*(bis|ter|quater)\b", re.IGNORECASE)
_GLUED_LANE = re.compile(r"(?<=\w{3})ln$")
_ADDRESS = ("street", "postal_code", "city", "country")
_NAMES = frozenset({"name", "first_name", "last_name"})


class ProfileFacts(Struct, frozen=True, kw_only=True):
    """What is known about one profile: what is shown, where silos differ, and all statements."""

    profile_id: str
    shown: Mapping[str, Fact]
    conflicts: tuple[AttributeConflict, ...]
    all: tuple[Fact, ...]
    sides: Mapping[str, Sides] = {}
    """Of each conflict who states what, and what is proven of it."""
    proven: Mapping[str, Mapping[str, Proof]] = {}
    """By attribute and value as stated: what happened that shows whether it works."""


class Sides(Struct, frozen=True, kw_only=True):
    """Who stands behind the shown value of an attribute, and who against it.

    Attributes
    ----------
    right, wrong : tuple of Fact
        Every statement of the shown value, and every other one.
    decided : frozenset of int
        Of those who are wrong the records against which a person's choice or a criterion of the
        company's own rule decided; against the others the usual weighing did.
    """

    right: tuple[Fact, ...]
    wrong: tuple[Fact, ...]
    decided: frozenset[int]


#: Proofs of one person by attribute and by value as people mean it.
_Proven = Mapping[str, Mapping[frozenset[str], Proof]]


class _Statement(Struct, frozen=True, kw_only=True):
    """A fact with what its score is made of."""

    fact: Fact
    trust: float
    freshness: float
    validity: float
    agreement: float

    @property
    def score(self) -> float:
        return self.trust * self.freshness * self.validity * self.agreement


def facts(connection: Connection, profile_id: str) -> ProfileFacts:
    """Everything known about a profile, also under an old id.

    Raises
    ------
    NotFound
        If there is no such profile.
    """
    here = current_profile(connection, profile_id)
    return facts_of(connection, [here])[here]


def facts_of(
    connection: Connection, profile_ids: Collection[str], *, rules: Rules | None = None
) -> dict[str, ProfileFacts]:
    """Everything known about each of many profiles, in a few queries.

    Parameters
    ----------
    rules : Rules, optional
        What would be shown under other rules; by default those in force.
    """
    in_force = rules_in_force(connection) if rules is None else rules
    members = atoms_of(connection, profile_ids)
    profile_of = {a: p for p, atoms in members.items() for a in atoms}
    f, a = t.attribute.c, t.atom.c
    stated: defaultdict[str, list[Fact]] = defaultdict(list)
    kinds: dict[int, str] = {}
    for row in rows_in(
        connection,
        lambda piece: (
            select(f.atom_id, f.name, f.value, f.source, f.observed_at, a.kind)
            .join(t.atom, a.atom_id == f.atom_id)
            .where(among(f.atom_id, piece))
        ),
        profile_of,
    ):
        kinds[row[0]] = row[5]
        stated[profile_of[row[0]]].append(
            Fact(name=row[1], value=row[2], source=row[3], observed_at=row[4], atom_id=row[0])
        )
    pins = _pins(connection, profile_ids)
    proofs = proofs_of(connection, profile_of)
    return {
        p: survive(
            p,
            stated.get(p, ()),
            kinds,
            pins.get(p, {}),
            rules=in_force,
            proofs=[each for atom in members.get(p, ()) for each in proofs.get(atom, ())],
        )
        for p in profile_ids
    }


def survive(
    profile_id: str,
    stated: Sequence[Fact],
    kinds: Mapping[int, str],
    pins: Mapping[str, Fact],
    *,
    rules: Rules = USUAL_RULES,
    proofs: Iterable[tuple[str, str, Proof]] = (),
) -> ProfileFacts:
    """Choose the shown values; pure.

    Parameters
    ----------
    stated : sequence of Fact
        The latest statement of each record on each attribute.
    kinds : mapping
        Kind of each record, by atom id.
    pins : mapping
        Values that people chose, by attribute.
    rules : Rules
    proofs : iterable of (attribute, value, Proof)
        What is proven on the records.
    """
    by_name, country = _by_name(stated)
    proven = _by_meaning(proofs, country)
    anchor: int | None = None
    shown: dict[str, Fact] = {}
    conflicts: list[AttributeConflict] = []
    sides: dict[str, Sides] = {}
    for name in sorted(by_name, key=lambda n: (n != "postal_code", n)):
        if len(by_name[name]) == 1 and name not in pins:  # nothing to weigh: most are so
            [only] = by_name[name]
            shown[name] = _with_confidence(only, 1.0)
            if name == "postal_code":
                anchor = only.atom_id
            continue
        asked = _Asked(name=name, rule=rules.of(name), proven=proven.get(name, {}), country=country)
        groups = _groups(name, by_name[name], kinds, country, asked.rule)
        winner, rule, aside = _winner(asked, groups, anchor)
        others = [_best(group).fact for group in groups if winner not in group]
        total = sum(_best(group).score for group in groups)
        fact = _with_confidence(winner.fact, winner.score / total if total else 1.0)
        if name == "postal_code":
            anchor = winner.fact.atom_id
        right = [s.fact for group in groups if winner in group for s in group]
        pin = pins.get(name)
        if pin is not None:
            chosen = _meaning(name, pin.value, country)
            others = [
                f
                for f in (winner.fact, *others)
                if not _one_value(name, _meaning(name, f.value, country), chosen)
            ]
            fact, rule = pin, "pinned"
            right = [
                f
                for f in by_name[name]
                if _one_value(name, _meaning(name, f.value, country), chosen)
            ]
            if name == "postal_code" and right:  # the rest of the address is to fit what was chosen
                anchor = right[0].atom_id
        shown[name] = fact
        if others and name not in CHANGEABLE:
            stands = {id(f) for f in right}
            wrong = tuple(f for f in by_name[name] if id(f) not in stands)
            if pin is not None:
                aside = frozenset(f.atom_id for f in wrong)
            sides[name] = Sides(
                right=tuple(right),
                wrong=wrong,
                decided=aside if pin is not None or rules.is_own(name) else frozenset(),
            )
            conflicts.append(
                AttributeConflict(name=name, shown=fact, others=tuple(others), rule=rule)
            )
    for name, pin in pins.items():
        shown.setdefault(name, pin)
    return ProfileFacts(
        profile_id=profile_id,
        shown=shown,
        conflicts=tuple(sorted(conflicts, key=lambda c: c.name)),
        all=tuple(sorted(stated, key=lambda f: (f.name, f.source, f.atom_id))),
        sides=sides,
        proven={
            name: {
                fact.value: proof
                for fact in by_name.get(name, ())
                if (proof := known.get(_meaning(name, fact.value, country))) is not None
            }
            for name, known in proven.items()
        },
    )


def _by_meaning(proofs: Iterable[tuple[str, str, Proof]], country: str | None) -> _Proven:
    """Proofs by attribute and value, those of several records put together."""
    found: defaultdict[str, dict[frozenset[str], Proof]] = defaultdict(dict)
    for name, value, proof in proofs:
        words = _meaning(name, value, country)
        known = found[name].get(words)
        found[name][words] = proof if known is None else together(known, proof)
    return found


def best_groups(stated: Sequence[Fact], kinds: Mapping[int, str]) -> dict[str, list[list[Fact]]]:
    """Statements about one person by attribute and by value as people mean it; best value first.

    Parameters
    ----------
    stated, kinds
        As in `survive`.
    """
    by_name, country = _by_name(stated)
    return {
        name: [[s.fact for s in group] for group in _groups(name, facts, kinds, country, USUAL)]
        for name, facts in by_name.items()
    }


def _by_name(stated: Sequence[Fact]) -> tuple[dict[str, list[Fact]], str | None]:
    """Statements by attribute, full names among them, and the country they speak of."""
    by_name: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in stated:
        by_name[fact.name].append(fact)
    country = _most_common([fact.value for fact in by_name.get("country", ())])
    full_names = _full_names(by_name, country)
    if full_names:
        by_name["name"] = full_names
    return by_name, country


def _full_names(by_name: Mapping[str, Sequence[Fact]], country: str | None) -> list[Fact]:
    """Statements of the full name, those of silos with separate fields put together."""
    whole = list(by_name.get("name", ()))
    spoken = {fact.atom_id for fact in whole}
    last = {fact.atom_id: fact for fact in by_name.get("last_name", ())}
    for first in by_name.get("first_name", ()):
        family = last.pop(first.atom_id, None)
        if first.atom_id in spoken:
            continue
        parts = [first.value] if family is None else [first.value, family.value]
        if country == "HU":
            parts.reverse()
        whole.append(_renamed(first, " ".join(parts)))
    whole += [_renamed(f, f.value) for a, f in last.items() if a not in spoken]
    return whole


def _renamed(fact: Fact, value: str) -> Fact:
    return Fact(
        name="name",
        value=value,
        source=fact.source,
        observed_at=fact.observed_at,
        atom_id=fact.atom_id,
    )


def _with_confidence(fact: Fact, confidence: float) -> Fact:
    return Fact(
        name=fact.name,
        value=fact.value,
        source=fact.source,
        observed_at=fact.observed_at,
        atom_id=fact.atom_id,
        confidence=round(confidence, 4),
    )


def _groups(
    name: str,
    stated: Sequence[Fact],
    kinds: Mapping[int, str],
    country: str | None,
    rule: ValueRule,
) -> list[list[_Statement]]:
    """Statements of one attribute, by value as people mean it; best group first."""
    newest = max(fact.observed_at for fact in stated)
    keyed = sorted(
        ((_meaning(name, fact.value, country), fact) for fact in stated),
        key=lambda kf: (-len(kf[0]), sorted(kf[0]), kf[1].atom_id),
    )
    together: list[tuple[frozenset[str], list[Fact]]] = []
    for words, fact in keyed:
        for known, group in together:
            if _one_value(name, words, known):
                group.append(fact)
                break
        else:
            together.append((words, [fact]))
    groups = [
        [
            _Statement(
                fact=fact,
                trust=trust_in(rule, fact.source, kinds.get(fact.atom_id, "")),
                freshness=0.5 ** ((newest - fact.observed_at) / _HALF_LIFE),
                validity=_validity(fact, name, country),
                agreement=1 + _AGREEMENT * (len({f.source for f in group}) - 1),
            )
            for fact in group
        ]
        for _, group in together
    ]
    return sorted(groups, key=lambda g: _order(_best(g)), reverse=True)


def _one_value(name: str, a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether two values are one: equal, or for names the shorter within the longer."""
    if a == b:
        return True
    if name not in _NAMES or not a or not b:
        return False
    return _is_short_for(a, b) or _is_short_for(b, a)


def _is_short_for(shorter: frozenset[str], longer: frozenset[str]) -> bool:
    """Whether each word of a name is in the other: a page of reviews shows "Sarah G."."""
    return any(len(word) > 1 for word in shorter) and all(
        word in longer or (len(word) == 1 and any(w.startswith(word) for w in longer))
        for word in shorter
    )


def is_same_value(name: str, a: str, b: str) -> bool:
    """Whether two values of an attribute differ at most in how they are written.

    >>> is_same_value("email", "Jan@Mail.be", "jan@mail.be"), is_same_value("city", "Gent", "Aalst")
    (True, False)
    """
    return _one_value(name, _meaning(name, a, None), _meaning(name, b, None))


@lru_cache(maxsize=131_072)
def _meaning(name: str, value: str, country: str | None) -> frozenset[str]:
    """What is left of a value when its way of writing is taken off."""
    if name in _NAMES:
        return person_name(value).words
    normal: str | None = None
    if name == "email":
        normal = normalise_email(value)
        if normal is not None and "+" in normal:  # an+shop@mail.be is the mailbox an@mail.be
            box, _, domain = normal.partition("@")
            normal = f"{box.partition('+')[0] or box}@{domain}"
    elif name == "phone":
        normal = normalise_phone(value, country)
    elif name == "loyalty_card":
        normal = normalise_loyalty_card(value)
    elif name == "street":  # "Av. des Tilleuls 188" is "Avenue des Tilleuls 188"; boxes count
        whole = _RUE.sub(r"\1rue ", value)
        lane, number = read_address(whole, None, None, None, country)[2:4]
        numbers = [each.lstrip("0") for each in _DIGITS.findall(value)]
        numbers += [each.lower() for each in _REPEATED.findall(value)]
        # "Beukenln." is glued in Dutch, and no word of its own.
        normal = lane and "|".join((_GLUED_LANE.sub("laan", lane), number or "", *numbers))
    elif name == "city":
        normal = read_city(value)
    elif name == "postal_code":
        normal = read_postcode(value, country)
    return frozenset({normal or "".join(fold_words_and_digits(value))})


def fold_words_and_digits(value: str) -> list[str]:
    """The folded words of ``value``, numbers kept: house numbers and postal codes matter."""
    words: list[str] = []
    for word in value.split():
        digits = "".join(c for c in word if c.isdigit())
        words.append(digits + "".join(fold_words(word)))
    return words


def trust_in(rule: ValueRule, source: str, kind: str) -> float:
    """How far a statement is trusted: as its silo was measured, else by the kind of its record."""
    measured = rule.trust.get(source)
    return RECORD_TRUST.get(kind, _OTHER_TRUST) if measured is None else measured


def _winner(
    asked: _Asked, groups: _Groups, anchor: int | None
) -> tuple[_Statement, str, frozenset[int]]:
    """The shown statement, why, and the records whose value the rule's own criteria put aside."""
    name, rule = asked.name, asked.rule
    if rule.by == ("earliest",):
        every = [s for group in groups for s in group]
        return min(every, key=lambda s: (s.fact.value, s.fact.atom_id)), "earliest", frozenset()
    left, why = list(groups), ""
    if name in _ADDRESS and anchor is not None:
        left = [g for g in left if any(s.fact.atom_id == anchor for s in g)] or left
        why = "" if groups[0] in left else "same_address"
    if rule.by[0] != "weighed":
        well_formed = [g for g in left if any(s.validity > _MALFORMED for s in g)]
        if 0 < len(well_formed) < len(left):
            left = well_formed
            why = why or ("better_formed" if len(left) == 1 else "")
    for criterion in rule.by:
        if len(left) == 1 or criterion == "weighed":
            break
        kept = asked.left_by(criterion, left)
        if len(kept) == 1 < len(left):
            why = why or _WORDS[criterion]
        left = kept
    best = _best(left[0])
    if name in _NAMES:  # of one name the fullest way of writing it
        best = max(left[0], key=lambda s: (len(person_name(s.fact.value).words), _order(s)))
    if len(groups) == 1:
        return best, "only_value", frozenset()
    aside = frozenset(s.fact.atom_id for g in groups if g not in left for s in g)
    return best, why or _weighed(best, left, groups), aside


def _weighed(
    best: _Statement,
    left: Sequence[list[_Statement]],
    groups: Sequence[list[_Statement]],
) -> str:
    """What made the difference to the strongest other value."""
    others = left[1:] or [group for group in groups if group is not left[0]]
    rival = _best(others[0])
    reasons = {
        "better_formed": _ratio(best.validity, rival.validity),
        "most_trusted": _ratio(best.trust, rival.trust),
        "most_recent": _ratio(best.freshness, rival.freshness),
        "most_agreed": _ratio(best.agreement, rival.agreement),
    }
    return max(reasons, key=lambda r: reasons[r])


# ── criteria ───────────────────────────────────────────────────────────────────────────────────

_Groups = list[list[_Statement]]


class _Asked(Struct, frozen=True, kw_only=True):
    """What a criterion may look at besides the values themselves."""

    name: str
    rule: ValueRule
    proven: Mapping[frozenset[str], Proof]
    country: str | None

    def verified(self, group: list[_Statement]) -> int:
        """1 where something shows that the value works, -1 that it fails, 0 where nothing does."""
        known = (self.proven.get(_meaning(self.name, s.fact.value, self.country)) for s in group)
        return max((each.standing for each in known if each is not None), default=0)

    def trusted(self, group: list[_Statement]) -> float:
        """How far the best of those who state it is trusted."""
        return max(s.trust for s in group)

    def recent(self, group: list[_Statement]) -> datetime:
        """When it was last stated."""
        return max(s.fact.observed_at for s in group)

    def frequent(self, group: list[_Statement]) -> int:
        """How many silos state it."""
        return len({s.fact.source for s in group})

    def preferred(self, groups: _Groups) -> _Groups:
        """Without the values of silos that the rule names after another that is here."""
        place = {source: index for index, source in enumerate(self.rule.sources)}
        places = [
            min((place[s.fact.source] for s in group if s.fact.source in place), default=-1)
            for group in groups
        ]
        first = min((each for each in places if each >= 0), default=-1)
        return [g for g, each in zip(groups, places, strict=True) if each in (-1, first)]

    def left_by(self, criterion: str, groups: _Groups) -> _Groups:
        """The values that do best by ``criterion``."""
        if criterion == "preferred":
            return self.preferred(groups)
        if criterion == "earliest":
            first = min(s.fact.value for group in groups for s in group)
            return [group for group in groups if any(s.fact.value == first for s in group)]
        keys: list[Any] = [getattr(self, criterion)(group) for group in groups]
        return [group for group, key in zip(groups, keys, strict=True) if key == max(keys)]


#: What is said of a value that a criterion chose; words of pages are at customer.rule.<code>.
_WORDS: Mapping[str, str] = {
    "verified": "verified",
    "preferred": "preferred_silo",
    "trusted": "most_trusted",
    "recent": "most_recent",
    "frequent": "most_agreed",
    "earliest": "earliest",
}


def _ratio(a: float, b: float) -> float:
    return a / b if b else float("inf")


def _best(group: Sequence[_Statement]) -> _Statement:
    return max(group, key=_order)


def _order(statement: _Statement) -> tuple[float, datetime, str, int]:
    fact = statement.fact
    return (statement.score, fact.observed_at, fact.value, -fact.atom_id)


def _validity(fact: Fact, name: str, country: str | None) -> float:
    good, value = True, fact.value
    if name == "email":
        good = normalise_email(value) is not None
    elif name == "phone":
        good = normalise_phone(value, country) is not None
    elif name == "birthday":
        try:
            good = date(1900, 1, 2) <= date.fromisoformat(value) <= fact.observed_at.date()
        except ValueError:
            good = False
    elif name in _NAMES:
        if not person_name(value).words:
            return _MALFORMED
        return _SHOUTED if value.isupper() or value.islower() else 1.0
    return 1.0 if good else _MALFORMED


def _most_common(values: Sequence[str]) -> str | None:
    codes = [value.upper() for value in values if len(value) == 2]
    return max(sorted(set(codes)), key=codes.count) if codes else None


def pin_value(
    connection: Connection,
    ledger: Ledger,
    profile_id: str,
    name: str,
    value: str | None,
    *,
    author: str,
    at: datetime,
) -> None:
    """Choose the shown value of an attribute for good; None gives the choice back to the rules.

    Raises
    ------
    InvalidInput
        If there is no such attribute.
    NotFound
        If there is no such profile.
    """
    if name not in ATTRIBUTES:
        raise InvalidInput(f"There is no attribute {name!r}; known are {', '.join(ATTRIBUTES)}")
    here = current_profile(connection, profile_id)
    p = t.pinned_value.c
    if value is None:
        family = lineage_of(connection, [here])[here]
        connection.execute(
            t.pinned_value.delete().where(p.profile_id.in_(sorted(family)), p.name == name)
        )
        return
    row = {"profile_id": here, "name": name, "value": value, "author": author, "at": at}
    ledger.upsert(
        connection, t.pinned_value, [row], ["profile_id", "name"], ["value", "author", "at"]
    )


def _pins(connection: Connection, profile_ids: Collection[str]) -> dict[str, dict[str, Fact]]:
    """Pinned values, of merged profiles too: a merge forgets no choice, an undo gives it back."""
    p = t.pinned_value.c
    if connection.execute(select(p.name).limit(1)).first() is None:
        return {}
    lineage = lineage_of(connection, profile_ids)
    heirs = {old: heir for heir, family in lineage.items() for old in family}
    pins: defaultdict[str, dict[str, Fact]] = defaultdict(dict)
    found = rows_in(
        connection,
        lambda piece: select(p.profile_id, p.name, p.value, p.author, p.at).where(
            among(p.profile_id, piece)
        ),
        heirs,
    )
    # The profile's own choice counts above one it inherited, and a later one above an earlier.
    for row in sorted(found, key=lambda r: (heirs[r[0]] == r[0], r[4], r[0])):
        pins[heirs[row[0]]][row[1]] = Fact(
            name=row[1], value=row[2], source=f"user:{row[3]}", observed_at=row[4], atom_id=0
        )
    return dict(pins)


def lineage_of(connection: Connection, profile_ids: Collection[str]) -> dict[str, set[str]]:
    """Each profile with all that were merged into it, and into those."""
    p = t.profile.c
    lineage = {profile_id: {profile_id} for profile_id in profile_ids}
    heirs = {profile_id: profile_id for profile_id in profile_ids}
    frontier = set(profile_ids)
    while frontier:
        found: dict[str, str] = {
            row[0]: heirs[row[1]]
            for row in rows_in(
                connection,
                lambda piece: select(p.profile_id, p.merged_into).where(
                    among(p.merged_into, piece)
                ),
                frontier,
            )
            if row[0] not in heirs
        }
        for old, heir in found.items():
            lineage[heir].add(old)
        heirs.update(found)
        frontier = set(found)
    return lineage

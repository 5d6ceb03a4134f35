"""What identity needs of a touchpoint, and nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Struct, field

from rapport.vocabulary.identifier import Identifier, kind_of
from rapport.vocabulary.identifier_values import indexable, normalise_identifier
from rapport.vocabulary.profile import ATTRIBUTES
from rapport.vocabulary.touchpoint import ConsentChange, Touchpoint

#: Facts about a person that also identify, and the kind of identifier they are.
TRAIT_IDENTIFIERS = ("email", "phone", "loyalty_card")


#: A fact about a person longer than this is none; its touchpoint keeps it as it was sent.
LONGEST_FACT = 500
LONGEST_PURPOSE = 255


class Sighting(Struct, frozen=True, kw_only=True, gc=False):
    """A record was seen once, with these identifiers and facts. Identifiers are normalised."""

    record: Identifier
    identifiers: tuple[Identifier, ...] = ()
    traits: Mapping[str, str] = field(default_factory=dict)
    consents: tuple[ConsentChange, ...] = ()
    occurred_at: datetime
    source: str
    position: int


def record_of(touchpoint: Touchpoint) -> Identifier | None:
    """The record that ``touchpoint`` points at, in the one form that its kind is written in.

    An address typed in capitals is the same record. What cannot be read stays as it came: it is
    a record of its own all the same.
    """
    if touchpoint.record is None:
        return None
    return _record(touchpoint.record, _country(touchpoint))


def _record(record: Identifier, country: str | None) -> Identifier:
    normal = _normal(record, country)
    if normal is not None:
        return normal
    return msgspec.structs.replace(record, value=indexable(record.value))


def _country(touchpoint: Touchpoint) -> str | None:
    return touchpoint.traits.get("country") or touchpoint.country


def sighting_of(touchpoint: Touchpoint, position: int) -> Sighting | None:
    """The sighting in ``touchpoint``; None where nobody can be named (a cash sale).

    The record's own value and the e-mail, phone and card among the traits become identifiers.

    Parameters
    ----------
    touchpoint : Touchpoint
    position : int
        Its place in the journal.
    """
    if touchpoint.record is None:
        return None
    who = _told(
        touchpoint.record,
        touchpoint.identifiers,
        tuple(touchpoint.traits.items()),
        _country(touchpoint),
    )
    return Sighting(
        record=who.record,
        identifiers=who.identifiers,
        traits=who.facts,
        consents=_indexable(touchpoint.consents) if touchpoint.consents else (),
        occurred_at=touchpoint.occurred_at,
        source=touchpoint.source,
        position=position,
    )


def _indexable(consents: tuple[ConsentChange, ...]) -> tuple[ConsentChange, ...]:
    return tuple(
        word
        if len(word.purpose) <= LONGEST_PURPOSE
        else msgspec.structs.replace(word, purpose=indexable(word.purpose))
        for word in consents
    )


class _Named(Struct, frozen=True, kw_only=True, gc=False):
    """Who a touchpoint names, normalised."""

    record: Identifier
    identifiers: tuple[Identifier, ...]
    facts: Mapping[str, str]


#: A browser, a card, a mailing list says the same of the same person time and again. The answer is
#: then the same object, by which those who fold sightings know that nothing differs.
@lru_cache(maxsize=32_768)
def _told(
    record: Identifier,
    identifiers: tuple[Identifier, ...],
    traits: tuple[tuple[str, str], ...],
    country: str | None,
) -> _Named:
    named = _named(record, identifiers, country)
    if not traits:
        return named
    stated = {k: v[:LONGEST_FACT] for k, v in traits if v and k in ATTRIBUTES}
    found = dict.fromkeys(named.identifiers)
    by_kind = dict(traits)
    for kind in TRAIT_IDENTIFIERS:
        value = by_kind.get(kind)
        if value:
            normal = _normal(Identifier(kind=kind, value=value), country)
            if normal is not None:
                found[normal] = None
    if len(found) == len(named.identifiers) and not stated:
        return named
    return _Named(record=named.record, identifiers=tuple(found), facts={**named.facts, **stated})


@lru_cache(maxsize=65_536)
def _named(record: Identifier, identifiers: tuple[Identifier, ...], country: str | None) -> _Named:
    own = _record(record, country)
    found: dict[Identifier, None] = {}
    for identifier in (own, *identifiers):
        normal = _normal(identifier, country)
        if normal is not None:
            found[normal] = None
    # An address that identifies is a fact about the person too, as it was written.
    facts: dict[str, str] = {}
    for identifier in (record, *identifiers):
        if identifier.kind in TRAIT_IDENTIFIERS:
            facts.setdefault(identifier.kind, identifier.value[:LONGEST_FACT])
    return _Named(record=own, identifiers=tuple(found), facts=facts)


@lru_cache(maxsize=65_536)  # reading a phone number costs 50 µs, and people call more than once
def _normal(identifier: Identifier, country: str | None) -> Identifier | None:
    normal = normalise_identifier(identifier, country if country and len(country) == 2 else None)
    if normal is None or not normal.namespace or kind_of(normal.kind).scoped:
        return normal
    return Identifier(kind=normal.kind, value=normal.value)  # world-wide: no namespace

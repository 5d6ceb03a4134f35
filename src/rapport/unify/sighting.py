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
    normal = _normal(touchpoint.record, _country(touchpoint))
    if normal is not None:
        return normal
    return msgspec.structs.replace(touchpoint.record, value=indexable(touchpoint.record.value))


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
    record = record_of(touchpoint)
    if record is None:
        return None
    country = _country(touchpoint)
    found: dict[Identifier, None] = {}
    for identifier in (record, *touchpoint.identifiers):
        normal = _normal(identifier, country)
        if normal is not None:
            found[normal] = None
    for kind in TRAIT_IDENTIFIERS:
        value = touchpoint.traits.get(kind)
        if value:
            normal = _normal(Identifier(kind=kind, value=value), country)
            if normal is not None:
                found[normal] = None
    return Sighting(
        record=record,
        identifiers=tuple(found),
        traits=_facts(touchpoint),
        consents=tuple(
            word
            if len(word.purpose) <= LONGEST_PURPOSE
            else msgspec.structs.replace(word, purpose=indexable(word.purpose))
            for word in touchpoint.consents
        ),
        occurred_at=touchpoint.occurred_at,
        source=touchpoint.source,
        position=position,
    )


def _facts(touchpoint: Touchpoint) -> dict[str, str]:
    """What was stated about the person; an address that identifies is a fact about them too."""
    stated = {k: v[:LONGEST_FACT] for k, v in touchpoint.traits.items() if v and k in ATTRIBUTES}
    for identifier in (touchpoint.record, *touchpoint.identifiers):
        if identifier is not None and identifier.kind in TRAIT_IDENTIFIERS:
            stated.setdefault(identifier.kind, identifier.value[:LONGEST_FACT])
    return stated


@lru_cache(maxsize=65_536)  # reading a phone number costs 50 µs, and people call more than once
def _normal(identifier: Identifier, country: str | None) -> Identifier | None:
    normal = normalise_identifier(identifier, country if country and len(country) == 2 else None)
    if normal is None or not normal.namespace or kind_of(normal.kind).scoped:
        return normal
    return Identifier(kind=normal.kind, value=normal.value)  # world-wide: no namespace

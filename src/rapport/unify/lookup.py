"""Who holds these identifiers: the exact half of looking somebody up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.unify.blocked_values import blocked_reason, names_household
from rapport.unify.names import names_conflict, person_name
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier import Identifier, IdentifierClass, kind_of
from rapport.vocabulary.identifier_values import normalise_identifier

#: What may be asked for, the most telling first.
KINDS = ("loyalty_card", "email", "iban", "phone")
#: A value on more profiles is no way to find one.
_MOST_PROFILES = 5


class Holder(Struct, frozen=True, kw_only=True):
    """A profile that holds an identifier that was asked for.

    Attributes
    ----------
    kind : str
    alone : bool
        Whether it is the only one.
    certain : bool
        Whether it is the only one, the kind is a person's own, and no name speaks against it.
    """

    profile_id: str
    kind: str
    alone: bool
    certain: bool


def holders(
    connection: Connection, stated: Mapping[str, str | None], countries: Sequence[str] = ()
) -> list[Holder]:
    """Profiles that hold an e-mail, phone, card or account that is stated, best first.

    Parameters
    ----------
    countries : sequence of ISO 3166-1 alpha-2
        Where a number without a country may be dialled, unless ``stated`` says its country.
    """
    found: dict[str, Holder] = {}
    said = person_name(stated.get("name"), stated.get("first_name"), stated.get("last_name"))
    country = stated.get("country") or ""
    dialled = (country.upper(),) if len(country) == 2 else tuple(countries) or (None,)
    i, m, p = t.identifier.c, t.membership.c, t.profile.c
    blocked = t.blocked_value.c
    for kind in KINDS:
        value = stated.get(kind)
        if not value:
            continue
        values = {
            normal.value
            for where in dialled
            if (normal := normalise_identifier(Identifier(kind=kind, value=value), where))
            and not blocked_reason(kind, normal.value)
        }
        values -= set(
            connection.scalars(
                select(blocked.value).where(blocked.kind == kind, blocked.value.in_(values))
            )
        )
        rows = connection.execute(
            select(m.profile_id, p.name)
            .join(t.membership, (m.atom_id == i.atom_id) & m.valid_to.is_(None))
            .join(t.profile, p.profile_id == m.profile_id)
            .where(i.kind == kind, i.namespace == "", i.value.in_(values))
            .distinct()
            .limit(_MOST_PROFILES + 1)
        ).all()
        if len(rows) > _MOST_PROFILES:
            continue
        alone = len(rows) == 1
        own = kind_of(kind).identifier_class is IdentifierClass.PERSON and not any(
            names_household(kind, each) for each in values
        )
        for profile_id, name in sorted(rows):
            contradicted = names_conflict(said, person_name(name))
            found.setdefault(
                profile_id,
                Holder(
                    profile_id=profile_id,
                    kind=kind,
                    alone=alone,
                    certain=alone and own and not contradicted,
                ),
            )
    return sorted(found.values(), key=lambda holder: (not holder.certain, not holder.alone))

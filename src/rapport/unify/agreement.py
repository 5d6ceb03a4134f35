"""Which silo agrees with the others, and which keeps one person or one value twice.

Looked at in a sample of people: profile ids are hashes, so that the first thousands by id are
anybody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, and_, func, select

from rapport.engines.ledger import among
from rapport.unify.blocked_values import blocked_reason
from rapport.unify.stored_evidence import rows_in
from rapport.unify.survivorship import best_groups
from rapport.unify.value_rules import CHANGEABLE
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier_values import (
    normalise_email,
    normalise_loyalty_card,
    normalise_phone,
)
from rapport.vocabulary.profile import Fact

#: People looked at.
MOST = 6_000
#: Kinds of records that somebody keeps of a person, of which there should be one per silo.
_KEPT = ("crm_contact", "customer_number", "loyalty_card", "user_id")
_SHAREABLE = ("email", "loyalty_card", "phone")


class Agreement(Struct, frozen=True, kw_only=True):
    """How often silos agree.

    Attributes
    ----------
    people : int
        Looked at.
    agreeing : mapping of (source, attribute) to (int, int)
        People for whom the source states what most of the silos that state it do (of a tie, what
        the most trusted one does), and people of whom it and another silo state the attribute.
    alone : mapping of source to (int, int)
        Records that are the only one of their person in the source, and all of its records.
    """

    people: int
    agreeing: Mapping[tuple[str, str], tuple[int, int]]
    alone: Mapping[str, tuple[int, int]]


def silo_agreement(connection: Connection, *, most: int = MOST) -> Agreement:
    """Compare what silos state about the same people."""
    profiles = list(
        connection.execute(
            select(t.profile.c.profile_id)
            .where(t.profile.c.merged_into.is_(None))
            .order_by(t.profile.c.profile_id)
            .limit(most)
        ).scalars()
    )
    m, a, f = t.membership.c, t.atom.c, t.attribute.c
    kinds: dict[int, str] = {}
    records: defaultdict[tuple[str, str], int] = defaultdict(int)
    profile_of: dict[int, str] = {}
    for row in rows_in(
        connection,
        lambda piece: (
            select(m.profile_id, a.atom_id, a.kind, a.source)
            .join(t.atom, a.atom_id == m.atom_id)
            .where(among(m.profile_id, piece), m.valid_to.is_(None))
        ),
        profiles,
    ):
        profile_of[row[1]], kinds[row[1]] = row[0], row[2]
        if row[2] in _KEPT:
            records[row[0], row[3]] += 1
    stated: defaultdict[str, list[Fact]] = defaultdict(list)
    for row in rows_in(
        connection,
        lambda piece: select(f.atom_id, f.name, f.value, f.source, f.observed_at).where(
            among(f.atom_id, piece)
        ),
        profile_of,
    ):
        stated[profile_of[row[0]]].append(
            Fact(name=row[1], value=row[2], source=row[3], observed_at=row[4], atom_id=row[0])
        )
    agreeing: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for facts in stated.values():
        for (source, name), agrees in agreements(facts, kinds).items():
            agreeing[source, name][0] += agrees
            agreeing[source, name][1] += 1
    alone: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (_, source), count in records.items():
        alone[source][0] += count == 1
        alone[source][1] += count
    return Agreement(
        people=len(profiles),
        agreeing={key: (good, n) for key, (good, n) in agreeing.items()},
        alone={key: (good, n) for key, (good, n) in alone.items()},
    )


def agreements(stated: Sequence[Fact], kinds: Mapping[int, str]) -> dict[tuple[str, str], bool]:
    """Of one person: whether each silo agrees on each attribute that several silos state; pure.

    Parameters
    ----------
    stated : sequence of Fact
    kinds : mapping
        Kind of each record, by atom id.
    """
    found: dict[tuple[str, str], bool] = {}
    for name, groups in best_groups(stated, kinds).items():
        silos = [{fact.source for fact in group} for group in groups]
        if name in CHANGEABLE or len(set().union(*silos)) < 2:
            continue
        # Groups stand by trust, best first, so that the first of the largest is the tie's winner.
        most = max(silos, key=len)
        for source in set().union(*silos):
            found[source, name] = source in most
    return found


def shared_values(
    connection: Connection, asked: Mapping[tuple[str, str], Collection[tuple[str, str | None]]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """How many of a source's values of an e-mail address, phone or card are on one record only.

    Values that are nobody's are left out: they are no use already. So are records that are known
    by the value itself, which cannot share it.

    Parameters
    ----------
    asked : mapping of (source, attribute) to (value, country) pairs
        As stated.

    Returns
    -------
    dict of (source, attribute) to (int, int)
        Values on one record of the source only, and values looked up.
    """
    i, a = t.identifier.c, t.atom.c
    found = {}
    for (source, name), values in asked.items():
        if name not in _SHAREABLE:
            continue
        normal = {
            n
            for value, country in values
            if (n := _normal(name, value, country)) and not blocked_reason(name, n)
        }
        counts = [
            row[1]
            for row in rows_in(
                connection,
                lambda piece, name=name, source=source: (  # type: ignore[misc]
                    select(i.value, func.count())
                    .join(t.atom, and_(a.atom_id == i.atom_id, a.source == source))
                    .where(
                        i.kind == name,
                        i.namespace == "",
                        among(i.value, piece),
                        a.kind != name,
                        a.kind.in_(_KEPT),
                    )
                    .group_by(i.value)
                ),
                normal,
            )
        ]
        found[source, name] = (sum(count == 1 for count in counts), len(counts))
    return found


def _normal(name: str, value: str, country: str | None) -> str | None:
    if name == "email":
        return normalise_email(value)
    return normalise_phone(value, country) if name == "phone" else normalise_loyalty_card(value)

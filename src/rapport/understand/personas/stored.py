"""Discovered groups as the ledger keeps them: fits, ids and names, members, and portraits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from rapport.engines.ledger import Ledger, among
from rapport.understand.personas.carried import Fate, Flow
from rapport.understand.personas.day import Day
from rapport.understand.personas.discovery import Groups
from rapport.understand.personas.stability import Stability
from rapport.understand.personas.statements import Statement, Trait
from rapport.understand.personas.words import Word
from rapport.vocabulary.ledger_tables import persona, persona_fit, persona_member, portrait

KEY = "persona-"
_CHUNK = 1_000


class Migration(Struct, frozen=True, kw_only=True):
    """What became of the groups of the fit before; ``since`` is that fit."""

    since: int
    fates: Mapping[int, Fate]
    sources: Mapping[int, tuple[int, ...]]
    flows: tuple[Flow, ...]


class Fit(Struct, frozen=True, kw_only=True):
    """One search. Either ``groups`` are there or ``refused`` says why there are none.

    Attributes
    ----------
    persona_ids : tuple of int
        Of each group, in the order of their centres.
    reason, customers : str or None, int
        Of a refusal: what there was too little of, and of how many enough is known.
    """

    fit_id: int
    fitted_at: datetime
    data_until: datetime
    status: Literal["live", "retired", "refused"]
    groups: Groups | None = None
    persona_ids: tuple[int, ...] = ()
    migration: Migration | None = None
    refused: str | None = None
    reason: Literal["facts", "customers", "stability"] | None = None
    customers: int = 0
    stability: tuple[Stability, ...] = ()


class Persona(Struct, frozen=True, kw_only=True):
    """A discovered group: ``traits`` name it until a colleague does."""

    persona_id: int
    name: str | None
    traits: tuple[Trait, ...]
    first_fit: int
    last_fit: int

    @property
    def key(self) -> str:
        """As a segment."""
        return f"{KEY}{self.persona_id}"


class Portrait(Struct, frozen=True, kw_only=True):
    """What the members of a segment are like.

    Attributes
    ----------
    members, described : int
        Who belong, and of whom something was recorded in the year.
    everybody : int
        Customers whom they are compared with.
    everybody_in_groups : bool
        Whether those are only the customers who are in a discovered group.
    day, base : Day or None
        A typical day of the group, and of those whom it is compared with.
    words : tuple of Word
        What the members write about more than those whom they are compared with.
    """

    segment_key: str
    made_at: datetime
    data_until: datetime
    members: int
    described: int
    everybody: int
    statements: tuple[Statement, ...] = ()
    everybody_in_groups: bool = False
    day: Day | None = None
    base: Day | None = None
    words: tuple[Word, ...] = ()


# ── fits ───────────────────────────────────────────────────────────────────────────────────────


def newest_fit(connection: Connection, *, with_groups: bool = False) -> Fit | None:
    """The newest search, or the newest that found groups."""
    f = persona_fit.c
    asked = select(persona_fit).order_by(f.fit_id.desc()).limit(1)
    row = connection.execute(asked.where(f.status != "refused") if with_groups else asked).first()
    return None if row is None else _fit(row)


def _fit(row: Any) -> Fit:
    return msgspec.convert(
        {
            **row.card, "fit_id": row.fit_id, "fitted_at": row.fitted_at,
            "data_until": row.data_until, "status": row.status,
        },
        Fit,
        strict=False,
    )  # fmt: skip


def keep_fit(
    connection: Connection, *, at: datetime, data_until: datetime, status: str, **card: Any
) -> int:
    """Keep a search as the newest; a live one retires those before. Returns its number."""
    connection.execute(
        update(persona_fit).where(persona_fit.c.status == "live").values(status="retired")
    )
    made = connection.execute(
        insert(persona_fit)
        .values(
            fitted_at=at, data_until=data_until, status=status,
            card=msgspec.to_builtins(card, str_keys=True),
        )
        .returning(persona_fit.c.fit_id)
    )  # fmt: skip
    return int(made.scalar_one())


# ── groups and who is in them ──────────────────────────────────────────────────────────────────


def next_persona_id(connection: Connection) -> int:
    """The first id that was never given to a group."""
    return int(connection.scalar(select(func.max(persona.c.persona_id))) or 0) + 1


def keep_personas(connection: Connection, persona_ids: Sequence[int], fit_id: int) -> None:
    """Write down that a fit found these groups; new ones are not described yet."""
    known = set(connection.scalars(select(persona.c.persona_id)))
    rows: list[dict[str, Any]] = [
        {"persona_id": each, "name": None, "traits": [], "first_fit": fit_id, "last_fit": fit_id}
        for each in persona_ids
    ]
    fresh = [row for row in rows if row["persona_id"] not in known]
    if fresh:
        connection.execute(insert(persona), fresh)
    connection.execute(
        update(persona).where(among(persona.c.persona_id, persona_ids)).values(last_fit=fit_id)
    )


def live_personas(connection: Connection) -> tuple[Persona, ...]:
    """The groups that the live fit found, by id."""
    p, f = persona.c, persona_fit.c
    rows = connection.execute(
        select(persona)
        .join(persona_fit, f.fit_id == p.last_fit)
        .where(f.status == "live")
        .order_by(p.persona_id)
    )
    return tuple(_persona(row) for row in rows)


def all_personas(connection: Connection) -> tuple[Persona, ...]:
    """Every group that was ever found, those that are gone too."""
    rows = connection.execute(select(persona).order_by(persona.c.persona_id))
    return tuple(_persona(row) for row in rows)


def _persona(row: Any) -> Persona:
    return Persona(
        persona_id=row.persona_id,
        name=row.name,
        traits=msgspec.convert(row.traits, tuple[Trait, ...]),
        first_fit=row.first_fit,
        last_fit=row.last_fit,
    )


def name_persona(
    connection: Connection,
    persona_id: int,
    *,
    name: str | None = None,
    traits: Sequence[Trait] | None = None,
) -> None:
    """Name a group: by a colleague's word (None takes it back), or by the traits it has."""
    values: dict[str, Any] = (
        {"name": name} if traits is None else {"traits": msgspec.to_builtins(list(traits))}
    )
    connection.execute(update(persona).where(persona.c.persona_id == persona_id).values(**values))


def keep_members(
    connection: Connection, ledger: Ledger, placed: Mapping[str, int], at: datetime
) -> int:
    """Write down who is in which group now; returns how many changed, came or went."""
    m = persona_member.c
    before = {row.profile_id: row.persona_id for row in connection.execute(select(persona_member))}
    gone = sorted(before.keys() - placed.keys())
    for start in range(0, len(gone), _CHUNK):
        connection.execute(
            delete(persona_member).where(among(m.profile_id, gone[start : start + _CHUNK]))
        )
    moved = [
        {"profile_id": name, "persona_id": group, "since": at}
        for name, group in sorted(placed.items())
        if before.get(name) != group
    ]
    ledger.upsert(connection, persona_member, moved, ["profile_id"], ["persona_id", "since"])
    return len(gone) + len(moved)


def personas_of(
    connection: Connection, profile_ids: Sequence[str] | None = None
) -> list[tuple[str, str]]:
    """Profile and key of the group, of everybody who is in one, or of some."""
    m = persona_member.c
    asked = select(m.profile_id, m.persona_id)
    if profile_ids is not None:
        asked = asked.where(among(m.profile_id, profile_ids))
    return [(row[0], f"{KEY}{row[1]}") for row in connection.execute(asked)]


# ── portraits ──────────────────────────────────────────────────────────────────────────────────


def keep_portraits(connection: Connection, portraits: Collection[Portrait]) -> None:
    """Keep what segments are like; of segments that are gone nothing is kept."""
    connection.execute(delete(portrait))
    rows = [
        {
            "segment_key": each.segment_key, "made_at": each.made_at,
            "data_until": each.data_until, "portrait": msgspec.to_builtins(each),
        }
        for each in portraits
    ]  # fmt: skip
    if rows:
        connection.execute(insert(portrait), rows)


def portrait_of(connection: Connection, segment_key: str) -> Portrait | None:
    """What the members of a segment are like; None where it was not looked at yet."""
    found = connection.scalar(
        select(portrait.c.portrait).where(portrait.c.segment_key == segment_key)
    )
    return None if found is None else msgspec.convert(found, Portrait, strict=False)


# ── personal data ──────────────────────────────────────────────────────────────────────────────


def export_person(
    connection: Connection, profile_ids: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """The group that a person is in; under all ids that lead to them."""
    rows = connection.execute(
        select(persona_member).where(among(persona_member.c.profile_id, sorted(profile_ids)))
    )
    return {"persona_member": [msgspec.to_builtins(dict(row._mapping)) for row in rows]}


def erase_person(connection: Connection, profile_ids: Collection[str]) -> dict[str, int]:
    """Forget a person; returns rows deleted by table. Fits and portraits name nobody."""
    gone = connection.execute(
        delete(persona_member).where(among(persona_member.c.profile_id, sorted(profile_ids)))
    )
    return {"persona_member": gone.rowcount}

"""The segments that there are: ready-made ones and the company's own, kept and changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select, update

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.understand.personas.statements import Trait
from rapport.understand.personas.stored import KEY, Persona, live_personas
from rapport.understand.segments.ready_made import READY_MADE
from rapport.understand.segments.rule import Rule, check, read_rule, where
from rapport.vocabulary.ledger_tables import audit, segment
from rapport.workflows.company import Company

OWN = "own-"


class NamedSegment(Struct, frozen=True, kw_only=True):
    """A segment with its rule; where `name` is None, pages find the words.

    `traits` are those of a discovered group, which name it until a colleague does.
    """

    key: str
    name: str | None
    rule: Rule
    author: str | None = None
    created_at: datetime | None = None
    traits: tuple[Trait, ...] = ()

    @property
    def discovered(self) -> bool:
        """Whether it was found in the data: its name can be changed and its rule cannot."""
        return self.key.startswith(KEY)

    @property
    def ready_made(self) -> bool:
        """Whether it came with the product or was discovered, and its rule cannot be changed."""
        return not self.key.startswith(OWN)


_READY = {each.key: NamedSegment(key=each.key, name=None, rule=each.rule) for each in READY_MADE}


def _named(row: Any) -> NamedSegment:
    return NamedSegment(
        key=f"{OWN}{row.segment_id}",
        name=row.name,
        rule=read_rule(msgspec.json.encode(row.rule)),
        author=row.author,
        created_at=row.created_at,
    )


def _discovered(persona: Persona) -> NamedSegment:
    rule = where("persona", "eq", persona.key)
    return NamedSegment(key=persona.key, name=persona.name, rule=rule, traits=persona.traits)


def all_segments(company: Company) -> tuple[NamedSegment, ...]:
    """The ready-made ones, those discovered, then the company's own by name."""
    with company.ledger.read() as connection:
        found = live_personas(connection)
        rows = connection.execute(select(segment).order_by(segment.c.name)).all()
    return (*_READY.values(), *map(_discovered, found), *map(_named, rows))


def find_segment(company: Company, key: str) -> NamedSegment:
    """The segment of a key.

    Raises
    ------
    NotFound
        If there is none.
    """
    if key in _READY:
        return _READY[key]
    if key.startswith(KEY):
        with company.ledger.read() as connection:
            found = [each for each in live_personas(connection) if each.key == key]
        if not found:
            raise NotFound(f"There is no discovered group {key!r} now. See /personas.")
        return _discovered(found[0])
    number = _own_id(key)
    with company.ledger.read() as connection:
        row = connection.execute(select(segment).where(segment.c.segment_id == number)).first()
    if row is None:
        raise NotFound(f"There is no segment {key!r}; it may have been deleted. See /segments.")
    return _named(row)


def _own_id(key: str) -> int:
    digits = key.removeprefix(OWN)
    # isdecimal() accepts digits of every script; int() of a long one is no id of ours either.
    if key.startswith(OWN) and digits.isascii() and digits.isdecimal() and len(digits) < 18:
        return int(digits)
    raise NotFound(f"There is no segment {key!r}. See /segments.")


# ── making and changing ────────────────────────────────────────────────────────────────────────


def save_segment(
    company: Company, *, name: str, rule: Rule, author: str, key: str | None = None
) -> str:
    """Keep a segment; returns its key. With ``key``, change the one that has it.

    Raises
    ------
    InvalidInput
        If the name is empty or too long, or the rule is not valid.
    Conflict
        If another segment has the name.
    NotFound
        If the segment to be changed is gone.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80:
        raise InvalidInput("A segment needs a name of 1 to 80 characters")
    check(rule)
    now = company.clock()
    values = {"name": name, "rule": msgspec.to_builtins(rule)}
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "segment")
        number = None if key is None else _own_id(key)
        taken = connection.scalar(select(segment.c.segment_id).where(segment.c.name == name))
        if taken is not None and taken != number:
            raise Conflict(f"A segment named {name!r} exists already; choose another name")
        if number is None:
            made = connection.execute(
                insert(segment)
                .values(**values, author=author, created_at=now)
                .returning(segment.c.segment_id)
            )
            number = int(made.scalar_one())
        else:
            changed = connection.execute(
                update(segment).where(segment.c.segment_id == number).values(**values)
            )
            if not changed.rowcount:
                raise NotFound(f"There is no segment {key!r}; it may have been deleted.")
        action = "segment_made" if key is None else "segment_changed"
        _audit(connection, now, author, action, f"{OWN}{number}")
    return f"{OWN}{number}"


def delete_segment(company: Company, key: str, *, author: str) -> NamedSegment:
    """Forget a segment of the company's own; returns it, so that it can be made again."""
    found = find_segment(company, key)
    if found.ready_made:
        raise InvalidInput(f"{key} came with the product or was discovered, and cannot be deleted")
    with company.ledger.write() as connection:
        connection.execute(delete(segment).where(segment.c.segment_id == _own_id(key)))
        _audit(connection, company.clock(), author, "segment_deleted", key)
    return found


def _audit(connection: Connection, now: datetime, actor: str, action: str, subject: str) -> None:
    connection.execute(insert(audit).values(at=now, actor=actor, action=action, subject=subject))

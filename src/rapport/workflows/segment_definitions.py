"""The segments that there are: ready-made ones and the company's own, kept and changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select, update

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.understand.segments.ready_made import READY_MADE
from rapport.understand.segments.rule import Rule, check, read_rule
from rapport.vocabulary.ledger_tables import audit, segment
from rapport.workflows.company import Company

OWN = "own-"


class NamedSegment(Struct, frozen=True, kw_only=True):
    """A segment with its rule; `name` is None for ready-made ones, which pages put into words."""

    key: str
    name: str | None
    rule: Rule
    author: str | None = None
    created_at: datetime | None = None

    @property
    def ready_made(self) -> bool:
        """Whether it came with the product and cannot be changed."""
        return self.name is None


_READY = {each.key: NamedSegment(key=each.key, name=None, rule=each.rule) for each in READY_MADE}


def _named(row: Any) -> NamedSegment:
    return NamedSegment(
        key=f"{OWN}{row.segment_id}",
        name=row.name,
        rule=read_rule(msgspec.json.encode(row.rule)),
        author=row.author,
        created_at=row.created_at,
    )


def all_segments(company: Company) -> tuple[NamedSegment, ...]:
    """The ready-made ones, then the company's own by name."""
    with company.ledger.read() as connection:
        rows = connection.execute(select(segment).order_by(segment.c.name)).all()
    return (*_READY.values(), *map(_named, rows))


def find_segment(company: Company, key: str) -> NamedSegment:
    """The segment of a key.

    Raises
    ------
    NotFound
        If there is none.
    """
    if key in _READY:
        return _READY[key]
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
        raise InvalidInput(f"{key} came with the product and cannot be deleted")
    with company.ledger.write() as connection:
        connection.execute(delete(segment).where(segment.c.segment_id == _own_id(key)))
        _audit(connection, company.clock(), author, "segment_deleted", key)
    return found


def _audit(connection: Connection, now: datetime, actor: str, action: str, subject: str) -> None:
    connection.execute(insert(audit).values(at=now, actor=actor, action=action, subject=subject))

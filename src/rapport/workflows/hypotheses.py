"""Hypotheses: written down, looked at, and who is behind the figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update

from rapport.errors import InvalidInput, NotFound
from rapport.understand.hypotheses.check import Result, check_against
from rapport.understand.hypotheses.definition import (
    Hypothesis,
    check_hypothesis,
    read_hypothesis,
)
from rapport.understand.hypotheses.subjects import followed
from rapport.understand.hypotheses.verdict import level
from rapport.vocabulary.ledger_tables import audit, hypothesis, hypothesis_look
from rapport.workflows.company import Company
from rapport.workflows.customer_names import names_of
from rapport.workflows.journeys import period_end
from rapport.workflows.known import known
from rapport.workflows.remembered import data_version, remembered

PAGE = 50
Side = Literal["exposed", "others"]
_LONGEST = 300


class Look(Struct, frozen=True, kw_only=True):
    """What the data said on one day; `number` counts all looks of the company."""

    number: int
    looked_at: datetime
    data_until: datetime
    author: str
    result: Result


class NamedHypothesis(Struct, frozen=True, kw_only=True):
    """A hypothesis in its author's words, with its looks, the newest first."""

    hypothesis_id: int
    statement: str
    definition: Hypothesis
    author: str
    created_at: datetime
    looks: tuple[Look, ...] = ()

    @property
    def newest(self) -> Look | None:
        """The last look; None: nobody has looked yet."""
        return self.looks[0] if self.looks else None


class Compared(Struct, frozen=True, kw_only=True):
    """A customer on one side of the comparison; `outcome` in the hypothesis' unit."""

    profile_id: str
    name: str | None
    followed_from: datetime
    outcome: float


class ComparedPage(Struct, frozen=True, kw_only=True):
    """One page of the customers of a side, the newest first."""

    total: int
    first: int
    people: tuple[Compared, ...]


def list_hypotheses(company: Company) -> tuple[NamedHypothesis, ...]:
    """All that are not withdrawn, the newest first, each with its looks."""
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(hypothesis)
            .where(hypothesis.c.withdrawn_at.is_(None))
            .order_by(hypothesis.c.hypothesis_id.desc())
        ).all()
        looks: dict[int, list[Look]] = {row.hypothesis_id: [] for row in rows}
        for row in connection.execute(
            select(hypothesis_look).order_by(hypothesis_look.c.number.desc())
        ):
            if row.hypothesis_id in looks:
                looks[row.hypothesis_id].append(_look(row))
    return tuple(_named(row, looks[row.hypothesis_id]) for row in rows)


def find_hypothesis(company: Company, hypothesis_id: int) -> NamedHypothesis:
    """One hypothesis.

    Raises
    ------
    NotFound
        If there is none, or it was withdrawn.
    """
    with company.ledger.read() as connection:
        return _find(connection, hypothesis_id)


def _find(connection: Connection, hypothesis_id: int) -> NamedHypothesis:
    row = connection.execute(
        select(hypothesis).where(
            hypothesis.c.hypothesis_id == hypothesis_id, hypothesis.c.withdrawn_at.is_(None)
        )
    ).first()
    if row is None:
        raise NotFound(f"There is no hypothesis {hypothesis_id}; /hypotheses lists them")
    looks = connection.execute(
        select(hypothesis_look)
        .where(hypothesis_look.c.hypothesis_id == hypothesis_id)
        .order_by(hypothesis_look.c.number.desc())
    )
    return _named(row, [_look(each) for each in looks])


def _named(row: Any, looks: Sequence[Look]) -> NamedHypothesis:
    return NamedHypothesis(
        hypothesis_id=row.hypothesis_id,
        statement=row.statement,
        definition=read_hypothesis(row.definition),
        author=row.author,
        created_at=row.created_at,
        looks=tuple(looks),
    )


def _look(row: Any) -> Look:
    return Look(
        number=row.number,
        looked_at=row.looked_at,
        data_until=row.data_until,
        author=row.author,
        result=msgspec.convert(row.result, Result),
    )


def write_hypothesis(
    company: Company, *, statement: str, definition: Hypothesis, author: str
) -> int:
    """Keep a hypothesis before anybody looks; returns its number.

    Raises
    ------
    InvalidInput
        If the definition is not valid, or the statement is empty or too long.
    """
    check_hypothesis(definition)
    words = " ".join(statement.split())
    if not 1 <= len(words) <= _LONGEST:
        raise InvalidInput(f"Say in 1 to {_LONGEST} characters what you believe")
    now = company.clock()
    with company.ledger.write() as connection:
        made = connection.execute(
            insert(hypothesis)
            .values(
                statement=words,
                definition=msgspec.to_builtins(definition),
                author=author,
                created_at=now,
            )
            .returning(hypothesis.c.hypothesis_id)
        ).scalar_one()
        _audit(connection, now, author, "hypothesis_written", made)
    return int(made)


def withdraw_hypothesis(company: Company, hypothesis_id: int, *, author: str) -> None:
    """Take a hypothesis off the list. Its looks have been: they go on counting."""
    with company.ledger.write() as connection:
        _find(connection, hypothesis_id)
        _set_withdrawn(connection, company, hypothesis_id, author=author, withdrawn=True)


def restore_hypothesis(company: Company, hypothesis_id: int, *, author: str) -> None:
    """Put a withdrawn hypothesis on the list again."""
    with company.ledger.write() as connection:
        _set_withdrawn(connection, company, hypothesis_id, author=author, withdrawn=False)
        _find(connection, hypothesis_id)


def _set_withdrawn(
    connection: Connection, company: Company, hypothesis_id: int, *, author: str, withdrawn: bool
) -> None:
    now = company.clock()
    connection.execute(
        update(hypothesis)
        .where(hypothesis.c.hypothesis_id == hypothesis_id)
        .values(withdrawn_at=now if withdrawn else None)
    )
    action = "hypothesis_withdrawn" if withdrawn else "hypothesis_restored"
    _audit(connection, now, author, action, hypothesis_id)


def look(company: Company, hypothesis_id: int, *, author: str) -> Look:
    """Hold a hypothesis against the data as they are now.

    The same data are looked at once: then the look that was is given again, since a second one
    would cost strictness and bring nothing.
    """
    version = data_version(company)
    asked = find_hypothesis(company, hypothesis_id)
    people, until = _people(company, version, asked.definition)
    now = company.clock()
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "hypothesis_look")
        table = hypothesis_look
        last = connection.execute(
            select(table)
            .where(table.c.hypothesis_id == hypothesis_id, table.c.data_version == version)
            .order_by(table.c.number.desc())
        ).first()
        if last is not None:
            return _look(last)
        looks = int(connection.scalar(select(func.count()).select_from(table)) or 0)
        findings = int(
            connection.scalar(select(func.count()).where(table.c.is_finding.is_(True))) or 0
        )
        result = check_against(asked.definition, people, alpha=level(looks, findings))
        row = {
            "number": looks + 1,
            "hypothesis_id": hypothesis_id,
            "looked_at": now,
            "data_until": until,
            "data_version": version,
            "author": author,
            "verdict": result.said.verdict,
            "is_finding": result.said.is_finding,
            "result": msgspec.to_builtins(result),
        }
        connection.execute(insert(table).values(**row))
        _audit(connection, now, author, "hypothesis_looked_at", hypothesis_id)
    return Look(number=looks + 1, looked_at=now, data_until=until, author=author, result=result)


def _people(company: Company, version: str, definition: Hypothesis) -> tuple[pa.Table, datetime]:
    until = period_end(company)
    seen = company.seen
    found = remembered(
        company,
        version,
        ["hypothesis", msgspec.to_builtins(definition), until],
        lambda: followed(seen, definition, until=until, known=known(company, version)),
    )
    return found, until


def compared_customers(
    company: Company, hypothesis_id: int, side: Side, *, page: int = 1
) -> ComparedPage:
    """The customers of one side as the data are now, those last followed first."""
    if page < 1:
        raise InvalidInput(f"Pages are counted from 1, not {page}")
    asked = find_hypothesis(company, hypothesis_id)
    people, _ = _people(company, data_version(company), asked.definition)
    own = people.filter(
        pc.and_(
            pc.equal(people["exposed"], 1 if side == "exposed" else 0),
            pc.is_valid(people["outcome"]),
        )
    ).sort_by([("index_at", "descending"), ("profile_id", "ascending")])
    first = (page - 1) * PAGE
    rows = own.select(["profile_id", "index_at", "outcome"]).slice(first, PAGE).to_pylist()
    with company.ledger.read() as connection:
        names = names_of(connection, [row["profile_id"] for row in rows])
    return ComparedPage(
        total=own.num_rows,
        first=first + 1,
        people=tuple(
            Compared(
                profile_id=row["profile_id"],
                name=names.get(row["profile_id"]),
                followed_from=row["index_at"],
                outcome=row["outcome"],
            )
            for row in rows
        ),
    )


def _audit(
    connection: Connection, at: datetime, actor: str, action: str, hypothesis_id: int
) -> None:
    connection.execute(
        insert(audit).values(
            at=at, actor=actor, action=action, subject=str(hypothesis_id), details={}
        )
    )

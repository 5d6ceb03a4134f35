"""What pages, API and commands tell of discovered groups and of what segments are like."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import func, insert, select

from rapport.errors import InvalidInput, NotFound
from rapport.understand.personas.stored import (
    KEY,
    Fit,
    Persona,
    Portrait,
    all_personas,
    live_personas,
    name_persona,
    newest_fit,
    portrait_of,
)
from rapport.vocabulary.ledger_tables import audit, job, persona_fit, persona_member
from rapport.workflows.company import Company
from rapport.workflows.persona_searches import JOB, search_under_way
from rapport.workflows.segment_definitions import find_segment


class PersonaRow(Struct, frozen=True, kw_only=True):
    """One discovered group beside the others; ``share`` is of those who are in one, 0 … 1."""

    persona: Persona
    customers: int
    share: float
    portrait: Portrait | None


class PersonasView(Struct, frozen=True, kw_only=True):
    """The discovered groups, the search behind them, and what is under way.

    `fit` is the newest search; None: nobody searched yet. `working` says that a search waits or
    runs; `problem`, why the last one failed.
    """

    fit: Fit | None
    personas: tuple[PersonaRow, ...]
    placed: int
    working: bool
    problem: str | None


def list_personas(company: Company) -> PersonasView:
    """The discovered groups, the largest first, with their portraits."""
    m = persona_member.c
    with company.ledger.read() as connection:
        fit = newest_fit(connection)
        sizes: dict[int, int] = {
            row[0]: row[1]
            for row in connection.execute(select(m.persona_id, func.count()).group_by(m.persona_id))
        }
        found = [(each, portrait_of(connection, each.key)) for each in live_personas(connection)]
        working = search_under_way(connection) is not None
        last = connection.execute(
            select(job.c.status, job.c.error)
            .where(job.c.kind == JOB)
            .order_by(job.c.job_id.desc())
            .limit(1)
        ).first()
    placed = sum(sizes.values())
    rows = [
        PersonaRow(
            persona=each,
            customers=sizes.get(each.persona_id, 0),
            share=sizes.get(each.persona_id, 0) / placed if placed else 0.0,
            portrait=portrait,
        )
        for each, portrait in found
    ]
    return PersonasView(
        fit=fit,
        personas=tuple(sorted(rows, key=lambda row: (-row.customers, row.persona.persona_id))),
        placed=placed,
        working=working,
        problem=last.error if last is not None and last.status == "failed" else None,
    )


def newest_portrait(company: Company, key: str) -> Portrait | None:
    """What the members of any segment are like; None where nobody looked at it yet.

    Raises
    ------
    NotFound
        If there is no such segment.
    """
    find_segment(company, key)
    with company.ledger.read() as connection:
        return portrait_of(connection, key)


def find_portrait(company: Company, key: str) -> Portrait:
    """What the members of any segment are like.

    Raises
    ------
    NotFound
        If there is no such segment, or nobody looked at it yet.
    """
    found = newest_portrait(company, key)
    if found is None:
        raise NotFound(
            f"Segment {key!r} was not described yet, or nobody belongs to it; the worker describes "
            "all segments once a day, and `rapport personas find` does so at once"
        )
    return found


def find_migration(company: Company) -> tuple[Fit | None, tuple[Persona, ...]]:
    """The newest search that found groups, with who moved since the one before, and all groups.

    Returns
    -------
    fit : Fit or None
        None where no groups were found yet.
    personas : tuple of Persona
    """
    with company.ledger.read() as connection:
        return newest_fit(connection, with_groups=True), all_personas(connection)


def fit_day(company: Company, fit_id: int) -> datetime:
    """When a search was made.

    Raises
    ------
    NotFound
        If there was none of that number.
    """
    f = persona_fit.c
    with company.ledger.read() as connection:
        at: datetime | None = connection.scalar(select(f.fitted_at).where(f.fit_id == fit_id))
    if at is None:
        raise NotFound(f"There was no search {fit_id}; `rapport personas list` names the newest")
    return at


def rename_persona(company: Company, key: str, name: str | None, *, author: str) -> None:
    """Name a discovered group; None goes back to the name that its traits make.

    Raises
    ------
    InvalidInput
        If the name is too long.
    NotFound
        If there is no such group now.
    """
    find_segment(company, key)
    if not key.startswith(KEY):
        raise InvalidInput(f"{key} is no discovered group; change its name at /segments")
    said = " ".join((name or "").split())
    if len(said) > 80:
        raise InvalidInput("A group needs a name of at most 80 characters")
    with company.ledger.write() as connection:
        name_persona(connection, int(key.removeprefix(KEY)), name=said or None)
        connection.execute(
            insert(audit).values(
                at=company.clock(), actor=author, action="persona_named", subject=key
            )
        )

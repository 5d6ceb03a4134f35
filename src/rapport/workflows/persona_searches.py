"""Searches for groups of customers that run in the background: asked for, weekly, or daily."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from rapport.understand.personas.stored import newest_fit
from rapport.vocabulary.ledger_tables import audit, job, portrait
from rapport.workflows.company import Company
from rapport.workflows.personas import find_personas, place_personas

JOB = "personas"
FIND_EVERY = timedelta(days=7)
PLACE_EVERY = timedelta(days=1)


def request_personas(company: Company, *, author: str) -> int:
    """Have the worker search for groups; returns the job's number, that of one under way if any."""
    now = company.clock()
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "personas_job")
        waiting = search_under_way(connection)
        if waiting is not None:
            return int(waiting.job_id)
        made = connection.execute(
            insert(job)
            .values(kind=JOB, arguments={}, status="waiting", done=0, created_at=now)
            .returning(job.c.job_id)
        )
        number = int(made.scalar_one())
        connection.execute(
            insert(audit).values(at=now, actor=author, action="personas.find", subject=str(number))
        )
    return number


def search_under_way(connection: Connection) -> Any | None:
    """The job of a search that waits or runs, if any."""
    return connection.execute(
        select(job).where(job.c.kind == JOB, job.c.status.in_(("waiting", "running")))
    ).first()


def personas_are_due(company: Company) -> bool:
    """Whether a search was asked for, or the last one or the portraits are old."""
    now = company.clock()
    if company.choice("customers_built_at") is None:
        return False
    with company.ledger.read() as connection:
        fit = newest_fit(connection)
        made = connection.scalar(select(func.min(portrait.c.made_at)))
        if search_under_way(connection) is not None or fit is None:
            return True
    return now - fit.fitted_at >= FIND_EVERY or (made is not None and now - made >= PLACE_EVERY)


def renew_personas(company: Company) -> None:
    """Search where that is due or asked for; else place everybody anew."""
    now = company.clock()
    with company.ledger.read() as connection:
        asked, fit = search_under_way(connection), newest_fit(connection)
    if asked is None and fit is not None and now - fit.fitted_at < FIND_EVERY:
        place_personas(company)
        return
    number = request_personas(company, author="worker") if asked is None else int(asked.job_id)
    _tell(company, number, status="running", started_at=now)

    def progress(step: str, done: int, total: int | None) -> None:
        _tell(company, number, step=step, done=done, total=total)

    ended: dict[str, Any] = {"status": "done"}
    try:
        found = find_personas(company, progress=progress)
        ended["result"] = {"fit": found.fit_id, "refused": found.refused}
    except Exception as problem:
        # Kept where its page shows it; the message of a foreign error may quote a person.
        ended = {"status": "failed", "error": getattr(problem, "message", type(problem).__name__)}
        raise
    finally:
        _tell(company, number, finished_at=company.clock(), **ended)


def _tell(company: Company, number: int, **values: Any) -> None:
    with company.ledger.write() as connection:
        connection.execute(update(job).where(job.c.job_id == number).values(**values))

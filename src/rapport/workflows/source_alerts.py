"""Late and missing feeds: found by the clock, told to those who look after them, once."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from msgspec import Struct
from sqlalchemy import select

from rapport.act.alert_mail import Owner
from rapport.act.source_alerts import (
    Colleague,
    SourceProblem,
    close_source_alerts,
    raise_source_alerts,
)
from rapport.understand.quality.volume import volumes
from rapport.vocabulary.ledger_tables import user
from rapport.workflows.company import Company
from rapport.workflows.pull import pull_states
from rapport.workflows.quality import received_by_day
from rapport.workflows.sources import SourceLine, source_overview

#: Below this part of what is usual, and below the band, a day is missing and not only quiet.
FAR_BELOW = 0.5


class Watched(Struct, frozen=True, kw_only=True):
    """What one look at the sources changed."""

    problems: tuple[SourceProblem, ...]
    opened: int = 0
    closed: tuple[str, ...] = ()


def source_problems(company: Company) -> list[SourceProblem]:
    """Every enabled source that is late, sent far too little yesterday, or cannot be fetched."""
    now = company.clock()
    given_up = {
        each.source: each for each in pull_states(company) if each.given_up and each.every_minutes
    }
    found = []
    for line in source_overview(company):
        if not line.enabled:
            continue
        since = line.last_received_at or line.created_at
        if (pull := given_up.get(line.name)) is not None:
            found.append(
                SourceProblem(
                    source=line.name, label=line.label, code="pull_failed", since=since,
                    failures=pull.failures,
                )
            )  # fmt: skip
        elif line.state == "late":
            found.append(
                SourceProblem(
                    source=line.name, label=line.label, code="late", since=since,
                    hours=line.age_hours, expected_hours=line.expected_every_hours,
                )
            )  # fmt: skip
        elif (low := _low_volume(company, line, now)) is not None:
            found.append(low)
    return found


def _low_volume(company: Company, line: SourceLine, now: datetime) -> SourceProblem | None:
    """Yesterday, the last whole day in UTC, if it brought far less than its weekday does."""
    day = now.date() - timedelta(days=1)
    (found,) = volumes(received_by_day(company, line.name, now), [day])
    if found.state != "low" or found.expected is None:
        return None
    if found.count >= FAR_BELOW * found.expected:
        return None
    return SourceProblem(
        source=line.name,
        label=line.label,
        code="low_volume",
        # The day is the incident: what came since says nothing of it.
        since=datetime.combine(day, time(), UTC),
        count=found.count,
        expected=found.expected,
    )


def watch_sources(company: Company) -> Watched:
    """Open tickets for feeds that stopped, with mails in the outbox; close those that flow again.

    The demo company's silos ended with its making, so that they are not watched.
    """
    if company.choice("demo") is not None:
        return Watched(problems=())
    problems = source_problems(company)
    now = company.clock()
    role = str(company.choice("source_alert_role"))
    with company.ledger.write() as connection:
        colleagues = [
            Colleague(email=row.email, reads=Owner(language=row.language, time_zone=row.time_zone))
            for row in connection.execute(
                select(user.c.email, user.c.language, user.c.time_zone)
                .where(user.c.role == role, user.c.disabled_at.is_(None))
                .order_by(user.c.user_id)
            )
        ]
        closed = close_source_alerts(
            connection, company.ledger, {each.source for each in problems}, at=now
        )
        opened = raise_source_alerts(
            connection,
            company.ledger,
            problems,
            colleagues,
            at=now,
            public_url=company.settings.public_url,
        )
    return Watched(problems=tuple(problems), opened=len(opened), closed=tuple(closed))

"""A feed that stopped is somebody's task: one ticket per incident, which closes itself.

An incident begins with a source's last good data. While a ticket on the source is unresolved no
second is opened, whatever else goes wrong with it; one that a colleague resolved by hand is not
opened again for the same incident.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal
from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.alert_mail import LOCALES, Owner
from rapport.act.alerts import close_tickets, lock_tickets
from rapport.act.channels.base import Message
from rapport.act.outbox import OutboxMessage, enqueue
from rapport.engines.ledger import Ledger
from rapport.vocabulary.ledger_tables import ticket

#: `Ticket.title_code` of these tickets; `facts` are those of a `SourceProblem`.
SOURCE_ALERT = "source_alert"
#: What can be wrong: older than promised; a whole day far below its forecast; fetching given up.
CODES = ("late", "low_volume", "pull_failed")
_DUE = timedelta(hours=24)


class SourceProblem(Struct, frozen=True, kw_only=True):
    """A source that stopped.

    Attributes
    ----------
    code : str
        One of `CODES`.
    since : datetime
        Its last good data: this and the source are the incident.
    hours : float, optional
        Of "late": how old its newest data is; `expected_hours` what it promised.
    count, expected : float, optional
        Of "low_volume": what came in a day, and what its weekday usually brings.
    failures : int, optional
        Of "pull_failed": in a row.
    """

    source: str
    label: str
    code: str
    since: datetime
    hours: float | None = None
    expected_hours: int | None = None
    count: int | None = None
    expected: float | None = None
    failures: int | None = None


class Colleague(Struct, frozen=True, kw_only=True):
    """Who is told."""

    email: str
    reads: Owner = Owner()


def raise_source_alerts(
    connection: Connection,
    ledger: Ledger,
    problems: Sequence[SourceProblem],
    colleagues: Sequence[Colleague],
    *,
    at: datetime,
    public_url: str,
) -> list[int]:
    """Open a ticket for each new incident, and tell every colleague once of all of them.

    The first colleague owns the tickets. Without colleagues nothing is opened.

    Parameters
    ----------
    connection : Connection
        Inside ``ledger.write()``.
    """
    if not problems or not colleagues:
        return []
    lock_tickets(connection, ledger)
    known = _known(connection, min(each.since for each in problems))
    fresh: list[SourceProblem] = []
    for each in problems:
        if each.source not in known.unresolved and (each.source, _mark(each)) not in known.seen:
            fresh.append(each)
            known.unresolved.add(each.source)  # two problems of one source are one ticket
    if not fresh:
        return []
    rows = [
        {
            "rule_id": None,
            "atom_id": None,
            "position": None,
            "title_code": SOURCE_ALERT,
            "facts": _facts(each),
            "status": "open",
            "owner_email": colleagues[0].email,
            "priority": 1,
            "opened_at": at,
            "due_at": at + _DUE,
        }
        for each in fresh
    ]
    ticket_ids = list(
        connection.scalars(
            ticket.insert().returning(ticket.c.ticket_id, sort_by_parameter_order=True), rows
        )
    )
    enqueue(
        connection,
        ledger,
        [
            OutboxMessage(
                idempotency_key=f"source-alert:{ticket_ids[0]}:{each.email}",
                channel="email",
                recipient=each.email,
                message=source_mail(fresh, reads=each.reads, url=public_url),
            )
            for each in colleagues
        ],
        at=at,
    )
    return ticket_ids


def close_source_alerts(
    connection: Connection, ledger: Ledger, troubled: Collection[str], *, at: datetime
) -> list[str]:
    """Resolve the tickets of sources that are not ``troubled`` any more; returns their names."""
    open_now = connection.execute(
        select(ticket.c.ticket_id, ticket.c.facts).where(
            ticket.c.status != "resolved", ticket.c.title_code == SOURCE_ALERT
        )
    ).all()
    well = [row for row in open_now if row.facts["source"] not in troubled]
    if not well:
        return []
    close_tickets(connection, ledger, [row.ticket_id for row in well], at=at)
    return sorted({row.facts["source"] for row in well})


class _Known(Struct, kw_only=True):
    unresolved: set[str]
    seen: set[tuple[str, str]]


def _known(connection: Connection, since: datetime) -> _Known:
    """Sources with an open ticket, and the incidents that had one."""
    unresolved = connection.execute(
        select(ticket.c.facts).where(
            ticket.c.status != "resolved", ticket.c.title_code == SOURCE_ALERT
        )
    ).scalars()
    # A ticket on an incident was opened after the incident began.
    resolved = connection.execute(
        select(ticket.c.facts).where(
            ticket.c.status == "resolved",
            ticket.c.opened_at >= since,
            ticket.c.title_code == SOURCE_ALERT,
        )
    ).scalars()
    return _Known(
        unresolved={facts["source"] for facts in unresolved},
        seen={(facts["source"], facts["since"]) for facts in resolved},
    )


def _mark(problem: SourceProblem) -> str:
    return problem.since.isoformat()


def _facts(problem: SourceProblem) -> dict[str, Any]:
    known = {name: getattr(problem, name) for name in problem.__struct_fields__}
    return {k: v for k, v in known.items() if v is not None} | {"since": _mark(problem)}


# ── the mail ───────────────────────────────────────────────────────────────────────────────────


@cache
def _words() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(
        files("rapport.act").joinpath("source_mail.toml").read_text("utf-8")
    )
    return found


def source_mail(problems: Sequence[SourceProblem], *, reads: Owner, url: str) -> Message:
    """One mail on all feeds that stopped just now, in the reader's language."""
    language = reads.language if reads.language in LOCALES else "en"
    words, locale = _words()[language], LOCALES[language]
    zone = ZoneInfo(reads.time_zone)
    lines = [words["greeting"], ""]
    for each in problems:
        since = format_datetime(each.since, "short", tzinfo=zone, locale=locale)
        lines.append(f"{each.label} ({each.source})")
        lines.append("  " + words[each.code].format(**_numbers(each, locale)))
        lines.append("  " + words["since"].format(since=since))
    lines += ["", words["link"].format(link=f"{url.rstrip('/')}/sources"), "", words["why"], ""]
    if len(problems) == 1:
        subject = words["subject"].format(source=problems[0].label)
    else:
        subject = words["subject_many"].format(count=len(problems))
    return Message(subject=subject, text="\n".join(lines))


def _numbers(problem: SourceProblem, locale: str) -> Mapping[str, str]:
    return {
        name: format_decimal(round(value), locale=locale)
        for name in ("hours", "expected_hours", "count", "expected", "failures")
        if (value := getattr(problem, name)) is not None
    }


__all__ = [
    "CODES",
    "SOURCE_ALERT",
    "Colleague",
    "SourceProblem",
    "close_source_alerts",
    "raise_source_alerts",
    "source_mail",
]

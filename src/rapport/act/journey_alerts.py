"""A step of a journey that drifts is somebody's task: one ticket per incident, which closes itself.

An incident is a step, a group and what drifts, from the week in which it began. While its ticket is
unresolved no second is opened; one that a colleague resolved by hand is not opened again for the
same beginning.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from msgspec import Struct
from sqlalchemy import Connection, select

from rapport.act.alert_mail import LOCALES
from rapport.act.alerts import close_tickets, lock_tickets
from rapport.act.channels.base import Message
from rapport.act.outbox import OutboxMessage, enqueue
from rapport.act.source_alerts import Colleague
from rapport.engines.ledger import Ledger
from rapport.vocabulary.ledger_tables import ticket

#: `Ticket.title_code` of these tickets; `facts` are those of a `JourneyProblem`.
JOURNEY_ALERT = "journey_alert"
_DUE = timedelta(days=3)
_DAY = 86_400


class JourneyProblem(Struct, frozen=True, kw_only=True):
    """A step outside its band.

    Attributes
    ----------
    journey : str
        Its key; `journey_name` is None for one that came with the product.
    stage, to : str
        Keys of the stages; `stage_name` and `to_name` are None for ready-made ones.
    part : str or None
        The group, such as a country's code; `by` says what it is.
    kind : {"failure", "time"}
        `value`, `usual` and `limit` are shares, or seconds.
    since : datetime
        When the first week outside the band began.
    complaints_since : datetime or None
        None: complaints have not risen.
    """

    journey: str
    journey_name: str | None
    stage: str
    stage_name: str | None
    to: str
    to_name: str | None
    by: str | None
    part: str | None
    kind: Literal["failure", "time"]
    value: float
    usual: float
    limit: float
    n: int
    since: datetime
    complaints_since: datetime | None = None
    owner_email: str | None = None


def raise_journey_alerts(
    connection: Connection,
    ledger: Ledger,
    problems: Sequence[JourneyProblem],
    colleagues: Sequence[Colleague],
    *,
    owners: Mapping[str, Colleague],
    at: datetime,
    public_url: str,
) -> list[int]:
    """Open a ticket for each new incident, and write to its owner.

    A journey's owner gets its tickets; of one without an owner, the first of ``colleagues`` does,
    and all of them a mail. Without either nothing is opened. ``owners`` says how owners read, by
    address; one who is missing has no account.

    Parameters
    ----------
    connection : Connection
        Inside ``ledger.write()``.
    """
    if not problems:
        return []
    lock_tickets(connection, ledger)
    unresolved, seen = _known(connection)
    opened = []
    for each in problems:
        told = list(colleagues)
        if each.owner_email is not None:
            told = [owners.get(each.owner_email, Colleague(email=each.owner_email))]
        mark = _mark(each)
        if not told or mark in unresolved or (mark, each.since.isoformat()) in seen:
            continue
        unresolved.add(mark)
        row = {
            "rule_id": None,
            "atom_id": None,
            "position": None,
            "title_code": JOURNEY_ALERT,
            "facts": _facts(each),
            "status": "open",
            "owner_email": told[0].email,
            "priority": 1,
            "opened_at": at,
            "due_at": at + _DUE,
        }
        number = int(connection.scalars(ticket.insert().returning(ticket.c.ticket_id), [row]).one())
        opened.append(number)
        link = f"{public_url.rstrip('/')}/inbox/{number}"
        mails = [
            OutboxMessage(
                idempotency_key=f"journey-alert:{number}:{colleague.email}",
                channel="email",
                recipient=colleague.email,
                message=journey_mail(_facts(each), colleague=colleague, link=link),
            )
            for colleague in told
        ]
        enqueue(connection, ledger, mails, at=at)
    return opened


def close_journey_alerts(
    connection: Connection, ledger: Ledger, problems: Sequence[JourneyProblem], *, at: datetime
) -> int:
    """Resolve the tickets of steps that are within their band again; returns how many."""
    lasting = {_mark(each) for each in problems}
    rows = connection.execute(
        select(ticket.c.ticket_id, ticket.c.facts).where(
            ticket.c.status != "resolved", ticket.c.title_code == JOURNEY_ALERT
        )
    ).all()
    over = [row.ticket_id for row in rows if _mark_of(row.facts) not in lasting]
    close_tickets(connection, ledger, over, at=at)
    return len(over)


_Mark = tuple[str | None, ...]


def _mark(problem: JourneyProblem) -> _Mark:
    return _mark_of(_facts(problem))


def _mark_of(facts: Mapping[str, Any]) -> _Mark:
    return tuple(facts.get(name) for name in ("journey", "stage", "to", "by", "part", "kind"))


def _known(connection: Connection) -> tuple[set[_Mark], set[tuple[_Mark, str]]]:
    """Incidents with an open ticket, and those that had one with their beginning."""
    rows = connection.execute(
        select(ticket.c.status, ticket.c.facts).where(ticket.c.title_code == JOURNEY_ALERT)
    ).all()
    return (
        {_mark_of(row.facts) for row in rows if row.status != "resolved"},
        {(_mark_of(row.facts), row.facts["since"]) for row in rows},
    )


def _facts(problem: JourneyProblem) -> dict[str, Any]:
    found = {name: getattr(problem, name) for name in problem.__struct_fields__}
    for name in ("since", "complaints_since"):
        if found[name] is not None:
            found[name] = found[name].isoformat()
    return {name: value for name, value in found.items() if value is not None}


# ── the mail ───────────────────────────────────────────────────────────────────────────────────


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(files("rapport.act").joinpath("journey_mail.toml").read_text("utf-8"))


def journey_mail(facts: Mapping[str, Any], *, colleague: Colleague, link: str) -> Message:
    """The mail about one step, in the reader's language; it names no customer."""
    language = colleague.reads.language if colleague.reads.language in LOCALES else "en"
    locale = LOCALES[language]
    words: dict[str, str] = _words()[language]
    names: dict[str, dict[str, str]] = _words()["name"]
    zone = ZoneInfo(colleague.reads.time_zone)

    def named(code: str, own: str) -> str:
        return str(facts.get(own) or names.get(facts[code], {}).get(language, facts[code]))

    def value(name: str) -> str:
        if facts["kind"] == "failure":
            return format_percent(facts[name], "#,##0.0 %", locale=locale)
        return words["days"].format(days=format_decimal(facts[name] / _DAY, "0.0", locale=locale))

    def day(text: str) -> str:
        moment = datetime.fromisoformat(text).astimezone(zone)
        return format_date(moment, "long", locale=locale)

    part = facts.get("part")
    if facts.get("by") == "country" and part:
        part = Locale.parse(locale).territories.get(part, part)
    step = words["step"].format(stage=named("stage", "stage_name"), to=named("to", "to_name"))
    complaints = facts.get("complaints_since")
    lines = [
        words["journey"].format(journey=named("journey", "journey_name")),
        f"{step} · {part}" if part else step,
        words[facts["kind"]].format(
            value=value("value"), usual=value("usual"), limit=value("limit"), n=facts["n"]
        ),
        words["since"].format(day=day(facts["since"])),
        words["quiet"] if complaints is None else words["loud"].format(day=day(complaints)),
        "",
        words["link"].format(link=link),
        "",
        words["why"],
        "",
    ]
    return Message(subject=words["subject"].format(step=step), text="\n".join(lines))

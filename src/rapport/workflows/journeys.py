"""Journeys: their definitions, what they show, who is behind it, and early warnings."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow.compute as pc
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, func, insert, select

from rapport.act.alert_mail import Owner
from rapport.act.journey_alerts import (
    JourneyProblem,
    close_journey_alerts,
    raise_journey_alerts,
)
from rapport.act.source_alerts import Colleague
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.understand.journeys.bottlenecks import Bottleneck, bottlenecks
from rapport.understand.journeys.definition import (
    JourneyDefinition,
    check_definition,
    read_definition,
)
from rapport.understand.journeys.discovery import Proposal, TypeCount, propose, type_counts
from rapport.understand.journeys.flows import Flow, Follows, directly_follows, flows
from rapport.understand.journeys.funnel import Funnel, funnel
from rapport.understand.journeys.paths import Paths, paths
from rapport.understand.journeys.ready_made import READY_MADE
from rapport.understand.journeys.steps import (
    SPLITS,
    Outcome,
    Split,
    StepFigures,
    step_customers,
    step_figures,
)
from rapport.understand.journeys.walks import Walked, walk
from rapport.understand.journeys.watch import Watched, watch
from rapport.understand.periods import local_day, midnight
from rapport.vocabulary.ledger_tables import audit, journey_version, user
from rapport.workflows.company import Company
from rapport.workflows.customer_names import names_of
from rapport.workflows.data_clock import data_until
from rapport.workflows.known import known
from rapport.workflows.remembered import data_version, remembered

PERIODS = (90, 180, 365)
PAGE = 50


class NamedJourney(Struct, frozen=True, kw_only=True):
    """A journey as it is defined now.

    Attributes
    ----------
    name : str or None
        None for one that came with the product, which pages put into words by its key.
    version : int
        0: as it came; each change makes a new one, and the old ones stay.
    """

    key: str
    name: str | None
    definition: JourneyDefinition
    version: int = 0
    author: str | None = None
    at: datetime | None = None

    @property
    def ready_made(self) -> bool:
        """Whether it came with the product: then taking it back brings its first form."""
        return self.name is None


class JourneyChange(Struct, frozen=True, kw_only=True):
    """One version; `definition` is None where it was taken back."""

    version: int
    name: str | None
    definition: JourneyDefinition | None
    author: str
    at: datetime


class JourneyView(Struct, frozen=True, kw_only=True):
    """What the page's address asks for."""

    days: int = 180
    by: Split = "country"
    first: str | None = None
    per_customer: bool = False


class JourneyReport(Struct, frozen=True, kw_only=True):
    """All figures of one journey.

    Attributes
    ----------
    definition : JourneyDefinition
        As looked at: stages that nothing was ever recorded of are optional in it, since nobody
        can be seen to reach them; `missing` has their numbers.
    start, until : datetime
        The period; `until` is the last midnight before the newest data.
    journeys, customers : int
        That began in the period.
    """

    definition: JourneyDefinition
    missing: tuple[int, ...]
    start: datetime
    until: datetime
    currency: str
    journeys: int
    customers: int
    steps: tuple[StepFigures, ...]
    funnel: Funnel
    flows: tuple[Flow, ...]
    follows: tuple[Follows, ...]
    bottlenecks: tuple[Bottleneck, ...]
    charts: tuple[Watched, ...]
    paths: Paths

    @property
    def warnings(self) -> tuple[Watched, ...]:
        """Charts whose newest week lies outside its band, the longest first."""
        return tuple(chart for chart in self.charts if chart.out_since is not None)


class StepPerson(Struct, frozen=True, kw_only=True):
    """A customer behind a figure."""

    profile_id: str
    name: str | None
    entered_at: datetime
    wait_seconds: int | None


class StepPeople(Struct, frozen=True, kw_only=True):
    """One page of the customers behind a figure of the step from `step` to `to`."""

    step: int
    to: int
    total: int
    first: int
    people: tuple[StepPerson, ...]


# ── definitions ────────────────────────────────────────────────────────────────────────────────


def list_journeys(company: Company) -> tuple[NamedJourney, ...]:
    """Every journey: those that came with the product, then the company's own by name."""
    with company.ledger.read() as connection:
        newest = _newest(connection)
    found = []
    for ready in READY_MADE:
        row = newest.pop(ready.key, None)
        if row is None or row.definition is None:
            found.append(NamedJourney(key=ready.key, name=None, definition=ready.definition))
        else:
            found.append(_named(row))
    own = [_named(row) for row in newest.values() if row.definition is not None]
    return (*found, *sorted(own, key=lambda each: (each.name or "", each.key)))


def _newest(connection: Connection) -> dict[str, Any]:
    table = journey_version
    last = (
        select(table.c.key, func.max(table.c.version).label("version"))
        .group_by(table.c.key)
        .subquery()
    )
    rows = connection.execute(
        select(table).join(last, (last.c.key == table.c.key) & (last.c.version == table.c.version))
    )
    return {row.key: row for row in rows}


def _named(row: Any) -> NamedJourney:
    return NamedJourney(
        key=row.key,
        name=row.name,
        definition=read_definition(row.definition),
        version=row.version,
        author=row.author,
        at=row.at,
    )


def find_journey(company: Company, key: str) -> NamedJourney:
    """One journey.

    Raises
    ------
    NotFound
        If there is none of that key.
    """
    for found in list_journeys(company):
        if found.key == key:
            return found
    raise NotFound(f"There is no journey {key!r}; /journeys lists them")


def journey_versions(company: Company, key: str) -> tuple[JourneyChange, ...]:
    """How a definition came to be, newest first."""
    table = journey_version
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(table).where(table.c.key == key).order_by(table.c.version.desc())
        ).all()
    return tuple(
        JourneyChange(
            version=row.version,
            name=row.name,
            definition=None if row.definition is None else read_definition(row.definition),
            author=row.author,
            at=row.at,
        )
        for row in rows
    )


def save_journey(
    company: Company,
    *,
    name: str | None,
    definition: JourneyDefinition,
    author: str,
    key: str | None = None,
) -> str:
    """Keep a new version of a journey, or a new journey (``key`` None); returns its key.

    Parameters
    ----------
    name : str or None
        Left out for a journey that came with the product: it keeps its name.

    Raises
    ------
    InvalidInput
        If the definition is not valid, or the name is empty or too long.
    Conflict
        If another journey has the name.
    NotFound
        If the journey to be changed is gone.
    """
    check_definition(definition)
    ready = {each.key for each in READY_MADE}
    title = None if key in ready else " ".join((name or "").split())
    if title is not None and not 1 <= len(title) <= 80:
        raise InvalidInput("A journey needs a name of 1 to 80 characters")
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "journey_version")
        newest = _newest(connection)
        standing = {k: row for k, row in newest.items() if row.definition is not None}
        if key is not None and key not in ready and key not in standing:
            raise NotFound(f"There is no journey {key!r}; it may have been deleted")
        if title is not None and any(
            row.name == title and other != key for other, row in standing.items()
        ):
            raise Conflict(f"A journey named {title!r} exists already; choose another name")
        made = key or _new_key(title or "", {*newest, *ready})
        _write(connection, company, made, newest.get(made), title, definition, author)
    return made


def take_back_journey(company: Company, key: str, *, author: str) -> None:
    """Delete a journey of the company's own, or bring one that came with the product back to it."""
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "journey_version")
        row = _newest(connection).get(key)
        if row is None or row.definition is None:
            raise NotFound(f"Journey {key!r} has no version to take back")
        _write(connection, company, key, row, row.name, None, author)


def _write(
    connection: Connection,
    company: Company,
    key: str,
    before: Any,
    name: str | None,
    definition: JourneyDefinition | None,
    author: str,
) -> None:
    version = 1 if before is None else before.version + 1
    now = company.clock()
    stored = None if definition is None else msgspec.to_builtins(definition)
    connection.execute(
        insert(journey_version).values(
            key=key, version=version, name=name, definition=stored, author=author, at=now
        )
    )
    action = "journey_taken_back" if definition is None else "journey_changed"
    connection.execute(
        insert(audit).values(
            at=now, actor=author, action=action, subject=key, details={"version": version}
        )
    )


def _new_key(name: str, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "journey"
    if base in ("new", "discover", "draft"):  # addresses of the pages
        base = f"{base}-1"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}-{number}", number + 1
    return key


# ── figures ────────────────────────────────────────────────────────────────────────────────────


def period_end(company: Company) -> datetime:
    """The last local midnight that the data speak of: whole days only."""
    zone = str(company.choice("time_zone"))
    return midnight(local_day(data_until(company), zone), zone)


def check_view(view: JourneyView, definition: JourneyDefinition) -> None:
    """Raise `InvalidInput` where an address asks for what there is not."""
    if view.days not in PERIODS:
        raise InvalidInput(
            f"Journeys are shown of {', '.join(map(str, PERIODS))} days, not {view.days}"
        )
    if view.by not in SPLITS:
        raise InvalidInput(
            f"Steps cannot be split by {view.by!r}; choose one of {', '.join(SPLITS)}"
        )
    keys = [stage.key for stage in definition.stages]
    if view.first is not None and view.first not in keys:
        raise InvalidInput(f"There is no stage {view.first!r}; choose one of {', '.join(keys)}")


def journey_report(
    company: Company, journey: NamedJourney, view: JourneyView
) -> JourneyReport | None:
    """All figures of a journey; None where no customer was ever at two of its stages."""
    check_view(view, journey.definition)
    version = data_version(company)
    until = period_end(company)
    return remembered(
        company,
        version,
        ["journey", msgspec.to_builtins(journey.definition), msgspec.to_builtins(view), until],
        lambda: _report(company, journey.definition, view, until),
    )


def _walked(company: Company, definition: JourneyDefinition, until: datetime) -> Walked:
    seen = company.seen
    walked = walk(seen, definition, until=until, known=known(company, data_version(company)))
    present = set(pc.unique(walked.moves["stage"]).to_pylist())
    stages = tuple(
        stage if number in present else replace(stage, optional=True)
        for number, stage in enumerate(definition.stages)
    )
    return replace(walked, definition=replace(definition, stages=stages))


def _missing(walked: Walked) -> tuple[int, ...]:
    present = set(pc.unique(walked.moves["stage"]).to_pylist())
    return tuple(n for n in range(len(walked.definition.stages)) if n not in present)


def _report(
    company: Company, definition: JourneyDefinition, view: JourneyView, until: datetime
) -> JourneyReport | None:
    lake = company.seen
    start = until - timedelta(days=view.days)
    walked = _walked(company, definition, until)
    seen = walked.definition
    if not seen.steps:
        return None
    began = walked.moves.filter(
        pc.and_(
            pc.equal(walked.moves["seq"], walked.moves["journey"]),
            pc.greater_equal(walked.moves["second"], int(start.timestamp())),
        )
    )
    first = None
    if view.first is not None:
        place = seen.place(view.first)
        # From the last required stage on there is nothing to fall.
        first = place if any(n > place for n in seen.required) else None
    return JourneyReport(
        definition=seen,
        missing=_missing(walked),
        start=start,
        until=until,
        currency=str(company.choice("reporting_currency") or "EUR"),
        journeys=began.num_rows,
        customers=pc.count_distinct(began["profile_id"]).as_py(),
        steps=step_figures(lake, walked, start=start),
        funnel=funnel(lake, walked, start=start, first=first, per_customer=view.per_customer),
        flows=flows(lake, walked, start=start),
        follows=directly_follows(lake, walked, start=start),
        bottlenecks=bottlenecks(lake, walked, start=start, by=view.by),
        charts=watch(lake, walked, by=view.by),
        paths=paths(lake, walked, start=start),
    )


def step_people(
    company: Company,
    journey: NamedJourney,
    view: JourneyView,
    stage: str,
    *,
    outcome: Outcome = "lost",
    split: bool = False,
    part: str | None = None,
    page: int = 1,
) -> StepPeople:
    """The customers behind a step's figure, the newest first.

    Parameters
    ----------
    split : bool
        Whether only the group ``part`` of ``view.by`` is meant.
    """
    check_view(replace(view, first=stage), journey.definition)
    if page < 1:
        raise InvalidInput(f"Pages are counted from 1, not {page}")
    until = period_end(company)
    walked = _walked(company, journey.definition, until)
    place = journey.definition.place(stage)
    total, found = step_customers(
        company.seen,
        walked,
        place,
        start=until - timedelta(days=view.days),
        outcome=outcome,
        by=view.by if split else None,
        part=part,
        limit=PAGE,
        offset=(page - 1) * PAGE,
    )
    with company.ledger.read() as connection:
        names = names_of(connection, [each.profile_id for each in found])
    return StepPeople(
        step=place,
        to=dict(walked.definition.steps)[place],
        total=total,
        first=(page - 1) * PAGE + 1,
        people=tuple(
            StepPerson(
                profile_id=each.profile_id,
                name=names.get(each.profile_id),
                entered_at=each.entered_at,
                wait_seconds=each.wait_seconds,
            )
            for each in found
        ),
    )


def proposed_journey(company: Company) -> Proposal | None:
    """A journey made of what customers did in the last year; None where they did too little."""
    version = data_version(company)
    until = period_end(company)
    return remembered(
        company,
        version,
        ["journey proposal", until],
        lambda: propose(
            company.seen,
            start=until - timedelta(days=365),
            until=until,
            known=known(company, version),
        ),
    )


def touchpoint_types(company: Company) -> tuple[TypeCount, ...]:
    """What customers did in the last year, by type: what stages can be made of."""
    version = data_version(company)
    until = period_end(company)
    return remembered(
        company,
        version,
        ["touchpoint types", until],
        lambda: type_counts(company.seen, start=until - timedelta(days=365), until=until),
    )


# ── early warning ──────────────────────────────────────────────────────────────────────────────


class JourneysWatched(Struct, frozen=True, kw_only=True):
    """What one look at the journeys found and changed."""

    problems: tuple[JourneyProblem, ...]
    opened: int = 0
    closed: int = 0


def journey_problems(company: Company) -> tuple[JourneyProblem, ...]:
    """Steps of all journeys that lie outside their band, each step and group once.

    Ready-made journeys share steps: the first to say so speaks for them.
    """
    until = period_end(company)
    known: set[tuple[Any, ...]] = set()
    found = []
    for journey in list_journeys(company):
        walked = _walked(company, journey.definition, until)
        stages = walked.definition.stages
        if not walked.definition.steps:
            continue
        for chart in watch(company.seen, walked, by="country"):
            if chart.out_since is None:
                continue
            stage, to = stages[chart.step], stages[chart.to]
            mark = (stage.types, stage.channels, to.types, to.channels, chart.part, chart.kind)
            if mark not in known:
                known.add(mark)
                found.append(_problem(journey, chart))
    return tuple(found)


def _problem(journey: NamedJourney, chart: Watched) -> JourneyProblem:
    stage = journey.definition.stages[chart.step]
    to = journey.definition.stages[chart.to]
    newest = chart.newest
    if newest is None or chart.out_since is None:
        raise InvalidInput("Only a chart outside its band is a problem")
    return JourneyProblem(
        journey=journey.key,
        journey_name=journey.name,
        stage=stage.key,
        stage_name=stage.name,
        to=to.key,
        to_name=to.name,
        by="country",
        part=chart.part,
        kind=chart.kind,
        value=newest.value or 0.0,
        usual=newest.centre or 0.0,
        limit=newest.upper or 0.0,
        n=newest.n,
        since=chart.out_since,
        complaints_since=chart.complaints_since,
        owner_email=journey.definition.owner_email,
    )


def watch_journeys(company: Company, *, dry_run: bool = False) -> JourneysWatched:
    """Open tickets for steps that drift, with mails in the outbox; close those that are well."""
    problems = journey_problems(company)
    if dry_run:
        return JourneysWatched(problems=problems)
    now = company.clock()
    role = str(company.choice("journey_alert_role"))
    with company.ledger.write() as connection:
        closed = close_journey_alerts(connection, company.ledger, problems, at=now)
        opened = raise_journey_alerts(
            connection,
            company.ledger,
            problems,
            _colleagues(connection, user.c.role == role),
            owners={
                each.email: each
                for each in _colleagues(
                    connection, user.c.email.in_([p.owner_email for p in problems if p.owner_email])
                )
            },
            at=now,
            public_url=company.settings.public_url,
        )
    return JourneysWatched(problems=problems, opened=len(opened), closed=closed)


def _colleagues(connection: Connection, who: ColumnElement[bool]) -> list[Colleague]:
    """Who fits and may sign in."""
    rows = connection.execute(
        select(user.c.email, user.c.language, user.c.time_zone)
        .where(who, user.c.disabled_at.is_(None))
        .order_by(user.c.user_id)
    )
    return [
        Colleague(email=row.email, reads=Owner(language=row.language, time_zone=row.time_zone))
        for row in rows
    ]

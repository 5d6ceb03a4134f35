"""Fetch from the sources that are fetched: on their schedule or when asked, each record once."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping as AnyMapping
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Update, insert, select, update

from rapport.collect.known_surveys import known_surveys
from rapport.collect.mapped_files import read_touchpoints
from rapport.collect.mapping import Mapping, mapping_from
from rapport.collect.pulls.child import Answer, Visit
from rapport.collect.pulls.fetched import Failed, Fetched
from rapport.collect.pulls.plan import ImapPull, Plan, Pull, every_minutes, plan_from
from rapport.collect.sources import ensure_source, find_source
from rapport.errors import (
    Conflict,
    InvalidInput,
    InvalidSettings,
    NotFound,
    RapportError,
    StoreBusy,
)
from rapport.settings import read_reference
from rapport.vocabulary.ledger_tables import audit, job, source
from rapport.workflows.company import Company, Progress, silent
from rapport.workflows.import_files import Imported, import_file
from rapport.workflows.source_limits import require_within_limits

log = logging.getLogger("rapport.pull")

KIND = "pull"
#: A job of this kind waits while somebody wants a visit before its time.
_ASKED = "pull_asked"
#: After a failure the next try comes after 1, 2, 4 … minutes, at most this many.
_LONGEST_WAIT = timedelta(hours=1)
#: Failures in a row after which only a person or the usual rhythm tries again.
_TRIES = 6
#: How soon a visit that is to stop is stopped.
_LISTEN_SECONDS = 0.5
#: Records that a try reads by the mapping.
_TRIED_ROWS = 5_000
_TOO_SLOW = "visit_too_slow"
_STOPPED = Failed(code="stopped", message="The visit was stopped")


class Drift(Struct, frozen=True, kw_only=True):
    """How a source's records changed their shape since the visit before.

    Attributes
    ----------
    appeared, vanished : tuple of str
        Names of columns.
    missed : tuple of str
        Columns that the mapping reads and the records no longer have.
    """

    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()


class Pulled(Struct, frozen=True, kw_only=True):
    """What came of one visit to a source."""

    source: str
    records: int = 0
    accepted: int = 0
    duplicates: int = 0
    corrected: int = 0
    refused: int = 0
    files: int = 0
    columns: tuple[str, ...] = ()
    drift: Drift = Drift()
    #: Files that could not be imported as a whole, and why; they wait for a better mapping.
    waiting: tuple[str, ...] = ()


class PullState(Struct, frozen=True, kw_only=True):
    """Where a fetched source stands.

    Attributes
    ----------
    state : str
        ``never``, ``running``, ``done`` or ``failed``.
    next_at : datetime or None
        None: only when asked.
    """

    source: str
    pull: AnyMapping[str, Any]
    every_minutes: int | None
    state: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    next_at: datetime | None = None
    error: str | None = None
    failures: int = 0
    #: The last tries failed, and another would: a person has to look at it.
    given_up: bool = False
    last: Pulled | None = None


# ── which sources are fetched ──────────────────────────────────────────────────────────────────


def connect_source(
    company: Company, written: dict[str, Any], where: str, *, actor: str, on_server: bool
) -> str:
    """Keep a source's plan; returns the source's name.

    Parameters
    ----------
    written : dict
        A mapping with a ``[pull]`` table, as its TOML says it.
    where : str
        Names the document in messages.
    on_server : bool
        Whether its author sits at the server's command line; see `source_limits`.

    Raises
    ------
    InvalidMapping
        Naming what is wrong with it.
    NotAllowed
        If it names what the server's owner has not opened.
    Conflict
        If the source takes other data.
    """
    plan = plan_from(written, where)
    if not on_server:
        require_within_limits(plan, company.settings)
    name = plan.mapping.source
    try:
        known = find_source(company.ledger, name)
    except NotFound:
        known = None
    if known is not None and known.kind != plan.mapping.kind:
        raise Conflict(f"Source {name} takes {known.kind}; give this one another name")
    now = company.clock()
    _keep_mapping(company, plan.mapping, now)
    stated = {**msgspec.to_builtins(plan.pull), "timeout_minutes": plan.timeout_minutes}
    with company.ledger.write() as connection:
        connection.execute(
            update(source)
            .where(source.c.name == name)
            .values(pull=stated, every_minutes=plan.every_minutes)
        )
        connection.execute(
            audit.insert().values(at=now, actor=actor, action="source.connected", subject=name)
        )
    return name


def disconnect_source(company: Company, name: str, *, actor: str) -> None:
    """Fetch a source no more; what it brought stays.

    Raises
    ------
    NotFound
        If it is not fetched.
    """
    _plan_of(company, name)
    with company.ledger.write() as connection:
        connection.execute(
            update(source)
            .where(source.c.name == name)
            .values(pull=None, every_minutes=None, pull_state=None)
        )
        connection.execute(
            audit.insert().values(
                at=company.clock(), actor=actor, action="source.disconnected", subject=name
            )
        )
    shutil.rmtree(_folder(company, name), ignore_errors=True)


def _keep_mapping(company: Company, mapping: Mapping, now: datetime) -> int:
    return ensure_source(
        company.ledger,
        now,
        name=mapping.source,
        label=mapping.label or mapping.source,
        kind=mapping.kind,
        mapping=msgspec.to_builtins(mapping),
        expected_every_hours=mapping.expected_every_hours,
    ).source_id


def _plan_of(company: Company, name: str) -> Plan:
    with company.ledger.read() as connection:
        row = connection.execute(select(source).where(source.c.name == name)).first()
    if row is None or row.pull is None:
        raise NotFound(f"Source {name!r} is not one that Rapport fetches from")
    return _plan(row)


def _plan(row: Any) -> Plan:
    stated = dict(row.pull)
    timeout = stated.pop("timeout_minutes", 60)
    return Plan(
        mapping=mapping_from(row.mapping, f"the mapping of {row.name}"),
        pull=msgspec.convert(stated, Pull, strict=False),
        every_minutes=row.every_minutes,
        timeout_minutes=timeout,
    )


class PastVisit(Struct, frozen=True, kw_only=True):
    """One visit to a source, as its page lists it."""

    visit_id: int
    state: str
    started_at: datetime
    finished_at: datetime | None = None
    error: str | None = None
    pulled: Pulled | None = None


def past_visits(company: Company, name: str, *, most: int = 10) -> list[PastVisit]:
    """The last visits to a source, the newest first."""
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(job)
            .where(job.c.kind == KIND, job.c.subject == name)
            .order_by(job.c.job_id.desc())
            .limit(most)
        ).all()
    return [
        PastVisit(
            visit_id=row.job_id,
            state=row.status,
            started_at=row.started_at,
            finished_at=row.finished_at,
            error=row.error,
            pulled=msgspec.convert(row.result, Pulled, strict=False)
            if row.status == "done"
            else None,
        )
        for row in rows
    ]


def reschedule(company: Company, name: str, every: str | None, *, actor: str) -> None:
    """Fetch a source that often; None: only when asked, which is how one pauses it.

    Parameters
    ----------
    every : str or None
        ``15m``, ``6h``, ``1d``.

    Raises
    ------
    NotFound
        If it is not fetched.
    InvalidInput
        If ``every`` reads otherwise.
    """
    _plan_of(company, name)
    minutes = every_minutes(every) if every else None
    with company.ledger.write() as connection:
        connection.execute(
            update(source).where(source.c.name == name).values(every_minutes=minutes)
        )
        connection.execute(
            audit.insert().values(
                at=company.clock(), actor=actor, action="source.rescheduled", subject=name,
                details={"every_minutes": minutes},
            )
        )  # fmt: skip


def pull_states(company: Company, name: str | None = None) -> list[PullState]:
    """Every fetched source, or one, with its last visit and its next."""
    with company.ledger.read() as connection:
        asked = select(source).where(source.c.pull.is_not(None)).order_by(source.c.name)
        rows = connection.execute(asked if name is None else asked.where(source.c.name == name))
        return [_state(connection, row) for row in rows.all()]


def _state(connection: Connection, row: Any) -> PullState:
    visits = connection.execute(
        select(job)
        .where(job.c.kind == KIND, job.c.subject == row.name)
        .order_by(job.c.job_id.desc())
        .limit(_TRIES + 1)
    ).all()
    stated = {name: value for name, value in row.pull.items() if name != "timeout_minutes"}
    asked = connection.scalar(
        select(job.c.created_at).where(
            job.c.kind == _ASKED, job.c.subject == row.name, job.c.status == "waiting"
        )
    )
    if not visits:
        return PullState(
            source=row.name, pull=stated, every_minutes=row.every_minutes, state="never",
            next_at=asked or (row.created_at if row.every_minutes and row.enabled else None),
        )  # fmt: skip
    latest = visits[0]
    failures = 0
    for each in visits:
        if each.status != "failed":
            break
        failures += 1
    done = next((each for each in visits if each.status == "done"), None)
    return PullState(
        source=row.name,
        pull=stated,
        every_minutes=row.every_minutes,
        state=latest.status,
        started_at=latest.started_at,
        finished_at=latest.finished_at,
        next_at=asked or _next_at(row, latest, failures),
        error=latest.error,
        failures=failures,
        given_up=failures >= _TRIES or (failures > 0 and not _again(latest)),
        last=None if done is None else msgspec.convert(done.result, Pulled, strict=False),
    )


def _next_at(row: Any, latest: Any, failures: int) -> datetime | None:
    if row.every_minutes is None or not row.enabled:
        return None
    ended: datetime = latest.finished_at or latest.started_at
    usual = timedelta(minutes=row.every_minutes)
    if latest.status == "failed" and _again(latest) and failures < _TRIES:
        return ended + min(usual, _LONGEST_WAIT, timedelta(minutes=2 ** (failures - 1)))
    return ended + usual


def _again(failed: Any) -> bool:
    """Whether a visit that failed may do better a little later."""
    return bool((failed.result or {}).get("again", True))


def ask_for_visit(company: Company, name: str, *, actor: str) -> None:
    """Have the worker visit a source as soon as it can; asked twice, it comes once.

    Raises
    ------
    NotFound
        If it is not fetched.
    """
    _plan_of(company, name)
    now = company.clock()
    with company.ledger.write() as connection:
        connection.execute(_asked_for(name).values(status="done", finished_at=now))
        connection.execute(
            insert(job).values(
                kind=_ASKED, subject=name, arguments={}, status="waiting", done=0, created_at=now
            )
        )
        connection.execute(
            audit.insert().values(at=now, actor=actor, action="source.fetch", subject=name)
        )


def _asked_for(name: str) -> Update:
    return update(job).where(job.c.kind == _ASKED, job.c.subject == name, job.c.status == "waiting")


def due_pulls(company: Company) -> list[str]:
    """Names of the sources whose next visit is due, the longest waiting first."""
    now = company.clock()
    waiting = [
        (each.next_at, each.source)
        for each in pull_states(company)
        if each.next_at is not None and each.next_at <= now
    ]
    return [name for _, name in sorted(waiting)]


class Tried(Struct, frozen=True, kw_only=True):
    """What a try to reach a source showed; nothing of it is kept.

    Attributes
    ----------
    reached : bool
        False: `message` says why not. True without records: it has none, or more than fit in the
        time of a try, and then `complete` is False.
    records : int
        Records, of which `accepted` fit the mapping and `refused` do not; of files how many.
    missing : tuple of str
        Columns that the mapping reads and the records do not have.
    """

    reached: bool
    complete: bool = True
    records: int = 0
    accepted: int = 0
    refused: int = 0
    columns: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    message: str = ""


def try_source(
    company: Company, written: dict[str, Any], where: str, *, on_server: bool, minutes: float = 0.5
) -> Tried:
    """Visit a source that is not connected yet, and throw away what it brings.

    Raises
    ------
    InvalidMapping
        Naming what is wrong with the document.
    """
    plan = plan_from(written, where)
    if not on_server:
        require_within_limits(plan, company.settings)
    pull = (
        msgspec.structs.replace(plan.pull, most=20)
        if isinstance(plan.pull, ImapPull)
        else plan.pull
    )
    with TemporaryDirectory(prefix="rapport-try-") as folder:
        try:
            fetched = _sent(pull, Path(folder), None, minutes=minutes, stop=Event())
        except _VisitFailed as problem:
            if problem.failed.code == _TOO_SLOW:
                return Tried(reached=True, complete=False)
            return Tried(reached=False, message=problem.message)
        except InvalidSettings as problem:  # a secret that is not where the reference says
            return Tried(reached=False, message=problem.message)
        return _understood(company, fetched, plan.mapping)


def _understood(company: Company, fetched: Fetched, mapping: Mapping) -> Tried:
    """How the mapping reads the first records of what was fetched."""
    now, surveys = company.clock(), known_surveys(company.ledger)
    accepted = refused = 0
    message = ""
    for each in fetched.files:
        try:
            for batch in read_touchpoints(Path(each), mapping, now, surveys):
                accepted += len(batch.touchpoints)
                refused += len(batch.refused)
                if accepted + refused >= _TRIED_ROWS:
                    break
        except InvalidInput as problem:
            message = problem.message
        if message or accepted + refused >= _TRIED_ROWS:
            break
    return Tried(
        reached=True,
        records=fetched.records,
        accepted=accepted,
        refused=refused,
        columns=fetched.columns,
        missing=_missed(mapping, fetched.columns) if fetched.columns else (),
        message=message,
    )


# ── a visit ────────────────────────────────────────────────────────────────────────────────────


def pull_source(
    company: Company, name: str, *, progress: Progress = silent, stop: Event | None = None
) -> Pulled:
    """Visit a source and import what is new. Stopped anywhere, the next visit goes on from there.

    Parameters
    ----------
    stop : Event, optional
        Ends the visit once it is set: the process that visits is killed, and no further file is
        imported.

    Raises
    ------
    NotFound
        If it is not a source that is fetched.
    Conflict
        If another process visits it now.
    InvalidInput
        If the visit failed; the message says what to do.
    """
    plan = _plan_of(company, name)
    try:
        with company.ledger.alone(f"pull-{name}", patience_seconds=0):
            return _visit(company, plan, progress, stop or Event())
    except StoreBusy as busy:
        raise Conflict(f"Source {name} is being fetched already; look again later") from busy


def _visit(company: Company, plan: Plan, progress: Progress, stop: Event) -> Pulled:
    name = plan.mapping.source
    job_id = _begin(company, name)
    try:
        fetched = _fetch(company, plan, stop)
        pulled = _import(company, plan, fetched, progress, stop)
    except BaseException as problem:
        failure = (
            Failed(code=problem.code, message=problem.message, again=False)
            if isinstance(problem, RapportError)
            else _STOPPED
        )
        if isinstance(problem, _VisitFailed):
            failure = problem.failed
        _end(company, job_id, "failed", error=failure.message, result={"again": failure.again})
        raise
    with company.ledger.write() as connection:
        connection.execute(
            update(source).where(source.c.name == name).values(pull_state=fetched.state)
        )
    _end(company, job_id, "done", result=msgspec.to_builtins(pulled))
    return pulled


class _VisitFailed(InvalidInput):
    """The process that visits said why it failed."""

    code = "visit_failed"

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message, reason=failed.code)
        self.failed = failed


def _begin(company: Company, name: str) -> int:
    now = company.clock()
    with company.ledger.write() as connection:
        connection.execute(_asked_for(name).values(status="done", finished_at=now))
        # Nobody else holds the source now: what still says so was stopped in the middle.
        connection.execute(
            update(job)
            .where(job.c.kind == KIND, job.c.subject == name, job.c.status == "running")
            .values(status="failed", finished_at=now, error="The visit was stopped")
        )
        made = connection.execute(
            insert(job)
            .values(
                kind=KIND, subject=name, arguments={}, status="running", done=0,
                created_at=now, started_at=now,
            )
            .returning(job.c.job_id)
        )  # fmt: skip
        return int(made.scalar_one())


def _end(
    company: Company, job_id: int, status: str, *, result: Any, error: str | None = None
) -> None:
    with company.ledger.write() as connection:
        connection.execute(
            update(job)
            .where(job.c.job_id == job_id)
            .values(status=status, finished_at=company.clock(), result=result, error=error)
        )


def _folder(company: Company, name: str) -> Path:
    return company.settings.folder.resolve() / "pulls" / name


def _fetch(company: Company, plan: Plan, stop: Event) -> Fetched:
    """What a visit to the source brings, in its own folder, from where the last one ended."""
    name = plan.mapping.source
    folder = _folder(company, name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with company.ledger.read() as connection:
        state = connection.scalar(select(source.c.pull_state).where(source.c.name == name))
    return _sent(plan.pull, folder, state, minutes=plan.timeout_minutes, stop=stop)


def _sent(pull: Pull, folder: Path, state: Any, *, minutes: float, stop: Event) -> Fetched:
    """Run the process that visits and hear what it says."""
    told = Visit(pull=_with_secrets(pull), folder=str(folder), state=state)
    process = subprocess.Popen(
        [sys.executable, "-m", "rapport.collect.pulls.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that it can be ended with all that it started
    )
    try:
        said = _heard(process, msgspec.json.encode(told), minutes, stop)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    try:
        answer = msgspec.json.decode(said, type=Answer)
    except msgspec.DecodeError:
        answer = Answer()
    if answer.failed is not None:
        raise _VisitFailed(answer.failed)
    if answer.fetched is None:
        raise _VisitFailed(
            Failed(code="crashed", message=f"The visit ended with exit code {process.returncode}")
        )
    return answer.fetched


def _heard(process: subprocess.Popen[bytes], told: bytes, minutes: float, stop: Event) -> bytes:
    """What the process says until its end; it ends early when it takes too long or is stopped."""
    until = monotonic() + minutes * 60
    begun: bytes | None = told
    while True:
        try:
            said, _ = process.communicate(begun, timeout=_LISTEN_SECONDS)
        except subprocess.TimeoutExpired as waiting:
            if stop.is_set():
                raise _VisitFailed(_STOPPED) from waiting
            if monotonic() >= until:
                late = f"The visit took longer than {minutes:g} minutes and was ended"
                raise _VisitFailed(Failed(code=_TOO_SLOW, message=late)) from waiting
            begun = None  # it has it already
        else:
            return said


def _with_secrets(pull: Pull) -> Pull:
    """The pull with what its references stand for."""

    def revealed(part: Any) -> Any:
        if isinstance(part, str):
            return read_reference(part).reveal()
        if isinstance(part, dict):
            return {name: revealed(value) for name, value in part.items()}
        if isinstance(part, list):
            return [revealed(value) for value in part]
        return part

    stated = {name: revealed(value) for name, value in msgspec.to_builtins(pull).items()}
    found: Pull = msgspec.convert(stated, Pull)
    return found


def _import(
    company: Company, plan: Plan, fetched: Fetched, progress: Progress, stop: Event
) -> Pulled:
    """Import what was fetched; a file goes only when all of it is in the journal."""
    name = plan.mapping.source
    mapping = plan.mapping
    columns, drift = _drift(company, mapping, fetched)
    results: list[Imported] = []
    waiting: list[str] = []
    for number, each in enumerate(fetched.files, start=1):
        if stop.is_set():
            raise _VisitFailed(_STOPPED)
        path = Path(each)
        try:
            results.append(import_file(company, path, mapping, keep_mapping=False))
        except InvalidInput as problem:
            log.warning("a file of source %s cannot be imported: %s", name, problem.code)
            waiting.append(f"{path.name}: {problem.message}")
        else:
            path.unlink()
        progress("fetch", number, len(fetched.files))
    if waiting and not results:
        raise InvalidInput(f"Nothing of {name} could be imported. {waiting[0]}")
    return Pulled(
        source=name,
        records=fetched.records,
        accepted=sum(each.accepted for each in results),
        duplicates=sum(each.duplicates for each in results),
        corrected=sum(each.corrected for each in results),
        refused=sum(each.refused for each in results),
        files=len(results),
        columns=columns,
        drift=drift,
        waiting=tuple(waiting),
    )


def _drift(company: Company, mapping: Mapping, fetched: Fetched) -> tuple[tuple[str, ...], Drift]:
    """The columns that the source has, and what of it changed; no records say nothing of them."""
    with company.ledger.read() as connection:
        last = connection.scalar(
            select(job.c.result)
            .where(
                job.c.kind == KIND,
                job.c.subject == mapping.source,
                job.c.status == "done",
            )
            .order_by(job.c.job_id.desc())
            .limit(1)
        )
    known = tuple((last or {}).get("columns") or ())
    if not fetched.columns:
        return known, Drift()
    now, before = set(fetched.columns), set(known or fetched.columns)
    return fetched.columns, Drift(
        appeared=tuple(sorted(now - before)),
        vanished=tuple(sorted(before - now)),
        missed=_missed(mapping, fetched.columns),
    )


def _missed(mapping: Mapping, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Columns that the mapping reads and the records do not have."""
    return tuple(
        sorted(
            column
            for column in set(mapping.columns.values())
            if column not in columns and not any(c.startswith(f"{column}.") for c in columns)
        )
    )

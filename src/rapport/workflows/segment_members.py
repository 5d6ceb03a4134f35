"""Follow who belongs to which segment: the worker's step after profiles are renewed.

Most rounds look at the few people of whom something was recorded or whose next moment has come.
Everybody is looked at when rules changed, when figures of all were made anew, or when the few are
many. Either way the ledger keeps where they stand, and who entered and left, when and why.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, select

from rapport.engines.lake import Query, Step
from rapport.engines.ledger import among
from rapport.understand.customers import build_customers
from rapport.understand.periods import local_day
from rapport.understand.segments.evaluated import Judged
from rapport.understand.segments.own_history import own_history
from rapport.understand.segments.standing import (
    BETWEEN_RULES,
    judge_everybody,
    judge_some,
)
from rapport.understand.segments.stored import (
    Cause,
    Placed,
    Standings,
    Version,
    count_days,
    due,
    finish_version,
    keep_version,
    next_look,
    place,
    still_as_before,
    take_out,
    versions,
)
from rapport.unify.marks import UNPLACED_PROFILES
from rapport.unify.stored_evidence import atoms_of, rows_in
from rapport.vocabulary.ledger_tables import membership
from rapport.workflows.company import Company, Progress, read_choice, silent, write_choice
from rapport.workflows.customers import rebuild_customers, what_the_ledger_knows
from rapport.workflows.data_clock import data_until, end_of_today
from rapport.workflows.segment_definitions import all_segments

#: More people at once are looked at with everybody.
MANY = 2_000
#: People per transaction: small enough that the collector is not kept waiting.
CHUNK = 1_000
#: Columns that rank a customer among all, or come from elsewhere: as the last table says.
_RANKS = ("recency_score", "frequency_score", "monetary_score", "rfm_segment")


def follow_segments(
    company: Company, *, everybody: bool = False, progress: Progress = silent
) -> Placed:
    """Find who entered and left segments since the last time.

    Parameters
    ----------
    everybody : bool
        Look at everybody by the customers' table as it is: after it was made anew.
    """
    if not everybody and not _may_have_changed(company):
        return Placed()
    # Beside each other: whoever is looked at meanwhile is left as they were found last.
    with company.ledger.alone("segments-all" if everybody else "segments"):
        at = data_until(company)
        with company.ledger.read() as connection:
            current = _current(connection)
            marks = UNPLACED_PROFILES.read(connection)
            people = {*marks, *due(connection, at)}
        if everybody:
            # Marks stay: what came since the table was made is not in it.
            return _follow_everybody(company, at, {}, progress)
        if current is not None and _stands(company, current, at):
            if not people:
                return Placed()
            if len(people) <= MANY:
                return _follow_some(company, current, marks, people, at)
        rebuild_customers(company)
        return _follow_everybody(company, at, marks, progress)


def _may_have_changed(company: Company) -> bool:
    """Whether somebody is marked or due, or the rules are others."""
    with company.ledger.read() as connection:
        if UNPLACED_PROFILES.any(connection):
            return True
        soon = next_look(connection)
        current = _current(connection)
        day = read_choice(connection, "segments_day")
    clock = company.clock()
    zone = company.choice("time_zone")
    if current is None or not current.whole or not _rules(company).says_the_same(current):
        return True
    # The data's clock may stand still while ours goes on.
    late = (soon is not None and soon <= clock) or local_day(clock, zone).isoformat() != day
    if not late:
        return False
    at = data_until(company)
    return (soon is not None and soon <= at) or local_day(at, zone).isoformat() != day


def _stands(company: Company, current: Version, at: datetime) -> bool:
    """Whether everybody was placed by these rules, and today.

    "Within the last days" counts from the end of a day, so that it changes at midnight.
    """
    return (
        current.whole
        and _rules(company).says_the_same(current)
        and company.choice("segments_day") == local_day(at, company.choice("time_zone")).isoformat()
    )


def _current(connection: Connection) -> Version | None:
    kept = versions(connection)
    return kept[max(kept)] if kept else None


def _rules(company: Company) -> Version:
    return Version(segments=tuple((each.key, each.rule) for each in all_segments(company)))


# ── a few ──────────────────────────────────────────────────────────────────────────────────────


def _follow_some(
    company: Company,
    version: Version,
    marks: Mapping[str, Sequence[int]],
    people: Collection[str],
    at: datetime,
) -> Placed:
    zone = company.choice("time_zone")
    with company.ledger.read() as connection:
        since = read_choice(connection, "segments_followed_at")
        clock = company.clock()
        atoms = atoms_of(connection, people)
        known = what_the_ledger_knows(connection, list(atoms))
        moved = _moved(connection, people, atoms, datetime.fromisoformat(since)) if since else set()
    seen = company.seen
    profile_of = {atom: person for person, own in atoms.items() for atom in own}
    own = own_history(seen, profile_of)
    rows = build_customers(company.lake, at, **known, tables=own).to_pylist()
    ranks = _ranks(seen, list(atoms))
    customers = {
        row["profile_id"]: {**row, **ranks.get(row["profile_id"], dict.fromkeys(_RANKS))}
        for row in rows
    }
    judged = judge_some(
        company.lake, version.rules, customers, own, now=end_of_today(at, zone), at=at
    )

    def cause_of(profile_id: str) -> Cause:
        if profile_id in moved:
            return "identity"
        return "touchpoint" if profile_id in marks else "time"

    day = local_day(at, zone)
    with company.ledger.write() as connection:
        newest = _current(connection)
        if newest is None or newest.number != version.number:
            return Placed()  # rules changed meanwhile: the marks stay
        placed = take_out(connection, company.ledger, set(people) - judged.keys(), at=at, day=day)
        placed += place(
            connection, company.ledger, version, judged, at=at, day=day, cause_of=cause_of,
            earlier=versions(connection),
        )  # fmt: skip
        _remember(company, connection, marks, clock)
    return placed


def _ranks(seen: Any, profile_ids: list[str]) -> dict[str, dict[str, Any]]:
    columns = ", ".join(f"c.{name}" for name in _RANKS)
    query = Query(
        steps=(
            Step(
                "answer",
                f"SELECT c.profile_id, {columns} FROM customers AS c "  # noqa: S608
                "JOIN asked AS a ON a.profile_id = c.profile_id",
            ),
        )
    )
    asked = pa.table({"profile_id": pa.array(profile_ids, pa.string())})
    return {
        row.pop("profile_id"): row for row in seen.ask(query, tables={"asked": asked}).to_pylist()
    }


def _moved(
    connection: Connection,
    people: Collection[str],
    atoms: Mapping[str, Sequence[int]],
    since: datetime,
) -> set[str]:
    """Who gained or lost records since: people were joined or separated."""
    m = membership.c
    closed = list(
        rows_in(
            connection,
            lambda piece: select(m.profile_id, m.atom_id).where(
                among(m.profile_id, piece), m.valid_to >= since
            ),
            people,
        )
    )
    lost = {row.atom_id for row in closed}
    return {row.profile_id for row in closed} | {
        person for person, own in atoms.items() if lost.intersection(own)
    }


# ── everybody ──────────────────────────────────────────────────────────────────────────────────


def _follow_everybody(
    company: Company,
    at: datetime,
    marks: Mapping[str, Sequence[int]],
    progress: Progress,
) -> Placed:
    """Place everybody, a thousand in one transaction; ``marks`` are taken away at the end."""
    progress("segments", 0, None)
    zone = company.choice("time_zone")
    clock = company.clock()
    version = _rules(company)
    with company.ledger.write() as connection:
        current = _current(connection)
        if current is None or not version.says_the_same(current):
            current = keep_version(connection, version, clock)
        earlier = versions(connection)
        before = Standings(connection)
    found = judge_everybody(
        company.seen,
        current.rules,
        now=end_of_today(at, zone),
        at=at,
        before=before.by_version(current.number),
    )
    judged = {
        row["profile_id"]: Judged(
            truths=tuple(row["truths"].split(BETWEEN_RULES)), look_at=row["look_at"]
        )
        for row in found.to_pylist()
    }
    with company.ledger.read() as connection:
        there = atoms_of(connection, {*before.rows, *judged}).keys()

    def cause_of(profile_id: str) -> Cause:
        return "touchpoint" if profile_id in marks else "time"

    day = local_day(at, zone)
    with company.ledger.write() as connection:
        placed = take_out(connection, company.ledger, before.rows.keys() - there, at=at, day=day)
    # Who came after the customers' table was made is looked at by the mark they left.
    people = sorted(judged.keys() & there)
    for start in range(0, len(people), CHUNK):
        with company.ledger.write() as connection:
            piece = {
                person: judged[person]
                for person in still_as_before(connection, people[start : start + CHUNK], before)
            }
            placed += place(
                connection, company.ledger, current, piece, at=at, day=day, cause_of=cause_of,
                earlier=earlier,
            )  # fmt: skip
        progress("segments", min(start + CHUNK, len(people)), len(people))
    with company.ledger.write() as connection:
        if not current.whole:
            finish_version(connection, current)
        keys = {key for key, _ in current.segments}
        count_days(connection, company.ledger, day, keys, {}, {})
        write_choice(company.ledger, connection, "segments_day", day.isoformat())
        _remember(company, connection, marks, clock)
    return placed


def _remember(
    company: Company,
    connection: Connection,
    marks: Mapping[str, Sequence[int]],
    clock: datetime,
) -> None:
    UNPLACED_PROFILES.take_away(connection, [mark for each in marks.values() for mark in each])
    # A little earlier: what was decided in the same moment counts once more rather than never.
    write_choice(
        company.ledger,
        connection,
        "segments_followed_at",
        (clock - timedelta(seconds=1)).isoformat(),
    )

"""Walk the journal in order and make of each entry a place in a person's history.

The lake is written first and the ledger second, in one transaction with the position: after a
crash the batch is walked again, the lake knows by position what it has, and nothing is doubled.

One entry that a store cannot hold must not stop the company: a batch that fails by what is in it
is halved until the entry stands alone, which is then refused, kept and counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import NamedTuple

import msgspec
import sqlalchemy
from sqlalchemy import BigInteger, Connection, func, select, type_coerce

from rapport.collect.refused import keep_refused
from rapport.collect.sources import count_accepted
from rapport.collect.touchpoints import touchpoint_of
from rapport.engines.ledger import Ledger
from rapport.errors import InvalidInput, RapportError
from rapport.understand.text import analyse_texts
from rapport.understand.undone import atoms_undone_by
from rapport.unify.belonging import register_belonging
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.proofs import register_proofs
from rapport.unify.resolve import resolve_batch
from rapport.unify.sighting import Sighting, sighting_of
from rapport.unify.stored_evidence import open_memberships
from rapport.vocabulary.identifier import atom_id
from rapport.vocabulary.lake_tables import FROM_JOURNAL
from rapport.vocabulary.ledger_tables import (
    from_micros,
    journal,
    position,
    source,
)
from rapport.vocabulary.touchpoint import RefusedRecord, Touchpoint
from rapport.workflows.alerts import raise_alerts
from rapport.workflows.arrivals import match_arrivals
from rapport.workflows.company import Company, Progress, read_choice, silent, write_choice
from rapport.workflows.cycle_search import paused_cycle_search
from rapport.workflows.lake_rows import Judged, item_rows, touchpoint_rows
from rapport.workflows.money import Rates, read_rates
from rapport.workflows.site_rows import site_rows

log = logging.getLogger("rapport.ingest")

WORKER = "ingest"
COUNTER = "count"
#: A batch keeps other writers out while it lasts, so that what comes live goes in small ones; an
#: import of years goes in large ones, which cost a third less for each entry: each batch reads
#: back what it touches, and writes a file for each part of the lake. The largest takes a second.
SMALLEST_BATCH = 2_500
LARGEST_BATCH = 40_000
#: What goes wrong because of what an entry says: a number, a date or a text that a step or a store
#: cannot hold. Whatever a store says of itself (busy, full, gone) is not among them.
UNUSABLE = (
    ValueError,  # Arrow's and Unicode's errors are such
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
    sqlalchemy.exc.DataError,
    sqlalchemy.exc.IntegrityError,
    InvalidInput,
)
#: So many entries refused one after the other, and none that goes through, are no bad entries:
#: then something is wrong with us, and the walk stops where it is.
MOST_IN_A_ROW = 20


class Ingested(msgspec.Struct, frozen=True, kw_only=True):
    """What one walk did."""

    entries: int = 0
    touchpoints: int = 0
    refused: int = 0
    profiles_touched: int = 0
    tickets: int = 0
    position: int = 0
    seconds: dict[str, float] = {}


class Entry(NamedTuple):
    """An entry of the journal, with the name of its source."""

    position: int
    source_id: int
    message_id: str
    kind: str
    received_at: datetime
    payload: bytes
    name: str


@dataclass(kw_only=True)
class Batch:
    """Entries on their way through the steps; each step fills in what the next ones need."""

    company: Company
    last: int
    entries: Sequence[Entry]
    touchpoints: list[Touchpoint] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)
    rates: Rates = field(default_factory=lambda: Rates(None, ()))
    sightings: list[Sighting] = field(default_factory=list)  # where somebody is named
    told: list[tuple[Touchpoint, Sighting]] = field(default_factory=list)  # what they are of
    atoms: list[int | None] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)  # records whose touchpoints it changes
    touched: frozenset[str] = frozenset()
    tickets: int = 0
    problem: Exception | None = None  # why its one entry was set aside


def read_touchpoints(batch: Batch) -> None:
    """Turn payloads into touchpoints; what cannot be read is refused, kept and counted."""
    for entry in batch.entries:
        try:
            touchpoint = touchpoint_of(
                entry.kind, entry.payload, source=entry.name, received_at=entry.received_at
            )
        except (*UNUSABLE, RapportError) as problem:
            detail = f"accepted, but not readable as a touchpoint ({type(problem).__name__})"
            batch.refused.append(_refused(entry, "wrong_type", detail))
            continue
        batch.touchpoints.append(touchpoint)
        batch.positions.append(entry.position)
    for touchpoint, place in zip(batch.touchpoints, batch.positions, strict=True):
        sighting = sighting_of(touchpoint, place)
        if sighting is None:
            batch.atoms.append(None)
        else:
            batch.sightings.append(sighting)
            batch.told.append((touchpoint, sighting))
            batch.atoms.append(atom_id(sighting.record))


def _refused(entry: Entry, reason: str, detail: str) -> RefusedRecord:
    return RefusedRecord(
        source=entry.name,
        reason=reason,
        detail=detail,
        payload=entry.payload,
        received_at=entry.received_at,
        message_id=entry.message_id,
        locator=f"journal:{entry.position}",
    )


def know_the_rates(batch: Batch) -> None:
    """Read exchange rates; the first amount ever seen decides the reporting currency."""
    ledger = batch.company.ledger
    with ledger.read() as connection:
        base = read_choice(connection, "reporting_currency")
        if base is not None:
            batch.rates = read_rates(connection, base)
            return
    base = next((t.currency for t in batch.touchpoints if t.amount and t.currency), None)
    if base is None:
        return
    with ledger.write() as connection:
        write_choice(ledger, connection, "reporting_currency", base)
        batch.rates = read_rates(connection, base)


def read_the_texts(batch: Batch) -> None:
    """Find the language and the feeling of what people wrote or said."""
    batch.judged = [Judged()] * len(batch.touchpoints)
    spoken = [i for i, t in enumerate(batch.touchpoints) if t.text]
    heard = analyse_texts(
        [batch.touchpoints[i].text for i in spoken],
        [batch.touchpoints[i].language for i in spoken],
    )
    for i, analysis in zip(spoken, heard, strict=True):
        batch.judged[i] = Judged(
            language=analysis.language, sentiment=analysis.sentiment, method=analysis.method
        )


def write_the_lake(batch: Batch) -> None:
    """Append touchpoints, the lines of orders and behaviour on sites, each position once."""
    lake = batch.company.lake
    rows = touchpoint_rows(
        batch.touchpoints, batch.positions, batch.atoms, batch.judged, batch.rates
    )
    lake.append("touchpoints", rows, app=WORKER, until=batch.last)
    items = item_rows(batch.touchpoints, batch.positions, batch.atoms, batch.rates)
    lake.append("order_items", items, app=WORKER, until=batch.last)
    seen = site_rows(batch.touchpoints, batch.positions, batch.atoms)
    lake.append("site_events", seen, app=WORKER, until=batch.last)


def find_what_is_undone(batch: Batch) -> None:
    """Find whose touchpoints are corrected, cancelled or told again: they may be of others."""
    batch.undone = atoms_undone_by(batch.company.lake, batch.touchpoints)


def write_the_ledger(batch: Batch) -> None:
    """Identity, alerts, refusals and the position, in one transaction."""
    company = batch.company
    now = company.clock()
    with company.ledger.write() as connection:
        resolution = resolve_batch(connection, company.ledger, batch.sightings, now)
        register_proofs(connection, company.ledger, batch.told)
        register_belonging(connection, company.ledger, batch.told)
        arrived = match_arrivals(company, connection, resolution, now)
        batch.touched = (resolution.touched | arrived.touched) - arrived.retired
        undone = set(open_memberships(connection, batch.undone).values())
        STALE_PROFILES.put(connection, batch.touched | undone)
        batch.tickets = raise_alerts(
            company, connection, batch.touchpoints, batch.positions, batch.atoms, batch.judged
        )
        finish(connection, batch, now)


def finish(connection: Connection, batch: Batch, now: datetime) -> None:
    """Keep what is refused, count what came, and remember how far we are."""
    ledger = batch.company.ledger
    if batch.refused:
        ids = {entry.name: entry.source_id for entry in batch.entries}
        keep_refused(ledger, connection, ids, batch.refused)
    count_new(ledger, connection, batch, now)
    keep_position(ledger, connection, WORKER, batch.last, now)


def count_new(ledger: Ledger, connection: Connection, batch: Batch, now: datetime) -> None:
    """Count entries per source and day, once: a rebuild walks over them again."""
    counted = read_position(connection, COUNTER)
    count_accepted(
        ledger,
        connection,
        [(e.source_id, e.received_at) for e in batch.entries if e.position > counted],
    )
    keep_position(ledger, connection, COUNTER, max(counted, batch.last), now)


STEPS: tuple[Callable[[Batch], None], ...] = (
    read_touchpoints,
    know_the_rates,
    read_the_texts,
    write_the_lake,
    find_what_is_undone,
    write_the_ledger,
)


def apply_journal(
    company: Company,
    *,
    batch_size: int | None = None,
    progress: Progress = silent,
    until: int | None = None,
) -> Ingested:
    """Apply what stands in the journal and was not applied yet.

    Parameters
    ----------
    batch_size : int, optional
        Entries per transaction; by default half of what waits, within bounds.
    until : int, optional
        Stop after this position; by default at the journal's end.

    Returns
    -------
    Ingested
        What was done, with the seconds that each step took.
    """
    with company.ledger.read() as connection:
        start = read_position(connection, WORKER)
        last = int(connection.scalar(select(func.max(journal.c.position))) or 0)
    last = last if until is None else min(last, until)
    done = Ingested(position=start)
    seconds = dict.fromkeys((step.__name__ for step in STEPS), 0.0)
    touched: set[str] = set()
    in_a_row = 0
    while done.position < last:
        # Two workers at once would each append to the lake what the other has not yet told of.
        with company.ledger.alone("walk"), paused_cycle_search():
            with company.ledger.read() as connection:
                after = read_position(connection, WORKER)
            if after >= last:  # another worker was here
                done = msgspec.structs.replace(done, position=after)
                break
            size = batch_size or max(SMALLEST_BATCH, min((last - after) // 2, LARGEST_BATCH))
            for batch in _applied(_next_batch(company, after, size, last), seconds):
                in_a_row = 0 if batch.touchpoints else in_a_row + len(batch.refused)
                if in_a_row > MOST_IN_A_ROW and batch.problem is not None:
                    raise batch.problem
                touched |= batch.touched
                done = Ingested(
                    entries=done.entries + len(batch.entries),
                    touchpoints=done.touchpoints + len(batch.touchpoints),
                    refused=done.refused + len(batch.refused),
                    profiles_touched=len(touched),
                    tickets=done.tickets + batch.tickets,
                    position=batch.last,
                )
            del batch  # freed before Python searches what is left
        progress("apply", done.position - start, last - start)
    return msgspec.structs.replace(done, seconds=seconds)


def _applied(batch: Batch, seconds: dict[str, float]) -> Iterator[Batch]:
    """Apply a batch; where it fails, its halves, and at last the one entry that is the reason."""
    try:
        for step in STEPS:
            began = perf_counter()
            step(batch)
            seconds[step.__name__] += perf_counter() - began
    except UNUSABLE as problem:
        if len(batch.entries) > 1:
            middle = len(batch.entries) // 2
            for half in (batch.entries[:middle], batch.entries[middle:]):
                part = Batch(company=batch.company, entries=half, last=half[-1].position)
                yield from _applied(part, seconds)
        elif batch.entries:
            yield _set_aside(batch, problem)
        else:
            raise
    else:
        yield batch


def _set_aside(batch: Batch, problem: Exception) -> Batch:
    """Refuse the one entry of a batch that no step or store could take; the rest goes on."""
    [entry] = batch.entries
    name = type(problem).__name__
    # The kind of error only: its message may hold what the entry says.
    log.error("position %d is refused: %s", entry.position, name)
    company = batch.company
    for table in FROM_JOURNAL:
        company.lake.withdraw(table, [entry.position])
    detail = f"accepted, but with a value that the stores cannot hold ({name})"
    refused = Batch(
        company=company,
        entries=batch.entries,
        last=batch.last,
        refused=[_refused(entry, "not_storable", detail)],
        problem=problem,
    )
    with company.ledger.write() as connection:
        finish(connection, refused, company.clock())
    return refused


def _next_batch(company: Company, after: int, size: int, last: int) -> Batch:
    j = journal.c
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(
                j.position, j.source_id, j.message_id, j.kind,
                type_coerce(j.received_at, BigInteger), j.payload, source.c.name,
            )
            .join(source, source.c.source_id == j.source_id)
            .where(j.position > after, j.position <= last)
            .order_by(j.position)
            .limit(size)
        ).all()  # fmt: skip
    # A file's rows and a request's events were received at one moment, which is read once.
    moments = {micros: from_micros(micros) for micros in {row[4] for row in rows}}
    entries = [
        Entry(number, source_id, message_id, kind, moments[micros], payload, name)
        for number, source_id, message_id, kind, micros, payload, name in rows
    ]
    # Positions may have gaps (a refused duplicate uses one up); an empty rest is walked over.
    return Batch(company=company, entries=entries, last=entries[-1].position if entries else last)


def read_position(connection: Connection, worker: str) -> int:
    """How far ``worker`` has come."""
    found = connection.scalar(select(position.c.position).where(position.c.worker == worker))
    return int(found or 0)


def keep_position(
    ledger: Ledger, connection: Connection, worker: str, reached: int, now: datetime
) -> None:
    """Remember how far ``worker`` has come, with the writes that brought it there."""
    ledger.upsert(
        connection,
        position,
        [{"worker": worker, "position": reached, "updated_at": now}],
        ["worker"],
        ["position", "updated_at"],
    )

"""How far each silo can be trusted, for what: measured on samples, kept until the next time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from time import perf_counter

import msgspec
from msgspec import Struct
from sqlalchemy import delete, insert, select

from rapport.collect.sources import Source, find_source, list_sources, source_days
from rapport.collect.touchpoints import touchpoint_of
from rapport.engines.ledger import among
from rapport.understand.quality.drift import Drifted, Observed, drifts
from rapport.understand.quality.fields import (
    FieldShares,
    Measured,
    Placed,
    measure,
    stated_attributes,
)
from rapport.understand.quality.sample import DAYS, Drawn, draw, happened_by_day
from rapport.understand.quality.shares import FEWEST, Score, Share, share, uniform_score
from rapport.understand.quality.volume import DayVolume, volumes
from rapport.unify.agreement import Agreement, shared_values, silo_agreement
from rapport.unify.blocked_values import blocked_reason
from rapport.unify.stored_evidence import chunks
from rapport.vocabulary.identifier_values import (
    normalise_email,
    normalise_loyalty_card,
    normalise_phone,
)
from rapport.vocabulary.ledger_tables import job, journal
from rapport.vocabulary.profile import ATTRIBUTES
from rapport.workflows.company import Company
from rapport.workflows.data_clock import data_until
from rapport.workflows.remembered import data_version
from rapport.workflows.sources import RATES

KIND = "quality"
#: How often the worker measures anew, where there are new data.
EVERY = timedelta(hours=1)
#: Days of a source's volume that are shown.
SHOWN = 30
#: Days with data below which receipt has no rhythm: files brought at once are judged by the days
#: on which what they tell of happened.
_RHYTHM_DAYS = 28
_KEPT = 30


class FieldQuality(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field of one source; see `understand.quality.shares` for the dimensions."""

    field: str
    of_person: bool
    completeness: Share | None = None
    validity: Share | None = None
    consistency: Share | None = None
    uniqueness: Share | None = None
    currentness: Share | None = None
    score: Score | None = None

    def shares(self) -> dict[str, Share | None]:
        """The dimensions by name."""
        return {
            "completeness": self.completeness,
            "validity": self.validity,
            "consistency": self.consistency,
            "uniqueness": self.uniqueness,
            "currentness": self.currentness,
        }


class SourceQuality(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One source.

    Attributes
    ----------
    score : float or None
        The mean of its fields' scores; None where no field has one.
    touchpoints, sampled : int
        How many there are, and how many were looked at closely.
    records : Share or None
        Of the records it keeps of people, how many are the only one of their person.
    volume_of : str
        "received": days on which it sent; "happened": days on which what it told of happened.
    volume : tuple of DayVolume
        The last 30 whole days.
    drifted : tuple of Drifted
        Every test made; those that are `flagged` say something.
    """

    name: str
    label: str
    kind: str
    touchpoints: int = 0
    sampled: int = 0
    score: float | None = None
    records: Share | None = None
    fields: tuple[FieldQuality, ...] = ()
    volume_of: str = "received"
    volume: tuple[DayVolume, ...] = ()
    drifted: tuple[Drifted, ...] = ()

    @property
    def changes(self) -> tuple[Drifted, ...]:
        """What drifted."""
        return tuple(each for each in self.drifted if each.flagged)


class Quality(Struct, frozen=True, kw_only=True):
    """All sources at one moment.

    Attributes
    ----------
    until : datetime
        Up to where the data go; ages are counted from there.
    version : str
        Of the data that were measured.
    people : int
        Looked at to compare silos.
    """

    measured_at: datetime
    until: datetime
    version: str
    people: int
    seconds: float
    sources: tuple[SourceQuality, ...]

    def source(self, name: str) -> SourceQuality | None:
        """The measures of one source."""
        return next((each for each in self.sources if each.name == name), None)


def latest_quality(company: Company) -> Quality | None:
    """What was measured last; None before the first time."""
    with company.ledger.read() as connection:
        found = connection.scalar(
            select(job.c.result)
            .where(job.c.kind == KIND, job.c.status == "done")
            .order_by(job.c.job_id.desc())
            .limit(1)
        )
    return None if found is None else msgspec.convert(found, Quality, strict=False)


def source_quality(company: Company, name: str) -> SourceQuality | None:
    """The last measures of one source; None where it was not measured yet.

    Raises
    ------
    NotFound
        If there is no such source.
    """
    find_source(company.ledger, name)
    latest = latest_quality(company)
    return None if latest is None else latest.source(name)


def quality_is_due(company: Company) -> bool:
    """Whether to measure anew: an hour after the last time, where the data changed or a day."""
    latest = latest_quality(company)
    if latest is None:
        return True
    age = company.clock() - latest.measured_at
    return age >= EVERY and (age >= timedelta(days=1) or latest.version != data_version(company))


def measure_quality(company: Company) -> Quality:
    """Measure all sources and keep what was found.

    The cost hardly grows with the data: a few thousand touchpoints of each source are read, found
    by one pass over three columns of the lake.
    """
    began, now = perf_counter(), company.clock()
    version = data_version(company)
    until = data_until(company)
    sources = list_sources(company.ledger)
    drawn: defaultdict[str, list[Drawn]] = defaultdict(list)
    for each in draw(company.lake, until):
        drawn[each.source].append(each)
    happened = happened_by_day(company.lake, until)
    measured: dict[str, Measured] = {}
    values: dict[tuple[str, str], set[tuple[str, str | None]]] = {}
    for source in sources:
        sample = _read(company, source, drawn[source.name])
        counts = [0, 0, 0]
        for each in drawn[source.name]:
            counts[each.period] = each.count
        measured[source.name] = measure(source.name, sample, counts, until=until, is_junk=_is_junk)
        _note_values(values, source.name, sample)
    with company.ledger.read() as connection:
        agreement = silo_agreement(connection)
        unique = shared_values(connection, values)
    tested: defaultdict[str, list[Drifted]] = defaultdict(list)
    observed: list[Observed] = [o for each in measured.values() for o in each.observed]
    for drifted in drifts(observed):
        tested[drifted.source].append(drifted)
    found = Quality(
        measured_at=now,
        until=until,
        version=version,
        people=agreement.people,
        seconds=round(perf_counter() - began, 3),
        sources=tuple(
            _source(
                source,
                drawn[source.name],
                measured[source.name],
                agreement,
                unique,
                tuple(tested[source.name]),
                _volume(company, source, happened.get(source.name, {}), now, until),
            )
            for source in sources
            if source.kind != RATES
        ),
    )
    _keep(company, found)
    return found


def _keep(company: Company, found: Quality) -> None:
    now = company.clock()
    with company.ledger.write() as connection:
        connection.execute(
            insert(job).values(
                kind=KIND,
                arguments={},
                status="done",
                done=len(found.sources),
                created_at=found.measured_at,
                started_at=found.measured_at,
                finished_at=now,
                result=msgspec.to_builtins(found),
            )
        )
        old = connection.execute(
            select(job.c.job_id)
            .where(job.c.kind == KIND)
            .order_by(job.c.job_id.desc())
            .offset(_KEPT)
            .limit(1)
        ).scalar()
        if old is not None:
            connection.execute(delete(job).where(job.c.kind == KIND, job.c.job_id <= old))


def _read(company: Company, source: Source, drawn: Sequence[Drawn]) -> list[Placed]:
    """The drawn touchpoints, as the journal has them."""
    period_of = {position: each.period for each in drawn for position in each.positions}
    sample = []
    with company.ledger.read() as connection:
        for piece in chunks(period_of):
            rows = connection.execute(
                select(
                    journal.c.position, journal.c.kind, journal.c.payload, journal.c.received_at
                ).where(among(journal.c.position, piece))
            )
            sample += [
                Placed(
                    touchpoint=touchpoint_of(
                        row.kind, bytes(row.payload), source.name, row.received_at
                    ),
                    period=period_of[row.position],
                )
                for row in rows
            ]
    return sample


def _is_junk(name: str, value: str) -> bool:
    """Whether a value stands for none, such as test@test.com."""
    normal = None
    if name == "email":
        normal = normalise_email(value)
    elif name == "loyalty_card":
        normal = normalise_loyalty_card(value)
    elif name == "phone":
        normal = normalise_phone(value, None) or value
    return normal is not None and blocked_reason(name, normal) is not None


def _note_values(
    values: dict[tuple[str, str], set[tuple[str, str | None]]],
    source: str,
    sample: Sequence[Placed],
) -> None:
    for each in sample:
        said = stated_attributes(each.touchpoint)
        country = said.get("country") or each.touchpoint.country
        for name in ("email", "loyalty_card", "phone"):
            if value := said.get(name):
                values.setdefault((source, name), set()).add((value, country))


def _source(
    source: Source,
    drawn: Sequence[Drawn],
    measured: Measured,
    agreement: Agreement,
    unique: Mapping[tuple[str, str], tuple[int, int]],
    drifted: tuple[Drifted, ...],
    volume: tuple[str, tuple[DayVolume, ...]],
) -> SourceQuality:
    fields = tuple(_field(source.name, each, agreement, unique) for each in measured.fields)
    scores = [each.score.value for each in fields if each.score is not None]
    return SourceQuality(
        name=source.name,
        label=source.label,
        kind=source.kind,
        touchpoints=sum(each.count for each in drawn),
        sampled=sum(len(each.positions) for each in drawn),
        score=sum(scores) / len(scores) if scores else None,
        records=share(*agreement.alone.get(source.name, (0, 0))),
        fields=fields,
        volume_of=volume[0],
        volume=volume[1],
        drifted=drifted,
    )


def _field(
    source: str,
    seen: FieldShares,
    agreement: Agreement,
    unique: Mapping[tuple[str, str], tuple[int, int]],
) -> FieldQuality:
    key = (source, seen.field)
    of_person = seen.of_person and seen.field in ATTRIBUTES
    found = FieldQuality(
        field=seen.field,
        of_person=of_person,
        completeness=seen.completeness,
        validity=seen.validity,
        currentness=seen.currentness,
        consistency=share(*agreement.agreeing.get(key, (0, 0))) if of_person else None,
        uniqueness=share(*unique.get(key, (0, 0))) if of_person else None,
    )
    return msgspec.structs.replace(found, score=uniform_score(found.shares()))


# ── volume ─────────────────────────────────────────────────────────────────────────────────────


def _volume(
    company: Company,
    source: Source,
    happened: Mapping[date, int],
    now: datetime,
    until: datetime,
) -> tuple[str, tuple[DayVolume, ...]]:
    """The last whole days beside their forecasts."""
    received = received_by_day(company, source.name, now)
    counts: Mapping[date, int]
    if len(received) >= _RHYTHM_DAYS or not happened:
        last, counts, basis = now.date(), received, "received"
    else:
        # A file tells nothing of the days after it was made.
        last = min(until.date(), max(happened) + timedelta(days=1))
        counts, basis = happened, "happened"
    days = [last - timedelta(days=n) for n in range(SHOWN, 0, -1)]
    return basis, volumes(counts, days)


def received_by_day(company: Company, name: str, now: datetime) -> dict[date, int]:
    """What a source sent on each day in UTC of those that a forecast needs."""
    since = now.date() - timedelta(days=DAYS)
    return {
        each.day: each.accepted
        for each in source_days(company.ledger, since, name)
        if each.accepted
    }


__all__ = [
    "EVERY",
    "FEWEST",
    "FieldQuality",
    "Quality",
    "SourceQuality",
    "latest_quality",
    "measure_quality",
    "quality_is_due",
    "received_by_day",
    "source_quality",
]

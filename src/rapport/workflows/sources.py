"""Data sources: how fresh each is, what it sent, what was refused and why, and new ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, select

from rapport.collect.mapping import mapping_from
from rapport.collect.protocols import PROTOCOL_NAMES, protocols
from rapport.collect.refused import (
    RefusedCount,
    refused_counts,
    refused_csv,
    refused_payload_text,
    refused_rows,
)
from rapport.collect.signatures import HMAC_HEADER, STYLES, Signing
from rapport.collect.source_names import RULE, is_source_name
from rapport.collect.sources import (
    Source,
    create_source,
    create_write_key,
    find_source,
    freshness,
    list_sources,
    set_enabled,
    source_days,
)
from rapport.engines.ledger import Ledger
from rapport.errors import InvalidInput
from rapport.settings import is_reference, read_reference
from rapport.understand.touchpoints_at import counts_by_type
from rapport.vocabulary.ledger_tables import (
    audit,
    exchange_rate,
    journal,
    position,
    source_day,
)
from rapport.vocabulary.touchpoint import REFUSAL_REASONS
from rapport.workflows.company import Company
from rapport.workflows.ingest import WORKER, read_position

DAYS = 30
_SAMPLES = 20
#: Of a refused record on a page; the whole of it is in the download.
_SHOWN = 1_500
#: The kind of source that takes events over HTTP.
COLLECTOR = "collector"
RATES = "rates"
#: The kinds of sources that take events over HTTP; a webhook's is opened by its signature.
OVER_HTTP: tuple[str, ...] = (COLLECTOR, *PROTOCOL_NAMES)
WEBHOOK = "webhook"
#: Those that a write key opens.
KEYED: tuple[str, ...] = tuple(kind for kind in OVER_HTTP if kind != WEBHOOK)


class DayCount(Struct, frozen=True, kw_only=True):
    """What a source sent in one day, in UTC."""

    day: date
    accepted: int
    refused: int


class SourceLine(Struct, frozen=True, kw_only=True):
    """One source as the list shows it.

    Attributes
    ----------
    accepted : int
        Records kept since the beginning; of exchange rates, the days and currencies known.
    refused : int
        Records that wait to be mended.
    state : str
        "fresh", "late" (older than it promised), "quiet" (nothing for a week, no promise),
        "empty" (never sent anything) or "closed".
    days : tuple of DayCount
        The last 30 days, days without data included.
    """

    name: str
    label: str
    kind: str
    accepted: int
    refused: int
    state: str
    enabled: bool
    has_write_key: bool
    created_at: datetime
    last_received_at: datetime | None = None
    age_hours: float | None = None
    expected_every_hours: int | None = None
    reasons: tuple[RefusedCount, ...] = ()
    days: tuple[DayCount, ...] = ()


class WorkerLag(Struct, frozen=True, kw_only=True):
    """How far the worker is behind what was accepted.

    Attributes
    ----------
    behind : int
        Positions of the journal that are not applied yet.
    since : datetime or None
        When the oldest of them was accepted.
    """

    last: int
    applied: int
    behind: int
    since: datetime | None = None
    applied_at: datetime | None = None


class SourcesView(Struct, frozen=True, kw_only=True):
    """All sources, and the worker that walks over what they send."""

    at: datetime
    lines: tuple[SourceLine, ...]
    lag: WorkerLag


class TypeCount(Struct, frozen=True, kw_only=True):
    """How many touchpoints of one type a source sent, and when the newest happened."""

    type: str
    count: int
    newest_at: datetime


class RefusedShown(Struct, frozen=True, kw_only=True):
    """One refused record, cut to a screenful; the payload is text to escape."""

    refused_id: int
    reason: str
    meaning: str
    detail: str
    locator: str | None
    received_at: datetime
    payload: str


class Refusals(Struct, frozen=True, kw_only=True):
    """What waits to be mended: counts by reason, and the first twenty records."""

    counts: tuple[RefusedCount, ...]
    records: tuple[RefusedShown, ...]


class SourceView(Struct, frozen=True, kw_only=True):
    """One source, with its mapping and what it sent."""

    at: datetime
    line: SourceLine
    mapping: Mapping[str, Any] | None
    types: tuple[TypeCount, ...]
    refused: tuple[RefusedShown, ...]
    lag: WorkerLag
    public_url: str


def sources_view(company: Company) -> SourcesView:
    """Every source with freshness and counts, those that need a look first."""
    return SourcesView(
        at=company.clock(), lines=tuple(source_overview(company)), lag=worker_lag(company)
    )


def source_overview(company: Company) -> list[SourceLine]:
    """Every source with its counts and freshness; late ones first, then by label."""
    now = company.clock()
    lines = _lines(company, list_sources(company.ledger), now)
    rank = {"late": 0, "quiet": 1, "fresh": 2, "empty": 3, "closed": 4}
    return sorted(lines, key=lambda line: (rank[line.state], line.label.casefold()))


def _lines(company: Company, sources: Sequence[Source], now: datetime) -> list[SourceLine]:
    ledger = company.ledger
    fresh = {f.source: f for f in freshness(ledger, now)}
    reasons: defaultdict[str, list[RefusedCount]] = defaultdict(list)
    for count in refused_counts(ledger):
        reasons[count.source].append(count)
    first = now.date() - timedelta(days=DAYS - 1)
    days: defaultdict[int, dict[date, DayCount]] = defaultdict(dict)
    for day in source_days(ledger, first):
        days[day.source_id][day.day] = DayCount(
            day=day.day, accepted=day.accepted, refused=day.refused
        )
    with ledger.read() as connection:
        totals = {
            row.source_id: int(row.accepted or 0)
            for row in connection.execute(
                select(
                    source_day.c.source_id, func.sum(source_day.c.accepted).label("accepted")
                ).group_by(source_day.c.source_id)
            )
        }
        rates, newest_rate = connection.execute(
            select(func.count(), func.max(exchange_rate.c.valid_from)).select_from(exchange_rate)
        ).one()
    lines = []
    for source in sources:
        known = fresh[source.name]
        last, age, state = known.last_received_at, known.age_hours, known.state
        accepted = totals.get(source.source_id, 0)
        if source.kind == RATES and newest_rate is not None:
            # Rates are no touchpoints: they are as old as the newest day that they hold for.
            accepted = int(rates)
            last = datetime.combine(newest_rate, time(), UTC)
            age = (now - last) / timedelta(hours=1)
            promised = source.expected_every_hours
            state = "late" if promised is not None and age > promised else "fresh"
        lines.append(
            SourceLine(
                name=source.name,
                label=source.label,
                kind=source.kind,
                accepted=accepted,
                refused=sum(r.count for r in reasons[source.name]),
                state=state if source.enabled else "closed",
                enabled=source.enabled,
                has_write_key=source.has_write_key,
                created_at=source.created_at,
                last_received_at=last,
                age_hours=age,
                expected_every_hours=source.expected_every_hours,
                reasons=tuple(reasons[source.name]),
                days=tuple(
                    days[source.source_id].get(day, DayCount(day=day, accepted=0, refused=0))
                    for day in (first + timedelta(days=n) for n in range(DAYS))
                ),
            )
        )
    return lines


def source_view(company: Company, name: str) -> SourceView:
    """One source with its mapping, what it sent by type, and what was refused.

    Raises
    ------
    NotFound
        Listing the names that exist.
    """
    now = company.clock()
    source = find_source(company.ledger, name)
    (line,) = _lines(company, [source], now)
    return SourceView(
        at=now,
        line=line,
        mapping=source.mapping,
        types=tuple(
            TypeCount(type=row["type"], count=row["touchpoints"], newest_at=row["newest_at"])
            for row in counts_by_type(company.lake, name).to_pylist()
        ),
        refused=_first_refused(company, name, None),
        lag=worker_lag(company),
        public_url=company.settings.public_url.rstrip("/"),
    )


def refused_view(company: Company, name: str, *, reason: str | None = None) -> Refusals:
    """What waits to be mended of a source.

    Raises
    ------
    NotFound
        If there is no such source.
    InvalidInput
        If there is no such reason.
    """
    check_reason(reason)
    find_source(company.ledger, name)
    return Refusals(
        counts=tuple(
            count
            for count in refused_counts(company.ledger, name)
            if reason is None or count.reason == reason
        ),
        records=_first_refused(company, name, reason),
    )


def _first_refused(company: Company, name: str, reason: str | None) -> tuple[RefusedShown, ...]:
    return tuple(
        RefusedShown(
            refused_id=row.refused_id,
            reason=row.reason,
            meaning=REFUSAL_REASONS.get(row.reason, row.reason),
            detail=row.detail,
            locator=row.locator,
            received_at=row.received_at,
            payload=_beginning(refused_payload_text(row)),
        )
        for row in refused_rows(company.ledger, source=name, reason=reason, limit=_SAMPLES)
    )


def _beginning(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def worker_lag(company: Company) -> WorkerLag:
    """How far the worker is behind the journal."""
    with company.ledger.read() as connection:
        return read_lag(connection)


def read_lag(connection: Connection) -> WorkerLag:
    """How far the worker is behind the journal, within a transaction."""
    applied = read_position(connection, WORKER)
    last = int(connection.scalar(select(func.max(journal.c.position))) or 0)
    applied_at = connection.scalar(select(position.c.updated_at).where(position.c.worker == WORKER))
    if last <= applied:
        return WorkerLag(last=last, applied=applied, behind=0, applied_at=applied_at)
    oldest = connection.execute(
        select(journal.c.position, journal.c.received_at)
        .where(journal.c.position > applied)
        .order_by(journal.c.position)
        .limit(1)
    ).first()
    return WorkerLag(
        last=last,
        applied=applied,
        behind=last - applied,
        since=None if oldest is None else oldest.received_at,
        applied_at=applied_at,
    )


def refused_download(company: Company, name: str, *, reason: str | None = None) -> Iterator[bytes]:
    """What is refused of a source as CSV, page by page; no cell can start a formula.

    Raises
    ------
    NotFound
        If there is no such source.
    InvalidInput
        If there is no such reason.
    """
    check_reason(reason)
    find_source(company.ledger, name)
    return refused_csv(company.ledger, source=name, reason=reason)


def check_reason(reason: str | None) -> None:
    """Refuse a reason that does not exist."""
    if reason is not None and reason not in REFUSAL_REASONS:
        raise InvalidInput(
            f"{reason!r} is no reason to refuse; known are {', '.join(REFUSAL_REASONS)}"
        )


# ── connecting ─────────────────────────────────────────────────────────────────────────────────


def add_collector(
    company: Company, *, name: str, label: str, kind: str = COLLECTOR, actor: str = "cli"
) -> str:
    """Make a source that takes events over HTTP; returns its write key, shown only now.

    Parameters
    ----------
    kind : str
        One of `KEYED`: "collector" for the Segment protocol and our own tracker, or another
        tracker's. It says what is shown; the key opens them all.

    Raises
    ------
    InvalidInput
        If the name cannot stand in an address, or there is no such kind.
    Conflict
        If the name is taken.
    """
    checked = source_name(name)
    if kind not in KEYED:
        raise InvalidInput(f"{kind!r} is no kind with a write key; known are {', '.join(KEYED)}")
    create_source(company.ledger, company.clock(), name=checked, label=_label(label), kind=kind)
    write_key = create_write_key(company.ledger, checked)
    _note(company.ledger, company.clock(), actor, "source.created", checked)
    return write_key


def add_webhook(
    company: Company,
    *,
    name: str,
    label: str,
    style: str,
    secret: str,
    header: str = "",
    rows: Mapping[str, Any] | None = None,
    actor: str = "cli",
) -> str:
    """Make a source that takes signed webhooks; returns its path, which is what a sender needs.

    Parameters
    ----------
    style : str
        How the sender signs, a key of `signatures.STYLES`.
    secret : str
        Where the secret lies: ``env:NAME`` or ``file:PATH``. It is read here once, so that a slip
        shows now and not with the first webhook.
    header : str
        Of the style ``hmac``: the header with the signature, where it is not GitHub's.
    rows : mapping, optional
        A mapping as of a file, by which payloads become touchpoints.

    Raises
    ------
    InvalidInput
        If anything of this cannot be.
    Conflict
        If the name is taken.
    """
    checked = source_name(name)
    if style not in STYLES:
        raise InvalidInput(f"{style!r} is no way to sign; known are {', '.join(STYLES)}")
    reference = secret.strip()
    # What is typed here is stored and shown, and so are messages: it must not be the secret.
    if not is_reference(reference):
        raise InvalidInput("Name where the secret lies, as env:NAME or file:PATH; not the secret")
    if not read_reference(reference):
        raise InvalidInput("The secret is empty")
    signing = Signing(style=style, secret=reference, header=header.strip().lower() or HMAC_HEADER)
    mapping: dict[str, Any] = {"signing": msgspec.to_builtins(signing)}
    if rows:
        read = mapping_from({**rows, "source": checked}, "the mapping")
        mapping["rows"] = msgspec.to_builtins(read)
    create_source(
        company.ledger,
        company.clock(),
        name=checked,
        label=_label(label),
        kind=WEBHOOK,
        mapping=mapping,
    )
    _note(company.ledger, company.clock(), actor, "source.created", checked)
    return f"/v1/webhooks/{checked}"


def what_to_paste(kind: str, url: str, key: str) -> str | None:
    """What to write at the sender; None for the Segment protocol, which any of its SDKs speaks.

    Parameters
    ----------
    url : str
        Our address, without a slash at its end.
    key : str
        The write key; of webhooks, the source's name.
    """
    return next((p.paste(url, key) for p in protocols() if p.name == kind), None)


def new_write_key(company: Company, name: str, *, actor: str) -> str:
    """Replace a collector's write key; the old one ends within seconds.

    Raises
    ------
    InvalidInput
        If the source takes no events over HTTP.
    """
    source = find_source(company.ledger, name)
    if source.kind not in KEYED:
        raise InvalidInput(f"Source {name} is of kind {source.kind}, which has no write key")
    write_key = create_write_key(company.ledger, name)
    _note(company.ledger, company.clock(), actor, "source.write_key", name)
    return write_key


def open_source(company: Company, name: str, *, enabled: bool, actor: str) -> None:
    """Open or close a source; a closed one's write key is refused."""
    set_enabled(company.ledger, name, enabled)
    action = "source.opened" if enabled else "source.closed"
    _note(company.ledger, company.clock(), actor, action, name)


def source_name(name: str) -> str:
    """``name`` if it can stand in an address and a file.

    Raises
    ------
    InvalidInput
        If it cannot.
    """
    checked = name.strip()
    if not is_source_name(checked):
        raise InvalidInput(f"A source's name has {RULE}")
    return checked


def _label(label: str) -> str:
    return " ".join(label.replace("\0", "").split())[:200]


def _note(ledger: Ledger, at: datetime, actor: str, action: str, subject: str) -> None:
    with ledger.write() as connection:
        connection.execute(
            audit.insert().values(at=at, actor=actor, action=action, subject=subject)
        )

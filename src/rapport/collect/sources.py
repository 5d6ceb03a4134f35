"""Sources: where data comes from, the write keys that let it in, its counts and freshness."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select, update

from rapport.engines.ledger import Ledger
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary import ledger_tables as t

#: Where a source is worth a look although it states no rhythm of its own.
_QUIET_AFTER = timedelta(days=7)


class Source(Struct, frozen=True, kw_only=True):
    """One place that data comes from."""

    source_id: int
    name: str
    label: str
    kind: str  # "collector", a protocol's name, or of a mapped file: "orders", "contacts", …
    mapping: Any = None
    created_at: datetime
    expected_every_hours: int | None = None
    enabled: bool = True
    has_write_key: bool = False


class SourceDay(Struct, frozen=True, kw_only=True):
    """What one source sent in one day, in UTC."""

    source_id: int
    day: date
    accepted: int
    refused: int


class Freshness(Struct, frozen=True, kw_only=True):
    """How recent a source's newest data is.

    `state` is "fresh", "late" (older than it promised), "quiet" (nothing for a week, no promise)
    or "empty" (never sent anything).
    """

    source: str
    last_received_at: datetime | None
    age_hours: float | None
    expected_every_hours: int | None
    state: str


def _digest(write_key: str) -> str:
    return sha256(write_key.encode("utf-8")).hexdigest()


def _source(row: Row[Any]) -> Source:
    return Source(
        source_id=row.source_id,
        name=row.name,
        label=row.label,
        kind=row.kind,
        mapping=row.mapping,
        created_at=row.created_at,
        expected_every_hours=row.expected_every_hours,
        enabled=row.enabled,
        has_write_key=row.write_key_digest is not None,
    )


def create_source(
    ledger: Ledger,
    now: datetime,
    *,
    name: str,
    label: str,
    kind: str,
    mapping: Any = None,
    expected_every_hours: int | None = None,
) -> Source:
    """A new source.

    Raises
    ------
    InvalidInput
        If the name is empty.
    Conflict
        If the name is taken.
    """
    name = name.strip()
    if not name:
        raise InvalidInput("A source needs a name, such as webshop or till_hu")
    with ledger.write() as connection:
        ledger.lock(connection, "source")
        if connection.execute(select(t.source.c.source_id).where(t.source.c.name == name)).first():
            raise Conflict(f"A source named {name} exists already; choose another name")
        made = connection.execute(
            t.source.insert().values(
                name=name,
                label=label.strip() or name,
                kind=kind,
                mapping=mapping,
                created_at=now,
                expected_every_hours=expected_every_hours,
                enabled=True,
            )
        ).inserted_primary_key
        assert made is not None  # noqa: S101  # one row was inserted
        return _source(
            connection.execute(select(t.source).where(t.source.c.source_id == made[0])).one()
        )


def ensure_source(
    ledger: Ledger,
    now: datetime,
    *,
    name: str,
    label: str,
    kind: str,
    mapping: Any = None,
    expected_every_hours: int | None = None,
) -> Source:
    """The source ``name``, made if need be, with the newest mapping."""
    try:
        source = find_source(ledger, name)
    except NotFound:
        try:
            return create_source(
                ledger,
                now,
                name=name,
                label=label,
                kind=kind,
                mapping=mapping,
                expected_every_hours=expected_every_hours,
            )
        except Conflict:  # somebody else made it just now
            source = find_source(ledger, name)
    if (source.mapping, source.kind) == (mapping, kind) and not expected_every_hours:
        return source
    with ledger.write() as connection:
        connection.execute(
            update(t.source)
            .where(t.source.c.source_id == source.source_id)
            .values(
                mapping=mapping,
                kind=kind,
                label=label.strip() or name,
                expected_every_hours=expected_every_hours or source.expected_every_hours,
            )
        )
    return find_source(ledger, name)


def find_source(ledger: Ledger, name: str) -> Source:
    """The source called ``name``.

    Raises
    ------
    NotFound
        Listing the names that exist.
    """
    with ledger.read() as connection:
        row = connection.execute(select(t.source).where(t.source.c.name == name)).first()
        if row is None:
            names = connection.execute(select(t.source.c.name).order_by(t.source.c.name)).scalars()
            raise NotFound(
                f"There is no source named {name}; known: {', '.join(names) or 'none yet'}"
            )
        return _source(row)


def list_sources(ledger: Ledger) -> list[Source]:
    """Every source, by name."""
    with ledger.read() as connection:
        rows = connection.execute(select(t.source).order_by(t.source.c.name)).all()
    return [_source(row) for row in rows]


def set_enabled(ledger: Ledger, name: str, enabled: bool) -> None:
    """Open or close a source; a closed one's write key is answered with 401."""
    source = find_source(ledger, name)
    with ledger.write() as connection:
        connection.execute(
            update(t.source).where(t.source.c.source_id == source.source_id).values(enabled=enabled)
        )


def create_write_key(
    ledger: Ledger, name: str, *, token: Callable[[], str] = lambda: secrets.token_urlsafe(24)
) -> str:
    """A new write key for the source; it is shown now and never again, and replaces the old one.

    Only its SHA-256 digest is stored. A plain digest suffices: the key is 192 random bits and not
    a password that could be guessed.
    """
    source = find_source(ledger, name)
    write_key = token()
    with ledger.write() as connection:
        connection.execute(
            update(t.source)
            .where(t.source.c.source_id == source.source_id)
            .values(write_key_digest=_digest(write_key))
        )
    return write_key


class WriteKeys:
    """Which source a write key belongs to, remembered for a while.

    A revoked key may be taken for as long as ``keep_seconds``; an unknown one is asked for again
    after a second, so that a new key works at once and guessing does not reach the database at
    the speed of the network.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        keep_seconds: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._keep_seconds = keep_seconds
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, Source | None]] = {}
        self._lock = threading.Lock()

    def remembered(self, write_key: str) -> tuple[bool, Source | None]:
        """Whether the key was asked for lately, and the source it opens then."""
        kept = self._known.get(_digest(write_key))
        return (False, None) if kept is None or kept[0] <= self._monotonic() else (True, kept[1])

    def source_of(self, write_key: str) -> Source | None:
        """The enabled source that ``write_key`` opens, or None."""
        return self._found(write_key, t.source.c.write_key_digest == _digest(write_key))

    def source_named(self, name: str, kind: str) -> Source | None:
        """The enabled source ``name`` of a kind that is opened by signatures, not by a key."""
        # No write key holds the separator, so that neither is taken for the other.
        asked = f"{kind}\x1f{name}"
        return self._found(asked, and_(t.source.c.name == name, t.source.c.kind == kind))

    def _found(self, asked: str, which: ColumnElement[bool]) -> Source | None:
        known, source = self.remembered(asked)
        if known:
            return source
        digest = _digest(asked)
        now = self._monotonic()
        with self._ledger.read() as connection:
            row = connection.execute(
                select(t.source).where(which, t.source.c.enabled.is_(True))
            ).first()
        source = None if row is None else _source(row)
        with self._lock:
            if len(self._known) > 10_000:  # somebody is guessing: forget, do not grow
                self._known.clear()
            self._known[digest] = (now + (self._keep_seconds if source else 1.0), source)
        return source


def count_accepted(
    ledger: Ledger, connection: Connection, received: Iterable[tuple[int, datetime]]
) -> None:
    """Count entries of the journal per source and day, inside the caller's transaction.

    Parameters
    ----------
    received : iterable of (int, datetime)
        Source id and time of receipt of each new entry.
    """
    counts: Counter[tuple[int, date]] = Counter()
    last: dict[tuple[int, date], datetime] = {}
    for source_id, received_at in received:
        key = (source_id, received_at.date())
        counts[key] += 1
        if key not in last or last[key] < received_at:
            last[key] = received_at
    _add_to_days(ledger, connection, [(key, n, 0, last[key]) for key, n in counts.items()])


def count_refused(
    ledger: Ledger, connection: Connection, received: Iterable[tuple[int, datetime]]
) -> None:
    """Count newly refused records per source and day, inside the caller's transaction."""
    counts = Counter((source_id, received_at.date()) for source_id, received_at in received)
    _add_to_days(ledger, connection, [(key, 0, n, None) for key, n in counts.items()])


def _add_to_days(
    ledger: Ledger,
    connection: Connection,
    counts: list[tuple[tuple[int, date], int, int, datetime | None]],
) -> None:
    if not counts:
        return
    rows = [
        {"source_id": i, "day": day, "accepted": good, "refused": bad, "last_accepted_at": last}
        for (i, day), good, bad, last in sorted(counts, key=lambda count: count[0])
    ]
    insert = ledger.insert(t.source_day)
    kept, new = t.source_day.c, insert.excluded
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["source_id", "day"],
            set_={
                "accepted": kept.accepted + new.accepted,
                "refused": kept.refused + new.refused,
                "last_accepted_at": case(
                    (kept.last_accepted_at.is_(None), new.last_accepted_at),
                    (new.last_accepted_at > kept.last_accepted_at, new.last_accepted_at),
                    else_=kept.last_accepted_at,
                ),
            },
        ),
        rows,
    )


def source_days(ledger: Ledger, since: date, source: str | None = None) -> list[SourceDay]:
    """What sources sent per day since ``since``, oldest first."""
    query = (
        select(t.source_day)
        .where(t.source_day.c.day >= since)
        .order_by(t.source_day.c.day, t.source_day.c.source_id)
    )
    if source is not None:
        query = query.join(t.source, t.source.c.source_id == t.source_day.c.source_id).where(
            t.source.c.name == source
        )
    with ledger.read() as connection:
        return [
            SourceDay(
                source_id=row.source_id, day=row.day, accepted=row.accepted, refused=row.refused
            )
            for row in connection.execute(query)
        ]


def freshness(ledger: Ledger, now: datetime) -> list[Freshness]:
    """How recent each source's newest data is, the latest first."""
    newest = (
        select(t.source_day.c.source_id, func.max(t.source_day.c.last_accepted_at).label("last"))
        .group_by(t.source_day.c.source_id)
        .subquery()
    )
    query = (
        select(t.source, newest.c.last)
        .outerjoin(newest, newest.c.source_id == t.source.c.source_id)
        .order_by(
            case((newest.c.last.is_(None), 1), else_=0), newest.c.last.desc(), t.source.c.name
        )
    )
    with ledger.read() as connection:
        rows = connection.execute(query).all()
    return [_freshness(row, now) for row in rows]


def _freshness(row: Row[Any], now: datetime) -> Freshness:
    last: datetime | None = row.last
    age = None if last is None else now - last
    expected = row.expected_every_hours
    if age is None:
        state = "empty"
    elif expected is not None:
        state = "late" if age > timedelta(hours=expected) else "fresh"
    else:
        state = "quiet" if age > _QUIET_AFTER else "fresh"
    return Freshness(
        source=row.name,
        last_received_at=last,
        age_hours=None if age is None else age / timedelta(hours=1),
        expected_every_hours=expected,
        state=state,
    )

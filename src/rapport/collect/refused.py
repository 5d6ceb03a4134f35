"""What could not be used: kept with its reason, counted, shown, downloaded and tried again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, func, select, update

from rapport.collect.sources import count_refused
from rapport.engines.ledger import JournalEntry, Ledger
from rapport.privacy.spreadsheet_cells import safe_cell
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import REFUSAL_REASONS, RefusedRecord


class RefusedCount(Struct, frozen=True, kw_only=True):
    """How much of a source was refused for one reason and waits to be mended."""

    source: str
    reason: str
    meaning: str
    count: int
    last_received_at: datetime


class RefusedRow(Struct, frozen=True, kw_only=True):
    """One refused record as it was kept."""

    refused_id: int
    source: str
    source_id: int
    reason: str
    detail: str
    locator: str | None
    message_id: str | None
    received_at: datetime
    payload: bytes
    replayed_at: datetime | None


class Replayed(Struct, frozen=True, kw_only=True):
    """What trying again gave: kept, already there, or refused again.

    `in_journal` were accepted and then refused where the journal is applied. They are in the
    journal already, so they were not tried: `rapport rebuild` brings them in once we are mended.
    """

    accepted: int = 0
    duplicates: int = 0
    refused_again: int = 0
    in_journal: int = 0


#: Where a record stands that was refused while the journal was applied: this and its position.
_IN_JOURNAL = "journal:"


def keep_refused(
    ledger: Ledger,
    connection: Connection,
    source_ids: Mapping[str, int],
    records: Sequence[RefusedRecord],
) -> int:
    """Keep what is refused, once however often it is sent; returns how many are new.

    Parameters
    ----------
    source_ids : mapping of str to int
        The id of each source named in ``records``.
    """
    if not records:
        return 0
    rows: dict[tuple[int, str, str], dict[str, Any]] = {}
    for record in records:
        digest = sha256(record.payload).hexdigest()
        source_id = source_ids[record.source]
        rows.setdefault(
            (source_id, record.reason, digest),
            {
                "source_id": source_id,
                "message_id": record.message_id,
                "reason": record.reason,
                "detail": record.detail,
                "locator": record.locator,
                "received_at": record.received_at,
                "payload": record.payload,
                "payload_digest": digest,
            },
        )
    fresh = _not_kept_yet(connection, rows)
    ledger.insert_new(connection, t.refused, fresh, ["source_id", "reason", "payload_digest"])
    count_refused(ledger, connection, [(row["source_id"], row["received_at"]) for row in fresh])
    return len(fresh)


def _not_kept_yet(
    connection: Connection, rows: Mapping[tuple[int, str, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Rows that are new; asked first, so that the day's count grows by these only."""
    known: set[tuple[int, str, str]] = set()
    keys = list(rows)
    for start in range(0, len(keys), 500):
        digests = [digest for _, _, digest in keys[start : start + 500]]
        query = select(t.refused.c.source_id, t.refused.c.reason, t.refused.c.payload_digest)
        known.update(
            (row.source_id, row.reason, row.payload_digest)
            for row in connection.execute(query.where(t.refused.c.payload_digest.in_(digests)))
        )
    return [row for key, row in rows.items() if key not in known]


def refused_counts(ledger: Ledger, source: str | None = None) -> list[RefusedCount]:
    """What waits to be mended, by source and reason, the most frequent first."""
    query = (
        select(
            t.source.c.name,
            t.refused.c.reason,
            func.count().label("records"),
            func.max(t.refused.c.received_at).label("last"),
        )
        .join(t.source, t.source.c.source_id == t.refused.c.source_id)
        .where(t.refused.c.replayed_at.is_(None))
        .group_by(t.source.c.name, t.refused.c.reason)
        .order_by(func.count().desc(), t.source.c.name, t.refused.c.reason)
    )
    if source is not None:
        query = query.where(t.source.c.name == source)
    with ledger.read() as connection:
        return [
            RefusedCount(
                source=row.name,
                reason=row.reason,
                meaning=REFUSAL_REASONS.get(row.reason, row.reason),
                count=row.records,
                last_received_at=row.last,
            )
            for row in connection.execute(query)
        ]


def refused_rows(
    ledger: Ledger,
    *,
    source: str | None = None,
    reason: str | None = None,
    replayed: bool = False,
    after: int = 0,
    limit: int = 1000,
) -> list[RefusedRow]:
    """A page of refused records in the order of their ids, those above ``after``."""
    query = (
        select(t.refused, t.source.c.name.label("source"))
        .join(t.source, t.source.c.source_id == t.refused.c.source_id)
        .where(t.refused.c.refused_id > after)
        .order_by(t.refused.c.refused_id)
        .limit(limit)
    )
    if not replayed:
        query = query.where(t.refused.c.replayed_at.is_(None))
    if source is not None:
        query = query.where(t.source.c.name == source)
    if reason is not None:
        query = query.where(t.refused.c.reason == reason)
    with ledger.read() as connection:
        return [
            RefusedRow(
                refused_id=row.refused_id,
                source=row.source,
                source_id=row.source_id,
                reason=row.reason,
                detail=row.detail,
                locator=row.locator,
                message_id=row.message_id,
                received_at=row.received_at,
                payload=row.payload,
                replayed_at=row.replayed_at,
            )
            for row in connection.execute(query)
        ]


def _pages(ledger: Ledger, source: str | None, reason: str | None) -> Iterator[list[RefusedRow]]:
    after = 0
    while page := refused_rows(ledger, source=source, reason=reason, after=after, limit=500):
        yield page
        after = page[-1].refused_id


def refused_csv(
    ledger: Ledger, *, source: str | None = None, reason: str | None = None
) -> Iterator[bytes]:
    """The refused records as CSV in UTF-8, page by page; no cell can start a formula.

    Bytes that are no UTF-8 are shown escaped (``\\xff``); the exact bytes stay in the ledger.
    """
    header = ("refused_id", "source", "reason", "detail", "locator", "received_at", "payload")
    yield b"\xef\xbb\xbf" + _csv_lines([header])  # the mark by which Excel knows UTF-8
    for page in _pages(ledger, source, reason):
        yield _csv_lines(
            (
                str(row.refused_id),
                row.source,
                row.reason,
                row.detail,
                row.locator or "",
                row.received_at.isoformat(),
                row.payload.decode("utf-8", "backslashreplace").replace("\x00", "\\x00"),
            )
            for row in page
        )


def _csv_lines(rows: Sequence[Sequence[str]] | Iterator[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8")


def replay(
    ledger: Ledger,
    read: Callable[[RefusedRow], tuple[Sequence[JournalEntry], Sequence[RefusedRecord]]],
    now: datetime,
    *,
    source: str | None = None,
    reason: str | None = None,
) -> Replayed:
    """Try refused records again, after a mapping or a rule was mended.

    Parameters
    ----------
    read : callable
        Reads one refused record as its source would now: the entries it gives, and what of it
        is still refused. See `intake.read_again` and `mapped_files.read_again`.
    now : datetime
        Marks the records that are now kept; those refused again stay as they are.
    """
    accepted = duplicates = again = in_journal = 0
    for page in _pages(ledger, source, reason):
        done: list[int] = []
        entries: list[JournalEntry] = []
        for row in page:
            if (row.locator or "").startswith(_IN_JOURNAL):
                # Appended again it would be a duplicate of itself, and pass for kept.
                in_journal += 1
                continue
            good, bad = read(row)
            if bad or not good:
                again += 1
                continue
            entries.extend(good)
            done.append(row.refused_id)
        with ledger.write() as connection:
            fresh = ledger.append_journal(entries, connection=connection)
            _mark_replayed(connection, done, now)
        accepted += sum(fresh)
        duplicates += len(fresh) - sum(fresh)
    return Replayed(
        accepted=accepted, duplicates=duplicates, refused_again=again, in_journal=in_journal
    )


def refused_in_journal(ledger: Ledger) -> dict[int, int]:
    """Records refused where the journal is applied: their positions there → their ids."""
    query = select(t.refused.c.refused_id, t.refused.c.locator).where(
        t.refused.c.locator.like(f"{_IN_JOURNAL}%"), t.refused.c.replayed_at.is_(None)
    )
    with ledger.read() as connection:
        return {
            int(row.locator.removeprefix(_IN_JOURNAL)): row.refused_id
            for row in connection.execute(query)
        }


def mark_replayed(ledger: Ledger, refused_ids: Sequence[int], now: datetime) -> None:
    """Note that these refused records are in use now; they are shown as waiting no more."""
    with ledger.write() as connection:
        _mark_replayed(connection, refused_ids, now)


def _mark_replayed(connection: Connection, refused_ids: Sequence[int], now: datetime) -> None:
    for start in range(0, len(refused_ids), 500):
        part = refused_ids[start : start + 500]
        connection.execute(
            update(t.refused).where(t.refused.c.refused_id.in_(part)).values(replayed_at=now)
        )


def refused_mentioning(ledger: Ledger, values: Sequence[str]) -> Iterator[RefusedRow]:
    """Refused records that hold one of a person's identifiers, for export and erasure.

    A refused record belongs to nobody yet, so its bytes are searched: for whole words, whatever
    their case, because the user id 7 is not in every number that has a 7.
    """
    words = [re.escape(value.casefold()) for value in values if value.strip()]
    if not words:
        return
    mention = re.compile(rf"(?<![\w.@+-])(?:{'|'.join(words)})(?![\w@-]|\.\w)")
    after = 0
    while page := refused_rows(ledger, replayed=True, after=after, limit=500):
        after = page[-1].refused_id
        for row in page:
            text = f"{row.message_id}\n" + row.payload.decode("utf-8", "backslashreplace")
            if mention.search(text.casefold()):
                yield row


def erase_refused(ledger: Ledger, values: Sequence[str]) -> int:
    """Delete the refused records that hold one of a person's identifiers; returns how many."""
    doomed = [row.refused_id for row in refused_mentioning(ledger, values)]
    for start in range(0, len(doomed), 500):
        with ledger.write() as connection:
            part = doomed[start : start + 500]
            connection.execute(delete(t.refused).where(t.refused.c.refused_id.in_(part)))
    return len(doomed)


def refused_payload_text(row: RefusedRow) -> str:
    """The payload for a page, cut to a screenful; whoever shows it escapes it as text."""
    text = row.payload[:20_000].decode("utf-8", "backslashreplace")
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return text

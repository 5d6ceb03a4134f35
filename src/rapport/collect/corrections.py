"""A record that is there already and now says something else: kept as a correction of itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import Connection, and_, or_, select

from rapport.collect.touchpoints import TOUCHPOINT, encode_touchpoint
from rapport.engines.ledger import JournalEntry
from rapport.vocabulary.ledger_tables import journal
from rapport.vocabulary.touchpoint import Touchpoint

_AT_ONCE = 400
_RECORDS_AT_ONCE = 100
_NO_DATE = datetime(1, 1, 1, tzinfo=UTC)


def corrections_of(
    connection: Connection, source_id: int, known: Sequence[Touchpoint]
) -> list[JournalEntry]:
    """Entries for those of ``known`` that say something else than what was last kept of them.

    Parameters
    ----------
    known : sequence of Touchpoint
        Read just now; their ids are in the journal of the source.

    Notes
    -----
    The second version of ``orders:7`` is ``orders:7~2`` and corrects ``orders:7``, so does the
    third; of several corrections the newest holds. What was kept stays, so that answers "as known
    then" do not change. A record that goes back to what it was is a version of its own.
    """
    latest: dict[str, tuple[int, Touchpoint]] = {}
    waiting, version = [touch.touchpoint_id for touch in known], 1
    while waiting:
        names = {_name(each, version): each for each in waiting}
        found: dict[str, Touchpoint] = {}
        asked = list(names)
        for begin in range(0, len(asked), _AT_ONCE):
            rows = connection.execute(
                select(journal.c.message_id, journal.c.payload).where(
                    journal.c.source_id == source_id,
                    journal.c.kind == TOUCHPOINT,
                    journal.c.message_id.in_(asked[begin : begin + _AT_ONCE]),
                )
            )
            for row in rows:
                found[names[row.message_id]] = msgspec.json.decode(row.payload, type=Touchpoint)
        latest.update((each, (version, touch)) for each, touch in found.items())
        waiting, version = list(found), version + 1
    entries = []
    same = {t.touchpoint_id for t in known if t.touchpoint_id in latest and _same(t, latest)}
    undated = [t for t in known if t.touchpoint_id in same and t.occurred_at == t.received_at]
    gone_back = _not_newest(connection, source_id, undated)
    for touch in known:
        if touch.touchpoint_id not in latest:
            continue  # its id is that of an event by another way
        if touch.touchpoint_id not in gone_back and _same(touch, latest):
            continue
        version, _ = latest[touch.touchpoint_id]
        changed = msgspec.structs.replace(
            touch,
            touchpoint_id=_name(touch.touchpoint_id, version + 1),
            corrects=touch.corrects or touch.touchpoint_id,
        )
        latest[touch.touchpoint_id] = (version + 1, changed)
        entries.append(
            JournalEntry(
                source_id=source_id,
                message_id=changed.touchpoint_id,
                kind=TOUCHPOINT,
                received_at=changed.received_at,
                payload=encode_touchpoint(changed),
            )
        )
    return entries


def _same(touch: Touchpoint, latest: dict[str, tuple[int, Touchpoint]]) -> bool:
    return _said(latest[touch.touchpoint_id][1]) == _said(touch)


def _not_newest(connection: Connection, source_id: int, undated: Sequence[Touchpoint]) -> set[str]:
    """Ids of records without a date of which the journal has another state that came later.

    Their ids are ``kind:record:state``. One that goes back to an earlier state says something new,
    though the state itself is known.
    """
    ids = {touch.touchpoint_id for touch in undated if touch.touchpoint_id.count(":") > 1}
    records = sorted({_record_of(each) for each in ids})
    newest: dict[str, tuple[int, str]] = {}
    for begin in range(0, len(records), _RECORDS_AT_ONCE):
        # By ranges of the index over ids; ";" is the character after ":".
        ranges = [
            and_(journal.c.message_id > f"{record}:", journal.c.message_id < f"{record};")
            for record in records[begin : begin + _RECORDS_AT_ONCE]
        ]
        rows = connection.execute(
            select(journal.c.position, journal.c.message_id).where(
                journal.c.source_id == source_id, journal.c.kind == TOUCHPOINT, or_(*ranges)
            )
        )
        for position, message_id in rows:
            record = _record_of(message_id)
            newest[record] = max(newest.get(record, (0, "")), (position, message_id))
    gone_back = set()
    for each in ids:
        # A database that orders texts by a language may not find the range; none is newer then.
        _, last = newest.get(_record_of(each), (0, each))
        if last.partition("~")[0] != each:
            gone_back.add(each)
    return gone_back


def _record_of(touchpoint_id: str) -> str:
    return touchpoint_id.rpartition(":")[0]


def _name(touchpoint_id: str, version: int) -> str:
    return touchpoint_id if version == 1 else f"{touchpoint_id}~{version}"


def _said(touch: Touchpoint) -> bytes:
    """What it says, without what is about how it came here.

    A record that states no date is dated by its receipt, which says nothing of it either: a list
    of contacts without dates would correct itself each time that it is imported.
    """
    stated = touch.occurred_at if touch.occurred_at != touch.received_at else _NO_DATE
    return encode_touchpoint(
        msgspec.structs.replace(
            touch, touchpoint_id="", corrects=None, received_at=_NO_DATE, occurred_at=stated
        )
    )

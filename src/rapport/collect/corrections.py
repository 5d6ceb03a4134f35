"""A record that is there already and now says something else: kept as a correction of itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from rapport.collect.touchpoints import TOUCHPOINT, encode_touchpoint
from rapport.engines.ledger import JournalEntry
from rapport.vocabulary.ledger_tables import journal
from rapport.vocabulary.touchpoint import Touchpoint

_AT_ONCE = 400


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
    for touch in known:
        if touch.touchpoint_id not in latest:
            continue  # its id is that of an event by another way
        version, kept = latest[touch.touchpoint_id]
        if _said(kept) == _said(touch):
            continue
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


def _name(touchpoint_id: str, version: int) -> str:
    return touchpoint_id if version == 1 else f"{touchpoint_id}~{version}"


def _said(touch: Touchpoint) -> bytes:
    """What it says, without what is about how it came here."""
    return encode_touchpoint(
        msgspec.structs.replace(
            touch, touchpoint_id="", corrects=None, received_at=touch.occurred_at
        )
    )

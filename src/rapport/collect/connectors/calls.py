"""Telephone calls, as a call centre logs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import CALL_ENDED, Touchpoint

_LONGEST = 7 * 86_400  # seconds; more is no call


def read_call(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one call; where only its start is told, it ended its duration later."""
    (row,) = rows
    duration = row.number("duration_seconds")
    about = {
        "duration_seconds": duration,
        "agent": row.text("agent"),
        "topic": row.text("topic"),
    }
    yield row.touchpoint(
        f"calls:{row.required('call_id')}",
        type=CALL_ENDED,
        channel="phone",
        occurred_at=_ended_at(row, duration),
        text=row.text("text"),
        language=row.language(),
        order_id=row.text("order_id"),
        properties=about,
    )


def _ended_at(row: Row, duration: float | None) -> datetime:
    started_at = row.moment("started_at")
    if started_at is None or row.cell("ended_at") is not None:
        return row.required_moment("ended_at")
    if duration is None or not 0 <= duration <= _LONGEST:
        raise RowError(
            "missing_field", "`ended_at` is empty, and `duration_seconds` does not tell it"
        )
    return started_at + timedelta(seconds=duration)


CONNECTOR = Connector(
    kind="calls",
    label="Telephone calls",
    required=("call_id", "ended_at"),
    instead={"ended_at": ("started_at",)},
    optional=(
        *("started_at", "duration_seconds", "agent", "text", "language", "topic", "order_id"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_call,
    file_words=("call", "gesprek", "appel", "hívás", "anruf"),
    synonyms={
        "call_id": ("id", "call id", "callid", "gespreksnummer", "hívásazonosító"),
        "ended_at": ("ended", "end", "call end", "date", "einde", "fin", "vége"),
        "duration_seconds": ("duration", "seconds", "duur", "durée", "időtartam", "dauer"),
        "agent": ("agent", "operator", "medewerker", "ügyintéző"),
        "phone": ("caller", "caller number", "beller", "appelant", "hívó"),
        "text": ("notes", "note", "transcript", "notities", "jegyzet"),
    },
)

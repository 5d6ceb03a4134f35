"""Telephone calls, as a call centre logs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row
from rapport.vocabulary.touchpoint import CALL_ENDED, Touchpoint


def read_call(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one call."""
    (row,) = rows
    about = {
        "duration_seconds": row.number("duration_seconds"),
        "agent": row.text("agent"),
        "topic": row.text("topic"),
    }
    yield row.touchpoint(
        f"calls:{row.required('call_id')}",
        type=CALL_ENDED,
        channel="phone",
        occurred_at=row.required_moment("ended_at"),
        text=row.text("text"),
        language=row.language(),
        order_id=row.text("order_id"),
        properties=about,
    )


CONNECTOR = Connector(
    kind="calls",
    label="Telephone calls",
    required=("call_id", "ended_at"),
    optional=(
        *("duration_seconds", "agent", "text", "language", "topic", "order_id"),
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

"""What a mailing tool says became of its messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from rapport.collect.connector import Connector
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.touchpoint import (
    MESSAGE_BOUNCED,
    MESSAGE_CLICKED,
    MESSAGE_DELIVERED,
    MESSAGE_OPENED,
    MESSAGE_SENT,
    UNSUBSCRIBED,
    ConsentChange,
    Touchpoint,
)

_TYPES = {
    "sent": MESSAGE_SENT, "send": MESSAGE_SENT,
    "delivered": MESSAGE_DELIVERED, "delivery": MESSAGE_DELIVERED,
    "opened": MESSAGE_OPENED, "open": MESSAGE_OPENED,
    "clicked": MESSAGE_CLICKED, "click": MESSAGE_CLICKED,
    "bounced": MESSAGE_BOUNCED, "bounce": MESSAGE_BOUNCED,
    "unsubscribed": UNSUBSCRIBED, "unsubscribe": UNSUBSCRIBED, "unsub": UNSUBSCRIBED,
}  # fmt: skip


def read_message(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one event; to unsubscribe withdraws the consent of its channel.

    A message is opened more than once, and one letter may go to many: where the tool numbers its
    events, that number tells them apart, and `message_id` only what they are about.
    """
    (row,) = rows
    kind = _TYPES.get(row.required("event").casefold())
    if kind is None:
        raise RowError(
            "unknown_type", "`event` has a word that is not mapped; add it to [values.event]"
        )
    message_id = row.required("message_id")
    event_id = row.text("event_id") or f"{message_id}:{kind.rpartition(' ')[2].lower()}"
    touch = row.touchpoint(
        f"messages:{event_id}",
        type=kind,
        channel="email",
        occurred_at=row.required_moment("occurred_at"),
        message=message_id,
    )
    if kind == UNSUBSCRIBED:
        purpose = "sms_marketing" if touch.channel == "sms" else "email_marketing"
        withdrawn = ConsentChange(purpose=purpose, granted=False)
        touch = msgspec.structs.replace(touch, consents=(withdrawn,))
    yield touch


CONNECTOR = Connector(
    kind="messages",
    label="Messages sent, opened and clicked",
    required=("message_id", "occurred_at", "event"),
    optional=("event_id", *PERSON_FIELDS, *PLACE_FIELDS),
    read=read_message,
    file_words=("mail", "message", "event", "campaign"),
    synonyms={
        "message_id": ("event_id", "event id", "id", "message id"),
        "occurred_at": ("ts", "timestamp", "date", "time", "datum"),
        "event": ("event", "action", "event type", "gebeurtenis", "événement", "esemény"),
        "email": ("recipient", "to", "destinataire", "ontvanger", "címzett"),
    },
)

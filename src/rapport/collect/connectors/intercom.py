"""Conversations of Intercom, as its API and its exports write them (JSON)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rapport.collect.connector import Connector, FileAsIs, Record
from rapport.collect.help_desk import HelpTicket, Rating, Said, letter, ticket_touchpoints
from rapport.collect.html_text import html_to_text
from rapport.collect.json_records import an_object, json_objects, objects_in, plain, words
from rapport.collect.rows import Row, RowError
from rapport.collect.tables import BadRow
from rapport.vocabulary.touchpoint import Touchpoint

_CHANNELS = {
    "conversation": "chat", "push": "push", "email": "email", "facebook": "social",
    "twitter": "social", "instagram": "social", "whatsapp": "messaging", "sms": "sms",
    "phone_call": "phone", "phone_switch": "phone",
}  # fmt: skip
#: Parts of a conversation in which somebody says something to the other side.
_SPOKEN = frozenset({"comment", "open", "close", "quick_reply", "assign_and_reply"})
_PEOPLE = frozenset({"user", "lead", "contact"})


def _records(file: FileAsIs) -> Iterator[Record | BadRow]:
    for found in json_objects(file.content, file.name, ("conversations", "data"))():
        if isinstance(found, BadRow):
            yield found
            continue
        raw = found.raw
        yield Record(found.at, {"conversation": found.value}, lambda raw=raw: b"[" + raw + b"]")  # type: ignore[misc]


def _read(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    (row,) = rows
    return ticket_touchpoints(row, "intercom", _ticket(an_object(row.cell("conversation"))))


def _ticket(conversation: dict[str, Any]) -> HelpTicket:
    conversation_id = words(conversation.get("id"))
    if conversation_id is None:
        raise RowError("missing_field", "`id` of the conversation is empty")
    source = an_object(conversation.get("source")) or an_object(
        conversation.get("conversation_message")
    )
    parts = objects_in(_inner(conversation, "conversation_parts"))
    contact = _contact(conversation, source, parts)
    statistics = an_object(conversation.get("statistics"))
    closed = conversation.get("state") == "closed" or conversation.get("open") is False
    closes = [part.get("created_at") for part in parts if part.get("part_type") == "close"]
    resolved = (
        statistics.get("last_close_at")
        or next((at for at in reversed(closes) if at), None)
        or conversation.get("updated_at")
    )
    reply = statistics.get("time_to_admin_reply")
    ours = an_object(source.get("author")).get("type") not in _PEOPLE
    first = letter(source.get("body"), html=True)
    subject = conversation.get("title") or source.get("subject")
    return HelpTicket(
        ticket_id=conversation_id,
        opened_at=conversation.get("created_at"),
        subject=" ".join(html_to_text(subject).split()) if isinstance(subject, str) else None,
        text="" if ours else first,
        channel=_CHANNELS.get(words(source.get("type")) or "", "chat"),
        person=contact,
        said=_said(parts),
        resolved_at=resolved if closed else None,
        rating=_rating(conversation),
        reply_minutes=round(reply / 60, 2) if isinstance(reply, int | float) else None,
        about={
            "status": words(conversation.get("state")),
            "priority": words(conversation.get("priority")),
            "started_by": "agent" if ours else "customer",
            "sent_text": first[:5000] or None if ours else None,
            "reopens": plain(statistics.get("count_reopens")),
            "tags": [
                name
                for tag in objects_in(_inner(conversation, "tags"))
                if (name := words(tag.get("name")))
            ]
            or None,
        },
    )


def _inner(conversation: dict[str, Any], name: str) -> Any:
    """Intercom's lists are objects that hold a list of the same name."""
    value = conversation.get(name)
    return an_object(value).get(name) if isinstance(value, dict) else value


def _contact(
    conversation: dict[str, Any], source: dict[str, Any], parts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The person, from wherever in the conversation something is said of them."""
    contacts = objects_in(_inner(conversation, "contacts"))
    stated = contacts[0] if contacts else an_object(conversation.get("user"))
    authors = [an_object(source.get("author")), *(an_object(p.get("author")) for p in parts)]
    people = [author for author in authors if author.get("type") in _PEOPLE]
    contact_id = words(stated.get("id")) or next((words(a.get("id")) for a in people), None)
    mine = [stated, *(a for a in people if words(a.get("id")) in (contact_id, None))]

    def first(name: str) -> str | None:
        return next((known for one in mine if (known := words(one.get(name))) is not None), None)

    return {
        "user_id": contact_id,
        "customer_id": first("external_id") or first("user_id"),
        "email": first("email"),
        "phone": first("phone"),
        "name": first("name"),
    }


def _said(parts: Sequence[dict[str, Any]]) -> tuple[Said, ...]:
    said = []
    for number, part in enumerate(parts):
        text = letter(part.get("body"), html=True)
        if part.get("part_type") not in _SPOKEN or not text:
            continue
        author = an_object(part.get("author"))
        said.append(
            Said(
                message_id=words(part.get("id")) or f"part-{number}",
                said_at=part.get("created_at"),
                by_customer=author.get("type") in _PEOPLE,
                author=words(author.get("name")) or words(author.get("type")),
                text=text,
            )
        )
    return tuple(said)


def _rating(conversation: dict[str, Any]) -> Rating | None:
    rating = an_object(conversation.get("conversation_rating"))
    stated = rating.get("rating")
    if not isinstance(stated, int | float) or isinstance(stated, bool):
        return None
    if not 1 <= stated <= 5:
        raise RowError("score_out_of_range", "`conversation_rating.rating` is outside 1 to 5")
    return Rating(
        rating_id=words(rating.get("created_at")) or str(stated),
        score=float(stated),
        low=1.0,
        high=5.0,
        rated_at=rating.get("created_at") or conversation.get("updated_at"),
        comment=words(rating.get("remark")),
    )


_ITS_OWN = re.compile(
    rb'"(?:conversation_parts|conversation_rating|delivered_as|waiting_since|snoozed_until'
    rb'|conversation_message|first_contact_reply|admin_assignee_id)"\s*:'
)


def _recognises(head: bytes, _name: str) -> bool:
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"["):
        return False
    return len(set(_ITS_OWN.findall(head))) >= 2


CONNECTOR = Connector(
    kind="intercom",
    label="Intercom conversations (JSON)",
    required=(),
    optional=(),
    read=_read,
    records=_records,
    recognises=_recognises,
)
